//! Hostile and broken input gives a clear error: no panic, no overflow, no acceptance.

use crate::identity_test::build;
use registry_core::closure::{Closure, ClosureError};
use registry_core::component::{ComponentError, DecodedComponent, VerifiedComponent};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use registry_core::name::{ReleaseName, Spec};
use registry_core::wit::{EncodedWit, SourceFile, Wit, WitError, looks_like_wit};

fn parse(text: &str) -> Result<Wit, WitError> {
    Wit::parse(&[SourceFile::new("bad.wit", text)], &[], &Limits::default())
}

fn error(text: &str) -> WitError {
    match parse(text) {
        Ok(_) => panic!("this parses: {}", &text[..text.len().min(200)]),
        Err(error) => error,
    }
}

fn admission_error(text: &str) -> String {
    parse(text).unwrap().admit(&Limits::default()).unwrap_err().to_string()
}

#[test]
fn broken_wit_is_refused_with_its_place() {
    let table = [
        ("this is not WIT", "bad.wit:1:1"),
        ("package a:b@1.0.0;\ninterface i { f: func(x: nothing); }", "bad.wit:2:26"),
        ("package a:b@1.0.0;\ninterface i { use c:d/e@1.0.0.{t}; }", "bad.wit:2:19"),
        ("package a:b@1.0.0;\ninterface i { use i.{t}; }", "bad.wit:2:"),
        ("package a:b@1.0.0;\ninterface i { type a = b; type b = a; }", "bad.wit:2:"),
        ("package a:b@1.0.0;\ninterface i { \u{202e}f: func(); }", "bad.wit:2:15"),
        ("package a:b@1.0;\ninterface i { }", "bad.wit:1:"),
    ];
    for (text, place) in table {
        let error = error(text).to_string();
        assert!(error.contains(place), "{text}: {error}");
    }
}

#[test]
fn cyclic_packages_are_refused() {
    let cycle = "package a:a@1.0.0;
        package b:b@1.0.0 { interface i { use c:c/i@1.0.0.{t}; } }
        package c:c@1.0.0 { interface i { use b:b/i@1.0.0.{t}; } }";
    assert!(error(cycle).to_string().contains("cycle"), "{}", error(cycle));
}

#[test]
fn all_missing_packages_are_listed() {
    let text = "package a:b@1.0.0;
        interface i { use x:y/z@1.0.0.{t}; use x:y/z@1.0.1.{t as t2}; use p:q/r@0.1.0.{t as t3}; }";
    let WitError::MissingDependencies { missing, location, .. } = error(text) else { panic!("{}", error(text)) };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["p:q@0.1.0", "x:y@1.0.0", "x:y@1.0.1"]);
    assert!(location.is_some());
}

#[test]
fn deep_nesting_and_long_chains_are_refused_on_a_small_stack() {
    const COUNT: usize = 10_000;
    let repeated = |text: &str| text.repeat(COUNT);
    let numbered = |make: &dyn Fn(usize) -> String| (1..=COUNT).map(make).collect::<String>();
    let inputs = [
        format!("package a:b@1.0.0; interface i {{ type t = {}u8{}; }}", repeated("list<"), repeated(">")),
        format!("package a:b@1.0.0; interface i {{ f: func(x: {}); }}", repeated("option<")),
        format!("package a:b@1.0.0; {}", repeated("package a:c { ")),
        format!("package a:b@1.0.0; {}", repeated("interface i { ")),
        format!("package a:b@1.0.0; interface i {{ {} }}", repeated("(")),
        format!(
            "package a:b@1.0.0; interface i {{ type t0 = u8; {} }}",
            numbered(&|n| format!("type t{n} = list<t{}>; ", n - 1))
        ),
        format!(
            "package a:b@1.0.0; interface i {{ type t0 = u8; {} }}",
            numbered(&|n| format!("type t{n} = t{}; ", n - 1))
        ),
        format!(
            "package a:b@1.0.0; interface i {{ record t0 {{ a: u8 }} {} }}",
            numbered(&|n| format!("record t{n} {{ a: t{} }} ", n - 1))
        ),
        format!(
            "package a:b@1.0.0; interface i0 {{ type t = u8; }} {}",
            numbered(&|n| format!("interface i{n} {{ use i{}.{{t}}; }} ", n - 1))
        ),
        format!(
            "package a:b@1.0.0; world w0 {{ }} {}",
            numbered(&|n| format!("world w{n} {{ include w{}; }} ", n - 1))
        ),
        format!("package a:b@1.0.0; {}", numbered(&|n| format!("interface i{n} {{ }} "))),
        format!("package a:b@1.0.0; {}", numbered(&|n| format!("package c:p{n} {{ interface i {{ }} }} "))),
    ];
    for input in inputs {
        let shown = input[..60].to_owned();
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || error(&input)).unwrap();
        let error = thread.join().unwrap();
        assert!(!matches!(error, WitError::Internal(_)), "{shown}: {error}");
    }
    // Nested comments are comments, however deep.
    let comment = format!("package a:b@1.0.0; {} {} interface i {{ f: func(); }}", repeated("/*"), repeated("*/"));
    parse(&comment).unwrap();
}

