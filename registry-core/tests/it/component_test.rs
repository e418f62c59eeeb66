//! How a component's views relate to the registered interfaces: exactly, merged by semver, or not at all.

use crate::identity_test::{build, build_merging};
use registry_core::closure::Closure;
use registry_core::component::{
    ComponentError, DecodedComponent, Direction, InterfaceUse, MergedReference, Relation, VerifiedComponent,
};
use registry_core::limits::Limits;
use registry_core::wit::{EncodedWit, PackageText, SourceFile, UnresolvedWit, Wit};

/// A world, a package that takes its types from `io@0.2.0`, and two versions of that.
const MERGEABLE: &str = "package root:x;
    world root { import user:api/u@1.0.0; import dep:io/io@0.2.1; export run: func(); }
    package user:api@1.0.0 { interface u { use dep:io/io@0.2.0.{r}; f: func(x: r); } }
    package dep:io@0.2.0 { interface io { record r { n: u32 } } }
    package dep:io@0.2.1 { interface io { record r { n: u32 } g: func() -> r; } }";

fn verify(bytes: &[u8], closure: &Closure) -> Result<VerifiedComponent, ComponentError> {
    DecodedComponent::decode(bytes, &Limits::default())?.verify(closure, &Limits::default())
}

fn differences(bytes: &[u8], closure: &Closure) -> Vec<String> {
    match verify(bytes, closure) {
        Ok(_) => panic!("this component was accepted"),
        Err(ComponentError::Differs(differences)) => differences,
        Err(other) => panic!("{other}"),
    }
}

fn names(component: &VerifiedComponent) -> Vec<(&str, Relation)> {
    component.interfaces().iter().map(|interface| (interface.name.as_str(), interface.relation)).collect()
}

#[test]
fn a_component_with_merged_imports_is_accepted_with_the_list_of_what_was_merged() {
    let (bytes, closure) = build_merging(MERGEABLE, true);
    let component = verify(&bytes, &closure).unwrap();
    assert_eq!(
        names(&component),
        [("dep:io/io@0.2.1", Relation::Exact), ("user:api/u@1.0.0", Relation::Merged)],
        "the older import is gone"
    );
    let reference = MergedReference {
        type_name: "r".to_owned(),
        registered: "dep:io/io@0.2.0".to_owned(),
        used: "dep:io/io@0.2.1".to_owned(),
    };
    assert_eq!(component.merged().collect::<Vec<_>>(), [("user:api/u@1.0.0", &reference)]);
    let named: Vec<String> = component.packages().keys().map(ToString::to_string).collect();
    assert_eq!(named, ["dep:io@0.2.1", "user:api@1.0.0"], "those in the bytes");
    assert_eq!(component.closure().packages.len(), 3, "and what the registered packages refer to");
    let json = serde_json::to_value(&component.interfaces()[1]).unwrap();
    assert_eq!(json["relation"], "merged");
    let merged = serde_json::json!([{ "type": "r", "registered": "dep:io/io@0.2.0", "used": "dep:io/io@0.2.1" }]);
    assert_eq!(json["merged"], merged);
    assert_eq!(serde_json::from_value::<InterfaceUse>(json).unwrap(), component.interfaces()[1]);
}

#[test]
fn merging_changes_no_hash_of_what_is_registered() {
    let (merged, exact) = (build_merging(MERGEABLE, true), build(MERGEABLE));
    let exact_component = verify(&exact.0, &exact.1).unwrap();
    assert_eq!(
        names(&exact_component),
        [
            ("dep:io/io@0.2.0", Relation::Exact),
            ("dep:io/io@0.2.1", Relation::Exact),
            ("user:api/u@1.0.0", Relation::Exact)
        ]
    );
    assert_eq!(exact_component.merged().count(), 0);
    let merged_component = verify(&merged.0, &merged.1).unwrap();
    assert_eq!(merged_component.closure().hashes(), exact_component.closure().hashes());
    let id = |component: &VerifiedComponent| component.interfaces().last().unwrap().id;
    assert_eq!(id(&merged_component), id(&exact_component));
    assert_ne!(merged_component.view_id(), exact_component.view_id());
    let json = serde_json::to_value(&exact_component.interfaces()[0]).unwrap();
    assert_eq!(json.get("merged"), None, "absent where there is nothing to tell");
}

