//! `docs/compatibility.md`, row by row, and `wit_component::semver_check` as a second opinion on each.

use crate::corpus;
use crate::mutate::mutations;
use registry_core::closure::Closure;
use registry_core::compatibility::{
    Comparison, Step, Track, compare, compare_components, neighbours, required_version,
};
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::{SourceFile, UnresolvedWit, Wit};
use semver::Version;
use std::fmt::Write as _;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, PackageId, Resolve, Stability, WorldId};

const RULES: &str = include_str!("../../../docs/compatibility.md");

/// A row of the tables with examples.
struct Row {
    id: &'static str,
    old: String,
    new: String,
    step: Step,
    /// What `semver_check` thinks; components have no such column.
    opinion: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    let is_row = |line: &&str| {
        let id = line.strip_prefix("| ").and_then(|line| line.split(' ').next()).unwrap_or_default();
        id.starts_with(['C', 'W', 'P']) && id[1..].parse::<u32>().is_ok()
    };
    RULES.lines().filter(is_row).map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&'static str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [id, _, old, new, step, _, opinion @ ..] = cells.as_slice() else { panic!("{line}") };
    let step = match *step {
        "none" => Step::None,
        "addition" => Step::Addition,
        "breaking" => Step::Breaking,
        other => panic!("`{other}` is no step: {line}"),
    };
    let text = |cell: &str, version| package_text(cell.strip_prefix('`').unwrap().strip_suffix('`').unwrap(), version);
    Row { id, old: text(old, "1.0.0"), new: text(new, "1.0.1"), step, opinion: opinion.first().copied() }
}

fn package_text(example: &str, version: &str) -> String {
    let is_package = example.starts_with("interface ") || example.starts_with("world ");
    let items = if is_package { example.to_owned() } else { format!("interface i {{ {example} }}") };
    format!("package demo:x@{version};\n{items}\n")
}

/// The packages that the examples refer to, each as a file of its own.
fn dependencies() -> Vec<String> {
    let block = RULES.split("```wit\n").nth(1).unwrap().split("```").next().unwrap();
    let packages = block.split("package ").filter(|text| !text.trim().is_empty());
    let texts = packages.map(|text| {
        let (name, body) = text.split_once('{').unwrap();
        format!("package {};\n{}\n", name.trim(), body.trim().strip_suffix('}').unwrap())
    });
    texts.collect()
}

