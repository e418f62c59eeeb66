//! Releases that break others of their track are refused, and told why.

use crate::support::client::{expect_error, expect_published};
use crate::support::{component, server};
use futures::future::join_all;
use registry_core::wire::{CompatibilityRule, ErrorBody, NamespaceSettings, PackageRecord, ReleaseList, YankRequest};
use reqwest::{Method, Response, StatusCode};
use server::TestServer;

async fn publish(server: &TestServer, version: &str, items: &str) -> Response {
    server.post_wit(&format!("package demo:x@{version};\ninterface i {{ {items} }}\n")).await
}

async fn accepted(server: &TestServer, version: &str, items: &str) {
    expect_published::<PackageRecord>(publish(server, version, items).await).await;
}

async fn refused(server: &TestServer, version: &str, items: &str) -> ErrorBody {
    expect_error(publish(server, version, items).await, 422, "incompatible").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_breaks_its_predecessor_is_refused_with_all_that_broke_and_the_version_that_it_needs() {
    let (_dir, server) = server::temporary().await;
    accepted(&server, "1.0.0", "f: func(x: u32); g: func(); h: func();").await;
    let error = refused(&server, "1.0.1", "f: func(x: u64); g: func();").await;
    assert_eq!(
        error.message,
        "`demo:x@1.0.1` breaks `demo:x@1.0.0`, which it must extend; as it is, it needs the version `2.0.0`"
    );
    assert_eq!(
        error.details,
        ["interface `i`, function `f`: parameter `x` is `u64`, was `u32`", "interface `i`, function `h`: was removed"]
    );
    assert!(error.hint.is_some());
    assert_eq!(server.get("/v1/releases/demo/x/1.0.1").await.status(), StatusCode::NOT_FOUND);
    accepted(&server, "1.0.1", "f: func(x: u32); g: func(); h: func(); new: func();").await;
    accepted(&server, "2.0.0", "f: func(x: u64); g: func();").await;
    accepted(&server, "2.1.0-rc.1", "nothing: func();").await;
    let error = refused(&server, "1.1.0", "g: func();").await;
    assert!(error.message.ends_with("it needs the version `3.0.0`"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shares_no_track_is_not_compared() {
    let (_dir, server) = server::temporary().await;
    let versions = ["0.0.1", "0.0.2", "0.1.0", "0.2.0", "1.0.0-rc.1", "1.0.0", "2.0.0", "10.0.0"];
    for (number, version) in versions.iter().enumerate() {
        accepted(&server, version, &format!("only-here{number}: func();")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_below_another_must_be_extended_by_it() {
    let (_dir, server) = server::temporary().await;
    accepted(&server, "0.2.0", "f: func();").await;
    accepted(&server, "0.2.9", "f: func(); g: func();").await;
    let error = refused(&server, "0.2.5", "f: func(); other: func();").await;
    assert_eq!(
        error.message,
        "the published `demo:x@0.2.9` must extend `demo:x@0.2.5` and breaks it; as it is, it needs the version `0.3.0`"
    );
    let error = refused(&server, "0.2.5", "f: func(); g: func(); other: func();").await;
    assert!(error.message.ends_with("it needs the version `0.2.10`"), "{}", error.message);
    assert_eq!(error.details, ["interface `i`, function `other`: was removed"]);
    accepted(&server, "0.2.5", "f: func(); g: func();").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_releases_at_one_time_that_do_not_agree_one_is_refused() {
    let (_dir, server) = server::temporary().await;
    for round in 0..8 {
        let publish = |version: &str, items: &str| {
            let text = format!("package demo:round{round}@1.{version}.0;\ninterface i {{ {items} }}\n");
            let server = &server;
            async move { server.post_wit(&text).await.status() }
        };
        assert_eq!(publish("0", "f: func();").await, StatusCode::CREATED);
        let (first, second) =
            tokio::join!(publish("1", "f: func(); g: func();"), publish("2", "f: func(); h: func();"));
        let mut statuses = [first.as_u16(), second.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_must_keep_what_it_exports_and_need_no_more() {
    let (_dir, server) = server::temporary().await;
    let post = async |version: &str, world: &str| {
        let wit = format!("package local:c;\nworld w {{ {world} }}\n");
        let path = format!("/v1/components?name=demo:program@{version}");
        server.post(&path, "application/wasm", component::component(&[&wit])).await
    };
    let created = async |version: &str, world: &str| {
        let status = post(version, world).await.status();
        assert_eq!(status, StatusCode::CREATED, "{version}");
    };
    created("1.0.0", "import log: func(text: string); export run: func();").await;
    created("1.0.1", "export run: func(); export stop: func();").await;
    let error = expect_error(post("1.0.2", "export run: func();").await, 422, "incompatible").await;
    assert_eq!(error.details, ["export function `stop`: was removed"]);
    let more = "import log: func(text: string); export run: func(); export stop: func();";
    let error = expect_error(post("1.0.3", more).await, 422, "incompatible").await;
    assert_eq!(error.details, ["import function `log`: was added, which hosts of the old component need not have"]);
    created("2.0.0", more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yanked_releases_do_not_count() {
    let (_dir, server) = server::temporary().await;
    accepted(&server, "1.0.0", "f: func();").await;
    accepted(&server, "1.1.0", "f: func(); mistake: func();").await;
    refused(&server, "1.1.1", "f: func();").await;
    let yank = YankRequest { reason: "a mistake".to_owned() };
    let yanked = server.send_json(Method::PUT, "/v1/releases/demo/x/1.1.0/yank", &yank).await;
    assert_eq!(yanked.status(), StatusCode::OK);
    let error = refused(&server, "1.1.1", "").await;
    assert!(error.message.contains("breaks `demo:x@1.0.0`"), "{}", error.message);
    accepted(&server, "1.1.1", "f: func();").await;
    let back = server.delete("/v1/releases/demo/x/1.1.0/yank").await;
    let error = expect_error(back, 422, "incompatible").await;
    assert_eq!(error.details, ["interface `i`, function `mistake`: was removed"]);
    server.send_json(Method::PUT, "/v1/releases/demo/x/1.1.1/yank", &yank).await;
    assert_eq!(server.delete("/v1/releases/demo/x/1.1.0/yank").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_let_everything_pass_in_a_namespace() {
    let (_dir, server) = server::temporary().await;
    accepted(&server, "1.0.0", "f: func();").await;
    refused(&server, "1.0.1", "g: func();").await;
    let relaxed = NamespaceSettings { compatibility: CompatibilityRule::Relaxed };
    let set = server.send_json(Method::PATCH, "/v1/namespaces/demo", &relaxed).await;
    assert_eq!(set.status(), StatusCode::OK);
    accepted(&server, "1.0.1", "g: func();").await;
    let enforced = NamespaceSettings { compatibility: CompatibilityRule::Enforced };
    server.send_json(Method::PATCH, "/v1/namespaces/demo", &enforced).await;
    refused(&server, "1.0.2", "f: func();").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_release_again_is_success_whatever_stands_beside_it() {
    let (_dir, server) = server::temporary().await;
    let relaxed = NamespaceSettings { compatibility: CompatibilityRule::Relaxed };
    accepted(&server, "1.0.0", "f: func();").await;
    server.send_json(Method::PATCH, "/v1/namespaces/demo", &relaxed).await;
    accepted(&server, "1.0.1", "g: func();").await;
    let enforced = NamespaceSettings { compatibility: CompatibilityRule::Enforced };
    server.send_json(Method::PATCH, "/v1/namespaces/demo", &enforced).await;
    assert_eq!(publish(&server, "1.0.1", "g: func();").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_releases_of_one_name_at_one_time_all_succeed() {
    for (_dir, server) in server::on_both_databases().await {
        let versions: Vec<String> = (0..30).map(|minor| format!("1.{minor}.0")).collect();
        let published = join_all(versions.iter().map(|version| publish(&server, version, "f: func();"))).await;
        for (version, response) in versions.iter().zip(published) {
            let status = response.status();
            assert_eq!(status, StatusCode::CREATED, "{version}: {}", response.text().await.unwrap());
        }
        let list: ReleaseList = server.json("/v1/releases/demo/x").await;
        assert_eq!(list.releases.len(), 30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_of_packages_or_one_of_components_in_every_track() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = component::component(&["package local:c;\nworld w { export run: func(); }"]);
        let post = async |name: &str| {
            server.post(&format!("/v1/components?name={name}"), "application/wasm", bytes.clone()).await
        };
        accepted(&server, "1.0.0", "f: func();").await;
        let error = expect_error(post("demo:x@2.0.0").await, 409, "other_kind").await;
        assert_eq!(error.message, "`demo:x` is a package; a component cannot be published under the same name");
        assert!(error.hint.is_some());
        expect_error(post("demo:x@1.0.0").await, 409, "release_bound").await;
        assert_eq!(post("demo:program@1.0.0").await.status(), StatusCode::CREATED);
        let yank = YankRequest { reason: "a mistake".to_owned() };
        let yanked = server.send_json(Method::PUT, "/v1/releases/demo/program/1.0.0/yank", &yank).await;
        assert_eq!(yanked.status(), StatusCode::OK);
        let relaxed = NamespaceSettings { compatibility: CompatibilityRule::Relaxed };
        server.send_json(Method::PATCH, "/v1/namespaces/demo", &relaxed).await;
        let package = server.post_wit("package demo:program@0.1.0;\ninterface i { f: func(); }\n").await;
        let error = expect_error(package, 409, "other_kind").await;
        assert!(error.message.starts_with("`demo:program` is a component;"), "{}", error.message);
    }
}
