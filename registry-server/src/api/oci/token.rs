//! `/v2/token`: where clients get a Bearer token, as Docker's token specification and OAuth 2 have it
//! (<https://distribution.github.io/distribution/spec/auth/token/>).
//!
//! Nothing is made here. Who gives one of our tokens gets the same back, so there is no second kind of secret to keep, to
//! revoke or to lose; who gives nothing gets a word that stands for nobody, because clients that prefer `Bearer` ask for
//! a token even to read what everybody may read.

use super::auth::{self, token_required};
use super::error::OciError;
use crate::api::ApiState;
use crate::api::body::{SizeLimit, read};
use crate::api::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use oci_spec::distribution::ErrorCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::form_urlencoded;

/// The address below `/v2`. It has one part, so it is no repository's.
pub(super) const PATH: &str = "/token";

/// The token of those who have none.
pub(super) const ANONYMOUS: &str = "anonymous";

/// The answer. Some clients read the one name of the token, some the other.
#[derive(Serialize)]
struct Granted<'a> {
    token: &'a str,
    access_token: &'a str,
    /// Seconds after which a client asks again.
    expires_in: u64,
    issued_at: Timestamp,
}

/// For credentials in the header.
pub(super) async fn by_header(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, OciError> {
    grant(&state, auth::secret(&headers)?).await
}

/// For credentials in a form, as OAuth 2 has it.
pub(super) async fn by_form(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OciError> {
    let size_bytes_max = state.app.limits().request_json_size_bytes_max;
    let form = read(&state, &headers, body, SizeLimit { size_bytes_max, name: "request_json_size_bytes_max" }).await?;
    let value = |name: &str| {
        let mut fields = form_urlencoded::parse(&form.bytes);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
    };
    let secret = match value("grant_type").as_deref() {
        Some("password") => value("password"),
        // What was answered as a token is good for this as well, because it is one of ours.
        Some("refresh_token") => value("refresh_token"),
        _ => return Err(unknown_grant()),
    };
    let secret = secret.filter(|secret| !["", ANONYMOUS].contains(&secret.as_str()));
    grant(&state, secret.map(SecretString::from)).await
}

async fn grant(state: &ApiState, secret: Option<SecretString>) -> Result<Response, OciError> {
    let issued_at = Timestamp::now();
    let Some(secret) = secret else {
        return match state.app.is_private() {
            true => Err(token_required(state)),
            false => Ok(granted(ANONYMOUS, state.app.limits().oci_token_duration_max.as_secs(), issued_at)),
        };
    };
    let caller = state.app.authenticate(&secret).await?;
    let expires_in = state.app.token_duration(&caller, issued_at).as_secs();
    Ok(granted(secret.expose_secret(), expires_in, issued_at))
}

fn granted(token: &str, expires_in: u64, issued_at: Timestamp) -> Response {
    respond::momentary_json(&Granted { token, access_token: token, expires_in, issued_at })
}

fn unknown_grant() -> OciError {
    let message = "`grant_type` is neither `password` nor `refresh_token`";
    OciError::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, "unsupported_grant", message)
}
