//! The registry under test, and what a client of the specification does with it.

use super::content::{Algorithm, Blob, Manifest};
use crate::support::client::Client;
use crate::support::server::{self, TestServer};
use bytes::Bytes;
use registry_server::{Config, ServerLimits};
use reqwest::header::HeaderMap;
use reqwest::{Body, Method};
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The namespace that takes artifacts of every kind.
pub const NAMESPACE: &str = "conformance";

/// The error codes of the specification.
const ERROR_CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// A registry that is running, and a client that may do everything there.
pub struct Registry {
    client: Client,
    /// This project's server; it stops when this is dropped.
    server: Option<(TestServer, TempDir)>,
}

/// The registries that every requirement is tried on: ours on both databases, or the one that `OCI_TEST_URL` names.
pub async fn registries() -> Vec<Registry> {
    match std::env::var("OCI_TEST_URL") {
        Ok(url) => vec![Registry { client: Client::new(url), server: None }],
        Err(_) => ours().await,
    }
}

/// Our registry on both databases, for what it does of its own accord.
pub async fn ours() -> Vec<Registry> {
    ours_with(|_| {}).await
}

/// The same with another configuration.
pub async fn ours_with(change: impl Fn(&mut Config)) -> Vec<Registry> {
    let change = |config: &mut Config| {
        config.artifact_namespaces = vec![NAMESPACE.to_owned()];
        change(config);
    };
    let mut registries = Vec::new();
    for (dir, config) in server::configs(change).await {
        registries.push(Registry::start(dir, config).await);
    }
    registries
}

/// Our registry on SQLite alone, for what costs much and asks little of the database.
pub async fn ours_on_sqlite() -> Registry {
    let dir = TempDir::new().unwrap();
    let artifact_namespaces = vec![NAMESPACE.to_owned()];
    let config = Config { artifact_namespaces, ..server::config(dir.path(), ServerLimits::default()) };
    Registry::start(dir, config).await
}

impl Registry {
    async fn start(dir: TempDir, config: Config) -> Self {
        let server = TestServer::with_config(config).await;
        server.claim(NAMESPACE).await;
        Self { client: (*server).clone(), server: Some((server, dir)) }
    }

    /// The same registry for somebody else.
    pub fn of_client(client: Client) -> Self {
        Self { client, server: None }
    }

    /// Whether it is ours: then more can be expected than the specification asks for.
    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }

    /// The client, which has the operator's token.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Somebody without credentials.
    pub fn anonymous(&self) -> Registry {
        Self::of_client(self.client.anonymous())
    }

    /// A repository in which there is nothing yet.
    pub fn repository(&self) -> Repository<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        self.named(&format!("{NAMESPACE}/r{}-{number}", std::process::id()))
    }

    /// A repository of the given name.
    pub fn named(&self, name: &str) -> Repository<'_> {
        Repository { registry: self, name: name.to_owned() }
    }

    /// Sends a request to a path, or to where an answer's `location` leads.
    pub async fn send(&self, method: &str, location: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let path = location.strip_prefix(self.client.url()).unwrap_or(location);
        assert!(path.starts_with('/'), "`{location}` leads to somewhere else");
        let method: Method = method.parse().unwrap();
        let request = format!("{method} {path}");
        let builder = self.client.request(method, path).body(body);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let response = builder.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap(), request }
    }

    /// A GET without further headers.
    pub async fn get(&self, location: &str) -> Answer {
        self.send("GET", location, &[], "").await
    }

    /// A HEAD without further headers. Its answer never has a body.
    pub async fn head(&self, location: &str) -> Answer {
        let answer = self.send("HEAD", location, &[], "").await;
        assert!(answer.body.is_empty(), "{answer}");
        answer
    }
}

/// A repository of a registry.
pub struct Repository<'a> {
    pub registry: &'a Registry,
    pub name: String,
}

