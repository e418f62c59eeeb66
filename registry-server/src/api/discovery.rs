//! `/.well-known`: how a client that knows only the registry's host finds the rest.

use super::ApiState;
use super::document::Question;
use super::error::ApiError;
use super::place::Place;
use super::respond;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

/// How `wkg` speaks with this registry.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WasmPackages {
    /// `oci`.
    preferred_protocol: &'static str,
    /// Where it does so.
    oci: OciPlace,
}

/// An OCI registry whose repositories are `NAMESPACE/NAME`.
#[derive(Serialize, ToSchema)]
pub(super) struct OciPlace {
    /// The host, and the port if it is not the scheme's own.
    registry: String,
}

/// How `wkg` speaks with this registry
///
/// The metadata that the tools of the component model look for: packages and components are in the OCI registry at
/// `/v2/`.
#[utoipa::path(get, path = "/.well-known/wasm-pkg/registry.json", tag = "Pages", operation_id = "wasm_packages",
    responses((status = 200, description = "The metadata", body = WasmPackages), Question))]
pub(super) async fn wasm_packages(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let place = Place::of(&state.app, &headers).ok_or_else(no_host)?;
    let oci = OciPlace { registry: place.authority };
    Ok(respond::named_json(&WasmPackages { preferred_protocol: "oci", oci }))
}

fn no_host() -> ApiError {
    let message = "the `host` header is not a host with or without a port";
    let hint = Some("ask by the registry's own name, or run it with `--public-url`");
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_host", message, hint)
}
