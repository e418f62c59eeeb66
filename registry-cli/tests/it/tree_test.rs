//! `registry tree`

use crate::command::{MAIN, SHAPES, TYPES, json, published, registry_at, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use crate::support::wasi;

/// The tree with hashes cut, so that its shape can be read here.
fn shape(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let words = line.split(' ').map(|word| if word.starts_with("p2:") { &word[..4] } else { word });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn dependencies_stand_below_what_needs_them_and_shared_ones_are_marked() {
    let (server, folder, hash) = published();
    let text = stdout(&registry_at(&server, folder.path()).args(["tree", "test:main"]).assert().success());
    assert!(text.starts_with(&format!("test:main@1.0.0 {hash}\n")), "{text}");
    let expected = [
        "test:main@1.0.0 p2:w",
        "├── test:shapes@1.0.0 p2:w",
        "│   └── test:types@1.0.0 p2:w",
        "└── test:types@1.0.0 p2:w (*)",
    ];
    assert_eq!(shape(&text), expected);

    let document = json(&registry_at(&server, folder.path()).args(["tree", &hash, "--json"]).assert().success());
    assert_eq!((document["hash"].as_str(), document["name"].as_str()), (Some(hash.as_str()), Some("test:main@1.0.0")));
    let [shapes, types] = [0, 1].map(|index| &document["dependencies"][index]);
    assert_eq!((shapes["name"].as_str(), &shapes["is_repeated"]), (Some("test:shapes@1.0.0"), &false.into()));
    assert_eq!(shapes["dependencies"][0]["name"], "test:types@1.0.0");
    assert_eq!((types["name"].as_str(), &types["is_repeated"]), (Some("test:types@1.0.0"), &true.into()));
    assert_eq!(types["hash"], shapes["dependencies"][0]["hash"]);
}

#[test]
fn a_component_stands_above_the_packages_that_it_names() {
    let (server, folder, _) = published();
    let hash = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), Some("test:runner@1.0.0"));
    let text = stdout(&registry_at(&server, folder.path()).args(["tree", "test:runner"]).assert().success());
    assert!(text.starts_with(&format!("test:runner@1.0.0 {hash}\n├── test:main@1.0.0 p2:w")), "{text}");
    let bare = stdout(&registry_at(&server, folder.path()).args(["tree", &hash.to_string()]).assert().success());
    assert!(bare.starts_with(&format!("{hash}\n")), "{bare}");
}

#[test]
fn the_tree_of_wasi_http_has_every_package() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    let text = stdout(&registry_at(&server, folder.path()).args(["tree", "wasi:http"]).assert().success());
    for name in ["cli", "clocks", "filesystem", "io", "random", "sockets"] {
        let found = text.lines().filter(|line| line.contains(&format!(" wasi:{name}@"))).count();
        let marked =
            text.lines().filter(|line| line.contains(&format!(" wasi:{name}@")) && line.ends_with("(*)")).count();
        assert_eq!(found, marked + 1, "{name} is shown once in full:\n{text}");
    }
}
