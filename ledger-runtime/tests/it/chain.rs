//! Chains: production, submission, restart, deployment, verification.

use crate::build;
use crate::chain_support::{
    FailingExecutor, FailingStorage, LavishExecutor, Lie, ManualSequencer, Setup, Tampered, bump, create, method,
    source, starstream, transaction,
};
use crate::node::WrongSource;
use crate::support::{LocalSource, genesis};
use ledger_core::{Block, FailureKind, Invalid, RootCall, UtxoStatus};
use ledger_runtime::admission::compilation_cost;
use ledger_runtime::chain::{
    BlockProduction, ChainEnd, ChainError, Committed, Ledger, Proposal, ProposeError, SubmitError, verify,
};
use ledger_runtime::contracts::ContractError;
use ledger_runtime::execution::Extent;
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::source::SourceError;
use ledger_runtime::store::{RedbStorage, Snapshot, Storage};
use registry_core::id::{ComponentHash, UtxoId};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::tempdir;

fn created(committed: &Committed) -> UtxoId {
    assert!(committed.receipt.outcome.is_ok(), "{:?}", committed.receipt.outcome);
    let [created] = committed.receipt.created.as_slice() else { panic!("{:?}", committed.receipt) };
    created.utxo
}

fn invalid<T: std::fmt::Debug>(result: Result<T, SubmitError>) -> Invalid {
    match result.unwrap_err() {
        SubmitError::Invalid(invalid) => invalid,
        error => panic!("{error}"),
    }
}

fn height(ledger: &Ledger) -> u64 {
    ledger.tip().unwrap().moment.height
}

/// Stops a chain and opens what it left behind.
async fn stopped(ledger: Ledger, data: &Path) -> RedbStorage {
    assert_eq!(ledger.stop().await, ChainEnd::Stopped);
    drop(ledger);
    RedbStorage::open_existing(data, &Limits::default()).unwrap()
}

