//! What a client learns that knows the registry's host alone.

use crate::support::client::expect_error;
use crate::support::process::command;
use crate::support::server::{self, TestServer, config};
use registry_server::{Config, ServerLimits};
use serde_json::{Value, json};
use tempfile::TempDir;

const ADDRESS: &str = "/.well-known/wasm-pkg/registry.json";

#[tokio::test(flavor = "multi_thread")]
async fn wkg_is_told_where_the_oci_registry_is() {
    let (_dir, server) = server::temporary().await;
    let response = server.anonymous().get(ADDRESS).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "public, max-age=60");
    let found: Value = response.json().await.unwrap();
    let here = json!({"preferredProtocol": "oci", "oci": {"registry": server.address.to_string()}});
    assert_eq!(found, here);
    let elsewhere = server.request(reqwest::Method::GET, ADDRESS).header("host", "registry.example.org");
    let found: Value = elsewhere.send().await.unwrap().json().await.unwrap();
    assert_eq!(found["oci"], json!({"registry": "registry.example.org"}));
    let forwarded = server.request(reqwest::Method::GET, ADDRESS).header("x-forwarded-host", "evil.example.org");
    let found: Value = forwarded.send().await.unwrap().json().await.unwrap();
    assert_eq!(found, here, "anybody can send that header");
    for host in ["a/b", "me@a", "a\"b"] {
        let request = server.request(reqwest::Method::GET, ADDRESS).header("host", host);
        expect_error(request.send().await.unwrap(), 400, "invalid_host").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_url_is_believed_more_than_what_a_client_asks_for() {
    let dir = TempDir::new().unwrap();
    let public_url = Some("https://registry.example.org:8443".parse().unwrap());
    let config = Config { public_url, is_private: true, ..config(dir.path(), ServerLimits::default()) };
    let server = TestServer::bare(config).await;
    for host in ["evil.example.org", "a/b"] {
        let request = server.anonymous().request(reqwest::Method::GET, ADDRESS).header("host", host);
        let found: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(found["oci"], json!({"registry": "registry.example.org:8443"}));
    }
}

#[test]
fn a_public_url_or_namespace_that_is_none_is_refused_with_the_reason() {
    let dir = TempDir::new().unwrap();
    for (url, reason) in [
        ("registry.example.org", "write `https://HOST`"),
        ("https://me:secret@registry.example.org", "leave the user name and the password out"),
        ("https://registry.example.org/wit", "at the root of a host"),
    ] {
        let output = command(dir.path()).args(["--public-url", url]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{said}");
    }
    let output = command(dir.path()).env("REGISTRY_OCI_ARTIFACTS", "images,No Namespace").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("No Namespace"), "{said}");
}
