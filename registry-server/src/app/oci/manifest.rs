//! Manifests as far as the registry acts on what they say.

use super::OciFault;
use super::keys::ExactKeys;
use crate::app::AppError;
use crate::oci::{
    Digest, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, WASM_CONFIG_MEDIA_TYPE, WASM_LAYER_MEDIA_TYPE, is_media_type,
};
use registry_core::limits::LimitExceeded;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// The only version of manifests that the specification has.
const SCHEMA_VERSION: u32 = 2;

const DOCKER_MANIFEST_MEDIA_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST_MEDIA_TYPE: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Layers of these types are fetched elsewhere and need not be pushed.
const ELSEWHERE: [&str; 2] =
    ["application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign."];

/// A manifest that says what manifests of its type must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// What it is stored and served as.
    pub(super) media_type: String,
    /// What kind of artifact it describes, for those who look for referrers.
    pub(super) artifact_type: Option<String>,
    /// The manifest that it is about.
    pub(super) subject: Option<Digest>,
    /// What it is made of.
    pub(super) parts: Parts,
}

/// What a manifest is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parts {
    /// Blobs.
    Image {
        /// The config.
        config: Descriptor,
        /// The layers.
        layers: Vec<Descriptor>,
    },
    /// Other manifests.
    Index(Vec<Descriptor>),
}

/// A part of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Its media type.
    pub(super) media_type: String,
    /// Its digest.
    pub(super) digest: Digest,
    /// Its size.
    pub(super) size_bytes: u64,
    /// Whether it may be elsewhere than in the repository.
    pub(super) is_elsewhere: bool,
}

/// The JSON of both kinds of manifest. What else stands in it is kept and served, and means nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<DescriptorJson>,
    layers: Option<Vec<DescriptorJson>>,
    manifests: Option<Vec<DescriptorJson>>,
    subject: Option<DescriptorJson>,
    #[serde(rename = "annotations")]
    _annotations: Option<BTreeMap<String, String>>,
    /// What the first version of manifests had in the place of layers.
    fs_layers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescriptorJson {
    media_type: String,
    digest: String,
    size: u64,
    urls: Option<Vec<String>>,
    #[serde(rename = "annotations")]
    _annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest that was sent under a content type.
    ///
    /// # Errors
    /// If it is not valid JSON, is not of the form that its type has, or has too many parts.
    pub(super) fn parse(content_type: Option<&str>, content: &str, descriptors_max: usize) -> Result<Self, AppError> {
        let unread = |error: serde_json::Error| invalid(format!("this is not a manifest: {error}"));
        let json: Json = serde_json::from_str(content).map_err(unread)?;
        let ExactKeys = serde_json::from_str(content).map_err(unread)?;
        if json.schema_version != SCHEMA_VERSION || json.fs_layers.is_some() {
            return Err(invalid(format!("the manifest's `schemaVersion` is not {SCHEMA_VERSION}")).into());
        }
        let media_type = media_type(content_type, json.media_type.as_deref())?;
        let subject = json.subject.map(|subject| subject.typed("subject")).transpose()?.map(|subject| subject.digest);
        let artifact_type = json.artifact_type.filter(|artifact_type| !artifact_type.is_empty());
        if let Some(artifact_type) = &artifact_type {
            check_media_type("artifactType", artifact_type)?;
        }
        let parts = match media_type.as_str() {
            MANIFEST_MEDIA_TYPE | DOCKER_MANIFEST_MEDIA_TYPE => image(json.config, json.layers, json.manifests)?,
            INDEX_MEDIA_TYPE | DOCKER_LIST_MEDIA_TYPE => index(json.config, json.layers, json.manifests)?,
            other => {
                let known = [MANIFEST_MEDIA_TYPE, INDEX_MEDIA_TYPE, DOCKER_MANIFEST_MEDIA_TYPE, DOCKER_LIST_MEDIA_TYPE];
                let known = known.map(|known| format!("`{known}`")).join(", ");
                return Err(invalid(format!("manifests of the type `{other}` are not taken, only {known}")).into());
            }
        };
        let count = parts.descriptors().count();
        let limit = "oci_manifest_descriptors_max";
        LimitExceeded::check("the number of the manifest's parts", count, descriptors_max, limit)?;
        let config_type = match &parts {
            Parts::Image { config, .. } => Some(config.media_type.clone()),
            Parts::Index(_) => None,
        };
        Ok(Self { media_type, artifact_type: artifact_type.or(config_type), subject, parts })
    }

    /// The config and the layer of a WebAssembly artifact; nothing if this is another one.
    ///
    /// # Errors
    /// If it has not exactly one layer, or that is of another type.
    pub(super) fn wasm(&self) -> Result<Option<(&Descriptor, &Descriptor)>, OciFault> {
        let Parts::Image { config, layers } = &self.parts else { return Ok(None) };
        if config.media_type != WASM_CONFIG_MEDIA_TYPE {
            return Ok(None);
        }
        match layers.as_slice() {
            [layer] if layer.media_type == WASM_LAYER_MEDIA_TYPE => Ok(Some((config, layer))),
            [layer] => Err(invalid(format!(
                "the layer of a WebAssembly artifact has the type `{WASM_LAYER_MEDIA_TYPE}`, not `{}`",
                layer.media_type
            ))),
            layers => {
                Err(invalid(format!("a WebAssembly artifact has exactly one layer; this one has {}", layers.len())))
            }
        }
    }

    /// Why this is no WebAssembly artifact, as the end of a sentence.
    pub(super) fn other_kind(&self) -> String {
        match &self.parts {
            Parts::Image { config, .. } => format!(
                "the config of this manifest has the type `{}`, not `{WASM_CONFIG_MEDIA_TYPE}`",
                config.media_type
            ),
            Parts::Index(_) => "this is a list of manifests".to_owned(),
        }
    }
}

