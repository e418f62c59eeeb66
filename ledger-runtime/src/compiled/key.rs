//! The key with which a node recognises the compiled code that it wrote itself.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tracing::warn;

const KEY_SIZE_BYTES: usize = 32;
/// What a MAC has.
pub(super) const MAC_SIZE_BYTES: usize = 32;

/// A secret of one node.
pub(super) struct Key([u8; KEY_SIZE_BYTES]);

/// Bytes that were written by somebody with the key.
pub(super) struct Authentic<'a>(&'a [u8]);

impl Key {
    /// The key in the file `path`. If there is none, or others could have read it, a new one takes its place, and what
    /// was written with the old one is not recognised any more.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match read(path) {
            Ok(key) => return Ok(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let shown = path.display();
                warn!(path = %shown, %error, "the key `{shown}` is replaced: {error}");
                fs::remove_file(path)?;
            }
            Err(error) => return Err(error),
        }
        make(path)?;
        // Another process may have been faster; the key is what stands in the file.
        read(path)
    }

    /// The MAC of `bytes` as the code that `description` describes.
    pub(super) fn mac(&self, description: &[u8], bytes: &[u8]) -> io::Result<[u8; MAC_SIZE_BYTES]> {
        Ok(self.over(description, bytes)?.finalize().into_bytes().into())
    }

    /// The bytes, if `mac` is theirs as the code that `description` describes.
    pub(super) fn verify<'a>(&self, mac: &[u8], description: &[u8], bytes: &'a [u8]) -> Option<Authentic<'a>> {
        // The comparison takes the same time wherever the first difference is.
        self.over(description, bytes).ok()?.verify_slice(mac).is_ok().then_some(Authentic(bytes))
    }

    fn over(&self, description: &[u8], bytes: &[u8]) -> io::Result<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(io::Error::other)?;
        // The length keeps the end of the description from being moved into the code.
        let length = (description.len() as u64).to_le_bytes();
        Ok(mac.chain_update(length).chain_update(description).chain_update(bytes))
    }
}

impl Authentic<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0
    }
}

fn read(path: &Path) -> io::Result<Key> {
    let file = File::open(path)?;
    if is_open_to_others(&file)? {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "other users can read it"));
    }
    let mut bytes = Vec::new();
    file.take(KEY_SIZE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let not_a_key = |bytes: Vec<u8>| {
        io::Error::new(io::ErrorKind::InvalidData, format!("it has {} bytes or more, not 32", bytes.len()))
    };
    bytes.try_into().map(Key).map_err(not_a_key)
}

/// Writes a new key under another name and gives it its own, unless there is one by now.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_SIZE_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    fs::create_dir_all(&folder)?;
    // A temporary file can be read by its owner only.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &File) -> io::Result<bool> {
    Ok(false)
}
