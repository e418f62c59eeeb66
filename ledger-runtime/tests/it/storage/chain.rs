//! Chains without WebAssembly: blocks in which made-up executions create, change and consume UTXOs.

use crate::{build, support};
use ledger_core::{
    Admission, BlockBuilder, Call, CallEnd, Callable, ChainId, Changed, Created, Deployment, Effects, Execution,
    Failure, FailureKind, HostInterfaceId, Input, MethodId, Minted, Moment, ObjectId, Outcome, ProfileId, RootCall,
    SealedBlock, State, Token, Transaction, Utxo, UtxoContent, UtxoStatus,
};
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{RedbStorage, Snapshot, Storage, StorageError, TokenStatus};
use registry_core::hash::{Digest, Domain, blob};
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What the chains begin with, as far as the storage knows it.
pub(crate) const GENESIS: &[u8] = b"what a chain begins with";

/// A chain of 12 blocks with what each kind of transaction leaves behind, two deployments among them.
pub(crate) static CHAIN: LazyLock<Vec<SealedBlock>> = LazyLock::new(|| blocks(12, 6, 1));

/// Numbers that look random and are the same for the same seed (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// A chain of `count` blocks of `transactions` transactions each, the genesis not counted.
pub(crate) fn blocks(count: u64, transactions: usize, seed: u64) -> Vec<SealedBlock> {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    let mut maker = Maker::new(seed);
    let mut blocks = vec![maker.genesis(&*storage.snapshot())];
    storage.begin(GENESIS, &blocks[0]).unwrap();
    for height in 1..=count {
        let block = maker.block(&*storage.snapshot(), height, transactions);
        storage.commit(&block).unwrap();
        blocks.push(block);
    }
    blocks
}

/// Keeps the first `blocks` on a storage that has none.
pub(crate) fn commit_all(storage: &RedbStorage, blocks: &[SealedBlock]) {
    for block in blocks {
        commit(storage, block).unwrap();
    }
}

/// Keeps a block, the genesis or another.
pub(crate) fn commit(storage: &RedbStorage, block: &SealedBlock) -> Result<(), StorageError> {
    match block.header().moment.height {
        0 => storage.begin(GENESIS, block),
        _ => storage.commit(block),
    }
}

