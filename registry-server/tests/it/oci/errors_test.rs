//! Errors and warnings: every refusal has the specification's shape and one of its codes, with our own reason in it.

use super::content::{Algorithm, Blob, Content, MANIFEST};
use super::registry::{Answer, NAMESPACE, OCTETS, Registry, Repository, closing, ours, ours_on_sqlite, registries};
use crate::support::client::Client;
use serde_json::{Value, json};

/// A repository with an image under the tag `1.0.0`.
async fn with_image(registry: &Registry) -> (Repository<'_>, Content) {
    let repository = registry.repository();
    let mut content = Content::default();
    let image = content.image(json!({}));
    content.artifact("application/vnd.example", json!({"subject": image}));
    for blob in &content.blobs {
        repository.push_blob(blob).await.expect(201);
    }
    for (manifest, tag) in content.manifests.iter().zip(["1.0.0", "1.0.0-note"]) {
        repository.push_manifest(manifest, tag).await.expect(201);
    }
    (repository, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base() {
    for registry in registries().await {
        for path in ["/v2/", "/v2"] {
            let answer = registry.get(path).await;
            // Another registry may lead from one to the other.
            if path == "/v2/" || registry.is_ours() {
                let answer = answer.expect(200);
                assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0", "{answer}");
            }
        }
    }
}

/// Names that are none, in every address.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none() {
    for registry in ours().await {
        let long = format!("{NAMESPACE}/{}", "a".repeat(256));
        let digest = Blob::of_size(Algorithm::Sha256, 1).digest;
        for name in
            ["Conformance/a", "conformance/a_", "conformance/-a", "conformance/a..b", "conformance/a___b", &long]
        {
            for (method, rest) in [
                ("GET", "tags/list".to_owned()),
                ("GET", "manifests/1.0.0".to_owned()),
                ("PUT", "manifests/1.0.0".to_owned()),
                ("DELETE", "manifests/1.0.0".to_owned()),
                ("GET", format!("blobs/{digest}")),
                ("DELETE", format!("blobs/{digest}")),
                ("GET", format!("referrers/{digest}")),
                ("POST", "blobs/uploads/".to_owned()),
                ("GET", "blobs/uploads/x".to_owned()),
            ] {
                let answer = registry.send(method, &format!("/v2/{name}/{rest}"), &[], "").await;
                answer.expect_error(400, "NAME_INVALID");
                assert_eq!(answer.own_code(), "invalid_name", "{answer}");
            }
        }
    }
}

/// A repository has exactly two parts here, the namespace and the name.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_lead_nowhere() {
    for registry in ours().await {
        for path in [
            "/v2/a",
            "/v2/a/tags/list",
            "/v2/a/b/c/tags/list",
            "/v2/a/b",
            "/v2/a/b/",
            "/v2/a/b/tags",
            "/v2/a/b/tags/",
            "/v2/a/b/manifests/",
            "/v2/a/b/manifests",
            "/v2/a/b/blobs",
            "/v2/_catalog",
            "/v2/a/b/manifests/1.0.0/more",
        ] {
            let answer = registry.get(path).await.expect(404);
            let code = answer.error_code();
            assert!(["NAME_INVALID", "NAME_UNKNOWN", "UNSUPPORTED"].contains(&code.as_str()), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn references_and_digests_that_are_none() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let long = "t".repeat(129);
        for tag in [".a", "-a", "a%20b", "a%2Fb", "%C3%A9", &long] {
            for method in ["GET", "PUT"] {
                let answer = registry
                    .send(
                        method,
                        &repository.manifest_at(tag),
                        &[("content-type", MANIFEST)],
                        content.manifests[0].bytes.clone(),
                    )
                    .await;
                answer.expect_error(400, "MANIFEST_INVALID");
                assert_eq!(answer.own_code(), "invalid_tag", "{answer}");
            }
        }
        let digest = &content.blobs[0].digest;
        let upper = digest.replace("sha256:", "").to_uppercase();
        for wrong in
            ["sha256:", "sha256:0", "sha512:00", "md5:d41d8cd98f00b204e9800998ecf8427e", &format!("sha256:{upper}")]
        {
            for rest in [format!("blobs/{wrong}"), format!("manifests/{wrong}"), format!("referrers/{wrong}")] {
                let answer = registry.get(&repository.at(&rest)).await;
                answer.expect_error(400, "DIGEST_INVALID");
                assert_eq!(answer.own_code(), "invalid_digest", "{answer}");
            }
        }
        registry.get(&repository.at("blobs/text")).await.expect_error(400, "DIGEST_INVALID");
    }
}

/// Ranges of parts that cannot be understood, or are not what comes.
#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_uploads_that_are_none() {
    for registry in ours().await {
        let repository = registry.repository();
        let location = repository.begin().await;
        for range in ["0", "-", "a-b", "bytes 0-9", "bytes=0-9", "9-0", "0-99", "0-4", "-1-5", "0-18446744073709551616"]
        {
            let headers = [OCTETS, ("content-range", range)];
            let answer = registry.send("PATCH", &location, &headers, "0123456789").await;
            assert!([400, 416].contains(&answer.status), "{range}: {answer}");
            let code = answer.error_code();
            assert!(["BLOB_UPLOAD_INVALID", "SIZE_INVALID"].contains(&code.as_str()), "{range}: {answer}");
            registry.get(&location).await.expect(204);
        }
        let answer = registry.send("PATCH", &location, &[OCTETS, ("content-range", "0-9")], "0123456789").await;
        assert_eq!(answer.expect(202).header("range"), "0-9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_not_there() {
    for registry in ours().await {
        let repository = registry.repository();
        let blob = Blob::of_size(Algorithm::Sha256, 10);
        let (of_this, of_other) = (repository.begin().await, registry.repository());
        // An upload belongs to its repository.
        let elsewhere = of_this.replace(&repository.name, &of_other.name);
        for location in [elsewhere, repository.at("blobs/uploads/never-begun"), repository.at("blobs/uploads/%00")] {
            for (method, location) in [
                ("GET", location.clone()),
                ("PATCH", location.clone()),
                ("PUT", closing(&location, &blob.digest)),
                ("DELETE", location.clone()),
            ] {
                let answer = registry.send(method, &location, &[OCTETS], "").await;
                answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
                assert_eq!(answer.own_code(), "upload_unknown", "{answer}");
            }
        }
    }
}

/// Everything that answers GET answers HEAD as well, with the same headers and no body.
#[tokio::test(flavor = "multi_thread")]
async fn head_of_everything() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let (manifest, unknown) = (&content.manifests[0], Blob::of_size(Algorithm::Sha256, 1));
        let paths = [
            "/v2/".to_owned(),
            repository.at("tags/list"),
            repository.at("tags/list?n=1"),
            repository.at("tags/list?n=x"),
            repository.manifest_at("1.0.0"),
            repository.manifest_at(&manifest.digest),
            repository.manifest_at("missing"),
            repository.blob_at(&content.blobs[0]),
            repository.blob_at(&unknown),
            repository.at(&format!("referrers/{}", manifest.digest)),
            repository.at("referrers/nothing"),
            repository.begin().await,
        ];
        for path in paths {
            let (get, head) = (registry.get(&path).await, registry.head(&path).await);
            assert_eq!(get.status, head.status, "{get} {head}");
            // Of an answer that never has a body, nobody needs the length.
            let length = (get.status != 204).then_some("content-length");
            for name in
                length.into_iter().chain(["content-type", "docker-content-digest", "etag", "range", "link", "allow"])
            {
                assert_eq!(get.optional(name), head.optional(name), "{name}: {get} {head}");
            }
        }
    }
}

/// What is not possible at an address is refused with those methods that are.
#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_not_there() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let blob = repository.blob_at(&content.blobs[0]);
        for (method, path) in [
            ("POST", "/v2/".to_owned()),
            ("POST", repository.at("tags/list")),
            ("DELETE", repository.at("tags/list")),
            ("POST", repository.manifest_at("1.0.0")),
            ("PATCH", repository.manifest_at("1.0.0")),
            ("PUT", blob.clone()),
            ("PATCH", blob),
            ("PUT", repository.at("referrers/sha256:0")),
            ("GET", repository.at("blobs/uploads/")),
            ("BREW", repository.at("tags/list")),
        ] {
            let answer = registry.send(method, &path, &[], "").await;
            answer.expect_error(405, "UNSUPPORTED");
            assert_eq!(answer.own_code(), "method_not_allowed", "{answer}");
            assert!(!answer.header("allow").is_empty(), "{answer}");
        }
    }
}

