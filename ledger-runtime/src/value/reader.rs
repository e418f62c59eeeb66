//! Reading the parts of the encoding from bytes that nobody vouches for.

use super::Fault;

/// Reads from the front of a slice; whatever is not the one encoding of something is a [`Fault`].
///
/// It allocates nothing, so a length that the bytes announce costs nothing until that many bytes are really there.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes were read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.offset).ok_or(Fault::Truncated)?;
        self.offset += 1;
        Ok(byte)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let end = self.offset.checked_add(count).ok_or(Fault::Truncated)?;
        let bytes = self.bytes.get(self.offset..end).ok_or(Fault::Truncated)?;
        self.offset = end;
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.bytes(N)?.try_into().map_err(|_| Fault::Truncated)
    }

    /// A byte that says no (0) or yes (1).
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotBinary`].
    pub fn boolean(&mut self) -> Result<bool, Fault> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(Fault::NotBinary { byte }),
        }
    }

    /// An unsigned LEB128 integer of at most 64 `bits`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotShortest`], [`Fault::TooLarge`].
    pub fn unsigned(&mut self, bits: u32) -> Result<u64, Fault> {
        let (mut value, mut shift) = (0_u128, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 7 {
                    return Err(Fault::NotShortest);
                }
                break;
            }
            if shift >= bits {
                return Err(Fault::TooLarge { bits });
            }
        }
        u64::try_from(value).ok().filter(|_| value >> bits == 0).ok_or(Fault::TooLarge { bits })
    }

    /// A signed LEB128 integer of at most 64 `bits`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotShortest`], [`Fault::TooLarge`].
    pub fn signed(&mut self, bits: u32) -> Result<i64, Fault> {
        let (mut value, mut shift, mut sign_before) = (0_i128, 0_u32, None);
        loop {
            let byte = self.byte()?;
            value |= i128::from(byte & 0x7f) << shift;
            shift += 7;
            let sign = byte & 0x40 != 0;
            if byte & 0x80 == 0 {
                let filler = if sign { 0x7f } else { 0x00 };
                if byte == filler && sign_before == Some(sign) {
                    return Err(Fault::NotShortest);
                }
                value |= if sign { -1_i128 << shift } else { 0 };
                break;
            }
            if shift >= bits {
                return Err(Fault::TooLarge { bits });
            }
            sign_before = Some(sign);
        }
        let half = 1_i128 << (bits - 1);
        i64::try_from(value).ok().filter(|_| (-half..half).contains(&value)).ok_or(Fault::TooLarge { bits })
    }

    /// A length or an index: an unsigned integer of 32 bits.
    pub(super) fn length(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.unsigned(32)?).map_err(|_| Fault::TooLarge { bits: usize::BITS })
    }

    /// A `list<u8>`: its length and its bytes.
    ///
    /// # Errors
    /// As [`Reader::unsigned`] and [`Reader::bytes`].
    pub fn list_of_bytes(&mut self) -> Result<&'a [u8], Fault> {
        let count = self.length()?;
        self.bytes(count)
    }

    /// A `string`.
    ///
    /// # Errors
    /// As [`Reader::list_of_bytes`], and [`Fault::NotUtf8`].
    pub fn text(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.list_of_bytes()?).map_err(|_| Fault::NotUtf8)
    }

    /// An `f32`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotCanonicalNan`].
    pub fn f32(&mut self) -> Result<f32, Fault> {
        let value = f32::from_le_bytes(self.array()?);
        let is_canonical = !value.is_nan() || value.to_bits() == super::CANONICAL_NAN_32;
        is_canonical.then_some(value).ok_or(Fault::NotCanonicalNan)
    }

    /// An `f64`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotCanonicalNan`].
    pub fn f64(&mut self) -> Result<f64, Fault> {
        let value = f64::from_le_bytes(self.array()?);
        let is_canonical = !value.is_nan() || value.to_bits() == super::CANONICAL_NAN_64;
        is_canonical.then_some(value).ok_or(Fault::NotCanonicalNan)
    }

    /// A `char`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotUtf8`].
    pub fn char(&mut self) -> Result<char, Fault> {
        let first = *self.bytes.get(self.offset).ok_or(Fault::Truncated)?;
        let count = match first {
            0x00..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return Err(Fault::NotUtf8),
        };
        let text = std::str::from_utf8(self.bytes(count)?).map_err(|_| Fault::NotUtf8)?;
        text.chars().next().ok_or(Fault::NotUtf8)
    }

    /// Ends the reading: nothing may be left.
    ///
    /// # Errors
    /// [`Fault::Surplus`].
    pub fn finish(&self) -> Result<(), Fault> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(Fault::Surplus { count }),
        }
    }
}
