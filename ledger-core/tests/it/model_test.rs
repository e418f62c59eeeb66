//! Random chains against a model that keeps every UTXO in a map and computes every root from scratch.

use crate::naive;
use crate::support::*;
use ledger_core::*;
use proptest::prelude::*;
use proptest::sample::Index;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, UtxoId};
use std::collections::BTreeMap;

/// What a random transaction does; inputs are picked among the UTXOs that live.
#[derive(Debug, Clone)]
struct Plan {
    create: usize,
    mint: u32,
    inputs: Vec<(Index, Use)>,
    ephemeral: bool,
    fails: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Change,
    Consume,
    Read,
}

fn plan() -> impl Strategy<Value = Plan> {
    let usage = prop_oneof![Just(Use::Change), Just(Use::Consume), Just(Use::Read)];
    let inputs = prop::collection::vec((any::<Index>(), usage), 0..4);
    (0..4usize, 0..3u32, inputs, any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(create, mint, inputs, ephemeral, fails)| Plan { create, mint, inputs, ephemeral, fails })
}

#[derive(Default)]
struct Model {
    live: BTreeMap<UtxoId, Utxo>,
    dead: BTreeMap<UtxoId, u32>,
    serials: BTreeMap<ComponentHash, u64>,
    supply: TokenSupply,
    /// What became of tokens since this was last looked at.
    told: Vec<TokenChange>,
    next_slot: u32,
    states: u64,
    transactions: u64,
}

impl Model {
    /// Chooses what a transaction does, writes it into the model, and gives what an executor would say of it.
    fn execute(&mut self, plan: &Plan) -> (Transaction, Execution) {
        let mut inputs: BTreeMap<UtxoId, Use> = BTreeMap::new();
        let live: Vec<UtxoId> = self.live.keys().copied().collect();
        if !live.is_empty() {
            inputs.extend(plan.inputs.iter().map(|(place, usage)| (*place.get(&live), *usage)));
        }
        self.transactions += 1;
        let named: Vec<UtxoId> = inputs.keys().copied().collect();
        let transaction = transaction_on(1_000 + self.transactions, &named);
        let calls: Vec<Call> = [None].into_iter().chain(named.iter().map(|utxo| Some(*utxo))).map(call).collect();
        if plan.fails {
            return (transaction, Execution { calls, ..failed() });
        }
        // Minted tokens, those of what is consumed, and the first of what is changed, go to the first UTXO that is made;
        // if none is made they are burned.
        let minted_tokens = (0..plan.mint).map(|index| token(transaction.id(), index));
        let mut loose: Vec<(Option<UtxoId>, Token)> = minted_tokens.map(|token| (None, token)).collect();
        let mut effects = Effects { minted: minted(transaction.id(), plan.mint), ..Effects::default() };
        for (utxo, usage) in inputs {
            let left = match usage {
                Use::Change => {
                    let (changed, left) = self.change(utxo);
                    effects.changed.push(changed);
                    left
                }
                Use::Consume => {
                    effects.consumed.push(utxo);
                    self.consume(utxo)
                }
                Use::Read => {
                    effects.read.push(utxo);
                    Vec::new()
                }
            };
            loose.extend(left.into_iter().map(|token| (Some(utxo), token)));
        }
        let holder = (plan.create > 0).then(|| Utxo::id(&chain(), &transaction.id(), 0));
        self.tell(&loose, holder);
        let mut tokens: Vec<Token> = loose.into_iter().map(|(_, token)| token).collect();
        effects.created = (0..plan.create as u32)
            .map(|index| self.create(&transaction, index, std::mem::take(&mut tokens)))
            .collect();
        effects.ephemeral.extend(plan.ephemeral.then(|| Utxo::id(&chain(), &transaction.id(), plan.create as u32)));
        (transaction, Execution { calls, ..succeeded(effects) })
    }

    fn tell(&mut self, loose: &[(Option<UtxoId>, Token)], to: Option<UtxoId>) {
        for (from, token) in loose {
            self.told.push(token_change(token.id, *from, to));
            self.supply.minted += u64::from(from.is_none());
            self.supply.burned += u64::from(to.is_none());
        }
    }

    fn create(&mut self, transaction: &Transaction, index: u32, tokens: Vec<Token>) -> Created {
        self.states += 1;
        let content = UtxoContent { tokens, ..content(self.states) };
        let contract = contract((self.states % 2) as u8);
        let made = Created { contract, content, ..created(transaction, index, self.states) };
        let serial = self.serials.entry(made.contract).or_default();
        let utxo = Utxo {
            id: made.utxo,
            slot: self.next_slot,
            contract: made.contract,
            serial: *serial,
            type_name: made.type_name.clone(),
            version: 0,
            content: made.content.clone(),
        };
        *serial += 1;
        self.next_slot += 1;
        self.live.insert(utxo.id, utxo);
        made
    }

