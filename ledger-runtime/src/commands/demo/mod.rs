//! `ledger demo`: the whole product on real packages, from nothing, in one process.

mod contracts;
mod stage;
mod wasi;

use super::receipt::Outcome;
use super::show::Lines;
use super::{call, transact, verify};
use crate::arguments::{DemoArguments, InvocationArguments, NodeArguments, TransactArguments};
use crate::failure::Failure;
use anyhow::Context;
use contracts::{CONTRACTS, PACKAGES};
use ledger_runtime::chain::BlockProduction;
use ledger_runtime::draft::Target;
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::node::{Node, NodeConfig};
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::rpc::NodeClient;
use ledger_runtime::utxo_name::UtxoName;
use registry_client::Client;
use registry_client::layout::package_files;
use registry_client::output::write_folder;
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits as CoreLimits;
use registry_core::name::ReleaseName;
use registry_core::wit::{SourceFile, UnresolvedWit};
use registry_server::{Config, Server};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasi::Wasi;

/// Contracts of the chain's genesis, by name. The others are published too, and called by their hash.
const GENESIS: [&str; 4] = ["arithmetic", "shop", "counter", "endless"];

/// The namespaces of everything that is published.
const NAMESPACES: [&str; 2] = ["demo", "wasi"];

/// What the demo makes in its folder.
const REGISTRY: &str = "registry";
const LEDGER: &str = "ledger";
const WASI_HTTP: &str = "wasi-http";
const GENESIS_FILE: &str = "genesis.json";

pub(crate) async fn run(arguments: DemoArguments) -> Result<(), Failure> {
    // A folder that was named is looked at first, so that nothing is made in vain. Without one, this machine may have no
    // WASI, and everything else is worth seeing.
    let wasi = match (wasi::read(arguments.wasi.as_deref()), arguments.wasi) {
        (Err(error), Some(_)) => return Err(error.into()),
        (wasi, _) => wasi,
    };
    let folder = demo_folder(arguments.data_dir)?;
    let shown = show(wasi, &folder).await;
    if shown.is_err() {
        clear(&folder);
    }
    shown
}

