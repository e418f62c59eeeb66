//! Contracts in Rust: what `ledger new` writes is built and checked, and the committed components are what their sources
//! give.
//!
//! Building needs a compiler with the target wasm32-unknown-unknown: `rustc` itself, or the one that the variable
//! [`RUSTC_VARIABLE`] names. Without one these tests say so, and skip what needs it.

use crate::cli::{ledger, output};
use crate::starstream::expectations;
use assert_cmd::Command;
use ledger_contract::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wasmparser::{Parser, Payload};

const RUSTC_VARIABLE: &str = "WASM_RUSTC";
const TARGET: &str = "wasm32-unknown-unknown";

/// The contracts of the set `rust`, by the folders of their components, with the folders of their sources; the one without
/// is what `ledger new` writes.
const CONTRACTS: [(&str, Option<&str>); 3] =
    [("rust-counter", None), ("rust-prices", Some("prices")), ("rust-vault", Some("vault"))];

#[test]
fn a_new_project_is_a_folder_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let new = |arguments: &[&str]| output(&ledger().current_dir(&directory).arg("new").args(arguments).assert());
    let (stdout, stderr, code) = new(&["my-counter"]);
    assert_eq!((stdout.as_str(), code), ("my-counter\n", 0), "{stderr}");
    let manifest = fs::read_to_string(directory.path().join("my-counter/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"my-counter\"") && !manifest.contains("{name}"), "{manifest}");
    assert!(directory.path().join("my-counter/.cargo/config.toml").exists());

    let (stdout, stderr, code) = new(&["my-counter"]);
    assert_eq!((stdout.as_str(), code), ("", 1));
    assert_eq!(
        stderr,
        "error: `my-counter` is there, and is not an empty folder\nhint: name another folder with `--path`\n"
    );
    fs::create_dir(directory.path().join("empty")).unwrap();
    assert_eq!(new(&["my-counter", "--path", "empty"]).2, 0);
    fs::write(directory.path().join("file"), "").unwrap();
    assert_eq!(new(&["my-counter", "--path", "file"]).2, 1);
    let (_, stderr, code) = new(&["My_Counter"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("lower-case words"), "{stderr}");
}

/// Everything that the written crate consists of is written.
#[test]
fn a_new_project_has_the_whole_crate() {
    let directory = tempfile::tempdir().unwrap();
    ledger().current_dir(&directory).args(["new", "counter"]).assert().success();
    let crate_folder = workspace().join("ledger-contract");
    let written = directory.path().join("counter/ledger-contract");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(crate_folder.join("src")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.push(crate_folder.join("Cargo.toml"));
    for path in paths {
        let relative = path.strip_prefix(&crate_folder).unwrap();
        assert_eq!(fs::read(written.join(relative)).unwrap(), fs::read(&path).unwrap(), "{}", relative.display());
    }
}

#[test]
fn building_without_a_project_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let (_, stderr, code) = output(&ledger().current_dir(&directory).args(["build", "--json"]).assert());
    let error: Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(code, 1);
    assert_eq!(error["error"]["code"], "no-project");
    assert_eq!(error["error"]["hint"], "`ledger new NAME` begins one");
}

/// A compiler without the target is told to be one, and not taken for a broken project.
#[test]
fn a_compiler_without_the_target_is_named() {
    let project = new_project("counter");
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("rustc");
    fs::write(&script, "#!/bin/sh\ncase \"$*\" in *target-libdir*) echo /nowhere/lib;; *) exit 1;; esac\n").unwrap();
    make_executable(&script);
    let mut build = ledger();
    build.arg("build").arg(project.path()).arg("--json").env("RUSTC", &script);
    let (_, stderr, code) = output(&build.env("CARGO_TARGET_DIR", folder.path()).assert());
    let error: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(code, 1);
    assert_eq!(error["error"]["code"], "no-target");
    assert_eq!(error["error"]["hint"], "`rustup target add wasm32-unknown-unknown` installs what it lacks");
}

