//! Writing the parts of the encoding.

use super::Fault;

/// Appends to a buffer, up to a number of bytes.
#[derive(Debug, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
    size_bytes_max: usize,
}

impl Writer {
    /// An empty buffer that takes at most `size_bytes_max` bytes.
    pub fn new(size_bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), size_bytes_max }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// [`Fault::TooLong`], as all that follow.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.len() > self.size_bytes_max - self.bytes.len() {
            return Err(Fault::TooLong { max: self.size_bytes_max });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.bytes(&[byte])
    }

    /// A byte that says no (0) or yes (1).
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn boolean(&mut self, value: bool) -> Result<(), Fault> {
        self.byte(u8::from(value))
    }

    /// An unsigned integer as LEB128.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn unsigned(&mut self, mut value: u64) -> Result<(), Fault> {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.byte(low);
            }
            self.byte(low | 0x80)?;
        }
    }

    /// A signed integer as LEB128.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn signed(&mut self, mut value: i64) -> Result<(), Fault> {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            let rest_is_sign = if low & 0x40 == 0 { value == 0 } else { value == -1 };
            if rest_is_sign {
                return self.byte(low);
            }
            self.byte(low | 0x80)?;
        }
    }

    /// An `f32`; every NaN becomes the canonical one.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn f32(&mut self, value: f32) -> Result<(), Fault> {
        let bits = if value.is_nan() { super::CANONICAL_NAN_32 } else { value.to_bits() };
        self.bytes(&bits.to_le_bytes())
    }

    /// An `f64`; every NaN becomes the canonical one.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn f64(&mut self, value: f64) -> Result<(), Fault> {
        let bits = if value.is_nan() { super::CANONICAL_NAN_64 } else { value.to_bits() };
        self.bytes(&bits.to_le_bytes())
    }

    /// A `char`.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn char(&mut self, value: char) -> Result<(), Fault> {
        self.bytes(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// A length or an index: an unsigned integer of 32 bits.
    pub(super) fn length(&mut self, length: usize) -> Result<(), Fault> {
        let length = u32::try_from(length).map_err(|_| Fault::TooLong { max: self.size_bytes_max })?;
        self.unsigned(length.into())
    }

    /// A `list<u8>`.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn list_of_bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.length(bytes.len())?;
        self.bytes(bytes)
    }

    /// A `string`.
    ///
    /// # Errors
    /// [`Fault::TooLong`].
    pub fn text(&mut self, text: &str) -> Result<(), Fault> {
        self.list_of_bytes(text.as_bytes())
    }
}
