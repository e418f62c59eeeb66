//! The chain through the command, as a user has it: a registry, a node in a process of its own, and a whole life of a UTXO.

use crate::chain_support::starstream;
use crate::cli::{Process, ledger, output};
use crate::support::RunningRegistry;
use registry_core::closure::Closure;
use registry_core::component::DecodedComponent;
use registry_core::limits::Limits;
use registry_core::starstream::Contract;
use serde_json::{Value as Json, json};
use std::path::Path;

async fn published(registry: &RunningRegistry, name: &str) -> String {
    registry.publish(starstream(name)).await.to_string()
}

/// What a command prints on stdout as JSON, with what it says on stderr and its exit code.
fn ask_json(node: &Process, command: &str, arguments: &[&str]) -> (Json, String, i32) {
    let arguments = [arguments, &["--json"]].concat();
    let (stdout, stderr, code) = output(&node.ask(command, &arguments));
    (serde_json::from_str(&stdout).unwrap_or_default(), stderr, code)
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wit_of_a_contract_begins_with_its_explanation_and_stays_wit() {
    let registry = RunningRegistry::start().await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    for name in ["coin", "counter", "effects", "transfer"] {
        let contract = published(&registry, name).await;
        let (plain, stderr, code) = output(&node.ask("wit", &[&contract, "--plain"]));
        assert!(code == 0 && plain.starts_with("package root:component;\n"), "{stderr}");
        let explanation = explanation(name);
        for arguments in [vec![contract.as_str()], vec![&contract, "--resolve"]] {
            let (explained, _, _) = output(&node.ask("wit", &arguments));
            let parsed = wit_parser::Resolve::default().push_str("contract.wit", &explained);
            assert_eq!(parsed.err().map(|error| error.to_string()), None, "{explained}");
            let comment = explained.strip_suffix(&plain).unwrap();
            assert_eq!(comment.replace("// ", "").replace("//\n", "\n"), format!("{explanation}\n"));
        }

        let (document, _, _) = ask_json(&node, "wit", &[&contract]);
        assert_eq!((text(&document["wit"]), text(&document["entrypoint"])), (plain.as_str(), "root:component/root"));
        assert_eq!(document["starstream"], serde_json::to_value(&explanation).unwrap());
        let (document, _, _) = ask_json(&node, "wit", &[&contract, "--plain"]);
        assert_eq!(document.as_object().unwrap().keys().collect::<Vec<_>>(), ["entrypoint", "wit"]);
    }
    registry.stop().await;
}

/// What a contract of the data set is in Starstream's terms, read from its bytes.
fn explanation(name: &str) -> Contract {
    let (bytes, nothing) = (starstream(name), Closure { packages: Vec::new() });
    let component = DecodedComponent::decode(&bytes, &Limits::default()).unwrap();
    let component = component.verify(&nothing, &Limits::default()).unwrap();
    Contract::of(component.wit().resolve(), component.world().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_lives_on_the_command_line() {
    let registry = RunningRegistry::start().await;
    let counter = published(&registry, "counter").await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    let first = format!("{counter}#0");

    let (stdout, stderr, code) = output(&node.ask("deploy", &[&counter]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains(&format!("deployed     {counter}\n")) && stdout.contains("block        1 ("), "{stdout}");
    // From now on nobody needs the registry.
    registry.stop().await;

    let (stdout, stderr, code) = output(&node.ask("transact", &[&counter, "counter::start", "77"]));
    assert_eq!(code, 0, "{stderr}");
    let line = stdout.lines().find(|line| line.starts_with("created ")).unwrap();
    let utxo = line.split_whitespace().nth(1).unwrap().to_owned();
    assert!(line.ends_with(&format!("({first})")), "{stdout}");
    assert!(stdout.contains(&format!("result       \"{utxo}\"\n")), "{stdout}");
    assert!(stdout.contains(&format!("offers now   {utxo}: bump, stop, value\n")), "{stdout}");

    let (bumped, stderr, code) = ask_json(&node, "transact", &[&first, "bump", "5"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        (&bumped["outcome"], &bumped["height"], &bumped["result"]),
        (&json!("succeeded"), &json!(3), &Json::Null)
    );
    assert_eq!(bumped["changed"][0], json!({ "utxo": utxo, "version": 1 }));

    let (bumped_shown, _, _) = ask_json(&node, "transaction", &[text(&bumped["transaction"])]);
    let (stdout, stderr, _) = output(&node.ask("call", &[&utxo, "value"]));
    assert_eq!(stdout, "82\n");
    assert!(
        stderr.contains(&format!("read  {utxo} ({counter}#0, counter)\n")) && stderr.contains("gas used: "),
        "{stderr}"
    );
    let (called, _, _) = ask_json(&node, "call", &[&counter, "create-bumped", "10, 5"]);
    assert_eq!((&called["valid"], &called["outcome"]), (&json!(true), &json!("succeeded")));
    assert_eq!((&called["result"], called["created"].as_array().unwrap().len()), (&json!("20"), 1));

    let (shown, _, _) = ask_json(&node, "utxo", &[&first]);
    assert_eq!(shown["callable"], json!(["bump", "stop", "value"]));
    assert_eq!((text(&shown["type"]), &shown["version"], text(&shown["utxo"])), ("counter", &json!(1), utxo.as_str()));
    assert_eq!(shown["status"], "live");
    assert!(text(&shown["state"]).starts_with("{yield: 1, total: 82, "), "{shown}");
    let (stdout, _, _) = output(&node.ask("utxo", &[&utxo]));
    assert!(stdout.contains("callable  bump, stop, value\n") && stdout.contains("version   1\n"), "{stdout}");

    let (failed, stderr, code) = ask_json(&node, "transact", &[&counter, "use-after-stop", "7"]);
    assert_eq!((&failed["outcome"], &failed["failure"], code), (&json!("failed"), &json!("refused"), 1));
    assert!(failed["gas_used"].as_u64().unwrap() > 0 && stderr.contains("the transaction failed"), "{stderr}");
    assert!(stderr.contains("\"code\":\"failed(refused)\""), "{stderr}");
    let (stdout, stderr, _) = output(&node.ask("transact", &[&counter, "use-after-stop", "7"]));
    assert!(stdout.contains("\nfailure      refused: "), "{stdout}");
    // Whoever gives up waiting knows what to ask for.
    let id = stdout.lines().next().unwrap().split_whitespace().nth(1).unwrap();
    assert!(stderr.starts_with(&format!("sent {id}\n")), "{stderr}");
    for (version, part) in [("0", "version 0"), ("7", "version 7")] {
        let (_, stderr, code) = ask_json(&node, "transact", &[&first, "bump", "1", "--version", version]);
        assert!(stderr.contains("invalid-transaction(stale-version)") && stderr.contains(part), "{stderr}");
        assert_eq!(code, 1);
    }

    let (stdout, _, code) = output(&node.ask("transact", &[&utxo, "stop"]));
    assert!(stdout.contains("event        starstream:events/counting.stopped(82)\n"), "{stdout}");
    assert!(stdout.contains(&format!("consumed     {utxo} ({counter}#0, counter)\n")), "{stdout}");
    assert_eq!(code, 0);
    let stopped = stdout.lines().next().unwrap().split_whitespace().nth(1).unwrap();
    for arguments in [vec![utxo.as_str(), "value"], vec![first.as_str(), "bump", "1"]] {
        for command in ["call", "transact"] {
            let (_, stderr, code) = output(&node.ask(command, &arguments));
            assert!(stderr.contains("was consumed in block 6\nhint: a UTXO is consumed once"), "{stderr}");
            assert_eq!(code, 1);
        }
    }
    let (consumed, _, _) = ask_json(&node, "utxo", &[&utxo]);
    assert_eq!((&consumed["status"], &consumed["consumed_at"]), (&json!("consumed"), &json!(6)));

    assert_eq!((text(&consumed["name"]), text(&consumed["type"])), (first.as_str(), "counter"));
    // What a transaction did is shown as before, also when its UTXO is no more.
    let (later, _, _) = ask_json(&node, "transaction", &[text(&bumped["transaction"])]);
    assert_eq!(later, bumped_shown);
    assert_eq!(later["call"], json!({ "target": utxo, "function": "bump", "arguments": "5" }));
    let (shown, _, _) = ask_json(&node, "transaction", &[stopped]);
    assert_eq!((&shown["call"]["function"], &shown["height"]), (&json!("stop"), &json!(6)));
    assert_eq!(shown["events"][0]["arguments"], "82");
    let (shown, _, _) = ask_json(&node, "transaction", &[text(&bumped["transaction"])]);
    assert_eq!(shown["inputs"][0], json!({ "utxo": utxo, "version": 0 }));
    let (block, _, _) = ask_json(&node, "block", &["4"]);
    assert_eq!(block["transactions"][0]["failure"], "refused");
    assert_eq!(block["transactions"][0]["outcome"], "failed");
    let (stdout, _, _) = output(&node.ask("block", &[]));
    assert!(stdout.contains("height             6\n") && stdout.contains(stopped), "{stdout}");
    let (status, _, _) = ask_json(&node, "status", &[]);
    assert_eq!((&status["chain"], &status["header"]["height"]), (&json!("cli"), &json!(6)));
    let (stdout, _, _) = output(&node.ask("status", &[]));
    assert!(stdout.starts_with("chain         cli\nheight        6\n"), "{stdout}");
    let (contract, _, _) = ask_json(&node, "contract", &[&counter]);
    assert_eq!(contract["utxos_so_far"], 1);
    assert_eq!(contract["functions"][4], json!({ "name": "counter::start", "signature": "(first: s64) -> counter" }));
    let (stdout, _, _) = output(&node.ask("contract", &[&counter]));
    assert!(stdout.contains("counter::start(first: s64) -> counter\n"), "{stdout}");
    assert!(stdout.contains("method          bump(n: s64) of counter\n"), "{stdout}");
    assert_eq!(node.terminate(), Some(0));

    // Everything is there after a start without a registry.
    let node = Process::start(&registry_gone(), directory.path(), &[]);
    let (consumed, _, _) = ask_json(&node, "utxo", &[&first]);
    assert_eq!(consumed["utxo"], utxo.as_str());
    let (created, _, code) = ask_json(&node, "transact", &[&counter, "create", "3"]);
    assert_eq!((&created["created"][0]["name"], code), (&json!(format!("{counter}#1")), 0));
    let (stdout, stderr, _) = output(&node.ask("utxos", &[]));
    assert!(stdout.contains(&format!("{counter}#1  counter  version 0\n")) && stderr.is_empty(), "{stdout}{stderr}");
}

/// The URL of a registry that is not there.
fn registry_gone() -> String {
    "http://127.0.0.1:1".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_gas_limit_asks_for_what_the_contract_allows() {
    let (registry, _) = RunningRegistry::with_examples(&["arithmetic"]).await;
    let counter = published(&registry, "counter").await;
    let arithmetic = registry_core::id::ComponentHash::of(&crate::build::example("arithmetic")).to_string();
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    for contract in [&counter, &arithmetic] {
        let (_, stderr, code) = output(&node.ask("deploy", &[contract, "--gas-limit-max", "10000000"]));
        assert_eq!(code, 0, "{stderr}");
    }
    let (created, stderr, code) = ask_json(&node, "transact", &[&counter, "create", "1"]);
    assert_eq!(code, 0, "{stderr}");
    let (sent, _, _) = ask_json(&node, "transaction", &[text(&created["transaction"])]);
    assert_eq!(sent["gas_limit"], 10_000_000);
    let (_, stderr, code) = output(&node.ask("call", &[&counter, "create", "1"]));
    assert_eq!(code, 0, "{stderr}");
    // A plain function too, which needs no chain: its contract is deployed.
    let (stdout, stderr, _) = output(&node.ask("call", &[&arithmetic, "gcd", "12, 18"]));
    assert_eq!(stdout, "6\n", "{stderr}");
    let (_, stderr, code) = ask_json(&node, "call", &[&arithmetic, "gcd", "12, 18", "--gas-limit", "10000001"]);
    assert!(stderr.contains("\"code\":\"gas-limit-too-high\"") && stderr.contains("10000000"), "{stderr}");
    assert_eq!(code, 1);
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_called_now_is_told() {
    let registry = RunningRegistry::start().await;
    let escrow = published(&registry, "escrow").await;
    let adder = registry.publish(crate::chain_rpc::adder()).await.to_string();
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    for contract in [&escrow, &adder] {
        assert_eq!(output(&node.ask("deploy", &[contract])).2, 0);
    }
    let (stdout, _, _) = output(&node.ask("transact", &[&escrow, "escrow::open", "5"]));
    assert!(stdout.contains(": held, refund, release, top-up\n"), "{stdout}");
    for command in ["call", "transact"] {
        let (_, stderr, code) = output(&node.ask(command, &[&format!("{escrow}#0"), "take"]));
        assert!(stderr.contains("hint: the UTXO offers now: held, refund, release, top-up\n"), "{stderr}");
        assert_eq!(code, 1);
    }
    let (_, stderr, _) = ask_json(&node, "transact", &[&format!("{escrow}#0"), "take"]);
    assert!(stderr.contains("\"code\":\"invalid-transaction(not-callable)\""), "{stderr}");
    let (stdout, _, _) = output(&node.ask("transact", &[&format!("{escrow}#0"), "release"]));
    assert!(stdout.contains(": held, take\n"), "{stdout}");

    // A contract that keeps a state itself: without a UTXO it is dropped.
    for command in ["call", "transact"] {
        let (_, stderr, code) = output(&node.ask(command, &[&adder, "add", "5"]));
        assert!(stderr.contains("is dropped: `::add` makes a UTXO") && code == 0, "{stderr}");
    }
    let (stdout, stderr, _) = output(&node.ask("transact", &[&adder, "::add", "5"]));
    assert!(stdout.contains(": all functions\n") && !stderr.contains("hint"), "{stdout}{stderr}");
    let (stdout, _, _) = output(&node.ask("contract", &[&adder]));
    assert!(stdout.contains("::add(n: u64) -> u64\n") && !stdout.contains("get-storage"), "{stdout}");
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_chain_say_what_to_do() {
    let registry = RunningRegistry::start().await;
    let (counter, transfer) = (published(&registry, "counter").await, published(&registry, "transfer").await);
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    let failed = |command: &str, arguments: &[&str], parts: &[&str]| {
        let (_, stderr, code) = output(&node.ask(command, arguments));
        for part in parts {
            assert!(stderr.contains(part), "{part}: {stderr}");
        }
        assert_eq!(code, 1, "{stderr}");
    };
    failed("transact", &[&counter, "create", "1"], &["is not deployed", "hint: `ledger deploy`"]);
    failed("utxo", &[&format!("{counter}#0")], &["the chain has no UTXO", "hint: `ledger utxos` lists"]);
    failed("contract", &[&counter], &["the chain has no contract", "hint: `ledger deploy`"]);
    failed("block", &["9"], &["the chain has no block `9`", "hint: `ledger status`"]);
    failed("utxos", &["--contract", &counter], &["the chain has no contract", "hint: `ledger deploy`"]);
    failed("transaction", &[&format!("p2:t{}", "0".repeat(64))], &["the chain has no transaction"]);
    failed("deploy", &[&format!("p2:c{}", "0".repeat(64))], &["the registry has no component"]);
    for contract in [&counter, &transfer] {
        assert_eq!(output(&node.ask("deploy", &[contract])).2, 0);
    }
    // What is deployed already is what was asked for, but not with another limit.
    let (again, stderr, code) = ask_json(&node, "deploy", &[&counter]);
    assert_eq!((&again["height"], &again["deployed"], code), (&json!(1), &json!(counter), 0), "{stderr}");
    let (_, stderr, code) = output(&node.ask("deploy", &[&transfer]));
    assert_eq!((stderr.as_str(), code), ("deployed already in block 2\n", 0));
    failed("deploy", &[&counter, "--gas-limit-max", "20000000"], &["is deployed already"]);
    failed("transact", &[&counter, "bump", "1"], &["is a method of UTXOs of the type `counter`", "name a UTXO"]);
    failed("transact", &[&counter, "creat", "1"], &["no function `creat`", "did you mean `create`?"]);
    failed(
        "transact",
        &[&counter, "create", "true"],
        &["argument 1 (`first`): expected s64\n\ntrue\n^^^^\n", "create is (first: s64)"],
    );
    failed(
        "transact",
        &[&transfer, "send", "\"x\", \"y\", 1"],
        &["argument 1 (`source`): `x` is not the id of a UTXO"],
    );
    failed(
        "transact",
        &[&counter, "create", "1", "--valid-until", "0"],
        &["was valid until height 0", "--valid-until"],
    );
    failed("transact", &[&counter, "create", "1", "--gas-limit", "100000001"], &["is over the maximum of 100000000"]);
    failed("transact", &[&counter, "create", "1", "--gas-limit", "10"], &["below the 10016 gas", "hint: ask for more"]);
    failed("transact", &[&counter, "create", "1", "--gas-limit", "10016"], &["the transaction failed", "out of gas"]);
    assert_eq!(output(&node.ask("transact", &[&counter, "counter::start", "1"])).2, 0);
    let first = format!("{counter}#0");
    failed("transact", &[&first, "bmp", "1"], &["has no method `bmp`", "did you mean `bump`?"]);
    failed("transact", &[&first, "bump", "1", "--read-only"], &["the transaction failed"]);
    let repeated = [first.as_str(), "bump", "1", "--latest", "--nonce", "7", "--valid-until", "100"];
    assert_eq!(output(&node.ask("transact", &repeated)).2, 0);
    failed("transact", &repeated, &["already", "hint: `ledger transaction`"]);

    // Every error has a code, also one that the client finds itself.
    let unknown = format!("{counter}#9");
    for (arguments, code) in [
        (&repeated[..], "invalid-transaction(repeated)"),
        (&[&counter, "creat", "1"], "unknown-function"),
        (&[&counter, "create", "true"], "malformed-params"),
        (&[&unknown, "bump", "1"], "not-found"),
        (&[&counter, "create", "1", "--gas-limit", "10"], "invalid-transaction(gas-limit-too-low)"),
        (&[&counter, "create", "1", "--gas-limit", "10016"], "failed(out-of-gas)"),
    ] {
        let error = output(&node.ask("transact", &[arguments, &["--json"]].concat())).1;
        let error: Json = serde_json::from_str(&error).unwrap();
        assert_eq!(error["error"]["code"], code);
    }
    for arguments in [
        vec!["transact", "p2:t00", "create"],
        vec!["transact", &counter, "create", "1", "2"],
        vec!["transact", &counter, "create", "1", "--version", "3"],
        vec!["block", "high"],
    ] {
        let (_, stderr, code) = output(&ledger().args(&arguments).arg("--json").assert());
        let error: Json = serde_json::from_str(&stderr).unwrap();
        assert_eq!((&error["error"]["code"], code), (&json!("usage"), 2), "{stderr}");
    }
    let (_, stderr, _) = output(&ledger().args(["transact", "counter", "create"]).assert());
    assert!(stderr.contains("neither a contract's hash (`p2:c…`) nor a UTXO"), "{stderr}");
    let (_, stderr, _) = output(&ledger().args(["transact", "demo:counter@0.1.0", "create"]).assert());
    assert!(stderr.contains("`registry show demo:counter@0.1.0` prints it"), "{stderr}");

    // What cannot be understood has its own exit code.
    for arguments in [
        vec!["transact", "p2:w00", "create"],
        vec!["transact", &counter],
        vec!["transact", &counter, "create", "1", "2"],
        vec!["utxo", "demo:counter#1"],
        vec!["utxo", "p2:u00"],
        vec!["transaction", &counter],
        vec!["utxos", "--after", "x"],
    ] {
        assert_eq!(output(&ledger().args(&arguments).assert()).2, 2, "{arguments:?}");
    }
    let (_, stderr, _) = output(&ledger().args(["transact", &counter, "create-bumped", "1", "2"]).assert());
    assert!(stderr.contains("one argument of the command: '1, 2'"), "{stderr}");

    // Pages.
    for _ in 0..3 {
        assert_eq!(output(&node.ask("transact", &[&counter, "create", "1"])).2, 0);
    }
    let (stdout, stderr, _) = output(&node.ask("utxos", &["--contract", &counter, "--limit", "3"]));
    assert_eq!((stdout.lines().count(), stderr), (3, format!("there are more: --after {counter}#2\n")));
    let (page, _, _) = ask_json(&node, "utxos", &["--after", &format!("{counter}#2"), "--contract", &counter]);
    assert_eq!((page["utxos"].as_array().unwrap().len(), &page["next"]), (1, &Json::Null));
    registry.stop().await;
}

/// The text of a file of calls, in a folder of its own.
fn steps_file(folder: &Path, text: &str) -> String {
    let path = folder.join("steps.txt");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_are_one_transaction() {
    let registry = RunningRegistry::start().await;
    let (counter, coin) = (published(&registry, "counter").await, published(&registry, "coin").await);
    let folder = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, folder.path(), &[]);
    for contract in [&counter, &coin] {
        assert_eq!(output(&node.ask("deploy", &[contract])).2, 0);
    }
    registry.stop().await;
    let file = steps_file(
        folder.path(),
        &format!(
            "\
// A token, a UTXO that holds it, and one that does not.
counters = {counter}
t = {coin}.coin::mint(7)
u = counters.counter::start(1)
t.attach(u)
counters.create(2)            // a script may make any number of UTXOs
v = counters.counter::start(3); u.bump(10)
v.bump(20)
v.value()
"
        ),
    );
    let (called, stderr, code) = ask_json(&node, "call", &["--steps", &file]);
    assert_eq!((&called["outcome"], code), (&json!("succeeded"), 0), "{stderr}");
    let (sent, stderr, code) = ask_json(&node, "transact", &["--steps", &file]);
    assert_eq!((&sent["outcome"], code), (&json!("succeeded"), 0), "{stderr}");
    assert_eq!(sent["created"].as_array().unwrap().len(), 3);
    let results: Vec<&Json> = sent["results"].as_array().unwrap().iter().map(|result| &result["result"]).collect();
    assert_eq!((results.len(), results[5], results[7]), (8, &Json::Null, &json!("23")), "{sent}");
    let (token, holder) = (text(&sent["tokens"][0]["token"]), text(&sent["created"][0]["utxo"]));
    assert_eq!((&sent["tokens"][0]["from"], text(&sent["tokens"][0]["to"])), (&Json::Null, holder));
    assert!(text(&sent["tokens"][0]["state"]).starts_with("{amount: 7, "), "{sent}");

    // Who holds it, and what it keeps.
    let (shown, _, _) = ask_json(&node, "token", &[token]);
    assert_eq!((text(&shown["status"]), text(&shown["holder"]), text(&shown["type"])), ("held", holder, "coin"));
    let (utxo, _, _) = ask_json(&node, "utxo", &[holder]);
    assert_eq!((&utxo["tokens"][0]["token"], &utxo["tokens"][0]["state"]), (&shown["token"], &shown["state"]));
    let (listed, _, _) = ask_json(&node, "tokens", &["--contract", &coin, "--type", "coin"]);
    assert_eq!(listed["tokens"][0]["holder"], holder);
    let (stdout, _, _) = output(&node.ask("tokens", &[]));
    assert_eq!(stdout, format!("{token}  coin of {coin}  held by {holder}\n"));
    let (contract, _, _) = ask_json(&node, "contract", &[&coin]);
    assert_eq!(contract["tokens"][0], json!({ "type": "coin", "minted": 1, "burned": 0, "held": 1 }));

    // What was sent is shown as it is written.
    let (stored, _, _) = ask_json(&node, "transaction", &[text(&sent["transaction"])]);
    let calls = stored["calls"].as_array().unwrap();
    assert_eq!((calls.len(), &calls[0]["function"], &calls[0]["arguments"]), (8, &json!("coin::mint"), &json!("7")));
    assert_eq!((&calls[2]["target"], &calls[2]["arguments"]), (&json!("minted:0"), &json!("\"made:0\"")));
    assert_eq!((&calls[7]["target"], &calls[7]["function"]), (&json!("made:2"), &json!("value")));
    assert_eq!(stored["results"], sent["results"]);

    // A token that is bound can be burned by nobody but who unbinds it, and only its holder does.
    let (_, stderr, code) = output(&node.ask("transact", &[token, "burn"]));
    assert!(stderr.contains("refused: ") && stderr.contains(token), "{stderr}");
    assert_eq!(code, 1);
    let (_, stderr, _) = output(&node.ask("transact", &[&coin, "coin::mint", "3"]));
    assert!(stderr.contains("refused: ") && stderr.contains("burn"), "{stderr}");

    // Minted and burned in one transaction.
    let calls = ["--step", &format!("t = {coin}.coin::mint(3)"), "--step", "t.burn()"];
    let (stdout, stderr, code) = output(&node.ask("transact", &calls));
    let minted = stdout.lines().find(|line| line.starts_with("minted ")).unwrap_or_else(|| panic!("{stdout}{stderr}"));
    assert!(minted.ends_with("and burned") && code == 0, "{stdout}");
    let burned = minted.split_whitespace().nth(1).unwrap();
    let (stdout, _, _) = output(&node.ask("token", &[burned]));
    assert!(stdout.contains("burned    in block "), "{stdout}");
    let (_, stderr, code) = output(&node.ask("transact", &[burned, "burn"]));
    assert!(stderr.contains("was burned in block ") && stderr.contains("hint: a token is burned once"), "{stderr}");
    assert_eq!(code, 1);
    let (stdout, _, _) = output(&node.ask("contract", &[&coin]));
    assert!(stdout.contains("coin: 2 minted, 1 burned, 1 held\n"), "{stdout}");
    assert_eq!(node.terminate(), Some(0));
    let check = ledger().args(["check", "--data-dir"]).arg(folder.path().join("data")).assert();
    let (stdout, stderr, code) = output(&check);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains(" 2 tokens, "), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_several_calls_are_pointed_at() {
    let registry = RunningRegistry::start().await;
    let (counter, coin) = (published(&registry, "counter").await, published(&registry, "coin").await);
    let folder = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, folder.path(), &[]);
    for contract in [&counter, &coin] {
        assert_eq!(output(&node.ask("deploy", &[contract])).2, 0);
    }
    let transfer = published(&registry, "transfer").await;
    assert_eq!(output(&node.ask("deploy", &[&transfer])).2, 0);
    registry.stop().await;
    let start = format!("u = {counter}.counter::start(1)");
    for (steps, parts) in [
        ("u.bump(1)".to_owned(), vec!["line 1, column 1: nothing is called `u` above"]),
        (
            format!("{start}\nv.bump(1)"),
            vec!["line 2, column 1: nothing is called `v` above; there are `u`\n\nv.bump(1)\n^\n"],
        ),
        (format!("{start}\n{start}"), vec!["line 2, column 1: `u` is the name of something else already"]),
        (
            format!("{start} u.bump(1)"),
            vec!["expected the end of the line, and there is `u`", "hint: each call stands"],
        ),
        (format!("{start}\nu.bmp(1)"), vec!["line 2, `u.bmp(1)`", "has no method `bmp`", "did you mean `bump`?"]),
        (
            format!("{start}\nu.bump(true)"),
            vec!["line 2, `u.bump(true)`", "expected s64\n\ntrue\n^^^^", "bump is (n: s64)"],
        ),
        (
            format!("{start}\nt = {coin}.coin::mint(1)\nt.attach(t)"),
            vec!["argument 1 (`to`): expected a UTXO, and `t` is a token", "attach is (to: utxo)"],
        ),
        (
            format!("{start}\nt = {coin}.coin::mint(1)\nt.attach(w)"),
            vec!["line 3, `t.attach(w)`", "argument 1 (`to`): nothing is called `w` above; there are `t`, `u`"],
        ),
        (
            format!("x = {counter}.create-bumped(1, 2)"),
            vec!["`create-bumped` gives no UTXO and no token that could be named: it is (first: s64, n: s64) -> s64"],
        ),
        (format!("u = {counter}"), vec!["line 1, column", "there is no call"]),
        (
            format!("{start}; u.stop(); u.bump(1); {counter}.create(1); v = {counter}.counter::start(1)"),
            vec!["what the calls up to there make cannot be found out: their simulation failed: refused: ", "hint: "],
        ),
        (format!("{counter}#0.bump(1)"), vec!["the chain has no UTXO", "hint: `ledger utxos`"]),
        (
            format!("{start}\nw = {transfer}.wallet::open(2)\n{transfer}.send(w, u, 1)"),
            vec![
                "line 3, ",
                "argument 2 (`target`): expected a UTXO of the type `wallet`, and `u` is of the type `counter`\n\nw, u, 1\n   ^\n",
                "send is (source: wallet, target: wallet, n: s64)",
            ],
        ),
        (
            format!("t = {coin}.coin::mint(1)\n{start}\nminted:1.attach(u)"),
            vec![
                "line 3, column 1: there is no `minted:1`: the calls above mint one token\n\nminted:1.attach(u)\n^^^^^^^^\n",
            ],
        ),
        (
            format!("t = {coin}.coin::mint(1)\n{start}\nt.attach(\"made:1\")"),
            vec!["argument 1 (`to`): there is no `made:1`: the calls above make one UTXO"],
        ),
        (
            format!("t = {coin}.coin::mint(1)\n{start}\nt.attach(made:0)"),
            vec!["hint: a place is written in quotes: \"made:0\""],
        ),
        (format!("{counter}.counter::value()"), vec!["`counter::value` is a method of UTXOs of the type `counter`"]),
    ] {
        let file = steps_file(folder.path(), &steps);
        for command in ["call", "transact"] {
            let (_, stderr, code) = output(&node.ask(command, &["--steps", &file]));
            for part in &parts {
                assert!(stderr.contains(part), "{part}: {stderr}");
            }
            assert_eq!(code, 1, "{stderr}");
        }
    }
    for arguments in [vec!["transact"], vec!["transact", &counter], vec!["call", &counter, "create", "--steps", "x"]] {
        assert_eq!(output(&ledger().args(&arguments).assert()).2, 2, "{arguments:?}");
    }
    // What is consumed has one error, as a target and as an argument.
    let spent = format!("{counter}#0");
    assert_eq!(output(&node.ask("transact", &[&counter, "counter::start", "1"])).2, 0);
    assert_eq!(output(&node.ask("transact", &[&spent, "stop"])).2, 0);
    for step in [format!("{spent}.bump(1)"), format!("t = {coin}.coin::mint(1); t.attach(\"{spent}\")")] {
        let (_, stderr, _) = output(&node.ask("transact", &["--step", &step]));
        assert!(
            stderr.contains("was consumed in block") && stderr.contains("hint: a UTXO is consumed once"),
            "{stderr}"
        );
        let error: Json = serde_json::from_str(&ask_json(&node, "transact", &["--step", &step]).1).unwrap();
        assert_eq!(error["error"]["code"], "invalid-transaction(consumed-utxo)");
    }
    // The mark that some editors write at the start says nothing.
    let marked = steps_file(folder.path(), &format!("\u{feff}{start}"));
    assert_eq!(output(&node.ask("call", &["--steps", &marked])).2, 0);
    let (_, stderr, code) = output(&node.ask("call", &["--steps", "no such file"]));
    assert!(stderr.contains("cannot read the calls in `no such file`") && code == 1, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_makes_has_a_name_too() {
    let registry = RunningRegistry::start().await;
    let transfer = published(&registry, "transfer").await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    assert_eq!(output(&node.ask("deploy", &[&transfer])).2, 0);
    registry.stop().await;
    // `open-two` returns nothing, and `split` the second UTXO that it takes from.
    let steps = format!(
        "{transfer}.open-two(10, 20)\nmade:0.add(5)\nw = {transfer}.split(\"made:1\", 8)\nv = {transfer}.wallet::open(1)\n\
         w.add(100); v.add(200)\nmade:0.get(); \"made:1\".get()\n"
    );
    let wrong = ledger().args(["call", "--steps", "-", "--node", &node.url]).write_stdin(steps.clone()).assert();
    let (_, stderr, code) = output(&wrong);
    assert!(stderr.contains("line 6, column 15: expected a name") && code == 1, "{stderr}");
    let right = steps.replace("\"made:1\".get()", "made:1.get(); w.get(); v.get()");
    let sent = ledger().args(["transact", "--json", "--steps", "-", "--node", &node.url]).write_stdin(right).assert();
    let (stdout, stderr, code) = output(&sent);
    let sent: Json = serde_json::from_str(&stdout).unwrap_or_default();
    let results = sent["results"].as_array().unwrap_or_else(|| panic!("{stdout}{stderr}"));
    let results: Vec<&str> = results[6..].iter().map(|result| text(&result["result"])).collect();
    assert_eq!((results, code), (vec!["15", "12", "108", "201"], 0));
    assert_eq!(sent["created"].as_array().unwrap().len(), 4);
    let (_, stderr, code) = output(&node.ask("call", &["--step", "made:0.get()"]));
    let expected = "line 1, column 1: there is no `made:0`: the calls above make no UTXO";
    assert!(stderr.contains(expected) && code == 1, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_are_shown_by_their_lines() {
    let registry = RunningRegistry::start().await;
    let (counter, coin) = (published(&registry, "counter").await, published(&registry, "coin").await);
    let (traps, transfer) = (published(&registry, "traps").await, published(&registry, "transfer").await);
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    for contract in [&counter, &coin, &traps, &transfer] {
        assert_eq!(output(&node.ask("deploy", &[contract])).2, 0);
    }
    registry.stop().await;
    let start = format!("u = {counter}.counter::start(1)");
    let steps = |command: &str, text: &str| output(&node.ask(command, &["--step", text]));

    // Results are on stdout, for programs, and what they are of beside the rest.
    let (stdout, stderr, code) = steps("call", &format!("{start}\nu.bump(4)\nu.value(); u.stop()"));
    let results: Vec<&str> = stdout.lines().collect();
    assert!(results.len() >= 2 && results[0].starts_with("\"p2:u") && results[1..].contains(&"5"), "{stdout}{stderr}");
    assert!(stderr.contains("result     5 (value)\n") && code == 0, "{stderr}");

    // A token whose holder ended is burned without its code.
    let held = format!("{start}; t = {coin}.coin::mint(3); t.attach(u)");
    let (stdout, stderr, code) = steps("transact", &format!("{held}; u.stop(); discard t"));
    assert!(stdout.contains("and burned\n") && code == 0, "{stdout}{stderr}");
    let kept = output(&node.ask("transact", &["--json", "--step", &held])).0;
    let kept: Json = serde_json::from_str(&kept).unwrap();
    let (token, holder) = (text(&kept["tokens"][0]["token"]), text(&kept["created"][0]["utxo"]));
    let (stdout, _, code) = steps("transact", &format!("discard {token}"));
    assert!(stdout.contains(&format!("refused: line 1, `discard {token}`: ")) && code == 1, "{stdout}");
    let (stdout, _, code) = output(&node.ask("transact", &[token, "discard"]));
    assert!(stdout.contains("failure      refused: ") && !stdout.contains("step 1") && code == 1, "{stdout}");
    let (stdout, stderr, code) = steps("transact", &format!("{holder}.stop()\ndiscard {token}"));
    assert!(stdout.contains(&format!("burned       {token} (coin of {coin}), held by {holder} before\n")), "{stdout}");
    assert_eq!(code, 0, "{stderr}");
    // What was there before is shown with its name and its type.
    assert!(
        stdout.contains(&format!("consumed     {holder} ({counter}#")) && stdout.contains(", counter)\n"),
        "{stdout}"
    );
    let sent = stdout.lines().find_map(|line| line.strip_prefix("transaction  ")).unwrap();
    let (stdout, _, _) = output(&node.ask("transaction", &[sent]));
    assert!(stdout.contains(&format!("step 2: {token} discard()\n")), "{stdout}");
    let (_, stderr, _) = steps("call", &format!("{start}\ndiscard u"));
    assert!(stderr.contains("line 2, column 9: `u` is no token, and only tokens are discarded"), "{stderr}");

    // What fails is named by its line, also where the node refuses it before it runs.
    let (stdout, _, _) = steps("transact", &format!("{start}\n// what follows fails\nu.stop(); u.bump(1)"));
    assert!(stdout.contains("failure      refused: line 3, `u.bump(1)`: "), "{stdout}");

    // Frames name the contract of what is not part of the chain.
    let failing = format!("{transfer}.open-two(1, 2)\nmade:0.sub(500)");
    let (stdout, _, _) = steps("transact", &failing);
    let frame = stdout.lines().find(|line| line.starts_with("  in ")).unwrap_or_else(|| panic!("{stdout}"));
    assert!(
        frame.contains("wallet.sub(n: s64) of the UTXO p2:u") && frame.ends_with(&format!(" of {transfer}")),
        "{frame}"
    );
    assert!(stdout.contains("trap: line 2, `made:0.sub(500)`: "), "{stdout}");
    // A main function is written as it is called.
    let (stdout, _, _) = output(&node.ask("transact", &[&traps, "fragile::new", "8"]));
    assert!(stdout.contains("  in         fragile::new(x: s64) -> fragile of the UTXO p2:u"), "{stdout}");
}

/// The component of one of the contracts that are written in Rust.
fn rust_contract(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sets/rust").join(name).join("component.wasm");
    std::fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_method_gives_has_a_name_while_it_is_unbound() {
    let registry = RunningRegistry::start().await;
    let coin = published(&registry, "coin").await;
    let vault = registry.publish(rust_contract("rust-vault")).await.to_string();
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    assert_eq!(output(&node.ask("deploy", &[&vault])).2, 0);
    registry.stop().await;
    let steps = |steps: &str, is_sent: bool| {
        let command = if is_sent { "transact" } else { "call" };
        let (document, stderr, code) = ask_json(&node, command, &["--step", steps]);
        assert_eq!(code, 0, "{steps}: {stderr}{document}");
        document
    };
    // One that was minted in the same transaction; one that is unbound when the next is asked for; one by its place.
    let fresh = format!("v = {vault}.vault::open(); t = {coin}.coin::mint(7); v.deposit(t); w = v.withdraw()");
    for end in ["w.burn()", "v.deposit(w)", "minted:0.burn()", "v.deposit(\"minted:0\"); x = v.withdraw(); x.attach(v)"]
    {
        steps(&format!("{fresh}; {end}"), false);
    }
    let kept = format!("v = {vault}.vault::open(); t = {coin}.coin::mint(7); v.deposit(t)");
    let token = steps(&kept, true)["tokens"][0]["token"].clone();
    // One that was there before.
    let burned = steps(&format!("t = {vault}#0.withdraw(); t.burn()"), true);
    assert_eq!((&burned["tokens"][0]["token"], &burned["tokens"][0]["to"]), (&token, &Json::Null));
    // What is sent must leave nothing unbound.
    let (_, stderr, code) = output(&node.ask("call", &["--step", &fresh]));
    assert!(stderr.contains("refused: ") && stderr.contains("at the end of the transaction") && code == 1, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_where_it_happened() {
    let registry = RunningRegistry::start().await;
    let transfer = published(&registry, "transfer").await;
    let directory = tempfile::tempdir().unwrap();
    let node = Process::start(&registry.url, directory.path(), &[]);
    assert_eq!(output(&node.ask("deploy", &[&transfer])).2, 0);
    registry.stop().await;
    let (opened, _, _) = ask_json(&node, "transact", &[&transfer, "open-two", "10, 20"]);
    let utxo = text(&opened["created"][0]["utxo"]);
    let send = [transfer.as_str(), "send", &format!("\"{transfer}#0\", \"{transfer}#1\", 500")];
    let trace = format!(
        "  in         wallet.sub(n: s64) of the UTXO {transfer}#0 ({utxo})\n  from       send(source: wallet, target: wallet, n: \
         s64) of {transfer}\n"
    );
    let (stdout, _, code) = output(&node.ask("transact", &send));
    assert!(stdout.contains(&trace) && code == 1, "{stdout}");
    let (_, stderr, _) = output(&node.ask("call", &send));
    assert!(stderr.contains("wallet.sub(n: s64) of the UTXO"), "{stderr}");
    let (failed, _, _) = ask_json(&node, "transact", &send);
    assert_eq!(
        failed["frames"],
        json!([
            {
                "contract": transfer,
                "object": { "id": utxo, "name": format!("{transfer}#0"), "type": "wallet" },
                "function": "sub",
                "signature": "(n: s64)",
            },
            { "contract": transfer, "object": null, "function": "send", "signature": "(source: wallet, target: wallet, n: s64)" },
        ])
    );
}
