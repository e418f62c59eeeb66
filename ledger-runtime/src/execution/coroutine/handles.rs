//! Which number means what in an instance.
//!
//! The host owns these tables, and so it can give a UTXO that continues the same numbers that its record has saved: its
//! context is always 0 and itself always 1. Everything else gets the lowest number that is free, so that numbers depend
//! on nothing but what the instance did.
//!
//! Whether a handle is lent or own makes no difference to who may use a UTXO, and until when: that is the ledger's to
//! decide, and a script that was lent a UTXO may hand it back. A token that was lent cannot be given away, because whoever
//! gets it could burn it. What a UTXO or a token got in a call, lent or own, it has no more when the call has ended, so that
//! the handles of the next call are those that a fresh instance would have.

use super::objects::ObjectIndex;
use super::transition::{LiveIndex, Transition};
use crate::abi::{HandleError, Handles, ObjectName, Resource};
use crate::execution::stop::Stopped;
use ledger_core::ObjectId;
use std::collections::BTreeSet;

/// What a UTXO knows its context by.
pub(super) const CONTEXT: u32 = 0;
/// What a UTXO knows itself by, until it has given itself to the host.
const ITSELF: u32 = 1;

/// The handles of one instance.
#[derive(Debug, Default)]
pub(super) struct HandleTable {
    slots: Vec<Slot>,
    free: BTreeSet<u32>,
    itself: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    Own(ObjectIndex),
    Lent(ObjectIndex),
}

/// The first number that an instance can get for an object.
const FIRST: u32 = 2;

impl HandleTable {
    /// Keeps the number by which the instance knows its own object, with what it calls it inside.
    pub(super) fn make_itself(&mut self, representation: u32) -> Result<u32, HandleError> {
        if self.itself.is_some() {
            return Err(HandleError::TooMany { max: 1 });
        }
        self.itself = Some(representation);
        Ok(ITSELF)
    }

    /// What the instance calls its own object inside.
    pub(super) fn itself(&self, handle: u32) -> Result<u32, HandleError> {
        self.itself.filter(|_| handle == ITSELF).ok_or(HandleError::Unknown { handle })
    }

    /// The instance gives its own object away.
    pub(super) fn take_itself(&mut self, handle: u32) -> Result<u32, HandleError> {
        let representation = self.itself(handle)?;
        self.itself = None;
        Ok(representation)
    }

    /// A number for an object.
    pub(super) fn insert(&mut self, object: ObjectIndex, is_own: bool, max: usize) -> Result<u32, HandleError> {
        let slot = if is_own { Slot::Own(object) } else { Slot::Lent(object) };
        if let Some(handle) = self.free.pop_first() {
            if let Some(place) = self.slots.get_mut((handle - FIRST) as usize) {
                *place = slot;
            }
            return Ok(handle);
        }
        if self.slots.len() >= max {
            return Err(HandleError::TooMany { max });
        }
        self.slots.push(slot);
        Ok(FIRST + self.slots.len() as u32 - 1)
    }

    /// The object that a number means.
    pub(super) fn get(&self, handle: u32) -> Result<ObjectIndex, HandleError> {
        let slot = handle.checked_sub(FIRST).and_then(|index| self.slots.get(index as usize));
        match slot {
            Some(Slot::Own(object) | Slot::Lent(object)) => Ok(*object),
            Some(Slot::Free) | None => Err(HandleError::Unknown { handle }),
        }
    }

    /// As [`HandleTable::get`], and the number is free again.
    pub(super) fn remove(&mut self, handle: u32) -> Result<ObjectIndex, HandleError> {
        let object = self.get(handle)?;
        if let Some(place) = self.slots.get_mut((handle - FIRST) as usize) {
            *place = Slot::Free;
        }
        self.free.insert(handle);
        Ok(object)
    }

    /// Whether a number stands for what was only lent.
    pub(super) fn is_lent(&self, handle: u32) -> bool {
        let slot = handle.checked_sub(FIRST).and_then(|index| self.slots.get(index as usize));
        matches!(slot, Some(Slot::Lent(_)))
    }

    /// A call of the instance's own object has ended, and no number means anything any more.
    pub(super) fn end_call(&mut self) {
        self.slots.clear();
        self.free.clear();
    }
}

/// A number that means nothing is the contract's trouble; too many of them is a limit.
pub(super) fn unusable(error: HandleError) -> Stopped {
    match error {
        HandleError::TooMany { max } => Stopped::limit(max, "handles", "handles_max"),
        HandleError::Unknown { handle } => Stopped::trap(format!(
            "the contract used the handle {handle}, which means nothing to it: it was never given, or was given away"
        )),
        other => Stopped::trap(other.to_string()),
    }
}

