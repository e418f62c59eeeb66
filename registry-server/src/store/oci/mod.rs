//! What OCI clients push and pull: blobs, uploads, manifests and tags.

mod blobs;
mod manifests;

pub(crate) use blobs::OciBlob;
pub(crate) use manifests::{ManifestRefusal, NewManifest, OciManifest};
pub(super) use manifests::{artifact_tagged_as, write_manifest};
