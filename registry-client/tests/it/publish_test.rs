//! What is sent, and what the registry's refusals look like to a caller.

use crate::support::component::{component, encoded};
use crate::support::registry::{TestRegistry, local_package};
use crate::support::{wasi, write_files};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::wit::SourceFile;

const BASE: &str = "package test:base@1.0.0;\ninterface types { type t = u8; }\n";
const MAIN: &str = "package test:main@1.0.0;\ninterface api { use test:base/types@1.0.0.{t}; f: func(x: t); }\n";

#[test]
fn leaves_go_first_and_sources_go_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        "// a note\npackage test:main@1.0.0;\ninterface a { f: func(); }\n",
        "interface b {\r\n use test:base/types@1.0.0.{t};\r\n g: func(x: t);\r\n}",
    );
    write_files(folder.path(), &[("one.wit", first), ("two.wit", second), ("deps/base/types.wit", BASE)]);
    let uploads = local_package(folder.path(), None).uploads(&Limits::default()).unwrap();
    let names: Vec<String> = uploads.iter().map(|upload| upload.name.to_string()).collect();
    assert_eq!(names, ["test:base@1.0.0", "test:main@1.0.0"]);
    assert_eq!(uploads[0].files, [SourceFile::new("types.wit", BASE)]);
    assert_eq!(uploads[1].files, [SourceFile::new("one.wit", first), SourceFile::new("two.wit", second)]);
}

#[test]
fn nested_packages_go_as_text_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let flat = format!("{MAIN}{}}}", BASE.replacen(';', " {", 1));
    write_files(folder.path(), &[("flat.wit", &flat)]);
    let registry = TestRegistry::start();
    let uploads = local_package(&folder.path().join("flat.wit"), None).uploads(&Limits::default()).unwrap();
    for upload in uploads {
        assert_eq!(upload.files.len(), 1);
        assert!(upload.files[0].text.starts_with(&format!("package {};", upload.name)), "{}", upload.files[0].text);
        let published = registry.block_on(registry.client().publish_package(upload.files, upload.hash)).unwrap();
        assert!(published.created);
        assert_eq!((published.record.hash, published.record.name), (upload.hash, upload.name));
    }
}

#[test]
fn an_older_copy_among_the_dependencies_is_not_sent_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let nested_base = format!("{}}}", BASE.replacen(';', " {", 1));
    let stale = MAIN.replace("f: func", "stale: func");
    write_files(folder.path(), &[("main.wit", &format!("{MAIN}{nested_base}")), ("deps/main.wit", &stale)]);
    std::fs::write(folder.path().join("main.wasm"), encoded(&[BASE, MAIN])).unwrap();
    write_files(folder.path(), &[("for-wasm/main.wit", &stale), ("for-wasm/base.wit", BASE)]);
    let registry = TestRegistry::start();
    for (path, deps) in [("main.wit", "deps"), ("main.wasm", "for-wasm")] {
        let package = local_package(&folder.path().join(path), Some(&folder.path().join(deps)));
        for upload in package.uploads(&Limits::default()).unwrap() {
            registry.block_on(registry.client().publish_package(upload.files, upload.hash)).unwrap();
        }
    }
}

#[test]
fn a_package_that_is_only_included_need_not_be_published() {
    let folder = tempfile::tempdir().unwrap();
    let template = "package test:template@1.0.0;\nworld base { import test:base/types@1.0.0; }";
    let main = "package test:main@1.0.0;\nworld w { include test:template/base@1.0.0; }";
    write_files(folder.path(), &[("main.wit", main), ("deps/t.wit", template), ("deps/b.wit", BASE)]);
    let registry = TestRegistry::start();
    let uploads = local_package(folder.path(), None).uploads(&Limits::default()).unwrap();
    let names: Vec<String> = uploads.iter().map(|upload| upload.name.to_string()).collect();
    assert_eq!(names, ["test:base@1.0.0", "test:main@1.0.0"]);
    for upload in uploads {
        registry.block_on(registry.client().publish_package(upload.files, upload.hash)).unwrap();
    }
}

#[test]
fn the_same_again_is_success_and_creates_nothing() {
    let registry = TestRegistry::start();
    let hash = registry.publish_text(BASE).hash;
    let again = |files| registry.block_on(registry.client().publish_package(files, hash)).unwrap();
    assert!(!again(vec![SourceFile::new("base.wit", BASE)]).created);
    assert!(!again(vec![SourceFile::new("x.wit", BASE.replace('\n', "\r\n"))]).created);
    let bytes = component(&["package test:w@1.0.0;\nworld w { export f: func(); }"]);
    let hash = ComponentHash::of(&bytes);
    let publish = |name: Option<&str>| {
        let name = name.map(|name| name.parse().unwrap());
        registry.block_on(registry.client().publish_component(bytes.clone(), name.as_ref(), hash)).unwrap().created
    };
    assert_eq!([publish(None), publish(None)], [true, false]);
    publish(Some("test:adder@1.0.0"));
    let release = registry.block_on(registry.client().release(&"test:adder@1.0.0".parse().unwrap())).unwrap();
    assert_eq!(release.target.hash().to_string(), hash.to_string());
}

#[test]
fn refusals_come_with_code_message_and_hint() {
    let registry = TestRegistry::start();
    let base = registry.publish_text(BASE).hash;
    let publish = |text: &str, expected: PackageHash| {
        let files = vec![SourceFile::new("a.wit", text)];
        registry.block_on(registry.client().publish_package(files, expected)).unwrap_err()
    };
    let main = "package test:main@1.0.0;\ninterface i { use test:x/i@1.0.0.{t}; use test:y/i@2.0.0.{t as u}; }";
    let error = publish(main, base);
    assert_eq!(error.code(), "missing_dependencies");
    assert!(error.to_string().contains("`test:x@1.0.0`, `test:y@2.0.0`"), "{error}");
    assert!(error.hint().unwrap().contains("publish them first, whole, leaves first"));

    let changed = BASE.replace("u8", "u16");
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("base.wit", &changed)]);
    let actual = local_package(folder.path(), None).wit.identity().unwrap().hash;
    let error = publish(&changed, base);
    assert_eq!(error.code(), "hash_mismatch");
    assert!(
        error.to_string().contains(&base.to_string()) && error.to_string().contains(&actual.to_string()),
        "{error}"
    );
    let error = publish(&changed, actual);
    assert_eq!(error.code(), "release_bound");
    assert!(
        error.to_string().contains(&base.to_string()) && error.to_string().contains(&actual.to_string()),
        "{error}"
    );
}

#[test]
fn all_of_wasi_is_published_from_its_files() {
    let registry = TestRegistry::start();
    let client = registry.client();
    let http = local_package(&wasi::file("http"), Some(&wasi::deps()));
    let uploads = http.uploads(&Limits::default()).unwrap();
    assert_eq!(uploads.len(), 7);
    for upload in uploads {
        let published = registry.block_on(client.publish_package(upload.files, upload.hash)).unwrap();
        assert_eq!((published.created, published.record.hash), (true, upload.hash));
    }
}
