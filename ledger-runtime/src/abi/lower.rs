//! Encoded values to core values.

use super::Handles;
use super::error::LowerError;
use super::memory::{check_place, store};
use super::types::{AbiType, Case, Field, Resource, Shape, index_size_bytes};
use crate::value::{Fault, Reader, ValueError, ValueLimits};

/// Reads encoded values from the front and turns them into core values.
///
/// A core value is kept as its bits, which for a narrow type are those of the wider one in whose place it may stand
/// in a variant: joining types never changes bits, it only adds zeros.
pub(super) struct Lowering<'a, 'h> {
    reader: Reader<'a>,
    handles: &'h mut dyn Handles,
    depth_max: usize,
}

impl<'a, 'h> Lowering<'a, 'h> {
    pub(super) fn new(bytes: &'a [u8], limits: &ValueLimits, handles: &'h mut dyn Handles) -> Result<Self, LowerError> {
        if bytes.len() > limits.encoded_size_bytes_max {
            return Err(value(Fault::TooLong { max: limits.encoded_size_bytes_max }));
        }
        Ok(Self { reader: Reader::new(bytes), handles, depth_max: limits.depth_max })
    }

    /// Appends the core values of the next value.
    pub(super) fn flatten(&mut self, ty: &AbiType, bits: &mut Vec<u64>) -> Result<(), LowerError> {
        self.check_depth(ty)?;
        self.flat(ty, bits).map_err(|error| self.located(error))
    }

    /// Writes the next value to `memory` at `address`.
    pub(super) fn write(&mut self, ty: &AbiType, memory: &mut [u8], address: u32) -> Result<(), LowerError> {
        self.check_depth(ty)?;
        check_place(ty, memory, address)?;
        self.stored(ty, memory, address).map_err(|error| self.located(error))
    }

    /// Nothing may follow the last value.
    pub(super) fn finish(&self) -> Result<(), LowerError> {
        self.reader.finish().map_err(|fault| self.located(value(fault)))
    }

    fn check_depth(&self, ty: &AbiType) -> Result<(), LowerError> {
        let max = self.depth_max;
        if ty.depth() > max { Err(value(Fault::TooDeep { max })) } else { Ok(()) }
    }

    fn located(&self, error: LowerError) -> LowerError {
        match error {
            LowerError::Value(error) => LowerError::Value(error.at_offset(self.reader.offset())),
            other => other,
        }
    }

    fn flat(&mut self, ty: &AbiType, bits: &mut Vec<u64>) -> Result<(), LowerError> {
        match ty.shape() {
            Shape::Record(fields) => {
                fields.iter().try_for_each(|field| self.flat(&field.ty, bits).map_err(|error| inside(error, field)))
            }
            Shape::Variant(cases) => {
                let end = bits.len() + ty.flat().len();
                let (index, case) = self.case(cases)?;
                bits.push(index.into());
                if let Some(payload) = &case.payload {
                    self.flat(payload, bits).map_err(|error| inside_case(error, case))?;
                }
                bits.resize(end, 0);
                Ok(())
            }
            shape => {
                bits.push(self.scalar(shape)?);
                Ok(())
            }
        }
    }

    /// Writes at an address that was checked for the whole value.
    fn stored(&mut self, ty: &AbiType, memory: &mut [u8], address: u32) -> Result<(), LowerError> {
        match ty.shape() {
            Shape::Record(fields) => fields.iter().try_for_each(|field| {
                self.stored(&field.ty, memory, address + field.offset_bytes).map_err(|error| inside(error, field))
            }),
            Shape::Variant(cases) => {
                let (index, case) = self.case(cases)?;
                store(memory, address, index_size_bytes(cases.len()), index.into())?;
                let Some(payload) = &case.payload else { return Ok(()) };
                let stored = self.stored(payload, memory, address + ty.payload_offset_bytes());
                stored.map_err(|error| inside_case(error, case))
            }
            shape => {
                let bits = self.scalar(shape)?;
                Ok(store(memory, address, ty.size_bytes(), bits)?)
            }
        }
    }

    fn case<'t>(&mut self, cases: &'t [Case]) -> Result<(u32, &'t Case), LowerError> {
        let index = u32::try_from(self.reader.unsigned(32).map_err(value)?).unwrap_or(u32::MAX);
        let case = usize::try_from(index).ok().and_then(|index| cases.get(index));
        Ok((index, case.ok_or_else(|| value(Fault::UnknownCase { index }))?))
    }

    /// The bits of a value without parts, those of a signed one extended to 32 bits.
    fn scalar(&mut self, shape: &Shape) -> Result<u64, LowerError> {
        let reader = &mut self.reader;
        let bits = match shape {
            Shape::Bool => reader.boolean().map(u64::from),
            Shape::U8 => reader.byte().map(u64::from),
            Shape::S8 => reader.byte().map(|byte| word(i64::from(byte.cast_signed()))),
            Shape::U16 => reader.unsigned(16),
            Shape::U32 => reader.unsigned(32),
            Shape::U64 => reader.unsigned(64),
            Shape::S16 => reader.signed(16).map(word),
            Shape::S32 => reader.signed(32).map(word),
            Shape::S64 => reader.signed(64).map(i64::cast_unsigned),
            Shape::F32 => reader.f32().map(|float| float.to_bits().into()),
            Shape::F64 => reader.f64().map(f64::to_bits),
            Shape::Char => reader.char().map(|character| u32::from(character).into()),
            Shape::Flags(count) => self.flags(*count),
            Shape::Own(resource) => return self.handle(resource, true),
            Shape::Borrow(resource) => return self.handle(resource, false),
            Shape::Record(_) | Shape::Variant(_) => Err(Fault::Unsupported { kind: "a value with parts".to_owned() }),
        };
        bits.map_err(value)
    }

    fn flags(&mut self, count: u32) -> Result<u64, Fault> {
        let bytes = self.reader.bytes(count.div_ceil(8) as usize)?;
        let bits = bytes.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        if bits >> count == 0 { Ok(bits) } else { Err(Fault::UnknownFlags) }
    }

    fn handle(&mut self, resource: &Resource, is_own: bool) -> Result<u64, LowerError> {
        let text = self.reader.text().map_err(value)?;
        let id = text.parse().map_err(|_| value(Fault::NotAnId { text: text.chars().take(80).collect() }))?;
        Ok(self.handles.lower(resource, id, is_own)?.into())
    }
}

/// A signed number as the bits of an `i32`.
fn word(number: i64) -> u64 {
    number.cast_unsigned() & 0xffff_ffff
}

fn value(fault: Fault) -> LowerError {
    LowerError::Value(ValueError::from(fault))
}

fn inside(error: LowerError, field: &Field) -> LowerError {
    match error {
        LowerError::Value(error) => LowerError::Value(error.inside_field(&field.name)),
        other => other,
    }
}

fn inside_case(error: LowerError, case: &Case) -> LowerError {
    match error {
        LowerError::Value(error) => LowerError::Value(error.inside_case(&case.name)),
        other => other,
    }
}
