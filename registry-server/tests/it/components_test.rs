//! Publishing and reading components.

use crate::support::client::{expect_error, expect_published, unknown_component};
use crate::support::component::{component, component_with_separate_imports, described};
use crate::support::{server, wasi};
use registry_core::component::{Direction, Relation, VerifiedComponent};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use registry_core::wire::{ComponentClosure, ComponentRecord, SearchPage};
use registry_core::wit::{SourceFile, Wit};
use sha2::Digest;

const TYPES: &str = "package demo:types@1.0.0; interface shapes { record point { x: u32, y: u32 } }";
const AREA: &str = "package demo:area@1.0.0; interface area { use demo:types/shapes@1.0.0.{point}; of: func(p: point) -> u64; more: func(); }";
const TOOL: &str = "package demo:tool; world w { import demo:types/shapes@1.0.0; export demo:area/area@1.0.0; }";

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_published_and_proves_itself() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let area = server.publish_wit(AREA).await.record;
        let bytes = component(&[TYPES, AREA, TOOL]);
        let published = server.publish_component(bytes.clone()).await;
        assert!(published.created);
        let record = published.record;
        assert_eq!(record.hash, ComponentHash::of(&bytes));
        assert_eq!(
            (record.size_bytes, &record.sha256),
            (bytes.len() as u64, &hex::encode(sha2::Sha256::digest(&bytes)))
        );
        let export = record.interfaces.iter().find(|interface| interface.direction == Direction::Export).unwrap();
        assert_eq!((export.name.as_str(), export.package), ("demo:area/area@1.0.0", area.hash));
        assert_eq!((export.id, export.relation), (area.interfaces["area"], Relation::Exact));

        assert_eq!(server.json::<ComponentRecord>(&format!("/v1/components/{}", record.hash)).await, record);
        let served = server.get(&format!("/v1/components/{}/wasm", record.hash)).await;
        assert_eq!(served.headers()["content-type"], "application/wasm");
        assert_eq!(served.bytes().await.unwrap(), bytes);
        let closure: ComponentClosure = server.json(&format!("/v1/components/{}/closure", record.hash)).await;
        assert_eq!(closure.component, record);
        let verified = VerifiedComponent::check(&record.hash, &bytes, &closure.packages, &Limits::default()).unwrap();
        assert_eq!((verified.view_id(), verified.interfaces()), (record.view, record.interfaces.as_slice()));
        assert_eq!(verified.closure(), &closure.packages);
        assert_eq!(verified.world_text().unwrap(), closure.wit);
        assert_eq!(server.text(&format!("/v1/components/{}/wit", record.hash)).await, closure.wit);
        assert!(!server.publish_component(bytes).await.created);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_for_wasi_http_is_served_with_all_that_it_needs() {
    for (_dir, server) in server::on_both_databases().await {
        wasi::publish(&server).await;
        let world = format!("package demo:handler; world w {{ include wasi:http/proxy@{}; }}", wasi_version());
        let mut packages: Vec<&str> = wasi::texts().iter().map(String::as_str).collect();
        packages.push(&world);
        let bytes = component(&packages);
        let record = server.publish_component(bytes.clone()).await.record;
        let closure: ComponentClosure = server.json(&format!("/v1/components/{}/closure", record.hash)).await;
        VerifiedComponent::check(&record.hash, &bytes, &closure.packages, &Limits::default()).unwrap();
        let flat = server.text(&format!("/v1/components/{}/flat", record.hash)).await;
        Wit::parse(&[SourceFile::new("flat.wit", flat)], &[], &Limits::default()).unwrap();
    }
}

