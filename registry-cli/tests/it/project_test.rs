//! `registry init`, `add`, `update`, `fetch` and `lock` in a project.

use crate::command::{assert_contains, json, json_error, registry_at, stderr, stdout};
use crate::support::registry::TestRegistry;
use crate::support::{read_files, wasi, write_files};
use assert_cmd::assert::Assert;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wit_parser::Resolve;

/// Nothing listens there, and nothing that a test starts ever will.
const NOWHERE: &str = "http://127.0.0.1:1";

fn run(server: &TestRegistry, folder: &Path, arguments: &[&str]) -> Assert {
    registry_at(server, folder).args(arguments).assert()
}

/// The command where no registry can be reached.
fn run_alone(server: &TestRegistry, folder: &Path, arguments: &[&str]) -> Assert {
    registry_at(server, folder).env("REGISTRY_URL", NOWHERE).args(arguments).assert()
}

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

fn paths(folder: &Path) -> Vec<String> {
    read_files(folder).into_iter().map(|(path, _)| path).collect()
}

/// `test:io` has a resource, `test:web` and `test:cli` need the `test:io` of their own version, `test:plain` needs nothing.
fn io(version: &str) -> String {
    format!("package test:io@{version};\ninterface streams {{ resource pipe; open: func() -> pipe; }}\n")
}

fn user(name: &str, version: &str, io: &str) -> String {
    format!(
        "package test:{name}@{version};\ninterface api {{ use test:io/streams@{io}.{{pipe}}; f: func(s: borrow<pipe>); }}\n"
    )
}

/// A registry with `test:io`, `test:web` and `test:cli`, each in the versions 1.0.0 and 1.1.0.
fn registry() -> TestRegistry {
    let server = TestRegistry::start();
    for version in ["1.0.0", "1.1.0"] {
        let folder = tempfile::tempdir().unwrap();
        for name in ["web", "cli"] {
            let own = format!("{name}/{name}.wit");
            let deps = format!("{name}/deps/io.wit");
            write_files(folder.path(), &[(&own, &user(name, version, version)), (&deps, &io(version))]);
            server.publish(&folder.path().join(name), None);
        }
    }
    server
}

fn project() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A project with these requirements.
fn project_with(requirements: &str) -> TempDir {
    let folder = project();
    write_files(folder.path(), &[("registry.toml", &format!("[dependencies]\n{requirements}"))]);
    folder
}

/// The versions that the lock answers the requirements with.
fn answers(folder: &Path) -> Vec<String> {
    let lock: toml::Table = read(folder, "registry.lock").parse().unwrap();
    let requirements = lock["requirement"].as_array().unwrap();
    let answer =
        |entry: &toml::Value| format!("{}@{}", entry["name"].as_str().unwrap(), entry["version"].as_str().unwrap());
    requirements.iter().map(answer).collect()
}

#[test]
fn a_project_from_nothing_to_a_build_without_a_registry() {
    let (server, folder) = (registry(), project());
    let folder = folder.path();
    write_files(folder, &[("wit/app.wit", "package my:app;\nworld app { import test:web/api@1.1.0; }\n")]);

    assert_eq!(stdout(&run(&server, folder, &["init"]).success()), "registry.toml\n");
    assert!(read(folder, "registry.toml").contains("\"test:web\" = \"1.1.0\""));
    assert_contains(&stderr(&run(&server, folder, &["init"]).code(1)), &["exists already", "hint: "]);

    let assert = run(&server, folder, &["add", "test:io@1"]).success();
    assert_contains(&stderr(&assert), &["Required test:io 1", "Added test:web 1.1.0", "all hashes verified"]);
    assert_eq!(stdout(&assert), "test:io 1.1.0\ntest:web 1.1.0\n");
    assert_eq!(answers(folder), ["test:io@1.1.0", "test:web@1.1.0"]);
    let deps = [".registry-files.toml", "test-io-1.1.0/package.wit", "test-web-1.1.0/package.wit"];
    assert_eq!(paths(&folder.join("wit/deps")), deps);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder.join("wit")).unwrap();
    resolve.select_world(&[package], Some("app")).unwrap();

    // From a folder inside, without a registry, with what is cached alone.
    fs::remove_dir_all(folder.join("wit/deps")).unwrap();
    let before = read(folder, "registry.lock");
    let assert = run_alone(&server, &folder.join("wit"), &["fetch", "--offline"]).success();
    assert!(stdout(&assert).trim().ends_with("wit/deps"));
    assert_eq!(paths(&folder.join("wit/deps")), deps);
    run_alone(&server, folder, &["fetch", "--locked"]).success();
    assert_eq!(stdout(&run_alone(&server, folder, &["lock", "--check"]).success()), "");
    assert_eq!(read(folder, "registry.lock"), before);
}

