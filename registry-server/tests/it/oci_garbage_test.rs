//! What nobody can use any more is collected, and nothing else.

use crate::support::client::Client;
use crate::support::server::{self, TestServer};
use futures::future::join_all;
use registry_server::{Config, ServerLimits};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Takes artifacts of any kind in the namespace `t`, and collects all the time.
fn impatient(limits: ServerLimits) -> impl Fn(&mut Config) {
    move |config| {
        config.artifact_namespaces = vec!["t".to_owned()];
        config.limits = ServerLimits { oci_collection_wait: Duration::from_millis(20), ..limits.clone() };
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn push(client: &Client, repository: &str, text: &str) -> String {
    let digest = sha256(text.as_bytes());
    let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    let response = client.request(Method::POST, &path).body(text.to_owned()).send().await.unwrap();
    assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
    digest
}

async fn begin(client: &Client, text: &str) -> String {
    let response = client.request(Method::POST, "/v2/t/a/blobs/uploads/").send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    append(client, &location, text).await;
    location
}

async fn append(client: &Client, location: &str, text: &str) {
    let response = client.request(Method::PATCH, location).body(text.to_owned()).send().await.unwrap();
    assert_eq!(response.status(), 202);
}

/// Pushes a manifest that names one blob, as its config and as its layer.
async fn bind(client: &Client, repository: &str, digest: &str, size_bytes: usize) -> Response {
    let descriptor = json!({"mediaType": "application/example", "digest": digest, "size": size_bytes});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": [descriptor]});
    let manifest = manifest.to_string();
    let path = format!("/v2/{repository}/manifests/{}", sha256(manifest.as_bytes()));
    client.request(Method::PUT, &path).header("content-type", MANIFEST).body(manifest).send().await.unwrap()
}

async fn blob_status(client: &Client, repository: &str, digest: &str) -> u16 {
    let path = format!("/v2/{repository}/blobs/{digest}");
    client.request(Method::HEAD, &path).send().await.unwrap().status().as_u16()
}

/// The files of objects that no hash of the registry names.
fn objects(data_dir: &Path) -> usize {
    let names = fs::read_dir(data_dir.join("blobs")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with("oci-")).count()
}

/// Waits until so many objects are left.
async fn wait_for_objects(data_dir: &Path, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while objects(data_dir) != count {
        assert!(Instant::now() < deadline, "{} objects are left", objects(data_dir));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_use_goes_and_everything_else_stays() {
    let limits = ServerLimits {
        oci_upload_idle_max: Duration::from_secs(3),
        oci_unbound_duration_max: Duration::from_secs(1),
        oci_push_duration_max: Duration::from_secs(2),
        oci_object_age_min: Duration::from_secs(5),
        ..ServerLimits::default()
    };
    for (dir, server) in server::on_both_databases_with(impatient(limits)).await {
        let bound = push(&server, "t/a", "bound").await;
        assert_eq!(bind(&server, "t/a", &bound, 5).await.status(), 201);
        // One row of this blob is bound and the other is not: they share the object.
        let shared = push(&server, "t/a", "shared").await;
        let mount = format!("/v2/t/b/blobs/uploads/?mount={shared}&from=t/a");
        assert_eq!(server.request(Method::POST, &mount).send().await.unwrap().status(), 201);
        assert_eq!(bind(&server, "t/b", &shared, 6).await.status(), 201);
        let unbound = push(&server, "t/a", "unbound").await;
        let idle = begin(&server, "idle").await;
        let going_on = begin(&server, "going on").await;
        let orphan = dir.path().join("blobs").join(format!("oci-{}", "0".repeat(32)));
        let unfinished = PathBuf::from(format!("{}#17", orphan.display()));
        for file in [&orphan, &unfinished] {
            fs::write(file, "left by a server that was killed").unwrap();
        }
        assert_eq!(objects(dir.path()), 7);

        for _ in 0..50 {
            sleep(Duration::from_millis(100)).await;
            append(&server, &going_on, ".").await;
        }
        assert_eq!(server.get(&idle).await.status(), 404);
        for (repository, digest, status) in
            [("t/a", &bound, 200), ("t/b", &shared, 200), ("t/a", &shared, 404), ("t/a", &unbound, 404)]
        {
            assert_eq!(blob_status(&server, repository, digest).await, status, "{repository} {digest}");
        }
        // What is left: two blobs that manifests name, and the parts of the upload that goes on.
        wait_for_objects(dir.path(), 2 + 51).await;
        assert!(!orphan.exists() && !unfinished.exists());
        let text = format!("going on{}", ".".repeat(50));
        let end = server.request(Method::PUT, &format!("{going_on}?digest={}", sha256(text.as_bytes())));
        assert_eq!(end.send().await.unwrap().status(), 201);
        let fresh = server.get(&format!("/v2/t/a/blobs/{}", sha256(text.as_bytes()))).await;
        assert_eq!(fresh.text().await.unwrap(), text);
        assert_eq!(server.get(&format!("/v2/t/b/blobs/{shared}")).await.text().await.unwrap(), "shared");
    }
}

/// A volume may have other things beside the objects, and some that cannot be looked at.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_object_is_left_alone_and_stops_nothing() {
    let limits = ServerLimits { oci_object_age_min: Duration::ZERO, ..ServerLimits::default() };
    let dir = TempDir::new().unwrap();
    let mut config = server::config(dir.path(), ServerLimits::default());
    impatient(limits)(&mut config);
    let blobs = dir.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    let elsewhere = TempDir::new().unwrap();
    let name = |digit: &str| format!("oci-{}", digit.repeat(32));
    let kept = ["oci-notes.txt", "x#1", "notes#2", "lost+found/file", "oci-dir#3/file", &format!("{}/file", name("a"))];
    for kept in kept.map(|kept| blobs.join(kept)) {
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(kept, "not the registry's").unwrap();
    }
    let outside = elsewhere.path().join(name("b"));
    fs::write(&outside, "not the registry's").unwrap();
    symlink(elsewhere.path(), blobs.join("link")).unwrap();
    symlink(&outside, blobs.join(name("c"))).unwrap();
    symlink("nowhere", blobs.join(name("d"))).unwrap();
    let orphans = [name("0"), format!("{}#4", name("1")), "component-1#5".to_owned()].map(|name| blobs.join(name));
    orphans.iter().for_each(|orphan| fs::write(orphan, "left by a server that was killed").unwrap());

    let _server = TestServer::with_config(config).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while orphans.iter().any(|orphan| orphan.exists()) {
        assert!(Instant::now() < deadline, "they are still there");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(kept.iter().all(|kept| blobs.join(kept).exists()) && outside.exists());
    assert!(["c", "d"].iter().all(|digit| blobs.join(name(digit)).is_symlink()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_was_found_waits_for_its_manifest() {
    let limits = ServerLimits {
        oci_unbound_duration_max: Duration::from_secs(1),
        oci_push_duration_max: Duration::from_secs(20),
        oci_object_age_min: Duration::from_secs(60),
        ..ServerLimits::default()
    };
    for (_dir, server) in server::on_both_databases_with(impatient(limits)).await {
        let (found, pushed_again) = (push(&server, "t/a", "found").await, push(&server, "t/a", "again").await);
        assert_eq!(blob_status(&server, "t/a", &found).await, 200);
        sleep(Duration::from_millis(1_200)).await;
        // Whoever looks now pushes it again; whoever has looked before can go on.
        assert_eq!(blob_status(&server, "t/a", &found).await, 404);
        let mount = format!("/v2/t/b/blobs/uploads/?mount={found}&from=t/a");
        assert_eq!(server.request(Method::POST, &mount).send().await.unwrap().status(), 202);
        assert_eq!(bind(&server, "t/a", &found, 5).await.status(), 201);
        assert_eq!(blob_status(&server, "t/a", &found).await, 200);
        push(&server, "t/a", "again").await;
        assert_eq!(blob_status(&server, "t/a", &pushed_again).await, 200);
    }
}

/// Two servers on one PostgreSQL collect while manifests are pushed, at the very time when their blobs are given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_refused_or_its_blob_stays() {
    const BLOBS: u64 = 120;
    let limits = ServerLimits {
        oci_unbound_duration_max: Duration::ZERO,
        oci_push_duration_max: Duration::from_millis(150),
        oci_object_age_min: Duration::from_secs(5),
        ..ServerLimits::default()
    };
    let Some((dir, config)) = server::configs(impatient(limits)).await.into_iter().nth(1) else { return };
    let first = TestServer::with_config(config.clone()).await;
    let second = TestServer::bare(config).await;
    let pushes = (0..BLOBS).map(|number| {
        let (first, second) = (&first, &second);
        async move {
            sleep(Duration::from_millis(40 * number)).await;
            let (one, other): (&Client, &Client) = if number % 2 == 0 { (first, second) } else { (second, first) };
            let text = format!("blob {number}");
            let digest = push(one, "t/a", &text).await;
            sleep(Duration::from_millis(60 + 2 * number)).await;
            let bound = bind(other, "t/a", &digest, text.len()).await;
            let status = bound.status().as_u16();
            if status != 201 {
                let error: Value = bound.json().await.unwrap();
                assert_eq!((status, &error["errors"][0]["code"]), (404, &json!("MANIFEST_BLOB_UNKNOWN")));
            }
            (digest, text, status == 201)
        }
    });
    let pushed = join_all(pushes).await;
    let bound = pushed.iter().filter(|(.., bound)| *bound).count();
    assert!(bound > 0 && bound < BLOBS as usize, "{bound} of {BLOBS} came in time");
    wait_for_objects(dir.path(), bound).await;
    for (digest, text, bound) in pushed {
        let served = first.get(&format!("/v2/t/a/blobs/{digest}")).await;
        assert_eq!(served.status(), if bound { 200 } else { 404 });
        assert!(!bound || served.text().await.unwrap() == text);
    }
}
