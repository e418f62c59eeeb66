//! HTTP itself: routes, methods, headers, sizes and times.

use crate::support::client::{expect_error, one_file, unknown_package};
use crate::support::component::component;
use crate::support::server::{self, TestServer};
use registry_core::wire::ErrorBody;
use registry_server::ServerLimits;
use reqwest::{Method, StatusCode};
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods_have_the_one_shape() {
    let (_dir, server) = server::temporary().await;
    for path in [
        "/nothing",
        "/v1",
        "/v1/",
        "/v3/packages",
        "/v20",
        "/v1/packages/",
        "/v1/releases/a",
        "/v1/releases/a/b/1.0.0/c",
    ] {
        let error = expect_error(server.get(path).await, 404, "unknown_route").await;
        assert!(error.hint.is_some());
    }
    for (method, path, allowed) in [
        (Method::GET, "/v1/packages", "POST"),
        (Method::DELETE, "/v1/packages/x", "GET,HEAD"),
        (Method::PUT, "/v1/releases/a/b", "GET,HEAD"),
        (Method::GET, "/v1/missing", "POST"),
        (Method::POST, "/health/live", "GET,HEAD"),
    ] {
        let response = server.request(method, path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], allowed, "{path}");
        expect_error(response, 405, "method_not_allowed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_in_addresses_are_refused_and_harmless() {
    let (_dir, server) = server::temporary().await;
    let hash = server.publish_wit("package t:t@1.0.0; interface a { f: func(); }").await.record.hash;
    for text in [
        "'; DROP TABLE packages; --",
        "%27%3B%20DROP%20TABLE%20packages%3B%20--",
        "<script>alert(1)</script>",
        "%3Cscript%3E",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "%0d%0aset-cookie:%20x",
        "T",
        "a%20b",
        &"a".repeat(5_000),
    ] {
        for path in [
            format!("/v1/packages/{text}"),
            format!("/v1/packages/{text}/closure"),
            format!("/v1/components/{text}/wasm"),
            format!("/v1/releases/{text}/t"),
            format!("/v1/releases/t/{text}"),
            format!("/v1/releases/t/t/{text}"),
        ] {
            let response = server.get(&path).await;
            let status = response.status();
            assert!(status == StatusCode::BAD_REQUEST || status == StatusCode::NOT_FOUND, "{path}: {status}");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert!(!response.headers().contains_key("set-cookie"));
            let body: ErrorBody = response.json().await.unwrap();
            assert!(body.message.chars().count() < 10_000);
        }
    }
    assert_eq!(server.get(&format!("/v1/packages/{hash}/wit")).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_must_be_whole_and_of_the_right_kind() {
    let (_dir, server) = server::temporary().await;
    let hash = unknown_package().to_string();
    let cases = [
        hash.replace("p2:w", "p2:c"),
        hash.to_uppercase(),
        hash[..hash.len() - 1].to_owned(),
        format!("{hash}0"),
        format!("p2:w{}", "f".repeat(64)),
    ];
    for case in cases {
        expect_error(server.get(&format!("/v1/packages/{case}")).await, 400, "invalid_hash").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_like_get_without_a_body() {
    let (_dir, server) = server::temporary().await;
    let hash = server.publish_wit("package t:t@1.0.0; interface a { f: func(); }").await.record.hash;
    for part in ["", "/wit", "/closure", "/flat"] {
        let path = format!("/v1/packages/{hash}{part}");
        let get = server.get(&path).await;
        let head = server.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK);
        for header in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.headers()[header], get.headers()[header], "{path}");
        }
        assert!(head.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(head.bytes().await.unwrap().is_empty());
    }
    let head = server.request(Method::HEAD, &format!("/v1/packages/{}", unknown_package())).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_not_kept_by_caches() {
    let (_dir, server) = server::temporary().await;
    let response = server.get(&format!("/v1/packages/{}", unknown_package())).await;
    assert!(!response.headers().contains_key("cache-control"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_documented_content_types_are_taken() {
    let (_dir, server) = server::temporary().await;
    for (path, content_type) in [
        ("/v1/packages", "text/plain"),
        ("/v1/packages", "application/x-www-form-urlencoded"),
        ("/v1/components", "application/json"),
        ("/v1/components", "application/octet-stream"),
        ("/v1/missing", "application/wasm"),
    ] {
        let error = expect_error(server.post(path, content_type, "x").await, 415, "unsupported_media_type").await;
        assert!(error.hint.unwrap().starts_with("send it as `application/"));
    }
    let none = server.request(Method::POST, "/v1/packages").send().await.unwrap();
    expect_error(none, 415, "unsupported_media_type").await;
    let body = serde_json::to_vec(&one_file("package t:t@1.0.0; interface a { f: func(); }")).unwrap();
    let response = server.post("/v1/packages", "Application/JSON; charset=utf-8", body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

fn small() -> ServerLimits {
    let mut limits = ServerLimits {
        discarded_size_bytes_max: 1 << 20,
        discard_duration_max: Duration::from_secs(1),
        ..ServerLimits::default()
    };
    limits.content.component_size_bytes_max = 1 << 20;
    limits
}

async fn with(limits: ServerLimits) -> (TempDir, TestServer) {
    let dir = TempDir::new().unwrap();
    let server = TestServer::with_limits(dir.path(), limits).await;
    (dir, server)
}

/// Sends a head and then bytes of a body until the server has enough of it. Answers how many it took, and its answer.
async fn flood(server: &TestServer, head: &str, chunk: &[u8], size_bytes_max: usize) -> (usize, String) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let reading = tokio::spawn(async move {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(size_bytes) = reader.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..size_bytes]);
            if size_bytes == 0 || answer.ends_with(b"}") {
                break;
            }
        }
        String::from_utf8(answer).unwrap()
    });
    writer.write_all(head.as_bytes()).await.unwrap();
    let mut sent_bytes = 0;
    while sent_bytes < size_bytes_max {
        match tokio::time::timeout(Duration::from_secs(10), writer.write_all(chunk)).await {
            Ok(Ok(())) => sent_bytes += chunk.len(),
            _ => break,
        }
    }
    (sent_bytes, reading.await.unwrap())
}

/// The beginning of an upload, up to what says how long it is.
fn head(server: &TestServer) -> String {
    let authorization = server.authorization();
    format!("POST /v1/components HTTP/1.1\r\nhost: x\r\ncontent-type: application/wasm\r\n{authorization}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_announces_too_much_is_refused_at_once() {
    let (_dir, server) = with(small()).await;
    let head = format!("{}content-length: 10000000000\r\n\r\n", head(&server));
    let (_, answer) = flood(&server, &head, &[], 0).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":\"limit_exceeded\"") && answer.contains("component_size_bytes_max"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_upload_is_cut_early() {
    let (_dir, server) = with(small()).await;
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[0; 0x10000]);
    chunk.extend_from_slice(b"\r\n");
    let head = format!("{}transfer-encoding: chunked\r\n\r\n", head(&server));
    let (sent_bytes, answer) = flood(&server, &head, &chunk, 1 << 30).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // The limit, what is thrown away, and what the system buffers on both sides.
    assert!(sent_bytes < 32 << 20, "{sent_bytes}");
    assert_eq!(server.get("/health/live").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_client_sees_the_refusal_of_a_large_upload() {
    let (_dir, server) = with(small()).await;
    for size_bytes in [(1 << 20) + 1, 2 << 20, 64 << 20] {
        let response = server.post("/v1/components", "application/wasm", vec![0; size_bytes]).await;
        let error = expect_error(response, 413, "limit_exceeded").await;
        assert!(error.message.contains(&size_bytes.to_string()), "{}", error.message);
    }
    let response = server.post("/v1/components", "application/wasm", vec![0; 1 << 20]).await;
    expect_error(response, 422, "not_a_component").await;
    for (path, content_type, status) in [
        ("/v1/components", "text/plain", 415),
        ("/v1/components?x=y", "application/wasm", 400),
        ("/v1/nothing", "application/wasm", 404),
        ("/health/live", "application/wasm", 405),
    ] {
        let response = server.post(path, content_type, vec![0; 64 << 20]).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["connection"]),
            (status, &"close".parse().unwrap())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_need_more_memory_than_there_is_are_put_off() {
    let (_dir, server) = with(ServerLimits { uploads_size_bytes_max: 64 << 10, ..small() }).await;
    let response = server.post("/v1/components", "application/wasm", vec![0; 100 << 10]).await;
    assert_eq!(response.headers()["retry-after"], "2");
    expect_error(response, 503, "overloaded").await;
    let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
    for _ in 0..20 {
        server.publish_component(bytes.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_given_up() {
    let (_dir, server) = with(ServerLimits { body_wait_max: Duration::from_millis(100), ..small() }).await;
    let (_, answer) = flood(&server, &format!("{}content-length: 100\r\n\r\n", head(&server)), b"x", 1).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_given_up() {
    let limits = ServerLimits { request_duration_max: Duration::from_millis(100), ..small() };
    let (_dir, server) = with(limits).await;
    let (_, answer) = flood(&server, &format!("{}content-length: 100\r\n\r\n", head(&server)), b"x", 1).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_have_limits_in_size_number_and_time() {
    let (_dir, server) = with(ServerLimits { header_wait_max: Duration::from_millis(200), ..small() }).await;
    let many: String = (0..100).map(|index| format!("x-{index}: x\r\n")).collect();
    let (_, answer) = flood(&server, &format!("GET /health/live HTTP/1.1\r\n{many}\r\n"), &[], 0).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let large = format!("GET /health/live HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(64 << 10));
    let (_, answer) = flood(&server, &large, &[], 0).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let started = Instant::now();
    let (_, answer) = flood(&server, "GET /health/live HTTP/1.1\r\nx:", &[], 0).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_wait_for_a_place() {
    let limits = ServerLimits { connections_max: 1, header_wait_max: Duration::from_millis(300), ..small() };
    let dir = TempDir::new().unwrap();
    // Nobody has asked this server anything, so no connection is open.
    let server = TestServer::bare(server::config(dir.path(), limits)).await;
    let _idle = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    assert_eq!(server.get("/health/live").await.status(), StatusCode::OK);
    assert!(started.elapsed() > Duration::from_millis(100), "it had to wait for the idle connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_when_the_content_cannot_be_read() {
    let (dir, server) = server::temporary().await;
    assert_eq!(server.text("/health/live").await, r#"{"status":"live"}"#);
    assert_eq!(server.text("/health/ready").await, r#"{"status":"ready"}"#);
    fs::rename(dir.path().join("blobs"), dir.path().join("gone")).unwrap();
    let response = server.get("/health/ready").await;
    assert_eq!(response.headers()["retry-after"], "2");
    let error = expect_error(response, 503, "internal").await;
    assert!(!error.message.contains("gone") && !error.message.contains("blobs"), "{}", error.message);
    assert_eq!(server.get("/health/live").await.status(), StatusCode::OK);
    fs::rename(dir.path().join("gone"), dir.path().join("blobs")).unwrap();
    assert_eq!(server.get("/health/ready").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_of_its_own() {
    let (_dir, server) = server::temporary().await;
    let mut ids = std::collections::BTreeSet::new();
    for path in ["/health/live", "/v1/packages/x", "/nothing", "/v1/packages"] {
        let response = server.get(path).await;
        ids.insert(response.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 4);
}
