//! The groups of content that the public conformance suite has, each in a test: everything is pushed, listed, found and
//! pulled as it was. (The groups that are about blobs alone are in `uploads_test`.)

use super::content::{Algorithm, Blob, Content, INDEX, LAYER, LAYER_GZIP, MANIFEST};
use super::registry::{Repository, registries};
use serde_json::{Value, json};

const TYPE: &str = "application/vnd.example.conformance.one";
const OTHER_TYPE: &str = "application/vnd.example.conformance.two";

#[tokio::test(flavor = "multi_thread")]
async fn an_image() {
    round_trip(|content| {
        let image = content.image(json!({}));
        content.tag(&image, "image");
        content.tag(&image, "the-same-image");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncompressed_image() {
    round_trip(|content| {
        let layers = [content.new_blob(LAYER), content.new_blob(LAYER)];
        let image = content.image(json!({"layers": layers}));
        content.tag(&image, "uncompressed");
    })
    .await;
}

/// Registries should take manifests of 4 MB.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest() {
    round_trip(|content| {
        let annotations: Value = (0..390).map(|index| (format!("large-{index}"), json!("A".repeat(10_000)))).collect();
        let image = content.image(json!({"annotations": annotations}));
        assert!(image["size"].as_u64().unwrap() > 3_900_000);
        content.tag(&image, "large-manifest");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index() {
    round_trip(|content| {
        let index = two_platforms(content, json!({}));
        content.tag(&index, "index");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_indexes() {
    round_trip(|content| {
        let parts = [two_platforms(content, json!({})), two_platforms(content, json!({"annotations": {"part": "2"}}))];
        let index = content.index(&parts, json!({}));
        content.tag(&index, "nested");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_index() {
    round_trip(|content| {
        let index = content.index(&[], json!({}));
        content.tag(&index, "empty-index");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_of_its_own_type() {
    round_trip(|content| {
        let artifact = content.artifact(TYPE, json!({}));
        content.tag(&artifact, "artifact");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_artifacts() {
    round_trip(|content| {
        let parts = [content.artifact(TYPE, json!({})), content.artifact(TYPE, json!({}))];
        let index = content.index(&parts, json!({"artifactType": TYPE}));
        content.tag(&index, "artifact-index");
    })
    .await;
}

/// The empty blob stands in the place of layers.
#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_without_content() {
    round_trip(|content| {
        let empty = content.blob("{}", super::content::EMPTY);
        let artifact = content.artifact(TYPE, json!({"layers": [empty]}));
        content.tag(&artifact, "without-content");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_with_a_subject() {
    round_trip(|content| {
        let subject = content.image(json!({}));
        content.tag(&subject, "subject");
        // Without a type of its own it has that of its config.
        content.image(json!({"subject": subject}));
        let note = json!({"subject": subject, "annotations": {"org.example.note": "hello"}});
        let tagged = content.artifact(TYPE, note.clone());
        content.tag(&tagged, "referrer");
        content.artifact(OTHER_TYPE, note);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_with_a_subject() {
    round_trip(|content| {
        let subject = two_platforms(content, json!({}));
        content.index(&[], json!({"subject": subject, "artifactType": TYPE, "annotations": {"a": "b"}}));
        // Without a type of its own it has none.
        let untyped = content.index(&[], json!({"subject": subject, "annotations": {"c": "d"}}));
        content.tag(&untyped, "untyped");
    })
    .await;
}

/// Manifests and what refers to them come in any order.
#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_is_not_there() {
    round_trip(|content| {
        let missing = Blob::of_size(Algorithm::Sha256, 100).descriptor(MANIFEST);
        let artifact = content.artifact(TYPE, json!({"subject": missing, "annotations": {"a": "b"}}));
        content.tag(&artifact, "before-its-subject");
    })
    .await;
}

/// Descriptors may hold the content that they describe.
#[tokio::test(flavor = "multi_thread")]
async fn data_in_descriptors() {
    round_trip(|content| {
        let mut config = content.blob("{}", super::content::EMPTY);
        config["data"] = json!("e30=");
        let artifact = content.artifact(TYPE, json!({"config": config}));
        content.tag(&artifact, "data");
    })
    .await;
}

/// Layers that must not be given on are not in the registry.
#[tokio::test(flavor = "multi_thread")]
async fn layers_that_are_elsewhere() {
    round_trip(|content| {
        let elsewhere = |media_type: &str| {
            let mut layer = Blob::of_size(Algorithm::Sha256, 300).descriptor(media_type);
            layer["urls"] = json!(["https://store.example.org/layer"]);
            layer
        };
        let layers = [
            elsewhere("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
            elsewhere("application/vnd.oci.image.layer.nondistributable.v1.tar"),
            content.new_blob(LAYER_GZIP),
        ];
        let image = content.image(json!({"layers": layers}));
        content.tag(&image, "elsewhere");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_nobody_knows() {
    round_trip(|content| {
        let image = content.image(json!({"org.example.field": {"a": [1, null]}}));
        let index = content.index(&[image], json!({"org.example.other": 1.5}));
        content.tag(&index, "fields");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_layers() {
    round_trip(|content| {
        let image = content.image(json!({"layers": []}));
        content.tag(&image, "no-layers");
    })
    .await;
}

/// Whoever pushes under a tag does not say with what the digest is made, so these have none.
#[tokio::test(flavor = "multi_thread")]
async fn everything_with_sha512() {
    round_trip(|content| {
        content.algorithm = Algorithm::Sha512;
        let index = two_platforms(content, json!({}));
        content.artifact(TYPE, json!({"subject": index}));
    })
    .await;
}

/// The manifests of Docker, which are older.
#[tokio::test(flavor = "multi_thread")]
async fn dockers_media_types() {
    round_trip(|content| {
        let docker = |name: &str| format!("application/vnd.docker.{name}");
        let config = content.blob(json!({"os": "linux"}).to_string(), &docker("container.image.v1+json"));
        let layers = [content.new_blob(&docker("image.rootfs.diff.tar.gzip"))];
        let media_type = docker("distribution.manifest.v2+json");
        let image = content.image(json!({"mediaType": media_type, "config": config, "layers": layers}));
        content.tag(&image, "docker");
        let mut part = image;
        part["platform"] = json!({"architecture": "amd64", "os": "linux"});
        let media_type = docker("distribution.manifest.list.v2+json");
        let list = content.index(&[part], json!({"mediaType": media_type}));
        content.tag(&list, "docker-list");
    })
    .await;
}

fn two_platforms(content: &mut Content, fields: Value) -> Value {
    let parts = ["amd64", "arm64"].map(|architecture| {
        let mut image = content.image(json!({}));
        image["platform"] = json!({"os": "linux", "architecture": architecture});
        image
    });
    content.index(&parts, fields)
}

async fn round_trip(fill: impl Fn(&mut Content)) {
    for registry in registries().await {
        let repository = registry.repository();
        let mut content = Content::default();
        fill(&mut content);
        push(&repository, &content).await;
        list(&repository, &content).await;
        pull(&repository, &content).await;
        refer(&repository, &content).await;
    }
}

async fn push(repository: &Repository<'_>, content: &Content) {
    for blob in &content.blobs {
        let pushed = repository.push_blob(blob).await.expect(201);
        repository.expect_blob_at(&pushed.location(), blob).await;
    }
    let by_digest = content.manifests.iter().map(|manifest| (manifest.digest.as_str(), manifest));
    let by_tag = content.tags.iter().map(|(tag, digest)| (tag.as_str(), content.manifest_of(digest)));
    for (reference, manifest) in by_digest.chain(by_tag) {
        let pushed = repository.push_manifest(manifest, reference).await.expect(201);
        assert_eq!(pushed.header("docker-content-digest"), manifest.digest, "{pushed}");
        assert_eq!(pushed.optional("oci-subject"), manifest.subject(), "{pushed}");
        repository.expect_manifest_at(&pushed.location(), manifest).await;
    }
}

async fn list(repository: &Repository<'_>, content: &Content) {
    let mut pushed: Vec<&String> = content.tags.iter().map(|(tag, _)| tag).collect();
    pushed.sort();
    if !pushed.is_empty() {
        assert_eq!(repository.tags().await.iter().collect::<Vec<_>>(), pushed);
    }
}

async fn pull(repository: &Repository<'_>, content: &Content) {
    for (tag, digest) in &content.tags {
        repository.expect_manifest(tag, content.manifest_of(digest)).await;
    }
    for manifest in &content.manifests {
        repository.expect_manifest(&manifest.digest, manifest).await;
    }
    for blob in &content.blobs {
        repository.expect_blob(blob).await;
    }
}

async fn refer(repository: &Repository<'_>, content: &Content) {
    let mut subjects: Vec<&str> = content.manifests.iter().filter_map(|manifest| manifest.subject()).collect();
    subjects.dedup();
    for subject in subjects {
        let referrers = content.manifests.iter().filter(|manifest| manifest.subject() == Some(subject));
        let expected: Vec<Value> = referrers.map(|manifest| manifest.referrer()).collect();
        expect_referrers(repository, subject, None, &expected).await;
        for artifact_type in [TYPE, OTHER_TYPE, super::content::CONFIG, "application/nothing"] {
            let of_type = |descriptor: &&Value| descriptor["artifactType"] == artifact_type;
            let expected: Vec<Value> = expected.iter().filter(of_type).cloned().collect();
            expect_referrers(repository, subject, Some(artifact_type), &expected).await;
        }
    }
}

async fn expect_referrers(repository: &Repository<'_>, subject: &str, artifact_type: Option<&str>, expected: &[Value]) {
    let query = artifact_type.map_or_else(String::new, |name| format!("?artifactType={}", name.replace('+', "%2B")));
    let answer = repository.registry.get(&repository.at(&format!("referrers/{subject}{query}"))).await.expect(200);
    assert_eq!(answer.header("content-type"), INDEX, "{answer}");
    assert_eq!(answer.optional("oci-filters-applied"), artifact_type.map(|_| "artifactType"), "{answer}");
    let index = answer.json();
    assert_eq!((&index["schemaVersion"], &index["mediaType"]), (&json!(2), &json!(INDEX)), "{answer}");
    let found = index["manifests"].as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{answer}");
    assert!(expected.iter().all(|descriptor| found.contains(descriptor)), "{answer}: {expected:?}");
}
