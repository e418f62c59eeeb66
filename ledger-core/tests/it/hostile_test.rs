//! Executors that say anything, and states that fail: a block holds only what fits, or nothing.

use crate::naive;
use crate::support::*;
use ledger_core::*;
use proptest::prelude::*;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an executor says about one UTXO, which it picks by number, whether it exists or not.
#[derive(Debug, Clone)]
struct Claim {
    number: usize,
    /// Before the claim is made, a UTXO that lives is put among the inputs; a careless executor does not do that.
    careless: bool,
    fate: Fate,
    contract: u8,
    tokens: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Created,
    Changed,
    Consumed,
    Ephemeral,
    Read,
}

/// UTXOs that claims are about, and tokens.
const UTXOS: usize = 8;
const TOKENS: usize = 6;

/// What an executor says about a transaction: about UTXOs, and how many coins it minted.
type Claims = (Vec<Claim>, u32);

fn claims() -> impl Strategy<Value = Claims> {
    (prop::collection::vec(claim(), 1..=3), 0..4u32)
}

fn claim() -> impl Strategy<Value = Claim> {
    let fate = prop_oneof![
        6 => Just(Fate::Created),
        6 => Just(Fate::Changed),
        2 => Just(Fate::Consumed),
        1 => Just(Fate::Ephemeral),
        2 => Just(Fate::Read),
    ];
    // The contracts 0 and 1 are deployed, and 2 is not.
    let contract = prop_oneof![20 => 0..2u8, 1 => Just(2u8)];
    let tokens = prop::collection::vec(0..TOKENS, 0..=2);
    (0..UTXOS, prop::bool::weighted(0.1), fate, contract, tokens)
        .prop_map(|(number, careless, fate, contract, tokens)| Claim { number, careless, fate, contract, tokens })
}

/// The UTXO of this number among those that ever were, or one that never was.
fn utxo(ids: &[UtxoId], number: usize) -> UtxoId {
    ids.get(number % UTXOS.max(ids.len())).copied().unwrap_or_else(|| UtxoId::from_digest(digest(number as u64)))
}

/// The claims as a transaction and its execution. A token is said to be one that an input held, or that the transaction
/// minted, and to be in one place; by who is careless, any that there is or was not minted, and in any place.
fn said(nonce: u64, (claims, mints): &Claims, state: &dyn State, ids: &[UtxoId]) -> (Transaction, Execution) {
    let lives = |id: &UtxoId| matches!(state.utxo(id), Ok(Some(UtxoStatus::Live(_))));
    let named = claims.iter().filter(|claim| !claim.careless).map(|claim| utxo(ids, claim.number)).filter(lives);
    let inputs: BTreeSet<UtxoId> = named.collect();
    let transaction = transaction_on(nonce, &inputs.iter().copied().collect::<Vec<_>>());
    let held: Vec<Token> = inputs.iter().flat_map(|id| tokens_of(state, id)).collect();
    let known: Vec<Token> = ids.iter().flat_map(|id| tokens_of(state, id)).collect();
    let of_number = |number: usize, known: &[Token], mints: u32| match known.get(number) {
        Some(token) => token.clone(),
        None => token(transaction.id(), (number - known.len()) as u32 % mints.max(1)),
    };
    let mut placed = BTreeSet::new();
    let minted = minted(transaction.id(), *mints);
    let mut effects = Effects { minted, ..Effects::default() };
    for claim in claims {
        let made = (effects.created.len() + effects.ephemeral.len()) as u32;
        let id = match claim.fate {
            Fate::Created | Fate::Ephemeral if !claim.careless => Utxo::id(&chain(), &transaction.id(), made),
            _ => utxo(ids, claim.number),
        };
        let mut tokens: Vec<Token> = if claim.careless {
            claim.tokens.iter().map(|number| of_number(*number, &known, mints + 1)).collect()
        } else {
            claim.tokens.iter().map(|number| of_number(*number, &held, *mints)).collect()
        };
        tokens.retain(|token| placed.insert(token.id) || claim.careless);
        let content = UtxoContent { tokens, ..content(nonce) };
        match claim.fate {
            Fate::Created => effects.created.push(Created {
                utxo: id,
                contract: contract(claim.contract),
                type_name: "counter".into(),
                content,
            }),
            Fate::Changed => effects.changed.push(Changed { utxo: id, content }),
            Fate::Consumed => effects.consumed.push(id),
            Fate::Ephemeral => effects.ephemeral.push(id),
            Fate::Read => effects.read.push(id),
        }
    }
    (transaction, succeeded(effects))
}

/// The tokens that a UTXO holds.
fn tokens_of(state: &dyn State, id: &UtxoId) -> Vec<Token> {
    match state.utxo(id).unwrap() {
        Some(UtxoStatus::Live(utxo)) => utxo.content.tokens,
        _ => Vec::new(),
    }
}

/// Follows what receipts tell of tokens: where each is, and how many were minted and burned.
#[derive(Default)]
struct Told {
    holders: BTreeMap<TokenId, UtxoId>,
    supply: TokenSupply,
}

