//! Pull: manifests and blobs, whole and in parts, and what is answered if they are not there.

use super::content::{Algorithm, Blob, Content, INDEX, MANIFEST};
use super::registry::{Registry, Repository, ours, registries};
use serde_json::json;

/// A repository with one image, under the tag `image`.
async fn with_image(registry: &Registry) -> (Repository<'_>, Content) {
    let repository = registry.repository();
    let mut content = Content::default();
    let image = content.image(json!({}));
    content.tag(&image, "image");
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    repository.push_manifest(&content.manifests[0], "image").await.expect(201);
    (repository, content)
}

/// What was pushed under a tag is there under its digest as well, and the type has no parameters.
#[tokio::test(flavor = "multi_thread")]
async fn manifests_by_tag_and_by_digest() {
    for registry in registries().await {
        let (repository, content) = with_image(&registry).await;
        for reference in ["image", &content.manifests[0].digest] {
            repository.expect_manifest(reference, &content.manifests[0]).await;
        }
    }
}

/// Clients say what they understand, in one line or several, or nothing. What is there is answered.
#[tokio::test(flavor = "multi_thread")]
async fn manifests_for_every_accept_header() {
    for registry in registries().await {
        let (repository, content) = with_image(&registry).await;
        let both = format!("{INDEX}, {MANIFEST};q=0.9");
        for accept in [vec![], vec![MANIFEST], vec![INDEX, MANIFEST], vec![both.as_str()], vec!["*/*"]] {
            let headers: Vec<_> = accept.iter().map(|accept| ("accept", *accept)).collect();
            for method in ["GET", "HEAD"] {
                let answer = registry.send(method, &repository.manifest_at("image"), &headers, "").await.expect(200);
                assert_eq!(answer.header("content-type"), content.manifests[0].media_type, "{answer}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_are_not_there() {
    for registry in registries().await {
        let (repository, _) = with_image(&registry).await;
        let unknown = Blob::of_size(Algorithm::Sha256, 10).digest;
        for reference in ["missing", &unknown] {
            let path = repository.manifest_at(reference);
            registry.get(&path).await.expect_error(404, "MANIFEST_UNKNOWN");
            registry.head(&path).await.expect(404);
        }
    }
}

/// Each digest is a name of its own: what was pushed by one is not there by another.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_by_another_digest() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let manifest = repository.manifest_at(&Algorithm::Sha512.digest(&content.manifests[0].bytes));
        registry.get(&manifest).await.expect_error(404, "MANIFEST_UNKNOWN");
        let blob = Blob::new(Algorithm::Sha512, content.blobs[0].bytes.clone());
        registry.get(&repository.blob_at(&blob)).await.expect_error(404, "BLOB_UNKNOWN");
        // Whoever pushes it by the other as well has it by both.
        repository.push_blob(&blob).await.expect(201);
        repository.expect_blob(&blob).await;
        repository.expect_blob(&content.blobs[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_are_not_there() {
    for registry in registries().await {
        let repository = registry.repository();
        let digest = Blob::of_size(Algorithm::Sha256, 10).digest;
        for path in ["manifests/1.0.0", &format!("manifests/{digest}"), &format!("blobs/{digest}"), "tags/list"] {
            let answer = registry.get(&repository.at(path)).await.expect(404);
            let code = answer.error_code();
            assert!(["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"].contains(&code.as_str()), "{answer}");
            registry.head(&repository.at(path)).await;
        }
        registry.get(&repository.at("tags/list")).await.expect_error(404, "NAME_UNKNOWN");
    }
}

/// A blob is in the repository into which it was pushed.
#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_are_not_there() {
    for registry in registries().await {
        let (repository, content) = with_image(&registry).await;
        let (elsewhere, _) = with_image(&registry).await;
        let unknown = Blob::of_size(Algorithm::Sha256, 10);
        for path in [repository.blob_at(&unknown), elsewhere.blob_at(&content.blobs[0])] {
            registry.get(&path).await.expect_error(404, "BLOB_UNKNOWN");
            registry.head(&path).await.expect(404);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_blobs() {
    for registry in registries().await {
        let repository = registry.repository();
        for algorithm in Algorithm::ALL {
            let blob = Blob::of_size(algorithm, 2048);
            repository.push_blob(&blob).await.expect(201);
            for (range, first, last) in [
                ("bytes=500-1499", 500, 1499),
                ("bytes=500-", 500, 2047),
                ("bytes=-500", 1548, 2047),
                ("bytes=2000-5000", 2000, 2047),
                ("bytes=0-0", 0, 0),
                ("bytes=-5000", 0, 2047),
                ("bytes=0-", 0, 2047),
            ] {
                let answer =
                    registry.send("GET", &repository.blob_at(&blob), &[("range", range)], "").await.expect(206);
                assert!(answer.body == blob.bytes[first..=last], "{range}: {answer}");
                assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/2048"), "{range}");
                assert_eq!(answer.header("content-length"), (last - first + 1).to_string(), "{range}");
            }
            for range in ["bytes=5000-10000", "bytes=2048-", "bytes=500-0"] {
                registry.send("GET", &repository.blob_at(&blob), &[("range", range)], "").await.expect(416);
            }
        }
    }
}

/// Several parts, what is no range, and parts of something else are answered with everything.
#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_mean_everything() {
    for registry in ours().await {
        let repository = registry.repository();
        let blob = Blob::of_size(Algorithm::Sha256, 2048);
        repository.push_blob(&blob).await.expect(201);
        let path = repository.blob_at(&blob);
        let tag = registry.get(&path).await.header("etag").to_owned();
        let part = ("range", "bytes=1-9");
        for (method, headers, status) in [
            ("GET", vec![("range", "bytes=0-0,5-5")], 200),
            ("GET", vec![("range", "items=0-5")], 200),
            ("GET", vec![("range", "bytes")], 200),
            ("GET", vec![part, ("if-range", "\"other\"")], 200),
            ("GET", vec![part, ("if-range", tag.as_str())], 206),
            ("GET", vec![part], 206),
            ("HEAD", vec![part], 200),
        ] {
            let answer = registry.send(method, &path, &headers, "").await.expect(status);
            let expected = match (method, status) {
                ("HEAD", _) => &[],
                (_, 206) => &blob.bytes[1..=9],
                _ => &blob.bytes[..],
            };
            assert!(answer.body == expected, "{headers:?}: {answer}");
            assert_eq!(answer.header("accept-ranges"), "bytes", "{answer}");
        }
    }
}

/// The parts of a large blob, of which no server wants to read more than was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_large_blobs() {
    for registry in registries().await {
        let repository = registry.repository();
        let blob = Blob::of_size(Algorithm::Sha256, 9 << 20);
        repository.push_blob(&blob).await.expect(201);
        let middle = (5 << 20) - 1..(5 << 20) + 1000;
        let range = format!("bytes={}-{}", middle.start, middle.end - 1);
        let answer = registry.send("GET", &repository.blob_at(&blob), &[("range", &range)], "").await.expect(206);
        assert!(answer.body == blob.bytes[middle], "{range}");
    }
}

/// Nothing behind a digest ever changes, and whoever has it need not get it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_caches_are_told() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let by_digest = [repository.blob_at(&content.blobs[0]), repository.manifest_at(&content.manifests[0].digest)];
        for path in &by_digest {
            let answer = registry.get(path).await.expect(200);
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{answer}");
        }
        for path in by_digest.iter().chain([&repository.manifest_at("image")]) {
            let tag = registry.get(path).await.expect(200).header("etag").to_owned();
            for method in ["GET", "HEAD"] {
                let again = registry.send(method, path, &[("if-none-match", &tag)], "").await.expect(304);
                assert!(again.body.is_empty() && again.header("etag") == tag, "{again}");
                registry.send(method, path, &[("if-none-match", "\"other\"")], "").await.expect(200);
            }
        }
        let by_tag = registry.get(&repository.manifest_at("image")).await;
        assert!(!by_tag.header("cache-control").contains("immutable"), "{by_tag}");
    }
}

/// Clients compare bytes with digests, so nothing is compressed on its way.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_compressed() {
    for registry in ours().await {
        let repository = registry.repository();
        let blob = Blob::new(Algorithm::Sha256, "a".repeat(100_000));
        repository.push_blob(&blob).await.expect(201);
        let headers = [("accept-encoding", "gzip")];
        let answer = registry.send("GET", &repository.blob_at(&blob), &headers, "").await.expect(200);
        assert!(answer.optional("content-encoding").is_none() && answer.body == blob.bytes, "{answer}");
    }
}
