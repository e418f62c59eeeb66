//! What the store promises of blobs and uploads, tested on both databases.

#![allow(clippy::unwrap_used)]

use super::{AppendedPart, BegunUpload, FinishedUpload, Mounted, OciBlob, OciQuota, OciSource, Unbound};
use super::{NewManifest, OciManifest, UploadKey, UploadPart};
use crate::oci::{Digest, MANIFEST_MEDIA_TYPE, Repository};
use crate::store::contract_test::{Case, at, cases, claim, new_token};
use crate::store::{Publisher, Store, Written};
use std::collections::BTreeSet;

const QUOTA: OciQuota =
    OciQuota { uploads_max: 2, parts_max: 4, blobs_max: 2, size_bytes_max: 100, since: jiff::Timestamp::UNIX_EPOCH };

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn key(id: &str) -> UploadKey {
    UploadKey { id: id.to_owned(), repository: repository("demo/a"), account: "admin".to_owned() }
}

fn part(text: &str) -> UploadPart {
    let sha256 = Digest::sha256(text.as_bytes()).hex().to_owned();
    UploadPart { size_bytes: text.len() as u64, sha256, object: format!("object of {text}") }
}

fn blob(text: &str) -> OciBlob {
    let UploadPart { size_bytes, sha256, object } = part(text);
    OciBlob { digest: Digest::sha256(text.as_bytes()), sha256, size_bytes, object }
}

/// Pushes a blob of one part into `demo/a`.
async fn push(store: &Store, text: &str, seconds: i64) {
    let key = key(&format!("upload of {text}"));
    assert_eq!(store.begin_oci_upload(&key, at(seconds), &QUOTA).await.unwrap(), BegunUpload::Done);
    store.append_oci_part(&key, 0, &part(text), at(seconds), &QUOTA).await.unwrap();
    let token = new_token(store, "admin").await;
    let publisher = Publisher { token: &token, account: "admin", at: at(seconds) };
    let finished = store.finish_oci_upload(&key, &blob(text), &publisher).await.unwrap();
    assert!(matches!(finished, FinishedUpload::Done(_)), "{finished:?}");
}

/// Pushes a manifest that names blobs into `demo/a`.
async fn bind(store: &Store, texts: &[&str]) -> Written {
    let content = texts.join(" ");
    let manifest = OciManifest {
        digest: Digest::sha256(content.as_bytes()),
        media_type: MANIFEST_MEDIA_TYPE.to_owned(),
        artifact_type: None,
        version: None,
        content,
    };
    let new = NewManifest {
        repository: repository("demo/a"),
        manifest,
        subject: None,
        tag: None,
        blobs: texts.iter().map(|text| Digest::sha256(text.as_bytes())).collect(),
        foreign_blobs: BTreeSet::new(),
        manifests: BTreeSet::new(),
        shared: None,
        manifests_per_release_max: 1,
    };
    let token = new_token(store, "admin").await;
    store.insert_manifest(&new, &Publisher { token: &token, account: "admin", at: at(0) }).await.unwrap()
}

#[tokio::test]
async fn parts_follow_each_other_and_become_one_blob() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let key = key("id");
        let append = async |start, text| store.append_oci_part(&key, start, &part(text), at(1), &QUOTA).await.unwrap();
        assert_eq!(append(0, "a").await, AppendedPart::Unknown);
        store.begin_oci_upload(&key, at(0), &QUOTA).await.unwrap();
        assert_eq!(append(1, "a").await, AppendedPart::OutOfOrder(0));
        assert_eq!(append(0, "some").await, AppendedPart::Done);
        assert_eq!(append(0, "some").await, AppendedPart::OutOfOrder(4));
        assert_eq!(append(4, "thing").await, AppendedPart::Done);
        assert_eq!(store.oci_upload_size(&key).await.unwrap(), Some(9));
        let parts = store.oci_upload_parts(&key).await.unwrap().unwrap();
        assert_eq!(parts, [part("some"), part("thing")]);

        let others = [
            UploadKey { account: "other".to_owned(), ..key.clone() },
            UploadKey { repository: repository("demo/b"), ..key.clone() },
        ];
        for other in &others {
            assert_eq!(store.oci_upload_size(other).await.unwrap(), None);
            assert_eq!(store.end_oci_upload(other).await.unwrap(), None);
        }
        let token = new_token(&store, "admin").await;
        let publisher = Publisher { token: &token, account: "admin", at: at(2) };
        let finish = async |text: &str| store.finish_oci_upload(&key, &blob(text), &publisher).await.unwrap();
        assert_eq!(finish("some").await, FinishedUpload::Changed);
        assert_eq!(finish("something").await, FinishedUpload::Done("object of something".to_owned()));
        assert_eq!(finish("something").await, FinishedUpload::Changed);
        let digest = blob("something").digest;
        assert_eq!(store.oci_blobs(&key.repository, [&digest].into()).await.unwrap(), [blob("something")]);
        let free =
            store.oci_objects_without_row(&["object of some".to_owned(), "object of something".to_owned()]).await;
        assert_eq!(free.unwrap(), ["object of some"]);
    }
}

