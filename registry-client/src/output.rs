//! Writing a folder whole or not at all.

use crate::layout::OutputFile;
use crate::limits::{REPLACEABLE_DEPTH_MAX, SHOWN_FILES_MAX};
use registry_core::wit::WitError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Why a folder was not written. Nothing is left behind then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// There is something already.
    #[error("`{}` exists and is not empty", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
        /// The first files in it, as paths inside it, that are not those of a fetched dependency.
        files: Vec<PathBuf>,
    },
    /// There is something that no `fetch` wrote.
    #[error("`{}` will not be replaced: `{}` is neither WIT nor a component", .path.display(), .foreign.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The first file or folder in it that is of another kind.
        foreign: PathBuf,
    },
    /// There is a file of that name.
    #[error("`{}` is not a folder", .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder in which a program runs cannot be replaced under its feet.
    #[error("`{}` is the current folder or holds it", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// What was fetched cannot be printed as WIT.
    #[error("the WIT cannot be printed")]
    Print(#[source] Box<WitError>),
    /// The operating system refused.
    #[error("cannot write `{}`", .path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: io::Error,
    },
}

impl From<WitError> for OutputError {
    fn from(error: WitError) -> Self {
        Self::Print(Box::new(error))
    }
}

impl OutputError {
    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } | Self::Foreign { .. } | Self::NotAFolder { .. } => "exists",
            Self::InUse { .. } => "in_use",
            Self::Print(_) => "internal",
            Self::Io { .. } => "io",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { files, .. } => Some(exists_hint(files)),
            Self::Foreign { .. } | Self::NotAFolder { .. } => Some("name another folder with `-o`".to_owned()),
            Self::InUse { .. } => Some("name a folder inside it with `-o`, such as `-o wit`".to_owned()),
            Self::Print(_) | Self::Io { .. } => None,
        }
    }
}

/// Which of the files `fetch` wrote is not recorded, so all are named that a person may have written.
fn exists_hint(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
    let lost = if files.is_empty() { String::new() } else { format!(", {} too", files.join(", ")) };
    format!("name another folder with `-o`; `--force` deletes everything in this one{lost}")
}

/// Writes the files into a new folder: first into a temporary one beside it, which then gets its name.
///
/// With `replace`, a folder that holds nothing but WIT and components is replaced in one step.
///
/// # Errors
/// If the folder exists and is not empty, or cannot be written.
pub fn write_folder(target: &Path, files: &[OutputFile], replace: bool) -> Result<(), OutputError> {
    let io = |path: &Path, source| OutputError::Io { path: path.to_owned(), source };
    // A link is followed, so that what it points to is written and the link stays.
    let target = &fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
    let is_replacement = is_replacement(target, replace)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
    let new = temporary_folder(parent).map_err(|source| io(parent, source))?;
    for file in files {
        write_file(&new.path().join(&file.path), &file.bytes).map_err(|source| io(&target.join(&file.path), source))?;
    }
    put_in_place(new, target, is_replacement).map_err(|source| io(target, source))
}

/// Checks whether [`write_folder`] would write, before anything is fetched for it.
///
/// # Errors
/// If the folder exists and is not empty; with `replace`, if it holds anything but WIT and components.
pub fn check_folder(target: &Path, replace: bool) -> Result<(), OutputError> {
    let target = &fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
    is_replacement(target, replace).map(|_| ())
}

/// Whether there is something that is to be replaced.
fn is_replacement(target: &Path, replace: bool) -> Result<bool, OutputError> {
    let io = |source| OutputError::Io { path: target.to_owned(), source };
    match fs::metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(OutputError::NotAFolder { path: target.to_owned() }),
        Ok(_) => {}
    }
    if std::env::current_dir().is_ok_and(|current| current.starts_with(target)) {
        return Err(OutputError::InUse { path: target.to_owned() });
    }
    if fs::read_dir(target).map_err(io)?.next().is_none() {
        return Ok(false);
    }
    if !replace {
        let files = files_to_lose(target).map_err(io)?;
        return Err(OutputError::Exists { path: target.to_owned(), files });
    }
    match foreign_entry(target, REPLACEABLE_DEPTH_MAX).map_err(io)? {
        Some(foreign) => Err(OutputError::Foreign { path: target.to_owned(), foreign }),
        None => Ok(true),
    }
}

/// The first files of a folder and of its `deps`, in the order of names. A fetched dependency has a folder of its own.
fn files_to_lose(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for place in [folder.to_owned(), folder.join("deps")].iter().filter(|place| place.is_dir()) {
        for entry in fs::read_dir(place)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path.strip_prefix(folder).unwrap_or(&path).to_owned());
            }
        }
    }
    files.sort();
    files.truncate(SHOWN_FILES_MAX);
    Ok(files)
}

/// The first entry that `fetch` would not have written: replacing a folder must not cost anyone other files.
fn foreign_entry(folder: &Path, depth_max: usize) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type()))?;
        let kind = kind?;
        let is_output = path.extension().is_some_and(|extension| extension == "wit" || extension == "wasm");
        if kind.is_dir() && depth_max > 0 {
            if let Some(foreign) = foreign_entry(&path, depth_max - 1)? {
                return Ok(Some(foreign));
            }
        } else if !kind.is_file() || !is_output {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn temporary_folder(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".registry-unfinished-");
    // The folder is for the same eyes as any other that the user makes; the process's mask applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent)
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}

fn put_in_place(new: TempDir, target: &Path, is_replacement: bool) -> io::Result<()> {
    if !is_replacement {
        fs::rename(new.path(), target)?;
        // What was temporary has another name now.
        let _renamed = new.keep();
        return Ok(());
    }
    if exchange(new.path(), target).is_ok() {
        return new.close();
    }
    let old = temporary_folder(target.parent().unwrap_or(Path::new(".")))?;
    fs::rename(target, old.path())?;
    if let Err(error) = fs::rename(new.path(), target) {
        fs::rename(old.path(), target)?;
        let _renamed = old.keep();
        return Err(error);
    }
    let _renamed = new.keep();
    old.close()
}

/// Swaps two folders in one step, where the operating system can.
#[cfg(target_os = "linux")]
fn exchange(left: &Path, right: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, left, CWD, right, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_left: &Path, _right: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
