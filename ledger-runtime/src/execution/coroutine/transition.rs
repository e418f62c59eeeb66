//! What a transaction did so far: the objects that it uses, their instances, who calls whom, events and calls.

use super::handlers::Handlers;
use super::handles::HandleTable;
use super::objects::{Object, ObjectIndex, Objects};
use crate::abi::ObjectName;
use crate::admission::Executable;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::{ContractProvider, Extent, NodeFault};
use crate::profile::ExecutionProfile;
use borsh::BorshSerialize;
use ledger_core::{Call, ChainId, Effects, Event, FailureFrame, MethodId, Moment, ObjectId, Token, Utxo};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wasmtime::Instance;

/// What a transaction did so far.
pub(crate) struct Transition {
    pub(super) profile: Arc<ExecutionProfile>,
    pub(super) moment: Moment,
    pub(super) gas_limit: u64,
    pub(super) handlers: Handlers,
    chain: ChainId,
    transaction: TransactionId,
    is_recorded: bool,
    contracts: Arc<dyn ContractProvider>,
    /// The contracts of which something was needed.
    executables: BTreeMap<ComponentHash, Arc<Executable>>,
    /// Those and what they import: each is paid once.
    paid_contracts: BTreeSet<ComponentHash>,
    /// Gas for what happened and is not charged yet.
    owed_gas: u64,
    objects: Objects,
    instances: Vec<Live>,
    frames: Vec<Frame>,
    events: Vec<Event>,
    events_size_bytes: usize,
    calls: Vec<Call>,
    calls_count: u32,
    /// For each call that goes on, the encoding of what host and contract said to each other in it.
    conversations: Vec<Vec<u8>>,
    /// The calls that did not end, the innermost first.
    failed_frames: Vec<FailureFrame>,
}

/// What a transition begins with.
pub(crate) struct Beginning {
    pub(crate) profile: Arc<ExecutionProfile>,
    pub(crate) chain: ChainId,
    pub(crate) transaction: TransactionId,
    pub(crate) moment: Moment,
    pub(crate) gas_limit: u64,
    /// The UTXOs that the transaction names, with what it may do to each: inputs first, then references.
    pub(crate) utxos: Vec<(Utxo, Access)>,
    /// Where the contracts are whose scripts, UTXOs and tokens are called.
    pub(crate) contracts: Arc<dyn ContractProvider>,
    /// Those of them that are known to be called.
    pub(crate) called: Vec<Arc<Executable>>,
    /// Whether rows of the call table are made.
    pub(crate) is_recorded: bool,
}

/// What a transaction may do to a UTXO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Change and consume it.
    Input,
    /// Read it.
    Reference,
}

/// The place of an instance among those of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LiveIndex(pub(super) usize);

/// An instance in the transaction's store.
pub(super) struct Live {
    pub(super) contract: Arc<Executable>,
    pub(super) instance: Option<Instance>,
    pub(super) object: Option<ObjectIndex>,
    handles: HandleTable,
}

/// Code that runs, or waits for what it called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) live: LiveIndex,
}

/// What kind of code it is, and with that what it may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// The start of an instance, and the loading and saving of a state record.
    Setup,
    /// A coordination script.
    Script,
    /// A main function or a method of a UTXO.
    Utxo(ObjectIndex),
    /// A function of a token's type, in the token's own instance.
    Token(ObjectIndex),
}

