//! WIT packages: parsing, identity, printing.

mod check;
mod describe;
mod docs;
mod elaboration;
pub(crate) mod encode;
mod expansion;
mod identity;
mod outline;
mod parse;
mod print;
pub(crate) mod subset;
mod wasm;
mod worlds;
pub(crate) mod writer;

pub(crate) use check::check_resolve;
pub(crate) use describe::{declared_name, describe_function, describe_item, describe_type_by, primitive};
pub use docs::normalize as normalize_docs;
pub use elaboration::DroppedAttribute;
pub use encode::EncodeError;
pub use identity::{KnownPackages, PackageIdentity};
pub use outline::Outline;
pub use parse::{SourceFile, UnresolvedWit, Wit, WitError, WitLocation};
pub(crate) use parse::{dependency_order, list, sentences, without_panic};
pub use print::PackageText;
pub(crate) use print::{canonical_order, order_interfaces, print_package};
pub(crate) use subset::follow_aliases;
pub use wasm::{AdmissionError, AdmittedPackage, EncodedWit, WasmKind, looks_like_wit, wasm_kind};
pub(crate) use wasm::{decode, validate};
pub use worlds::WorldInterface;
