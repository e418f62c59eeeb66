//! One package has one hash, however it is written down: over everything that the corpora hold.

use crate::corpus::{Unit, crate_folder, expects_failure, files_below, hashes, units, wasi_units};
use crate::scan::{Blocks, Random, reindented, shuffled, with_comments, with_crlf};
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::{EncodedWit, PackageText, SourceFile, UnresolvedWit, Wit, WitError, looks_like_wit};
use std::collections::{BTreeMap, BTreeSet};

type Hashes = BTreeMap<String, String>;

/// What must not change a hash. `Err` tells why the form cannot be made at all.
fn forms(unit: &Unit, wit: &Wit) -> Vec<(&'static str, Result<Hashes, String>)> {
    let parsed = |unit: Unit| unit.parse().map(|wit| hashes(&wit)).map_err(|error| error.to_string());
    let rewritten = |change: &dyn Fn(&str) -> String| {
        parsed(unit.map(|file| SourceFile::new(file.path.clone(), change(&file.text))))
    };
    vec![
        ("wasm", through_wasm(wit)),
        ("flat", through_flat_text(wit)),
        ("crlf", rewritten(&with_crlf)),
        ("indentation", rewritten(&reindented)),
        ("comments", rewritten(&with_comments)),
        ("order outside worlds", parsed(in_other_order(unit, Blocks::AllButWorlds))),
        ("order", parsed(in_other_order(unit, Blocks::All))),
    ]
}

fn in_other_order(unit: &Unit, blocks: Blocks) -> Unit {
    let mut other = unit.map(|file| SourceFile::new(file.path.clone(), shuffled(&file.text, &mut Random(7), blocks)));
    for files in other.dependencies.iter_mut().chain([&mut other.main]) {
        files.reverse();
        for (index, file) in files.iter_mut().enumerate() {
            file.path = format!("{index:03}.wit");
        }
    }
    other.dependencies.reverse();
    other
}

/// Every package encoded and decoded alone, its dependencies' ids from the packages parsed from source.
fn through_wasm(wit: &Wit) -> Result<Hashes, String> {
    let printer = PackageText::new(wit);
    let limits = Limits::default();
    let text = |name: &PackageName| {
        let file = SourceFile::new("dependency.wit", printer.file(name).unwrap());
        UnresolvedWit::parse(&[file], &limits).unwrap()
    };
    let mut result = Hashes::new();
    for (name, identity) in wit.identities() {
        let id = wit.resolve().package_names[&wit_parser::PackageName::from(name)];
        let bytes = wit_component::encode(wit.resolve(), id).map_err(|error| format!("encoding {name}: {error:#}"))?;
        assert_eq!(looks_like_wit(&bytes), !(identity.interfaces.is_empty() && identity.worlds.is_empty()), "{name}");
        let others = wit.identities().keys().filter(|other| *other != name).map(text).collect();
        let decoded = EncodedWit::decode(&bytes, &limits).map_err(|error| format!("decoding {name}: {error}"))?;
        let decoded = decoded.resolve(others, &limits).map_err(|error| format!("decoding {name}: {error}"))?;
        assert_eq!(decoded.identity().unwrap().name, identity.name);
        result.insert(name.to_string(), decoded.identity().unwrap().hash.to_string());
    }
    Ok(result)
}

/// Every package printed with its closure as one document, and parsed again.
fn through_flat_text(wit: &Wit) -> Result<Hashes, String> {
    let flat = PackageText::new(wit).flat().map_err(|error| error.to_string())?;
    let parsed = Wit::parse(&[SourceFile::new("flat.wit", flat)], &[], &Limits::default());
    let reached: BTreeSet<String> = wit.closure_order().iter().map(|identity| identity.name.to_string()).collect();
    let parsed = parsed.map_err(|error| error.to_string())?;
    let mut found = hashes(&parsed);
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), reached);
    found.extend(hashes(wit).into_iter().filter(|(name, _)| !reached.contains(name)));
    Ok(found)
}

#[test]
fn hash_does_not_depend_on_the_form() {
    let mut differences = BTreeMap::new();
    let mut package_count = 0;
    for unit in units().iter().filter(|unit| !expects_failure(&unit.name)).chain(&wasi_units()) {
        let wit = match unit.parse() {
            Ok(wit) => wit,
            Err(error) => {
                differences.insert((unit.name.clone(), "parse"), error.to_string());
                continue;
            }
        };
        package_count += wit.identities().len();
        let expected = hashes(&wit);
        for (form, found) in forms(unit, &wit) {
            match found {
                Ok(found) if found == expected => {}
                Ok(_) => drop(differences.insert((unit.name.clone(), form), MOVES.to_owned())),
                Err(error) => drop(differences.insert((unit.name.clone(), form), error)),
            }
        }
    }
    assert!(package_count > 400, "the corpora hold only {package_count} packages");
    compare(&differences, NOT_EQUAL);
}

