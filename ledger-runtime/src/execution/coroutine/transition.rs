//! What a transaction did so far: the UTXOs that it uses, their instances, who calls whom, events and calls.

use super::effects::EffectHandler;
use super::handles::HandleTable;
use crate::abi::Resource;
use crate::admission::Executable;
use crate::execution::stop::Stopped;
use crate::profile::ExecutionProfile;
use borsh::BorshSerialize;
use ledger_core::{
    Call, Callable, ChainId, Changed, Created, Effects, Event, FailureFrame, MethodId, Moment, Token, Utxo, UtxoContent,
};
use registry_core::hash::Digest;
use registry_core::id::{AccountId, ComponentHash, TransactionId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wasmtime::Instance;

/// What a transaction did so far.
pub(crate) struct Transition {
    pub(super) profile: Arc<ExecutionProfile>,
    pub(super) moment: Moment,
    pub(super) gas_limit: u64,
    pub(super) handlers: Vec<Box<dyn EffectHandler>>,
    chain: ChainId,
    transaction: TransactionId,
    is_recorded: bool,
    objects: Vec<Object>,
    indices: BTreeMap<UtxoId, ObjectIndex>,
    created_count: u32,
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
    /// Whether rows of the call table are made.
    pub(crate) is_recorded: bool,
    /// Who handles effects, the last one first.
    pub(crate) handlers: Vec<Box<dyn EffectHandler>>,
}

/// What a transaction may do to a UTXO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Change and consume it.
    Input,
    /// Read it.
    Reference,
}

/// The place of an object among those of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectIndex(pub(super) usize);

/// The place of an instance among those of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LiveIndex(pub(super) usize);

/// A UTXO that a transaction may use.
pub(super) struct Object {
    pub(super) id: UtxoId,
    pub(super) contract: ComponentHash,
    pub(super) type_name: String,
    /// What it was before the transaction, and what may happen to it; none if the transaction made it.
    before: Option<(UtxoContent, Access)>,
    /// What it was when it stopped last; none if it never did.
    pub(super) content: Option<UtxoContent>,
    /// What it said since it went on: the methods that may be called when it stops.
    pub(super) callable: BTreeSet<MethodId>,
    /// Whether it has given its context away, which it does at its end.
    pub(super) is_context_dropped: bool,
    pub(super) is_consumed: bool,
    /// Its instance, once something of it was called.
    pub(super) live: Option<LiveIndex>,
    /// What its instance calls it inside.
    pub(super) representation: u32,
}

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
    /// The script called a UTXO or made one, and got this back. What it gave stands in that call's own row.
    Called { utxo: UtxoId, output: Digest },
    /// The contract asked for the height of the block.
    Height(i64),
    /// The contract asked for the slot.
    Slot(i64),
}

