//! The files of compiled code: `MAC || code`, one for each contract, form and kind of engine.

use super::code::Code;
use super::key::{Key, MAC_SIZE_BYTES};
use registry_core::id::ComponentHash;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use tempfile::NamedTempFile;
use tracing::{debug, warn};
use wasmtime::Engine;

/// A private folder of files, of which those that were used last stay.
pub(super) struct Files {
    folder: PathBuf,
    key: Key,
    size_bytes_max: u64,
    /// One thread at a time looks which files must go.
    evicting: Mutex<()>,
}

/// What compiled code is the code of.
pub(super) struct CodeId {
    pub(super) contract: ComponentHash,
    pub(super) form: &'static str,
    pub(super) compatibility: [u8; 32],
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it is too short or too long")]
    Size,
    #[error("it was changed, or written with another key")]
    Mac,
    #[error("the engine refuses it: {0}")]
    Engine(wasmtime::Error),
    #[error(transparent)]
    File(#[from] io::Error),
}

impl Files {
    /// The files in `folder`, which is made if it is not there, and which nobody else can enter.
    pub(super) fn open(folder: PathBuf, key: Key, size_bytes_max: u64) -> io::Result<Self> {
        make_private(&folder)?;
        Ok(Self { folder, key, size_bytes_max, evicting: Mutex::new(()) })
    }

    /// The code that is kept, if it is there and verifies. A file that does not is removed.
    pub(super) fn load<C: Code>(&self, engine: &Engine, id: &CodeId) -> Option<C> {
        let path = self.folder.join(id.file_name());
        let error = match self.read(engine, id, &path) {
            Ok(code) => return Some(code),
            Err(Unusable::File(error)) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => error,
        };
        let shown = path.display();
        warn!(path = %shown, %error, "the compiled code `{shown}` is removed, and compiled again: {error}");
        if let Err(error) = fs::remove_file(&path) {
            debug!(path = %shown, %error, "`{shown}` cannot be removed: {error}");
        }
        None
    }

    /// Keeps the code. If that fails there is nothing to load next time.
    pub(super) fn keep(&self, id: &CodeId, code: &impl Code) {
        let path = self.folder.join(id.file_name());
        let kept = code.serialize().map_err(io::Error::other).and_then(|bytes| self.write(id, &path, &bytes));
        if let Err(error) = kept.and_then(|()| self.evict()) {
            let shown = path.display();
            warn!(path = %shown, %error, "the compiled code `{shown}` cannot be kept: {error}");
        }
    }

    fn read<C: Code>(&self, engine: &Engine, id: &CodeId, path: &Path) -> Result<C, Unusable> {
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        (&file).take(self.size_bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.size_bytes_max {
            return Err(Unusable::Size);
        }
        let (mac, code) = bytes.split_at_checked(MAC_SIZE_BYTES).ok_or(Unusable::Size)?;
        let code = self.key.verify(mac, &id.description(), code).ok_or(Unusable::Mac)?;
        let code = C::deserialize(engine, code).map_err(Unusable::Engine)?;
        // The time of the last change is when it was used last. Without it the file only goes earlier.
        if let Err(error) = file.set_modified(SystemTime::now()) {
            debug!(path = %path.display(), %error, "the time of `{}` cannot be set: {error}", path.display());
        }
        Ok(code)
    }

    /// Writes under another name and then gives the file its own. A file that a crash leaves behind half written does
    /// not verify, so nothing waits for the disk.
    fn write(&self, id: &CodeId, path: &Path, code: &[u8]) -> io::Result<()> {
        if (MAC_SIZE_BYTES + code.len()) as u64 > self.size_bytes_max {
            return Ok(());
        }
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(&self.key.mac(&id.description(), code)?)?;
        file.write_all(code)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes what was not used for the longest time until the rest fits. What crashes left behind goes the same way.
    fn evict(&self) -> io::Result<()> {
        let _evicting = self.evicting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may have removed it meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort();
        let mut size_bytes: u64 = files.iter().map(|(_, size_bytes, _)| size_bytes).sum();
        for (_, file_size_bytes, path) in files {
            if size_bytes <= self.size_bytes_max {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => size_bytes -= file_size_bytes,
            }
        }
        Ok(())
    }
}

impl CodeId {
    fn file_name(&self) -> String {
        let Self { contract, form, compatibility } = self;
        let engine = hex::encode(compatibility.get(..8).unwrap_or_default());
        format!("{}.{form}.{engine}", contract.digest().to_hex())
    }

    /// What the MAC covers beside the code.
    fn description(&self) -> Vec<u8> {
        [self.contract.digest().to_hex().as_bytes(), self.form.as_bytes(), &self.compatibility].concat()
    }
}

/// Makes a folder that only its owner can enter, or makes the one that is there so.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
    }
    #[cfg(not(unix))]
    builder.create(folder)?;
    Ok(())
}