#[test]
fn the_lock_is_the_same_text_every_time_and_holds_the_whole_closure() {
    let (server, first, second) =
        (registry(), project_with("\"test:web\" = \"1\"\n\"test:cli\" = \"1.0\"\n"), project());
    run(&server, first.path(), &["lock"]).success();
    run(&server, second.path(), &["init"]).success();
    for requirement in ["test:cli@1.0", "test:web@1"] {
        run(&server, second.path(), &["add", requirement]).success();
    }
    let text = read(first.path(), "registry.lock");
    assert_eq!(text, read(second.path(), "registry.lock"));
    assert!(!first.path().join("wit").exists(), "`lock` fetches nothing into the project");
    let lock: toml::Table = text.parse().unwrap();
    assert_eq!(lock["version"].as_integer(), Some(1));
    let packages = lock["package"].as_array().unwrap();
    assert_eq!(packages.len(), 3);
    assert_eq!(packages[0]["dependencies"][0].as_str(), Some("test:io@1.1.0"));
    assert_eq!(packages[1]["hash"].as_str().unwrap().len(), "p2:w".len() + 64);
}

#[test]
fn a_range_gets_the_highest_version_in_it() {
    let server = TestRegistry::start();
    for version in ["0.2.0", "0.2.4", "0.2.12", "0.3.0-rc.1", "0.3.0-rc.2", "1.0.0"] {
        server.publish_text(&io(version));
    }
    let cases = [
        ("0.2", "0.2.12"),
        ("0.2.4", "0.2.12"),
        ("=0.2.4", "0.2.4"),
        (">=0.2.0, <0.2.10", "0.2.4"),
        ("~0.2.0", "0.2.12"),
        ("0.3.0-rc.1", "0.3.0-rc.2"),
        ("*", "1.0.0"),
    ];
    for (range, version) in cases {
        let folder = project_with(&format!("\"test:io\" = \"{range}\"\n"));
        run(&server, folder.path(), &["lock"]).success();
        assert_eq!(answers(folder.path()), [format!("test:io@{version}")], "{range}");
    }
    let folder = project_with("");
    run(&server, folder.path(), &["add", "test:io"]).success();
    assert!(read(folder.path(), "registry.toml").contains("\"test:io\" = \"1.0.0\""));
}

#[test]
fn what_nothing_satisfies_is_explained() {
    let server = TestRegistry::start();
    for version in ["0.2.0", "0.2.4", "0.3.0-rc.1"] {
        server.publish_text(&io(version));
    }
    let cases: [(&str, &[&str]); 4] = [
        (
            "test:io@^0.2.5",
            &["no release of `test:io` fits `^0.2.5`", "there are 0.2.4, 0.2.0, 0.3.0-rc.1", "nearest is 0.2.4"],
        ),
        ("test:io@0.3", &["fits `0.3`", "`registry add test:io@0.3.0-rc.1`"]),
        ("test:io@=9.0.0", &["fits `=9.0.0`", "hint: the nearest is 0.2.4"]),
        ("test:nothing@1", &["has no release of `test:nothing`", "hint: is the name right"]),
    ];
    for (requirement, parts) in cases {
        let folder = project_with("# Mine.\n");
        let before = read_files(folder.path());
        assert_contains(&stderr(&run(&server, folder.path(), &["add", requirement]).code(1)), parts);
        assert_eq!(read_files(folder.path()), before, "{requirement} changed something");
    }
    let usage = ["io", "test:io@", "test:io@latest", "test:io@0.2.0+build", "Test:io", "p2:io", "../a:b", "test:"];
    let folder = project_with("");
    for requirement in usage {
        run(&server, folder.path(), &["add", "--", requirement]).code(2);
    }
}

