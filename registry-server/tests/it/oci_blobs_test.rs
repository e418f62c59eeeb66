//! Blobs: every way of pushing and reading them, and what happens when it goes wrong.

use crate::support::client::Client;
use crate::support::process::ServerProcess;
use crate::support::server::{self, TestServer, config};
use futures::future::join_all;
use registry_core::wire::{CreateToken, CreatedToken, Scope};
use registry_server::{Config, ServerLimits};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const UPLOADS: &str = "/v2/demo/tool/blobs/uploads/";

/// Bytes that do not repeat, so that parts in another order would be another blob.
fn content(size_bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed).wrapping_mul(2_654_435_761).wrapping_add(size_bytes as u32);
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..size_bytes).map(|_| next(&mut state)).collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

fn blob_path(digest: &str) -> String {
    format!("/v2/demo/tool/blobs/{digest}")
}

fn header(response: &Response, name: &str) -> String {
    text(response.headers(), name)
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The error of an answer, in the specification's shape: its code, this registry's own, and the message.
async fn error(response: Response, status: u16) -> (String, String, String) {
    assert_eq!(response.status().as_u16(), status);
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&error["code"]), text(&error["detail"]["code"]), text(&error["message"]))
}

async fn begin(client: &Client) -> String {
    begin_at(client, UPLOADS).await
}

async fn begin_at(client: &Client, path: &str) -> String {
    let response = client.request(Method::POST, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "range"), "0-0");
    let location = header(&response, "location");
    assert!(location.ends_with(&header(&response, "docker-upload-uuid")), "{location}");
    location
}

fn patch(client: &Client, location: &str, bytes: &[u8]) -> RequestBuilder {
    client.request(Method::PATCH, location).body(bytes.to_vec())
}

fn patch_range(client: &Client, location: &str, bytes: &[u8], start: usize) -> RequestBuilder {
    let range = format!("{start}-{}", start + bytes.len() - 1);
    patch(client, location, bytes).header("content-range", range)
}

async fn put(client: &Client, location: &str, digest: &str, bytes: &[u8]) -> Response {
    client.request(Method::PUT, &format!("{location}?digest={digest}")).body(bytes.to_vec()).send().await.unwrap()
}

async fn push(client: &Client, bytes: &[u8]) -> Response {
    let path = format!("{UPLOADS}?digest={}", sha256(bytes));
    client.request(Method::POST, &path).body(bytes.to_vec()).send().await.unwrap()
}

async fn assert_created(response: Response, digest: &str) {
    let (status, headers) = (response.status(), response.headers().clone());
    assert_eq!(status, StatusCode::CREATED, "{}", response.text().await.unwrap());
    assert_eq!(text(&headers, "docker-content-digest"), digest);
    assert_eq!(text(&headers, "location"), blob_path(digest));
}

