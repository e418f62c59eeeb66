//! The frozen vectors of the byte hash, and that the second implementation agrees with them.

use crate::second_implementation;
use registry_core::hash::{Digest, Domain, blob, hash_bytes, hash_elements, merge, permute};
use registry_core::id::{ComponentHash, InterfaceId, PackageHash};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: String,
    permutation: Vec<Permutation>,
    leaves: Vec<Hash>,
    sponge: Vec<Hash>,
    elements: Vec<Elements>,
    merge: Vec<Merge>,
    blobs: Vec<Hash>,
}

#[derive(Deserialize)]
struct Permutation {
    input: [String; 12],
    output: [String; 12],
}

#[derive(Deserialize)]
struct Hash {
    domain: Option<String>,
    input: Input,
    digest: String,
}

#[derive(Deserialize)]
struct Elements {
    domain: DomainName,
    elements: Vec<String>,
    digest: String,
}

#[derive(Deserialize)]
struct Merge {
    domain: DomainName,
    left: String,
    right: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum DomainName {
    Number(u8),
    Name(String),
}

impl DomainName {
    fn domain(&self) -> Domain {
        match self {
            Self::Number(number) => Domain::new(&[*number]),
            Self::Name(name) => domain(name),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Input {
    Hex(String),
    Text(String),
    Repeat { byte: u8, count: usize },
    Counter { modulus: usize, count: usize },
}

impl Input {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Hex(hex) => hex::decode(hex).unwrap(),
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Repeat { byte, count } => vec![*byte; *count],
            Self::Counter { modulus, count } => (0..*count).map(|index| (index % modulus) as u8).collect(),
        }
    }
}

fn domain(name: &str) -> Domain {
    if name.is_empty() { Domain::UNSEPARATED } else { Domain::new(name.as_bytes()) }
}

fn element(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::from_hex(text).unwrap()
}

pub fn vectors_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn vectors() -> Vectors {
    serde_json::from_slice(&std::fs::read(vectors_folder().join("hash.json")).unwrap()).unwrap()
}

#[test]
fn byte_hash_equals_the_frozen_vectors() {
    let vectors = vectors();
    for Permutation { input, output } in &vectors.permutation {
        let mut state = input.each_ref().map(|text| element(text));
        permute(&mut state);
        assert_eq!(state, output.each_ref().map(|text| element(text)));
    }
    for leaf in &vectors.leaves {
        assert_eq!(hash_bytes(Domain::LEAF, &leaf.input.bytes()).to_hex(), leaf.digest);
    }
    for vector in &vectors.sponge {
        let domain = domain(vector.domain.as_ref().unwrap());
        assert_eq!(hash_bytes(domain, &vector.input.bytes()).to_hex(), vector.digest);
    }
    for vector in &vectors.elements {
        let elements: Vec<u64> = vector.elements.iter().map(|text| element(text)).collect();
        assert_eq!(hash_elements(vector.domain.domain(), &elements).to_hex(), vector.digest);
    }
    for vector in &vectors.merge {
        let merged = merge(vector.domain.domain(), &digest(&vector.left), &digest(&vector.right));
        assert_eq!(merged.to_hex(), vector.digest);
    }
    for vector in &vectors.blobs {
        let domain = domain(vector.domain.as_ref().unwrap());
        assert_eq!(blob(domain, &vector.input.bytes()).to_hex(), vector.digest);
    }
}

#[test]
fn different_inputs_and_domains_have_different_digests() {
    let vectors = vectors();
    let mut seen = std::collections::BTreeMap::new();
    for vector in vectors.leaves.iter().chain(&vectors.blobs) {
        let input = (vector.domain.clone(), vector.input.bytes());
        let same = seen.insert(vector.digest.clone(), input.clone());
        assert!(same.is_none_or(|other| other == input), "{} names two inputs", vector.digest);
    }
}

#[test]
fn zeros_of_different_lengths_have_different_hashes() {
    let zeros = vec![0; 3 * 1024 + 60];
    let hashes: std::collections::BTreeSet<Digest> =
        (0..=zeros.len()).step_by(7).chain(0..200).map(|length| blob(Domain::BLOB, &zeros[..length])).collect();
    let lengths: std::collections::BTreeSet<usize> = (0..=zeros.len()).step_by(7).chain(0..200).collect();
    assert_eq!(hashes.len(), lengths.len());
}

#[test]
fn the_second_implementation_agrees_on_every_vector() {
    second_implementation::run(&["self-test"]);
    second_implementation::run(&["hash", vectors_folder().join("hash.json").to_str().unwrap()]);
}

#[test]
fn names_have_one_text_form() {
    let hash = ComponentHash::of(b"abc");
    let text = hash.to_string();
    assert_eq!(text.parse::<ComponentHash>().unwrap(), hash);
    let hex = text.strip_prefix("p2:c").unwrap().to_owned();
    assert!(text.parse::<PackageHash>().is_err(), "another kind");
    assert!(format!("p2:c{}", hex.to_uppercase()).parse::<ComponentHash>().is_err(), "uppercase");
    assert!(format!("p2:c{hex}0").parse::<ComponentHash>().is_err(), "too long");
    assert!(format!("p2:c{}", &hex[1..]).parse::<ComponentHash>().is_err(), "too short");
    assert!(hex.parse::<ComponentHash>().is_err(), "bare digits");
    let modulus = "01000000ffffffff";
    let not_canonical = format!("p2:i{modulus}{}", "0".repeat(48));
    assert!(not_canonical.parse::<InterfaceId>().is_err(), "the modulus is not an element");
    let largest = format!("p2:i00000000ffffffff{}", "0".repeat(48));
    assert_eq!(largest.parse::<InterfaceId>().unwrap().to_string(), largest);
}

proptest::proptest! {
    /// The lanes and the levels of the tree do what a plain recursive tree does.
    #[test]
    fn tree_equals_its_recursive_definition(length in 0_usize..40_000, seed in 0_u8..255) {
        let bytes: Vec<u8> = (0..length).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        proptest::prop_assert_eq!(blob(Domain::BLOB, &bytes), recursive_blob(&bytes));
    }
}

fn recursive_blob(bytes: &[u8]) -> Digest {
    let mut leaves: Vec<Digest> = bytes.chunks(1024).map(|leaf| hash_bytes(Domain::LEAF, leaf)).collect();
    if leaves.is_empty() {
        leaves.push(hash_bytes(Domain::LEAF, &[]));
    }
    let [a, b, c, d] = recursive_tree(&leaves).elements();
    hash_elements(Domain::BLOB, &[bytes.len() as u64, 10, a, b, c, d])
}

fn recursive_tree(leaves: &[Digest]) -> Digest {
    if leaves.len() == 1 {
        return leaves[0];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    merge(Domain::NODE, &recursive_tree(left), &recursive_tree(right))
}
