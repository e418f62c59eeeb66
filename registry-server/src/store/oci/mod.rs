//! What OCI clients push and pull: blobs, uploads, manifests and tags.

mod blobs;

pub(crate) use blobs::OciBlob;
