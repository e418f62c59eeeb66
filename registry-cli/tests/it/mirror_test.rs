//! `registry mirror`, from one real registry to another.

use crate::command::{assert_contains, json, json_error, published, registry_at, stderr, stdout};
use crate::support::proxy::answering;
use crate::support::registry::TestRegistry;
use std::sync::{Arc, Mutex};

#[test]
fn packages_are_copied_with_what_they_need_and_only_once() {
    let (source, folder, hash) = published();
    let target = TestRegistry::start();
    let mirror = || {
        let mut command = registry_at(&target, folder.path());
        command.args(["mirror", "test:main@*", "--from", source.url()]);
        command
    };
    let first = mirror().assert().success();
    let names = ["test:types@1.0.0", "test:shapes@1.0.0", "test:main@1.0.0"];
    let shown: Vec<String> = stdout(&first).lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(shown, names);
    assert_contains(&stderr(&first), &["Copied", "test:shapes@1.0.0"]);
    let again = json(&mirror().arg("--json").assert().success());
    assert_eq!(
        again,
        serde_json::json!({
            "mirrored": [{ "kind": "package", "name": "test:main@1.0.0", "hash": hash, "created": false }]
        })
    );
    registry_at(&target, folder.path()).args(["verify", "test:main@1.0.0"]).assert().success();
}

#[test]
fn the_other_registry_is_named_by_to_as_well() {
    let (source, folder, _) = published();
    let target = TestRegistry::start();
    let arguments = ["mirror", "test:types", "--from", source.url(), "--to", target.url()];
    let mut command = registry_at(&source, folder.path());
    command.env("REGISTRY_TOKEN", target.token()).args(arguments).assert().success();
    registry_at(&target, folder.path()).args(["show", "test:types"]).assert().success();
}

#[test]
fn what_cannot_be_copied_is_explained() {
    let (source, folder, _) = published();
    let target = TestRegistry::start();
    let fail = |arguments: &[&str], code: i32| {
        let mut command = registry_at(&target, folder.path());
        json_error(&command.arg("mirror").args(arguments).arg("--json").assert().code(code))
    };
    let unknown = fail(&["test:nothing", "--from", source.url()], 1);
    assert_eq!(unknown["code"], "not_found");
    assert!(unknown["message"].as_str().unwrap().contains(source.url()), "{unknown}");
    assert_eq!(fail(&["test:main", "--from", target.url()], 2)["code"], "usage");
    assert_eq!(fail(&["test:main"], 2)["code"], "usage");
    assert_eq!(fail(&["--from", source.url()], 2)["code"], "usage");
    assert_eq!(fail(&["test:main@1.*", "--from", source.url()], 2)["code"], "usage");
    assert_eq!(fail(&["p2:w00@*", "--from", source.url()], 2)["code"], "usage");
}

#[test]
fn namespaces_are_claimed_only_when_that_is_wanted() {
    let (source, target) = (TestRegistry::start(), TestRegistry::start());
    let folder = tempfile::tempdir().unwrap();
    source.block_on(source.client().claim_namespace("copy")).unwrap();
    source.publish_text("package copy:types@1.0.0;\ninterface types { record point { x: s32, y: s32 } }");
    let mirror = || {
        let mut command = registry_at(&target, folder.path());
        command.args(["mirror", "copy:types", "--from", source.url()]);
        command
    };
    let refused = mirror().assert().code(1);
    assert_contains(&stderr(&refused), &["nobody owns `copy`", "hint:", "registry namespace claim copy", "--claim"]);
    let claimed = mirror().arg("--claim").assert().success();
    assert_contains(&stderr(&claimed), &["Claimed", "`copy`", "Copied"]);
}

#[test]
fn what_was_copied_before_a_refusal_is_printed_with_what_helps() {
    let (source, target) = (TestRegistry::start(), TestRegistry::start());
    let folder = tempfile::tempdir().unwrap();
    let publish = |server: &TestRegistry, name: &str, version: &str, item: &str| {
        server.publish_text(&format!("package test:{name}@{version};\ninterface i {{ {item}: func(); }}"));
    };
    publish(&source, "fine", "1.0.0", "f");
    publish(&source, "broken", "1.0.1", "g");
    publish(&target, "broken", "1.0.0", "f");
    let mirror = |more: &[&str]| {
        let mut command = registry_at(&target, folder.path());
        command.args(["mirror", "test:fine", "test:broken", "--from", source.url()]).args(more).assert().code(1)
    };
    let first = mirror(&["--json"]);
    assert_eq!(json(&first)["mirrored"][0]["name"], "test:fine@1.0.0");
    let error = json_error(&first);
    let hint = format!("`registry namespace set test --compatibility relaxed --registry {}", target.url());
    assert_eq!(error["code"], "incompatible");
    assert!(error["hint"].as_str().unwrap().contains(&hint), "{error}");
    assert_contains(&stdout(&mirror(&[])), &["test:fine@1.0.0"]);

    let mut command = registry_at(&target, folder.path());
    command.env_remove("REGISTRY_TOKEN").args(["mirror", "test:broken", "--from", source.url(), "--json"]);
    let error = json_error(&command.assert().code(1));
    assert_eq!(error["code"], "token_required");
    assert!(error["hint"].as_str().unwrap().contains("`registry login --registry http://"), "{error}");
}

#[test]
fn the_token_of_the_target_is_never_sent_to_the_source() {
    let target = TestRegistry::start();
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let requests = Arc::clone(&seen);
    let source = answering(move |request| {
        requests.lock().unwrap().push_str(&String::from_utf8_lossy(request).to_lowercase());
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
    });
    let mut command = registry_at(&target, folder.path());
    command.env("REGISTRY_TOKEN", target.token()).args(["mirror", "test:main", "--from", &source]);
    command.assert().code(1);
    let seen = seen.lock().unwrap();
    assert!(seen.contains("get /v1/releases/test/main"), "{seen}");
    assert!(!seen.contains("authorization") && !seen.contains(target.token()), "{seen}");
}
