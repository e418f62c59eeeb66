//! Transactions that cannot be in a block, each with the reason that the executor gives. None of them leaves anything.

use crate::starstream::chain::TestChain;
use crate::starstream::contract::Contract;
use crate::starstream::expectations;
use crate::starstream::steps::{Answer, Chain, GAS_LIMIT};
use ledger_core::{Input, Invalid, Receipt, RootCall, Transaction, Utxo};
use registry_core::hash::Digest;
use registry_core::id::{TransactionId, UtxoId};

/// A chain with the contracts `counter` and `transfer` of the data set, and a counter that stands at 10.
struct Stage {
    chain: TestChain,
    counter: Contract,
    transfer: Contract,
    utxo: UtxoId,
}

impl Stage {
    fn new() -> Self {
        let [counter, transfer] = ["counter", "transfer"].map(|name| Contract::new(expectations::component(name)));
        let mut chain = TestChain::with(&[&counter, &transfer]);
        let call = RootCall::Function { contract: counter.hash, function: "create".to_owned() };
        let create = chain.transaction(call, Vec::new(), vec![10]);
        let utxo = executed(&chain.submit(create, TestChain::MOMENT)).created[0].utxo;
        Self { chain, counter, transfer, utxo }
    }

    fn function(&mut self, name: &str, arguments: Vec<u8>) -> Transaction {
        let call = RootCall::Function { contract: self.counter.hash, function: name.to_owned() };
        self.chain.transaction(call, Vec::new(), arguments)
    }

    /// `bump(1)` of version 0.
    fn bump(&mut self) -> Transaction {
        let call = RootCall::Method { utxo: self.utxo, method: "bump".to_owned() };
        let input = Input { utxo: self.utxo, version: Some(0) };
        self.chain.transaction(call, vec![input], vec![1])
    }

    fn method(&mut self, name: &str, arguments: Vec<u8>) -> Transaction {
        let call = RootCall::Method { utxo: self.utxo, method: name.to_owned() };
        Transaction { call, arguments, ..self.bump() }
    }

    /// The reason for which a transaction is refused; it changes nothing.
    fn refused(&mut self, transaction: Transaction) -> Invalid {
        let tip = self.chain.tip();
        match self.chain.submit(transaction, TestChain::MOMENT) {
            Answer::Invalid(reason) => {
                assert_eq!(self.chain.tip(), tip);
                reason
            }
            answer => panic!("{answer:?}"),
        }
    }
}

fn executed(answer: &Answer) -> &Receipt {
    match answer {
        Answer::Executed(receipt) if receipt.outcome.is_ok() => receipt,
        _ => panic!("{answer:?}"),
    }
}

#[test]
fn double_spend_in_one_block() {
    let mut stage = Stage::new();
    let (first, second) = (stage.bump(), stage.bump());
    let answers = stage.chain.block(vec![first, second], TestChain::MOMENT);
    assert_eq!(executed(&answers[0]).changed.len(), 1);
    let stale = Invalid::StaleVersion { utxo: stage.utxo, expected: 0, actual: 1 };
    assert_eq!(answers[1], Answer::Invalid(stale));

    let stop = |stage: &mut Stage| {
        let mut stop = stage.method("stop", Vec::new());
        stop.inputs[0].version = None;
        stop
    };
    let (first, second) = (stop(&mut stage), stop(&mut stage));
    let answers = stage.chain.block(vec![first, second], TestChain::MOMENT);
    assert_eq!(executed(&answers[0]).consumed.len(), 1);
    assert!(matches!(answers[1], Answer::Invalid(Invalid::ConsumedUtxo { utxo, .. }) if utxo == stage.utxo));
}

#[test]
fn double_spend_across_blocks() {
    let mut stage = Stage::new();
    let (stop, late) = (stage.method("stop", Vec::new()), stage.bump());
    executed(&stage.chain.submit(stop, TestChain::MOMENT));
    assert!(matches!(stage.refused(late), Invalid::ConsumedUtxo { utxo, .. } if utxo == stage.utxo));
}

#[test]
fn stale_version() {
    let mut stage = Stage::new();
    let (first, second) = (stage.bump(), stage.bump());
    executed(&stage.chain.submit(first, TestChain::MOMENT));
    assert_eq!(stage.refused(second), Invalid::StaleVersion { utxo: stage.utxo, expected: 0, actual: 1 });
    let future = Transaction { inputs: vec![Input { utxo: stage.utxo, version: Some(2) }], ..stage.bump() };
    assert_eq!(stage.refused(future), Invalid::StaleVersion { utxo: stage.utxo, expected: 2, actual: 1 });
}

