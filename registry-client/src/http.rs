//! HTTP with bounded time, bounded answers and typed errors.

use crate::error::ClientError;
use crate::limits::TransportLimits;
use futures::StreamExt;
use registry_core::limits::LimitExceeded;
use registry_core::wire::ErrorBody;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// What every token begins with, so that scanners find those that were published by mistake.
pub(crate) const TOKEN_PREFIX: &str = "regt_";

/// The hexadecimal digits that follow: 32 random bytes.
const TOKEN_DIGITS: usize = 64;

/// An HTTP client as this project sets it up, for the URL of a registry: with TLS where the URL has it, without
/// redirects, and past any proxy when the registry is on this machine.
///
/// # Errors
/// If TLS cannot be set up.
pub fn http_client(url: &Url, limits: &TransportLimits) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls_configuration(url)?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits.connect_time_max)
        .read_timeout(limits.silence_time_max)
        .timeout(limits.request_time_max);
    if is_this_machine(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(ClientError::Setup)
}

/// The system's certificates are read only where they are needed: a machine without any can use `http`.
fn tls_configuration(url: &Url) -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?;
    if url.scheme() == "https" {
        return Ok(builder.with_platform_verifier().map_err(ClientError::Tls)?.with_no_client_auth());
    }
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// Whether a URL names this machine, so that what is sent there never leaves it.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Sends requests and reads answers within the limits.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    limits: TransportLimits,
    token: Option<SecretString>,
    is_offline: bool,
}

/// The body of a request, with its content type.
pub(crate) struct Body {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// How large an answer may be, and the limit that says so.
#[derive(Clone, Copy)]
pub(crate) struct SizeLimit {
    bytes_max: usize,
    name: &'static str,
}

impl SizeLimit {
    pub(crate) fn new(bytes_max: usize, name: &'static str) -> Self {
        Self { bytes_max, name }
    }

    fn check(&self, url: &Url, found: usize) -> Result<(), Failure> {
        let what = format!("the size of the answer of `{}` in bytes", shown(url));
        let checked = LimitExceeded::check(what, found, self.bytes_max, self.name);
        checked.map_err(|error| Failure { error: error.into(), pause: None })
    }
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// A failed attempt, and how long to wait before the next if one makes sense.
struct Failure {
    error: ClientError,
    pause: Option<Duration>,
}

impl Http {
    pub(crate) fn new(url: &Url, limits: TransportLimits) -> Result<Self, ClientError> {
        Ok(Self { client: http_client(url, &limits)?, limits, token: None, is_offline: false })
    }

    pub(crate) fn set_token(&mut self, token: SecretString) {
        self.token = Some(token);
    }

    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// From now on every request is an error, and nothing is sent.
    pub(crate) fn go_offline(&mut self) {
        self.is_offline = true;
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline
    }

    /// Asks; a question that failed for want of a connection, or by the registry's own fault, is asked again.
    pub(crate) async fn get(&self, url: Url, size: SizeLimit) -> Result<Answer, ClientError> {
        let mut pause = self.limits.first_pause;
        let mut attempt = 1;
        loop {
            let failure = match self.send(self.request(Method::GET, &url)?, &url, size).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(asked_for) = failure.pause.filter(|_| attempt < self.limits.attempts_max) else {
                return Err(failure.error);
            };
            tracing::debug!(url = shown(&url), attempt, error = %failure.error, "asking the registry again");
            tokio::time::sleep(pause.max(asked_for)).await;
            pause *= 3;
            attempt += 1;
        }
    }

    /// Sends something that may change the registry, once.
    pub(crate) async fn send_once(
        &self,
        method: Method,
        url: Url,
        body: Option<Body>,
        size: SizeLimit,
    ) -> Result<Answer, ClientError> {
        let mut request = self.request(method, &url)?;
        if let Some(Body { content_type, bytes }) = body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(content_type)).body(bytes);
        }
        self.send(request, &url, size).await.map_err(|failure| failure.error)
    }

    /// A request with the token. No redirect is ever followed, so that the token goes nowhere else.
    fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, ClientError> {
        if self.is_offline {
            return Err(ClientError::Offline { url: shown(url) });
        }
        let request = self.client.request(method, url.clone());
        let Some(token) = &self.token else {
            return Ok(request);
        };
        // A name and a password in the URL would be a second header of this name; `headers` replaces that.
        Ok(request.headers(HeaderMap::from_iter([(AUTHORIZATION, bearer(token)?)])))
    }

    async fn send(&self, request: RequestBuilder, url: &Url, size: SizeLimit) -> Result<Answer, Failure> {
        let response = request.send().await.map_err(|error| self.transport_failure(url, error))?;
        let status = response.status();
        if status.is_success() {
            let body = self.read(response, url, size).await?;
            tracing::debug!(url = shown(url), %status, size_bytes = body.len(), "the registry answered");
            return Ok(Answer { url: url.clone(), status, body });
        }
        let pause = status.is_server_error().then(|| self.asked_pause(&response));
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let size = SizeLimit::new(self.limits.record_size_bytes_max, "record_size_bytes_max");
        let body = self.read(response, url, size).await?;
        Err(Failure { error: self.refusal(url, status, location.as_deref(), &body), pause })
    }

    fn asked_pause(&self, response: &Response) -> Duration {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Duration::from_secs(seconds.unwrap_or(0)).min(self.limits.pause_max)
    }

    async fn read(&self, response: Response, url: &Url, size: SizeLimit) -> Result<Vec<u8>, Failure> {
        let announced = response.content_length().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        size.check(url, announced)?;
        let mut body = Vec::with_capacity(announced);
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| self.transport_failure(url, error))?;
            size.check(url, body.len() + part.len())?;
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn refusal(&self, url: &Url, status: StatusCode, location: Option<&str>, body: &[u8]) -> ClientError {
        if let Ok(mut body) = serde_json::from_slice::<ErrorBody>(body) {
            body.details.truncate(self.limits.error_details_max);
            let texts = [&mut body.code, &mut body.message].into_iter().chain(&mut body.hint);
            for text in texts.chain(&mut body.details) {
                *text = text.chars().take(self.limits.error_text_chars_max).collect();
            }
            return ClientError::Refused { url: shown(url), status: status.as_u16(), body };
        }
        let reason = match location {
            Some(location) => format!("it redirects to `{location}`; use that registry's URL if you trust it"),
            None => format!("it answers with HTTP status {status}"),
        };
        ClientError::Answer { url: shown(url), reason }
    }

    fn transport_failure(&self, url: &Url, error: reqwest::Error) -> Failure {
        let url = shown(url);
        if error.is_timeout() && !error.is_connect() {
            let (silence, total) = (self.limits.silence_time_max, self.limits.request_time_max);
            return Failure { error: ClientError::Timeout { url, silence, total }, pause: None };
        }
        let pause = Some(Duration::ZERO);
        Failure { error: ClientError::Unreachable { url, source: error.without_url() }, pause }
    }
}

/// The header that carries a token. Whatever else stands where a token should be is kept from the registry.
fn bearer(token: &SecretString) -> Result<HeaderValue, ClientError> {
    let token = token.expose_secret();
    let digits = token.strip_prefix(TOKEN_PREFIX).ok_or(ClientError::TokenForm)?;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != TOKEN_DIGITS || !digits.bytes().all(is_digit) {
        return Err(ClientError::TokenForm);
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ClientError::TokenForm)?;
    header.set_sensitive(true);
    Ok(header)
}

/// A URL as it may be shown: a password in it is nobody's business.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Only a URL without a host refuses a password, and that has none to begin with.
        let _ = url.set_password(Some("***"));
    }
    url.into()
}