async fn show(wasi: anyhow::Result<Wasi>, folder: &Path) -> Result<(), Failure> {
    let mut stage = Stage::new();
    stage.title("A registry of WIT and components, and a ledger that knows its contracts by their hash")?;

    stage.step("Start a registry")?;
    let registry = Registry::start(&folder.join(REGISTRY)).await?;
    stage.say(format_args!("{} keeps everything in {}", registry.running.url, folder.join(REGISTRY).display()))?;

    stage.step("Claim namespaces: only their owners publish into them")?;
    for namespace in NAMESPACES {
        registry.client.claim_namespace(namespace).await.map_err(anyhow::Error::from)?;
        stage.say(namespace)?;
    }

    stage.step("Publish WASI 0.2: a package's hash covers the hashes of its dependencies, so these go first")?;
    let http = match wasi {
        Ok(wasi) => Some(publish_wasi(&registry.client, wasi, &stage).await?),
        Err(error) => {
            stage.say(format_args!("left out: {error:#}; `--wasi DIR` names a folder of WIT packages"))?;
            None
        }
    };

    stage.step("Publish contracts; the registry decodes each and compares it with the packages that it names")?;
    publish_packages(&registry.client, &stage).await?;
    let contracts = publish_contracts(&registry.client, &stage).await?;

    if let Some((_, hash)) = &http {
        stage.step("Fetch wasi:http by its hash: one request, every hash in the answer recomputed")?;
        fetch(&registry.client, *hash, &folder.join(WASI_HTTP), &stage).await?;
    }

    stage.step("Start a ledger whose genesis names contracts by hash; it fetches, verifies and keeps them")?;
    let genesis = write_genesis(&contracts, folder)?;
    let node = start_node(&registry.client, genesis, &folder.join(LEDGER)).await?;
    stage.say(format_args!("{} is ready with {} contracts", node.url, GENESIS.len()))?;

    stage.step("Call them; arguments and results are typed by the contract's WIT")?;
    let hash = |name: &str| hash_of(&contracts, name);
    let calls = [
        (hash("arithmetic")?, "gcd", "1071, 462"),
        (hash("arithmetic")?, "fibonacci", "90"),
        (hash("shop")?, "order", ORDER),
        (hash("shop")?, "order", "[], full-price, {}, none"),
        (hash("counter")?, "counters#clamp", "5000"),
    ];
    for (contract, function, wave) in calls {
        show_call(&node.url, Target::Contract(contract), function, wave, &stage).await?;
    }

    stage.step("What must not work does not: an endless loop, wrong types, an import that no ledger serves")?;
    let refused = [
        (hash("endless")?, "run", ""),
        (hash("arithmetic")?, "gcd", "1071, \"four hundred\""),
        (hash("counter")?, "counters#sum", "[]"),
        (hash("foreign-import")?, "hour", ""),
    ];
    for (contract, function, wave) in refused {
        show_call(&node.url, Target::Contract(contract), function, wave, &stage).await?;
    }

    stage.step("Deploy a contract of Starstream's: with everything that it needs it becomes part of the chain")?;
    let tally = hash("tally")?;
    deploy(&node.url, tally, &stage).await?;

    stage.step("Its UTXOs are coroutines: each waits at a yield, on disk, and goes on in a later transaction")?;
    let (contract, first) = (Target::Contract(tally), Target::Utxo(UtxoName::Serial(tally, 0)));
    show_transaction(&node.url, contract, "counter::start", "77", &stage).await?;
    show_transaction(&node.url, first, "bump", "5", &stage).await?;
    show_call(&node.url, first, "value", "", &stage).await?;
    show_transaction(&node.url, first, "stop", "", &stage).await?;

    stage.step("A UTXO is consumed once; a transaction happens whole or not at all")?;
    show_transaction(&node.url, first, "bump", "5", &stage).await?;
    show_transaction(&node.url, contract, "use-after-stop", "7", &stage).await?;

    stage.step(
        "A transaction can make several calls: mint a token, and bind it to a UTXO that it makes; unbound it may not be left",
    )?;
    let coin = hash("coin")?;
    deploy(&node.url, coin, &stage).await?;
    let (mint, start) = (format!("t = {coin}.coin::mint(7)"), format!("u = {tally}.counter::start(1)"));
    show_steps(&node.url, &[&mint, &start, "t.attach(u)", "u.bump(2)"], &stage).await?;
    show_steps(&node.url, &[&mint], &stage).await?;

    stage.step("Stop the registry: the ledger goes on with what it keeps, and refuses what it cannot verify")?;
    registry.running.stop().await?;
    show_transaction(&node.url, contract, "create-bumped", "10, 5", &stage).await?;
    let unknown = Target::Contract(ComponentHash::of(b"nothing that was ever published"));
    show_call(&node.url, unknown, "run", "", &stage).await?;
    node.stop().await?;

    stage.step("Execute the whole chain again from its genesis, and compare every header, receipt and root")?;
    verify_chain(&folder.join(LEDGER), &stage).await?;

    stage.end(folder, http.map(|(name, _)| name), &hash("arithmetic")?, &tally)?;
    Ok(())
}

const ORDER: &str = "[{name: \"tea\", unit-price: 450, quantity: 2}, {name: \"cup\", unit-price: 1200, quantity: 1}], \
                     percent(10), {gift-wrap}, some(\"for Ada\")";

/// A new folder each time, which stays: the demo ends with commands that go on with what is in it.
fn demo_folder(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        let is_taken = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
        anyhow::ensure!(!is_taken, "`{}` is not empty; the demo begins with nothing", folder.display());
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        return std::path::absolute(folder).context("the folder has no absolute path");
    }
    let folder = tempfile::Builder::new().prefix("ledger-demo-").tempdir().context("cannot make a temporary folder")?;
    Ok(folder.keep())
}

/// Takes away what a demo made that did not come to its end, so that the next one can begin in the same folder. What
/// cannot be taken away stays: the error that ended the demo is the one to tell.
fn clear(folder: &Path) {
    for name in [REGISTRY, LEDGER, WASI_HTTP] {
        let _ = std::fs::remove_dir_all(folder.join(name));
    }
    let _ = std::fs::remove_file(folder.join(GENESIS_FILE));
    let _ = std::fs::remove_dir(folder);
}

/// A registry that runs until it is stopped.
struct Registry {
    client: Arc<Client>,
    running: Running,
}

