//! Publishing and reading WIT packages.

use crate::support::client::{expect_error, expect_published, unknown_package};
use crate::support::{component, server, wasi};
use registry_core::limits::Limits;
use registry_core::wire::{PackageClosure, PackageRecord, PublishPackage, Release, ReleaseTarget};
use registry_core::wit::{PackageText, SourceFile, UnresolvedWit, Wit};

const TYPES: &str = "package demo:types@1.0.0;\n/// Points.\ninterface shapes { record point { x: u32, y: u32 } }\n";
const USER: &str =
    "package demo:user@1.0.0;\ninterface area { use demo:types/shapes@1.0.0.{point}; of: func(p: point) -> u64; }\n";

#[tokio::test(flavor = "multi_thread")]
async fn all_of_wasi_is_published_and_served_by_hash_and_by_name() {
    for (_dir, server) in server::on_both_databases().await {
        let records = wasi::publish(&server).await;
        assert_eq!(records.len(), wasi::texts().len());
        for record in records.values() {
            let path = format!("/v1/packages/{}", record.hash);
            assert_eq!(&server.json::<PackageRecord>(&path).await, record);
            let name = &record.name;
            let release = format!("/v1/releases/{}/{}/{}", name.namespace(), name.name(), name.version());
            let bound: Release = server.json(&release).await;
            assert_eq!((bound.name, bound.target), (name.clone(), ReleaseTarget::Package(record.hash)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_comes_in_one_answer_and_proves_itself() {
    for (_dir, server) in server::on_both_databases().await {
        let records = wasi::publish(&server).await;
        for record in records.values() {
            let closure: PackageClosure = server.json(&format!("/v1/packages/{}/closure", record.hash)).await;
            assert_eq!(closure.root, record.hash);
            let wit = closure.packages.verify(&record.hash, &Limits::default()).unwrap();
            let order: Vec<_> = wit.closure_order().iter().map(|identity| identity.hash).collect();
            let served: Vec<_> = closure.packages.packages.iter().map(|package| package.hash).collect();
            assert_eq!(served, order, "leaves first");
            let identity = wit.identity().unwrap();
            assert_eq!((&identity.interfaces, &identity.worlds), (&record.interfaces, &record.worlds));
        }
        let http: PackageClosure = server.json(&format!("/v1/packages/{}/closure", records["http"].hash)).await;
        assert_eq!(http.packages.packages.len(), wasi::texts().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_canonical_and_the_flat_document_stands_alone() {
    for (_dir, server) in server::on_both_databases().await {
        let records = wasi::publish(&server).await;
        let hash = records["http"].hash;
        let flat = server.text(&format!("/v1/packages/{hash}/flat")).await;
        let wit = Wit::parse(&[SourceFile::new("flat.wit", flat)], &[], &Limits::default()).unwrap();
        assert_eq!(wit.identity().unwrap().hash, hash);
        let text = server.text(&format!("/v1/packages/{hash}/wit")).await;
        assert_eq!(text, PackageText::new(&wit).file(wit.name()).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_the_same_again_is_success_and_keeps_the_first_record() {
    for (_dir, server) in server::on_both_databases().await {
        let first = server.publish_wit(TYPES).await;
        assert!(first.created);
        let other_layout = TYPES.replace(", y", ",\r\n    y").replace("interface", "// a remark\n\ninterface");
        let moved_docs = other_layout.replace("// a remark\n\n", "");
        let again = server.publish_wit(&moved_docs).await;
        assert!(!again.created);
        assert_eq!(again.record, first.record);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_and_wasm_encoding_are_the_same_package() {
    for (_dir, server) in server::on_both_databases().await {
        let files = vec![
            SourceFile::new("b.wit", "interface b { g: func(); }"),
            SourceFile::new("a.wit", "package demo:split@1.0.0; interface a { f: func(); }"),
        ];
        let split = server.post_package(&PublishPackage { files, expected: None }).await;
        let split = expect_published::<PackageRecord>(split).await;
        let whole = "package demo:split@1.0.0; interface a { f: func(); } interface b { g: func(); }";
        assert_eq!(server.publish_wit(whole).await.record, split.record);
        let encoded = component::encoded_wit(&[whole]);
        let encoded = server.post("/v1/packages", "application/wasm", encoded).await;
        let encoded = expect_published::<PackageRecord>(encoded).await;
        assert_eq!((encoded.created, encoded.record), (false, split.record));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wasm_encoded_wit_is_completed_with_the_registered_packages() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let encoded = component::encoded_wit(&[TYPES, USER]);
        let published = server.post("/v1/packages", "application/wasm; charset=binary", encoded).await;
        let published = expect_published::<PackageRecord>(published).await;
        assert!(published.created);
        let from_source = server.publish_wit(USER).await;
        assert_eq!((from_source.created, from_source.record), (false, published.record));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expected_hash_is_compared_wherever_it_stands() {
    for (_dir, server) in server::on_both_databases().await {
        let wit = UnresolvedWit::parse(&[SourceFile::new("t.wit", TYPES)], &Limits::default()).unwrap();
        let hash = wit.resolve(Vec::new(), &Limits::default()).unwrap().identity().unwrap().hash;
        let files = vec![SourceFile::new("t.wit", TYPES)];
        let in_body = server.post_package(&PublishPackage { files, expected: Some(hash) }).await;
        assert_eq!(expect_published::<PackageRecord>(in_body).await.record.hash, hash);
        let in_address = format!("/v1/packages?expected={hash}");
        let published = server.post(&in_address, "application/wasm", component::encoded_wit(&[TYPES])).await;
        assert_eq!(expect_published::<PackageRecord>(published).await.record.hash, hash);
        let false_address = format!("/v1/packages?expected={}", unknown_package());
        let refused = server.post(&false_address, "application/wasm", component::encoded_wit(&[TYPES])).await;
        let error = expect_error(refused, 422, "hash_mismatch").await;
        assert!(error.message.contains(&hash.to_string()) && error.message.contains(&unknown_package().to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_versions_of_one_package_stand_in_one_closure() {
    for (_dir, server) in server::on_both_databases().await {
        for version in ["1.0.0", "1.0.1", "1.0.1-rc.1"] {
            server.publish_wit(&TYPES.replace("1.0.0", version)).await;
        }
        let user = "package demo:all@1.0.0;
            interface a { use demo:types/shapes@1.0.0.{point}; }
            interface b { use demo:types/shapes@1.0.1.{point}; }
            interface c { use demo:types/shapes@1.0.1-rc.1.{point}; }";
        let record = server.publish_wit(user).await.record;
        assert_eq!(record.dependencies.len(), 3);
        let closure: PackageClosure = server.json(&format!("/v1/packages/{}/closure", record.hash)).await;
        closure.packages.verify(&record.hash, &Limits::default()).unwrap();
        assert_eq!(closure.packages.packages.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_reached_by_include_only_is_needed_to_publish_but_not_in_the_closure() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit("package demo:base@1.0.0; world base { import log: func(text: string); }").await;
        let including = "package demo:app@1.0.0; world app { include demo:base/base@1.0.0; }";
        let record = server.publish_wit(including).await.record;
        assert!(record.dependencies.is_empty());
        let closure: PackageClosure = server.json(&format!("/v1/packages/{}/closure", record.hash)).await;
        closure.packages.verify(&record.hash, &Limits::default()).unwrap();
        assert_eq!(closure.packages.packages.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    for (_dir, server) in server::on_both_databases().await {
        for part in ["", "/wit", "/flat", "/closure"] {
            let path = format!("/v1/packages/{}{part}", unknown_package());
            let error = expect_error(server.get(&path).await, 404, "not_found").await;
            assert!(error.message.contains(&unknown_package().to_string()));
            assert!(error.hint.is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_of_the_sources_is_that_of_the_documentation() {
    use sha2::Digest;
    for (_dir, server) in server::on_both_databases().await {
        let record = server.publish_wit(TYPES).await.record;
        let mut hasher = sha2::Sha256::new();
        for text in ["package.wit", TYPES] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        assert_eq!(record.source_sha256, hex::encode(hasher.finalize()));
        let encoded = component::encoded_wit(&[&TYPES.replace("1.0.0", "2.0.0")]);
        let published = server.post("/v1/packages", "application/wasm", encoded.clone()).await;
        let record = expect_published::<PackageRecord>(published).await.record;
        assert_eq!(record.source_sha256, hex::encode(sha2::Sha256::digest(&encoded)));
    }
}
