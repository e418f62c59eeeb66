//! Types with what was found out about their parts, so that it is found out once and not for each value.

use super::{CASE_SIZE_BYTES, Fault};
use std::cell::OnceCell;
use std::collections::HashMap;
use wasm_wave::wasm::{WasmType, WasmTypeKind};

/// A type, at one place of the outermost one.
pub(super) struct Shape<T> {
    pub(super) ty: T,
    parts: OnceCell<Vec<Part<T>>>,
    positions: OnceCell<HashMap<String, usize>>,
}

/// A field, an element, a case or a flag.
pub(super) struct Part<T> {
    /// Its name; empty for an element.
    pub(super) name: String,
    /// Its type; none for a case without a payload, and for a flag.
    pub(super) shape: Option<Shape<T>>,
}

impl<T: WasmType> Shape<T> {
    pub(super) fn new(ty: T) -> Self {
        Self { ty, parts: OnceCell::new(), positions: OnceCell::new() }
    }

    /// What a value of this type consists of, or can be. The parts' own parts are looked for only when a value has them:
    /// a type may be far larger than its values.
    pub(super) fn parts(&self, meter: &mut Meter) -> Result<&[Part<T>], Fault> {
        if self.parts.get().is_none() {
            meter.charge(self.cases_count().saturating_mul(CASE_SIZE_BYTES))?;
        }
        Ok(self.parts.get_or_init(|| self.find_parts()))
    }

    /// The place of the part that is called `name`.
    pub(super) fn position(&self, name: &str, meter: &mut Meter) -> Result<Option<usize>, Fault> {
        let parts = self.parts(meter)?;
        let positions = || parts.iter().enumerate().map(|(index, part)| (part.name.clone(), index)).collect();
        Ok(self.positions.get_or_init(positions).get(name).copied())
    }

    /// Of all that is listed here only cases and flags can be more than what a value consists of.
    fn cases_count(&self) -> usize {
        match self.ty.kind() {
            WasmTypeKind::Variant => self.ty.variant_cases().count(),
            WasmTypeKind::Enum => self.ty.enum_cases().count(),
            WasmTypeKind::Flags => self.ty.flags_names().count(),
            _ => 0,
        }
    }

    fn find_parts(&self) -> Vec<Part<T>> {
        let ty = &self.ty;
        match ty.kind() {
            WasmTypeKind::List => ty.list_element_type().map(|ty| Part::new("", Some(ty))).into_iter().collect(),
            WasmTypeKind::Record => ty.record_fields().map(|(name, ty)| Part::new(name, Some(ty))).collect(),
            WasmTypeKind::Tuple => ty.tuple_element_types().map(|ty| Part::new("", Some(ty))).collect(),
            WasmTypeKind::Variant => ty.variant_cases().map(|(name, ty)| Part::new(name, ty)).collect(),
            WasmTypeKind::Enum => ty.enum_cases().map(|name| Part::new(name, None)).collect(),
            WasmTypeKind::Option => ty.option_some_type().map(|ty| Part::new("some", Some(ty))).into_iter().collect(),
            WasmTypeKind::Result => {
                let cases = ty.result_types().map(|(ok, err)| [Part::new("ok", ok), Part::new("err", err)]);
                cases.into_iter().flatten().collect()
            }
            WasmTypeKind::Flags => ty.flags_names().map(|name| Part::new(name, None)).collect(),
            _ => Vec::new(),
        }
    }
}

impl<T: WasmType> Part<T> {
    fn new(name: impl Into<String>, ty: Option<T>) -> Self {
        Self { name: name.into(), shape: ty.map(Shape::new) }
    }
}

/// What values may still take in memory. Encoding charges what decoding charges, so that what was encoded within the
/// limits can be decoded within them.
pub(super) struct Meter {
    left: usize,
    max: usize,
}

impl Meter {
    pub(super) fn new(size_bytes_max: usize) -> Self {
        Self { left: size_bytes_max, max: size_bytes_max }
    }

    pub(super) fn charge(&mut self, size_bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(size_bytes).ok_or(Fault::TooMuchMemory { max: self.max })?;
        Ok(())
    }
}