impl Told {
    fn follow(&mut self, receipt: &Receipt) {
        for TokenChange { token, from, to, .. } in &receipt.tokens {
            assert_eq!(self.holders.remove(token), *from, "it was there");
            self.holders.extend(to.map(|holder| (*token, holder)));
            self.supply.minted += u64::from(from.is_none());
            self.supply.burned += u64::from(to.is_none());
        }
    }
}

fn check_whole(state: &MemoryState, ids: &[UtxoId], told: &Told) {
    let tip = state.tip().unwrap().unwrap();
    let (mut leaves, mut serials, mut holders) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let mut held = 0;
    for id in ids {
        let (slot, leaf) = match state.utxo(id).unwrap() {
            None => continue,
            Some(UtxoStatus::Consumed { slot, .. }) => (slot, Utxo::tombstone(id)),
            Some(UtxoStatus::Live(utxo)) => {
                assert!(serials.insert((utxo.contract, utxo.serial)), "a serial twice");
                held += utxo.content.tokens.len();
                holders.extend(utxo.content.tokens.iter().map(|token| (token.id, *id)));
                (utxo.slot, utxo.leaf())
            }
        };
        assert!(slot < tip.next_slot && leaves.insert(slot, leaf).is_none(), "a slot twice");
    }
    assert_eq!(leaves.len(), tip.next_slot as usize, "a slot that nothing has");
    assert_eq!(naive::tree_root(&leaves), tip.new_root);
    assert_eq!(holders.len(), held, "a token in two places");
    assert_eq!(holders, told.holders, "receipts tell of each way of a token");
    let (_, counters) = state.contract(&contract(1)).unwrap().unwrap();
    let supply = counters.tokens.get("coin").copied().unwrap_or_default();
    assert_eq!((supply, supply.minted - supply.burned), (told.supply, held as u64), "the supply is what is held");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_an_executor_says_the_state_stays_whole(
        blocks in prop::collection::vec(prop::collection::vec(claims(), 1..12), 1..4),
    ) {
        let mut state = state();
        let made: Vec<Created> = (0..UTXOS as u32 / 2).map(|index| created(&transaction(100), index, 1)).collect();
        let mut ids: Vec<UtxoId> = made.iter().map(|created| created.utxo).collect();
        let effects = Effects { created: made, ..Effects::default() };
        apply(&mut state, vec![(transaction(100), succeeded(effects))]);
        let (mut nonce, mut told) = (100, Told::default());
        for transactions in blocks {
            let mut block = begin(&state);
            for claims in transactions {
                nonce += 1;
                let (transaction, execution) = said(nonce, &claims, block.state(), &ids);
                let before = block.receipts().len();
                let taken = match block.push(transaction, execution) {
                    Ok(receipt) => {
                        ids.extend(receipt.created.iter().map(|created| created.utxo));
                        told.follow(receipt);
                        true
                    }
                    Err(_) => false,
                };
                prop_assert_eq!(block.receipts().len(), before + usize::from(taken));
            }
            let sealed = block.seal().unwrap();
            state.apply(&sealed).unwrap();
            check_whole(&state, &ids, &told);
        }
    }
}

/// A state whose reads fail after so many.
struct Failing<'a> {
    state: &'a MemoryState,
    reads_left: AtomicUsize,
}

impl Failing<'_> {
    fn read<T>(&self, read: impl FnOnce(&MemoryState) -> Result<T, StateError>) -> Result<T, StateError> {
        let left = self.reads_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| StateError::new("the disk is gone"))?;
        read(self.state)
    }
}

impl State for Failing<'_> {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        self.read(State::tip)
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        self.read(|state| state.utxo(id))
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        self.read(|state| state.contract(contract))
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        self.read(|state| state.transaction_height(transaction))
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        self.read(|state| state.node(tree, level, index))
    }
}

#[test]
fn a_state_that_fails_is_told_as_such_at_every_read() {
    let mut state = state();
    let making = transaction(50);
    let made: Vec<Created> = (0..2).map(|index| created(&making, index, 1)).collect();
    let ids = [made[0].utxo, made[1].utxo];
    apply(&mut state, vec![(making, succeeded(Effects { created: made, ..Effects::default() }))]);

    let seal = |state: &dyn State| -> Result<SealedBlock, SealError> {
        let mut block = BlockBuilder::begin(state, chain(), profile(), moment(2))?;
        let transaction = transaction_on(60, &ids);
        let effects = Effects {
            created: vec![created(&transaction, 0, 1)],
            changed: vec![changed(ids[0], 9)],
            consumed: vec![ids[1]],
            ..Effects::default()
        };
        block.push(transaction, succeeded(effects))?;
        let (transaction, deployment, admission) = deployment(2);
        block.push_deployment(transaction, 1, deployment, admission)?;
        block.seal()
    };
    let expected = seal(&state).unwrap();
    let mut reads = 0;
    let sealed = loop {
        match seal(&Failing { state: &state, reads_left: AtomicUsize::new(reads) }) {
            Err(SealError::State(error)) => {
                assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is gone");
            }
            Err(other) => panic!("another error: {other}"),
            Ok(sealed) => break sealed,
        }
        reads += 1;
    };
    assert_eq!(sealed, expected);
    assert!(reads > 64, "two trees were read: {reads}");
}