#[test]
fn a_resource_of_the_later_version_stands_for_that_of_the_earlier() {
    let resource = "resource r { constructor(n: u32); read: func() -> u32; }";
    let text = MERGEABLE
        .replace("record r { n: u32 }", resource)
        .replace("f: func(x: r);", "record pair { a: r, b: option<r> } f: func(x: borrow<r>) -> r; g: func(p: pair);");
    let (bytes, closure) = build_merging(&text, true);
    assert_eq!(verify(&bytes, &closure).unwrap().merged().count(), 1);
}

#[test]
fn references_of_exports_and_through_other_interfaces_are_merged_too() {
    let text = "package root:x;
        world root { import dep:io/io@0.2.1; export user:api/u@1.0.0; }
        package user:api@1.0.0 {
            interface t { use dep:io/io@0.2.0.{r}; record outer { inner: list<r> } }
            interface u { use t.{outer, r as renamed}; f: func(x: outer) -> renamed; }
        }
        package dep:io@0.2.0 { interface io { resource r; } }
        package dep:io@0.2.1 { interface io { resource r; } }";
    let (bytes, closure) = build_merging(text, true);
    let component = verify(&bytes, &closure).unwrap();
    let merged: Vec<_> = component.interfaces().iter().filter(|used| used.relation == Relation::Merged).collect();
    let uses: Vec<_> = merged.iter().map(|used| (used.direction, used.name.as_str())).collect();
    assert_eq!(uses, [(Direction::Import, "user:api/t@1.0.0"), (Direction::Export, "user:api/u@1.0.0")]);
    assert!(merged.iter().all(|used| used.merged.len() == 1 && used.merged[0].type_name == "r"), "{merged:?}");
}

#[test]
fn a_world_that_uses_types_of_merged_interfaces_itself_is_checked() {
    let text = "package root:x;
        world root {
            use user:api/u@1.0.0.{s};
            use dep:io/io@0.2.1.{r};
            import mine: interface { use user:api/u@1.0.0.{s}; log: func(s: s); }
            import z: func(r: r);
            export run: func(s: s, r: r);
        }
        package user:api@1.0.0 { interface u { use dep:io/io@0.2.0.{r}; record s { inner: r } f: func(x: s); } }
        package dep:io@0.2.0 { interface io { record r { n: u32 } } }
        package dep:io@0.2.1 { interface io { record r { n: u32 } } }";
    let (bytes, closure) = build_merging(text, true);
    let component = verify(&bytes, &closure).unwrap();
    assert_eq!(names(&component), [("dep:io/io@0.2.1", Relation::Exact), ("user:api/u@1.0.0", Relation::Merged)]);
}

/// A component whose view of `user:api` takes its types from `used`, against one that takes them from `registered`.
fn of_versions(registered: &str, used: &str) -> (Vec<u8>, Closure) {
    let text = |version: &str| {
        format!(
            "package root:x;
            world root {{ import user:api/u@1.0.0; export run: func(); }}
            package user:api@1.0.0 {{ interface u {{ use dep:io/io@{version}.{{r}}; f: func(x: r); }} }}
            package dep:io@{version} {{ interface io {{ record r {{ n: u32 }} }} }}"
        )
    };
    let (bytes, other) = build(&text(used));
    let mut closure = build(&text(registered)).1;
    closure.packages.extend(other.packages.into_iter().filter(|package| package.name.name() == "io"));
    (bytes, closure)
}

#[test]
fn only_later_versions_of_one_track_can_be_merged() {
    for (registered, used, is_accepted) in [
        ("1.0.0", "1.0.1", true),
        ("1.0.0", "1.9.0", true),
        ("0.2.0", "0.2.1", true),
        ("0.2.9", "0.2.10", true),
        ("1.0.1", "1.0.0", false),
        ("1.0.0", "2.0.0", false),
        ("0.2.0", "0.3.0", false),
        ("0.0.1", "0.0.2", false),
        ("1.0.0-rc.1", "1.0.0", false),
        ("1.0.0-rc.1", "1.0.0-rc.2", false),
        ("1.0.0", "1.1.0-rc.1", false),
    ] {
        let (bytes, closure) = of_versions(registered, used);
        if is_accepted {
            assert_eq!(verify(&bytes, &closure).unwrap().merged().count(), 1, "{registered} {used}");
            continue;
        }
        let expected = format!(
            "`user:api/u@1.0.0`, type `r` is `dep:io/io@{used}.{{r}}` instead of `dep:io/io@{registered}.{{r}}`"
        );
        assert_eq!(differences(&bytes, &closure)[0], expected);
    }
}

