//! Hostile requests in bulk: whatever comes below `/v2`, the answer is no fault of the server, refusals have the one
//! shape, and the server goes on.

use super::content::{Algorithm, Blob, Content, MANIFEST};
use super::registry::{Registry, Repository, closing, ours_on_sqlite};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const METHODS: [&str; 9] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// Texts that stand where a name, a tag, a digest or an upload is expected.
const TEXTS: [&str; 24] = [
    "",
    ".",
    "..",
    "%2e%2e",
    "%2f",
    "%5c",
    "%00",
    "%ff%fe",
    "%",
    "%zz",
    "a%0d%0ab",
    "uploads",
    "list",
    "_catalog",
    "sha256:",
    "sha256:..%2f..%2f..%2fetc%2fpasswd",
    "sha512:0",
    "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "1.0.0",
    "'%20OR%201=1--",
    "%F0%9F%A6%80",
    "{namespace}",
    "*",
    "demo:area@1.0.0",
];

/// A registry in which every address is of something, so that a broken one has something to break.
async fn registry_with_image() -> (Registry, Content) {
    let registry = ours_on_sqlite().await;
    let mut content = Content::default();
    content.image(json!({}));
    let repository = registry.named("conformance/hostile");
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    repository.push_manifest(&content.manifests[0], "1.0.0").await.expect(201);
    (registry, content)
}

async fn expect_it_goes_on(repository: &Repository<'_>, content: &Content) {
    repository.expect_manifest("1.0.0", &content.manifests[0]).await;
    repository.expect_blob(&content.blobs[0]).await;
    let blob = Blob::of_size(Algorithm::Sha256, 10);
    repository.push_blob(&blob).await.expect(201);
}

/// The status and the body of the answer to a request that is written by hand. `None` if the server only closes the
/// connection, as it may with what is not HTTP.
fn ask(registry: &Registry, head: &str, body: &[u8]) -> Option<(u16, String, String)> {
    let address = registry.client().url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    // The server may have answered and closed before everything is sent.
    let _ = stream.write_all(format!("{request}{}\r\n", registry.client().authorization()).as_bytes());
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (headers, body) = answer.split_once("\r\n\r\n")?;
    let status = headers.split(' ').nth(1)?.parse().ok()?;
    Some((status, headers.to_lowercase(), body.to_owned()))
}

