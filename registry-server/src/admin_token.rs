//! The operator's token: made when a registry starts for the first time, and kept in a file that only its user can read.

use crate::app::{another_admin_token, first_admin_token};
use crate::config::{create_private_dir, parent_of};
use crate::server::StartError;
use crate::store::Store;
use secrecy::{ExposeSecret, SecretString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tracing::info;

/// Writes the operator's token to the file if there is no token yet, or if a lost one is to be replaced.
pub(crate) async fn provide(store: &Store, file: &Path, renews: bool) -> Result<(), StartError> {
    let keep = |secret: &SecretString| {
        write(file, secret).map_err(|source| StartError::AdminToken { path: file.to_owned(), source })
    };
    let made = if renews {
        another_admin_token(store, keep).await?;
        true
    } else {
        first_admin_token(store, keep).await?
    };
    if made {
        info!("the operator's token is in `{}`", file.display());
    }
    Ok(())
}

/// Replaces the file at once, so that nobody reads half of a token.
fn write(file: &Path, secret: &SecretString) -> io::Result<()> {
    let dir = parent_of(file);
    create_private_dir(dir)?;
    let new = file.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut output = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    writeln!(output, "{}", secret.expose_secret())?;
    output.sync_all()?;
    fs::rename(&new, file)?;
    File::open(dir)?.sync_all()
}
