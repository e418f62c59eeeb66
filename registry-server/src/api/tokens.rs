//! `/v1/whoami` and `/v1/tokens`.

use super::ApiState;
use super::access::Authenticated;
use super::body::read_json;
use super::document::{Guarded, Identifier, Lookup, Upload};
use super::error::ApiError;
use super::extract::{Asked, TokenInPath};
use super::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use registry_core::name::check_identifier;
use registry_core::wire::{CreateToken, CreatedToken, TokenList, Whoami};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensQuery {
    account: Option<String>,
}

type Answer = Result<Response, ApiError>;

/// Whom a token speaks for
///
/// Any token may ask.
#[utoipa::path(get, path = "/whoami", tag = "Accounts", operation_id = "whoami",
    responses((status = 200, description = "The account and the token", body = Whoami), Guarded),
    security(("token" = [])))]
pub(super) async fn whoami(State(state): State<ApiState>, Authenticated(caller): Authenticated) -> Answer {
    Ok(respond::momentary_json(&state.app.whoami(caller).await?))
}

/// Make a token
///
/// It can do no more than the token that makes it. The answer is the only one that ever holds its secret. Only the
/// operator makes tokens for other accounts; an account is there as soon as it has one.
#[utoipa::path(post, path = "/tokens", tag = "Accounts", operation_id = "create_token", request_body = CreateToken,
    responses((status = 201, description = "The token with its secret", body = CreatedToken), Upload, Guarded),
    security(("token" = ["admin"])))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let upload = read_json(&state, &headers, body).await?;
    let created = state.app.create_token(&caller, &upload.bytes).await?;
    Ok((StatusCode::CREATED, respond::momentary_json(&created)).into_response())
}

/// The tokens of an account
///
/// Without their secrets: those that are good, and then those that are revoked or expired, each from the newest on.
#[utoipa::path(get, path = "/tokens", tag = "Accounts", operation_id = "tokens",
    params(("account" = Option<Identifier>, Query, description = "Another account than the token's own; for the operator")),
    responses((status = 200, description = "The tokens", body = TokenList), Guarded,
        (status = 400, description = "The address is not valid", body = registry_core::wire::ErrorBody),
        (status = 422, description = "There is no such account", body = registry_core::wire::ErrorBody)),
    security(("token" = ["admin"])))]
pub(super) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Asked(query): Asked<TokensQuery>,
) -> Answer {
    query.account.as_deref().map_or(Ok(()), check_identifier).map_err(ApiError::in_address)?;
    Ok(respond::momentary_json(&state.app.tokens(&caller, query.account).await?))
}

/// Revoke a token
///
/// Any token may revoke itself.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "Accounts", operation_id = "revoke_token",
    params(("id" = String, Path, description = "The token's id", pattern = "^[0-9a-f]{16}$")),
    responses((status = 204, description = "It is revoked"), Lookup, Guarded),
    security(("token" = ["admin"])))]
pub(super) async fn revoke(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    TokenInPath(id): TokenInPath,
) -> Answer {
    state.app.revoke_token(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
