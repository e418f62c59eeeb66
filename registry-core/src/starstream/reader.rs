//! Goes through a world and says what each item of it is.

use super::names::Names;
use super::{Abi, Contract, Function, OtherContract, State, TokenType, UtxoType};
use crate::wit::{describe_function, follow_aliases};
use std::collections::BTreeMap;
use wit_parser::{
    Function as Declaration, FunctionKind, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, World, WorldId,
    WorldItem, WorldKey,
};

const BUILTIN: &str = "starstream:std/builtin";
const CONTEXT: &str = "starstream:std/utxo-context";
const SCRIPTS: &str = "starstream:contract/scripts";
const DYNAMIC_UTXO: &str = "starstream:contract/dynamic-utxo";

/// What the names of interfaces begin with.
const SELF: &str = "starstream:self/";
const EVENTS: &str = "starstream:events/";
const EFFECTS: &str = "starstream:effects/";
const UTXO: &str = "starstream:utxo/";
const TOKEN: &str = "starstream:token/";
/// What the ledger itself offers.
const HOST: [&str; 3] = ["starstream:std/", "ledger:host/", "ledger:handlers/"];

/// What gives and takes the record of an object; the ledger alone calls it.
const GET_STORAGE: &str = "get-storage";
const SET_STORAGE: &str = "set-storage";
/// What makes an object of a type of one of any type, and back.
const CASTS: [&str; 2] = ["downcast", "upcast"];

/// The number of the current yield, with which the records of Starstream's compiler begin.
const CURRENT_YIELD: &str = "yield";

/// The contract that a world describes.
pub(super) fn read(resolve: &Resolve, world: WorldId) -> Contract {
    let world = &resolve.worlds[world];
    let mut reader = Reader {
        resolve,
        names: Names::new(resolve),
        context: None,
        other_contracts: BTreeMap::new(),
        contract: Contract::default(),
    };
    reader.name_resources(world);
    for (key, item) in &world.exports {
        reader.export(key, item);
    }
    for (key, item) in &world.imports {
        reader.import(key, item);
    }
    reader.contract.host.sort();
    Contract { types: reader.names.definitions(), ..reader.contract }
}

struct Reader<'a> {
    resolve: &'a Resolve,
    names: Names<'a>,
    /// The resource that stands for the UTXO whose main runs.
    context: Option<TypeId>,
    /// Where each of the other contracts stands in the list, by its external id.
    other_contracts: BTreeMap<Option<String>, usize>,
    contract: Contract,
}

/// Whether an interface defines a type of UTXOs or of tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Utxo,
    Token,
}

/// The functions of an interface that defines an object, sorted by what they are.
#[derive(Default)]
struct Object {
    /// They give an object.
    makers: Vec<Function>,
    /// They give nothing, and belong to no object.
    burns: Vec<Function>,
    methods: Vec<Function>,
    state: Option<State>,
}

impl<'a> Reader<'a> {
    /// Names all resources before any function mentions one: the contract's own first, which have the first right to
    /// their names.
    fn name_resources(&mut self, world: &'a World) {
        let imports: Vec<(String, &Interface)> =
            world.imports.keys().filter_map(|key| self.named_interface(key)).collect();
        for (_, interface) in imports.iter().filter(|(name, _)| name == BUILTIN) {
            for (name, resource) in resources(self.resolve, interface) {
                self.names.share(resource, name);
            }
        }
        for (key, item) in &world.exports {
            if let (WorldKey::Name(name), WorldItem::Interface { id, .. }) = (key, item)
                && let Some((_, resource)) = object_of(self.resolve, &self.resolve.interfaces[*id])
            {
                self.names.share(resource, name);
            }
        }
        for (name, interface) in &imports {
            if name == CONTEXT {
                self.context = resources(self.resolve, interface).map(|(_, resource)| resource).next();
            }
            let Some((_, resource)) = object_of(self.resolve, interface) else { continue };
            if let Some(own) = name.strip_prefix(SELF) {
                self.names.share(resource, own);
            } else if let Some(foreign) = name.strip_prefix(UTXO).or_else(|| name.strip_prefix(TOKEN)) {
                self.names.give(resource, foreign, name);
            }
        }
    }

    /// An interface that has a name of its own, with its full name.
    fn named_interface(&self, key: &WorldKey) -> Option<(String, &'a Interface)> {
        match key {
            WorldKey::Interface(id) => Some((self.resolve.id_of(*id)?, &self.resolve.interfaces[*id])),
            WorldKey::Name(_) => None,
        }
    }

