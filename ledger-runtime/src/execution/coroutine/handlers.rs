//! Effects: what a contract asks of whoever coordinates the transaction, and who answers.
//!
//! The handlers of a transaction are a stack. A script installs those of its contract, one interface at a time, and from
//! then on the functions of that exported interface handle its effects, in the script's own instance. An effect goes to
//! the handler that was installed last and has a function for it. While that runs it is masked, with all that were
//! installed after it, so that an effect which it raises itself goes further out. What a script installed goes when
//! the script returns.

use super::calls;
use super::host::{lift, lower};
use super::objects::Run;
use super::transition::{Frame, FrameKind, LiveIndex, Said, Transition};
use crate::abi::Signature;
use crate::admission::Executable;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use registry_core::id::ComponentHash;
use std::sync::Arc;
use wasmtime::Val;

/// The handlers that are installed, the one installed last at the end.
#[derive(Default)]
pub(super) struct Handlers {
    installed: Vec<Installed>,
    /// The scripts and the handlers that run.
    runs: Vec<Begun>,
    /// How many have begun so far.
    runs_count: u32,
}

/// A script or a handler that runs.
struct Begun {
    /// How many handlers there were when it began: those after them are its own.
    first_own: usize,
    /// Its place among all that have begun.
    number: u32,
}

/// The handlers of one interface, installed by one script.
struct Installed {
    interface: String,
    contract: Arc<Executable>,
    /// The script's instance.
    live: LiveIndex,
    /// How many calls go on that mask it.
    masks: u32,
}

/// Who handles an effect.
struct Found {
    place: usize,
    contract: Arc<Executable>,
    live: LiveIndex,
}

impl Handlers {
    /// A script or a handler begins.
    pub(super) fn begin_run(&mut self) {
        self.runs.push(Begun { first_own: self.installed.len(), number: self.runs_count });
        self.runs_count += 1;
    }

    /// It has returned, and what it installed goes.
    pub(super) fn end_run(&mut self) {
        if let Some(begun) = self.runs.pop() {
            self.installed.truncate(begun.first_own);
        }
    }

    /// What coordinates now.
    pub(super) fn run(&self) -> Run {
        self.runs.last().map_or(Run::Steps, |begun| Run::Script(begun.number))
    }

    /// Takes those of `interface` away which the script that runs installed last. False if it did not install the last ones
    /// of this interface.
    fn remove_own(&mut self, interface: &str) -> bool {
        let first_own = self.runs.last().map_or(0, |begun| begun.first_own);
        let last = self.installed.iter().rposition(|installed| installed.interface == interface);
        let own = last.filter(|place| *place >= first_own);
        own.map(|place| self.installed.remove(place)).is_some()
    }

    /// Who handles an effect now.
    fn find(&self, interface: &str, name: &str) -> Option<Found> {
        let handles = |installed: &Installed| {
            installed.masks == 0 && installed.interface == interface && installed.signature(name).is_some()
        };
        let place = self.installed.iter().rposition(handles)?;
        let installed = self.installed.get(place)?;
        Some(Found { place, contract: Arc::clone(&installed.contract), live: installed.live })
    }

    /// Whether somebody would handle it who is masked.
    fn is_masked(&self, interface: &str, name: &str) -> bool {
        self.installed.iter().any(|installed| installed.interface == interface && installed.signature(name).is_some())
    }

    /// Masks the handlers at `place` and after it, and gives how many there are in all.
    fn mask(&mut self, place: usize) -> usize {
        self.installed.iter_mut().skip(place).for_each(|installed| installed.masks += 1);
        self.installed.len()
    }

    /// Takes the masks away again that [`Handlers::mask`] gave.
    fn unmask(&mut self, place: usize, count: usize) {
        let masked = self.installed.iter_mut().take(count).skip(place);
        masked.for_each(|installed| installed.masks = installed.masks.saturating_sub(1));
    }
}

impl Installed {
    /// What its handler of the effect `name` takes and gives, if it has one.
    fn signature(&self, name: &str) -> Option<&Signature> {
        signature(&self.contract, &self.interface, name)
    }
}

