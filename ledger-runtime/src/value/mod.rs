//! Component-model values as bytes: the draft value encoding of the component model, which wRPC sends, made strict.
//!
//! | type | bytes |
//! |---|---|
//! | `bool` | one byte, 0 or 1 |
//! | `u8`, `s8` | one byte |
//! | `u16`, `u32`, `u64` / `s16`, `s32`, `s64` | unsigned / signed LEB128 |
//! | `f32`, `f64` | little endian |
//! | `char` | UTF-8 |
//! | `string`, `list` | length (bytes, elements) as LEB128, then the content |
//! | `record`, `tuple`, parameters | one after the other |
//! | `variant`, `enum` | index of the case as LEB128, then the payload |
//! | `option` | 0, or 1 and the value |
//! | `result` | 0 and the `ok` payload, or 1 and the `err` payload |
//! | `flags` | one bit each, lowest first, in whole bytes |
//!
//! Strict means that one value has exactly one encoding, so that bytes can be compared, stored and hashed: LEB128 is
//! minimal, NaN has one bit pattern (in both directions), unused bits of flags are zero, and nothing follows the value.
//! What a value may cost ([`ValueLimits`]) is charged before it is allocated.
//!
//! The codec is directed by the type and generic over [`WasmType`](wasm_wave::wasm::WasmType) and
//! [`WasmValue`](wasm_wave::wasm::WasmValue): a node uses it with wasmtime's types and values, a client with those of
//! `wasm-wave`. Handles, streams, futures and error contexts have no encoding.

mod assemble;
mod decode;
mod encode;
mod error;
mod reader;
mod shape;
mod writer;

pub use assemble::Assemble;
pub use decode::{decode_parameters, decode_result};
pub use encode::{encode_parameters, encode_result};
pub use error::{Fault, Place, ValueError};
pub use reader::Reader;
pub use writer::Writer;

/// What one list of parameters, or one result, may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, borsh::BorshSerialize)]
pub struct ValueLimits {
    /// How deep values may contain each other. A value without parts has depth 1.
    pub depth_max: usize,
    /// Bytes of the encoding.
    pub encoded_size_bytes_max: usize,
    /// Bytes that the decoded values may take in memory, at [`NODE_SIZE_BYTES`] for each value and its own length for
    /// each text and each name that a value carries, and [`CASE_SIZE_BYTES`] once for each case of a variant, an enum or
    /// flags of which a value is there. Encoding is charged the same, so that what was encoded can be decoded.
    pub decoded_size_bytes_max: usize,
}

impl Default for ValueLimits {
    /// A list of a million bytes fits. WAVE text and wasmtime's types both end at depth 100.
    fn default() -> Self {
        Self { depth_max: 100, encoded_size_bytes_max: 1 << 20, decoded_size_bytes_max: 96 << 20 }
    }
}

/// What one decoded value is charged, in bytes: at least the size of wasmtime's `Val` and of `wasm-wave`'s `Value`.
///
/// It is charged for values that take no bytes in the encoding too, so that a few bytes can't announce a long list of
/// them.
pub const NODE_SIZE_BYTES: usize = 80;

/// What each case that a type has is charged, in bytes, at each place of the outermost type at which there is a value of
/// it: more than a table of the cases takes, because making it takes time that a few bytes of values do not pay for.
pub const CASE_SIZE_BYTES: usize = 1024;

/// The one bit pattern of a NaN, as the component model's canonical ABI has it.
const CANONICAL_NAN_32: u32 = 0x7fc0_0000;

/// As [`CANONICAL_NAN_32`], for 64 bits.
const CANONICAL_NAN_64: u64 = 0x7ff8_0000_0000_0000;
