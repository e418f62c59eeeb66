//! `registry diff` and `registry check`

use crate::command::{assert_contains, json, json_error, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use crate::support::{wasi, write_files};
use registry_core::wire::{CompatibilityRule, NamespaceSettings};
use std::path::Path;
use tempfile::TempDir;

const OLD: &str = "f: func(x: u32); g: func();";
const MORE: &str = "f: func(x: u32); g: func(); h: func();";
const BROKEN: &str = "f: func(x: u64); h: func();";

fn package(version: &str, items: &str) -> String {
    format!("package demo:x@{version};\ninterface i {{ {items} }}\n")
}

/// A folder with a package in `wit`.
fn folder(version: &str, items: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("wit/x.wit", &package(version, items))]);
    folder
}

fn program(world: &str) -> Vec<u8> {
    component(&[&format!("package local:program;\nworld w {{ {world} }}\n")])
}

#[test]
fn diff_tells_what_broke_what_was_added_and_the_version_that_it_needs() {
    let server = TestRegistry::start();
    server.publish_text(&package("1.0.0", OLD));
    let folder = folder("1.0.1", BROKEN);
    let assert = registry_at(&server, folder.path()).args(["diff", "demo:x@1.0.0", "wit"]).assert().success();
    let expected = "demo:x@1.0.0 → demo:x@1.0.1
breaking: something that worked stops working
`1.0.1` may not break `1.0.0`: it needs the version `2.0.0`

breaking
  interface `i`, function `f`: parameter `x` is `u64`, was `u32`
  interface `i`, function `g`: was removed

additions
  interface `i`, function `h`: was added
";
    assert_eq!(stdout(&assert), expected);
    let document =
        json(&registry_at(&server, folder.path()).args(["diff", "demo:x", "wit", "--json"]).assert().success());
    assert_eq!(document["step"], "breaking");
    assert_eq!(document["required"], "2.0.0");
    assert_eq!(document["is_same"], false);
    assert_eq!(document["changes"][1]["path"], "interface `i`, function `g`");
    assert_eq!(document["changes"][1]["what"], "was removed");
    assert_eq!(document["old"]["name"], "demo:x@1.0.0");
}

#[test]
fn diff_compares_folders_and_files_without_asking_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("old/x.wit", &package("1.0.0", OLD)), ("new/x.wit", &package("1.1.0", MORE))]);
    let diff = |old: &str, new: &str, more: &[&str]| {
        let mut command = crate::command::registry();
        command.current_dir(folder.path()).env("REGISTRY_URL", "http://127.0.0.1:9");
        command.args(["diff", old, new]).args(more).assert()
    };
    let text = stdout(&diff("old", "new", &[]).success());
    assert_contains(&text, &["addition: everything that there was is still there", "function `h`: was added"]);
    assert_contains(&stdout(&diff("old", "old/x.wit", &["--exit-code"]).success()), &["the very same"]);
    let failed = diff("old", "new", &["--exit-code"]).code(1);
    assert_contains(&stdout(&failed), &["function `h`: was added"]);
    assert_contains(&stderr(&failed), &["error:", "are not the same"]);
}

#[test]
fn diff_of_components_says_what_one_needs_and_offers_more() {
    let server = TestRegistry::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("new.wasm"), program("import log: func(); export run: func();")).unwrap();
    let old = server.publish_component(&program("export run: func(); export stop: func();"), Some("demo:tool@1.0.0"));
    let assert = registry_at(&server, folder.path()).args(["diff", &old.to_string(), "new.wasm"]).assert().success();
    let parts = ["export function `stop`: was removed", "import function `log`: was added, which hosts of the old"];
    assert_contains(&stdout(&assert), &parts);
    let mixed = folder.path().join("wit");
    write_files(folder.path(), &[("wit/x.wit", &package("1.0.0", OLD))]);
    let assert = registry_at(&server, folder.path()).args(["diff", "demo:tool"]).arg(&mixed).assert().code(2);
    assert_contains(&stderr(&assert), &["is a component", "a package"]);
}

