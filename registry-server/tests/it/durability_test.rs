//! Published means durable, and what is damaged is never served.

use crate::support::client::{Client, expect_error};
use crate::support::component::component;
use crate::support::process::{ServerProcess, command};
use crate::support::server::{TestServer, blob_file, config};
use crate::support::wasi;
use registry_core::limits::Limits;
use registry_core::wire::{ComponentClosure, PackageClosure, ReleaseList};
use registry_server::{Server, ServerLimits};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const LOWER: &str = "package demo:lower@1.0.0; /// Harmless.\ninterface a { record r { x: u32 } }";
const UPPER: &str = "package demo:upper@1.0.0; interface b { use demo:lower/a@1.0.0.{r}; f: func(r: r); }";
const TOOL: &str = "package demo:tool; world w { import demo:upper/b@1.0.0; }";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    for round in 0..5 {
        let process = ServerProcess::start(dir.path());
        let text = format!("package t:survivor@{round}.0.0; interface a {{ f: func(); }}");
        process.client().claim("t").await;
        let package = process.client().publish_wit(&text).await.record;
        process.kill();

        let process = ServerProcess::start(dir.path());
        let run = format!("package demo:tool; world w {{ export run{round}: func(); }}");
        let bytes = component(&[&run]);
        let component = process.client().publish_component(bytes.clone()).await.record;
        process.kill();

        let process = ServerProcess::start(dir.path());
        let client = process.client();
        let closure: PackageClosure = client.json(&format!("/v1/packages/{}/closure", package.hash)).await;
        closure.packages.verify(&package.hash, &Limits::default()).unwrap();
        let served = client.get(&format!("/v1/components/{}/wasm", component.hash)).await;
        assert_eq!(served.bytes().await.unwrap(), bytes);
        let list: ReleaseList = client.json("/v1/releases/t/survivor").await;
        assert_eq!(list.releases.len(), round + 1);
        assert!(!client.publish_wit(&text).await.created);
        process.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_leaves_all_or_nothing() {
    let dir = TempDir::new().unwrap();
    for round in 0..5_u64 {
        let process = ServerProcess::start(dir.path());
        let client = process.client();
        client.claim("wasi").await;
        let publishing = tokio::spawn(async move {
            for text in wasi::texts() {
                let body = serde_json::to_vec(&crate::support::client::one_file(text)).unwrap();
                let request =
                    client.request(reqwest::Method::POST, "/v1/packages").header("content-type", "application/json");
                if request.body(body).send().await.is_err() {
                    return;
                }
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(10 + 60 * round)).await;
        process.kill();
        publishing.await.unwrap();
        let process = ServerProcess::start(dir.path());
        for text in wasi::texts() {
            check_whole_or_absent(&process.client(), text).await;
        }
        process.kill();
    }
    let process = ServerProcess::start(dir.path());
    assert_eq!(wasi::publish(&process.client()).await.len(), wasi::texts().len());
}

async fn check_whole_or_absent(client: &Client, text: &str) {
    let header = text.lines().find_map(|line| line.strip_prefix("package wasi:")).unwrap();
    let (name, version) = header.trim_end_matches(';').split_once('@').unwrap();
    let release = client.get(&format!("/v1/releases/wasi/{name}/{version}")).await;
    if release.status() == 404 {
        return;
    }
    let release: serde_json::Value = release.json().await.unwrap();
    let hash = release["hash"].as_str().unwrap();
    let closure: PackageClosure = client.json(&format!("/v1/packages/{hash}/closure")).await;
    closure.packages.verify(&hash.parse().unwrap(), &Limits::default()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let records = wasi::publish(&server).await;
    server.stop().await;
    let server = TestServer::on(dir.path()).await;
    for record in records.values() {
        let closure: PackageClosure = server.json(&format!("/v1/packages/{}/closure", record.hash)).await;
        closure.packages.verify(&record.hash, &Limits::default()).unwrap();
    }
}

/// Publishes two packages and a component, stops the server, damages its files, and starts it again.
async fn damaged(damage: impl FnOnce(&std::path::Path, &[String; 3])) -> (TempDir, TestServer, [String; 3]) {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let lower = server.publish_wit(LOWER).await.record.hash.to_string();
    let upper = server.publish_wit(UPPER).await.record.hash.to_string();
    let tool = server.publish_component(component(&[LOWER, UPPER, TOOL])).await.record.hash.to_string();
    server.stop().await;
    let hashes = [lower, upper, tool];
    damage(dir.path(), &hashes);
    let server = TestServer::on(dir.path()).await;
    (dir, server, hashes)
}

async fn assert_not_served(server: &TestServer, path: &str) {
    let error = expect_error(server.get(path).await, 500, "internal").await;
    assert!(error.hint.is_some());
    assert!(!error.message.contains("damaged") && !error.message.contains("Harm"), "opaque: {}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_text_is_never_served_and_publishing_again_heals_it() {
    let (_dir, server, [lower, upper, tool]) = damaged(|dir, [lower, ..]| {
        let file = blob_file(dir, "package", lower);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("Harmless"));
        fs::write(&file, text.replace("Harmless", "Harmful")).unwrap();
    })
    .await;
    for part in ["wit", "flat", "closure"] {
        assert_not_served(&server, &format!("/v1/packages/{lower}/{part}")).await;
        assert_not_served(&server, &format!("/v1/packages/{upper}/{part}")).await;
    }
    assert_not_served(&server, &format!("/v1/components/{tool}/closure")).await;
    let dependent = "package demo:later@1.0.0; interface c { use demo:lower/a@1.0.0.{r}; }";
    expect_error(server.post_wit(dependent).await, 500, "internal").await;
    assert!(!server.publish_wit(LOWER).await.created);
    assert!(server.text(&format!("/v1/packages/{lower}/wit")).await.contains("Harmless"));
    server.json::<ComponentClosure>(&format!("/v1/components/{tool}/closure")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_stand_under_each_others_hash_are_not_served() {
    let (_dir, server, [lower, upper, _]) = damaged(|dir, [lower, upper, _]| {
        fs::copy(blob_file(dir, "package", lower), blob_file(dir, "package", upper)).unwrap();
    })
    .await;
    assert_not_served(&server, &format!("/v1/packages/{upper}/closure")).await;
    server.json::<PackageClosure>(&format!("/v1/packages/{lower}/closure")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_bytes_of_a_component_are_not_served() {
    let (_dir, server, [.., tool]) = damaged(|dir, [.., tool]| {
        let file = blob_file(dir, "component", tool);
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
    })
    .await;
    for part in ["wasm", "wit", "flat", "closure"] {
        assert_not_served(&server, &format!("/v1/components/{tool}/{part}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_are_gone_cut_or_no_text_are_not_served() {
    let damages: [fn(&std::path::Path); 4] = [
        |file| fs::remove_file(file).unwrap(),
        |file| fs::write(file, "").unwrap(),
        |file| fs::write(file, b"package demo:lower@1.0.0; \xff").unwrap(),
        |file| fs::File::options().write(true).open(file).unwrap().set_len(5 << 30).unwrap(),
    ];
    for damage in damages {
        let (_dir, server, [lower, ..]) = damaged(|dir, [lower, ..]| damage(&blob_file(dir, "package", lower))).await;
        assert_not_served(&server, &format!("/v1/packages/{lower}/closure")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let error = Server::bind(config(dir.path(), ServerLimits::default())).await.unwrap_err();
    assert!(error.to_string().starts_with("another server is running on the database"), "{error}");
    assert!(error.hint().is_some());
    let output = command(dir.path()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert!(stderr.contains("error: another server is running") && stderr.contains("hint: "), "{stderr}");
    server.stop().await;
    TestServer::on(dir.path()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_directory_is_private() {
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().join("new/data");
    let server = TestServer::on(&data_dir).await;
    for created in [dir.path().join("new"), data_dir.clone(), data_dir.join("blobs")] {
        let mode = fs::metadata(&created).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", created.display());
    }
    server.stop().await;
}
