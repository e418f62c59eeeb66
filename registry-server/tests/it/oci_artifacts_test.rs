//! Artifacts that are neither WIT nor components, tags, and referrers, where the operator lets a namespace have them.

use crate::support::component::encoded_wit;
use crate::support::oci::{INDEX, MANIFEST, OciRepository, descriptor, expect_oci_error, manifest, sha256};
use crate::support::server::{self, TestServer};
use crate::support::{client::expect_error, postgres};
use futures::future::join_all;
use registry_server::{Config, ServerLimits};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use tempfile::TempDir;

const EARLY: &str = "2026-01-01T00:00:00Z";

fn with_artifacts(config: &mut Config) {
    config.artifact_namespaces = vec!["o".to_owned()];
}

async fn expect_created(response: Response) -> Response {
    let status = response.status();
    if status != StatusCode::CREATED {
        panic!("{status} {}", response.text().await.unwrap());
    }
    response
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// The manifest of an artifact with one layer, whose blobs are pushed.
async fn artifact(repository: &OciRepository, layer: &[u8]) -> Value {
    for blob in [b"{}".as_slice(), layer] {
        repository.push_blob(blob).await;
    }
    manifest(&descriptor("application/vnd.example.config+json", b"{}"), &[descriptor("text/plain", layer)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_never_moves_and_one_manifest_may_have_several() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/files_1.x");
        let (one, other) = (artifact(&repository, b"one").await, artifact(&repository, b"other").await);
        for tag in ["latest", "1.0.0", "_x", "latest"] {
            let answer = expect_created(repository.push_manifest(tag, &one).await).await;
            assert!(!answer.headers().contains_key("registry-hash"));
        }
        // Most clients cannot read a list of tags with such a one.
        expect_oci_error(repository.push_manifest("a+b", &one).await, 400, "MANIFEST_INVALID", "invalid_tag").await;
        let message =
            expect_oci_error(repository.push_manifest("latest", &other).await, 409, "DENIED", "tag_bound").await;
        assert!(message.contains(&sha256(one.to_string())), "{message}");
        let digest = sha256(other.to_string());
        assert_eq!(repository.get(&format!("manifests/{digest}")).await.status(), StatusCode::NOT_FOUND);
        expect_created(repository.push_manifest(&digest, &other).await).await;
        let tags: Value = repository.get("tags/list").await.json().await.unwrap();
        assert_eq!(tags["tags"], json!(["1.0.0", "_x", "latest"]));
        let served = repository.get("manifests/latest").await;
        assert_eq!(served.text().await.unwrap(), one.to_string());

        let elsewhere = OciRepository::new(&server, "demo/files");
        for blob in [b"{}".as_slice(), b"one"] {
            elsewhere.push_blob(blob).await;
        }
        let refused = elsewhere.push_manifest("latest", &one).await;
        let message = expect_oci_error(refused, 403, "DENIED", "artifact_refused").await;
        assert!(message.contains("`demo`") && message.contains("--oci-artifacts"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_and_other_artifacts_never_share_a_tag() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/x");
        let other = artifact(&repository, b"a file").await;
        let text = |version: &str| format!("package o:x@{version}; interface i {{ f: func(); }}");
        server.publish_wit(&text("1.0.0")).await;
        let refused = repository.push_manifest("1.0.0", &other).await;
        expect_oci_error(refused, 409, "DENIED", "tag_bound").await;
        assert!(repository.get("manifests/1.0.0").await.headers().contains_key("registry-hash"));

        expect_created(repository.push_manifest("1.1.0", &other).await).await;
        expect_error(server.post_wit(&text("1.1.0")).await, 409, "tag_bound").await;
        let refused = repository.push_wasm("1.1.0", EARLY, &encoded_wit(&[&text("1.1.0")])).await;
        expect_oci_error(refused, 409, "DENIED", "tag_bound").await;
        assert_eq!(server.get("/v1/releases/o/x/1.1.0").await.status(), StatusCode::NOT_FOUND);

        let pushed = repository.push_wasm("1.2.0", EARLY, &encoded_wit(&[&text("1.2.0")])).await;
        assert!(expect_created(pushed).await.headers().contains_key("registry-hash"));
        let refused = repository.push_wasm("latest", EARLY, &encoded_wit(&[&text("1.3.0")])).await;
        expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
        let tags: Value = repository.get("tags/list").await.json().await.unwrap();
        assert_eq!(tags["tags"], json!(["1.0.0", "1.1.0", "1.2.0"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_names_must_be_there_unless_it_may_be_elsewhere() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/x");
        let one = artifact(&repository, b"one").await;
        let list = |manifests: &[Value]| json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = list(&[descriptor(MANIFEST, one.to_string().as_bytes())]);
        let refused = repository.push_manifest("all", &index).await;
        expect_oci_error(refused, 404, "MANIFEST_BLOB_UNKNOWN", "missing_blobs").await;
        expect_created(repository.push_manifest(&sha256(one.to_string()), &one).await).await;
        let mut wrong = index.clone();
        wrong["manifests"][0]["size"] = json!(1);
        let refused = repository.push_manifest("all", &wrong).await;
        expect_oci_error(refused, 400, "SIZE_INVALID", "size_mismatch").await;
        let wrong = list(&[descriptor(INDEX, one.to_string().as_bytes())]);
        let refused = repository.push_manifest("all", &wrong).await;
        let message = expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
        assert!(message.contains(&format!("has the type `{MANIFEST}`")), "{message}");
        expect_created(repository.push_manifest("all", &index).await).await;
        expect_created(repository.push_manifest("none", &list(&[])).await).await;
        let nested = list(&[descriptor(INDEX, index.to_string().as_bytes())]);
        expect_created(repository.push_manifest("nested", &nested).await).await;

        let mut with_foreign = one.clone();
        let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
        with_foreign["layers"] = json!([descriptor("text/plain", b"one"), descriptor(foreign, b"not here")]);
        expect_created(repository.push_manifest("foreign", &with_foreign).await).await;
        with_foreign["layers"] = json!([descriptor("text/plain", b"not here")]);
        let refused = repository.push_manifest("missing", &with_foreign).await;
        let message = expect_oci_error(refused, 404, "MANIFEST_BLOB_UNKNOWN", "missing_blobs").await;
        assert!(message.contains(&sha256(b"not here")), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_found_under_the_digest_that_it_was_pushed_by() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/x");
        let one = artifact(&repository, b"one").await;
        let digest = format!("sha512:{}", hex::encode(Sha512::digest(one.to_string())));
        let answer = expect_created(repository.push_manifest(&digest, &one).await).await;
        assert_eq!(header(&answer, "docker-content-digest"), digest);
        assert!(header(&answer, "location").ends_with(&digest));
        let served = repository.get(&format!("manifests/{digest}")).await;
        assert_eq!(header(&served, "docker-content-digest"), digest);
        let by_sha256 = repository.get(&format!("manifests/{}", sha256(one.to_string()))).await;
        expect_oci_error(by_sha256, 404, "MANIFEST_UNKNOWN", "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn referrers_come_in_pages_of_any_size() {
    let small = |config: &mut Config| {
        with_artifacts(config);
        config.limits.oci_referrers_listed_max = 2;
    };
    for (_dir, server) in server::on_both_databases_with(small).await {
        let repository = OciRepository::new(&server, "o/x");
        let subject = artifact(&repository, b"one").await;
        let about = descriptor(MANIFEST, subject.to_string().as_bytes());
        let path = format!("referrers/{}", about["digest"].as_str().unwrap());
        let empty: Value = repository.get(&path).await.json().await.unwrap();
        assert_eq!(empty, json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}));
        let mut expected = Vec::new();
        for number in 0..5 {
            let mut signature = artifact(&repository, b"one").await;
            signature["subject"] = about.clone();
            signature["annotations"] = json!({"number": number.to_string()});
            let artifact_type = if number % 2 == 0 { "a/even" } else { "a/odd" };
            signature["artifactType"] = json!(artifact_type);
            let answer = expect_created(repository.push_manifest(&format!("s{number}"), &signature).await).await;
            assert_eq!(header(&answer, "oci-subject"), about["digest"]);
            let mut described = descriptor(MANIFEST, signature.to_string().as_bytes());
            described["artifactType"] = json!(artifact_type);
            described["annotations"] = signature["annotations"].clone();
            expected.push(described);
        }
        expected.sort_by_key(|described| described["digest"].as_str().unwrap().to_owned());
        assert_eq!(all_pages(&server, &format!("/v2/o/x/{path}"), "manifests").await, expected);
        let filtered = format!("/v2/o/x/{path}?artifactType=a%2Feven");
        assert_eq!(header(&server.get(&filtered).await, "oci-filters-applied"), "artifactType");
        let even: Vec<Value> = expected.into_iter().filter(|item| item["artifactType"] == "a/even").collect();
        assert_eq!(all_pages(&server, &filtered, "manifests").await, even);
        expect_oci_error(repository.get("referrers/sha256:0").await, 400, "DIGEST_INVALID", "invalid_digest").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_come_all_at_once_or_in_pages() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/x");
        let one = artifact(&repository, b"one").await;
        for tag in ["b", "A", "a", "10.0.0", "2.0.0"] {
            expect_created(repository.push_manifest(tag, &one).await).await;
        }
        server.publish_wit("package o:x@1.0.0-rc.1; interface i { f: func(); }").await;
        let expected = json!(["1.0.0-rc.1", "10.0.0", "2.0.0", "A", "a", "b"]);
        let all = repository.get("tags/list").await;
        assert!(!all.headers().contains_key("link"));
        assert_eq!(all.json::<Value>().await.unwrap(), json!({"name": "o/x", "tags": expected}));
        for n in [1, 2, 3, 6, 7] {
            let pages = all_pages(&server, &format!("/v2/o/x/tags/list?n={n}"), "tags").await;
            assert_eq!(json!(pages), expected, "{n}");
        }
        for (query, tags) in [
            ("n=0", json!([])),
            ("n=2&last=2.0.0", json!(["A", "a"])),
            ("last=a", json!(["b"])),
            ("last=zzz", json!([])),
            ("n=99999999999999999999999&last=3", json!(["A", "a", "b"])),
            ("n=1&last=1.0.0-rc.1", json!(["10.0.0"])),
        ] {
            let response = repository.get(&format!("tags/list?{query}")).await;
            assert_eq!(response.headers().contains_key("link"), query.starts_with("n=1&") || query.starts_with("n=2&"));
            assert_eq!(response.json::<Value>().await.unwrap()["tags"], tags, "{query}");
        }
        for query in ["n=", "n=-1", "n=a", "n=1.5"] {
            let response = repository.get(&format!("tags/list?{query}")).await;
            expect_oci_error(response, 400, "UNSUPPORTED", "invalid_query").await;
        }
        let tagged = repository.get("manifests/1.0.0-rc.1").await;
        assert!(tagged.headers().contains_key("registry-hash"));
    }
}

/// Follows the links of a list from its first page to the last.
async fn all_pages(server: &TestServer, first: &str, key: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let response = server.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        next = response.headers().get("link").map(|link| {
            let link = link.to_str().unwrap();
            link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
        let page: Value = response.json().await.unwrap();
        let page = page[key].as_array().unwrap();
        assert!(!page.is_empty());
        items.extend(page.iter().cloned());
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_agree_on_what_the_first_of_them_made() {
    let Some(url) = postgres::new_database().await else { return };
    let dir = TempDir::new().unwrap();
    let config = Config { database: url.parse().unwrap(), ..server::config(dir.path(), ServerLimits::default()) };
    let first = TestServer::with_config(config.clone()).await;
    let second = TestServer::bare(config).await;
    for round in 0..5 {
        let text = format!("package demo:x{round}@1.0.0; interface i {{ f: func(); }}");
        let layer = encoded_wit(&[&text]);
        first.publish_wit(&text).await;
        let name = format!("demo/x{round}");
        let [a, b] = [&first, &second].map(|server| OciRepository::new(server, &name));
        let pushed = a.wasm(EARLY, &layer).await;
        let reads = (0..6).map(|number| if number % 2 == 0 { &a } else { &b });
        let (answers, push) = tokio::join!(
            join_all(reads.map(|server| server.get("manifests/1.0.0"))),
            b.push_manifest("1.0.0", &pushed)
        );
        expect_created(push).await;
        let bound = header(&a.get("manifests/1.0.0").await, "docker-content-digest").to_owned();
        for answer in answers {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "docker-content-digest"), bound);
        }
        for reference in [bound, sha256(pushed.to_string())] {
            assert_eq!(b.get(&format!("manifests/{reference}")).await.status(), StatusCode::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_name_nothing() {
    for (_dir, server) in server::on_both_databases_with(with_artifacts).await {
        let repository = OciRepository::new(&server, "o/x");
        let one = artifact(&repository, b"one").await;
        let digest = sha256(one.to_string());
        for path in [
            "tags/list?last=%00".to_owned(),
            "tags/list?n=1&last=a%0a".to_owned(),
            format!("referrers/{digest}?artifactType=%00"),
            format!("referrers/{digest}?last=a%00"),
        ] {
            expect_oci_error(repository.get(&path).await, 400, "UNSUPPORTED", "invalid_query").await;
        }
        for path in ["manifests/%00", "blobs/sha256:%00", "referrers/%00", "blobs/uploads/%00"] {
            let answer = repository.get(path).await;
            assert!(answer.status().is_client_error(), "{path} {}", answer.status());
        }
        let long = format!("a/{}", "b".repeat(300));
        for media_type in ["a/\u{0}", "a/b\n", "text", "a/b/c", "ä/b", long.as_str()] {
            for (pointer, key) in [("", "artifactType"), ("/config", "mediaType"), ("/layers/0", "mediaType")] {
                let mut changed = one.clone();
                changed.pointer_mut(pointer).unwrap()[key] = json!(media_type);
                let refused = repository.push_manifest("x", &changed).await;
                expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
            }
        }
        expect_created(repository.push_manifest("x", &one).await).await;
    }
}
