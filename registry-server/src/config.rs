//! Where a server listens and where it keeps what is published.

use crate::limits::ServerLimits;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::{Host, Url};

/// Where a server listens if nothing else is said: on this machine only.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7878);

const DATA_DIR_NAME: &str = "registry-server";
const DATABASE_NAME: &str = "registry.sqlite3";
const BLOB_DIR_NAME: &str = "blobs";
const ADMIN_TOKEN_NAME: &str = "admin-token";

/// Everything that a server is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The database.
    pub database: DatabaseUrl,
    /// The store of texts and components.
    pub blobs: BlobUrl,
    /// The directory for what belongs to this server alone: the operator's token.
    pub data_dir: PathBuf,
    /// Whether reading needs a token as well.
    pub is_private: bool,
    /// Namespaces that nobody but the operator can claim.
    pub reserved_namespaces: Vec<String>,
    /// Namespaces that take OCI artifacts of any kind, not only WIT packages and components.
    pub artifact_namespaces: Vec<String>,
    /// Where clients reach the registry: `https://registry.example.org`. Without it, it is what they ask in `host`.
    pub public_url: Option<PublicUrl>,
    /// Whether to make the operator a token in the place of one that is lost.
    pub renews_admin_token: bool,
    /// The limits.
    pub limits: ServerLimits,
}

impl Config {
    /// A server that keeps everything in one directory and listens on [`LISTEN_DEFAULT`].
    pub fn in_dir(data_dir: &Path) -> Self {
        Self {
            listen: LISTEN_DEFAULT,
            database: DatabaseUrl::Sqlite(data_dir.join(DATABASE_NAME)),
            blobs: BlobUrl::File(data_dir.join(BLOB_DIR_NAME)),
            data_dir: data_dir.to_owned(),
            is_private: false,
            reserved_namespaces: Vec::new(),
            artifact_namespaces: Vec::new(),
            public_url: None,
            renews_admin_token: false,
            limits: ServerLimits::default(),
        }
    }

    /// The file with the operator's token. The server writes it when it starts for the first time.
    pub fn admin_token_file(&self) -> PathBuf {
        self.data_dir.join(ADMIN_TOKEN_NAME)
    }
}

/// The data directory if none is given: `registry-server` in the user's data directory, as the XDG specification says
/// where that is. `None` if neither an absolute `$XDG_DATA_HOME` nor `$HOME` is given.
pub fn default_data_dir(xdg_data_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let data_home = xdg_data_home.filter(|path| path.is_absolute());
    let data_home = data_home.or_else(|| Some(home?.join(".local/share")))?;
    Some(data_home.join(DATA_DIR_NAME))
}

/// A database to keep names, hashes and dependencies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`: a SQLite file, which is created if it is not there.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST/DATABASE`: a PostgreSQL database, which is there already.
    Postgres(PostgresUrl),
}

/// Where a PostgreSQL database is and how to get in. It may hold a password, which nothing shows.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl PostgresUrl {
    /// What the driver makes of the URL.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        self.0.expose_secret().parse()
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for PostgresUrl {}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://…")
    }
}

/// A store to keep texts and components in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobUrl {
    /// `file:PATH`: a directory, which is created if it is not there.
    File(PathBuf),
}

/// Where clients reach a registry: a scheme, a host and perhaps a port, such as `https://registry.example.org`.
///
/// There is no path, because OCI clients ask for `/v2/` at the root of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    authority: String,
    is_loopback: bool,
}

impl PublicUrl {
    /// `registry.example.org` or `registry.example.org:8443`. The port is left out where it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether tokens travel to it so that everybody on the way can read them.
    pub fn is_in_the_clear(&self) -> bool {
        self.scheme == "http" && !self.is_loopback
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let url = Url::parse(text).map_err(|_| PublicUrlError::Form)?;
        let scheme = ["https", "http"].into_iter().find(|known| *known == url.scheme()).ok_or(PublicUrlError::Form)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublicUrlError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(PublicUrlError::Path);
        }
        let host = url.host().ok_or(PublicUrlError::Form)?;
        let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let is_loopback = match &host {
            Host::Domain(name) => *name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        Ok(Self { scheme, authority, is_loopback })
    }
}

