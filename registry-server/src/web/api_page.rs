//! The API's description as a page.

use super::{inline, page, paragraphs, schema};
use maud::{Markup, html};
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{Content, OpenApi, RefOr, Required, Response};

/// The whole document on one page.
pub(crate) fn api_page(document: &OpenApi) -> Markup {
    let operations = operations(document);
    let tags = document.tags.as_deref().unwrap_or_default();
    let of = |tag: &str| -> Vec<&Entry<'_>> { operations.iter().filter(|entry| entry.has_tag(tag)).collect() };
    let content = html! {
        header {
            h1 { (document.info.title) " " span.version { (document.info.version) } }
            (paragraphs(document.info.description.as_deref().unwrap_or_default()))
            p { "For programs: " a href="/openapi.json" { "openapi.json" } }
        }
        div.columns {
            nav aria-label="Contents" {
                @for tag in tags {
                    h2 { a href={ "#" (tag.name) } { (tag.name) } }
                    ul {
                        @for entry in of(&tag.name) {
                            li { a href={ "#" (entry.id()) } { (entry.title()) } }
                        }
                    }
                }
                h2 { a href="#Everywhere" { "Everywhere" } }
                h2 { a href="#Types" { "Types" } }
            }
            main #content {
                @for tag in tags {
                    section #(tag.name) {
                        h2 { (tag.name) }
                        p { (inline(tag.description.as_deref().unwrap_or_default())) }
                        @for entry in of(&tag.name) { (entry.article()) }
                    }
                }
                (everywhere(&operations))
                (schema::section(document))
            }
        }
    };
    page(&document.info.title, &content)
}

/// What can be answered to anything is described once.
const COMMON: [&str; 6] = ["304", "401", "406", "431", "500", "503"];

fn everywhere(operations: &[Entry<'_>]) -> Markup {
    let described = |status: &str| {
        let with_status = |entry: &Entry<'_>| match entry.operation.responses.responses.get(status) {
            Some(RefOr::T(response)) => Some(answer_row(status, response)),
            _ => None,
        };
        operations.iter().find_map(with_status)
    };
    html! {
        section #Everywhere {
            h2 { "Everywhere" }
            p { "What is answered besides, whatever was asked; " code { "304" } " only to reads, and not about health." }
            (answers(COMMON.into_iter().filter_map(described)))
        }
    }
}

fn answers(rows: impl Iterator<Item = Markup>) -> Markup {
    html! {
        div.scroll { table {
            caption { "Answers" }
            thead { tr { th scope="col" { "Status" } th scope="col" { "Meaning" } th scope="col" { "Body" } } }
            tbody { @for row in rows { (row) } }
        } }
    }
}

/// One operation and where it is.
struct Entry<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Operation,
}

fn operations(document: &OpenApi) -> Vec<Entry<'_>> {
    document.paths.paths.iter().flat_map(|(path, item)| entries(path, item)).collect()
}

fn entries<'a>(path: &'a str, item: &'a PathItem) -> Vec<Entry<'a>> {
    let by_method = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let entry = |(method, operation): (&'static str, &'a Option<Operation>)| {
        operation.as_ref().map(|operation| Entry { method, path, operation })
    };
    by_method.into_iter().filter_map(entry).collect()
}

impl Entry<'_> {
    fn has_tag(&self, name: &str) -> bool {
        self.operation.tags.iter().flatten().any(|tag| tag == name)
    }

    fn id(&self) -> &str {
        self.operation.operation_id.as_deref().unwrap_or_default()
    }

    fn title(&self) -> &str {
        self.operation.summary.as_deref().unwrap_or(self.path)
    }

    fn article(&self) -> Markup {
        html! {
            article #(self.id()) {
                h3 { a href={ "#" (self.id()) } { (self.title()) } }
                p.address { span.method.(self.method.to_lowercase()) { (self.method) } " " code { (self.path) } }
                (paragraphs(self.operation.description.as_deref().unwrap_or_default()))
                (self.token())
                (self.parameters())
                @if let Some(RefOr::T(body)) = &self.operation.request_body { (request_body(body)) }
                (self.answers())
            }
        }
    }

    /// Which token is needed, if one is.
    fn token(&self) -> Markup {
        let needed = serde_json::to_value(&self.operation.security).unwrap_or_default();
        let scopes = needed.pointer("/0/token").and_then(Value::as_array);
        html! {
            @match scopes.map(Vec::as_slice) {
                None => {}
                Some([]) => p.token { "Needs a token." },
                Some(scopes) => p.token {
                    "Needs a token with the scope "
                    @for scope in scopes { code { (scope.as_str().unwrap_or_default()) } }
                    "."
                },
            }
        }
    }

    fn parameters(&self) -> Markup {
        let given = self.operation.parameters.iter().flatten();
        let parameters: Vec<&Parameter> = given.filter_map(inlined).collect();
        html! {
            @if !parameters.is_empty() {
                div.scroll { table {
                    caption { "Parameters" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "In" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                    tbody { @for parameter in parameters { (parameter_row(parameter)) } }
                } }
            }
        }
    }

    fn answers(&self) -> Markup {
        let own = self.operation.responses.responses.iter().filter(|(status, _)| !COMMON.contains(&status.as_str()));
        answers(own.filter_map(|(status, response)| Some(answer_row(status, inlined(response)?))))
    }
}

fn parameter_row(parameter: &Parameter) -> Markup {
    let place = match parameter.parameter_in {
        ParameterIn::Path => "address",
        ParameterIn::Query => "query",
        ParameterIn::Header => "header",
        _ => "elsewhere",
    };
    html! {
        tr {
            th scope="row" { code { (parameter.name) } }
            td { (place) @if matches!(parameter.required, Required::True) { ", required" } }
            td { @if let Some(schema) = &parameter.schema { (schema::type_of(schema)) } }
            td { (inline(parameter.description.as_deref().unwrap_or_default())) }
        }
    }
}

fn request_body(body: &RequestBody) -> Markup {
    html! {
        p { "Body: " (contents(body.content.iter())) }
        (paragraphs(body.description.as_deref().unwrap_or_default()))
    }
}

fn answer_row(status: &str, response: &Response) -> Markup {
    html! {
        tr.(class_of(status)) {
            th scope="row" { (status) }
            td {
                (inline(&response.description))
                @for name in response.headers.keys() { " " span.header { code { (name) } } }
            }
            td { (contents(response.content.iter())) }
        }
    }
}

fn contents<'a>(contents: impl Iterator<Item = (&'a String, &'a RefOr<Content>)>) -> Markup {
    html! {
        @for (index, (media_type, content)) in contents.enumerate() {
            @if index > 0 { " or " }
            code { (media_type) }
            @if let Some(schema) = inlined(content).and_then(|content| content.schema.as_ref()) {
                " " (schema::type_of(schema))
            }
        }
    }
}

fn class_of(status: &str) -> &'static str {
    if status.starts_with('2') || status.starts_with('3') { "success" } else { "problem" }
}

fn inlined<T>(value: &RefOr<T>) -> Option<&T> {
    match value {
        RefOr::T(value) => Some(value),
        RefOr::Ref(_) => None,
    }
}
