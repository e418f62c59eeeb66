//! The frozen vectors, which the second implementation checks too.
//!
//! They are made of the objects here; a difference means that something has got another hash. A new version of
//! docs/ledger.md has new vectors: `UPDATE_VECTORS=1 cargo test -p ledger-core --test it vectors` writes them.

use crate::support::*;
use ledger_core::*;
use registry_core::hash::Digest;
use registry_core::id::{AccountId, TokenId, TransactionId, UtxoId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn vectors_path() -> PathBuf {
    tests_folder().join("vectors/ledger.json")
}

fn second_implementation(vectors: &Path) -> Output {
    let program = tests_folder().join("second_implementation.py");
    let output = Command::new("python3").arg(program).arg(vectors).output();
    output.unwrap_or_else(|error| panic!("python3 is needed for this test: {error}"))
}

#[test]
fn every_object_has_the_hash_that_it_always_had() {
    let vectors = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(vectors_path(), &vectors).unwrap();
    }
    let frozen = std::fs::read_to_string(vectors_path()).unwrap();
    let different = frozen.lines().zip(vectors.lines()).find(|(frozen, now)| frozen != now);
    assert_eq!(different, None);
    assert_eq!(frozen.len(), vectors.len());
}

#[test]
fn the_second_implementation_agrees_on_every_vector() {
    let output = second_implementation(&vectors_path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_second_implementation_finds_a_changed_vector() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let frozen = std::fs::read_to_string(vectors_path()).unwrap();
    let places = [
        "/objects/0/hash",
        "/objects/0/encoding",
        "/objects/7/encoding",
        "/objects/9/hash",
        "/utxo_ids/0/id",
        "/token_ids/0/id",
        "/leaves/1/leaf",
        "/leaves/0/tombstone",
        "/trees/1/openings/0/siblings/5",
        "/trees/2/root",
        "/lists/3/root",
        "/lists/2/chain",
        "/chain/0/contracts/1/record",
        "/chain/1/receipts/0",
        "/chain/2/receipts/3",
        "/chain/2/rows/3",
        "/chain/2/utxos/0",
        "/chain/2/contracts/1/counters",
        "/chain/3/contracts/2/record",
        "/chain/1/block",
    ];
    for place in places {
        let mut changed: Value = serde_json::from_str(&frozen).unwrap();
        let text = changed.pointer_mut(place).unwrap_or_else(|| panic!("{place} is not there"));
        let hex = text.as_str().unwrap();
        // The last digit but one is that of a low half byte in the middle of an element, or of a number.
        let (head, tail) = hex.split_at(hex.len() - 2);
        let other = if tail.starts_with('0') { "1" } else { "0" };
        *text = Value::String(format!("{head}{other}{}", &tail[1..]));
        let path = folder.join("changed-vectors.json");
        std::fs::write(&path, changed.to_string()).unwrap();
        let output = second_implementation(&path);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && told.starts_with("error: "), "{place}: {told}");
    }
}

