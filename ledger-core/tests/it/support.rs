//! A chain with two contracts, and short ways to say what a transaction did.

use ledger_core::*;
use registry_core::hash::{Digest, Domain, blob};
use registry_core::id::{ComponentHash, PackageHash, TokenId, TransactionId, UtxoId, ViewId};
use std::collections::{BTreeMap, BTreeSet};

/// A digest for each number.
pub fn digest(number: u64) -> Digest {
    blob(Domain::BLOB, &number.to_le_bytes())
}

pub fn chain() -> ChainId {
    "test-1".parse().unwrap()
}

pub fn profile() -> ProfileId {
    ProfileId(digest(1))
}

pub fn moment(height: u64) -> Moment {
    Moment { height, slot: 3 * height, time_ms: 1_000_000 + 3_000 * height }
}

/// The bytes of a contract of the test chain; no rule here looks into them.
pub fn component(number: u8) -> Vec<u8> {
    vec![number; 100]
}

pub fn contract(number: u8) -> ComponentHash {
    ComponentHash::of(&component(number))
}

/// A transaction that calls a script of the contract 0; the nonce tells it from others.
pub fn transaction(nonce: u64) -> Transaction {
    Transaction {
        chain: chain(),
        nonce,
        valid_from: 0,
        valid_until: u64::MAX,
        inputs: Vec::new(),
        references: Vec::new(),
        call: RootCall::Function { contract: contract(0), function: "go".into() },
        arguments: vec![1, 2],
        gas_limit: 1_000,
    }
}

/// A transaction with these inputs, in their latest versions.
pub fn transaction_on(nonce: u64, inputs: &[UtxoId]) -> Transaction {
    let inputs = inputs.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
    Transaction { inputs, ..transaction(nonce) }
}

/// The SHA-256 of the contract 0, as a contract names it that imports it.
pub const CONTRACT_0_SHA256: &str = "sha256:cd00e292c5970d3c5e2f0ffa5171e555bc46bfc4faddfb4a418b6840b86e79a3";

/// The deployment of a contract. The contract 1 has a gas limit, and imports the contract 0 under two names.
pub fn deployment(number: u8) -> (Transaction, Deployment, Admission) {
    let gas_limit_max = (number == 1).then_some(5_000);
    let call = RootCall::Deploy { contract: contract(number), gas_limit_max };
    let packages = vec![
        ("test:types@0.1.0".into(), PackageHash::from_digest(digest(11)), "package test:types@0.1.0;".into()),
        ("test:api@0.2.0".into(), PackageHash::from_digest(digest(12)), "package test:api@0.2.0;".into()),
    ];
    let names = [CONTRACT_0_SHA256.to_owned(), contract(0).to_string()];
    let imports = if number == 1 { names.map(|name| (name, contract(0))).into() } else { BTreeMap::new() };
    let deployment = Deployment { contract: contract(number), component: component(number), packages, imports };
    let admission = Admission { view: ViewId::from_digest(digest(20)), host_interface: HostInterfaceId(digest(21)) };
    (Transaction { call, arguments: Vec::new(), ..transaction(number.into()) }, deployment, admission)
}

/// What a UTXO may have, with a state record that the number decides.
pub fn content(state: u64) -> UtxoContent {
    UtxoContent {
        state: state.to_le_bytes().into(),
        callable: Callable::Methods(BTreeSet::from([MethodId([7; 32])])),
        tokens: Vec::new(),
        owner: None,
        deposit: 0,
    }
}

/// What a transaction minted at a place: a coin of the contract 1.
pub fn token(minted_by: TransactionId, index: u32) -> Token {
    let id = Token::id(&chain(), &minted_by, index);
    Token { id, contract: contract(1), type_name: "coin".into(), state: vec![5] }
}

/// That a transaction minted so many coins.
pub fn minted(minted_by: TransactionId, count: u32) -> Vec<Minted> {
    (0..count).map(|index| minted_as(&token(minted_by, index))).collect()
}

pub fn minted_as(token: &Token) -> Minted {
    Minted { token: token.id, contract: token.contract, type_name: token.type_name.clone() }
}

/// What became of a coin.
pub fn token_change(token: TokenId, from: Option<UtxoId>, to: Option<UtxoId>) -> TokenChange {
    TokenChange { token, contract: contract(1), type_name: "coin".into(), from, to }
}

/// A UTXO's change after which it holds these tokens.
pub fn holding(utxo: UtxoId, state: u64, tokens: &[Token]) -> Changed {
    Changed { utxo, content: UtxoContent { tokens: tokens.to_vec(), ..content(state) } }
}

pub fn created(transaction: &Transaction, index: u32, state: u64) -> Created {
    let utxo = Utxo::id(&chain(), &transaction.id(), index);
    Created { utxo, contract: contract(0), type_name: "counter".into(), content: content(state) }
}

pub fn changed(utxo: UtxoId, state: u64) -> Changed {
    Changed { utxo, content: content(state) }
}

