//! What OCI clients push and pull: blobs, uploads, manifests and tags.
