//! `/v2/{namespace}/{name}/referrers/{digest}`.

use super::auth::Reader;
use super::blobs::DigestInPath;
use super::error::OciError;
use super::extract::{RepositoryInPath, asked_text, next_page};
use crate::api::{ApiState, respond};
use crate::app::Referrer;
use crate::oci::INDEX_MEDIA_TYPE;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Says which of the client's conditions the list obeys.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

const ARTIFACT_TYPE: &str = "artifactType";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: &'a [Referrer],
}

/// The manifests that are about another one, which need not be there: a list of manifests, perhaps an empty one.
pub(super) async fn list(
    State(state): State<ApiState>,
    _: Reader,
    RepositoryInPath(repository): RepositoryInPath,
    DigestInPath(subject): DigestInPath,
    uri: Uri,
) -> Result<Response, OciError> {
    let artifact_type = asked_text(&uri, ARTIFACT_TYPE)?;
    let after = asked_text(&uri, "last")?.unwrap_or_default();
    let page = state.app.oci_referrers(&repository, &subject, artifact_type.as_deref(), &after).await?;
    let index = Index { schema_version: 2, media_type: INDEX_MEDIA_TYPE, manifests: &page.items };
    let Ok(body) = serde_json::to_vec(&index) else {
        return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let mut response = respond::named(HeaderValue::from_static(INDEX_MEDIA_TYPE), body.into());
    let mut conditions = Vec::new();
    if let Some(artifact_type) = &artifact_type {
        response.headers_mut().insert(FILTERS_APPLIED, HeaderValue::from_static(ARTIFACT_TYPE));
        conditions.push((ARTIFACT_TYPE, artifact_type.as_str()));
    }
    Ok(match page.end() {
        Some(last) => {
            conditions.push(("last", last.digest()));
            next_page(response, &format!("/v2/{repository}/referrers/{subject}"), &conditions)
        }
        None => response,
    })
}
