//! Arguments as people write them, and what is said when they do not fit.

use crate::build;
use crate::support::verified;
use ledger_runtime::wave::{ContractText, Signature, to_text};

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