impl Parts {
    /// What is published is here, whatever is said of where else it may be.
    pub(super) fn bring_here(&mut self) {
        let (config, others) = match self {
            Self::Image { config, layers } => (Some(config), layers),
            Self::Index(manifests) => (None, manifests),
        };
        config.into_iter().chain(others).for_each(|part| part.is_elsewhere = false);
    }

    /// All of them.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, others) = match self {
            Self::Image { config, layers } => (Some(config), layers),
            Self::Index(manifests) => (None, manifests),
        };
        config.into_iter().chain(others)
    }
}

impl DescriptorJson {
    fn typed(self, place: &str) -> Result<Descriptor, OciFault> {
        let digest = self.digest.parse();
        let digest = digest.map_err(|error| invalid(format!("the digest of the manifest's `{place}`: {error}")))?;
        check_media_type(&format!("{place}.mediaType"), &self.media_type)?;
        let has_urls = self.urls.is_some_and(|urls| !urls.is_empty());
        let is_elsewhere = has_urls || ELSEWHERE.iter().any(|prefix| self.media_type.starts_with(prefix));
        Ok(Descriptor { media_type: self.media_type, digest, size_bytes: self.size, is_elsewhere })
    }
}

/// The type that the manifest is stored as: its own, which must be the one that it was sent under.
fn media_type(sent: Option<&str>, own: Option<&str>) -> Result<String, OciFault> {
    match (sent, own) {
        (Some(sent), Some(own)) if !sent.eq_ignore_ascii_case(own) => {
            Err(invalid(format!("the manifest's `mediaType` is `{own}`, but it was sent as `{sent}`")))
        }
        (_, Some(media_type)) | (Some(media_type), None) => Ok(media_type.to_owned()),
        (None, None) => Err(invalid("the manifest has no `mediaType` and was sent without a content type".to_owned())),
    }
}

fn check_media_type(place: &str, text: &str) -> Result<(), OciFault> {
    if is_media_type(text) {
        return Ok(());
    }
    Err(invalid(format!("the manifest's `{place}` is no media type: `{text}`")))
}

fn image(
    config: Option<DescriptorJson>,
    layers: Option<Vec<DescriptorJson>>,
    manifests: Option<Vec<DescriptorJson>>,
) -> Result<Parts, OciFault> {
    if manifests.is_some() {
        return Err(invalid("an image's manifest has no `manifests`".to_owned()));
    }
    let config = config.ok_or_else(|| invalid("the manifest has no `config`".to_owned()))?.typed("config")?;
    Ok(Parts::Image { config, layers: typed("layers", layers)? })
}

fn index(
    config: Option<DescriptorJson>,
    layers: Option<Vec<DescriptorJson>>,
    manifests: Option<Vec<DescriptorJson>>,
) -> Result<Parts, OciFault> {
    if config.is_some() || layers.is_some() {
        return Err(invalid("a list of manifests has neither `config` nor `layers`".to_owned()));
    }
    if manifests.is_none() {
        return Err(invalid("the list has no `manifests`".to_owned()));
    }
    Ok(Parts::Index(typed("manifests", manifests)?))
}

fn typed(place: &str, descriptors: Option<Vec<DescriptorJson>>) -> Result<Vec<Descriptor>, OciFault> {
    let numbered = descriptors.unwrap_or_default().into_iter().enumerate();
    numbered.map(|(index, descriptor)| descriptor.typed(&format!("{place}[{index}]"))).collect()
}