#[test]
fn the_specification_has_the_empty_roots() {
    let text = include_str!("../../../docs/ledger.md");
    for root in [empty_root(), list_root(&[])] {
        assert!(text.contains(&format!("\n`{}`\n", root.to_hex())), "{root:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoding(object: &impl Canonical) -> String {
    hex(&object.to_bytes())
}

fn vectors() -> Value {
    let chain = chain_vectors();
    json!({
        "objects": object_vectors(),
        "utxo_ids": id_vectors(|chain, transaction, index| *Utxo::id(chain, transaction, index).digest()),
        "token_ids": id_vectors(|chain, transaction, index| *Token::id(chain, transaction, index).digest()),
        "leaves": leaf_vectors(),
        "trees": tree_vectors(),
        "lists": list_vectors(),
        "chain": chain,
    })
}

fn object_vectors() -> Vec<Value> {
    let utxo = Utxo::id(&chain(), &transaction(1).id(), 0);
    let input = |version| Input { utxo, version };
    let of_call = |call| Transaction { call, ..transaction(2) };
    let held = token(transaction(1).id(), 2).id;
    let main = RootCall::Main { contract: contract(0), type_name: "test:api/counter".into(), main: "start".into() };
    let transactions = [
        ("a script's call", transaction(1)),
        (
            "a transaction with inputs",
            Transaction { inputs: vec![input(Some(u64::MAX))], references: vec![input(None)], ..transaction(1) },
        ),
        ("a main's call", of_call(main)),
        (
            "a method's call",
            Transaction { inputs: vec![input(None)], ..of_call(RootCall::Method { utxo, method: "bump".into() }) },
        ),
        ("a deployment", deployment(0).0),
        ("a deployment with a gas limit", deployment(1).0),
        (
            "a transaction of great numbers",
            Transaction { nonce: u64::MAX, gas_limit: u64::MAX, valid_from: 1 << 40, ..transaction(0) },
        ),
        ("a transaction of several calls", steps(3, &[utxo], steps_of_every_kind(utxo, held))),
    ];
    let row = CallRow {
        transaction: 1,
        timestamp: 2,
        previous: 1,
        object: Some(ObjectId::Utxo(utxo)),
        contract: contract(0),
        function: "bump".into(),
        input: CallRow::values(&[1]),
        old_state: CallRow::state(&[2]),
        output: CallRow::values(&[3]),
        new_state: CallRow::state(&[4]),
        gas: 5,
        host: CallRow::host(&[6]),
        end: CallEnd::Yielded,
    };
    let mut vectors: Vec<Value> =
        transactions.iter().map(|(name, object)| vector("transaction", name, object, object.id().digest())).collect();
    vectors.push(vector("row", "a row", &row, &row.digest()));
    let of_token = CallRow { object: Some(ObjectId::Token(held)), end: CallEnd::Consumed, ..row.clone() };
    vectors.push(vector("row", "a row of a token", &of_token, &of_token.digest()));
    let script = CallRow { object: None, previous: 0, end: CallEnd::Failed, output: Digest::ZERO, ..row };
    vectors.push(vector("row", "a row of a script", &script, &script.digest()));
    for kind in
        [FailureKind::OutOfGas, FailureKind::Trap, FailureKind::Refused, FailureKind::Effect, FailureKind::Limit]
    {
        let receipt = failed_receipt(Failure { frames: frames(utxo, held), ..Failure::new(kind, "why") });
        vectors.push(vector("receipt", &format!("a failure: {kind}"), &receipt, &receipt.digest()));
    }
    vectors
}

fn failed_receipt(failure: Failure) -> Receipt {
    Receipt {
        transaction: transaction(1).id(),
        outcome: Err(failure),
        gas_used: 1 << 33,
        created: Vec::new(),
        changed: Vec::new(),
        consumed: Vec::new(),
        ephemeral: Vec::new(),
        read: Vec::new(),
        deployed: None,
        tokens: Vec::new(),
        events: Vec::new(),
    }
}

/// A token's call in a UTXO's call in a script.
fn frames(utxo: UtxoId, token: TokenId) -> Vec<FailureFrame> {
    let frame = |number: u8, object: Option<(ObjectId, &str)>, function: &str| FailureFrame {
        contract: contract(number),
        object: object.map(|(id, type_name)| FailureObject { id, type_name: type_name.into() }),
        function: function.into(),
    };
    vec![
        frame(1, Some((ObjectId::Token(token), "coin")), "attach"),
        frame(0, Some((ObjectId::Utxo(utxo), "counter")), "take"),
        frame(0, None, "starstream:effects/oracle#price"),
    ]
}

fn vector(kind: &str, name: &str, object: &impl Canonical, hash: &Digest) -> Value {
    json!({ "type": kind, "name": name, "encoding": encoding(object), "hash": hash.to_hex() })
}

fn id_vectors(id: fn(&ChainId, &TransactionId, u32) -> Digest) -> Vec<Value> {
    let longest = "z".repeat(64);
    let places = [("test-1", 0), ("test-1", 1), ("test-1", u32::MAX), ("a", 0), (&longest, 7)];
    let of = |(name, index): (&str, u32)| {
        let transaction = transaction(index.into()).id();
        let id = id(&name.parse().unwrap(), &transaction, index);
        json!({ "chain": name, "transaction": transaction.digest().to_hex(), "index": index, "id": id.to_hex() })
    };
    places.into_iter().map(of).collect()
}

fn leaf_vectors() -> Vec<Value> {
    let minted_by = transaction(1).id();
    let plain = Utxo {
        id: Utxo::id(&chain(), &minted_by, 0),
        slot: 0,
        contract: contract(0),
        serial: 0,
        type_name: String::new(),
        version: 0,
        content: UtxoContent { state: Vec::new(), callable: Callable::All, ..content(0) },
    };
    let methods = [[9; 32], [1; 32], [5; 32]].map(MethodId).into();
    let full = UtxoContent {
        state: (0..=255).cycle().take(3_000).collect(),
        callable: Callable::Methods(methods),
        tokens: vec![token(minted_by, 3), token(transaction(2).id(), 0)],
        owner: Some(AccountId::from_digest(digest(4))),
        deposit: u64::MAX,
    };
    let rich = Utxo {
        serial: u64::MAX,
        type_name: "test:api/counter".into(),
        version: 1 << 33,
        content: full,
        ..plain.clone()
    };
    let of = |utxo: &Utxo| {
        let (leaf, tombstone) = (utxo.leaf().to_hex(), Utxo::tombstone(&utxo.id).to_hex());
        json!({ "utxo": encoding(utxo), "leaf": leaf, "tombstone": tombstone })
    };
    [plain, rich].iter().map(of).collect()
}

fn tree_vectors() -> Vec<Value> {
    let trees: [&[u32]; 4] = [&[], &[0], &[0, 1, 2, 6, 7], &[5, 1 << 31, u32::MAX - 1, u32::MAX]];
    let of = |slots: &&[u32]| {
        let leaves: BTreeMap<u32, Digest> = slots.iter().map(|slot| (*slot, digest((*slot).into()))).collect();
        let mut state = MemoryState::default();
        let update = TreeUpdate::compute(&state, Tree::Utxos, &leaves).unwrap();
        state.write_nodes(Tree::Utxos, &update.nodes);
        let openings = [0, 3, 1 << 31, u32::MAX].map(|slot| {
            let opening = Opening::read(&state, Tree::Utxos, slot).unwrap();
            json!({ "slot": slot, "siblings": opening.siblings.map(|sibling| sibling.to_hex()) })
        });
        let leaves: BTreeMap<u32, String> = leaves.iter().map(|(slot, leaf)| (*slot, leaf.to_hex())).collect();
        json!({ "leaves": leaves, "root": update.root.to_hex(), "openings": openings })
    };
    trees.iter().map(of).collect()
}

fn list_vectors() -> Vec<Value> {
    let of = |count: u64| {
        let digests: Vec<Digest> = (0..count).map(digest).collect();
        let root = list_root(&digests).to_hex();
        let chain = chain_root(digests.iter().copied()).to_hex();
        let digests: Vec<String> = digests.iter().map(Digest::to_hex).collect();
        json!({ "digests": digests, "root": root, "chain": chain })
    };
    [0, 1, 2, 3, 4, 7].map(of).into()
}

/// A genesis with two contracts, and blocks in which everything happens that can happen to a UTXO and a token, and
/// another contract is deployed.
fn chain_vectors() -> Vec<Value> {
    let mut state = MemoryState::default();
    let mut known = BTreeMap::new();
    let genesis = genesis();
    state.apply(&genesis).unwrap();
    let mut vectors = vec![block_vector(&genesis, &state, &mut known)];

    let making = transaction_on(50, &[]);
    let made: Vec<Created> = (0..3).map(|index| created(&making, index, index.into())).collect();
    let [a, b, c] = [0, 1, 2].map(|index: usize| made[index].utxo);
    let sealed = apply(
        &mut state,
        vec![(making, with_calls(&[None], succeeded(Effects { created: made, ..Effects::default() })))],
    );
    vectors.push(block_vector(&sealed, &state, &mut known));

    let sealed = apply(&mut state, eventful(a, b, c));
    vectors.push(block_vector(&sealed, &state, &mut known));
    let sealed = deploying(&state);
    state.apply(&sealed).unwrap();
    vectors.push(block_vector(&sealed, &state, &mut known));
    let sealed = apply(&mut state, Vec::new());
    vectors.push(block_vector(&sealed, &state, &mut known));
    vectors
}

fn eventful(a: UtxoId, b: UtxoId, c: UtxoId) -> Vec<(Transaction, Execution)> {
    let changing = Transaction { references: vec![Input { utxo: c, version: Some(0) }], ..transaction_on(60, &[a, b]) };
    let [first, second, third] = [0, 1, 2].map(|index| token(changing.id(), index));
    let utxo = |utxo| Some(ObjectId::Utxo(utxo));
    let coin = |token: &Token| Some(ObjectId::Token(token.id));
    let event = |object| Event {
        contract: contract(0),
        object,
        interface: "test:api/events@0.2.0".into(),
        name: "stopped".into(),
        arguments: vec![1],
    };
    let owner = Some(AccountId::from_digest(digest(4)));
    let tokens = vec![first.clone(), second.clone()];
    let content = UtxoContent { tokens, owner, deposit: 9, callable: Callable::All, ..content(7) };
    let effects = Effects {
        result: vec![1, 2, 3],
        created: vec![Created { contract: contract(1), type_name: String::new(), ..created(&changing, 1, 8) }],
        changed: vec![Changed { utxo: a, content }],
        consumed: vec![b],
        ephemeral: vec![Utxo::id(&chain(), &changing.id(), 0)],
        read: vec![c],
        minted: minted(changing.id(), 3),
        events: vec![event(utxo(a)), event(coin(&third)), event(None)],
    };
    let failing = transaction_on(61, &[a, c]);
    let failure = Failure { frames: frames(a, first.id), ..Failure::new(FailureKind::Refused, "it is bound") };
    let failure = Execution { outcome: Outcome::Failed(failure), ..failed() };
    let burning = Effects { changed: vec![holding(a, 9, std::slice::from_ref(&second))], ..Effects::default() };
    let (moving, moved) = step_by_step(a, c, &second);
    vec![
        (changing, with_calls(&[utxo(a), coin(&first), coin(&third), utxo(b), utxo(a), None], succeeded(effects))),
        (failing, with_calls(&[utxo(a), coin(&first), utxo(c), None], failure)),
        (transaction_on(62, &[a]), with_calls(&[coin(&first), utxo(a), None], succeeded(burning))),
        (moving, moved),
    ]
}

/// A transaction of several calls, which consumes `a` and gives its token to `c`, with one that it mints itself.
fn step_by_step(a: UtxoId, c: UtxoId, held: &Token) -> (Transaction, Execution) {
    let detach = StepCall::TokenMethod { token: TokenRef::Kept(held.id), method: "detach".into() };
    let attach = |token| StepCall::TokenMethod { token, method: "attach".into() };
    let finish = StepCall::Method { utxo: UtxoRef::Kept(a), method: "finish".into() };
    let mint = StepCall::Mint { contract: contract(1), type_name: "coin".into(), function: "mint".into() };
    let calls = vec![detach, finish, mint, attach(TokenRef::Minted(0)), attach(TokenRef::Kept(held.id))];
    let called = [ObjectId::Token(held.id), ObjectId::Utxo(a)];
    let transaction = steps(63, &[a, c], calls);
    let new = token(transaction.id(), 0);
    let called = called.into_iter().chain([&new, &new, held].map(|token| ObjectId::Token(token.id)));
    let called: Vec<_> = called.map(Some).collect();
    let effects = Effects {
        result: vec![5, 0, 0, 0, 0, 0],
        changed: vec![holding(c, 3, &[new, held.clone()])],
        consumed: vec![a],
        minted: minted(transaction.id(), 1),
        ..Effects::default()
    };
    (transaction, with_calls(&called, succeeded(effects)))
}

/// A contract that imports both others is deployed, and called in the same block.
fn deploying(state: &MemoryState) -> SealedBlock {
    let (transaction, deployment, admission) = deployment(2);
    let imports = [(CONTRACT_0_SHA256.to_owned(), contract(0)), (contract(1).to_string(), contract(1))].into();
    let mut block = begin(state);
    block.push_deployment(transaction, 50, Deployment { imports, ..deployment }, admission).unwrap();
    let making = transaction_on(70, &[]);
    let made = Created { contract: contract(2), ..created(&making, 0, 1) };
    let calls = [Some(ObjectId::Utxo(made.utxo)), None];
    let effects = Effects { created: vec![made], ..Effects::default() };
    block.push(making, with_calls(&calls, succeeded(effects))).unwrap();
    block.seal().unwrap()
}

fn with_calls(objects: &[Option<ObjectId>], execution: Execution) -> Execution {
    Execution { calls: objects.iter().map(|object| call_of(*object)).collect(), ..execution }
}

/// A block with all that the state has after it.
fn block_vector(sealed: &SealedBlock, state: &MemoryState, known: &mut BTreeMap<UtxoId, UtxoStatus>) -> Value {
    known.extend(sealed.utxos().clone());
    let live = known.values().filter_map(|status| match status {
        UtxoStatus::Live(utxo) => Some(encoding(utxo)),
        UtxoStatus::Consumed { .. } => None,
    });
    let consumed = known.iter().filter_map(|(id, status)| match status {
        UtxoStatus::Consumed { slot, .. } => Some(json!({ "utxo": id.digest().to_hex(), "slot": slot })),
        UtxoStatus::Live(_) => None,
    });
    let contracts: Vec<Value> = (0..3)
        .filter_map(|number| state.contract(&contract(number)).unwrap())
        .map(|(record, counters)| json!({ "record": encoding(&record), "counters": encoding(&counters) }))
        .collect();
    json!({
        "id": sealed.id().digest().to_hex(),
        "block": encoding(sealed.block()),
        "receipts": sealed.receipts().iter().map(encoding).collect::<Vec<_>>(),
        "rows": sealed.calls().iter().map(encoding).collect::<Vec<_>>(),
        "utxos": live.collect::<Vec<_>>(),
        "consumed": consumed.collect::<Vec<_>>(),
        "contracts": contracts,
    })
}
