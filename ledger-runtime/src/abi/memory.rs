//! Little-endian numbers in a guest's memory.

use super::error::PointerError;
use super::types::AbiType;
use std::ops::Range;

/// A value of this type can be at `address`: aligned, and wholly inside of the memory.
pub(super) fn check_place(ty: &AbiType, memory: &[u8], address: u32) -> Result<(), PointerError> {
    if !address.is_multiple_of(ty.align_bytes()) {
        return Err(PointerError::Unaligned { address, align_bytes: ty.align_bytes() });
    }
    range(memory, address, ty.size_bytes()).map(drop)
}

/// The number in `size_bytes` bytes (at most 8) at `address`.
pub(super) fn load(memory: &[u8], address: u32, size_bytes: u32) -> Result<u64, PointerError> {
    let bytes = memory.get(range(memory, address, size_bytes)?).unwrap_or_default();
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Puts the lowest `size_bytes` bytes (at most 8) of a number at `address`.
pub(super) fn store(memory: &mut [u8], address: u32, size_bytes: u32, number: u64) -> Result<(), PointerError> {
    let range = range(memory, address, size_bytes)?;
    let place = memory.get_mut(range).unwrap_or_default();
    place.iter_mut().zip(number.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    Ok(())
}

fn range(memory: &[u8], address: u32, size_bytes: u32) -> Result<Range<usize>, PointerError> {
    let start = address as usize;
    let end = start.checked_add(size_bytes as usize).filter(|end| *end <= memory.len());
    end.map(|end| start..end).ok_or(PointerError::OutOfBounds { address, size_bytes })
}
