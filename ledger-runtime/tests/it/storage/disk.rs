//! A disk in memory that loses power, fills up, or has its bytes changed.

use super::chain::Random;
use redb::StorageBackend;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes whole or not at all.
const SECTOR_SIZE_BYTES: usize = 512;

/// A disk. Its clones are the same disk, so that what is on it outlives the database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    content: Vec<u8>,
    /// What was synced.
    durable: Vec<u8>,
    /// What was written since, in order.
    pending: Vec<Change>,
    /// Writes, resizes and syncs so far.
    operations: u64,
    /// The operation from which on nothing works any more.
    power_lost_at: Option<u64>,
    /// The operation from which on writes find no space.
    full_at: Option<u64>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Disk {
    /// A disk on which these bytes stand safely.
    pub(crate) fn with(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { durable: content.clone(), content, ..State::default() })))
    }

    /// What is on it, synced or not.
    pub(crate) fn content(&self) -> Vec<u8> {
        self.state().content.clone()
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Loses power at this operation.
    pub(crate) fn lose_power_at(&self, operation: u64) {
        self.state().power_lost_at = Some(operation);
    }

    /// Has no space any more from this operation on.
    pub(crate) fn fill_up_at(&self, operation: u64) {
        self.state().full_at = Some(operation);
    }

    /// What is found when power is back: everything that was synced, and of the rest any sector in any of the states
    /// that it had since, whatever the order of the writes.
    pub(crate) fn after_power_loss(&self, random: &mut Random) -> Self {
        let state = self.state();
        let mut content = state.durable.clone();
        let mut versions: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        let mut now = state.durable.clone();
        for change in &state.pending {
            match change {
                Change::Resize(size) => {
                    now.resize(*size, 0);
                    // Whether a file has its new size is decided apart from what is in it.
                    if random.below(2) == 0 {
                        content.resize(*size, 0);
                    }
                }
                Change::Write { offset, bytes } => {
                    write(&mut now, *offset, bytes);
                    let (first, last) = (offset / SECTOR_SIZE_BYTES, (offset + bytes.len() - 1) / SECTOR_SIZE_BYTES);
                    for sector in first..=last {
                        let start = sector * SECTOR_SIZE_BYTES;
                        let end = now.len().min(start + SECTOR_SIZE_BYTES);
                        versions.entry(start).or_default().push(now[start..end].to_vec());
                    }
                }
            }
        }
        for (start, versions) in versions {
            // None of the versions is the one that was synced.
            if let Some(version) = versions.get(random.below(versions.len() + 1)) {
                write(&mut content, start, version);
            }
        }
        Self::with(content)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts an operation, and tells whether it works.
    fn operate(&self, needs_space: bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.operations += 1;
        let is_reached = |limit: Option<u64>| limit.is_some_and(|limit| state.operations >= limit);
        if is_reached(state.power_lost_at) {
            return Err(io::Error::other("there is no power"));
        }
        if needs_space && is_reached(state.full_at) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(state)
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn position(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len().try_into().unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let start = position(offset)?;
        let end = start.checked_add(out.len()).ok_or(io::ErrorKind::InvalidInput)?;
        out.copy_from_slice(state.content.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let size = position(len)?;
        let grows = size > self.state().content.len();
        let mut state = self.operate(grows)?;
        state.content.resize(size, 0);
        state.pending.push(Change::Resize(size));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.operate(false)?;
        state.durable = state.content.clone();
        state.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.operate(true)?;
        let offset = position(offset)?;
        write(&mut state.content, offset, data);
        state.pending.push(Change::Write { offset, bytes: data.to_vec() });
        Ok(())
    }
}
