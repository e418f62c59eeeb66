//! Plain HTTP: what anybody could send.

use registry_core::id::{ComponentHash, PackageHash};
use registry_core::wire::{ComponentRecord, ErrorBody, NamespaceClaim, PackageRecord, PublishPackage, Published};
use registry_core::wit::SourceFile;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    url: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Client {
    /// A client that takes answers as they are.
    pub fn new(url: String) -> Self {
        Self::with(url, false)
    }

    /// A client that accepts compressed answers and unpacks them.
    pub fn accepting_gzip(url: String) -> Self {
        Self::with(url, true)
    }

    fn with(url: String, accepts_gzip: bool) -> Self {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http =
            reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().gzip(accepts_gzip).build().unwrap();
        Self { url, token: None, http }
    }

    /// The same client with a token, which it sends with every request.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client without a token.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// A GET that must succeed.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// A GET that must succeed.
    pub async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, content_type);
        request.body(body).send().await.unwrap()
    }

    /// The line that gives the token in a request that is written by hand.
    pub fn authorization(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"))
    }

    /// A request with a JSON body.
    pub async fn send_json(&self, method: Method, path: &str, body: &impl Serialize) -> Response {
        self.request(method, path).json(body).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.unwrap()
    }

    /// Makes the token's account the owner of a namespace, which must succeed.
    pub async fn claim(&self, namespace: &str) {
        let claim = NamespaceClaim { name: namespace.to_owned() };
        let response = self.send_json(Method::POST, "/v1/namespaces", &claim).await;
        assert!(response.status().is_success(), "{namespace}: {}", response.status());
    }

    pub async fn post_package(&self, request: &PublishPackage) -> Response {
        self.post("/v1/packages", "application/json", serde_json::to_vec(request).unwrap()).await
    }

    pub async fn post_wit(&self, text: &str) -> Response {
        self.post_package(&one_file(text)).await
    }

    /// Publishes one WIT file, which must succeed.
    pub async fn publish_wit(&self, text: &str) -> Published<PackageRecord> {
        expect_published(self.post_wit(text).await).await
    }

    /// Publishes a component, which must succeed.
    pub async fn publish_component(&self, bytes: Vec<u8>) -> Published<ComponentRecord> {
        expect_published(self.post("/v1/components", "application/wasm", bytes).await).await
    }
}

pub fn one_file(text: &str) -> PublishPackage {
    PublishPackage { files: vec![SourceFile::new("package.wit", text)], expected: None }
}

/// 201 for what is new, 200 for what was there: and the body says the same.
pub async fn expect_published<T: DeserializeOwned>(response: Response) -> Published<T> {
    let status = response.status();
    let body = response.text().await.unwrap();
    assert!(status.is_success(), "{status} {body}");
    let published: Published<T> = serde_json::from_str(&body).unwrap();
    assert_eq!(status, if published.created { StatusCode::CREATED } else { StatusCode::OK });
    published
}

/// An answer that must be an error in the one shape.
pub async fn expect_error(response: Response, status: u16, code: &str) -> ErrorBody {
    let (found, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body: ErrorBody = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{found} {text}"));
    assert_eq!((found.as_u16(), body.code.as_str()), (status, code), "{text}");
    assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "application/json");
    assert!(headers.contains_key("x-request-id"));
    assert!(!body.message.ends_with('.'), "{text}");
    body
}

/// Some package hash that nothing has: the digest of an empty text in another domain.
pub fn unknown_package() -> PackageHash {
    PackageHash::from_digest(registry_core::hash::blob(registry_core::hash::Domain::BLOB, b""))
}

/// Some component hash that nothing has.
pub fn unknown_component() -> ComponentHash {
    ComponentHash::of(b"nobody published this")
}
