//! How an encoded value names a UTXO or a token.

use ledger_core::ObjectId;
use std::fmt;
use std::str::FromStr;

/// What stands for a UTXO or a token in an encoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectName {
    /// Its id: `p2:u…` or `p2:k…`.
    Id(ObjectId),
    /// `made:0`: the UTXO at this place among all that the transaction made. Only a transaction's own steps name so.
    Made(u32),
    /// `minted:0`: the token at this place among all that the transaction minted. Only a transaction's own steps name so.
    Minted(u32),
}

/// A text that names no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither the id of a UTXO (`p2:u…`) or a token (`p2:k…`), nor a place (`made:0`, `minted:0`)")]
pub struct ParseObjectNameError;

const MADE: &str = "made:";
const MINTED: &str = "minted:";

impl FromStr for ObjectName {
    type Err = ParseObjectNameError;

    fn from_str(text: &str) -> Result<Self, ParseObjectNameError> {
        if let Some(place) = text.strip_prefix(MADE) {
            return parse_place(place).map(Self::Made);
        }
        if let Some(place) = text.strip_prefix(MINTED) {
            return parse_place(place).map(Self::Minted);
        }
        let utxo = text.parse().map(ObjectId::Utxo).ok();
        let object = utxo.or_else(|| text.parse().map(ObjectId::Token).ok());
        object.map(Self::Id).ok_or(ParseObjectNameError)
    }
}

/// One place has one text.
fn parse_place(text: &str) -> Result<u32, ParseObjectNameError> {
    let place: u32 = text.parse().map_err(|_| ParseObjectNameError)?;
    if place.to_string() == text { Ok(place) } else { Err(ParseObjectNameError) }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Made(place) => write!(f, "{MADE}{place}"),
            Self::Minted(place) => write!(f, "{MINTED}{place}"),
        }
    }
}

impl From<ObjectId> for ObjectName {
    fn from(id: ObjectId) -> Self {
        Self::Id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_text() {
        for text in ["made:0", "minted:12", "made:4294967295"] {
            assert_eq!(text.parse::<ObjectName>().map(|name| name.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "made:", "made:01", "made:+1", "made:4294967296", "minted:-1", "p2:u", "Made:0", "made: 0"] {
            assert_eq!(text.parse::<ObjectName>(), Err(ParseObjectNameError), "{text}");
        }
    }
}
