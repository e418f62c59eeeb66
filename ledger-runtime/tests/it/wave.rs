//! Arguments as people write them, and what is said when they do not fit.

use crate::build;
use crate::support::verified;
use ledger_core::{ObjectId, StepCall, TokenRef, UtxoRef};
use ledger_runtime::abi::ObjectName;
use ledger_runtime::utxo_name::UtxoName;
use ledger_runtime::value::{ValueLimits, encode_parameters};
use ledger_runtime::wave::{CalleeError, ContractText, Signature, to_text};
use registry_core::id::{ComponentHash, UtxoId};

fn signature(contract: &str, function: &str) -> Signature {
    let component = verified(&build::example(contract));
    let text = ContractText::parse(&component.flat_text().unwrap(), "root:component/root").unwrap();
    let index = text.interface().find(function).unwrap();
    text.signature(&text.interface().functions()[index].declaration).unwrap()
}

fn values(signature: &Signature, text: &str) -> Vec<String> {
    let values = signature.parse_arguments(text).unwrap();
    values.iter().map(|value| to_text(value).unwrap()).collect()
}

#[test]
fn arguments_are_a_list_without_brackets() {
    let gcd = signature("arithmetic", "gcd");
    assert_eq!(gcd.to_string(), "(a: u64, b: u64) -> u64");
    for text in ["12, 18", "12,18,", "  12 ,\n 18 // twelve and eighteen"] {
        assert_eq!(values(&gcd, text), ["12", "18"], "{text}");
    }
    let highest = signature("counter", "counters#[static]counter.highest");
    assert_eq!(values(&highest, ""), [""; 0]);
    assert_eq!(values(&highest, "  \n"), [""; 0]);
}