/// A slash at the end of the address makes no difference where uploads begin: clients write both.
#[tokio::test(flavor = "multi_thread")]
async fn slashes_at_the_end() {
    for registry in ours().await {
        let repository = registry.repository();
        for rest in ["blobs/uploads/", "blobs/uploads"] {
            let blob = Blob::of_size(Algorithm::Sha256, 10);
            let location = registry.send("POST", &repository.at(rest), &[], "").await.expect(202).location();
            let put = registry.send("PUT", &closing(&location, &blob.digest), &[OCTETS], blob.bytes.clone()).await;
            put.expect(201);
            repository.expect_blob(&blob).await;
        }
    }
}

/// Every address below which somebody writes, and a body that would do.
fn writes(repository: &Repository<'_>, content: &Content) -> Vec<(&'static str, String)> {
    vec![
        ("POST", repository.at("blobs/uploads/")),
        ("POST", repository.at(&format!("blobs/uploads/?digest={}", content.blobs[0].digest))),
        ("POST", repository.at(&format!("blobs/uploads/?mount={}", content.blobs[0].digest))),
        ("PUT", repository.manifest_at("2.0.0")),
        ("PUT", repository.manifest_at(&content.manifests[0].digest)),
    ]
}

/// Who gives no credentials, or those that are not good, learns how to give them.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let expect_challenge = |answer: &Answer| {
            answer.expect_error(401, "UNAUTHORIZED");
            let challenges: Vec<&str> =
                answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(challenges.first().is_some_and(|challenge| challenge.starts_with("Basic ")), "{answer}");
        };
        let anonymous = registry.anonymous();
        expect_challenge(&anonymous.get("/v2/").await);
        // Whoever only reads needs to be nobody.
        for path in [repository.at("tags/list"), repository.manifest_at("1.0.0"), repository.blob_at(&content.blobs[0])]
        {
            anonymous.get(&path).await.expect(200);
        }
        for (method, path) in writes(&repository, &content) {
            let body = content.manifests[0].bytes.clone();
            expect_challenge(&anonymous.send(method, &path, &[("content-type", MANIFEST)], body).await);
        }
        let unknown = format!("regt_{}", "0".repeat(64));
        for wrong in ["Basic", "Basic !", "Basic dTpw", "Negotiate x", "Bearer regt_", &format!("Bearer {unknown}")] {
            for path in ["/v2/".to_owned(), repository.at("tags/list"), repository.manifest_at("1.0.0")] {
                expect_challenge(&anonymous.send("GET", &path, &[("authorization", wrong)], "").await);
            }
        }
    }
}

