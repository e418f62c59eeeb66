//! Artifacts that the registry makes of what was published in another way. Each is made once, when it is first asked for,
//! and kept: whatever later versions of this program would make, nobody's lock breaks.

use super::wasm_config::{WasmConfig, World};
use crate::app::{App, AppError, InternalError};
use crate::oci::{Digest, MANIFEST_MEDIA_TYPE, Repository, Tag, WASM_CONFIG_MEDIA_TYPE, WASM_LAYER_MEDIA_TYPE};
use crate::store::{NewManifest, OciBlob, OciManifest};
use bytes::Bytes;
use jiff::Timestamp;
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, Direction};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentMetadata, Release, ReleaseTarget};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::Instrument;

/// The annotation with the package's own hash, which the digests of OCI know nothing of.
const PACKAGE_HASH: &str = "registry.package-hash";

/// The annotation with the component's own hash.
const COMPONENT_HASH: &str = "registry.component-hash";

/// What an artifact is made of.
struct Ingredients {
    layer: OciBlob,
    world: World,
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestJson<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: DescriptorJson<'a>,
    layers: [DescriptorJson<'a>; 1],
    annotations: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescriptorJson<'a> {
    media_type: &'static str,
    digest: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<&'static str, String>>,
}

impl App {
    /// The manifest of a release that none was pushed for. If another server has made one meanwhile, that one.
    ///
    /// It is made to the end even if nobody waits for it any more: what is written into the blob store must get its row,
    /// or anybody could fill it by asking and leaving.
    ///
    /// # Errors
    /// If the release is damaged, or something fails.
    pub(super) async fn make_manifest(
        self: &Arc<Self>,
        repository: &Repository,
        tag: &Tag,
        release: &Release,
    ) -> Result<Option<OciManifest>, AppError> {
        let (app, repository, tag, release) = (Arc::clone(self), repository.clone(), tag.clone(), release.clone());
        let made = tokio::spawn(async move { app.make(&repository, &tag, &release).await }.in_current_span());
        made.await.unwrap_or_else(|_| Err(InternalError::HandlerPanicked.into()))
    }

    async fn make(
        &self,
        repository: &Repository,
        tag: &Tag,
        release: &Release,
    ) -> Result<Option<OciManifest>, AppError> {
        let _turn = self.turns.take(&release.name).await;
        if let Some(made) = self.store.oci_tagged(repository, tag).await? {
            return Ok(Some(made));
        }
        let ingredients = match release.target {
            ReleaseTarget::Package(hash) => self.of_package(&release.name, hash).await?,
            ReleaseTarget::Component(hash) => self.of_component(&release.name, hash).await?,
        };
        let config = serde_json::to_vec(&WasmConfig::new(&ingredients.layer.digest, ingredients.world.clone()))?;
        let config = self.new_oci_object(config.into()).await?;
        let content = manifest_json(&release.name, &config, &ingredients)?;
        let mut written = vec![config.object.clone()];
        if let ReleaseTarget::Package(_) = release.target {
            written.push(ingredients.layer.object.clone());
        }
        let blobs = [config, ingredients.layer];
        let new = NewManifest {
            repository: repository.clone(),
            manifest: OciManifest {
                digest: Digest::sha256(content.as_bytes()),
                media_type: MANIFEST_MEDIA_TYPE.to_owned(),
                artifact_type: Some(WASM_CONFIG_MEDIA_TYPE.to_owned()),
                version: Some(release.name.version().clone()),
                content,
            },
            subject: None,
            tag: Some(tag.clone()),
            blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
            foreign_blobs: BTreeSet::new(),
            manifests: BTreeSet::new(),
            shared: None,
            manifests_per_release_max: usize::MAX,
        };
        if !self.store.insert_made_manifest(&new, &blobs, Timestamp::now()).await? {
            self.delete_oci_objects(written).await;
        }
        Ok(self.store.oci_tagged(repository, tag).await?)
    }

