//! Push: manifests, by tag and by digest, and what a manifest must not be.

use super::content::{Algorithm, Blob, CONFIG, Content, INDEX, LAYER, MANIFEST, Manifest};
use super::registry::{Registry, Repository, ours, registries};
use futures::stream;
use reqwest::Body;
use serde_json::{Value, json};
use std::convert::Infallible;

/// A repository with the blobs of an image, and the image, which is not pushed.
async fn with_blobs(registry: &Registry) -> (Repository<'_>, Content) {
    let repository = registry.repository();
    let mut content = Content::default();
    content.image(json!({}));
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    (repository, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_tags_for_one_manifest() {
    for registry in registries().await {
        let (repository, content) = with_blobs(&registry).await;
        let manifest = &content.manifests[0];
        let long = "t".repeat(128);
        let tags = ["1.0.0", "_", "A-b_c.9", "latest", &long];
        for tag in tags {
            let pushed = repository.push_manifest(manifest, tag).await.expect(201);
            assert_eq!(pushed.header("docker-content-digest"), manifest.digest, "{pushed}");
            repository.expect_manifest_at(&pushed.location(), manifest).await;
        }
        for tag in tags {
            repository.expect_manifest(tag, manifest).await;
        }
    }
}

/// Parameters of the content type are ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_with_parameters() {
    for registry in ours().await {
        let (repository, content) = with_blobs(&registry).await;
        let manifest = &content.manifests[0];
        let content_type = ("content-type", format!("{MANIFEST}; charset=utf-8"));
        let headers = [(content_type.0, content_type.1.as_str())];
        let path = repository.manifest_at("1.0.0");
        registry.send("PUT", &path, &headers, manifest.bytes.clone()).await.expect(201);
        repository.expect_manifest("1.0.0", manifest).await;
    }
}

/// A manifest under the digest of another one, and digests that are none.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digest_in_the_address() {
    for registry in registries().await {
        let (repository, content) = with_blobs(&registry).await;
        let manifest = &content.manifests[0];
        let changed = Manifest { bytes: [manifest.bytes.as_slice(), b"  "].concat(), ..manifest.clone() };
        repository.push_manifest(&changed, &manifest.digest).await.expect_error(400, "DIGEST_INVALID");
        repository.push_manifest(manifest, "sha256:baddigeststring").await.expect_error(400, "DIGEST_INVALID");
        let answer = registry.get(&repository.manifest_at("sha256:baddigeststring")).await;
        assert!([400, 404].contains(&answer.status), "{answer}");
        answer.error_code();
    }
}

/// What a manifest names must be there: other than its subject, it comes last.
#[tokio::test(flavor = "multi_thread")]
async fn contents_that_were_not_pushed() {
    for registry in registries().await {
        let (repository, content) = with_blobs(&registry).await;
        let present = content.manifests[0].value["config"].clone();
        let missing = |media_type: &str| Blob::of_size(Algorithm::Sha256, 10).descriptor(media_type);
        let image = |config: &Value, layer: Value| json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        for value in [
            image(&missing(CONFIG), present.clone()),
            image(&present, missing(LAYER)),
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [missing(MANIFEST)]}),
        ] {
            let manifest = Manifest::new(Algorithm::Sha256, value);
            let refused = repository.push_manifest(&manifest, "1.0.0").await;
            assert!([400, 404].contains(&refused.status), "{refused}");
            assert_eq!(refused.error_code(), "MANIFEST_BLOB_UNKNOWN", "{refused}");
            registry.get(&repository.manifest_at("1.0.0")).await.expect(404);
        }
    }
}

/// What is no manifest is refused, however it is wrong, and nothing of it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_manifest() {
    for registry in ours().await {
        let (repository, content) = with_blobs(&registry).await;
        let manifest = content.manifests[0].value.clone();
        let changed = |field: &str, value: Value| {
            let mut manifest = manifest.clone();
            manifest[field] = value;
            manifest.to_string()
        };
        let config = |field: &str, value: Value| {
            let mut config = manifest["config"].clone();
            config[field] = value;
            changed("config", config)
        };
        let size = manifest["config"]["size"].as_u64().unwrap();
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies = [
            String::new(),
            "{".to_owned(),
            "null".to_owned(),
            "[]".to_owned(),
            "\"text\"".to_owned(),
            "{}".to_owned(),
            deep.clone(),
            format!("{{\"schemaVersion\": 2, \"mediaType\": \"{MANIFEST}\", \"config\": {deep}}}"),
            changed("schemaVersion", json!(1)),
            changed("schemaVersion", json!("2")),
            changed("mediaType", json!(INDEX)),
            changed("mediaType", json!(7)),
            changed("config", json!(null)),
            changed("layers", json!({})),
            changed("layers", json!([7])),
            changed("layers", json!([{"mediaType": LAYER}])),
            changed("subject", json!("sha256:")),
            changed("annotations", json!({"a": 1})),
            config("digest", json!("sha256:baddigeststring")),
            config("digest", json!("md5:d41d8cd98f00b204e9800998ecf8427e")),
            config("size", json!(-1)),
            config("size", json!(size + 1)),
            config("size", json!(1e300)),
            config("mediaType", json!("")),
        ];
        for body in bodies {
            let headers = [("content-type", MANIFEST)];
            let answer = registry.send("PUT", &repository.manifest_at("1.0.0"), &headers, body.clone()).await;
            let shown = &body[..body.len().min(200)];
            assert!((400..500).contains(&answer.status), "{shown}: {answer}");
            let code = answer.error_code();
            assert!(
                ["MANIFEST_INVALID", "SIZE_INVALID", "DIGEST_INVALID"].contains(&code.as_str()),
                "{shown}: {answer}"
            );
            registry.get(&repository.manifest_at("1.0.0")).await.expect(404);
        }
    }
}

/// A type that is not the manifest's own, or that is no manifest's at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_content_type() {
    for registry in ours().await {
        let (repository, content) = with_blobs(&registry).await;
        for content_type in [INDEX, "application/json", "text/plain", "nonsense"] {
            let manifest = Manifest { media_type: content_type.to_owned(), ..content.manifests[0].clone() };
            let refused = repository.push_manifest(&manifest, "1.0.0").await;
            assert!([400, 415].contains(&refused.status), "{refused}");
            assert_eq!(refused.error_code(), "MANIFEST_INVALID", "{refused}");
        }
    }
}

/// More than the limit is refused, whether its length is known before or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_too_large() {
    for registry in ours().await {
        let (repository, content) = with_blobs(&registry).await;
        let mut value = content.manifests[0].value.clone();
        value["annotations"] = json!({"large": "A".repeat(5 << 20)});
        let manifest = Manifest::new(Algorithm::Sha256, value);
        repository.push_manifest(&manifest, "1.0.0").await.expect_error(413, "SIZE_INVALID");
        let pieces: Vec<_> = manifest.bytes.chunks(100_000).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
        let (path, headers) = (repository.manifest_at(&manifest.digest), [("content-type", MANIFEST)]);
        let refused = registry.send("PUT", &path, &headers, Body::wrap_stream(stream::iter(pieces))).await;
        refused.expect_error(413, "SIZE_INVALID");
        assert_eq!(refused.own_code(), "limit_exceeded", "{refused}");
    }
}
