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
    (0..4usize, inputs, any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(create, inputs, ephemeral, fails)| Plan {
        create,
        inputs,
        ephemeral,
        fails,
    })
}

#[derive(Default)]
struct Model {
    live: BTreeMap<UtxoId, Utxo>,
    dead: BTreeMap<UtxoId, u32>,
    serials: BTreeMap<ComponentHash, u64>,
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
        let mut effects = Effects::default();
        for (utxo, usage) in inputs {
            match usage {
                Use::Change => effects.changed.push(self.change(utxo)),
                Use::Consume => effects.consumed.push(self.consume(utxo)),
                Use::Read => effects.read.push(utxo),
            }
        }
        effects.created = (0..plan.create).map(|index| self.create(&transaction, index as u32)).collect();
        effects.ephemeral.extend(plan.ephemeral.then(|| Utxo::id(&chain(), &transaction.id(), plan.create as u32)));
        (transaction, Execution { calls, ..succeeded(effects) })
    }

    fn create(&mut self, transaction: &Transaction, index: u32) -> Created {
        self.states += 1;
        let made = Created { contract: contract((self.states % 2) as u8), ..created(transaction, index, self.states) };
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

    fn change(&mut self, id: UtxoId) -> Changed {
        self.states += 1;
        let utxo = self.live.get_mut(&id).unwrap();
        utxo.version += 1;
        utxo.content = content(self.states);
        Changed { utxo: id, content: utxo.content.clone() }
    }

    fn consume(&mut self, id: UtxoId) -> UtxoId {
        let utxo = self.live.remove(&id).unwrap();
        self.dead.insert(id, utxo.slot);
        id
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
            (slot, record.leaf(&ContractCounters { next_serial, tokens: BTreeMap::new() }))
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
        let previous = earlier.filter(had_effect).find(|earlier| row.utxo.is_some() && earlier.utxo == row.utxo);
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
        }
    }
}
