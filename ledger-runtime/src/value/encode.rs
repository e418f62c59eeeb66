//! Values to bytes.

use super::error::Step;
use super::{Fault, Place, ValueError, ValueLimits, Writer};
use std::borrow::Cow;
use wasm_wave::wasm::{WasmType, WasmTypeKind, WasmValue};

/// The encoding of `values` as a function's `parameters` (name and type).
///
/// # Errors
/// If the values are not of these types, or cross a limit.
pub fn encode_parameters<V: WasmValue>(
    parameters: &[(String, V::Type)],
    values: &[V],
    limits: &ValueLimits,
) -> Result<Vec<u8>, ValueError> {
    if parameters.len() != values.len() {
        return Err(Fault::WrongCount { expected: parameters.len(), found: values.len() }.into());
    }
    let mut encoder = Encoder::new(limits);
    for (index, ((name, ty), value)) in parameters.iter().zip(values).enumerate() {
        encoder.value(ty, value, 1).map_err(|error| error.of(Place::Parameter(index + 1, name.clone())))?;
    }
    Ok(encoder.writer.into_bytes())
}

/// The encoding of a function's result; a function without a result has the empty encoding.
///
/// # Errors
/// If the value is not of the type, or crosses a limit.
pub fn encode_result<V: WasmValue>(
    result: Option<(&V::Type, &V)>,
    limits: &ValueLimits,
) -> Result<Vec<u8>, ValueError> {
    let mut encoder = Encoder::new(limits);
    if let Some((ty, value)) = result {
        encoder.value(ty, value, 1).map_err(|error| error.of(Place::Result))?;
    }
    Ok(encoder.writer.into_bytes())
}

struct Encoder {
    writer: Writer,
    depth_max: usize,
}

impl Encoder {
    fn new(limits: &ValueLimits) -> Self {
        Self { writer: Writer::new(limits.encoded_size_bytes_max), depth_max: limits.depth_max }
    }

