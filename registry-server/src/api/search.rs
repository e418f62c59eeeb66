//! `/v1/search` and the questions who uses what.

use super::document::{Lookup, Question};
use super::error::ApiError;
use super::extract::{Asked, HashInPath, TextInPath};
use super::{ApiState, page, respond};
use crate::app::AppError;
use crate::store::{SearchKey, SearchKind, UserKey};
use axum::extract::State;
use axum::response::Response;
use registry_core::component::Direction;
use registry_core::id::{HashPrefix, InterfaceId, PackageHash};
use registry_core::name::InterfaceSpec;
use registry_core::wire::{
    DependentList, Found, HashMatches, InterfaceUser, InterfaceUserList, ItemKind, ItemList, SearchPage, Sha256Matches,
};
use serde::Deserialize;
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

type Answer = Result<Response, ApiError>;

/// What a search can be limited to.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// WIT packages.
    Package,
    /// Components.
    Component,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// Words: letters and digits; everything else separates them. All must be found, each as the beginning of a word
    #[param(max_length = 4096)]
    q: String,
    /// Only packages or only components
    kind: Option<Kind>,
    /// The `next` of the page before
    after: Option<String>,
    /// Items on a page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Search by words
///
/// In the names, items and documentation of the newest release of every name that is not yanked. Names come before
/// items, items before documentation, and each in the order of the names.
#[utoipa::path(get, path = "/search", tag = "Search", operation_id = "search", params(SearchQuery),
    responses((status = 200, description = "What was found", body = SearchPage), Question))]
pub(super) async fn search(State(state): State<ApiState>, Asked(query): Asked<SearchQuery>) -> Answer {
    let limits = state.app.limits();
    let length = page::length(query.limit, limits)?;
    let after = page::key(query.after.as_deref(), limits)?.map(search_key).transpose()?;
    let kind = query.kind.map(|kind| match kind {
        Kind::Package => SearchKind::Package,
        Kind::Component => SearchKind::Component,
    });
    let words = state.app.search_words(&query.q).map_err(ApiError::in_address)?;
    let found = state.app.search(&words, kind, after.as_ref(), length).await?;
    let next = found.end().map(|hit| page::cursor(&[word_of(hit.found), hit.name.namespace(), hit.name.name()]));
    Ok(respond::named_json(&SearchPage { hits: found.items, next }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The `next` of the page before
    after: Option<String>,
    /// Items on a page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Where an interface or world stands
///
/// The same interface can stand in several packages: its id leaves out docs and the package's version.
#[utoipa::path(get, path = "/interfaces/{id}", tag = "Search", operation_id = "interface",
    params(("id" = InterfaceId, Path, description = "The interface or world"), PageQuery),
    responses((status = 200, description = "The places", body = ItemList), Question))]
pub(super) async fn items(
    State(state): State<ApiState>,
    HashInPath(id): HashInPath<InterfaceId>,
    Asked(query): Asked<PageQuery>,
) -> Answer {
    let limits = state.app.limits();
    let length = page::length(query.limit, limits)?;
    let after: [String; 3] = page::key(query.after.as_deref(), limits)?.unwrap_or_default();
    let found = state.app.items_with_id(&id, after.each_ref().map(String::as_str), length).await?;
    let next = found.end().map(|item| page::cursor(&[&item.hash.to_string(), kind_word(item.kind), &item.item]));
    Ok(respond::named_json(&ItemList { id, items: found.items, next }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsersQuery {
    /// `namespace:package/interface`, with or without `@version`, or an id: `p2:i…`
    interface: String,
    /// Only those that import it, or only those that export it
    direction: Option<Direction>,
    /// The `next` of the page before
    after: Option<String>,
    /// Items on a page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Who imports or exports an interface
///
/// Components, and worlds of packages.
#[utoipa::path(get, path = "/users", tag = "Search", operation_id = "users", params(UsersQuery),
    responses((status = 200, description = "The users", body = InterfaceUserList), Question))]
pub(super) async fn users(State(state): State<ApiState>, Asked(query): Asked<UsersQuery>) -> Answer {
    let limits = state.app.limits();
    let length = page::length(query.limit, limits)?;
    let interface: InterfaceSpec = query.interface.parse().map_err(ApiError::in_address)?;
    let after = page::key(query.after.as_deref(), limits)?.map(user_key).unwrap_or_default();
    let found = state.app.interface_users(&interface, query.direction, &after, length).await?;
    let next = found.end().map(user_cursor);
    Ok(respond::named_json(&InterfaceUserList { users: found.items, next }))
}

/// Who refers to a package
///
/// The packages and components that refer to it directly.
#[utoipa::path(get, path = "/packages/{hash}/dependents", tag = "Search", operation_id = "dependents",
    params(("hash" = PackageHash, Path, description = "The package"), PageQuery),
    responses((status = 200, description = "The dependents", body = DependentList), Lookup))]
pub(super) async fn dependents(
    State(state): State<ApiState>,
    HashInPath(hash): HashInPath<PackageHash>,
    Asked(query): Asked<PageQuery>,
) -> Answer {
    let limits = state.app.limits();
    let length = page::length(query.limit, limits)?;
    let [after]: [String; 1] = page::key(query.after.as_deref(), limits)?.unwrap_or_default();
    let found = state.app.dependents(&hash, &after, length).await?;
    let next = found.end().map(|dependent| page::cursor(&[&dependent.hash.to_string()]));
    Ok(respond::named_json(&DependentList { dependents: found.items, next }))
}

/// What a hash or id that begins so can be
///
/// `p2:`, the letter of its kind and at least 4 digits, or at least 8 digits alone.
#[utoipa::path(get, path = "/hashes/{prefix}", tag = "Search", operation_id = "hashes",
    params(("prefix" = String, Path, description = "The beginning", max_length = 68,
        pattern = "^(p2:[wciv][0-9a-f]{4,64}|[0-9a-f]{8,64})$")),
    responses((status = 200, description = "What begins so", body = HashMatches), Question))]
