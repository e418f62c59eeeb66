//! Contracts that import others: deployed after these, pinned to them, and theirs for ever, with a real registry and node.

use crate::chain_support::{Lie, ManualSequencer, Setup, Tampered, starstream};
use crate::cli::{Process, ledger, output};
use crate::importing::{Import, contract, sha256};
use crate::node::WrongSource;
use crate::support::{LocalSource, RunningNode, RunningRegistry, genesis, limits};
use ledger_core::{Deployment, ExternalId, Invalid, RootCall, Transaction};
use ledger_runtime::chain::{ChainError, Ledger, Proposal, SubmitError, VerifyError, verify};
use ledger_runtime::contracts::Contracts;
use ledger_runtime::limits::Limits;
use ledger_runtime::rpc::{ErrorCode, ImportedContract, InvalidReason, NodeClient, NodeClientError};
use ledger_runtime::store::{RedbStorage, Storage};
use redb::{Database, ReadableTable, TableDefinition};
use registry_client::Client;
use registry_core::id::ComponentHash;
use registry_core::limits::Limits as CoreLimits;
use registry_core::with_causes;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// `top` imports `left` and `right`; both import `leaf`, by its SHA-256 and by its hash.
struct Diamond {
    leaf: Vec<u8>,
    left: Vec<u8>,
    right: Vec<u8>,
    top: Vec<u8>,
}

impl Diamond {
    fn new() -> Self {
        let leaf = contract("leaf", &[]);
        let left = contract("left", &[Import::by_sha256(&leaf, "leaf")]);
        let right = contract("right", &[Import::by_hash(&leaf, "leaf")]);
        let top = contract("top", &[Import::by_sha256(&left, "left"), Import::by_hash(&right, "right")]);
        Self { leaf, left, right, top }
    }

    fn all(&self) -> [&Vec<u8>; 4] {
        [&self.leaf, &self.left, &self.right, &self.top]
    }

    async fn publish(&self, registry: &RunningRegistry) {
        for component in self.all() {
            registry.publish(component.clone()).await;
        }
    }

    fn source(&self) -> LocalSource {
        let source = LocalSource::default();
        self.all().into_iter().for_each(|component| {
            source.add(component.clone());
        });
        source
    }

    fn top_imports(&self) -> BTreeMap<String, ComponentHash> {
        let (left, right) = (hash(&self.left), hash(&self.right));
        BTreeMap::from([(sha256(&self.left).to_string(), left), (right.to_string(), right)])
    }
}

fn hash(component: &[u8]) -> ComponentHash {
    ComponentHash::of(component)
}

fn refusal(error: NodeClientError) -> (ErrorCode, String, Option<String>) {
    let NodeClientError::Refused(refusal) = error else { panic!("{error}") };
    (refusal.code, refusal.message, refusal.hint)
}

/// Nobody listens there.
const NO_REGISTRY: &str = "http://127.0.0.1:9";

const NOT_DEPLOYABLE: ErrorCode = ErrorCode::InvalidTransaction(InvalidReason::Deployment);

async fn needed(client: &NodeClient, contract: &ComponentHash) -> Vec<(ComponentHash, bool)> {
    let imports = client.imports(contract).await.unwrap();
    imports.into_iter().map(|ImportedContract { contract, is_deployed }| (contract, is_deployed)).collect()
}

async fn node(directory: &Path, registry: &str, limits: Limits) -> RunningNode {
    RunningNode::with(directory, genesis(&[]), limits, Arc::new(Client::new(registry).unwrap())).await.unwrap()
}

