//! The HTTP API (`docs/api.md`): extract, call the application, respond.

mod access;
mod archives;
mod body;
mod components;
mod cors;
mod discovery;
mod document;
mod error;
mod extract;
mod health;
mod namespaces;
mod oci;
mod packages;
mod page;
mod pages;
mod place;
mod range;
mod releases;
mod representation;
mod request;
mod respond;
mod search;
mod tokens;
mod unread;

use crate::app::App;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What every handler can reach.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    app: Arc<App>,
    /// One permit for each KiB of uploads in memory.
    upload_memory: Arc<Semaphore>,
}

/// All routes of the server, with what happens around each: from the last layer, which is the outermost, inwards.
pub(crate) fn router(app: Arc<App>) -> Router {
    let upload_memory = Arc::new(Semaphore::new(app.limits().uploads_size_bytes_max / body::PERMIT_SIZE_BYTES));
    let state = ApiState { app, upload_memory };
    let (router, _) = routes().split_for_parts();
    router
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(representation::compression())
        // Their clients compute digests of what they receive and look at its length, so it is sent as it is.
        .nest("/v2", oci::router(&state))
        .route("/v2/", oci::root(&state))
        .layer(from_fn(representation::choose))
        .layer(from_fn_with_state(state.clone(), access::guard))
        .layer(cors::reads())
        .layer(from_fn(cors::options))
        .layer(from_fn_with_state(state.clone(), request::handle))
        .with_state(state)
}

/// Every route with its description. What is not added by `routes!` would be missing in the document.
fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(document::Outline::openapi())
        .nest("/v1", version_1())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(discovery::wasm_packages))
        .routes(routes!(document::openapi))
        .routes(routes!(pages::front))
        .routes(routes!(pages::api))
        .routes(routes!(pages::style))
}

fn version_1() -> OpenApiRouter<ApiState> {
    OpenApiRouter::default()
        .routes(routes!(packages::publish))
        .routes(routes!(packages::record))
        .routes(routes!(packages::wit))
        .routes(routes!(packages::flat))
        .routes(routes!(packages::closure))
        .routes(routes!(archives::package))
        .routes(routes!(components::publish))
        .routes(routes!(components::record))
        .routes(routes!(components::wasm))
        .routes(routes!(components::wit))
        .routes(routes!(components::flat))
        .routes(routes!(components::closure))
        .routes(routes!(releases::list))
        .routes(routes!(releases::release))
        .routes(routes!(archives::release))
        .routes(routes!(releases::yank, releases::unyank))
        .routes(routes!(releases::deprecate, releases::undeprecate))
        .routes(routes!(releases::missing))
        .routes(routes!(search::search))
        .routes(routes!(search::items))
        .routes(routes!(search::users))
        .routes(routes!(search::dependents))
        .routes(routes!(search::hashes))
        .routes(routes!(search::sha256))
        .routes(routes!(tokens::whoami))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(namespaces::list, namespaces::claim))
        .routes(routes!(namespaces::show, namespaces::set))
        .routes(routes!(namespaces::add_owner, namespaces::remove_owner))
}

#[cfg(test)]
mod tests {
    use super::{document, routes};
    use std::collections::BTreeSet;

    /// The paths that the router itself knows, as its `Debug` lists them.
    fn routed() -> BTreeSet<String> {
        let (router, _) = routes().split_for_parts();
        let text = format!("{router:?}");
        let quoted = text.split('"').skip(1).step_by(2);
        let is_fallback = |path: &str| path.contains("__private__");
        quoted.filter(|path| path.starts_with('/') && !is_fallback(path)).map(str::to_owned).collect()
    }

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let described: BTreeSet<String> = document::document().paths.paths.keys().cloned().collect();
        assert_eq!(routed(), described);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_is() {
        let mut ids = BTreeSet::new();
        for (path, item) in &document::document().paths.paths {
            for operation in [&item.get, &item.put, &item.post, &item.delete, &item.patch].into_iter().flatten() {
                assert!(operation.operation_id.clone().is_some_and(|id| ids.insert(id)), "{path}");
                assert!(operation.summary.is_some() && operation.tags.is_some(), "{path}");
            }
        }
    }
}
