//! Which other contracts a component names on its imports, and what must be given for them.

use crate::build;
use crate::importing::{self, Import};
use crate::support::{Machine, chain, verified};
use ledger_core::ExternalId;
use ledger_runtime::admission::{AdmissionError, Executable, Imports, external_ids};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::ComponentHash;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What imports stand in the world of a contract, with the interfaces of other contracts that they name.
#[derive(Clone, Copy)]
struct Importing<'a> {
    utxo: &'a str,
    token: &'a str,
    first: &'a str,
    second: &'a str,
}

impl Importing<'_> {
    fn component(&self) -> Vec<u8> {
        let Self { utxo, token, first, second } = self;
        let wit = format!(
            "package root:component;
            world root {{
                {utxo} import starstream:utxo/cell;
                {token} import starstream:token/coin;
                import starstream:contract/scripts;
                import starstream:contract/dynamic-utxo;
            }}
            package starstream:utxo {{ interface cell {{ resource utxo {{ add: func(n: s64); }} }} }}
            package starstream:token {{ interface coin {{ resource token {{ worth: func() -> s64; }} }} }}
            package starstream:contract {{
                interface scripts {{
                    {first} send: func(n: s64);
                    {second} fetch: func() -> s64;
                }}
                interface dynamic-utxo {{ resource u; add: func(self: borrow<u>, n: s64); }}
            }}"
        );
        build::component(
            &wit,
            r#"(module
                (import "starstream:utxo/cell" "[method]utxo.add" (func (param i32 i64)))
                (import "starstream:token/coin" "[method]token.worth" (func (param i32) (result i64)))
                (import "starstream:contract/scripts" "send" (func (param i64)))
                (import "starstream:contract/scripts" "fetch" (func (result i64)))
                (import "starstream:contract/dynamic-utxo" "add" (func (param i32 i64)))
            )"#,
        )
    }
}

fn ids(component: &[u8]) -> Result<BTreeSet<ExternalId>, AdmissionError> {
    let component = verified(component);
    external_ids(component.wit().resolve(), component.world().unwrap())
}

