//! `wit-deps`: the archives that the registry makes are what it reads, and its lock holds.

use super::fixtures::{plain_get, token, with_wasi};
use super::programs::{installed, isolated};
use crate::command::{SHAPES, TYPES, assert_contains, project, stderr};
use crate::support::registry::TestRegistry;
use crate::support::{read_files, write_files};
use assert_cmd::assert::Assert;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wit_parser::Resolve;

/// Somebody with `wit-deps`: a home, and a project in it.
struct WitDeps {
    program: PathBuf,
    home: TempDir,
}

impl WitDeps {
    /// A project of this WIT. `None` if there is no `wit-deps`.
    fn new(text: &str) -> Option<Self> {
        let (program, home) = (installed("wit-deps")?, tempfile::tempdir().unwrap());
        write_files(home.path(), &[("app/wit/app.wit", text)]);
        Some(Self { program, home })
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("app")
    }

    /// Writes what the project depends on: the name of the folder, and the rest of the line.
    fn require(&self, lines: &[(&str, String)]) {
        let text: String = lines.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        write_files(&self.folder(), &[("wit/deps.toml", &text)]);
    }

    fn run(&self, arguments: &[&str]) -> Assert {
        isolated(&self.program, self.home.path()).current_dir(self.folder()).args(arguments).assert()
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.folder().join("wit/deps.lock")).unwrap()
    }

    fn deps(&self) -> Vec<(String, Vec<u8>)> {
        read_files(&self.folder().join("wit/deps"))
    }

    /// The names of the packages that the project's WIT parses to, besides its own.
    fn packages(&self) -> Vec<String> {
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let (own, _) = resolve.push_dir(self.folder().join("wit")).unwrap();
        let others = resolve.packages.iter().filter(|(id, _)| *id != own);
        let mut names: Vec<String> = others.map(|(_, package)| package.name.to_string()).collect();
        names.sort();
        names
    }

    fn forget(&self) {
        for folder in [".cache", "app/wit/deps"] {
            let _ = fs::remove_dir_all(self.home.path().join(folder));
        }
    }
}

/// Where the registry has the archive of a release `NAMESPACE/NAME/VERSION`.
fn url(server: &TestRegistry, release: &str) -> String {
    format!("{}/v1/releases/{release}/wit.tar.gz", server.url())
}

fn quoted(url: &str) -> String {
    format!("\"{url}\"")
}

/// An archive as it is fetched.
fn archive(server: &TestRegistry, release: &str) -> Vec<u8> {
    let (status, bytes) = plain_get(server, &format!("/v1/releases/{release}/wit.tar.gz"));
    assert_eq!(status, 200, "{release}");
    bytes
}

#[test]
fn a_project_on_wasi_http_is_fetched_and_locked() {
    let server = with_wasi();
    let app = "package test:app@0.1.0;\nworld app { include wasi:http/proxy@0.2.12; }\n";
    let Some(project) = WitDeps::new(app) else { return };
    project.require(&[("http", quoted(&url(&server, "wasi/http/0.2.12")))]);
    project.run(&["lock", "--check"]).failure();
    project.run(&[]).success();
    let names = ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];
    assert_eq!(project.packages(), names.map(|name| format!("wasi:{name}@0.2.12")));

    // Whatever it had to fetch again, nothing changes.
    let (lock, deps) = (project.lock(), project.deps());
    assert_contains(&lock, &["wasi/http/0.2.12/wit.tar.gz", "sha512"]);
    project.run(&["lock", "--check"]).success();
    project.forget();
    project.run(&["lock"]).success();
    project.run(&["update"]).success();
    assert_eq!((project.lock(), project.deps()), (lock, deps));
}

