//! Finding by name and fetching with everything that is needed.

use crate::support::component::component;
use crate::support::proxy::rewriting;
use crate::support::registry::{TestRegistry, local_package};
use crate::support::wasi;
use registry_client::{Client, ClientError, DEFAULT_URL, Fetched};
use registry_core::closure::Closure;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::{PackageName, Spec};
use registry_core::wire::ReleaseTarget;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TYPES: &str = "package test:types@1.0.0;\ninterface types { record point { x: s32, y: s32 } }";

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

#[test]
fn a_package_comes_with_its_closure_by_hash_and_by_name() {
    let registry = TestRegistry::start();
    let http = registry.publish(&wasi::file("http"), Some(&wasi::deps()));
    let client = registry.client();
    let by_hash = registry.block_on(client.fetch_package(&http.hash)).unwrap();
    assert_eq!(by_hash.identity().unwrap(), &http);
    let names: Vec<String> = by_hash.closure_order().iter().map(|package| package.name.name.clone()).collect();
    assert_eq!(names, ["io", "clocks", "filesystem", "random", "sockets", "cli", "http"]);

    let (release, by_name) = registry.block_on(client.fetch(&spec("wasi:http"))).unwrap();
    let Fetched::Package(by_name) = by_name else { panic!("a package was published") };
    assert_eq!(PackageName::from(&release.unwrap().name), http.name);
    assert_eq!(Closure::of(&by_name).unwrap(), Closure::of(&by_hash).unwrap());
}