    fn export(&mut self, key: &WorldKey, item: &WorldItem) {
        let name = self.resolve.name_world_key(key);
        match (key, item) {
            (_, WorldItem::Type { .. }) => {}
            (WorldKey::Name(_), WorldItem::Function(script)) if script.kind == FunctionKind::Freestanding => {
                let script = self.function(script, 0);
                self.contract.scripts.push(script);
            }
            (WorldKey::Name(_), WorldItem::Interface { id, .. }) => {
                let interface = &self.resolve.interfaces[*id];
                match object_of(self.resolve, interface) {
                    Some((Kind::Utxo, resource)) => {
                        let utxo = self.utxo(&name, interface, resource);
                        self.contract.utxos.push(utxo);
                    }
                    Some((Kind::Token, resource)) => {
                        let token = self.token(&name, interface, resource);
                        self.contract.tokens.push(token);
                    }
                    None => self.rest("export", &name),
                }
            }
            (WorldKey::Interface(id), _) if name.starts_with(EFFECTS) => {
                let abi = self.abi(EFFECTS, &name, *id);
                self.contract.handlers.push(abi);
            }
            _ => self.rest("export", &name),
        }
    }

    fn import(&mut self, key: &WorldKey, item: &WorldItem) {
        let name = self.resolve.name_world_key(key);
        match (key, item) {
            (_, WorldItem::Type { .. }) => {}
            (WorldKey::Interface(id), WorldItem::Interface { external_id, .. }) => {
                self.imported_interface(&name, *id, external_id.as_deref());
            }
            _ => self.rest("import", &name),
        }
    }

    fn imported_interface(&mut self, name: &str, id: InterfaceId, external_id: Option<&str>) {
        let interface = &self.resolve.interfaces[id];
        if HOST.iter().any(|prefix| name.starts_with(prefix)) {
            self.contract.host.push(name.to_owned());
        } else if name.starts_with(EVENTS) {
            let abi = self.abi(EVENTS, name, id);
            self.contract.events.push(abi);
        } else if name.starts_with(EFFECTS) {
            let abi = self.abi(EFFECTS, name, id);
            self.contract.effects.push(abi);
        } else if name == SCRIPTS {
            for script in interface.functions.values() {
                let described = self.function(script, 0);
                self.other_contract(script.external_id.as_deref()).scripts.push(described);
            }
        } else if name == DYNAMIC_UTXO {
            // The first parameter is the UTXO.
            let methods: Vec<_> = interface.functions.values().map(|method| self.function(method, 1)).collect();
            self.contract.dynamic_methods.extend(methods);
        } else if !self.imported_object(name, interface, external_id) {
            self.rest("import", name);
        }
    }

    /// Reads an interface that stands for a type of UTXOs or tokens; tells whether it is one.
    fn imported_object(&mut self, name: &str, interface: &'a Interface, external_id: Option<&str>) -> bool {
        if let Some(own) = name.strip_prefix(SELF) {
            // What the contract says about its own objects here, it says in full where it exports them.
            return self.contract.utxos.iter().any(|utxo| utxo.name == own)
                || self.contract.tokens.iter().any(|token| token.name == own);
        }
        match (object_of(self.resolve, interface), name.strip_prefix(UTXO), name.strip_prefix(TOKEN)) {
            (Some((Kind::Utxo, resource)), Some(name), _) => {
                let utxo = self.utxo(name, interface, resource);
                self.other_contract(external_id).utxos.push(utxo);
            }
            (Some((Kind::Token, resource)), _, Some(name)) => {
                let token = self.token(name, interface, resource);
                self.other_contract(external_id).tokens.push(token);
            }
            _ => return false,
        }
        true
    }

    fn other_contract(&mut self, external_id: Option<&str>) -> &mut OtherContract {
        let contracts = &mut self.contract.contracts;
        let external_id = external_id.map(str::to_owned);
        let index = *self.other_contracts.entry(external_id.clone()).or_insert_with(|| {
            contracts.push(OtherContract { external_id, ..OtherContract::default() });
            contracts.len() - 1
        });
        &mut contracts[index]
    }

    fn rest(&mut self, direction: &str, name: &str) {
        self.contract.rest.push(format!("{direction} {name}"));
    }

    fn abi(&mut self, prefix: &str, name: &str, id: InterfaceId) -> Abi {
        let functions = self.resolve.interfaces[id].functions.values();
        Abi {
            name: name.strip_prefix(prefix).unwrap_or(name).to_owned(),
            functions: functions.map(|function| self.function(function, 0)).collect(),
        }
    }

    fn utxo(&mut self, name: &str, interface: &Interface, resource: TypeId) -> UtxoType {
        let Object { makers, burns, methods, state } = self.functions_of(Kind::Utxo, name, interface, resource);
        let unknown = burns.iter().map(|function| format!("static function {name}#{function}"));
        self.contract.rest.extend(unknown);
        UtxoType { name: name.to_owned(), mains: makers, methods, state }
    }

    fn token(&mut self, name: &str, interface: &Interface, resource: TypeId) -> TokenType {
        let Object { makers, burns, mut methods, state } = self.functions_of(Kind::Token, name, interface, resource);
        let mut take = |wanted: &str| {
            let index = methods.iter().position(|method| method.name == wanted)?;
            Some(methods.remove(index))
        };
        let (attach, detach) = (take("attach"), take("detach"));
        TokenType { name: name.to_owned(), mints: makers, burns, attach, detach, methods, state }
    }