pub(super) async fn hashes(State(state): State<ApiState>, TextInPath(prefix): TextInPath<HashPrefix>) -> Answer {
    Ok(respond::named_json(&state.app.hashes(&prefix).await?))
}

/// What has a sha256
///
/// Components whose bytes have it, and packages that were uploaded in bytes that have it.
#[utoipa::path(get, path = "/sha256/{digest}", tag = "Search", operation_id = "sha256",
    params(("digest" = String, Path, description = "Hexadecimal digits", pattern = "^[0-9a-f]{64}$")),
    responses((status = 200, description = "What has it", body = Sha256Matches), Question))]
pub(super) async fn sha256(State(state): State<ApiState>, TextInPath(digest): TextInPath<Sha256Digits>) -> Answer {
    Ok(respond::named_json(&state.app.by_sha256(&digest.0).await?))
}

/// A sha256 in lowercase hexadecimal digits.
pub(super) struct Sha256Digits(String);

impl FromStr for Sha256Digits {
    type Err = AppError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_valid = text.len() == 64 && text.bytes().all(is_digit);
        is_valid.then(|| Self(text.to_owned())).ok_or(AppError::Sha256)
    }
}

fn search_key([found, namespace, name]: [String; 3]) -> Result<SearchKey, ApiError> {
    let found = [Found::Name, Found::Items, Found::Docs].into_iter().find(|place| word_of(*place) == found);
    Ok(SearchKey { found: found.ok_or_else(page::invalid_cursor)?, namespace, name })
}

fn user_key([hash, world, direction, interface]: [String; 4]) -> UserKey {
    UserKey { hash, world, direction, interface }
}

fn user_cursor(user: &InterfaceUser) -> String {
    let direction = match user.direction {
        Direction::Import => "import",
        Direction::Export => "export",
    };
    page::cursor(&[&user.hash.to_string(), user.world.as_deref().unwrap_or_default(), direction, &user.interface])
}

fn word_of(found: Found) -> &'static str {
    match found {
        Found::Name => "name",
        Found::Items => "items",
        Found::Docs => "docs",
    }
}

fn kind_word(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Interface => "interface",
        ItemKind::World => "world",
    }
}
