//! Components that must be refused, with a reason that helps. The snapshots hold every answer.

use crate::support::client::{Client, unknown_component};
use crate::support::component::{component, core_module, encoded_wit};
use crate::support::server;
use registry_core::id::ComponentHash;
use registry_core::wire::ErrorBody;
use std::fmt::Write;

const RUN: &str = "package demo:tool; world w { export run: func(); }";

struct Answers<'a> {
    client: &'a Client,
    text: String,
}

impl Answers<'_> {
    async fn component(&mut self, what: &str, bytes: Vec<u8>) {
        self.with_query(what, "", bytes).await;
    }

    async fn with_query(&mut self, what: &str, query: &str, bytes: Vec<u8>) {
        let hash = ComponentHash::of(&bytes);
        let response = self.client.post(&format!("/v1/components{query}"), "application/wasm", bytes).await;
        let status = response.status();
        assert!(status.is_client_error(), "{what}: {status}");
        let body: ErrorBody = response.json().await.unwrap();
        let hint = body.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        // The bytes of a component hold the version of the encoder, so its hash is no part of the snapshot.
        let message = body.message.replace(&hash.to_string(), "p2:c(the upload)");
        let details: String = body.details.iter().map(|detail| format!("- {detail}\n")).collect();
        writeln!(self.text, "{what}\n{} {}\n{message}\n{details}{hint}", status.as_u16(), body.code).unwrap();
        let path = format!("/v1/components/{hash}");
        assert_eq!(self.client.get(&path).await.status(), 404, "{what}: something is left of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_component() {
    let (_dir, server) = server::temporary().await;
    let mut answers = Answers { client: &server, text: String::new() };
    answers.component("nothing", Vec::new()).await;
    answers.component("a text", b"not a component".to_vec()).await;
    answers.component("a core module", core_module()).await;
    answers.component("wasm-encoded WIT", encoded_wit(&["package t:t@1.0.0; interface a { f: func(); }"])).await;
    let whole = component(&[RUN]);
    answers.component("a truncated component", whole[..whole.len() - 1].to_vec()).await;
    answers.component("less than the first bytes", whole[..7].to_vec()).await;
    answers.component("the first bytes of another version", b"\0asm\x0e\0\x01\0".to_vec()).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn components_that_do_not_fit_the_registered_packages() {
    let (_dir, server) = server::temporary().await;
    let mut answers = Answers { client: &server, text: String::new() };
    let registered = "package demo:api@1.0.0; interface api { record r { x: u32 } f: func(r: r) -> bool; }";
    let another_type = registered.replace("u32", "u64");
    let another_function = registered.replace("f: func", "g: func");
    let imports = "package demo:tool; world w { import demo:api/api@1.0.0; }";
    let exports = "package demo:tool; world w { export demo:api/api@1.0.0; }";
    answers.component("nothing is registered", component(&[registered, imports])).await;
    let two = ["package o:one@1.0.0; interface a { f: func(); }", "package o:two@2.0.0; interface b { g: func(); }"];
    let both = "package demo:tool; world w { import o:one/a@1.0.0; export o:two/b@2.0.0; }";
    answers.component("two packages are missing", component(&[two[0], two[1], both])).await;
    server.publish_wit(registered).await;
    answers.component("it imports another type", component(&[&another_type, imports])).await;
    answers.component("it imports another function", component(&[&another_function, imports])).await;
    answers.component("it exports another type", component(&[&another_type, exports])).await;
    answers.component("it exports another function", component(&[&another_function, exports])).await;
    let partial = registered.replace(" f: func(r: r) -> bool;", "");
    answers.component("it exports a part", component(&[&partial, exports])).await;
    insta::assert_snapshot!(answers.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_claims() {
    let (_dir, server) = server::temporary().await;
    let mut answers = Answers { client: &server, text: String::new() };
    let bytes = component(&[RUN]);
    for query in [
        &format!("?expected={}", unknown_component()),
        "?expected=p2:w00",
        "?expcted=",
        "?name=demo:tool",
        "?name=demo:tool@1",
        "?name=demo:tool@1.0.0%2bbuild",
        "?name=root:tool@1.0.0",
        "?name=Demo:tool@1.0.0",
        "?name=../../etc:passwd@1.0.0",
        "?name=",
    ] {
        answers.with_query(query, query, bytes.clone()).await;
    }
    insta::assert_snapshot!(answers.text);
}
