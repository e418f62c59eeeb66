//! `registry publish`

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, json_error, project, registry_at, stderr, stdout};
use crate::support::component::{component, encoded};
use crate::support::registry::TestRegistry;
use crate::support::{wasi, write_files};
use registry_core::id::ComponentHash;
use std::fs;

#[test]
fn missing_dependencies_are_listed_and_nothing_is_sent() {
    let (server, project) = (TestRegistry::start(), project());
    let assert = registry_at(&server, project.path()).args(["publish", "wit"]).assert().code(1);
    assert_eq!(stdout(&assert), "");
    let text = stderr(&assert);
    assert_contains(
        &text,
        &["Hashed p2:w", "nothing was sent", "\n  test:types@1.0.0 p2:w", "\n  test:shapes@1.0.0 p2:w"],
    );
    assert_contains(&text, &["hint: ", "--with-deps"]);
    for name in ["test:main", "test:types", "test:shapes"] {
        registry_at(&server, project.path()).args(["show", name]).assert().code(1);
    }
}

#[test]
fn dependencies_go_up_on_request_leaves_first() {
    let (server, project) = (TestRegistry::start(), project());
    let assert = registry_at(&server, project.path()).args(["publish", "wit", "--with-deps"]).assert().success();
    let text = stderr(&assert);
    let place = |name: &str| text.find(&format!(" {name}@1.0.0\n")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let published = text.find("Published").unwrap();
    assert!(published < place("test:types") && place("test:types") < place("test:shapes"), "{text}");
    assert!(text.rfind("test:main@1.0.0").unwrap() > place("test:shapes"), "{text}");

    let hash = registry_at(&server, project.path()).args(["hash", "wit"]).assert().success();
    assert_eq!(stdout(&assert), stdout(&hash), "standard output is the hash and nothing else");
    let verify = registry_at(&server, project.path()).args(["verify", "test:main"]).assert().success();
    assert_contains(&stdout(&verify), &[stdout(&hash).trim()]);
}

#[test]
fn the_same_again_is_success_and_says_so() {
    let (server, project) = (TestRegistry::start(), project());
    let publish =
        || registry_at(&server, project.path()).args(["publish", "wit", "--with-deps", "--json"]).assert().success();
    let first = json(&publish());
    assert_eq!(
        (&first["kind"], &first["name"], &first["created"]),
        (&"package".into(), &"test:main@1.0.0".into(), &true.into())
    );
    let names: Vec<&str> =
        first["dependencies"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["test:types@1.0.0", "test:shapes@1.0.0"]);
    assert_eq!(first["dependencies"][0]["created"], true);

    let second = json(&publish());
    assert_eq!((&second["hash"], &second["created"]), (&first["hash"], &false.into()));
    assert_eq!(second["dependencies"], serde_json::json!([]));
    let text = stderr(&registry_at(&server, project.path()).args(["publish", "wit"]).assert().success());
    assert_contains(&text, &["Unchanged", "is published already"]);
}

#[test]
fn a_flat_document_and_an_encoding_publish_the_same_package() {
    let (server, project) = (TestRegistry::start(), project());
    let nested = |text: &str| format!("{}}}\n", text.replacen(';', " {", 1));
    write_files(project.path(), &[("flat.wit", &format!("{MAIN}{}{}", nested(SHAPES), nested(TYPES)))]);
    fs::write(project.path().join("main.wasm"), encoded(&[TYPES, SHAPES, MAIN])).unwrap();
    let flat = registry_at(&server, project.path()).args(["publish", "flat.wit", "--with-deps"]).assert().success();
    let arguments = ["publish", "main.wasm", "--deps", "wit/deps", "--json"];
    let again = json(&registry_at(&server, project.path()).args(arguments).assert().success());
    assert_eq!((again["hash"].as_str(), &again["created"]), (Some(stdout(&flat).trim()), &false.into()));
}

#[test]
fn all_of_wasi_is_published_package_by_package() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let deps = wasi::deps();
    for name in ["http", "cli", "sockets", "io"] {
        let file = wasi::file(name);
        let arguments = ["publish", file.to_str().unwrap(), "--deps", deps.to_str().unwrap(), "--with-deps"];
        registry_at(&server, folder.path()).args(arguments).assert().success();
    }
    let root = deps.parent().unwrap().to_str().unwrap();
    let assert = registry_at(&server, folder.path()).args(["verify", root]).assert().success();
    assert_contains(
        &stdout(&assert),
        &["unversioned   rust:wasi", "ok            wasi:http@0.2", "ok            wasi:sockets@0.2"],
    );
    // The folder's own package has no version: it cannot be published.
    let assert = registry_at(&server, folder.path()).args(["publish", root]).assert().code(1);
    assert_contains(&stderr(&assert), &["`rust:wasi` has no version", "hint: give the package a version"]);
}

