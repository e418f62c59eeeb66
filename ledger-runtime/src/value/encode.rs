//! Values to bytes.

use super::error::Step;
use super::shape::{Meter, Part, Shape};
use super::{Fault, NODE_SIZE_BYTES, Place, ValueError, ValueLimits, Writer};
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
        encoder
            .value(&Shape::new(ty.clone()), value, 1)
            .map_err(|error| error.of(Place::Parameter(index + 1, name.clone())))?;
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
        encoder.value(&Shape::new(ty.clone()), value, 1).map_err(|error| error.of(Place::Result))?;
    }
    Ok(encoder.writer.into_bytes())
}

struct Encoder {
    writer: Writer,
    meter: Meter,
    depth_max: usize,
}

impl Encoder {
    fn new(limits: &ValueLimits) -> Self {
        Self {
            writer: Writer::new(limits.encoded_size_bytes_max),
            meter: Meter::new(limits.decoded_size_bytes_max),
            depth_max: limits.depth_max,
        }
    }

    fn value<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        if depth > self.depth_max {
            return Err(Fault::TooDeep { max: self.depth_max }.into());
        }
        let kind = shape.ty.kind();
        if kind != value.kind() {
            return Err(wrong_type(kind, value.kind()).into());
        }
        self.meter.charge(NODE_SIZE_BYTES)?;
        match kind {
            WasmTypeKind::List => self.list(shape, value, depth),
            WasmTypeKind::Record => self.record(shape, value, depth),
            WasmTypeKind::Tuple => self.tuple(shape, value, depth),
            WasmTypeKind::Variant => self.variant(shape, value, depth),
            WasmTypeKind::Option => self.option(shape, value, depth),
            WasmTypeKind::Result => self.result(shape, value, depth),
            WasmTypeKind::Enum => Ok(self.enumeration(shape, value)?),
            WasmTypeKind::Flags => Ok(self.flags(shape, value)?),
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
            WasmTypeKind::String => {
                let text = value.unwrap_string();
                self.meter.charge(text.len())?;
                writer.text(&text)
            }
            other => Err(Fault::Unsupported { kind: other.to_string() }),
        }
    }

    fn list<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let element = shape.parts(&mut self.meter)?.first().and_then(|part| part.shape.as_ref());
        let element = element.ok_or_else(|| wrong_type(shape.ty.kind(), value.kind()))?;
        // The number of elements stands before them, and the iterator does not know it.
        self.writer.length(value.unwrap_list().count())?;
        for (index, part) in value.unwrap_list().enumerate() {
            self.value(element, &*part, depth + 1).map_err(|error| error.inside(Step::Index(index)))?;
        }
        Ok(())
    }

    fn record<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let mut values = value.unwrap_record();
        for field in shape.parts(&mut self.meter)? {
            let inside = |error: ValueError| error.inside(Step::Field(field.name.clone()));
            self.meter.charge(field.name.len())?;
            let value = values.next().filter(|(name, _)| *name == field.name);
            let (_, value) = value.ok_or_else(|| inside(missing("this field", "another or none").into()))?;
            self.part(field, &*value, depth).map_err(inside)?;
        }
        expect_end(values)
    }

    fn tuple<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let mut values = value.unwrap_tuple();
        for (index, element) in shape.parts(&mut self.meter)?.iter().enumerate() {
            let inside = |error: ValueError| error.inside(Step::Index(index));
            let value = values.next().ok_or_else(|| inside(missing("an element", "none").into()))?;
            self.part(element, &*value, depth).map_err(inside)?;
        }
        expect_end(values)
    }

    /// A field or an element.
    fn part<V: WasmValue>(&mut self, part: &Part<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let shape = part.shape.as_ref().ok_or_else(|| missing("no part", "one"))?;
        self.value(shape, value, depth + 1)
    }

    fn variant<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let (name, payload) = value.unwrap_variant();
        let (index, case) = self.case(shape, &name)?;
        self.writer.length(index)?;
        self.payload(case, payload, depth)
    }

    fn enumeration<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V) -> Result<(), Fault> {
        let (index, _) = self.case(shape, &value.unwrap_enum())?;
        self.writer.length(index)
    }

    /// The case that is called `name`, and its place among the cases.
    fn case<'s, T: WasmType>(&mut self, shape: &'s Shape<T>, name: &str) -> Result<(usize, &'s Part<T>), Fault> {
        self.meter.charge(name.len())?;
        let index = shape.position(name, &mut self.meter)?;
        let case = index.and_then(|index| Some((index, shape.parts(&mut self.meter).ok()?.get(index)?)));
        case.ok_or_else(|| missing("a case of the type", name))
    }

    fn option<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let payload = value.unwrap_option();
        self.writer.boolean(payload.is_some())?;
        match shape.parts(&mut self.meter)?.first() {
            Some(some) if payload.is_some() => self.payload(some, payload, depth),
            Some(_) => Ok(()),
            None => Err(wrong_type(shape.ty.kind(), value.kind()).into()),
        }
    }

    fn result<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V, depth: usize) -> Result<(), ValueError> {
        let [ok, err] = shape.parts(&mut self.meter)? else {
            return Err(wrong_type(shape.ty.kind(), value.kind()).into());
        };
        let value = value.unwrap_result();
        self.writer.boolean(value.is_err())?;
        match value {
            Ok(payload) => self.payload(ok, payload, depth),
            Err(payload) => self.payload(err, payload, depth),
        }
    }

    fn payload<V: WasmValue>(
        &mut self,
        case: &Part<V::Type>,
        value: Option<Cow<'_, V>>,
        depth: usize,
    ) -> Result<(), ValueError> {
        let written = match (&case.shape, value) {
            (Some(shape), Some(value)) => self.value(shape, &*value, depth + 1),
            (None, None) => Ok(()),
            (Some(_), None) => Err(missing("a payload", "none").into()),
            (None, Some(_)) => Err(missing("no payload", "one").into()),
        };
        written.map_err(|error| error.inside(Step::Case(case.name.clone())))
    }

    fn flags<V: WasmValue>(&mut self, shape: &Shape<V::Type>, value: &V) -> Result<(), Fault> {
        let mut bits = vec![0_u8; shape.parts(&mut self.meter)?.len().div_ceil(8)];
        for flag in value.unwrap_flags() {
            self.meter.charge(NODE_SIZE_BYTES + flag.len())?;
            let index = shape.position(&flag, &mut self.meter)?;
            let index = index.ok_or_else(|| missing("a flag of the type", &flag))?;
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
