//! `registry show`

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, published, registry_at, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use crate::support::{wasi, write_files};
use std::fs;
use std::path::Path;
use wasm_metadata::{AddMetadata, AddMetadataField, Description, Licenses};

#[test]
fn a_package_is_shown_with_its_items_and_dependencies() {
    let (server, folder, hash) = published();
    let text = stdout(&registry_at(&server, folder.path()).args(["show", "test:main"]).assert().success());
    assert!(text.starts_with(&format!("test:main@1.0.0\n{hash}\n")), "{text}");
    assert_contains(
        &text,
        &["\ninterfaces\n  api  p2:i", "\nworlds\n  w  p2:i", "\ndependencies\n  test:shapes@1.0.0  p2:w"],
    );

    let document = json(&registry_at(&server, folder.path()).args(["show", &hash, "--json"]).assert().success());
    assert_eq!(document["kind"], "package");
    assert_eq!((document["name"].as_str(), document["hash"].as_str()), (Some("test:main@1.0.0"), Some(hash.as_str())));
    let keys = |field: &str| document[field].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((keys("interfaces"), keys("worlds")), (vec!["api".to_owned()], vec!["w".to_owned()]));
    assert_eq!(keys("dependencies"), ["test:shapes@1.0.0", "test:types@1.0.0"]);
    assert_eq!(document.get("wit"), None);
}

#[test]
fn the_wit_of_a_package_is_its_canonical_text() {
    let (server, folder, _) = published();
    let text = stdout(&registry_at(&server, folder.path()).args(["show", "test:types", "--wit"]).assert().success());
    assert!(text.starts_with("package test:types@1.0.0;\n"), "{text}");
    assert_contains(&text, &["/// A place.", "record point {"]);
    write_files(folder.path(), &[("again/types.wit", &text)]);
    let again = registry_at(&server, folder.path()).args(["hash", "again"]).assert().success();
    let shown =
        json(&registry_at(&server, folder.path()).args(["show", "test:types", "--wit", "--json"]).assert().success());
    assert_eq!(stdout(&again).trim(), shown["hash"].as_str().unwrap());
    assert_eq!(shown["wit"].as_str(), Some(text.as_str()));
}

#[test]
fn a_component_is_shown_with_size_digest_view_imports_and_exports() {
    let (server, folder, _) = published();
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    let hash = server.publish_component(&bytes, Some("test:runner@1.0.0")).to_string();
    fs::write(folder.path().join("main.wasm"), &bytes).unwrap();
    let document =
        json(&registry_at(&server, folder.path()).args(["show", "test:runner", "--json"]).assert().success());
    assert_eq!(document["kind"], "component");
    assert_eq!(
        (document["name"].as_str(), document["hash"].as_str()),
        (Some("test:runner@1.0.0"), Some(hash.as_str()))
    );
    assert_eq!(document["size_bytes"], bytes.len());
    let digest = std::process::Command::new("sha256sum").arg(folder.path().join("main.wasm")).output().unwrap().stdout;
    assert!(String::from_utf8(digest).unwrap().starts_with(document["sha256"].as_str().unwrap()));
    assert!(document["view"].as_str().unwrap().starts_with("p2:v"));
    let names = |field: &str| {
        document[field]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("imports"), ["test:main/api@1.0.0", "test:shapes/shapes@1.0.0", "test:types/types@1.0.0"]);
    assert_eq!(names("exports"), ["run"]);
    assert!(document["imports"][0]["id"].as_str().unwrap().starts_with("p2:i"));
    assert_eq!(document["exports"][0].get("id"), None);
    assert_eq!(document["dependencies"].as_object().unwrap().len(), 3);

    let text = stdout(&registry_at(&server, folder.path()).args(["show", &hash]).assert().success());
    assert!(text.starts_with(&format!("{hash}\n\ncomponent\n")), "{text}");
    assert_contains(
        &text,
        &[&format!("{} bytes", bytes.len()), "\nimports\n", "\nexports\n  run\n", "\ndependencies\n"],
    );
    let world = stdout(&registry_at(&server, folder.path()).args(["show", &hash, "--wit"]).assert().success());
    assert_contains(
        &world,
        &["package root:component;", "world root {", "import test:main/api@1.0.0;", "export run: func();"],
    );
}

#[test]
fn what_a_component_imports_is_marked_as_what_it_is() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let text = "package test:a;\ninterface mine { record r { x: u8 } f: func(r: r); }\n\
        world w { use mine.{r}; import log: func(r: r); export run: func(); }";
    let hash = server.publish_component(&component(&[text]), None).to_string();
    let shown = stdout(&registry_at(&server, folder.path()).args(["show", &hash]).assert().success());
    assert_contains(&shown, &["  log\n", "  r            type\n", "  test:a/mine  part of the component\n"]);
    let document = json(&registry_at(&server, folder.path()).args(["show", &hash, "--json"]).assert().success());
    let kinds: Vec<&str> =
        document["imports"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["function", "type", "interface"]);
}

