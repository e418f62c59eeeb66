//! Search, and who uses what, in a real registry.

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, json_error, published, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use assert_cmd::Command;
use serde_json::json as document;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

struct Found {
    server: TestRegistry,
    folder: TempDir,
    main: String,
    component: String,
    sha256: String,
}

impl Found {
    /// `test:main` with what it needs, and a component `test:runner` that imports it.
    fn new() -> Self {
        let (server, folder, main) = published();
        let bytes = component(&[TYPES, SHAPES, MAIN]);
        let component = server.publish_component(&bytes, Some("test:runner@1.0.0")).to_string();
        Self { server, folder, main, component, sha256: hex::encode(Sha256::digest(&bytes)) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = registry_at(&self.server, self.folder.path());
        command.args(arguments);
        command
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        json(&self.command(arguments).arg("--json").assert().success())
    }

    fn names(&self, arguments: &[&str], list: &str) -> Vec<String> {
        let document = self.json(arguments);
        let items = document[list].as_array().unwrap().iter();
        items
            .map(|item| {
                let name = if item["name"].is_null() { &item["names"][0] } else { &item["name"] };
                let world = item["world"].as_str().map(|world| format!("/{world}")).unwrap_or_default();
                format!("{}{world}", name.as_str().unwrap())
            })
            .collect()
    }
}

#[test]
fn words_are_found_in_names_items_and_docs() {
    let found = Found::new();
    let search = |words: &[&str]| found.names(&[&["search"], words].concat(), "hits");
    assert_eq!(search(&["types"])[0], "test:types@1.0.0", "names come before items");
    assert_eq!(search(&["draw"]), ["test:shapes@1.0.0"], "a function");
    assert_eq!(search(&["point"]).len(), 3, "a type, where it is declared and where it is used");
    assert_eq!(search(&["place"]), ["test:types@1.0.0"], "a word of the docs");
    assert_eq!(search(&["TEST", "shap"])[0], "test:shapes@1.0.0");
    assert_eq!(search(&["test:runner"]), ["test:runner@1.0.0"]);
    assert_eq!(search(&["test", "--kind", "component"]), ["test:runner@1.0.0"]);
    assert_eq!(search(&["test"]).len(), 4);
    let assert = found.command(&["search", "test", "--limit", "2"]).assert().success();
    assert_eq!(stdout(&assert).lines().count(), 3, "a heading and two lines");
    assert_contains(&stderr(&assert), &["there are more"]);
    assert_eq!(found.json(&["search", "test", "--limit", "2"])["more"], true);
    assert_eq!(found.names(&["search", "test", "--limit", "all"], "hits").len(), 4);
    let table = stdout(&found.command(&["search", "types"]).assert().success());
    assert_contains(&table, &["NAME", "KIND", "test:types@1.0.0", "package"]);
    let assert = found.command(&["search", "nothinglikethis"]).assert().success();
    assert_eq!((stdout(&assert).as_str(), stderr(&assert).trim()), ("", "Found nothing"));
}

#[test]
fn hostile_searches_are_answered_or_refused_with_a_reason() {
    let found = Found::new();
    for words in ["*", "\"", "' OR 1=1 --", "NEAR(a b)", "test* AND", "%", "_", "\\", "日本", "(", "a:b:c", "\u{0}x"]
    {
        let mut command = found.command(&["search", "--json", "--"]);
        if words.contains('\0') {
            continue;
        }
        let output = command.arg(words).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{words}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("internal"), "{words}: {output:?}");
    }
    let long = "a".repeat(100_000);
    let assert = found.command(&["search", "--json", &long]).assert().code(1);
    assert_eq!(json_error(&assert)["code"], "limit_exceeded");
}

#[test]
fn importers_and_exporters_of_an_interface_are_listed() {
    let found = Found::new();
    let runner = "test:runner@1.0.0".to_owned();
    let importers = found.names(&["who-imports", "test:main/api"], "users");
    assert!(importers.contains(&runner) && importers.contains(&"test:main@1.0.0/w".to_owned()), "{importers:?}");
    assert!(found.names(&["who-imports", "test:types/types@1.0.0"], "users").contains(&runner));
    for absent in ["test:types/types@2.0.0", "test:nothing/types"] {
        let assert = found.command(&["who-imports", absent]).assert().code(1);
        assert_contains(&stderr(&assert), &["no such interface is published here", absent, "hint: `registry search"]);
    }
    assert!(found.names(&["who-exports", "test:main/api"], "users").is_empty());
    let shown = found.json(&["show", "test:main"]);
    let id = shown["interfaces"]["api"].as_str().unwrap();
    assert!(found.names(&["who-imports", id], "users").contains(&runner));
    let table = stdout(&found.command(&["who-imports", "test:main/api"]).assert().success());
    assert_contains(
        &table,
        &["NAME", "RELATION", "exact", "test:main/w@1.0.0", "test:main/api@1.0.0", &found.component],
    );
    for wrong in ["test:main", "api", "test:main/api/x", "test:main/api@1", &found.main] {
        found.command(&["who-imports", wrong]).assert().code(2);
    }
}

#[test]
fn dependents_are_packages_and_components() {
    let found = Found::new();
    let dependents = |spec: &str| found.names(&["dependents", spec], "dependents");
    let mut users = dependents("test:types");
    users.sort();
    assert_eq!(users, ["test:main@1.0.0", "test:runner@1.0.0", "test:shapes@1.0.0"]);
    assert!(dependents(&found.main).contains(&"test:runner@1.0.0".to_owned()));
    let assert = found.command(&["dependents", "test:runner"]).assert().code(2);
    assert_contains(&stderr(&assert), &["`test:runner` is a component"]);
}

#[test]
fn a_hash_its_beginning_or_a_sha256_is_identified() {
    let found = Found::new();
    let identify = |text: &str| found.json(&["identify", text])["matches"].clone();
    let package = document!([{"hash": found.main, "kind": "package", "names": ["test:main@1.0.0"]}]);
    for text in [&found.main[..], &found.main[..20], &found.main[4..24], &found.main[4..]] {
        assert_eq!(identify(text), package, "{text}");
    }
    let component = document!([{"hash": found.component, "kind": "component", "names": ["test:runner@1.0.0"]}]);
    for text in [&found.component[..12], &found.sha256] {
        assert_eq!(identify(text), component, "{text}");
    }
    let id = found.json(&["show", "test:main"])["interfaces"]["api"].as_str().unwrap().to_owned();
    let interface = document!([{"hash": id, "kind": "interface", "names": ["test:main/api@1.0.0"]}]);
    assert_eq!((identify(&id), identify(&id[..16])), (interface.clone(), interface));
    let table = stdout(&found.command(&["identify", &id]).assert().success());
    assert_contains(&table, &["KIND", "interface", "test:main/api@1.0.0", &id]);
    let assert = found.command(&["identify", "p2:w00000000"]).assert().code(1);
    assert_contains(&stderr(&assert), &["the registry has nothing whose hash begins with `p2:w00000000`", "hint: "]);
    for wrong in ["p2:w000", "1234567", "p2:z0000", "test:main", &"0".repeat(65)] {
        found.command(&["identify", wrong]).assert().code(2);
    }
}
