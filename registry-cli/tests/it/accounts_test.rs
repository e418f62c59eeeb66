//! Accounts, tokens, namespaces and release states, as people use them.

use crate::command::{TYPES, assert_contains, json, json_error, project, registry_at, stderr, stdout};
use crate::support::registry::TestRegistry;
use crate::support::write_files;
use assert_cmd::Command;
use serde_json::json as document;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// A registry, and a folder with the package `test:main` and what it needs.
struct World {
    server: TestRegistry,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self { server: TestRegistry::without_namespaces(), folder: project() }
    }

    /// The command of somebody with this token.
    fn with(&self, token: &str) -> Command {
        let mut command = registry_at(&self.server, self.folder.path());
        command.env("REGISTRY_TOKEN", token);
        command
    }

    /// The command of somebody without a token.
    fn anonymous(&self) -> Command {
        let mut command = registry_at(&self.server, self.folder.path());
        command.env_remove("REGISTRY_TOKEN");
        command
    }

    fn admin(&self) -> Command {
        self.with(self.server.token())
    }

    /// A new token for an account, made by the administrator.
    fn token(&self, account: &str, scopes: &str, more: &[&str]) -> String {
        let mut command = self.admin();
        command.args(["token", "create", "--account", account, "--scope", scopes]).args(more);
        stdout(&command.assert().success()).trim().to_owned()
    }

    /// A new user who owns the namespace `test`.
    fn owner(&self) -> String {
        let token = self.token("ann", "publish,yank,admin", &[]);
        self.with(&token).args(["namespace", "claim", "test"]).assert().success();
        token
    }
}

const ALL: &str = "publish,yank,admin";

