//! `skopeo`: what moves images between registries moves packages and components too.

use super::fixtures::{bound_hash, host, image, package, token};
use super::skopeo::Skopeo;
use super::wkg::Wkg;
use crate::command::{TYPES, assert_contains, registry_at, stderr, stdout};
use crate::support::registry::TestRegistry;
use crate::support::{read_files, write_files};
use std::fs;

/// A registry that takes any artifact in the namespace `demo`.
fn with_artifacts() -> TestRegistry {
    TestRegistry::start_with(|config| config.artifact_namespaces = vec!["demo".to_owned()])
}

#[test]
fn login_tells_a_good_token_from_a_bad_one() {
    let server = TestRegistry::start();
    let Some(skopeo) = Skopeo::new() else { return };
    let good = skopeo.login(host(&server), server.token()).success();
    assert_contains(&stdout(&good), &["Login Succeeded!"]);
    let bad = skopeo.login(host(&server), "regt_nonsense").failure();
    assert_contains(&stderr(&bad), &["invalid username/password"]);
    let mut logout = skopeo.command();
    logout.args(["logout", host(&server)]).assert().success();
}

#[test]
fn tags_and_manifests_are_read_with_and_without_credentials() {
    let server = TestRegistry::start();
    let Some(skopeo) = Skopeo::new() else { return };
    for version in ["1.0.0", "1.1.0", "1.10.0"] {
        server.publish_text(&TYPES.replace("1.0.0", version));
    }
    for logs_in in [false, true] {
        if logs_in {
            skopeo.login(host(&server), server.token()).success();
        }
        let listed = skopeo.run(&["list-tags", "--tls-verify=false"], &[&image(&server, "test/types")]).success();
        let listed: serde_json::Value = serde_json::from_str(&stdout(&listed)).unwrap();
        assert_eq!(listed["Tags"], serde_json::json!(["1.0.0", "1.1.0", "1.10.0"]));
        let manifest = skopeo.manifest(&image(&server, "test/types:1.1.0"));
        assert_contains(&manifest, &["\"org.opencontainers.image.version\":\"1.1.0\""]);
    }
    let nothing = skopeo.run(&["inspect", "--raw", "--tls-verify=false"], &[&image(&server, "test/none:1.0.0")]);
    assert_contains(&stderr(&nothing.failure()), &["`test/none` is not in this registry"]);
}

#[test]
fn an_image_goes_to_a_folder_and_to_another_registry_with_its_digests() {
    let (server, other) = (TestRegistry::start(), TestRegistry::start());
    let (Some(skopeo), Some(wkg)) = (Skopeo::new(), Wkg::operator(&server)) else { return };
    let folder = package(TYPES);
    wkg.publish(folder.path());
    let from = image(&server, "test/types:1.0.0");
    skopeo.copy(&format!("docker://{from}"), "dir:folder").success();
    skopeo.copy(&format!("docker://{from}"), "oci:layout:1.0.0").success();
    skopeo.login(host(&other), other.token()).success();
    let to = image(&other, "test/types:1.0.0");
    skopeo.copy("dir:folder", &format!("docker://{to}")).success();
    assert_eq!(skopeo.manifest(&to), skopeo.manifest(&from));
    assert_eq!(bound_hash(&other, "test:types@1.0.0"), bound_hash(&server, "test:types@1.0.0"));

    // The whole way from a registry to another one, of what was never pushed as an image.
    server.publish_text(&TYPES.replace("1.0.0", "1.1.0"));
    let [from, to] = [&server, &other].map(|registry| image(registry, "test/types:1.1.0"));
    skopeo.copy(&format!("docker://{from}"), &format!("docker://{to}")).success();
    assert_eq!(skopeo.manifest(&to), skopeo.manifest(&from));
    assert_eq!(bound_hash(&other, "test:types@1.1.0"), bound_hash(&server, "test:types@1.1.0"));
    registry_at(&other, folder.path()).args(["verify", "test:types@1.1.0"]).assert().success();
}

