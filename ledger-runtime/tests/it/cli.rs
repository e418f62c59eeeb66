//! The command as a user runs it: a node in a process of its own, with a real registry, and commands that ask it.

use crate::build;
use crate::support::RunningRegistry;
use assert_cmd::Command;
use registry_core::id::ComponentHash;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn ledger() -> Command {
    let mut command = Command::cargo_bin("ledger").unwrap();
    for name in ["LEDGER_REGISTRY", "LEDGER_GENESIS", "LEDGER_LISTEN", "LEDGER_DATA_DIR", "LEDGER_NODE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

fn hash(name: &str) -> String {
    ComponentHash::of(&build::example(name)).to_string()
}

fn write_genesis(directory: &Path, contracts: &[String]) -> std::path::PathBuf {
    let path = directory.join("genesis.json");
    let genesis = serde_json::json!({"format": 1, "chain_id": "cli", "contracts": contracts});
    std::fs::write(&path, genesis.to_string()).unwrap();
    path
}

/// A node in a process of its own; it is killed when the test ends.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    pub(crate) fn start(registry: &str, directory: &Path, contracts: &[String]) -> Self {
        let genesis = write_genesis(directory, contracts);
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("ledger"))
            .args(["serve", "--listen", "127.0.0.1:0", "--registry", registry])
            .arg("--genesis")
            .arg(genesis)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim_end().to_owned() }
    }

    pub(crate) fn ask(&self, command: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
        ledger().arg(command).args(arguments).args(["--node", &self.url]).assert()
    }

    /// Ends it as a service manager does, and gives its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn output(assert: &assert_cmd::assert::Assert) -> (String, String, i32) {
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_served_and_asked() {
    let (registry, _) = RunningRegistry::with_examples(&build::EXAMPLES).await;
    let directory = tempfile::tempdir().unwrap();
    let contracts = [hash("arithmetic"), hash("shop"), hash("counter")];
    let node = Process::start(&registry.url, directory.path(), &contracts);
    assert!(node.url.starts_with("wrpc+tcp://127.0.0.1:"), "{}", node.url);

    let (stdout, stderr, code) = output(&node.ask("call", &[&contracts[0], "gcd", "12, 18"]));
    assert_eq!((stdout.as_str(), code), ("6\n", 0));
    assert!(stderr.starts_with("gas used: 10"), "{stderr}");

    let items = r#"[{name: "tea", unit-price: 450, quantity: 3}], percent(10), {express, gift-wrap}, some("hi")"#;
    let (stdout, _, _) = output(&node.ask("call", &[&contracts[1], "order", items]));
    assert_eq!(stdout, "ok({lines: 1, total: 1965, service: {express, gift-wrap}, note: some(\"hi\")})\n");
    let (stdout, _, _) = output(&node.ask("call", &[&contracts[1], "cheapest", "[]"]));
    assert_eq!(stdout, "none\n");

    let (stdout, _, _) = output(&node.ask("call", &[&contracts[2], "demo:counting/counters@0.1.0#clamp", "2000"]));
    assert_eq!(stdout, "1000\n");
    let (stdout, _, _) = output(&node.ask("call", &[&contracts[2], "counters#[static]counter.highest"]));
    assert_eq!(stdout, "1000\n");

    // A contract outside the genesis.
    let (stdout, stderr, code) = output(&node.ask("call", &[&hash("endless"), "run", "--gas-limit", "50000"]));
    assert_eq!((stdout.as_str(), code), ("", 1));
    assert_eq!(
        stderr,
        "gas used: 50000\nerror: the call failed\nCaused by: out of gas: the gas limit of 50000 was reached\n"
    );

    let (stdout, _, _) = output(&node.ask("wit", &[&contracts[1]]));
    assert!(stdout.contains("import demo:goods/types@0.1.0;") && !stdout.contains("package demo:goods"), "{stdout}");
    let (stdout, _, _) = output(&node.ask("wit", &[&contracts[1], "--resolve"]));
    let mut resolve = wit_parser::Resolve::default();
    assert!(resolve.push_str("contract.wit", &stdout).is_ok(), "{stdout}");

    assert_eq!(node.terminate(), Some(0));
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_same_members_whatever_comes_of_a_call() {
    let (registry, _) = RunningRegistry::with_examples(&build::EXAMPLES).await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[hash("arithmetic")]);
    let json = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let (stdout, stderr, code) = output(&node.ask("call", &arguments));
        (serde_json::from_str::<serde_json::Value>(&stdout).unwrap_or_default(), stderr, code)
    };
    let arithmetic = hash("arithmetic");
    let (value, stderr, code) = json(&[&arithmetic, "gcd", "12, 18"]);
    let gas_used = value["gas_used"].as_u64().unwrap();
    assert_eq!(
        value,
        serde_json::json!({"valid": true, "outcome": "succeeded", "result": "6", "gas_used": gas_used, "errors": []})
    );
    assert_eq!((stderr.as_str(), code), ("", 0));

    let (value, _, code) = json(&[&arithmetic, "fibonacci", "94"]);
    assert_eq!((&value["valid"], &value["outcome"]), (&serde_json::json!(false), &serde_json::json!("failed")));
    assert_eq!(value["result"], serde_json::Value::Null);
    assert!(value["gas_used"].as_u64().unwrap() > 10_000);
    assert_eq!(value["errors"][0], "trap: the contract stopped itself (`unreachable`)");
    assert_eq!(code, 1);

    let unknown = format!("p2:c{}", "0".repeat(64));
    for (arguments, part) in [
        ([unknown.as_str(), "gcd", "12, 18"], "the registry has no component p2:c000"),
        ([&arithmetic, "nothing", ""], "the contract has no function `nothing`"),
        ([&arithmetic, "gcd", "12, true"], "argument 2 (`b`): expected u64"),
        ([&hash("foreign-import"), "hour", ""], "it holds the function `now`"),
        ([&hash("counter"), "counters#sum", "[]"], "holds a handle of the resource `counter`"),
    ] {
        let (value, stderr, code) = json(&arguments);
        assert_eq!(value["valid"], false, "{stderr}");
        assert_eq!(value["gas_used"], 0);
        assert!(value["errors"][0].as_str().unwrap().contains(part), "{value}");
        let error: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(part), "{stderr}");
        assert!(error["error"].as_object().unwrap().contains_key("hint"), "{stderr}");
        assert_eq!(code, 1);
        assert_eq!((value.as_object().unwrap().len(), &value["outcome"]), (5, &serde_json::json!("invalid")));
    }

    let (value, stderr, code) = json(&[&arithmetic, "gcd", "12, 18", "--gas-limit", "18446744073709551615"]);
    assert_eq!((&value["valid"], code), (&serde_json::Value::Bool(false), 1), "{stderr}");
    assert!(value["errors"][0].as_str().unwrap().contains("over the maximum"), "{value}");

    let (stdout, _, code) = output(&node.ask("wit", &[&arithmetic, "--json"]));
    let wit: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&wit["entrypoint"], code), (&serde_json::json!("root:component/root"), 0));
    assert!(wit["wit"].as_str().unwrap().contains("export gcd: func"), "{stdout}");
    for name in ["arithmetic", "counter", "endless", "shop"] {
        // None of them is one of Starstream's, so there is nothing to explain.
        let (text, _, _) = output(&node.ask("wit", &[&hash(name)]));
        let (stdout, _, _) = output(&node.ask("wit", &[&hash(name), "--json"]));
        let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(document, serde_json::json!({ "wit": text, "entrypoint": "root:component/root" }));
    }

    drop(node);
    for command in [vec!["call", &arithmetic, "gcd", "12, 18"], vec!["wit", &arithmetic]] {
        let asked = ledger().args(command).args(["--json", "--node", "wrpc+tcp://127.0.0.1:1"]).assert();
        let (stdout, stderr, code) = output(&asked);
        let error: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().starts_with("cannot reach the node"), "{stderr}");
        assert!(error["error"]["hint"].as_str().unwrap().starts_with("is the node running"), "{stderr}");
        assert_eq!((stdout.as_str(), code), ("", 1));
    }
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_to_do() {
    let (registry, _) = RunningRegistry::with_examples(&["arithmetic", "counter", "foreign-import"]).await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[hash("arithmetic")]);
    let (_, stderr, code) = output(&node.ask("call", &[&hash("arithmetic"), "gcd", "12, \"x\""]));
    assert_eq!(
        stderr,
        "error: argument 2 (`b`): expected u64\n\n12, \"x\"\n    ^^^\n\nhint: gcd is (a: u64, b: u64) -> u64\n"
    );
    assert_eq!(code, 1);
    let (_, stderr, _) = output(&node.ask("call", &[&hash("arithmetic"), "lcm", "1, 2"]));
    assert_eq!(stderr, "error: the contract has no function `lcm`\nhint: it has `fibonacci`, `gcd`\n");
    let (_, stderr, code) = output(&node.ask("call", &[&hash("arithmetic"), "gcd"]));
    assert_eq!(stderr, "error: argument 1 (`a`) is missing: u64\nhint: gcd is (a: u64, b: u64) -> u64\n");
    assert_eq!(code, 1);
    for arguments in [vec!["1", "2"], vec!["1,", "2"]] {
        let (_, stderr, code) =
            output(&node.ask("call", &[&[hash("arithmetic").as_str(), "gcd"], &arguments[..]].concat()));
        assert!(stderr.contains("one argument of the command: '1, 2'"), "{stderr}");
        assert_eq!(code, 2);
    }
    let (_, stderr, code) = output(&node.ask("call", &[&hash("arithmetic"), "gcd", "-5, 3"]));
    assert!(stderr.contains("argument 1 (`a`): expected u64"), "{stderr}");
    assert_eq!(code, 1);
    for (arguments, part) in [
        (vec!["--jsn"], "it is no option of this command"),
        (vec!["--gas", "5", "1, 2"], "it is no option of this command"),
        (vec!["1, 2", "--jsn"], "--json"),
        (vec!["1, 2", "--gas-limit", "-1"], "'--gas-limit <GAS>'"),
    ] {
        let (_, stderr, code) =
            output(&node.ask("call", &[&[hash("arithmetic").as_str(), "gcd"], &arguments[..]].concat()));
        assert!(stderr.contains(part), "{stderr}");
        assert_eq!(code, 2);
    }
    for name in ["gdc", "GCD", "gcdd"] {
        let (_, stderr, _) = output(&node.ask("call", &[&hash("arithmetic"), name, "1, 2"]));
        assert!(stderr.contains("hint: did you mean `gcd`? There are `fibonacci`, `gcd`"), "{stderr}");
    }
    for (name, meant) in [
        ("clamp", "counters#clamp"),
        ("countrs#clamp", "counters#clamp"),
        ("highest", "counters#[static]counter.highest"),
        ("counters#counter.highest", "counters#[static]counter.highest"),
    ] {
        let (_, stderr, _) = output(&node.ask("call", &[&hash("counter"), name, "1"]));
        assert!(stderr.contains(&format!("did you mean `{meant}`?")), "{stderr}");
    }
    let (_, stderr, _) = output(&node.ask("wit", &[&hash("foreign-import")]));
    assert!(stderr.contains(&format!("`registry show --wit {}`", hash("foreign-import"))), "{stderr}");
    let (_, stderr, code) = output(&node.ask("call", &["p2:w00", "gcd"]));
    assert!(stderr.contains("is not the hash of a component"), "{stderr}");
    assert_eq!(code, 2);
    for name in ["demo:shop", "demo:shop@0.1"] {
        let (_, stderr, code) = output(&node.ask("wit", &[name]));
        assert!(stderr.contains("by hash only") && stderr.contains("`registry show demo:shop`"), "{stderr}");
        assert_eq!(code, 2);
    }
    drop(node);

    let url = "wrpc+tcp://127.0.0.1:1";
    let (stdout, stderr, code) = output(&ledger().args(["wit", &hash("shop"), "--node", url]).assert());
    assert!(stderr.starts_with("error: cannot reach the node at `127.0.0.1:1`\nCaused by: "), "{stderr}");
    assert!(stderr.contains("hint: is the node running"), "{stderr}");
    assert_eq!((stdout.as_str(), code), ("", 1));
    let (_, stderr, code) = output(&ledger().args(["wit", &hash("shop"), "--node", "http://x"]).assert());
    assert!(stderr.contains("`http://x` is not the URL of a node"), "{stderr}");
    assert_eq!(code, 2);

    let serve = |contracts: &[String], registry: &str| {
        let directory = tempfile::tempdir().unwrap();
        let genesis = write_genesis(directory.path(), contracts);
        let mut command = ledger();
        command.args(["serve", "--listen", "127.0.0.1:0", "--registry", registry, "--genesis"]).arg(genesis);
        let assert = command.arg("--data-dir").arg(directory.path().join("data")).assert();
        output(&assert)
    };
    let unknown = format!("p2:c{}", "0".repeat(64));
    let (stdout, stderr, code) = serve(&[hash("arithmetic"), hash("foreign-import"), unknown], &registry.url);
    assert!(stderr.contains("error: 2 of 3 contracts of the genesis cannot be used:"), "{stderr}");
    assert!(stderr.contains("it holds the function `now`"), "{stderr}");
    assert!(stderr.contains("the registry has no component p2:c000"), "{stderr}");
    assert!(stderr.contains("data directory: "), "{stderr}");
    assert_eq!((stdout.as_str(), code), ("", 1));
    let (_, stderr, code) = serve(&[], "ftp://x");
    assert!(stderr.contains("`ftp://x` is not the URL of a registry"), "{stderr}");
    assert_eq!(code, 2);
    registry.stop().await;
}

