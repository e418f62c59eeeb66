//! The crate `oci-client`: every operation of the distribution API that it has.

use super::fixtures::{bound_hash, host};
use crate::command::{SHAPES, TYPES, assert_contains};
use crate::support::component::encoded;
use crate::support::registry::TestRegistry;
use futures::{StreamExt, TryStreamExt, stream};
use oci_client::client::{BlobResponse, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use serde_json::json;
use std::collections::BTreeMap;

/// The media type of what `wkg` pushes.
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Somebody with the client, at one registry.
struct Somebody<'a> {
    server: &'a TestRegistry,
    client: Client,
    auth: RegistryAuth,
}

impl<'a> Somebody<'a> {
    /// Somebody with these credentials, who sends blobs in one piece or in several.
    fn new(server: &'a TestRegistry, auth: RegistryAuth, use_monolithic_push: bool) -> Self {
        // This client takes the crypto provider of the process. Another test may have set it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig { protocol: ClientProtocol::Http, use_monolithic_push, ..ClientConfig::default() };
        Self { server, client: Client::new(config), auth }
    }

    fn operator(server: &'a TestRegistry) -> Self {
        Self::new(server, RegistryAuth::Basic("somebody".to_owned(), server.token().to_owned()), false)
    }

    fn reference(&self, repository: &str, tag: &str) -> Reference {
        Reference::with_tag(host(self.server).to_owned(), repository.to_owned(), tag.to_owned())
    }

    /// Gives the client its credentials for what it does below the level of whole images.
    async fn log_in(&self, reference: &Reference, operation: RegistryOperation) {
        self.client.auth(reference, &self.auth, operation).await.unwrap();
    }

    /// Pushes a package as `wkg` does.
    async fn push_package(&self, repository: &str, tag: &str, layer: &[u8]) -> oci_client::errors::Result<String> {
        let reference = self.reference(repository, tag);
        let layer = ImageLayer::new(layer.to_vec(), "application/wasm".to_owned(), None);
        let config = json!({
            "created": "2026-01-02T03:04:05Z", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [layer.sha256_digest()], "component": null,
        });
        let config = Config::new(config.to_string().into_bytes(), WASM_CONFIG.to_owned(), None);
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, None);
        manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
        let pushed = self.client.push(&reference, &[layer], config, &self.auth, Some(manifest)).await;
        pushed.map(|response| response.manifest_url)
    }
}

#[test]
fn packages_are_pushed_in_one_piece_and_in_several_with_every_kind_of_credentials() {
    let server = TestRegistry::start();
    let token = server.token().to_owned();
    let cases = [
        ("1.0.0", false, RegistryAuth::Basic("somebody".to_owned(), token.clone())),
        ("1.1.0", true, RegistryAuth::Basic(String::new(), token.clone())),
        ("1.2.0", false, RegistryAuth::Bearer(token)),
    ];
    for (version, in_one_piece, auth) in cases {
        let text = TYPES.replace("1.0.0", version);
        let bytes = encoded(&[&text]);
        let somebody = Somebody::new(&server, auth, in_one_piece);
        let url = server.block_on(somebody.push_package("test/types", version, &bytes)).unwrap();
        assert_contains(&url, &["/v2/test/types/manifests/sha256:"]);
        let pulled = server.block_on(somebody.client.pull(
            &somebody.reference("test/types", version),
            &somebody.auth,
            vec!["application/wasm"],
        ));
        let pulled = pulled.unwrap();
        assert_eq!(pulled.layers[0].data, bytes);
        assert!(url.ends_with(&pulled.digest.unwrap()), "{url}");
        assert_contains(&bound_hash(&server, &format!("test:types@{version}")), &["p2:w"]);
    }
}

#[test]
fn refusals_are_errors_of_the_specification_with_our_reason() {
    let server = TestRegistry::start();
    let operator = Somebody::operator(&server);
    let push = |repository: &str, tag: &str, bytes: &[u8]| {
        server.block_on(operator.push_package(repository, tag, bytes)).unwrap_err().to_string()
    };
    assert_contains(&push("test/types", "1.0.0", b"no WebAssembly"), &["MANIFEST_INVALID", "this is not WebAssembly"]);
    let shapes = encoded(&[TYPES, SHAPES]);
    assert_contains(&push("test/shapes", "1.0.0", &shapes), &["test:types@1.0.0"]);
    assert_contains(&push("test/types", "1.0.0", &shapes), &["test:shapes@1.0.0", "test:types@1.0.0"]);
    assert_contains(&push("test/types", "latest", &encoded(&[TYPES])), &["latest"]);
    server.block_on(operator.push_package("test/types", "1.0.0", &encoded(&[TYPES]))).unwrap();
    let broken = encoded(&[&TYPES.replace("1.0.0", "1.0.1").replace("x: s32", "x: s64")]);
    assert_contains(&push("test/types", "1.0.1", &broken), &["2.0.0"]);
    let anonymous = Somebody::new(&server, RegistryAuth::Anonymous, false);
    let refused = server.block_on(anonymous.push_package("test/types", "1.2.0", &encoded(&[TYPES]))).unwrap_err();
    assert_contains(&refused.to_string(), &["UNAUTHORIZED", "a token is needed"]);
}

