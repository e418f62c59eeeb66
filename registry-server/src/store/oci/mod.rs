//! What OCI clients push and pull: blobs, uploads, manifests and tags.

mod blobs;
#[cfg(test)]
mod contract_test;
mod garbage;
mod manifests;
#[cfg(test)]
mod plan_test;
mod uploads;

pub(crate) use blobs::{Mounted, OciBlob, OciSource, VisibleOciBlob};
pub(crate) use manifests::{ManifestForm, ManifestRefusal, NewManifest, OciManifest};
pub(super) use manifests::{artifact_tagged_as, write_manifest};
pub(crate) use uploads::{AppendedPart, BegunUpload, FinishedUpload, OciQuota, Unbound, UploadKey, UploadPart};
