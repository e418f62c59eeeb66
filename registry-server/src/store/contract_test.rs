//! What the store promises, tested on both databases.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

use super::database::{POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS};
use super::{
    Claimed, HashRange, InterfaceChoice, NewToken, OwnerChange, Publication, Publisher, SearchDocument, SearchKey,
    SearchKind, Store, StoreError, Unyanked, UserKey, Written, words_of,
};
use crate::config::DatabaseUrl;
use crate::limits::ServerLimits;
use futures::future::join_all;
use jiff::Timestamp;
use registry_core::compatibility::Neighbours;
use registry_core::component::{Direction, InterfaceUse, MergedReference, Relation};
use registry_core::hash::{Digest, Domain, blob};
use registry_core::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use registry_core::name::ReleaseName;
use registry_core::wire::{
    CompatibilityRule, ComponentMetadata, ComponentRecord, Deprecation, Found, PackageRecord, Producer, Release,
    ReleaseTarget, Scope, TokenInfo,
};
use registry_core::wit::WorldInterface;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A database that nobody else uses, and a store on it.
pub(super) struct Case {
    url: DatabaseUrl,
    pub(super) store: Arc<Store>,
    _dir: TempDir,
}

/// An empty store on each database that there is.
pub(super) async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (url, dir) in empty_databases().await {
        let store = Arc::new(Store::open(&url, &ServerLimits::default()).await.unwrap());
        cases.push(Case { url, store, _dir: dir });
    }
    cases
}

async fn empty_databases() -> Vec<(DatabaseUrl, TempDir)> {
    let dir = TempDir::new().unwrap();
    let mut databases = vec![(DatabaseUrl::Sqlite(dir.path().join("registry.sqlite3")), dir)];
    if let Some(url) = postgres::new_database().await {
        databases.push((url.parse().unwrap(), TempDir::new().unwrap()));
    }
    databases
}

fn digest(text: &str) -> Digest {
    blob(Domain::BLOB, text.as_bytes())
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn name(text: &str) -> ReleaseName {
    text.parse().unwrap()
}

/// A package with the interface `api` and the world `all`.
fn package(release: &str, content: &str) -> PackageRecord {
    PackageRecord {
        hash: PackageHash::from_digest(digest(&format!("{release} {content}"))),
        name: name(release),
        interfaces: BTreeMap::from([("api".to_owned(), InterfaceId::from_digest(digest(content)))]),
        worlds: BTreeMap::from([("all".to_owned(), InterfaceId::from_digest(digest(&format!("world {content}"))))]),
        dependencies: BTreeMap::new(),
        source_sha256: format!("{:0>64}", content.len()),
    }
}

/// A component that imports the interface `api` of a package.
fn component(content: &str, import: &PackageRecord) -> ComponentRecord {
    let (release, version) = (&import.name, import.name.version());
    ComponentRecord {
        hash: ComponentHash::of(content.as_bytes()),
        view: ViewId::from_digest(digest(content)),
        size_bytes: 7,
        sha256: "ab".repeat(32),
        interfaces: vec![InterfaceUse {
            direction: Direction::Import,
            name: format!("{}:{}/api@{version}", release.namespace(), release.name()),
            id: import.interfaces["api"],
            package: import.hash,
            relation: Relation::Exact,
            merged: Vec::new(),
        }],
        metadata: ComponentMetadata::default(),
    }
}

fn document(name: &ReleaseName) -> SearchDocument {
    SearchDocument::new(&format!("{} {}", name.namespace(), name.name()), "api all", "Some words.", "Some words.")
}

async fn publish(store: &Store, record: &PackageRecord) -> Written {
    publish_as(store, record, "admin", None).await
}

async fn publish_as(
    store: &Store,
    record: &PackageRecord,
    account: &str,
    compared: Option<&Neighbours<ReleaseName>>,
) -> Written {
    let document = document(&record.name);
    let token = new_token(store, account).await;
    let publisher = Publisher { token: &token, account, at: at(0) };
    let publication = Publication { name: &record.name, publisher, compared, document: &document, manifest: None };
    store.insert_package(record, &[], &publication).await.unwrap()
}

async fn publish_component(store: &Store, record: &ComponentRecord, release: &str) -> Written {
    let release = name(release);
    let document = document(&release);
    let token = new_token(store, "admin").await;
    let publisher = Publisher { token: &token, account: "admin", at: at(1) };
    let publication = Publication { name: &release, publisher, compared: None, document: &document, manifest: None };
    let dependencies: Vec<PackageHash> = record.interfaces.iter().map(|interface| interface.package).collect();
    store.insert_component(record, &dependencies, &publisher, Some(&publication)).await.unwrap()
}

/// Gives an account another good token and answers its id.
pub(super) async fn new_token(store: &Store, account: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let id = format!("another {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    store.insert_token(&token(&id, account, &[Scope::Publish])).await.unwrap();
    id
}

/// The neighbours of a release, by their versions.
fn neighbours(lower: Option<&str>, higher: Option<&str>) -> Neighbours<ReleaseName> {
    let area = |version: &str| name(&format!("demo:area@{version}"));
    Neighbours { lower: lower.map(area), higher: higher.map(area) }
}

/// Makes the account that runs the registry the owner of a namespace.
pub(super) async fn claim(store: &Store, namespace: &str) {
    assert_eq!(store.claim_namespace(namespace, "admin", at(0)).await.unwrap(), Claimed::Created);
}

fn token(id: &str, account: &str, scopes: &[Scope]) -> NewToken {
    let info = TokenInfo {
        id: id.to_owned(),
        account: account.to_owned(),
        description: "for a test".to_owned(),
        scopes: scopes.to_vec(),
        namespace: Some("demo".to_owned()),
        created_at: at(0),
        expires_at: Some(at(60)),
        revoked_at: None,
    };
    NewToken { info, sha256: format!("sha256 of {id}") }
}

async fn add_account(store: &Store, account: &str) {
    store.insert_token(&token(&format!("token of {account}"), account, &[Scope::Publish])).await.unwrap();
}

#[tokio::test]
async fn what_a_component_says_and_what_was_merged_in_it_are_kept() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let lower = package("demo:lower@1.0.0", "lower");
        publish(&store, &lower).await;
        let mut tool = component("tool", &lower);
        let reference = MergedReference {
            type_name: "r".to_owned(),
            registered: "demo:io/io@0.2.0".to_owned(),
            used: "demo:io/io@0.2.1".to_owned(),
        };
        (tool.interfaces[0].relation, tool.interfaces[0].merged) = (Relation::Merged, vec![reference]);
        tool.metadata.description = Some("Größe \0 \"quoted\"".to_owned());
        tool.metadata.producers =
            vec![Producer { role: "language".to_owned(), name: "Rust".to_owned(), version: String::new() }];
        assert_eq!(publish_component(&store, &tool, "demo:tool@1.0.0").await, Written::Created);
        assert_eq!(store.component(&tool.hash).await.unwrap().as_ref(), Some(&tool));
        let choice = InterfaceChoice::Id(tool.interfaces[0].id);
        let users = store.interface_users(&choice, None, &UserKey::default(), 9, 9).await.unwrap();
        assert_eq!(users.items[0].relation, Some(Relation::Merged));
    }
}