#[test]
fn options_and_results_may_be_written_short() {
    let order = signature("shop", "order");
    let items = r#"[{name: "tea", unit-price: 450, quantity: 2}]"#;
    for text in ["full-price, {}", "full-price, {}, none"] {
        assert_eq!(values(&order, &format!("{items}, {text}"))[3], "none");
    }
    for note in [r#"some("x")"#, r#""x""#] {
        assert_eq!(
            values(&order, &format!("{items}, amount(3), {{gift-wrap, express}}, {note}")),
            [r#"[{name: "tea", unit-price: 450, quantity: 2}]"#, "amount(3)", "{express, gift-wrap}", r#"some("x")"#]
        );
    }
}

#[test]
fn what_does_not_fit_is_pointed_at() {
    let gcd = signature("arithmetic", "gcd");
    let order = signature("shop", "order");
    let clamp = signature("counter", "counters#clamp");
    let cases = [
        (&gcd, "1, x", "argument 2 (`b`): expected u64", "1, x\n   ^"),
        (&gcd, "1", "argument 2 (`b`) is missing: u64", "1\n ^"),
        (&gcd, "", "argument 1 (`a`) is missing: u64", "\n^"),
        (&gcd, "1, 2, 3", "the function takes 2 arguments, but there are 3", "1, 2, 3\n      ^"),
        (&clamp, "1, 2", "the function takes 1 argument, but there are 2", "1, 2\n   ^"),
        (&gcd, "-1, 2", "argument 1 (`a`): expected u64", "-1, 2\n^^"),
        (
            &gcd,
            "1, 18446744073709551616",
            "argument 2 (`b`): expected u64",
            "1, 18446744073709551616\n   ^^^^^^^^^^^^^^^^^^^^",
        ),
        (&gcd, "1,\n  {", "the arguments end too early", "  {\n   ^"),
        (&gcd, "1, 2)", "the arguments are not WAVE: trailing characters after value", "1, 2)\n     ^"),
        (&gcd, "(1, 2)", "argument 1 (`a`): expected u64", "(1, 2)\n^^^^^^"),
        (
            &order,
            "[{name: 3, unit-price: 1, quantity: 1}], full-price, {}",
            "argument 1 (`items`)[0].name: expected string",
            "[{name: 3, unit-price: 1, quantity: 1}], full-price, {}\n        ^",
        ),
        (
            &order,
            r#"[{name: "a", unit-price: 1}], full-price, {}"#,
            "argument 1 (`items`)[0]: the field `quantity` is missing: u32",
            "[{name: \"a\", unit-price: 1}], full-price, {}\n ^^^^^^^^^^^^^^^^^^^^^^^^^^",
        ),
        (
            &order,
            r#"[{name: "a", unit-price: 1, quantity: 1, colour: 7}], full-price, {}"#,
            "argument 1 (`items`)[0]: there is no field `colour` in record { name: string, unit-price: u64, quantity: u32 }",
            "[{name: \"a\", unit-price: 1, quantity: 1, colour: 7}], full-price, {}\n                                                 ^",
        ),
        (
            &order,
            "[], half-price, {}",
            "argument 2 (`discount`): expected variant { full-price, percent(u8), amount(u64) }",
            "[], half-price, {}\n    ^^^^^^^^^^",
        ),
        (
            &order,
            "[], percent, {}",
            "argument 2 (`discount`): `percent` needs a value: u8",
            "[], percent, {}\n    ^^^^^^^",
        ),
        (
            &order,
            "[], percent(300), {}",
            "argument 2 (`discount`).percent: expected u8",
            "[], percent(300), {}\n            ^^^",
        ),
        (
            &order,
            "[], full-price(3), {}",
            "argument 2 (`discount`): `full-price` has no value",
            "[], full-price(3), {}\n               ^",
        ),
        (
            &order,
            "[], full-price, {expres}",
            "argument 3 (`service`): expected flags { express, gift-wrap }",
            "[], full-price, {expres}\n                ^^^^^^^^",
        ),
        (
            &order,
            "[], full-price, {}, some(5)",
            "argument 4 (`note`).some: expected string",
            "[], full-price, {}, some(5)\n                         ^",
        ),
        (
            &order,
            "[\"ä\", 5], full-price, {}",
            "argument 1 (`items`)[0]: expected record { name: string, unit-price: u64, quantity: u32 }",
            "[\"ä\", 5], full-price, {}\n ^^^",
        ),
    ];
    for (signature, text, message, pointer) in cases {
        let error = signature.parse_arguments(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
        assert_eq!(error.pointer(), pointer, "{text}");
    }
}

#[test]
fn common_mistakes_are_told() {
    let gcd = signature("arithmetic", "gcd");
    let order = signature("shop", "order");
    for (signature, text, part) in [
        (&gcd, "1 2", "comma"),
        (&order, "[] full-price, {}", "comma"),
        (&gcd, "a: 1, b: 2", "without names"),
        (&gcd, "a=1, b=2", "without names"),
        (&order, "[{name: 'tea', unit-price: 450, quantity: 1}], full-price, {}", "double quotes"),
        (&order, "[{name: \"tea\", unit_price: 450, quantity: 1}], full-price, {}", "hyphens"),
    ] {
        let error = signature.parse_arguments(text).expect_err(text);
        assert!(error.hint().is_some_and(|hint| hint.contains(part)), "{text}: {error:?}");
    }
    for text in ["1, true", "1, 2, 3", "1", "1, 2)", ""] {
        assert_eq!(gcd.parse_arguments(text).unwrap_err().hint(), None, "{text}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let order = signature("shop", "order");
    for text in
        ["(", ")", "\"", "'", "{", "[", "\\", "\u{0}", "%", "{:}", "//", "call(", "é", "some", "ok(err(", "((((((("]
    {
        let error = order.parse_arguments(text).unwrap_err();
        let _ = (error.pointer(), error.hint());
    }
    let deep = "[".repeat(100_000);
    assert!(order.parse_arguments(&deep).is_err());
}

#[test]
fn a_text_of_a_hostile_node_is_refused() {
    assert!(ContractText::parse("package a:b; world w {}", "root:component/root").is_err());
    assert!(ContractText::parse("not wit", "root:component/root").is_err());
    assert!(
        ContractText::parse("package root:component; world root { import x:y/z@1.0.0; }", "root:component/root")
            .is_err()
    );
    // Sixty-four levels, each of two of the one below: the type has more parts than there are atoms.
    let mut text = "package root:component;\nworld root {\n  type t0 = u8;\n".to_owned();
    for level in 1..64 {
        text.push_str(&format!("  type t{level} = tuple<t{0}, t{0}>;\n", level - 1));
    }
    text.push_str("  export run: func(x: t63);\n}\n");
    let contract = ContractText::parse(&text, "root:component/root").unwrap();
    let signature = contract.signature(&contract.interface().functions()[0].declaration).unwrap();
    let short = format!("{}…", "tuple<".repeat(33));
    assert_eq!(signature.to_string(), format!("(x: {short})"));
    let error = signature.parse_arguments("(1, 2)").unwrap_err();
    assert_eq!(error.to_string(), format!("argument 1 (`x`)[0]: expected {short}"));
    // A record without fields can be written in WIT, but no component has one.
    let empty = "package root:component; world root { record nothing {} export run: func(x: nothing); }";
    let contract = ContractText::parse(empty, "root:component/root").unwrap();
    let error = contract.signature(&contract.interface().functions()[0].declaration).unwrap_err();
    assert_eq!(error.to_string(), "a record without parts is not a type of a component");
}

/// A contract of the data set, from its WIT.
fn starstream(name: &str) -> ContractText {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/starstream/{name}/contract.wit"));
    ContractText::parse(&std::fs::read_to_string(path).unwrap(), "root:component/root").unwrap()
}

fn contract() -> ComponentHash {
    ComponentHash::of(b"a contract")
}

fn utxo() -> UtxoRef {
    UtxoRef::Kept(utxo_id())
}

fn utxo_id() -> UtxoId {
    UtxoId::from_digest(*contract().digest())
}

#[test]
fn scripts_mains_and_methods_have_names() {
    let counter = starstream("counter");
    assert!(counter.is_coroutine());
    assert_eq!(
        counter.callees(),
        ["create", "create-bumped", "whole-life", "use-after-stop", "counter::start"].map(str::to_owned)
    );
    let create = counter.callee(contract(), "create-bumped").unwrap();
    assert_eq!(create.call, StepCall::Function { contract: contract(), function: "create-bumped".to_owned() });
    assert_eq!(create.signature.to_string(), "(first: s64, n: s64) -> s64");
    let start = counter.callee(contract(), "counter::start").unwrap();
    let (type_name, main) = ("counter".to_owned(), "start".to_owned());
    assert_eq!(start.call, StepCall::Main { contract: contract(), type_name, main });
    assert_eq!(start.signature.parameters.len(), 1, "the context is the ledger's affair");
    let bump = counter.method(utxo(), "counter", "bump").unwrap();
    assert_eq!(bump.call, StepCall::Method { utxo: utxo(), method: "bump".to_owned() });
    assert_eq!((bump.name.as_str(), bump.signature.to_string().as_str()), ("bump", "(n: s64)"));
    assert_eq!(
        counter.storage("counter").unwrap().unwrap().to_string(),
        "record { yield: s32, total: s64, yield1: s32, yield1-v1: s64, yield1-v2: s32 }"
    );
    assert_eq!(counter.event("starstream:events/counting", "stopped").unwrap().unwrap().to_string(), "(total: s64)");
    assert!(counter.event("starstream:events/counting", "started").unwrap().is_none());
    assert!(counter.storage("other").unwrap().is_none());
}

#[test]
fn wrong_names_say_what_there_is() {
    let counter = starstream("counter");
    let callee = |name: &str| counter.callee(contract(), name).unwrap_err();
    let method = |name: &str| counter.method(utxo(), "counter", name).unwrap_err();
    let all = "`create`, `create-bumped`, `whole-life`, `use-after-stop`, `counter::start`";
    let methods = "`bump`, `value`, `stop`";
    let cases = [
        (callee("creat"), "the contract has no function `creat`", format!("did you mean `create`? There are {all}")),
        (callee("start"), "no function `start`", format!("did you mean `counter::start`? There are {all}")),
        (
            callee("counter::bump"),
            "`counter::bump` is a method of UTXOs of the type `counter`, not a function of the contract",
            "name a UTXO in place of the contract: `p2:u…`, or `p2:c…#0`; `ledger utxos` lists them".to_owned(),
        ),
        (callee("::create"), "no function `::create`", format!("did you mean `create`? There are {all}")),
        (callee("counter#[method]utxo.bump"), "no function", format!("it has {all}")),
        (callee("counter#get-storage"), "no function", format!("it has {all}")),
        (method("bmp"), "`counter` has no method `bmp`", format!("did you mean `bump`? There are {methods}")),
        (method("get-storage"), "has no method `get-storage`", format!("it has {methods}")),
        (
            method("start"),
            "`counter::start` is a function of the contract, not a method of the UTXO",
            "name the contract in place of the UTXO: `p2:c… counter::start`".to_owned(),
        ),
        (
            callee("bump"),
            "`bump` is a method of UTXOs of the type `counter`, not a function of the contract",
            "name a UTXO in place of the contract: `p2:u…`, or `p2:c…#0`; `ledger utxos` lists them".to_owned(),
        ),
    ];
    for (error, message, hint) in cases {
        let CalleeError::Function(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.hint().unwrap(), hint, "{error}");
    }
}

#[test]
fn a_handle_is_the_id_of_a_utxo() {
    let transfer = starstream("transfer");
    let send = transfer.callee(contract(), "send").unwrap().signature;
    let id = utxo_id().to_string();
    let values = send.parse_arguments(&format!("\"{id}\", \"{id}\", 5")).unwrap();
    let encoded = encode_parameters(&send.parameters, &values, &ValueLimits::default()).unwrap();
    let handle = [vec![68], id.clone().into_bytes()].concat();
    assert_eq!(encoded, [handle.clone(), handle, vec![5]].concat());
    let split = transfer.callee(contract(), "split").unwrap().signature;
    assert!(split.handles.is_some() && split.result.is_some());
    assert_eq!(send.to_string(), "(source: wallet, target: wallet, n: s64)");
    let unquoted = send.parse_arguments(&format!("{id}, {id}, 5")).unwrap_err();
    assert_eq!(unquoted.hint().unwrap(), "a UTXO is written in quotes: \"p2:u…\" or \"p2:c…#0\"");

    let named = send.parse_arguments_with("\"a\", \"b\", 5", &|name| {
        if name == "a" {
            Ok(ObjectName::Id(ObjectId::Utxo(utxo_id())).into())
        } else {
            Err(format!("`{name}` is nobody"))
        }
    });
    let error = named.unwrap_err();
    assert_eq!(error.to_string(), "argument 2 (`target`): `b` is nobody");
    assert_eq!(error.pointer(), "\"a\", \"b\", 5\n     ^^^");
    for (text, message) in [
        ("7, 8, 5".to_owned(), "argument 1 (`source`): expected a UTXO in quotes: \"p2:u…\" or \"p2:c…#0\""),
        (
            "\"x\", \"y\", 5".to_owned(),
            "argument 1 (`source`): `x`: it is neither the id of a UTXO (`p2:u…`) or a token",
        ),
        (format!("\"{}\", \"y\", 5", contract()), "it is neither the id of a UTXO"),
        ("\"minted:0\", \"y\", 5".to_owned(), "argument 1 (`source`): expected a UTXO, and `minted:0` is a token"),
        ("x, y, 5".to_owned(), "argument 1 (`source`): `x`: it is neither"),
    ] {
        let error = send.parse_arguments(&text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_plain_contract_can_be_its_own_type() {
    let text = "package root:component; world root { export get-storage: func() -> u64; export set-storage: func(storage: u64); \
                export add: func(n: u64) -> u64; }";
    let plain = ContractText::parse(text, "root:component/root").unwrap();
    assert!(!plain.is_coroutine());
    let main = plain.callee(contract(), "::add").unwrap();
    assert_eq!(main.call, StepCall::Main { contract: contract(), type_name: String::new(), main: "add".to_owned() });
    assert_eq!(
        plain.method(utxo(), "", "add").unwrap().call,
        StepCall::Method { utxo: utxo(), method: "add".to_owned() }
    );
    assert_eq!(
        plain.callee(contract(), "add").unwrap().call,
        StepCall::Function { contract: contract(), function: "add".to_owned() }
    );
    assert_eq!(plain.storage("").unwrap().unwrap().to_string(), "u64");
    let CalleeError::Function(error) = plain.callee(contract(), "get-storage").unwrap_err() else { panic!() };
    assert_eq!(error.hint().unwrap(), "it has `add`, `::add`");
    let CalleeError::Function(error) = plain.callee(contract(), "ad").unwrap_err() else { panic!() };
    assert_eq!(error.hint().unwrap(), "did you mean `add`? There are `add`");
    assert!(plain.method(utxo(), "", "set-storage").is_err());
}

#[test]
fn a_utxo_has_two_names() {
    let (id, serial) = (utxo_id().to_string(), format!("{}#12", contract()));
    assert_eq!(id.parse::<UtxoName>().unwrap(), UtxoName::Id(utxo_id()));
    assert_eq!(serial.parse::<UtxoName>().unwrap(), UtxoName::Serial(contract(), 12));
    for name in [&id, &serial] {
        assert_eq!(&name.parse::<UtxoName>().unwrap().to_string(), name);
    }
    let serials = ["", "-1", "+1", "012", "1 ", "18446744073709551616", "x"];
    let wrong = serials.map(|serial| format!("{}#{serial}", contract()));
    for name in wrong.iter().map(String::as_str).chain(["", "#1", "demo:counter#1", "p2:u00", &contract().to_string()])
    {
        assert!(name.parse::<UtxoName>().is_err(), "{name}");
    }
}

#[test]
fn tokens_have_functions_of_their_own() {
    let coin = starstream("coin");
    assert_eq!(coin.callees(), ["coin::mint"].map(str::to_owned));
    assert_eq!((coin.utxo_types().count(), coin.token_types().collect::<Vec<_>>()), (0, vec!["coin"]));
    assert_eq!(coin.methods("coin"), ["burn", "attach", "detach"].map(str::to_owned));
    let mint = coin.callee(contract(), "coin::mint").unwrap();
    let (type_name, function) = ("coin".to_owned(), "mint".to_owned());
    assert_eq!(mint.call, StepCall::Mint { contract: contract(), type_name, function });
    assert_eq!(mint.signature.to_string(), "(n: u64) -> coin");
    let attach = coin.token_function(TokenRef::Minted(3), "coin", "attach").unwrap();
    assert_eq!(attach.call, StepCall::TokenMethod { token: TokenRef::Minted(3), method: "attach".to_owned() });
    assert_eq!(attach.signature.to_string(), "(to: utxo)");
    let burn = coin.token_function(TokenRef::Minted(3), "coin", "burn").unwrap();
    assert_eq!(burn.call, StepCall::Burn { token: TokenRef::Minted(3), function: "burn".to_owned() });
    assert_eq!(coin.storage("coin").unwrap().unwrap().to_string(), "record { amount: s64, moves: s32 }");
    for (error, message, hint) in [
        (
            coin.callee(contract(), "attach").unwrap_err(),
            "`attach` is a function of tokens of the type `coin`, not of the contract",
            "name a token in place of the contract: `p2:k…`; `ledger tokens` lists them",
        ),
        (
            coin.token_function(TokenRef::Minted(0), "coin", "atach").unwrap_err(),
            "a token of the type `coin` has no function `atach`",
            "did you mean `attach`? There are `burn`, `attach`, `detach`",
        ),
        (
            coin.token_function(TokenRef::Minted(0), "coin", "mint").unwrap_err(),
            "`coin::mint` is a function of the contract, not a method of the token",
            "name the contract in place of the token: `p2:c… coin::mint`",
        ),
    ] {
        let CalleeError::Function(error) = error else { panic!("{error}") };
        assert_eq!((error.to_string().as_str(), error.hint().as_deref()), (message, Some(hint)));
    }
    let error = attach.signature.parse_arguments("\"minted:1\"").unwrap_err();
    assert_eq!(error.to_string(), "argument 1 (`to`): expected a UTXO, and `minted:1` is a token");
}
