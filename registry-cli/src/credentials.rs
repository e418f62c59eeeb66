//! Tokens: where a command finds the one for its registry, and the file that keeps those of `registry login`.

use crate::arguments::GlobalArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::{Client, DEFAULT_URL};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const TOKEN_VARIABLE: &str = "REGISTRY_TOKEN";

/// Bytes of a file, or of standard input, that holds one token.
const TOKEN_FILE_SIZE_BYTES_MAX: u64 = 4 << 10;

/// Bytes of the file with the tokens of all registries.
const CREDENTIALS_SIZE_BYTES_MAX: u64 = 1 << 20;

/// What a command does with a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads, for which only a private registry wants a token.
    Read,
    /// It changes something, or asks about its own account.
    Account,
}

/// Why there is no token, or why it was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// There is nowhere to keep a file.
    #[error("there is no place to keep a token: neither $XDG_CONFIG_HOME nor $HOME is set")]
    NoHome,
    /// A file cannot be read or written.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// Read or write.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is not one that `login` wrote.
    #[error("`{}` is not a file that `registry login` wrote: {reason}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any of the text, which holds secrets.
        reason: String,
    },
    /// Nothing where a token should be.
    #[error("{0} has no token")]
    Empty(String),
    /// The token could be read on its way.
    #[error(
        "the token was not sent: `{0}` is on another machine and has no TLS, so that everybody on the way could read it"
    )]
    PlainHttp(String),
}

impl CredentialsError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoHome | Self::Io { .. } => "io",
            Self::Format { .. } => "invalid_credentials",
            Self::Empty(_) => "token_required",
            Self::PlainHttp(_) => "plain_http",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoHome => "set one of them, or give the token with `--token-file`",
            Self::Format { .. } => "`registry login` writes a new one, and keeps this one beside it",
            Self::Empty(_) => {
                "`registry token create` makes one; a new registry wrote its first into its data directory"
            }
            Self::PlainHttp(_) => "use an `https://` URL; `--allow-plain-http` sends it all the same",
            Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// A client of the registry that the command line names, with the token for it if there is one.
pub(crate) fn client(global: &GlobalArguments, access: Access, terminal: &Terminal) -> Result<Client, Failure> {
    client_of(anonymous_client(global)?, global, access, terminal)
}

/// A client with the token for its registry if there is one.
pub(crate) fn client_of(
    client: Client,
    global: &GlobalArguments,
    access: Access,
    terminal: &Terminal,
) -> Result<Client, Failure> {
    match find_token(global, &client, access, terminal)? {
        Some(token) => with_token(client, token, global),
        None => Ok(client),
    }
}

/// A client of a second registry, to read from. The token of the command line and of REGISTRY_TOKEN is for the first
/// one, and is never sent here: only `registry login` gives this one a token.
pub(crate) fn second_client(url: &str, global: &GlobalArguments, terminal: &Terminal) -> Result<Client, Failure> {
    let client = Client::new(url)?;
    match kept_token(&client, terminal)? {
        Some(token) => with_token(client, token, global),
        None => Ok(client),
    }
}

/// A client of the registry that the command line names.
pub(crate) fn anonymous_client(global: &GlobalArguments) -> Result<Client, Failure> {
    // An empty variable is how shells unset one for a single command.
    let url = global.registry.as_deref().filter(|url| !url.is_empty()).unwrap_or(DEFAULT_URL);
    Ok(Client::new(url)?)
}

/// Gives a token to a client, unless others could read it on its way to the registry.
pub(crate) fn with_token(client: Client, token: SecretString, global: &GlobalArguments) -> Result<Client, Failure> {
    if client.is_confidential() || global.allow_plain_http {
        return Ok(client.with_token(token));
    }
    Err(CredentialsError::PlainHttp(origin(&client)).into())
}

/// What tokens are kept under: a registry's scheme, host and port.
pub(crate) fn origin(client: &Client) -> String {
    client.url().origin().ascii_serialization()
}

/// The token that this command line gives, if it gives one.
pub(crate) fn given_token(global: &GlobalArguments) -> Result<Option<SecretString>, CredentialsError> {
    if let Some(path) = &global.token_file {
        return token_file(path).map(Some);
    }
    let given = env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty());
    Ok(given.map(|token| SecretString::from(token.trim())))
}

/// Asks for a token without showing it; without a terminal it is the first line of standard input.
pub(crate) fn entered_token(client: &Client) -> Result<SecretString, CredentialsError> {
    let failed = CredentialsError::io("read", Path::new("standard input"));
    let line = if io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        let prompt = write!(&terminal, "Token for {}: ", origin(client));
        prompt.and_then(|()| terminal.read_secure_line()).map_err(failed)?
    } else {
        let mut line = String::new();
        io::stdin().lock().take(TOKEN_FILE_SIZE_BYTES_MAX).read_line(&mut line).map_err(failed)?;
        line
    };
    non_empty(&line, || "what was entered".to_owned())
}

