//! Digests: `sha256:` or `sha512:` and hexadecimal digits.

use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::str::FromStr;

/// What a digest is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Algorithm {
    /// What everybody uses.
    Sha256,
    /// What the specification allows besides.
    Sha512,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// The digest of a blob or a manifest. It names the content, and nothing else is ever kept under it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest {
    algorithm: Algorithm,
    hex: String,
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DigestError {
    /// No algorithm, a colon and digits.
    #[error("a digest is of the form `sha256:` and 64 hexadecimal digits in lower case")]
    Form,
    /// An algorithm that this registry does not compute.
    #[error("digests are made with `sha256` or `sha512` here")]
    Algorithm,
}

impl Digest {
    /// The sha256 of bytes.
    pub(crate) fn sha256(bytes: &[u8]) -> Self {
        Self { algorithm: Algorithm::Sha256, hex: hex::encode(Sha256::digest(bytes)) }
    }

    /// The digest of the given algorithm.
    pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// A sha256 that is there as digits already.
    ///
    /// # Errors
    /// If they are no digits of a sha256.
    pub(crate) fn of_sha256_hex(hex: &str) -> Result<Self, DigestError> {
        format!("{}:{hex}", Algorithm::Sha256.name()).parse()
    }

    /// What it is computed with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digits alone.
    pub(crate) fn hex(&self) -> &str {
        &self.hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::Form)?;
        let known = [Algorithm::Sha256, Algorithm::Sha512].into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = known.ok_or(DigestError::Algorithm)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() == algorithm.digits() && hex.bytes().all(is_digit) {
            Ok(Self { algorithm, hex: hex.to_owned() })
        } else {
            Err(DigestError::Form)
        }
    }
}

/// Computes a digest piece by piece.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    /// With sha256.
    Sha256(Sha256),
    /// With sha512.
    Sha512(Sha512),
}

impl Hasher {
    /// Begins.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Goes on.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all that came.
    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest { algorithm: Algorithm::Sha256, hex: hex::encode(hasher.finalize()) },
            Self::Sha512(hasher) => Digest { algorithm: Algorithm::Sha512, hex: hex::encode(hasher.finalize()) },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Algorithm, Digest, DigestError};

    #[test]
    fn digests_have_one_form() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::sha256(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::sha256(b""));
        let long = Digest::of(Algorithm::Sha512, b"abc").to_string();
        assert!(long.starts_with("sha512:ddaf35a193617aba") && long.parse::<Digest>().unwrap().to_string() == long);
        for (text, error) in [
            ("", DigestError::Form),
            ("sha256", DigestError::Form),
            ("sha256:", DigestError::Form),
            (&empty[..70], DigestError::Form),
            (&empty.to_uppercase(), DigestError::Algorithm),
            (&empty.replace("e3b0", "E3B0"), DigestError::Form),
            (&long.replace("sha512", "sha256"), DigestError::Form),
            ("md5:d41d8cd98f00b204e9800998ecf8427e", DigestError::Algorithm),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }
}
