//! The primitives of the canonical encoding (`docs/hash.md`, chapter 3).

use crate::hash::{Digest, Domain, blob};
use std::collections::BTreeMap;

/// Canonical bytes in the making; they begin with the domain's name.
pub(crate) struct Writer {
    domain: Domain,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(domain: Domain) -> Self {
        Self { domain, bytes: domain.name().to_vec() }
    }

    /// A fragment that is to be appended to another writer.
    pub(crate) fn fragment() -> Self {
        Self { domain: Domain::UNSEPARATED, bytes: Vec::new() }
    }

    pub(crate) fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }

    /// An unsigned integer in minimal LEB128.
    pub(crate) fn count(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A text: its length in bytes, then UTF-8.
    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn digest(&mut self, digest: &Digest) {
        self.bytes.extend_from_slice(digest.as_bytes());
    }

    /// 0 for nothing; 1 and the value for something.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Digests by name, in the order of the names' bytes.
    pub(crate) fn named_digests(&mut self, items: &BTreeMap<String, &Digest>) {
        self.count(items.len() as u64);
        for (name, digest) in items {
            self.text(name);
            self.digest(digest);
        }
    }

    /// The fragments that `write` makes of each item, counted, in the order that the caller gave them.
    pub(crate) fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.count(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn finish(self) -> Digest {
        blob(self.domain, &self.bytes)
    }
}

/// One step on the way from a package to something inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Step {
    Interface = 0x70,
    World = 0x71,
    Type = 0x72,
    Function = 0x73,
    /// A field, case or flag.
    Member = 0x74,
    ImportByName = 0x75,
    ImportByInterface = 0x76,
    ExportByName = 0x77,
    ExportByInterface = 0x78,
}

/// Where something stands in a package: the steps that lead there. The empty path is the package itself.
#[derive(Clone, Default)]
pub(crate) struct Path(Vec<(Step, String)>);

impl Path {
    pub(crate) fn then(&self, step: Step, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push((step, name.to_owned()));
        Self(steps)
    }

    /// The encoded path, which is also its sorting key.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::fragment();
        writer.list(self.0.iter(), |writer, (step, name)| {
            writer.tag(*step as u8);
            writer.text(name);
        });
        writer.into_bytes()
    }
}

/// A leaf of a package: values by path, in the order of the encoded paths. What has no value has no entry.
#[derive(Default)]
pub(crate) struct Leaf(BTreeMap<Vec<u8>, Vec<u8>>);

impl Leaf {
    pub(crate) fn insert(&mut self, path: &Path, value: Writer) {
        self.0.insert(path.encode(), value.into_bytes());
    }

    pub(crate) fn finish(self, domain: Domain) -> Digest {
        let mut writer = Writer::new(domain);
        writer.list(self.0.iter(), |writer, (path, value)| {
            writer.bytes.extend_from_slice(path);
            writer.bytes.extend_from_slice(value);
        });
        writer.finish()
    }
}