/// Nothing has to be there for a chain of one's own, not even a registry.
#[test]
fn a_node_alone_is_a_local_chain() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("ledger"))
        .args(["serve", "--listen", "127.0.0.1:0", "--registry", "http://127.0.0.1:1", "--data-dir"])
        .arg(directory.path())
        .env_remove("LEDGER_GENESIS")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let (stdout, _, code) = output(&ledger().args(["status", "--json", "--node", url.trim_end()]).assert());
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&status["chain"], code), (&"local".into(), 0));
    let process = Process { child, url };
    process.signal("-TERM");
    let mut process = process;
    let mut log = String::new();
    process.child.stderr.as_mut().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    assert!(log.contains("the node received SIGTERM"), "{log}");
    assert!(log.trim_end().ends_with("stopped at height 0"), "{log}");
}

/// A request that is never sent whole is waited for, unless a person does not want to wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_at_once() {
    let (registry, _) = RunningRegistry::with_examples(&["arithmetic"]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut node = Process::start(&registry.url, directory.path(), &[hash("arithmetic")]);
    let address = node.url.strip_prefix("wrpc+tcp://").unwrap().to_owned();
    let mut stuck = std::net::TcpStream::connect(&address).unwrap();
    stuck.write_all(&[0]).unwrap();
    // Once this is answered, the connection before it was accepted.
    assert_eq!(output(&node.ask("wit", &[&hash("arithmetic")])).2, 0);
    node.signal("-INT");
    while std::net::TcpStream::connect(&address).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(node.child.try_wait().unwrap(), None);
    let asked = Instant::now();
    node.signal("-INT");
    assert_eq!(node.child.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5));
    registry.stop().await;
}