fn verify_directory(directory: &Path) {
    let storage = RedbStorage::open_existing(directory, &limits()).unwrap();
    verify(&*storage.snapshot(), &limits(), |_, _| {}).unwrap();
    let report = storage.check(&CoreLimits::default(), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.differences);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_contract_imports_is_deployed_before_it_and_stays_its_own() {
    let (diamond, registry, data) = (Diamond::new(), RunningRegistry::start().await, tempfile::tempdir().unwrap());
    diamond.publish(&registry).await;
    let running = node(data.path(), &registry.url, limits()).await;
    let client = running.client();
    let [leaf, left, right, top] = diamond.all().map(|component| hash(component));

    let order = needed(&client, &top).await;
    assert_eq!(order.iter().map(|(_, deployed)| *deployed).collect::<Vec<_>>(), [false; 3]);
    assert_eq!(order[0].0, leaf);
    let mut others = [order[1].0, order[2].0];
    others.sort();
    assert_eq!(others, [left.min(right), left.max(right)]);

    for (missing, id) in [(left, sha256(&diamond.left)), (right, ExternalId::Contract(right))] {
        let (code, message, _) = refusal(client.deploy(&top, None).await.unwrap_err());
        assert_eq!(code, NOT_DEPLOYABLE);
        let told = [(left, sha256(&diamond.left)), (right, ExternalId::Contract(right))];
        let is_told = |(contract, id): &(ComponentHash, ExternalId)| {
            message.contains(&format!("`{id}`")) && message.contains(&format!("deploy {contract} first"))
        };
        assert!(told.iter().any(is_told), "{message}");
        // What the registry has is not what the chain has.
        if !message.contains(&missing.to_string()) {
            continue;
        }
        assert!(message.contains(&id.to_string()), "{message}");
        let (code, message, _) = refusal(client.deploy(&missing, None).await.unwrap_err());
        assert!(code == NOT_DEPLOYABLE && message.contains(&format!("deploy {leaf} first")), "{message}");
    }
    // No block was made of what was refused.
    assert_eq!(client.chain_status().await.unwrap().header.moment.height, 0);
    for (contract, _) in order {
        client.deploy(&contract, None).await.unwrap();
    }
    client.deploy(&top, None).await.unwrap();
    assert_eq!(client.contract(&top).await.unwrap().record.imports, diamond.top_imports());

    // From now on nobody needs the registry, whatever is in memory.
    registry.stop().await;
    running.stop().await;
    for compiled_size_bytes_max in [Limits::default().compiled_size_bytes_max, 1] {
        let running = node(data.path(), NO_REGISTRY, Limits { compiled_size_bytes_max, ..limits() }).await;
        let client = running.client();
        assert_eq!(needed(&client, &top).await.iter().filter(|(_, deployed)| *deployed).count(), 3);
        for contract in [top, leaf, right, top, left] {
            client.wit(&contract, false).await.unwrap();
        }
        // Each script gives one more than what it calls: 1 for the leaf, 2 for both sides, 5 for the top.
        let call = RootCall::Function { contract: top, function: "top".to_owned() };
        let simulated = client.simulate(&Transaction { call, ..deploy(top) }).await.unwrap();
        assert_eq!(simulated.receipt.outcome, Ok(vec![5]));
        running.stop().await;
    }
    verify_directory(data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_deploys_a_contract_with_what_it_needs() {
    let (diamond, registry, data) = (Diamond::new(), RunningRegistry::start().await, tempfile::tempdir().unwrap());
    diamond.publish(&registry).await;
    let process = Process::start(&registry.url, data.path(), &[]);
    let [leaf, left, right, top] = diamond.all().map(|component| hash(component).to_string());

    let (stdout, stderr, code) = output(&process.ask("deploy", &[&top, "--no-imports"]));
    assert_eq!((stdout.as_str(), code), ("", 1));
    assert!(stderr.contains("is not part of the chain: deploy p2:c"), "{stderr}");

    let (stdout, stderr, code) = output(&process.ask("deploy", &[&left]));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr, format!("deploying {leaf}, which it needs\n"));
    assert!(stdout.contains(&format!("{leaf} in block 1\n")), "{stdout}");

    let (stdout, stderr, code) = output(&process.ask("deploy", &[&top, "--json"]));
    assert_eq!((stderr.as_str(), code), ("", 0));
    let document: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["deployed"], json!(top));
    let imports = document["imports"].as_array().unwrap();
    assert_eq!((imports.len(), &imports[0]["contract"], &imports[0]["height"]), (1, &json!(right), &json!(3)));

    let (stdout, _, _) = output(&process.ask("contract", &[&top]));
    let line = format!("{} is {left}\n", sha256(&diamond.left));
    assert!(stdout.contains(&line) && stdout.contains(&format!("{right} is {right}\n")), "{stdout}");
    let (stdout, _, _) = output(&process.ask("contract", &[&top, "--json"]));
    let document: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["imports"].as_array().unwrap().len(), 2);
    assert!(document["imports"].as_array().unwrap().contains(&json!({"external_id": right, "contract": right})));

    // Again it is told where it is, and nothing is deployed.
    let (stdout, stderr, code) = output(&process.ask("deploy", &[&top]));
    assert_eq!((stderr.as_str(), code), ("deployed already in block 4\n", 0), "{stdout}");
    registry.stop().await;
    assert_eq!(process.terminate(), Some(0));
    let data = data.path().join("data");
    for command in ["verify", "check"] {
        let (_, stderr, code) = output(&ledger().arg(command).arg("--data-dir").arg(&data).assert());
        assert_eq!(code, 0, "{command}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_that_cannot_be_had_are_told() {
    let (registry, data) = (RunningRegistry::start().await, tempfile::tempdir().unwrap());
    let running = node(data.path(), &registry.url, limits()).await;
    let client = running.client();
    let unpublished = contract("leaf", &[]);
    let import = |external_id: String| vec![Import { external_id, script: "leaf".to_owned() }];
    let cases = [
        (
            sha256(&unpublished).to_string(),
            ErrorCode::UnknownContract,
            "the registry has no component `sha256:",
            "publish",
        ),
        (hash(&unpublished).to_string(), ErrorCode::UnknownContract, "the registry has no component p2:c", "publish"),
        (
            String::new(),
            ErrorCode::RefusedContract,
            "`starstream:contract/scripts#leaf` is one of another contract",
            "@external-id",
        ),
        ("sha256:12".to_owned(), ErrorCode::RefusedContract, "`sha256:12` is not `sha256:` with 64", "@external-id"),
    ];
    for (id, expected, text, hint) in cases {
        let importing = registry.publish(contract("importing", &import(id))).await;
        for error in [client.deploy(&importing, None).await.err(), client.imports(&importing).await.err()] {
            let (code, message, told) = refusal(error.unwrap());
            assert_eq!(code, expected, "{message}");
            assert!(message.contains(text), "{message}");
            assert!(told.unwrap().contains(hint), "{message}");
        }
    }
    running.stop().await;
    registry.stop().await;
}

/// What a registry says about bytes is compared with them.
#[tokio::test(flavor = "multi_thread")]
async fn another_contract_than_the_one_with_these_bytes_is_refused() {
    struct Misleading(LocalSource, ComponentHash);

    impl ledger_runtime::source::ContractSource for Misleading {
        fn fetch(
            &self,
            hash: ComponentHash,
        ) -> futures::future::BoxFuture<
            '_,
            Result<registry_client::FetchedComponent, ledger_runtime::source::SourceError>,
        > {
            self.0.fetch(hash)
        }

        fn find(
            &self,
            _: [u8; 32],
        ) -> futures::future::BoxFuture<'_, Result<ComponentHash, ledger_runtime::source::SourceError>> {
            Box::pin(async { Ok(self.1) })
        }
    }

    let (diamond, data) = (Diamond::new(), tempfile::tempdir().unwrap());
    let source = Arc::new(Misleading(diamond.source(), hash(&diamond.right)));
    let running = RunningNode::with(data.path(), genesis(&[]), limits(), source).await.unwrap();
    let (code, message, _) = refusal(running.client().deploy(&hash(&diamond.left), None).await.unwrap_err());
    assert_eq!(code, ErrorCode::RefusedContract, "{message}");
    assert!(message.contains(&format!("{} is another one", hash(&diamond.right))), "{message}");
    running.stop().await;
}

fn deploy(contract: ComponentHash) -> Transaction {
    Transaction {
        chain: "test".parse().unwrap(),
        nonce: 0,
        valid_from: 0,
        valid_until: 1_000,
        inputs: Vec::new(),
        references: Vec::new(),
        call: RootCall::Deploy { contract, gas_limit_max: None },
        arguments: Vec::new(),
        gas_limit: 100_000_000,
    }
}

/// A chain for which the test decides, and what its deployments bring.
struct Decided {
    sequencer: Arc<ManualSequencer>,
    contracts: Arc<Contracts>,
    ledger: Arc<Ledger>,
    data: tempfile::TempDir,
}

impl Decided {
    async fn start(diamond: &Diamond) -> Self {
        let data = tempfile::tempdir().unwrap();
        let sequencer = ManualSequencer::new();
        let setup = Setup::new(data.path(), genesis(&[]), Arc::new(diamond.source()));
        let parts = setup.parts(Arc::clone(&sequencer) as _).unwrap();
        let contracts = Arc::clone(&parts.contracts);
        let ledger = Arc::new(Ledger::start(parts).await.unwrap());
        Self { sequencer, contracts, ledger, data }
    }

    async fn deployment(&self, component: &[u8]) -> Deployment {
        Deployment::clone(&*self.contracts.fetch_deployment(hash(component)).await.unwrap())
    }

    /// Makes a block of deployments, and tells which contracts it deployed.
    async fn block(&self, deployments: Vec<Deployment>) -> Vec<ComponentHash> {
        let proposal = |deployment: Deployment| {
            let transaction = deploy(deployment.contract);
            Proposal { transaction, deployment: Some(Arc::new(deployment)) }
        };
        let height = self.ledger.tip().unwrap().moment.height;
        self.sequencer.decide(height + 1, deployments.into_iter().map(proposal).collect());
        while self.ledger.tip().unwrap().moment.height == height {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let receipts = self.ledger.read(move |snapshot| snapshot.receipts(height + 1)).await.unwrap().unwrap().unwrap();
        receipts.iter().filter_map(|receipt| receipt.deployed).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_may_deploy_a_contract_after_what_it_imports() {
    let diamond = Diamond::new();
    let chain = Decided::start(&diamond).await;
    let [leaf, left, right, top] = diamond.all();
    let [leaf, left, right, top] = [
        chain.deployment(leaf).await,
        chain.deployment(left).await,
        chain.deployment(right).await,
        chain.deployment(top).await,
    ];
    // Too early is refused, and the rest goes on.
    let deployed = chain.block(vec![left.clone(), leaf.clone(), right.clone(), top.clone()]).await;
    assert_eq!(deployed, [leaf.contract, right.contract]);
    assert_eq!(chain.block(vec![left.clone(), top.clone()]).await, [left.contract, top.contract]);
    chain.ledger.stop().await;
    let Decided { data, ledger, contracts, .. } = chain;
    drop((ledger, contracts));
    verify_directory(data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_lies_about_its_imports_is_in_no_block() {
    let diamond = Diamond::new();
    let chain = Decided::start(&diamond).await;
    let (leaf, left) = (chain.deployment(&diamond.leaf).await, chain.deployment(&diamond.left).await);
    let right = chain.deployment(&diamond.right).await;
    assert_eq!(chain.block(vec![leaf.clone(), right.clone()]).await.len(), 2);
    let id = sha256(&diamond.leaf).to_string();
    assert_eq!(left.imports, BTreeMap::from([(id.clone(), leaf.contract)]));
    let lie =
        |imports: &[(String, ComponentHash)]| Deployment { imports: imports.iter().cloned().collect(), ..left.clone() };
    let multihash = "bciqohmgeikmpyhautl57jsezn64sij5oihsgjg4tjssjlgi3pbjlqvi".to_owned();
    let cases = [
        ("imports the contract `sha256:", lie(&[])),
        ("is another one", lie(&[(id.clone(), right.contract)])),
        ("deploy", lie(&[(id.clone(), hash(&diamond.top))])),
        (
            "does not import the contract",
            lie(&[(id.clone(), leaf.contract), (right.contract.to_string(), right.contract)]),
        ),
        ("which is written `sha256:", lie(&[(id.clone(), leaf.contract), (multihash, leaf.contract)])),
        ("it names an import that is none", lie(&[("leaf".to_owned(), leaf.contract)])),
    ];
    for (reason, lying) in cases {
        let submitted = {
            let ledger = Arc::clone(&chain.ledger);
            let transaction = deploy(left.contract);
            tokio::spawn(async move { ledger.submit(transaction).await })
        };
        let [proposal] = chain.sequencer.proposals(1).await.try_into().ok().unwrap();
        let proposal = Proposal { deployment: Some(Arc::new(lying)), ..proposal };
        chain.sequencer.decide(10, vec![proposal]);
        match submitted.await.unwrap().unwrap_err() {
            SubmitError::Invalid(Invalid::Deployment { contract, reason: told }) => {
                assert_eq!(contract, left.contract);
                assert!(told.contains(reason), "{reason}: {told}");
            }
            error => panic!("{error}"),
        }
    }
    assert_eq!(chain.block(vec![left.clone()]).await, [left.contract]);

    // Another node that gets such a block finds the same.
    chain.ledger.stop().await;
    let Decided { ledger, contracts, data, .. } = chain;
    drop((ledger, contracts));
    let storage = RedbStorage::open_existing(data.path(), &limits()).unwrap();
    let told = Tampered { chain: storage.snapshot(), lie: Lie::Imports(right.contract) };
    match verify(&told, &limits(), |_, _| {}).unwrap_err() {
        VerifyError::Difference { what, .. } => assert!(what.contains("is another one"), "{what}"),
        error => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_deploys_each_contract_after_those_that_it_imports() {
    let (diamond, data) = (Diamond::new(), tempfile::tempdir().unwrap());
    let [leaf, left, right, top] = diamond.all().map(|component| hash(component));
    let all = genesis(&[top, left, right, leaf]);
    let ledger = Setup::new(data.path(), all, Arc::new(diamond.source())).start().await.unwrap();
    let receipts = ledger.read(|snapshot| snapshot.receipts(0)).await.unwrap().unwrap().unwrap();
    let order: Vec<ComponentHash> = receipts.iter().filter_map(|receipt| receipt.deployed).collect();
    assert_eq!(order, [leaf, left.min(right), left.max(right), top]);
    ledger.stop().await;
    drop(ledger);
    verify_directory(data.path());

    let other = tempfile::tempdir().unwrap();
    let error = Setup::new(other.path(), genesis(&[left]), Arc::new(diamond.source())).start().await.err().unwrap();
    assert!(
        matches!(&error, ChainError::GenesisBlock(what) if what.contains(&format!("deploy {leaf} first"))),
        "{}",
        with_causes(&error)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_pin_is_found() {
    const CONTRACTS: TableDefinition<&'static [u8; 32], &'static [u8]> = TableDefinition::new("contracts");
    const SHA256: TableDefinition<&'static [u8; 32], &'static [u8; 32]> = TableDefinition::new("sha256");

    let diamond = Diamond::new();
    let [leaf, left, right, top] = diamond.all().map(|component| hash(component));
    type Tamper<'a> = Box<dyn Fn(&redb::WriteTransaction) + 'a>;
    let replace = |t: &redb::WriteTransaction, of: ComponentHash, old: ComponentHash, new: ComponentHash| {
        let mut table = t.open_table(CONTRACTS).unwrap();
        let mut record = table.get(of.digest().as_bytes()).unwrap().unwrap().value().to_vec();
        let at = record.windows(32).position(|part| part == old.digest().as_bytes()).unwrap();
        record[at..at + 32].copy_from_slice(new.digest().as_bytes());
        table.insert(of.digest().as_bytes(), record.as_slice()).unwrap();
    };
    let cases: Vec<(Tamper<'_>, bool, String)> = vec![
        (
            Box::new(|t| replace(t, left, leaf, right)),
            false,
            format!("{left} has the import `{}` as {right}", sha256(&diamond.leaf)),
        ),
        (
            Box::new(|t| replace(t, left, leaf, left)),
            false,
            format!("{left} has the import `{}` as {left}", sha256(&diamond.leaf)),
        ),
        (
            Box::new(|t| {
                let ExternalId::Sha256(digest) = sha256(&diamond.leaf) else { panic!() };
                t.open_table(SHA256).unwrap().insert(&digest, right.digest().as_bytes()).unwrap();
            }),
            false,
            format!("{leaf} is not found by the SHA-256 of its component"),
        ),
        (
            Box::new(|t| {
                t.open_table(SHA256).unwrap().insert(&[7; 32], leaf.digest().as_bytes()).unwrap();
            }),
            true,
            "the number of SHA-256 digests of components".to_owned(),
        ),
    ];
    for (tamper, can_be_loaded, expected) in cases {
        let data = tempfile::tempdir().unwrap();
        let all = genesis(&[top, left, right, leaf]);
        Setup::new(data.path(), all, Arc::new(diamond.source())).start().await.unwrap().stop().await;
        let database = Database::open(data.path().join("ledger.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        tamper(&transaction);
        transaction.commit().unwrap();
        drop(database);
        // Whoever loads what cannot be trusted is told so, and waits for nothing.
        let registry = Arc::new(Client::new(NO_REGISTRY).unwrap());
        let running = RunningNode::with(data.path(), None, limits(), registry).await.unwrap();
        match running.client().wit(&left, false).await {
            Ok(_) => assert!(can_be_loaded, "{expected}"),
            Err(error) => assert_eq!((refusal(error).0, can_be_loaded), (ErrorCode::NodeFault, false), "{expected}"),
        }
        running.stop().await;
        let storage = RedbStorage::open_existing(data.path(), &limits()).unwrap();
        let report = storage.check(&CoreLimits::default(), &mut |_| {}).unwrap();
        assert!(
            report.differences.iter().any(|found| found.contains(&expected)),
            "{expected}: {:?}",
            report.differences
        );
    }
}

/// A contract of the data set is imported as one that Starstream's compiler made.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_of_the_compiler_can_be_imported() {
    let (registry, data) = (RunningRegistry::start().await, tempfile::tempdir().unwrap());
    let scalars = starstream("scalars");
    let imported = registry.publish(scalars.clone()).await;
    let importing = registry.publish(contract("importing", &[Import::by_sha256(&scalars, "literals")])).await;
    let running = node(data.path(), &registry.url, limits()).await;
    assert_eq!(needed(&running.client(), &importing).await, [(imported, false)]);
    running.client().deploy(&imported, None).await.unwrap();
    running.client().deploy(&importing, None).await.unwrap();
    running.stop().await;
    registry.stop().await;
    verify_directory(data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_gives_in_the_place_of_an_import_is_refused() {
    let (importing, data) = (contract("importing", &[Import::by_sha256(b"any", "leaf")]), tempfile::tempdir().unwrap());
    let source = LocalSource::with_examples();
    let hash = source.add(importing);
    let running = RunningNode::with(data.path(), genesis(&[]), limits(), Arc::new(WrongSource(source))).await.unwrap();
    let (code, _, _) = refusal(running.client().deploy(&hash, None).await.unwrap_err());
    assert_eq!(code, ErrorCode::RefusedContract);
    running.stop().await;
}
