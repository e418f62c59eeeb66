//! `…/wit.tar.gz`: packages as `wit-deps` fetches them.

use super::ApiState;
use super::document::{Archive, ExactVersion, Identifier, Lookup};
use super::error::ApiError;
use super::extract::{HashInPath, ReleaseInPath};
use super::respond;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use registry_core::id::{ObjectHash, PackageHash};

const GZIP: HeaderValue = HeaderValue::from_static("application/gzip");
const PART: &str = "/wit.tar.gz";

type Answer = Result<Response, ApiError>;

/// A package with all its dependencies as an archive
///
/// Its WIT in `wit/`, that of its dependencies in `wit/deps/`, as `wit-deps` and `tar` read it. The bytes never change.
#[utoipa::path(get, path = "/packages/{hash}/wit.tar.gz", tag = "Packages", operation_id = "package_archive",
    params(("hash" = PackageHash, Path, description = "The package")),
    responses((status = 200, description = "The archive", body = Archive, content_type = "application/gzip"), Lookup))]
pub(super) async fn package(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    let archive = state.app.package_archive(&hash).await?;
    Ok(respond::download(ObjectHash::Package(hash), respond::immutable(GZIP, respond::tag(hash, PART), archive)))
}

/// A package's release with all its dependencies as an archive
///
/// The same bytes as by its hash. What a component needs is not one package, so a component's release has none.
#[utoipa::path(get, path = "/releases/{namespace}/{name}/{version}/wit.tar.gz", tag = "Names",
    operation_id = "release_archive",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    responses((status = 200, description = "The archive", body = Archive, content_type = "application/gzip"), Lookup))]
pub(super) async fn release(State(state): State<ApiState>, ReleaseInPath(name): ReleaseInPath) -> Answer {
    let hash = state.app.released_package(name).await?;
    let archive = state.app.package_archive(&hash).await?;
    Ok(respond::download(ObjectHash::Package(hash), respond::named_bytes(GZIP, respond::tag(hash, PART), archive)))
}
