//! Genesis files that can't be used, with what is said about them.

use crate::support::chain;
use ledger_runtime::genesis::{GENESIS_SIZE_BYTES_MAX, Genesis, SLOT_LENGTH_MS_DEFAULT};
use registry_core::id::ComponentHash;

fn read(text: &str) -> Result<Genesis, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let name = file.path().display().to_string();
    Genesis::read(file.path()).map_err(|error| chain(&error).replace(&name, "genesis.json"))
}

#[test]
fn a_genesis() {
    let (first, second) = (ComponentHash::of(b"a contract"), ComponentHash::of(b"another"));
    let text = format!(
        r#"{{"format": 2, "chain_id": "my-chain-1", "genesis_time": "2026-11-20T00:00:00Z", "slot_length_ms": 500,
             "floats_allowed": false, "contracts": ["{first}", {{"hash": "{second}", "gas_limit_max": 10000000}}]}}"#
    );
    let genesis = read(&text).unwrap();
    assert_eq!(genesis.chain_id.as_str(), "my-chain-1");
    assert_eq!((genesis.time_ms, genesis.slot_length_ms.get()), (1_795_132_800_000, 500));
    assert!(!genesis.floats_allowed && !genesis.profile().floats_allowed);
    assert_eq!(genesis.contracts, [(first, None), (second, Some(10_000_000))].into());
    assert_eq!(genesis.moment(3, 1_795_132_800_999).slot, 1);
    assert_eq!(genesis.moment(3, 5).slot, 0);
    let again = Genesis::parse("genesis.json".as_ref(), &genesis.to_json()).unwrap();
    assert_eq!((again.difference(&genesis), again.to_json()), (None, genesis.to_json()));
}

#[test]
fn what_is_not_said_has_a_default_and_format_1_says_less() {
    let hash = ComponentHash::of(b"a contract");
    let short = read(&format!(r#"{{"format": 2, "chain_id": "x", "contracts": ["{hash}"]}}"#)).unwrap();
    let old = read(&format!(r#"{{"format": 1, "chain_id": "x", "contracts": ["{hash}"]}}"#)).unwrap();
    assert_eq!(old, short);
    assert_eq!((short.time_ms, short.slot_length_ms, short.floats_allowed), (0, SLOT_LENGTH_MS_DEFAULT, true));
    assert_eq!(read(r#"{"format": 2, "chain_id": "x"}"#).unwrap().contracts, [].into());
    let error = read(r#"{"format": 1, "chain_id": "x", "slot_length_ms": 5}"#).unwrap_err();
    assert!(error.ends_with("it has fields that format 1 does not know: write `\"format\": 2`"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    let hash = ComponentHash::of(b"a contract");
    let cases = [
        ("", "`genesis.json` is not a genesis file: EOF while parsing a value at line 1 column 0"),
        (
            "{\n  \"format\": 1,\n  \"chain\": \"x\"\n}",
            "`genesis.json` is not a genesis file: unknown field `chain`, expected one of `format`, `chain_id`, `genesis_time`, `slot_length_ms`, `floats_allowed`, `contracts` at line 3 column 9",
        ),
        (
            r#"{"format": 1, "contracts": []}"#,
            "`genesis.json` is not a genesis file: missing field `chain_id` at line 1 column 30",
        ),
        (
            r#"{"format": 3, "chain_id": "x", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `format` is 3, and this node reads 1 and 2",
        ),
        (
            r#"{"format": 1, "chain_id": "", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `chain_id`: `` is not the name of a chain: 1 to 64 lowercase letters, digits and hyphens",
        ),
        (
            r#"{"format": 1, "chain_id": "A b", "contracts": []}"#,
            "the genesis in `genesis.json` cannot be used: `chain_id`: `A b` is not the name of a chain: 1 to 64 lowercase letters, digits and hyphens",
        ),
        (
            r#"{"format": 2, "chain_id": "x", "genesis_time": "1969-12-31T23:59:59Z"}"#,
            "the genesis in `genesis.json` cannot be used: `genesis_time` is before 1970",
        ),
        (
            r#"{"format": 2, "chain_id": "x", "slot_length_ms": 0}"#,
            "`genesis.json` is not a genesis file: invalid value: integer `0`, expected a nonzero u64 at line 1 column 50",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected);
    }
    for limit in [0, 9_999_999, 100_000_001] {
        let text = format!(
            r#"{{"format": 2, "chain_id": "x", "contracts": [{{"hash": "{hash}", "gas_limit_max": {limit}}}]}}"#
        );
        let expected = format!("its `gas_limit_max` of {limit} is not between 10000000 and 100000000");
        assert!(read(&text).unwrap_err().ends_with(&format!("the contract {hash}: {expected}")));
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
