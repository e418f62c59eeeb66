//! Names, and which hashes are missing.

use crate::support::client::{expect_error, unknown_component, unknown_package};
use crate::support::{component, server};
use registry_core::id::ObjectHash;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentRecord, MissingRequest, MissingResponse, Published, ReleaseList, ReleaseTarget};

fn package(version: &str) -> String {
    format!("package demo:catalogue@{version}; interface a {{ f: func(); }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_are_listed_with_the_highest_version_first() {
    for (_dir, server) in server::on_both_databases().await {
        for version in ["1.2.0", "1.10.0", "1.10.0-rc.2", "0.9.0", "1.10.0-rc.10"] {
            server.publish_wit(&package(version)).await;
        }
        server.publish_wit("package demo:catalogue-more@9.0.0; interface a { f: func(); }").await;
        let list: ReleaseList = server.json("/v1/releases/demo/catalogue").await;
        let versions: Vec<String> = list.releases.iter().map(|release| release.name.version().to_string()).collect();
        assert_eq!(versions, ["1.10.0", "1.10.0-rc.10", "1.10.0-rc.2", "1.2.0", "0.9.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_nothing_has_are_not_found() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(&package("1.0.0")).await;
        for path in ["/v1/releases/demo/other", "/v1/releases/other/catalogue", "/v1/releases/demo/catalogue/1.0.1"] {
            expect_error(server.get(path).await, 404, "not_found").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_can_have_several_names_and_a_name_only_one_target() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = component::component(&["package demo:tool; world w { export run: func(); }"]);
        for (name, created) in [("demo:one@1.0.0", true), ("demo:two@1.0.0", true), ("demo:one@1.0.0", false)] {
            let response = server.post(&format!("/v1/components?name={name}"), "application/wasm", bytes.clone()).await;
            let published: Published<ComponentRecord> = response.json().await.unwrap();
            assert_eq!(published.created, created, "{name}");
            let parsed: ReleaseName = name.parse().unwrap();
            let list: ReleaseList = server.json(&format!("/v1/releases/demo/{}", parsed.name())).await;
            assert_eq!(list.releases.len(), 1);
            assert_eq!(list.releases[0].target, ReleaseTarget::Component(published.record.hash));
        }
        let taken = server.post_wit("package demo:one@1.0.0; interface a { f: func(); }").await;
        let error = expect_error(taken, 409, "release_bound").await;
        assert!(error.message.contains("p2:c") && error.message.contains("p2:w"), "both hashes: {}", error.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_name_leaves_nothing_of_the_component() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(&package("1.0.0")).await;
        let bytes = component::component(&["package demo:tool; world w { export run: func(); }"]);
        let hash = registry_core::id::ComponentHash::of(&bytes);
        let refused = server.post("/v1/components?name=demo:catalogue@1.0.0", "application/wasm", bytes).await;
        expect_error(refused, 409, "release_bound").await;
        expect_error(server.get(&format!("/v1/components/{hash}")).await, 404, "not_found").await;
        expect_error(server.get(&format!("/v1/components/{hash}/wasm")).await, 404, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_answers_in_the_order_of_the_question() {
    for (_dir, server) in server::on_both_databases().await {
        let package_hash = server.publish_wit(&package("1.0.0")).await.record.hash;
        let bytes = component::component(&["package demo:tool; world w { export run: func(); }"]);
        let component_hash = server.publish_component(bytes).await.record.hash;
        let (no_component, no_package) = (unknown_component(), unknown_package());
        let hashes = vec![
            ObjectHash::Component(no_component),
            ObjectHash::Package(package_hash),
            ObjectHash::Package(no_package),
            ObjectHash::Component(component_hash),
        ];
        let missing = ask(&server, &MissingRequest { hashes }).await;
        assert_eq!(missing.missing, [ObjectHash::Component(no_component), ObjectHash::Package(no_package)]);
        assert!(ask(&server, &MissingRequest { hashes: Vec::new() }).await.missing.is_empty());
    }
}

async fn ask(server: &server::TestServer, request: &MissingRequest) -> MissingResponse {
    let response = server.post("/v1/missing", "application/json", serde_json::to_vec(request).unwrap()).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_too_long_or_no_question_is_refused() {
    for (_dir, server) in server::on_both_databases().await {
        let hashes = vec![ObjectHash::Package(unknown_package()); 1_001];
        let body = serde_json::to_vec(&MissingRequest { hashes }).unwrap();
        let error =
            expect_error(server.post("/v1/missing", "application/json", body).await, 422, "limit_exceeded").await;
        assert!(error.message.contains("1001") && error.message.contains("missing_hashes_max"), "{}", error.message);
        for body in ["", "[]", "{\"hashes\":[\"p2:wxyz\"]}", "{\"hashes\":[],\"more\":1}"] {
            expect_error(server.post("/v1/missing", "application/json", body).await, 400, "invalid_body").await;
        }
    }
}