#[tokio::test]
async fn what_is_published_is_there_as_it_was_given() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let lower = package("demo:lower@1.0.0", "lower");
        let dependencies = BTreeMap::from([(lower.name.clone(), lower.hash)]);
        let upper = PackageRecord { dependencies, ..package("demo:upper@1.0.0-rc.1", "upper") };
        for record in [&lower, &upper] {
            assert_eq!(publish(&store, record).await, Written::Created);
            assert_eq!(publish(&store, record).await, Written::Present);
            assert_eq!(store.package(&record.hash).await.unwrap().as_ref(), Some(record));
        }
        let tool = component("tool", &lower);
        let token = new_token(&store, "admin").await;
        let publisher = Publisher { token: &token, account: "admin", at: at(0) };
        assert_eq!(store.insert_component(&tool, &[lower.hash], &publisher, None).await.unwrap(), Written::Created);
        assert_eq!(publish_component(&store, &tool, "demo:tool@1.0.0").await, Written::Created);
        assert_eq!(publish_component(&store, &tool, "demo:tool@1.0.0").await, Written::Present);
        assert_eq!(store.component(&tool.hash).await.unwrap(), Some(tool.clone()));
        assert_eq!(store.component_dependencies(&tool.hash).await.unwrap(), [lower.hash]);
        let mut closure = store.closure(&[upper.hash], 10).await.unwrap();
        closure.sort();
        assert_eq!(closure, [(lower.name.clone(), lower.hash), (upper.name.clone(), upper.hash)]);
        assert_eq!(store.closure(&[upper.hash], 1).await.unwrap().len(), 1);
        let asked =
            [lower.hash.into_object(), tool.hash.into_object(), package("demo:no@1.0.0", "").hash.into_object()];
        assert_eq!(store.present(&asked).await.unwrap().into_iter().collect::<Vec<_>>(), asked[..2]);
        let release = store.release(&lower.name).await.unwrap().unwrap();
        let expected = Release::new(lower.name.clone(), ReleaseTarget::Package(lower.hash));
        let (published_at, published_by) = (Some(at(0)), Some("admin".to_owned()));
        assert_eq!(release, Release { published_at, published_by, ..expected });
    }
}

/// Shorter than the whole word in tables.
trait IntoObject {
    fn into_object(self) -> ObjectHash;
}

impl IntoObject for PackageHash {
    fn into_object(self) -> ObjectHash {
        ObjectHash::Package(self)
    }
}

impl IntoObject for ComponentHash {
    fn into_object(self) -> ObjectHash {
        ObjectHash::Component(self)
    }
}

#[tokio::test]
async fn a_refused_publication_leaves_nothing() {
    for Case { store, .. } in cases().await {
        let record = package("demo:area@1.0.0", "one");
        assert_eq!(publish(&store, &record).await, Written::NotClaimed);
        claim(&store, "demo").await;
        add_account(&store, "other").await;
        assert_eq!(publish_as(&store, &record, "other", None).await, Written::NotOwner);
        assert_eq!(publish_as(&store, &record, "nobody", None).await, Written::NotOwner);
        assert_eq!(store.package(&record.hash).await.unwrap(), None);
        assert_eq!(publish(&store, &record).await, Written::Created);
        let other = package("demo:area@1.0.0", "two");
        assert_eq!(publish(&store, &other).await, Written::Bound(ReleaseTarget::Package(record.hash)));
        assert_eq!(store.package(&other.hash).await.unwrap(), None);
        let tool = component("tool", &record);
        let bound = publish_component(&store, &tool, "demo:area@1.0.0").await;
        assert_eq!(bound, Written::Bound(ReleaseTarget::Package(record.hash)));
        assert_eq!(store.component(&tool.hash).await.unwrap(), None);
        assert_eq!(publish_as(&store, &record, "other", None).await, Written::NotOwner, "even if it is there");
    }
}

