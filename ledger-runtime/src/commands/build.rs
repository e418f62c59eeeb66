//! `ledger build`

use crate::arguments::BuildArguments;
use crate::failure::{Failure, Finding};
use anstream::{eprintln, println};
use anyhow::{Context, anyhow};
use ledger_core::ExternalId;
use ledger_runtime::admission::{Executable, Imports, external_ids};
use ledger_runtime::engine;
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use registry_client::local::{Dependencies, LocalComponent, LocalInput, verify};
use registry_core::component::VerifiedComponent;
use registry_core::id::ComponentHash;
use registry_core::limits::Limits as CoreLimits;
use registry_core::starstream::Contract as StarstreamContract;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use wasmtime::Engine;
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";

/// The folder of a project with the components of the contracts that it imports.
const CONTRACTS: &str = "contracts";

pub(crate) async fn run(arguments: BuildArguments) -> Result<(), Failure> {
    let json = arguments.json;
    let built = tokio::task::spawn_blocking(move || build(&arguments.project));
    let built = built.await.context("building ended in a defect")??;
    if json {
        println!("{}", built.document());
    } else {
        if let Some(contract) = &built.starstream {
            eprintln!("{contract}");
        }
        eprintln!("{} bytes, sha256:{}, {}", built.size_bytes, built.sha256, built.hash);
        println!("{}", built.path.display());
    }
    Ok(())
}

/// A component that the ledger would take.
struct Built {
    path: PathBuf,
    size_bytes: usize,
    /// Of its bytes, as 64 hexadecimal digits.
    sha256: String,
    hash: ComponentHash,
    /// What it is in Starstream's terms, if it is of that form.
    starstream: Option<StarstreamContract>,
}

impl Built {
    fn document(&self) -> Value {
        json!({
            "path": self.path,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "hash": self.hash.to_string(),
            "starstream": self.starstream,
        })
    }
}

fn build(project: &Path) -> Result<Built, Failure> {
    let manifest = project.join("Cargo.toml");
    if !manifest.is_file() {
        let message = format!("there is no project in `{}`", project.display());
        return Err(finding(message, "`ledger new NAME` begins one", "no-project"));
    }
    let module = compile(project, &manifest)?;
    let path = module.with_extension("component.wasm");
    let component = encode(&module)?;
    fs::write(&path, component).with_context(|| format!("cannot write `{}`", path.display()))?;
    check(project, path)
}

/// Lets cargo build the project, and gives the path of the module that it made.
fn compile(project: &Path, manifest: &Path) -> Result<PathBuf, Failure> {
    let manifest = manifest.canonicalize().with_context(|| format!("cannot find `{}`", manifest.display()))?;
    let mut cargo = Command::new(program("CARGO", "cargo"));
    cargo.current_dir(project).args(["build", "--release", "--target", TARGET]);
    cargo.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = match cargo.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(finding("`cargo` is not there", "install Rust with `rustup`", "no-cargo"));
        }
        Err(error) => return Err(anyhow::Error::new(error).context("cannot run `cargo`").into()),
    };
    if !output.status.success() {
        return Err(not_built(project));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    module_path(&messages, &manifest).ok_or_else(|| {
        finding(
            "cargo built no module of this project",
            "its Cargo.toml must say `[lib]` `crate-type = [\"cdylib\"]`",
            "no-module",
        )
    })
}

/// The WebAssembly file of the package whose manifest is `manifest`, from what cargo tells line by line.
fn module_path(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files = artifacts
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().map(Path::new) == Some(manifest))
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

/// Cargo has said why on stderr; what it does not know is told here.
fn not_built(project: &Path) -> Failure {
    let message = "cargo could not build the project";
    if has_target(project) {
        let hint = "cargo says why above; `cargo build` in the project's folder says it again";
        return finding(message, hint, "not-built");
    }
    finding(message, format!("`rustup target add {TARGET}` installs what it lacks"), "no-target")
}

/// Whether the compiler has a library for the target. In doubt it has.
fn has_target(project: &Path) -> bool {
    let mut rustc = Command::new(program("RUSTC", "rustc"));
    rustc.current_dir(project).args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null());
    let Ok(output) = rustc.output() else { return true };
    Path::new(String::from_utf8_lossy(&output.stdout).trim_end()).is_dir()
}

/// The program that a variable of the environment names, as cargo itself chooses it.
fn program(variable: &str, default: &str) -> OsString {
    env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into())
}

/// The component of which the module is the code. Its world is in the module, where the bindings put it.
fn encode(module: &Path) -> Result<Vec<u8>, anyhow::Error> {
    let bytes = fs::read(module).with_context(|| format!("cannot read `{}`", module.display()))?;
    // The ledger runs only components whose interfaces are exactly those that they were written against.
    let encoder = ComponentEncoder::default().validate(true).merge_imports_based_on_semver(false);
    let encoded = encoder.module(&bytes).and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| anyhow!("{error:#}").context("the module is not one of a contract"))
}

