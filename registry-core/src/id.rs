//! Typed names: one type for each kind of hash, so that two kinds can never be mixed up.
//!
//! The text form is `p2:`, one letter for the kind, and 64 lowercase hexadecimal digits.

use crate::hash::{Digest, Domain, blob};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Describes a type that is a string on the wire, for the API's description.
macro_rules! text_schema {
    ($name:ident, $pattern:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use utoipa::openapi::{ObjectBuilder, Type};
                ObjectBuilder::new().schema_type(Type::String).pattern(Some($pattern)).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use text_schema;

/// A text that is not a hash or an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {reason}")]
pub struct ParseIdError {
    text: String,
    kind: &'static str,
    reason: &'static str,
}

macro_rules! typed_id {
    ($(#[$meta:meta])* $name:ident, $letter:literal, $kind:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, borsh::BorshSerialize, borsh::BorshDeserialize)]
        pub struct $name(Digest);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = concat!("p2:", $letter);

            /// The name made of a digest that was computed in this kind's domain.
            pub const fn from_digest(digest: Digest) -> Self {
                Self(digest)
            }

            /// The digest without its kind.
            pub const fn digest(&self) -> &Digest {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_digest(text, Self::PREFIX)
                    .map(Self)
                    .map_err(|reason| ParseIdError { text: shorten(text), kind: $kind, reason })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        text_schema!($name, concat!("^p2:", $letter, "[0-9a-f]{64}$"));
    };
}

typed_id!(
    /// `p2:w…`: a WIT package: its name, version, items, docs, and the hashes of its dependencies.
    PackageHash, "w", "the hash of a WIT package"
);
typed_id!(
    /// `p2:i…`: an interface or a world. An interface's id leaves out docs, gates and the package's version.
    InterfaceId, "i", "the id of an interface or a world"
);
typed_id!(
    /// `p2:c…`: a component (a contract): its bytes.
    ComponentHash, "c", "the hash of a component"
);
typed_id!(
    /// `p2:v…`: a component's own world as extracted from its bytes (the view).
    ViewId, "v", "the id of a view"
);

typed_id!(
    /// `p2:u…`: a UTXO of a ledger: its chain, the transaction that made it, and its place among what that made.
    UtxoId, "u", "the id of a UTXO"
);
typed_id!(
    /// `p2:k…`: a token of a ledger: its chain, the transaction that minted it, and its place among what that minted.
    TokenId, "k", "the id of a token"
);
typed_id!(
    /// `p2:t…`: a transaction of a ledger: its canonical bytes.
    TransactionId, "t", "the id of a transaction"
);
typed_id!(
    /// `p2:b…`: a block of a ledger: its header.
    BlockId, "b", "the id of a block"
);
typed_id!(
    /// `p2:a…`: an account of a ledger.
    AccountId, "a", "the id of an account"
);

impl ComponentHash {
    /// The name of a component's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blob(Domain::COMPONENT, bytes))
    }
}

/// The hash of something that a registry keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectHash {
    /// A WIT package.
    Package(PackageHash),
    /// A component.
    Component(ComponentHash),
}

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(hash) => hash.fmt(f),
            Self::Component(hash) => hash.fmt(f),
        }
    }
}

impl FromStr for ObjectHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.starts_with(ComponentHash::PREFIX) {
            return text.parse().map(Self::Component);
        }
        text.parse().map(Self::Package)
    }
}

impl Serialize for ObjectHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

text_schema!(ObjectHash, "^p2:[wc][0-9a-f]{64}$");

impl<'de> Deserialize<'de> for ObjectHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The beginning of a hash or an id: `p2:`, the letter of the kind and at least 4 digits, or at least 8 bare digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HashPrefix {
    kind: Option<char>,
    digits: String,
}

/// A text with which no hash begins, or too short to look for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the beginning of a hash: `p2:`, one of the letters {letters} and at least {typed} hexadecimal \
     digits, or at least {bare} digits alone",
    letters = HashPrefix::KINDS.map(|kind| format!("`{kind}`")).join(", "),
    typed = HashPrefix::TYPED_DIGITS_MIN,
    bare = HashPrefix::BARE_DIGITS_MIN
)]
pub struct ParsePrefixError(String);

impl HashPrefix {
    /// The letters of the kinds that a registry knows: packages, components, interfaces and worlds, views.
    pub const KINDS: [char; 4] = ['w', 'c', 'i', 'v'];
    const TYPED_DIGITS_MIN: usize = 4;
    const BARE_DIGITS_MIN: usize = 8;
    const DIGITS_MAX: usize = 64;

    /// The letter of the only kind that is meant, if the text has one.
    pub fn kind(&self) -> Option<char> {
        self.kind
    }