#[test]
fn other_content_under_a_published_version_is_refused_with_both_hashes() {
    let (server, project) = (TestRegistry::start(), project());
    let publish = || {
        let mut command = registry_at(&server, project.path());
        command.args(["publish", "wit/deps/types.wit"]);
        command.assert()
    };
    let first = stdout(&publish().success());
    write_files(project.path(), &[("wit/deps/types.wit", &TYPES.replace("A place", "A point"))]);
    let hash = stdout(&registry_at(&server, project.path()).args(["hash", "wit/deps/types.wit"]).assert().success());
    let assert = publish().code(1);
    assert_contains(&stderr(&assert), &["`test:types@1.0.0` is bound to", first.trim(), hash.trim(), "hint: "]);

    // The package that needs it is not sent either, with or without the request to send dependencies.
    let assert = registry_at(&server, project.path()).args(["publish", "wit"]).assert().code(1);
    let text = stderr(&assert);
    assert_contains(&text, &["test:types@1.0.0", hash.trim(), "the registry has", first.trim(), "never changes"]);
    let assert =
        registry_at(&server, project.path()).args(["publish", "wit", "--with-deps", "--json"]).assert().code(1);
    let error = json_error(&assert);
    assert_eq!(error["code"], "release_bound");
    assert_contains(error["message"].as_str().unwrap(), &["the registry has", first.trim(), "nothing was sent"]);
    assert_contains(error["hint"].as_str().unwrap(), &["a published version never changes"]);
    registry_at(&server, project.path()).args(["show", "test:main"]).assert().code(1);
}

#[test]
fn a_component_is_published_under_a_name_once_its_packages_are_there() {
    let (server, project) = (TestRegistry::start(), project());
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    fs::write(project.path().join("main.wasm"), &bytes).unwrap();
    let publish = |extra: &[&str]| {
        let mut command = registry_at(&server, project.path());
        command.args(["publish", "main.wasm", "--as", "test:runner@1.0.0"]).args(extra);
        command.assert()
    };
    let text = stderr(&publish(&[]).code(1));
    assert_contains(
        &text,
        &["main.wasm", "nothing was sent", "test:main@1.0.0", "test:shapes@1.0.0", "test:types@1.0.0"],
    );

    let text = stderr(&publish(&["--with-deps"]).code(1));
    let missing =
        "`test:main@1.0.0`, `test:shapes@1.0.0`, `test:types@1.0.0`, which are neither in the registry nor in";
    assert_contains(&text, &["`main.wasm` needs ", missing, "deps`", "hint: "]);

    // With `--with-deps` they come from where `--deps` says, after a check that the component fits them.
    write_files(project.path(), &[("all/main.wit", MAIN), ("all/shapes.wit", SHAPES), ("all/types.wit", TYPES)]);
    write_files(project.path(), &[("other/main.wit", &MAIN.replace("l: line", "k: line"))]);
    write_files(project.path(), &[("other/shapes.wit", SHAPES), ("other/types.wit", TYPES)]);
    let text = stderr(&publish(&["--with-deps", "--deps", "other"]).code(1));
    assert_contains(&text, &["main.wasm", "Caused by:", "differ from the registered ones"]);
    registry_at(&server, project.path()).args(["show", "test:types"]).assert().code(1);

    let document = json(&publish(&["--with-deps", "--deps", "all", "--json"]).success());
    let hash = ComponentHash::of(&bytes).to_string();
    assert_eq!(document["hash"].as_str(), Some(hash.as_str()));
    assert_eq!((&document["kind"], &document["name"]), (&"component".into(), &"test:runner@1.0.0".into()));
    assert_eq!(document["dependencies"].as_array().unwrap().len(), 3);
    assert_eq!(json(&publish(&["--json"]).success())["created"], false);
    assert_eq!(json(&publish(&["--with-deps", "--json"]).success())["created"], false, "nothing is needed here");
    let shown = json(&registry_at(&server, project.path()).args(["show", "test:runner", "--json"]).assert().success());
    assert_eq!(shown["hash"].as_str(), Some(hash.as_str()));
}

#[test]
fn a_name_that_is_taken_by_another_component_is_refused() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let mut hashes = Vec::new();
    for name in ["f", "g"] {
        let bytes = component(&[&format!("package test:a;\nworld w {{ export {name}: func(); }}")]);
        fs::write(folder.path().join(format!("{name}.wasm")), &bytes).unwrap();
        hashes.push(ComponentHash::of(&bytes).to_string());
    }
    let publish = |file: &str| {
        let mut command = registry_at(&server, folder.path());
        command.args(["publish", file, "--as", "test:a@1.0.0"]);
        command.assert()
    };
    publish("f.wasm").success();
    assert_contains(&stderr(&publish("g.wasm").code(1)), &["`test:a@1.0.0` is bound to", &hashes[0], &hashes[1]]);
}

