//! How people name a UTXO: by its id, or as `contract#serial`.

use crate::contract_hash::{self, ContractHashError};
use registry_core::id::{ComponentHash, ParseIdError, UtxoId};
use std::fmt;
use std::str::FromStr;

/// A name of a UTXO. Only a chain knows what a serial means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UtxoName {
    /// Its id: `p2:u…`.
    Id(UtxoId),
    /// Its contract and its number among the contract's UTXOs: `p2:c…#12`.
    Serial(ComponentHash, u64),
}

/// A text that is not the name of a UTXO.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UtxoNameError {
    /// It is no id, and has no serial either.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// What stands before the `#` is not a contract's hash.
    #[error(transparent)]
    Contract(#[from] ContractHashError),
    /// What stands behind the `#` is not a number.
    #[error("`{0}` is not the serial of a UTXO: a number of at most {max} without leading zeros must follow the `#`", max = u64::MAX)]
    Serial(String),
}

impl FromStr for UtxoName {
    type Err = UtxoNameError;

    fn from_str(text: &str) -> Result<Self, UtxoNameError> {
        let Some((contract, serial)) = text.split_once('#') else { return Ok(Self::Id(text.parse()?)) };
        let contract = contract_hash::parse(contract)?;
        let number = serial.parse().ok().filter(|number: &u64| number.to_string() == serial);
        let shown = || serial.chars().take(SHOWN_CHARS_MAX).collect();
        number.map(|serial| Self::Serial(contract, serial)).ok_or_else(|| UtxoNameError::Serial(shown()))
    }
}

/// How much of a wrong serial an error shows.
const SHOWN_CHARS_MAX: usize = 40;

impl fmt::Display for UtxoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Serial(contract, serial) => write!(f, "{contract}#{serial}"),
        }
    }
}
