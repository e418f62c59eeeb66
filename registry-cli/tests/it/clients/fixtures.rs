//! Who the clients run for, and what they send.

use crate::command::{registry_at, stdout};
use crate::support::registry::TestRegistry;
use crate::support::{wasi, write_files};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tempfile::TempDir;

/// The registry as clients name it: `127.0.0.1:PORT`.
pub fn host(server: &TestRegistry) -> &str {
    server.url().trim_start_matches("http://")
}

/// What the registry has for `NAMESPACE/NAME`, below its `/v2/`.
pub fn image(server: &TestRegistry, repository: &str) -> String {
    format!("{}/{repository}", host(server))
}

/// A token of this account with these scopes, made by the operator.
pub fn token(server: &TestRegistry, account: &str, scopes: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = registry_at(server, home.path());
    let created = command.args(["token", "create", "--account", account, "--scope", scopes]).assert().success();
    stdout(&created).trim().to_owned()
}

/// The hash that the registry binds to a release.
pub fn bound_hash(server: &TestRegistry, release: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let shown = registry_at(server, home.path()).args(["show", release, "--json"]).assert().success();
    crate::command::json(&shown)["hash"].as_str().unwrap().to_owned()
}

/// The hash of the package in a folder or a file, computed by our own command from its source.
pub fn source_hash(path: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = crate::command::registry();
    stdout(&command.current_dir(home.path()).arg("hash").arg(path).assert().success()).trim().to_owned()
}

/// A folder with one package in `wit`.
pub fn package(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("wit/package.wit", text)]);
    folder
}

/// A registry that has all of WASI's packages that `wasi:http` needs, published by our own command.
pub fn with_wasi() -> TestRegistry {
    let server = TestRegistry::start();
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    server
}

/// What the registry answers to a plain request without credentials: the status, and the body.
pub fn plain_get(server: &TestRegistry, path: &str) -> (u16, Vec<u8>) {
    let mut connection = TcpStream::connect(host(server)).unwrap();
    // The older version of HTTP has neither chunks nor connections that stay open.
    write!(connection, "GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", host(server)).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer.split_off(end + 4))
}
