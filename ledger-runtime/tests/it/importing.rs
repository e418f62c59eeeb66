//! Contracts that import scripts of other contracts, made for tests.

use crate::build;
use ledger_core::ExternalId;
use registry_core::id::ComponentHash;
use sha2::{Digest, Sha256};
use wit_parser::Resolve;

/// A script of another contract: what is written as its external id, and its name there. It takes nothing and gives an
/// `s64`.
pub(crate) struct Import {
    pub(crate) external_id: String,
    pub(crate) script: String,
}

impl Import {
    pub(crate) fn by_sha256(component: &[u8], script: &str) -> Self {
        Self { external_id: sha256(component).to_string(), script: script.to_owned() }
    }

    pub(crate) fn by_hash(component: &[u8], script: &str) -> Self {
        Self { external_id: ComponentHash::of(component).to_string(), script: script.to_owned() }
    }
}

/// How a component is named by its bytes alone.
pub(crate) fn sha256(component: &[u8]) -> ExternalId {
    ExternalId::Sha256(Sha256::digest(component).into())
}

/// A contract of Starstream's form with one script, `script: func() -> s64`, which gives one more than all that it imports
/// give together.
pub(crate) fn contract(script: &str, imports: &[Import]) -> Vec<u8> {
    let attribute = |id: &str| if id.is_empty() { String::new() } else { format!("@external-id(\"{id}\")") };
    let declarations: String = imports
        .iter()
        .map(|import| format!("{} {}: func() -> s64;\n", attribute(&import.external_id), import.script))
        .collect();
    let (import, package) = if imports.is_empty() {
        (String::new(), String::new())
    } else {
        let package = format!("package starstream:contract {{ interface scripts {{ {declarations} }} }}");
        ("import starstream:contract/scripts;".to_owned(), package)
    };
    let wit = format!(
        "package root:component;
        world root {{ import starstream:std/cardano; {import} export {script}: func() -> s64; }}
        package starstream:std {{
            interface cardano {{ block-height: func() -> s64; current-slot: func() -> s64; }}
        }}
        {package}"
    );
    build::component_with(Resolve::default(), &wit, &code(script, imports))
}

fn code(script: &str, imports: &[Import]) -> String {
    let functions: String = imports
        .iter()
        .enumerate()
        .map(|(at, import)| {
            format!("(import \"starstream:contract/scripts\" \"{}\" (func $f{at} (result i64)))\n", import.script)
        })
        .collect();
    let calls: String = (0..imports.len()).map(|at| format!("(i64.add (call $f{at}))\n")).collect();
    format!(
        "(module
            (import \"starstream:std/cardano\" \"block-height\" (func $height (result i64)))
            {functions}
            (func (export \"{script}\") (result i64)
                (drop (call $height))
                (i64.const 1) {calls}))"
    )
}
