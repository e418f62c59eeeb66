//! Core values to encoded values.

use super::Handles;
use super::error::LiftError;
use super::memory::{check_place, load};
use super::types::{AbiType, Case, Resource, Shape, index_size_bytes};
use crate::value::{ValueLimits, Writer};

/// Appends values that a guest passed to an encoding.
pub(super) struct Lifting<'h> {
    writer: Writer,
    handles: &'h mut dyn Handles,
}

impl<'h> Lifting<'h> {
    pub(super) fn new(limits: &ValueLimits, handles: &'h mut dyn Handles) -> Self {
        Self { writer: Writer::new(limits.encoded_size_bytes_max), handles }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }

    /// The value of which `bits` are the core values: as many as the type has.
    pub(super) fn of_flat(&mut self, ty: &AbiType, bits: &[u64]) -> Result<(), LiftError> {
        match ty.shape() {
            Shape::Record(fields) => {
                let mut rest = bits;
                for field in fields {
                    let (own, after) =
                        rest.split_at_checked(field.ty.flat().len()).ok_or(LiftError::MissingCoreValue)?;
                    self.of_flat(&field.ty, own)?;
                    rest = after;
                }
                Ok(())
            }
            Shape::Variant(cases) => {
                let (index, payloads) = bits.split_first().ok_or(LiftError::MissingCoreValue)?;
                let Some(payload) = &self.case(cases, *index)?.payload else { return Ok(()) };
                // What other cases would need beyond it is not looked at.
                self.of_flat(payload, payloads)
            }
            shape => self.scalar(shape, *bits.first().ok_or(LiftError::MissingCoreValue)?),
        }
    }

    /// The value at `address` of the guest's memory.
    pub(super) fn of_memory(&mut self, ty: &AbiType, memory: &[u8], address: u32) -> Result<(), LiftError> {
        check_place(ty, memory, address)?;
        self.loaded(ty, memory, address)
    }

    /// Reads at an address that was checked for the whole value.
    fn loaded(&mut self, ty: &AbiType, memory: &[u8], address: u32) -> Result<(), LiftError> {
        match ty.shape() {
            Shape::Record(fields) => {
                fields.iter().try_for_each(|field| self.loaded(&field.ty, memory, address + field.offset_bytes))
            }
            Shape::Variant(cases) => {
                let index = load(memory, address, index_size_bytes(cases.len()))?;
                let Some(payload) = &self.case(cases, index)?.payload else { return Ok(()) };
                self.loaded(payload, memory, address + ty.payload_offset_bytes())
            }
            shape => self.scalar(shape, load(memory, address, ty.size_bytes())?),
        }
    }

    fn case<'t>(&mut self, cases: &'t [Case], bits: u64) -> Result<&'t Case, LiftError> {
        let index = low(bits);
        let case = cases.get(index as usize).ok_or(LiftError::UnknownCase { index, cases: cases.len() })?;
        self.writer.unsigned(index.into())?;
        Ok(case)
    }

    /// The value whose bits are the lowest of `bits`; what is above them does not count.
    #[expect(clippy::cast_possible_truncation, reason = "a narrow type takes the lowest bits of its core value")]
    fn scalar(&mut self, shape: &Shape, bits: u64) -> Result<(), LiftError> {
        let writer = &mut self.writer;
        match shape {
            Shape::Bool => writer.boolean(low(bits) != 0)?,
            Shape::U8 | Shape::S8 => writer.byte(bits as u8)?,
            Shape::U16 => writer.unsigned((bits as u16).into())?,
            Shape::U32 => writer.unsigned(low(bits).into())?,
            Shape::U64 => writer.unsigned(bits)?,
            Shape::S16 => writer.signed((bits as i16).into())?,
            Shape::S32 => writer.signed((bits as i32).into())?,
            Shape::S64 => writer.signed(bits.cast_signed())?,
            Shape::F32 => writer.f32(f32::from_bits(low(bits)))?,
            Shape::F64 => writer.f64(f64::from_bits(bits))?,
            Shape::Char => {
                let number = low(bits);
                let character = char::from_u32(number).ok_or(LiftError::NotACharacter { number })?;
                writer.char(character)?;
            }
            Shape::Flags(count) => self.flags(*count, low(bits))?,
            Shape::Own(resource) => self.handle(resource, low(bits), true)?,
            Shape::Borrow(resource) => self.handle(resource, low(bits), false)?,
            // Both have parts, and were taken apart before.
            Shape::Record(_) | Shape::Variant(_) => return Err(LiftError::MissingCoreValue),
        }
        Ok(())
    }

    fn flags(&mut self, count: u32, bits: u32) -> Result<(), LiftError> {
        let known = u64::from(bits) & ((1_u64 << count) - 1);
        let bytes = known.to_le_bytes();
        Ok(self.writer.bytes(bytes.get(..count.div_ceil(8) as usize).unwrap_or_default())?)
    }

    fn handle(&mut self, resource: &Resource, handle: u32, is_own: bool) -> Result<(), LiftError> {
        let id = self.handles.lift(resource, handle, is_own)?;
        Ok(self.writer.text(&id.to_string())?)
    }
}

/// The bits of an `i32`, also where it stands in the place of an `i64`.
#[expect(clippy::cast_possible_truncation, reason = "the canonical ABI wraps an `i64` to an `i32`")]
fn low(bits: u64) -> u32 {
    bits as u32
}
