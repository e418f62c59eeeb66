//! The cache as a part of the client.

use crate::support::component::component;
use crate::support::registry::TestRegistry;
use registry_client::ClientError;
use registry_client::cache::{Cache, CacheError, Inspection};
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::Spec;
use std::fs;

const TYPES: &str = "package test:types@1.0.0;\ninterface types { record point { x: s32, y: s32 } }\n";
const USER: &str = "package test:user@1.0.0;\ninterface api { use test:types/types@1.0.0.{point}; f: func(p: point); }\n\
    world w { import api; }\n";

fn published() -> (TestRegistry, PackageHash, ComponentHash) {
    let registry = TestRegistry::start();
    registry.publish_text(TYPES);
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_files(folder.path(), &[("user.wit", USER), ("deps/types.wit", TYPES)]);
    let package = registry.publish(folder.path(), None).hash;
    let component = registry.publish_component(&component(&[TYPES, USER]), None);
    (registry, package, component)
}

#[test]
fn what_was_fetched_once_is_there_without_a_registry() {
    let (registry, package, component) = published();
    let cache = Cache::in_folder(registry.cache());
    let online = registry.client().with_cache(Some(cache.clone()));
    let offline = registry.client().with_cache(Some(cache.clone())).offline();
    assert!(matches!(registry.block_on(offline.fetch_package(&package)), Err(ClientError::Offline { .. })));

    let fetched = registry.block_on(online.fetch_package(&package)).unwrap();
    let cached = registry.block_on(offline.fetch_package(&package)).unwrap();
    assert_eq!(fetched.identities(), cached.identities());
    assert!(matches!(registry.block_on(offline.fetch_component(&component)), Err(ClientError::Offline { .. })));
    let fetched = registry.block_on(online.fetch_component(&component)).unwrap();
    let cached = registry.block_on(offline.fetch_component(&component)).unwrap();
    assert_eq!(fetched.bytes, cached.bytes);
    assert_eq!(fetched.component.interfaces(), cached.component.interfaces());
    assert_eq!(fetched.component.closure(), cached.component.closure());

    // A name is not a hash: only the registry knows what it is bound to.
    let name: Spec = "test:user@1.0.0".parse().unwrap();
    assert!(matches!(registry.block_on(offline.fetch(&name)), Err(ClientError::Offline { .. })));
    let objects = cache.verify(&Limits::default()).unwrap();
    assert_eq!(objects.len(), 3);
    assert!(objects.iter().all(|object| matches!(object.inspection, Inspection::Sound)));
}

#[test]
fn bytes_of_a_component_that_changed_are_told_with_both_hashes() {
    let (registry, _, component) = published();
    let cache = Cache::in_folder(registry.cache());
    let client = registry.client().with_cache(Some(cache.clone()));
    registry.block_on(client.fetch_component(&component)).unwrap();
    let path = registry.cache().join(format!("v1/components/{}.wasm", component.digest().to_hex()));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    let Err(CacheError::Damaged { hash, paths, source }) = cache.component(&component, &Limits::default()).map(|_| ())
    else {
        panic!("the change was not found");
    };
    assert_eq!((hash, paths), (ObjectHash::Component(component), vec![path]));
    let message = source.to_string();
    assert!(message.contains(&component.to_string()), "{message}");
    assert!(message.contains(&ComponentHash::of(&bytes).to_string()), "{message}");
    registry.block_on(client.fetch_component(&component)).unwrap();
    assert!(cache.component(&component, &Limits::default()).unwrap().is_some());
}

#[test]
fn a_client_without_a_cache_keeps_nothing() {
    let (registry, package, _) = published();
    registry.block_on(registry.client().fetch_package(&package)).unwrap();
    assert!(!registry.cache().exists());
}

#[test]
fn nothing_but_the_caches_own_files_is_removed() {
    let (registry, _, _) = published();
    let cache = Cache::in_folder(registry.cache());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine");
    fs::write(&path, "mine").unwrap();
    cache.remove(std::slice::from_ref(&path)).unwrap_err();
    cache.remove(&[registry.cache().join("v1/packages/none.json")]).unwrap();
    assert!(path.exists());
}
