//! Packages that must be refused, with a reason that helps. The snapshots hold every answer.

use crate::support::client::{Client, one_file, unknown_package};
use crate::support::{component, server};
use registry_core::wire::PublishPackage;
use registry_core::wit::SourceFile;
use reqwest::Response;
use std::fmt::Write;

/// Collects answers for a snapshot.
struct Answers<'a> {
    client: &'a Client,
    text: String,
}

impl Answers<'_> {
    async fn source(&mut self, what: &str, text: &str) {
        self.request(what, &one_file(text)).await;
    }

    async fn request(&mut self, what: &str, request: &PublishPackage) {
        self.json(what, serde_json::to_vec(request).unwrap()).await;
    }

    async fn json(&mut self, what: &str, body: impl Into<reqwest::Body>) {
        let response = self.client.post("/v1/packages", "application/json", body).await;
        self.add(what, response).await;
    }

    async fn wasm(&mut self, what: &str, bytes: Vec<u8>) {
        let response = self.client.post("/v1/packages", "application/wasm", bytes).await;
        self.add(what, response).await;
    }

    async fn add(&mut self, what: &str, response: Response) {
        let status = response.status();
        assert!(status.is_client_error(), "{what}: {status}");
        let body: registry_core::wire::ErrorBody = response.json().await.unwrap();
        let hint = body.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        writeln!(self.text, "{what}\n{} {}\n{}\n{hint}", status.as_u16(), body.code, body.message).unwrap();
    }
}