    fn functions_of(&mut self, kind: Kind, name: &str, interface: &Interface, resource: TypeId) -> Object {
        let mut object = Object::default();
        for function in interface.functions.values() {
            let first = function.params.first().and_then(|parameter| self.names.resource_of(&parameter.ty));
            let result = function.result.as_ref();
            match &function.kind {
                FunctionKind::Method(_) => object.methods.push(self.function(function, 1)),
                FunctionKind::Static(_) if result.is_none() => {
                    let given = usize::from(first == Some(resource));
                    object.burns.push(self.function(function, given));
                }
                FunctionKind::Static(_) if result.and_then(|ty| self.names.resource_of(ty)) == Some(resource) => {
                    let given = usize::from(first.is_some() && first == self.context);
                    let made = Declaration { result: None, ..function.clone() };
                    object.makers.push(self.function(&made, given));
                }
                FunctionKind::Freestanding if function.name == GET_STORAGE => {
                    object.state = result.and_then(|record| self.state(kind, record));
                }
                FunctionKind::Freestanding if function.name == SET_STORAGE => {}
                FunctionKind::Freestanding if CASTS.contains(&function.name.as_str()) => {}
                _ => {
                    let described = describe_function(self.resolve, function);
                    self.contract.rest.push(format!("function {name}#{}: {described}", function.item_name()));
                }
            }
        }
        object
    }

    /// The fields of a record that were declared, without those that Starstream's compiler adds for the yields of a UTXO.
    fn state(&mut self, kind: Kind, record: &Type) -> Option<State> {
        let Type::Id(id) = follow_aliases(self.resolve, record) else { return None };
        let TypeDefKind::Record(record) = &self.resolve.types[id].kind else { return None };
        let first = record.fields.first().map(|field| (field.name.as_str(), &field.ty));
        let is_compiled = kind == Kind::Utxo && first == Some((CURRENT_YIELD, &Type::S32));
        let mut state = State { fields: Vec::new(), yields: is_compiled.then_some(0) };
        for field in &record.fields {
            match (&mut state.yields, yield_field(&field.name)) {
                (Some(yields), Some(place)) => *yields += usize::from(place == YieldField::Number),
                _ => state.fields.push(self.names.field(&field.name, &field.ty)),
            }
        }
        // In another language than Starstream's, a UTXO keeps nothing for each yield, however many it has.
        state.yields = state.yields.filter(|yields| *yields > 0);
        Some(state)
    }

    fn function(&mut self, function: &Declaration, given_parameters: usize) -> Function {
        let parameters = function.params.get(given_parameters..).unwrap_or_default();
        self.names.function(function.item_name(), parameters, function.result.as_ref())
    }
}

/// The resources that an interface declares.
fn resources<'a>(resolve: &'a Resolve, interface: &'a Interface) -> impl Iterator<Item = (&'a str, TypeId)> {
    let types = interface.types.iter();
    let resources = types.filter(|(_, id)| matches!(resolve.types[**id].kind, TypeDefKind::Resource));
    resources.map(|(name, id)| (name.as_str(), *id))
}

/// The kind of object that an interface defines, by the one resource that it has.
fn object_of(resolve: &Resolve, interface: &Interface) -> Option<(Kind, TypeId)> {
    let mut resources = resources(resolve, interface);
    match (resources.next()?, resources.next()) {
        (("utxo", resource), None) => Some((Kind::Utxo, resource)),
        (("token", resource), None) => Some((Kind::Token, resource)),
        _ => None,
    }
}

/// What Starstream's compiler keeps beside the declared fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum YieldField {
    /// `yield`: which yield is the current one.
    Current,
    /// `yield1`: the first that is kept for a yield; there is exactly one of each.
    Number,
    /// `yield1-v2`: what else is kept for it.
    Value,
}

fn yield_field(name: &str) -> Option<YieldField> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = name.strip_prefix(CURRENT_YIELD)?;
    match rest.split_once("-v") {
        None if rest.is_empty() => Some(YieldField::Current),
        None => is_number(rest).then_some(YieldField::Number),
        Some((number, value)) => (is_number(number) && is_number(value)).then_some(YieldField::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::{YieldField, yield_field};

    #[test]
    fn fields_that_only_look_like_those_of_a_yield_are_declared_ones() {
        let table = [
            ("yield", Some(YieldField::Current)),
            ("yield1", Some(YieldField::Number)),
            ("yield12-v3", Some(YieldField::Value)),
            ("yields", None),
            ("yield-v1", None),
            ("yield1-v", None),
            ("yield1-x2", None),
            ("yield1-v2-v3", None),
            ("amount-v1", None),
        ];
        for (name, expected) in table {
            assert_eq!(yield_field(name), expected, "{name}");
        }
    }
}
