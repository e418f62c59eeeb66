//! Packages and components in a namespace that takes nothing else: the same requests as for every artifact, and the
//! registry's own rules.

use super::content::{Algorithm, Blob, Content, EMPTY, MANIFEST, Manifest};
use super::registry::{Repository, ours};
use crate::support::component::{component, core_module, encoded_wit};
use registry_core::wire::{ReleaseList, ReleaseTarget};
use serde_json::{Value, json};

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
const WIT: &str = "package demo:area@1.0.0; interface a { f: func(); }";

/// The blobs and the manifest that clients make of WebAssembly: a config that tells the time, and the bytes.
fn artifact(wasm: &[u8], created: &str) -> Content {
    let mut content = Content::default();
    let layer = content.blob(wasm, LAYER);
    let config = json!({"created": created, "author": null, "architecture": "wasm", "os": "wasip2",
        "layerDigests": [layer["digest"]], "component": {"exports": [], "imports": [], "target": null}});
    let config = content.blob(config.to_string(), CONFIG);
    content.manifest(json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}));
    content
}

async fn push_blobs(repository: &Repository<'_>, content: &Content) {
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_and_components_are_published() {
    for registry in ours().await {
        let tool = component(&["package demo:tool; world w { export run: func(); }"]);
        for (name, wasm) in [("area", encoded_wit(&[WIT])), ("tool", tool)] {
            let repository = registry.named(&format!("demo/{name}"));
            registry.get(&repository.at("tags/list")).await.expect_error(404, "NAME_UNKNOWN");
            let content = artifact(&wasm, "2026-01-02T03:04:05Z");
            let manifest = &content.manifests[0];
            push_blobs(&repository, &content).await;
            let pushed = repository.push_manifest(manifest, "1.0.0").await.expect(201);
            assert_eq!(pushed.header("docker-content-digest"), manifest.digest, "{pushed}");
            repository.expect_manifest_at(&pushed.location(), manifest).await;
            for reference in ["1.0.0", &manifest.digest] {
                repository.expect_manifest(reference, manifest).await;
            }
            for blob in &content.blobs {
                repository.expect_blob(blob).await;
            }
            assert_eq!(repository.tags().await, ["1.0.0"]);
            let list: ReleaseList = registry.client().json(&format!("/v1/releases/demo/{name}")).await;
            let hash = match list.releases[0].target {
                ReleaseTarget::Package(hash) => hash.to_string(),
                ReleaseTarget::Component(hash) => hash.to_string(),
            };
            for answer in [&pushed, &registry.get(&repository.manifest_at("1.0.0")).await] {
                assert_eq!(answer.header("registry-hash"), hash, "{answer}");
            }
        }
    }
}

/// What was published in another way is pulled as an artifact, the same one every time.
#[tokio::test(flavor = "multi_thread")]
async fn published_packages_are_pulled() {
    let mut digests = Vec::new();
    for registry in ours().await {
        let hash = registry.client().publish_wit(WIT).await.record.hash.to_string();
        let repository = registry.named("demo/area");
        assert_eq!(repository.tags().await, ["1.0.0"]);
        let answer = registry.get(&repository.manifest_at("1.0.0")).await.expect(200);
        assert_eq!((answer.header("registry-hash"), answer.header("content-type")), (hash.as_str(), MANIFEST));
        let value = answer.json();
        assert_eq!(value["annotations"]["registry.package-hash"], hash, "{answer}");
        let manifest = Manifest { bytes: answer.body.to_vec(), ..Manifest::new(Algorithm::Sha256, value.clone()) };
        let digest = Algorithm::Sha256.digest(&answer.body);
        for reference in ["1.0.0", &digest] {
            repository.expect_manifest(reference, &manifest).await;
        }
        for (descriptor, media_type) in [(&value["config"], CONFIG), (&value["layers"][0], LAYER)] {
            assert_eq!(descriptor["mediaType"], media_type, "{answer}");
            let blob = registry.get(&repository.at(&format!("blobs/{}", descriptor["digest"].as_str().unwrap()))).await;
            repository.expect_blob(&Blob::new(Algorithm::Sha256, blob.expect(200).body.to_vec())).await;
        }
        digests.push(digest);
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// Another manifest for the same content is kept under its digest, and the tag stays; other content is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_published_once() {
    for registry in ours().await {
        let repository = registry.named("demo/area");
        let first = artifact(&encoded_wit(&[WIT]), "2026-01-02T03:04:05Z");
        let later = artifact(&encoded_wit(&[WIT]), "2027-01-02T03:04:05Z");
        let other =
            artifact(&encoded_wit(&["package demo:area@1.0.0; interface b { g: func(); }"]), "2026-01-02T03:04:05Z");
        for content in [&first, &later, &other] {
            push_blobs(&repository, content).await;
        }
        for content in [&first, &first, &later] {
            let pushed = repository.push_manifest(&content.manifests[0], "1.0.0").await.expect(201);
            assert_eq!(pushed.header("docker-content-digest"), content.manifests[0].digest, "{pushed}");
        }
        let refused = repository.push_manifest(&other.manifests[0], "1.0.0").await;
        refused.expect_error(409, "DENIED");
        assert_eq!(refused.own_code(), "release_bound", "{refused}");
        repository.expect_manifest("1.0.0", &first.manifests[0]).await;
        repository.expect_manifest(&later.manifests[0].digest, &later.manifests[0]).await;
        registry.get(&repository.manifest_at(&other.manifests[0].digest)).await.expect_error(404, "MANIFEST_UNKNOWN");
    }
}

/// Every rule of the registry holds for what is pushed, and the reason stands in the error.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published() {
    for registry in ours().await {
        let wit = |text: &str| encoded_wit(&[text]);
        let with_dependency = encoded_wit(&[
            "package demo:types@1.0.0; interface t { type a = u8; }",
            "package demo:area@1.0.0; interface a { use demo:types/t@1.0.0.{a}; f: func(x: a); }",
        ]);
        for (wasm, tag, own_code) in [
            (core_module(), "1.0.0", "not_a_component"),
            (b"not wasm".to_vec(), "1.0.0", "not_a_component"),
            (with_dependency, "1.0.0", "missing_dependencies"),
            (wit(WIT), "1.0.1", "invalid_manifest"),
            (wit("package demo:other@1.0.0; interface a { f: func(); }"), "1.0.0", "invalid_manifest"),
            (wit(WIT), "latest", "invalid_manifest"),
        ] {
            let repository = registry.named("demo/area");
            let content = artifact(&wasm, "2026-01-02T03:04:05Z");
            push_blobs(&repository, &content).await;
            let refused = repository.push_manifest(&content.manifests[0], tag).await;
            assert!((400..500).contains(&refused.status), "{refused}");
            refused.error_code();
            assert_eq!(refused.own_code(), own_code, "{refused}");
            registry.get(&repository.manifest_at(tag)).await.expect(404);
            registry.get(&repository.manifest_at(&content.manifests[0].digest)).await.expect(404);
        }
        registry.get("/v2/demo/area/tags/list").await.expect_error(404, "NAME_UNKNOWN");
    }
}

/// A namespace takes packages and components, unless its operator says otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_a_package_nor_a_component() {
    for registry in ours().await {
        let repository = registry.named("demo/area");
        let mut image = Content::default();
        image.image(json!({}));
        let mut generic = Content::default();
        generic.artifact("application/vnd.example", json!({}));
        let wasm = artifact(&encoded_wit(&[WIT]), "2026-01-02T03:04:05Z");
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut content = Content { blobs: wasm.blobs.clone(), ..Content::default() };
            content.blob("{}", EMPTY);
            let mut value = wasm.manifests[0].value.clone();
            change(&mut value);
            content.manifest(value);
            content
        };
        let two_layers = changed(&|value| {
            let layer = value["layers"][0].clone();
            value["layers"].as_array_mut().unwrap().push(layer);
        });
        let no_layers = changed(&|value| value["layers"] = json!([]));
        let other_layer = changed(&|value| value["layers"][0]["mediaType"] = json!("application/octet-stream"));
        for content in [image, generic, two_layers, no_layers, other_layer] {
            push_blobs(&repository, &content).await;
            for reference in ["1.0.0", &content.manifests[0].digest] {
                let refused = repository.push_manifest(&content.manifests[0], reference).await;
                assert!([400, 403].contains(&refused.status), "{refused}");
                assert!(["invalid_manifest", "artifact_refused"].contains(&refused.own_code().as_str()), "{refused}");
            }
            registry.get(&repository.manifest_at("1.0.0")).await.expect(404);
        }
    }
}