async fn answers(client: &Client) -> Answers<'_> {
    Answers { client, text: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_break_a_rule() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    answers.source("not WIT", "this is not WIT").await;
    answers.source("nothing", "").await;
    answers.request("no files", &PublishPackage { files: Vec::new(), expected: None }).await;
    answers.source("an unknown type", "package t:t@1.0.0;\ninterface a { f: func() -> nothing; }").await;
    answers.source("an unknown interface", "package t:t@1.0.0;\ninterface a { use b.{t}; }").await;
    answers
        .source("cyclic interfaces", "package t:t@1.0.0;\ninterface a { use b.{t}; }\ninterface b { use a.{t}; }")
        .await;
    answers.source("an unversioned package", "package t:t;\ninterface a { f: func(); }").await;
    answers.source("an unversioned reference", "package t:t@1.0.0;\ninterface a { use o:o/b.{t}; }").await;
    answers
        .source("a reference with build metadata", "package t:t@1.0.0;\ninterface a { use o:o/b@1.0.0+x.{t}; }")
        .await;
    let missing = "package t:t@1.0.0;\ninterface a { use o:o/b@1.0.0.{t}; use p:p/b@2.0.0.{u}; use o:o/b@1.0.1.{v}; }";
    answers.source("missing packages", missing).await;
    answers.source("build metadata", "package t:t@1.0.0+build;\ninterface a { f: func(); }").await;
    answers.source("an upper-case namespace", "package T:t@1.0.0;\ninterface a { f: func(); }").await;
    answers.source("namespace p2", "package p2:t@1.0.0;\ninterface a { f: func(); }").await;
    answers.source("namespace root", "package root:t@1.0.0;\ninterface a { f: func(); }").await;
    answers.source("an empty package", "package t:t@1.0.0;").await;
    answers.source("an empty record", "package t:t@1.0.0;\ninterface a { record r {} }").await;
    answers
        .source(
            "nested packages",
            "package t:t@1.0.0;\ninterface a { f: func(); }\npackage t:u@1.0.0 { interface b { g: func(); } }",
        )
        .await;
    let deep =
        format!("package t:t@1.0.0;\ninterface a {{ type t = {}u8{}; }}", "list<".repeat(10_000), ">".repeat(10_000));
    answers.source("10,000-fold nesting", &deep).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_refer_to_each_other() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    let one = "package t:one@1.0.0; interface a { use t:two/b@1.0.0.{t}; type u = u8; }";
    let two = "package t:two@1.0.0; interface b { use t:one/a@1.0.0.{u}; type t = u8; }";
    answers.source("the first", one).await;
    answers.source("the second", two).await;
    let both = "package t:one@1.0.0;\ninterface a { use t:two/b@1.0.0.{t}; type u = u8; }\npackage t:two@1.0.0 { interface b { use t:one/a@1.0.0.{u}; type t = u8; } }";
    answers.source("both in one document", both).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn false_claims() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    let text = "package t:t@1.0.0; interface a { f: func(); }";
    answers.request("another hash", &PublishPackage { expected: Some(unknown_package()), ..one_file(text) }).await;
    assert_eq!(server.get("/v1/releases/t/t/1.0.0").await.status(), 404, "nothing is left of it");
    server.publish_wit(text).await;
    answers.source("a bound version", "package t:t@1.0.0; interface a { g: func(); }").await;
    answers.source("a bound version with other docs", "package t:t@1.0.0; /// New.\ninterface a { f: func(); }").await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_requests() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    answers.json("no JSON", "package t:t@1.0.0;").await;
    answers.json("an unknown field", r#"{"files":[],"expcted":null}"#).await;
    answers.json("no hash", r#"{"files":[],"expected":"p2:w00"}"#).await;
    answers.json("a component's hash", format!(r#"{{"files":[],"expected":"p2:c{}"}}"#, "0".repeat(64))).await;
    answers.json("no UTF-8", b"{\"files\":[{\"path\":\"a\",\"text\":\"\xff\"}]}".to_vec()).await;
    answers.json("deep JSON", "[".repeat(100_000)).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn wasm_that_is_no_package() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    let types = "package t:types@1.0.0; interface a { record r { x: u8 } }";
    let other = "package t:types@1.0.0; interface a { record r { x: u16 } }";
    let user = "package t:user@1.0.0; interface b { use t:types/a@1.0.0.{r}; f: func(r: r); }";
    answers.wasm("nothing", Vec::new()).await;
    answers.wasm("no wasm", b"package t:t@1.0.0;".to_vec()).await;
    answers.wasm("a core module", component::core_module()).await;
    answers.wasm("a component", component::component(&["package t:t; world w { export run: func(); }"])).await;
    let encoded = component::encoded_wit(&[types]);
    answers.wasm("a part", encoded[..encoded.len() / 2].to_vec()).await;
    answers.wasm("missing packages", component::encoded_wit(&[types, user])).await;
    server.publish_wit(types).await;
    answers.wasm("encoded against another content", component::encoded_wit(&[other, user])).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_what_a_package_holds() {
    let (_dir, server) = server::temporary().await;
    let mut answers = answers(&server).await;
    let files: Vec<_> = (0..1_001).map(|index| SourceFile::new(format!("{index}.wit"), "")).collect();
    answers.request("too many files", &PublishPackage { files, expected: None }).await;
    let files = vec![SourceFile::new("x".repeat(1_025), "package t:t@1.0.0;")];
    answers.request("a long path", &PublishPackage { files, expected: None }).await;
    answers.source("a long text", &" ".repeat((4 << 20) + 1)).await;
    let interfaces: String = (0..1_001).map(|index| format!("interface i{index} {{ f: func(); }}\n")).collect();
    answers.source("too many interfaces", &format!("package t:t@1.0.0;\n{interfaces}")).await;
    let uses: String = (0..501).map(|index| format!("use o:p{index}/a@1.0.0.{{t as t{index}}};\n")).collect();
    answers.source("too many packages", &format!("package t:t@1.0.0;\ninterface a {{\n{uses} }}")).await;
    let types: String = (1..200).map(|index| format!("type t{index} = list<t{}>;\n", index - 1)).collect();
    answers.source("deep types", &format!("package t:t@1.0.0;\ninterface a {{ type t0 = u8;\n{types} }}")).await;
    let name = "a".repeat(129);
    answers.source("a long name", &format!("package t:{name}@1.0.0;\ninterface a {{ f: func(); }}")).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_types_in_wasm_do_not_overflow_a_stack() {
    let (_dir, server) = server::temporary().await;
    for depth in [150, 5_000, 50_000] {
        let response = server.post("/v1/packages", "application/wasm", component::deep_wit(depth)).await;
        let status = response.status();
        let error: registry_core::wire::ErrorBody = response.json().await.unwrap();
        assert_eq!(status, 422, "{depth}: {}", error.message);
    }
    assert_eq!(server.get("/health/live").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_repeats_no_megabytes() {
    let (_dir, server) = server::temporary().await;
    let text = format!("package t:t@1.0.0; interface a {{ /* {} */ f: func() -> nothing; }}", "x".repeat(1 << 20));
    let response = server.post_wit(&text).await;
    assert_eq!(response.status(), 422);
    let size_bytes = response.bytes().await.unwrap().len();
    assert!(size_bytes < 64 << 10, "{size_bytes}");
}