#[tokio::test]
async fn a_publication_is_refused_if_its_neighbours_changed_since_they_were_looked_at() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let [first, second, third] =
            ["1.0.0", "1.1.0", "1.2.0"].map(|version| package(&format!("demo:area@{version}"), version));
        publish(&store, &first).await;
        let alone = neighbours(None, None);
        assert_eq!(publish_as(&store, &third, "admin", Some(&alone)).await, Written::Changed);
        let after_first = neighbours(Some("1.0.0"), None);
        assert_eq!(publish_as(&store, &third, "admin", Some(&after_first)).await, Written::Created);
        assert_eq!(publish_as(&store, &third, "admin", Some(&alone)).await, Written::Present);
        assert_eq!(publish_as(&store, &second, "admin", Some(&after_first)).await, Written::Changed);
        assert_eq!(store.package(&second.hash).await.unwrap(), None);
        store.yank(&first.name, "broken", at(5)).await.unwrap();
        let between = neighbours(Some("1.0.0"), Some("1.2.0"));
        assert_eq!(publish_as(&store, &second, "admin", Some(&between)).await, Written::Changed);
        // Neither downloads nor releases of other tracks matter.
        store.add_downloads(&[(first.hash.into_object(), 1)]).await.unwrap();
        for other in ["0.9.0", "2.0.0", "1.1.0-rc.1"] {
            assert_eq!(publish(&store, &package(&format!("demo:area@{other}"), other)).await, Written::Created);
        }
        let below_third = neighbours(None, Some("1.2.0"));
        assert_eq!(publish_as(&store, &second, "admin", Some(&below_third)).await, Written::Created);
    }
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_publishes_nothing() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let record = package("demo:area@1.0.0", "one");
        let (tool, document) = (component("tool", &record), document(&record.name));
        let (revoked, expired) = (new_token(&store, "admin").await, new_token(&store, "admin").await);
        store.revoke_token(&revoked, at(1)).await.unwrap();
        for (token, at) in [(&revoked, at(2)), (&expired, at(60))] {
            let publisher = Publisher { token, account: "admin", at };
            let publication =
                Publication { name: &record.name, publisher, compared: None, document: &document, manifest: None };
            let gone = Written::TokenGone(token.clone());
            assert_eq!(store.insert_package(&record, &[], &publication).await.unwrap(), gone);
            assert_eq!(store.insert_component(&tool, &[], &publisher, None).await.unwrap(), gone);
            assert_eq!(store.package(&record.hash).await.unwrap(), None);
            assert_eq!(store.component(&tool.hash).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_name_has_releases_of_one_kind() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let record = package("demo:area@1.0.0", "one");
        publish(&store, &record).await;
        let tool = component("tool", &record);
        assert_eq!(publish_component(&store, &tool, "demo:area@2.0.0").await, Written::OtherKind);
        assert_eq!(store.component(&tool.hash).await.unwrap(), None);
        assert_eq!(publish_component(&store, &tool, "demo:tool@1.0.0").await, Written::Created);
        store.yank(&name("demo:tool@1.0.0"), "broken", at(5)).await.unwrap();
        assert_eq!(publish(&store, &package("demo:tool@0.1.0", "two")).await, Written::OtherKind);
        assert_eq!(publish(&store, &package("demo:area@2.0.0", "two")).await, Written::Created);
    }
}

#[tokio::test]
async fn what_others_commit_while_a_transaction_waits_is_seen_whatever_the_database_is_set_to() {
    let Some(url) = postgres::new_database().await else { return };
    let url: DatabaseUrl = url.parse().unwrap();
    let DatabaseUrl::Postgres(postgres) = &url else { unreachable!() };
    for level in ["repeatable read", "serializable"] {
        let mut connection = PgConnection::connect_with(&postgres.options().unwrap()).await.unwrap();
        let set = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', \
             current_database(), '{level}'); END $$"
        );
        sqlx::query(AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let (first, second) = (open(&url).await, open(&url).await);
        let namespace = level.replace(' ', "-");
        let mut holder = first.database.write().await.unwrap();
        let sql = "INSERT INTO namespaces (name, skeleton, relaxed, claimed_at) VALUES ($1, $1, FALSE, 0)";
        holder.execute(sql, vec![namespace.as_str().into()]).await.unwrap();
        let claimed = namespace.clone();
        let waiting = tokio::spawn(async move { second.claim_namespace(&claimed, "admin", at(0)).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        holder.commit().await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), Claimed::Taken, "{level}");
    }
}