#[test]
fn dependencies_share_what_they_need_and_keep_several_versions_apart() {
    let server = TestRegistry::start();
    let sources = project();
    server.publish(&sources.path().join("wit"), None);
    let next = |text: &str| text.replace("1.0.0", "2.0.0");
    let files = [("next/shapes.wit", &*next(SHAPES)), ("next/deps/types.wit", &next(TYPES))];
    write_files(sources.path(), &files);
    server.publish(&sources.path().join("next"), None);
    let app = "package test:app@0.1.0;\nworld app { import test:main/api@1.0.0; import test:shapes/shapes@2.0.0; \
               import test:types/types@1.0.0; }\n";
    let Some(project) = WitDeps::new(app) else { return };
    let line = |release: &str| quoted(&url(&server, release));
    // What is named as the archives name it is there once, also if two others bring it along.
    project.require(&[
        ("main", line("test/main/1.0.0")),
        ("shapes-next", line("test/shapes/2.0.0")),
        ("\"test-types-1.0.0\"", line("test/types/1.0.0")),
    ]);
    project.run(&[]).success();
    let versions = ["main@1.0.0", "shapes@1.0.0", "shapes@2.0.0", "types@1.0.0", "types@2.0.0"];
    assert_eq!(project.packages(), versions.map(|name| format!("test:{name}")));
    project.run(&["lock", "--check"]).success();
}

#[test]
fn another_version_is_taken_when_the_project_says_so() {
    let server = TestRegistry::start();
    server.publish_text(TYPES);
    server.publish_text(&TYPES.replace("1.0.0", "1.1.0"));
    let app = "package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n";
    let Some(project) = WitDeps::new(app) else { return };
    for version in ["1.0.0", "1.1.0"] {
        project.require(&[("types", quoted(&url(&server, &format!("test/types/{version}"))))]);
        write_files(&project.folder(), &[("wit/app.wit", &app.replace("types@1.0.0", &format!("types@{version}")))]);
        project.run(&["update"]).success();
        assert_eq!(project.packages(), [format!("test:types@{version}")]);
        assert_contains(&project.lock(), &[&format!("test/types/{version}/wit.tar.gz")]);
    }
}

#[test]
fn archives_are_the_same_bytes_in_every_registry_and_after_a_restart() {
    let (mut server, other) = (TestRegistry::start(), TestRegistry::start());
    let sources = project();
    for registry in [&server, &other] {
        registry.publish(&sources.path().join("wit"), None);
    }
    let bytes = archive(&server, "test/main/1.0.0");
    assert_eq!(archive(&other, "test/main/1.0.0"), bytes);
    server.restart();
    assert_eq!(archive(&server, "test/main/1.0.0"), bytes);

    // So their digest can stand in `deps.toml`, and `wit-deps` refuses any other.
    let Some(project) = WitDeps::new("package test:app@0.1.0;\nworld app { import test:main/api@1.0.0; }\n") else {
        return;
    };
    let pinned = |digest: &str| format!("{{ url = \"{}\", sha256 = \"{digest}\" }}", url(&server, "test/main/1.0.0"));
    let digest = hex::encode(Sha256::digest(&bytes));
    project.require(&[("main", pinned(&"0".repeat(64)))]);
    assert_contains(&stderr(&project.run(&[]).failure()), &["hash"]);
    project.forget();
    project.require(&[("main", pinned(&digest))]);
    project.run(&[]).success();
    assert_eq!(project.packages().len(), 3);
}

#[test]
fn what_is_missing_or_private_is_refused() {
    let server = TestRegistry::start_with(|config| config.is_private = true);
    server.publish_text(TYPES);
    let Some(project) = WitDeps::new("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n") else {
        return;
    };
    project.require(&[("types", quoted(&url(&server, "test/types/1.0.0")))]);
    assert_contains(&stderr(&project.run(&[]).failure()), &["401"]);
    // It cannot send a token, also not as the URL's password.
    let with_token =
        url(&server, "test/types/1.0.0").replace("http://", &format!("http://x:{}@", token(&server, "ann", "yank")));
    project.require(&[("types", quoted(&with_token))]);
    project.run(&[]).failure();

    let server = TestRegistry::start();
    project.require(&[("types", quoted(&url(&server, "test/types/9.0.0")))]);
    assert_contains(&stderr(&project.run(&[]).failure()), &["404"]);
    assert!(!Path::new(&project.folder().join("wit/deps.lock")).exists());
}