#[test]
fn all_forms_of_external_ids_survive_in_a_component() {
    let (one, two) = (build::example("counter"), build::example("shop"));
    let sha256 = |bytes: &[u8]| ExternalId::Sha256(Sha256::digest(bytes).into());
    let attribute = |id: &ExternalId| format!("@external-id(\"{id}\")");
    let (by_sha256, by_hash) = (sha256(&one), ExternalId::Contract(ComponentHash::of(&two)));
    // The SHA-256 of nothing.
    let multibase = "@external-id(\"bciqohmgeikmpyhautl57jsezn64sij5oihsgjg4tjssjlgi3pbjlqvi\")";
    let component = Importing {
        utxo: &attribute(&by_sha256),
        token: &attribute(&by_hash),
        first: &attribute(&by_sha256),
        second: multibase,
    }
    .component();
    assert_eq!(ids(&component).unwrap(), BTreeSet::from([by_sha256, by_hash, sha256(b"")]));
    // What the text says is the same.
    let text = verified(&component).flat_text().unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("contract.wit", &text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    assert_eq!(external_ids(&resolve, world).unwrap(), BTreeSet::from([by_sha256, by_hash, sha256(b"")]));
}

#[test]
fn an_import_must_say_which_contract_it_means() {
    let good = format!("@external-id(\"{}\")", ComponentHash::of(b"another contract"));
    let bad = "@external-id(\"sha256:12\")";
    let all = Importing { utxo: &good, token: &good, first: &good, second: &good };
    let cases = [
        ("starstream:utxo/cell", "", Importing { utxo: "", ..all }),
        ("starstream:token/coin", "", Importing { token: "", ..all }),
        ("starstream:contract/scripts#send", "", Importing { first: "", ..all }),
        ("starstream:contract/scripts#fetch", "", Importing { second: "", ..all }),
        ("starstream:utxo/cell", "sha256:12", Importing { utxo: bad, ..all }),
        ("starstream:token/coin", "sha256:12", Importing { token: bad, ..all }),
        ("starstream:contract/scripts#fetch", "sha256:12", Importing { second: bad, ..all }),
    ];
    assert_eq!(ids(&all.component()).unwrap().len(), 1);
    for (import, text, importing) in cases {
        let error = ids(&importing.component()).unwrap_err();
        let message = chain(&error);
        assert!(message.contains(&format!("`{import}`")), "{message}");
        match error {
            AdmissionError::NoExternalId { .. } => assert_eq!(text, "", "{message}"),
            AdmissionError::BadExternalId { .. } => assert!(message.contains(&format!("`{text}`")), "{message}"),
            error => panic!("{error}"),
        }
        assert!(error.hint().unwrap().contains("@external-id"));
    }
}

fn admit(machine: &Machine, component: &[u8], imports: &Imports) -> Result<Executable, AdmissionError> {
    let (engine, profile) = (machine.executor.engine(), machine.executor.profile());
    Executable::admit(engine, profile, &verified(component), component, imports)
}

#[test]
fn what_is_given_must_be_what_is_named() {
    let machine = Machine::new();
    let (counter, shop) = (build::example("counter"), build::example("shop"));
    let given = |bytes: &[u8]| Arc::new(admit(&machine, bytes, &Imports::new()).unwrap());
    let id = ExternalId::Sha256(Sha256::digest(&counter).into());
    let attribute = format!("@external-id(\"{id}\")");
    let component =
        Importing { utxo: &attribute, token: &attribute, first: &attribute, second: &attribute }.component();
    let error = |imports: &Imports| admit(&machine, &component, imports).err().unwrap();

    let missing = error(&Imports::new());
    assert!(matches!(missing, AdmissionError::MissingImport { id: named } if named == id), "{missing}");
    let other = error(&Imports::from([(id, given(&shop))]));
    assert!(matches!(other, AdmissionError::OtherImport { id: named, .. } if named == id), "{other}");
    let by_hash = ExternalId::Contract(ComponentHash::of(&counter));
    let surplus = error(&Imports::from([(id, given(&counter)), (by_hash, given(&counter))]));
    assert!(matches!(surplus, AdmissionError::SurplusImport { id: named } if named == by_hash), "{surplus}");
}

#[test]
fn there_are_limits() {
    let machine = Machine::with(ExecutionProfile { imports_max: 1, ..ExecutionProfile::default() });
    let attribute = |name: &[u8]| format!("@external-id(\"{}\")", ComponentHash::of(name));
    let (one, two) = (attribute(b"one"), attribute(b"two"));
    let component = Importing { utxo: &one, token: &one, first: &one, second: &two }.component();
    let error = admit(&machine, &component, &Imports::new()).err().unwrap();
    assert!(matches!(error, AdmissionError::TooManyImports { count: 2, max: 1 }), "{error}");
}

#[test]
fn what_a_contract_needs_is_limited_in_depth_and_number() {
    let profile = ExecutionProfile { import_depth_max: 3, imported_contracts_max: 4, ..ExecutionProfile::default() };
    let machine = Machine::with(profile);
    let name = |at: usize| format!("script{}", char::from(b'a' + at as u8));
    let executable = |component: &[u8], imports: &[&Arc<Executable>]| {
        let given = imports.iter().map(|import| (ExternalId::Sha256(*import.sha256()), Arc::clone(import)));
        admit(&machine, component, &given.collect()).map(Arc::new)
    };
    // Each imports the one before it.
    let (mut components, mut executables) = (vec![importing::contract(&name(0), &[])], Vec::new());
    executables.push(executable(&components[0], &[]).unwrap());
    for at in 1..=3 {
        let component = importing::contract(&name(at), &[Import::by_sha256(&components[at - 1], &name(at - 1))]);
        let made = executable(&component, &[&executables[at - 1]]).unwrap();
        let needed: Vec<&ComponentHash> = executables.iter().map(|executable| executable.hash()).collect();
        assert_eq!(made.needed().iter().map(|needed| needed.hash()).collect::<Vec<_>>(), needed);
        assert!(made.imported(executables[at - 1].hash()).is_some());
        assert_eq!(made.imported(executables[0].hash()).is_some(), at == 1);
        components.push(component);
        executables.push(made);
    }
    let too_deep = importing::contract(&name(4), &[Import::by_sha256(&components[3], &name(3))]);
    let error = executable(&too_deep, &[&executables[3]]).err().unwrap();
    assert!(matches!(error, AdmissionError::ImportsTooDeep { depth: 4, max: 3 }), "{error}");

    // What is needed twice counts once.
    let others = [importing::contract("one", &[]), importing::contract("two", &[])];
    let made = others.iter().map(|component| executable(component, &[]).unwrap()).collect::<Vec<_>>();
    let imports = |with_both: bool| {
        let mut imports = vec![
            Import::by_sha256(&components[0], &name(0)),
            Import::by_sha256(&components[2], &name(2)),
            Import::by_sha256(&others[0], "one"),
        ];
        imports.extend(with_both.then(|| Import::by_sha256(&others[1], "two")));
        imports
    };
    let given = [&executables[0], &executables[2], &made[0], &made[1]];
    let four = executable(&importing::contract("four", &imports(false)), &given[..3]).unwrap();
    assert_eq!(four.needed().len(), 4);
    let error = executable(&importing::contract("five", &imports(true)), &given).err().unwrap();
    assert!(matches!(error, AdmissionError::TooManyImported { count: 5, max: 4 }), "{error}");
}

#[test]
fn what_a_contract_needs_is_limited_in_size() {
    let first = importing::contract("first", &[]);
    let second = importing::contract("second", &[Import::by_sha256(&first, "first")]);
    let third = importing::contract("third", &[Import::by_sha256(&second, "second")]);
    let needed = first.len() + second.len();
    for (max, is_fitting) in [(needed, true), (needed - 1, false)] {
        let machine = Machine::with(ExecutionProfile { imported_size_bytes_max: max, ..ExecutionProfile::default() });
        let mut below = None;
        for (component, is_last) in [(&first, false), (&second, false), (&third, true)] {
            let given =
                below.iter().map(|import: &Arc<Executable>| (ExternalId::Sha256(*import.sha256()), Arc::clone(import)));
            match admit(&machine, component, &given.collect()) {
                Ok(executable) => below = Some(Arc::new(executable)),
                Err(error) => {
                    assert!(is_last && !is_fitting, "{error}");
                    assert!(
                        matches!(error, AdmissionError::ImportedTooLarge { size_bytes, .. } if size_bytes == needed),
                        "{error}"
                    );
                }
            }
        }
        assert_eq!(below.unwrap().needed().len() == 2, is_fitting);
    }
}