async fn assert_served(client: &Client, digest: &str, bytes: &[u8]) {
    let response = client.get(&blob_path(digest)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-length"), bytes.len().to_string());
    assert_eq!(header(&response, "docker-content-digest"), digest);
    assert_eq!(response.bytes().await.unwrap(), bytes);
}

async fn assert_unknown(client: &Client, digest: &str) {
    let (code, own, _) = error(client.get(&blob_path(digest)).await, 404).await;
    assert_eq!((code.as_str(), own.as_str()), ("BLOB_UNKNOWN", "not_found"));
}

/// Limits under which a blob of some hundred KiB is a large one of many parts.
fn small_parts() -> ServerLimits {
    ServerLimits {
        oci_part_size_bytes_max: 10_000,
        oci_small_blob_size_bytes_max: 1_000,
        oci_read_size_bytes: 7_000,
        ..ServerLimits::default()
    }
}

/// The files of objects that no hash of the registry names.
fn objects(data_dir: &Path) -> usize {
    let names = fs::read_dir(data_dir.join("blobs")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with("oci-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_pushing_ends_in_the_same_blob() {
    for limits in [ServerLimits::default(), small_parts()] {
        for (dir, server) in server::on_both_databases_with(|config| config.limits = limits.clone()).await {
            let mut digests = BTreeSet::new();
            for size_bytes in [0, 1, 9_999, 10_000, 10_001, 43_210] {
                for digest_of in [sha256, sha512] {
                    for way in 0..6 {
                        let bytes = content(size_bytes, way);
                        let digest = digest_of(&bytes);
                        assert_created(push_in(&server, way, &bytes, &digest).await, &digest).await;
                        assert_served(&server.anonymous(), &digest, &bytes).await;
                        digests.insert(digest);
                    }
                }
            }
            // Blobs that are pushed again, and parts that were joined, leave nothing behind.
            assert_eq!(objects(dir.path()), digests.len());
        }
    }
}

/// The specification's ways, and those in between that clients use.
async fn push_in(client: &Client, way: u8, bytes: &[u8], digest: &str) -> Response {
    let half = bytes.len() / 2;
    if way == 0 {
        let path = format!("{UPLOADS}?digest={digest}");
        return client.request(Method::POST, &path).body(bytes.to_vec()).send().await.unwrap();
    }
    let location = begin_at(client, if way == 1 { UPLOADS.trim_end_matches('/') } else { UPLOADS }).await;
    match way {
        1 => put(client, &location, digest, bytes).await,
        // As a stream, whose length nobody knows.
        2 => {
            let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
                bytes.chunks(1_000).map(|piece| Ok(piece.to_vec())).collect();
            let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
            let response = client.request(Method::PATCH, &location).body(body).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::ACCEPTED);
            put(client, &location, digest, b"").await
        }
        3 => {
            let mut start = 0;
            for piece in bytes.chunks(bytes.len().div_ceil(3).max(1)) {
                let response = patch_range(client, &location, piece, start).send().await.unwrap();
                start += piece.len();
                assert_eq!(response.status(), StatusCode::ACCEPTED);
                assert_eq!(header(&response, "range"), format!("0-{}", start - 1));
                assert_eq!(header(&response, "location"), location);
            }
            put(client, &location, digest, b"").await
        }
        // The last part with the end, which says where it stands or not.
        _ => {
            assert_eq!(patch(client, &location, &bytes[..half]).send().await.unwrap().status(), StatusCode::ACCEPTED);
            let end = client.request(Method::PUT, &format!("{location}?digest={digest}")).body(bytes[half..].to_vec());
            let says_where = way == 4 && half < bytes.len();
            let end = if says_where { end.header("content-range", format!("{half}-{}", bytes.len() - 1)) } else { end };
            end.send().await.unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_again_repairs_what_was_damaged() {
    let (dir, server) = server::temporary().await;
    let bytes = content(5_000_000, 1);
    assert_created(push(&server, &bytes).await, &sha256(&bytes)).await;
    let is_object = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with("oci-");
    let files = fs::read_dir(dir.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| is_object(path)).unwrap();
    fs::write(&file, content(5_000_000, 2)).unwrap();
    assert_created(push(&server, &bytes).await, &sha256(&bytes)).await;
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(objects(dir.path()), 1);
    assert_served(&server, &sha256(&bytes), &bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_not_served_to_its_end() {
    let dir = TempDir::new().unwrap();
    let server = TestServer::with_limits(dir.path(), small_parts()).await;
    let (digest, large) = (sha256(b"content"), content(30_000, 15));
    assert_created(push(&server, b"content").await, &digest).await;
    assert_created(push(&server, &large).await, &sha256(&large)).await;
    let (path, end) = (blob_path(&sha256(&large)), format!("bytes={}-{}", large.len() - 9, large.len() - 1));
    let part = async || server.request(Method::GET, &path).header("range", &end).send().await.unwrap();
    // Once verified, a part is sent as long as nobody touches the file.
    for _ in 0..2 {
        assert_eq!(part().await.bytes().await.unwrap(), large[large.len() - 9..]);
    }
    for entry in fs::read_dir(dir.path().join("blobs")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("oci-") {
            let mut bytes = fs::read(&path).unwrap();
            bytes[5] ^= 1;
            fs::write(path, bytes).unwrap();
        }
    }
    assert_eq!(server.get(&blob_path(&digest)).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // The connection breaks, before or after the first bytes are sent.
    let answer = server.request(Method::GET, &blob_path(&sha256(&large))).send().await;
    assert!(answer.is_err() || answer.unwrap().bytes().await.is_err());
    // Not even those parts of it are sent that are as they were.
    assert_eq!(part().await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_created(push(&server, &large).await, &sha256(&large)).await;
    assert_eq!(part().await.bytes().await.unwrap(), large[large.len() - 9..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_read_whole_and_in_parts() {
    for limits in [ServerLimits::default(), small_parts()] {
        let dir = TempDir::new().unwrap();
        let server = TestServer::with_limits(dir.path(), limits).await;
        let bytes = content(20_000, 7);
        let (digest, anonymous) = (sha256(&bytes), server.anonymous());
        push(&server, &bytes).await;
        let path = blob_path(&digest);
        let head = anonymous.request(Method::HEAD, &path).send().await.unwrap();
        for (name, value) in [
            ("content-length", "20000"),
            ("content-type", "application/octet-stream"),
            ("docker-content-digest", digest.as_str()),
            ("etag", &format!("\"{digest}\"")),
            ("accept-ranges", "bytes"),
            // No manifest names it, so it will go away.
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&head, name), value, "{name}");
        }
        assert_eq!((head.status(), head.bytes().await.unwrap().len()), (StatusCode::OK, 0));
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=100-9999", 100..10_000),
            ("bytes=6999-14001", 6_999..14_002),
            ("bytes=19999-", 19_999..20_000),
            ("bytes=-3", 19_997..20_000),
            ("bytes=-50000", 0..20_000),
        ] {
            let part = anonymous.request(Method::GET, &path).header("range", range).send().await.unwrap();
            assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
            let content_range = format!("bytes {}-{}/20000", expected.start, expected.end - 1);
            assert_eq!(header(&part, "content-range"), content_range);
            assert_eq!(header(&part, "content-length"), expected.len().to_string());
            assert_eq!(part.bytes().await.unwrap(), bytes[expected]);
        }
        for range in ["bytes=20000-", "bytes=500-0", "bytes=-0"] {
            let part = anonymous.request(Method::GET, &path).header("range", range).send().await.unwrap();
            assert_eq!(header(&part, "content-range"), "bytes */20000", "{range}");
            assert_eq!(error(part, 416).await.1, "range_not_satisfiable");
        }
        let held = anonymous.request(Method::GET, &path).header("if-none-match", format!("\"{digest}\""));
        assert_eq!(held.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
        let gzip = anonymous.request(Method::GET, &path).header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!((header(&gzip, "content-encoding"), gzip.bytes().await.unwrap()), (String::new(), bytes.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_to_be_missing_and_nothing_is_deleted() {
    let (_dir, server) = server::temporary().await;
    let digest = sha256(b"here");
    push(&server, b"here").await;
    assert_unknown(&server.anonymous(), &sha256(b"there")).await;
    assert_eq!(error(server.get(&format!("/v2/never/pushed/blobs/{digest}")).await, 404).await.0, "BLOB_UNKNOWN");
    for bad in ["sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "latest"] {
        assert_eq!(error(server.get(&blob_path(bad)).await, 400).await.0, "DIGEST_INVALID", "{bad}");
    }
    let deleted = server.delete(&blob_path(&digest)).await;
    assert_eq!(header(&deleted, "allow"), "GET, HEAD");
    let (code, own, _) = error(deleted, 405).await;
    assert_eq!((code.as_str(), own.as_str()), ("UNSUPPORTED", "immutable"));
    assert_served(&server, &digest, b"here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_mounted_from_where_it_is() {
    for (dir, server) in server::on_both_databases().await {
        let digest = sha256(b"shared");
        push(&server, b"shared").await;
        for (repository, question, is_there) in [
            ("demo/a", "from=demo/tool".to_owned(), true),
            ("demo/a", "from=demo/tool".to_owned(), true),
            ("demo/b", "from=demo%2Ftool".to_owned(), true),
            ("t/c", String::new(), true),
            ("demo/d", "from=demo/other".to_owned(), false),
            ("demo/d", "from=NO%20REPOSITORY".to_owned(), false),
            ("demo/d", "from=demo/tool&unknown=1".to_owned(), true),
        ] {
            let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&{question}");
            let response = server.request(Method::POST, &path).send().await.unwrap();
            let served = server.get(&format!("/v2/{repository}/blobs/{digest}")).await;
            if is_there {
                assert_eq!(response.status(), StatusCode::CREATED, "{path}");
                assert_eq!(header(&response, "location"), format!("/v2/{repository}/blobs/{digest}"));
                assert_eq!(served.text().await.unwrap(), "shared");
            } else {
                assert_eq!(response.status(), StatusCode::ACCEPTED, "{path}");
                assert_eq!(served.status(), StatusCode::NOT_FOUND);
                assert_eq!(server.delete(&header(&response, "location")).await.status(), StatusCode::NO_CONTENT);
            }
        }
        assert_eq!(objects(dir.path()), 1);
        let path = format!("{UPLOADS}?mount={}", sha256(b"nowhere"));
        assert_eq!(server.request(Method::POST, &path).send().await.unwrap().status(), StatusCode::ACCEPTED);
        let bad = server.request(Method::POST, &format!("{UPLOADS}?mount=sha256:x")).send().await.unwrap();
        assert_eq!(bad.status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_out_of_order_are_refused_and_the_upload_goes_on() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = content(3_000, 3);
        let location = begin(&server).await;
        for start in [1, 1_000] {
            let refused = patch_range(&server, &location, &bytes[..100], start).send().await.unwrap();
            assert_eq!((header(&refused, "range"), header(&refused, "location")), ("0-0".to_owned(), location.clone()));
            assert_eq!(error(refused, 416).await.1, "out_of_order");
        }
        patch_range(&server, &location, &bytes[..1_000], 0).send().await.unwrap();
        for (start, end) in [(0, 1_000), (999, 1_999), (1_001, 2_001)] {
            let refused = patch_range(&server, &location, &bytes[start..end], start).send().await.unwrap();
            assert_eq!(header(&refused, "range"), "0-999");
            let (code, own, message) = error(refused, 416).await;
            assert_eq!((code.as_str(), own.as_str()), ("BLOB_UPLOAD_INVALID", "out_of_order"));
            assert!(message.contains("1000 bytes"), "{message}");
        }
        let end = server.request(Method::PUT, &format!("{location}?digest={}", sha256(&bytes)));
        let end = end.header("content-range", "2000-2999").body(bytes[2_000..].to_vec()).send().await.unwrap();
        assert_eq!(error(end, 416).await.1, "out_of_order");
        for bad in ["", "abc", "1000", "bytes 1000-1999/3000", "1000-999", "-1", "1000-99999999999999999999999"] {
            let refused = patch(&server, &location, &bytes[1_000..2_000]).header("content-range", bad);
            assert_eq!(error(refused.send().await.unwrap(), 400).await.1, "upload_invalid", "{bad}");
        }
        let longer = patch(&server, &location, &bytes[1_000..2_000]).header("content-range", "1000-2500");
        assert_eq!(error(longer.send().await.unwrap(), 400).await.0, "SIZE_INVALID");
        let status = server.get(&location).await;
        assert_eq!((status.status(), header(&status, "range")), (StatusCode::NO_CONTENT, "0-999".to_owned()));
        assert_eq!(header(&status, "location"), location);
        patch_range(&server, &location, &bytes[1_000..2_000], 1_000).send().await.unwrap();
        assert_created(put(&server, &location, &sha256(&bytes), &bytes[2_000..]).await, &sha256(&bytes)).await;
        assert_eq!(error(server.get(&location).await, 404).await.0, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digest_ends_the_upload() {
    for limits in [ServerLimits::default(), small_parts()] {
        for (dir, server) in server::on_both_databases_with(|config| config.limits = limits.clone()).await {
            let (bytes, other) = (content(25_000, 4), content(25_000, 5));
            for digest in [sha256(&other), sha512(&other)] {
                let location = begin(&server).await;
                let (code, own, message) = error(put(&server, &location, &digest, &bytes).await, 400).await;
                assert_eq!((code.as_str(), own.as_str()), ("DIGEST_INVALID", "digest_mismatch"));
                assert!(message.contains(&digest), "{message}");
                assert_eq!(server.get(&location).await.status(), StatusCode::NOT_FOUND);
                let at_once = server.request(Method::POST, &format!("{UPLOADS}?digest={digest}")).body(bytes.clone());
                assert_eq!(error(at_once.send().await.unwrap(), 400).await.0, "DIGEST_INVALID");
                assert_unknown(&server, &digest).await;
                assert_unknown(&server, &sha256(&bytes)).await;
            }
            assert_eq!(objects(dir.path()), 0);
            let location = begin(&server).await;
            for question in ["", "?digest=", "?digest=sha256:12", "?digest=md5:d41d8cd98f00b204e9800998ecf8427e"] {
                let response = server.request(Method::PUT, &format!("{location}{question}")).send().await.unwrap();
                assert_eq!(error(response, 400).await.0, "DIGEST_INVALID", "{question}");
            }
            assert_eq!(server.get(&location).await.status(), StatusCode::NO_CONTENT);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_is_gone() {
    for (dir, server) in server::on_both_databases().await {
        let location = begin(&server).await;
        patch(&server, &location, b"some").send().await.unwrap();
        assert_eq!(objects(dir.path()), 1);
        assert_eq!(server.delete(&location).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(objects(dir.path()), 0);
        for response in [
            server.get(&location).await,
            server.delete(&location).await,
            patch(&server, &location, b"more").send().await.unwrap(),
            put(&server, &location, &sha256(b"some"), b"").await,
            server.get(&format!("{UPLOADS}never")).await,
        ] {
            assert_eq!(error(response, 404).await.0, "BLOB_UPLOAD_UNKNOWN");
        }
    }
}

/// Sends a PATCH that announces more than it sends, and breaks off.
async fn break_off(server: &TestServer, location: &str, announced: usize, sent: &[u8]) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: x\r\n{}content-length: {announced}\r\n\r\n",
        server.authorization()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Waits until an upload has so many bytes.
async fn wait_for(client: &Client, location: &str, size_bytes: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let range = header(&client.get(location).await, "range");
        if range == format!("0-{}", size_bytes - 1) {
            return;
        }
        assert!(Instant::now() < deadline, "{range} is there");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_goes_on_where_it_ended() {
    for limits in [ServerLimits::default(), small_parts()] {
        for (_dir, server) in server::on_both_databases_with(|config| config.limits = limits.clone()).await {
            let bytes = content(64_000, 6);
            let location = begin(&server).await;
            break_off(&server, &location, bytes.len(), &bytes[..23_456]).await;
            wait_for(&server, &location, 23_456).await;
            break_off(&server, &location, bytes.len() - 23_456, &bytes[23_456..50_000]).await;
            wait_for(&server, &location, 50_000).await;
            let rest = patch_range(&server, &location, &bytes[50_000..], 50_000).send().await.unwrap();
            assert_eq!(rest.status(), StatusCode::ACCEPTED);
            assert_created(put(&server, &location, &sha256(&bytes), b"").await, &sha256(&bytes)).await;
            assert_served(&server, &sha256(&bytes), &bytes).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_keeps_what_has_come() {
    let limits = ServerLimits { body_wait_max: Duration::from_millis(200), ..ServerLimits::default() };
    let dir = TempDir::new().unwrap();
    let server = TestServer::with_limits(dir.path(), limits).await;
    let location = begin(&server).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        format!("PATCH {location} HTTP/1.1\r\nhost: x\r\n{}content-length: 100\r\n\r\nabcdef", server.authorization());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"errors\""), "{answer}");
    wait_for(&server, &location, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_a_restart_between_its_parts() {
    for (dir, config) in server::configs(|_| {}).await {
        let bytes = content(30_000, 8);
        let server = TestServer::with_config(config.clone()).await;
        let location = begin(&server).await;
        patch(&server, &location, &bytes[..10_000]).send().await.unwrap();
        server.stop().await;
        let server = TestServer::with_config(config.clone()).await;
        wait_for(&server, &location, 10_000).await;
        patch(&server, &location, &bytes[10_000..]).send().await.unwrap();
        server.stop().await;
        let server = TestServer::with_config(config).await;
        assert_created(put(&server, &location, &sha256(&bytes), b"").await, &sha256(&bytes)).await;
        assert_served(&server, &sha256(&bytes), &bytes).await;
        assert_eq!(objects(dir.path()), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let bytes = content(30_000, 9);
    let process = ServerProcess::start(dir.path());
    process.client().claim("demo").await;
    let location = begin(&process.client()).await;
    let response = patch(&process.client(), &location, &bytes[..20_000]).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    process.kill();
    let process = ServerProcess::start(dir.path());
    let response = patch_range(&process.client(), &location, &bytes[20_000..], 20_000).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    process.kill();
    let process = ServerProcess::start(dir.path());
    assert_created(put(&process.client(), &location, &sha256(&bytes), b"").await, &sha256(&bytes)).await;
    process.kill();
    let process = ServerProcess::start(dir.path());
    assert_served(&process.client(), &sha256(&bytes), &bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_an_upload() {
    let Some((dir, config)) = server::configs(|_| {}).await.into_iter().nth(1) else { return };
    let first = TestServer::with_config(config.clone()).await;
    let second = TestServer::bare(Config { data_dir: config.data_dir.clone(), ..config }).await;
    let bytes = content(50_000, 10);
    let location = begin(&first).await;
    for (index, piece) in bytes.chunks(10_000).enumerate() {
        let client = if index % 2 == 0 { &second } else { &first };
        let response = patch_range(client, &location, piece, index * 10_000).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }
    assert_created(put(&second, &location, &sha256(&bytes), b"").await, &sha256(&bytes)).await;
    assert_served(&first, &sha256(&bytes), &bytes).await;
    assert_eq!(objects(dir.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parts_that_come_at_one_time_one_is_taken() {
    for (dir, server) in server::on_both_databases().await {
        let bytes = content(40_000, 11);
        let location = begin(&server).await;
        for start in (0..bytes.len()).step_by(10_000) {
            let piece = &bytes[start..start + 10_000];
            let with_range = (0..4).map(|_| patch_range(&server, &location, piece, start).send());
            let answers = join_all(with_range).await;
            let count = |status: u16| {
                answers.iter().filter(|answer| answer.as_ref().unwrap().status().as_u16() == status).count()
            };
            assert_eq!((count(202), count(416)), (1, 3));
        }
        let ends = join_all((0..4).map(|_| async { put(&server, &location, &sha256(&bytes), b"").await })).await;
        let created = ends.iter().filter(|end| end.status() == StatusCode::CREATED).count();
        let unknown = ends.iter().filter(|end| end.status() == StatusCode::NOT_FOUND).count();
        assert_eq!((created, unknown), (1, 3));
        assert_served(&server, &sha256(&bytes), &bytes).await;
        // Those who came too late throw away what they had begun to write, beside everything else.
        let deadline = Instant::now() + Duration::from_secs(10);
        while objects(dir.path()) != 1 {
            assert!(Instant::now() < deadline, "{} objects are left", objects(dir.path()));
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whoever pushes goes away while the parts are being joined, sooner or later.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_waits_for_leaves_nothing_behind() {
    let (dir, server) = server::temporary().await;
    let mut blobs = 0;
    for number in 0..20 {
        let bytes = content(60_000, number);
        let location = begin(&server).await;
        for piece in bytes.chunks(10_000) {
            assert_eq!(patch(&server, &location, piece).send().await.unwrap().status(), StatusCode::ACCEPTED);
        }
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "PUT {location}?digest={} HTTP/1.1\r\nhost: x\r\n{}content-length: 0\r\n\r\n",
            sha256(&bytes),
            server.authorization()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(u64::from(number))).await;
        drop(stream);
        // It is a blob, or an upload as before, and no third thing.
        let deadline = Instant::now() + Duration::from_secs(10);
        sleep(Duration::from_millis(100)).await;
        loop {
            let is_there = server.get(&blob_path(&sha256(&bytes))).await.status() == StatusCode::OK;
            if is_there && objects(dir.path()) == blobs + 1 {
                blobs += 1;
                break;
            }
            if !is_there && objects(dir.path()) == blobs + 6 {
                assert_eq!(server.delete(&location).await.status(), StatusCode::NO_CONTENT);
                break;
            }
            assert!(Instant::now() < deadline, "{} objects for {blobs} blobs before", objects(dir.path()));
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A server with no place for another job to wait, and no memory for what was read.
#[tokio::test(flavor = "multi_thread")]
async fn readers_wait_for_each_other() {
    let limits = ServerLimits {
        jobs_waiting_max: 0,
        oci_cache_size_bytes_max: 0,
        oci_blobs_verified_max: 1,
        ..ServerLimits::default()
    };
    let dir = TempDir::new().unwrap();
    let server = TestServer::with_limits(dir.path(), limits).await;
    let bytes = content(500_000, 16);
    let digest = sha256(&bytes);
    assert_created(push(&server, &bytes).await, &digest).await;
    let path = blob_path(&digest);
    let read = async |number: usize| {
        let request = server.request(Method::GET, &path);
        let request = if number.is_multiple_of(2) { request } else { request.header("range", "bytes=0-0") };
        request.send().await.unwrap()
    };
    let answers = join_all((0..40).map(read));
    let (answers, pushed) = tokio::join!(answers, push(&server, b"beside them"));
    for (number, answer) in answers.into_iter().enumerate() {
        let expected = if number % 2 == 0 { &bytes[..] } else { &bytes[..1] };
        assert_eq!(answer.bytes().await.unwrap(), expected);
    }
    assert_created(pushed, &sha256(b"beside them")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_blob_that_many_push_is_there_once() {
    for (dir, server) in server::on_both_databases().await {
        let bytes = content(100_000, 12);
        for response in join_all((0..8).map(|_| push(&server, &bytes))).await {
            assert_created(response, &sha256(&bytes)).await;
        }
        assert_served(&server, &sha256(&bytes), &bytes).await;
        assert_eq!(objects(dir.path()), 1);
    }
}

/// A client of another account, with a token of the given scopes.
async fn account(server: &TestServer, name: &str, scopes: &[Scope], namespace: Option<&str>) -> Client {
    let request = CreateToken {
        account: Some(name.to_owned()),
        scopes: scopes.to_vec(),
        namespace: namespace.map(str::to_owned),
        description: String::new(),
        expires_at: None,
    };
    let response = server.send_json(Method::POST, "/v1/tokens", &request).await;
    server.with_token(&response.json::<CreatedToken>().await.unwrap().token)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_may_not_push() {
    for (_dir, server) in server::on_both_databases().await {
        let stranger = account(&server, "stranger", &[Scope::Publish], None).await;
        let yanker = account(&server, "admin", &[Scope::Yank], None).await;
        let elsewhere = account(&server, "admin", &[Scope::Publish], Some("t")).await;
        let post =
            async |client: &Client, path: &str| client.request(Method::POST, path).body("x").send().await.unwrap();
        let at_once = format!("{UPLOADS}?digest={}", sha256(b"x"));
        for path in [UPLOADS, at_once.as_str()] {
            let refused = post(&server.anonymous(), path).await;
            assert!(refused.headers().contains_key("www-authenticate"));
            assert_eq!(error(refused, 401).await.0, "UNAUTHORIZED");
            for client in [&stranger, &yanker, &elsewhere] {
                assert_eq!(error(post(client, path).await, 403).await.0, "DENIED");
            }
        }
        let unclaimed = post(&server, "/v2/nobody/tool/blobs/uploads/").await;
        assert_eq!(error(unclaimed, 403).await.1, "namespace_not_claimed");
        let no_package = post(&server, "/v2/demo/not_a_package/blobs/uploads/").await;
        assert_eq!(error(no_package, 403).await.1, "artifact_refused");
        let no_repository = post(&server, "/v2/demo/Tool/blobs/uploads/").await;
        assert_eq!(error(no_repository, 400).await.0, "NAME_INVALID");
        assert_unknown(&server, &sha256(b"x")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_belongs_to_its_account_and_its_repository() {
    for (_dir, server) in server::on_both_databases().await {
        let other = account(&server, "other", &[Scope::Publish], None).await;
        let owners = server.request(Method::PUT, "/v1/namespaces/demo/owners/other").send().await.unwrap();
        assert!(owners.status().is_success(), "{}", owners.status());
        let location = begin(&server).await;
        patch(&server, &location, b"mine").send().await.unwrap();
        let elsewhere = location.replace("demo/tool", "demo/other");
        for (client, location) in [(&other, &location), (&*server, &elsewhere)] {
            for response in [
                client.get(location).await,
                patch(client, location, b"yours").send().await.unwrap(),
                put(client, location, &sha256(b"mine"), b"").await,
                client.delete(location).await,
            ] {
                assert_eq!(error(response, 404).await.0, "BLOB_UPLOAD_UNKNOWN");
            }
        }
        let yanker = account(&server, "admin", &[Scope::Yank], None).await;
        assert_eq!(error(yanker.get(&location).await, 403).await.0, "DENIED");
        assert_eq!(error(server.anonymous().get(&location).await, 401).await.0, "UNAUTHORIZED");
        assert_created(put(&server, &location, &sha256(b"mine"), b"").await, &sha256(b"mine")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_namespace_meanwhile_does_not_get_the_blob_in() {
    for (dir, server) in server::on_both_databases().await {
        let leaver = account(&server, "leaver", &[Scope::Publish], None).await;
        let owner = "/v1/namespaces/demo/owners/leaver";
        assert!(server.request(Method::PUT, owner).send().await.unwrap().status().is_success());
        let location = begin(&leaver).await;
        patch(&leaver, &location, b"late").send().await.unwrap();
        assert!(server.delete(owner).await.status().is_success());
        assert_eq!(error(put(&leaver, &location, &sha256(b"late"), b"").await, 403).await.0, "DENIED");
        assert_unknown(&server, &sha256(b"late")).await;
        // The upload is left, and collected when it is old.
        assert_eq!(objects(dir.path()), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused() {
    let limits = ServerLimits {
        oci_blob_size_bytes_max: 50_000,
        oci_part_size_bytes_max: 10_000,
        oci_uploads_per_account_max: 3,
        oci_unbound_blobs_max: 4,
        oci_unbound_size_bytes_max: 100_000,
        ..ServerLimits::default()
    };
    let change = |config: &mut Config| {
        config.limits = limits.clone();
        config.artifact_namespaces = vec!["t".to_owned()];
    };
    for (dir, server) in server::on_both_databases_with(change).await {
        let uploads = "/v2/t/any_name/blobs/uploads/";
        let too_large = content(50_001, 13);
        let at_once = server.request(Method::POST, &format!("{uploads}?digest={}", sha256(&too_large)));
        assert_eq!(error(at_once.body(too_large.clone()).send().await.unwrap(), 413).await.0, "SIZE_INVALID");
        let location = begin_at(&server, uploads).await;
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            too_large.chunks(10_000).map(|piece| Ok(piece.to_vec())).collect();
        let streamed = server.request(Method::PATCH, &location);
        let streamed = streamed.body(reqwest::Body::wrap_stream(futures::stream::iter(pieces))).send().await.unwrap();
        assert_eq!(error(streamed, 413).await.0, "SIZE_INVALID");
        assert_eq!(header(&server.get(&location).await, "range"), "0-49999");

        let (second, third) = (begin_at(&server, uploads).await, begin_at(&server, uploads).await);
        let fourth = server.request(Method::POST, uploads).send().await.unwrap();
        assert_eq!(error(fourth, 429).await.1, "too_much_unbound");
        assert_eq!(put(&server, &location, &sha256(&too_large[..50_000]), b"").await.status(), StatusCode::CREATED);

        let half = patch(&server, &second, &too_large[..50_000]).send().await.unwrap();
        assert_eq!(half.status(), StatusCode::ACCEPTED);
        assert_eq!(error(patch(&server, &second, b"x").send().await.unwrap(), 413).await.0, "SIZE_INVALID");
        assert_eq!(error(patch(&server, &third, b"x").send().await.unwrap(), 429).await.1, "too_much_unbound");
        assert_eq!(server.delete(&second).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(patch(&server, &third, b"x").send().await.unwrap().status(), StatusCode::ACCEPTED);

        let mut statuses = Vec::new();
        for size_bytes in 1..5 {
            let bytes = content(size_bytes, 14);
            let path = format!("{uploads}?digest={}", sha256(&bytes));
            statuses.push(server.request(Method::POST, &path).body(bytes).send().await.unwrap().status().as_u16());
        }
        assert_eq!(statuses, [201, 201, 201, 429]);
        let mount = format!("/v2/t/other/blobs/uploads/?mount={}", sha256(&content(1, 14)));
        let mount = server.request(Method::POST, &mount).send().await.unwrap();
        assert_eq!(error(mount, 429).await.1, "too_much_unbound");
        // What was refused left no object: there are four blobs, and an upload of one part.
        assert_eq!(objects(dir.path()), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_too_many_parts_is_refused() {
    let change = |config: &mut Config| config.limits.oci_upload_parts_per_account_max = 3;
    for (dir, server) in server::on_both_databases_with(change).await {
        let (first, second) = (begin(&server).await, begin(&server).await);
        for location in [&first, &first, &second] {
            assert_eq!(patch(&server, location, b".").send().await.unwrap().status(), StatusCode::ACCEPTED);
        }
        for location in [&first, &second] {
            let (code, own, message) = error(patch(&server, location, b".").send().await.unwrap(), 429).await;
            assert_eq!((code.as_str(), own.as_str()), ("TOOMANYREQUESTS", "too_much_unbound"));
            assert!(message.contains("3 of 3 parts"), "{message}");
        }
        assert_eq!(objects(dir.path()), 3);
        assert_created(put(&server, &first, &sha256(b".."), b"").await, &sha256(b"..")).await;
        assert_eq!(patch(&server, &second, b".").send().await.unwrap().status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_at_once_that_breaks_off_leaves_no_upload() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits { oci_uploads_per_account_max: 1, ..ServerLimits::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {UPLOADS}?digest={} HTTP/1.1\r\nhost: x\r\n{}content-length: 100\r\n\r\n",
        sha256(b"never"),
        server.authorization()
    );
    stream.write_all(format!("{head}some").as_bytes()).await.unwrap();
    let post = async || server.request(Method::POST, UPLOADS).send().await.unwrap();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(error(post().await, 429).await.1, "too_much_unbound");
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while post().await.status() != StatusCode::ACCEPTED {
        assert!(Instant::now() < deadline, "the upload is still there");
        sleep(Duration::from_millis(10)).await;
    }
    while objects(dir.path()) > 0 {
        assert!(Instant::now() < deadline, "its part is still there");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_of_components_is_no_larger_than_a_component() {
    let dir = TempDir::new().unwrap();
    let limits = ServerLimits::default();
    let size_bytes_max = limits.content.component_size_bytes_max;
    let server = TestServer::with_config(config(dir.path(), limits)).await;
    let location = begin(&server).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: x\r\n{}expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.authorization(),
        size_bytes_max + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("component_size_bytes_max"), "{answer}");
}
