//! Packages as archives that `wit-deps` reads.

use crate::support::client::{Client, expect_error, unknown_package};
use crate::support::component::component;
use crate::support::server::{self, TestServer};
use crate::support::wasi;
use flate2::read::GzDecoder;
use reqwest::Method;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use tar::Archive;
use tempfile::TempDir;
use wit_parser::Resolve;

const BASE_1: &str = "package demo:base@1.0.0; interface types { type id = u32; }";
const BASE_2: &str = "package demo:base@2.0.0; interface types { type id = u64; }";
const LEFT: &str = "package demo:left@1.0.0; interface a { use demo:base/types@1.0.0.{id}; f: func(id: id); }";
const RIGHT: &str = "package demo:right@1.0.0;
interface a { use demo:base/types@1.0.0.{id}; f: func(id: id); }
interface b { use demo:base/types@2.0.0.{id}; f: func(id: id); }";

/// The sha256 of the archive of `demo:right@1.0.0`. People pin such values: it may never be another one.
const RIGHT_SHA256: &str = "37683118f541d862aa41d3a2a3d3651c5068ddffbb799b8883259d576d63aa48";

fn release(name: &str, version: &str) -> String {
    format!("/v1/releases/{}/{version}/wit.tar.gz", name.replace(':', "/"))
}

async fn bytes(client: &Client, path: &str) -> Vec<u8> {
    let response = client.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "application/gzip");
    response.bytes().await.unwrap().into()
}

/// Every file by its path, in the archive's order.
fn entries(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = Archive::new(GzDecoder::new(archive));
    let read = |entry: std::io::Result<tar::Entry<'_, GzDecoder<&[u8]>>>| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        assert_eq!(header.mode().unwrap(), 0o644);
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (path, text)
    };
    archive.entries().unwrap().map(read).collect()
}

/// Unpacks an archive as `wit-deps` does for an entry `key` of `deps.toml`: dependencies end beside the package, and
/// those that the file has entries for are left out.
fn unpack(archive: &[u8], deps: &Path, key: &str, keys: &[&str]) {
    for (path, text) in entries(archive) {
        let parts: Vec<&str> = path.split('/').collect();
        let (folder, file) = match parts.as_slice() {
            [_, "wit", file] => (key, file),
            [_, "wit", "deps", id, _] if keys.contains(id) => continue,
            [_, "wit", "deps", id, file] => (*id, file),
            _ => panic!("`wit-deps` reads no `{path}`"),
        };
        fs::create_dir_all(deps.join(folder)).unwrap();
        let file = deps.join(folder).join(file);
        let before = fs::read_to_string(&file).ok();
        assert!(before.is_none_or(|before| before == text), "`wit-deps` calls this a conflict: {path}");
        fs::write(file, text).unwrap();
    }
}

