//! HTTP's manners: caching, conditions, ranges, compression, and pages of other origins.

use crate::support::client::{Client, expect_error, unknown_component};
use crate::support::component::component;
use crate::support::server::TestServer;
use crate::support::{server, wasi};
use registry_core::id::ComponentHash;
use registry_core::wire::{ComponentRecord, Published, Release};
use registry_server::ServerLimits;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, Response};
use std::ops::Range;

const PACKAGE: &str = "package demo:manners@1.0.0; interface a { f: func(); }";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const SHORT: &str = "public, max-age=60";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// `range`, `if-range`, and the part that is answered; everything if there is none.
type Asked<'a> = (&'a str, Option<&'a str>, Option<Range<usize>>);

/// A component without imports, and its bytes.
async fn publish_tool(server: &Client) -> (ComponentHash, Vec<u8>) {
    let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
    (server.publish_component(bytes.clone()).await.record.hash, bytes)
}

async fn with(server: &Client, method: Method, path: &str, headers: Headers<'_>) -> Response {
    let request =
        headers.iter().fold(server.request(method, path), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_of_everything_by_hash_is_the_hash_and_it_is_kept_for_ever() {
    let (_dir, server) = server::temporary().await;
    let package = server.publish_wit(PACKAGE).await.record.hash;
    let (component, _) = publish_tool(&server).await;
    let packages = ["", "/wit", "/flat", "/closure"].map(|part| ("packages", package.to_string(), part));
    let components = ["", "/wit", "/flat", "/closure"].map(|part| ("components", component.to_string(), part));
    for (kind, hash, part) in packages.into_iter().chain(components) {
        let response = server.get(&format!("/v1/{kind}/{hash}{part}")).await;
        assert_eq!(header(response.headers(), "etag"), format!("\"{hash}{part}\""));
        assert_eq!(header(response.headers(), "cache-control"), IMMUTABLE);
    }
    let bytes = server.get(&format!("/v1/components/{component}/wasm")).await;
    assert_eq!(header(bytes.headers(), "etag"), format!("\"{component}\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_kept_for_a_minute_and_their_tag_changes_with_them() {
    let (_dir, server) = server::temporary().await;
    server.publish_wit(PACKAGE).await;
    let mut tags = Vec::new();
    for path in ["/v1/releases/demo/manners", "/v1/releases/demo/manners/1.0.0", "/openapi.json", "/api"] {
        let response = server.get(path).await;
        assert_eq!(header(response.headers(), "cache-control"), SHORT, "{path}");
        tags.push(header(response.headers(), "etag").to_owned());
    }
    server.publish_wit(&PACKAGE.replace("1.0.0", "1.0.1")).await;
    let held = [("if-none-match", tags[0].as_str())];
    let changed = with(&server, Method::GET, "/v1/releases/demo/manners", &held).await;
    assert_eq!(changed.status(), 200);
    let held = [("if-none-match", tags[1].as_str())];
    let same = with(&server, Method::GET, "/v1/releases/demo/manners/1.0.0", &held).await;
    assert_eq!(same.status(), 304);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(header(server.get(path).await.headers(), "cache-control"), "no-store", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_it_gets_no_body() {
    let (_dir, server) = server::temporary().await;
    let hash = server.publish_wit(PACKAGE).await.record.hash;
    let path = format!("/v1/packages/{hash}/wit");
    let table = [
        (format!("\"{hash}/wit\""), 304),
        (format!("W/\"{hash}/wit\""), 304),
        (format!("\"other\",  \"{hash}/wit\" , \"more\""), 304),
        ("*".to_owned(), 304),
        (format!("\"{hash}\""), 200),
        (format!("{hash}/wit"), 200),
        (format!("\"{hash}/wit"), 200),
        (String::new(), 200),
        (",,,\"\"".to_owned(), 200),
    ];
    for (condition, status) in table {
        for method in [Method::GET, Method::HEAD] {
            let response = with(&server, method, &path, &[("if-none-match", &condition)]).await;
            assert_eq!(response.status(), status, "{condition}");
            assert_eq!(header(response.headers(), "etag"), format!("\"{hash}/wit\""));
            assert_eq!(header(response.headers(), "cache-control"), IMMUTABLE);
            let body = response.bytes().await.unwrap();
            assert!(status == 200 || body.is_empty(), "{condition}");
        }
    }
    let gone = format!("/v1/components/{}", unknown_component());
    let gone = with(&server, Method::GET, &gone, &[("if-none-match", "*")]).await;
    expect_error(gone, 404, "not_found").await;
    let posted = server.request(Method::POST, "/v1/missing").header(IF_NONE_MATCH, "*").body("{\"hashes\":[]}");
    let posted = posted.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(posted.status(), 200, "a condition on reading does not concern what is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_component_can_be_asked_for() {
    let (_dir, server) = server::temporary().await;
    let (hash, bytes) = publish_tool(&server).await;
    let (path, size) = (format!("/v1/components/{hash}/wasm"), bytes.len());
    let (tag, weak) = (format!("\"{hash}\""), format!("W/\"{hash}\""));
    let table: [Asked<'_>; 10] = [
        ("bytes=0-3", None, Some(0..4)),
        ("bytes=4-", None, Some(4..size)),
        ("bytes=-4", None, Some(size - 4..size)),
        ("bytes=10-99999999", None, Some(10..size)),
        ("bytes=0-3", Some(&tag), Some(0..4)),
        ("bytes=0-3", Some(&weak), None),
        ("bytes=0-3", Some("\"other\""), None),
        ("bytes=0-3", Some("Sat, 29 Oct 1994 19:43:31 GMT"), None),
        ("bytes=0-3,5-6", None, None),
        ("pages=1-2", None, None),
    ];
    for (range, condition, part) in table {
        let mut headers = vec![("range", range)];
        headers.extend(condition.map(|condition| ("if-range", condition)));
        let response = with(&server, Method::GET, &path, &headers).await;
        let expected =
            part.clone().map_or(String::new(), |part| format!("bytes {}-{}/{size}", part.start, part.end - 1));
        assert_eq!(response.status(), if part.is_some() { 206 } else { 200 }, "{range} {condition:?}");
        assert_eq!(header(response.headers(), "content-range"), expected);
        assert_eq!(header(response.headers(), "accept-ranges"), "bytes");
        assert_eq!(header(response.headers(), "etag"), tag);
        assert_eq!(response.bytes().await.unwrap(), bytes[part.unwrap_or(0..size)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_there_is_refused_with_the_size() {
    let (_dir, server) = server::temporary().await;
    let (hash, bytes) = publish_tool(&server).await;
    let path = format!("/v1/components/{hash}/wasm");
    for range in [format!("bytes={}-", bytes.len()), "bytes=-0".to_owned()] {
        let response = with(&server, Method::GET, &path, &[("range", &range)]).await;
        assert_eq!(header(response.headers(), "content-range"), format!("bytes */{}", bytes.len()));
        expect_error(response, 416, "range_not_satisfiable").await;
        let held = format!("\"{hash}\"");
        let known = with(&server, Method::GET, &path, &[("range", &range), ("if-none-match", &held)]).await;
        assert_eq!(known.status(), 304, "the condition comes first");
        let head = with(&server, Method::HEAD, &path, &[("range", &range)]).await;
        assert_eq!(head.status(), 200, "ranges are for GET");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_in_two_pieces_is_the_component() {
    let (_dir, server) = server::temporary().await;
    let (hash, bytes) = publish_tool(&server).await;
    let path = format!("/v1/components/{hash}/wasm");
    let middle = bytes.len() / 2;
    let first = with(&server, Method::GET, &path, &[("range", &format!("bytes=0-{}", middle - 1))]).await;
    let tag = header(first.headers(), "etag").to_owned();
    let mut pieces = first.bytes().await.unwrap().to_vec();
    let rest = [("range", format!("bytes={middle}-")), ("if-range", tag)];
    let rest = with(&server, Method::GET, &path, &rest.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    pieces.extend(rest.bytes().await.unwrap());
    assert_eq!(ComponentHash::of(&pieces), hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_counts_once_when_its_last_byte_is_sent() {
    let dir = tempfile::TempDir::new().unwrap();
    let limits = ServerLimits { downloads_wait: std::time::Duration::from_millis(20), ..ServerLimits::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
    let (length, name) = (bytes.len(), "/v1/components?name=demo:counted@1.0.0");
    let published: Published<ComponentRecord> =
        server.post(name, "application/wasm", bytes).await.json().await.unwrap();
    let path = format!("/v1/components/{}/wasm", published.record.hash);
    let ranges =
        ["bytes=0-0".to_owned(), "bytes=0-0".to_owned(), format!("bytes=0-{}", length - 2), "bytes=3-".to_owned()];
    for range in &ranges {
        assert_eq!(with(&server, Method::GET, &path, &[("range", range)]).await.status(), 206, "{range}");
    }
    assert_eq!(server.get(&path).await.status(), 200);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let release: Release = server.json("/v1/releases/demo/counted/1.0.0").await;
    assert_eq!(release.downloads, 2, "the part that ends at the end, and the whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_large_is_compressed_for_those_who_accept_it() {
    let (_dir, server) = server::temporary().await;
    let hash = wasi::publish(&server).await["http"].hash;
    let path = format!("/v1/packages/{hash}/closure");
    let plain = server.get(&path).await;
    assert_eq!(header(plain.headers(), "etag"), format!("\"{hash}/closure\""));
    assert_eq!(header(plain.headers(), "vary"), "accept-encoding");
    assert!(!plain.headers().contains_key("content-encoding"));
    let size_bytes = plain.content_length().unwrap();
    let plain = plain.bytes().await.unwrap();

    let packed = with(&server, Method::GET, &path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(packed.headers(), "content-encoding"), "gzip");
    assert_eq!(header(packed.headers(), "vary"), "accept-encoding");
    let weak = header(packed.headers(), "etag").to_owned();
    assert_eq!(weak, format!("W/\"{hash}/closure\""), "other bytes, so not the same strong tag");
    let head = with(&server, Method::HEAD, &path, &[("accept-encoding", "gzip")]).await;
    for name in ["content-encoding", "content-type", "content-length", "etag", "vary", "cache-control"] {
        assert_eq!(header(head.headers(), name), header(packed.headers(), name), "{name}");
    }
    let packed = packed.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && (packed.len() as u64) < size_bytes / 2, "{}", packed.len());
    let unpacked = Client::accepting_gzip(server.url().to_owned()).get(&path).await.bytes().await.unwrap();
    assert_eq!(unpacked, plain);
    let held = [("accept-encoding", "gzip"), ("if-none-match", weak.as_str())];
    assert_eq!(with(&server, Method::GET, &path, &held).await.status(), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_small_or_a_range_is_not_compressed() {
    let (_dir, server) = server::temporary().await;
    let world: String = (0..200).map(|index| format!("export run-{index}: func();")).collect();
    let bytes = component(&[&format!("package demo:tool; world w {{ {world} }}")]);
    let hash = server.publish_component(bytes).await.record.hash;
    let wasm = format!("/v1/components/{hash}/wasm");
    let gzip = ("accept-encoding", "gzip");
    let table: [(&str, Headers<'_>, &str); 4] = [
        ("/health/live", &[gzip], ""),
        (&wasm, &[gzip, ("range", "bytes=0-4000")], ""),
        (&wasm, &[gzip], "gzip"),
        (&wasm, &[("accept-encoding", "br, deflate")], ""),
    ];
    for (path, headers, encoding) in table {
        let response = with(&server, Method::GET, path, headers).await;
        assert!(response.status().is_success());
        assert_eq!(header(response.headers(), "content-encoding"), encoding, "{path} {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_accepts_no_encoding_is_told_but_can_publish() {
    let (_dir, server) = server::temporary().await;
    let nothing = "identity;q=0, *;q=0";
    let response = with(&server, Method::GET, "/openapi.json", &[("accept-encoding", nothing)]).await;
    expect_error(response, 406, "not_acceptable").await;
    let body = serde_json::to_vec(&crate::support::client::one_file(PACKAGE)).unwrap();
    let posted = server.request(Method::POST, "/v1/packages").header("content-type", "application/json").body(body);
    assert_eq!(posted.header(ACCEPT_ENCODING, nothing).send().await.unwrap().status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_read_and_may_not_write() {
    let (_dir, server) = server::temporary().await;
    let origin = ("origin", "https://example.org");
    for path in ["/health/live", "/v1/nothing", "/openapi.json"] {
        let response = with(&server, Method::GET, path, &[origin]).await;
        assert_eq!(header(response.headers(), "access-control-allow-origin"), "*", "{path}");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        assert!(header(response.headers(), "access-control-expose-headers").contains("etag"));
    }
    let asks = [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")];
    let preflight = with(&server, Method::OPTIONS, "/v1/packages", &asks).await;
    assert!(preflight.status().is_success());
    assert_eq!(header(preflight.headers(), "access-control-allow-methods"), "GET,HEAD,OPTIONS");
    assert!(!header(preflight.headers(), "access-control-allow-headers").contains("content-type"));
    assert!(preflight.headers().contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_what_is_not_there_is_not_found() {
    let (_dir, server) = server::temporary().await;
    for path in ["/v1/nothing", "/nothing", "/v1/packages/a/b/c"] {
        expect_error(with(&server, Method::OPTIONS, path, &[]).await, 404, "unknown_route").await;
    }
    assert_eq!(with(&server, Method::OPTIONS, "/v1/namespaces", &[]).await.status(), 200);
}