/// Why a text is not where clients reach a registry. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// No URL of HTTP.
    #[error("write `https://HOST` or `https://HOST:PORT`, as clients reach the registry")]
    Form,
    /// A user name or a password.
    #[error("the public URL is told to everybody: leave the user name and the password out")]
    Credentials,
    /// More than a host.
    #[error("OCI clients ask for `/v2/` at the root of a host: leave out what stands behind the host and the port")]
    Path,
}

/// A URL that names no database or store.
///
/// Only the scheme is shown: the rest of a URL may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No scheme.
    #[error("this has no scheme; write `{supported}PATH`")]
    NoScheme {
        /// The scheme that is supported.
        supported: &'static str,
    },
    /// A scheme that this server does not know.
    #[error("the scheme `{scheme}:` is not supported; this server supports `{supported}PATH`")]
    Scheme {
        /// The scheme that was given.
        scheme: String,
        /// The scheme that is supported.
        supported: &'static str,
    },
    /// A scheme of another database.
    #[error("this server knows `sqlite:PATH` and `postgres://USER:PASSWORD@HOST/DATABASE`, but not `{scheme}:`")]
    Database {
        /// The scheme that was given.
        scheme: String,
    },
    /// A path that could be read in two ways.
    #[error("write `{supported}relative/path` or `{supported}///absolute/path`")]
    Path {
        /// The scheme that is supported.
        supported: &'static str,
    },
    /// A database in memory.
    #[error("a database in memory would lose what is published; give the path of a file")]
    InMemory,
    /// Options behind a question mark.
    #[error("options behind `?` are not supported; give the path of a file")]
    Options,
    /// A PostgreSQL URL with a part that is not understood. Which one is not said, it may be the password.
    #[error("this is not understood; write `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`")]
    Postgres,
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            let postgres = PostgresUrl(SecretString::from(url));
            return postgres.options().map_err(|_| UrlError::Postgres).map(|_| Self::Postgres(postgres));
        }
        let path = path_of(url, "sqlite:").map_err(|error| match error {
            UrlError::Scheme { scheme, .. } => UrlError::Database { scheme },
            error => error,
        })?;
        match path {
            ":memory:" => Err(UrlError::InMemory),
            _ if path.contains('?') => Err(UrlError::Options),
            _ => Ok(Self::Sqlite(PathBuf::from(path))),
        }
    }
}

impl FromStr for BlobUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        path_of(url, "file:").map(|path| Self::File(PathBuf::from(path)))
    }
}

/// What stands behind the scheme: a relative path, or an absolute one with or without `//` before it.
fn path_of<'a>(url: &'a str, supported: &'static str) -> Result<&'a str, UrlError> {
    let Some(rest) = url.strip_prefix(supported) else {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_owned());
        return Err(match scheme {
            Some(scheme) => UrlError::Scheme { scheme, supported },
            None => UrlError::NoScheme { supported },
        });
    };
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err(UrlError::Path { supported }),
        None => rest,
    };
    if path.is_empty() { Err(UrlError::Path { supported }) } else { Ok(path) }
}

/// Creates a directory that only its owner can read, with the directories above it, and makes its name durable.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let new: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists() && !dir.as_os_str().is_empty()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    new.iter().try_for_each(|dir| File::open(parent_of(dir))?.sync_all())
}