#[test]
fn outside_its_range_of_heights() {
    let mut stage = Stage::new();
    let height = TestChain::MOMENT.block_height;
    let expired = Transaction { valid_until: height - 1, ..stage.bump() };
    assert_eq!(stage.refused(expired), Invalid::Expired { valid_until: height - 1, height });
    let early = Transaction { valid_from: height + 1, ..stage.bump() };
    assert_eq!(stage.refused(early), Invalid::TooEarly { valid_from: height + 1, height });
}

#[test]
fn repeated() {
    let mut stage = Stage::new();
    let create = stage.function("create", vec![3]);
    executed(&stage.chain.submit(create.clone(), TestChain::MOMENT));
    assert!(matches!(stage.refused(create), Invalid::Repeated { .. }));
    let create = stage.function("create", vec![3]);
    let answers = stage.chain.block(vec![create.clone(), create], TestChain::MOMENT);
    executed(&answers[0]);
    assert!(matches!(answers[1], Answer::Invalid(Invalid::Repeated { .. })));
}

#[test]
fn for_another_chain() {
    let mut stage = Stage::new();
    let foreign = Transaction { chain: "other".parse().unwrap(), ..stage.bump() };
    let (found, expected) = ("other".to_owned(), stage.chain.id().to_string());
    assert_eq!(stage.refused(foreign), Invalid::OtherChain { found, expected });
}

#[test]
fn gas_limit_over_the_maximum() {
    let mut stage = Stage::new();
    let greedy = Transaction { gas_limit: GAS_LIMIT + 1, ..stage.bump() };
    assert_eq!(stage.refused(greedy), Invalid::GasLimitTooHigh { asked: GAS_LIMIT + 1, max: GAS_LIMIT });
}

#[test]
fn utxos_that_are_named_wrongly() {
    let mut stage = Stage::new();
    let utxo = stage.utxo;
    let unknown = Utxo::id(stage.chain.id(), &TransactionId::from_digest(Digest::ZERO), 0);
    let input = |utxo| Input { utxo, version: None };
    let bump = |stage: &mut Stage, inputs: Vec<Input>, references: Vec<Input>| {
        let transaction = Transaction { inputs, references, ..stage.bump() };
        stage.refused(transaction)
    };
    assert_eq!(bump(&mut stage, vec![], vec![]), Invalid::UndeclaredUtxo(utxo));
    assert_eq!(bump(&mut stage, vec![input(utxo), input(utxo)], vec![]), Invalid::RepeatedUtxo(utxo));
    assert_eq!(bump(&mut stage, vec![input(utxo)], vec![input(utxo)]), Invalid::RepeatedUtxo(utxo));
    assert_eq!(bump(&mut stage, vec![input(utxo), input(unknown)], vec![]), Invalid::UnknownUtxo(unknown));
    let other = Transaction { call: RootCall::Method { utxo: unknown, method: "bump".to_owned() }, ..stage.bump() };
    assert!(matches!(stage.refused(other), Invalid::UndeclaredUtxo(_) | Invalid::UnknownUtxo(_)));
}

#[test]
fn more_than_a_transaction_may_have() {
    let mut stage = Stage::new();
    let many = |count: usize| -> Vec<Input> {
        let id = |index| Utxo::id(&"test".parse().unwrap(), &TransactionId::from_digest(Digest::ZERO), index);
        (0..count as u32).map(|index| Input { utxo: id(index), version: None }).collect()
    };
    let named = |stage: &mut Stage, inputs, references| {
        let transaction = Transaction { inputs: many(inputs), references: many(references), ..stage.bump() };
        stage.refused(transaction)
    };
    let max = Transaction::INPUTS_MAX;
    for (inputs, references) in [(max + 1, 0), (0, max + 1), (max, 1)] {
        assert!(matches!(named(&mut stage, inputs, references), Invalid::TooLarge { max: 256, .. }));
    }
    // So many are not too many; but the counter is not among them.
    assert_eq!(named(&mut stage, max, 0), Invalid::UndeclaredUtxo(stage.utxo));
    let wordy = stage.function(&"a".repeat(3 << 20), vec![]);
    assert!(matches!(stage.refused(wordy), Invalid::TooLarge { .. }));
}