    fn value<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        if depth > self.depth_max {
            return Err(Fault::TooDeep { max: self.depth_max }.into());
        }
        if ty.kind() != value.kind() {
            return Err(wrong_type(ty.kind(), value.kind()).into());
        }
        match ty.kind() {
            WasmTypeKind::List => self.list(ty, value, depth),
            WasmTypeKind::Record => self.record(ty, value, depth),
            WasmTypeKind::Tuple => self.tuple(ty, value, depth),
            WasmTypeKind::Variant => self.variant(ty, value, depth),
            WasmTypeKind::Option => self.option(ty, value, depth),
            WasmTypeKind::Result => self.result(ty, value, depth),
            WasmTypeKind::Enum => Ok(self.enumeration(ty, value)?),
            WasmTypeKind::Flags => Ok(self.flags(ty, value)?),
            simple => Ok(self.simple(simple, value)?),
        }
    }

    fn simple<V: WasmValue>(&mut self, kind: WasmTypeKind, value: &V) -> Result<(), Fault> {
        let writer = &mut self.writer;
        match kind {
            WasmTypeKind::Bool => writer.boolean(value.unwrap_bool()),
            WasmTypeKind::U8 => writer.byte(value.unwrap_u8()),
            WasmTypeKind::S8 => writer.byte(value.unwrap_s8().cast_unsigned()),
            WasmTypeKind::U16 => writer.unsigned(value.unwrap_u16().into()),
            WasmTypeKind::U32 => writer.unsigned(value.unwrap_u32().into()),
            WasmTypeKind::U64 => writer.unsigned(value.unwrap_u64()),
            WasmTypeKind::S16 => writer.signed(value.unwrap_s16().into()),
            WasmTypeKind::S32 => writer.signed(value.unwrap_s32().into()),
            WasmTypeKind::S64 => writer.signed(value.unwrap_s64()),
            WasmTypeKind::F32 => writer.f32(value.unwrap_f32()),
            WasmTypeKind::F64 => writer.f64(value.unwrap_f64()),
            WasmTypeKind::Char => writer.char(value.unwrap_char()),
            WasmTypeKind::String => writer.text(&value.unwrap_string()),
            other => Err(Fault::Unsupported { kind: other.to_string() }),
        }
    }

    fn list<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let element = ty.list_element_type().ok_or_else(|| wrong_type(ty.kind(), value.kind()))?;
        // The number of elements stands before them, and the iterator does not know it.
        self.writer.length(value.unwrap_list().count())?;
        for (index, part) in value.unwrap_list().enumerate() {
            self.value(&element, &*part, depth + 1).map_err(|error| error.inside(Step::Index(index)))?;
        }
        Ok(())
    }

    fn record<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let mut parts = value.unwrap_record();
        for (name, field) in ty.record_fields() {
            let inside = |error: ValueError| error.inside(Step::Field(name.clone().into_owned()));
            let part = parts.next().filter(|(part_name, _)| *part_name == name);
            let (_, part) = part.ok_or_else(|| inside(missing("this field", "another or none").into()))?;
            self.value(&field, &*part, depth + 1).map_err(inside)?;
        }
        expect_end(parts)
    }

    fn tuple<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let mut parts = value.unwrap_tuple();
        for (index, element) in ty.tuple_element_types().enumerate() {
            let inside = |error: ValueError| error.inside(Step::Index(index));
            let part = parts.next().ok_or_else(|| inside(missing("an element", "none").into()))?;
            self.value(&element, &*part, depth + 1).map_err(inside)?;
        }
        expect_end(parts)
    }

    fn variant<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let (case, payload) = value.unwrap_variant();
        let found = ty.variant_cases().enumerate().find(|(_, (name, _))| *name == case);
        let (index, (_, payload_ty)) = found.ok_or_else(|| missing("a case of the type", &case))?;
        self.writer.length(index)?;
        self.payload(payload_ty, payload, &case, depth)
    }

    fn enumeration<V: WasmValue>(&mut self, ty: &V::Type, value: &V) -> Result<(), Fault> {
        let case = value.unwrap_enum();
        let index = ty.enum_cases().position(|name| name == case);
        self.writer.length(index.ok_or_else(|| missing("a case of the type", &case))?)
    }

    fn option<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let payload = value.unwrap_option();
        self.writer.boolean(payload.is_some())?;
        self.payload(payload.is_some().then(|| ty.option_some_type()).flatten(), payload, "some", depth)
    }

    fn result<V: WasmValue>(&mut self, ty: &V::Type, value: &V, depth: usize) -> Result<(), ValueError> {
        let (ok, err) = ty.result_types().ok_or_else(|| wrong_type(ty.kind(), value.kind()))?;
        let value = value.unwrap_result();
        self.writer.boolean(value.is_err())?;
        match value {
            Ok(payload) => self.payload(ok, payload, "ok", depth),
            Err(payload) => self.payload(err, payload, "err", depth),
        }
    }

    fn payload<V: WasmValue>(
        &mut self,
        ty: Option<V::Type>,
        value: Option<Cow<'_, V>>,
        case: &str,
        depth: usize,
    ) -> Result<(), ValueError> {
        let written = match (ty, value) {
            (Some(ty), Some(value)) => self.value(&ty, &*value, depth + 1),
            (None, None) => Ok(()),
            (Some(_), None) => Err(missing("a payload", "none").into()),
            (None, Some(_)) => Err(missing("no payload", "one").into()),
        };
        written.map_err(|error| error.inside(Step::Case(case.to_owned())))
    }

    fn flags<V: WasmValue>(&mut self, ty: &V::Type, value: &V) -> Result<(), Fault> {
        let names: Vec<Cow<'_, str>> = ty.flags_names().collect();
        let mut bits = vec![0_u8; names.len().div_ceil(8)];
        for flag in value.unwrap_flags() {
            let index =
                names.iter().position(|name| *name == flag).ok_or_else(|| missing("a flag of the type", &flag))?;
            if let Some(byte) = bits.get_mut(index / 8) {
                *byte |= 1 << (index % 8);
            }
        }
        self.writer.bytes(&bits)
    }
}

fn expect_end<T>(mut parts: impl Iterator<Item = T>) -> Result<(), ValueError> {
    match parts.next() {
        None => Ok(()),
        Some(_) => Err(missing("no more parts", "one more").into()),
    }
}

fn wrong_type(expected: WasmTypeKind, found: WasmTypeKind) -> Fault {
    Fault::WrongType { expected: expected.to_string(), found: found.to_string() }
}

fn missing(expected: &str, found: &str) -> Fault {
    Fault::WrongType { expected: expected.to_owned(), found: format!("`{found}`") }
}
