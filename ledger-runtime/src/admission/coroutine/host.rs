//! What the ledger offers to contracts of this form.

use super::{HostFunction, TokensFunction};
use crate::abi::{Resource, Resources, Signature, declaration};
use ledger_core::HostInterfaceId;
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, Wit, WitError};
use wit_parser::{Interface, Resolve};

/// The interfaces themselves, as WIT: the names of the files and their texts, each after those that it refers to. A contract
/// may import a part of them.
pub const HOST_WIT: [(&str, &str); 2] = [
    ("std.wit", include_str!("../../../../wit/starstream-std/std.wit")),
    ("host.wit", include_str!("../../../../wit/ledger-host/host.wit")),
];

pub(super) const BUILTIN: &str = "starstream:std/builtin";
pub(super) const CONTEXT: &str = "starstream:std/utxo-context";
pub(super) const CARDANO: &str = "starstream:std/cardano";
pub(super) const TOKENS: &str = "ledger:host/tokens";
/// The interface with methods of UTXOs of any type.
pub(super) const DYNAMIC_UTXO: &str = "starstream:contract/dynamic-utxo";
/// What the names of interfaces with a contract's own objects, its events and its effects begin with.
pub(super) const SELF: &str = "starstream:self/";
pub(super) const EVENTS: &str = "starstream:events/";
pub(super) const EFFECTS: &str = "starstream:effects/";
/// What the names of interfaces begin with by which a contract's handlers of effects are installed.
pub(super) const HANDLERS: &str = "ledger:handlers/";

/// The packages and their interfaces in the order in which they are hashed. One that is added comes last.
const HASHED: [(&str, &[&str]); 2] =
    [("starstream:std", &["builtin", "utxo-context", "cardano"]), ("ledger:host", &["tokens"])];

/// Names [`HOST_WIT`]: a contract's record says with which host it was deployed.
///
/// # Errors
/// If the text is not WIT, which a test excludes.
pub fn host_interface_id() -> Result<HostInterfaceId, WitError> {
    let [std, host] = HOST_WIT.map(|(name, text)| vec![SourceFile::new(name, text)]);
    let wit = Wit::parse(&host, &[std], &Limits::default())?;
    let packages = wit.identities();
    let interfaces = HASHED.iter().flat_map(|(package, interfaces)| {
        let package = packages.iter().find(|(name, _)| name.to_string() == *package).map(|(_, identity)| identity);
        interfaces.iter().filter_map(move |name| package?.interfaces.get(*name))
    });
    Ok(HostInterfaceId::of(interfaces))
}

/// The host's interfaces, parsed.
pub(super) struct Host {
    resolve: Resolve,
    resources: Resources,
}

impl Host {
    pub(super) fn new() -> Result<Self, String> {
        let mut resolve = Resolve::default();
        for (name, text) in HOST_WIT {
            resolve.push_str(name, text).map_err(|error| error.to_string())?;
        }
        let resources = resolve.interfaces.iter().flat_map(|(_, interface)| resources(interface)).collect();
        Ok(Self { resolve, resources })
    }

    /// Whether everything in a contract's view of the host's interface `name` is as the host has it. `view_resources` is
    /// what the resources of the contract's WIT stand for.
    pub(super) fn offers(&self, name: &str, resolve: &Resolve, view: &Interface, view_resources: &Resources) -> bool {
        let found = self.resolve.interfaces.iter().find(|(id, _)| self.resolve.id_of(*id).as_deref() == Some(name));
        let Some((_, own)) = found else { return false };
        let types_fit = view.types.iter().all(|(name, id)| {
            let own = own.types.get(name).and_then(|id| self.resources.get(&declaration(&self.resolve, *id)));
            own.is_some() && own == view_resources.get(&declaration(resolve, *id))
        });
        let functions_fit = view.functions.iter().all(|(name, function)| {
            let Some(own) = own.functions.get(name) else { return false };
            match (
                Signature::of(&self.resolve, own, 0, &self.resources),
                Signature::of(resolve, function, 0, view_resources),
            ) {
                (Ok(own), Ok(view)) => own == view,
                _ => false,
            }
        });
        types_fit && functions_fit
    }
}

/// What the resources of one of the host's interfaces stand for that are declared there.
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
        (BUILTIN, "[method]utxo.has-method") => HostFunction::HasMethod,
        (CONTEXT, "[method]utxo-context.resume") => HostFunction::Resume,
        (CONTEXT, "[method]utxo-context.implements-method") => HostFunction::ImplementsMethod,
        (CARDANO, "block-height") => HostFunction::BlockHeight,
        (CARDANO, "current-slot") => HostFunction::CurrentSlot,
        _ => return None,
    })
}

/// Which function for tokens of any type has this name.
pub(super) fn tokens_function(name: &str) -> Option<TokensFunction> {
    Some(match name {
        "count" => TokensFunction::Count,
        "held" => TokensFunction::Held,
        "attach" => TokensFunction::Attach,
        "detach" => TokensFunction::Detach,
        "own-count" => TokensFunction::OwnCount,
        "own-held" => TokensFunction::OwnHeld,
        "accept" => TokensFunction::Accept,
        "release" => TokensFunction::Release,
        "discard" => TokensFunction::Discard,
        _ => return None,
    })
}
