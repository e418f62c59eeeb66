//! Copying between two real registries.

use crate::support::component::component;
use crate::support::proxy::tampering;
use crate::support::registry::TestRegistry;
use crate::support::{chain, write_files};
use registry_client::mirror::{Mirror, MirrorError, MirrorEvent, MirrorRoot, Mirrored, Versions};
use registry_client::{Client, ClientError, Fetched};
use registry_core::id::ObjectHash;
use registry_core::name::Spec;
use registry_core::wire::{CreateToken, ReleaseTarget, Scope};
use registry_core::wit::PackageIdentity;

const TYPES: &str = "package copy:types@1.0.0;\n/// Places.\ninterface types { record point { x: s32, y: s32 } }";
const API: &str = "package test:api@1.0.0;\ninterface api { use copy:types/types@1.0.0.{point}; f: func(p: point); }\n\
    world w { import api; export run: func(); }";

/// A source that has a package, its dependency in another namespace, and a component under two names.
struct Source {
    registry: TestRegistry,
    api: PackageIdentity,
    component: ObjectHash,
}

fn source() -> Source {
    let registry = TestRegistry::start();
    registry.block_on(registry.client().claim_namespace("copy")).unwrap();
    registry.publish_text(TYPES);
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("api.wit", API), ("deps/types.wit", TYPES)]);
    let api = registry.publish(folder.path(), None);
    let bytes = component(&[TYPES, API]);
    let hash = registry.publish_component(&bytes, Some("test:runner@1.0.0"));
    registry.publish_component(&bytes, Some("test:runner@1.1.0"));
    Source { registry, api, component: ObjectHash::Component(hash) }
}

impl Source {
    fn client(&self) -> Client {
        Client::new(self.registry.url()).unwrap()
    }

    /// Copies what some specs name.
    fn mirror(
        &self,
        target: &Client,
        specs: &[&str],
        versions: Versions,
        claims: bool,
    ) -> Result<Vec<Mirrored>, MirrorError> {
        self.mirror_from(self.client(), target, specs, versions, claims)
    }

    fn mirror_from(
        &self,
        source: Client,
        target: &Client,
        specs: &[&str],
        versions: Versions,
        claims: bool,
    ) -> Result<Vec<Mirrored>, MirrorError> {
        self.registry.block_on(async {
            let mut mirror = Mirror::new(source, target.clone(), claims);
            let mut roots: Vec<MirrorRoot> = Vec::new();
            for spec in specs {
                roots.extend(mirror.roots(&spec.parse::<Spec>().unwrap(), versions).await?);
            }
            mirror.copy(&roots, |_| {}).await
        })
    }
}

/// Name, or hash for what has none, and whether it is new.
fn shown(mirrored: &[Mirrored]) -> Vec<(String, bool)> {
    let name = |item: &Mirrored| item.name.as_ref().map_or_else(|| item.hash.to_string(), ToString::to_string);
    mirrored.iter().map(|item| (name(item), item.is_new)).collect()
}

#[test]
fn a_closure_arrives_leaves_first_and_is_the_same() {
    let (source, target) = (source(), TestRegistry::start());
    let mirrored = source.mirror(&target.client(), &["test:runner"], Versions::Newest, true).unwrap();
    assert_eq!(
        shown(&mirrored),
        [("copy:types@1.0.0", true), ("test:api@1.0.0", true), ("test:runner@1.1.0", true)]
            .map(|(name, is_new)| (name.to_owned(), is_new))
    );
    assert_eq!((mirrored[1].hash, mirrored[2].hash), (ObjectHash::Package(source.api.hash), source.component));
    for spec in ["test:runner@1.1.0", "test:api"] {
        let spec = spec.parse::<Spec>().unwrap();
        let there = target.block_on(target.client().fetch(&spec)).unwrap();
        let here = target.block_on(source.client().fetch(&spec)).unwrap();
        let text = |fetched: &Fetched| match fetched {
            Fetched::Package(wit) => registry_core::wit::PackageText::new(wit).flat().unwrap(),
            Fetched::Component(fetched) => fetched.component.flat_text().unwrap(),
        };
        assert_eq!(text(&there.1), text(&here.1));
        assert_eq!(there.0.unwrap().target, here.0.unwrap().target);
    }
    let older = target.block_on(target.client().release(&"test:runner@1.0.0".parse().unwrap()));
    assert!(older.unwrap_err().is_not_found(), "only what was asked for is copied");
}

#[test]
fn what_is_there_is_skipped_and_an_interrupted_copy_goes_on() {
    let (source, target) = (source(), TestRegistry::start());
    let client = target.client();
    let first = source.mirror(&client, &["copy:types"], Versions::Newest, true).unwrap();
    assert_eq!(first.len(), 1);
    let specs = ["test:api", "test:runner@1.0.0", &source.component.to_string()];
    let rest = source.mirror(&client, &specs, Versions::Newest, false).unwrap();
    let names: Vec<String> = shown(&rest).into_iter().filter(|(_, is_new)| *is_new).map(|(name, _)| name).collect();
    assert_eq!(names, ["test:api@1.0.0", "test:runner@1.0.0"]);
    let again = source.mirror(&client, &specs, Versions::Newest, false).unwrap();
    assert_eq!(shown(&again), [("test:api@1.0.0".to_owned(), false), ("test:runner@1.0.0".to_owned(), false)]);
    // The component is there, but not yet under its other name.
    let named = source.mirror(&client, &["test:runner@1.1.0"], Versions::Newest, false).unwrap();
    assert_eq!(shown(&named), [("test:runner@1.1.0".to_owned(), true)]);
}