#[test]
fn a_closure_is_one_request_and_a_component_two() {
    let registry = TestRegistry::start();
    let http = registry.publish(&wasi::file("http"), Some(&wasi::deps()));
    let user = "package test:user;\nworld w { export run: func() -> u32; }";
    let component = registry.publish_component(&component(&[user]), None);
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let url = rewriting(registry.url(), move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let client = Client::new(&url).unwrap();
    registry.block_on(client.fetch_package(&http.hash)).unwrap();
    assert_eq!(requests.swap(0, Ordering::SeqCst), 1);
    registry.block_on(client.fetch_component(&component)).unwrap();
    assert_eq!(requests.swap(0, Ordering::SeqCst), 2);
}

#[test]
fn the_default_url_is_where_a_registry_listens() {
    assert_eq!(DEFAULT_URL, format!("http://{}", registry_server::LISTEN_DEFAULT));
}

#[test]
fn what_is_fetched_is_what_was_read_from_disk() {
    let registry = TestRegistry::start();
    let local = local_package(&wasi::file("cli"), Some(&wasi::deps()));
    let published = registry.publish(&wasi::file("cli"), Some(&wasi::deps()));
    let fetched = registry.block_on(registry.client().fetch_package(&published.hash)).unwrap();
    assert_eq!(Closure::of(&fetched).unwrap(), Closure::of(&local.wit).unwrap());
}

#[test]
fn the_newest_release_is_the_highest_version_and_no_pre_release() {
    let registry = TestRegistry::start();
    let publish = |version: &str| {
        let text = format!("package test:many@{version};\ninterface i {{ f: func(); }}");
        registry.publish_text(&text).hash
    };
    let pre_release = publish("3.0.0-rc.1");
    let client = registry.client();
    let newest = || registry.block_on(client.resolve(&spec("test:many"))).unwrap().1;
    assert_eq!(newest(), ReleaseTarget::Package(pre_release));
    let nine = publish("1.9.0");
    let ten = publish("1.10.0");
    publish("1.2.0");
    assert_eq!(newest(), ReleaseTarget::Package(ten));
    let exact = registry.block_on(client.resolve(&spec("test:many@1.9.0"))).unwrap();
    assert_eq!(exact.1, ReleaseTarget::Package(nine));
    assert_eq!(exact.0.unwrap().name.to_string(), "test:many@1.9.0");
}

#[test]
fn two_versions_of_one_package_stay_apart_in_one_closure() {
    let registry = TestRegistry::start();
    let types = |version: &str| format!("package test:types@{version};\ninterface types {{ type t = u8; }}");
    let old = registry.publish_text(&types("1.0.0")).hash;
    let new = registry.publish_text(&types("1.1.0")).hash;
    let user = format!(
        "package test:user@1.0.0;\ninterface i {{ use test:types/types@1.0.0.{{t as a}}; use test:types/types@1.1.0.{{t as b}}; \
         f: func(x: a) -> b; }}\n{}\n{}",
        types("1.0.0").replacen(";\n", " {\n", 1) + "}",
        types("1.1.0").replacen(";\n", " {\n", 1) + "}",
    );
    let user = registry.publish_text(&user);
    let wit = registry.block_on(registry.client().fetch_package(&user.hash)).unwrap();
    let hashes: Vec<PackageHash> = wit.closure_order().iter().map(|package| package.hash).collect();
    assert_eq!(hashes, [old, new, user.hash]);
}

#[test]
fn a_component_comes_with_the_packages_that_it_names() {
    let registry = TestRegistry::start();
    let types = registry.publish_text(TYPES);
    let user = "package test:user;\ninterface api { use test:types/types@1.0.0.{point}; f: func() -> point; }\n\
        world w { export api; export run: func() -> u32; }";
    let bytes = component(&[TYPES, user]);
    let hash = registry.publish_component(&bytes, Some("test:runner@1.2.3"));
    let client = registry.client();

    let fetched = registry.block_on(client.fetch_component(&hash)).unwrap();
    assert_eq!(fetched.bytes, bytes);
    assert_eq!(fetched.component.hash(), hash);
    let packages: Vec<PackageHash> = fetched.component.closure().packages.iter().map(|package| package.hash).collect();
    assert_eq!(packages, [types.hash]);

    let (release, named) = registry.block_on(client.fetch(&spec("test:runner"))).unwrap();
    assert_eq!(release.unwrap().name.to_string(), "test:runner@1.2.3");
    assert!(matches!(named, Fetched::Component(named) if named.component.hash() == hash));
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let registry = TestRegistry::start();
    registry.publish_text(TYPES);
    let client = registry.client();
    for name in ["test:none", "test:none@9.9.9"] {
        let error = registry.block_on(client.resolve(&spec(name))).unwrap_err();
        assert!(matches!(&error, ClientError::NoRelease(missing) if missing == &spec(name)), "{error}");
        assert!(error.is_not_found());
        assert!(error.hint().is_some());
    }
    registry.publish_text(&TYPES.replace("@1.0.0", "@1.2.0"));
    let error = registry.block_on(client.resolve(&spec("test:types@9.9.9"))).unwrap_err();
    assert!(matches!(&error, ClientError::NoVersion { versions, .. } if versions == &["1.2.0", "1.0.0"]), "{error}");
    assert!(error.is_not_found());
    assert!(error.hint().unwrap().ends_with("newest first: 1.2.0, 1.0.0"));
    let absent = ComponentHash::of(b"absent");
    let error = registry.block_on(client.fetch_component(&absent)).err().unwrap();
    assert_eq!(error.code(), "not_found");
    assert!(error.to_string().contains(&absent.to_string()), "{error}");
}

#[test]
fn missing_hashes_and_bindings_come_in_the_order_of_the_question() {
    let registry = TestRegistry::start();
    let types = registry.publish_text(TYPES);
    let present = ObjectHash::Package(types.hash);
    let [a, b] = [ComponentHash::of(b"a"), ComponentHash::of(b"b")].map(ObjectHash::Component);
    let client = registry.client();
    assert_eq!(registry.block_on(client.missing(&[b, present, a])).unwrap(), [b, a]);
    assert_eq!(registry.block_on(client.missing(&[])).unwrap(), []);
    let names = ["test:none@1.0.0", "test:types@1.0.0"].map(|name| name.parse().unwrap());
    let bindings = registry.block_on(client.bindings(&names)).unwrap();
    assert_eq!(bindings, [None, Some(ReleaseTarget::Package(types.hash))]);
}

#[test]
fn everything_of_wasi_is_fetched_with_the_hashes_that_the_files_have() {
    let registry = TestRegistry::start();
    for name in ["io", "clocks", "filesystem", "random", "sockets", "cli", "http"] {
        let published = registry.publish(&wasi::file(name), Some(&wasi::deps()));
        let wit = registry.block_on(registry.client().fetch_package(&published.hash)).unwrap();
        let verified = Closure::of(&wit).unwrap().verify(&published.hash, &Limits::default()).unwrap();
        assert_eq!(verified.identity().unwrap(), &published);
    }
}