#[test]
fn one_version_of_each_package_comes_before_higher_ones() {
    let server = registry();
    server.publish_text(&io("1.2.0"));
    let cases: [(&str, &[&str], bool); 5] = [
        // The highest `test:io` fits nothing else.
        ("\"test:io\" = \"1\"\n\"test:web\" = \"1\"\n", &["test:io@1.1.0", "test:web@1.1.0"], false),
        // Two have to move together.
        (
            "\"test:cli\" = \"1\"\n\"test:io\" = \"=1.0.0\"\n\"test:web\" = \"1\"\n",
            &["test:cli@1.0.0", "test:io@1.0.0", "test:web@1.0.0"],
            false,
        ),
        ("\"test:io\" = \"1\"\n", &["test:io@1.2.0"], false),
        // Nothing helps; the resources of two versions are different types.
        ("\"test:io\" = \"=1.2.0\"\n\"test:web\" = \"1\"\n", &["test:io@1.2.0", "test:web@1.1.0"], true),
        ("\"test:cli\" = \"=1.0.0\"\n\"test:web\" = \"=1.1.0\"\n", &["test:cli@1.0.0", "test:web@1.1.0"], true),
    ];
    for (requirements, expected, warns) in cases {
        let folder = project_with(requirements);
        let text = stderr(&run(&server, folder.path(), &["lock"]).success());
        assert_eq!(answers(folder.path()), expected);
        assert_eq!(text.contains("stands here in 2 versions"), warns, "{text}");
        if warns {
            assert_contains(&text, &["warning: `test:io`", "`pipe`", "different types", "needed by `test:web@1.1.0`"]);
        }
    }
    let folder = project_with("\"test:io\" = \"1\"\n\"test:web\" = \"1\"\n");
    let text = stderr(&run(&server, folder.path(), &["lock"]).success());
    assert_contains(&text, &["Note `test:io@1.1.0` rather than 1.2.0"]);
}

#[test]
fn what_the_wit_refers_to_counts_until_it_is_updated() {
    let (server, folder) = (registry(), project_with("\"test:web\" = \"1\"\n"));
    let folder = folder.path();
    write_files(folder, &[("wit/app.wit", "package my:app;\nworld app { import test:web/api@1.0.0; }\n")]);
    run(&server, folder, &["fetch"]).success();
    assert_eq!(answers(folder), ["test:web@1.0.0"]);
    run(&server, folder, &["update"]).success();
    assert_eq!(answers(folder), ["test:web@1.1.0"]);
    assert!(read(folder, "wit/app.wit").contains("test:web/api@1.1.0"));
    let deps = [".registry-files.toml", "test-io-1.1.0/package.wit", "test-web-1.1.0/package.wit"];
    assert_eq!(paths(&folder.join("wit/deps")), deps, "what nothing needs any more is removed");
}

#[test]
fn only_update_moves_versions() {
    let server = TestRegistry::start();
    server.publish_text(&io("1.0.0"));
    server.publish_text(&io("1.1.0").replace("test:io", "test:other"));
    let folder = project_with("# Streams.\n\"test:io\" = \"1\" # the old ones\n");
    let folder = folder.path();
    run(&server, folder, &["fetch"]).success();
    server.publish_text(&io("1.1.0"));
    run(&server, folder, &["fetch"]).success();
    run(&server, folder, &["add", "test:other"]).success();
    assert_eq!(answers(folder), ["test:io@1.0.0", "test:other@1.1.0"]);
    let text = read(folder, "registry.toml");
    assert_eq!(text, "[dependencies]\n# Streams.\n\"test:io\" = \"1\" # the old ones\n\"test:other\" = \"1.1.0\"\n");

    let before = read_files(folder);
    let assert = run(&server, folder, &["update", "--dry-run"]).success();
    assert_eq!(stdout(&assert), "test:io 1.0.0 -> 1.1.0\n");
    assert_eq!(read_files(folder), before);
    run(&server, folder, &["update", "test:other"]).success();
    assert_eq!(answers(folder), ["test:io@1.0.0", "test:other@1.1.0"]);
    let document = json(&run(&server, folder, &["update", "test:io", "--json"]).success());
    assert_eq!(document["changes"][0]["to"][0], "1.1.0");
    assert_eq!(document["deps"]["removed"][0], "deps/test-io-1.0.0/package.wit");
    assert_eq!(answers(folder), ["test:io@1.1.0", "test:other@1.1.0"]);
    assert_contains(&stderr(&run(&server, folder, &["update"]).success()), &["Unchanged"]);
    assert_contains(&stderr(&run(&server, folder, &["update", "test:none"]).code(1)), &["not required", "hint: "]);

    // A range that changed keeps the version as long as that fits.
    write_files(folder, &[("registry.toml", "[dependencies]\n\"test:io\" = \"=1.1.0\"\n")]);
    assert_contains(
        &stderr(&run(&server, folder, &["fetch", "--locked"]).code(1)),
        &["`test:io@=1.1.0` is required and not in the lock", "hint: "],
    );
    run(&server, folder, &["fetch"]).success();
    assert_eq!(answers(folder), ["test:io@1.1.0"]);
    write_files(folder, &[("registry.toml", "[dependencies]\n\"test:io\" = \"=1.0.0\"\n")]);
    run(&server, folder, &["fetch"]).success();
    assert_eq!(answers(folder), ["test:io@1.0.0"]);
}

