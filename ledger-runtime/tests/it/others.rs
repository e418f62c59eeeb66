//! A contract that imports from other contracts, handles effects, and has tokens: what is read from it, and how each import
//! must be.

use crate::build;
use crate::coroutine::Case;
use crate::starstream::expectations;
use crate::support::{Machine, verified};
use ledger_core::ExternalId;
use ledger_runtime::abi::{ObjectType, Resource};
use ledger_runtime::admission::coroutine::{CoroutineContract, HostFunction, ObjectKind, ShapeError, TokensFunction};
use ledger_runtime::admission::{Executable, Imports};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::ComponentHash;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The other contracts, by the names that stand for them.
fn others() -> [(&'static str, Vec<u8>); 4] {
    let of_the_set = |name: &str| expectations::component(name);
    [
        ("COUNTER", of_the_set("counter")),
        ("COIN", of_the_set("coin")),
        ("EFFECTS", of_the_set("effects")),
        ("PLAIN", build::example("arithmetic")),
    ]
}

fn imports(machine: &Machine) -> Imports {
    let import = |(_, bytes): (&str, Vec<u8>)| {
        (ExternalId::Sha256(Sha256::digest(&bytes).into()), machine.admit(&bytes).unwrap())
    };
    others().into_iter().map(import).collect()
}

/// The component of the two texts after `changes`, each of which is of a text that stands in them once.
fn component(changes: &[(&str, &str)]) -> Vec<u8> {
    let [mut wit, mut wat] = [include_str!("others.wit"), include_str!("others.wat")].map(str::to_owned);
    for (from, to) in changes {
        assert_eq!(wit.matches(from).count() + wat.matches(from).count(), 1, "{from}");
        wit = wit.replace(from, to);
        wat = wat.replace(from, to);
    }
    let others = others();
    let others: Vec<(&str, &[u8])> = others.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    build::importing(&wit, &wat, &others)
}

fn read(bytes: &[u8], imports: &Imports) -> Result<CoroutineContract, ShapeError> {
    CoroutineContract::of(&ExecutionProfile::default(), &verified(bytes), bytes, imports)
}

#[test]
fn every_other_import_is_refused_with_its_difference() {
    let imports = imports(&Machine::new());
    let cases = Case::all(include_str!("others.cases"));
    assert!(cases.len() > 30);
    let hashes = others().map(|(name, bytes)| (name, ComponentHash::of(&bytes).to_string()));
    let wrong = cases.iter().filter_map(|Case { title, changes, reason }| {
        let told = read(&component(changes), &imports).map_or_else(|error| error.to_string(), |_| "taken".to_owned());
        let told = hashes.iter().fold(told, |told, (name, hash)| told.replace(hash, name));
        (told != *reason).then(|| format!("{title}: {told}"))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_is_imported_is_read() {
    let machine = Machine::new();
    let mut imports = imports(&machine);
    let bytes = component(&[]);
    let contract = read(&bytes, &imports).unwrap();
    let [counter, coin, effects, plain] = others().map(|(_, bytes)| ComponentHash::of(&bytes));
    let function = |module: &str, name: &str| {
        let import = contract.imports.iter().find(|import| import.module == module && import.name == name);
        &import.unwrap().function
    };
    let counters = ObjectType { contract: Some(counter), name: "counter".to_owned() };
    let coins = ObjectType { contract: Some(coin), name: "coin".to_owned() };
    let badges = ObjectType { contract: None, name: "badge".to_owned() };
    assert!(matches!(function("starstream:std/builtin", "[method]utxo.has-method"), HostFunction::HasMethod));
    let HostFunction::Main { object, main, signature } = function("starstream:utxo/counter", "[static]utxo.start")
    else {
        panic!("a main")
    };
    assert_eq!((object, main.as_str(), signature.leading_handles()), (&counters, "start", 0));
    let HostFunction::Method { object, method, signature } = function("starstream:utxo/counter", "[method]utxo.bump")
    else {
        panic!("a method")
    };
    assert_eq!((object, method.as_str(), signature.leading_handles()), (&counters, "bump", 1));
    let HostFunction::Downcast { to, .. } = function("starstream:utxo/counter", "downcast") else { panic!("downcast") };
    assert_eq!(to, &Resource::Utxo(Some(counters.clone())));
    assert!(matches!(function("starstream:token/coin", "upcast"), HostFunction::Upcast { .. }));
    assert_eq!(
        function("starstream:token/coin", "[resource-drop]token"),
        &HostFunction::DropHandle(Resource::Token(Some(coins.clone())))
    );
    for (module, object, parameters) in [("starstream:token/coin", &coins, 0), ("starstream:self/badge", &badges, 1)] {
        let HostFunction::Mint { object: minted, function: name, .. } = function(module, "[static]token.mint") else {
            panic!("minting")
        };
        assert_eq!((minted, name.as_str()), (object, "mint"));
        let HostFunction::Burn { object: burned, signature, .. } = function(module, "[static]token.burn") else {
            panic!("burning")
        };
        assert_eq!((burned, signature.leading_handles(), signature.parameters().len()), (object, 1, parameters));
        let HostFunction::TokenMethod { object: attached, .. } = function(module, "[method]token.attach") else {
            panic!("a method of a token")
        };
        assert_eq!(attached, object);
    }
    let HostFunction::DynamicMethod { method, signature } = function("starstream:contract/dynamic-utxo", "bump") else {
        panic!("a method of any UTXO")
    };
    assert_eq!((method.as_str(), signature.leading_handles()), ("bump", 1));
    for (script, of) in [("create-bumped", counter), ("ask-direct", effects)] {
        let HostFunction::Script { contract, script: name, .. } = function("starstream:contract/scripts", script)
        else {
            panic!("a script")
        };
        assert_eq!((contract, name.as_str()), (&of, script));
    }
    for (name, expected) in [
        ("count", TokensFunction::Count),
        ("held", TokensFunction::Held),
        ("attach", TokensFunction::Attach),
        ("detach", TokensFunction::Detach),
        ("own-count", TokensFunction::OwnCount),
        ("own-held", TokensFunction::OwnHeld),
        ("accept", TokensFunction::Accept),
        ("release", TokensFunction::Release),
        ("discard", TokensFunction::Discard),
    ] {
        let HostFunction::Tokens { function, .. } = function("ledger:host/tokens", name) else { panic!("{name}") };
        assert_eq!(*function, expected);
    }
    let interface = "starstream:effects/oracle".to_owned();
    let (install, uninstall) =
        (function("ledger:handlers/oracle", "install"), function("ledger:handlers/oracle", "uninstall"));
    assert_eq!(install, &HostFunction::InstallHandler { interface: interface.clone() });
    assert_eq!(uninstall, &HostFunction::UninstallHandler { interface: interface.clone() });
    assert_eq!(contract.handlers[&interface]["price"].core_name, "starstream:effects/oracle#price");
    assert_eq!(contract.objects["badge"].kind, ObjectKind::Token);

    imports.retain(|_, executable| *executable.hash() != plain);
    let (engine, profile) = (machine.executor.engine(), machine.executor.profile());
    let executable = Executable::admit(engine, profile, &verified(&bytes), &bytes, &imports).map(Arc::new).unwrap();
    assert!([counter, coin, effects].iter().all(|other| executable.imported(other).is_some()));
}
