//! What is pushed: blobs, manifests, and the contents of the specification's groups.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use std::sync::atomic::{AtomicU64, Ordering};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What digests are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    pub fn digest(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => format!("sha256:{}", hex::encode(Sha256::digest(bytes))),
            Self::Sha512 => format!("sha512:{}", hex::encode(Sha512::digest(bytes))),
        }
    }

    /// The one that a digest was made with.
    pub fn of_digest(digest: &str) -> Self {
        if digest.starts_with("sha512:") { Self::Sha512 } else { Self::Sha256 }
    }
}

/// A blob and its digest.
#[derive(Debug, Clone)]
pub struct Blob {
    pub bytes: Vec<u8>,
    pub digest: String,
}

impl Blob {
    pub fn new(algorithm: Algorithm, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { digest: algorithm.digest(&bytes), bytes }
    }

    /// Bytes that no other blob has, in this run or another.
    pub fn of_size(algorithm: Algorithm, size_bytes: usize) -> Self {
        let mut block = Sha512::digest(unique().as_bytes());
        let mut bytes = Vec::with_capacity(size_bytes + block.len());
        while bytes.len() < size_bytes {
            bytes.extend_from_slice(&block);
            block = Sha512::digest(block);
        }
        bytes.truncate(size_bytes);
        Self::new(algorithm, bytes)
    }

    pub fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// A text that no other is like.
pub fn unique() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{}-{time}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A manifest or an index.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub media_type: String,
    pub digest: String,
    pub bytes: Vec<u8>,
    pub value: Value,
}

impl Manifest {
    pub fn new(algorithm: Algorithm, value: Value) -> Self {
        // Indented, so that a registry that reads and writes it again is noticed.
        let bytes = serde_json::to_vec_pretty(&value).unwrap();
        let media_type = value["mediaType"].as_str().unwrap().to_owned();
        Self { media_type, digest: algorithm.digest(&bytes), bytes, value }
    }

    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }

    /// What the list of its subject's referrers says of it.
    pub fn referrer(&self) -> Value {
        let mut descriptor = self.descriptor();
        let of_config = || self.value["config"].get("mediaType");
        for (field, value) in [
            ("artifactType", self.value.get("artifactType").or_else(of_config)),
            ("annotations", self.value.get("annotations")),
        ] {
            if let Some(value) = value {
                descriptor[field] = value.clone();
            }
        }
        descriptor
    }

    /// The digest of what it refers to.
    pub fn subject(&self) -> Option<&str> {
        self.value["subject"]["digest"].as_str()
    }
}

/// Blobs, the manifests that name them, and tags: in the order in which they are pushed.
#[derive(Debug)]
pub struct Content {
    pub algorithm: Algorithm,
    pub blobs: Vec<Blob>,
    pub manifests: Vec<Manifest>,
    /// Tags, and the digests of what they name.
    pub tags: Vec<(String, String)>,
}

impl Default for Content {
    fn default() -> Self {
        Self { algorithm: Algorithm::Sha256, blobs: Vec::new(), manifests: Vec::new(), tags: Vec::new() }
    }
}

impl Content {
    /// Adds a blob and answers its descriptor.
    pub fn blob(&mut self, bytes: impl Into<Vec<u8>>, media_type: &str) -> Value {
        let blob = Blob::new(self.algorithm, bytes);
        let descriptor = blob.descriptor(media_type);
        self.blobs.push(blob);
        descriptor
    }

    /// Adds a blob that is like no other.
    pub fn new_blob(&mut self, media_type: &str) -> Value {
        let bytes = Blob::of_size(self.algorithm, 700).bytes;
        self.blob(bytes, media_type)
    }

    /// Adds the config of an image.
    pub fn config(&mut self) -> Value {
        let config = json!({"architecture": "amd64", "os": "linux", "author": unique(), "rootfs": {"type": "layers"}});
        self.blob(config.to_string(), CONFIG)
    }

    /// Adds a manifest or an index and answers its descriptor.
    pub fn manifest(&mut self, value: Value) -> Value {
        let manifest = Manifest::new(self.algorithm, value);
        let descriptor = manifest.descriptor();
        self.manifests.push(manifest);
        descriptor
    }

    /// Adds an image with two layers. The given fields take the place of its own.
    pub fn image(&mut self, fields: Value) -> Value {
        let config = self.config();
        let layers = [self.new_blob(LAYER_GZIP), self.new_blob(LAYER_GZIP)];
        let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.manifest(with(image, fields))
    }

    /// Adds an artifact of the given type with one layer.
    pub fn artifact(&mut self, artifact_type: &str, fields: Value) -> Value {
        let config = self.blob("{}", EMPTY);
        let layers = [self.new_blob(artifact_type)];
        let artifact = json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
            "config": config, "layers": layers});
        self.manifest(with(artifact, fields))
    }

    /// Adds an index of the given manifests.
    pub fn index(&mut self, manifests: &[Value], fields: Value) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.manifest(with(index, fields))
    }

    /// Names a manifest.
    pub fn tag(&mut self, manifest: &Value, tag: &str) {
        self.tags.push((tag.to_owned(), manifest["digest"].as_str().unwrap().to_owned()));
    }

    /// The manifest with the given digest.
    pub fn manifest_of(&self, digest: &str) -> &Manifest {
        self.manifests.iter().find(|manifest| manifest.digest == digest).unwrap()
    }
}

fn with(mut value: Value, fields: Value) -> Value {
    for (name, field) in fields.as_object().unwrap() {
        value[name] = field.clone();
    }
    value
}