/// Something that host and contract said to each other. The encoding of all of it, in order, is what a row of the call
/// table commits to.
#[derive(BorshSerialize)]
pub(super) enum Said<'a> {
    /// The UTXO goes on.
    Resumed,
    /// The UTXO names a method that may be called when it stops.
    Offered(MethodId),
    /// The UTXO comes to its end.
    ContextDropped,
    /// The contract told something.
    Event { interface: &'a str, name: &'a str, arguments: &'a [u8] },
    /// The contract asked for something, and got an answer.
    Effect { interface: &'a str, name: &'a str, arguments: &'a [u8], answer: &'a [u8] },
    /// The code called a UTXO or a token or made one, and got this back. What it gave stands in that call's own row.
    Called { object: ObjectId, output: Digest },
    /// The contract asked for the height of the block.
    Height(i64),
    /// The contract asked for the slot.
    Slot(i64),
    /// A token was bound to a UTXO, after its `attach` had returned.
    Attached { token: TokenId, to: UtxoId },
    /// A token was unbound from the UTXO that held it, after its `detach` had returned.
    Detached { token: TokenId, from: UtxoId },
    /// The contract asked how many tokens a UTXO holds.
    TokensCounted { utxo: UtxoId, count: u32 },
    /// The contract asked for the token at a place among those that a UTXO holds.
    TokenHeld { utxo: UtxoId, place: u32, token: TokenId },
    /// The script called a script of another contract, which gave this back.
    CalledScript { contract: ComponentHash, script: &'a str, output: Digest },
    /// The script's contract handles the effects of this interface from now on.
    HandlerInstalled { interface: &'a str },
    /// It handles them no more.
    HandlerUninstalled { interface: &'a str },
    /// The contract asked whether a UTXO offers a method.
    HasMethod { utxo: UtxoId, method: MethodId, is_offered: bool },
    /// The contract asked whether an object is of a type that it knows.
    Downcast { object: ObjectId, fits: bool },
    /// A token was burned without any of its code having run.
    Discarded { token: TokenId },
}

impl Transition {
    /// A transition in which nothing has happened.
    ///
    /// # Errors
    /// If the UTXOs are not what a state can have.
    pub(crate) fn new(beginning: Beginning) -> Result<Self, Stopped> {
        let Beginning { profile, chain, transaction, moment, gas_limit, utxos, contracts, called, is_recorded } =
            beginning;
        let mut transition = Self {
            profile,
            moment,
            gas_limit,
            handlers: Handlers::default(),
            chain,
            transaction,
            is_recorded,
            contracts,
            executables: BTreeMap::new(),
            paid_contracts: BTreeSet::new(),
            owed_gas: 0,
            objects: Objects::of(utxos)?,
            instances: Vec::new(),
            frames: Vec::new(),
            events: Vec::new(),
            events_size_bytes: 0,
            calls: Vec::new(),
            calls_count: 0,
            conversations: Vec::new(),
            failed_frames: Vec::new(),
        };
        called.into_iter().for_each(|contract| transition.use_contract(contract));
        Ok(transition)
    }

    /// A contract that is deployed. It is loaded when it is needed first: a transaction can name UTXOs and tokens of far more
    /// contracts than it calls.
    pub(super) fn executable(&mut self, contract: &ComponentHash) -> Result<Arc<Executable>, Stopped> {
        if let Some(known) = self.executables.get(contract) {
            return Ok(Arc::clone(known));
        }
        let loaded = self.contracts.contract(contract)?.ok_or_else(|| NodeFault::missing(*contract))?;
        self.use_contract(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// A contract is used for the first time. It is paid with all that it imports: these were loaded with it.
    fn use_contract(&mut self, contract: Arc<Executable>) {
        for needed in contract.needed().iter().chain([&contract]) {
            if self.paid_contracts.insert(*needed.hash()) {
                self.owed_gas = self.owed_gas.saturating_add(gas::of_contract(&self.profile, needed));
            }
        }
        self.executables.insert(*contract.hash(), contract);
    }

    /// The gas for what happened since this was asked last.
    pub(crate) fn take_owed_gas(&mut self) -> u64 {
        std::mem::take(&mut self.owed_gas)
    }

    /// The place of the object that a name means; none if the transaction has none of this name.
    pub(super) fn index_of(&self, name: &ObjectName) -> Option<ObjectIndex> {
        self.objects.index_of(name)
    }

    pub(super) fn object(&self, index: ObjectIndex) -> Result<&Object, Stopped> {
        self.objects.get(index)
    }

    pub(super) fn object_mut(&mut self, index: ObjectIndex) -> Result<&mut Object, Stopped> {
        self.objects.get_mut(index)
    }

    /// A new UTXO of `contract`.
    pub(super) fn make_utxo(&mut self, contract: ComponentHash, type_name: &str) -> Result<ObjectIndex, Stopped> {
        self.objects.make(|place| Utxo::id(&self.chain, &self.transaction, place), contract, type_name)
    }

    /// A new token of `contract`, which nobody holds.
    pub(super) fn mint_token(&mut self, contract: ComponentHash, type_name: &str) -> Result<ObjectIndex, Stopped> {
        self.objects.mint(|place| Token::id(&self.chain, &self.transaction, place), contract, type_name)
    }

    /// Whether code of an object runs, or waits for what it called.
    pub(super) fn is_running(&self, object: ObjectIndex) -> bool {
        let of_object = |frame: &Frame| self.live(frame.live).is_ok_and(|live| live.object == Some(object));
        self.frames.iter().any(of_object)
    }

    /// Room for an instance of `contract`, whose frame must be known before its code runs.
    pub(super) fn add_instance(
        &mut self,
        contract: Arc<Executable>,
        object: Option<ObjectIndex>,
    ) -> Result<LiveIndex, Stopped> {
        let max = self.profile.instances_max;
        if self.instances.len() >= max as usize {
            return Err(Stopped::limit(max, "instances", "instances_max"));
        }
        let live = LiveIndex(self.instances.len());
        self.instances.push(Live { contract, instance: None, object, handles: HandleTable::default() });
        Ok(live)
    }

    pub(super) fn live(&self, live: LiveIndex) -> Result<&Live, Stopped> {
        self.instances.get(live.0).ok_or_else(|| Stopped::defect("an instance is gone"))
    }

    pub(super) fn live_mut(&mut self, live: LiveIndex) -> Result<&mut Live, Stopped> {
        self.instances.get_mut(live.0).ok_or_else(|| Stopped::defect("an instance is gone"))
    }

    pub(super) fn handles(&mut self, live: LiveIndex) -> Result<&mut HandleTable, Stopped> {
        self.live_mut(live).map(|live| &mut live.handles)
    }

    /// The code that runs.
    pub(super) fn frame(&self) -> Result<Frame, Stopped> {
        self.frames.last().copied().ok_or_else(|| Stopped::defect("a host function was called by nobody"))
    }

    pub(super) fn enter(&mut self, frame: Frame) -> Result<(), Stopped> {
        let max = self.profile.frames_max;
        if self.frames.len() >= max as usize {
            return Err(Stopped::limit(max, "calls inside each other", "frames_max"));
        }
        self.frames.push(frame);
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.frames.pop();
    }

    /// Begins a call of a script or a UTXO.
    pub(super) fn begin_call(&mut self) -> Result<(), Stopped> {
        let max = self.profile.calls_max;
        if self.calls_count >= max {
            return Err(Stopped::limit(max, "calls", "calls_max"));
        }
        self.calls_count += 1;
        self.conversations.push(Vec::new());
        Ok(())
    }

    /// Ends the call that began last. `row` gets the encoding of what was said in it.
    pub(super) fn end_call(&mut self, row: impl FnOnce(&[u8]) -> Call) {
        let said = self.conversations.pop().unwrap_or_default();
        if self.is_recorded {
            self.calls.push(row(&said));
        }
    }

    /// The transaction failed in this call, and in all that were noted before it.
    pub(super) fn fail_in(&mut self, frame: FailureFrame) {
        self.failed_frames.push(frame);
    }

    /// Whether a call of this object has failed, and none that it waited for.
    pub(super) fn failed_only_in(&self, object: ObjectId) -> bool {
        let [frame] = self.failed_frames.as_slice() else { return false };
        frame.object.as_ref().is_some_and(|failed| failed.id == object)
    }

    /// The calls in which the transaction failed, the innermost first.
    pub(crate) fn take_failed_frames(&mut self) -> Vec<FailureFrame> {
        std::mem::take(&mut self.failed_frames)
    }

    /// Whether rows of the call table are made.
    pub(super) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Takes a note of what is said in the call that goes on. It is paid by its size, whether rows are made or not.
    pub(super) fn say(&mut self, said: &Said<'_>) -> Result<(), Stopped> {
        let Some(conversation) = self.conversations.last_mut() else { return Ok(()) };
        let unwritable = |_| Stopped::defect("what was said has no encoding");
        let size_bytes = borsh::object_length(said).map_err(unwritable)?;
        self.owed_gas = self.owed_gas.saturating_add(gas::of_values(&self.profile, size_bytes));
        if self.is_recorded { borsh::to_writer(conversation, said).map_err(unwritable) } else { Ok(()) }
    }

    /// Takes a note of the call that ended last, which the code that runs now had made.
    pub(super) fn say_called(&mut self, object: ObjectId) -> Result<(), Stopped> {
        let output = self.last_output();
        self.say(&Said::Called { object, output })
    }

    /// Takes a note of the script that ended last, which the script that runs now had called.
    pub(super) fn say_called_script(&mut self, contract: ComponentHash, script: &str) -> Result<(), Stopped> {
        let output = self.last_output();
        self.say(&Said::CalledScript { contract, script, output })
    }

    /// The digest of what the call that ended last gave; zero if rows are not made.
    fn last_output(&self) -> Digest {
        self.calls.last().map_or(Digest::ZERO, |call| call.output)
    }

    /// The code of a frame, in words: "the UTXO p2:u… (`counter` of p2:c…)", or "a script of p2:c…".
    pub(super) fn who(&self, frame: Frame) -> Result<String, Stopped> {
        let live = self.live(frame.live)?;
        match live.object {
            Some(object) => self.object(object).map(ToString::to_string),
            None => Ok(format!("a script of {}", live.contract.hash())),
        }
    }

    /// Keeps an event.
    pub(super) fn tell(&mut self, event: Event) -> Result<(), Stopped> {
        let (max, size_max) = (self.profile.events_max, self.profile.event_size_bytes_max);
        let size_bytes = event.interface.len() + event.name.len() + event.arguments.len();
        if self.events.len() >= max as usize {
            return Err(Stopped::limit(max, "events", "events_max"));
        }
        self.events_size_bytes = self.events_size_bytes.saturating_add(size_bytes);
        if self.events_size_bytes > size_max {
            return Err(Stopped::limit(size_max, "bytes of events", "event_size_bytes_max"));
        }
        self.events.push(event);
        Ok(())
    }

    /// The calls so far.
    pub(crate) fn take_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    /// What came of it all.
    ///
    /// # Errors
    /// If a token is unbound at the end of the whole transaction, or a UTXO was changed that may only be read.
    pub(crate) fn finish(self, result: Vec<u8>, extent: Extent) -> Result<Effects, Stopped> {
        let mut effects = Effects { result, events: self.events, ..Effects::default() };
        self.objects.add_to(&mut effects, extent)?;
        Ok(effects)
    }
}

impl Live {
    /// The instance, once it is there.
    pub(super) fn instance(&self) -> Result<Instance, Stopped> {
        self.instance.ok_or_else(|| Stopped::defect("an instance is used before it is there"))
    }
}