/// What is kept of a UTXO of the contract 0 that was consumed.
pub fn consumed_counter(slot: u32, height: u64, serial: u64) -> UtxoStatus {
    UtxoStatus::Consumed { slot, height, contract: contract(0), serial, type_name: "counter".into() }
}

/// A call of a script, or of a UTXO.
pub fn call(utxo: Option<UtxoId>) -> Call {
    call_of(utxo.map(ObjectId::Utxo))
}

/// A call of a script, a UTXO or a token.
pub fn call_of(object: Option<ObjectId>) -> Call {
    Call {
        object,
        contract: contract(0),
        function: "bump".into(),
        input: CallRow::values(&[1]),
        old_state: Digest::ZERO,
        output: CallRow::values(&[]),
        new_state: digest(3),
        gas: 9,
        host: CallRow::host(&[]),
        end: CallEnd::Yielded,
    }
}

pub fn succeeded(effects: Effects) -> Execution {
    Execution { outcome: Outcome::Succeeded(effects), gas_used: 70, calls: Vec::new() }
}

pub fn failed() -> Execution {
    let script = FailureFrame { contract: contract(0), object: None, function: "go".into() };
    let failure = Failure { frames: vec![script], ..Failure::new(FailureKind::Trap, "unreachable") };
    Execution { outcome: Outcome::Failed(failure), gas_used: 90, calls: vec![call(None)] }
}

pub fn begin(state: &MemoryState) -> BlockBuilder<'_> {
    let height = state.tip().unwrap().map_or(0, |tip| tip.moment.height + 1);
    BlockBuilder::begin(state, chain(), profile(), moment(height)).unwrap()
}

/// The block with the two contracts.
pub fn genesis() -> SealedBlock {
    let state = MemoryState::default();
    let mut block = begin(&state);
    for number in [0, 1] {
        let (transaction, deployment, admission) = deployment(number);
        block.push_deployment(transaction, 40, deployment, admission).unwrap();
    }
    block.seal().unwrap()
}

/// The state after the genesis.
pub fn state() -> MemoryState {
    let mut state = MemoryState::default();
    state.apply(&genesis()).unwrap();
    state
}

/// Makes one block of what was executed, and applies it.
pub fn apply(state: &mut MemoryState, transactions: Vec<(Transaction, Execution)>) -> SealedBlock {
    let mut block = begin(state);
    for (transaction, execution) in transactions {
        block.push(transaction, execution).unwrap();
    }
    let sealed = block.seal().unwrap();
    state.apply(&sealed).unwrap();
    sealed
}

/// A transaction of several calls on these inputs.
pub fn steps(nonce: u64, inputs: &[UtxoId], calls: Vec<StepCall>) -> Transaction {
    let step = |call| RootStep { call, arguments: vec![7] };
    let call = RootCall::Calls(calls.into_iter().map(step).collect());
    Transaction { call, arguments: Vec::new(), ..transaction_on(nonce, inputs) }
}

/// One call of every kind that a step can be, on what was kept and on what the transaction makes itself.
pub fn steps_of_every_kind(utxo: UtxoId, token: TokenId) -> Vec<StepCall> {
    let (contract, type_name) = (contract(1), "coin".to_owned());
    let method = |utxo| StepCall::Method { utxo, method: "bump".into() };
    let attach = |token| StepCall::TokenMethod { token, method: "attach".into() };
    let burn = |token| StepCall::Burn { token, function: "burn".into() };
    vec![
        StepCall::Function { contract, function: "create".into() },
        StepCall::Main { contract, type_name: "counter".into(), main: "start".into() },
        method(UtxoRef::Kept(utxo)),
        method(UtxoRef::Made(0)),
        StepCall::Mint { contract, type_name, function: "mint".into() },
        attach(TokenRef::Kept(token)),
        attach(TokenRef::Minted(0)),
        burn(TokenRef::Kept(token)),
        burn(TokenRef::Minted(u32::MAX)),
        StepCall::Discard { token: TokenRef::Kept(token) },
        StepCall::Discard { token: TokenRef::Minted(1) },
    ]
}

/// A state with three UTXOs, and these.
pub fn state_with_three() -> (MemoryState, [UtxoId; 3]) {
    let mut state = state();
    let making = transaction(50);
    let made = [0, 1, 2].map(|index| created(&making, index, index.into()));
    let ids = made.each_ref().map(|created| created.utxo);
    apply(&mut state, vec![(making, succeeded(Effects { created: made.into(), ..Effects::default() }))]);
    (state, ids)
}

/// What is wrong with an execution; the block stays as it was.
pub fn contradiction(state: &MemoryState, transaction: Transaction, execution: Execution) -> Contradiction {
    let mut block = begin(state);
    let error = block.push(transaction, execution).map(drop).unwrap_err();
    let SealError::Contradiction { contradiction, .. } = error else { panic!("another error: {error}") };
    assert!(block.transactions().is_empty() && block.receipts().is_empty());
    assert_eq!(block.seal().unwrap(), begin(state).seal().unwrap(), "nothing of it is in the block");
    contradiction
}