/// Who is known and may not do this is told why.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not() {
    for registry in ours().await {
        let (repository, content) = with_image(&registry).await;
        let owner = token(&registry, json!({"scopes": ["yank"]})).await;
        let other = token(&registry, json!({"scopes": ["publish"], "account": "somebody"})).await;
        for (client, own_code) in [(owner, "forbidden"), (other, "forbidden")] {
            let registry = Registry::of_client(client);
            for (method, path) in writes(&repository, &content) {
                let body = content.manifests[0].bytes.clone();
                let answer = registry.send(method, &path, &[("content-type", MANIFEST)], body).await;
                answer.expect_error(403, "DENIED");
                assert_eq!(answer.own_code(), own_code, "{answer}");
            }
        }
        let unclaimed = registry.named("nobody/area");
        let answer = registry.send("POST", &unclaimed.at("blobs/uploads/"), &[], "").await;
        answer.expect_error(403, "DENIED");
        assert_eq!(answer.own_code(), "namespace_not_claimed", "{answer}");
    }
}

async fn token(registry: &Registry, wanted: Value) -> Client {
    let client = registry.client();
    let response = client.send_json(reqwest::Method::POST, "/v1/tokens", &wanted).await;
    let created: Value = response.json().await.unwrap();
    client.with_token(created["token"].as_str().unwrap())
}

