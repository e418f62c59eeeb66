//! `/v2/{namespace}/{name}/tags/list`.

use super::auth::Reader;
use super::error::OciError;
use super::extract::{RepositoryInPath, asked, asked_text, next_page};
use crate::api::{ApiState, respond};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use oci_spec::distribution::ErrorCode;
use serde::Serialize;

#[derive(Serialize)]
struct Tags<'a> {
    name: String,
    tags: &'a [String],
}

/// The versions of a repository's releases and its other tags. Many clients know nothing of pages, so there is one page
/// unless the client asks for pages.
pub(super) async fn list(
    State(state): State<ApiState>,
    _: Reader,
    RepositoryInPath(repository): RepositoryInPath,
    uri: Uri,
) -> Result<Response, OciError> {
    let limit = asked(&uri, "n").map(|text| number(&text)).transpose()?;
    let after = asked_text(&uri, "last")?.unwrap_or_default();
    let page = state.app.oci_tags(&repository, &after, limit).await?;
    let response = respond::named_json(&Tags { name: repository.to_string(), tags: &page.items });
    let n = limit.unwrap_or(page.items.len());
    Ok(match page.end() {
        Some(last) => {
            next_page(response, &format!("/v2/{repository}/tags/list"), &[("n", &n.to_string()), ("last", last)])
        }
        None => response,
    })
}

/// How many the client wants. Whoever asks for more than there can be gets as many as there are.
fn number(text: &str) -> Result<usize, OciError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`n` is a number of tags, and `{text}` is not");
        return Err(OciError::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, "invalid_query", message));
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}
