//! Files and folders, read within limits and in a fixed order.

use super::error::LocalError;
use registry_core::limits::{LimitExceeded, Limits};
use registry_core::wit::SourceFile;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads files and counts what it has read.
pub(super) struct FileReader<'a> {
    pub(super) limits: &'a Limits,
    text_size_bytes: usize,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, text_size_bytes: 0 }
    }

    /// Whether a path that must exist is a folder; links are followed.
    pub(super) fn is_folder(path: &Path) -> Result<bool, LocalError> {
        let metadata = fs::metadata(path).map_err(|source| LocalError::io(path, source))?;
        if metadata.is_dir() || metadata.is_file() {
            return Ok(metadata.is_dir());
        }
        // Reading a pipe or a device could wait for ever.
        Err(LocalError::NotAFile { path: path.to_owned() })
    }

    /// A file's bytes, as many as the largest kind of input may have.
    pub(super) fn bytes(&self, path: &Path) -> Result<Vec<u8>, LocalError> {
        let max = self.limits.component_size_bytes_max;
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|source| LocalError::io(path, source))?;
        // One byte more than allowed shows that the file is too large without reading all of it.
        let read = file.take(max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|source| LocalError::io(path, source))?;
        limit(path, "the size of the file in bytes", bytes.len(), max, "component_size_bytes_max")?;
        Ok(bytes)
    }

    /// The bytes as WIT text.
    pub(super) fn source(&mut self, path: &Path, bytes: Vec<u8>) -> Result<SourceFile, LocalError> {
        let (size, max) = (bytes.len(), self.limits.wit_size_bytes_max);
        limit(path, "the size of the WIT text in bytes", size, max, "wit_size_bytes_max")?;
        self.text_size_bytes += bytes.len();
        let (size, max) = (self.text_size_bytes, self.limits.closure_size_bytes_max);
        limit(path, "the size of all WIT text in bytes", size, max, "closure_size_bytes_max")?;
        let text = String::from_utf8(bytes).map_err(|_| LocalError::NotUtf8 { path: path.to_owned() })?;
        Ok(SourceFile::new(path.display().to_string(), text))
    }
}

/// The `.wit` files that lie directly in a folder.
pub(super) fn read_package_folder(folder: &Path, reader: &mut FileReader<'_>) -> Result<Vec<SourceFile>, LocalError> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if !has_extension(&path, "wit") || FileReader::is_folder(&path)? {
            continue;
        }
        let max = reader.limits.files_max;
        limit(folder, "the number of files", files.len() + 1, max, "files_max")?;
        let bytes = reader.bytes(&path)?;
        files.push(reader.source(&path, bytes)?);
    }
    Ok(files)
}

/// What lies in a folder, in the order of names.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let failed = |source| LocalError::io(folder, source);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

pub(super) fn limit(
    path: &Path,
    what: &'static str,
    found: usize,
    max: usize,
    limit: &'static str,
) -> Result<(), LocalError> {
    LimitExceeded::check(what, found, max, limit).map_err(|source| LocalError::Limit { path: path.to_owned(), source })
}