/// The hashes by which Starstream's compiler names methods are those that `ledger-contract` computes.
#[test]
fn methods_are_named_as_the_compiler_names_them() {
    let mut count = 0;
    for contract in &expectations::read().contracts {
        for method in contract.objects.values().flat_map(|object| object.methods.values()) {
            let (first, second, third, fourth) = Method::named(&method.source_name).hash();
            let bytes: Vec<u8> =
                [first, second, third, fourth].iter().flat_map(|number| number.to_le_bytes()).collect();
            assert_eq!(hex::encode(bytes), method.method_hash, "{}", method.source_name);
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn committed_components_are_built_from_their_sources() {
    let Some(compiler) = Compiler::find() else { return };
    let is_blessed = std::env::var_os("BLESS").is_some();
    for (name, source) in CONTRACTS {
        let project = source.is_none().then(|| new_project("counter"));
        let folder = match (&project, source) {
            (Some(project), _) => project.path().to_owned(),
            (None, source) => workspace().join("ledger-contract/examples").join(source.unwrap()),
        };
        let built = fs::read(compiler.build(&folder)["path"].as_str().unwrap()).unwrap();
        let committed = set().join(name).join("component.wasm");
        if is_blessed {
            bless(&committed, &built);
        }
        let committed = fs::read(&committed).unwrap();
        assert_eq!(world(&built), world(&committed), "{name} differs from its source; BLESS=1 writes it");
        // Another compiler makes another module of the same world.
        if compiler.is_that_of_the_committed() {
            assert_eq!(parts(&built), parts(&committed), "{name} differs from its source; BLESS=1 writes it");
        }
    }
    if is_blessed {
        fs::write(set().join(BUILT_WITH), &compiler.version).unwrap();
    }
}

/// What a project gets wrong is told when it is built, not when it is deployed.
#[test]
fn what_the_ledger_would_refuse_is_refused_when_it_is_built() {
    let Some(compiler) = Compiler::find() else { return };
    let project = new_project("counter");
    let change = |path: &str, from: &str, to: &str| {
        let path = project.path().join(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    };
    let built = compiler.build(project.path());
    assert_eq!(built["sha256"].as_str().unwrap().len(), 64);
    assert!(built["hash"].as_str().unwrap().starts_with("p2:c"), "{built}");

    change("src/lib.rs", "self.total.get()\n", "self.totals.get()\n");
    let error = compiler.refusal(project.path());
    assert_eq!(error["error"]["code"], "not-built", "{error}");
    change("src/lib.rs", "self.totals.get()\n", "self.total.get()\n");

    // A function that no ledger serves.
    change(
        "wit/world.wit",
        "import starstream:events/counting;",
        "import starstream:events/counting;\n  import starstream:clock/wall;",
    );
    change(
        "wit/world.wit",
        "package starstream:events {",
        "package starstream:clock { interface wall { now: func() -> u64; } }\npackage starstream:events {",
    );
    change(
        "src/lib.rs",
        "        Counter::start(first)\n    }",
        "        Counter::start(first + bindings::starstream::clock::wall::now() as i64)\n    }",
    );
    let error = compiler.refusal(project.path());
    assert!(error["error"]["message"].as_str().unwrap().contains("starstream:clock/wall"), "{error}");
}

/// With which compiler the committed components were built.
const BUILT_WITH: &str = "built-with";

/// A compiler for contracts.
struct Compiler {
    rustc: PathBuf,
    version: String,
    /// Names what its standard library for the target consists of.
    standard_library: String,
}

impl Compiler {
    /// None, told on stderr, if there is none.
    fn find() -> Option<Self> {
        let named = std::env::var_os(RUSTC_VARIABLE).filter(|rustc| !rustc.is_empty());
        let rustc = PathBuf::from(named.unwrap_or_else(|| "rustc".into()));
        let ask = |arguments: &[&str]| {
            let output = std::process::Command::new(&rustc).args(arguments).output().ok()?;
            String::from_utf8(output.stdout).ok()
        };
        let libraries = ask(&["--print", "target-libdir", "--target", TARGET]).unwrap_or_default();
        if !Path::new(libraries.trim_end()).is_dir() {
            let reason = format!(
                "SKIPPED: contracts in Rust are not built, because `{}` has no {TARGET}: `rustup target add {TARGET}`, or name \
                 a compiler that has it with {RUSTC_VARIABLE} (`.ci/wasm-rust DIR` installs one)\n",
                rustc.display()
            );
            // Not through the macros, whose output is shown of failing tests alone.
            std::io::stderr().write_all(reason.as_bytes()).unwrap();
            return None;
        }
        let version = ask(&["--version"]).unwrap();
        let mut files: Vec<PathBuf> =
            fs::read_dir(libraries.trim_end()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut digest = Sha256::new();
        files.iter().filter(|file| file.is_file()).for_each(|file| digest.update(fs::read(file).unwrap()));
        Some(Self { rustc, version, standard_library: hex::encode(digest.finalize()) })
    }

    fn is_that_of_the_committed(&self) -> bool {
        fs::read_to_string(set().join(BUILT_WITH)).unwrap_or_default() == self.version
    }

    /// What `ledger build --json` says.
    fn build(&self, project: &Path) -> Value {
        let (stdout, stderr, code) = output(&self.command(project).assert());
        assert_eq!(code, 0, "{}: {stderr}", project.display());
        serde_json::from_str(&stdout).unwrap()
    }

    fn refusal(&self, project: &Path) -> Value {
        let (stdout, stderr, code) = output(&self.command(project).assert());
        assert_eq!((stdout.as_str(), code), ("", 1), "{stderr}");
        serde_json::from_str(stderr.lines().last().unwrap()).unwrap()
    }

    fn command(&self, project: &Path) -> Command {
        let mut command = ledger();
        command.arg("build").arg(project).arg("--json").env("RUSTC", &self.rustc);
        // What they have in common is compiled once for each standard library: cargo knows compilers by their versions
        // only, and two of one version can have libraries that do not fit each other.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contracts").join(&self.standard_library);
        command.env("CARGO_TARGET_DIR", folder);
        command
    }
}

fn new_project(name: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    ledger().args(["new", name, "--path"]).arg(directory.path()).assert().success();
    directory
}

/// Writes a component, and its digest where it is expected.
fn bless(path: &Path, component: &[u8]) {
    use sha2::{Digest, Sha256};
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = hex::encode(Sha256::digest(fs::read(path).unwrap_or_default()));
    fs::write(path, component).unwrap();
    let file = set().join("expectations.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&before, &hex::encode(Sha256::digest(component)))).unwrap();
}

/// The sizes of all functions, sorted, and the data of all segments: the compiler orders functions by names in which the
/// folder takes part where they are built.
fn parts(component: &[u8]) -> (Vec<usize>, Vec<Vec<u8>>) {
    let (mut functions, mut data) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::CodeSectionEntry(body) => functions.push(body.range().len()),
            Payload::DataSection(section) => data.extend(section.into_iter().map(|it| it.unwrap().data.to_vec())),
            _ => {}
        }
    }
    functions.sort_unstable();
    (functions, data)
}

fn world(component: &[u8]) -> Value {
    json!(crate::starstream::contract::Contract::new(component.to_vec()).component.flat_text().unwrap())
}

fn set() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sets/rust")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