fn signature<'a>(contract: &'a Executable, interface: &str, name: &str) -> Option<&'a Signature> {
    let handlers = &contract.coroutine()?.contract.handlers;
    handlers.get(interface)?.get(name).map(|entry| &entry.signature)
}

/// The script that runs installs its contract's handlers of `interface`.
pub(super) fn install(transition: &mut Transition, frame: Frame, interface: &str) -> Result<(), Stopped> {
    check_is_script(transition, frame, interface, "installed")?;
    let max = transition.profile.handlers_max;
    if transition.handlers.installed.len() >= max as usize {
        return Err(Stopped::limit(max, "installed handlers", "handlers_max"));
    }
    let contract = Arc::clone(&transition.live(frame.live)?.contract);
    let installed = Installed { interface: interface.to_owned(), contract, live: frame.live, masks: 0 };
    transition.handlers.installed.push(installed);
    transition.say(&Said::HandlerInstalled { interface })
}

/// The script that runs takes the handlers of `interface` away that it installed last.
pub(super) fn uninstall(transition: &mut Transition, frame: Frame, interface: &str) -> Result<(), Stopped> {
    check_is_script(transition, frame, interface, "uninstalled")?;
    if !transition.handlers.remove_own(interface) {
        return Err(Stopped::refused(format!(
            "handlers of `{interface}` were uninstalled by {}, which did not install the last ones of this interface",
            transition.who(frame)?
        )));
    }
    transition.say(&Said::HandlerUninstalled { interface })
}

fn check_is_script(transition: &Transition, frame: Frame, interface: &str, done: &str) -> Result<(), Stopped> {
    if frame.kind == FrameKind::Script {
        return Ok(());
    }
    let who = transition.who(frame)?;
    Err(Stopped::refused(format!("handlers of `{interface}` were {done} by {who}, and only scripts may do that")))
}

/// Asks the handler that was installed last, and gives its answer to the code that runs.
pub(super) fn raise(
    store: &mut Context<'_>,
    frame: Frame,
    interface: &str,
    name: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let arguments = lift(store, frame, signature, parameters)?;
    let transition = store.data_mut().transition()?;
    let Some(found) = transition.handlers.find(interface, name) else {
        return Err(unhandled(transition, frame, interface, name)?);
    };
    let raiser = *transition.live(frame.live)?.contract.hash();
    let profile = Arc::clone(&transition.profile);
    let comparison = gas::of_values(&profile, signature.parts());
    gas::charge(&mut *store, profile.gas_per_utxo_call.saturating_add(comparison))?;
    check_type(&found.contract, interface, name, signature, &raiser)?;
    let handlers = &mut store.data_mut().transition()?.handlers;
    let count = handlers.mask(found.place);
    let answer = calls::handler(store, &found.contract, found.live, interface, name, &arguments)?;
    let transition = store.data_mut().transition()?;
    transition.handlers.unmask(found.place, count);
    transition.say(&Said::Effect { interface, name, arguments: &arguments, answer: &answer })?;
    lower(store, frame, signature, &answer, parameters)
}

/// A handler must take and give exactly what the effect does.
fn check_type(
    contract: &Executable,
    interface: &str,
    name: &str,
    raised: &Signature,
    raiser: &ComponentHash,
) -> Result<(), Stopped> {
    let handled = signature(contract, interface, name);
    let handled = handled.ok_or_else(|| Stopped::defect("a handler that was found is gone"))?;
    if handled.is_same(contract.hash(), raised, raiser) {
        return Ok(());
    }
    Err(Stopped::refused(format!(
        "the effect `{interface}#{name}` is `{raised}` in {raiser}, which raised it, and `{handled}` in {}, which handles it",
        contract.hash()
    )))
}

fn unhandled(transition: &Transition, frame: Frame, interface: &str, name: &str) -> Result<Stopped, Stopped> {
    let who = transition.who(frame)?;
    let hint = if transition.handlers.is_masked(interface, name) {
        " (a handler does not handle what is raised while it runs)"
    } else {
        ""
    };
    Ok(Stopped::unhandled(format!("nobody handles the effect `{interface}#{name}`, which {who} raised{hint}")))
}