/// What a node checks before it deploys a contract.
fn check(project: &Path, path: PathBuf) -> Result<Built, Failure> {
    let profile = ExecutionProfile::default();
    let limits = Limits::of_deployments(&profile);
    let component = read(&path, &limits)?;
    let dependencies = Dependencies::read(&project.join("wit").join("deps"), &limits);
    let dependencies = dependencies.context("the packages in `wit/deps` cannot be used")?;
    let engine = engine::build(&profile, NonZeroU32::MIN).context("this machine cannot check the component")?;
    let checker = Checker { engine, profile, contracts: contracts(project, &limits)?, dependencies, limits };
    let (verified, _) = checker.admit(&component)?;
    let starstream = verified.world().and_then(|world| StarstreamContract::of(verified.wit().resolve(), world));
    let LocalComponent { path, bytes, hash, .. } = component;
    Ok(Built { path, size_bytes: bytes.len(), sha256: hex::encode(Sha256::digest(&bytes)), hash, starstream })
}

/// The contracts that the project may import: the components in its folder `contracts`.
fn contracts(project: &Path, limits: &CoreLimits) -> Result<Vec<LocalComponent>, Failure> {
    let folder = project.join(CONTRACTS);
    let cannot_read = || format!("cannot read `{}`", folder.display());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().with_context(cannot_read)?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(anyhow::Error::new(error).context(cannot_read()).into()),
    };
    let paths = entries.into_iter().map(|entry| entry.path());
    let components = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    Ok(components.map(|path| read(&path, limits)).collect::<Result<_, _>>()?)
}

/// Admits components as a node does, with the contracts that they import.
struct Checker {
    engine: Engine,
    profile: ExecutionProfile,
    limits: CoreLimits,
    dependencies: Dependencies,
    contracts: Vec<LocalComponent>,
}

impl Checker {
    fn admit(&self, component: &LocalComponent) -> Result<(VerifiedComponent, Arc<Executable>), anyhow::Error> {
        let refused = || format!("the ledger would refuse `{}`", component.path.display());
        let verified = verify(component, &self.dependencies, &self.limits).with_context(refused)?;
        let imports = self.imports(&verified).with_context(refused)?;
        let admitted = Executable::admit(&self.engine, &self.profile, &verified, &component.bytes, &imports);
        let executable = Arc::new(admitted.with_context(refused)?);
        Ok((verified, executable))
    }

    /// What the component imports of other contracts. This ends, because a component that names another by its hash is
    /// younger than that one.
    fn imports(&self, component: &VerifiedComponent) -> Result<Imports, anyhow::Error> {
        let Some(world) = component.world() else { return Ok(Imports::new()) };
        let ids = external_ids(component.wit().resolve(), world)?;
        ids.into_iter().map(|id| Ok((id, self.admit(self.imported(&id)?)?.1))).collect()
    }

    fn imported(&self, id: &ExternalId) -> Result<&LocalComponent, Finding> {
        let is_named = |contract: &&LocalComponent| match id {
            ExternalId::Contract(hash) => contract.hash == *hash,
            ExternalId::Sha256(digest) => Sha256::digest(&contract.bytes).as_slice() == digest,
        };
        self.contracts.iter().find(is_named).ok_or_else(|| Finding {
            message: format!("it imports the contract `{id}`, which is not in the folder `{CONTRACTS}`"),
            hint: Some(format!("put that contract's component there, as `{CONTRACTS}/NAME.wasm`")),
            code: "no-contract".to_owned(),
        })
    }
}

fn read(path: &Path, limits: &CoreLimits) -> Result<LocalComponent, anyhow::Error> {
    match LocalInput::read(path, None, limits)? {
        LocalInput::Component(component) => Ok(component),
        LocalInput::Package(_) => Err(anyhow!("`{}` is not a component", path.display())),
    }
}

fn finding(message: impl Into<String>, hint: impl Into<String>, code: &str) -> Failure {
    Finding { message: message.into(), hint: Some(hint.into()), code: code.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_that_of_the_project_itself() {
        let message = |manifest: &str, files: &str| {
            format!(r#"{{"reason": "compiler-artifact", "manifest_path": "{manifest}", "filenames": [{files}]}}"#)
        };
        let messages = [
            r#"{"reason": "build-script-executed"}"#.to_owned(),
            "not JSON".to_owned(),
            message("/a/ledger-contract/Cargo.toml", r#""/t/other.wasm""#),
            message("/a/Cargo.toml", r#""/t/build-script-build""#),
            message("/a/Cargo.toml", r#""/t/counter.d", "/t/counter.wasm""#),
        ];
        let messages = messages.join("\n");
        assert_eq!(module_path(&messages, Path::new("/a/Cargo.toml")), Some(PathBuf::from("/t/counter.wasm")));
        assert_eq!(module_path(&messages, Path::new("/b/Cargo.toml")), None);
    }
}
