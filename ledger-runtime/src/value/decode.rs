//! Bytes to values.

use super::error::Step;
use super::shape::{Meter, Part, Shape};
use super::{Assemble, Fault, NODE_SIZE_BYTES, Place, Reader, ValueError, ValueLimits};
use std::borrow::Cow;
use wasm_wave::wasm::{WasmType, WasmTypeKind, WasmValueError};

/// The values of a function's `parameters` (name and type), which stand one after the other in `bytes`.
///
/// # Errors
/// If `bytes` are not exactly the encoding of such values, or cross a limit.
pub fn decode_parameters<V: Assemble>(
    parameters: &[(String, V::Type)],
    bytes: &[u8],
    limits: &ValueLimits,
) -> Result<Vec<V>, ValueError> {
    let mut decoder = Decoder::new(bytes, limits)?;
    let values = parameters
        .iter()
        .enumerate()
        .map(|(index, (name, ty))| {
            decoder.outermost(ty).map_err(|error| error.of(Place::Parameter(index + 1, name.clone())))
        })
        .collect::<Result<_, _>>()?;
    decoder.finish()?;
    Ok(values)
}

/// The value of a function's result; a function without a result has the empty encoding.
///
/// # Errors
/// If `bytes` are not exactly the encoding of such a value, or cross a limit.
pub fn decode_result<V: Assemble>(
    ty: Option<&V::Type>,
    bytes: &[u8],
    limits: &ValueLimits,
) -> Result<Option<V>, ValueError> {
    let decode = || {
        let mut decoder = Decoder::new(bytes, limits)?;
        let value = ty.map(|ty| decoder.outermost(ty)).transpose()?;
        decoder.finish()?;
        Ok(value)
    };
    decode().map_err(|error: ValueError| error.of(Place::Result))
}