async fn publish_demo(server: &TestServer) {
    for text in [BASE_1, BASE_2, LEFT, RIGHT] {
        server.publish_wit(text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_holds_the_package_and_all_that_it_needs() {
    let (_dir, server) = server::temporary().await;
    publish_demo(&server).await;
    let archive = entries(&bytes(&server, &release("demo:right", "1.0.0")).await);
    let paths: Vec<&str> = archive.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "demo-right-1.0.0/wit/package.wit",
            "demo-right-1.0.0/wit/deps/demo-base-1.0.0/package.wit",
            "demo-right-1.0.0/wit/deps/demo-base-2.0.0/package.wit",
        ]
    );
    assert!(archive[0].1.starts_with("package demo:right@1.0.0;\n") && archive[2].1.contains("type id = u64;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_the_same_for_ever() {
    let mut seen = Vec::new();
    for (_dir, server) in server::on_both_databases().await {
        publish_demo(&server).await;
        let by_name = bytes(&server, &release("demo:right", "1.0.0")).await;
        let hash = server.publish_wit(RIGHT).await.record.hash;
        let by_hash = bytes(&server, &format!("/v1/packages/{hash}/wit.tar.gz")).await;
        assert_eq!(by_name, by_hash);
        seen.push(by_name);
    }
    for archive in seen {
        assert_eq!(hex::encode(Sha256::digest(&archive)), RIGHT_SHA256);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_packages_that_share_others_lie_beside_each_other() {
    let (_dir, server) = server::temporary().await;
    publish_demo(&server).await;
    let used = "package test:app; world app { import demo:left/a@1.0.0; import demo:right/b@1.0.0; }";
    let parsed = async |keys: &[(&str, &str, &str)]| {
        let project = TempDir::new().unwrap();
        let names: Vec<&str> = keys.iter().map(|(key, ..)| *key).collect();
        for (key, name, version) in keys {
            let archive = bytes(&server, &release(name, version)).await;
            unpack(&archive, &project.path().join("deps"), key, &names);
        }
        fs::write(project.path().join("app.wit"), used).unwrap();
        let mut resolve = Resolve::default();
        resolve.push_dir(project.path()).map(|_| resolve.packages.len()).map_err(|error| format!("{error:#}"))
    };
    let (left, right) = (("left", "demo:left", "1.0.0"), ("right", "demo:right", "1.0.0"));
    assert_eq!(parsed(&[left, right]).await, Ok(5), "the program, two packages, and two versions of a third");
    // Whoever names a package that others bring along does so under the same id.
    assert_eq!(parsed(&[left, right, ("demo-base-2.0.0", "demo:base", "2.0.0")]).await, Ok(5));
    let twice = parsed(&[left, right, ("base", "demo:base", "2.0.0")]).await.unwrap_err();
    assert!(twice.contains("demo:base@2.0.0"), "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_wasi_can_be_unpacked_and_parsed() {
    let (_dir, server) = server::temporary().await;
    let records = wasi::publish(&server).await;
    for (name, record) in records {
        let project = TempDir::new().unwrap();
        let archive = bytes(&server, &release(&format!("wasi:{name}"), &record.name.version().to_string())).await;
        unpack(&archive, &project.path().join("deps"), &name, &[]);
        let used = format!("package test:app; world app {{ include wasi:{name}/imports@{}; }}", record.name.version());
        let has_world = entries(&archive)[0].1.contains("world imports ");
        fs::write(project.path().join("app.wit"), if has_world { &used } else { "package test:app;" }).unwrap();
        let mut resolve = Resolve::default();
        resolve.push_dir(project.path()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_never_those_of_other_packages() {
    let (_dir, server) = server::temporary().await;
    for namespace in ["my-org", "my"] {
        server.claim(namespace).await;
    }
    let long = format!("a{}", "-b".repeat(63));
    for text in [
        "package my-org:http@1.0.0; interface i { type t = u8; }".to_owned(),
        "package my:org-http@1.0.0; interface i { type t = u16; }".to_owned(),
        format!("package my:{long}@1.0.0-{}; interface i {{ type t = u32; }}", "x".repeat(100)),
    ] {
        server.publish_wit(&text).await;
    }
    let all = format!(
        "package demo:all@1.0.0; interface i {{
            use my-org:http/i@1.0.0.{{t as a}}; use my:org-http/i@1.0.0.{{t as b}};
            use my:{long}/i@1.0.0-{}.{{t as c}}; f: func(a: a, b: b, c: c);
        }}",
        "x".repeat(100)
    );
    server.publish_wit(&all).await;
    let archive = bytes(&server, &release("demo:all", "1.0.0")).await;
    let files: BTreeMap<String, String> = entries(&archive).into_iter().collect();
    let ids: Vec<&str> = files.keys().filter_map(|path| path.split("/deps/").nth(1)?.split('/').next()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(ids.contains(&"my-org-http-1.0.0") && ids.contains(&"my-org_http-1.0.0"), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() <= 255), "{ids:?}");
    let project = TempDir::new().unwrap();
    unpack(&archive, &project.path().join("deps"), "all", &[]);
    fs::write(project.path().join("app.wit"), "package test:app; world app { import demo:all/i@1.0.0; }").unwrap();
    Resolve::default().push_dir(project.path()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_kept_counted_and_asked_about_as_everything_else() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    publish_demo(&server).await;
    let by_name = release("demo:left", "1.0.0");
    let hash = server.publish_wit(LEFT).await.record.hash;
    let (by_hash, tag) = (format!("/v1/packages/{hash}/wit.tar.gz"), format!("\"{hash}/wit.tar.gz\""));
    for (path, keep) in [(&by_name, "public, max-age=60"), (&by_hash, "public, max-age=31536000, immutable")] {
        let (got, asked) = (server.get(path).await, server.request(Method::HEAD, path).send().await.unwrap());
        for response in [&got, &asked] {
            assert_eq!(response.headers()["etag"], tag);
            assert_eq!(response.headers()["cache-control"], keep);
        }
        assert_eq!(asked.headers()["content-length"], got.headers()["content-length"]);
        let held = server.request(Method::GET, path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(held.status(), 304);
    }
    let packed = Client::accepting_gzip(server.url().to_owned());
    assert_eq!(bytes(&packed, &by_name).await, bytes(&server, &by_name).await, "whatever happens on the way");
    server.stop().await;
    let server = TestServer::on(dir.path()).await;
    let release: registry_core::wire::Release = server.json("/v1/releases/demo/left/1.0.0").await;
    assert_eq!(release.downloads, 4, "each whole archive, and nothing that was only asked about");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_package_has_no_archive() {
    let (_dir, server) = server::temporary().await;
    let tool = component(&["package demo:tool; world w { export run: func(); }"]);
    let response = server.post("/v1/components?name=demo:tool@1.0.0", "application/wasm", tool).await;
    assert_eq!(response.status(), 201);
    let error = expect_error(server.get(&release("demo:tool", "1.0.0")).await, 404, "not_a_package").await;
    assert!(error.message.contains("`demo:tool@1.0.0` is a component"), "{}", error.message);
    let path = format!("/v1/packages/{}/wit.tar.gz", unknown_package());
    expect_error(server.get(&path).await, 404, "not_found").await;
    expect_error(server.get(&release("demo:nothing", "1.0.0")).await, 404, "not_found").await;
    expect_error(server.get(&release("demo:Nothing", "1.0.0")).await, 400, "invalid_name").await;
}
