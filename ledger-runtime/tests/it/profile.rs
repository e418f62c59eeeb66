//! The id of the execution profile: it names everything that decides results.

use ledger_runtime::profile::ExecutionProfile;
use std::collections::HashSet;

/// Changes one field.
type Change = fn(&mut ExecutionProfile);

macro_rules! changes {
    ($($field:ident $(. $inner:ident)?),* $(,)?) => {
        [$((stringify!($field $(. $inner)?), (|profile| profile.$field $(. $inner)? += 1) as Change)),*]
    };
}

const CHANGES: [(&str, Change); 61] = changes![
    gas_limit_default,
    gas_limit_max,
    operators.simple,
    operators.branch,
    operators.multiplication,
    operators.division,
    operators.memory_access,
    operators.float_arithmetic,
    operators.float_rounding,
    operators.float_division,
    operators.float_square_root,
    operators.call,
    operators.table_access,
    operators.host_operation,
    operators.memory_grow,
    operators.bulk_byte,
    operators.bulk_element,
    operators.grown_page,
    gas_per_transaction,
    gas_per_instance,
    gas_per_host_call,
    gas_per_utxo_call,
    gas_per_value_byte,
    gas_per_memory_page,
    gas_per_state_byte,
    gas_per_event,
    gas_per_contract,
    gas_per_contract_byte,
    gas_per_component_byte,
    instances_max,
    calls_max,
    frames_max,
    handlers_max,
    events_max,
    event_size_bytes_max,
    state_size_bytes_max,
    token_state_size_bytes_max,
    tokens_per_utxo_max,
    callable_methods_max,
    memory_size_bytes_max,
    table_elements_max,
    stack_size_bytes_max,
    handles_max,
    lifted_size_bytes_max,
    values.depth_max,
    values.encoded_size_bytes_max,
    values.decoded_size_bytes_max,
    component_size_bytes_max,
    function_size_bytes_max,
    compilation_cost_max,
    initializers_max,
    identifier_chars_max,
    imports_max,
    import_depth_max,
    imported_contracts_max,
    imported_size_bytes_max,
    core_instances_max,
    memories_max,
    tables_max,
    tables_per_module_max,
    instance_size_bytes_max,
];

/// One line for each number and switch, and one for each structure's beginning and end.
fn field_count(profile: &ExecutionProfile) -> usize {
    format!("{profile:#?}").lines().filter(|line| line.trim_end().ends_with(',') && line.contains(": ")).count()
}

#[test]
fn every_field_changes_the_id() {
    let default = ExecutionProfile::default();
    // The switch is the only field that is no number.
    assert_eq!(field_count(&default), CHANGES.len() + 1);
    let mut ids = HashSet::from([default.id().0.to_hex()]);
    for (name, change) in CHANGES {
        let mut profile = default.clone();
        change(&mut profile);
        assert_ne!(profile, default, "{name}");
        assert!(ids.insert(profile.id().0.to_hex()), "{name} does not change the id");
    }
    let without_floats = ExecutionProfile { floats_allowed: false, ..default };
    assert!(ids.insert(without_floats.id().0.to_hex()));
}

/// A change of this id is a change of the rules of every chain that runs with the default: it needs an entry in the
/// CHANGELOG, and the gas vectors say what it does.
#[test]
fn the_default_profile_is_pinned() {
    let id = ExecutionProfile::default().id().0.to_hex();
    match std::env::consts::ARCH {
        "x86_64" => insta::assert_snapshot!(id, @"9920e03cac1ebfd7c896b2f8a18cae70e1a7f4023acac7d5cafc67454c8d930b"),
        // Pinned where it was computed first; other architectures have ids of their own.
        _ => assert_eq!(id.len(), 64),
    }
}

#[test]
fn the_engine_has_the_version_that_the_id_names() {
    let lock = include_str!("../../../Cargo.lock");
    let version = lock.split("[[package]]").find(|package| package.contains("name = \"wasmtime\"\n"));
    let version = version.and_then(|package| package.split("version = \"").nth(1)).unwrap();
    let version = version.split('"').next().unwrap();
    assert_eq!(ledger_runtime::engine::NAME_AND_VERSION, format!("wasmtime {version}"));
}
