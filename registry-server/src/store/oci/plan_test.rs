//! What is asked often, or while nobody else can write, is found by an index and not by looking at every row. SQLite
//! keeps no statistics here, so what it plans for empty tables is what it does with full ones.

#![allow(clippy::unwrap_used)]

use super::blobs::{VISIBLE_ANYWHERE, VISIBLE_IN_REPOSITORY, of_repository};
use super::garbage::{IDLE_UPLOADS, UNBOUND_BLOBS, held_objects};
use super::manifests::{REFERRERS, REFERRERS_OF_TYPE, TAGS, insert_bound, mark_bound};
use super::uploads::{SUM_OF_UNBOUND, SUM_OF_UPLOADS};
use crate::store::database::SQLITE_MIGRATIONS;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

/// What SQLite looks at, step by step.
async fn plan(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps = sqlx::query(explain).fetch_all(connection).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}

#[tokio::test]
async fn every_question_has_its_index() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    SQLITE_MIGRATIONS.run(&mut connection).await.unwrap();
    let one_blob = "oci_blobs USING INDEX sqlite_autoindex_oci_blobs_1 (repository=? AND digest=?)";
    let questions: [(&str, &[&str]); 13] = [
        (&of_repository(3), &[one_blob]),
        (VISIBLE_IN_REPOSITORY, &[one_blob]),
        (VISIBLE_ANYWHERE, &["oci_blobs USING INDEX oci_blobs_by_digest (digest=?)"]),
        (&insert_bound(3), &[one_blob]),
        (&mark_bound(3), &[one_blob]),
        (SUM_OF_UPLOADS, &["oci_uploads USING INDEX oci_uploads_by_account (account=?)"]),
        (SUM_OF_UNBOUND, &["oci_blobs USING INDEX oci_blobs_unbound_by_account (pushed_by=? AND unbound_since>?)"]),
        (
            IDLE_UPLOADS,
            &[
                "oci_uploads USING INDEX sqlite_autoindex_oci_uploads_1 (id=?)",
                "oci_uploads USING INDEX oci_uploads_by_time (touched_at<?)",
            ],
        ),
        (
            UNBOUND_BLOBS,
            &[
                one_blob,
                "oci_blobs USING INDEX oci_blobs_unbound (unbound_since<?)",
                // What the reference of another table asks of each row that goes.
                "oci_manifest_blobs USING INDEX oci_manifest_blobs_by_blob (repository=? AND blob=?)",
            ],
        ),
        (
            &held_objects(3),
            &[
                "oci_blobs USING INDEX oci_blobs_by_object (object=?)",
                "oci_upload_parts USING INDEX oci_upload_parts_by_object (object=?)",
            ],
        ),
        (
            TAGS,
            &[
                "releases USING INDEX sqlite_autoindex_releases_2 (namespace=? AND name=? AND version>?)",
                "oci_tags USING INDEX sqlite_autoindex_oci_tags_1 (repository=? AND tag>?)",
            ],
        ),
        (REFERRERS, &["oci_manifests USING INDEX oci_manifests_by_subject (repository=? AND subject=? AND digest>?)"]),
        (
            REFERRERS_OF_TYPE,
            &["oci_manifests USING INDEX oci_manifests_by_subject_and_type \
               (repository=? AND subject=? AND artifact_type=? AND digest>?)"],
        ),
    ];
    for (sql, expected) in questions {
        let plan = plan(&mut connection, sql).await;
        let plan: Vec<String> = plan.iter().map(|step| step.replace("COVERING ", "")).collect();
        for step in expected {
            assert!(plan.contains(&format!("SEARCH {step}")), "{sql}\n{plan:#?}");
        }
        let is_scan = |step: &String| step.starts_with("SCAN oci_") || step.starts_with("SCAN releases");
        assert!(!plan.iter().any(is_scan), "{sql}\n{plan:#?}");
    }
}