impl Transition {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning { profile, chain, transaction, moment, gas_limit, utxos, is_recorded, handlers } = beginning;
        let objects: Vec<Object> = utxos.into_iter().map(|(utxo, access)| Object::stored(utxo, access)).collect();
        let indices = objects.iter().enumerate().map(|(index, object)| (object.id, ObjectIndex(index))).collect();
        Self {
            profile,
            moment,
            gas_limit,
            handlers,
            chain,
            transaction,
            is_recorded,
            objects,
            indices,
            created_count: 0,
            instances: Vec::new(),
            frames: Vec::new(),
            events: Vec::new(),
            events_size_bytes: 0,
            calls: Vec::new(),
            calls_count: 0,
            conversations: Vec::new(),
            failed_frames: Vec::new(),
        }
    }

    /// The place of a UTXO.
    pub(super) fn index_of(&self, id: &UtxoId) -> Option<ObjectIndex> {
        self.indices.get(id).copied()
    }

    pub(super) fn object(&self, index: ObjectIndex) -> Result<&Object, Stopped> {
        self.objects.get(index.0).ok_or_else(|| Stopped::defect("an object is gone"))
    }

    pub(super) fn object_mut(&mut self, index: ObjectIndex) -> Result<&mut Object, Stopped> {
        self.objects.get_mut(index.0).ok_or_else(|| Stopped::defect("an object is gone"))
    }

    /// A new UTXO of `contract`.
    pub(super) fn create(&mut self, contract: ComponentHash, type_name: &str) -> Result<ObjectIndex, Stopped> {
        let id = Utxo::id(&self.chain, &self.transaction, self.created_count);
        self.created_count = self.created_count.saturating_add(1);
        let index = ObjectIndex(self.objects.len());
        self.objects.push(Object::created(id, contract, type_name.to_owned()));
        match self.indices.insert(id, index) {
            None => Ok(index),
            Some(_) => Err(Stopped::defect("a new UTXO has the id of an old one")),
        }
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

    /// The calls in which the transaction failed, the innermost first.
    pub(crate) fn take_failed_frames(&mut self) -> Vec<FailureFrame> {
        std::mem::take(&mut self.failed_frames)
    }

    /// Whether rows of the call table are made.
    pub(super) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Takes a note of what is said in the call that goes on.
    pub(super) fn say(&mut self, said: &Said<'_>) -> Result<(), Stopped> {
        let Some(conversation) = self.conversations.last_mut().filter(|_| self.is_recorded) else { return Ok(()) };
        borsh::to_writer(conversation, said).map_err(|_| Stopped::defect("what was said has no encoding"))
    }

    /// Takes a note of the call that ended last, which the code that runs now had made.
    pub(super) fn say_called(&mut self, utxo: UtxoId) -> Result<(), Stopped> {
        match self.calls.last().map(|call| call.output) {
            Some(output) => self.say(&Said::Called { utxo, output }),
            None => Ok(()),
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
    /// If a UTXO was changed that may only be read.
    pub(crate) fn finish(self, result: Vec<u8>) -> Result<Effects, Stopped> {
        let mut effects = Effects { result, events: self.events, ..Effects::default() };
        for object in self.objects {
            object.add_to(&mut effects)?;
        }
        Ok(effects)
    }
}

impl Object {
    fn stored(utxo: Utxo, access: Access) -> Self {
        let callable = match &utxo.content.callable {
            Callable::Methods(methods) => methods.clone(),
            Callable::All => BTreeSet::new(),
        };
        Self {
            id: utxo.id,
            contract: utxo.contract,
            type_name: utxo.type_name,
            content: Some(utxo.content.clone()),
            before: Some((utxo.content, access)),
            callable,
            is_context_dropped: false,
            is_consumed: false,
            live: None,
            representation: 0,
        }
    }

    fn created(id: UtxoId, contract: ComponentHash, type_name: String) -> Self {
        Self {
            id,
            contract,
            type_name,
            before: None,
            content: None,
            callable: BTreeSet::new(),
            is_context_dropped: false,
            is_consumed: false,
            live: None,
            representation: 0,
        }
    }

    /// Puts it where it belongs among what the transaction did.
    fn add_to(self, effects: &mut Effects) -> Result<(), Stopped> {
        let Self { id, contract, type_name, before, content, is_consumed, live, .. } = self;
        match (before, content) {
            (None, _) if is_consumed => effects.ephemeral.push(id),
            (None, Some(content)) => effects.created.push(Created { utxo: id, contract, type_name, content }),
            (Some(_), _) if live.is_none() => {}
            (Some((before, _)), Some(content)) if !is_consumed && before == content => effects.read.push(id),
            (Some((_, Access::Reference)), _) => {
                return Err(Stopped::changed_reference(&id));
            }
            (Some(_), _) if is_consumed => effects.consumed.push(id),
            (Some(_), Some(content)) => effects.changed.push(Changed { utxo: id, content }),
            (None | Some(_), None) => return Err(Stopped::defect("a UTXO that lives has no content")),
        }
        Ok(())
    }

    /// Whether an instance of `contract` may use it as `resource`.
    pub(super) fn is(&self, resource: &Resource, contract: &ComponentHash) -> bool {
        match resource {
            Resource::Utxo(None) => true,
            Resource::Utxo(Some(ty)) => {
                self.contract == *ty.contract.as_ref().unwrap_or(contract) && self.type_name == ty.name
            }
            Resource::Token(_) | Resource::Context => false,
        }
    }

    /// It stopped, with this state record. What it holds and who owns it stays as it is.
    pub(super) fn stop_with(&mut self, state: Vec<u8>, callable: Callable) {
        let before = self.content.take();
        let (tokens, owner, deposit): (Vec<Token>, Option<AccountId>, u64) =
            before.map(|content| (content.tokens, content.owner, content.deposit)).unwrap_or_default();
        self.content = Some(UtxoContent { state, callable, tokens, owner, deposit });
    }
}

impl Live {
    /// The instance, once it is there.
    pub(super) fn instance(&self) -> Result<Instance, Stopped> {
        self.instance.ok_or_else(|| Stopped::defect("an instance is used before it is there"))
    }
}