    async fn of_package(&self, name: &ReleaseName, hash: PackageHash) -> Result<Ingredients, AppError> {
        let stored = self.stored_closure(&[hash]).await?;
        let limits = Arc::clone(&self.limits);
        let (layer, world) = self.workers.run(move || encode_package(hash, &stored, &limits.content)).await??;
        let annotations = BTreeMap::from([(PACKAGE_HASH, hash.to_string())]);
        let annotations = described(annotations, name, &ComponentMetadata::default());
        Ok(Ingredients { layer: self.new_oci_object(layer).await?, world, annotations })
    }

    /// The layer is the component itself, which is stored already.
    async fn of_component(&self, name: &ReleaseName, hash: ComponentHash) -> Result<Ingredients, AppError> {
        let record = self.component(&hash).await?;
        let bytes = self.component_bytes(&hash).await?;
        let limits = Arc::clone(&self.limits);
        let (world, sha256) = self.workers.run(move || describe_component(hash, &bytes, &limits.content)).await??;
        let layer = Self::oci_blob_of_component(hash, &sha256, record.size_bytes);
        let annotations = BTreeMap::from([(COMPONENT_HASH, hash.to_string())]);
        Ok(Ingredients { layer, world, annotations: described(annotations, name, &record.metadata) })
    }
}

/// A package with its views of others, as WebAssembly, and what it offers.
fn encode_package(hash: PackageHash, stored: &Closure, limits: &Limits) -> Result<(Bytes, World), AppError> {
    let wit = stored.verify(&hash, limits).map_err(|error| AppError::damaged(hash, &error))?;
    let world = World { exports: wit.offered_names(), imports: BTreeSet::new() };
    Ok((wit.encode(limits)?.into(), world))
}

fn describe_component(hash: ComponentHash, bytes: &[u8], limits: &Limits) -> Result<(World, Digest), AppError> {
    let decoded = DecodedComponent::decode(bytes, limits).map_err(|error| AppError::damaged(hash, &error))?;
    let (exports, imports) = (decoded.world_names(Direction::Export), decoded.world_names(Direction::Import));
    Ok((World { exports, imports }, Digest::sha256(bytes)))
}

/// The annotations that other tools know, as far as something is known.
fn described(
    mut annotations: BTreeMap<&'static str, String>,
    name: &ReleaseName,
    metadata: &ComponentMetadata,
) -> BTreeMap<&'static str, String> {
    let known = [
        ("org.opencontainers.image.title", Some(format!("{}:{}", name.namespace(), name.name()))),
        ("org.opencontainers.image.version", Some(name.version().to_string())),
        ("org.opencontainers.image.description", metadata.description.clone()),
        ("org.opencontainers.image.authors", metadata.authors.clone()),
        ("org.opencontainers.image.licenses", metadata.licenses.clone()),
        ("org.opencontainers.image.source", metadata.source.clone()),
        ("org.opencontainers.image.url", metadata.homepage.clone()),
        ("org.opencontainers.image.revision", metadata.revision.clone()),
    ];
    annotations.extend(known.into_iter().filter_map(|(key, value)| Some((key, value?))));
    annotations
}

fn manifest_json(name: &ReleaseName, config: &OciBlob, ingredients: &Ingredients) -> Result<String, AppError> {
    let Ingredients { layer, annotations, .. } = ingredients;
    let (config_digest, layer_digest) = (config.digest.to_string(), layer.digest.to_string());
    // Tools that write layers into files call them by their titles.
    let title = BTreeMap::from([("org.opencontainers.image.title", format!("{}.wasm", name.name()))]);
    let json = ManifestJson {
        schema_version: 2,
        media_type: MANIFEST_MEDIA_TYPE,
        config: DescriptorJson {
            media_type: WASM_CONFIG_MEDIA_TYPE,
            digest: &config_digest,
            size: config.size_bytes,
            annotations: None,
        },
        layers: [DescriptorJson {
            media_type: WASM_LAYER_MEDIA_TYPE,
            digest: &layer_digest,
            size: layer.size_bytes,
            annotations: Some(title),
        }],
        annotations,
    };
    Ok(serde_json::to_string(&json)?)
}