fn parse(text: &str) -> Wit {
    let limits = Limits::default();
    let parse = |text: &str| UnresolvedWit::parse(&[SourceFile::new("x.wit", text)], &limits).unwrap();
    let main = parse(text);
    let needed = main.foreign_packages();
    let dependencies = dependencies().into_iter().map(|text| parse(&text)).filter(|wit| needed.contains(&wit.name()));
    main.resolve(dependencies.collect(), &limits).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn step_of(row: &Row) -> Comparison {
    let limits = Limits::default();
    if row.opinion.is_some() {
        return compare(&parse(&row.old), &parse(&row.new), &limits);
    }
    compare_components(&component(&row.old), &component(&row.new), &limits)
}

#[test]
fn every_row_has_the_step_that_the_table_says() {
    let rows = rows();
    assert!(rows.len() > 100, "only {} rows were found", rows.len());
    let mut wrong = Vec::new();
    let mut told = String::new();
    for row in &rows {
        let comparison = step_of(row);
        writeln!(told, "{} {}", row.id, comparison.step).unwrap();
        for change in &comparison.changes {
            writeln!(told, "  {}: {change}", change.step).unwrap();
        }
        if comparison.step != row.step {
            wrong.push(format!("{}: {} instead of {}: {:#?}", row.id, comparison.step, row.step, comparison.changes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(told);
}

#[test]
fn every_row_says_what_semver_check_thinks() {
    let mut wrong = Vec::new();
    for row in rows() {
        let Some(opinion) = row.opinion else { continue };
        let verdict = semver_check(&row.old, &row.new);
        let agrees = verdict.is_ok() == (row.step != Step::Breaking);
        let actual = match (agrees, &verdict) {
            (_, Err(reason)) if reason.contains("feature is not active") => "does not say",
            (true, _) => "agrees",
            (false, Ok(())) => "accepts",
            (false, Err(_)) => "refuses",
        };
        if actual != opinion {
            wrong.push(format!("{}: {actual}: {:#}", row.id, verdict.err().unwrap_or("accepted".to_owned())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The examples as `semver_check` sees them: without what stands behind `@unstable`, and an interface imported by a world.
fn semver_check(old: &str, new: &str) -> Result<(), String> {
    let mut resolve = Resolve::new();
    for text in dependencies() {
        resolve.push_source("dependency.wit", &text).unwrap();
    }
    let mut world = |text: &str| {
        let world = if text.contains("world w ") { "" } else { "world w { import i; }" };
        let package = resolve.push_source("x.wit", &format!("{text}{world}")).unwrap();
        resolve.packages[package].worlds["w"]
    };
    let (old, new) = (world(old), world(new));
    wit_component::semver_check(resolve, old, new).map_err(|error| format!("{error:#}"))
}

/// A component of the world `w` that does nothing, verified against its packages.
fn component(text: &str) -> VerifiedComponent {
    let wit = parse(text);
    let world = wit.resolve().packages[wit.main()].worlds["w"];
    let bytes = encode_component(wit.resolve(), world);
    let limits = Limits::default();
    let decoded = DecodedComponent::decode(&bytes, &limits).unwrap();
    let named = decoded.packages().unwrap();
    let whole = Closure::of(&wit).unwrap();
    let is_needed = |name: &registry_core::name::ReleaseName| named.contains(name);
    let packages = whole.packages.into_iter().filter(|package| is_needed(&package.name)).collect();
    decoded.verify(&Closure { packages }, &limits).unwrap()
}

fn encode_component(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// The packages of WASI in one version of the crate, by name without version.
fn wasi(version: &str) -> Vec<(String, Wit)> {
    let units = corpus::wasi_units_in("wasip2", &corpus::crate_folder_of("wasip2", version));
    let wits = units.iter().map(|unit| unit.parse().unwrap());
    wits.map(|wit| (wit.name().name.clone(), wit)).collect()
}

#[test]
fn wasi_0_2_12_extends_0_2_4_and_cli_does_not_the_other_way_round() {
    let (old, new) = (wasi("1.0.1"), wasi("2.0.1"));
    assert_eq!(old.len(), new.len());
    let mut told = String::new();
    for ((name, old), (other, new)) in old.iter().zip(&new) {
        assert_eq!(name, other);
        assert_ne!(old.name(), new.name());
        let forward = compare(old, new, &Limits::default());
        assert!(forward.is_compatible(), "{name}: {:#?}", forward.changes);
        writeln!(told, "{} to {}: {}", old.name(), new.name(), forward.step).unwrap();
        for change in forward.changes.iter().filter(|change| change.step != Step::None) {
            writeln!(told, "  {}: {change}", change.step).unwrap();
        }
        let backward = compare(new, old, &Limits::default());
        writeln!(told, "{} to {}: {}", new.name(), old.name(), backward.step).unwrap();
        for change in backward.changes.iter().filter(|change| change.step != Step::None) {
            writeln!(told, "  {}: {change}", change.step).unwrap();
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_world_of_wasi_is_judged_as_semver_check_does() {
    let mut compared = 0;
    for ((_, old), (_, new)) in wasi("1.0.1").iter().zip(&wasi("2.0.1")) {
        for (old, new) in [(old, new), (new, old)] {
            let ours = compare(old, new, &Limits::default());
            let (resolve, old_main, new_main) = stable_together(old, new).unwrap();
            for (name, world) in &resolve.packages[old_main].worlds {
                let other = resolve.packages[new_main].worlds[name];
                let theirs = wit_component::semver_check(resolve.clone(), *world, other);
                let prefix = format!("world `{name}`");
                // What breaks an interface breaks the worlds of its package that use it.
                let breaks = ours.breaking().any(|change| change.path.starts_with(&prefix));
                let breaks = breaks || ours.breaking().any(|change| change.path.starts_with("interface "));
                assert_eq!(theirs.is_err(), breaks, "{} {name}: {theirs:?} {:#?}", old.name(), ours.changes);
                compared += 1;
            }
        }
    }
    assert!(compared >= 14, "{compared}");
}

/// Why `semver_check` refuses a world of two packages that are said to be compatible.
fn laxer_than_semver_check(old: &Wit, new: &Wit) -> Option<String> {
    let (new_name, old_name) = (new.name().to_string(), old.name().to_string());
    let (resolve, old, new) = stable_together(old, &renamed(new)?)?;
    resolve.packages[old].worlds.iter().find_map(|(name, world)| {
        let other = resolve.packages[new].worlds.get(name)?;
        let verdict = wit_component::semver_check(resolve.clone(), *world, *other);
        let error = format!("{:#}", verdict.err()?);
        // It gives no answer on external-ids.
        (!error.contains("feature is not active")).then(|| format!("{old_name} {new_name} {name}: {error}"))
    })
}

/// The same package under the next version, so that it can stand beside the one that it was.
fn renamed(wit: &Wit) -> Option<Wit> {
    let closure = Closure::of(wit).ok()?;
    let limits = Limits::default();
    let parse = |text: &str| UnresolvedWit::parse(&[SourceFile::new("x.wit", text)], &limits).ok();
    let (main, dependencies) = closure.packages.split_last()?;
    let package = format!("package {}", main.name);
    let text = main.wit.replacen(&package, &format!("{package}9"), 1);
    let dependencies = dependencies.iter().map(|package| parse(&package.wit)).collect::<Option<Vec<_>>>()?;
    parse(&text)?.resolve(dependencies, &limits).ok()
}

/// Two packages in one `Resolve`, without what stands behind `@unstable`; `None` if one cannot be read without that.
fn stable_together(old: &Wit, new: &Wit) -> Option<(Resolve, PackageId, PackageId)> {
    let mut resolve = Resolve::new();
    let (old, new) = (push_closure(&mut resolve, old)?, push_closure(&mut resolve, new)?);
    Some((resolve, old, new))
}

/// Adds a package with its dependencies, those left out that are there.
fn push_closure(resolve: &mut Resolve, wit: &Wit) -> Option<PackageId> {
    let mut main = None;
    for package in Closure::of(wit).unwrap().packages {
        let name = wit_parser::PackageName::from(&PackageName::from(&package.name));
        main = match resolve.package_names.get(&name) {
            Some(id) => Some(*id),
            None => Some(resolve.push_source("x.wit", &package.wit).ok()?),
        };
    }
    main
}

#[test]
fn every_package_extends_itself() {
    let mut compared = 0;
    for unit in corpus::units().into_iter().chain(corpus::wasi_units()) {
        let Ok(wit) = unit.parse() else { continue };
        let comparison = compare(&wit, &wit, &Limits::default());
        assert!(comparison.changes.is_empty(), "{}: {:#?}", unit.name, comparison.changes);
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn what_is_not_listed_is_counted_and_the_breaking_changes_come_first() {
    let functions: String = (0..50).map(|number| format!("old{number}: func();")).collect();
    let old = parse(&package_text(&functions, "1.0.0"));
    let new = parse(&package_text("g: func();", "1.0.1"));
    let limits = Limits { changes_max: 10, ..Limits::default() };
    let comparison = compare(&old, &new, &limits);
    assert_eq!((comparison.changes.len(), comparison.left_out, comparison.step), (10, 41, Step::Breaking));
    assert!(comparison.changes.iter().all(|change| change.step == Step::Breaking));
}

#[test]
fn types_that_share_their_parts_are_compared_in_reasonable_time() {
    // Nothing is said of types behind a gate, so what differs is looked for from the function down.
    let text = |last: &str| {
        let links = (1..90).map(|number| {
            let before = number - 1;
            format!("@unstable(feature = a) record t{number} {{ x: t{before}, y: t{before} }}\n")
        });
        let links: String = links.collect();
        package_text(&format!("@unstable(feature = a) type t0 = {last};\n{links}f: func(x: t89);"), "1.0.0")
    };
    let started = std::time::Instant::now();
    let comparison = compare(&parse(&text("u8")), &parse(&text("u16")), &Limits::default());
    assert_eq!(comparison.breaking().count(), 1, "{:#?}", comparison.changes);
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn tracks_neighbours_and_required_versions() {
    let version = |text: &str| Version::parse(text).unwrap();
    let table = [
        ("1.2.3", Some(Track::Major(1)), ["1.2.4", "1.3.0", "2.0.0"]),
        ("0.2.4", Some(Track::Minor(2)), ["0.2.5", "0.2.5", "0.3.0"]),
        ("0.0.4", Some(Track::Patch(4)), ["0.0.5", "0.0.5", "0.0.5"]),
        ("1.0.0-rc.1", None, ["1.0.0", "1.0.0", "1.0.0"]),
    ];
    for (text, track, required) in table {
        assert_eq!(Track::of(&version(text)), track, "{text}");
        for (step, required) in [Step::None, Step::Addition, Step::Breaking].into_iter().zip(required) {
            assert_eq!(required_version(&version(text), step), version(required), "{text} {step}");
        }
    }
    let all: Vec<Version> =
        ["0.1.9", "0.2.0", "0.2.3", "0.2.5-rc.1", "0.2.6", "0.2.9", "0.3.0", "1.0.0"].map(version).to_vec();
    let table = [
        ("0.2.5", Some("0.2.3"), Some("0.2.6")),
        ("0.2.0", None, Some("0.2.3")),
        ("0.2.10", Some("0.2.9"), None),
        ("0.2.5-rc.2", None, None),
        ("2.0.0", None, None),
        ("1.0.1", Some("1.0.0"), None),
    ];
    for (text, lower, higher) in table {
        let (text, lower, higher) = (version(text), lower.map(version), higher.map(version));
        let found = neighbours(&text, &all, |version| version);
        assert_eq!((found.lower, found.higher), (lower.as_ref(), higher.as_ref()), "{text}");
    }
}

/// What the mutations' labels promise: an addition is more than nothing, a removal breaks, and whatever changes the hash
/// is told of. What stands behind `@unstable` is exempt from the first two.
#[test]
fn no_change_of_wasi_goes_unnoticed() {
    let (mut compared, mut compatible, mut wrong) = (0, 0, Vec::new());
    let is_chosen = |unit: &&corpus::Unit| ["/io.wit", "/clocks.wit"].iter().any(|name| unit.name.ends_with(name));
    for unit in corpus::wasi_units_of("wasip2").iter().filter(is_chosen) {
        let old = unit.parse().unwrap();
        let gated = unstable_interfaces(&old);
        for mutation in mutations(&unit.main[0].text) {
            let mut unit = unit.clone();
            unit.main[0].text = mutation.text;
            let Ok(new) = unit.parse() else { continue };
            if new.name() != old.name() || new.identity().unwrap().hash == old.identity().unwrap().hash {
                continue;
            }
            let comparison = compare(&old, &new, &Limits::default());
            let mut paths = comparison.changes.iter().map(|change| &change.path);
            let is_exempt = comparison.changes.iter().any(|change| change.what.contains("`@unstable`"))
                || paths.all(|path| gated.iter().any(|interface| path.starts_with(interface)));
            let least = match mutation.label.split(':').next().unwrap_or_default() {
                "remove item" if !is_exempt => Step::Breaking,
                "add function" | "add member" if !is_exempt => Step::Addition,
                _ => Step::None,
            };
            if comparison.changes.is_empty() || comparison.step < least {
                wrong.push(format!("{}: {}: {:?}", unit.name, mutation.label, comparison.changes));
            }
            if comparison.is_compatible() {
                wrong.extend(laxer_than_semver_check(&old, &new).map(|why| format!("{}: {why}", mutation.label)));
                compatible += 1;
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {:#?}", wrong.len(), wrong);
    assert!(compared > 300 && compatible > 100, "{compared} {compatible}");
}

/// The paths of a package's interfaces behind `@unstable`.
fn unstable_interfaces(wit: &Wit) -> Vec<String> {
    let resolve = wit.resolve();
    let interfaces = resolve.packages[wit.main()].interfaces.iter();
    let gated = interfaces.filter(|(_, id)| matches!(resolve.interfaces[**id].stability, Stability::Unstable { .. }));
    gated.map(|(name, _)| format!("interface `{name}`")).collect()
}
