//! PostgreSQL for tests: a server that is given, or a cluster that the tests start themselves.
//!
//! `TEST_DATABASE_URL` names a server on which databases may be created; they stay there. Without it, `initdb` and `postgres` are taken
//! from PATH or from where Debian keeps them. The cluster belongs to this process: when it ends, however it ends, the
//! cluster stops and its files go away.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server on which each test has a database of its own.
struct Server {
    /// Where its database `postgres`, or the one that was given, is.
    url: String,
    /// The cluster's keeper, which stops it when its stdin is closed: that is, when this process ends.
    _keeper: Option<Child>,
}

/// Makes an empty database and answers its URL. `None`, said loudly, if there is no PostgreSQL here.
///
/// # Panics
/// If there is none and `CI` is set: there it must be.
pub async fn new_database() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match find_server() {
        Ok(server) => Some(server),
        Err(reason) if env::var_os("CI").is_some() => panic!("there is no PostgreSQL to test with: {reason}"),
        Err(reason) => {
            use std::io::Write;
            // Past the capture of the test's output: whoever runs the tests must see it.
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: everything on PostgreSQL: {reason}\n");
            None
        }
    });
    match server {
        Some(server) => Some(create_database(&server.url).await),
        None => None,
    }
}

async fn create_database(server: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("registry_test_{}_{number}", std::process::id());
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (base, options) = server.split_once('?').unwrap_or((server, ""));
    let host = base.rsplit_once('/').filter(|(host, _)| !host.ends_with('/')).map_or(base, |(host, _)| host);
    format!("{host}/{name}?{options}")
}

fn find_server() -> Result<Server, String> {
    match env::var("TEST_DATABASE_URL") {
        Ok(url) => Ok(Server { url, _keeper: None }),
        Err(_) => start_cluster(),
    }
}

/// Sets up the cluster, runs it, and ends with it when nobody holds the other end of its stdin any more.
const KEEPER: &str = r#"
trap '' INT
"$1/initdb" --pgdata="$2/data" --username=registry --auth=trust --encoding=UTF8 --locale=C --no-sync >"$2/log" 2>&1 &&
"$1/pg_ctl" start --pgdata="$2/data" --log="$2/log" --wait --silent \
    --options="-k '$2' -c listen_addresses='' -c fsync=off -c max_connections=300" >/dev/null 2>&1 ||
{ tail -n 5 "$2/log"; rm -rf "$2"; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" stop --pgdata="$2/data" --mode=immediate --silent >/dev/null 2>&1
rm -rf "$2"
"#;

fn start_cluster() -> Result<Server, String> {
    let programs =
        programs_dir().ok_or("initdb is neither in PATH nor in /usr/lib/postgresql; install `postgresql`")?;
    let dir =
        tempfile::Builder::new().prefix("registry-postgres-").tempdir().map_err(|error| error.to_string())?.keep();
    let mut command = match unprivileged_user() {
        None => Command::new("sh"),
        Some(user) => run_as(&user?, &dir)?,
    };
    command.args(["-c", KEEPER, "sh"]).arg(&programs).arg(&dir).current_dir(&dir);
    // A signal to the tests' process group must not stop the cluster before the tests.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut keeper = command.spawn().map_err(|error| format!("the cluster cannot be started: {error}"))?;
    let mut output = BufReader::new(keeper.stdout.take().ok_or("the cluster has no stdout")?);
    let (mut line, mut said) = (String::new(), String::new());
    while output.read_line(&mut line).map_err(|error| error.to_string())? > 0 {
        if line == "ready\n" {
            let url = format!("postgres://registry@localhost/postgres?host={}", dir.display());
            return Ok(Server { url, _keeper: Some(keeper) });
        }
        said.push_str(&line);
        line.clear();
    }
    let _ = fs::remove_dir_all(&dir);
    Err(format!("the cluster did not start: {said}"))
}

/// The directory of `initdb` and the others, of the highest version if there are several.
fn programs_dir() -> Option<PathBuf> {
    // A link in PATH leads to the directory in which all of them are.
    let in_path = env::split_paths(&env::var_os("PATH")?).find_map(|dir| fs::canonicalize(dir.join("initdb")).ok());
    let in_path = in_path.and_then(|program| Some(program.parent()?.to_owned()));
    let installed = || {
        let versions =
            fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
        let number = |dir: &PathBuf| dir.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
        versions.filter(|dir| dir.join("initdb").is_file()).max_by_key(number)
    };
    in_path.or_else(installed)
}

/// `initdb` refuses to run as root, so root runs it as somebody else. `None` for everybody else.
fn unprivileged_user() -> Option<Result<User, String>> {
    if id(&["-u"])? != 0 {
        return None;
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| Some(User { id: id(&["-u", name])?, group: id(&["-g", name])? }));
    Some(
        user.ok_or_else(|| "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`".to_owned()),
    )
}

struct User {
    id: u32,
    group: u32,
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A shell of another user, who owns the directory.
fn run_as(user: &User, dir: &Path) -> Result<Command, String> {
    chown(dir, Some(user.id), Some(user.group)).map_err(|error| error.to_string())?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(|error| error.to_string())?;
    let mut command = Command::new("sh");
    command.uid(user.id).gid(user.group);
    Ok(command)
}