/// Makes blocks that follow each other.
pub(crate) struct Maker {
    random: Random,
    nonce: u64,
    contract: ComponentHash,
    live: Vec<UtxoId>,
    /// Those of UTXOs that hold any.
    tokens: BTreeMap<UtxoId, Vec<Token>>,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        let contract = ComponentHash::of(&build::example("counter"));
        Self { random: Random::new(seed), nonce: 0, contract, live: Vec::new(), tokens: BTreeMap::new() }
    }

    /// The first block, which deploys one contract.
    pub(crate) fn genesis(&mut self, state: &dyn State) -> SealedBlock {
        let mut builder = begin(state, 0);
        self.deploy(&mut builder, "counter");
        builder.seal().unwrap()
    }

    /// A block of this height with every kind of transaction; that of height 3 deploys a contract as well.
    pub(crate) fn block(&mut self, state: &dyn State, height: u64, transactions: usize) -> SealedBlock {
        let mut builder = begin(state, height);
        if height == 3 {
            self.deploy(&mut builder, "shop");
        }
        for number in 0..transactions {
            self.transact(&mut builder, number);
        }
        builder.seal().unwrap()
    }

    fn deploy(&mut self, builder: &mut BlockBuilder<'_>, example: &str) {
        let component = build::example(example);
        let verified = support::verified(&component);
        let packages = verified.closure().packages.iter();
        let packages = packages.map(|package| (package.name.to_string(), package.hash, package.wit.clone())).collect();
        let contract = verified.hash();
        let call = RootCall::Deploy { contract, gas_limit_max: None };
        let transaction = Transaction { arguments: Vec::new(), ..self.transaction(call, Vec::new()) };
        let admission =
            Admission { view: verified.view_id(), host_interface: HostInterfaceId(blob(Domain::BLOB, b"host")) };
        builder
            .push_deployment(
                transaction,
                10,
                Deployment { contract, component, packages, imports: BTreeMap::new() },
                admission,
            )
            .unwrap();
    }

    /// Six kinds in turn: creates three, of which one holds two of three minted tokens; changes one, which keeps its tokens;
    /// changes one and creates one, which gets its tokens; consumes one with its tokens; makes one that does not last; fails.
    fn transact(&mut self, builder: &mut BlockBuilder<'_>, number: usize) {
        let is_input = matches!(number % 6, 1..=3) && !self.live.is_empty();
        let input = is_input.then(|| self.random.below(self.live.len()));
        let utxo = input.map(|place| self.live[place]);
        let inputs = utxo.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
        let function = RootCall::Function { contract: self.contract, function: "run".to_owned() };
        let transaction = self.transaction(function, inputs);
        let id = transaction.id();
        let made = |index| Utxo::id(&chain_id(), &id, index);
        let mut effects = Effects::default();
        match (number % 6, utxo) {
            (1, Some(utxo)) => {
                let tokens = self.tokens.get(&utxo).cloned().unwrap_or_default();
                effects.changed.push(Changed { utxo, content: UtxoContent { tokens, ..self.content() } });
            }
            (2, Some(utxo)) => {
                effects.changed.push(Changed { utxo, content: self.content() });
                let tokens = self.tokens.remove(&utxo).unwrap_or_default();
                effects.created.push(self.created_with(made(0), tokens));
            }
            (3, Some(utxo)) => {
                self.tokens.remove(&utxo);
                effects.consumed.push(utxo);
                self.live.retain(|live| *live != utxo);
            }
            (4, _) => effects.ephemeral.push(made(0)),
            (5, _) => {
                let failure = Failure::new(FailureKind::Trap, "unreachable");
                builder.push(transaction, self.execution(Outcome::Failed(failure), None)).unwrap();
                return;
            }
            _ => {
                let minted: Vec<Token> = (0..3).map(|index| self.token(&id, index)).collect();
                effects.minted.extend(minted.iter().map(|token| Minted {
                    token: token.id,
                    contract: token.contract,
                    type_name: token.type_name.clone(),
                }));
                effects.created.push(self.created_with(made(0), minted[..2].to_vec()));
                effects.created.extend((1..3).map(|index| self.created_with(made(index), Vec::new())));
            }
        }
        self.live.extend(effects.created.iter().map(|created| created.utxo));
        effects.result = vec![7; 9];
        builder.push(transaction, self.execution(Outcome::Succeeded(effects), utxo)).unwrap();
    }

    fn transaction(&mut self, call: RootCall, inputs: Vec<Input>) -> Transaction {
        self.nonce += 1;
        Transaction {
            chain: chain_id(),
            nonce: self.nonce,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs,
            references: Vec::new(),
            call,
            arguments: vec![1, 2, 3],
            gas_limit: 1_000,
        }
    }

    fn token(&self, transaction: &TransactionId, index: u32) -> Token {
        let id = Token::id(&chain_id(), transaction, index);
        Token { id, contract: self.contract, type_name: "coin".to_owned(), state: index.to_le_bytes().to_vec() }
    }

    fn created_with(&mut self, utxo: UtxoId, tokens: Vec<Token>) -> Created {
        let content = UtxoContent { tokens: tokens.clone(), ..self.content() };
        if !tokens.is_empty() {
            self.tokens.insert(utxo, tokens);
        }
        Created { utxo, contract: self.contract, type_name: "demo:counter/counter".to_owned(), content }
    }

    fn content(&mut self) -> UtxoContent {
        let state = (0..16 + self.random.below(200)).map(|_| self.random.next().to_le_bytes()[0]).collect();
        let callable = Callable::Methods([MethodId([self.random.next().to_le_bytes()[0]; 32])].into());
        UtxoContent { state, callable, tokens: Vec::new(), owner: None, deposit: 0 }
    }

    fn execution(&mut self, outcome: Outcome, utxo: Option<UtxoId>) -> Execution {
        let call = Call {
            object: utxo.map(ObjectId::Utxo),
            contract: self.contract,
            function: "run".to_owned(),
            input: blob(Domain::BLOB, b"input"),
            old_state: Digest::ZERO,
            output: Digest::ZERO,
            new_state: Digest::ZERO,
            gas: 100,
            host: Digest::ZERO,
            end: CallEnd::Returned,
        };
        Execution { outcome, gas_used: 100, calls: vec![call] }
    }
}

