//! The texts by which one contract names another.

use crate::support::*;
use ledger_core::{ExternalId, ParseExternalIdError};
use std::collections::BTreeSet;

/// The contract 0 in the form that Starstream's own ledger uses.
const CONTRACT_0_MULTIHASH: &str = "bciqm2ahcslczodj4lyxq76srohsvlpcgx7cpvxp3jjayw2caxbxhtiy";

fn parse(text: &str) -> Result<ExternalId, ParseExternalIdError> {
    text.parse()
}

#[test]
fn three_forms_are_read_and_two_are_written() {
    let sha256 = parse(CONTRACT_0_SHA256).unwrap();
    assert_eq!((sha256.to_string().as_str(), parse(CONTRACT_0_MULTIHASH)), (CONTRACT_0_SHA256, Ok(sha256)));
    let ExternalId::Sha256(digest) = sha256 else { panic!("another form") };
    assert_eq!((digest[0], digest[31]), (0xcd, 0xa3));
    let hash = contract(0).to_string();
    assert_eq!(parse(&hash), Ok(ExternalId::Contract(contract(0))));
    assert_eq!(ExternalId::Contract(contract(0)).to_string(), hash);
}

#[test]
fn other_texts_are_refused() {
    let (sha256, hash, multihash) = (CONTRACT_0_SHA256, contract(0).to_string(), CONTRACT_0_MULTIHASH);
    let digits = sha256.strip_prefix("sha256:").unwrap();
    // The last digit of base32 has three bits that are no part of the 34 bytes.
    let with_a_stray_bit = format!("{}z", &multihash[..multihash.len() - 1]);
    // The same digest, told to be a SHA-512 cut short, and told to be shorter.
    let (other_function, other_length) = (multihash.replacen("bciq", "bcmq", 1), multihash.replacen("bciq", "bcip", 1));
    // No digest of field elements has an element that is not below the modulus.
    let too_great = format!("p2:c{}", "ff".repeat(32));
    let texts = [
        "",
        "b",
        "p2:c",
        "sha256:",
        "sha512:00",
        digits,
        &format!("{sha256}00"),
        &sha256[..sha256.len() - 1],
        &format!(" {sha256}"),
        &format!("sha256:{}", digits.to_uppercase()),
        &format!("SHA256:{digits}"),
        &hash.replacen("p2:c", "p2:w", 1),
        &format!("p2:c{}", hash["p2:c".len()..].to_uppercase()),
        &too_great,
        &multihash[..multihash.len() - 1],
        &format!("{multihash}a"),
        &format!("{multihash}="),
        &format!("b{}", multihash[1..].to_uppercase()),
        &multihash.to_uppercase(),
        &with_a_stray_bit,
        &other_function,
        &other_length,
        "é",
    ];
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    for text in texts {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{text}` is not `sha256:`")), "{error}");
    }
    let error = parse(&"é".repeat(10_000)).unwrap_err().to_string();
    assert!(error.chars().count() < 300, "{error}");
}
