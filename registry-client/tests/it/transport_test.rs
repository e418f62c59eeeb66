//! Registries that are gone, slow, broken, or no registries.

use crate::support::chain;
use crate::support::proxy::answering;
use registry_client::{Client, ClientError, TransportLimits};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::Spec;
use registry_core::wit::SourceFile;
use std::io::Read;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const NEWEST: &str = "test:types";
const HASH: &str = "p2:w0152bfbc9b46ca1ce4fc7f1bd3ad4452a2a3c39e40275df3a755fddc52091c60";

fn resolve(client: &Client) -> Result<(), ClientError> {
    let spec: Spec = NEWEST.parse().unwrap();
    Runtime::new().unwrap().block_on(client.resolve(&spec)).map(|_| ())
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

fn release_list() -> Vec<u8> {
    let body = format!(r#"{{"releases":[{{"name":"test:types@1.0.0","kind":"package","hash":"{HASH}"}}]}}"#);
    http("200 OK", "content-type: application/json\r\n", &body)
}

#[test]
fn a_registry_that_is_not_running_is_reported_with_its_url_and_a_hint() {
    // Nothing listens there, and nothing that a test starts ever will.
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let start = Instant::now();
    let error = resolve(&client).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("http://127.0.0.1:1/v1/releases/test/types"), "{error}");
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
    assert!(error.hint().unwrap().contains("is the registry running"));
}

#[test]
fn a_url_that_is_none_is_refused_before_anything_is_sent() {
    for url in ["", "localhost:7878", "ftp://localhost", "file:///etc/passwd", "http://", "not a url"] {
        let error = Client::new(url).err().unwrap();
        assert!(matches!(error, ClientError::Url { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains(&format!("`{url}`")), "{error}");
        assert!(error.hint().unwrap().contains("http://127.0.0.1:7878"));
    }
}

#[test]
fn a_registry_may_have_a_path_and_a_trailing_slash() {
    let url = answering(|request| {
        assert!(request.starts_with(b"GET /some/path/v1/releases/test/types HTTP/1.1\r\n"));
        release_list()
    });
    for path in ["/some/path", "/some/path/", "/some/path/?query#fragment"] {
        resolve(&Client::new(&format!("{url}{path}")).unwrap()).unwrap();
    }
}

#[test]
fn a_question_is_asked_again_when_the_registry_fails() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let url = answering(move |_| match counter.fetch_add(1, Ordering::SeqCst) {
        0 => http("503 Service Unavailable", "retry-after: 0\r\n", r#"{"code":"overloaded","message":"busy"}"#),
        1 => Vec::new(),
        _ => release_list(),
    });
    resolve(&Client::new(&url).unwrap()).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[test]
fn a_registry_that_always_fails_is_reported_in_its_own_words() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let url = answering(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        http(
            "500 Internal Server Error",
            "",
            r#"{"code":"internal","message":"the registry failed","hint":"see its log"}"#,
        )
    });
    let error = resolve(&Client::new(&url).unwrap()).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("internal", "the registry failed"));
    assert_eq!(error.hint().as_deref(), Some("see its log"));
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[test]
fn a_publication_is_sent_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let url = answering(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        http("503 Service Unavailable", "", r#"{"code":"overloaded","message":"busy"}"#)
    });
    let files = vec![SourceFile::new("a.wit", "package test:a@1.0.0;")];
    let hash: PackageHash = HASH.parse().unwrap();
    let publication = async { Client::new(&url).unwrap().publish_package(files, hash).await };
    let error = Runtime::new().unwrap().block_on(publication).unwrap_err();
    assert_eq!(error.code(), "overloaded");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_refusal_is_not_asked_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let url = answering(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        http("404 Not Found", "", r#"{"code":"not_found","message":"no"}"#)
    });
    assert!(resolve(&Client::new(&url).unwrap()).unwrap_err().is_not_found());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_no_registry_is_called_so() {
    let cases = [
        (http("200 OK", "", "<html>Welcome</html>"), "expected value"),
        (http("404 Not Found", "", "<html>nginx</html>"), "HTTP status 404"),
        (http("200 OK", "", r#"{"releases":[{"name":"../../etc@1.0.0"}]}"#), "not a name of the form"),
        (
            http(
                "200 OK",
                "",
                &r#"{"releases":[{"name":"a:b@1.0.0","kind":"package","hash":"H"}]}"#.replace('H', "p2:w12"),
            ),
            "not the hash",
        ),
    ];
    for (answer, reason) in cases {
        let url = answering(move |_| answer.clone());
        let error = resolve(&Client::new(&url).unwrap()).unwrap_err();
        assert!(matches!(error, ClientError::Answer { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.hint().as_deref(), Some("is this the URL of a registry?"));
    }
}

#[test]
fn an_address_that_is_unknown_is_not_taken_for_a_missing_release() {
    let url =
        answering(|_| http("404 Not Found", "", r#"{"code":"unknown_route","message":"there is nothing at `/x`"}"#));
    let error = resolve(&Client::new(&url).unwrap()).unwrap_err();
    assert!(!error.is_not_found());
    assert_eq!(error.to_string(), "there is nothing at `/x`");
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let url = answering(|_| http("302 Found", "location: http://127.0.0.1:1/elsewhere\r\n", ""));
    let error = resolve(&Client::new(&url).unwrap()).unwrap_err();
    assert!(error.to_string().contains("redirects to `http://127.0.0.1:1/elsewhere`"), "{error}");
}

#[test]
fn an_answer_over_the_limit_is_cut_off() {
    let limits = TransportLimits { record_size_bytes_max: 1000, ..TransportLimits::default() };
    let announced = answering(|_| http("200 OK", "", &" ".repeat(1001)));
    let endless = answering(|_| {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
        answer.extend_from_slice(chunk.repeat(10_000).as_bytes());
        answer
    });
    for url in [announced, endless] {
        let client = Client::with_limits(&url, Limits::default(), limits.clone()).unwrap();
        let error = resolve(&client).unwrap_err();
        assert!(matches!(&error, ClientError::Limit(limit) if limit.limit == "record_size_bytes_max"), "{error:?}");
    }
}

#[test]
fn a_component_over_the_limit_is_not_even_sent() {
    let limits = Limits { component_size_bytes_max: 10, ..Limits::default() };
    let client = Client::with_limits("http://127.0.0.1:1", limits, TransportLimits::default()).unwrap();
    let publication = client.publish_component(vec![0; 11], None, ComponentHash::of(&[0; 11]));
    let error = Runtime::new().unwrap().block_on(publication).unwrap_err();
    assert!(matches!(&error, ClientError::Limit(limit) if limit.limit == "component_size_bytes_max"), "{error:?}");
}

#[test]
fn silence_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // It reads for as long as the client waits, and never answers.
            let _ = connection.unwrap().read_to_end(&mut Vec::new());
        }
    });
    let limits = TransportLimits { silence_time_max: Duration::from_millis(200), ..TransportLimits::default() };
    let client = Client::with_limits(&url, Limits::default(), limits).unwrap();
    let start = Instant::now();
    let error = resolve(&client).unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("200ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_client_for_https_can_be_made_and_refuses_an_unencrypted_answer() {
    let url = answering(|_| release_list()).replace("http:", "https:");
    let limits = TransportLimits { silence_time_max: Duration::from_secs(2), ..TransportLimits::default() };
    let client = match Client::with_limits(&url, Limits::default(), limits) {
        Ok(client) => client,
        // A machine without certificates cannot check a server's.
        Err(error) => return assert!(error.hint().unwrap().contains("ca-certificates"), "{error:?}"),
    };
    let error = resolve(&client).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. } | ClientError::Timeout { .. }), "{error:?}");
}

#[test]
fn a_password_in_the_url_is_sent_and_never_shown() {
    let url = answering(|request| {
        let request = String::from_utf8_lossy(request).to_lowercase();
        assert!(request.contains("authorization: basic dxnlcjpozxnub3rseq=="), "{request}");
        http("200 OK", "", "no JSON")
    });
    let client = Client::new(&url.replace("http://", "http://user:hesnotly@")).unwrap();
    let text = chain(&resolve(&client).unwrap_err());
    assert!(text.contains("user:***@") && !text.contains("hesnotly"), "{text}");
}

#[test]
fn an_answer_that_swells_when_it_is_unpacked_is_cut_off() {
    // 100 MB of blanks, packed by gzip into 100 KB.
    let pack =
        Command::new("sh").args(["-c", "head -c 100000000 /dev/zero | tr '\\0' ' ' | gzip -c"]).output().unwrap();
    assert!(pack.status.success() && pack.stdout.len() < 1_000_000, "{pack:?}");
    let headers = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        pack.stdout.len()
    );
    let answer = [headers.as_bytes(), &pack.stdout].concat();
    let url = answering(move |request| {
        assert!(String::from_utf8_lossy(request).to_lowercase().contains("\r\naccept-encoding: gzip\r\n"));
        answer.clone()
    });
    let error = resolve(&Client::new(&url).unwrap()).unwrap_err();
    assert!(matches!(&error, ClientError::Limit(limit) if limit.limit == "record_size_bytes_max"), "{error:?}");
}