fn code(command: &mut Command) -> String {
    json_error(&command.arg("--json").assert().code(1))["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_user_gets_a_token_claims_a_namespace_and_publishes() {
    let world = World::new();
    let ann = world.token("ann", ALL, &["--description", "laptop"]);
    assert!(ann.starts_with("regt_") && ann.len() == 69, "the token alone is printed");
    let assert = world.with(&ann).args(["namespace", "claim", "test"]).assert().success();
    assert_contains(&stderr(&assert), &["Claimed `test`"]);
    let assert = world.with(&ann).args(["namespace", "claim", "test"]).assert().success();
    assert_contains(&stderr(&assert), &["Unchanged `test` is yours already"]);
    world.with(&ann).args(["publish", "wit", "--with-deps"]).assert().success();

    let whoami = json(&world.with(&ann).args(["whoami", "--json"]).assert().success());
    assert_eq!((&whoami["account"], &whoami["operator"]), (&document!("ann"), &document!(false)));
    assert_eq!((&whoami["namespaces"], &whoami["token"]["description"]), (&document!(["test"]), &document!("laptop")));
    let shown = json(&world.anonymous().args(["namespace", "show", "test", "--json"]).assert().success());
    assert_eq!((&shown["owners"], &shown["compatibility"]), (&document!(["ann"]), &document!("enforced")));
    let list = stdout(&world.anonymous().args(["namespace", "list"]).assert().success());
    assert_contains(&list, &["NAMESPACE", "test", "ann", "enforced"]);
    let assert = world.anonymous().args(["namespace", "show", "nobody"]).assert().code(1);
    assert_contains(&stderr(&assert), &["nobody owns `nobody`", "registry namespace claim nobody"]);
}

#[test]
fn publishing_needs_a_token_and_the_namespace_before_anything_is_sent() {
    let world = World::new();
    let publish =
        |mut command: Command, more: &[&str]| command.args(["publish", "wit", "--with-deps"]).args(more).assert();
    let assert = publish(world.anonymous(), &[]).code(1);
    assert_contains(&stderr(&assert), &["error: ", "hint: ", "registry login"]);

    let (ann, bob) = (world.token("ann", ALL, &[]), world.token("bob", ALL, &[]));
    let assert = publish(world.with(&ann), &[]).code(1);
    assert_contains(&stderr(&assert), &["nobody owns the namespace `test` yet; nothing was sent"]);
    assert_contains(&stderr(&assert), &["hint: `registry namespace claim test`, or publish with `--claim`"]);
    assert_eq!(code(world.with(&ann).args(["publish", "wit", "--with-deps"])), "namespace_not_claimed");
    world.anonymous().args(["show", "test:types"]).assert().code(1);

    let assert = publish(world.with(&ann), &["--claim"]).success();
    assert_contains(&stderr(&assert), &["Claimed `test` for `ann`", "Published"]);
    publish(world.with(&bob), &[]).success();
    write_files(world.folder.path(), &[("wit/deps/types.wit", &TYPES.replace("1.0.0", "1.1.0"))]);
    let assert = world.with(&bob).args(["publish", "wit/deps/types.wit", "--claim"]).assert().code(1);
    assert_contains(&stderr(&assert), &["`bob` does not own the namespace `test`, but `ann`; nothing was sent"]);
    assert_contains(&stderr(&assert), &["hint: an owner can let you: `registry namespace owner add test bob`"]);
    assert_eq!(code(world.with(&bob).args(["publish", "wit/deps/types.wit"])), "forbidden");

    world.with(&ann).args(["namespace", "owner", "add", "test", "bob"]).assert().success();
    world.with(&bob).args(["publish", "wit/deps/types.wit"]).assert().success();
}

#[test]
fn owners_come_and_go_but_one_stays() {
    let world = World::new();
    let ann = world.owner();
    let owner = |token: &str, action: &str, account: &str| {
        let mut command = world.with(token);
        command.args(["namespace", "owner", action, "test", account]);
        command
    };
    assert_eq!(code(&mut owner(&ann, "add", "nobody")), "unknown_account");
    assert_eq!(code(&mut owner(&ann, "remove", "ann")), "last_owner");
    let bob = world.token("bob", ALL, &[]);
    assert_eq!(code(&mut owner(&bob, "add", "bob")), "forbidden");
    let assert = owner(&ann, "add", "bob").assert().success();
    assert_contains(&stderr(&assert), &["`test` is owned by ann, bob"]);
    let left = json(&owner(&bob, "remove", "ann").arg("--json").assert().success());
    assert_eq!(left["owners"], document!(["bob"]));
    assert_eq!(code(&mut owner(&ann, "add", "ann")), "forbidden");
    assert_eq!(code(world.with(&ann).args(["namespace", "claim", "test"])), "namespace_taken");
}

#[test]
fn only_an_operator_relaxes_compatibility() {
    let world = World::new();
    let ann = world.owner();
    let arguments = ["namespace", "set", "test", "--compatibility", "relaxed"];
    assert_eq!(code(world.with(&ann).args(arguments)), "forbidden");
    let assert = world.admin().args(arguments).assert().success();
    assert_contains(&stderr(&assert), &["compatibility in `test` is relaxed"]);
    let list = stdout(&world.anonymous().args(["namespace", "show", "test"]).assert().success());
    assert_contains(&list, &["relaxed"]);
    world.admin().args(["namespace", "set", "test", "--compatibility", "loose"]).assert().code(2);
}

#[test]
fn a_token_is_shown_once_listed_without_its_secret_and_revoked_by_its_id() {
    let world = World::new();
    let ann = world.owner();
    let mut command = world.with(&ann);
    let created = command.args(["token", "create", "--scope", "yank", "--description", "robot", "--expires", "90d"]);
    let created = json(&created.arg("--json").assert().success());
    let (secret, id) = (created["token"].as_str().unwrap(), created["id"].as_str().unwrap());
    assert_eq!(created["scopes"], document!(["yank"]));
    let list = stdout(&world.with(&ann).args(["token", "list"]).assert().success());
    assert_contains(&list, &["ID", "STATE", id, "robot", "yank", "good", "never"]);
    assert!(!list.contains("regt_"), "{list}");

    assert_contains(&stdout(&world.with(secret).arg("whoami").assert().success()), &["allows yank, until 20"]);
    assert_eq!(code(world.with(secret).args(["token", "list"])), "forbidden");
    let assert = world.with(&ann).args(["token", "revoke", secret]).assert().code(2);
    assert_contains(&stderr(&assert), &["that is a token itself", "it was not sent", "registry token list"]);
    assert!(!stderr(&assert).contains(secret), "a secret is not repeated");
    world.with(secret).arg("whoami").assert().success();
    let assert = world.with(&ann).args(["token", "revoke", &id[..8]]).assert().success();
    assert_contains(&stderr(&assert), &[id]);
    let assert = world.with(secret).arg("whoami").assert().code(1);
    assert_contains(&stderr(&assert), &["revoked", "hint: "]);
    let list = stdout(&world.with(&ann).args(["token", "list"]).assert().success());
    assert_contains(&list, &["revoked"]);
    assert_eq!(code(world.with(&ann).args(["token", "revoke", "0000"])), "not_found");
    assert_eq!(code(world.with(&ann).args(["token", "list", "--account", "admin"])), "forbidden");
    let list = stdout(&world.admin().args(["token", "list", "--account", "ann"]).assert().success());
    assert_contains(&list, &[id]);
}

#[test]
fn an_expired_token_is_refused_with_the_reason() {
    let world = World::new();
    let token = world.token("ann", "publish", &["--expires", "1s"]);
    thread::sleep(Duration::from_millis(1500));
    let assert = world.with(&token).arg("whoami").assert().code(1);
    assert_contains(&stderr(&assert), &["expired", "hint: "]);
    assert_eq!(code(world.with(&token).arg("whoami")), "token_invalid");
    let list = stdout(&world.admin().args(["token", "list", "--account", "ann"]).assert().success());
    assert_contains(&list, &["expired"]);
    for expiry in ["soon", "-", "90", "0d", "2020-01-01T00:00:00Z", "2026-13-01T00:00:00Z"] {
        let mut command = world.admin();
        command.args(["token", "create", "--scope", "publish", "--expires", expiry]).assert().code(2);
    }
}

#[test]
fn a_token_that_ends_makes_tokens_that_end_with_it_and_one_without_admin_makes_none() {
    let world = World::new();
    let ending = world.token("ann", "admin", &["--expires", "1d"]);
    let create = ["token", "create", "--scope", "admin", "--json"];
    let created = json(&world.with(&ending).args(create).assert().success());
    let maker = json(&world.with(&ending).args(["whoami", "--json"]).assert().success());
    assert_eq!(created["expires_at"], maker["token"]["expires_at"]);
    assert!(created["expires_at"].is_string());
    let publisher = world.token("ann", "publish", &[]);
    let error = json_error(&world.with(&publisher).args(create).assert().code(1));
    assert_eq!(error["code"], "forbidden");
    assert_contains(error["hint"].as_str().unwrap(), &["registry login", "token create --account ann"]);
    let assert = world.with(&ending).args(["token", "revoke", "0000"]).assert().code(1);
    assert_contains(&stderr(&assert), &["there is no token whose id is `0000`", "hint: `registry token list`"]);
}

#[test]
fn a_token_does_no_more_than_it_is_for() {
    let world = World::new();
    let ann = world.owner();
    let narrow = |arguments: &[&str]| {
        let mut command = world.with(&ann);
        stdout(&command.args(["token", "create"]).args(arguments).assert().success()).trim().to_owned()
    };
    let (publisher, elsewhere) =
        (narrow(&["--scope", "publish"]), narrow(&["--scope", "publish,admin", "--namespace", "other"]));
    world.with(&publisher).args(["publish", "wit/deps/types.wit"]).assert().success();
    assert_eq!(code(world.with(&publisher).args(["yank", "test:types@1.0.0", "--reason", "x"])), "forbidden");
    assert_eq!(code(world.with(&publisher).args(["namespace", "claim", "more"])), "forbidden");
    write_files(world.folder.path(), &[("types.wit", &TYPES.replace("1.0.0", "1.1.0"))]);
    assert_eq!(code(world.with(&elsewhere).args(["publish", "types.wit"])), "forbidden");
    let wide = ["token", "create", "--scope", "publish"];
    assert_eq!(code(world.with(&elsewhere).args(wide)), "forbidden");
    let unknown = format!("regt_{}", "0".repeat(64));
    assert_eq!(code(world.with(&unknown).arg("whoami")), "token_invalid");
}

#[test]
fn a_yanked_release_is_hidden_from_the_newest_and_there_for_those_who_name_it() {
    let world = World::new();
    let ann = world.owner();
    for version in ["1.0.0", "1.1.0"] {
        write_files(world.folder.path(), &[("types.wit", &TYPES.replace("1.0.0", version))]);
        world.with(&ann).args(["publish", "types.wit"]).assert().success();
    }
    let newest = || json(&world.anonymous().args(["show", "test:types", "--json"]).assert().success())["name"].clone();
    assert_eq!(newest(), "test:types@1.1.0");
    let bob = world.token("bob", ALL, &[]);
    let yank = ["yank", "test:types@1.1.0", "--reason", "wrong unit"];
    assert_eq!(code(world.with(&bob).args(yank)), "forbidden");
    assert_eq!(code(world.anonymous().args(yank)), "token_required");
    let assert = world.with(&ann).args(yank).assert().success();
    assert_contains(&stderr(&assert), &["Yanked test:types@1.1.0"]);

    assert_eq!(newest(), "test:types@1.0.0");
    let assert = world.anonymous().args(["fetch", "test:types@1.1.0"]).assert().success();
    assert_contains(&stderr(&assert), &["warning: `test:types@1.1.0` is yanked: wrong unit"]);
    let list = stdout(&world.anonymous().args(["releases", "test:types"]).assert().success());
    let line = |version: &str| list.lines().find(|line| line.starts_with(version)).unwrap().to_owned();
    assert!(line("1.1.0").contains("yanked") && !line("1.0.0").contains("yanked"), "{list}");
    assert!(line("1.0.0").contains("package") && line("1.0.0").contains(" ann "), "{list}");

    world.with(&ann).args(["yank", "test:types@1.0.0", "--reason", "old"]).assert().success();
    let assert = world.anonymous().args(["fetch", "test:types"]).assert().code(1);
    assert_contains(&stderr(&assert), &["every release of `test:types` is yanked", "hint: ", "`test:types@1.1.0`"]);
    world.with(&ann).args(["unyank", "test:types@1.1.0"]).assert().success();
    assert_eq!(newest(), "test:types@1.1.0");
    assert_eq!(code(world.with(&ann).args(["yank", "test:types@9.9.9", "--reason", "x"])), "not_found");
    let assert = world.with(&ann).args(["yank", "test:types@1.1.0", "--reason", "\u{1b}[31m"]).assert().code(1);
    assert_contains(&stderr(&assert), &["error: the reason "]);
}

#[test]
fn who_uses_a_deprecated_release_is_told_where_to_go() {
    let world = World::new();
    let ann = world.owner();
    world.with(&ann).args(["publish", "wit/deps/types.wit"]).assert().success();
    let deprecate = ["deprecate", "test:types@1.0.0", "--message", "it is old", "--successor", "test:points@2.0.0"];
    world.with(&ann).args(deprecate).assert().success();
    let warning = "warning: `test:types@1.0.0` is deprecated: it is old; use `test:points@2.0.0`";
    for arguments in [&["show", "test:types"][..], &["tree", "test:types"], &["fetch", "test:types", "-o", "types"]] {
        assert_contains(&stderr(&world.anonymous().args(arguments).assert().success()), &[warning]);
    }
    let assert = world.with(&ann).args(["publish", "wit", "--with-deps"]).assert().success();
    assert_contains(&stderr(&assert), &[warning]);
    let published = json(&world.with(&ann).args(["publish", "wit", "--json"]).assert().success());
    assert_eq!(published["warnings"][0], warning.trim_start_matches("warning: "));
    world.with(&ann).args(["deprecate", "test:types@1.0.0", "--undo"]).assert().success();
    let assert = world.anonymous().args(["show", "test:types"]).assert().success();
    assert_eq!(stderr(&assert), "");
    for wrong in
        [&["deprecate", "test:types@1.0.0"][..], &["deprecate", "test:types@1.0.0", "--undo", "--message", "x"]]
    {
        world.with(&ann).args(wrong).assert().code(2);
    }
}

#[test]
fn a_single_user_needs_no_set_up() {
    let (world, share) = (World::new(), TempDir::new().unwrap());
    symlink(world.server.data(), share.path().join("registry-server")).unwrap();
    let alone = || {
        let mut command = world.anonymous();
        command.env("XDG_DATA_HOME", share.path());
        command
    };
    alone().args(["publish", "wit", "--with-deps", "--claim"]).assert().success();
    alone().args(["yank", "test:main@1.0.0", "--reason", "a mistake"]).assert().success();
    let whoami = json(&alone().args(["whoami", "--json"]).assert().success());
    assert_eq!((&whoami["account"], &whoami["operator"]), (&document!("admin"), &document!(true)));
    assert_eq!(whoami["namespaces"], document!(["test"]));
}

#[test]
fn login_and_logout_with_a_real_registry() {
    let world = World::new();
    let (ann, home) = (world.owner(), TempDir::new().unwrap());
    let at_home = || {
        let mut command = world.anonymous();
        command.env("XDG_CONFIG_HOME", home.path());
        command
    };
    at_home().arg("login").write_stdin(ann.as_str()).assert().success();
    at_home().args(["publish", "wit/deps/types.wit"]).assert().success();
    at_home().args(["logout", "--revoke"]).assert().success();
    assert_eq!(code(at_home().arg("whoami")), "token_required");
    assert_eq!(code(world.with(&ann).arg("whoami")), "token_invalid");
    // A login whose token was revoked elsewhere can still be left.
    let other = world.token("ann", "publish,admin", &[]);
    at_home().arg("login").write_stdin(other.as_str()).assert().success();
    world.with(&other).args(["logout"]).assert().success();
    let id = json(&world.with(&other).args(["whoami", "--json"]).assert().success())["token"]["id"].clone();
    world.admin().args(["token", "revoke", id.as_str().unwrap()]).assert().success();
    at_home().args(["logout", "--revoke"]).assert().success();
}