/// A node that is killed right after it became ready has everything; a restart needs no registry.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_loses_nothing() {
    let (registry, _) = RunningRegistry::with_examples(&["arithmetic", "shop"]).await;
    let directory = tempfile::tempdir().unwrap();
    let contracts = [hash("arithmetic"), hash("shop")];
    let url = registry.url.clone();
    drop(Process::start(&url, directory.path(), &contracts));
    registry.stop().await;
    let node = Process::start(&url, directory.path(), &contracts);
    let (stdout, _, _) = output(&node.ask("call", &[&contracts[0], "fibonacci", "90"]));
    assert_eq!(stdout, "2880067194370816120\n");
    let (_, stderr, code) = output(&node.ask("call", &[&hash("counter"), "counters#clamp", "1"]));
    assert!(stderr.contains("the registry cannot be used"), "{stderr}");
    assert!(stderr.contains("hint: is the registry running?"), "{stderr}");
    assert_eq!(code, 1);
}

#[test]
fn help_shows_examples() {
    let commands = [
        "serve",
        "call",
        "transact",
        "deploy",
        "utxo",
        "utxos",
        "token",
        "tokens",
        "block",
        "transaction",
        "contract",
        "status",
        "wit",
        "demo",
    ];
    let of_commands = commands.map(|command| vec![command, "--help"]);
    for arguments in [vec!["--help"]].into_iter().chain(of_commands) {
        let (stdout, _, code) = output(&ledger().args(&arguments).assert());
        assert!(stdout.contains("Examples:\n  ledger "), "{stdout}");
        assert_eq!(code, 0);
    }
}