/// The chain that all of these belong to.
pub(crate) fn chain_id() -> ChainId {
    "storage".parse().unwrap()
}

fn begin(state: &dyn State, height: u64) -> BlockBuilder<'_> {
    let moment = Moment { height, slot: height, time_ms: 1_000 * height };
    BlockBuilder::begin(state, chain_id(), ProfileId(blob(Domain::BLOB, b"profile")), moment).unwrap()
}

/// What became of every UTXO of these blocks.
pub(crate) fn statuses(blocks: &[SealedBlock]) -> BTreeMap<UtxoId, UtxoStatus> {
    blocks.iter().flat_map(|block| block.utxos().clone()).collect()
}

/// Those that live, in the order of their serials. All are of one contract.
pub(crate) fn live(blocks: &[SealedBlock]) -> Vec<Utxo> {
    let mut live: Vec<Utxo> = statuses(blocks)
        .into_values()
        .filter_map(|status| match status {
            UtxoStatus::Live(utxo) => Some(utxo),
            UtxoStatus::Consumed { .. } => None,
        })
        .collect();
    live.sort_by_key(|utxo| utxo.serial);
    live
}

/// Where each token is that these blocks tell of.
pub(crate) fn tokens(blocks: &[SealedBlock]) -> BTreeMap<TokenId, TokenStatus> {
    let mut tokens = BTreeMap::new();
    for (height, block) in (0..).zip(blocks) {
        for change in block.receipts().iter().flat_map(|receipt| &receipt.tokens) {
            let (contract, type_name) = (change.contract, change.type_name.clone());
            tokens.insert(change.token, TokenStatus::Burned { height, contract, type_name });
        }
    }
    for utxo in live(blocks) {
        let holder = utxo.id;
        tokens.extend(utxo.content.tokens.into_iter().map(|token| (token.id, TokenStatus::Held { token, holder })));
    }
    tokens
}

/// Compares everything that a snapshot tells with the blocks that were written, the last of them being its tip.
pub(crate) fn assert_holds(snapshot: &dyn Snapshot, blocks: &[SealedBlock]) {
    let tip = blocks.last().map(|block| block.header().clone());
    assert_eq!(snapshot.tip().unwrap(), tip);
    for (height, block) in (0..).zip(blocks) {
        assert_eq!(snapshot.block(height).unwrap().as_ref(), Some(block.block()));
        assert_eq!(snapshot.receipts(height).unwrap().as_deref(), Some(block.receipts()));
        assert_eq!(snapshot.calls(height).unwrap().as_deref(), Some(block.calls()));
    }
    for (id, status) in statuses(blocks) {
        if let UtxoStatus::Live(utxo) = &status {
            assert_eq!(snapshot.utxo_by_serial(&utxo.contract, utxo.serial).unwrap(), Some(id));
        }
        assert_eq!(snapshot.utxo(&id).unwrap(), Some(status));
    }
    for (id, status) in tokens(blocks) {
        assert_eq!(snapshot.token(&id).unwrap(), Some(status));
    }
    assert_eq!(snapshot.header(blocks.len().try_into().unwrap()).unwrap(), None);
}
