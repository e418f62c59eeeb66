//! How requests and answers are written and read: by the strict value encoding of the types in `wit/ledger-node`.

use crate::utxo_name::UtxoName;
use crate::value::{Fault, Reader, Writer};
use ledger_core::{ChainId, HostInterfaceId, MethodId, ObjectId, ProfileId};
use registry_core::hash::Digest;
use registry_core::id::{AccountId, BlockId, ComponentHash, PackageHash, TokenId, TransactionId, UtxoId, ViewId};
use std::collections::BTreeMap;

/// Something that travels, as one type of WIT.
pub(super) trait Encoded: Sized {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault>;
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault>;

    /// The whole message.
    fn encode(&self, size_bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut writer = Writer::new(size_bytes_max);
        self.write(&mut writer)?;
        Ok(writer.into_bytes())
    }

    /// The whole message; [`Fault::Truncated`] as long as it is not complete.
    fn parse(message: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(message);
        let parsed = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(parsed)
    }
}

/// A record of WIT: its fields, in order.
macro_rules! record {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl Encoded for $name {
            fn write(&self, _writer: &mut Writer) -> Result<(), Fault> {
                $(self.$field.write(_writer)?;)*
                Ok(())
            }

            fn read(_reader: &mut Reader<'_>) -> Result<Self, Fault> {
                Ok(Self { $($field: Encoded::read(_reader)?),* })
            }
        }
    };
}
pub(super) use record;

/// The index of a case of an enum or a variant.
pub(super) fn read_case(reader: &mut Reader<'_>) -> Result<u32, Fault> {
    u32::try_from(reader.unsigned(32)?).map_err(|_| Fault::TooLarge { bits: 32 })
}

/// An enum of WIT, whose cases are numbered in the order of this list.
pub(super) fn write_enum<T: PartialEq>(cases: &[T], case: &T, writer: &mut Writer) -> Result<(), Fault> {
    let index = cases.iter().position(|other| other == case).unwrap_or_default();
    writer.unsigned(index as u64)
}

pub(super) fn read_enum<T: Copy>(cases: &[T], reader: &mut Reader<'_>) -> Result<T, Fault> {
    let index = read_case(reader)?;
    cases.get(index as usize).copied().ok_or(Fault::UnknownCase { index })
}

impl Encoded for bool {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.boolean(*self)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.boolean()
    }
}

impl Encoded for u32 {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.unsigned(u64::from(*self))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        u32::try_from(reader.unsigned(32)?).map_err(|_| Fault::TooLarge { bits: 32 })
    }
}

impl Encoded for u64 {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.unsigned(*self)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.unsigned(64)
    }
}

impl Encoded for String {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(self)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.text().map(str::to_owned)
    }
}

/// `list<u8>`
impl Encoded for Vec<u8> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.list_of_bytes(self)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        reader.list_of_bytes().map(<[u8]>::to_vec)
    }
}

impl<T: Encoded> Encoded for Vec<T> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.unsigned(self.len() as u64)?;
        self.iter().try_for_each(|item| item.write(writer))
    }

    /// The list grows as items really come, whatever its length says. An item has at least one byte.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        (0..reader.unsigned(32)?).map(|_| T::read(reader)).collect()
    }
}

impl<T: Encoded> Encoded for Option<T> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.boolean(self.is_some())?;
        self.as_ref().map_or(Ok(()), |value| value.write(writer))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if reader.boolean()? { Some(T::read(reader)?) } else { None })
    }
}

impl<T: Encoded, E: Encoded> Encoded for Result<T, E> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.boolean(self.is_err())?;
        match self {
            Ok(value) => value.write(writer),
            Err(error) => error.write(writer),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if reader.boolean()? { Err(E::read(reader)?) } else { Ok(T::read(reader)?) })
    }
}

impl<A: Encoded, B: Encoded> Encoded for (A, B) {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        self.0.write(writer)?;
        self.1.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok((A::read(reader)?, B::read(reader)?))
    }
}

/// A list of pairs, in the order of their keys.
impl<K: Encoded + Ord, V: Encoded> Encoded for BTreeMap<K, V> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.unsigned(self.len() as u64)?;
        self.iter().try_for_each(|(key, value)| {
            key.write(writer)?;
            value.write(writer)
        })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let pairs: Vec<(K, V)> = Encoded::read(reader)?;
        match pairs.is_sorted_by(|(one, _), (other, _)| one < other) {
            true => Ok(pairs.into_iter().collect()),
            false => Err(Fault::NotOfForm { what: "a list in the order of its keys" }),
        }
    }
}

/// Names travel as their texts.
macro_rules! text {
    ($($name:ident is $what:literal),* $(,)?) => {$(
        impl Encoded for $name {
            fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
                writer.text(&self.to_string())
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
                reader.text()?.parse().map_err(|_| Fault::NotOfForm { what: $what })
            }
        }
    )*};
}

text! {
    AccountId is "the id of an account",
    BlockId is "the id of a block",
    ChainId is "the name of a chain",
    ComponentHash is "the hash of a component",
    PackageHash is "the hash of a package",
    TokenId is "the id of a token",
    TransactionId is "the id of a transaction",
    UtxoId is "the id of a UTXO",
    UtxoName is "the name of a UTXO",
    ViewId is "the id of a view",
}

impl Encoded for ObjectId {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(&self.to_string())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let text = reader.text()?;
        let utxo = text.parse().map(Self::Utxo).ok();
        utxo.or_else(|| text.parse().map(Self::Token).ok())
            .ok_or(Fault::NotOfForm { what: "the id of a UTXO or a token" })
    }
}

impl Encoded for Digest {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(&self.to_hex())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let text = reader.text()?;
        // One digest has one text.
        let digest = Digest::from_hex(text).filter(|digest| digest.to_hex() == text);
        digest.ok_or(Fault::NotOfForm { what: "a digest" })
    }
}

impl Encoded for ProfileId {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        self.0.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Digest::read(reader).map(Self)
    }
}

impl Encoded for HostInterfaceId {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        self.0.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Digest::read(reader).map(Self)
    }
}

impl Encoded for MethodId {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(&hex::encode(self.0))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let text = reader.text()?;
        let mut id = [0; 32];
        let decoded = hex::decode_to_slice(text, &mut id);
        match decoded {
            Ok(()) if hex::encode(id) == text => Ok(Self(id)),
            Ok(()) | Err(_) => Err(Fault::NotOfForm { what: "the id of a method" }),
        }
    }
}