#[test]
fn a_handle_that_the_transaction_does_not_name() {
    let mut stage = Stage::new();
    let call = RootCall::Function { contract: stage.transfer.hash, function: "open-two".to_owned() };
    let open = stage.chain.transaction(call, Vec::new(), vec![5, 6]);
    let receipt = executed(&stage.chain.submit(open, TestChain::MOMENT)).clone();
    let [first, second] = [receipt.created[0].utxo, receipt.created[1].utxo];
    let text = |id: &str| [&[u8::try_from(id.len()).unwrap()], id.as_bytes()].concat();
    let arguments = [text(&first.to_string()), text(&second.to_string())].concat();
    let call = RootCall::Function { contract: stage.transfer.hash, function: "sum".to_owned() };
    let input = |utxo| Input { utxo, version: None };
    let sum = |stage: &mut Stage, inputs, arguments: Vec<u8>| stage.chain.transaction(call.clone(), inputs, arguments);
    let both = sum(&mut stage, vec![input(first), input(second)], arguments.clone());
    assert_eq!(executed(&stage.chain.submit(both, TestChain::MOMENT)).outcome, Ok(vec![11]));
    let one = sum(&mut stage, vec![input(first)], arguments);
    assert_eq!(stage.refused(one), Invalid::UndeclaredUtxo(second));
    // A counter is no purse.
    let counter = stage.utxo;
    let arguments = [text(&first.to_string()), text(&counter.to_string())].concat();
    let mixed = sum(&mut stage, vec![input(first), input(counter)], arguments);
    assert!(matches!(stage.refused(mixed), Invalid::BadCall(_)));
    // What is not exactly the text of an id is not a handle.
    let upper = first.to_string().to_uppercase();
    for handle in ["", "p2:u", upper.as_str(), &first.to_string()[..67], &format!("{first}0"), &"p2:c".repeat(17)] {
        let arguments = [text(handle), text(&second.to_string())].concat();
        let transaction = sum(&mut stage, vec![input(first), input(second)], arguments);
        assert!(matches!(stage.refused(transaction), Invalid::BadCall(_)), "{handle}");
    }
}

#[test]
fn a_contract_that_is_not_deployed() {
    let mut stage = Stage::new();
    let other = Contract::new(expectations::component("ticker"));
    let call = RootCall::Function { contract: other.hash, function: "make".to_owned() };
    let make = stage.chain.transaction(call, Vec::new(), vec![3]);
    assert_eq!(stage.refused(make), Invalid::UnknownContract(other.hash));
}

#[test]
fn calls_that_do_not_fit_the_contract() {
    let mut stage = Stage::new();
    for function in ["", "creat", "Create", "counter#[static]utxo.start", "start", "memory", "counter#get-storage"] {
        let call = stage.function(function, vec![1]);
        assert!(matches!(stage.refused(call), Invalid::BadCall(_)), "{function}");
    }
    for method in ["", "start", "create", "get-storage", "set-storage", "[method]utxo.bump", "bump "] {
        let call = stage.method(method, vec![1]);
        assert!(matches!(stage.refused(call), Invalid::BadCall(_)), "{method}");
    }
    let contract = stage.counter.hash;
    for (type_name, main) in
        [("", "start"), ("", "create"), ("counter", "bump"), ("counter", "set-storage"), ("count", "start")]
    {
        let call = RootCall::Main { contract, type_name: type_name.to_owned(), main: main.to_owned() };
        let call = stage.chain.transaction(call, Vec::new(), vec![1]);
        assert!(matches!(stage.refused(call), Invalid::BadCall(_)), "{type_name}::{main}");
    }
}

/// The arguments of `create(first: s64)`: one encoding stands for each number, and nothing else is one.
#[test]
fn arguments_of_the_wrong_type_and_encodings_that_are_not_canonical() {
    let mut stage = Stage::new();
    for (what, arguments) in [
        ("nothing", vec![]),
        ("two numbers", vec![1, 2]),
        ("a text", vec![5, b'h', b'e', b'l', b'l', b'o']),
        ("the end is missing", vec![0x80]),
        ("0 in two bytes", vec![0x80, 0x00]),
        ("-1 in two bytes", vec![0xff, 0x7f]),
        ("2^63", vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        ("eleven bytes", vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        ("a megabyte", vec![0; 1 << 20]),
    ] {
        let call = stage.function("create", arguments);
        assert!(matches!(stage.refused(call), Invalid::BadCall(_) | Invalid::TooLarge { .. }), "{what}");
    }
    let smallest = stage.function("create", vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]);
    executed(&stage.chain.submit(smallest, TestChain::MOMENT));
}