#[test]
fn what_our_command_published_is_pulled_without_credentials() {
    let server = TestRegistry::start();
    server.publish_text(TYPES);
    let anonymous = Somebody::new(&server, RegistryAuth::Anonymous, false);
    let image = anonymous.reference("test/types", "1.0.0");
    server.block_on(async {
        let (manifest, digest, config) =
            anonymous.client.pull_manifest_and_config(&image, &anonymous.auth).await.unwrap();
        assert_eq!(anonymous.client.fetch_manifest_digest(&image, &anonymous.auth).await.unwrap(), digest);
        let by_digest = image.clone_with_digest(digest.clone());
        let (again, its_digest) = anonymous.client.pull_image_manifest(&by_digest, &anonymous.auth).await.unwrap();
        assert_eq!((again.to_string(), its_digest), (manifest.to_string(), digest));
        assert_contains(&config, &["1970-01-01T00:00:00Z", "\"wasm\""]);

        let layer = &manifest.layers[0];
        let mut whole = Vec::new();
        anonymous.client.pull_blob(&image, layer, &mut whole).await.unwrap();
        assert_eq!(whole.len() as i64, layer.size);
        let partial = anonymous.client.pull_blob_stream_partial(&image, layer, 8, Some(16)).await.unwrap();
        let BlobResponse::Partial(partial) = partial else { panic!("a part was asked for") };
        let parts: Vec<_> = partial.stream.try_collect().await.unwrap();
        assert_eq!(parts.concat(), whole[8..24]);
        assert!(anonymous.client.blob_exists(&image, &layer.digest).await.unwrap());
        let other = format!("sha256:{}", "0".repeat(64));
        assert!(!anonymous.client.blob_exists(&image, &other).await.unwrap());
    });
}

#[test]
fn tags_come_all_at_once_or_page_by_page() {
    let server = TestRegistry::start();
    let versions = ["1.0.0", "1.1.0", "1.10.0", "1.2.0"];
    for version in versions {
        server.publish_text(&TYPES.replace("1.0.0", version));
    }
    let anonymous = Somebody::new(&server, RegistryAuth::Anonymous, false);
    let image = anonymous.reference("test/types", "1.0.0");
    let tags = |n, last| server.block_on(anonymous.client.list_tags(&image, &anonymous.auth, n, last)).unwrap().tags;
    assert_eq!(tags(None, None), versions);
    assert_eq!(tags(Some(3), None), versions[..3]);
    assert_eq!(tags(Some(3), Some("1.10.0")), versions[3..]);
    assert!(tags(Some(3), Some("1.2.0")).is_empty());
}

#[test]
fn blobs_are_streamed_and_mounted_and_referrers_are_found() {
    let server = TestRegistry::start_with(|config| config.artifact_namespaces = vec!["demo".to_owned()]);
    let somebody = Somebody::operator(&server);
    let image = somebody.reference("demo/tool", "latest");
    let elsewhere = somebody.reference("demo/copy", "latest");
    server.block_on(async {
        somebody.log_in(&image, RegistryOperation::Push).await;
        // Several pieces, of which some are longer than what the client sends at once.
        let pieces: Vec<Vec<u8>> = (1..=3_u8).map(|byte| vec![byte; usize::from(byte) * 2_500_000]).collect();
        let sent = stream::iter(pieces.clone()).map(|piece| Ok(bytes::Bytes::from(piece)));
        let blob = somebody.client.push_blob_stream_chunked(&image, sent).await.unwrap();
        assert_eq!(blob.size, 15_000_000);
        somebody.client.mount_blob(&elsewhere, &image, &blob.blob_digest).await.unwrap();
        let descriptor = OciDescriptor {
            media_type: "application/octet-stream".to_owned(),
            digest: blob.blob_digest.clone(),
            size: 15_000_000,
            ..OciDescriptor::default()
        };
        let mut back = Vec::new();
        somebody.client.pull_blob(&elsewhere, &descriptor, &mut back).await.unwrap();
        assert!(back == pieces.concat());

        let config = Config::new(b"{}".to_vec(), "application/vnd.oci.empty.v1+json".to_owned(), None);
        let layer = ImageLayer::new(b"one".to_vec(), "text/plain".to_owned(), None);
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, None);
        manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
        manifest.layers.push(descriptor);
        let layers = [layer];
        somebody.client.push(&image, &layers, config.clone(), &somebody.auth, Some(manifest.clone())).await.unwrap();
        let (_, subject) = somebody.client.pull_image_manifest(&image, &somebody.auth).await.unwrap();

        let mut about = manifest.clone();
        about.artifact_type = Some("application/vnd.example.signature".to_owned());
        about.annotations = Some(BTreeMap::from([("by".to_owned(), "ann".to_owned())]));
        about.subject = Some(OciDescriptor {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            digest: subject.clone(),
            size: 1,
            ..OciDescriptor::default()
        });
        let signature = somebody.reference("demo/tool", "signature");
        somebody.client.push(&signature, &layers, config, &somebody.auth, Some(about)).await.unwrap();
        let subject = image.clone_with_digest(subject);
        for (filter, count) in [(None, 1), (Some("application/vnd.example.signature"), 1), (Some("text/plain"), 0)] {
            let found = somebody.client.pull_referrers(&subject, filter).await.unwrap();
            assert_eq!(found.manifests.len(), count, "{filter:?}");
        }
    });
}

#[test]
fn a_package_has_no_referrers() {
    let server = TestRegistry::start();
    let somebody = Somebody::operator(&server);
    server.publish_text(TYPES);
    let image = somebody.reference("test/types", "1.0.0");
    server.block_on(async {
        let digest = somebody.client.fetch_manifest_digest(&image, &somebody.auth).await.unwrap();
        let found = somebody.client.pull_referrers(&image.clone_with_digest(digest), None).await.unwrap();
        assert!(found.manifests.is_empty());
    });
}