fn invalid(message: String) -> OciFault {
    OciFault::ManifestInvalid(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Manifest, Parts};
    use crate::app::AppError;
    use serde_json::{Value, json};

    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn descriptor(media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", "0".repeat(64)), "size": 3})
    }

    fn parse(content_type: Option<&str>, json: &Value) -> Result<Manifest, AppError> {
        Manifest::parse(content_type, &json.to_string(), 10)
    }

    #[test]
    fn the_type_is_the_one_that_body_and_header_agree_on() {
        let body = |media_type: Option<&str>| {
            let mut body =
                json!({"schemaVersion": 2, "config": descriptor("a/b"), "layers": null, "annotations": null});
            if let Some(media_type) = media_type {
                body["mediaType"] = json!(media_type);
            }
            body
        };
        for (sent, own, fits) in [
            (Some(MANIFEST), Some(MANIFEST), true),
            (None, Some(MANIFEST), true),
            (Some(MANIFEST), None, true),
            (None, None, false),
            (Some(INDEX), Some(MANIFEST), false),
            (Some("application/json"), None, false),
            (Some(INDEX), None, false),
        ] {
            assert_eq!(parse(sent, &body(own)).is_ok(), fits, "{sent:?} {own:?}");
        }
        let read = parse(None, &body(Some(MANIFEST))).unwrap();
        assert_eq!((read.artifact_type.as_deref(), read.wasm().unwrap()), (Some("a/b"), None));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor("a/b"), "layers": []});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST)]});
        assert!(parse(None, &image).is_ok() && parse(None, &index).is_ok());
        let with = |body: &Value, key: &str, value: Value| {
            let mut body = body.clone();
            body[key] = value;
            body
        };
        let wrong_digest = json!({"mediaType": "a/b", "digest": "sha256:0", "size": 3});
        let no_type = json!({"mediaType": "", "digest": descriptor("a")["digest"], "size": 3});
        let negative = json!({"mediaType": "a/b", "digest": descriptor("a")["digest"], "size": -3});
        for body in [
            json!([]),
            json!("text"),
            json!({}),
            with(&image, "schemaVersion", json!(1)),
            with(&image, "fsLayers", json!([])),
            with(&image, "config", Value::Null),
            with(&image, "config", wrong_digest.clone()),
            with(&image, "config", no_type),
            with(&image, "config", negative),
            with(&image, "manifests", json!([])),
            with(&image, "layers", json!([wrong_digest.clone()])),
            with(&image, "layers", json!(vec![descriptor("a/b"); 10])),
            with(&image, "annotations", json!({"a": 1})),
            with(&image, "subject", wrong_digest.clone()),
            with(&index, "config", descriptor("a/b")),
            with(&index, "layers", json!([])),
            with(&index, "manifests", Value::Null),
            with(&index, "manifests", json!([wrong_digest])),
        ] {
            assert!(parse(None, &body).is_err(), "{body}");
        }
        for text in ["", "{", "\u{0}", &"[".repeat(100_000), &"{\"a\":".repeat(100_000)] {
            assert!(Manifest::parse(None, text, 10).is_err());
        }
        let twice = image.to_string().replacen('{', "{\"schemaVersion\":2,", 1);
        assert!(Manifest::parse(None, &twice, 10).is_err());
    }

    #[test]
    fn webassembly_has_one_layer() {
        let (config, layer) = (descriptor("application/vnd.wasm.config.v0+json"), descriptor("application/wasm"));
        let body =
            |layers: Value| json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        let parsed = |layers| parse(None, &body(layers)).unwrap();
        assert!(parsed(json!([layer])).wasm().unwrap().is_some());
        for layers in [json!([]), json!([layer, layer]), json!([descriptor("text/plain")])] {
            assert!(parsed(layers).wasm().is_err());
        }
    }

    #[test]
    fn layers_that_are_elsewhere_are_known_by_their_type_or_address() {
        let mut with_url = descriptor("a/b");
        with_url["urls"] = json!(["https://example.com/layer"]);
        let layers = [
            (descriptor("a/b"), false),
            (with_url, true),
            (descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"), true),
            (descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), true),
        ];
        for (layer, is_elsewhere) in layers {
            let body =
                json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor("a/b"), "layers": [layer]});
            let Parts::Image { layers, .. } = parse(None, &body).unwrap().parts else { unreachable!() };
            assert!(layers.iter().all(|layer| layer.is_elsewhere == is_elsewhere));
        }
    }
}
