//! Reading and writing a project's files: whole or not at all.

use super::error::ProjectError;
use crate::limits::PROJECT_FILE_SIZE_BYTES_MAX;
use registry_core::limits::LimitExceeded;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The text of a file; none if it is not there.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, ProjectError> {
    let Some(bytes) = read_bytes(path, PROJECT_FILE_SIZE_BYTES_MAX)? else { return Ok(None) };
    let not_text = |_| ProjectError::io("read", path, io::Error::other("it is not UTF-8 text"));
    String::from_utf8(bytes).map(Some).map_err(not_text)
}

/// The bytes of a file; none if it is not there.
pub(super) fn read_bytes(path: &Path, size_bytes_max: usize) -> Result<Option<Vec<u8>>, ProjectError> {
    let failed = |error| ProjectError::io("read", path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(size_bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    LimitExceeded::check("the size of the file in bytes", bytes.len(), size_bytes_max, "size_bytes_max")
        .map_err(|source| ProjectError::Limit { path: path.to_owned(), source })?;
    Ok(Some(bytes))
}

/// Writes all files or none: each under another name first, then all get their names. If one cannot, those that had
/// theirs already become what they were.
pub(super) fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<(), ProjectError> {
    let mut prepared = Vec::new();
    for (path, bytes) in files {
        // What a link points to is written, and the link stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let failed = |error| ProjectError::io("write", &path, error);
        let before = read_bytes(&path, usize::MAX - 1)?;
        let file = prepare(&path, bytes).map_err(failed)?;
        prepared.push((path, before, file));
    }
    let mut done: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
    for (path, before, file) in prepared {
        if let Err(error) = file.persist(&path) {
            done.iter().for_each(|(path, before)| restore(path, before.as_deref()));
            return Err(ProjectError::io("write", &path, error.error));
        }
        done.push((path, before));
    }
    Ok(())
}

fn prepare(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".registry-unfinished-");
    // The file is for the same eyes as any other that the user makes; the process's mask applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Ok(metadata) = fs::metadata(path) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

fn restore(path: &Path, before: Option<&[u8]>) {
    let restored = match before {
        Some(bytes) => {
            prepare(path, bytes).and_then(|file| file.persist(path).map(|_| ()).map_err(|error| error.error))
        }
        None => fs::remove_file(path),
    };
    if let Err(error) = restored {
        tracing::error!(path = %path.display(), %error, "a file that was half of a change could not be put back");
    }
}

/// The sha256 of bytes, as hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