/// Yanked and deprecated releases are still there, and whoever gets one is warned. OCI has no other word for it.
#[tokio::test(flavor = "multi_thread")]
async fn warnings() {
    for registry in ours().await {
        let client = registry.client();
        client.publish_wit("package demo:warned@1.0.0; interface a { f: func(); }").await;
        let repository = registry.named("demo/warned");
        let path = repository.manifest_at("1.0.0");
        let before = registry.get(&path).await.expect(200);
        assert!(before.optional("warning").is_none(), "{before}");
        for (what, body, said) in [
            ("deprecation", json!({"message": "use \"demo:place\"\\", "successor": "demo:place@1.0.0"}), "demo:place"),
            ("yank", json!({"reason": "it leaks"}), "it leaks"),
        ] {
            let address = format!("/v1/releases/demo/warned/1.0.0/{what}");
            assert_eq!(client.send_json(reqwest::Method::PUT, &address, &body).await.status(), 200);
            for method in ["GET", "HEAD"] {
                let answer = registry.send(method, &path, &[], "").await.expect(200);
                let warnings: Vec<&str> =
                    answer.headers.get_all("warning").iter().map(|value| value.to_str().unwrap()).collect();
                assert!(warnings.iter().all(|warning| is_warning(warning)), "{answer}");
                assert!(warnings.iter().any(|warning| warning.contains(said)), "{answer}");
                assert!(warnings.iter().map(|warning| warning.len()).sum::<usize>() <= 4096, "{answer}");
                assert_eq!(answer.header("docker-content-digest"), before.header("docker-content-digest"));
            }
            assert_eq!(repository.tags().await, ["1.0.0"]);
        }
    }
}

/// However long a reason is, and however much of it must be escaped: all warnings together have 4,096 bytes at most.
#[tokio::test(flavor = "multi_thread")]
async fn long_warnings() {
    let registry = ours_on_sqlite().await;
    let client = registry.client();
    client.publish_wit("package demo:warned@1.0.0; interface a { f: func(); }").await;
    let long = "\"\\".repeat(500);
    for (what, body) in [("deprecation", json!({"message": long})), ("yank", json!({"reason": long}))] {
        let address = format!("/v1/releases/demo/warned/1.0.0/{what}");
        assert_eq!(client.send_json(reqwest::Method::PUT, &address, &body).await.status(), 200);
    }
    let answer = registry.get(&registry.named("demo/warned").manifest_at("1.0.0")).await.expect(200);
    let warnings: Vec<&str> = answer.headers.get_all("warning").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(warnings.len() == 2 && warnings.iter().all(|warning| is_warning(warning)), "{answer}");
    assert!(warnings.iter().map(|warning| warning.len()).sum::<usize>() <= 4096, "{answer}");
}

/// `299 - "text"`, where quotes and backslashes inside of the text are escaped.
fn is_warning(value: &str) -> bool {
    let text = value.strip_prefix("299 - \"").and_then(|rest| rest.strip_suffix('"'));
    text.is_some_and(|text| !text.replace("\\\\", "").replace("\\\"", "").contains(['"', '\\']))
}