#[test]
fn a_component_on_this_machine_is_compared_with_the_packages_that_the_registry_has() {
    let server = TestRegistry::start();
    let types = package("1.0.0", OLD);
    server.publish_text(&types);
    let world = |name: &str| component(&[&types, &format!("package local:c;\nworld w {{ {name} demo:x/i@1.0.0; }}\n")]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.wasm"), world("import")).unwrap();
    std::fs::write(folder.path().join("new.wasm"), world("export")).unwrap();
    let assert = registry_at(&server, folder.path()).args(["diff", "old.wasm", "new.wasm"]).assert().success();
    assert_contains(&stdout(&assert), &["import `demo:x/i@1.0.0`: was removed", "export `demo:x/i@1.0.0`: was added"]);
}

#[test]
fn diff_completes_each_side_from_its_own_collection() {
    let folder = tempfile::tempdir().unwrap();
    let io = |version: &str| format!("package demo:io@{version};\ninterface s {{ type t = u32; }}\n");
    let http = |version: &str, more: &str| {
        format!(
            "package demo:http@{version};\ninterface i {{ use demo:io/s@{version}.{{t}}; f: func(t: t); {more} }}\n"
        )
    };
    let files = [
        ("old/http/types.wit", &http("1.0.0", "")),
        ("old/io/s.wit", &io("1.0.0")),
        ("new/http.wit", &http("1.1.0", "g: func();")),
        ("new/io.wit", &io("1.1.0")),
        ("alone/old.wit", &http("1.0.0", "")),
        ("away/io/s.wit", &io("1.0.0")),
    ];
    write_files(folder.path(), &files.map(|(path, text)| (path, text.as_str())));
    let diff = |arguments: &[&str]| {
        let mut command = crate::command::registry();
        command.current_dir(folder.path()).env("REGISTRY_URL", "http://127.0.0.1:9");
        command.arg("diff").args(arguments).assert()
    };
    assert_contains(&stdout(&diff(&["old/http", "new/http.wit"]).success()), &["function `g`: was added"]);
    let assert = diff(&["alone/old.wit", "new/http.wit", "--deps", "new", "--deps", "away"]).success();
    assert_contains(&stdout(&assert), &["function `g`: was added"]);
    let assert = diff(&["alone/old.wit", "new/http.wit"]).code(1);
    assert_contains(&stderr(&assert), &["needs packages that are not in", "`demo:io@1.0.0`"]);
    let text = stdout(&diff(&["old/io", "new/http.wit"]).success());
    assert_eq!(text.lines().nth(1), Some("these are two different packages"));
    assert!(!stdout(&diff(&["old/io", "new/io.wit"]).success()).contains("different packages"));
}

#[test]
fn nothing_differs_from_itself() {
    let server = TestRegistry::start();
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    let folder = tempfile::tempdir().unwrap();
    let same = registry_at(&server, folder.path()).args(["diff", "wasi:http", "wasi:http", "--json"]).assert();
    assert_eq!(json(&same.success())["is_same"], true);
}

fn check(server: &TestRegistry, folder: &Path, more: &[&str]) -> assert_cmd::assert::Assert {
    registry_at(server, folder).args(["check", "wit"]).args(more).assert()
}

#[test]
fn check_says_beforehand_what_publishing_would() {
    let server = TestRegistry::start();
    let first = folder("1.0.0", OLD);
    assert_contains(&stdout(&check(&server, first.path(), &[]).success()), &["has nothing to be compared with"]);
    server.publish_text(&package("1.0.0", OLD));
    assert_contains(&stdout(&check(&server, first.path(), &[]).success()), &["is published already"]);

    let broken = folder("1.0.1", BROKEN);
    let checked = check(&server, broken.path(), &[]).code(1);
    let published = registry_at(&server, broken.path()).args(["publish", "wit"]).assert().code(1);
    let line = |text: String, part: &str| text.lines().find(|line| line.contains(part)).map(str::to_owned);
    for part in ["it needs the version `2.0.0`", "parameter `x` is `u64`, was `u32`", "function `g`: was removed"] {
        let (here, there) = (line(stderr(&checked), part), line(stderr(&published), part));
        assert!(here.is_some() && here == there, "{part}: {here:?} {there:?}");
    }
    let error = json_error(&check(&server, broken.path(), &["--json"]).code(1));
    assert_eq!(error["code"], "incompatible");
    assert_eq!(error["details"].as_array().unwrap().len(), 2);

    let more = folder("1.0.1", MORE);
    let assert = check(&server, more.path(), &[]).success();
    assert_eq!(stdout(&assert), "demo:x@1.0.1 extends demo:x@1.0.0 (an addition)\n");
    assert_contains(&stderr(&assert), &["warning:", "is usually called `1.1.0`"]);
    let taken = folder("1.0.0", MORE);
    assert_eq!(json_error(&check(&server, taken.path(), &["--json"]).code(1))["code"], "release_bound");
    let major = folder("2.0.0", BROKEN);
    assert_contains(&stdout(&check(&server, major.path(), &[]).success()), &["has nothing to be compared with"]);
}

#[test]
fn check_looks_at_the_higher_neighbour_too() {
    let server = TestRegistry::start();
    server.publish_text(&package("1.0.0", OLD));
    server.publish_text(&package("1.2.0", MORE));
    let between = folder("1.1.0", "f: func(x: u32); g: func(); other: func();");
    let assert = check(&server, between.path(), &[]).code(1);
    let parts = ["the published `demo:x@1.2.0` must extend `demo:x@1.1.0`", "function `other`: was removed"];
    assert_contains(&stderr(&assert), &parts);
    let fits = folder("1.1.0", OLD);
    let text = stdout(&check(&server, fits.path(), &[]).success());
    assert_contains(&text, &["extends demo:x@1.0.0", "is extended by demo:x@1.2.0"]);
}

#[test]
fn check_of_a_component_needs_the_name_that_it_will_have() {
    let server = TestRegistry::start();
    server.publish_component(&program("export run: func();"), Some("demo:tool@1.0.0"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("new.wasm"), program("import log: func(); export run: func();")).unwrap();
    let check = |more: &[&str]| registry_at(&server, folder.path()).args(["check", "new.wasm"]).args(more).assert();
    assert_contains(&stderr(&check(&[]).code(2)), &["--as"]);
    let assert = check(&["--as", "demo:tool@1.1.0"]).code(1);
    assert_contains(&stderr(&assert), &["it needs the version `2.0.0`", "import function `log`: was added"]);
    check(&["--as", "demo:tool@2.0.0"]).success();
}

#[test]
fn check_warns_where_the_registry_lets_everything_pass() {
    let server = TestRegistry::start();
    server.publish_text(&package("1.0.0", OLD));
    let settings = NamespaceSettings { compatibility: CompatibilityRule::Relaxed };
    server.block_on(server.client().set_namespace("demo", &settings)).unwrap();
    let broken = folder("1.0.1", BROKEN);
    let assert = check(&server, broken.path(), &[]).success();
    assert_eq!(stdout(&assert), "demo:x@1.0.1 breaks demo:x@1.0.0 (breaking)\n");
    assert_contains(&stderr(&assert), &["warning:", "it needs the version `2.0.0`", "the registry lets it pass"]);
    assert_contains(
        &stderr(&assert),
        &["the namespace `demo` is relaxed", "  interface `i`, function `g`: was removed"],
    );
    let document = json(&check(&server, broken.path(), &["--json"]).success());
    assert_eq!((&document["passes"], document["broken"].as_array().unwrap().len()), (&true.into(), 2));
}

#[test]
fn check_knows_what_publishing_would_refuse_besides() {
    let server = TestRegistry::without_namespaces();
    let folder = tempfile::tempdir().unwrap();
    let user = "package demo:y@1.0.0;\ninterface j { use demo:x/i@1.0.0.{t}; f: func(t: t); }\n";
    let used = "package demo:x@1.0.0;\ninterface i { type t = u32; }\n";
    write_files(folder.path(), &[("wit/y.wit", user), ("wit/deps/x.wit", used)]);
    let document = json(&check(&server, folder.path(), &["--json"]).code(1));
    let codes: Vec<&str> =
        document["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect();
    assert_eq!((&document["passes"], codes), (&false.into(), vec!["missing_dependencies", "namespace_not_claimed"]));
    let text = stderr(&check(&server, folder.path(), &[]).code(1));
    assert_contains(
        &text,
        &["refused for 2 reasons", "demo:x@1.0.0", "nobody owns the namespace `demo` yet", "hint: "],
    );
    let text = stderr(&check(&server, folder.path(), &["--with-deps"]).code(1));
    assert_contains(&text, &["error: nobody owns the namespace `demo` yet", "registry namespace claim demo"]);

    server.block_on(server.client().claim_namespace("demo")).unwrap();
    check(&server, folder.path(), &["--with-deps"]).success();
    let mut anonymous = registry_at(&server, folder.path());
    anonymous.env_remove("REGISTRY_TOKEN");
    let assert = anonymous.args(["check", "wit", "--with-deps"]).assert().success();
    assert_contains(&stderr(&assert), &["there is no token to ask whether `demo` is yours"]);
    let create = ["token", "create", "--account", "bob", "--scope", "yank,admin"];
    let token = stdout(&registry_at(&server, folder.path()).args(create).assert().success());
    let mut foreign = registry_at(&server, folder.path());
    foreign.env("REGISTRY_TOKEN", token.trim());
    let text = stderr(&foreign.args(["check", "wit", "--with-deps"]).assert().code(1));
    assert_contains(&text, &["does not allow publishing", "`bob` does not own the namespace `demo`"]);

    registry_at(&server, folder.path()).args(["publish", "wit/deps/x.wit"]).assert().success();
    check(&server, folder.path(), &[]).success();
    write_files(folder.path(), &[("wit/deps/x.wit", &used.replace("u32", "u64"))]);
    let error = json_error(&check(&server, folder.path(), &["--json", "--with-deps"]).code(1));
    assert_eq!(error["code"], "release_bound");
}