impl Registry {
    async fn start(data_dir: &Path) -> Result<Self, Failure> {
        let config = Config { listen: ([127, 0, 0, 1], 0).into(), ..Config::in_dir(data_dir) };
        std::fs::create_dir_all(data_dir)?;
        let server = Server::bind(config).await.map_err(anyhow::Error::from)?;
        let url = server.url();
        let token = std::fs::read_to_string(server.admin_token_file())?;
        let client = Client::new(&url).map_err(anyhow::Error::from)?.with_token(token.trim_end().into());
        let client = Arc::new(client);
        Ok(Self { client, running: Running::start(url, |stopped| server.run_until(stopped)) })
    }
}

/// Something that serves on a task of its own until it is told to stop.
struct Running {
    url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start<F: Future<Output = ()> + Send + 'static>(url: String, serve: impl FnOnce(Stopped) -> F) -> Self {
        let (stop, stopped) = oneshot::channel();
        let stopped: Stopped = Box::pin(async { stopped.await.unwrap_or_default() });
        Self { url, stop, task: tokio::spawn(serve(stopped)) }
    }

    async fn stop(self) -> Result<(), Failure> {
        drop(self.stop);
        Ok(self.task.await.context("a server ended in a defect")?)
    }
}

type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Publishes WASI, and gives the name and the hash of `wasi:http`.
async fn publish_wasi(client: &Client, wasi: Wasi, stage: &Stage) -> Result<(ReleaseName, PackageHash), Failure> {
    for upload in wasi.uploads {
        client.publish_package(upload.files, upload.hash).await.map_err(anyhow::Error::from)?;
        stage.item(upload.hash, &upload.name)?;
    }
    Ok((wasi.http_name, wasi.http_hash))
}

async fn publish_packages(client: &Client, stage: &Stage) -> Result<(), Failure> {
    let limits = CoreLimits::default();
    for text in PACKAGES {
        let files = vec![SourceFile::new("package.wit", text)];
        let wit = UnresolvedWit::parse(&files, &limits).and_then(|wit| wit.resolve(Vec::new(), &limits));
        let hash = wit.and_then(|wit| Ok(wit.identity()?.hash)).map_err(anyhow::Error::from)?;
        let published = client.publish_package(files, hash).await.map_err(anyhow::Error::from)?;
        stage.item(hash, published.record.name)?;
    }
    Ok(())
}

async fn publish_contracts(client: &Client, stage: &Stage) -> Result<Vec<(&'static str, ComponentHash)>, Failure> {
    let mut contracts = Vec::new();
    for (name, bytes) in CONTRACTS {
        let hash = ComponentHash::of(bytes);
        let release: ReleaseName = format!("demo:{name}@0.1.0").parse().map_err(anyhow::Error::from)?;
        client.publish_component(bytes.to_vec(), Some(&release), hash).await.map_err(anyhow::Error::from)?;
        stage.item(hash, release)?;
        contracts.push((*name, hash));
    }
    Ok(contracts)
}

async fn fetch(client: &Client, hash: PackageHash, folder: &Path, stage: &Stage) -> Result<(), Failure> {
    let wit = client.fetch_package(&hash).await.map_err(anyhow::Error::from)?;
    let files = package_files(&wit).map_err(anyhow::Error::from)?;
    write_folder(folder, &files, false).map_err(anyhow::Error::from)?;
    for identity in wit.closure_order() {
        stage.item(identity.hash, &identity.name)?;
    }
    stage.say(format_args!("written for wit-bindgen and wasm-tools to {}", folder.display()))?;
    Ok(())
}

fn hash_of(contracts: &[(&str, ComponentHash)], name: &str) -> anyhow::Result<ComponentHash> {
    let contract = contracts.iter().find(|(contract, _)| *contract == name);
    contract.map(|(_, hash)| *hash).with_context(|| format!("there is no contract `{name}`"))
}

fn write_genesis(contracts: &[(&str, ComponentHash)], folder: &Path) -> anyhow::Result<Genesis> {
    let hashes = GENESIS.iter().map(|name| hash_of(contracts, name)).collect::<anyhow::Result<Vec<_>>>()?;
    let document = serde_json::json!({ "format": 2, "chain_id": "demo", "contracts": hashes });
    let path = folder.join(GENESIS_FILE);
    std::fs::write(&path, serde_json::to_string_pretty(&document)?)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Genesis::read(&path)?)
}

