//! A leaf says everything that decides what may happen next.

use crate::support::*;
use ledger_core::*;
use registry_core::hash::Digest;
use registry_core::id::{AccountId, PackageHash, ViewId};
use std::collections::{BTreeMap, BTreeSet};

fn utxo() -> Utxo {
    let minted_by = transaction(1).id();
    Utxo {
        id: Utxo::id(&chain(), &minted_by, 0),
        slot: 4,
        contract: contract(0),
        serial: 7,
        type_name: "counter".into(),
        version: 3,
        content: UtxoContent { tokens: vec![token(minted_by, 1), token(minted_by, 2)], ..content(5) },
    }
}

#[test]
fn a_leaf_is_another_if_anything_but_its_place_is() {
    let changes: Vec<fn(&mut Utxo)> = vec![
        |_| (),
        |utxo| utxo.id = Utxo::id(&chain(), &transaction(1).id(), 1),
        |utxo| utxo.id = Utxo::id(&chain(), &transaction(2).id(), 0),
        |utxo| utxo.id = Utxo::id(&"test-2".parse().unwrap(), &transaction(1).id(), 0),
        |utxo| utxo.contract = contract(1),
        |utxo| utxo.serial = 8,
        |utxo| utxo.serial = 7 << 32,
        |utxo| utxo.type_name = String::new(),
        |utxo| utxo.type_name = "counter2".into(),
        |utxo| utxo.version = 4,
        |utxo| utxo.version = 3 << 32,
        |utxo| utxo.content.state = Vec::new(),
        |utxo| utxo.content.state.push(0),
        |utxo| utxo.content.callable = Callable::All,
        |utxo| utxo.content.callable = Callable::Methods(BTreeSet::new()),
        |utxo| utxo.content.callable = Callable::Methods(BTreeSet::from([MethodId([8; 32])])),
        |utxo| utxo.content.callable = Callable::Methods(BTreeSet::from([MethodId([7; 32]), MethodId([8; 32])])),
        |utxo| utxo.content.tokens.clear(),
        |utxo| utxo.content.tokens.truncate(1),
        |utxo| utxo.content.tokens.reverse(),
        |utxo| utxo.content.tokens[0].id = token(transaction(2).id(), 1).id,
        |utxo| utxo.content.tokens[0].id = token(transaction(1).id(), 3).id,
        |utxo| utxo.content.tokens[0].contract = contract(0),
        |utxo| utxo.content.tokens[0].type_name = "gem".into(),
        |utxo| utxo.content.tokens[0].state = vec![6],
        |utxo| utxo.content.owner = Some(AccountId::from_digest(digest(1))),
        |utxo| utxo.content.owner = Some(AccountId::from_digest(digest(2))),
        |utxo| utxo.content.deposit = 1,
        |utxo| utxo.content.deposit = 1 << 32,
    ];
    let leaves: BTreeSet<Digest> = changes
        .iter()
        .map(|change| {
            let mut changed = utxo();
            change(&mut changed);
            changed.leaf()
        })
        .collect();
    assert_eq!(leaves.len(), changes.len());
    assert_eq!(Utxo { slot: 5, ..utxo() }.leaf(), utxo().leaf(), "its place is where it stands in the tree");
    assert!(!leaves.contains(&Utxo::tombstone(&utxo().id)) && !leaves.contains(&Digest::ZERO));
}

#[test]
fn a_contracts_leaf_is_another_if_anything_is() {
    let record = ContractRecord {
        contract: contract(0),
        view: ViewId::from_digest(digest(1)),
        packages: BTreeMap::from([("a:b@1.0.0".into(), PackageHash::from_digest(digest(2)))]),
        imports: BTreeMap::from([(contract(1).to_string(), contract(1))]),
        host_interface: HostInterfaceId(digest(3)),
        gas_limit_max: None,
        slot: 0,
    };
    let supply = TokenSupply { minted: 2, burned: 1 };
    let counters = ContractCounters { next_serial: 4, tokens: BTreeMap::from([("coin".into(), supply)]) };
    let changes: Vec<fn(&mut ContractRecord, &mut ContractCounters)> = vec![
        |_, _| (),
        |record, _| record.contract = contract(1),
        |record, _| record.view = ViewId::from_digest(digest(9)),
        |record, _| record.packages.clear(),
        |record, _| {
            record.packages.insert("a:c@1.0.0".into(), PackageHash::from_digest(digest(2)));
        },
        |record, _| {
            record.packages.insert("a:b@1.0.0".into(), PackageHash::from_digest(digest(9)));
        },
        |record, _| record.imports.clear(),
        |record, _| record.imports.values_mut().for_each(|imported| *imported = contract(2)),
        |record, _| {
            record.imports.insert(CONTRACT_0_SHA256.into(), contract(0));
        },
        |record, _| record.host_interface = HostInterfaceId(digest(9)),
        |record, _| record.gas_limit_max = Some(0),
        |record, _| record.slot = 1,
        |_, counters| counters.next_serial = 5,
        |_, counters| counters.tokens.clear(),
        |_, counters| {
            counters.tokens.insert("gem".into(), TokenSupply::default());
        },
        |_, counters| counters.tokens.values_mut().for_each(|supply| supply.minted = 3),
        |_, counters| counters.tokens.values_mut().for_each(|supply| supply.burned = 2),
    ];
    let leaves: BTreeSet<Digest> = changes
        .iter()
        .map(|change| {
            let (mut record, mut counters) = (record.clone(), counters.clone());
            change(&mut record, &mut counters);
            record.leaf(&counters)
        })
        .collect();
    assert_eq!(leaves.len(), changes.len());
}

#[test]
fn an_id_is_of_one_chain_one_transaction_and_one_place() {
    let chains: [ChainId; 3] = ["test-1", "test-2", "test-11"].map(|name| name.parse().unwrap());
    let mut ids = BTreeSet::new();
    for chain in &chains {
        for nonce in 0..3 {
            let transaction = transaction(nonce).id();
            ids.extend((0..5).map(|index| *Utxo::id(chain, &transaction, index).digest()));
            ids.extend((0..5).map(|index| *Token::id(chain, &transaction, index).digest()));
        }
    }
    assert_eq!(ids.len(), 3 * 3 * 5 * 2, "a UTXO and a token of one place have different ids");
}
