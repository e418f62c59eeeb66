//! Starting and stopping.

use crate::support::process::{ServerProcess, command};
use crate::support::server::TestServer;
use registry_server::ServerLimits;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BODY: &str = r#"{"files":[{"path":"a.wit","text":"package t:slow@1.0.0; interface a { f: func(); }"}]}"#;

/// Sends a request but for the second half of its body, and waits until the server has begun to read that.
async fn begin(server: &TestServer) -> TcpStream {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/packages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n\
         {}content-length: {}\r\n\r\n",
        server.authorization(),
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; CONTINUE.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, CONTINUE);
    stream.write_all(&BODY.as_bytes()[..BODY.len() / 2]).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_handled_is_finished() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let address = server.address;
    let mut stream = begin(&server).await;
    let stopped = server.ask_to_stop();
    tokio::time::timeout(Duration::from_secs(5), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert!(!stopped.is_finished());
    stream.write_all(&BODY.as_bytes()[BODY.len() / 2..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    stopped.await.unwrap();
    let server = TestServer::on(dir.path()).await;
    assert_eq!(server.get("/v1/releases/t/slow/1.0.0").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_hold_the_server() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { shutdown_duration_max: Duration::from_millis(200), ..ServerLimits::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    let mut stream = begin(&server).await;
    tokio::time::timeout(Duration::from_secs(5), server.stop()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_stop_the_command_and_stdout_holds_one_line() {
    for signal in ["TERM", "INT"] {
        let dir = TempDir::new().unwrap();
        let process = ServerProcess::start(dir.path());
        assert!(process.url.starts_with("http://127.0.0.1:"), "{}", process.url);
        assert_eq!(process.client().get("/health/ready").await.status(), 200);
        let (status, rest) = process.signal(signal);
        assert!(status.success(), "{status}");
        assert_eq!(rest, "");
    }
}

#[test]
fn the_command_says_what_is_wrong_with_its_arguments() {
    let dir = TempDir::new().unwrap();
    let refused = |arguments: &[&str]| {
        let output = command(dir.path()).args(arguments).output().unwrap();
        assert!(output.stdout.is_empty());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, stderr) = refused(&["--database-url", "mysql://user:secret@host/registry"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("`sqlite:PATH` and `postgres://USER:PASSWORD@HOST/DATABASE`, but not `mysql:`"),
        "{stderr}"
    );
    let nobody = ["--database-url", "postgres://user:secret@127.0.0.1:1/registry"];
    let (code, stderr) = refused(&nobody);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("error: the database cannot be used") && stderr.contains("hint: "), "{stderr}");
    assert!(!stderr.contains("secret"), "{stderr}");
    let (code, stderr) = refused(&["--blob-url", "s3://bucket"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("the scheme `s3:` is not supported; this server supports `file:PATH`"), "{stderr}");
    let (code, stderr) = refused(&["--blob-url", "file:/dev/null/blobs"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("error: ") && stderr.contains("Caused by: ") && stderr.contains("/dev/null"), "{stderr}");
}

#[test]
fn a_taken_address_is_refused_with_a_hint() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = bare_command(dir.path()).env("REGISTRY_LISTEN", &address).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains(&format!("the address {address} cannot be listened on")), "{stderr}");
    assert!(stderr.contains("hint: ") && stderr.contains("in use"), "{stderr}");
}

/// The command configured by the environment alone.
fn bare_command(data_dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_registry-server"));
    command.env_remove("REGISTRY_DATABASE_URL").env_remove("REGISTRY_BLOB_URL").env("REGISTRY_DATA_DIR", data_dir);
    command
}
