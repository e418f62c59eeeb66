//! `/v1/namespaces`.

use super::ApiState;
use super::access::Authenticated;
use super::body::read_json;
use super::document::{Guarded, Identifier, Lookup, Upload};
use super::error::ApiError;
use super::extract::{Asked, NameInPath, NamespaceInPath};
use super::{page, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use registry_core::name::check_identifier;
use registry_core::wire::{ErrorBody, Namespace, NamespaceClaim, NamespaceList, NamespaceSettings};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamespacesQuery {
    after: Option<String>,
    limit: Option<usize>,
}

type Answer = Result<Response, ApiError>;

/// All namespaces
///
/// In the order of their names.
#[utoipa::path(get, path = "/namespaces", tag = "Namespaces", operation_id = "namespaces",
    params(
        ("after" = Option<String>, Query, description = "What the page before said as `next`"),
        ("limit" = Option<u32>, Query, description = "Elements of a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "One page of them", body = NamespaceList),
        (status = 400, description = "The address is not valid", body = ErrorBody)))]
pub(super) async fn list(State(state): State<ApiState>, Asked(query): Asked<NamespacesQuery>) -> Answer {
    let length = page::length(query.limit, state.app.limits())?;
    let after = query.after.unwrap_or_default();
    if !after.is_empty() && check_identifier(&after).is_err() {
        return Err(page::invalid_cursor());
    }
    Ok(respond::named_json(&state.app.namespaces(&after, length).await?))
}

/// A namespace
///
/// Who owns it, and whether its releases must be compatible.
#[utoipa::path(get, path = "/namespaces/{namespace}", tag = "Namespaces", operation_id = "namespace",
    params(("namespace" = Identifier, Path, description = "The namespace")),
    responses((status = 200, description = "The namespace", body = Namespace), Lookup))]
pub(super) async fn show(State(state): State<ApiState>, NamespaceInPath(name): NamespaceInPath) -> Answer {
    Ok(respond::named_json(&state.app.namespace(&name).await?))
}

/// Claim a namespace
///
/// It belongs to the token's account if it is nobody's.
#[utoipa::path(post, path = "/namespaces", tag = "Namespaces", operation_id = "claim_namespace",
    request_body = NamespaceClaim,
    responses(
        (status = 201, description = "It belongs to the account now", body = Namespace),
        (status = 200, description = "It belonged to the account already", body = Namespace),
        (status = 409, description = "It belongs to others, or looks like another", body = ErrorBody),
        Upload,
        Guarded,
    ),
    security(("token" = ["admin"])))]
pub(super) async fn claim(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let upload = read_json(&state, &headers, body).await?;
    let (is_new, namespace) = state.app.claim_namespace(&caller, &upload.bytes).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, respond::json(&namespace)).into_response())
}

/// Change a namespace's settings
///
/// For the operator.
#[utoipa::path(patch, path = "/namespaces/{namespace}", tag = "Namespaces", operation_id = "set_namespace",
    params(("namespace" = Identifier, Path, description = "The namespace")),
    request_body = NamespaceSettings,
    responses((status = 200, description = "The namespace as it is now", body = Namespace), Upload, Lookup, Guarded),
    security(("token" = ["admin"])))]
pub(super) async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    NamespaceInPath(name): NamespaceInPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let upload = read_json(&state, &headers, body).await?;
    Ok(respond::json(&state.app.set_namespace(&caller, &name, &upload.bytes).await?))
}

/// Add an owner
///
/// Owners publish, yank, and change the owners.
#[utoipa::path(put, path = "/namespaces/{namespace}/owners/{account}", tag = "Namespaces", operation_id = "add_owner",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("account" = Identifier, Path, description = "The account"),
    ),
    responses(
        (status = 200, description = "The namespace as it is now", body = Namespace),
        (status = 422, description = "There is no such account", body = ErrorBody),
        Lookup,
        Guarded,
    ),
    security(("token" = ["admin"])))]
pub(super) async fn add_owner(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    NameInPath(name, account): NameInPath,
) -> Answer {
    Ok(respond::json(&state.app.add_owner(&caller, &name, &account).await?))
}

/// Remove an owner
///
/// A namespace is never without one.
#[utoipa::path(delete, path = "/namespaces/{namespace}/owners/{account}", tag = "Namespaces",
    operation_id = "remove_owner",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("account" = Identifier, Path, description = "The account"),
    ),
    responses(
        (status = 200, description = "The namespace as it is now", body = Namespace),
        (status = 409, description = "It is the last owner", body = ErrorBody),
        (status = 422, description = "There is no such account", body = ErrorBody),
        Lookup,
        Guarded,
    ),
    security(("token" = ["admin"])))]
pub(super) async fn remove_owner(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    NameInPath(name, account): NameInPath,
) -> Answer {
    Ok(respond::json(&state.app.remove_owner(&caller, &name, &account).await?))
}
