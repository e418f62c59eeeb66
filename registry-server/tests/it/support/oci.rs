//! What an OCI client sends, request by request.

use super::client::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub const WASM: &str = "application/wasm";

/// A repository as a client sees it.
pub struct OciRepository {
    client: Client,
    name: String,
}

pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// How a manifest names some bytes.
pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

/// The manifest of an image.
pub fn manifest(config: &Value, layers: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})
}

impl OciRepository {
    pub fn new(client: &Client, name: &str) -> Self {
        Self { client: client.clone(), name: name.to_owned() }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(&format!("/v2/{}/{path}", self.name)).await
    }

    pub async fn head(&self, path: &str) -> Response {
        self.client.request(Method::HEAD, &format!("/v2/{}/{path}", self.name)).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.client.delete(&format!("/v2/{}/{path}", self.name)).await
    }

    /// Pushes a blob in one request, which must succeed.
    pub async fn push_blob(&self, bytes: &[u8]) {
        let path = format!("/v2/{}/blobs/uploads/?digest={}", self.name, sha256(bytes));
        let response = self.client.post(&path, "application/octet-stream", bytes.to_vec()).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{}", response.text().await.unwrap());
    }

    /// Pushes a manifest under its own media type.
    pub async fn push_manifest(&self, reference: &str, manifest: &Value) -> Response {
        let media_type = manifest["mediaType"].as_str().unwrap();
        self.push_text(reference, Some(media_type), manifest.to_string()).await
    }

    pub async fn push_text(
        &self,
        reference: &str,
        content_type: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let mut request = self.client.request(Method::PUT, &format!("/v2/{}/manifests/{reference}", self.name));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(body).send().await.unwrap()
    }

    /// Pushes the blobs of a WebAssembly artifact as `wkg` makes it at a time, and answers its manifest.
    pub async fn wasm(&self, created: &str, layer: &[u8]) -> Value {
        let config = json!({
            "created": created, "author": null, "architecture": "wasm", "os": "wasip2", "layerDigests": [sha256(layer)],
            "component": {"exports": [], "imports": [], "target": null},
        });
        let config = config.to_string().into_bytes();
        self.push_blob(&config).await;
        self.push_blob(layer).await;
        manifest(&descriptor(WASM_CONFIG, &config), &[descriptor(WASM, layer)])
    }

    /// Pushes a WebAssembly artifact as `wkg` does at a time.
    pub async fn push_wasm(&self, tag: &str, created: &str, layer: &[u8]) -> Response {
        let manifest = self.wasm(created, layer).await;
        self.push_manifest(tag, &manifest).await
    }
}

/// An answer that must be an error in the shape of the specification, with its code and this registry's own.
pub async fn expect_oci_error(response: Response, status: u16, code: &str, own_code: &str) -> String {
    let found = response.status();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{found} {text}"));
    let error = &body["errors"][0];
    assert_eq!(
        (found.as_u16(), error["code"].as_str().unwrap(), error["detail"]["code"].as_str().unwrap()),
        (status, code, own_code),
        "{text}"
    );
    let details = error["detail"]["details"].as_array().map(|details| format!(" {details:?}")).unwrap_or_default();
    format!("{}{details}", error["message"].as_str().unwrap())
}
