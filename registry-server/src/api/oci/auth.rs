//! Who an OCI client speaks for: a token of this registry as the password of Basic credentials, or as it is.
//!
//! What the challenges are is measured with `skopeo` 1.9 and `wkg` 0.16, which is `oci-client` 0.17 in this:
//!
//! - Both begin with `GET /v2/` without credentials, and look at nothing but the challenges of the refusal. `wkg` does so
//!   again before nearly every request, unless it has a Bearer token already.
//! - `wkg` reads the first challenge alone. After `Basic` it sends the credentials that it has, or none, and shows what is
//!   wrong with them. After `Bearer` it asks the token endpoint, and if that refuses its password, goes on as nobody: who
//!   mistyped a token would not learn it before publishing. So `Basic` stands first.
//! - `skopeo` takes the first that it knows. Having no credentials, it sends `Basic` ones with nothing in them, or asks for
//!   a Bearer token without any.
//! - Those that know or prefer `Bearer` alone need a token even to read what is open to everybody: see [`super::token`].

use super::error::OciError;
use super::repository_of;
use super::token::ANONYMOUS;
use crate::api::ApiState;
use crate::api::place::Place;
use crate::app::{AppError, Caller};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::headers::authorization::{Basic, Bearer};
use axum_extra::headers::{Authorization, HeaderMapExt};
use oci_spec::distribution::ErrorCode;
use secrecy::{ExposeSecret, SecretString};

/// What Docker's clients recognise a registry by.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));

const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The one who pushes. Without a good token the request ends here.
pub(super) struct Pusher(pub(super) Caller);

/// Somebody who may read: anybody, unless the registry is private. Credentials that are given must be good all the same.
pub(super) struct Reader;

/// Who asks, once [`admit`] has looked at the credentials.
#[derive(Debug, Clone)]
struct Visitor(Option<Caller>);

impl FromRequestParts<ApiState> for Pusher {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, OciError> {
        visitor(parts, state).await?.map(Self).ok_or_else(|| token_required(state))
    }
}

impl FromRequestParts<ApiState> for Reader {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, OciError> {
        match visitor(parts, state).await? {
            None if state.app.is_private() => Err(token_required(state)),
            _ => Ok(Self),
        }
    }
}

/// Stands around everything below `/v2`: whoever gives credentials must give good ones, nobody without them sees
/// anything of a private registry, and those who are refused are told how they can prove who they are.
pub(super) async fn admit(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let challenges = Challenges::to(&request, &state);
    let is_open = request.uri().path() == super::token::PATH || !state.app.is_private();
    let mut response = match given(request.headers(), &state).await {
        Ok(None) if !is_open => token_required(&state).into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(Visitor(caller));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        challenges.add_to(response.headers_mut());
    }
    let (name, version) = API_VERSION;
    response.headers_mut().insert(name, version);
    response
}

async fn visitor(parts: &Parts, state: &ApiState) -> Result<Option<Caller>, OciError> {
    match parts.extensions.get::<Visitor>() {
        Some(Visitor(caller)) => Ok(caller.clone()),
        None => given(&parts.headers, state).await,
    }
}

async fn given(headers: &HeaderMap, state: &ApiState) -> Result<Option<Caller>, OciError> {
    match secret(headers)? {
        Some(secret) => Ok(Some(state.app.authenticate(&secret).await?)),
        None => Ok(None),
    }
}

/// An answer to those who give no credentials where they are needed.
pub(super) fn token_required(state: &ApiState) -> OciError {
    AppError::TokenRequired { is_local: state.app.is_local() }.into()
}

/// The token that a request gives. Whom it belongs to is known from the token, so user names are not looked at; nothing
/// in the place of a token is none, and neither is the one that everybody gets.
pub(super) fn secret(headers: &HeaderMap) -> Result<Option<SecretString>, OciError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let secret = if has_scheme(value, "basic") {
        headers.typed_get::<Authorization<Basic>>().map(|basic| SecretString::from(basic.password()))
    } else {
        headers.typed_get::<Authorization<Bearer>>().map(|bearer| SecretString::from(bearer.token()))
    };
    let secret = secret.ok_or_else(|| {
        let message = "the `authorization` header is neither `Basic` with a token as the password nor `Bearer regt_…`";
        OciError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "token_invalid", message)
    })?;
    Ok(Some(secret).filter(|secret| !["", ANONYMOUS].contains(&secret.expose_secret())))
}

fn has_scheme(value: &HeaderValue, scheme: &str) -> bool {
    let begin = value.as_bytes().get(..scheme.len()).unwrap_or_default();
    begin.eq_ignore_ascii_case(scheme.as_bytes())
}

/// The ways in which a client can prove who it is.
struct Challenges {
    bearer: Option<HeaderValue>,
}

impl Challenges {
    /// `Bearer` names the address of the token endpoint with its scheme. Where that is not known it is left out: a client
    /// must not be sent to `http` with its password if there is TLS before this server.
    fn to(request: &Request, state: &ApiState) -> Self {
        if request.uri().path() == super::token::PATH {
            return Self { bearer: None };
        }
        let place = Place::of(&state.app, request.headers());
        let bearer = place.and_then(|place| {
            let origin = place.origin?;
            let realm = format!("Bearer realm=\"{origin}/v2{}\",service=\"{}\"", super::token::PATH, place.authority);
            let text = format!("{realm}{}{}", scope(request), fault(request.headers()));
            HeaderValue::from_str(&text).ok()
        });
        Self { bearer }
    }

    fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(header::WWW_AUTHENTICATE, BASIC);
        if let Some(bearer) = self.bearer {
            headers.append(header::WWW_AUTHENTICATE, bearer);
        }
    }
}

/// What the request needs, in the words of Docker's token specification.
fn scope(request: &Request) -> String {
    let Some(repository) = repository_of(request.uri().path()) else { return String::new() };
    let actions = if matches!(*request.method(), Method::GET | Method::HEAD) { "pull" } else { "pull,push" };
    format!(",scope=\"repository:{repository}:{actions}\"")
}

/// What was wrong with the Bearer token of a request that is refused.
fn fault(headers: &HeaderMap) -> &'static str {
    match headers.typed_get::<Authorization<Bearer>>() {
        Some(bearer) if bearer.token() == ANONYMOUS => ",error=\"insufficient_scope\"",
        Some(_) => ",error=\"invalid_token\"",
        None => "",
    }
}
