//! How decoded parts become a value.

use std::borrow::Cow;
use wasm_wave::value::Value;
use wasm_wave::wasm::{WasmValue, WasmValueError};
use wasmtime::component::Val;

/// A value that is put together from parts which are already known to be of the right types.
///
/// The constructors of [`WasmValue`] check their parts. For `wasm-wave`'s own values that is cheap, and they are what
/// the methods here use unless a type has its own. For wasmtime's it is a walk through everything below, once for each
/// level and with a search for each field of a record: a hostile list of wide records would take minutes.
pub trait Assemble: WasmValue {
    /// A list.
    ///
    /// # Errors
    /// If the parts are not of the type after all; so for all that follow.
    fn list(ty: &Self::Type, elements: Vec<Self>) -> Result<Self, WasmValueError> {
        Self::make_list(ty, elements)
    }

    /// A record, its fields in the type's order.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn record(ty: &Self::Type, fields: Vec<(Cow<'_, str>, Self)>) -> Result<Self, WasmValueError> {
        let names: Vec<Cow<'_, str>> = fields.iter().map(|(name, _)| name.clone()).collect();
        Self::make_record(ty, names.iter().map(AsRef::as_ref).zip(fields.into_iter().map(|(_, value)| value)))
    }

    /// A tuple.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn tuple(ty: &Self::Type, elements: Vec<Self>) -> Result<Self, WasmValueError> {
        Self::make_tuple(ty, elements)
    }

    /// A case of a variant.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn variant(ty: &Self::Type, case: &str, payload: Option<Self>) -> Result<Self, WasmValueError> {
        Self::make_variant(ty, case, payload)
    }

    /// A case of an enum.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn enumeration(ty: &Self::Type, case: &str) -> Result<Self, WasmValueError> {
        Self::make_enum(ty, case)
    }

    /// An option.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn option(ty: &Self::Type, value: Option<Self>) -> Result<Self, WasmValueError> {
        Self::make_option(ty, value)
    }

    /// A result.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn result(ty: &Self::Type, value: Result<Option<Self>, Option<Self>>) -> Result<Self, WasmValueError> {
        Self::make_result(ty, value)
    }

    /// The flags that are set, in the type's order.
    ///
    /// # Errors
    /// As [`Assemble::list`].
    fn flags(ty: &Self::Type, names: Vec<Cow<'_, str>>) -> Result<Self, WasmValueError> {
        Self::make_flags(ty, names.iter().map(AsRef::as_ref))
    }
}

impl Assemble for Value {}

impl Assemble for Val {
    fn list(_: &Self::Type, elements: Vec<Self>) -> Result<Self, WasmValueError> {
        Ok(Self::List(elements))
    }

    fn record(_: &Self::Type, fields: Vec<(Cow<'_, str>, Self)>) -> Result<Self, WasmValueError> {
        Ok(Self::Record(fields.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()))
    }

    fn tuple(_: &Self::Type, elements: Vec<Self>) -> Result<Self, WasmValueError> {
        Ok(Self::Tuple(elements))
    }

    fn variant(_: &Self::Type, case: &str, payload: Option<Self>) -> Result<Self, WasmValueError> {
        Ok(Self::Variant(case.to_owned(), payload.map(Box::new)))
    }

    fn enumeration(_: &Self::Type, case: &str) -> Result<Self, WasmValueError> {
        Ok(Self::Enum(case.to_owned()))
    }

    fn option(_: &Self::Type, value: Option<Self>) -> Result<Self, WasmValueError> {
        Ok(Self::Option(value.map(Box::new)))
    }

    fn result(_: &Self::Type, value: Result<Option<Self>, Option<Self>>) -> Result<Self, WasmValueError> {
        Ok(Self::Result(match value {
            Ok(payload) => Ok(payload.map(Box::new)),
            Err(payload) => Err(payload.map(Box::new)),
        }))
    }

    fn flags(_: &Self::Type, names: Vec<Cow<'_, str>>) -> Result<Self, WasmValueError> {
        Ok(Self::Flags(names.into_iter().map(Cow::into_owned).collect()))
    }
}
