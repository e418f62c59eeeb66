//! A node's chain over real sockets: a whole life of a UTXO, the WIT and the bytes, and hostile requests.

use crate::support::{LocalSource, RunningNode, genesis};
use ledger_core::{Canonical, FailureKind, Input, RootCall, RootStep, StepCall, TokenRef, Transaction, UtxoRef};
use ledger_runtime::chain::Committed;
use ledger_runtime::draft::{ContractTexts, Draft, DraftError, DraftOptions, Target, draft, draft_steps, results};
use ledger_runtime::limits::Limits;
use ledger_runtime::rpc::{ErrorCode, InvalidReason, LiveUtxo, NodeClient, NodeClientError, UtxoAnswer};
use ledger_runtime::utxo_name::UtxoName;
use ledger_runtime::value::{Reader, ValueLimits, Writer, decode_result, encode_parameters};
use ledger_runtime::wave::{ContractText, to_text};
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wasm_wave::value::Value;

/// A contract of the data set.
fn starstream(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/starstream/{name}/component.wasm"));
    std::fs::read(path).unwrap()
}

/// A contract that keeps its state itself.
pub(crate) fn adder() -> Vec<u8> {
    let wit = "package demo:adder; world adder { export get-storage: func() -> u64; export set-storage: func(storage: u64); \
               export add: func(n: u64) -> u64; export total: func() -> u64; }";
    let wat = r#"(module
        (global $total (mut i64) (i64.const 0))
        (func (export "get-storage") (result i64) global.get $total)
        (func (export "set-storage") (param i64) (global.set $total (local.get 0)))
        (func (export "add") (param i64) (result i64)
            (global.set $total (i64.add (global.get $total) (local.get 0)))
            global.get $total)
        (func (export "total") (result i64) global.get $total))"#;
    crate::build::component(wit, wat)
}

/// A node whose registry has contracts of the data set, none of them in its genesis.
struct Chain {
    node: RunningNode,
    client: NodeClient,
    nonce: AtomicU64,
    _data: tempfile::TempDir,
}

impl Chain {
    async fn with(contracts: &[&str]) -> (Self, Vec<ComponentHash>) {
        let data = tempfile::tempdir().unwrap();
        let source = LocalSource::with_examples();
        let hashes = contracts.iter().map(|name| source.add(starstream(name))).collect();
        source.add(adder());
        let node = RunningNode::with(data.path(), genesis(&[]), Limits::default(), Arc::new(source)).await.unwrap();
        let client = node.client();
        (Self { node, client, nonce: AtomicU64::new(0), _data: data }, hashes)
    }

    async fn draft(&self, target: Target, function: &str, arguments: &str) -> Result<Draft, DraftError> {
        self.draft_with(target, function, arguments, DraftOptions::default()).await
    }

    async fn draft_with(
        &self,
        target: Target,
        function: &str,
        arguments: &str,
        options: DraftOptions,
    ) -> Result<Draft, DraftError> {
        let options = DraftOptions { nonce: self.nonce.fetch_add(1, Ordering::SeqCst), ..options };
        draft(&mut ContractTexts::new(&self.client), &target, function, arguments, &options).await
    }

    async fn transact(&self, target: Target, function: &str, arguments: &str) -> Committed {
        let draft = self.draft(target, function, arguments).await.unwrap();
        self.client.submit(&draft.transaction).await.unwrap()
    }

    /// The result of a call that changes nothing, as text.
    async fn call(&self, target: Target, function: &str, arguments: &str) -> Option<String> {
        let draft = self.draft(target, function, arguments).await.unwrap();
        let simulated = self.client.simulate(&draft.transaction).await.unwrap();
        let result = simulated.receipt.outcome.unwrap();
        let ty = draft.calls[0].signature.result.as_ref();
        let value: Option<Value> = decode_result(ty, &result, &ValueLimits::default()).unwrap();
        value.as_ref().map(|value| to_text(value).unwrap())
    }

