//! Types as WIT writes them, as far as a layout still knows it: the names of records, variants and flags are not part
//! of it, so their contents stand in their place. A type may have very many parts: its text is cut.

use super::signature::Signature;
use super::types::{AbiType, Case, Field, ObjectType, Resource, Shape};
use crate::bounded::bounded;
use std::fmt::{Display, Formatter, Result};

/// Bytes of the text of one type or one signature.
const SIZE_BYTES_MAX: usize = 500;

impl Display for Signature {
    /// As in `func(n: s64) -> option<u32>`, without the handles that the host puts before the parameters, and cut if it is
    /// long.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&bounded(SIZE_BYTES_MAX, &Whole(self)))
    }
}

impl Display for AbiType {
    /// Cut if it is long.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&bounded(SIZE_BYTES_MAX, &Whole(self)))
    }
}

/// Writes all of something, however long that is.
struct Whole<'a, T>(&'a T);

impl Display for Whole<'_, Signature> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("func(")?;
        list(f, self.0.parameters(), |f, (name, ty)| write!(f, "{name}: {}", Whole(ty)))?;
        f.write_str(")")?;
        self.0.result().map_or(Ok(()), |ty| write!(f, " -> {}", Whole(ty)))
    }
}

impl Display for Whole<'_, AbiType> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0.shape() {
            Shape::Bool => f.write_str("bool"),
            Shape::U8 => f.write_str("u8"),
            Shape::S8 => f.write_str("s8"),
            Shape::U16 => f.write_str("u16"),
            Shape::S16 => f.write_str("s16"),
            Shape::U32 => f.write_str("u32"),
            Shape::S32 => f.write_str("s32"),
            Shape::U64 => f.write_str("u64"),
            Shape::S64 => f.write_str("s64"),
            Shape::F32 => f.write_str("f32"),
            Shape::F64 => f.write_str("f64"),
            Shape::Char => f.write_str("char"),
            Shape::Record(fields) => record(f, fields),
            Shape::Variant(cases) => variant(f, cases),
            Shape::Flags(count) => write!(f, "flags of {count}"),
            Shape::Own(resource) => write!(f, "{resource}"),
            Shape::Borrow(resource) => write!(f, "borrow<{resource}>"),
        }
    }
}

impl Display for Resource {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Context => f.write_str("utxo-context"),
            Self::Utxo(Some(ty)) | Self::Token(Some(ty)) => ty.fmt(f),
            Self::Utxo(None) => f.write_str("utxo"),
            Self::Token(None) => f.write_str("token"),
        }
    }
}

impl Display for ObjectType {
    /// As in `counter`, and `counter of p2:c…` if it is another contract's.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name)?;
        self.contract.as_ref().map_or(Ok(()), |contract| write!(f, " of {contract}"))
    }
}

fn record(f: &mut Formatter<'_>, fields: &[Field]) -> Result {
    let is_tuple = fields.iter().enumerate().all(|(index, field)| field.name == index.to_string());
    if is_tuple {
        f.write_str("tuple<")?;
        list(f, fields, |f, field| Whole(&field.ty).fmt(f))?;
        return f.write_str(">");
    }
    f.write_str("record { ")?;
    list(f, fields, |f, field| write!(f, "{}: {}", field.name, Whole(&field.ty)))?;
    f.write_str(" }")
}

fn variant(f: &mut Formatter<'_>, cases: &[Case]) -> Result {
    match cases {
        [none, Case { name: some, payload: Some(ty) }] if is_bare(none, "none") && some == "some" => {
            write!(f, "option<{}>", Whole(ty))
        }
        [Case { name: ok, payload: good }, Case { name: err, payload: bad }] if ok == "ok" && err == "err" => {
            match (good, bad) {
                (None, None) => f.write_str("result"),
                (Some(good), None) => write!(f, "result<{}>", Whole(good)),
                (None, Some(bad)) => write!(f, "result<_, {}>", Whole(bad)),
                (Some(good), Some(bad)) => write!(f, "result<{}, {}>", Whole(good), Whole(bad)),
            }
        }
        cases => {
            let is_enum = cases.iter().all(|case| case.payload.is_none());
            f.write_str(if is_enum { "enum { " } else { "variant { " })?;
            list(f, cases, |f, case| match &case.payload {
                Some(ty) => write!(f, "{}({})", case.name, Whole(ty)),
                None => f.write_str(&case.name),
            })?;
            f.write_str(" }")
        }
    }
}

fn is_bare(case: &Case, name: &str) -> bool {
    case.name == name && case.payload.is_none()
}

fn list<T>(f: &mut Formatter<'_>, items: &[T], write: impl Fn(&mut Formatter<'_>, &T) -> Result) -> Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