async fn open(url: &DatabaseUrl) -> Store {
    Store::open(url, &ServerLimits::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_write_at_the_same_time_one_wins() {
    for Case { store, url, .. } in cases().await {
        // On PostgreSQL, half of them are another server.
        let second = match &url {
            DatabaseUrl::Sqlite(_) => Arc::clone(&store),
            DatabaseUrl::Postgres(_) => Arc::new(Store::open(&url, &ServerLimits::default()).await.unwrap()),
        };
        let stores = [store, second];
        let claims = join_all((0..20).map(|index| {
            let store = Arc::clone(&stores[index % 2]);
            let name = ["a-bc", "ab-c", "abc", "a-b-c"][index % 4];
            tokio::spawn(async move { store.claim_namespace(name, "admin", at(0)).await.unwrap() })
        }));
        let claims: Vec<Claimed> = claims.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(claims.iter().filter(|claimed| **claimed == Claimed::Created).count(), 1, "{claims:?}");
        claim(&stores[0], "demo").await;
        let written = join_all((0..20).map(|index| {
            let store = Arc::clone(&stores[index % 2]);
            tokio::spawn(async move { publish(&store, &package("demo:area@1.0.0", &index.to_string())).await })
        }));
        let written: Vec<Written> = written.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(written.iter().filter(|written| **written == Written::Created).count(), 1, "{written:?}");
        assert_eq!(written.iter().filter(|written| matches!(written, Written::Bound(_))).count(), 19);
        let hash = stores[0].release(&name("demo:area@1.0.0")).await.unwrap().unwrap().target.hash();
        let added = join_all((0..20).map(|index| {
            let store = Arc::clone(&stores[index % 2]);
            tokio::spawn(async move { store.add_downloads(&[(hash, 3)]).await.unwrap() })
        }));
        added.await.into_iter().for_each(|added| added.unwrap());
        assert_eq!(stores[1].release(&name("demo:area@1.0.0")).await.unwrap().unwrap().downloads, 60);
    }
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_come_back() {
    for Case { url, store, .. } in cases().await {
        let limits = ServerLimits { database_wait_max: Duration::from_millis(200), ..ServerLimits::default() };
        let impatient = match &url {
            DatabaseUrl::Postgres(_) => Arc::new(Store::open(&url, &limits).await.unwrap()),
            DatabaseUrl::Sqlite(path) => {
                store.close().await;
                drop(store);
                let other = path.with_extension("other");
                Arc::new(Store::open(&DatabaseUrl::Sqlite(other), &limits).await.unwrap())
            }
        };
        let holder = match &url {
            DatabaseUrl::Postgres(_) => {
                Store::open(&url, &ServerLimits::default()).await.unwrap().database.write().await
            }
            DatabaseUrl::Sqlite(_) => impatient.database.write().await,
        };
        let holder = holder.unwrap();
        let refused = impatient.claim_namespace("demo", "admin", at(0)).await;
        assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
        holder.rollback().await.unwrap();
        assert_eq!(impatient.claim_namespace("demo", "admin", at(0)).await.unwrap(), Claimed::Created);
    }
}

#[tokio::test]
async fn what_becomes_of_a_release_is_kept_beside_it() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let record = package("demo:area@1.0.0", "one");
        publish(&store, &record).await;
        let yanked = store.yank(&record.name, "it leaks", at(9)).await.unwrap().unwrap().yanked.unwrap();
        assert_eq!((yanked.reason.as_str(), yanked.at), ("it leaks", at(9)));
        let deprecation = Deprecation { message: "use `b`".to_owned(), successor: Some("demo:b".to_owned()) };
        let both = store.deprecate(&record.name, Some(&deprecation)).await.unwrap().unwrap();
        assert_eq!(both.deprecated, Some(deprecation));
        assert!(both.yanked.is_some());
        assert_eq!(store.releases("demo", "area", 9).await.unwrap(), [both]);
        let before = neighbours(None, None);
        let second = package("demo:area@1.1.0", "two");
        publish(&store, &second).await;
        assert_eq!(store.unyank(&record.name, Some(&before)).await.unwrap(), Unyanked::Changed);
        let now = neighbours(None, Some("1.1.0"));
        let Unyanked::Done(unyanked) = store.unyank(&record.name, Some(&now)).await.unwrap() else { unreachable!() };
        assert_eq!(unyanked.yanked, None);
        assert_eq!(store.deprecate(&record.name, None).await.unwrap().unwrap().deprecated, None);
        let other = name("demo:area@2.0.0");
        assert_eq!(store.yank(&other, "it is not there", at(9)).await.unwrap(), None);
        assert_eq!(store.unyank(&other, None).await.unwrap(), Unyanked::NotFound);
        assert_eq!(store.deprecate(&other, None).await.unwrap(), None);
    }
}

#[tokio::test]
async fn namespaces_have_owners_and_never_none() {
    for Case { store, .. } in cases().await {
        claim(&store, "my-team").await;
        for account in ["anna", "bert"] {
            add_account(&store, account).await;
        }
        assert_eq!(store.claim_namespace("my-team", "admin", at(7)).await.unwrap(), Claimed::Present);
        assert_eq!(store.claim_namespace("my-team", "anna", at(7)).await.unwrap(), Claimed::Taken);
        let similar = store.claim_namespace("myte-am", "anna", at(7)).await.unwrap();
        assert_eq!(similar, Claimed::TooSimilar("my-team".to_owned()));
        assert_eq!(store.add_owner("my-team", "nobody").await.unwrap(), OwnerChange::NoAccount);
        assert_eq!(store.add_owner("other", "anna").await.unwrap(), OwnerChange::NoNamespace);
        for account in ["bert", "anna", "anna"] {
            assert_eq!(store.add_owner("my-team", account).await.unwrap(), OwnerChange::Done);
        }
        assert_eq!(store.namespace("my-team").await.unwrap().unwrap().owners, ["admin", "anna", "bert"]);
        assert_eq!(store.namespaces_of("anna", 10).await.unwrap(), ["my-team"]);
        for account in ["admin", "bert", "bert"] {
            assert_eq!(store.remove_owner("my-team", account).await.unwrap(), OwnerChange::Done);
        }
        assert_eq!(store.remove_owner("my-team", "anna").await.unwrap(), OwnerChange::LastOwner);
        assert_eq!(store.remove_owner("my-team", "nobody").await.unwrap(), OwnerChange::NoAccount);
        assert_eq!(store.remove_owner("other", "anna").await.unwrap(), OwnerChange::NoNamespace);
        assert!(store.set_compatibility("my-team", CompatibilityRule::Relaxed).await.unwrap());
        assert!(!store.set_compatibility("other", CompatibilityRule::Relaxed).await.unwrap());
        let namespace = store.namespace("my-team").await.unwrap().unwrap();
        assert_eq!((namespace.compatibility, namespace.claimed_at), (CompatibilityRule::Relaxed, at(0)));
        assert_eq!(namespace.owners, ["anna"]);
        assert_eq!(store.claimed_by("anna").await.unwrap(), 0, "others made her an owner");
    }
}

#[tokio::test]
async fn tokens_are_found_by_their_sha256_and_revoked_once() {
    for Case { store, .. } in cases().await {
        let first = token("first", "admin", &Scope::ALL);
        assert!(store.insert_first_token(&first).await.unwrap());
        assert!(!store.insert_first_token(&token("again", "admin", &Scope::ALL)).await.unwrap());
        let unlimited = TokenInfo {
            namespace: None,
            expires_at: None,
            created_at: at(1),
            ..token("second", "anna", &[Scope::Yank]).info
        };
        store.insert_token(&NewToken { info: unlimited.clone(), sha256: "sha256 of second".to_owned() }).await.unwrap();
        let found = store.token_by_sha256("sha256 of first").await.unwrap().unwrap();
        assert_eq!((found.info, found.operator, found.sha256), (first.info.clone(), true, first.sha256));
        let found = store.token_by_sha256("sha256 of second").await.unwrap().unwrap();
        assert_eq!((&found.info, found.operator), (&unlimited, false));
        assert!(store.token_by_sha256("sha256 of again").await.unwrap().is_none());
        assert!(store.has_account("anna").await.unwrap() && !store.has_account("bert").await.unwrap());
        assert_eq!(store.good_tokens("anna", at(2)).await.unwrap(), 1);
        assert_eq!(store.good_tokens("admin", at(60)).await.unwrap(), 0, "it has expired");
        assert!(store.revoke_token("second", at(3)).await.unwrap());
        assert!(store.revoke_token("second", at(4)).await.unwrap());
        assert!(!store.revoke_token("third", at(4)).await.unwrap());
        assert_eq!(store.token("second").await.unwrap().unwrap().info.revoked_at, Some(at(3)));
        assert_eq!(store.good_tokens("anna", at(4)).await.unwrap(), 0);
        assert!(!store.insert_first_token(&token("again", "admin", &Scope::ALL)).await.unwrap());
        let third = NewToken {
            info: TokenInfo { created_at: at(9), ..token("third", "anna", &[]).info },
            sha256: "3".to_owned(),
        };
        store.insert_token(&third).await.unwrap();
        let ids = |tokens: Vec<TokenInfo>| tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
        let listed =
            async |account, namespace, now, max| ids(store.tokens(account, namespace, now, max).await.unwrap());
        assert_eq!(listed("anna", None, at(10), 9).await, ["third", "second"]);
        assert_eq!(listed("anna", None, at(10), 1).await, ["third"]);
        assert_eq!(listed("anna", Some("demo"), at(10), 9).await, ["third"]);
        assert!(listed("anna", Some("other"), at(10), 9).await.is_empty());
        assert!(listed("bert", None, at(10), 9).await.is_empty());
        let good = TokenInfo { expires_at: None, ..token("good", "anna", &[]).info };
        store.insert_token(&NewToken { info: good, sha256: "sha256 of good".to_owned() }).await.unwrap();
        assert_eq!(listed("anna", None, at(10), 2).await, ["third", "good"]);
        assert_eq!(listed("anna", None, at(60), 1).await, ["good"], "one that is good is never pushed out");
        let fourth = NewToken {
            info: TokenInfo { created_at: at(70), expires_at: None, ..token("fourth", "anna", &[]).info },
            sha256: "sha256 of fourth".to_owned(),
        };
        store.replace_tokens(&fourth).await.unwrap();
        assert_eq!(store.good_tokens("anna", at(71)).await.unwrap(), 1);
        assert_eq!(store.token("good").await.unwrap().unwrap().info.revoked_at, Some(at(70)));
        assert_eq!(store.token("first").await.unwrap().unwrap().info.revoked_at, None, "it is of another account");
    }
}

/// Publishes WASI-like packages, worlds and components that use one interface in two versions.
async fn publish_users(store: &Store) -> [PackageRecord; 2] {
    claim(store, "demo").await;
    let apis = ["1.0.0", "1.0.1"].map(|version| package(&format!("demo:api@{version}"), "same"));
    for api in &apis {
        publish(store, api).await;
    }
    for index in 0..5 {
        let using = &apis[index % 2];
        let dependencies = BTreeMap::from([(using.name.clone(), using.hash)]);
        let user = PackageRecord { dependencies, ..package(&format!("demo:user{index}@1.0.0"), &index.to_string()) };
        let world = |direction| WorldInterface {
            world: "all".to_owned(),
            direction,
            interface: format!("demo:api/api@{}", using.name.version()),
            id: using.interfaces["api"],
        };
        let document = document(&user.name);
        let token = new_token(store, "admin").await;
        let publisher = Publisher { token: &token, account: "admin", at: at(0) };
        let publication =
            Publication { name: &user.name, publisher, compared: None, document: &document, manifest: None };
        let worlds = [world(Direction::Import), world(Direction::Export)];
        store.insert_package(&user, &worlds, &publication).await.unwrap();
        publish_component(store, &component(&index.to_string(), using), &format!("demo:tool{index}@1.0.0")).await;
    }
    apis
}

#[tokio::test]
async fn pages_of_any_size_make_the_same_list() {
    for Case { store, .. } in cases().await {
        let [api, _] = publish_users(&store).await;
        for name in ["b", "a-a", "a0", "a-b", "a"] {
            claim(&store, name).await;
        }
        let names = ["a", "a-a", "a-b", "a0", "b", "demo"];
        let everybody = InterfaceChoice::Id(api.interfaces["api"]);
        for limit in 1..20 {
            let (mut after, mut namespaces) = (String::new(), Vec::new());
            loop {
                let page = store.namespaces(&after, limit).await.unwrap();
                assert!(page.items.len() <= limit && (page.more || !page.items.is_empty()));
                namespaces.extend(page.items.into_iter().map(|namespace| namespace.name));
                after = namespaces.last().unwrap().clone();
                if !page.more {
                    break;
                }
            }
            assert_eq!(namespaces, names, "{limit}");
            let (mut key, mut users) = (UserKey::default(), Vec::new());
            loop {
                let page = store.interface_users(&everybody, None, &key, limit, 9).await.unwrap();
                users.extend(page.items);
                let last = users.last().unwrap();
                key = UserKey {
                    hash: last.hash.to_string(),
                    world: last.world.clone().unwrap_or_default(),
                    direction: if last.direction == Direction::Import { "import" } else { "export" }.to_owned(),
                    interface: last.interface.clone(),
                };
                if !page.more {
                    break;
                }
            }
            assert_eq!(users, store.interface_users(&everybody, None, &UserKey::default(), 99, 9).await.unwrap().items);
            assert_eq!(users.len(), 15, "five components, and five worlds that import and export");
            let (mut after, mut dependents) = (String::new(), Vec::new());
            loop {
                let page = store.dependents(&api.hash, &after, limit, 9).await.unwrap();
                dependents.extend(page.items);
                after = dependents.last().unwrap().hash.to_string();
                if !page.more {
                    break;
                }
            }
            assert_eq!(dependents.len(), 6, "each of 0, 2 and 4 as a package and as a component");
            assert!(dependents.iter().all(|dependent| dependent.names.len() == 1));
            let (mut after, mut hits) = (None, Vec::new());
            loop {
                let page = store.search(&["demo".to_owned()], None, after.as_ref(), limit).await.unwrap();
                hits.extend(page.items.into_iter().map(|hit| hit.name));
                let last = hits.last().unwrap();
                after =
                    Some(SearchKey { found: Found::Name, namespace: "demo".to_owned(), name: last.name().to_owned() });
                if !page.more {
                    break;
                }
            }
            assert_eq!(hits.len(), 11);
            assert!(hits.is_sorted(), "{hits:?}");
        }
    }
}

#[tokio::test]
async fn users_are_found_by_id_by_name_and_by_direction() {
    for Case { store, .. } in cases().await {
        let [api, _] = publish_users(&store).await;
        let count = async |choice: InterfaceChoice, direction| {
            store.interface_users(&choice, direction, &UserKey::default(), 99, 9).await.unwrap().items.len()
        };
        let exact = |version| InterfaceChoice::Name(format!("demo:api/api@{version}"));
        let any = || InterfaceChoice::AnyVersion("demo:api/api".to_owned());
        assert_eq!(count(exact("1.0.0"), None).await, 9);
        assert_eq!(count(exact("1.0.1"), None).await, 6);
        assert_eq!(count(exact("1.0"), None).await, 0);
        assert_eq!(count(any(), None).await, 15);
        assert_eq!(count(any(), Some(Direction::Import)).await, 10);
        assert_eq!(count(any(), Some(Direction::Export)).await, 5);
        assert_eq!(count(InterfaceChoice::AnyVersion("demo:api/ap".to_owned()), None).await, 0);
        assert_eq!(count(InterfaceChoice::Id(api.worlds["all"]), None).await, 0);
        let items = store.items_with_id(&api.interfaces["api"], ["", "", ""], 9).await.unwrap();
        assert_eq!(items.items.len(), 2, "both versions");
        let first = store.items_with_id(&api.interfaces["api"], ["", "", ""], 1).await.unwrap();
        assert!(first.more);
        let hash = first.items[0].hash.to_string();
        let second = store.items_with_id(&api.interfaces["api"], [&hash, "interface", "api"], 1).await.unwrap();
        assert_eq!((&second.items[0], second.more), (&items.items[1], false));
    }
}

#[tokio::test]
async fn hashes_are_found_by_their_first_digits_and_bytes_by_their_sha256() {
    for Case { store, .. } in cases().await {
        let [api, other] = publish_users(&store).await;
        let digits = api.hash.digest().to_hex();
        let found = store.hashes_in(&[HashRange::new(PackageHash::PREFIX, &digits[..8])], 9, 9).await.unwrap();
        assert_eq!((found.items[0].hash.clone(), found.items.len(), found.more), (api.hash.to_string(), 1, false));
        assert_eq!(
            (found.items[0].kind.as_str(), found.items[0].names.as_slice()),
            ("package", &["demo:api@1.0.0".to_owned()][..])
        );
        let interface = api.interfaces["api"].digest().to_hex();
        let kinds = [PackageHash::PREFIX, ComponentHash::PREFIX, InterfaceId::PREFIX, ViewId::PREFIX];
        let ranges = kinds.map(|kind| HashRange::new(kind, &interface));
        let found = store.hashes_in(&ranges, 9, 9).await.unwrap().items;
        assert_eq!(found[0].names, ["demo:api/api@1.0.0", "demo:api/api@1.0.1"]);
        assert_eq!(found[0].kind, "interface");
        assert_eq!(store.hashes_in(&ranges, 9, 1).await.unwrap().items[0].names.len(), 1);
        let all = store.hashes_in(&kinds.map(|kind| HashRange::new(kind, "")), 99, 9).await.unwrap();
        assert_eq!(all.items.len(), 7 + 5 + 6 + 6 + 5, "packages, components, interfaces, worlds, views");
        assert!(
            all.items.is_sorted_by_key(|found| found.hash.clone())
                && all.items.iter().all(|found| !found.names.is_empty())
        );
        let few = store.hashes_in(&kinds.map(|kind| HashRange::new(kind, "")), 3, 9).await.unwrap();
        assert_eq!((few.items.as_slice(), few.more), (&all.items[..3], true));
        assert_eq!(store.objects_by_sha256(&"ab".repeat(32), 99, 9).await.unwrap().len(), 5);
        assert_eq!(store.objects_by_sha256(&"ab".repeat(32), 3, 9).await.unwrap().len(), 3);
        let packages = store.objects_by_sha256(&other.source_sha256, 99, 9).await.unwrap();
        assert_eq!(packages.len(), 2, "the two versions of `demo:api`");
        assert_eq!(packages[0].names.len(), 1);
        assert!(store.objects_by_sha256(&"cd".repeat(32), 99, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn both_databases_find_the_same() {
    let documents = [
        (
            "demo:http-types@1.0.0",
            "incoming-handler fields",
            "Requests and responses. Größe, 東京.",
            "Requests and responses.",
        ),
        ("demo:handler@1.0.0", "http run", "Nothing more.", "Nothing more."),
        ("demo:docs@1.0.0", "a b", "It handles HTTP; 1e5 foo.bar_baz e-mail@example.com", ""),
        ("other:or-and-not@1.0.0", "near", "quote ' and \" and \\ and : and *", "line\none\ttwo"),
    ];
    let table: [(&str, &[&str]); 16] = [
        ("http", &["Name demo:http-types", "Items demo:handler", "Docs demo:docs"]),
        ("HTTP hand", &["Items demo:handler", "Items demo:http-types", "Docs demo:docs"]),
        ("demo h", &["Name demo:handler", "Name demo:http-types", "Docs demo:docs"]),
        ("größe", &["Docs demo:http-types"]),
        ("GRÖ", &["Docs demo:http-types"]),
        ("東", &["Docs demo:http-types"]),
        ("or", &["Name other:or-and-not"]),
        ("and not", &["Name other:or-and-not"]),
        ("near(", &["Items other:or-and-not"]),
        ("quote' OR 1=1 --", &[]),
        ("\"quote\" *", &["Docs other:or-and-not"]),
        ("1e5 foo bar", &["Docs demo:docs"]),
        ("mail example", &["Docs demo:docs"]),
        ("5", &[]),
        ("name_words : http", &[]),
        ("*", &[]),
    ];
    for Case { store, .. } in cases().await {
        for namespace in ["demo", "other"] {
            claim(&store, namespace).await;
        }
        for (release, items, docs, summary) in documents {
            let record = package(release, release);
            let words = format!("{} {}", record.name.namespace(), record.name.name());
            let document = SearchDocument::new(&words, items, docs, summary);
            let token = new_token(&store, "admin").await;
            let publisher = Publisher { token: &token, account: "admin", at: at(0) };
            let publication =
                Publication { name: &record.name, publisher, compared: None, document: &document, manifest: None };
            store.insert_package(&record, &[], &publication).await.unwrap();
        }
        for (question, expected) in table {
            assert_eq!(found(&store, question).await, expected, "{question}");
        }
        let hits = store.search(&["near".to_owned()], None, None, 9).await.unwrap().items;
        assert_eq!(hits[0].summary, "line one two");
    }
}

async fn found(store: &Store, question: &str) -> Vec<String> {
    let words: Vec<String> = words_of(question).collect();
    let hits = store.search(&words, None, None, 99).await.unwrap().items;
    let text = |name: &ReleaseName| format!("{}:{}", name.namespace(), name.name());
    hits.iter().map(|hit| format!("{:?} {}", hit.found, text(&hit.name))).collect()
}

#[tokio::test]
async fn a_search_finds_the_newest_release_that_is_not_yanked() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let records =
            ["1.0.0", "2.0.0-rc.1", "1.10.0", "1.9.0"].map(|version| package(&format!("demo:area@{version}"), version));
        for record in &records {
            publish(&store, record).await;
        }
        let tool = component("tool", &records[0]);
        publish_component(&store, &tool, "demo:area-tool@1.0.0").await;
        store.add_downloads(&[(records[0].hash.into_object(), 2), (records[3].hash.into_object(), 5)]).await.unwrap();
        let newest = async |kind| {
            let hits = store.search(&["area".to_owned()], kind, None, 9).await.unwrap().items;
            hits.into_iter().map(|hit| (hit.name.to_string(), hit.downloads)).collect::<Vec<_>>()
        };
        let area = |version: &str| (format!("demo:area@{version}"), 7);
        let the_tool = ("demo:area-tool@1.0.0".to_owned(), 0);
        assert_eq!(newest(None).await, [area("1.10.0"), the_tool.clone()]);
        assert_eq!(newest(Some(SearchKind::Package)).await, [area("1.10.0")]);
        assert_eq!(newest(Some(SearchKind::Component)).await, [the_tool]);
        for (yanked, expected) in [("1.10.0", "1.9.0"), ("1.9.0", "1.0.0"), ("1.0.0", "2.0.0-rc.1")] {
            store.yank(&name(&format!("demo:area@{yanked}")), "test", at(1)).await.unwrap();
            assert_eq!(newest(Some(SearchKind::Package)).await, [area(expected)]);
        }
        store.yank(&records[1].name, "test", at(1)).await.unwrap();
        assert!(newest(Some(SearchKind::Package)).await.is_empty());
        store.unyank(&records[3].name, None).await.unwrap();
        assert_eq!(newest(Some(SearchKind::Package)).await, [area("1.9.0")]);
    }
}

#[tokio::test]
async fn names_and_documents_of_any_size_can_be_indexed() {
    for Case { store, .. } in cases().await {
        claim(&store, "demo").await;
        let record = package("demo:area@1.0.0", "one");
        let large: String = (0..200_000).map(|number| format!("word{number} ")).collect();
        let document = SearchDocument::new("demo area", &large, &large, &large);
        let token = new_token(&store, "admin").await;
        let publisher = Publisher { token: &token, account: "admin", at: at(0) };
        let publication =
            Publication { name: &record.name, publisher, compared: None, document: &document, manifest: None };
        assert_eq!(store.insert_package(&record, &[], &publication).await.unwrap(), Written::Created);
        assert_eq!(found(&store, "word1000").await, ["Items demo:area"]);
        let long = "a".repeat(1_000);
        store.index_release(&record.name, &SearchDocument::new("", "", &long, &long), None).await.unwrap();
        assert_eq!(found(&store, &long).await, ["Docs demo:area"]);
        assert!(found(&store, "area").await.is_empty(), "the old words are gone");
        store.index_release(&record.name, &SearchDocument::new("", "", "", ""), None).await.unwrap();
        assert!(found(&store, "a").await.is_empty());
    }
}

/// What a database of the first version holds: two packages, one after the other, and a component with a name.
const OLD_ROWS: &str = "
    INSERT INTO packages (hash, source_sha256) VALUES ('{lower}', 's1'), ('{upper}', 's2');
    INSERT INTO package_items (package_hash, kind, name, id) VALUES ('{lower}', 'interface', 'api', '{api}');
    INSERT INTO package_dependencies (package_hash, dependency_hash) VALUES ('{upper}', '{lower}');
    INSERT INTO components (hash, view_id, size_bytes, sha256) VALUES ('{tool}', '{view}', 7, 'ab');
    INSERT INTO component_interfaces (component_hash, direction, name, interface_id, package_hash, relation)
        VALUES ('{tool}', 'import', 'demo:lower/api@1.0.0', '{api}', '{lower}', 'exact');
    INSERT INTO component_dependencies (component_hash, dependency_hash) VALUES ('{tool}', '{lower}');
    INSERT INTO releases (namespace, name, version, package_hash, component_hash) VALUES
        ('demo', 'lower', '1.0.0', '{lower}', NULL), ('de-mo', 'upper', '1.0.0', '{upper}', NULL),
        ('demo', 'tool', '1.0.0', NULL, '{tool}')";

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_its_rows() {
    let lower = package("demo:lower@1.0.0", "lower");
    let upper = package("de-mo:upper@1.0.0", "upper");
    let tool = component("tool", &lower);
    let mut rows = OLD_ROWS.to_owned();
    for (place, value) in [
        ("{lower}", lower.hash.to_string()),
        ("{upper}", upper.hash.to_string()),
        ("{api}", lower.interfaces["api"].to_string()),
        ("{tool}", tool.hash.to_string()),
        ("{view}", tool.view.to_string()),
    ] {
        rows = rows.replace(place, &value);
    }
    for (url, _dir) in empty_databases().await {
        write_first_version(&url, &rows).await;
        let store = Store::open(&url, &ServerLimits::default()).await.unwrap();
        assert_eq!(store.component(&tool.hash).await.unwrap().unwrap().interfaces, tool.interfaces);
        let release = store.release(&upper.name).await.unwrap().unwrap();
        assert_eq!(release, Release::new(upper.name.clone(), ReleaseTarget::Package(upper.hash)));
        for namespace in ["demo", "de-mo"] {
            assert_eq!(store.namespace(namespace).await.unwrap().unwrap().owners, ["admin"], "{namespace}");
        }
        assert_eq!(
            store.claim_namespace("d-emo", "admin", at(0)).await.unwrap(),
            Claimed::TooSimilar("de-mo".to_owned())
        );
        assert_eq!(publish(&store, &package("demo:lower@1.1.0", "more")).await, Written::Created);
        let open = store.releases_without_document(9).await.unwrap();
        assert_eq!(
            open.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
            ["de-mo:upper@1.0.0", "demo:lower@1.0.0", "demo:tool@1.0.0"]
        );
        for (name, _) in &open {
            store.index_release(name, &document(name), None).await.unwrap();
        }
        assert!(store.releases_without_document(9).await.unwrap().is_empty());
        assert_eq!(found(&store, "upper").await, ["Name de-mo:upper"]);
        assert_eq!(
            store.search(&["lower".to_owned()], None, None, 9).await.unwrap().items[0].name,
            name("demo:lower@1.1.0")
        );
        store.close().await;
        drop(store);
        Store::open(&url, &ServerLimits::default()).await.unwrap().ready().await.unwrap();
    }
}

/// Makes a database of the first version, with rows.
async fn write_first_version(url: &DatabaseUrl, rows: &str) {
    let first = |all: &Migrator| Migrator::with_migrations(all.iter().take(1).cloned().collect());
    let rows = sqlx::AssertSqlSafe(rows.to_owned());
    match url {
        DatabaseUrl::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            first(&SQLITE_MIGRATIONS).run(&pool).await.unwrap();
            sqlx::raw_sql(rows).execute(&pool).await.unwrap();
            pool.close().await;
        }
        DatabaseUrl::Postgres(url) => {
            let pool = sqlx::PgPool::connect_with(url.options().unwrap()).await.unwrap();
            first(&POSTGRES_MIGRATIONS).run(&pool).await.unwrap();
            sqlx::raw_sql(rows).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

#[tokio::test]
async fn the_files_of_a_database_are_its_owners_alone() {
    let dir = TempDir::new().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let store = open(&DatabaseUrl::Sqlite(dir.path().join("registry.sqlite3"))).await;
    claim(&store, "demo").await;
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 3, "the database, its log and its lock: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}