#[test]
fn a_merged_reference_to_a_type_of_another_structure_is_refused() {
    let (bytes, _) = build_merging(MERGEABLE, true);
    let other = MERGEABLE.replace(
        "dep:io@0.2.0 { interface io { record r { n: u32 } }",
        "dep:io@0.2.0 { interface io { record r { n: u64 } }",
    );
    let (_, closure) = build(&other);
    assert_eq!(
        differences(&bytes, &closure),
        [
            "`user:api/u@1.0.0`, type `r`, field `n` is `u32` instead of `u64`",
            "`user:api/u@1.0.0`, function `f`, parameter `x`, field `n` is `u32` instead of `u64`",
        ]
    );
}

#[test]
fn a_type_that_an_interface_declares_itself_is_no_merged_reference() {
    let text = |later: &str| {
        format!(
            "package root:x;
            world root {{ import dep:io/io@0.2.1; export run: func(); }}
            package dep:io@0.2.0 {{ interface io {{ record r {{ n: u32 }} }} }}
            package dep:io@0.2.1 {{ interface io {{ {later} g: func() -> r; }} }}"
        )
    };
    let (own, taken) = (text("record r { n: u32 }"), text("use dep:io/io@0.2.0.{r};"));
    let expected = "`dep:io/io@0.2.1`, type `r` is `dep:io/io@0.2.1.{r}` instead of `dep:io/io@0.2.0.{r}`";
    assert_eq!(differences(&build(&own).0, &build(&taken).1)[0], expected);
}

/// The registered `io@0.2.1` takes types from `user:api`, so that after the merge each would stand before the other.
#[test]
fn interfaces_that_need_each_other_after_a_merge_are_an_error() {
    let text = |back: &str| {
        MERGEABLE
            .replace("g: func() -> r;", &format!("{back} g: func() -> r;"))
            .replace("f: func(x: r);", "record t { n: u8 } f: func(x: r);")
    };
    let (bytes, _) = build_merging(&text(""), true);
    let (_, closure) = build(&text("use user:api/u@1.0.0.{t};"));
    match verify(&bytes, &closure) {
        Err(ComponentError::DoesNotFit(_)) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("this component was accepted"),
    }
}

#[test]
fn everything_that_differs_is_listed_item_by_item() {
    let text = |types: &str, functions: &str| {
        format!(
            "package root:x; world root {{ import dep:io/s@1.0.0; export run: func(); }}
            package dep:io@1.0.0 {{ interface s {{ {types} {functions} }} }}"
        )
    };
    let (bytes, _) = build(&text(
        "record r { a: tuple<u8, list<string>> } variant v { one(r), two } resource b { read: func(n: u8); open: static func(); }",
        "f: func(x: r); g: func(v: v) -> result<_, string>; h: func(); c: func() -> option<b>; \
         d: func(x: result<u8, u16>); e: func(x: map<string, u8>);",
    ));
    let (_, closure) = build(&text(
        "record r { a: tuple<u8, list<char>> } variant v { one(r), three } resource b { read: func(n: u16); open: static async func(); }",
        "f: func(x: r); g: func(v: v) -> result<u8>; h: async func(y: u8); c: func() -> list<b>; \
         d: func(x: result<u8, u32>); e: func(x: map<string, u16>);",
    ));
    insta::assert_snapshot!(differences(&bytes, &closure).join("\n"));
}

