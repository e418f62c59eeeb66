//! The API's description, generated from its handlers (`docs/openapi.json`).
//!
//! A handler names what is its own: its parameters, its answers, and the problems of its kind ([`Lookup`], [`Upload`]).
//! What holds for every answer is added here, once.

use super::search::Kind;
use super::{respond, routes};
use axum::http::HeaderValue;
use axum::response::Response;
use bytes::Bytes;
use registry_core::wire::ErrorBody;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, KnownFormat, ObjectBuilder, Ref, RefOr, Required, Response as Described, Schema, SchemaFormat, Type,
};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

const INTRODUCTION: &str = "\
Publishes WIT packages and WebAssembly components, and serves them by hash and by name. \
Nothing that is served needs to be trusted: a client recomputes every hash.\n\n\
Every GET also answers HEAD. Errors have one shape, `ErrorBody`; `code` is for programs and never changes its meaning. \
Every answer carries `x-request-id`, which the server's log repeats. Pages of any origin may read.";

/// Semantic versions without build metadata, as semver.org gives them.
const VERSION_PATTERN: &str = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?$";

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "WIT registry", description = INTRODUCTION),
    tags(
        (name = "Packages", description = "WIT packages by hash"),
        (name = "Components", description = "WebAssembly components by hash"),
        (name = "Names", description = "What names are bound to"),
        (name = "Search", description = "By words, by interfaces, by parts of hashes"),
        (name = "Namespaces", description = "Who may publish under which names"),
        (name = "Accounts", description = "Tokens, and whom they speak for"),
        (name = "Health", description = "For those who run the server"),
        (name = "Pages", description = "This description, for programs and for people"),
    ),
    components(schemas(ErrorBody, Archive, Binary, ExactVersion, Identifier, Kind)),
    modifiers(&TokenScheme),
)]
pub(super) struct Outline;

/// A namespace or a name in an address.
pub(super) enum Identifier {}

impl PartialSchema for Identifier {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z][a-z0-9]*(-[a-z0-9]+)*$"));
        words.max_length(Some(128)).description(Some("Lowercase words joined by hyphens")).into()
    }
}

impl ToSchema for Identifier {}

/// A version in an address.
pub(super) enum ExactVersion {}

impl PartialSchema for ExactVersion {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(128)).pattern(Some(VERSION_PATTERN));
        text.description(Some("An exact semantic version without build metadata")).examples(["1.0.0"]).into()
    }
}

impl ToSchema for ExactVersion {}

/// WebAssembly, byte by byte.
pub(super) enum Binary {}

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).description(Some("WebAssembly")).into()
    }
}

impl ToSchema for Binary {}

/// A `.tar.gz`, byte by byte.
pub(super) enum Archive {}

impl PartialSchema for Archive {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).description(Some("A `.tar.gz`")).into()
    }
}

impl ToSchema for Archive {}

/// What can be wrong with a question about one hash or name.
pub(super) struct Lookup;

impl IntoResponses for Lookup {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[
            ("400", "The hash, the name or the rest of the address is not valid"),
            ("404", "Nothing has this hash or name"),
        ])
    }
}

/// What can be wrong with a question to which no answer is an answer too.
pub(super) struct Question;

impl IntoResponses for Question {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[("400", "The address is not valid; the message says what")])
    }
}

/// What can be wrong with a body.
pub(super) struct Upload;

impl IntoResponses for Upload {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[
            ("400", "The address or the form of the body is not valid"),
            ("408", "The body stopped coming"),
            ("413", "The body crosses a limit in bytes; the message names it"),
            ("415", "Another content type is needed"),
            ("422", "The content breaks a rule or crosses a limit; the message says which"),
        ])
    }
}

/// What can be wrong with who asks.
pub(super) struct Guarded;

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[("403", "The token lacks a scope, is for another namespace, or its account does not own this one")])
    }
}

/// How a token is given.
struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("regt_…");
        let token = token.description(Some("A token of this registry; the scopes say what it must allow")).build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(token));
    }
}

/// Problems by their status, all in the one shape.
pub(super) fn problems(table: &[(&str, &str)]) -> BTreeMap<String, RefOr<Described>> {
    table.iter().map(|(status, description)| ((*status).to_owned(), problem(description).into())).collect()
}

/// The finished document.
pub(super) fn document() -> &'static utoipa::openapi::OpenApi {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(|| complete(routes().into_openapi()));
    &DOCUMENT
}

/// This API for programs
///
/// The OpenAPI document of everything that this server answers.
#[utoipa::path(get, path = "/openapi.json", tag = "Pages", operation_id = "openapi",
    responses((status = 200, description = "The document", body = Object)))]
pub(super) async fn openapi() -> Response {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| document().to_pretty_json().unwrap_or_default().into());
    respond::named(HeaderValue::from_static("application/json"), JSON.clone())
}

/// Adds what holds for every operation.
fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut document.paths.paths {
        // The answers about health and tokens hold for one moment, and nobody may keep them.
        let is_tagged = !["/health/", "/v1/whoami", "/v1/tokens"].iter().any(|begin| path.starts_with(begin));
        if let Some(operation) = item.get.as_mut().filter(|_| is_tagged) {
            describe_tagged_read(operation);
        }
        for operation in operations(item) {
            describe_every(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn describe_tagged_read(operation: &mut Operation) {
    if let Some(RefOr::T(found)) = operation.responses.responses.get_mut("200") {
        found.headers.insert("etag".to_owned(), text_header("Names these bytes; weak if they are compressed").into());
        found.headers.insert("cache-control".to_owned(), text_header("How long they may be kept").into());
    }
    let not_modified = ResponseBuilder::new().description("The client has it already, as `if-none-match` says").build();
    add(operation, [("304".to_owned(), not_modified.into())]);
    let condition = ParameterBuilder::new()
        .name("if-none-match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Entity tags of what the client has"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(condition.into());
}

fn describe_every(operation: &mut Operation) {
    // A private registry asks for a token even where another does not.
    let mut unauthorized = problem("A token is needed, or the one that was given is not good");
    unauthorized.headers.insert("www-authenticate".to_owned(), text_header("`Bearer`").into());
    add(operation, [("401".to_owned(), unauthorized.into())]);
    add(operation, problems(&[("500", "A fault of the server; the message has the request's id for the log")]));
    let later = text_header("Seconds after which to try again");
    let mut busy = problem("The server has too much to do, or the request took too long");
    busy.headers.insert("retry-after".to_owned(), later.into());
    add(operation, [("503".to_owned(), busy.into())]);
    // Answered before any handler, and without a body.
    let too_large =
        ResponseBuilder::new().description("The line and the headers cross a limit in bytes or number").build();
    add(operation, [("431".to_owned(), too_large.into())]);
    if operation.request_body.is_none() {
        add(operation, problems(&[("406", "`accept-encoding` leaves no encoding that there is")]));
    }
}

fn add(operation: &mut Operation, responses: impl IntoIterator<Item = (String, RefOr<Described>)>) {
    for (status, response) in responses {
        operation.responses.responses.entry(status).or_insert(response);
    }
}

fn problem(description: &str) -> Described {
    let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new().description(description).content("application/json", body).build()
}

fn text_header(description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}
