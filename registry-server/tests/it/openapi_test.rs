//! The API's description: committed, complete, and readable.

use crate::support::client::expect_error;
use crate::support::server;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn in_docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// `GET /v1/missing`, for everything in a document.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| -> Vec<String> {
        item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    paths.iter().flat_map(of).collect()
}

/// `BLESS=1` writes the file.
#[tokio::test(flavor = "multi_thread")]
async fn the_committed_document_is_the_one_that_is_served() {
    let (_dir, server) = server::temporary().await;
    let response = server.get("/openapi.json").await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let served = response.text().await.unwrap() + "\n";
    let file = in_docs("openapi.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &served).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        served == committed,
        "docs/openapi.json is not up to date: run this test with BLESS=1 and review the change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_operation_is_there_and_no_other_method() {
    let (_dir, server) = server::temporary().await;
    let document: Value = server.json("/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let address = path.replace("{hash}", "x").replace(['{', '}'], "");
        let response = server.request(reqwest::Method::TRACE, &address).send().await.unwrap();
        let allowed: BTreeSet<String> =
            response.headers()["allow"].to_str().unwrap().split(',').map(str::to_lowercase).collect();
        let mut described: BTreeSet<String> = item.as_object().unwrap().keys().cloned().collect();
        if described.contains("get") {
            described.insert("head".to_owned());
        }
        assert_eq!(allowed, described, "{path}");
        expect_error(response, 405, "method_not_allowed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_describes_the_same_operations() {
    let (_dir, server) = server::temporary().await;
    let document: Value = server.json("/openapi.json").await;
    let of_version_1 = |operation: &String| operation.contains(" /v1/");
    let served: BTreeSet<String> = operations(&document).into_iter().filter(of_version_1).collect();
    let text = fs::read_to_string(in_docs("api.md")).unwrap();
    let headings = text.lines().filter(|line| line.starts_with("### "));
    // Parameters have telling names in the text, and one name for one kind of value in the document.
    let named = |operation: &str| operation.replace("{package}", "{hash}").replace("{component}", "{hash}");
    let described: BTreeSet<String> =
        headings.flat_map(|line| line.split('`').skip(1).step_by(2).map(named).collect::<Vec<_>>()).collect();
    assert_eq!(described, served);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_operation_and_type_and_runs_nothing() {
    let (_dir, server) = server::temporary().await;
    let document: Value = server.json("/openapi.json").await;
    for path in ["/", "/api"] {
        let response = server.get(path).await;
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let page = response.text().await.unwrap();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                assert!(
                    page.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())),
                    "{operation}"
                );
            }
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"type-{name}\"")), "{name}");
        }
        assert!(!page.contains("<script") && !page.contains("style="), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_on_the_page_leads_somewhere() {
    let (_dir, server) = server::temporary().await;
    let page = server.text("/api").await;
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 50, "{}", links.len());
    for link in links {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(page.contains(&format!("id=\"{anchor}\"")), "{link}"),
            None => assert_eq!(server.get(link).await.status(), 200, "{link}"),
        }
    }
}