impl Repository<'_> {
    /// An address below the repository's name.
    pub fn at(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    pub fn blob_at(&self, blob: &Blob) -> String {
        self.at(&format!("blobs/{}", blob.digest))
    }

    pub fn manifest_at(&self, reference: &str) -> String {
        self.at(&format!("manifests/{reference}"))
    }

    /// Begins an upload and answers where its content goes.
    pub async fn begin(&self) -> String {
        self.registry.send("POST", &self.at("blobs/uploads/"), &[], "").await.expect(202).location()
    }

    /// Pushes a blob with a POST and a PUT.
    pub async fn push_blob(&self, blob: &Blob) -> Answer {
        let location = closing(&self.begin().await, &blob.digest);
        self.registry.send("PUT", &location, &[OCTETS], blob.bytes.clone()).await
    }

    /// Pushes a manifest under a tag or a digest.
    pub async fn push_manifest(&self, manifest: &Manifest, reference: &str) -> Answer {
        let content_type = ("content-type", manifest.media_type.as_str());
        self.registry.send("PUT", &self.manifest_at(reference), &[content_type], manifest.bytes.clone()).await
    }

    /// The blob is there, and is what it was.
    pub async fn expect_blob(&self, blob: &Blob) {
        self.expect_blob_at(&self.blob_at(blob), blob).await;
    }

    /// The blob is where an answer's `location` leads.
    pub async fn expect_blob_at(&self, location: &str, blob: &Blob) {
        let (got, head) =
            (self.registry.get(location).await.expect(200), self.registry.head(location).await.expect(200));
        assert!(got.body == blob.bytes, "{got}");
        for answer in [&got, &head] {
            assert_eq!(answer.header("content-length"), blob.bytes.len().to_string(), "{answer}");
            assert_eq!(answer.header("docker-content-digest"), blob.digest, "{answer}");
        }
    }

    /// The manifest is there under a tag or a digest, and is what it was.
    pub async fn expect_manifest(&self, reference: &str, manifest: &Manifest) {
        self.expect_manifest_at(&self.manifest_at(reference), manifest).await;
    }

    /// The manifest is where an answer's `location` leads.
    pub async fn expect_manifest_at(&self, location: &str, manifest: &Manifest) {
        let accept = ("accept", manifest.media_type.as_str());
        let got = self.registry.send("GET", location, &[accept], "").await.expect(200);
        let head = self.registry.send("HEAD", location, &[accept], "").await.expect(200);
        assert!(got.body == manifest.bytes && head.body.is_empty(), "{got}");
        for answer in [&got, &head] {
            assert_eq!(answer.header("content-type"), manifest.media_type, "{answer}");
            assert_eq!(answer.header("content-length"), manifest.bytes.len().to_string(), "{answer}");
            let digest = answer.header("docker-content-digest");
            assert_eq!(digest, Algorithm::of_digest(digest).digest(&manifest.bytes), "{answer}");
        }
    }

    /// The tags, all at once.
    pub async fn tags(&self) -> Vec<String> {
        self.registry.get(&self.at("tags/list")).await.expect(200).tags(&self.name)
    }
}

/// The header of bytes of any kind.
pub const OCTETS: (&str, &str) = ("content-type", "application/octet-stream");

/// Where the PUT that closes an upload goes. The location may have parameters already.
pub fn closing(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

/// What a registry answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    request: String,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]);
        write!(f, "{} -> {} {:?} {text}", self.request, self.status, self.headers)
    }
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// A header that must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.optional(name).unwrap_or_else(|| panic!("no `{name}`: {self}"))
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn location(&self) -> String {
        self.header("location").to_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The list of tags that this is.
    #[track_caller]
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let list = self.json();
        assert_eq!(list["name"], repository, "{self}");
        list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
    }

    /// An error as the specification shapes it, with one of its codes; answers that code.
    #[track_caller]
    pub fn error_code(&self) -> String {
        assert!(self.header("content-type").starts_with("application/json"), "{self}");
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{self}"));
        assert_eq!((errors.len(), body.as_object().unwrap().len()), (1, 1), "{self}");
        let code = errors[0]["code"].as_str().unwrap_or_else(|| panic!("{self}"));
        assert!(ERROR_CODES.contains(&code), "{self}");
        assert!(errors[0]["message"].as_str().is_some_and(|message| !message.is_empty()), "{self}");
        code.to_owned()
    }

    /// An error with the given status and code.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.error_code().as_str()), (status, code), "{self}");
    }

    /// Our own word for the error.
    #[track_caller]
    pub fn own_code(&self) -> String {
        self.json()["errors"][0]["detail"]["code"].as_str().unwrap_or_else(|| panic!("{self}")).to_owned()
    }

    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap().to_owned()
    }
}
