//! Nodes with a real registry: genesis, restart, contracts from elsewhere, and a registry that is gone or lies.

use crate::build;
use crate::support::{LocalSource, RunningNode, RunningRegistry, genesis};
use futures::future::BoxFuture;
use ledger_runtime::chain::{BlockProduction, ChainError};
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::node::{Node, NodeConfig, StartError};
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::rpc::{ErrorCode, NodeClientError};
use ledger_runtime::source::{ContractSource, SourceError};
use ledger_runtime::store::StorageError;
use registry_client::FetchedComponent;
use registry_core::id::ComponentHash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn code(error: &NodeClientError) -> ErrorCode {
    let NodeClientError::Refused(refusal) = error else { panic!("{error}") };
    refusal.code
}

fn unknown() -> ComponentHash {
    ComponentHash::of(b"nobody published this")
}

async fn start_error(data: &std::path::Path, genesis: Genesis, source: Arc<dyn ContractSource>) -> StartError {
    match RunningNode::with(data, genesis, Limits::default(), source).await {
        Ok(_) => panic!("the node started"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_is_fetched_once_and_then_kept() {
    let (registry, hashes) = RunningRegistry::with_examples(&["arithmetic", "shop", "counter"]).await;
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &hashes, Arc::new(registry.client())).await.unwrap();
    let outcome = node.client().call(&hashes[0], "gcd", vec![12, 18], None).await.unwrap();
    assert_eq!(outcome.result, [6]);
    let status = node.client().status().await.unwrap();
    let mut expected: Vec<String> = hashes.iter().map(ToString::to_string).collect();
    expected.sort_unstable();
    assert_eq!(status.contracts, expected);

    // The registry goes away while the node runs.
    let registry_client = registry.client();
    registry.stop().await;
    assert_eq!(node.client().call(&hashes[0], "gcd", vec![7, 21], None).await.unwrap().result, [7]);
    let error = node.client().call(&unknown(), "gcd", vec![], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::RegistryUnavailable);
    assert!(node.client().status().await.is_ok());
    node.stop().await;

    // A restart needs no registry.
    let node = RunningNode::start(data.path(), &hashes, Arc::new(registry_client)).await.unwrap();
    assert_eq!(node.client().call(&hashes[0], "gcd", vec![9, 6], None).await.unwrap().result, [3]);
    assert_eq!(node.client().call(&hashes[2], "counters#clamp", vec![5], None).await.unwrap().result, [5]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_outside_the_genesis_are_fetched_and_not_kept() {
    let (registry, hashes) = RunningRegistry::with_examples(&["arithmetic", "shop"]).await;
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &hashes[1..], Arc::new(registry.client())).await.unwrap();
    assert_eq!(node.client().call(&hashes[0], "gcd", vec![12, 18], None).await.unwrap().result, [6]);
    let error = node.client().call(&unknown(), "gcd", vec![], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::UnknownContract);
    // The node goes on, and what was published meanwhile is found soon.
    let endless = ComponentHash::of(&build::example("endless"));
    let error = node.client().call(&endless, "run", vec![], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::UnknownContract);
    registry.publish(build::example("endless")).await;
    tokio::time::sleep(Limits::default().refusal_kept_max + Duration::from_millis(100)).await;
    assert!(!node.client().call(&endless, "run", vec![], Some(100_000)).await.unwrap().valid);
    node.stop().await;

    let registry_client = registry.client();
    registry.stop().await;
    let node = RunningNode::start(data.path(), &hashes[1..], Arc::new(registry_client)).await.unwrap();
    let error = node.client().call(&hashes[0], "gcd", vec![12, 18], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::RegistryUnavailable);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_that_cannot_be_used_stops_the_start_with_all_reasons() {
    let (registry, mut hashes) = RunningRegistry::with_examples(&["arithmetic", "foreign-import"]).await;
    hashes.push(unknown());
    let data = tempfile::tempdir().unwrap();
    let error = start_error(data.path(), genesis(&hashes), Arc::new(registry.client())).await;
    let StartError::Chain(ChainError::Contracts { total: 3, errors }) = &error else { panic!("{error}") };
    assert_eq!(errors.len(), 2);
    let text = error.to_string();
    assert!(text.starts_with("2 of 3 contracts of the genesis cannot be used:"), "{text}");
    assert!(text.contains("`demo:clock/wall@0.1.0` (it holds the function `now`)"), "{text}");
    assert!(text.contains(&format!("the registry has no component {}", unknown())), "{text}");

    // Nothing was kept: a genesis without the two can begin here.
    let node = RunningNode::start(data.path(), &hashes[..1], Arc::new(registry.client())).await.unwrap();
    node.stop().await;

    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_a_new_chain_cannot_begin() {
    let (registry, hashes) = RunningRegistry::with_examples(&["arithmetic"]).await;
    let client = registry.client();
    registry.stop().await;
    let data = tempfile::tempdir().unwrap();
    let error = start_error(data.path(), genesis(&hashes), Arc::new(client)).await;
    assert!(error.to_string().contains("the registry cannot be used"), "{error}");
    assert!(error.hint().unwrap().contains("start the registry"));
}

#[tokio::test]
async fn data_of_another_chain_are_refused() {
    let source = Arc::new(LocalSource::with_examples());
    let hash = |name| ComponentHash::of(&build::example(name));
    let data = tempfile::tempdir().unwrap();
    let contracts = [hash("arithmetic"), hash("shop")];
    RunningNode::start(data.path(), &contracts, source.clone()).await.unwrap().stop().await;

    let error = start_error(data.path(), genesis(&[hash("arithmetic"), hash("counter")]), source.clone()).await;
    let expected = format!("only it has {}; it lacks {}", hash("shop"), hash("counter"));
    assert!(error.to_string().ends_with(&expected), "{error}");
    let other = Genesis::new("other", &contracts).unwrap();
    let error = start_error(data.path(), other, source.clone()).await;
    assert!(error.to_string().contains("the chain is `test`, not `other`"), "{error}");
    // The order of the contracts means nothing.
    let reversed = [hash("shop"), hash("arithmetic")];
    RunningNode::start(data.path(), &reversed, source).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_node_without_a_genesis_begins_a_local_chain_or_goes_on_with_what_is_there() {
    let source = Arc::new(LocalSource::with_examples());
    let data = tempfile::tempdir().unwrap();
    let alone = async || RunningNode::with(data.path(), None, Limits::default(), source.clone()).await.unwrap();
    let node = alone().await;
    let begun = node.client().chain_status().await.unwrap();
    assert_eq!((begun.header.chain.as_str(), begun.header.moment.height), ("local", 0));
    let now_ms = jiff::Timestamp::now().as_millisecond() as u64;
    assert!((now_ms - 60_000..=now_ms).contains(&begun.header.moment.time_ms), "{:?}", begun.header.moment);
    let contract = ComponentHash::of(&build::example("arithmetic"));
    let deployed = node.client().deploy(&contract, None).await.unwrap();
    node.stop().await;
    let node = alone().await;
    assert_eq!(node.client().chain_status().await.unwrap().tip, deployed.block);
    node.stop().await;

    // A chain that was begun with a file needs it no more.
    let data = tempfile::tempdir().unwrap();
    RunningNode::start(data.path(), &[contract], source.clone()).await.unwrap().stop().await;
    let node = RunningNode::with(data.path(), None, Limits::default(), source).await.unwrap();
    assert_eq!(node.client().status().await.unwrap().contracts, [contract.to_string()]);
    node.stop().await;
}

/// Which registry a node has, and with which password, is its operator's business.
#[tokio::test]
async fn clients_are_not_told_where_the_registry_is() {
    let registry = registry_client::Client::new("http://anna:secret@127.0.0.1:1").unwrap();
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &[], Arc::new(registry)).await.unwrap();
    let client = node.client();
    for error in [
        client.call(&unknown(), "gcd", vec![], None).await.unwrap_err(),
        client.deploy(&unknown(), None).await.unwrap_err(),
    ] {
        assert_eq!(code(&error), ErrorCode::RegistryUnavailable);
        let text = format!("{error} {:?}", error.hint());
        assert!(text.contains("the registry cannot be used"), "{text}");
        assert!(!["anna", "secret", "127.0.0.1"].iter().any(|secret| text.contains(secret)), "{text}");
    }
    node.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_makes_no_chain() {
    let source = Arc::new(LocalSource::with_examples());
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = NodeConfig {
        listen: taken.local_addr().unwrap(),
        data_dir: data.path().to_owned(),
        genesis: Some(genesis(&[])),
        profile: ExecutionProfile::default(),
        production: BlockProduction::Instant,
        limits: Limits::default(),
    };
    let started = Node::start(config, source).await;
    assert!(matches!(started.map(|_| ()), Err(StartError::Listen { .. })));
    assert!(data.path().read_dir().unwrap().next().is_none(), "something was made");
}

#[tokio::test]
async fn one_data_directory_serves_one_node() {
    let source = Arc::new(LocalSource::with_examples());
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &[], source.clone()).await.unwrap();
    let error = start_error(data.path(), genesis(&[]), source).await;
    let StartError::Chain(ChainError::Storage(StorageError::InUse { .. })) = &error else { panic!("{error}") };
    assert!(error.hint().unwrap().contains("--data-dir"));
    node.stop().await;
}

#[tokio::test]
async fn a_component_that_was_changed_in_the_data_is_not_executed() {
    let source = Arc::new(LocalSource::with_examples());
    let contract = ComponentHash::of(&build::example("arithmetic"));
    let data = tempfile::tempdir().unwrap();
    RunningNode::start(data.path(), &[contract], source.clone()).await.unwrap().stop().await;
    // One byte of the component is changed inside the database, behind its back.
    let path = data.path().join("ledger.redb");
    let database = redb::Database::open(&path).unwrap();
    let table = redb::TableDefinition::<&[u8; 32], &[u8]>::new("components");
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(table).unwrap();
        let mut bytes = build::example("arithmetic");
        *bytes.last_mut().unwrap() ^= 1;
        table.insert(contract.digest().as_bytes(), bytes.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let node = RunningNode::start(data.path(), &[contract], source.clone()).await.unwrap();
    let error = node.client().call(&contract, "gcd", vec![12, 18], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::NodeFault);
    assert!(error.to_string().contains("was expected"), "{error}");
    assert!(!error.to_string().contains(&data.path().display().to_string()), "{error}");
    node.stop().await;

    // Something that is not a database at all.
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("ledger.redb"), b"not a database").unwrap();
    let error = start_error(other.path(), genesis(&[]), source).await;
    let StartError::Chain(ChainError::Storage(StorageError::Damaged { .. })) = &error else { panic!("{error}") };
}

#[tokio::test]
async fn many_who_ask_for_one_contract_cause_one_fetch() {
    let source = LocalSource { delay: Duration::from_millis(200), ..LocalSource::with_examples() };
    let source = Arc::new(source);
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &[], source.clone()).await.unwrap();
    let contract = ComponentHash::of(&build::example("arithmetic"));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = node.client();
        calls.spawn(async move { client.call(&contract, "gcd", vec![12, 18], None).await.unwrap() });
    }
    while let Some(outcome) = calls.join_next().await {
        assert_eq!(outcome.unwrap().result, [6]);
    }
    assert_eq!(source.fetches.load(Ordering::SeqCst), 1);
    // The refusal of an unknown one is shared for a short time too.
    for _ in 0..5 {
        assert!(node.client().call(&unknown(), "gcd", vec![], None).await.is_err());
    }
    assert_eq!(source.fetches.load(Ordering::SeqCst), 2);
    node.stop().await;
}

/// Whoever asks for what is not there keeps all places for fetching taken.
#[tokio::test]
async fn a_deployed_contract_waits_for_nobody_who_asks_for_unknown_ones() {
    let data = tempfile::tempdir().unwrap();
    let counter = ComponentHash::of(&build::example("counter"));
    let source = Arc::new(LocalSource::with_examples());
    RunningNode::start(data.path(), &[counter], source).await.unwrap().stop().await;

    let slow = Arc::new(LocalSource { delay: Duration::from_secs(3_600), ..LocalSource::default() });
    let limits = Limits { concurrent_loads_max: 1, fetch_time_max: Duration::from_secs(3_600), ..Limits::default() };
    let node = RunningNode::with(data.path(), genesis(&[counter]), limits, slow.clone()).await.unwrap();
    let asking = (0..4_u8).map(|number| {
        let client = node.client();
        tokio::spawn(async move { client.call(&ComponentHash::of(&[number]), "gcd", vec![], None).await })
    });
    let asking: Vec<_> = asking.collect();
    while slow.fetches.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let client = node.client();
    let called = client.call(&counter, "counters#clamp", vec![1], None);
    let called = tokio::time::timeout(Duration::from_secs(60), called).await.unwrap();
    assert!(called.unwrap().valid);
    assert_eq!(slow.fetches.load(Ordering::SeqCst), 1);
    asking.iter().for_each(tokio::task::JoinHandle::abort);
    node.stop().await;
}

#[tokio::test]
async fn memory_for_contracts_is_bounded() {
    let source = Arc::new(LocalSource::with_examples());
    let data = tempfile::tempdir().unwrap();
    let limits = Limits { compiled_size_bytes_max: 1, ..Limits::default() };
    let kept = ComponentHash::of(&build::example("counter"));
    let node = RunningNode::with(data.path(), genesis(&[kept]), limits, source.clone()).await.unwrap();
    let arithmetic = ComponentHash::of(&build::example("arithmetic"));
    let endless = ComponentHash::of(&build::example("endless"));
    let client = node.client();
    for _ in 0..2 {
        assert!(client.call(&arithmetic, "gcd", vec![1, 1], None).await.unwrap().valid);
        assert!(!client.call(&endless, "run", vec![], Some(50_000)).await.unwrap().valid);
    }
    // Only one fits, so each of the four calls had to fetch.
    assert_eq!(source.fetches.load(Ordering::SeqCst), 1 + 4);
    // A contract of the genesis is loaded from the node's own data.
    source.clear();
    assert!(client.call(&kept, "counters#clamp", vec![1], None).await.unwrap().valid);
    assert_eq!(source.fetches.load(Ordering::SeqCst), 1 + 4);
    node.stop().await;
}

/// A source that gives a sound component, but not the one that was asked for.
pub(crate) struct WrongSource(pub(crate) LocalSource);

impl ContractSource for WrongSource {
    fn fetch(&self, _hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>> {
        self.0.fetch(ComponentHash::of(&build::example("endless")))
    }

    fn find(&self, _sha256: [u8; 32]) -> BoxFuture<'_, Result<ComponentHash, SourceError>> {
        Box::pin(async { Ok(ComponentHash::of(&build::example("endless"))) })
    }
}

#[tokio::test]
async fn another_component_than_the_one_asked_for_is_refused() {
    let source = Arc::new(WrongSource(LocalSource::with_examples()));
    let data = tempfile::tempdir().unwrap();
    let node = RunningNode::start(data.path(), &[], source).await.unwrap();
    let contract = ComponentHash::of(&build::example("arithmetic"));
    let error = node.client().call(&contract, "gcd", vec![1, 1], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::RefusedContract);
    node.stop().await;
}

#[tokio::test]
async fn a_node_with_too_much_to_do_says_so() {
    let source = Arc::new(LocalSource::with_examples());
    let data = tempfile::tempdir().unwrap();
    let limits = Limits {
        concurrent_calls_max: NonZeroU32::MIN,
        call_queue_wait_max: Duration::from_millis(1),
        ..Limits::default()
    };
    let node = RunningNode::with(data.path(), genesis(&[]), limits, source).await.unwrap();
    let endless = ComponentHash::of(&build::example("endless"));
    assert!(!node.client().call(&endless, "run", vec![], Some(0)).await.unwrap().valid);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = node.client();
        calls.spawn(async move { client.call(&endless, "run", vec![], Some(100_000_000)).await });
    }
    let results = calls.join_all().await;
    let busy = results.iter().filter(|result| result.as_ref().is_err_and(|error| code(error) == ErrorCode::Busy));
    assert!((1..8).contains(&busy.count()));
    node.stop().await;
}

#[tokio::test]
async fn a_slow_registry_does_not_hold_a_call_for_ever() {
    let source = Arc::new(LocalSource { delay: Duration::from_secs(60), ..LocalSource::with_examples() });
    let data = tempfile::tempdir().unwrap();
    let limits = Limits { fetch_time_max: Duration::from_millis(200), ..Limits::default() };
    let node = RunningNode::with(data.path(), genesis(&[]), limits, source).await.unwrap();
    let error = node.client().call(&unknown(), "gcd", vec![], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::RegistryUnavailable);
    node.stop().await;
}

/// A registry that answers with other bytes than those that were asked for: it stands before a real one and changes the
/// last byte of each answer whose path ends with `path_end`.
async fn lying_registry(registry: &RunningRegistry, path_end: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let real = registry.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(client.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let mut server = TcpStream::connect(&real).await.unwrap();
            let forwarded = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            server.write_all(forwarded.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await.unwrap();
            if request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").ends_with(path_end) {
                *answer.last_mut().unwrap() ^= 1;
            }
            client.write_all(&answer).await.unwrap();
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_registry_is_not_believed() {
    let (registry, hashes) = RunningRegistry::with_examples(&["arithmetic"]).await;
    let url = lying_registry(&registry, "/wasm").await;
    let liar = Arc::new(registry_client::Client::new(&url).unwrap());
    let data = tempfile::tempdir().unwrap();
    let error = start_error(data.path(), genesis(&hashes), liar.clone()).await;
    assert!(error.to_string().contains(&format!("but {} was expected", hashes[0])), "{error}");

    let node = RunningNode::start(data.path(), &[], liar).await.unwrap();
    let error = node.client().call(&hashes[0], "gcd", vec![1, 1], None).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::RefusedContract);
    assert!(error.to_string().contains(&format!("but {} was expected", hashes[0])), "{error}");
    assert!(node.client().status().await.is_ok());
    node.stop().await;
    registry.stop().await;
}
