//! A package with all its dependencies as a `.tar.gz` in the layout that `wit-deps` reads.
//!
//! People pin the sha256 of what they download, so an archive has the same bytes for ever: those of the stored texts,
//! which never change, in headers of fixed values and without compression, whose result would depend on the version of
//! a library.

use super::{App, AppError, InternalError};
use bytes::Bytes;
use flate2::Crc;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wire::ReleaseTarget;
use std::io;
use std::sync::Arc;
use tar::{Builder, EntryType, Header};

/// Who may do what with an unpacked file.
const FILE_MODE: u32 = 0o644;

/// Characters of a folder's name: file systems allow 255 bytes.
const FOLDER_NAME_CHARS_MAX: usize = 200;

/// What is left of a name that is longer, before the package's hash.
const FOLDER_NAME_CHARS_KEPT: usize = 100;

/// The beginning of a gzip file: deflate, no name, no time, no further flags, an unknown system (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Bytes in a block that is stored as it is (RFC 1951, 3.2.4).
const STORED_BLOCK_SIZE_BYTES_MAX: usize = 0xffff;

impl App {
    /// A package with all its dependencies, as `wit-deps` reads it.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn package_archive(&self, hash: &PackageHash) -> Result<Bytes, AppError> {
        if let Some(archive) = self.archives.get(hash) {
            return Ok(archive);
        }
        let stored = self.stored_closure(&[*hash]).await?;
        if stored.packages.is_empty() {
            return Err(AppError::NotFound(hash.to_string()));
        }
        let (root, limits) = (*hash, Arc::clone(&self.limits));
        let archive = self.workers.run(move || verified_archive(root, stored, &limits.content)).await??;
        self.archives.insert(*hash, archive.clone());
        Ok(archive)
    }

    /// The package that a release is.
    ///
    /// # Errors
    /// [`AppError::NotFound`], and [`AppError::NotAPackage`] if it is a component.
    pub(crate) async fn released_package(&self, name: ReleaseName) -> Result<PackageHash, AppError> {
        let release = self.release(name).await?;
        match release.target {
            ReleaseTarget::Package(hash) => Ok(hash),
            ReleaseTarget::Component(_) => Err(AppError::NotAPackage(Box::new(release.name))),
        }
    }
}

fn verified_archive(root: PackageHash, stored: Closure, limits: &Limits) -> Result<Bytes, AppError> {
    stored.verify(&root, limits).map_err(|error| AppError::damaged(root, &error))?;
    let archive = archive(&root, stored.packages).map_err(InternalError::Archive)?;
    Ok(archive.into())
}

/// `ID/wit/package.wit` for the root, and `…/wit/deps/ID/package.wit` for each other package: a package has the same
/// files, and so the same digest in `deps.lock`, whether a project names it or another package brings it along.
fn archive(root: &PackageHash, packages: Vec<ClosurePackage>) -> io::Result<Vec<u8>> {
    let (roots, mut dependencies): (Vec<_>, Vec<_>) = packages.into_iter().partition(|package| package.hash == *root);
    dependencies.sort_by(|a, b| a.name.cmp(&b.name));
    let mut tar = Builder::new(Vec::new());
    let Some(main) = roots.first() else { return Err(io::ErrorKind::NotFound.into()) };
    let top = folder_name(main);
    append(&mut tar, &format!("{top}/wit/package.wit"), &main.wit)?;
    for package in &dependencies {
        append(&mut tar, &format!("{top}/wit/deps/{}/package.wit", folder_name(package)), &package.wit)?;
    }
    Ok(gzip(&tar.into_inner()?))
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, text: &str) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(text.len() as u64);
    header.set_mode(FILE_MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, path, text.as_bytes())
}

/// What a package's folder is called, and so its id for `wit-deps`: `wasi-io-0.2.0`.
///
/// Folders of different archives end beside each other, and two of one name with different contents are a conflict. So
/// the version is a part of the name, and so is which of the hyphens ends the namespace if it has others: then it is an
/// underscore, which stands in no namespace, name or version.
fn folder_name(package: &ClosurePackage) -> String {
    let (namespace, name, version) = (package.name.namespace(), package.name.name(), package.name.version());
    let separator = if namespace.contains('-') { '_' } else { '-' };
    let plain = format!("{namespace}{separator}{name}-{version}");
    if plain.chars().count() <= FOLDER_NAME_CHARS_MAX {
        return plain;
    }
    let kept: String = plain.chars().take(FOLDER_NAME_CHARS_KEPT).collect();
    format!("{kept}_{}", package.hash.to_string().replace(':', "-"))
}

/// A gzip file that stores the bytes as they are.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GZIP_HEADER.to_vec();
    let mut blocks = bytes.chunks(STORED_BLOCK_SIZE_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let size = (block.len() as u16).to_le_bytes();
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(size);
        file.extend(size.map(|byte| !byte));
        file.extend(block);
    }
    let mut crc = Crc::new();
    crc.update(bytes);
    file.extend(crc.sum().to_le_bytes());
    file.extend(crc.amount().to_le_bytes());
    file
}