#[test]
fn every_release_is_copied_but_those_that_are_yanked() {
    let (source, target) = (source(), TestRegistry::start());
    let owner = source.registry.client();
    source.registry.block_on(owner.yank(&"test:runner@1.0.0".parse().unwrap(), "it crashes")).unwrap();
    let client = target.client();
    let all = source.mirror(&client, &["test:runner"], Versions::All, true).unwrap();
    let names: Vec<String> = shown(&all).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["copy:types@1.0.0", "test:api@1.0.0", "test:runner@1.1.0"]);
    let mirror = Mirror::new(source.client(), client.clone(), false);
    let roots = target.block_on(mirror.roots(&"test:runner@1.0.0".parse().unwrap(), Versions::All)).unwrap();
    assert_eq!(roots[0].yanked.as_ref().unwrap().reason, "it crashes", "who names it is told");
    let named = source.mirror(&client, &["test:runner@1.0.0"], Versions::All, false).unwrap();
    assert_eq!(shown(&named), [("test:runner@1.0.0".to_owned(), true)]);
    source.registry.block_on(owner.yank(&"test:runner@1.1.0".parse().unwrap(), "it crashes too")).unwrap();
    let error = source.mirror(&client, &["test:runner"], Versions::All, false).unwrap_err();
    assert!(chain(&error).contains("every release of `test:runner` is yanked"), "{}", chain(&error));
}

#[test]
fn namespaces_must_be_the_account_s_own_before_anything_is_sent() {
    let (source, target) = (source(), TestRegistry::start());
    let client = target.client();
    let Err(error) = source.mirror(&client, &["test:api"], Versions::Newest, false) else { panic!() };
    let MirrorError::Unclaimed { namespaces, .. } = &error else { panic!("{error}") };
    assert_eq!(namespaces, &["copy"]);
    assert!(error.hint().unwrap().contains("registry namespace claim copy"), "{error}");
    let nothing = |spec: &str| target.block_on(client.resolve(&spec.parse().unwrap())).unwrap_err().is_not_found();
    assert!(nothing("copy:types") && nothing("test:api"));

    let bob = CreateToken {
        description: String::new(),
        scopes: vec![Scope::Publish, Scope::Admin],
        namespace: None,
        expires_at: None,
        account: Some("bob".to_owned()),
    };
    let token = target.block_on(client.create_token(&bob)).unwrap().token;
    let bob = Client::new(target.url()).unwrap().with_token(token.as_str().into());
    target.block_on(bob.claim_namespace("copy")).unwrap();
    let Err(error) = source.mirror(&client, &["test:api"], Versions::Newest, true) else { panic!() };
    let MirrorError::Foreign { namespaces, account, .. } = &error else { panic!("{error}") };
    assert_eq!((namespaces.as_slice(), account.as_str()), (["copy".to_owned()].as_slice(), "admin"));
    assert!(nothing("copy:types") && nothing("test:api"));

    let anonymous = Client::new(target.url()).unwrap();
    let error = source.mirror(&anonymous, &["test:api"], Versions::Newest, false).unwrap_err();
    assert!(matches!(error, MirrorError::Target { .. }), "{error}");
    assert_eq!(error.code(), "token_required");
}

#[test]
fn a_name_that_the_target_has_bound_to_something_else_is_an_error_with_both_hashes() {
    let (source, target) = (source(), TestRegistry::start());
    let mine = target.publish_text("package test:api@1.0.0;\ninterface api { mine: func(); }").hash;
    let error = source.mirror(&target.client(), &["test:api"], Versions::Newest, true).unwrap_err();
    let MirrorError::Bound { bound, hash, .. } = &error else { panic!("{error}") };
    assert_eq!((*bound, *hash), (ObjectHash::Package(mine), ObjectHash::Package(source.api.hash)));
    assert_eq!(error.code(), "release_bound");
}

#[test]
fn a_source_that_lies_is_refused_and_leaves_nothing() {
    let (source, target) = (source(), TestRegistry::start());
    let liar = Client::new(&tampering(source.registry.url(), "x: s32", "z: s32")).unwrap();
    let error = source.mirror_from(liar, &target.client(), &["test:api"], Versions::Newest, true).unwrap_err();
    let MirrorError::Source { source: cause, .. } = &error else { panic!("{error}") };
    assert!(matches!(**cause, ClientError::FalsePackages { .. }), "{}", chain(&error));
    assert!(target.block_on(target.client().resolve(&"copy:types".parse().unwrap())).unwrap_err().is_not_found());
}

#[test]
fn what_goes_on_is_told_in_order() {
    let (source, target) = (source(), TestRegistry::start());
    let mut told = Vec::new();
    let mut mirror = Mirror::new(source.client(), target.client(), true);
    let root = MirrorRoot { name: None, target: ReleaseTarget::Package(source.api.hash), yanked: None };
    let tell = |event: MirrorEvent<'_>| {
        told.push(match event {
            MirrorEvent::Fetching(_) => "fetching".to_owned(),
            MirrorEvent::Sending(_, name) => format!("sending {}", name.unwrap()),
            MirrorEvent::Claimed(namespace) => format!("claimed {namespace}"),
            MirrorEvent::Done(done) => format!("done {}", done.name.as_ref().unwrap()),
        });
    };
    target.block_on(mirror.copy(&[root], tell)).unwrap();
    assert_eq!(
        told,
        [
            "fetching",
            "claimed copy",
            "sending copy:types@1.0.0",
            "done copy:types@1.0.0",
            "sending test:api@1.0.0",
            "done test:api@1.0.0"
        ]
    );
}