/// The handles of one instance, with the objects that they mean.
pub(super) struct InstanceHandles<'a> {
    pub(super) transition: &'a mut Transition,
    pub(super) live: LiveIndex,
}

impl InstanceHandles<'_> {
    /// Whether the instance may use the object as `resource`.
    fn is(&self, index: ObjectIndex, resource: &Resource) -> bool {
        let (object, live) = (self.transition.object(index), self.transition.live(self.live));
        object.is_ok_and(|object| live.is_ok_and(|live| object.is(resource, live.contract.hash())))
    }
}

impl InstanceHandles<'_> {
    /// The instance drops a handle, which does nothing to the object.
    pub(super) fn drop_handle(&mut self, resource: &Resource, handle: u32) -> Result<(), HandleError> {
        self.lift(resource, handle, false)?;
        let handles = self.transition.handles(self.live).map_err(|_| HandleError::Unknown { handle })?;
        handles.remove(handle).map(drop)
    }
}

impl Handles for InstanceHandles<'_> {
    fn lower(&mut self, resource: &Resource, name: ObjectName, is_own: bool) -> Result<u32, HandleError> {
        let unknown = HandleError::NoSuchObject { name };
        let index = self.transition.index_of(&name).ok_or(unknown.clone())?;
        if !self.is(index, resource) {
            return Err(HandleError::WrongType { name });
        }
        let max = self.transition.profile.handles_max;
        self.transition.handles(self.live).map_err(|_| unknown)?.insert(index, is_own, max)
    }

    fn lift(&mut self, resource: &Resource, handle: u32, is_own: bool) -> Result<ObjectId, HandleError> {
        let unknown = || HandleError::Unknown { handle };
        let index = self.transition.handles(self.live).map_err(|_| unknown())?.get(handle)?;
        if !self.is(index, resource) {
            return Err(HandleError::WrongResource { handle });
        }
        if is_own {
            let handles = self.transition.handles(self.live).map_err(|_| unknown())?;
            if matches!(resource, Resource::Token(_)) && handles.is_lent(handle) {
                return Err(HandleError::Lent { handle });
            }
            handles.remove(handle)?;
        }
        self.transition.object(index).map(|object| object.id).map_err(|_| unknown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_lowest_that_are_free() {
        let mut table = HandleTable::default();
        let [a, b, c] = [0, 1, 2].map(|index| table.insert(ObjectIndex(index), true, 3).unwrap());
        assert_eq!([a, b, c], [2, 3, 4]);
        assert_eq!(table.insert(ObjectIndex(3), true, 3), Err(HandleError::TooMany { max: 3 }));
        assert_eq!(table.remove(3), Ok(ObjectIndex(1)));
        assert_eq!(table.get(3), Err(HandleError::Unknown { handle: 3 }));
        assert_eq!(table.remove(2), Ok(ObjectIndex(0)));
        assert_eq!(table.insert(ObjectIndex(9), true, 3), Ok(2));
        assert_eq!(table.get(2), Ok(ObjectIndex(9)));
        for handle in [0, 1, 3, 5, u32::MAX] {
            assert_eq!(table.get(handle), Err(HandleError::Unknown { handle }), "{handle}");
        }
    }

    #[test]
    fn nothing_is_left_when_a_call_ends() {
        let mut table = HandleTable::default();
        let [own, lent, dropped] = [(0, true), (1, false), (2, false)]
            .map(|(index, is_own)| table.insert(ObjectIndex(index), is_own, 9).unwrap());
        assert_eq!(table.remove(dropped), Ok(ObjectIndex(2)));
        let reused = table.insert(ObjectIndex(3), true, 9).unwrap();
        assert_eq!(reused, dropped);
        assert!(table.is_lent(lent) && !table.is_lent(own) && !table.is_lent(9));
        table.end_call();
        for handle in [own, lent, reused] {
            assert_eq!(table.get(handle), Err(HandleError::Unknown { handle }));
        }
        assert_eq!(table.insert(ObjectIndex(4), true, 9), Ok(own));
    }

    #[test]
    fn an_instance_has_one_object_of_its_own_and_gives_it_once() {
        let mut table = HandleTable::default();
        assert_eq!(table.make_itself(7), Ok(1));
        assert_eq!(table.make_itself(8), Err(HandleError::TooMany { max: 1 }));
        assert_eq!(table.itself(1), Ok(7));
        assert_eq!(table.take_itself(0), Err(HandleError::Unknown { handle: 0 }));
        assert_eq!(table.take_itself(1), Ok(7));
        assert_eq!(table.take_itself(1), Err(HandleError::Unknown { handle: 1 }));
    }
}