/// Opens a file for writing, and creates it if it is not there so that only its owner can read it.
pub(crate) fn open_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The directory that a file or directory is in, also for a name that stands alone.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{BlobUrl, Config, DatabaseUrl, PublicUrl, PublicUrlError, UrlError, default_data_dir};
    use std::path::PathBuf;

    #[test]
    fn urls_name_files_and_nothing_else() {
        let table = [
            ("sqlite:a.db", Ok("a.db")),
            ("sqlite:/var/a.db", Ok("/var/a.db")),
            ("sqlite:///var/a.db", Ok("/var/a.db")),
            ("sqlite://var/a.db", Err(UrlError::Path { supported: "sqlite:" })),
            ("sqlite:", Err(UrlError::Path { supported: "sqlite:" })),
            ("sqlite::memory:", Err(UrlError::InMemory)),
            ("sqlite:a.db?mode=memory", Err(UrlError::Options)),
            ("a.db", Err(UrlError::NoScheme { supported: "sqlite:" })),
            ("mysql://u:p@h/d", Err(UrlError::Database { scheme: "mysql".to_owned() })),
            ("postgres://u:p@h:port/d", Err(UrlError::Postgres)),
            ("postgres://u:p@h/d?sslmode=maybe", Err(UrlError::Postgres)),
        ];
        for (url, expected) in table {
            let expected = expected.map(|path| DatabaseUrl::Sqlite(PathBuf::from(path)));
            assert_eq!(url.parse::<DatabaseUrl>(), expected, "{url}");
        }
        assert_eq!("file:/blobs".parse(), Ok(BlobUrl::File(PathBuf::from("/blobs"))));
        let error = "s3://key:secret@bucket".parse::<BlobUrl>().unwrap_err().to_string();
        assert!(error.contains("`s3:`") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn nothing_shows_the_password_of_a_database() {
        let url: DatabaseUrl = "postgres://user:secret@host/database".parse().unwrap();
        assert!(
            !format!("{url:?} {:?}", Config { database: url.clone(), ..Config::in_dir("d".as_ref()) })
                .contains("secret")
        );
        assert_ne!(url, "postgresql://user:other@host/database".parse().unwrap());
        for wrong in ["postgres://user:secret@host:port/d", "postgres://user:secret@host/d?sslmode=secret"] {
            let error = wrong.parse::<DatabaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_public_url_is_a_host_and_nothing_else() {
        let table = [
            ("https://registry.example.org", Ok("https://registry.example.org")),
            ("https://registry.example.org/", Ok("https://registry.example.org")),
            ("HTTPS://Registry.Example.org:443", Ok("https://registry.example.org")),
            ("https://registry.example.org:8443", Ok("https://registry.example.org:8443")),
            ("http://[::1]:7878", Ok("http://[::1]:7878")),
            ("registry.example.org", Err(PublicUrlError::Form)),
            ("registry.example.org:443", Err(PublicUrlError::Form)),
            ("ftp://registry.example.org", Err(PublicUrlError::Form)),
            ("https://", Err(PublicUrlError::Form)),
            ("https://me:secret@registry.example.org", Err(PublicUrlError::Credentials)),
            ("https://me@registry.example.org", Err(PublicUrlError::Credentials)),
            ("https://registry.example.org/wit", Err(PublicUrlError::Path)),
            ("https://registry.example.org/?a", Err(PublicUrlError::Path)),
            ("https://registry.example.org/#a", Err(PublicUrlError::Path)),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<PublicUrl>().map(|url| url.to_string());
            assert_eq!(parsed, expected.map(str::to_owned), "{text}");
        }
        let url: PublicUrl = "https://registry.example.org:8443".parse().unwrap();
        assert_eq!(url.authority(), "registry.example.org:8443");
    }

    #[test]
    fn a_public_url_without_tls_is_in_the_clear_unless_it_is_this_machine() {
        let table = [
            ("http://registry.example.org", true),
            ("http://192.0.2.1:7878", true),
            ("https://registry.example.org", false),
            ("http://localhost:7878", false),
            ("http://127.0.0.2", false),
            ("http://[::1]:7878", false),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<PublicUrl>().unwrap().is_in_the_clear(), expected, "{text}");
        }
    }

    #[test]
    fn the_data_directory_follows_the_xdg_specification() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(default_data_dir(path("/data"), path("/home/a")), path("/data/registry-server"));
        let in_home = path("/home/a/.local/share/registry-server");
        assert_eq!(default_data_dir(None, path("/home/a")), in_home);
        assert_eq!(default_data_dir(path("relative"), path("/home/a")), in_home);
        assert_eq!(default_data_dir(None, None), None);
    }
}