struct Decoder<'a> {
    reader: Reader<'a>,
    meter: Meter,
    depth_max: usize,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], limits: &ValueLimits) -> Result<Self, ValueError> {
        if bytes.len() > limits.encoded_size_bytes_max {
            return Err(Fault::TooLong { max: limits.encoded_size_bytes_max }.into());
        }
        Ok(Self {
            reader: Reader::new(bytes),
            meter: Meter::new(limits.decoded_size_bytes_max),
            depth_max: limits.depth_max,
        })
    }

    fn outermost<V: Assemble>(&mut self, ty: &V::Type) -> Result<V, ValueError> {
        self.value(&Shape::new(ty.clone()), 1).map_err(|error| error.at_offset(self.reader.offset()))
    }

    fn finish(&self) -> Result<(), ValueError> {
        self.reader.finish().map_err(|fault| ValueError::new(fault).at_offset(self.reader.offset()))
    }

    fn value<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        if depth > self.depth_max {
            return Err(Fault::TooDeep { max: self.depth_max }.into());
        }
        self.meter.charge(NODE_SIZE_BYTES)?;
        match shape.ty.kind() {
            WasmTypeKind::List => self.list(shape, depth),
            WasmTypeKind::Record => self.record(shape, depth),
            WasmTypeKind::Tuple => self.tuple(shape, depth),
            WasmTypeKind::Variant => self.variant(shape, depth),
            WasmTypeKind::Option => self.option(shape, depth),
            WasmTypeKind::Result => self.result(shape, depth),
            WasmTypeKind::Enum => Ok(self.enumeration(shape)?),
            WasmTypeKind::Flags => Ok(self.flags(shape)?),
            simple => Ok(self.simple(simple)?),
        }
    }

    fn simple<V: Assemble>(&mut self, kind: WasmTypeKind) -> Result<V, Fault> {
        let reader = &mut self.reader;
        Ok(match kind {
            WasmTypeKind::Bool => V::make_bool(reader.boolean()?),
            WasmTypeKind::U8 => V::make_u8(reader.byte()?),
            WasmTypeKind::S8 => V::make_s8(reader.byte()?.cast_signed()),
            WasmTypeKind::U16 => V::make_u16(narrow(reader.unsigned(16)?, 16)?),
            WasmTypeKind::U32 => V::make_u32(narrow(reader.unsigned(32)?, 32)?),
            WasmTypeKind::U64 => V::make_u64(reader.unsigned(64)?),
            WasmTypeKind::S16 => V::make_s16(narrow(reader.signed(16)?, 16)?),
            WasmTypeKind::S32 => V::make_s32(narrow(reader.signed(32)?, 32)?),
            WasmTypeKind::S64 => V::make_s64(reader.signed(64)?),
            WasmTypeKind::F32 => V::make_f32(reader.f32()?),
            WasmTypeKind::F64 => V::make_f64(reader.f64()?),
            WasmTypeKind::Char => V::make_char(reader.char()?),
            WasmTypeKind::String => {
                let text = reader.text()?;
                self.meter.charge(text.len())?;
                V::make_string(Cow::Borrowed(text))
            }
            other => return Err(Fault::Unsupported { kind: other.to_string() }),
        })
    }

    fn list<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let element = shape.parts(&mut self.meter)?.first().and_then(|part| part.shape.as_ref());
        let element = element.ok_or_else(|| unsupported(&shape.ty))?;
        let count = self.reader.length()?;
        // What is reserved is at most what the rest of the bytes could hold; each element is charged on its own.
        let mut elements = Vec::with_capacity(count.min(self.reader.remaining()).min(1024));
        for index in 0..count {
            elements.push(self.value(element, depth + 1).map_err(|error| error.inside(Step::Index(index)))?);
        }
        Ok(V::list(&shape.ty, elements).map_err(wrong_parts)?)
    }

    fn record<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let mut fields = Vec::new();
        for field in shape.parts(&mut self.meter)? {
            self.meter.charge(field.name.len())?;
            let value = self.part(field, &shape.ty, depth);
            let value = value.map_err(|error| error.inside(Step::Field(field.name.clone())))?;
            fields.push((Cow::Borrowed(field.name.as_str()), value));
        }
        Ok(V::record(&shape.ty, fields).map_err(wrong_parts)?)
    }

    fn tuple<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let mut elements = Vec::new();
        for (index, element) in shape.parts(&mut self.meter)?.iter().enumerate() {
            let value = self.part(element, &shape.ty, depth);
            elements.push(value.map_err(|error| error.inside(Step::Index(index)))?);
        }
        Ok(V::tuple(&shape.ty, elements).map_err(wrong_parts)?)
    }

    /// A field or an element of a value of the type `whole`.
    fn part<V: Assemble>(&mut self, part: &Part<V::Type>, whole: &V::Type, depth: usize) -> Result<V, ValueError> {
        self.value(part.shape.as_ref().ok_or_else(|| unsupported(whole))?, depth + 1)
    }

    fn variant<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let case = self.case(shape)?;
        let payload = self.payload(case, depth)?;
        Ok(V::variant(&shape.ty, &case.name, payload).map_err(wrong_parts)?)
    }

    fn enumeration<V: Assemble>(&mut self, shape: &Shape<V::Type>) -> Result<V, Fault> {
        let case = self.case(shape)?;
        V::enumeration(&shape.ty, &case.name).map_err(wrong_parts)
    }

    fn option<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let is_some = self.reader.boolean()?;
        let some = shape.parts(&mut self.meter)?.first().ok_or_else(|| unsupported(&shape.ty))?;
        let value = if is_some { self.payload(some, depth)? } else { None };
        Ok(V::option(&shape.ty, value).map_err(wrong_parts)?)
    }

    fn result<V: Assemble>(&mut self, shape: &Shape<V::Type>, depth: usize) -> Result<V, ValueError> {
        let [ok, err] = shape.parts(&mut self.meter)? else { return Err(unsupported(&shape.ty).into()) };
        let value = if self.reader.boolean()? { Err(self.payload(err, depth)?) } else { Ok(self.payload(ok, depth)?) };
        Ok(V::result(&shape.ty, value).map_err(wrong_parts)?)
    }

    fn payload<V: Assemble>(&mut self, case: &Part<V::Type>, depth: usize) -> Result<Option<V>, ValueError> {
        let value = case.shape.as_ref().map(|shape| self.value(shape, depth + 1)).transpose();
        value.map_err(|error| error.inside(Step::Case(case.name.clone())))
    }

    fn flags<V: Assemble>(&mut self, shape: &Shape<V::Type>) -> Result<V, Fault> {
        let flags = shape.parts(&mut self.meter)?;
        let bits = self.reader.bytes(flags.len().div_ceil(8))?;
        let is_set = |index: usize| bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        if (flags.len()..bits.len() * 8).any(is_set) {
            return Err(Fault::UnknownFlags);
        }
        let set = flags.iter().enumerate().filter(|(index, _)| is_set(*index));
        let set: Vec<Cow<'_, str>> = set.map(|(_, flag)| Cow::Borrowed(flag.name.as_str())).collect();
        self.meter.charge(set.iter().map(|name| NODE_SIZE_BYTES + name.len()).sum())?;
        V::flags(&shape.ty, set).map_err(wrong_parts)
    }

    /// The case whose index comes next.
    fn case<'s, T: WasmType>(&mut self, shape: &'s Shape<T>) -> Result<&'s Part<T>, Fault> {
        let index: u32 = narrow(self.reader.length()?, 32)?;
        let cases = shape.parts(&mut self.meter)?;
        let case = usize::try_from(index).ok().and_then(|index| cases.get(index));
        let case = case.ok_or(Fault::UnknownCase { index })?;
        self.meter.charge(case.name.len())?;
        Ok(case)
    }
}

fn narrow<Wide, Narrow: TryFrom<Wide>>(value: Wide, bits: u32) -> Result<Narrow, Fault> {
    Narrow::try_from(value).map_err(|_| Fault::TooLarge { bits })
}

fn unsupported(ty: &impl WasmType) -> Fault {
    Fault::Unsupported { kind: ty.kind().to_string() }
}

fn wrong_parts(error: WasmValueError) -> Fault {
    Fault::Unsupported { kind: error.to_string() }
}
