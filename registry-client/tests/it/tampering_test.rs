//! A registry that lies, or a network that changes bytes: nothing false gets through, and both hashes are named.

use crate::support::chain;
use crate::support::component::component;
use crate::support::proxy::{answering, tampering};
use crate::support::registry::TestRegistry;
use registry_client::{Client, ClientError};
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::wire::PackageClosure;
use registry_core::wit::PackageIdentity;

const TYPES: &str = "package test:types@1.0.0;\ninterface types { record point { x: s32, y: s32 } }";
const USER: &str = "package test:user@1.0.0;\ninterface api { use test:types/types@1.0.0.{point}; f: func(p: point); }\n\
    world w { import api; export run: func(); }";

struct Published {
    registry: TestRegistry,
    types: PackageIdentity,
    user: PackageIdentity,
    component: ComponentHash,
}

fn publish() -> Published {
    let registry = TestRegistry::start();
    let types = registry.publish_text(TYPES);
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_files(folder.path(), &[("user.wit", USER), ("deps/types.wit", TYPES)]);
    let user = registry.publish(folder.path(), None);
    let component = registry.publish_component(&component(&[TYPES, USER]), Some("test:runner@1.0.0"));
    Published { registry, types, user, component }
}

impl Published {
    /// The error of fetching the package through a proxy that changes the answer.
    fn fetch_package(&self, original: impl AsRef<[u8]>, replacement: impl AsRef<[u8]>) -> ClientError {
        let client = Client::new(&tampering(self.registry.url(), original, replacement)).unwrap();
        self.registry.block_on(client.fetch_package(&self.user.hash)).err().unwrap()
    }

    fn fetch_component(&self, original: impl AsRef<[u8]>, replacement: impl AsRef<[u8]>) -> ClientError {
        let client = Client::new(&tampering(self.registry.url(), original, replacement)).unwrap();
        self.registry.block_on(client.fetch_component(&self.component)).err().unwrap()
    }
}

/// A valid hash of the same kind that differs in its last digit.
fn other(hash: &impl ToString) -> String {
    let mut text = hash.to_string();
    let last = text.pop().unwrap();
    text.push(if last == '0' { '1' } else { '0' });
    text
}

fn assert_names(error: &ClientError, hashes: &[&dyn ToString]) {
    assert!(error.is_refusal(), "{error:?}");
    let text = chain(error);
    for hash in hashes {
        assert!(text.contains(&hash.to_string()), "{text}\ndoes not name {}", hash.to_string());
    }
    assert!(error.hint().unwrap().contains("do not trust this registry"));
}

/// The hash that a package text has, found in the message beside the one that was claimed.
fn actual_hash(error: &ClientError, claimed: &PackageHash) -> PackageHash {
    let text = chain(error);
    let words = text.split(|separator: char| !(separator.is_ascii_alphanumeric() || separator == ':'));
    let hashes = words.filter_map(|word| word.parse::<PackageHash>().ok());
    hashes.into_iter().find(|hash| hash != claimed).expect("two hashes in the message")
}

#[test]
fn a_changed_package_text_is_refused() {
    let published = publish();
    let error = published.fetch_package("f: func(", "g: func(");
    assert_names(&error, &[&published.user.hash]);
    actual_hash(&error, &published.user.hash);
}

#[test]
fn a_changed_text_of_a_dependency_is_refused() {
    let published = publish();
    let error = published.fetch_package("y: s32", "z: s32");
    assert_names(&error, &[&published.types.hash]);
    actual_hash(&error, &published.types.hash);
}

#[test]
fn a_changed_doc_comment_is_refused() {
    let registry = TestRegistry::start();
    let package = registry.publish_text("package test:docs@1.0.0;\n/// Pay the owner.\ninterface i { f: func(); }");
    let client = Client::new(&tampering(registry.url(), "Pay the owner", "Pay the thief")).unwrap();
    let error = registry.block_on(client.fetch_package(&package.hash)).err().unwrap();
    assert_names(&error, &[&package.hash]);
}

#[test]
fn a_changed_hash_of_the_package_is_refused() {
    let published = publish();
    let false_hash = other(&published.user.hash);
    let error = published.fetch_package(published.user.hash.to_string(), &false_hash);
    assert_names(&error, &[&published.user.hash, &false_hash]);
}

#[test]
fn a_changed_hash_of_the_package_in_the_list_alone_is_refused() {
    let published = publish();
    let (hash, false_hash) = (published.user.hash.to_string(), other(&published.user.hash));
    let error = published.fetch_package(format!("\"hash\":\"{hash}"), format!("\"hash\":\"{false_hash}"));
    assert_names(&error, &[&hash, &false_hash]);
}

#[test]
fn a_changed_hash_of_a_dependency_is_refused() {
    let published = publish();
    let false_hash = other(&published.types.hash);
    let error = published.fetch_package(published.types.hash.to_string(), &false_hash);
    assert_names(&error, &[&published.types.hash, &false_hash]);
}

#[test]
fn text_that_is_no_wit_any_more_is_refused() {
    let published = publish();
    let error = published.fetch_package("record point", "record 47110");
    assert_names(&error, &[&published.user.hash]);
}

#[test]
fn changed_bytes_of_a_component_are_refused() {
    let published = publish();
    let error = published.fetch_component(b"wit-component", b"wat-component");
    assert_names(&error, &[&published.component]);
    assert_eq!(chain(&error).matches("p2:c").count(), 3, "{}", chain(&error));
}