fn wasi_version() -> String {
    let header = wasi::texts()[0].lines().find(|line| line.starts_with("package ")).unwrap().to_owned();
    header.trim_end_matches(';').split_once('@').unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_registered_interfaces_needs_nothing() {
    for (_dir, server) in server::on_both_databases().await {
        let record =
            server.publish_component(component(&["package demo:tool; world w { export run: func(); }"])).await.record;
        assert!(record.interfaces.is_empty());
        let closure: ComponentClosure = server.json(&format!("/v1/components/{}/closure", record.hash)).await;
        assert!(closure.packages.packages.is_empty());
        assert!(closure.wit.contains("export run: func();"), "{}", closure.wit);
    }
}

const OLD_IO: &str = "package demo:io@0.2.0; interface io { resource r { read: func() -> u32; } }";
const NEW_IO: &str = "package demo:io@0.2.1; interface io { resource r { read: func() -> u32; } g: func(); }";
const USER: &str =
    "package demo:user@1.0.0; interface user { use demo:io/io@0.2.0.{r}; f: func(r: borrow<r>) -> list<r>; }";
const TWO_VERSIONS: &str = "package demo:tool; world w { import demo:user/user@1.0.0; import demo:io/io@0.2.1; }";

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_one_package_are_fine_if_the_component_keeps_them_apart() {
    for (_dir, server) in server::on_both_databases().await {
        for text in [OLD_IO, NEW_IO, USER] {
            server.publish_wit(text).await;
        }
        let bytes = component_with_separate_imports(&[OLD_IO, NEW_IO, USER, TWO_VERSIONS]);
        let record = server.publish_component(bytes).await.record;
        let names: Vec<&str> = record.interfaces.iter().map(|interface| interface.name.as_str()).collect();
        assert_eq!(names, ["demo:io/io@0.2.0", "demo:io/io@0.2.1", "demo:user/user@1.0.0"]);
        assert!(record.interfaces.iter().all(|interface| interface.relation == Relation::Exact));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_whose_imports_were_merged_is_accepted_and_marked() {
    for (_dir, server) in server::on_both_databases().await {
        for text in [OLD_IO, NEW_IO] {
            server.publish_wit(text).await;
        }
        let user = server.publish_wit(USER).await.record;
        let bytes = component(&[OLD_IO, NEW_IO, USER, TWO_VERSIONS]);
        let record = server.publish_component(bytes.clone()).await.record;
        let path = format!("/v1/components/{}", record.hash);
        let answer: serde_json::Value = server.json(&path).await;
        assert_eq!(
            answer["interfaces"][1],
            serde_json::json!({
                "direction": "import",
                "name": "demo:user/user@1.0.0",
                "id": user.interfaces["user"],
                "package": user.hash,
                "relation": "merged",
                "merged": [{"type": "r", "registered": "demo:io/io@0.2.0", "used": "demo:io/io@0.2.1"}],
            })
        );
        assert_eq!(answer["interfaces"][0]["relation"], "exact");
        assert_eq!(answer["interfaces"].as_array().unwrap().len(), 2, "the older import is not in the bytes");
        let closure: ComponentClosure = server.json(&format!("{path}/closure")).await;
        let verified = VerifiedComponent::check(&record.hash, &bytes, &closure.packages, &Limits::default()).unwrap();
        assert_eq!(verified.interfaces(), record.interfaces.as_slice());
        assert_eq!(closure.packages.packages.len(), 3);
        let flat = server.text(&format!("{path}/flat")).await;
        Wit::parse(&[SourceFile::new("flat.wit", flat)], &[], &Limits::default()).unwrap();
        assert!(!server.publish_component(bytes).await.created);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_says_about_itself_is_in_its_record() {
    for (_dir, server) in server::on_both_databases().await {
        let plain = component(&["package demo:tool; world w { export run: func(); }"]);
        let unnamed = described(&plain, "Adds numbers.", "MIT OR Apache-2.0");
        let record = server.publish_component(unnamed).await.record;
        let answer: ComponentRecord = server.json(&format!("/v1/components/{}", record.hash)).await;
        assert_eq!(answer, record);
        assert_eq!(record.metadata.description.as_deref(), Some("Adds numbers."));
        assert_eq!(record.metadata.licenses.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(record.metadata.producers[0].name, "wit-component");

        let named = described(&plain, "Adds two numbers.\nAnd nothing else.", "MIT OR Apache-2.0");
        let path = "/v1/components?name=demo:adder@1.0.0";
        expect_published::<ComponentRecord>(server.post(path, "application/wasm", named).await).await;
        for (words, finds) in [("numbers", true), ("apache", true), ("wit-comp", true), ("multiplies", false)] {
            let page: SearchPage = server.json(&format!("/v1/search?q={words}")).await;
            let found: Vec<(String, &str)> =
                page.hits.iter().map(|hit| (hit.name.to_string(), hit.summary.as_str())).collect();
            let expected = [("demo:adder@1.0.0".to_owned(), "Adds two numbers.")];
            assert_eq!(found, if finds { expected.as_slice() } else { &[] }, "{words}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    for (_dir, server) in server::on_both_databases().await {
        for part in ["", "/wasm", "/wit", "/flat", "/closure"] {
            let path = format!("/v1/components/{}{part}", unknown_component());
            let error = expect_error(server.get(&path).await, 404, "not_found").await;
            assert!(error.message.contains(&unknown_component().to_string()));
        }
    }
}
