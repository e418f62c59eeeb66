//! The pages for the clients, run as they stand.

use super::fixtures::{host, with_wasi};
use super::programs::{installed, isolated, of_debian};
use super::wkg::Wkg;
use crate::command::{assert_contains, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use registry_server::Config;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where a registry listens if nothing else is said, as the pages name it.
const ADDRESS: &str = "127.0.0.1:7878";

/// Somebody who follows a page: a home, with a registry that keeps its data where it does without configuration.
struct Reader {
    server: TestRegistry,
    home: TempDir,
}

impl Reader {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join(".local/share/registry-server");
        let server =
            TestRegistry::start_with(|config| *config = Config { listen: config.listen, ..Config::in_dir(&data) });
        Self { server, home }
    }

    fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Runs the page's commands in the home, and answers what they printed. Only the registry's port is another, because
    /// tests run side by side, and it runs already.
    fn follow(&self, page: &str, programs: &[PathBuf]) -> String {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)).unwrap();
        let port = host(&self.server).rsplit(':').next().unwrap().to_owned();
        let script = commands(&text).replace(ADDRESS, host(&self.server)).replace("7878", &port);
        assert!(script.lines().count() > 10, "{page} has commands");
        let mut path: Vec<PathBuf> = programs.iter().map(|program| program.parent().unwrap().to_owned()).collect();
        path.extend(env::split_paths(&env::var_os("PATH").unwrap()));
        let mut shell = isolated(Path::new("/bin/bash"), self.folder());
        shell.current_dir(self.folder()).env("PATH", env::join_paths(path).unwrap());
        shell.env("REGISTRY_URL", self.server.url()).args(["-euxo", "pipefail", "-c", &script]);
        stdout(&shell.assert().success())
    }
}

/// The lines of the blocks that a shell runs, without the one that starts the registry.
fn commands(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter(|line| !line.starts_with("registry-server"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_page_for_wkg_can_be_followed_line_by_line() {
    let (Some(wkg), Some(_)) = (installed("wkg"), of_debian("skopeo")) else { return };
    let reader = Reader::new();
    let world = "package test:main@1.0.0;\nworld w { export run: func(); }\n";
    fs::write(reader.folder().join("tool.wasm"), component(&[world])).unwrap();
    bring_wasi(&reader.folder().join("wasi"));
    let printed = reader.follow("wkg.md", &[wkg, PathBuf::from(env!("CARGO_BIN_EXE_registry"))]);
    let hashes: Vec<&str> = printed.lines().filter(|line| line.starts_with("p2:w")).collect();
    assert_contains(&printed, &["my-team:shapes@1.0.0", "areas"]);
    assert!(hashes.len() >= 2 && hashes[0] == hashes[hashes.len() - 1], "one package, one hash: {printed}");
    assert_contains(&printed, &["ok            wasi:http@0.2.12"]);
    let deps = fs::read_to_string(reader.folder().join("app/wit/deps/my-team-shapes-1.0.0/package.wit")).unwrap();
    assert_contains(&deps, &["/// Lengths and areas.", "area: func("]);
}

/// What the page fetches from the public registry of WASI, which tests do not reach.
fn bring_wasi(folder: &Path) {
    let source = with_wasi();
    let Some(wkg) = Wkg::anonymous(&source) else { return };
    fs::create_dir(folder).unwrap();
    for name in ["io", "clocks", "random", "filesystem", "sockets", "cli", "http"] {
        let (release, file) = (format!("wasi:{name}@0.2.12"), format!("./{name}.wasm"));
        wkg.run(folder, &["get", &release, "--format", "wasm", "-o", &file]).success();
    }
}

#[test]
fn what_the_page_for_wkg_quotes_is_what_a_test_has_seen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/wkg.md")).unwrap();
    let rows = page.split("| it says |").nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    let quoted: Vec<&str> = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(quoted.len() > 15, "{quoted:?}");
    let mut tests = String::new();
    for entry in fs::read_dir(root.join("tests/it/clients")).unwrap() {
        tests += &fs::read_to_string(entry.unwrap().path()).unwrap().replace("\\\"", "\"");
    }
    assert_contains(&tests, &quoted);
}

#[test]
fn the_page_for_wit_deps_can_be_followed_line_by_line() {
    let Some(wit_deps) = installed("wit-deps") else { return };
    let reader = Reader::new();
    let printed = reader.follow("wit-deps.md", &[wit_deps, PathBuf::from(env!("CARGO_BIN_EXE_registry"))]);
    assert_contains(&printed, &["my-greet-0.1.0\nmy-types-0.1.0\n"]);
    let text = fs::read_to_string(reader.folder().join("app/wit/deps/my-greet-0.1.1/package.wit")).unwrap();
    assert_contains(&text, &["part: func("]);
}