fn find_token(
    global: &GlobalArguments,
    client: &Client,
    access: Access,
    terminal: &Terminal,
) -> Result<Option<SecretString>, CredentialsError> {
    if let Some(token) = given_token(global)? {
        return Ok(Some(token));
    }
    if let Some(token) = kept_token(client, terminal)? {
        return Ok(Some(token));
    }
    // Whoever only reads does without: another registry on this machine would refuse this token.
    if access == Access::Account && client.is_on_this_machine() { local_admin_token() } else { Ok(None) }
}

/// What `registry login` keeps for a client's registry.
fn kept_token(client: &Client, terminal: &Terminal) -> Result<Option<SecretString>, CredentialsError> {
    let Ok(file) = CredentialsFile::locate() else { return Ok(None) };
    match file.login(&origin(client), terminal) {
        Err(error @ CredentialsError::Format { .. }) => {
            terminal.warn(format_args!("no token is taken from a damaged file: {error}; `registry login` mends it"));
            Ok(None)
        }
        found => Ok(found?.map(|login| login.token())),
    }
}

/// What `registry-server` wrote on this machine, if it keeps its data in the default place.
fn local_admin_token() -> Result<Option<SecretString>, CredentialsError> {
    let Some(data) = user_folder("XDG_DATA_HOME", ".local/share") else {
        return Ok(None);
    };
    let path = data.join("registry-server/admin-token");
    match token_file(&path) {
        Err(CredentialsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn token_file(path: &Path) -> Result<SecretString, CredentialsError> {
    let text = read(path, TOKEN_FILE_SIZE_BYTES_MAX)?;
    non_empty(&text, || format!("`{}`", path.display()))
}

fn non_empty(text: &str, from: impl FnOnce() -> String) -> Result<SecretString, CredentialsError> {
    let token = text.trim();
    if token.is_empty() { Err(CredentialsError::Empty(from())) } else { Ok(token.into()) }
}

fn read(path: &Path, size_bytes_max: u64) -> Result<String, CredentialsError> {
    let mut text = String::new();
    let file = File::open(path).map_err(CredentialsError::io("read", path))?;
    file.take(size_bytes_max).read_to_string(&mut text).map_err(CredentialsError::io("read", path))?;
    Ok(text)
}

/// A folder of the XDG specification: what its variable says if that is an absolute path, else in the home directory.
fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let given = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    given.or_else(|| Some(home()?.join(in_home)))
}

/// The file that keeps tokens, by registry.
pub(crate) struct CredentialsFile {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    #[serde(default)]
    registries: BTreeMap<String, Login>,
}

/// A token that is kept, and whose it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) account: String,
    token: String,
}

impl Login {
    pub(crate) fn new(account: String, token: &SecretString) -> Self {
        Self { account, token: token.expose_secret().to_owned() }
    }

    pub(crate) fn token(&self) -> SecretString {
        self.token.as_str().into()
    }
}

impl CredentialsFile {
    /// Finds out where the file is, or would be.
    pub(crate) fn locate() -> Result<Self, CredentialsError> {
        let folder = user_folder("XDG_CONFIG_HOME", ".config").ok_or(CredentialsError::NoHome)?;
        Ok(Self { path: folder.join("registry/credentials.toml") })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept for a registry.
    pub(crate) fn login(&self, origin: &str, terminal: &Terminal) -> Result<Option<Login>, CredentialsError> {
        let login = self.read()?.registries.remove(origin);
        if login.is_some() && is_open_to_others(&self.path) {
            let path = self.path.display();
            terminal.warn(format_args!("other users of this machine can read `{path}`: `chmod 600 {path}`"));
        }
        Ok(login)
    }

    /// Keeps a token for a registry, in the place of the one that was kept before. A damaged file is put aside.
    pub(crate) fn keep(&self, origin: String, login: Login) -> Result<(), CredentialsError> {
        if let Err(CredentialsError::Format { .. }) = self.read() {
            // What is left of it may be of use to its owner, with the same permissions.
            let aside = self.path.with_extension("toml.damaged");
            fs::rename(&self.path, &aside).map_err(CredentialsError::io("move", &self.path))?;
        }
        self.change(|contents| contents.registries.insert(origin, login)).map(drop)
    }

    /// Forgets the token for a registry.
    pub(crate) fn forget(&self, origin: &str) -> Result<(), CredentialsError> {
        self.change(|contents| contents.registries.remove(origin)).map(drop)
    }

    fn read(&self) -> Result<Contents, CredentialsError> {
        let text = match read(&self.path, CREDENTIALS_SIZE_BYTES_MAX) {
            Err(CredentialsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Contents::default());
            }
            found => found?,
        };
        let format = |error: toml::de::Error| CredentialsError::Format {
            path: self.path.clone(),
            reason: error.message().to_owned(),
        };
        toml::from_str(&text).map_err(format)
    }

    /// Replaces the file whole. Who else changes it waits meanwhile, so that nothing gets lost.
    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> Result<T, CredentialsError> {
        let failed = |source| CredentialsError::Io { action: "write", path: self.path.clone(), source };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        private_folder(folder).map_err(failed)?;
        let lock = File::open(folder).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut contents = self.read()?;
        let result = change(&mut contents);
        let text = toml::to_string(&contents).map_err(|error| failed(io::Error::other(error)))?;
        // Only its owner can read a temporary file, whatever the user's mask says.
        let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(result)
    }
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Elsewhere a user's folders are closed to others by default.
#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