/// An answer that is no fault of the server: and if it refuses with a text, then with an error of the specification.
fn expect_sound(request: &str, answer: Option<(u16, String, String)>) {
    let Some((status, headers, body)) = answer else { return };
    assert!(status < 500, "{request}: {status} {body}");
    if status < 400 || body.is_empty() {
        return;
    }
    assert!(headers.contains("content-type: application/json"), "{request}: {headers}");
    let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}: {body}"));
    let code = value["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("{request}: {body}"));
    assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{request}: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_addresses() {
    let (registry, content) = registry_with_image().await;
    let mut paths = vec!["/v2".to_owned(), "/v2/".to_owned(), "/v2//".to_owned(), "/v2/%20".to_owned()];
    for text in TEXTS {
        for template in [
            "/v2/TEXT",
            "/v2/TEXT/hostile/tags/list",
            "/v2/conformance/TEXT/tags/list",
            "/v2/conformance/hostile/TEXT",
            "/v2/conformance/hostile/tags/TEXT",
            "/v2/conformance/hostile/tags/list?n=TEXT",
            "/v2/conformance/hostile/tags/list?last=TEXT&n=1",
            "/v2/conformance/hostile/manifests/TEXT",
            "/v2/conformance/hostile/blobs/TEXT",
            "/v2/conformance/hostile/blobs/uploads/TEXT",
            "/v2/conformance/hostile/blobs/uploads/?digest=TEXT",
            "/v2/conformance/hostile/blobs/uploads/?mount=TEXT&from=TEXT",
            "/v2/conformance/hostile/referrers/TEXT",
            "/v2/conformance/hostile/manifests/1.0.0?TEXT=TEXT",
        ] {
            paths.push(template.replace("TEXT", text));
        }
    }
    for path in &paths {
        for method in METHODS {
            let request = format!("{method} {path} HTTP/1.1");
            expect_sound(&request, ask(&registry, &request, b""));
        }
    }
    assert!(paths.len() * METHODS.len() > 3_000);
    expect_it_goes_on(&registry.named("conformance/hostile"), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_headers() {
    let (registry, content) = registry_with_image().await;
    let repository = registry.named("conformance/hostile");
    let blob = &content.blobs[0];
    let values = [
        "",
        " ",
        "0",
        "-1",
        "0-0",
        "0-18446744073709551615",
        "18446744073709551615-0",
        "99999999999999999999-",
        "bytes=",
        "bytes=-",
        "bytes=-0",
        "bytes=0-0,1-1",
        "bytes=99999999999999999999-",
        "bytes=5-1",
        "Basic",
        "Basic Og==",
        "Basic \u{1f980}",
        "Bearer ",
        "\"",
        "W/\"\"",
        "*",
        "application/json",
        ";;;",
        "a/b/c",
        "text/html;q=2",
        "sha256:",
        "gzip",
        "chunked",
        "\u{ff}\u{fe}",
        "?1",
    ];
    let long = "a".repeat(8_000);
    for name in [
        "range",
        "content-range",
        "content-type",
        "accept",
        "authorization",
        "if-none-match",
        "if-range",
        "content-encoding",
        "accept-encoding",
        "expect",
        "origin",
        "x-forwarded-host",
        "oci-chunk-min-length",
    ] {
        for value in values.iter().copied().chain([long.as_str()]) {
            let location = repository.begin().await;
            let upload = location.strip_prefix(registry.client().url()).unwrap_or(&location).to_owned();
            for (method, path) in [
                ("GET", repository.manifest_at("1.0.0")),
                ("HEAD", repository.manifest_at("1.0.0")),
                ("GET", repository.blob_at(blob)),
                ("GET", repository.at("tags/list")),
                ("PUT", repository.manifest_at("1.0.1")),
                ("PATCH", upload.clone()),
                ("PUT", closing(&upload, &blob.digest)),
            ] {
                let head = format!("{method} {path} HTTP/1.1\r\n{name}: {value}");
                expect_sound(&head, ask(&registry, &head, b"some bytes"));
            }
            registry.send("DELETE", &location, &[], "").await;
        }
    }
    expect_it_goes_on(&repository, &content).await;
}

/// Every manifest with one byte changed, and every beginning of it.
#[tokio::test(flavor = "multi_thread")]
async fn broken_manifests() {
    let (registry, content) = registry_with_image().await;
    let repository = registry.named("conformance/hostile");
    let path = repository.manifest_at("1.0.0");
    let good = serde_json::to_vec(&content.manifests[0].value).unwrap();
    let cut = (0..good.len()).map(|end| good[..end].to_vec());
    let changed = (0..good.len()).flat_map(|index| {
        [b'"', b'{', b'9', 0x00, 0xff].map(|byte| {
            let mut bytes = good.clone();
            bytes[index] = byte;
            bytes
        })
    });
    for bytes in cut.chain(changed) {
        let head = format!("PUT {path} HTTP/1.1\r\ncontent-type: {MANIFEST}");
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        expect_sound(&shown, ask(&registry, &head, &bytes));
    }
    expect_it_goes_on(&repository, &content).await;
    // The tag is bound to the first, whatever came later.
    assert_eq!(repository.tags().await, ["1.0.0"]);
}

/// Requests that end before they say that they would, in every place where a body is read.
#[tokio::test(flavor = "multi_thread")]
async fn broken_connections() {
    let (registry, content) = registry_with_image().await;
    let repository = registry.named("conformance/hostile");
    let address = registry.client().url().strip_prefix("http://").unwrap();
    let blob = &content.blobs[0];
    for round in 0..40 {
        let location = repository.begin().await;
        for (method, path) in [
            ("POST", repository.at(&format!("blobs/uploads/?digest={}", blob.digest))),
            ("PATCH", location.clone()),
            ("PUT", closing(&location, &blob.digest)),
            ("PUT", repository.manifest_at("1.0.2")),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            let length = if round % 2 == 0 { "content-length: 1000" } else { "transfer-encoding: chunked" };
            let authorization = registry.client().authorization();
            let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{length}\r\n{authorization}\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&b"3e8\r\n0123456789"[..round % 14]).unwrap();
        }
        let status = registry.get(&location).await;
        assert!([204, 404].contains(&status.status), "{status}");
        registry.send("DELETE", &location, &[], "").await;
    }
    assert_eq!(repository.tags().await, ["1.0.0"]);
    expect_it_goes_on(&repository, &content).await;
}
