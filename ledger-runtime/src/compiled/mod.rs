//! Compiled contracts on disk, so that a node which starts again does not compile them again.
//!
//! To load compiled code is to trust it: it is machine code that this process will run. A file is therefore used only if
//! it was written by somebody who has the node's key, which lies outside of the folder of the files: it begins with a
//! MAC over what it is the code of and over every byte of the code. A file is read once, and what was verified is what is
//! loaded. Anything that does not verify is removed, and the contract is compiled as if nothing had been there.
//!
//! No call fails because of this cache: whatever goes wrong with it is logged.

mod code;
mod files;
mod key;

use code::Code;
use files::{CodeId, Files};
use key::Key;
use registry_core::id::ComponentHash;
use registry_core::panics::catch_panic;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use tracing::warn;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// The folder of the compiled code in a data directory.
const FOLDER: &str = "compiled";
/// The key of the compiled code, beside that folder.
const KEY_FILE: &str = "compiled.key";

/// Compiles contracts, or loads what was compiled before.
pub struct CompiledCache {
    engine: Engine,
    compatibility: [u8; 32],
    files: Option<Files>,
}

impl CompiledCache {
    /// Keeps compiled code in `data_dir`, at most `size_bytes_max` of it. If that can't be done the cache is one that
    /// keeps nothing.
    pub fn open(engine: Engine, data_dir: &Path, size_bytes_max: u64) -> Self {
        let files = open_files(data_dir, size_bytes_max).inspect_err(|error| {
            let path = data_dir.display();
            warn!(%path, %error, "compiled contracts cannot be kept in `{path}`: {error}");
        });
        Self { files: files.ok(), ..Self::without_files(engine) }
    }

    /// Keeps nothing: every contract is compiled each time.
    pub fn without_files(engine: Engine) -> Self {
        Self { compatibility: compatibility(&engine), engine, files: None }
    }

    /// What the code is compiled for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The compiled form of the component `hash`, whose bytes are `bytes`. Compiling takes milliseconds to seconds of
    /// processor time.
    ///
    /// # Errors
    /// If it can't be compiled.
    pub fn component(&self, hash: ComponentHash, bytes: &[u8]) -> wasmtime::Result<Component> {
        self.load_or_compile(hash, bytes)
    }

    /// The compiled form of the core module of the component `hash`; the module's own bytes are `bytes`.
    ///
    /// # Errors
    /// If it can't be compiled.
    pub fn module(&self, hash: ComponentHash, bytes: &[u8]) -> wasmtime::Result<Module> {
        self.load_or_compile(hash, bytes)
    }

    fn load_or_compile<C: Code>(&self, hash: ComponentHash, bytes: &[u8]) -> wasmtime::Result<C> {
        let Some(files) = &self.files else { return self.compile(bytes) };
        let id = CodeId { contract: hash, form: C::FORM, compatibility: self.compatibility };
        if let Some(code) = files.load(&self.engine, &id) {
            return Ok(code);
        }
        let code = self.compile::<C>(bytes)?;
        files.keep(&id, &code);
        Ok(code)
    }

    /// The compiler ends in a panic for some components that are valid, and the node must not.
    fn compile<C: Code>(&self, bytes: &[u8]) -> wasmtime::Result<C> {
        catch_panic(|| C::compile(&self.engine, bytes))
            .map_err(|reason| wasmtime::Error::msg(format!("the compiler cannot compile it: {reason}")))?
    }
}

fn open_files(data_dir: &Path, size_bytes_max: u64) -> io::Result<Files> {
    let key = Key::open(&data_dir.join(KEY_FILE))?;
    Files::open(data_dir.join(FOLDER), key, size_bytes_max)
}

/// Names everything about an engine that decides whether it can run what another one compiled: its version, the target,
/// what operators cost, and many settings more.
fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut hasher = WideHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Collects what is hashed into more bits than a [`Hasher`] gives.
struct WideHasher(Sha256);

impl Hasher for WideHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nothing asks for this one: the digest is read from the inside.
    fn finish(&self) -> u64 {
        0
    }
}