async fn verified(snapshot: Arc<dyn Snapshot>) -> Result<u64, String> {
    let verification =
        tokio::task::spawn_blocking(move || verify(&*snapshot, &Limits::default(), |_, _| {})).await.unwrap();
    verification.map(|verification| verification.transactions).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_utxo_lives_on_a_chain() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let ledger = Setup::new(data.path(), genesis(&[counter]), source).start().await.unwrap();
    assert_eq!(height(&ledger), 0);

    let committed = ledger.submit(create(counter, 7)).await.unwrap();
    assert_eq!((committed.height, committed.index), (1, 0));
    let utxo = created(&committed);
    // What is simulated changes nothing.
    let simulated = ledger.simulate(bump(utxo, Some(0), 5), Extent::Whole).await.unwrap();
    assert_eq!((simulated.height, simulated.receipt.changed.len()), (2, 1));
    let committed = ledger.submit(bump(utxo, Some(0), 5)).await.unwrap();
    assert_eq!((committed.height, committed.receipt.changed[0].version), (2, 1));
    let simulated = ledger.simulate(method(utxo, None, "value", &[]), Extent::Whole).await.unwrap();
    assert_eq!((simulated.receipt.outcome, simulated.receipt.read), (Ok(vec![12]), vec![utxo]));
    let committed = ledger.submit(method(utxo, Some(1), "stop", &[])).await.unwrap();
    assert_eq!(committed.receipt.consumed[0].utxo, utxo);
    assert_eq!(committed.receipt.events[0].name, "stopped");
    let error = invalid(ledger.submit(method(utxo, None, "value", &[])).await);
    assert_eq!(error, Invalid::ConsumedUtxo { utxo, height: 3 });
    assert_eq!(height(&ledger), 3);

    let storage = stopped(ledger, data.path()).await;
    assert_eq!(verified(storage.snapshot()).await, Ok(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_without_its_registry() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let setup = |source: &Arc<LocalSource>| Setup::new(data.path(), genesis(&[]), source.clone());
    let ledger = setup(&source).start().await.unwrap();
    assert_eq!(invalid(ledger.submit(create(counter, 1)).await), Invalid::UnknownContract(counter));
    let committed = ledger.deploy(counter, Some(20_000_000)).await.unwrap();
    assert_eq!((committed.height, committed.receipt.deployed), (1, Some(counter)));
    assert_eq!(invalid(ledger.deploy(counter, None).await), Invalid::DeployedContract(counter));
    source.clear();
    let limited = |gas_limit| ledger_core::Transaction { gas_limit, ..create(counter, 1) };
    let error = invalid(ledger.submit(limited(20_000_001)).await);
    assert_eq!(error, Invalid::GasLimitTooHigh { asked: 20_000_001, max: 20_000_000 });
    let utxo = created(&ledger.submit(limited(20_000_000)).await.unwrap());
    ledger.stop().await;
    drop(ledger);

    // Nothing is in memory now, and the registry has nothing.
    let ledger = setup(&source).start().await.unwrap();
    assert_eq!(height(&ledger), 2);
    let add = ledger_core::Transaction { gas_limit: 20_000_000, ..bump(utxo, Some(0), 1) };
    assert!(ledger.submit(add.clone()).await.unwrap().receipt.outcome.is_ok());
    assert_eq!(invalid(ledger.submit(add).await), Invalid::Repeated { height: 3 });
    let storage = stopped(ledger, data.path()).await;
    assert_eq!(verified(storage.snapshot()).await, Ok(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_resolved_is_in_no_block() {
    let (source, _) = source();
    let data = tempdir().unwrap();
    let ledger = Setup::new(data.path(), genesis(&[]), source).start().await.unwrap();
    let unknown = ComponentHash::of(b"nobody published this");
    let Err(SubmitError::Contract(error)) = ledger.deploy(unknown, None).await else { panic!() };
    assert!(matches!(&*error, ContractError::Source { error: SourceError::NotFound(_), .. }), "{error}");
    // A registry that gives something else.
    let data = tempdir().unwrap();
    let liar = Arc::new(WrongSource(LocalSource::with_examples()));
    let deceived = Setup::new(data.path(), genesis(&[]), liar).start().await.unwrap();
    let Err(SubmitError::Contract(error)) = deceived.deploy(unknown, None).await else { panic!() };
    assert!(matches!(&*error, ContractError::Source { error: SourceError::Other(_), .. }), "{error}");
    assert_eq!(height(&deceived), 0);
    let foreign = ComponentHash::of(&build::example("foreign-import"));
    let Err(SubmitError::Contract(error)) = ledger.deploy(foreign, None).await else { panic!() };
    assert!(matches!(&*error, ContractError::Admission { .. }), "{error}");
    assert_eq!(height(&ledger), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_decision_brings_is_checked_by_everybody() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let setup = Setup::new(data.path(), genesis(&[]), source);
    let ledger = Arc::new(setup.ordered_by(sequencer.clone()).await.unwrap());
    let deploying = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.deploy(counter, None).await }
    });
    let [proposal] = sequencer.proposals(1).await.try_into().unwrap();
    // A proposer that lies: another component, a byte changed, nothing at all.
    let other = Arc::new(ledger_core::Deployment {
        contract: counter,
        component: starstream("ticker"),
        packages: vec![],
        imports: Default::default(),
    });
    let mut bytes = starstream("counter");
    *bytes.last_mut().unwrap() ^= 1;
    let changed = Arc::new(ledger_core::Deployment {
        contract: counter,
        component: bytes,
        packages: vec![],
        imports: Default::default(),
    });
    let gas_limit = proposal.transaction.gas_limit;
    for (nonce, deployment) in (1..).zip([Some(other), Some(changed), None]) {
        let mut lie = proposal.clone();
        lie.transaction.nonce = nonce;
        lie.deployment = deployment;
        sequencer.decide(1, vec![lie]);
    }
    // Too little gas is as if it had not come.
    let mut poor = proposal.clone();
    poor.transaction.gas_limit = 1_000;
    assert!(poor.transaction.gas_limit < gas_limit);
    sequencer.decide(1, vec![poor]);
    sequencer.decide(1, vec![proposal]);
    let committed = deploying.await.unwrap().unwrap();
    assert_eq!((committed.height, committed.index), (5, 0));
    let deployments = |height| ledger.read(move |snapshot| snapshot.block(height).unwrap().unwrap().deployments.len());
    assert_eq!((deployments(4).await.unwrap(), deployments(5).await.unwrap()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_come_in_one_text_only() {
    let source = Arc::new(LocalSource::with_examples());
    let shop = ComponentHash::of(&build::example("shop"));
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let setup = Setup::new(data.path(), genesis(&[]), source);
    let ledger = Arc::new(setup.ordered_by(sequencer.clone()).await.unwrap());
    let deploying = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.deploy(shop, None).await }
    });
    let [proposal] = sequencer.proposals(1).await.try_into().unwrap();
    // The same package with the same hash, in another text.
    let mut other = ledger_core::Deployment::clone(proposal.deployment.as_ref().unwrap());
    other.packages[0].2.push_str("\n\n\n");
    let other = Proposal { deployment: Some(Arc::new(other)), ..proposal.clone() };
    sequencer.decide(1, vec![other]);
    let Invalid::Deployment { reason, .. } = invalid(deploying.await.unwrap()) else { panic!() };
    assert!(reason.contains("not in their canonical text"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_spend_is_found_in_one_block_and_across_blocks() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let setup = Setup::new(data.path(), genesis(&[counter]), source);
    let ledger = Arc::new(setup.ordered_by(sequencer.clone()).await.unwrap());
    let submit = |transaction| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.submit(transaction).await })
    };
    let creating = submit(create(counter, 1));
    sequencer.decide(5_000, sequencer.proposals(1).await);
    let utxo = created(&creating.await.unwrap().unwrap());

    // Both are valid when they are submitted, and both name the version that they saw.
    let (first, second) = (method(utxo, Some(0), "stop", &[]), bump(utxo, Some(0), 1));
    let third = ledger_core::Transaction { nonce: 77, ..second.clone() };
    let (stopping, bumping) = (submit(first.clone()), submit(second.clone()));
    let mut proposals = sequencer.proposals(2).await;
    proposals.sort_by_key(|proposal| proposal.transaction.id() != first.id());
    sequencer.decide(4_000, proposals);
    let committed = stopping.await.unwrap().unwrap();
    assert_eq!((committed.height, committed.index), (2, 0));
    assert_eq!(invalid(bumping.await.unwrap()), Invalid::ConsumedUtxo { utxo, height: 2 });
    assert_eq!(invalid(submit(third).await.unwrap()), Invalid::ConsumedUtxo { utxo, height: 2 });

    // Time did not go back.
    let block: Block = ledger.read(|snapshot| snapshot.block(2)).await.unwrap().unwrap().unwrap();
    assert_eq!((block.header.moment.time_ms, block.header.moment.slot), (5_000, 5));
    assert_eq!(block.transactions.len(), 1);

    // A decision makes one block, also if nothing in it is valid.
    let creating = submit(create(counter, 2));
    let proposals = sequencer.proposals(1).await;
    sequencer.decide(6_000, proposals.clone());
    assert_eq!(creating.await.unwrap().unwrap().height, 3);
    sequencer.decide(7_000, proposals);
    sequencer.decide(8_000, Vec::new());
    let last = submit(create(counter, 3));
    sequencer.decide(9_000, sequencer.proposals(1).await);
    assert_eq!(last.await.unwrap().unwrap().height, 6);
    for (height, time_ms) in [(4, 7_000), (5, 8_000)] {
        let block: Block = ledger.read(move |snapshot| snapshot.block(height)).await.unwrap().unwrap().unwrap();
        assert_eq!((block.header.moment.time_ms, block.transactions.len()), (time_ms, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_invalid_is_refused_at_once() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let ledger = Setup::new(data.path(), genesis(&[counter]), source).start().await.unwrap();
    let utxo = created(&ledger.submit(create(counter, 1)).await.unwrap());
    ledger.submit(bump(utxo, Some(0), 1)).await.unwrap();
    let refused = |transaction| async { invalid(ledger.submit(transaction).await) };
    let base = || bump(utxo, Some(1), 1);

    let stale = Invalid::StaleVersion { utxo, expected: 0, actual: 1 };
    assert_eq!(refused(bump(utxo, Some(0), 1)).await, stale);
    let expired = ledger_core::Transaction { valid_until: 2, ..base() };
    assert_eq!(refused(expired).await, Invalid::Expired { valid_until: 2, height: 3 });
    let early = ledger_core::Transaction { valid_from: 4, ..base() };
    assert_eq!(refused(early).await, Invalid::TooEarly { valid_from: 4, height: 3 });
    let other = ledger_core::Transaction { chain: "other".parse().unwrap(), ..base() };
    let expected = Invalid::OtherChain { found: "other".to_owned(), expected: "test".to_owned() };
    assert_eq!(refused(other).await, expected);
    let greedy = ledger_core::Transaction { gas_limit: u64::MAX, ..base() };
    assert!(matches!(refused(greedy).await, Invalid::GasLimitTooHigh { .. }));
    assert!(matches!(refused(bump(utxo, None, 200)).await, Invalid::BadCall(_)));
    assert!(matches!(refused(method(utxo, None, "lower", &[])).await, Invalid::BadCall(_)));
    assert_eq!(height(&ledger), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_submit_share_blocks_and_everything_is_there_afterwards() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let ledger = Arc::new(Setup::new(data.path(), genesis(&[counter]), source).start().await.unwrap());
    let utxo = created(&ledger.submit(create(counter, 0)).await.unwrap());
    let mut submitters = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (ledger, transaction) = (Arc::clone(&ledger), bump(utxo, None, 1));
        submitters.spawn(async move { ledger.submit(transaction).await.unwrap() });
    }
    let committed = submitters.join_all().await;
    let mut places: Vec<(u64, u32)> = committed.iter().map(|committed| (committed.height, committed.index)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 200);
    let blocks = height(&ledger);
    assert!(blocks < 150, "200 transactions made {blocks} blocks");
    let status = ledger.read(move |snapshot| snapshot.utxo(&utxo)).await.unwrap().unwrap();
    let Some(UtxoStatus::Live(utxo)) = status else { panic!("{status:?}") };
    assert_eq!(utxo.version, 200);
    // One transaction that is sent twice at the same time is one transaction.
    let twice = bump(utxo.id, None, 1);
    let (first, second) = tokio::join!(ledger.submit(twice.clone()), ledger.submit(twice));
    match (first, second) {
        (Ok(first), Ok(second)) => assert_eq!(first, second),
        (first, second) => assert!(first.is_ok() || second.is_ok()),
    }
    let ledger = Arc::into_inner(ledger).unwrap();
    let storage = stopped(ledger, data.path()).await;
    assert_eq!(verified(storage.snapshot()).await, Ok(1 + 1 + 200 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_made_in_periods() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let period = Duration::from_millis(400);
    let production = BlockProduction::Interval { period, empty_blocks: false };
    let ledger = Setup::new(data.path(), genesis(&[counter]), source).producing(production).await.unwrap();
    ledger.submit(create(counter, 0)).await.unwrap();
    let many = (0..20).map(|first| ledger.submit(create(counter, first)));
    let heights: Vec<u64> =
        futures::future::join_all(many).await.into_iter().map(|done| done.unwrap().height).collect();
    assert!(heights.iter().all(|height| (2..=3).contains(height)), "{heights:?}");
    assert!(height(&ledger) <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_too_much_to_do_says_so() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let limits = Limits { waiting_transactions_max: 3, ..Limits::default() };
    let period = Duration::from_secs(3);
    let setup = Setup { limits, ..Setup::new(data.path(), genesis(&[counter]), source) };
    let production = BlockProduction::Interval { period, empty_blocks: false };
    let ledger = setup.producing(production).await.unwrap();
    ledger.submit(create(counter, 0)).await.unwrap();
    let many = (0..10).map(|first| ledger.submit(create(counter, first)));
    let results = futures::future::join_all(many).await;
    let busy = |result: &&Result<Committed, SubmitError>| {
        matches!(result, Err(SubmitError::Propose(ProposeError::Busy { waiting: 3 })))
    };
    assert_eq!(results.iter().filter(busy).count(), 7, "{results:?}");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_stops_answers_those_who_wait() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let setup = Setup::new(data.path(), genesis(&[counter]), source);
    let ledger = Arc::new(setup.ordered_by(ManualSequencer::new()).await.unwrap());
    let waiting = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.submit(create(counter, 0)).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ledger.stop().await, ChainEnd::Stopped);
    assert!(matches!(waiting.await.unwrap(), Err(SubmitError::Stopped { .. })));
    assert!(matches!(ledger.submit(create(counter, 0)).await, Err(SubmitError::Stopped { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_the_machine_makes_no_block_and_the_chain_goes_on() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let mut parts = Setup::new(data.path(), genesis(&[counter]), source).parts(sequencer.clone()).unwrap();
    let (good, bad) = (create(counter, 1), create(counter, 2));
    parts.executor = Arc::new(FailingExecutor { executor: parts.executor, nonce: bad.nonce });
    let ledger = Arc::new(Ledger::start(parts).await.unwrap());
    let submit = |transaction: &ledger_core::Transaction| {
        let (ledger, transaction) = (Arc::clone(&ledger), transaction.clone());
        tokio::spawn(async move { ledger.submit(transaction).await })
    };
    // Both are told that the node failed, also the one before it: its block was never made.
    let (first, second) = (submit(&good), submit(&bad));
    let mut proposals = sequencer.proposals(2).await;
    proposals.sort_by_key(|proposal| proposal.transaction.nonce);
    sequencer.decide(1, proposals);
    for answer in [first.await.unwrap(), second.await.unwrap()] {
        let Err(SubmitError::Fault { message }) = answer else { panic!("{answer:?}") };
        assert!(message.contains("there is no memory"), "{message}");
    }
    assert_eq!(height(&ledger), 0);
    // The same transactions can be sent again. Where no other node makes the same block, the one that fails is left out.
    let (first, second) = (submit(&good), submit(&bad));
    let mut proposals = sequencer.proposals(2).await;
    proposals.sort_by_key(|proposal| std::cmp::Reverse(proposal.transaction.nonce));
    sequencer.decide_alone(2, proposals);
    assert_eq!(first.await.unwrap().unwrap().height, 1);
    let answer = second.await.unwrap();
    let Err(SubmitError::Fault { message }) = answer else { panic!("{answer:?}") };
    assert!(message.contains("there is no memory"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_to_be_kept_is_not_acknowledged() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let mut parts = Setup::new(data.path(), genesis(&[counter]), source.clone()).parts(sequencer.clone()).unwrap();
    parts.storage = Arc::new(FailingStorage { storage: parts.storage, height: 2 });
    let ledger = Arc::new(Ledger::start(parts).await.unwrap());
    let submit = |transaction: ledger_core::Transaction| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.submit(transaction).await })
    };
    let first = submit(create(counter, 1));
    sequencer.decide(1, sequencer.proposals(1).await);
    let utxo = created(&first.await.unwrap().unwrap());
    let (second, waiting) = (submit(bump(utxo, Some(0), 1)), submit(create(counter, 2)));
    let proposals = sequencer.proposals(2).await;
    let is_second = |proposal: &Proposal| proposal.transaction.names(&utxo);
    sequencer.decide(2, proposals.into_iter().filter(is_second).collect());
    assert!(matches!(second.await.unwrap(), Err(SubmitError::Fault { .. })));
    // The chain ends, and so everybody who still waits is told.
    let ChainEnd::StorageFailed(reason) = ledger.ended().await else { panic!() };
    assert!(reason.contains("database failed: I/O error"), "{reason}");
    assert!(matches!(waiting.await.unwrap(), Err(SubmitError::Stopped { .. })));
    assert!(matches!(ledger.submit(create(counter, 3)).await, Err(SubmitError::Stopped { .. })));
    drop(Arc::into_inner(ledger).unwrap());

    // With a disk that works it goes on where it was.
    let ledger = Setup::new(data.path(), genesis(&[counter]), source).start().await.unwrap();
    assert_eq!(ledger.submit(bump(utxo, Some(0), 1)).await.unwrap().height, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_deployed_with_its_packages() {
    let source = Arc::new(LocalSource::with_examples());
    let shop = ComponentHash::of(&build::example("shop"));
    let data = tempdir().unwrap();
    let ledger = Setup::new(data.path(), genesis(&[]), source.clone()).start().await.unwrap();
    let deployed = ledger.deploy(shop, None).await.unwrap();
    source.clear();
    // Nobody asks the registry for what is deployed.
    let asked = source.fetches.load(Ordering::SeqCst);
    let again = RootCall::Deploy { contract: shop, gas_limit_max: None };
    let error = ledger.simulate(transaction(again, Vec::new(), &[]), Extent::Whole).await.unwrap_err();
    assert!(matches!(error, SubmitError::Invalid(Invalid::DeployedContract(_))), "{error}");
    assert_eq!(source.fetches.load(Ordering::SeqCst), asked);
    let block: Block = ledger.read(|snapshot| snapshot.block(1)).await.unwrap().unwrap().unwrap();
    let [deployment] = block.deployments.as_slice() else { panic!() };
    assert_eq!(deployment.component, build::example("shop"));
    let names: Vec<&str> = deployment.packages.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["demo:goods@0.1.0"]);
    // It pays for its bytes, and for being compiled.
    let profile = ExecutionProfile::default();
    let packages: usize = deployment.packages.iter().map(|(name, _, wit)| name.len() + wit.len()).sum();
    let size_bytes = (deployment.component.len() + packages) as u64;
    let compilation = compilation_cost(&profile, &deployment.component).unwrap();
    assert!(compilation > 1_000, "{compilation}");
    let gas = profile.gas_per_transaction + size_bytes * profile.gas_per_component_byte + compilation;
    assert_eq!(deployed.receipt.gas_used, gas);
    let known = ledger.read(move |snapshot| snapshot.contract(&shop)).await.unwrap().unwrap();
    let (record, _) = known.unwrap();
    assert_eq!(record.packages, [("demo:goods@0.1.0".to_owned(), deployment.packages[0].1)].into());
    let call = RootCall::Function { contract: shop, function: "cheapest".to_owned() };
    let committed = ledger.submit(transaction(call, Vec::new(), &[0])).await.unwrap();
    assert_eq!(committed.receipt.outcome, Ok(vec![0]));
    let storage = stopped(ledger, data.path()).await;
    assert_eq!(verified(storage.snapshot()).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_that_does_not_fit_the_data_is_refused() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let first = Genesis::new("test", &[counter]).unwrap();
    let start = |genesis: Genesis| Setup::new(data.path(), genesis, source.clone()).start();
    let ledger = start(first.clone()).await.unwrap();
    ledger.stop().await;
    drop(ledger);
    let cases = [
        (
            Genesis { chain_id: "other".parse().unwrap(), ..first.clone() },
            "the chain is `test`, not `other`".to_owned(),
        ),
        (Genesis { contracts: [].into(), ..first.clone() }, format!("only it has {counter}")),
        (
            Genesis { contracts: [(counter, Some(5))].into(), ..first.clone() },
            format!("its gas_limit_max for {counter} is another"),
        ),
        (
            Genesis { slot_length_ms: NonZeroU64::new(1).unwrap(), ..first.clone() },
            "its slot_length_ms is 1000, not 1".to_owned(),
        ),
        (Genesis { floats_allowed: false, ..first.clone() }, "its floats_allowed is true, not false".to_owned()),
    ];
    for (genesis, expected) in cases {
        let Err(ChainError::OtherGenesis { difference }) = start(genesis).await else { panic!("{expected}") };
        assert_eq!(difference, expected);
    }
    let ledger = start(first).await.unwrap();
    assert_eq!(height(&ledger), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_finds_whatever_is_told_wrongly() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let ledger = Setup::new(data.path(), genesis(&[counter]), source).start().await.unwrap();
    let utxo = created(&ledger.submit(create(counter, 1)).await.unwrap());
    ledger.submit(bump(utxo, Some(0), 1)).await.unwrap();
    let storage = stopped(ledger, data.path()).await;
    let cases = [
        (Lie::Receipt, "block 2 is not what its transactions make: the receipt of transaction 0 is another"),
        (Lie::Call, "block 2 is not what its transactions make: row 1 of the call table is another"),
        (
            Lie::Root,
            "block 2 is not what its transactions make: the first field of the header that differs is the new root",
        ),
        (Lie::Time, "block 2 is not what its transactions make: its height, slot and time do not fit each other"),
        (
            Lie::Transaction,
            "block 2 is not what its transactions make: the first field of the header that differs is the transactions root",
        ),
        (
            Lie::Omission,
            "block 2 is not what its transactions make: the first field of the header that differs is the transactions root",
        ),
        (Lie::State, "the state after the last block is not what the transactions make: the UTXO "),
    ];
    for (lie, expected) in cases {
        let tampered = Arc::new(Tampered { chain: storage.snapshot(), lie });
        let error = verified(tampered).await.unwrap_err();
        assert!(error.starts_with(expected), "{lie:?}: {error}");
    }
    assert_eq!(verified(storage.snapshot()).await, Ok(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_kept_fails_and_is_paid() {
    let (source, counter) = source();
    let data = tempdir().unwrap();
    let sequencer = ManualSequencer::new();
    let mut parts = Setup::new(data.path(), genesis(&[counter]), source).parts(sequencer.clone()).unwrap();
    let large = create(counter, 1);
    parts.executor = Arc::new(LavishExecutor { executor: parts.executor, nonce: large.nonce });
    let ledger = Arc::new(Ledger::start(parts).await.unwrap());
    let (asked, transaction) = (Arc::clone(&ledger), large.clone());
    let answer = tokio::spawn(async move { asked.submit(transaction).await });
    // Nobody may leave it out: other nodes make the same block.
    sequencer.decide(1, sequencer.proposals(1).await);
    let receipt = answer.await.unwrap().unwrap().receipt;
    assert_eq!((receipt.gas_used, receipt.created.len()), (large.gas_limit, 0));
    let failure = receipt.outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit);
    assert!(failure.detail.starts_with("what the transaction made cannot be kept: a receipt has "), "{failure}");
    assert_eq!(height(&ledger), 1);
}