    /// The lowercase hexadecimal digits.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Whether a hash or id in text form begins so.
    pub fn matches(&self, hash: &str) -> bool {
        let typed = hash.strip_prefix("p2:").filter(|typed| typed.starts_with(|letter| self.is_kind(letter)));
        typed.and_then(|typed| typed.get(1..)).is_some_and(|digits| digits.starts_with(&self.digits))
    }

    fn is_kind(&self, letter: char) -> bool {
        self.kind.is_none_or(|kind| kind == letter) && Self::KINDS.contains(&letter)
    }
}

impl FromStr for HashPrefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, ParsePrefixError> {
        let typed = text.strip_prefix("p2:").map(|typed| {
            let mut chars = typed.chars();
            (chars.next().filter(|kind| Self::KINDS.contains(kind)), chars.as_str())
        });
        let (kind, digits, digits_min) = match typed {
            Some((Some(kind), digits)) => (Some(kind), digits, Self::TYPED_DIGITS_MIN),
            Some((None, _)) => return Err(ParsePrefixError(shorten(text))),
            None => (None, text, Self::BARE_DIGITS_MIN),
        };
        let is_long_enough = (digits_min..=Self::DIGITS_MAX).contains(&digits.len());
        if is_long_enough && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Self { kind, digits: digits.to_owned() });
        }
        Err(ParsePrefixError(shorten(text)))
    }
}

impl fmt::Display for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.iter().try_for_each(|kind| write!(f, "p2:{kind}"))?;
        f.write_str(&self.digits)
    }
}

fn parse_digest(text: &str, prefix: &str) -> Result<Digest, &'static str> {
    let Some(hex) = text.strip_prefix(prefix) else {
        return Err(other_kind(text));
    };
    if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("64 lowercase hexadecimal digits must follow the prefix");
    }
    Digest::from_hex(hex).ok_or("an element is not below the modulus, so no hash has this form")
}

/// What a text with another prefix is.
fn other_kind(text: &str) -> &'static str {
    match text.get(..4) {
        Some(PackageHash::PREFIX) => "it is the hash of a WIT package",
        Some(ComponentHash::PREFIX) => "it is the hash of a component",
        Some(InterfaceId::PREFIX) => "it is the id of an interface or a world, by which nothing can be fetched",
        Some(ViewId::PREFIX) => "it is the id of a component's view, by which nothing can be fetched",
        Some(UtxoId::PREFIX) => "it is the id of a UTXO",
        Some(TransactionId::PREFIX) => "it is the id of a transaction",
        Some(BlockId::PREFIX) => "it is the id of a block",
        Some(AccountId::PREFIX) => "it is the id of an account",
        _ => "it does not begin with `p2:` and the letter of its kind",
    }
}

/// Cuts a text that stands in a message, so that a hostile input does not fill the screen.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 200;
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS_MAX).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{ComponentHash, HashPrefix, TransactionId, UtxoId};

    #[test]
    fn an_error_says_what_an_id_of_another_kind_is() {
        let digits = "0".repeat(64);
        for (letter, kind) in [("u", "a UTXO"), ("t", "a transaction"), ("b", "a block"), ("a", "an account")] {
            let text = format!("p2:{letter}{digits}");
            let error = text.parse::<ComponentHash>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not the hash of a component: it is the id of {kind}"));
        }
        let text = format!("p2:c{digits}");
        let error = text.parse::<UtxoId>().unwrap_err().to_string();
        assert_eq!(error, format!("`{text}` is not the id of a UTXO: it is the hash of a component"));
        let error = "x".parse::<TransactionId>().unwrap_err().to_string();
        assert!(error.starts_with("`x` is not the id of a transaction: it does not begin with"), "{error}");
    }

    #[test]
    fn a_prefix_has_a_kind_and_four_digits_or_eight_digits() {
        let digits = "4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1";
        for text in ["p2:w4a73", "p2:c4a73ff3c", "p2:i0000", "p2:vffff", "4a73ff3c", digits, &format!("p2:w{digits}")] {
            let prefix: HashPrefix = text.parse().unwrap();
            assert_eq!(prefix.to_string(), text);
        }
        let longer = format!("{digits}0");
        for text in ["", "p2:", "p2:w", "p2:w4a7", "p2:x4a73", "p2:4a73", "4a73ff3", "4A73FF3C", "p2:wä000", &longer] {
            assert!(text.parse::<HashPrefix>().is_err(), "{text}");
        }
        let (package, bare): (HashPrefix, HashPrefix) = ("p2:w4a73".parse().unwrap(), "4a73ff3c".parse().unwrap());
        assert!(package.matches("p2:w4a73ff3c") && !package.matches("p2:c4a73ff3c") && !package.matches("p2:w4a83"));
        assert!(bare.matches("p2:w4a73ff3c0") && bare.matches("p2:c4a73ff3c0") && !bare.matches("p2:w04a73ff3c"));
    }
}