#[test]
fn names_are_for_components_only() {
    let (server, project) = (TestRegistry::start(), project());
    let arguments = ["publish", "wit", "--as", "test:main@1.0.0"];
    let assert = registry_at(&server, project.path()).args(arguments).assert().code(2);
    assert_contains(&stderr(&assert), &["error: `--as` names components", "hint: "]);
    for name in ["test:main", "test:main@1", "p2:main@1.0.0", "Test:main@1.0.0", "test:main@1.0.0+b", "../x@1.0.0"] {
        let assert = registry_at(&server, project.path()).args(["publish", "wit", "--as", name]).assert().code(2);
        assert_contains(&stderr(&assert), &["invalid value", name]);
    }
}

#[test]
fn what_is_no_component_is_refused() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let assert = registry_at(&server, folder.path()).args(["publish", "module.wasm"]).assert().code(1);
    assert_contains(
        &stderr(&assert),
        &["module.wasm", "Caused by:", "core WebAssembly module", "hint: ", "component new"],
    );
    let assert = registry_at(&server, folder.path()).args(["publish", "nothing"]).assert().code(1);
    assert_contains(&stderr(&assert), &["cannot read `nothing`", "No such file"]);
}

#[test]
fn an_attribute_without_effect_is_warned_about() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    // The first item implies the second interface, so that the parser drops its gate.
    let text = "package test:gates@1.0.0;\ninterface a { use b.{t}; f: func(x: t); }\ninterface b { type t = u8; }\n\
        world w { import a; @unstable(feature = new) import b; }";
    write_files(folder.path(), &[("gates.wit", text)]);
    let publish = |extra: &[&str]| {
        let mut command = registry_at(&server, folder.path());
        command.args(["publish", "gates.wit"]).args(extra).assert().success()
    };
    assert_contains(&stderr(&publish(&[])), &["warning: the gate of `import", "has no effect", "Published"]);
    let document = json(&publish(&["--json"]));
    assert_contains(document["warnings"][0].as_str().unwrap(), &["has no effect"]);
}

#[test]
fn what_wkg_fetched_is_not_published_as_if_it_were_whole() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let types = "wit/deps/test-types-1.0.0";
    let files = [
        ("wkg.lock", "version = 1\n"),
        ("wit/main.wit", MAIN),
        ("wit/deps/test-shapes-1.0.0/package.wit", SHAPES),
        ("wit/deps/test-types-1.0.0/package.wit", TYPES),
    ];
    write_files(folder.path(), &files);
    fs::write(folder.path().join("main.wasm"), component(&[TYPES, SHAPES, MAIN])).unwrap();
    write_files(folder.path(), &[("all/test-main-1.0.0/package.wit", MAIN)]);
    write_files(folder.path(), &[("all/test-shapes-1.0.0/package.wit", SHAPES)]);
    write_files(folder.path(), &[("all/test-types-1.0.0/package.wit", TYPES)]);
    let run = |arguments: &[&str]| registry_at(&server, folder.path()).args(arguments).assert();
    let file = format!("{types}/package.wit");
    let ways: [&[&str]; 7] = [
        &["publish", "wit", "--with-deps"],
        &["publish", "wit"],
        &["publish", types],
        &["publish", &file],
        &["check", "wit", "--with-deps"],
        &["check", types],
        &["publish", "main.wasm", "--as", "test:runner@1.0.0", "--with-deps", "--deps", "all"],
    ];
    for way in ways {
        let text = stderr(&run(way).code(1));
        assert_contains(&text, &["`wkg fetch`", "only parts", "test:types@1.0.0 p2:w", "--format wasm"]);
        assert!(!text.contains("--with-deps"), "no hint leads back: {text}");
    }
    assert_eq!(json_error(&run(&["publish", "wit", "--with-deps", "--json"]).code(1))["code"], "partial_packages");
    for name in ["test:main", "test:types", "test:shapes", "test:runner"] {
        run(&["show", name]).code(1);
    }
    assert_contains(
        &stderr(&run(&["hash", "wit"]).success()),
        &["warning: `wkg fetch`", "parts of `test:types@1.0.0`;"],
    );

    // Without its lock they are somebody's own, and what the registry has needs no caution.
    fs::remove_file(folder.path().join("wkg.lock")).unwrap();
    run(&["publish", "wit", "--with-deps"]).success();
    write_files(folder.path(), &[("wkg.lock", "version = 1\n")]);
    assert_contains(&stderr(&run(&["publish", "wit", "--with-deps"]).success()), &["is published already"]);

    // Where the registry has the whole ones, nothing is to be published: they are to be fetched.
    write_files(folder.path(), &[(&file, &TYPES.replace("/// A place.\n", ""))]);
    for way in [&["publish", "wit", "--with-deps"], &["check", "wit", "--with-deps"]] {
        let text = stderr(&run(way).code(1));
        assert_contains(
            &text,
            &["test:types@1.0.0 p2:w", "the registry has p2:w", "remove `deps`, then `registry import`"],
        );
    }
    write_files(folder.path(), &[(&file, TYPES)]);
    run(&["publish", types]).success();
}
