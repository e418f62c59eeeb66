//! What the ledger offers to contracts of this form.

use super::HostFunction;
use crate::abi::{Resource, Resources, Signature};
use ledger_core::HostInterfaceId;
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, Wit, WitError};
use wit_parser::{Interface, Resolve, TypeDefKind};

/// The interfaces themselves, as WIT. A contract may import a part of them.
pub const HOST_WIT: &str = include_str!("../../../../wit/starstream-std/std.wit");

pub(super) const BUILTIN: &str = "starstream:std/builtin";
pub(super) const CONTEXT: &str = "starstream:std/utxo-context";
pub(super) const CARDANO: &str = "starstream:std/cardano";
/// What the names of interfaces with a contract's own objects, its events and its effects begin with.
pub(super) const SELF: &str = "starstream:self/";
pub(super) const EVENTS: &str = "starstream:events/";
pub(super) const EFFECTS: &str = "starstream:effects/";

/// The interfaces in the order in which they are hashed. One that is added comes last.
const HASHED: [&str; 3] = ["builtin", "utxo-context", "cardano"];

/// Names [`HOST_WIT`]: a contract's record says with which host it was deployed.
///
/// # Errors
/// If the text is not WIT, which a test excludes.
pub fn host_interface_id() -> Result<HostInterfaceId, WitError> {
    let wit = Wit::parse(&[SourceFile::new("std.wit", HOST_WIT)], &[], &Limits::default())?;
    let interfaces = &wit.identity()?.interfaces;
    Ok(HostInterfaceId::of(HASHED.iter().filter_map(|name| interfaces.get(*name))))
}

/// The host's interfaces, parsed.
pub(super) struct Host {
    resolve: Resolve,
}

impl Host {
    pub(super) fn new() -> Result<Self, String> {
        let mut resolve = Resolve::default();
        resolve.push_str("std.wit", HOST_WIT).map_err(|error| error.to_string())?;
        Ok(Self { resolve })
    }

    /// Whether everything in a contract's view of the host's interface `name` is as the host has it.
    pub(super) fn offers(&self, name: &str, resolve: &Resolve, view: &Interface) -> bool {
        let found = self.resolve.interfaces.iter().find(|(id, _)| self.resolve.id_of(*id).as_deref() == Some(name));
        let Some((_, own)) = found else { return false };
        let (own_resources, view_resources) = (resources(own), resources(view));
        let is_resource = |id| matches!(resolve.types[id].kind, TypeDefKind::Resource);
        let types_fit = view.types.iter().all(|(name, id)| own.types.contains_key(name) && is_resource(*id));
        let functions_fit = view.functions.iter().all(|(name, function)| {
            let Some(own) = own.functions.get(name) else { return false };
            match (
                Signature::of(&self.resolve, own, 0, &own_resources),
                Signature::of(resolve, function, 0, &view_resources),
            ) {
                (Ok(own), Ok(view)) => own == view,
                _ => false,
            }
        });
        types_fit && functions_fit
    }
}

/// What the resources of one of the host's interfaces stand for.
pub(super) fn resources(interface: &Interface) -> Resources {
    let known = |name: &str| match name {
        "utxo-context" => Some(Resource::Context),
        "utxo" => Some(Resource::Utxo(None)),
        "token" => Some(Resource::Token(None)),
        _ => None,
    };
    interface.types.iter().filter_map(|(name, id)| Some((*id, known(name)?))).collect()
}

/// What a function of one of the host's interfaces does.
pub(super) fn function(interface: &str, name: &str) -> Option<HostFunction> {
    Some(match (interface, name) {
        (CONTEXT, "[method]utxo-context.resume") => HostFunction::Resume,
        (CONTEXT, "[method]utxo-context.implements-method") => HostFunction::ImplementsMethod,
        (CARDANO, "block-height") => HostFunction::BlockHeight,
        (CARDANO, "current-slot") => HostFunction::CurrentSlot,
        _ => return None,
    })
}