#[test]
fn deep_types_in_webassembly_are_refused_on_a_small_stack() {
    let deep = |count: usize| {
        let types: String = (1..=count).map(|n| format!("(type $t{n} (list $t{}))", n - 1)).collect();
        wat::parse_str(format!(
            "(component (type $t0 (list u8)) {types} (import \"f\" (func (param \"x\" $t{count}))))"
        ))
        .unwrap()
    };
    for count in [90, 200, 5_000] {
        let bytes = deep(count);
        let decode =
            move || DecodedComponent::decode(&bytes, &Limits::default()).map(|_| ()).map_err(|error| error.to_string());
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(decode).unwrap();
        let result = thread.join().unwrap();
        assert_eq!(result.is_ok(), count < 100, "{count}: {result:?}");
    }
}

#[test]
fn a_parser_that_stops_is_an_error_and_not_a_panic() {
    // wit-parser 0.254 unwraps errors of attributes on interfaces and worlds, and of some comments.
    for text in [
        "package a:b@1.0.0; @since(version = 1.0.0) @since(version = 1.0.0) interface i { }",
        "package a:b@1.0.0; /**/ interface i { f: func(x: nothing); }",
        "package a:b@1.0.0; interface i { f: func(); /***/ g: nothing; }",
    ] {
        let error = error(text).to_string();
        assert!(error.contains("bad.wit"), "{text}: {error}");
    }
}

