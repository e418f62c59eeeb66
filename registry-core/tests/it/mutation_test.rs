//! Whatever a user can see changes the hash: every single change of every WASI package.

use crate::corpus::{Unit, wasi_units_of};
use crate::mutate::{Mutation, mutations};
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, UnresolvedWit, Wit};
use std::collections::{BTreeMap, BTreeSet};

/// The labels of changes that leave the hash as it is, with how many changes there were in all.
fn unnoticed(unit: &Unit) -> (usize, BTreeSet<String>) {
    let limits = Limits::default();
    let dependencies: Vec<UnresolvedWit> =
        unit.dependencies.iter().map(|files| UnresolvedWit::parse(files, &limits).unwrap()).collect();
    let [file] = &unit.main[..] else { panic!("{} has several files", unit.name) };
    let parse = |text: &str| -> Option<Wit> {
        let main = UnresolvedWit::parse(&[SourceFile::new(file.path.clone(), text)], &limits).ok()?;
        // Only what this package itself refers to: a renamed item may be missed by others.
        let needed = needed_by(&main, &dependencies);
        main.resolve(needed, &limits).ok()
    };
    let original = parse(&file.text).unwrap().identity().unwrap().hash;
    let (mut count, mut unnoticed) = (0, BTreeSet::new());
    for Mutation { label, text } in mutations(&file.text) {
        let Some(wit) = parse(&text) else { continue };
        count += 1;
        if wit.identity().unwrap().hash == original {
            unnoticed.insert(label);
        }
    }
    (count, unnoticed)
}

fn needed_by(main: &UnresolvedWit, all: &[UnresolvedWit]) -> Vec<UnresolvedWit> {
    let mut needed = BTreeMap::new();
    let mut open: Vec<_> = main.foreign_packages().into_iter().collect();
    while let Some(name) = open.pop() {
        if let Some(wit) = all.iter().find(|wit| wit.name() == name)
            && !needed.contains_key(&name)
        {
            open.extend(wit.foreign_packages());
            needed.insert(name, wit.clone());
        }
    }
    needed.into_values().collect()
}

/// Compares what goes unnoticed with the list.
fn check(name: &str) {
    let mut found = BTreeSet::new();
    let mut changes = 0;
    for unit in wasi_units_of(name) {
        let (count, labels) = unnoticed(&unit);
        changes += count;
        found.extend(labels.into_iter().map(|label| format!("{} {label}", unit.name)));
    }
    assert!(changes > 4_000, "only {changes} changes of {name} were tried");
    let listed: BTreeSet<String> = include_str!("unnoticed_changes.txt")
        .lines()
        .filter_map(|line| line.split_once(" | ").map(|(_, label)| label.to_owned()))
        .filter(|label| label.starts_with(name))
        .collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "unnoticed, but not listed: {new:#?}; listed, but noticed: {gone:#?}");
}

#[test]
fn every_visible_change_of_wasi_0_2_changes_the_hash() {
    check("wasip2");
}

#[test]
fn every_visible_change_of_wasi_0_3_changes_the_hash() {
    check("wasip3");
}

/// `namespace:package/…@old` becomes `…@new` everywhere in a text.
fn with_other_version(text: &str, package: &str, old: &str, new: &str) -> String {
    let mut parts = text.split(package);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + package + &part.replacen(&format!("@{old}"), &format!("@{new}"), 1))
}

