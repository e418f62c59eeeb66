//! Types of the API in words, with links between them.

use super::{inline, paragraphs};
use maud::{Markup, html};
use serde_json::Value;
use utoipa::openapi::{OpenApi, RefOr, Schema};

/// Every named type of the document.
pub(super) fn section(document: &OpenApi) -> Markup {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    html! {
        section #Types {
            h2 { "Types" }
            @for (name, schema) in schemas {
                article #(anchor(name)) {
                    h3 { a href={ "#" (anchor(name)) } { (shown(name)) } }
                    (definition(&json(schema)))
                }
            }
        }
    }
}

/// A type where it is used, in one line.
pub(super) fn type_of(schema: &RefOr<Schema>) -> Markup {
    line(&json(schema))
}

fn json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn definition(schema: &Value) -> Markup {
    let (fields, parts) = (rows(schema), list(schema, "allOf"));
    html! {
        (paragraphs(text(schema, "description")))
        @if !fields.is_empty() {
            div.scroll { table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody { @for row in fields { (row) } }
            } }
        } @else if parts.is_empty() {
            p { (line(schema)) }
        }
        @for part in parts {
            @if text(part, "$ref").is_empty() { (definition(part)) } @else { p { "All of " (line(part)) "." } }
        }
    }
}

fn rows(schema: &Value) -> Vec<Markup> {
    let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.map(|(name, field)| row(name, field, required.contains(&name.as_str()))).collect()
}

fn row(name: &str, field: &Value, is_required: bool) -> Markup {
    html! {
        tr {
            th scope="row" { code { (name) } }
            td { (line(field)) @if !is_required { ", optional" } }
            td { (inline(text(field, "description"))) }
        }
    }
}

fn line(schema: &Value) -> Markup {
    let reference = text(schema, "$ref").rsplit('/').next().unwrap_or_default();
    let (choices, values) = ([list(schema, "oneOf"), list(schema, "anyOf")].concat(), list(schema, "enum"));
    html! {
        @if !reference.is_empty() {
            a href={ "#" (anchor(reference)) } { (shown(reference)) }
        } @else if !choices.is_empty() {
            (joined(choices.iter().filter(|choice| choice["type"] != "null").map(line), " or "))
        } @else if !values.is_empty() {
            (joined(values.iter().map(|value| html! { code { (value.as_str().unwrap_or_default()) } }), " or "))
        } @else if let Some(items) = schema.get("items") {
            "list of " (line(items))
        } @else if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            "map of " (line(values))
        } @else if schema.get("properties").is_some() {
            "object with " (joined(rows_in_line(schema), ", "))
        } @else {
            (simple(schema))
        }
    }
}

fn rows_in_line(schema: &Value) -> impl Iterator<Item = Markup> {
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.map(|(name, field)| html! { code { (name) } ": " (line(field)) })
}

fn simple(schema: &Value) -> Markup {
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("value"),
        _ => "value",
    };
    let (format, pattern) = (text(schema, "format"), text(schema, "pattern"));
    html! {
        (kind)
        @if !format.is_empty() { " (" (format) ")" }
        @if !pattern.is_empty() { " like " code { (pattern) } }
    }
}

fn joined(parts: impl Iterator<Item = Markup>, between: &str) -> Markup {
    html! {
        @for (index, part) in parts.enumerate() {
            @if index > 0 { (between) }
            (part)
        }
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Types and operations have anchors on one page.
fn anchor(name: &str) -> String {
    format!("type-{name}")
}

/// `Published_PackageRecord` as people read it.
fn shown(name: &str) -> String {
    name.replace('_', " ")
}