#[tokio::test]
async fn who_lost_the_right_to_push_gets_nothing_in() {
    for Case { store, .. } in cases().await {
        store.begin_oci_upload(&key("id"), at(0), &QUOTA).await.unwrap();
        let token = new_token(&store, "admin").await;
        let gone = Publisher { token: "gone", account: "admin", at: at(1) };
        let nobodys = Publisher { token: &token, account: "admin", at: at(1) };
        let refusals = [(gone, Written::TokenGone("gone".to_owned())), (nobodys, Written::NotClaimed)];
        for (publisher, refusal) in refusals {
            let finished = store.finish_oci_upload(&key("id"), &blob(""), &publisher).await.unwrap();
            assert_eq!(finished, FinishedUpload::Refused(refusal));
        }
        assert_eq!(store.oci_upload_size(&key("id")).await.unwrap(), Some(0));
    }
}

#[tokio::test]
async fn what_a_manifest_names_stays_and_counts_no_more() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        for (text, seconds) in [("first", 0), ("second", 10)] {
            push(&store, text, seconds).await;
        }
        let full = store.begin_oci_upload(&key("third"), at(20), &QUOTA).await.unwrap();
        assert_eq!(full, BegunUpload::TooMuch(Unbound { uploads: 0, parts: 0, blobs: 2, size_bytes: 11 }));
        assert_eq!(bind(&store, &["first"]).await, Written::Created);
        push(&store, "third", 20).await;

        let visible = async |text: &str, since| {
            let digest = Digest::sha256(text.as_bytes());
            store.visible_oci_blob(&repository("demo/a"), &digest, at(since)).await.unwrap().is_some()
        };
        assert!(visible("first", 15).await && visible("second", 10).await && visible("third", 15).await);
        assert!(!visible("second", 11).await);
        assert_eq!(store.delete_unbound_oci_blobs(at(10), 9).await.unwrap(), 0);
        assert_eq!(store.delete_unbound_oci_blobs(at(15), 9).await.unwrap(), 1);
        assert!(matches!(bind(&store, &["second", "third"]).await, Written::ManifestRefused(_)));
        assert_eq!(bind(&store, &["third"]).await, Written::Created);
        // Whoever pushes once more what is bound takes nothing away from the manifests that name it.
        push(&store, "first", 30).await;
        assert!(visible("first", 40).await);
        assert_eq!(store.delete_unbound_oci_blobs(at(99), 9).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_mounted_blob_shares_the_object_and_counts_as_pushed_then() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        push(&store, "shared", 0).await;
        let (target, digest, token) = (repository("demo/b"), blob("shared").digest, new_token(&store, "admin").await);
        let publisher = Publisher { token: &token, account: "admin", at: at(30) };
        let mount = async |from: Option<&str>, since| {
            let from = from.map(repository);
            let source = OciSource { digest: &digest, repository: from.as_ref(), since: at(since) };
            store.mount_oci_blob(&target, &source, &publisher, &QUOTA).await.unwrap()
        };
        assert_eq!(mount(Some("demo/a"), 1).await, Mounted::Unknown);
        assert_eq!(mount(Some("demo/c"), 0).await, Mounted::Unknown);
        assert_eq!(mount(None, 0).await, Mounted::Done);
        assert_eq!(store.oci_blobs(&target, [&digest].into()).await.unwrap(), [blob("shared")]);
        assert_eq!(store.delete_unbound_oci_blobs(at(30), 9).await.unwrap(), 1);
        assert_eq!(store.oci_objects_without_row(&["object of shared".to_owned()]).await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn uploads_that_lie_still_end_with_their_parts() {
    for Case { store, .. } in cases().await {
        for (id, seconds) in [("still", 0), ("going on", 0)] {
            store.begin_oci_upload(&key(id), at(seconds), &QUOTA).await.unwrap();
            store.append_oci_part(&key(id), 0, &part(id), at(seconds), &QUOTA).await.unwrap();
        }
        store.append_oci_part(&key("going on"), 8, &part("!"), at(10), &QUOTA).await.unwrap();
        assert_eq!(store.end_idle_oci_uploads(at(10), 9).await.unwrap(), 1);
        assert_eq!(store.oci_upload_size(&key("still")).await.unwrap(), None);
        assert_eq!(store.oci_upload_size(&key("going on")).await.unwrap(), Some(9));
        let objects = ["object of still".to_owned(), "object of !".to_owned()];
        assert_eq!(store.oci_objects_without_row(&objects).await.unwrap(), ["object of still"]);
    }
}
