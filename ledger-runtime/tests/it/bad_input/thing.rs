//! Contracts in the shape that Starstream's compiler makes, with code that its compiler would never make.
//!
//! Each has one type of UTXO, `thing`, with one main (`start`), the methods `go` and `look`, and the record
//! `{yield: s32, total: s64}`. A test replaces single functions of a contract that behaves well.

use crate::build;
use crate::starstream::contract::Contract;
use sha2::{Digest, Sha256};
use wit_parser::Resolve;

/// Code of such a contract, function by function. `Default` is one that behaves well.
pub(crate) struct Thing {
    /// Items of the world beside `thing`, and the code of these scripts.
    pub(crate) scripts: Vec<(&'static str, String)>,
    /// Functions of `starstream:events/noise`, and the imports of these in the module.
    pub(crate) events: Vec<(String, String)>,
    /// Globals and functions that others use, and a `start`.
    pub(crate) module_items: String,
    /// `(param $context i32) (result i32)`.
    pub(crate) start: String,
    /// `(param $self i32)`.
    pub(crate) go: String,
    /// `(param $self i32) (result i64)`.
    pub(crate) look: String,
    /// `(param $self i32) (result i32)`: the record's address.
    pub(crate) get_storage: String,
    /// `(param $yield i32) (param $total i64) (result i32)`: a new handle.
    pub(crate) set_storage: String,
}

impl Default for Thing {
    fn default() -> Self {
        Self {
            scripts: vec![("make: func()", "(func (export \"make\") (drop (call $create)))".to_owned())],
            events: Vec::new(),
            module_items: String::new(),
            start: "(global.set $yield (i32.const 1)) (global.set $context (local.get $context)) \
                    (call $offer-both (local.get $context)) (call $new (i32.const 0))"
                .to_owned(),
            go: "(global.set $total (i64.add (global.get $total) (i64.const 1))) (call $resume (global.get $context)) \
                 (call $offer-both (global.get $context))"
                .to_owned(),
            look: "(global.get $total)".to_owned(),
            get_storage: "(i32.store (i32.const 16) (global.get $yield)) \
                          (i64.store (i32.const 24) (global.get $total)) (i32.const 16)"
                .to_owned(),
            set_storage: "(global.set $yield (local.get $yield)) (global.set $total (local.get $total)) \
                          (call $new (i32.const 0))"
                .to_owned(),
        }
    }
}

impl Thing {
    /// The contract with one more script.
    pub(crate) fn script(mut self, declaration: &'static str, code: &str) -> Self {
        self.scripts.push((declaration, code.to_owned()));
        self
    }

    pub(crate) fn contract(&self) -> Contract {
        Contract::new(self.component())
    }

    pub(crate) fn component(&self) -> Vec<u8> {
        build::component_with(Resolve::default(), &self.wit(), &self.wat())
    }

    fn wit(&self) -> String {
        let scripts: String = self.scripts.iter().map(|(declaration, _)| format!("export {declaration};\n")).collect();
        let events: String = self.events.iter().map(|(declaration, _)| format!("{declaration};\n")).collect();
        let (import_events, package_events) = if events.is_empty() {
            (String::new(), String::new())
        } else {
            let package = format!("package starstream:events {{ interface noise {{ {events} }} }}");
            ("import starstream:events/noise;".to_owned(), package)
        };
        format!(
            "package root:component;
            world root {{
                import starstream:std/builtin;
                import starstream:std/utxo-context;
                {import_events}
                import starstream:self/thing;
                use starstream:std/builtin.{{utxo as s-utxo, token as s-token}};
                use starstream:std/utxo-context.{{utxo-context as s-utxo-context}};
                use starstream:self/thing.{{utxo as u-thing}};
                {scripts}
                export thing: interface {{
                    use starstream:std/utxo-context.{{utxo-context as s-utxo-context}};
                    resource utxo {{
                        start: static func(utxo-context: s-utxo-context) -> utxo;
                        go: func();
                        look: func() -> s64;
                    }}
                    record storage {{ yield: s32, total: s64 }}
                    get-storage: func(self: borrow<utxo>) -> storage;
                    set-storage: func(storage: storage) -> utxo;
                }}
            }}
            package starstream:std {{
                interface builtin {{ resource utxo; resource token; }}
                interface utxo-context {{
                    resource utxo-context {{
                        resume: func();
                        implements-method: func(hash: tuple<u64, u64, u64, u64>);
                    }}
                }}
            }}
            {package_events}
            package starstream:self {{
                interface thing {{
                    resource utxo {{ start: static func() -> utxo; go: func(); look: func() -> s64; }}
                }}
            }}"
        )
    }

    fn wat(&self) -> String {
        let scripts: String = self.scripts.iter().map(|(_, code)| format!("{code}\n")).collect();
        let events: String = self.events.iter().map(|(_, import)| format!("{import}\n")).collect();
        let Self { module_items, start, go, look, get_storage, set_storage, .. } = self;
        let (offer_go, offer_look) = (offer("go"), offer("look"));
        format!(
            r#"(module
                (import "starstream:std/utxo-context" "[resource-drop]utxo-context" (func $end (param i32)))
                (import "starstream:std/utxo-context" "[method]utxo-context.resume" (func $resume (param i32)))
                (import "starstream:std/utxo-context" "[method]utxo-context.implements-method"
                    (func $offer (param i32 i64 i64 i64 i64)))
                {events}
                (import "[export]thing" "[resource-new]utxo" (func $new (param i32) (result i32)))
                (import "[export]thing" "[resource-drop]utxo" (func $drop-own (param i32)))
                (import "starstream:self/thing" "[resource-drop]utxo" (func $drop-handle (param i32)))
                (import "starstream:self/thing" "[static]utxo.start" (func $create (result i32)))
                (import "starstream:self/thing" "[method]utxo.go" (func $go (param i32)))
                (import "starstream:self/thing" "[method]utxo.look" (func $look (param i32) (result i64)))
                (memory (export "memory") 1)
                (global $context (mut i32) (i32.const 0))
                (global $yield (mut i32) (i32.const 0))
                (global $total (mut i64) (i64.const 0))
                {module_items}
                (func $offer-both (param $context i32)
                    (call $offer (local.get $context) {offer_go})
                    (call $offer (local.get $context) {offer_look}))
                (func (export "thing#[static]utxo.start") (param $context i32) (result i32) {start})
                (func (export "thing#[method]utxo.go") (param $self i32) {go})
                (func (export "thing#[method]utxo.look") (param $self i32) (result i64) {look})
                (func (export "thing#get-storage") (param $self i32) (result i32) {get_storage})
                (func (export "thing#set-storage") (param $yield i32) (param $total i64) (result i32) {set_storage})
                {scripts})"#
        )
    }
}

/// What names a method to the host, as constants of a module.
fn offer(source_name: &str) -> String {
    let hash = Sha256::digest(source_name.as_bytes());
    let parts = hash.chunks_exact(8).map(|part| i64::from_le_bytes(part.try_into().unwrap()));
    parts.map(|part| format!("(i64.const {part})")).collect::<Vec<_>>().join(" ")
}