/// The packages of a folder that bring all others along.
fn publish_wasi(server: &TestRegistry, deps: &Path) {
    for name in ["cli", "http"] {
        // One file for each package, or in older versions one folder.
        let (file, folder) = (deps.join(format!("{name}.wit")), deps.join(name));
        server.publish(if folder.exists() { &folder } else { &file }, Some(deps));
    }
}

const APP: &str = "// Written against wasi:http/handler@0.2.4.
package my:app@0.2.4;

/// A proxy, as in wasi:http/proxy@0.2.4.
world app {
    use wasi:io/streams@0.2.4.{input-stream as body};
    include wasi:cli/imports@0.2.4;
    import wasi:http/types@0.2.4; /* not wasi:http/types@0.2.3 */
    export  wasi:http/incoming-handler@0.2.4;
}
";

#[test]
fn update_changes_the_versions_in_real_wit_and_nothing_else() {
    let (server, folder) = (TestRegistry::start(), project());
    let (folder, newest) = (folder.path(), "0.2.12");
    publish_wasi(&server, &wasi::old_deps());
    write_files(folder, &[("wit/app.wit", APP), ("wit/more.wit", "interface more { f: func(); }\r\n")]);
    run(&server, folder, &["init"]).success();
    run(&server, folder, &["fetch"]).success();
    assert_eq!(answers(folder), ["wasi:cli@0.2.4", "wasi:http@0.2.4", "wasi:io@0.2.4"]);

    publish_wasi(&server, &wasi::deps());
    let assert = run(&server, folder, &["update"]).success();
    let versions = format!("wasi:io 0.2.4 -> {newest}");
    assert_contains(
        &stdout(&assert),
        &[&versions, "wit/app.wit:6 wasi:io@0.2.4 -> ", "wit/app.wit:9 wasi:http@0.2.4 -> "],
    );
    let expected: String = APP
        .lines()
        .map(|line| match line.trim_start().split(' ').next() {
            Some("use" | "include" | "export") => line.replace("0.2.4", newest) + "\n",
            Some("import") => line.replacen("0.2.4", newest, 1) + "\n",
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(read(folder, "wit/app.wit"), expected);
    assert_eq!(read(folder, "wit/more.wit"), "interface more { f: func(); }\r\n");
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(folder.join("wit")).unwrap();
    resolve.select_world(&[package], Some("app")).unwrap();
    run_alone(&server, folder, &["lock", "--check"]).success();
}

#[test]
fn wit_that_cannot_be_written_leaves_everything_as_it_was() {
    let (server, folder) = (registry(), project_with("\"test:web\" = \"1\"\n"));
    let folder = folder.path();
    write_files(folder, &[("wit/a.wit", "package my:app;\nworld a { import test:web/api@1.0.0; }\n")]);
    run(&server, folder, &["fetch"]).success();
    // The lock comes after the WIT, and a folder in its place cannot be replaced.
    let lock = read(folder, "registry.lock");
    fs::remove_file(folder.join("registry.lock")).unwrap();
    fs::create_dir(folder.join("registry.lock")).unwrap();
    let before = read_files(folder);
    assert_contains(&stderr(&run(&server, folder, &["update"]).code(1)), &["registry.lock"]);
    assert_eq!(read_files(folder), before);
    fs::remove_dir(folder.join("registry.lock")).unwrap();
    write_files(folder, &[("registry.lock", &lock)]);
    run(&server, folder, &["update"]).success();
}

#[test]
fn an_edited_lock_is_noticed() {
    let (server, folder) = (registry(), project_with("\"test:cli\" = \"1\"\n\"test:web\" = \"=1.0.0\"\n"));
    let folder = folder.path();
    write_files(folder, &[("registry.toml", "[dependencies]\n\"test:cli\" = \"=1.1.0\"\n\"test:web\" = \"=1.0.0\"\n")]);
    run(&server, folder, &["fetch"]).success();
    let lock = read(folder, "registry.lock");
    let hash = |name: &str, version: &str| {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\nhash = \"");
        lock.split(&entry).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let (old, new, web) = (hash("test:io", "1.0.0"), hash("test:io", "1.1.0"), hash("test:web", "1.0.0"));
    let swapped = |left: &str, right: &str| lock.replace(left, "?").replace(right, left).replace('?', right);
    let entry = format!("\n[[package]]\nname = \"test:io\"\nversion = \"1.0.0\"\nhash = \"{old}\"\n");
    let cases: [(&str, String, &[&str]); 10] = [
        ("two hashes", swapped(&old, &new), &["`test:io@1.", &old, &new]),
        (
            "another hash of a root",
            lock.replace(&web, &old),
            &["`test:web@1.0.0`", &old, "which is the hash of `test:io@1.0.0`"],
        ),
        ("an unknown hash", lock.replace(&web, &web.replace(&web[4..8], "0000")), &["test:web@1.0.0", "p2:w0000"]),
        (
            "a version",
            lock.replace("\"test:io@1.0.0\"", "\"test:io@1.1.0\""),
            &["test:io@1.0.0", "nothing in it needs"],
        ),
        (
            "a missing dependency",
            lock.replace("dependencies = [\n    \"test:io@1.0.0\",\n]\n", ""),
            &["nothing in it needs `test:io@1.0.0`"],
        ),
        (
            "a missing package",
            lock.replace(&entry, ""),
            &["`test:io@1.0.0`, which `test:web@1.0.0` depends on, is missing"],
        ),
        ("a package twice", format!("{lock}{entry}"), &["`test:io@1.0.0` stands in it twice"]),
        (
            "an answer out of range",
            lock.replacen("version = \"1.0.0\"", "version = \"1.1.0\"", 1),
            &["answers the requirement `test:web` of `=1.0.0` with 1.1.0"],
        ),
        ("a merge conflict", format!("<<<<<<< ours\n{lock}=======\n>>>>>>> theirs\n"), &["merge conflict"]),
        ("another form", lock.replace("version = 1\n", "version = 2\n"), &["form 2"]),
    ];
    for (what, text, parts) in cases {
        assert_ne!(text, lock, "{what}");
        write_files(folder, &[("registry.lock", &text)]);
        for arguments in [&["fetch"][..], &["fetch", "--locked"], &["fetch", "--offline"]] {
            let assert = run(&server, folder, arguments).code(1);
            assert_contains(&stderr(&assert), parts);
            assert_contains(&stderr(&assert), &["hint: "]);
            assert_eq!(read(folder, "registry.lock"), text, "{what}");
        }
        let check = run_alone(&server, folder, &["lock", "--check"]).code(1);
        assert!(!stderr(&check).is_empty(), "{what}");
    }
    write_files(folder, &[("registry.lock", &lock)]);
    run(&server, folder, &["fetch", "--locked"]).success();
    run_alone(&server, folder, &["lock", "--check"]).success();
}

#[test]
fn locked_neither_makes_nor_changes_a_lock() {
    let (server, folder) = (registry(), project_with("\"test:io\" = \"1\"\n"));
    let folder = folder.path();
    for arguments in [&["fetch", "--locked"][..], &["fetch", "--offline"], &["lock", "--check"]] {
        let text = stderr(&run(&server, folder, arguments).code(1));
        assert_contains(&text, &["there is no `registry.lock`", "hint: `registry lock`"]);
    }
    run(&server, folder, &["lock"]).success();
    run(&server, folder, &["fetch", "--locked"]).success();
    write_files(folder, &[("registry.toml", "[dependencies]\n\"test:web\" = \"1\"\n")]);
    let before = read_files(folder);
    for arguments in [&["fetch", "--locked"][..], &["fetch", "--offline"], &["lock", "--check"]] {
        let assert = run(&server, folder, arguments).code(1);
        let text = stdout(&assert) + &stderr(&assert);
        assert_contains(
            &text,
            &["`test:web@1` is required and not in the lock", "`test:io@1` is in the lock and no longer required"],
        );
    }
    assert_eq!(read_files(folder), before);
    let error = json_error(&run(&server, folder, &["fetch", "--locked", "--json"]).code(1));
    assert_eq!(error["code"], "lock_outdated");
}

#[test]
fn a_changed_file_is_an_error_with_both_hashes() {
    let (server, folder) = (registry(), project_with("\"test:web\" = \"1\"\n"));
    let folder = folder.path();
    run(&server, folder, &["fetch"]).success();
    let path = "wit/deps/test-io-1.1.0/package.wit";
    let text = read(folder, path);
    write_files(folder, &[(path, &text.replace("open", "shut"))]);
    for arguments in [&["fetch"][..], &["fetch", "--locked"], &["fetch", "--offline"]] {
        let text = stderr(&run(&server, folder, arguments).code(1));
        assert_contains(&text, &[path, "was changed since it was fetched", "its sha256 was ", " and is ", "--force"]);
    }
    let check = stdout(&run_alone(&server, folder, &["lock", "--check"]).code(1));
    assert_contains(&check, &["`test:io@1.1.0` has the hash p2:w", "and the lock says p2:w", "sha256"]);
    // A blank changes no hash of a package, and is a change all the same.
    write_files(folder, &[(path, &format!("{text} "))]);
    run(&server, folder, &["fetch", "--locked"]).code(1);
    run_alone(&server, folder, &["lock", "--check"]).code(1);
    run(&server, folder, &["fetch", "--force"]).success();
    assert_eq!(read(folder, path), text);
    // Nobody else's file may make another package of a fetched one.
    write_files(folder, &[("wit/deps/test-io-1.1.0/more.wit", "interface more { f: func(); }\n")]);
    let text = stderr(&run(&server, folder, &["fetch", "--locked"]).code(1));
    assert_contains(&text, &["`test:io@1.1.0` has the hash p2:w", "and the lock says p2:w"]);
}

#[test]
fn what_somebody_else_put_into_deps_is_never_touched() {
    let (server, folder) = (registry(), project_with("\"test:web\" = \"1\"\n"));
    let folder = folder.path();
    let own = [
        ("wit/deps/mine/mine.wit", "package my:mine@1.0.0;\ninterface i { f: func(); }\n"),
        ("wit/deps/notes.md", "Mine.\n"),
        ("wit/app.wit", "package my:app;\nworld w { import my:mine/i@1.0.0; import test:web/api@1.1.0; }\n"),
    ];
    write_files(folder, &own);
    let assert = run(&server, folder, &["fetch"]).success();
    let text = stderr(&assert);
    assert!(!text.contains("warning:"), "a package in the project's folder is no requirement: {text}");
    write_files(folder, &[("registry.toml", "[dependencies]\n"), ("wit/deps/test-io-1.1.0/mine.txt", "Mine.\n")]);
    run(&server, folder, &["fetch"]).success();
    let left = [".registry-files.toml", "mine/mine.wit", "notes.md", "test-io-1.1.0/mine.txt"];
    assert_eq!(paths(&folder.join("wit/deps")), left);

    // The same package from somewhere else stays; another one of the same name is an error.
    let io = io("1.1.0");
    write_files(
        folder,
        &[
            ("registry.toml", "[dependencies]\n\"test:web\" = \"1\"\n"),
            ("wit/deps/io.wit", &format!("{io}// Copied.\n")),
        ],
    );
    let document = json(&run(&server, folder, &["fetch", "--json"]).success());
    assert_eq!(document["deps"]["found"][0], "test:io@1.1.0");
    assert!(read(folder, "wit/deps/io.wit").ends_with("// Copied.\n"));
    run_alone(&server, folder, &["lock", "--check"]).success();
    write_files(folder, &[("wit/deps/io.wit", &io.replace("open", "shut"))]);
    for arguments in [&["fetch"][..], &["fetch", "--force"]] {
        let text = stderr(&run(&server, folder, arguments).code(1));
        assert_contains(
            &text,
            &["wit/deps/io.wit` holds another `test:io@1.1.0`", "its hash is p2:w", "that of the lock p2:w"],
        );
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_written_through_links() {
    use std::os::unix::fs::symlink;
    let server = registry();
    let outside = tempfile::tempdir().unwrap();
    write_files(outside.path(), &[("precious", "mine")]);
    for link in ["wit/deps", "wit/deps/test-io-1.1.0", "wit/deps/test-io-1.1.0/package.wit"] {
        let folder = project_with("\"test:io\" = \"1.1.0\"");
        let link = folder.path().join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let is_file = link.ends_with("package.wit");
        symlink(if is_file { outside.path().join("precious") } else { outside.path().to_owned() }, &link).unwrap();
        for arguments in [&["fetch"][..], &["fetch", "--force"]] {
            let error = stderr(&run(&server, folder.path(), arguments).code(1));
            assert_contains(&error, &["is a symbolic link", "hint: remove the link"]);
        }
        assert_eq!(read_files(outside.path()), [("precious".to_owned(), b"mine".to_vec())]);
    }
}

#[test]
fn what_the_wit_needs_and_nobody_requires_is_said() {
    let (server, folder) = (registry(), project_with("\"test:io\" = \"=1.1.0\"\n\"test:cli\" = \"1.1.0\"\n"));
    let folder = folder.path();
    let app = "package my:app;\nworld w {\n  import test:io/streams@1.0.0;\n  import test:web/api@1.0.0;\n}\n";
    write_files(folder, &[("wit/app.wit", app)]);
    let text = stderr(&run(&server, folder, &["fetch"]).success());
    let problems = [
        "wit/app.wit:3 refers to `test:io@1.0.0`, and 1.1.0 is locked: `registry update test:io`",
        "wit/app.wit:4 refers to `test:web@1.0.0`, which is not required: `registry add test:web@1.0.0`",
    ];
    assert_contains(&text, &problems);
    assert_contains(&text, &["Note `test:cli` is required, and the project's own WIT does not refer to it"]);
    assert_contains(&stdout(&run_alone(&server, folder, &["lock", "--check"]).code(1)), &problems);
}

#[test]
fn requirements_that_are_none_are_told_with_their_place() {
    let (server, folder) = (registry(), project());
    let cases: [(&str, &[&str]); 8] = [
        ("[dependencies]\n\"test:io\" = 1\n", &["`test:io`", "write a range in quotes"]),
        ("[dependencies]\n\"test:io\" = \"newest\"\n", &["`test:io`", "`newest` is not a range", "`0.2.4`"]),
        ("[dependencies]\n\"io\" = \"1\"\n", &["`io` is not the name of a package"]),
        ("[dependencies]\n\"p2:io\" = \"1\"\n", &["`p2` is reserved"]),
        ("[dependency]\n", &["unknown field `dependency`"]),
        ("[package]\nwit = \"../elsewhere\"\n", &["not a folder inside the project"]),
        ("[package]\nwit = \"/etc\"\n", &["not a folder inside the project"]),
        ("[dependencies\n", &["line 1"]),
    ];
    for (text, parts) in cases {
        write_files(folder.path(), &[("registry.toml", text)]);
        let text = stderr(&run(&server, folder.path(), &["fetch"]).code(1));
        assert_contains(&text, &["`registry.toml` is not a file of requirements"]);
        assert_contains(&text, parts);
    }
    fs::remove_file(folder.path().join("registry.toml")).unwrap();
    for command in ["fetch", "update", "lock"] {
        let text = stderr(&run(&server, folder.path(), &[command]).code(1));
        assert_contains(&text, &["there is no `registry.toml`", "hint: `registry init`"]);
    }
}

#[test]
fn a_component_is_no_dependency() {
    let server = TestRegistry::start();
    let bytes = crate::support::component::component(&["package test:a;\nworld w { export f: func(); }"]);
    server.publish_component(&bytes, Some("test:runner@1.0.0"));
    let folder = project_with("");
    for requirement in ["test:runner", "test:runner@1"] {
        assert_contains(&stderr(&run(&server, folder.path(), &["add", requirement]).code(1)), &["component"]);
    }
}

#[test]
fn the_projects_own_registry_is_used_unless_another_is_named() {
    let server = registry();
    let folder = project();
    let text = format!("[registry]\nurl = \"{}\"\n\n[dependencies]\n\"test:io\" = \"1\"\n", server.url());
    write_files(folder.path(), &[("registry.toml", &text)]);
    registry_at(&server, folder.path()).env_remove("REGISTRY_URL").arg("lock").assert().success();
    fs::remove_file(folder.path().join("registry.lock")).unwrap();
    assert_contains(&stderr(&run_alone(&server, folder.path(), &["lock"]).code(1)), &["cannot reach", NOWHERE]);
}

#[test]
fn several_ranges_of_one_package_bring_a_version_each() {
    let server = registry();
    for version in ["2.0.0", "2.1.0"] {
        server.publish_text(&io(version));
    }
    let folder = project();
    let folder = folder.path();
    let app = "package my:app;\nworld w {\n  import test:io/streams@1.0.0;\n  import test:io/streams@2.0.0;\n  \
        import test:web/api@1.0.0;\n}\n";
    write_files(folder, &[("wit/app.wit", app)]);
    run(&server, folder, &["init"]).success();
    assert_contains(&read(folder, "registry.toml"), &["\"test:io\" = [\"1.0.0\", \"2.0.0\"]\n"]);
    let text = stderr(&run(&server, folder, &["fetch"]).success());
    assert_contains(&text, &["warning: `test:io` stands here in 2 versions"]);
    assert_eq!(answers(folder), ["test:io@1.0.0", "test:io@2.0.0", "test:web@1.0.0"]);
    run(&server, folder, &["update", "test:io"]).success();
    assert_eq!(answers(folder), ["test:io@1.0.0", "test:io@2.1.0", "test:web@1.0.0"]);
    run(&server, folder, &["update"]).success();
    assert_eq!(answers(folder), ["test:io@1.1.0", "test:io@2.1.0", "test:web@1.1.0"]);
    let versions: Vec<String> = read(folder, "wit/app.wit").lines().skip(2).take(3).map(str::to_owned).collect();
    let expected =
        ["  import test:io/streams@1.1.0;", "  import test:io/streams@2.1.0;", "  import test:web/api@1.1.0;"];
    assert_eq!(versions, expected);
    run_alone(&server, folder, &["lock", "--check"]).success();
    run(&server, folder, &["add", "test:io@=2.0.0", "test:io@=1.1.0"]).success();
    assert_contains(&read(folder, "registry.toml"), &["\"test:io\" = [\"=1.1.0\", \"=2.0.0\"]\n"]);
    run(&server, folder, &["add", "test:io@1"]).success();
    assert_contains(&read(folder, "registry.toml"), &["\"test:io\" = \"1\"\n"]);
}

#[test]
fn a_yanked_version_is_not_chosen_and_stays_where_it_is_locked() {
    let server = TestRegistry::start();
    for version in ["1.0.0", "1.1.0"] {
        server.publish_text(&io(version));
    }
    let yank = |version: &str| {
        let mut command = registry_at(&server, Path::new("/"));
        let name = format!("test:io@{version}");
        command.env("REGISTRY_TOKEN", server.token()).args(["yank", &name, "--reason", "it leaks"]).assert().success();
    };
    let (locked, new) = (project_with("\"test:io\" = \"1\"\n"), project_with("\"test:io\" = \"1\"\n"));
    run(&server, locked.path(), &["lock"]).success();
    yank("1.1.0");
    for arguments in [&["fetch"][..], &["fetch", "--locked"]] {
        run(&server, locked.path(), &["cache", "clean"]).success();
        let assert = run(&server, locked.path(), arguments).success();
        assert_contains(&stderr(&assert), &["warning: `test:io@1.1.0` is yanked: it leaks"]);
        assert_eq!(answers(locked.path()), ["test:io@1.1.0"]);
    }
    let warnings = json(&run(&server, locked.path(), &["lock", "--json"]).success())["warnings"].clone();
    assert_eq!(warnings, serde_json::json!(["`test:io@1.1.0` is yanked: it leaks"]));
    let quiet = stderr(&run(&server, locked.path(), &["fetch", "--offline"]).success());
    assert!(!quiet.contains("warning:"), "nothing is asked offline: {quiet}");
    run_alone(&server, locked.path(), &["fetch"]).success();
    let hash = read(locked.path(), "registry.lock");
    let hash = hash.lines().find_map(|line| line.strip_prefix("hash = ")).unwrap().trim_matches('"');
    let assert = run(&server, locked.path(), &["fetch", hash, "-o", "by-hash"]).success();
    assert_contains(&stderr(&assert), &["warning: `test:io@1.1.0` is yanked: it leaks"]);
    run(&server, new.path(), &["lock"]).success();
    assert_eq!(answers(new.path()), ["test:io@1.0.0"]);
    run(&server, locked.path(), &["update"]).success();
    assert_eq!(answers(locked.path()), ["test:io@1.0.0"]);
    let folder = project_with("");
    run(&server, folder.path(), &["add", "test:io"]).success();
    assert!(read(folder.path(), "registry.toml").contains("\"test:io\" = \"1.0.0\""));

    yank("1.0.0");
    let text = stderr(&run(&server, new.path(), &["update"]).success());
    assert_contains(&text, &["warning: `test:io@1.0.0` stays: every release that fits `1` is yanked"]);
    assert_eq!(answers(new.path()), ["test:io@1.0.0"]);
    let text = stderr(&run(&server, project_with("\"test:io\" = \"1\"\n").path(), &["update"]).code(1));
    assert_contains(&text, &["all that fit were yanked: 1.1.0 (yanked: it leaks), 1.0.0 (yanked: it leaks)"]);
    let folder = project_with("");
    let text = stderr(&run(&server, folder.path(), &["add", "test:io"]).code(1));
    assert_contains(&text, &["1.1.0 (yanked), 1.0.0 (yanked)"]);
}
