//! Executors that say anything, and states that fail: a block holds only what fits, or nothing.

use crate::naive;
use crate::support::*;
use ledger_core::*;
use proptest::prelude::*;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
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

/// The claims as a transaction and its execution. A token is said to be what it was, or minted by the transaction.
fn said(nonce: u64, claims: &[Claim], state: &dyn State, ids: &[UtxoId]) -> (Transaction, Execution) {
    let lives = |id: &UtxoId| matches!(state.utxo(id), Ok(Some(UtxoStatus::Live(_))));
    let named = claims.iter().filter(|claim| !claim.careless).map(|claim| utxo(ids, claim.number)).filter(lives);
    let inputs: BTreeSet<UtxoId> = named.collect();
    let transaction = transaction_on(nonce, &inputs.iter().copied().collect::<Vec<_>>());
    let known: BTreeMap<u32, Token> = ids.iter().flat_map(|id| tokens_of(state, id)).collect();
    let of_number = |number: &usize| {
        known.get(&(*number as u32)).cloned().unwrap_or_else(|| token(transaction.id(), *number as u32))
    };
    let mut effects = Effects::default();
    for claim in claims {
        let made = (effects.created.len() + effects.ephemeral.len()) as u32;
        let id = match claim.fate {
            Fate::Created | Fate::Ephemeral if !claim.careless => Utxo::id(&chain(), &transaction.id(), made),
            _ => utxo(ids, claim.number),
        };
        let content = UtxoContent { tokens: claim.tokens.iter().map(of_number).collect(), ..content(nonce) };
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

/// The tokens that a UTXO holds, by their numbers.
fn tokens_of(state: &dyn State, id: &UtxoId) -> Vec<(u32, Token)> {
    match state.utxo(id).unwrap() {
        Some(UtxoStatus::Live(utxo)) => utxo.content.tokens.into_iter().map(|token| (token.index, token)).collect(),
        _ => Vec::new(),
    }
}

fn check_whole(state: &MemoryState, ids: &[UtxoId]) {
    let tip = state.tip().unwrap().unwrap();
    let (mut leaves, mut serials, mut tokens) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut held = 0;
    for id in ids {
        let (slot, leaf) = match state.utxo(id).unwrap() {
            None => continue,
            Some(UtxoStatus::Consumed { slot, .. }) => (slot, Utxo::tombstone(id)),
            Some(UtxoStatus::Live(utxo)) => {
                assert!(serials.insert((utxo.contract, utxo.serial)), "a serial twice");
                held += utxo.content.tokens.len();
                tokens.extend(utxo.content.tokens.iter().map(|token| (token.minted_by, token.index)));
                (utxo.slot, utxo.leaf())
            }
        };
        assert!(slot < tip.next_slot && leaves.insert(slot, leaf).is_none(), "a slot twice");
    }
    assert_eq!(leaves.len(), tip.next_slot as usize, "a slot that nothing has");
    assert_eq!(naive::tree_root(&leaves), tip.new_root);
    assert_eq!(tokens.len(), held, "a token in two places");
    let (_, counters) = state.contract(&contract(1)).unwrap().unwrap();
    let exist = counters.tokens.get("coin").map_or(0, |supply| supply.minted - supply.burned);
    assert_eq!(exist, held as u64, "the supply is what is held");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_an_executor_says_the_state_stays_whole(
        blocks in prop::collection::vec(prop::collection::vec(prop::collection::vec(claim(), 1..=3), 1..12), 1..4),
    ) {
        let mut state = state();
        let made: Vec<Created> = (0..UTXOS as u32 / 2).map(|index| created(&transaction(100), index, 1)).collect();
        let mut ids: Vec<UtxoId> = made.iter().map(|created| created.utxo).collect();
        let effects = Effects { created: made, ..Effects::default() };
        apply(&mut state, vec![(transaction(100), succeeded(effects))]);
        let mut nonce = 100;
        for transactions in blocks {
            let mut block = begin(&state);
            for claims in transactions {
                nonce += 1;
                let (transaction, execution) = said(nonce, &claims, block.state(), &ids);
                let before = block.receipts().len();
                let taken = match block.push(transaction, execution) {
                    Ok(receipt) => {
                        ids.extend(receipt.created.iter().map(|created| created.utxo));
                        true
                    }
                    Err(_) => false,
                };
                prop_assert_eq!(block.receipts().len(), before + usize::from(taken));
            }
            let sealed = block.seal().unwrap();
            state.apply(&sealed).unwrap();
            check_whole(&state, &ids);
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