#[test]
fn a_type_that_differs_is_told_once_where_it_is_declared() {
    let text = |ty: &str| {
        format!(
            "package root:x; world root {{ import dep:io/s@1.0.0; export run: func(); }}
            package dep:io@1.0.0 {{
                interface s {{ use dep:types/t@1.0.0.{{r}}; record outer {{ inner: r }} f: func(x: list<outer>); g: func(x: {ty}); }}
            }}
            package dep:types@1.0.0 {{ interface t {{ record r {{ n: {ty} }} }} }}"
        )
    };
    assert_eq!(
        differences(&build(&text("u32")).0, &build(&text("u64")).1),
        [
            "`dep:types/t@1.0.0`, type `r`, field `n` is `u32` instead of `u64`",
            "`dep:io/s@1.0.0`, function `g`, parameter `x` is `u32` instead of `u64`",
        ]
    );
}

#[test]
fn long_lists_of_differences_and_wide_types_stay_short() {
    let text = |ty: &str| {
        let functions: String = (0..300).map(|n| format!("fun{n}: func(x: {ty}); ")).collect();
        format!(
            "package root:x; world root {{ import dep:io/s@1.0.0; export run: func(); }}
            package dep:io@1.0.0 {{ interface s {{ {functions} }} }}"
        )
    };
    let wide = (0..6).fold("u8".to_owned(), |ty, _| format!("tuple<{ty}, {ty}>"));
    let found = differences(&build(&text(&wide)).0, &build(&text("u8")).1);
    assert_eq!(found.len(), 101);
    assert_eq!(found.last().unwrap(), "more differs that is not listed here");
    assert!(found.iter().all(|line| line.chars().count() < 1_000), "{}", found[0]);
}

#[test]
fn wasm_encoded_wit_holds_exact_views_only() {
    let text = |version: &str| {
        format!(
            "package test:main@1.0.0; interface m {{ use user:api/u@1.0.0.{{outer}}; f: func(x: outer); }}
            package user:api@1.0.0 {{ interface u {{ use dep:io/io@{version}.{{r}}; record outer {{ inner: r }} }} }}
            package dep:io@{version} {{ interface io {{ record r {{ n: u32 }} }} }}"
        )
    };
    let parse = |text: &str| Wit::parse(&[SourceFile::new("main.wit", text)], &[], &Limits::default()).unwrap();
    let (used, registered) = (parse(&text("1.0.1")), parse(&text("1.0.0")));
    let dependencies: Vec<UnresolvedWit> =
        [(&registered, "user:api@1.0.0"), (&registered, "dep:io@1.0.0"), (&used, "dep:io@1.0.1")]
            .into_iter()
            .map(|(wit, name)| {
                let name = wit.identities().keys().find(|other| other.to_string() == name).unwrap();
                let file = SourceFile::new(format!("{name}.wit"), PackageText::new(wit).file(name).unwrap());
                UnresolvedWit::parse(&[file], &Limits::default()).unwrap()
            })
            .collect();
    let encoded = EncodedWit::decode(&used.encode(&Limits::default()).unwrap(), &Limits::default()).unwrap();
    let error = encoded.resolve(dependencies, &Limits::default()).map(|_| ()).unwrap_err().to_string();
    let reference = "`user:api/u@1.0.0`: `dep:io/io@1.0.1.{r}` stands in the place of `dep:io/io@1.0.0.{r}`";
    assert!(error.contains(reference), "{error}");
}

#[test]
fn what_a_world_and_a_package_offer_is_told_by_full_names() {
    let text = "package user:api@1.0.0;
        interface i { f: func(); }
        world root { import i; import log: func(); export run: func(); export dep:io/io@0.2.0; export inline: interface {} }
        package dep:io@0.2.0 { interface io { f: func(); } interface other { f: func(); } }";
    let wit = Wit::parse(&[SourceFile::new("main.wit", text)], &[], &Limits::default()).unwrap();
    let offered: Vec<String> = wit.offered_names().into_iter().collect();
    assert_eq!(offered, ["dep:io/io@0.2.0", "inline", "run", "user:api/i@1.0.0", "user:api/root@1.0.0"]);
    let (bytes, _) = build(text);
    let component = DecodedComponent::decode(&bytes, &Limits::default()).unwrap();
    let names = |direction| component.world_names(direction).into_iter().collect::<Vec<_>>();
    assert_eq!(names(Direction::Import), ["log", "user:api/i@1.0.0"]);
    assert_eq!(names(Direction::Export), ["dep:io/io@0.2.0", "inline", "run"]);
}
