//! WebAssembly artifacts that OCI clients push: the same rules, the same hashes.

use crate::support::client::Client;
use crate::support::component::{component, core_module, described, encoded_wit};
use crate::support::oci::{
    INDEX, MANIFEST, OciRepository, WASM, WASM_CONFIG, descriptor, expect_oci_error, manifest, sha256,
};
use crate::support::server::{self, TestServer};
use crate::support::wasi;
use futures::future::join_all;
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::limits::Limits;
use registry_core::wire::{CreatedToken, Deprecation, Release, YankRequest};
use registry_core::wit::EncodedWit;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

const TYPES: &str = "package demo:types@1.0.0; interface shapes { record point { x: u32, y: u32 } }";
const AREA: &str =
    "package demo:area@1.0.0; interface area { use demo:types/shapes@1.0.0.{point}; of: func(p: point) -> u64; }";
const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-02-02T00:00:00Z";

fn wit(version: &str, items: &str) -> Vec<u8> {
    encoded_wit(&[&format!("package demo:x@{version}; interface i {{ {items} }}")])
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

async fn expect_created(response: Response) -> Response {
    let status = response.status();
    if status != StatusCode::CREATED {
        panic!("{status} {}", response.text().await.unwrap());
    }
    response
}

async fn release(client: &Client, path: &str) -> Release {
    client.json(&format!("/v1/releases/{path}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_package_is_published_and_its_manifest_served_byte_for_byte() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let repository = OciRepository::new(&server, "demo/area");
        let layer = encoded_wit(&[TYPES, AREA]);
        let pushed = repository.wasm(EARLY, &layer).await;
        let answer = expect_created(repository.push_manifest("1.0.0", &pushed).await).await;
        let digest = sha256(pushed.to_string());
        assert_eq!(header(&answer, "docker-content-digest"), digest);
        assert_eq!(header(&answer, "location"), format!("/v2/demo/area/manifests/{digest}"));

        let bound = release(&server, "demo/area/1.0.0").await;
        assert_eq!(header(&answer, "registry-hash"), bound.target.hash().to_string());
        let (_dir, other) = server::temporary().await;
        other.publish_wit(TYPES).await;
        assert_eq!(ObjectHash::Package(other.publish_wit(AREA).await.record.hash), bound.target.hash());

        for reference in ["1.0.0", digest.as_str()] {
            let path = format!("manifests/{reference}");
            let (got, seen) = (repository.get(&path).await, repository.head(&path).await);
            for response in [&got, &seen] {
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(header(response, "content-type"), MANIFEST);
                assert_eq!(header(response, "docker-content-digest"), digest);
                assert_eq!(header(response, "etag"), format!("\"{digest}\""));
                assert_eq!(header(response, "content-length"), pushed.to_string().len().to_string());
                assert_eq!(header(response, "registry-hash"), bound.target.hash().to_string());
                assert!(!response.headers().contains_key("warning"));
                // It may be yanked, which a header says.
                assert!(!header(response, "cache-control").contains("immutable"));
            }
            assert_eq!(got.text().await.unwrap(), pushed.to_string());
            assert_eq!(seen.text().await.unwrap(), "");
        }
        let served = repository.get(&format!("blobs/{}", sha256(&layer))).await;
        assert_eq!(served.bytes().await.unwrap(), layer);
        assert_eq!(
            server.json::<Value>("/v2/demo/area/tags/list").await,
            json!({"name": "demo/area", "tags": ["1.0.0"]})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_component_is_published() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
        let bytes = described(&bytes, "Runs.", "MIT");
        let repository = OciRepository::new(&server, "demo/tool");
        let answer = expect_created(repository.push_wasm("1.2.3-rc.1", EARLY, &bytes).await).await;
        let hash = ComponentHash::of(&bytes);
        assert_eq!(header(&answer, "registry-hash"), hash.to_string());
        assert_eq!(release(&server, "demo/tool/1.2.3-rc.1").await.target.hash(), ObjectHash::Component(hash));
        let layer = format!("blobs/{}", sha256(&bytes));
        assert_eq!(repository.get(&layer).await.bytes().await.unwrap(), bytes);
        // The same component is the release of another version, and the manifest is the same, too.
        expect_created(repository.push_wasm("1.2.3", EARLY, &bytes).await).await;
        assert_eq!(release(&server, "demo/tool/1.2.3").await.target.hash(), ObjectHash::Component(hash));
        let tags: Value = server.json("/v2/demo/tool/tags/list").await;
        assert_eq!(tags["tags"], json!(["1.2.3", "1.2.3-rc.1"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layer_of_a_component_needs_no_object_of_its_own() {
    let dir = tempfile::TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
    expect_created(OciRepository::new(&server, "demo/tool").push_wasm("1.0.0", EARLY, &bytes).await).await;
    server.stop().await;
    // Nothing leads to what was uploaded any more.
    let files: Vec<_> = std::fs::read_dir(dir.path().join("blobs")).unwrap().map(|file| file.unwrap().path()).collect();
    let uploaded = files.iter().filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("oci-"));
    let layers: Vec<_> = uploaded.filter(|file| std::fs::read(file).unwrap() == bytes).collect();
    assert_eq!(layers.len(), 1);
    std::fs::remove_file(layers[0]).unwrap();
    let server = TestServer::on(dir.path()).await;
    let layer = OciRepository::new(&server, "demo/tool").get(&format!("blobs/{}", sha256(&bytes))).await;
    assert_eq!(layer.bytes().await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manifest_of_the_same_content_is_kept_and_the_tag_stays_with_the_first() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        let layer = wit("1.0.0", "f: func();");
        let first = expect_created(repository.push_wasm("1.0.0", EARLY, &layer).await).await;
        let second = expect_created(repository.push_wasm("1.0.0", LATE, &layer).await).await;
        let digests = [&first, &second].map(|answer| header(answer, "docker-content-digest").to_owned());
        assert_ne!(digests[0], digests[1]);
        assert_eq!(header(&first, "registry-hash"), header(&second, "registry-hash"));
        let tagged = repository.get("manifests/1.0.0").await;
        assert_eq!(header(&tagged, "docker-content-digest"), digests[0]);
        let other = repository.get(&format!("manifests/{}", digests[1])).await;
        assert_eq!(header(&other, "registry-hash"), header(&first, "registry-hash"));

        // By its digest alone, a further manifest may come for what is a release; not for anything else.
        let third = repository.wasm("2026-03-03T00:00:00Z", &layer).await;
        let answer = expect_created(repository.push_manifest(&sha256(third.to_string()), &third).await).await;
        assert_eq!(header(&answer, "registry-hash"), header(&first, "registry-hash"));
        let unknown = repository.wasm(EARLY, &wit("1.1.0", "f: func();")).await;
        let refused = repository.push_manifest(&sha256(unknown.to_string()), &unknown).await;
        let message = expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
        assert!(message.contains("push it under its version"), "{message}");

        let refused = repository.push_wasm("1.0.0", EARLY, &wit("1.0.0", "g: func();")).await;
        let message = expect_oci_error(refused, 409, "DENIED", "release_bound").await;
        assert!(message.contains("is bound to"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_one_release_are_limited() {
    let dir = tempfile::TempDir::new().unwrap();
    let limits = registry_server::ServerLimits { oci_manifests_per_release_max: 2, ..Default::default() };
    let server = TestServer::with_limits(dir.path(), limits).await;
    let repository = OciRepository::new(&server, "demo/x");
    let layer = wit("1.0.0", "f: func();");
    expect_created(repository.push_wasm("1.0.0", EARLY, &layer).await).await;
    expect_created(repository.push_wasm("1.0.0", LATE, &layer).await).await;
    let refused = repository.push_wasm("1.0.0", "2026-03-03T00:00:00Z", &layer).await;
    expect_oci_error(refused, 403, "DENIED", "too_many_manifests").await;
    expect_created(repository.push_wasm("1.0.0", LATE, &layer).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publication_would_refuse_is_refused_with_its_reason() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        expect_created(repository.push_wasm("1.0.0", EARLY, &wit("1.0.0", "f: func(); g: func();")).await).await;
        let tool = component(&["package demo:tool; world w { export run: func(); }"]);
        let area = encoded_wit(&[TYPES, &AREA.replace("demo:area", "demo:x")]);
        for (tag, layer, status, code, own_code, part) in [
            ("1.0.1", wit("1.0.1", "f: func();"), 422, "MANIFEST_INVALID", "incompatible", "function `g`: was removed"),
            ("2.0.0", wit("3.0.0", "f: func();"), 400, "MANIFEST_INVALID", "invalid_manifest", "`demo:x@3.0.0`"),
            ("latest", wit("2.0.0", "f: func();"), 400, "MANIFEST_INVALID", "invalid_manifest", "`latest`"),
            ("2.0.0", area, 400, "MANIFEST_INVALID", "invalid_manifest", "`demo:x@1.0.0`"),
            ("2.0.0", tool, 409, "DENIED", "other_kind", "a component cannot be published"),
            ("2.0.0", core_module(), 422, "MANIFEST_INVALID", "not_a_component", "core WebAssembly module"),
            ("2.0.0", b"text".to_vec(), 422, "MANIFEST_INVALID", "not_a_component", "not WebAssembly"),
            ("2.0.0", b"\0asm\x0d\0\x01\0\xff".to_vec(), 422, "MANIFEST_INVALID", "invalid_component", "not valid"),
        ] {
            let refused = repository.push_wasm(tag, EARLY, &layer).await;
            let message = expect_oci_error(refused, status, code, own_code).await;
            assert!(message.contains(part), "{message}");
        }
        let missing = encoded_wit(&[TYPES, AREA]);
        let area = OciRepository::new(&server, "demo/area");
        let message = expect_oci_error(
            area.push_wasm("1.0.0", EARLY, &missing).await,
            422,
            "MANIFEST_INVALID",
            "missing_dependencies",
        )
        .await;
        assert!(message.contains("`demo:types@1.0.0`"), "{message}");
        expect_oci_error(area.get("manifests/1.0.0").await, 404, "NAME_UNKNOWN", "not_found").await;
        expect_oci_error(area.get("tags/list").await, 404, "NAME_UNKNOWN", "not_found").await;
        expect_oci_error(repository.get("manifests/2.0.0").await, 404, "MANIFEST_UNKNOWN", "not_found").await;
        let tags: Value = server.json("/v2/demo/x/tags/list").await;
        assert_eq!(tags["tags"], json!(["1.0.0"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_of_a_namespace_push() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        let pushed = repository.wasm(EARLY, &wit("1.0.0", "f: func();")).await;
        let anonymous = OciRepository::new(&server.anonymous(), "demo/x");
        let refused = anonymous.push_manifest("1.0.0", &pushed).await;
        assert!(refused.headers().contains_key("www-authenticate"));
        expect_oci_error(refused, 401, "UNAUTHORIZED", "token_required").await;
        let wrong = OciRepository::new(&server.with_token("regt_wrong"), "demo/x");
        expect_oci_error(wrong.push_manifest("1.0.0", &pushed).await, 401, "UNAUTHORIZED", "token_invalid").await;
        let of_anna = json!({"scopes": ["publish"], "account": "anna"});
        let of_anna: CreatedToken = server.send_json(Method::POST, "/v1/tokens", &of_anna).await.json().await.unwrap();
        let annas = OciRepository::new(&server.with_token(&of_anna.token), "demo/x");
        let message = expect_oci_error(annas.push_manifest("1.0.0", &pushed).await, 403, "DENIED", "forbidden").await;
        assert!(message.contains("belongs to `admin`"), "{message}");
        let reader = json!({"scopes": ["yank"]});
        let reader: CreatedToken = server.send_json(Method::POST, "/v1/tokens", &reader).await.json().await.unwrap();
        let reader = OciRepository::new(&server.with_token(&reader.token), "demo/x");
        let message = expect_oci_error(reader.push_manifest("1.0.0", &pushed).await, 403, "DENIED", "forbidden").await;
        assert!(message.contains("lacks the scope `publish`"), "{message}");
        let nobodys = OciRepository::new(&server, "nobodys/x");
        let refused = nobodys.push_manifest("1.0.0", &pushed).await;
        expect_oci_error(refused, 403, "DENIED", "namespace_not_claimed").await;
        assert_eq!(server.get("/v1/releases/demo/x/1.0.0").await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_of_one_tag_with_other_contents_one_wins() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        for round in 0..5 {
            let version = format!("{round}.0.0");
            let mut pushes = Vec::new();
            for function in 0..4 {
                pushes.push(repository.wasm(EARLY, &wit(&version, &format!("f{function}: func();"))).await);
            }
            let by_api = format!("package demo:x@{version}; interface i {{ by-api: func(); }}");
            let (answers, published) = tokio::join!(
                join_all(pushes.iter().map(|manifest| repository.push_manifest(&version, manifest))),
                server.post_wit(&by_api)
            );
            let mut won = usize::from(published.status().is_success());
            let bound = release(&server, &format!("demo/x/{version}")).await.target.hash().to_string();
            let tagged = repository.get(&format!("manifests/{version}")).await;
            assert_eq!(header(&tagged, "registry-hash"), bound);
            for answer in answers {
                if answer.status() == StatusCode::CREATED {
                    won += 1;
                    assert_eq!(header(&answer, "registry-hash"), bound);
                    assert_eq!(header(&answer, "docker-content-digest"), header(&tagged, "docker-content-digest"));
                } else {
                    expect_oci_error(answer, 409, "DENIED", "release_bound").await;
                }
            }
            assert_eq!(won, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_the_same_content_at_the_same_time_all_succeed_and_agree() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        for round in 0..5 {
            let version = format!("{round}.0.0");
            let text = format!("package demo:x@{version}; interface i {{ f: func(); }}");
            let layer = encoded_wit(&[&text]);
            let mut pushes = Vec::new();
            for month in 1..5 {
                pushes.push(repository.wasm(&format!("2026-0{month}-01T00:00:00Z"), &layer).await);
            }
            let tagged = format!("manifests/{version}");
            let (answers, published, read) = tokio::join!(
                join_all(pushes.iter().map(|manifest| repository.push_manifest(&version, manifest))),
                server.post_wit(&text),
                repository.get(&tagged)
            );
            assert!(published.status().is_success());
            let tagged = repository.get(&tagged).await;
            if read.status() == StatusCode::OK {
                assert_eq!(header(&read, "docker-content-digest"), header(&tagged, "docker-content-digest"));
            }
            for answer in answers {
                let answer = expect_created(answer).await;
                assert_eq!(header(&answer, "registry-hash"), header(&tagged, "registry-hash"));
                let digest = header(&answer, "docker-content-digest");
                assert_eq!(repository.get(&format!("manifests/{digest}")).await.status(), StatusCode::OK);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_manifests_are_refused_one_by_one() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        let layer = wit("1.0.0", "f: func();");
        let good = repository.wasm(EARLY, &layer).await;
        let with = |path: &str, value: Value| {
            let mut manifest = good.clone();
            *manifest.pointer_mut(path).unwrap() = value;
            manifest
        };
        let added = |key: &str, value: Value| {
            let mut manifest = good.clone();
            manifest[key] = value;
            manifest
        };
        let layer_descriptor = descriptor(WASM, &layer);
        for (manifest, status, code, own_code) in [
            (
                with("/config/mediaType", json!("application/vnd.oci.image.config.v1+json")),
                403,
                "DENIED",
                "artifact_refused",
            ),
            (json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}), 403, "DENIED", "artifact_refused"),
            (with("/layers/0/mediaType", json!("application/x-tar")), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (with("/layers", json!([layer_descriptor, layer_descriptor])), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (with("/layers", json!([])), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (with("/layers/0/size", json!(1)), 400, "SIZE_INVALID", "size_mismatch"),
            (with("/config/size", json!(u64::MAX)), 400, "SIZE_INVALID", "size_mismatch"),
            (with("/layers/0/size", json!(-1)), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (
                with("/layers/0/digest", json!(sha256(b"nobody pushed this"))),
                404,
                "MANIFEST_BLOB_UNKNOWN",
                "missing_blobs",
            ),
            (with("/config", descriptor(WASM_CONFIG, &layer)), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (added("manifests", json!([])), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (added("schemaVersion", json!(1)), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (added("subject", json!({"digest": "sha256:0"})), 400, "MANIFEST_INVALID", "invalid_manifest"),
            (added("layers", json!(vec![layer_descriptor; 1_001])), 422, "MANIFEST_INVALID", "limit_exceeded"),
        ] {
            let refused = repository.push_manifest("1.0.0", &manifest).await;
            let message = expect_oci_error(refused, status, code, own_code).await;
            assert!(!message.is_empty());
        }
        let large = added("annotations", json!({"a": "a".repeat(5 << 20)}));
        let refused = repository.push_manifest("1.0.0", &large).await;
        expect_oci_error(refused, 413, "SIZE_INVALID", "limit_exceeded").await;
        for body in [
            Vec::new(),
            b"\0".to_vec(),
            b"\xff\xfe{}".to_vec(),
            b"[".repeat(1 << 20),
            b"{\"layers\":".repeat(1 << 17),
            good.to_string().replacen('{', "{\"mediaType\":\"a\",", 1).into_bytes(),
        ] {
            let refused = repository.push_text("1.0.0", Some(MANIFEST), body).await;
            expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
        }
        let refused = repository.push_text(&sha256(b"other"), Some(MANIFEST), good.to_string()).await;
        expect_oci_error(refused, 400, "DIGEST_INVALID", "digest_mismatch").await;
        let refused = repository.push_text("sha256:short", Some(MANIFEST), good.to_string()).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let refused = repository.push_text("1.0.0", Some(INDEX), good.to_string()).await;
        expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;

        // The blobs of another repository are not there.
        let other = OciRepository::new(&server, "demo/other");
        let refused = other.push_manifest("1.0.0", &good).await;
        let message = expect_oci_error(refused, 404, "MANIFEST_BLOB_UNKNOWN", "missing_blobs").await;
        assert!(message.contains(&sha256(&layer)), "{message}");

        assert_eq!(server.get("/v1/releases/demo/x").await.status(), StatusCode::NOT_FOUND);
        expect_created(repository.push_text("1.0.0", None, good.to_string()).await).await;
        for reference in ["1.0.0", sha256(good.to_string()).as_str()] {
            let refused = repository.delete(&format!("manifests/{reference}")).await;
            assert!(refused.headers().contains_key("allow"));
            expect_oci_error(refused, 405, "UNSUPPORTED", "immutable").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_in_another_way_has_one_manifest_for_ever() {
    for (_dir, server) in server::on_both_databases().await {
        let records = [server.publish_wit(TYPES).await.record, server.publish_wit(AREA).await.record];
        let repository = OciRepository::new(&server, "demo/area");
        let tags: Value = server.json("/v2/demo/area/tags/list").await;
        assert_eq!(tags["tags"], json!(["1.0.0"]));
        let answers = join_all((0..8).map(|_| repository.get("manifests/1.0.0"))).await;
        let mut bodies = Vec::new();
        for answer in answers {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "registry-hash"), records[1].hash.to_string());
            let digest = header(&answer, "docker-content-digest").to_owned();
            let body = answer.text().await.unwrap();
            assert_eq!(sha256(&body), digest);
            bodies.push(body);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1);
        // Registries of all versions should make the same. Another encoder may force another digest: on purpose only.
        let digest = "sha256:2b276a6bf4d6534295be5b6a36997460b7c2e3f31822793dddc0208c2b281e3b";
        assert_eq!(sha256(&bodies[0]), digest, "{}", bodies[0]);
        let made: Value = serde_json::from_str(&bodies[0]).unwrap();
        assert_eq!(made["annotations"]["registry.package-hash"], records[1].hash.to_string());
        let config = repository.get(&format!("blobs/{}", made["config"]["digest"].as_str().unwrap())).await;
        assert_eq!(config.content_length(), made["config"]["size"].as_u64());
        let config: Value = config.json().await.unwrap();
        assert_eq!(config["created"], "1970-01-01T00:00:00Z");
        assert_eq!(config["component"], json!({"exports": ["demo:area/area@1.0.0"], "imports": []}));
        let layer = repository.get(&format!("blobs/{}", made["layers"][0]["digest"].as_str().unwrap())).await;
        let layer = layer.bytes().await.unwrap();
        assert_eq!(config["layerDigests"], json!([sha256(&layer)]));
        let decoded = EncodedWit::decode(&layer, &Limits::default()).unwrap();
        assert_eq!(decoded.name().to_string(), "demo:area@1.0.0");

        // Another registry makes the very same, and what was made is a release that can be pushed to a third one.
        let (_dir, other) = server::temporary().await;
        other.publish_wit(TYPES).await;
        other.publish_wit(AREA).await;
        assert_eq!(other.text("/v2/demo/area/manifests/1.0.0").await, bodies[0]);
        let (_dir, third) = server::temporary().await;
        third.publish_wit(TYPES).await;
        let answer =
            expect_created(OciRepository::new(&third, "demo/area").push_wasm("1.0.0", LATE, &layer).await).await;
        assert_eq!(header(&answer, "registry-hash"), records[1].hash.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_published_in_another_way_is_its_own_layer_under_every_name() {
    for (_dir, server) in server::on_both_databases().await {
        let tool = "package demo:tool; world w { import log: func(); export run: func(); }";
        let bytes = described(&component(&[tool]), "Runs.", "MIT");
        for name in ["demo:tool@1.0.0", "test:tool@2.0.0"] {
            let answer = server.post(&format!("/v1/components?name={name}"), WASM, bytes.clone()).await;
            assert!(answer.status().is_success());
        }
        let mut manifests = Vec::new();
        for (name, version) in [("demo/tool", "1.0.0"), ("test/tool", "2.0.0")] {
            let repository = OciRepository::new(&server, name);
            let made: Value = repository.get(&format!("manifests/{version}")).await.json().await.unwrap();
            assert_eq!(made["layers"][0]["digest"], sha256(&bytes));
            let annotations = &made["annotations"];
            assert_eq!(annotations["registry.component-hash"], ComponentHash::of(&bytes).to_string());
            assert_eq!(annotations["org.opencontainers.image.description"], "Runs.");
            assert_eq!(annotations["org.opencontainers.image.licenses"], "MIT");
            assert_eq!(annotations["org.opencontainers.image.version"], version);
            let layer = repository.get(&format!("blobs/{}", sha256(&bytes))).await;
            assert_eq!(layer.bytes().await.unwrap(), bytes);
            let config = format!("blobs/{}", made["config"]["digest"].as_str().unwrap());
            let config: Value = repository.get(&config).await.json().await.unwrap();
            assert_eq!(config["component"], json!({"exports": ["run"], "imports": ["log"]}));
            manifests.push(made);
        }
        assert_ne!(manifests[0], manifests[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yanked_release_is_still_there_with_a_warning() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let yank = YankRequest { reason: "the \"points\" are off".to_owned() };
        server.send_json(Method::PUT, "/v1/releases/demo/types/1.0.0/yank", &yank).await;
        let deprecation = Deprecation { message: "ü".to_owned(), successor: Some("demo:forms".to_owned()) };
        server.send_json(Method::PUT, "/v1/releases/demo/types/1.0.0/deprecation", &deprecation).await;
        let repository = OciRepository::new(&server, "demo/types");
        let digest = header(&repository.get("manifests/1.0.0").await, "docker-content-digest").to_owned();
        for reference in ["1.0.0", &digest] {
            let answer = repository.head(&format!("manifests/{reference}")).await;
            assert_eq!(answer.status(), StatusCode::OK);
            let warnings: Vec<_> = answer.headers().get_all("warning").iter().collect();
            assert_eq!(
                warnings,
                [
                    r#"299 - "demo:types@1.0.0 is yanked: the \"points\" are off""#,
                    r#"299 - "demo:types@1.0.0 is deprecated: ?; use demo:forms""#
                ]
            );
        }
        let tags: Value = server.json("/v2/demo/types/tags/list").await;
        assert_eq!(tags["tags"], json!(["1.0.0"]));
    }
}

/// All of WASI 0.2 and 0.3, encoded by the encoder that `wkg` uses, has the hashes of its sources.
#[tokio::test(flavor = "multi_thread")]
async fn wasi_pushed_as_webassembly_has_the_hashes_of_its_sources() {
    for crate_name in ["wasip2", "wasip3"] {
        let (_dir, by_source) = server::temporary().await;
        let (_dir, by_push) = server::temporary().await;
        let texts = wasi::texts_of(crate_name);
        for (index, text) in texts.iter().enumerate() {
            let record = by_source.publish_wit(text).await.record;
            let needed: Vec<&str> = texts.iter().take(index + 1).map(String::as_str).collect();
            let repository = format!("{}/{}", record.name.namespace(), record.name.name());
            let repository = OciRepository::new(&by_push, &repository);
            let version = record.name.version().to_string();
            let answer = expect_created(repository.push_wasm(&version, EARLY, &encoded_wit(&needed)).await).await;
            assert_eq!(header(&answer, "registry-hash"), record.hash.to_string());
        }
        assert!(texts.len() > 5, "{crate_name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_a_manifest_counts_as_a_download() {
    let downloads_wait = std::time::Duration::from_millis(20);
    let limits = registry_server::ServerLimits { downloads_wait, ..Default::default() };
    let dir = tempfile::TempDir::new().unwrap();
    let server = TestServer::with_limits(dir.path(), limits).await;
    server.publish_wit(TYPES).await;
    let repository = OciRepository::new(&server, "demo/types");
    repository.head("manifests/1.0.0").await;
    for _ in 0..3 {
        repository.get("manifests/1.0.0").await;
    }
    while release(&server, "demo/types/1.0.0").await.downloads < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(release(&server, "demo/types/1.0.0").await.downloads, 3);
}

/// Go's JSON takes `Layers` for `layers`: who pulls with it would get what nobody has checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_says_the_same_to_everybody() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        let layer = wit("1.0.0", "f: func();");
        let good = repository.wasm(EARLY, &layer).await.to_string();
        let other = sha256(b"not validated");
        let digest = format!("\"digest\":\"{}\"", sha256(&layer));
        for (place, confusion) in [
            ("\"layers\":", format!("\"Layers\":[{{{digest}}}],\"layers\":")),
            ("\"layers\":", format!("\"layer\\u017f\":[{{{digest}}}],\"layers\":")),
            ("\"config\":", "\"CONFIG\":{},\"config\":".to_owned()),
            (digest.as_str(), format!("{digest},\"Digest\":\"{other}\"")),
        ] {
            let confused = good.replacen(place, &confusion, 1);
            assert_ne!(confused, good);
            let refused = repository.push_text("1.0.0", Some(MANIFEST), confused).await;
            let message = expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
            assert!(message.contains("could be taken for"), "{message}");
        }
        assert_eq!(repository.get("manifests/1.0.0").await.status(), StatusCode::NOT_FOUND);
        expect_created(repository.push_text("1.0.0", Some(MANIFEST), good).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_without_a_tag_is_one_of_the_release_that_its_layer_is() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let tool = component(&["package demo:tool; world w { export run: func(); }"]);
        let answer = server.post("/v1/components?name=demo:tool@1.0.0", WASM, tool.clone()).await;
        assert!(answer.status().is_success());
        // Published in another way, and never pulled: nothing has a manifest yet.
        for (name, layer) in [("demo/types", encoded_wit(&[TYPES])), ("demo/tool", tool.clone())] {
            let repository = OciRepository::new(&server, name);
            let pushed = repository.wasm(EARLY, &layer).await;
            let answer = expect_created(repository.push_manifest(&sha256(pushed.to_string()), &pushed).await).await;
            let bound = release(&server, &format!("{name}/1.0.0")).await.target.hash().to_string();
            assert_eq!(header(&answer, "registry-hash"), bound);
            let made = repository.get("manifests/1.0.0").await;
            assert_eq!(header(&made, "registry-hash"), bound);
            assert_ne!(header(&made, "docker-content-digest"), sha256(pushed.to_string()));
        }

        // Any other blob of the release is not the release: its config, for example.
        let repository = OciRepository::new(&server, "demo/tool");
        let first = repository.wasm(EARLY, &tool).await;
        let config = json!({"architecture": "wasm"}).to_string().into_bytes();
        repository.push_blob(&config).await;
        let mut confused = manifest(&descriptor(WASM_CONFIG, &config), &[first["config"].clone()]);
        confused["layers"][0]["mediaType"] = json!(WASM);
        let refused = repository.push_manifest(&sha256(confused.to_string()), &confused).await;
        assert!(refused.status().is_client_error(), "{}", refused.status());
        // And neither is what is a release of another repository.
        for layer in [encoded_wit(&[TYPES]), component(&["package demo:other; world w { export go: func(); }"])] {
            let elsewhere = repository.wasm(EARLY, &layer).await;
            let refused = repository.push_manifest(&sha256(elsewhere.to_string()), &elsewhere).await;
            let message = expect_oci_error(refused, 400, "MANIFEST_INVALID", "invalid_manifest").await;
            assert!(message.contains("push it under its version"), "{message}");
        }
        let tags: Value = server.json("/v2/demo/tool/tags/list").await;
        assert_eq!(tags["tags"], json!(["1.0.0"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_release_are_here_and_its_manifest_is_small() {
    for (_dir, server) in server::on_both_databases().await {
        let repository = OciRepository::new(&server, "demo/x");
        let pushed = repository.wasm(EARLY, &wit("1.0.0", "f: func();")).await;
        let mut elsewhere = pushed.clone();
        elsewhere["layers"][0]["urls"] = json!(["https://example.com/layer"]);
        let empty = OciRepository::new(&server, "demo/empty");
        let refused = empty.push_manifest("1.0.0", &elsewhere).await;
        expect_oci_error(refused, 404, "MANIFEST_BLOB_UNKNOWN", "missing_blobs").await;
        let mut large = pushed.clone();
        large["annotations"] = json!({"a": "a".repeat(64 << 10)});
        let refused = repository.push_manifest("1.0.0", &large).await;
        expect_oci_error(refused, 413, "SIZE_INVALID", "limit_exceeded").await;
        expect_created(repository.push_manifest("1.0.0", &elsewhere).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_of_several_releases_warns_if_all_of_them_are_yanked() {
    for (_dir, server) in server::on_both_databases().await {
        let bytes = component(&["package demo:tool; world w { export run: func(); }"]);
        let repository = OciRepository::new(&server, "demo/tool");
        let pushed = repository.wasm(EARLY, &bytes).await;
        let path = format!("manifests/{}", sha256(pushed.to_string()));
        let yank = YankRequest { reason: "bad".to_owned() };
        for version in ["1.0.0", "2.0.0"] {
            expect_created(repository.push_manifest(version, &pushed).await).await;
            assert!(!repository.get(&path).await.headers().contains_key("warning"), "{version}");
            server.send_json(Method::PUT, &format!("/v1/releases/demo/tool/{version}/yank"), &yank).await;
            assert!(repository.get(&path).await.headers().contains_key("warning"), "{version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_manifest_already_still_learns_what_became_of_it() {
    for (_dir, server) in server::on_both_databases().await {
        server.publish_wit(TYPES).await;
        let repository = OciRepository::new(&server, "demo/types");
        let held = header(&repository.get("manifests/1.0.0").await, "etag").to_owned();
        let yank = YankRequest { reason: "bad".to_owned() };
        server.send_json(Method::PUT, "/v1/releases/demo/types/1.0.0/yank", &yank).await;
        let request = server.request(Method::GET, "/v2/demo/types/manifests/1.0.0").header("if-none-match", &held);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(format!("\"{}\"", header(&answer, "docker-content-digest")), held);
        assert!(header(&answer, "warning").contains("is yanked: bad"));
        assert!(answer.headers().contains_key("registry-hash"));
        for name in ["content-type", "content-encoding"] {
            assert!(!answer.headers().contains_key(name), "{name}");
        }
    }
}

/// Whoever asks and goes away must not leave objects behind that no row leads to.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_made_to_the_end_for_those_who_do_not_wait() {
    let dir = tempfile::TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    let docs = "/// A long story.\n".repeat(20_000);
    for version in 0..20 {
        server.publish_wit(&format!("package demo:x@{version}.0.0; {docs} interface i {{ f: func(); }}")).await;
    }
    for version in 0..20 {
        let path = format!("/v2/demo/x/manifests/{version}.0.0");
        let asked = server.get(&path);
        drop(tokio::time::timeout(std::time::Duration::from_millis(version), asked).await);
    }
    // The server waits for what it has begun: each made manifest has its two objects, and there are no others.
    let repository = OciRepository::new(&server, "demo/x");
    for version in 0..20 {
        assert_eq!(repository.get(&format!("manifests/{version}.0.0")).await.status(), StatusCode::OK);
    }
    server.stop().await;
    let files = std::fs::read_dir(dir.path().join("blobs")).unwrap().map(|file| file.unwrap().file_name());
    let objects = files.filter(|name| name.to_str().unwrap().starts_with("oci-")).count();
    assert_eq!(objects, 40);
}
