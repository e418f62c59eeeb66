//! Content management: what is published stays, and a tag never moves. The specification lets a registry refuse this.

use super::content::{Algorithm, Blob, Content, Manifest};
use super::registry::{Registry, Repository, ours};
use futures::future::join_all;
use serde_json::json;

async fn with_two_images(registry: &Registry) -> (Repository<'_>, Content) {
    let repository = registry.repository();
    let mut content = Content::default();
    content.image(json!({}));
    content.image(json!({}));
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    repository.push_manifest(&content.manifests[0], "1.0.0").await.expect(201);
    (repository, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted() {
    for registry in ours().await {
        let (repository, content) = with_two_images(&registry).await;
        let (manifest, blob) = (&content.manifests[0], &content.blobs[0]);
        let unknown = Blob::of_size(Algorithm::Sha256, 10);
        for path in [
            repository.manifest_at("1.0.0"),
            repository.manifest_at(&manifest.digest),
            repository.blob_at(blob),
            // A blob that no manifest names: the registry itself collects it when nobody wants it.
            repository.blob_at(&content.blobs[4]),
            repository.manifest_at("missing"),
            repository.blob_at(&unknown),
        ] {
            let answer = registry.send("DELETE", &path, &[], "").await;
            answer.expect_error(405, "UNSUPPORTED");
            assert_eq!(answer.own_code(), "immutable", "{answer}");
            assert!(answer.header("allow").contains("GET") && !answer.header("allow").contains("DELETE"), "{answer}");
        }
        repository.expect_manifest("1.0.0", manifest).await;
        repository.expect_manifest(&manifest.digest, manifest).await;
        repository.expect_blob(blob).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_never_move() {
    for registry in ours().await {
        let (repository, content) = with_two_images(&registry).await;
        let [first, second] = [&content.manifests[0], &content.manifests[1]];
        let refused = repository.push_manifest(second, "1.0.0").await;
        refused.expect_error(409, "DENIED");
        assert_eq!(refused.own_code(), "tag_bound", "{refused}");
        assert!(refused.message().contains(&first.digest), "{refused}");
        repository.expect_manifest("1.0.0", first).await;
        // What is the same is no change.
        repository.push_manifest(first, "1.0.0").await.expect(201);
        // Under its digest and other tags it is welcome, and the first tag stays where it is.
        repository.push_manifest(second, &second.digest).await.expect(201);
        repository.push_manifest(second, "1.0.0").await.expect_error(409, "DENIED");
        repository.push_manifest(second, "1.0.1").await.expect(201);
        assert_eq!(repository.tags().await, ["1.0.0", "1.0.1"]);
    }
}

/// Of many who push different manifests under one tag at the same time, one gets it, and everybody sees the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_the_tag() {
    for registry in ours().await {
        let (repository, content) = with_two_images(&registry).await;
        let manifests: Vec<Manifest> = (0..8)
            .map(|number| {
                let mut value = content.manifests[1].value.clone();
                value["annotations"] = json!({"number": number.to_string()});
                Manifest::new(Algorithm::Sha256, value)
            })
            .collect();
        let answers = join_all(manifests.iter().map(|manifest| repository.push_manifest(manifest, "2.0.0"))).await;
        let (created, refused): (Vec<_>, Vec<_>) =
            answers.iter().zip(&manifests).partition(|(answer, _)| answer.status == 201);
        assert_eq!((created.len(), refused.len()), (1, 7));
        refused.iter().for_each(|(answer, _)| answer.expect_error(409, "DENIED"));
        repository.expect_manifest("2.0.0", created[0].1).await;
        assert_eq!(repository.tags().await, ["1.0.0", "2.0.0"]);
    }
}