    /// Gives it another state, and takes its first token.
    fn change(&mut self, id: UtxoId) -> (Changed, Vec<Token>) {
        self.states += 1;
        let utxo = self.live.get_mut(&id).unwrap();
        utxo.version += 1;
        let mut tokens = std::mem::take(&mut utxo.content.tokens);
        let kept = tokens.split_off(tokens.len().min(1));
        utxo.content = UtxoContent { tokens: kept, ..content(self.states) };
        (Changed { utxo: id, content: utxo.content.clone() }, tokens)
    }

    /// Consumes it, and gives what it held.
    fn consume(&mut self, id: UtxoId) -> Vec<Token> {
        let utxo = self.live.remove(&id).unwrap();
        self.dead.insert(id, utxo.slot);
        utxo.content.tokens
    }

    fn root(&self) -> Digest {
        let living = self.live.values().map(|utxo| (utxo.slot, utxo.leaf()));
        let dead = self.dead.iter().map(|(id, slot)| (*slot, Utxo::tombstone(id)));
        naive::tree_root(&living.chain(dead).collect())
    }

    fn contracts_root(&self, state: &MemoryState) -> Digest {
        let leaf = |(slot, number): (u32, u8)| {
            let (record, _) = state.contract(&contract(number)).unwrap().unwrap();
            let next_serial = self.serials.get(&record.contract).copied().unwrap_or(0);
            let counted = number == 1 && self.supply != TokenSupply::default();
            let tokens = counted.then(|| ("coin".to_owned(), self.supply)).into_iter().collect();
            (slot, record.leaf(&ContractCounters { next_serial, tokens }))
        };
        naive::tree_root(&[(0, 0), (1, 1)].into_iter().map(leaf).collect())
    }
}

fn check_header(sealed: &SealedBlock, parent: &Header, model: &Model, state: &MemoryState) {
    let header = sealed.header();
    let receipts: Vec<Digest> = sealed.receipts().iter().map(Receipt::digest).collect();
    let ids: Vec<Digest> = sealed.block().transactions.iter().map(|transaction| *transaction.id().digest()).collect();
    let rows: Vec<Digest> = sealed.calls().iter().map(CallRow::digest).collect();
    let expected = Header {
        hash_version: 1,
        chain: chain(),
        profile: profile(),
        moment: moment(parent.moment.height + 1),
        parent: parent.id(),
        old_root: parent.new_root,
        new_root: model.root(),
        next_slot: model.next_slot,
        contracts_root: model.contracts_root(state),
        next_contract_slot: 2,
        transactions_root: naive::list_root(&ids),
        receipts_root: naive::list_root(&receipts),
        claims_root: naive::claims_root(&rows),
    };
    assert_eq!(header.difference(&expected), None);
    assert_eq!((header, sealed.id()), (&expected, expected.id()));
}

fn check_state(state: &MemoryState, model: &Model, root: &Digest) {
    for (id, utxo) in &model.live {
        assert_eq!(state.utxo(id).unwrap(), Some(UtxoStatus::Live(utxo.clone())));
        assert!(Opening::read(state, Tree::Utxos, utxo.slot).unwrap().verify(root, &utxo.leaf()));
    }
    for (id, slot) in &model.dead {
        assert!(matches!(state.utxo(id).unwrap(), Some(UtxoStatus::Consumed { slot: found, .. }) if found == *slot));
        assert!(Opening::read(state, Tree::Utxos, *slot).unwrap().verify(root, &Utxo::tombstone(id)));
    }
}

/// The call table by its rules: numbered from 1, in order, `previous` over what had effect.
fn check_rows(sealed: &SealedBlock) {
    for (place, row) in sealed.calls().iter().enumerate() {
        assert_eq!(row.timestamp as usize, place + 1);
        let earlier = sealed.calls()[..place].iter().rev();
        let had_effect = |earlier: &&CallRow| {
            earlier.transaction == row.transaction || sealed.receipts()[earlier.transaction as usize].outcome.is_ok()
        };
        let previous = earlier.filter(had_effect).find(|earlier| row.object.is_some() && earlier.object == row.object);
        assert_eq!(row.previous, previous.map_or(0, |row| row.timestamp));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sealed_blocks_are_what_a_model_computes(blocks in prop::collection::vec(prop::collection::vec(plan(), 0..8), 1..5)) {
        let (mut state, mut model) = (state(), Model::default());
        for plans in &blocks {
            let parent = state.tip().unwrap().unwrap();
            let executed: Vec<_> = plans.iter().map(|plan| model.execute(plan)).collect();
            let sealed = apply(&mut state, executed);
            check_header(&sealed, &parent, &model, &state);
            check_state(&state, &model, &sealed.header().new_root);
            check_rows(&sealed);
            let told: Vec<TokenChange> = sealed.receipts().iter().flat_map(|receipt| receipt.tokens.clone()).collect();
            prop_assert_eq!(told, std::mem::take(&mut model.told));
        }
    }
}