    async fn live(&self, utxo: UtxoId) -> LiveUtxo {
        match self.client.utxo(&UtxoName::Id(utxo)).await.unwrap() {
            UtxoAnswer::Live(live) => *live,
            UtxoAnswer::Consumed(consumed) => panic!("it was consumed in block {}", consumed.height),
        }
    }
}

fn refusal(error: NodeClientError) -> (ErrorCode, String) {
    let NodeClientError::Refused(refusal) = error else { panic!("{error}") };
    (refusal.code, refusal.message)
}

fn invalid(error: NodeClientError) -> InvalidReason {
    match refusal(error) {
        (ErrorCode::InvalidTransaction(reason), _) => reason,
        (code, message) => panic!("{code}: {message}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_lives_over_the_wire() {
    let (chain, hashes) = Chain::with(&["counter"]).await;
    let (client, counter) = (&chain.client, hashes[0]);
    let contract = Target::Contract(counter);

    // Nobody uses a contract before it is part of the chain.
    let early = chain.draft(contract, "create", "1").await.unwrap();
    assert_eq!(invalid(client.submit(&early.transaction).await.unwrap_err()), InvalidReason::UnknownContract);
    let deployed = client.deploy(&counter, None).await.unwrap();
    assert_eq!((deployed.height, deployed.index, deployed.receipt.deployed), (1, 0, Some(counter)));
    assert_eq!(invalid(client.deploy(&counter, None).await.unwrap_err()), InvalidReason::DeployedContract);
    let record = client.contract(&counter).await.unwrap();
    assert_eq!((record.record.gas_limit_max, record.counters.next_serial), (None, 0));

    let created = chain.transact(contract, "counter::start", "77").await;
    let utxo = created.receipt.created[0].utxo;
    assert_eq!((created.height, created.receipt.created[0].serial), (2, 0));
    let live = chain.live(utxo).await;
    assert_eq!((live.utxo.contract, live.utxo.type_name.as_str(), live.utxo.version), (counter, "counter", 0));
    let mut names: Vec<&str> = live.method_names.values().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["bump", "stop", "value"]);

    let target = Target::Utxo(UtxoName::Serial(counter, 0));
    let bumped = chain.transact(target, "bump", "5").await;
    assert_eq!(bumped.receipt.changed[0].utxo, utxo);
    assert_eq!(bumped.receipt.changed[0].version, chain.live(utxo).await.utxo.version);
    assert_eq!(chain.call(target, "value", "").await.unwrap(), "82");
    // A call leaves nothing behind.
    assert_eq!(chain.call(contract, "create-bumped", "1, 2").await.unwrap(), "5");
    assert_eq!(client.chain_status().await.unwrap().header.moment.height, 3);

    // One that fails is in a block, and changes nothing but that.
    let failed = chain.transact(contract, "use-after-stop", "1").await;
    assert_eq!(failed.receipt.outcome.unwrap_err().kind, FailureKind::Refused);
    assert!(failed.receipt.created.is_empty() && failed.receipt.events.is_empty());

    let stopped = chain.transact(Target::Utxo(UtxoName::Id(utxo)), "stop", "").await;
    assert_eq!(stopped.receipt.consumed[0].utxo, utxo);
    assert_eq!(stopped.receipt.events.len(), 1);
    assert_eq!(stopped.receipt.events[0].name, "stopped");
    assert!(matches!(
        client.utxo(&UtxoName::Serial(counter, 0)).await.unwrap(),
        UtxoAnswer::Consumed(consumed) if consumed.utxo == utxo && consumed.height == stopped.height
    ));
    assert!(matches!(
        chain.draft(target, "value", "").await.err().unwrap(),
        DraftError::Consumed { height, .. } if height == stopped.height
    ));

    let answer = client.transaction(&stopped.receipt.transaction).await.unwrap();
    assert_eq!((answer.height, answer.index, answer.block), (stopped.height, stopped.index, stopped.block));
    assert_eq!(answer.receipt, stopped.receipt);
    let block = client.block(Some(failed.height)).await.unwrap();
    assert_eq!(block.transactions[0].failure, Some(FailureKind::Refused));
    assert_eq!(block.id, failed.block);
    assert_eq!(client.block(None).await.unwrap().id, stopped.block);
    assert_eq!(client.block(Some(0)).await.unwrap().header.moment.height, 0);
    chain.node.stop().await;
}

/// Each reason for which a transaction can be in no block has its code.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_transactions_are_refused_with_the_reason() {
    let (chain, hashes) = Chain::with(&["counter", "escrow"]).await;
    let counter = hashes[0];
    for hash in &hashes {
        chain.client.deploy(hash, None).await.unwrap();
    }
    let created = chain.transact(Target::Contract(counter), "counter::start", "1").await;
    let utxo = created.receipt.created[0].utxo;
    let bump = chain.draft(Target::Utxo(UtxoName::Id(utxo)), "bump", "1").await.unwrap().transaction;
    let committed = chain.client.submit(&bump).await.unwrap();
    let height = committed.height;
    let fresh = chain.draft(Target::Utxo(UtxoName::Id(utxo)), "bump", "1").await.unwrap().transaction;
    let changed = |change: &dyn Fn(&mut Transaction)| {
        let mut transaction = fresh.clone();
        change(&mut transaction);
        transaction
    };
    let nobody = UtxoId::from_digest(*counter.digest());
    let unknown = ComponentHash::of(b"nothing");
    let cases = [
        (bump.clone(), InvalidReason::Repeated),
        (changed(&|transaction| transaction.inputs = bump.inputs.clone()), InvalidReason::StaleVersion),
        (changed(&|transaction| transaction.chain = "another".parse().unwrap()), InvalidReason::OtherChain),
        (changed(&|transaction| transaction.valid_until = height), InvalidReason::Expired),
        (changed(&|transaction| transaction.valid_from = height + 10), InvalidReason::TooEarly),
        (changed(&|transaction| transaction.gas_limit = u64::MAX), InvalidReason::GasLimitTooHigh),
        (
            changed(&|transaction| transaction.inputs.push(Input { utxo: nobody, version: None })),
            InvalidReason::UnknownUtxo,
        ),
        (changed(&|transaction| transaction.references = transaction.inputs.clone()), InvalidReason::RepeatedUtxo),
        (changed(&|transaction| transaction.inputs.clear()), InvalidReason::UndeclaredUtxo),
        (changed(&|transaction| transaction.arguments = vec![1, 2]), InvalidReason::BadCall),
        (changed(&|transaction| transaction.arguments.clear()), InvalidReason::BadCall),
        (
            changed(&|transaction| transaction.call = RootCall::Method { utxo, method: "nothing".to_owned() }),
            InvalidReason::BadCall,
        ),
        (
            changed(&|transaction| {
                transaction.call = RootCall::Function { contract: unknown, function: "create".to_owned() };
            }),
            InvalidReason::UnknownContract,
        ),
    ];
    for (transaction, reason) in cases {
        assert_eq!(invalid(chain.client.submit(&transaction).await.unwrap_err()), reason, "{transaction:?}");
        if reason != InvalidReason::Repeated {
            assert_eq!(invalid(chain.client.simulate(&transaction).await.unwrap_err()), reason, "{transaction:?}");
        }
    }
    // A method of a later phase.
    let opened = chain.transact(Target::Contract(hashes[1]), "escrow::open", "100").await;
    let escrow = Target::Utxo(UtxoName::Id(opened.receipt.created[0].utxo));
    let later = chain.draft(escrow, "take", "").await.unwrap().transaction;
    assert_eq!(invalid(chain.client.submit(&later).await.unwrap_err()), InvalidReason::NotCallable);
    // None of it made a block.
    assert_eq!(chain.client.chain_status().await.unwrap().header.moment.height, opened.height);
    // Whoever does not care for the version is not disturbed by a change.
    let latest = DraftOptions { takes_latest: true, ..DraftOptions::default() };
    let patient = chain.draft_with(Target::Utxo(UtxoName::Id(utxo)), "bump", "1", latest).await.unwrap();
    chain.transact(Target::Utxo(UtxoName::Id(utxo)), "bump", "1").await;
    assert!(chain.client.submit(&patient.transaction).await.unwrap().receipt.outcome.is_ok());
    // Whoever may only read fails if the contract changes something.
    let read_only = DraftOptions { is_read_only: true, ..DraftOptions::default() };
    let change = chain.draft_with(Target::Utxo(UtxoName::Id(utxo)), "bump", "1", read_only.clone()).await.unwrap();
    let failed = chain.client.submit(&change.transaction).await.unwrap();
    assert_eq!(failed.receipt.outcome.unwrap_err().kind, FailureKind::Refused);
    let look = chain.draft_with(Target::Utxo(UtxoName::Id(utxo)), "value", "", read_only).await.unwrap();
    assert_eq!(chain.client.submit(&look.transaction).await.unwrap().receipt.read, [utxo]);
    chain.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn utxos_are_arguments_and_are_listed_in_pages() {
    let (chain, hashes) = Chain::with(&["transfer", "counter"]).await;
    for hash in &hashes {
        chain.client.deploy(hash, None).await.unwrap();
    }
    let (transfer, counter) = (hashes[0], hashes[1]);
    let contract = Target::Contract(transfer);
    let opened = chain.transact(contract, "open-two", "100, 50").await;
    let [source, target] = [0, 1].map(|index: usize| opened.receipt.created[index].utxo);
    let send = format!("\"{transfer}#0\", \"{target}\", 30");
    let sent = chain.transact(contract, "send", &send).await;
    let changed: Vec<UtxoId> = sent.receipt.changed.iter().map(|changed| changed.utxo).collect();
    assert_eq!(changed, [source, target]);
    assert_eq!(chain.call(contract, "sum", &format!("\"{source}\", \"{transfer}#1\"")).await.unwrap(), "150");
    assert_eq!(chain.call(Target::Utxo(UtxoName::Serial(transfer, 1)), "get", "").await.unwrap(), "80");

    let references = vec![UtxoName::Serial(transfer, 0), UtxoName::Id(target)];
    let options = DraftOptions { references, ..DraftOptions::default() };
    let sum = chain.draft_with(contract, "sum", &format!("\"{source}\", \"{transfer}#1\""), options).await.unwrap();
    let named: Vec<UtxoId> = sum.transaction.references.iter().map(|reference| reference.utxo).collect();
    assert_eq!((sum.transaction.inputs.len(), named), (0, vec![source, target]));
    assert_eq!(chain.client.submit(&sum.transaction).await.unwrap().receipt.read, [source, target]);

    for (arguments, part) in [
        (format!("\"{transfer}#7\", \"{target}\", 30"), format!("the chain has no UTXO `{transfer}#7`")),
        ("\"x\", \"y\", 30".to_owned(), "`x` is not the id of a UTXO".to_owned()),
        ("7, 8, 30".to_owned(), "expected a UTXO in quotes".to_owned()),
    ] {
        let error = chain.draft(contract, "send", &arguments).await.err().unwrap();
        assert!(matches!(error, DraftError::Arguments { .. }), "{error}");
        assert!(error.to_string().starts_with("argument 1 (`source`): ") && error.to_string().contains(&part));
    }

    for first in 0..5 {
        chain.transact(Target::Contract(counter), "create", &first.to_string()).await;
    }
    chain.transact(Target::Utxo(UtxoName::Serial(counter, 2)), "stop", "").await;
    let (mut after, mut serials) = (None, Vec::new());
    loop {
        let page = chain.client.utxos(Some(&counter), after.as_ref(), 2).await.unwrap();
        assert!(page.utxos.len() <= 2);
        serials.extend(page.utxos.iter().map(|utxo| utxo.serial));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(serials, [0, 1, 3, 4]);
    assert_eq!(chain.client.utxos(None, None, 1000).await.unwrap().utxos.len(), 6);
    let after = UtxoName::Id(chain.client.utxos(Some(&counter), None, 1).await.unwrap().utxos[0].id);
    assert_eq!(chain.client.utxos(Some(&counter), Some(&after), 1).await.unwrap().utxos[0].serial, 1);
    chain.node.stop().await;
}

/// A plain contract is deployed and called like others; one that keeps its state itself makes UTXOs too.
#[tokio::test(flavor = "multi_thread")]
async fn plain_functions_are_transactions_too() {
    let (chain, _) = Chain::with(&[]).await;
    let arithmetic = ComponentHash::of(&crate::build::example("arithmetic"));
    // Who deploys first decides for all, so nobody can make a contract useless.
    for limit in [1, 9_999_999, 100_000_001] {
        let refused = chain.client.deploy(&arithmetic, Some(limit)).await.unwrap_err();
        assert_eq!(invalid(refused), InvalidReason::Deployment, "{limit}");
    }
    chain.client.deploy(&arithmetic, Some(20_000_000)).await.unwrap();
    assert_eq!(chain.client.contract(&arithmetic).await.unwrap().record.gas_limit_max, Some(20_000_000));
    let target = Target::Contract(arithmetic);
    let draft = chain.draft(target, "gcd", "1071, 462").await.unwrap();
    assert_eq!(draft.transaction.gas_limit, 10_000_000);
    let committed = chain.client.submit(&draft.transaction).await.unwrap();
    assert_eq!(committed.receipt.outcome.unwrap(), [21]);
    let more = DraftOptions { gas_limit: Some(20_000_001), ..DraftOptions::default() };
    let more = chain.draft_with(target, "gcd", "1071, 462", more).await.unwrap();
    assert_eq!(invalid(chain.client.submit(&more.transaction).await.unwrap_err()), InvalidReason::GasLimitTooHigh);
    chain.node.stop().await;
}

/// The interface of the chain as `wit/ledger-node` has it, for a client that knows nothing else.
fn wit() -> ContractText {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/ledger-node");
    let chain = std::fs::read_to_string(folder.join("chain.wit")).unwrap();
    let text = format!(
        "package test:client; world client {{ export ledger:node/chain@0.2.0; }} package ledger:node@0.2.0 {{ {chain} }}"
    );
    ContractText::parse(&text, "test:client/client").unwrap()
}

/// Calls a function of the chain with WAVE and gives the answer as WAVE: nothing but the WIT tells how.
async fn generic_call(node: &RunningNode, function: &str, arguments: &str) -> String {
    let wit = wit();
    let index = wit.interface().find(&format!("chain#{function}")).unwrap();
    let signature = wit.signature(&wit.interface().functions()[index].declaration).unwrap();
    let values = signature.parse_arguments(arguments).unwrap();
    let limits = ValueLimits { encoded_size_bytes_max: 4 << 20, ..ValueLimits::default() };
    let message = encode_parameters(&signature.parameters, &values, &limits).unwrap();
    let answer = exchange(node, function, &message).await;
    let value: Option<Value> = decode_result(signature.result.as_ref(), &answer, &limits).unwrap();
    to_text(&value.unwrap()).unwrap()
}

/// Sends a message in one frame, and gives the message that comes back.
async fn exchange(node: &RunningNode, function: &str, message: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(8 << 20);
    writer.byte(0).unwrap();
    writer.text("ledger:node/chain@0.2.0").unwrap();
    writer.text(function).unwrap();
    writer.byte(0).unwrap();
    writer.list_of_bytes(message).unwrap();
    let mut connection = TcpStream::connect(node.address).await.unwrap();
    // The node may refuse before it has read all of it.
    let _ = connection.write_all(&writer.into_bytes()).await;
    let _ = connection.shutdown().await;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.byte().unwrap(), 0);
    let message = reader.list_of_bytes().unwrap().to_vec();
    reader.finish().unwrap();
    message
}

fn bytes_text(bytes: &[u8]) -> String {
    let texts: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// All answers are what the WIT says, to the last byte.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_what_the_wit_says() {
    let (chain, hashes) = Chain::with(&["counter"]).await;
    let (node, counter) = (&chain.node, hashes[0]);
    let deployed = generic_call(node, "deploy", &format!("\"{counter}\", some(20000000)")).await;
    assert!(deployed.starts_with("ok({height: 1, ") && deployed.contains(&format!("deployed: some(\"{counter}\")")));
    let draft = chain.draft(Target::Contract(counter), "counter::start", "77").await.unwrap();
    let bytes = bytes_text(&draft.transaction.to_bytes());
    let simulated = generic_call(node, "simulate", &format!("{bytes}, false")).await;
    let submitted = generic_call(node, "submit", &bytes).await;
    assert!(simulated.starts_with("ok({height: 2, ") && submitted.starts_with("ok({height: 2, "), "{simulated}");
    // What was simulated is what happened.
    let receipt = |text: &str| text[text.find("receipt: ").unwrap()..].to_owned();
    assert_eq!(receipt(&simulated), receipt(&submitted));
    let utxo = generic_call(node, "utxo", &format!("\"{counter}#0\"")).await;
    for part in ["ok(live({id: \"p2:u", "type-name: \"counter\"", "name: some(\"bump\")", "version: 0", "deposit: 0"] {
        assert!(utxo.contains(part), "{part}: {utxo}");
    }
    chain.transact(Target::Utxo(UtxoName::Serial(counter, 0)), "stop", "").await;
    let consumed = generic_call(node, "utxo", &format!("\"{counter}#0\"")).await;
    assert!(consumed.contains("consumed({utxo: \"p2:u") && consumed.contains("height: 3"), "{consumed}");
    chain.transact(Target::Contract(counter), "create", "1").await;
    let listed = generic_call(node, "utxos", &format!("some(\"{counter}\"), none, 10")).await;
    assert!(listed.contains("serial: 1") && !listed.contains("next: "), "{listed}");
    let block = generic_call(node, "block", "some(3)").await;
    assert!(block.contains("height: 3, ") && !block.contains("failure: "), "{block}");
    let id = draft.transaction.id();
    let transaction = generic_call(node, "transaction", &format!("\"{id}\"")).await;
    assert!(transaction.contains(&format!("transaction: {bytes}")), "{transaction}");
    let contract = generic_call(node, "contract", &format!("\"{counter}\"")).await;
    assert!(contract.contains("gas-limit-max: some(20000000)") && contract.contains("next-serial: 2"), "{contract}");
    let status = generic_call(node, "status", "").await;
    assert!(status.contains("chain: \"test\"") && status.contains("height: 4"), "{status}");
    chain.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_found_as_the_wit_says() {
    let (chain, hashes) = Chain::with(&["counter", "coin"]).await;
    let (node, [counter, coin]) = (&chain.node, [hashes[0], hashes[1]]);
    for contract in hashes {
        chain.client.deploy(&contract, None).await.unwrap();
    }
    let steps = format!("t = {coin}.coin::mint(7)\nu = {counter}.counter::start(1)\nt.attach(u)\nu.value()");
    let options = DraftOptions { nonce: 7, ..DraftOptions::default() };
    let draft = draft_steps(&mut ContractTexts::new(&chain.client), &steps, &options).await.unwrap();
    let RootCall::Calls(sent) = &draft.transaction.call else { panic!("{:?}", draft.transaction.call) };
    let made = "made:0".to_owned().into_bytes();
    let attach = StepCall::TokenMethod { token: TokenRef::Minted(0), method: "attach".to_owned() };
    assert_eq!(sent[2], RootStep { call: attach, arguments: [vec![6], made].concat() });
    let value = StepCall::Method { utxo: UtxoRef::Made(0), method: "value".to_owned() };
    assert_eq!(sent[3], RootStep { call: value, arguments: Vec::new() });
    let receipt = chain.client.submit(&draft.transaction).await.unwrap().receipt;
    let outcome = receipt.outcome.unwrap();
    // Each step's result, the last one a number.
    let each = results(&draft.transaction.call, &outcome).unwrap();
    assert_eq!((each.len(), &each[2], &each[3]), (4, &Vec::new(), &vec![1]));
    let mut longer = outcome.clone();
    longer.push(0);
    assert!(results(&draft.transaction.call, &longer).is_err());
    assert!(results(&RootCall::Calls(Vec::new()), &outcome).is_err());

    let (token, holder) = (receipt.tokens[0].token, receipt.created[0].utxo);
    let held = generic_call(node, "token", &format!("\"{token}\"")).await;
    for part in
        [&format!("ok(held({{token: {{id: \"{token}\""), "type-name: \"coin\"", &format!("holder: \"{holder}\"")]
    {
        assert!(held.contains(part), "{part}: {held}");
    }
    for wanted in [format!("some(\"{coin}\"), some(\"coin\"), none, 10"), "none, none, none, 1".to_owned()] {
        let page = generic_call(node, "tokens", &wanted).await;
        assert!(page.contains(&format!("holder: \"{holder}\"")) && !page.contains("next: "), "{page}");
    }
    for wanted in [
        format!("some(\"{counter}\"), none, none, 10"),
        "none, some(\"note\"), none, 10".to_owned(),
        format!("none, none, some(\"{token}\"), 10"),
    ] {
        assert_eq!(generic_call(node, "tokens", &wanted).await, "ok({tokens: []})", "{wanted}");
    }
    let unknown = format!("p2:k{}", "0".repeat(64));
    for (function, wanted, code) in [
        ("token", format!("\"{unknown}\""), "not-found"),
        ("token", "\"p2:k00\"".to_owned(), "malformed-hash"),
        ("token", format!("\"{holder}\""), "malformed-hash"),
        ("tokens", format!("some(\"p2:c{}\"), none, none, 10", "0".repeat(64)), "not-found"),
        ("tokens", format!("none, none, some(\"{unknown}\"), 10"), "not-found"),
        ("tokens", "none, none, none, 0".to_owned(), "malformed-request"),
        ("tokens", "none, none, none, 1001".to_owned(), "malformed-request"),
    ] {
        let answer = generic_call(node, function, &wanted).await;
        assert!(answer.starts_with(&format!("err({{code: {code}, ")), "{function}({wanted}): {answer}");
    }
    chain.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_answered() {
    let (chain, hashes) = Chain::with(&["counter"]).await;
    chain.client.deploy(&hashes[0], None).await.unwrap();
    let valid = chain.draft(Target::Contract(hashes[0]), "create", "1").await.unwrap().transaction;
    let bytes = valid.to_bytes();
    let with_input = |utxo: [u8; 32]| {
        let mut transaction = valid.clone();
        transaction.inputs.push(Input { utxo: UtxoId::from_digest(*hashes[0].digest()), version: None });
        let id = *hashes[0].digest().as_bytes();
        let mut bytes = transaction.to_bytes();
        let at = bytes.windows(32).position(|window| window == id).unwrap();
        bytes[at..at + 32].copy_from_slice(&utxo);
        bytes
    };
    let huge_list = {
        // The length of the inputs stands behind the name of the chain and three numbers.
        let at = 4 + valid.chain.as_str().len() + 24;
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
        bytes
    };
    let other_name = {
        let mut bytes = bytes.clone();
        bytes[4] = b'A';
        bytes
    };
    for (bytes, what) in [
        (bytes[..bytes.len() - 1].to_vec(), "truncated"),
        ([bytes.as_slice(), &[0]].concat(), "trailing byte"),
        (Vec::new(), "empty"),
        (with_input([0xff; 32]), "a digest that is not canonical"),
        (huge_list, "a huge length"),
        (other_name, "no name of a chain"),
        (vec![0; 1 << 20], "a megabyte of zeros"),
    ] {
        for (function, rest) in [("submit", ""), ("simulate", ", false"), ("simulate", ", true")] {
            let arguments = bytes_text(&bytes) + rest;
            let answer = generic_call(&chain.node, function, &arguments).await;
            assert!(answer.starts_with("err({code: malformed-transaction, "), "{what}: {answer}");
        }
    }
    let text = |text: &str| {
        let mut writer = Writer::new(1 << 20);
        writer.text(text).unwrap();
        writer.into_bytes()
    };
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f].to_vec();
    for (function, message) in [
        ("submit", Vec::new()),
        ("submit", vec![5, 1, 2]),
        ("submit", huge.clone()),
        ("utxo", huge.clone()),
        ("utxo", [text("p2:u"), vec![0]].concat()),
        ("utxo", vec![2, 0xff, 0xfe]),
        ("utxos", vec![2]),
        ("utxos", vec![0, 0, 0x80, 0x00]),
        ("block", vec![1]),
        ("block", vec![1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]),
        ("deploy", text("p2:c")),
        ("transaction", huge),
    ] {
        let answer = exchange(&chain.node, function, &message).await;
        assert_eq!(answer[..2], [1, 0], "{function} {message:?}: malformed-request is the first code");
    }
    let (utxo, transaction) = (format!("p2:u{}", "0".repeat(64)), format!("p2:t{}", "0".repeat(64)));
    let unknown = ComponentHash::of(b"nothing");
    for (function, arguments, code) in [
        ("utxo", format!("\"{utxo}\""), "not-found"),
        ("utxo", format!("\"{}#0\"", hashes[0]), "not-found"),
        ("utxo", format!("\"{unknown}#0\""), "not-found"),
        ("utxo", "\"p2:u00\"".to_owned(), "malformed-hash"),
        ("utxo", format!("\"p2:u{}\"", "f".repeat(64)), "malformed-hash"),
        ("utxo", format!("\"{}#01\"", hashes[0]), "malformed-hash"),
        ("utxo", format!("\"{}\"", "x".repeat(100_000)), "malformed-hash"),
        ("utxos", "none, none, 0".to_owned(), "malformed-request"),
        ("utxos", "none, none, 1001".to_owned(), "malformed-request"),
        ("utxos", format!("none, some(\"{utxo}\"), 10"), "not-found"),
        ("utxos", "some(\"p2:w00\"), none, 10".to_owned(), "malformed-hash"),
        ("block", "some(18446744073709551615)".to_owned(), "not-found"),
        ("transaction", format!("\"{transaction}\""), "not-found"),
        ("transaction", format!("\"{utxo}\""), "malformed-hash"),
        ("contract", format!("\"{unknown}\""), "not-found"),
        ("deploy", format!("\"{unknown}\", none"), "unknown-contract"),
        ("deploy", "\"demo:counter\", none".to_owned(), "malformed-hash"),
    ] {
        let answer = generic_call(&chain.node, function, &arguments).await;
        assert!(answer.starts_with(&format!("err({{code: {code}, ")), "{function}({arguments}): {answer}");
    }
    // The node is as it was.
    assert!(transaction.parse::<TransactionId>().is_ok());
    let committed = chain.client.submit(&valid).await.unwrap();
    assert_eq!((committed.height, committed.receipt.outcome.is_ok()), (2, true));
    chain.node.stop().await;
}

/// The codes are numbered as in the WIT.
#[test]
fn error_codes_and_reasons_stand_in_the_wit_in_the_same_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/ledger-node");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let interface = resolve.packages[package].interfaces["chain"];
    let kind = |name: &str| &resolve.types[resolve.interfaces[interface].types[name]].kind;
    let wit_parser::TypeDefKind::Variant(codes) = kind("error-code") else { panic!() };
    let declared: Vec<&str> = codes.cases.iter().map(|case| case.name.as_str()).collect();
    let served: Vec<String> = ErrorCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(declared[..served.len()], served);
    assert_eq!(declared[served.len()..], ["invalid-transaction"]);
    let wit_parser::TypeDefKind::Enum(reasons) = kind("invalid-reason") else { panic!() };
    let declared: Vec<&str> = reasons.cases.iter().map(|case| case.name.as_str()).collect();
    let served: Vec<String> = InvalidReason::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(declared, served);
}