async fn start_node(client: &Arc<Client>, genesis: Genesis, data_dir: &Path) -> Result<Running, Failure> {
    let config = NodeConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: data_dir.to_owned(),
        genesis: Some(genesis),
        profile: ExecutionProfile::default(),
        production: BlockProduction::Instant,
        limits: Limits::default(),
    };
    let node = Node::start(config, Arc::clone(client) as _).await.map_err(anyhow::Error::from)?;
    Ok(Running::start(node.url(), |stopped| async { drop(node.run_until(stopped).await) }))
}

/// Calls as `ledger call` does, and shows what was called and what came of it.
async fn show_call(node: &str, target: Target, function: &str, wave: &str, stage: &Stage) -> Result<(), Failure> {
    stage.command("call", target, &format!("{function} '{wave}'"))?;
    match call::call(&invocation(node, target, function, wave)).await {
        Ok(called) if called.outcome == Outcome::Succeeded => {
            stage.result(called.result.as_deref().unwrap_or("()"), called.gas_used)?;
        }
        Ok(called) => stage.failed(&called.errors.join("; "), called.gas_used)?,
        Err(Failure::Error(error)) => stage.refused(&error)?,
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Sends a transaction as `ledger transact` does, and shows what it did.
async fn show_transaction(
    node: &str,
    target: Target,
    function: &str,
    wave: &str,
    stage: &Stage,
) -> Result<(), Failure> {
    stage.command("transact", target, &format!("{function} '{wave}'"))?;
    send(invocation(node, target, function, wave), stage).await
}

/// Sends a transaction of several calls, and shows what it did.
async fn show_steps(node: &str, steps: &[&str], stage: &Stage) -> Result<(), Failure> {
    stage.command("transact", "--steps -", "")?;
    steps.iter().try_for_each(|step| stage.line(step))?;
    send(of_steps(node, steps.iter().map(ToString::to_string).collect()), stage).await
}

async fn send(invocation: InvocationArguments, stage: &Stage) -> Result<(), Failure> {
    let arguments = TransactArguments {
        invocation,
        references: Vec::new(),
        read_only: false,
        latest: false,
        version: None,
        valid_until: None,
        nonce: None,
    };
    let document = match transact::transact(&arguments, |_| ()).await {
        Ok(document) => document,
        Err(Failure::Error(error)) => return Ok(stage.refused(&error)?),
        Err(other) => return Err(other),
    };
    let mut lines = Lines::default();
    document.call.describe(&mut lines);
    lines.add("in block", document.height);
    stage.lines(&lines)?;
    match document.call.outcome {
        Outcome::Succeeded => stage.result(document.call.result.as_deref().unwrap_or("()"), document.call.gas_used)?,
        Outcome::Failed | Outcome::Invalid => stage.failed(&document.call.errors.join("; "), document.call.gas_used)?,
    }
    Ok(())
}

fn invocation(node: &str, target: Target, function: &str, wave: &str) -> InvocationArguments {
    let (function, arguments) = (Some(function.to_owned()), wave.to_owned());
    InvocationArguments { target: Some(target), function, arguments, ..of_steps(node, Vec::new()) }
}

fn of_steps(node: &str, step: Vec<String>) -> InvocationArguments {
    InvocationArguments {
        target: None,
        function: None,
        arguments: String::new(),
        surplus: Vec::new(),
        steps: None,
        step,
        node: NodeArguments { url: node.to_owned() },
        gas_limit: None,
        json: false,
    }
}

async fn deploy(node: &str, contract: ComponentHash, stage: &Stage) -> Result<(), Failure> {
    stage.command("deploy", contract, "")?;
    let committed = NodeClient::new(node)?.deploy(&contract, None).await?;
    stage.say(format_args!("  in block {} ({} gas)", committed.height, committed.receipt.gas_used))?;
    Ok(())
}

async fn verify_chain(data_dir: &Path, stage: &Stage) -> Result<(), Failure> {
    stage.command("verify", format_args!("--data-dir {}", data_dir.display()), "")?;
    let data_dir = data_dir.to_owned();
    let verified = tokio::task::spawn_blocking(move || verify::verify_data(&data_dir)).await;
    let verification = verified.context("verifying ended in a defect")?.map_err(anyhow::Error::from)?;
    stage.say(format_args!(
        "  {} blocks, {} transactions, state root {}",
        verification.blocks,
        verification.transactions,
        verification.state_root.to_hex()
    ))?;
    Ok(())
}