#[test]
fn another_version_of_a_dependency_changes_the_hash() {
    let mut tried = 0;
    for unit in ["wasip2", "wasip3"].iter().flat_map(|name| wasi_units_of(name)) {
        let original = unit.parse().unwrap();
        let identity = original.identity().unwrap();
        for dependency in identity.dependencies.keys() {
            let old = dependency.version.as_ref().unwrap().to_string();
            let path = format!("{}:{}/", dependency.namespace, dependency.name);
            let header = format!("{}:{}", dependency.namespace, dependency.name);
            let mut changed = unit.clone();
            changed.main[0].text = with_other_version(&changed.main[0].text, &path, &old, "0.97.0");
            // The new version stands beside the old one, which other packages go on using, and is equal but for its version.
            let find = |files: &&Vec<SourceFile>| files[0].text.contains(&format!("package {dependency};"));
            let mut copy = unit.dependencies.iter().find(find).unwrap().clone();
            copy[0].text = with_other_version(&copy[0].text, &format!("package {header}"), &old, "0.97.0");
            changed.dependencies.push(copy);
            let changed = changed.parse().unwrap();
            assert_ne!(changed.identity().unwrap().hash, identity.hash, "{} of {}", dependency, unit.name);
            let mut other = dependency.clone();
            other.version = Some("0.97.0".parse().unwrap());
            assert!(changed.identity().unwrap().dependencies.contains_key(&other), "{other} of {}", unit.name);
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} dependencies were exchanged");
}

fn parse(text: &str) -> Wit {
    Wit::parse(&[SourceFile::new("test.wit", text)], &[], &Limits::default()).unwrap()
}

#[test]
fn swapping_two_versions_of_one_dependency_changes_the_hash() {
    let package = |first: &str, second: &str| {
        format!(
            "package user:main@1.0.0;
            interface a {{ use dep:io/s@{first}.{{r}}; f: func(x: r); }}
            interface b {{ use dep:io/s@{second}.{{r}}; f: func(x: r); }}
            world w {{ import x: interface {{ use dep:io/s@{first}.{{r}}; f: func(x: r); }} use dep:io/s@{second}.{{r}}; }}
            package dep:io@1.0.0 {{ interface s {{ record r {{ n: u32 }} }} }}
            package dep:io@1.1.0 {{ interface s {{ record r {{ n: u32 }} }} }}"
        )
    };
    let (original, swapped) = (parse(&package("1.0.0", "1.1.0")), parse(&package("1.1.0", "1.0.0")));
    let (original, swapped) = (original.identity().unwrap(), swapped.identity().unwrap());
    assert_eq!(original.dependencies, swapped.dependencies, "both refer to both");
    assert_eq!(original.interfaces, swapped.interfaces, "ids of interfaces leave versions out");
    assert_ne!(original.hash, swapped.hash);
}

#[test]
fn ids_leave_out_docs_gates_and_versions_but_a_world_names_versions() {
    let package = |version: &str, extra: &str| {
        format!("package a:b@{version}; {extra} interface i {{ {extra} f: func(); }} {extra} world w {{ import i; }}")
    };
    let plain = parse(&package("1.0.0", ""));
    let documented = parse(&package("1.0.0", "/// Docs.\n"));
    let gated = parse(&package("1.0.0", "@since(version = 1.0.0)"));
    let newer = parse(&package("1.0.1", ""));
    let plain = plain.identity().unwrap();
    for other in [&documented, &gated] {
        let other = other.identity().unwrap();
        assert_eq!((&plain.interfaces, &plain.worlds), (&other.interfaces, &other.worlds));
        assert_ne!(plain.hash, other.hash);
    }
    let newer = newer.identity().unwrap();
    assert_eq!(plain.interfaces, newer.interfaces);
    assert_ne!(plain.worlds, newer.worlds, "the world's item is `a:b/i@1.0.1`");
    assert_ne!(plain.hash, newer.hash);
}

#[test]
fn attributes_that_elaboration_drops_are_reported() {
    let package = |imports: &str| {
        parse(&format!(
            "package a:b@1.0.0; interface i {{ type t = u8; }} interface j {{ use i.{{t}}; }} world w {{ {imports} }}"
        ))
    };
    let dependency_first = package("@unstable(feature = x) import i; @external-id(\"y\") import j;");
    assert!(dependency_first.dropped_attributes().is_empty());
    let dependency_last = package("@external-id(\"y\") import j; @unstable(feature = x) import i;");
    let dropped: Vec<String> = dependency_last.dropped_attributes().iter().map(ToString::to_string).collect();
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert!(dropped[0].contains("the gate of `import a:b/i@1.0.0` in world `w`"), "{dropped:?}");
    assert_ne!(dependency_first.identity().unwrap().hash, dependency_last.identity().unwrap().hash);

    let included = parse("package a:b@1.0.0; world v { } world w { @unstable(feature = x) include v; }");
    let dropped: Vec<String> = included.dropped_attributes().iter().map(ToString::to_string).collect();
    assert!(matches!(&dropped[..], [one] if one.contains("the gate of `include v` in world `w`")), "{dropped:?}");
}
