//! The command `registry-server`.

use anstream::eprintln;
use anyhow::Context;
use clap::Parser;
use registry_server::{
    BlobUrl, Config, DatabaseUrl, LISTEN_DEFAULT, PublicUrl, Server, StartError, StopSignal, default_data_dir,
    stop_signal,
};
use std::env;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  registry-server
      Serve on this machine only, and keep everything in the user's data directory.
  registry-server --listen 127.0.0.1:0 --data-dir ./registry-data
      Pick a free port; the URL is the one line on stdout.
  registry-server --database-url sqlite:/srv/registry.sqlite3 --blob-url file:/srv/blobs
      Keep the database and the content in places of their own.
  registry-server --database-url postgres://registry@db/registry?sslmode=verify-full --private
      Keep names in PostgreSQL, and let only those read who have a token.
  registry-server --listen 0.0.0.0:7878 --public-url https://registry.example.org --oci-artifacts images
      Stand behind a proxy that ends TLS, and take OCI artifacts of any kind in one namespace.
  RUST_LOG=debug registry-server
      Log more.";

/// Publishes WIT packages and components, and serves them by hash and by name.
///
/// It needs no configuration. When it is ready, it prints its URL as one line on stdout; everything else goes to
/// stderr. SIGINT and SIGTERM stop it after the requests that it is handling.
#[derive(Debug, Parser)]
#[command(name = "registry-server", version, after_help = EXAMPLES)]
struct Arguments {
    /// The IP address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", env = "REGISTRY_LISTEN", default_value_t = LISTEN_DEFAULT)]
    listen: SocketAddr,
    /// The directory for the database and the content [default: registry-server in $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR", env = "REGISTRY_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` [default: registry.sqlite3 in the data
    /// directory].
    #[arg(long, value_name = "URL", env = "REGISTRY_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// The store for content: `file:DIR` [default: blobs in the data directory].
    #[arg(long, value_name = "URL", env = "REGISTRY_BLOB_URL", hide_env_values = true)]
    blob_url: Option<BlobUrl>,
    /// Let only those read who have a token; anybody may read otherwise. Publishing always needs a token.
    #[arg(long, env = "REGISTRY_PRIVATE")]
    private: bool,
    /// A namespace that nobody but the operator can claim; repeat it for others.
    #[arg(long = "reserve", value_name = "NAME", env = "REGISTRY_RESERVE", value_delimiter = ',')]
    reserved: Vec<String>,
    /// Where clients reach the registry, if it is behind a proxy: `https://HOST` or `https://HOST:PORT`. It is what wkg
    /// and OCI clients are told; without it, that is the host that they ask for.
    #[arg(long, value_name = "URL", env = "REGISTRY_PUBLIC_URL")]
    public_url: Option<PublicUrl>,
    /// A namespace that takes OCI artifacts of any kind, not only WIT packages and components; repeat it for others.
    #[arg(long, value_name = "NAMESPACE", env = "REGISTRY_OCI_ARTIFACTS", value_delimiter = ',')]
    oci_artifacts: Vec<String>,
    /// Make the operator a new token, because the one in `admin-token` in the data directory is lost. All tokens of the
    /// account `admin` are revoked: whoever found it may have made others.
    #[arg(long)]
    new_admin_token: bool,
}

fn main() -> ExitCode {
    registry_core::panics::hide_caught_panics();
    let arguments = Arguments::parse();
    start_logging();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = arguments.config()?;
    if let Some(url) = config.public_url.as_ref().filter(|url| url.is_in_the_clear()) {
        warn!(
            "clients are told to send their tokens to {url}, where everybody on the way can read them: use `https://`"
        );
    }
    let stopped = stop_signal(log_signal).context("signals cannot be handled")?;
    let server = Server::bind(config).await?;
    // Whoever started the server may not care for its URL and have closed the pipe.
    let _ = writeln!(anstream::stdout(), "{}", server.url());
    server.run_until(stopped).await;
    Ok(())
}

impl Arguments {
    fn config(self) -> anyhow::Result<Config> {
        let given = self.data_dir.or_else(|| default_data_dir(path_variable("XDG_DATA_HOME"), path_variable("HOME")));
        let data_dir = given.context("there is no data directory: neither --data-dir nor $HOME is given")?;
        let data_dir = std::path::absolute(&data_dir).context("the data directory has no absolute path")?;
        eprintln!("data directory: {}", data_dir.display());
        let defaults = Config::in_dir(&data_dir);
        Ok(Config {
            listen: self.listen,
            database: self.database_url.unwrap_or(defaults.database),
            blobs: self.blob_url.unwrap_or(defaults.blobs),
            is_private: self.private,
            reserved_namespaces: self.reserved,
            artifact_namespaces: self.oci_artifacts,
            public_url: self.public_url,
            renews_admin_token: self.new_admin_token,
            ..defaults
        })
    }
}

fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
}

fn report(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("Caused by: {cause}");
    }
    if let Some(hint) = error.downcast_ref::<StartError>().and_then(StartError::hint) {
        eprintln!("hint: {hint}");
    }
}

fn log_signal(signal: StopSignal) {
    match signal {
        StopSignal::First(name) => info!("the registry received {name}, and stops"),
        StopSignal::Another(name) => warn!("the registry received {name} after another signal, and stops at once"),
    }
}
