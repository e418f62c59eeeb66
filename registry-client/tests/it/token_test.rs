//! Tokens go to the registry, and nowhere else.

use crate::support::chain;
use crate::support::proxy::answering;
use registry_client::Client;
use registry_core::name::Spec;
use secrecy::SecretString;
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;

const TOKEN: &str = "regt_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

/// A server that answers everything in one way, and the requests that it got.
fn recording(answer: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let url = answering(move |request| {
        seen.lock().unwrap().push(String::from_utf8_lossy(request).into_owned());
        answer.clone()
    });
    (url, requests)
}

fn ask(client: &Client) -> String {
    let spec: Spec = "test:types".parse().unwrap();
    chain(&Runtime::new().unwrap().block_on(client.resolve(&spec)).unwrap_err())
}

#[test]
fn every_request_carries_the_token_and_no_other_authorization() {
    let (url, requests) = recording(http("404 Not Found", "", r#"{"code":"not_found","message":"no"}"#));
    for url in [url.clone(), url.replace("http://", "http://user:password@")] {
        let client = Client::new(&url).unwrap().with_token(TOKEN.into());
        ask(&client);
        let _ = Runtime::new().unwrap().block_on(client.claim_namespace("demo"));
    }
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 4);
    for request in requests.iter() {
        let headers = request.lines().filter(|line| line.to_lowercase().starts_with("authorization:"));
        assert_eq!(headers.collect::<Vec<_>>(), [format!("authorization: Bearer {TOKEN}")], "{request}");
    }
}

#[test]
fn a_redirect_does_not_get_the_token() {
    let (elsewhere, requests) = recording(http("200 OK", "", "{}"));
    let (url, _) = recording(http("307 Temporary Redirect", &format!("location: {elsewhere}\r\n"), ""));
    let text = ask(&Client::new(&url).unwrap().with_token(TOKEN.into()));
    assert!(text.contains("redirects to") && !text.contains(TOKEN), "{text}");
    assert!(requests.lock().unwrap().is_empty());
}

#[test]
fn what_is_no_token_is_not_sent() {
    let (url, requests) = recording(http("200 OK", "", "{}"));
    let upper = TOKEN.to_uppercase().replace("REGT", "regt");
    for text in ["", "secret", "ghp_0011", &TOKEN[..68], &format!("{TOKEN}\n"), &format!("{TOKEN}0"), &upper] {
        let error = ask(&Client::new(&url).unwrap().with_token(text.into()));
        assert_eq!(error, "the token is not of the form `regt_` and 64 hexadecimal digits");
    }
    assert!(requests.lock().unwrap().is_empty());
}

#[test]
fn a_token_is_not_shown() {
    let (url, _) = recording(http("200 OK", "", "{}"));
    let client = Client::new(&url).unwrap();
    assert!(!client.has_token());
    let client = client.with_token(SecretString::from(TOKEN));
    assert!(client.has_token());
    let text = format!("{client:?} {}", ask(&client));
    assert!(text.contains(&url) && text.contains('…') && !text.contains(&TOKEN[5..]), "{text}");
}

#[test]
fn whether_a_connection_is_confidential_depends_on_tls_and_the_host() {
    let table = [
        ("http://127.0.0.1:7878", true),
        ("http://127.8.8.8", true),
        ("http://[::1]:7878", true),
        ("http://localhost", true),
        ("http://localhost.example", false),
        ("http://127.0.0.1.example", false),
        ("http://10.0.0.1", false),
        ("http://example", false),
    ];
    for (url, expected) in table {
        assert_eq!(Client::new(url).unwrap().is_confidential(), expected, "{url}");
    }
}
