//! What a component says about itself, read from its sections.

use crate::identity_test::build;
use registry_core::component::DecodedComponent;
use registry_core::limits::Limits;
use registry_core::wire::{ComponentMetadata, Producer};
use wasm_metadata::{
    AddMetadata, AddMetadataField, Authors, Description, Homepage, Licenses, Revision, Source, Version,
};

const WORLD: &str = "package root:x; world root { export run: func(); }";

/// What `cargo auditable` writes: one crate that is built in, and one that only builds.
const AUDITED: &str = r#"{"packages":[
    {"name":"serde","version":"1.0.0","source":"crates.io","root":true,"dependencies":[1]},
    {"name":"cc","version":"1.2.0","source":"git","kind":"build"}]}"#;

/// zlib without compression.
fn zlib(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let mut blocks = text.as_bytes().chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let size = block.len() as u16;
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend(size.to_le_bytes());
        bytes.extend((!size).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    let (low, high) = text.bytes().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    bytes.extend((high << 16 | low).to_be_bytes());
    bytes
}

fn described(component: &[u8]) -> Vec<u8> {
    let mut add = AddMetadata::default();
    add.name = AddMetadataField::Set("adder".to_owned());
    add.description = AddMetadataField::Set(Description::new("Adds numbers. \nAnd nothing else."));
    add.authors = AddMetadataField::Set(Authors::new("The Adders"));
    add.licenses = AddMetadataField::Set(Licenses::new("MIT OR Apache-2.0").unwrap());
    add.source = AddMetadataField::Set(Source::new("https://example.com/adder.git").unwrap());
    add.homepage = AddMetadataField::Set(Homepage::new("https://example.com/adder").unwrap());
    add.revision = AddMetadataField::Set(Revision::new("abc123"));
    add.version = AddMetadataField::Set(Version::new("1.2.3"));
    add.language = vec![("Rust".to_owned(), "1.95".to_owned())];
    add.to_wasm(component).unwrap()
}

/// A component with one more section at its end.
fn with_section(component: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut section = leb128(name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(data);
    let mut bytes = component.to_vec();
    bytes.push(0);
    bytes.extend(leb128(section.len()));
    bytes.extend(section);
    bytes
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value % 0x80) as u8 | 0x80);
        value /= 0x80;
    }
    bytes.push(value as u8);
    bytes
}

/// The metadata of a component that is accepted.
fn read(component: &[u8]) -> ComponentMetadata {
    DecodedComponent::decode(component, &Limits::default()).map(|_| ()).unwrap();
    ComponentMetadata::read(component, &Limits::default())
}

#[test]
fn all_that_the_tools_write_is_read() {
    let metadata = read(&with_section(&described(&build(WORLD).0), ".dep-v0", &zlib(AUDITED)));
    let text = serde_json::to_string_pretty(&metadata).unwrap();
    // The version of the encoder is no part of the snapshot.
    let encoder = metadata.producers.iter().find(|producer| producer.name == "wit-component").unwrap();
    insta::assert_snapshot!(text.replace(&encoder.version, "(version)"));
    assert_eq!(metadata.summary(), "Adds numbers.");
    let json = serde_json::to_string(&metadata).unwrap();
    assert_eq!(serde_json::from_str::<ComponentMetadata>(&json).unwrap(), metadata);
    let texts = metadata.searchable_texts();
    for text in ["adder", "The Adders", "MIT OR Apache-2.0", "Rust", "serde", "https://example.com/adder"] {
        assert!(texts.contains(text), "{text} is not in {texts:?}");
    }
}

#[test]
fn what_the_encoder_leaves_is_no_more_than_producers() {
    let metadata = read(&build(WORLD).0);
    assert_eq!(metadata.producers.iter().map(|producer| producer.name.as_str()).collect::<Vec<_>>(), ["wit-component"]);
    assert_eq!(metadata, ComponentMetadata { producers: metadata.producers.clone(), ..Default::default() });
    assert!(!metadata.is_empty() && ComponentMetadata::default().is_empty());
    assert_eq!(serde_json::to_string(&ComponentMetadata::default()).unwrap(), "{}");
}

#[test]
fn texts_are_the_component_s_own_and_lists_are_of_everything_inside() {
    let inner = described(&wat::parse_str("(module)").unwrap());
    let mut outer = b"\0asm\x0d\0\x01\0\x01".to_vec();
    outer.extend(leb128(inner.len()));
    outer.extend(inner);
    let metadata = read(&outer);
    assert_eq!(metadata.description, None);
    let rust = Producer { role: "language".to_owned(), name: "Rust".to_owned(), version: "1.95".to_owned() };
    assert_eq!(metadata, ComponentMetadata { producers: vec![rust], ..Default::default() });
}

#[test]
fn sections_that_cannot_be_read_are_left_out_with_the_reason() {
    let base = described(&build(WORLD).0);
    let whole = read(&base);
    for (name, data) in [
        ("licenses", b"all rights reserved!".as_slice()),
        ("source", b"not a URL"),
        ("description", b"\xff\xfe"),
        ("producers", b"\x05\xff"),
        (".dep-v0", b"not compressed"),
        ("component-name", b"\x07"),
    ] {
        let metadata = read(&with_section(&base, name, data));
        assert_eq!(metadata.ignored.len(), 1, "{name}");
        assert_eq!(metadata.ignored[0].section, name);
        assert!(!metadata.ignored[0].reason.is_empty(), "{name}");
        assert_eq!(ComponentMetadata { ignored: Vec::new(), ..metadata }, whole, "{name}");
    }
    assert_eq!(read(&with_section(&base, "something-else", b"\xff")), whole);
}

#[test]
fn metadata_is_bounded() {
    let base = build(WORLD).0;
    let limits = Limits::default();
    let long =
        read(&with_section(&base, "description", "x".repeat(limits.metadata_text_size_bytes_max + 1).as_bytes()));
    assert_eq!(long.description, None);
    assert!(long.ignored[0].reason.contains("4097 bytes"), "{:?}", long.ignored);

    let many = (0..300).fold(base.clone(), |bytes, _| with_section(&bytes, "authors", b"somebody"));
    let many = read(&many);
    assert_eq!(many.authors.as_deref(), Some("somebody"));
    assert_eq!(many.ignored.len(), 1);
    assert!(many.ignored[0].reason.contains("metadata_sections_max"), "{:?}", many.ignored);

    let packages = (0..20_000).map(|n| format!(r#"{{"name":"crate-{n}","version":"1.0.0","source":"crates.io"}}"#));
    let json = format!(r#"{{"packages":[{}]}}"#, packages.collect::<Vec<_>>().join(","));
    let limits = Limits { metadata_list_size_bytes_max: 2 << 20, ..limits };
    let large = ComponentMetadata::read(&with_section(&base, ".dep-v0", &zlib(&json)), &limits);
    assert!(large.ignored[0].reason.contains("metadata_size_bytes_max"), "{:?}", large.ignored);
    assert!(large.dependencies.len() > 1_000, "those that fit are listed: {}", large.dependencies.len());
    let json = serde_json::to_vec(&large).unwrap();
    assert!(json.len() < 2 * limits.metadata_size_bytes_max, "{} bytes", json.len());
}
