//! Bytes to values.

use super::error::Step;
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
    depth_max: usize,
    memory_size_bytes_left: usize,
    memory_size_bytes_max: usize,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], limits: &ValueLimits) -> Result<Self, ValueError> {
        if bytes.len() > limits.encoded_size_bytes_max {
            return Err(Fault::TooLong { max: limits.encoded_size_bytes_max }.into());
        }
        Ok(Self {
            reader: Reader::new(bytes),
            depth_max: limits.depth_max,
            memory_size_bytes_left: limits.decoded_size_bytes_max,
            memory_size_bytes_max: limits.decoded_size_bytes_max,
        })
    }

    fn outermost<V: Assemble>(&mut self, ty: &V::Type) -> Result<V, ValueError> {
        self.value(ty, 1).map_err(|error| error.at_offset(self.reader.offset()))
    }

    fn finish(&self) -> Result<(), ValueError> {
        self.reader.finish().map_err(|fault| ValueError::new(fault).at_offset(self.reader.offset()))
    }

    fn value<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        if depth > self.depth_max {
            return Err(Fault::TooDeep { max: self.depth_max }.into());
        }
        self.charge(NODE_SIZE_BYTES)?;
        match ty.kind() {
            WasmTypeKind::List => self.list(ty, depth),
            WasmTypeKind::Record => self.record(ty, depth),
            WasmTypeKind::Tuple => self.tuple(ty, depth),
            WasmTypeKind::Variant => self.variant(ty, depth),
            WasmTypeKind::Option => self.option(ty, depth),
            WasmTypeKind::Result => self.result(ty, depth),
            WasmTypeKind::Enum => Ok(self.enumeration(ty)?),
            WasmTypeKind::Flags => Ok(self.flags(ty)?),
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
                self.charge(text.len())?;
                V::make_string(Cow::Borrowed(text))
            }
            other => return Err(Fault::Unsupported { kind: other.to_string() }),
        })
    }

    fn list<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let element = ty.list_element_type().ok_or_else(|| unsupported(ty))?;
        let count = self.reader.length()?;
        // What is reserved is at most what the rest of the bytes could hold; each element is charged on its own.
        let mut elements = Vec::with_capacity(count.min(self.reader.remaining()).min(1024));
        for index in 0..count {
            elements.push(self.value(&element, depth + 1).map_err(|error| error.inside(Step::Index(index)))?);
        }
        Ok(V::list(ty, elements).map_err(wrong_parts)?)
    }

    fn record<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let mut fields = Vec::new();
        for (name, field) in ty.record_fields() {
            self.charge(name.len())?;
            let value =
                self.value(&field, depth + 1).map_err(|error| error.inside(Step::Field(name.clone().into_owned())))?;
            fields.push((name, value));
        }
        Ok(V::record(ty, fields).map_err(wrong_parts)?)
    }

    fn tuple<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let mut elements = Vec::new();
        for (index, element) in ty.tuple_element_types().enumerate() {
            elements.push(self.value(&element, depth + 1).map_err(|error| error.inside(Step::Index(index)))?);
        }
        Ok(V::tuple(ty, elements).map_err(wrong_parts)?)
    }

    fn variant<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let index = self.case()?;
        let (name, payload) = nth_case(ty.variant_cases(), index)?;
        self.charge(name.len())?;
        let payload = self.payload(payload, &name, depth)?;
        Ok(V::variant(ty, &name, payload).map_err(wrong_parts)?)
    }

    fn enumeration<V: Assemble>(&mut self, ty: &V::Type) -> Result<V, Fault> {
        let index = self.case()?;
        let name = nth_case(ty.enum_cases(), index)?;
        self.charge(name.len())?;
        V::enumeration(ty, &name).map_err(wrong_parts)
    }

    fn option<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let some = ty.option_some_type().ok_or_else(|| unsupported(ty))?;
        let payload = self.reader.boolean()?.then_some(some);
        let value = self.payload(payload, "some", depth)?;
        Ok(V::option(ty, value).map_err(wrong_parts)?)
    }

    fn result<V: Assemble>(&mut self, ty: &V::Type, depth: usize) -> Result<V, ValueError> {
        let (ok, err) = ty.result_types().ok_or_else(|| unsupported(ty))?;
        let value = if self.reader.boolean()? {
            Err(self.payload(err, "err", depth)?)
        } else {
            Ok(self.payload(ok, "ok", depth)?)
        };
        Ok(V::result(ty, value).map_err(wrong_parts)?)
    }

    fn payload<V: Assemble>(&mut self, ty: Option<V::Type>, case: &str, depth: usize) -> Result<Option<V>, ValueError> {
        ty.map(|ty| self.value(&ty, depth + 1).map_err(|error| error.inside(Step::Case(case.to_owned())))).transpose()
    }

    fn flags<V: Assemble>(&mut self, ty: &V::Type) -> Result<V, Fault> {
        let names: Vec<Cow<'_, str>> = ty.flags_names().collect();
        let bits = self.reader.bytes(names.len().div_ceil(8))?;
        let is_set = |index: usize| bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        if (names.len()..bits.len() * 8).any(is_set) {
            return Err(Fault::UnknownFlags);
        }
        let set: Vec<Cow<'_, str>> =
            names.into_iter().enumerate().filter_map(|(index, name)| is_set(index).then_some(name)).collect();
        self.charge(set.iter().map(|name| NODE_SIZE_BYTES + name.len()).sum())?;
        V::flags(ty, set).map_err(wrong_parts)
    }

    /// The index of a case. The type is searched for it from the front, so it costs as much as it is high.
    fn case(&mut self) -> Result<u32, Fault> {
        let index = self.reader.length()?;
        self.charge(index)?;
        narrow(index, 32)
    }

    fn charge(&mut self, size_bytes: usize) -> Result<(), Fault> {
        let left = self.memory_size_bytes_left.checked_sub(size_bytes);
        self.memory_size_bytes_left = left.ok_or(Fault::TooMuchMemory { max: self.memory_size_bytes_max })?;
        Ok(())
    }
}

fn nth_case<T>(mut cases: impl Iterator<Item = T>, index: u32) -> Result<T, Fault> {
    usize::try_from(index).ok().and_then(|index| cases.nth(index)).ok_or(Fault::UnknownCase { index })
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