/// What is printed depends on nothing but what the hash covers.
#[test]
fn packages_with_one_hash_have_one_canonical_text() {
    let texts = |wit: &Wit| {
        let printer = PackageText::new(wit);
        let text = |name: &PackageName| (name.to_string(), printer.file(name).unwrap());
        wit.identities().keys().map(text).collect::<BTreeMap<_, _>>()
    };
    let mut compared = 0;
    for unit in units().iter().filter(|unit| !expects_failure(&unit.name)).chain(&wasi_units()) {
        let Ok(wit) = unit.parse() else { continue };
        let rewritten =
            |change: &dyn Fn(&str) -> String| unit.map(|file| SourceFile::new(file.path.clone(), change(&file.text)));
        for other in [
            rewritten(&with_crlf),
            rewritten(&reindented),
            rewritten(&with_comments),
            in_other_order(unit, Blocks::AllButWorlds),
            in_other_order(unit, Blocks::All),
        ] {
            let other = other.parse().unwrap();
            if hashes(&other) == hashes(&wit) {
                assert_eq!(texts(&other), texts(&wit), "{}", unit.name);
                let names =
                    |wit: &Wit| wit.closure_order().iter().map(|identity| identity.name.clone()).collect::<Vec<_>>();
                assert_eq!(names(&other), names(&wit), "{}", unit.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "only {compared} texts were compared");
}

#[test]
fn a_closure_is_ordered_by_dependency_and_then_by_name() {
    let text = "package a:main@1.0.0;
        interface i { use z:leaf/i@1.0.0.{t}; use b:middle/i@1.0.0.{t as t2}; use c:middle/i@1.0.0.{t as t3}; }
        package c:middle@1.0.0 { interface i { use z:leaf/i@1.0.0.{t}; } }
        package unrelated:other@1.0.0 { interface i { f: func(); } }
        package b:middle@1.0.0 { interface i { use z:leaf/i@1.0.1.{t}; } }
        package z:leaf@1.0.1 { interface i { type t = u8; } }
        package z:leaf@1.0.0 { interface i { type t = u8; } }";
    let wit = Wit::parse(&[SourceFile::new("main.wit", text)], &[], &Limits::default()).unwrap();
    let order: Vec<String> = wit.closure_order().iter().map(|identity| identity.name.to_string()).collect();
    assert_eq!(order, ["z:leaf@1.0.1", "b:middle@1.0.0", "z:leaf@1.0.0", "c:middle@1.0.0", "a:main@1.0.0"]);
    let flat = PackageText::new(&wit).flat().unwrap();
    assert!(flat.starts_with("package a:main@1.0.0;"), "{flat}");
    assert!(!flat.contains("unrelated"), "{flat}");
}

const MOVES: &str = "the hash moves";

/// What cannot be equal, by unit and form, with a part of what happens and the reason.
const NOT_EQUAL: &[(&str, &[&str], &str, &str)] = &[
    (
        "order",
        &[
            "wasip2/cli.wit",
            "wasip2/clocks.wit",
            "wasip2/filesystem.wit",
            "wasip2/http.wit",
            "wasip2/io.wit",
            "wasip2/random.wit",
            "wasip2/sockets.wit",
            "wasip3/cli.wit",
            "wasip3/clocks.wit",
            "wasip3/filesystem.wit",
            "wasip3/http.wit",
            "wasip3/random.wit",
            "wasip3/sockets.wit",
        ],
        MOVES,
        "a world item that names an interface loses its gate in wit-parser if an earlier item implies it \
         (docs/hash.md, 4.3); WASI's worlds have such items, and each of these units holds all of WASI",
    ),
    (
        "wasm",
        &[
            "wit-component/tests/components/multi-package",
            "wit-parser/tests/ui/empty.wit",
            "wit-parser/tests/ui/multi-file-multi-package",
            "wit-parser/tests/ui/multi-package-transitive-deps",
            "wit-parser/tests/ui/package-syntax1.wit",
            "wit-parser/tests/ui/package-syntax3.wit",
            "wit-parser/tests/ui/package-syntax4.wit",
            "wit-parser/tests/ui/packages-nested-colliding-decl-names.wit",
            "wit-parser/tests/ui/packages-nested-internal-references.wit",
            "wit-parser/tests/ui/packages-nested-with-semver.wit",
            "wit-parser/tests/ui/packages-single-nested.wit",
            "wit-parser/tests/ui/version-syntax.wit",
        ],
        "this is a component, not wasm-encoded WIT",
        "an empty package is encoded as a component that has lost its name; empty packages are not admitted",
    ),
    (
        "wasm",
        &[
            "wit-component/tests/merge/success/from",
            "wit-component/tests/merge/success/into",
            "wit-parser/tests/ui/multi-file",
            "wit-parser/tests/ui/types.wit",
            "wit-parser/tests/ui/union-fuzz-2.wit",
            "wit-parser/tests/ui/use-chain.wit",
        ],
        "record type must have at least one field",
        "wit-parser takes records without fields, WebAssembly does not; such packages are not admitted",
    ),
    (
        "parse",
        &[
            "wit-component/tests/merge/disjoint-funcs/merge/from.wit",
            "wit-component/tests/merge/disjoint-funcs/merge/into.wit",
            "wit-component/tests/merge/disjoint-types/merge/from.wit",
            "wit-component/tests/merge/disjoint-types/merge/into.wit",
            "wit-component/tests/merge/success/merge/foo.wit",
            "wit-component/tests/merge/success/merge/from.wit",
            "wit-component/tests/merge/success/merge/into.wit",
        ],
        "refers to packages that are not there",
        "an expected output of that crate's tests, printed without the packages that it refers to",
    ),
    (
        "parse",
        &["wit-parser/tests/ui/foreign-world-dep-gated.wit"],
        "interface not found in package",
        "the missing interface is named only behind a gate that the crate's own test leaves off; here all gates are on",
    ),
];

#[test]
fn every_file_of_the_corpora_is_covered() {
    let covered: BTreeSet<_> = units().into_iter().flat_map(|unit| unit.files).collect();
    let all: Vec<_> = ["wit-parser", "wit-component"]
        .iter()
        .flat_map(|name| files_below(&crate_folder(name).join("tests")))
        .collect();
    assert!(all.len() > 400, "the corpora hold only {} files", all.len());
    let left_out: Vec<_> = all.iter().filter(|file| !covered.contains(*file)).collect();
    assert!(left_out.is_empty(), "{left_out:#?}");
}

#[test]
fn what_must_fail_fails_with_file_line_and_column() {
    let failing: Vec<Unit> = units().into_iter().filter(|unit| expects_failure(&unit.name)).collect();
    assert!(failing.len() >= 150, "the corpora hold only {} units that must fail", failing.len());
    let mut differences = BTreeMap::new();
    for unit in failing {
        match unit.parse() {
            Ok(_) => drop(differences.insert((unit.name, "failure"), "parses".to_owned())),
            Err(error) => {
                let names_a_file =
                    unit.files.iter().any(|file| error.to_string().contains(&file.display().to_string()));
                assert!(names_a_file, "{}: {error}", unit.name);
                let WitError::Limit(_) = error else {
                    if error.location().is_none() {
                        differences.insert((unit.name, "place"), error.to_string());
                    }
                    continue;
                };
            }
        }
    }
    compare(&differences, NOT_FAILING_WITH_A_PLACE);
}

const NOT_FAILING_WITH_A_PLACE: &[(&str, &[&str], &str, &str)] = &[
    (
        "failure",
        &[
            "wit-parser/tests/ui/parse-fail/bad-gate-record-field.wit",
            "wit-parser/tests/ui/parse-fail/bad-gate1.wit",
            "wit-parser/tests/ui/parse-fail/bad-gate2.wit",
            "wit-parser/tests/ui/parse-fail/bad-gate3.wit",
            "wit-parser/tests/ui/parse-fail/bad-gate4.wit",
            "wit-parser/tests/ui/parse-fail/bad-gate5.wit",
        ],
        "parses",
        "it refers to items behind a gate that the crate's own test leaves off; here all gates are on",
    ),
    (
        "place",
        &[
            "wit-parser/tests/ui/parse-fail/case-insensitive-duplicates.wit",
            "wit-parser/tests/ui/parse-fail/missing-main-declaration-initial-main.wit",
            "wit-parser/tests/ui/parse-fail/missing-main-declaration-initial-nested.wit",
            "wit-parser/tests/ui/parse-fail/missing-package.wit",
        ],
        "",
        "the parser itself gives no place for this error",
    ),
];

/// What differs must be exactly what is listed, for the listed reason.
fn compare(found: &BTreeMap<(String, &'static str), String>, listed: &[(&'static str, &[&str], &str, &str)]) {
    let mut expected = BTreeMap::new();
    for (form, units, happens, _reason) in listed {
        expected.extend(units.iter().map(|unit| (((*unit).to_owned(), *form), *happens)));
    }
    for (key, difference) in found {
        let happens = expected.remove(key);
        assert!(happens.is_some_and(|happens| difference.contains(happens)), "not listed: {key:?}: {difference}");
    }
    assert!(expected.is_empty(), "listed, but no longer so: {expected:#?}");
}
