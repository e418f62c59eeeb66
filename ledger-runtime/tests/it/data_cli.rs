//! The commands that look at a node's data: `verify` and `check`.

use crate::chain_support::{create, starstream};
use crate::cli::{Process, ledger, output};
use crate::support::RunningRegistry;
use ledger_core::Transaction;
use ledger_runtime::rpc::NodeClient;
use std::path::Path;

fn run(arguments: &[&str], data: &Path) -> (String, String, i32) {
    output(&ledger().args(arguments).arg("--data-dir").arg(data).assert())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_are_verified_and_checked() {
    let registry = RunningRegistry::start().await;
    let counter = registry.publish(starstream("counter")).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let node = Process::start(&registry.url, directory.path(), &[counter.to_string()]);
    let transaction = Transaction { chain: "cli".parse().unwrap(), ..create(counter, 1) };
    let committed = NodeClient::new(&node.url).unwrap().submit(&transaction).await.unwrap();
    for command in ["verify", "check"] {
        let (_, stderr, code) = run(&[command], &data);
        assert!(stderr.contains("in use by another process") && stderr.contains("hint: stop the other"), "{stderr}");
        assert_eq!(code, 1);
    }
    assert_eq!(node.terminate(), Some(0));

    let (stdout, stderr, code) = run(&["verify"], &data);
    assert_eq!((stderr.as_str(), code), ("", 0));
    assert!(
        stdout.starts_with("the chain `cli` is what its transactions make\n2 blocks, 2 transactions, "),
        "{stdout}"
    );
    assert!(stdout.contains(&format!("last block {}\n", committed.block)), "{stdout}");
    let (stdout, _, code) = run(&["verify", "--json"], &data);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&document["blocks"], &document["tip"], code), (&2.into(), &committed.block.to_string().into(), 0));
    let (stdout, _, code) = run(&["check"], &data);
    assert!(
        stdout.starts_with("everything is as it must be\n2 blocks, 2 transactions, 1 UTXOs, 0 tokens, 1 contracts"),
        "{stdout}"
    );
    assert_eq!(code, 0);

    // Gas that nobody used, written into the receipt behind the node's back.
    let database = redb::Database::open(data.join("ledger.redb")).unwrap();
    let receipts = redb::TableDefinition::<(u64, u32), &[u8]>::new("receipts");
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(receipts).unwrap();
        let mut receipt = committed.receipt.clone();
        receipt.gas_used += 1;
        table.insert((1, 0), ledger_core::Canonical::to_bytes(&receipt).as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    for command in ["verify", "check"] {
        let (_, stderr, code) = run(&[command], &data);
        assert!(stderr.contains("receipts") && stderr.contains("hint: "), "{command}: {stderr}");
        assert_eq!(code, 1);
    }

    // Half a file: what cannot be opened cannot be checked, and nobody is told to check it.
    let file = std::fs::OpenOptions::new().write(true).open(data.join("ledger.redb")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    drop(file);
    let (_, stderr, code) = run(&["check"], &data);
    assert!(stderr.contains("is damaged") && stderr.contains(&data.display().to_string()), "{stderr}");
    assert!(stderr.contains("hint: put the data directory back from a copy") && !stderr.contains("`ledger check`"));
    assert_eq!(code, 1);
    let (_, stderr, _) = run(&["verify"], &data);
    assert!(stderr.contains(&data.display().to_string()) && stderr.contains("`ledger check`"), "{stderr}");

    let nothing = tempfile::tempdir().unwrap();
    for command in ["verify", "check"] {
        let (_, stderr, code) = run(&[command, "--json"], nothing.path());
        let document: serde_json::Value = serde_json::from_str(&stderr).unwrap();
        assert!(document["error"]["message"].as_str().unwrap().contains("there is no chain in"), "{stderr}");
        assert_eq!(code, 1);
    }
}