#[test]
fn what_a_component_says_and_what_is_said_about_it_are_shown() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let plain = component(&["package test:tool; world w { export run: func(); }"]);
    let mut add = AddMetadata::default();
    add.description = AddMetadataField::Set(Description::new("Adds numbers.\n\u{1b}[2JAnd more."));
    add.licenses = AddMetadataField::Set(Licenses::new("MIT").unwrap());
    add.language = vec![("Rust".to_owned(), "1.95".to_owned())];
    let bytes = add.to_wasm(&plain).unwrap();
    for name in ["test:tool@1.0.0", "test:tool@1.1.0"] {
        server.publish_component(&bytes, Some(name));
    }
    let text = stdout(&registry_at(&server, folder.path()).args(["show", "test:tool@1.0.0"]).assert().success());
    assert_contains(
        &text,
        &[
            "\nnames\n  test:tool@1.0.0\n  test:tool@1.1.0\n",
            "\nmetadata\n",
            "Adds numbers. \u{fffd}[2JAnd more.\n",
            "  licenses      MIT\n",
            "  language      Rust 1.95\n",
            "\nrelease\n",
            "  downloads  ",
        ],
    );
    let document =
        json(&registry_at(&server, folder.path()).args(["show", "test:tool@1.0.0", "--json"]).assert().success());
    assert_eq!(document["metadata"]["licenses"], "MIT");
    assert_eq!(document["names"], serde_json::json!(["test:tool@1.0.0", "test:tool@1.1.0"]));
    assert_eq!(document["release"]["name"], "test:tool@1.0.0");
}

#[test]
fn a_contract_of_starstreams_is_explained() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger-runtime/tests/starstream/transfer/component.wasm");
    let hash = server.publish_component(&fs::read(path).unwrap(), None).to_string();
    let shown = stdout(&registry_at(&server, folder.path()).args(["show", &hash]).assert().success());
    let explanation = "
starstream
  utxo wallet (1 yield)
    main    open(b: s64)
    method  add(n: s64)
    method  close()
    method  get() -> s64
    method  sub(n: s64)
    state   bal: s64

  script    close-twice(w: wallet)
  script    merge(source: wallet, target: wallet)
  script    open-two(a: s64, b: s64)
  script    send(source: wallet, target: wallet, n: s64)
  script    split(w: wallet, n: s64) -> wallet
  script    sum(a: wallet, b: wallet) -> s64
  event     purse.closed(rest: s64)
  event     purse.moved(n: s64)
";
    assert!(shown.ends_with(explanation), "{shown}");
    let document = json(&registry_at(&server, folder.path()).args(["show", &hash, "--json"]).assert().success());
    let wallet = &document["starstream"]["utxos"][0];
    assert_eq!((&wallet["name"], &wallet["state"]["yields"]), (&serde_json::json!("wallet"), &serde_json::json!(1)));
    assert_eq!(
        wallet["mains"],
        serde_json::json!([{ "name": "open", "parameters": [{ "name": "b", "type": "s64" }] }])
    );

    let plain = component(&["package test:tool; world w { export run: func(); }"]);
    let hash = server.publish_component(&plain, None).to_string();
    let shown = stdout(&registry_at(&server, folder.path()).args(["show", &hash]).assert().success());
    assert!(!shown.contains("starstream"), "{shown}");
    let document = json(&registry_at(&server, folder.path()).args(["show", &hash, "--json"]).assert().success());
    assert_eq!(document.get("starstream"), None);
}

#[test]
fn what_was_merged_is_shown() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let old = "package test:io@0.2.0;\ninterface io { record r { x: u32 } }\n";
    let new = "package test:io@0.2.1;\ninterface io { record r { x: u32 } g: func(); }\n";
    let user = "package test:user@1.0.0;\ninterface user { use test:io/io@0.2.0.{r}; f: func(r: r); }\n";
    let world = "package test:tool; world w { import test:user/user@1.0.0; import test:io/io@0.2.1; }";
    for (name, text) in [("old", old), ("new", new)] {
        write_files(folder.path(), &[(&format!("{name}/package.wit"), text)]);
        server.publish(&folder.path().join(name), None);
    }
    write_files(folder.path(), &[("user/package.wit", user), ("user/deps/old.wit", old)]);
    server.publish(&folder.path().join("user"), None);
    let hash = server.publish_component(&component(&[old, new, user, world]), None).to_string();
    let text = stdout(&registry_at(&server, folder.path()).args(["show", &hash]).assert().success());
    assert_contains(
        &text,
        &[
            "\nmerged\n  test:user/user@1.0.0  `test:io/io@0.2.1.{r}` stands in the place of `test:io/io@0.2.0.{r}`\n",
            "  merged\n",
        ],
    );
    let imports = text.split("\nmerged\n").next().unwrap();
    assert!(!imports.contains("test:io/io@0.2.0"), "it is not imported: {text}");
    let document = json(&registry_at(&server, folder.path()).args(["show", &hash, "--json"]).assert().success());
    assert_eq!(document["imports"][1]["relation"], "merged");
    assert_eq!(document["imports"][1]["merged"][0]["used"], "test:io/io@0.2.1");
    let named: Vec<&String> = document["dependencies"].as_object().unwrap().keys().collect();
    assert_eq!(named, ["test:io@0.2.1", "test:user@1.0.0"]);

    // What is written beside it is its world made of the registered packages, and proves itself like any other.
    registry_at(&server, folder.path()).args(["fetch", &hash, "-o", "fetched"]).assert().success();
    registry_at(&server, folder.path()).args(["verify", "fetched"]).assert().success();
    registry_at(&server, folder.path()).args(["tree", &hash]).assert().success();
}

#[test]
fn wasi_http_is_shown() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    let http = server.publish(&wasi::file("http"), Some(&wasi::deps()));
    let text = stdout(&registry_at(&server, folder.path()).args(["show", "wasi:http"]).assert().success());
    assert_contains(&text, &[&http.hash.to_string(), "\n  incoming-handler  p2:i", "\n  proxy", "\n  wasi:clocks@0.2"]);
}