#[test]
fn all_releases_of_a_package_are_brought_to_another_registry_at_once() {
    let (server, other) = (TestRegistry::start(), TestRegistry::start());
    let Some(skopeo) = Skopeo::new() else { return };
    let versions = ["1.0.0", "1.1.0", "1.10.0"];
    for version in versions {
        server.publish_text(&TYPES.replace("1.0.0", version));
    }
    skopeo.login(host(&other), other.token()).success();
    let both = ["--src=docker", "--dest=docker", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let places = [image(&server, "test/types"), image(&other, "test")];
    skopeo.command().arg("sync").args(both).args(&places).assert().success();
    for version in versions {
        let [from, to] = [&server, &other].map(|registry| image(registry, &format!("test/types:{version}")));
        assert_eq!(skopeo.manifest(&to), skopeo.manifest(&from));
        let release = format!("test:types@{version}");
        assert_eq!(bound_hash(&other, &release), bound_hash(&server, &release));
    }
}

#[test]
fn what_is_copied_is_published_by_the_same_rules() {
    let (server, other) = (TestRegistry::start(), TestRegistry::start());
    let Some(skopeo) = Skopeo::new() else { return };
    server.publish_text(TYPES);
    let from = format!("docker://{}", image(&server, "test/types:1.0.0"));
    let refused = |to: &str, parts: &[&str]| {
        let failed = skopeo.copy(&from, &format!("docker://{}", image(&other, to))).failure();
        assert_contains(&stderr(&failed), parts);
    };
    refused("test/types:1.0.0", &["unauthorized"]);
    skopeo.login(host(&other), &token(&other, "bob", "publish")).success();
    refused("test/types:1.0.0", &["`bob`", "`test`"]);
    skopeo.login(host(&other), other.token()).success();
    refused("test/types:1.0.1", &["1.0.1", "1.0.0"]);
    refused("test/others:1.0.0", &["test:types"]);
    refused("newcomer/types:1.0.0", &["`newcomer`"]);
    other.publish_text(&TYPES.replace("x: s32", "x: s64"));
    refused("test/types:1.0.0", &["is bound"]);
}

#[test]
fn other_artifacts_are_taken_where_the_operator_says_so() {
    let server = with_artifacts();
    let Some(skopeo) = Skopeo::new() else { return };
    skopeo.login(host(&server), server.token()).success();
    image_layout(&skopeo);
    let refused = skopeo.copy("oci:layout:latest", &format!("docker://{}", image(&server, "test/tool:latest")));
    assert_contains(&stderr(&refused.failure()), &["--oci-artifacts"]);
    let (first, second) = (image(&server, "demo/tool:latest"), image(&server, "demo/copy:other"));
    skopeo.copy("oci:layout:latest", &format!("docker://{first}")).success();
    skopeo.copy(&format!("docker://{first}"), &format!("docker://{second}")).success();
    assert_eq!(skopeo.manifest(&first), skopeo.manifest(&second));
    let inspected = skopeo.run(&["inspect", "--tls-verify=false"], &[&first]).success();
    assert_contains(&stdout(&inspected), &["\"Architecture\": \"amd64\"", "\"latest\""]);
    skopeo.copy(&format!("docker://{second}"), "dir:back").success();
    let blobs = |folder: &str| {
        let files = read_files(&skopeo.home().join(folder));
        files.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    };
    assert!(blobs("back").contains(&LAYER.to_vec()) && blobs("layout").contains(&LAYER.to_vec()));

    // A tag stays with what it was bound to.
    write_files(skopeo.home(), &[("layout/blobs/other", "")]);
    let config =
        serde_json::json!({ "architecture": "arm64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
    write_layout(&skopeo, &config, &[]);
    let moved = skopeo.copy("oci:layout:latest", &format!("docker://{first}"));
    assert_contains(&stderr(&moved.failure()), &["`latest` is bound to"]);
}

#[test]
fn nothing_is_deleted() {
    let server = TestRegistry::start();
    let Some(skopeo) = Skopeo::new() else { return };
    server.publish_text(TYPES);
    skopeo.login(host(&server), server.token()).success();
    let target = image(&server, "test/types:1.0.0");
    let refused = skopeo.run(&["delete", "--tls-verify=false"], &[&target]).failure();
    assert_contains(&stderr(&refused), &["cannot be deleted"]);
    assert_contains(&skopeo.manifest(&target), &["application/wasm"]);
}

const LAYER: &[u8] = b"not a tar, as registries do not look";

/// An OCI layout with an image `latest` of one layer.
fn image_layout(skopeo: &Skopeo) {
    let digest = format!("sha256:{}", sha256(LAYER));
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    });
    write_layout(skopeo, &config, &[LAYER]);
}

fn write_layout(skopeo: &Skopeo, config: &serde_json::Value, layers: &[&[u8]]) {
    let folder = skopeo.home().join("layout");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let write = |bytes: &[u8], media_type: &str| {
        let hex = sha256(bytes);
        fs::write(folder.join("blobs/sha256").join(&hex), bytes).unwrap();
        serde_json::json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    };
    let layer = "application/vnd.oci.image.layer.v1.tar";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": write(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json"),
        "layers": layers.iter().map(|bytes| write(bytes, layer)).collect::<Vec<_>>(),
    });
    let mut named = write(manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json");
    named["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [named] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
