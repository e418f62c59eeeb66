//! A node that is killed under load, again and again: what it acknowledged is there when it starts again.

use crate::chain_support::{bump, create, starstream};
use crate::cli::{Process, ledger, output};
use crate::support::RunningRegistry;
use ledger_core::Transaction;
use ledger_runtime::rpc::NodeClient;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

const SUBMITTERS: usize = 4;
/// A node is given this long at most before it is killed.
const LIFE_MAX_MS: u64 = 400;

/// Where each transaction is that a node acknowledged.
type Acknowledged = BTreeMap<TransactionId, (u64, u32)>;

/// Repeatable numbers that look random: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }
}

/// Creates a counter and adds to it until the node is gone.
async fn submit_until_killed(node: NodeClient, counter: ComponentHash) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let mut utxo: Option<UtxoId> = None;
    loop {
        let on_test_chain = utxo.map_or_else(|| create(counter, 1), |utxo| bump(utxo, None, 1));
        let transaction = Transaction { chain: "cli".parse().unwrap(), ..on_test_chain };
        let Ok(committed) = node.submit(&transaction).await else { return acknowledged };
        assert!(committed.receipt.outcome.is_ok());
        utxo = utxo.or_else(|| Some(committed.receipt.created[0].utxo));
        acknowledged.insert(transaction.id(), (committed.height, committed.index));
    }
}

/// Looks everything up that was acknowledged.
async fn assert_kept(node: &NodeClient, acknowledged: &Acknowledged) {
    for (id, place) in acknowledged {
        let kept = node.transaction(id).await.unwrap_or_else(|error| panic!("{id} is lost: {error}"));
        assert_eq!((kept.height, kept.index), *place, "{id}");
    }
}

fn run(command: &str, data: &Path) -> serde_json::Value {
    let assert = ledger().arg(command).arg("--json").arg("--data-dir").arg(data).assert();
    let (stdout, stderr, code) = output(&assert);
    assert_eq!(code, 0, "{command}: {stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_asked_to_stop_finishes_its_block() {
    let registry = RunningRegistry::start().await;
    let counter = registry.publish(starstream("counter")).await;
    let directory = tempfile::tempdir().unwrap();
    let start = || Process::start(&registry.url, directory.path(), &[counter.to_string()]);
    let node = start();
    let client = NodeClient::new(&node.url).unwrap();
    let submitter = tokio::spawn(submit_until_killed(client, counter));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(node.terminate(), Some(0));
    let acknowledged = submitter.await.unwrap();
    let report = run("check", &directory.path().join("data"));
    // Nobody else submitted, and whoever waited got an answer: what is kept is what was acknowledged, and the genesis.
    assert_eq!(report["transactions"], acknowledged.len() as u64 + 1, "{report}");
    assert!(acknowledged.len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_however_often_a_node_is_killed() {
    let rounds = if std::env::var_os("LEDGER_SLOW_TESTS").is_some() { 200 } else { 20 };
    let registry = RunningRegistry::start().await;
    let counter = registry.publish(starstream("counter")).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let start = || Process::start(&registry.url, directory.path(), &[counter.to_string()]);
    let (mut random, mut all) = (Random(0x5eed), Acknowledged::new());
    for round in 0..rounds {
        let node = start();
        let mut submitters = JoinSet::new();
        for _ in 0..SUBMITTERS {
            submitters.spawn(submit_until_killed(NodeClient::new(&node.url).unwrap(), counter));
        }
        tokio::time::sleep(Duration::from_millis(random.below(LIFE_MAX_MS))).await;
        // Dropping a process kills it with SIGKILL.
        drop(node);
        let acknowledged: Acknowledged = submitters.join_all().await.into_iter().flatten().collect();

        let report = run("check", &data);
        assert_eq!(report["sound"], true, "{round}: {report}");
        let node = start();
        assert_kept(&NodeClient::new(&node.url).unwrap(), &acknowledged).await;
        assert_eq!(node.terminate(), Some(0));
        all.extend(acknowledged);
    }
    // The test has tested something.
    assert!(all.len() > rounds, "only {} transactions were acknowledged in {rounds} rounds", all.len());
    let node = start();
    assert_kept(&NodeClient::new(&node.url).unwrap(), &all).await;
    assert_eq!(node.terminate(), Some(0));
    let verified = run("verify", &data);
    // One deployment in the genesis; what was not acknowledged may be there too.
    assert!(verified["transactions"].as_u64().unwrap() > all.len() as u64, "{verified}");
}
