//! The two forms of compiled code, and the only unsafe operation of this crate: making code out of bytes.
#![allow(unsafe_code, reason = "the engine can't check compiled code; `Authentic` says who vouches for it")]

use super::key::Authentic;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Something that is compiled, kept as bytes, and loaded again.
pub(super) trait Code: Sized {
    /// What its files are called.
    const FORM: &'static str;

    /// Compiles `bytes`.
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;

    /// The compiled code as bytes.
    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;

    /// Compiled code from what [`Code::serialize`] gave. The engine checks that the code was made by one like it.
    fn deserialize(engine: &Engine, bytes: Authentic<'_>) -> wasmtime::Result<Self>;
}

impl Code for Component {
    const FORM: &'static str = "component";

    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::from_binary(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        Self::serialize(self)
    }

    fn deserialize(engine: &Engine, bytes: Authentic<'_>) -> wasmtime::Result<Self> {
        // SAFETY: the bytes must be what `serialize` gave. They carry a MAC that only holders of this node's key can
        // make, and the one who makes it is `Files::keep`, from what `serialize` gave. They are in this process's
        // memory, where nobody changes them any more.
        unsafe { Self::deserialize(engine, bytes.as_bytes()) }
    }
}

impl Code for Module {
    const FORM: &'static str = "module";

    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::from_binary(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        Self::serialize(self)
    }

    fn deserialize(engine: &Engine, bytes: Authentic<'_>) -> wasmtime::Result<Self> {
        // SAFETY: as for a component.
        unsafe { Self::deserialize(engine, bytes.as_bytes()) }
    }
}