#[test]
fn only_release_names_can_be_published() {
    for (text, reason) in [
        ("package a:b; interface i { f: func(); }", "no version"),
        ("package p2:b@1.0.0; interface i { f: func(); }", "reserved"),
        ("package root:b@1.0.0; interface i { f: func(); }", "reserved"),
        ("package a:b@1.0.0+build.5; interface i { f: func(); }", "build metadata"),
        ("package a:B@1.0.0; interface i { f: func(); }", "lowercase"),
        ("package A:b@1.0.0; interface i { f: func(); }", "lowercase"),
        ("package a:b@1.0.0;", "empty"),
        (
            "package a:b@1.0.0; interface i { use c:d/i.{t}; } package c:d { interface i { type t = u8; } }",
            "no version",
        ),
        ("package a:b@1.0.0; interface i { record r { } }", "at least one field"),
        ("package a:b@1.0.0; interface i { f: func(); F: func(); }", "conflicts"),
    ] {
        let error = admission_error(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn names_are_parsed_strictly() {
    for text in ["a:b@1.0.0", "a-b:c-d@1.0.0-rc.1", "wasi:http@0.2.12", "a1:b2@10.20.30", "a:b-2@1.0.0", "a:b-2c@1.0.0"]
    {
        assert_eq!(text.parse::<ReleaseName>().unwrap().to_string(), text);
        assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
    }
    let long = format!("{}:b@1.0.0", "a".repeat(200));
    for text in [
        "",
        "a",
        "a:b",
        "a:b@",
        "a:b@1",
        "a:b@1.0",
        "a:b@1.0.0.0",
        "a:b@01.0.0",
        ":b@1.0.0",
        "a:@1.0.0",
        "a:b:c@1.0.0",
        "a/b@1.0.0",
        "a:b/c@1.0.0",
        "../a:b@1.0.0",
        "a:..@1.0.0",
        "a:b@1.0.0/..",
        "A:b@1.0.0",
        "a:-b@1.0.0",
        "a:b-@1.0.0",
        "a:b--c@1.0.0",
        "a:1b@1.0.0",
        "a:b_c@1.0.0",
        "ä:b@1.0.0",
        "a :b@1.0.0",
        "a:b@1.0.0 ",
        "p2:b@1.0.0",
        "root:b@1.0.0",
        "a:b\0@1.0.0",
        &long,
    ] {
        assert!(text.parse::<ReleaseName>().is_err(), "{text}");
    }
    for text in ["", "a", "p2:x", "p2:w00", "p2:c", "a:b@^1.0.0", "a:b@1", "https://a", "a:B"] {
        assert!(text.parse::<Spec>().is_err(), "{text}");
    }
}

const SERVICE: &str = "package root:x;
    world root { import dep:io/s@1.0.0; export run: func(); }
    package dep:io@1.0.0 { interface s { use dep:types/t@1.0.0.{r}; f: func(x: r); g: func(); } }
    package dep:types@1.0.0 { interface t { record r { n: u32 } } }";

fn verify(bytes: &[u8], closure: &Closure) -> Result<VerifiedComponent, ComponentError> {
    DecodedComponent::decode(bytes, &Limits::default())?.verify(closure, &Limits::default())
}

fn refused(bytes: &[u8], closure: &Closure) -> ComponentError {
    match verify(bytes, closure) {
        Ok(_) => panic!("this component was accepted"),
        Err(error) => error,
    }
}

#[test]
fn what_is_not_a_component_is_refused() {
    let (component, closure) = build(SERVICE);
    verify(&component, &closure).unwrap();
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(refused(&module, &closure), ComponentError::CoreModule));
    assert!(matches!(refused(b"not wasm", &closure), ComponentError::NotWasm));
    assert!(matches!(refused(b"", &closure), ComponentError::NotWasm));
    let encoded = parse("package a:b@1.0.0; interface i { f: func(); }").unwrap().encode(&Limits::default()).unwrap();
    assert!(matches!(refused(&encoded, &Closure::default()), ComponentError::WitPackage));
    assert!(EncodedWit::decode(&component, &Limits::default()).unwrap_err().to_string().contains("component"));
    assert!(looks_like_wit(&encoded) && !looks_like_wit(&encoded[..encoded.len() - 1]));
    for bytes in [component.as_slice(), &module, b"not wasm", b"", b"\0asm\x0d\0\x01\0"] {
        assert!(!looks_like_wit(bytes));
    }
    for length in (8..component.len()).step_by(7) {
        assert!(verify(&component[..length], &closure).is_err(), "{length} of {} bytes", component.len());
    }
    let limits = Limits { component_size_bytes_max: component.len() - 1, ..Limits::default() };
    assert!(matches!(DecodedComponent::decode(&component, &limits), Err(ComponentError::Limit(_))));
}

#[test]
fn a_component_needs_its_packages_as_they_were() {
    let (component, closure) = build(SERVICE);
    assert_eq!(closure.packages.len(), 2);
    let ComponentError::MissingPackages(missing) = refused(&component, &Closure::default()) else { panic!() };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["dep:io@1.0.0", "dep:types@1.0.0"], "elaboration names both");

    for (changed, reason) in [
        (SERVICE.replace("n: u32", "n: u64"), "`dep:types/t@1.0.0`, type `r`, field `n` is `u32` instead of `u64`"),
        (
            SERVICE.replace("record r { n: u32 }", "record r { m: u32 }"),
            "type `r` is `record r { n }` instead of `record r { m }`",
        ),
        (
            SERVICE.replace("record r { n: u32 }", "enum r { n }"),
            "type `r` is `record r { n }` instead of `enum r { n }`",
        ),
        (SERVICE.replace("f: func(x: r);", "f: func(y: r);"), "function `f` is `func(x: r)` instead of `func(y: r)`"),
        (
            SERVICE.replace("f: func(x: r);", "f: func(x: list<r>);"),
            "parameter `x` is `dep:types/t@1.0.0.{r}` instead of `list<dep:types/t@1.0.0.{r}>`",
        ),
        (SERVICE.replace("f: func(x: r);", "f: func(x: r) -> u8;"), "is `func(x: r)` instead of `func(x: r) -> u8`"),
        (SERVICE.replace("f: func(x: r);", "h: func(x: r);"), "function `f` is not in the registered interface"),
        (
            SERVICE.replace("interface s {", "interface z { } interface s {").replace("g: func();", ""),
            "function `g` is not",
        ),
    ] {
        let other = build(&changed).1;
        let error = refused(&component, &other).to_string();
        assert!(error.contains(reason), "{error} instead of {reason}");
        assert!(error.contains("`dep:"), "the interface is named: {error}");
    }
    // More in the registered interface is no difference.
    verify(&component, &build(&SERVICE.replace("g: func();", "g: func(); more: func();")).1).unwrap();
}

#[test]
fn an_export_must_be_whole_but_for_unstable_functions() {
    let text = |functions: &str| {
        format!(
            "package root:x; world root {{ export dep:io/s@1.0.0; }} package dep:io@1.0.0 {{ interface s {{ {functions} }} }}"
        )
    };
    let (component, _) = build(&text("f: func();"));
    let more = build(&text("f: func(); g: func();")).1;
    let error = refused(&component, &more);
    let ComponentError::Differs(differences) = error else { panic!("{error}") };
    assert_eq!(differences, ["`dep:io/s@1.0.0`, function `g` is not in the component, which exports the interface"],);
    let unstable = build(&text("f: func(); @unstable(feature = later) g: func();")).1;
    verify(&component, &unstable).unwrap();
}

#[test]
fn other_bytes_are_refused_with_both_hashes() {
    let (component, closure) = build(SERVICE);
    let expected = ComponentHash::of(b"something else");
    let Err(error) = VerifiedComponent::check(&expected, &component, &closure, &Limits::default()) else { panic!() };
    let message = error.to_string();
    assert!(message.contains(&expected.to_string()), "{message}");
    assert!(message.contains(&ComponentHash::of(&component).to_string()), "{message}");
}

#[test]
fn a_closure_is_what_it_claims_to_be_or_refused() {
    let (_, closure) = build(SERVICE);
    let limits = Limits::default();
    let root = closure.packages.iter().find(|package| package.name.to_string() == "dep:io@1.0.0").unwrap().hash;
    closure.verify(&root, &limits).unwrap();
    let changed = |change: &dyn Fn(&mut Closure)| {
        let mut other = closure.clone();
        change(&mut other);
        match other.verify(&root, &limits) {
            Ok(_) => panic!("a changed closure was accepted"),
            Err(error) => error,
        }
    };
    let replace = |from: &'static str, to: &'static str| {
        move |closure: &mut Closure| {
            for package in &mut closure.packages {
                package.wit = package.wit.replace(from, to);
            }
        }
    };
    assert!(matches!(changed(&replace("n: u32", "n: u64")), ClosureError::HashMismatch { .. }));
    assert!(matches!(changed(&replace("interface t", "/// Docs.\ninterface t")), ClosureError::HashMismatch { .. }));
    assert!(matches!(changed(&replace("package dep:types@", "package dep:other@")), ClosureError::NameMismatch { .. }));
    assert!(matches!(
        changed(&|closure| closure.packages.retain(|package| package.hash == root)),
        ClosureError::Wit(_)
    ));
    assert!(matches!(
        changed(&|closure| closure.packages.retain(|package| package.hash != root)),
        ClosureError::RootMissing(_)
    ));
    assert!(matches!(
        changed(&|closure| closure.packages.push(closure.packages[0].clone())),
        ClosureError::Repeated(_)
    ));
    let nested =
        replace("package dep:types@1.0.0;", "package dep:types@1.0.0;\npackage x:y@1.0.0 { interface i { } }\n");
    assert!(matches!(changed(&nested), ClosureError::NameMismatch { .. }));
    let (_, stranger) =
        build("package root:x; world root { import a:b/i@1.0.0; } package a:b@1.0.0 { interface i { f: func(); } }");
    assert!(matches!(changed(&|closure| closure.packages.extend(stranger.packages.clone())), ClosureError::Surplus(_)));
}

#[test]
fn wasm_encoded_wit_is_hashed_with_its_dependencies_only() {
    let source = |field: &str| {
        format!(
            "package user:api@1.0.0; interface u {{ use dep:types/t@1.0.0.{{r}}; f: func(x: r); }}
            package dep:types@1.0.0 {{ interface t {{ record r {{ {field}: u32 }} g: func(); }} }}"
        )
    };
    let wit = parse(&source("n")).unwrap();
    let bytes = wit.encode(&Limits::default()).unwrap();
    let decode = || EncodedWit::decode(&bytes, &Limits::default()).unwrap();
    let dependency = |field: &str| {
        let file = SourceFile::new(
            "types.wit",
            format!("package dep:types@1.0.0; interface t {{ record r {{ {field}: u32 }} g: func(); }}"),
        );
        vec![registry_core::wit::UnresolvedWit::parse(&[file], &Limits::default()).unwrap()]
    };
    let resolved = decode().resolve(dependency("n"), &Limits::default()).unwrap();
    assert_eq!(resolved.identity().unwrap().hash, wit.identity().unwrap().hash);
    let missing = decode().resolve(Vec::new(), &Limits::default()).map(|_| ()).unwrap_err();
    assert!(matches!(&missing, WitError::MissingDependencies { missing, .. } if missing.len() == 1), "{missing}");
    let other = decode().resolve(dependency("m"), &Limits::default()).map(|_| ()).unwrap_err().to_string();
    assert!(other.contains("encoded against packages that differ"), "{other}");
}

#[test]
fn limits_are_named_when_they_are_crossed() {
    let text = "package a:b@1.0.0; interface i { type t = list<list<u8>>; f: func(); } interface j { use i.{t}; }";
    let files = [SourceFile::new("a.wit", text)];
    Wit::parse(&files, &[], &Limits::default()).unwrap();
    type Lower = fn(&mut Limits);
    let cases: [(Lower, &str); 8] = [
        (|limits| limits.wit_size_bytes_max = 10, "wit_size_bytes_max"),
        (|limits| limits.closure_size_bytes_max = 10, "closure_size_bytes_max"),
        (|limits| limits.files_max = 0, "files_max"),
        (|limits| limits.package_items_max = 1, "package_items_max"),
        (|limits| limits.closure_items_max = 1, "closure_items_max"),
        (|limits| limits.closure_definitions_max = 1, "closure_definitions_max"),
        (|limits| limits.nesting_depth_max = 2, "nesting_depth_max"),
        (|limits| limits.use_depth_max = 1, "use_depth_max"),
    ];
    for (lower, name) in cases {
        let mut limits = Limits::default();
        lower(&mut limits);
        let error = Wit::parse(&files, &[], &limits).map(|_| ()).unwrap_err();
        assert!(matches!(error, WitError::Limit(_)) && error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn includes_and_implied_imports_are_counted_before_they_are_expanded() {
    let functions: String = (0..25_000).map(|n| format!("import a{n}: func();")).collect();
    let including: String = (1..900).map(|n| format!("world w{n} {{ include w0; }}")).collect();
    let hub: String = (0..900).map(|n| format!("use i{n}.{{t as t{n}}};")).collect();
    let used: String = (0..900).map(|n| format!("interface i{n} {{ type t = u8; }}")).collect();
    let importing: String = (0..90).map(|n| format!("world w{n} {{ import hub; export hub; }}")).collect();
    for text in [
        format!("package a:b@1.0.0; world w0 {{ {functions} }} {including}"),
        format!("package a:b@1.0.0; {used} interface hub {{ {hub} }} {importing}"),
    ] {
        let error = error(&text);
        // The check after expansion, which may cost gigabytes, has another message.
        assert!(matches!(error, WitError::Limit(_)) && error.to_string().contains("expanded"), "{error}");
    }
}

#[test]
fn a_chain_of_use_across_packages_is_refused_on_a_small_stack() {
    let package = |number: usize, interfaces: usize| {
        let interface = |index: usize| match (number, index) {
            (0, 0) => "interface i0 { type t = u8; }".to_owned(),
            (_, 0) => format!("interface i0 {{ use c:p{}/i{}@1.0.0.{{t}}; }}", number - 1, interfaces - 1),
            _ => format!("interface i{index} {{ use i{}.{{t}}; }}", index - 1),
        };
        let interfaces: String = (0..interfaces).map(interface).collect();
        vec![SourceFile::new(format!("{number}.wit"), format!("package c:p{number}@1.0.0; {interfaces}"))]
    };
    for (packages, interfaces) in [(70, 1_000), (5, 900), (3, 40)] {
        let last = format!("c:p{}/i{}@1.0.0", packages - 1, interfaces - 1);
        let main = [SourceFile::new("main.wit", format!("package a:b@1.0.0; world w {{ import {last}; }}"))];
        let dependencies: Vec<_> = (0..packages).map(|number| package(number, interfaces)).collect();
        let run = move || Wit::parse(&main, &dependencies, &Limits::default()).map(|_| ()).unwrap_err();
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
        let error = thread.join().unwrap();
        assert!(matches!(error, WitError::Limit(_)), "{packages} x {interfaces}: {error}");
    }
}

#[test]
fn a_large_world_is_printed_and_admitted() {
    let functions: String = (0..45_000).map(|n| format!("import a{n}: func();")).collect();
    let wit = parse(&format!("package a:b@1.0.0; world w {{ {functions} }}")).unwrap();
    wit.admit(&Limits::default()).unwrap();
}

#[test]
fn encoding_is_limited_before_it_repeats_too_much() {
    let cases: Vec<String> = (0..8_000).map(|n| format!("a{n}")).collect();
    let users: String = (0..600).map(|n| format!("interface i{n} {{ use b.{{e}}; }}")).collect();
    let text = format!("package a:b@1.0.0; interface b {{ enum e {{ {} }} }} {users}", cases.join(","));
    let error = admission_error(&text);
    assert!(error.contains("encoded_definitions_max"), "{error}");
}

#[test]
fn exports_under_plain_names_can_be_published() {
    for world in [
        "export xx: i; export p: interface { use i.{t}; }",
        "import i; export xx: i; export p: interface { use i.{t}; }",
    ] {
        let text = format!("package a:b@1.0.0; interface i {{ type t = u8; }} world w {{ {world} }}");
        parse(&text).unwrap().admit(&Limits::default()).unwrap();
    }
}

#[test]
fn different_places_of_an_unversioned_interface_do_not_look_alike() {
    let instance = |names: &str| names.chars().map(|name| format!("(export \"{name}\" (func))")).collect::<String>();
    let component = |k: &str, l: &str| {
        let (k, l) = (instance(k), instance(l));
        let text = format!(
            "(component (import \"k\" (implements \"a:b/i\") (instance {k}))
                        (import \"l\" (implements \"a:b/i\") (instance {l})))"
        );
        wat::parse_str(text).unwrap()
    };
    for (k, l) in [("fg", "h"), ("f", "fgh")] {
        let error = refused(&component(k, l), &Closure::default());
        assert!(matches!(error, ComponentError::Ambiguous(_)), "{error}");
        assert!(error.to_string().contains("a:b/i"), "{error}");
    }
    verify(&component("fg", "fg"), &Closure::default()).unwrap();
}

#[test]
fn messages_stay_short_whatever_the_input_is() {
    let name = "a".repeat(1 << 20);
    let unknown = error(&format!("package a:b@1.0.0; interface i {{ f: func(x: {name}); }}")).to_string();
    assert!(unknown.len() < 10_000, "{} bytes", unknown.len());
    let uses: String = (0..400).map(|n| format!("use c:p{n}/i@1.0.0.{{t as t{n}}};")).collect();
    let missing = error(&format!("package a:b@1.0.0; interface i {{ {uses} }}")).to_string();
    assert!(missing.len() < 10_000 && missing.contains("and 350 more"), "{missing}");
}