#[test]
fn a_changed_hash_of_a_component_is_refused() {
    let published = publish();
    let false_hash = other(&published.component);
    let error = published.fetch_component(published.component.to_string(), &false_hash);
    assert_names(&error, &[&published.component, &false_hash]);
}

#[test]
fn changed_packages_of_a_component_are_refused() {
    let published = publish();
    let error = published.fetch_component("y: s32", "y: u32");
    assert_names(&error, &[&published.component, &published.types.hash]);
}

#[test]
fn a_changed_view_of_a_component_is_refused() {
    let published = publish();
    let client = published.registry.client();
    let fetched = published.registry.block_on(client.fetch_component(&published.component)).unwrap();
    let view = fetched.component.view_id();
    let error = published.fetch_component(view.to_string(), other(&view));
    assert_names(&error, &[&view, &other(&view)]);
}

#[test]
fn a_name_that_is_bound_to_another_package_is_refused() {
    let published = publish();
    let (user, types) = (published.user.hash.to_string(), published.types.hash.to_string());
    let url = tampering(published.registry.url(), format!("\"hash\":\"{user}"), format!("\"hash\":\"{types}"));
    let client = Client::new(&url).unwrap();
    let error = published.registry.block_on(client.fetch(&"test:user@1.0.0".parse().unwrap())).err().unwrap();
    assert_names(&error, &[&"test:user@1.0.0", &"test:types@1.0.0", &types]);
}

#[test]
fn another_release_than_the_one_asked_for_is_refused() {
    let published = publish();
    for (spec, tampered) in [("test:user@1.0.0", "test:user@1.0.1"), ("test:user", "test:uses@1.0.0")] {
        let client = Client::new(&tampering(published.registry.url(), "test:user@1.0.0", tampered)).unwrap();
        let error = published.registry.block_on(client.resolve(&spec.parse().unwrap())).unwrap_err();
        assert_names(&error, &[&spec, &tampered]);
    }
}

/// The error of fetching `user` from a registry that answers with these packages.
fn fetch_from(published: &Published, packages: Vec<ClosurePackage>) -> ClientError {
    let answer = PackageClosure { root: published.user.hash, packages: Closure { packages } };
    let body = serde_json::to_string(&answer).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let client = Client::new(&answering(move |_| answer.clone())).unwrap();
    published.registry.block_on(client.fetch_package(&published.user.hash)).err().unwrap()
}

fn true_packages(published: &Published) -> Vec<ClosurePackage> {
    let wit = published.registry.block_on(published.registry.client().fetch_package(&published.user.hash)).unwrap();
    Closure::of(&wit).unwrap().packages
}

#[test]
fn a_registry_that_adds_or_leaves_out_a_package_is_refused() {
    let published = publish();
    let packages = true_packages(&published);
    let wit = "package test:extra@1.0.0;\ninterface i { f: func(); }".to_owned();
    let hash = published.registry.publish_text(&wit).hash;
    let extra = ClosurePackage { name: "test:extra@1.0.0".parse().unwrap(), hash, wit };
    let error = fetch_from(&published, [packages.clone(), vec![extra]].concat());
    assert_names(&error, &[&published.user.hash, &"nothing in it refers to: `test:extra@1.0.0`"]);
    let error = fetch_from(&published, packages[1..].to_vec());
    assert_names(&error, &[&published.user.hash, &"not there: `test:types@1.0.0`"]);
    let error = fetch_from(&published, [packages.clone(), packages].concat());
    assert_names(&error, &[&published.user.hash, &"stands twice"]);
    let error = fetch_from(&published, Vec::new());
    assert_names(&error, &[&published.user.hash]);
}

#[test]
fn hostile_wit_from_a_registry_is_an_error_and_no_crash() {
    let published = publish();
    let mut packages = true_packages(&published);
    let hostile = [
        format!("type t = {}u8{};", "list<".repeat(10_000), ">".repeat(10_000)),
        (0..200).map(|index| format!("type t{} = list<t{index}>;", index + 1)).collect(),
        "{".repeat(1_000_000),
        "\u{0}\u{202e}".to_owned(),
    ];
    for body in hostile {
        packages[1].wit = format!("package test:user@1.0.0;\ninterface api {{ type t0 = u8; {body} }}");
        let error = fetch_from(&published, packages.clone());
        assert_names(&error, &[&published.user.hash]);
    }
}

#[test]
fn a_false_list_of_missing_packages_is_refused() {
    let published = publish();
    let absent = ComponentHash::of(b"absent");
    let client = Client::new(&tampering(published.registry.url(), absent.to_string(), other(&absent))).unwrap();
    let question = [registry_core::id::ObjectHash::Component(absent)];
    let error = published.registry.block_on(client.missing(&question)).unwrap_err();
    assert_names(&error, &[&other(&absent)]);
}

#[test]
fn another_hash_in_the_answer_to_a_publication_is_refused() {
    let published = publish();
    let false_hash = other(&published.types.hash);
    let url = tampering(published.registry.url(), published.types.hash.to_string(), &false_hash);
    let client = Client::new(&url).unwrap().with_token(published.registry.token().into());
    let files = vec![registry_core::wit::SourceFile::new("types.wit", TYPES)];
    let error = published.registry.block_on(client.publish_package(files, published.types.hash)).unwrap_err();
    assert_names(&error, &[&published.types.hash, &false_hash]);
}
