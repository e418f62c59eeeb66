//! Tags, and what can stand in the place of one.

use super::digest::{Digest, DigestError};
use semver::Version;
use std::fmt;
use std::str::FromStr;

/// Characters of a tag, as the specification limits them.
const CHARS_MAX: usize = 128;

/// A name for a manifest inside of its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(String);

/// Why a text is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tag has up to {CHARS_MAX} letters, digits, underscores, dots and hyphens, and begins with none of the last two"
)]
pub(crate) struct TagError;

impl Tag {
    /// The version of a release as a tag. Build metadata stays behind its plus sign, which the specification does not
    /// allow and `wkg` writes.
    pub(crate) fn of_version(version: &Version) -> Self {
        Self(version.to_string())
    }

    /// Whether the tag has the form that the specification gives tags. Others cannot be pulled by every client.
    pub(crate) fn is_of_specification(&self) -> bool {
        !self.0.contains('+')
    }

    /// The version that the tag is, if it is one.
    pub(crate) fn version(&self) -> Option<Version> {
        Version::parse(&self.0).ok()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = TagError;

    /// Plus signs are taken as well, because `wkg` sends versions as they are, and one with build metadata is refused with
    /// a better reason than its form.
    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins_well = text.bytes().next().is_some_and(is_word);
        let is_plain = text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-' | b'+'));
        if begins_well && is_plain && text.len() <= CHARS_MAX { Ok(Self(text.to_owned())) } else { Err(TagError) }
    }
}

/// What an address names a manifest by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A tag.
    Tag(Tag),
    /// The manifest's own digest.
    Digest(Digest),
}

/// Why a text names no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceError {
    /// It has no colon.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// It has a colon.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Reference, Tag};
    use crate::oci::Digest;

    #[test]
    fn a_colon_makes_a_digest() {
        for good in ["1.0.0", "latest", "_a", "1.0.0-rc.1", "1.0.0+b", &"a".repeat(128)] {
            assert_eq!(good.parse(), Ok(Reference::Tag(good.parse().unwrap())));
        }
        for bad in ["", ".a", "-a", "a/b", "a b", "é", &"a".repeat(129), "sha256:", "a:b"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
        let digest = Digest::sha256(b"");
        assert_eq!(digest.to_string().parse(), Ok(Reference::Digest(digest)));
        assert_eq!("1.2".parse::<Tag>().unwrap().version(), None);
        assert!(!"1.0.0+b".parse::<Tag>().unwrap().is_of_specification());
    }
}