/// A demo that cannot be shown leaves nothing behind. One that names no WASI where there is none goes on without it.
#[test]
fn a_demo_needs_the_wasi_that_it_names_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("demo");
    let demo = || {
        let mut command = ledger();
        command
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(directory.path())
            .arg("demo")
            .arg("--data-dir")
            .arg(&folder);
        command
    };
    let (stdout, stderr, code) = output(&demo().args(["--wasi", "nowhere"]).assert());
    assert!(stderr.contains("hint: name a folder of WIT packages") && stderr.contains("--wasi DIR"), "{stderr}");
    assert_eq!((stdout.as_str(), code), ("", 1));
    assert!(!folder.exists());

    let (stdout, stderr, code) = output(&demo().assert());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("left out: there is no WASI 0.2 to publish") && stdout.contains("state root"), "{stdout}");
    assert!(!stdout.contains("wasi-http") && !stdout.contains("backtrace"), "{stdout}");
}

/// The demo is what a newcomer runs first; what it leaves behind is what it says.
#[test]
fn the_demo_runs_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("demo");
    let (stdout, stderr, code) = output(&ledger().arg("demo").arg("--data-dir").arg(&folder).assert());
    assert_eq!(code, 0, "{stderr}");
    for part in [
        "wasi:http@0.2",
        "ledger call p2:c",
        "21 (10140 gas)",
        "failed: out of gas: the gas limit of 10000000 was reached",
        "refused: argument 2 (`b`): expected u64",
        "holds a handle of the resource `counter`",
        "it holds the function `now`",
        "created p2:u",
        "event starstream:events/counting.stopped(82)",
        "was consumed in block 4",
        "was consumed earlier in the same transaction",
        "the registry cannot be used",
        "t.attach(u)",
        "{amount: 7, moves: 1} held by p2:u",
        "is bound to no UTXO at the end of the transaction",
        "10 blocks, 13 transactions, state root ",
        "ledger -- transact p2:c",
    ] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
    assert!(folder.join("genesis.json").is_file());
    assert!(folder.join("wasi-http").is_dir());

    let (_, stderr, code) = output(&ledger().arg("demo").arg("--data-dir").arg(&folder).assert());
    assert!(stderr.contains("is not empty"), "{stderr}");
    assert_eq!(code, 1);
}
