//! The terms of the OCI distribution specification (<https://github.com/opencontainers/distribution-spec>), as far as
//! they hold in this registry.

mod digest;
mod media_type;
mod repository;
mod tag;

pub(crate) use digest::{Algorithm, Digest, DigestError, Hasher};
pub(crate) use media_type::is_media_type;
pub(crate) use repository::{Repository, RepositoryError};
pub(crate) use tag::{Reference, ReferenceError, Tag, TagError};

/// The config of the manifest of a WebAssembly artifact
/// (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>).
pub(crate) const WASM_CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// Its one layer.
pub(crate) const WASM_LAYER_MEDIA_TYPE: &str = "application/wasm";

/// A manifest.
pub(crate) const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A list of manifests.
pub(crate) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
