//! Genesis files that can't be used, with what is said about them.

use crate::support::chain;
use ledger_runtime::genesis::{GENESIS_SIZE_BYTES_MAX, Genesis};
use registry_core::id::ComponentHash;

fn read(text: &str) -> Result<Genesis, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let name = file.path().display().to_string();
    Genesis::read(file.path()).map_err(|error| chain(&error).replace(&name, "genesis.json"))
}

#[test]
fn a_genesis() {
    let hash = ComponentHash::of(b"a contract");
    let text = format!(r#"{{"format": 1, "chain_id": "my-chain-1", "contracts": ["{hash}"]}}"#);
    let genesis = read(&text).unwrap();
    assert_eq!(genesis.chain_id(), "my-chain-1");
    assert_eq!(genesis.contracts(), [hash]);
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    let hash = ComponentHash::of(b"a contract");
    let cases = [
        ("", "`genesis.json` is not a genesis file: EOF while parsing a value at line 1 column 0"),
        (
            "{\n  \"format\": 1,\n  \"chain\": \"x\"\n}",
            "`genesis.json` is not a genesis file: unknown field `chain`, expected one of `format`, `chain_id`, `contracts` at line 3 column 9",
        ),
        (
            r#"{"format": 1, "contracts": []}"#,
            "`genesis.json` is not a genesis file: missing field `chain_id` at line 1 column 30",
        ),
        (
            r#"{"format": 2, "chain_id": "x", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `format` is 2, and this node reads 1",
        ),
        (
            r#"{"format": 1, "chain_id": "", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `chain_id` must be 1 to 64 lowercase letters, digits and hyphens",
        ),
        (
            r#"{"format": 1, "chain_id": "A b", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `chain_id` must be 1 to 64 lowercase letters, digits and hyphens",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected);
    }
    let repeated = format!(r#"{{"format": 1, "chain_id": "x", "contracts": ["{hash}", "{hash}"]}}"#);
    assert!(read(&repeated).unwrap_err().contains(&format!("it names the contract {hash} twice")));
    let malformed = "{\"format\": 1, \"chain_id\": \"x\", \"contracts\": [\n\"p2:w00\"]}";
    let error = read(malformed).unwrap_err();
    assert!(error.contains("`p2:w00` is not the hash of a component") && error.contains("line 2"), "{error}");
    let named = "{\"format\": 1, \"chain_id\": \"x\", \"contracts\": [\n\"demo:shop@0.1.0\"]}";
    let error = read(named).unwrap_err();
    assert!(error.contains("by hash only") && error.contains("`registry show demo:shop@0.1.0`"), "{error}");
    assert!(error.contains("line 2"), "{error}");
    let many = vec![format!("\"{hash}\""); 1001].join(",");
    let error = read(&format!(r#"{{"format": 1, "chain_id": "x", "contracts": [{many}]}}"#)).unwrap_err();
    assert!(error.contains("1001 contracts, over the limit of 1000"), "{error}");
    let large = " ".repeat(GENESIS_SIZE_BYTES_MAX + 1);
    assert!(read(&large).unwrap_err().contains("larger than 1048576 bytes"));
    let missing = Genesis::read("/no/such/genesis.json".as_ref()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read the genesis file `/no/such/genesis.json`");
}
