//! WIT encoded as WebAssembly: reading it, and the round trip that every published package must survive.

use super::check::check_encoded;
use super::identity::{PackageIdentity, identify_with};
use super::parse::{CheckError, SourceFile, UnresolvedWit, Wit, WitError, sentences, without_panic};
use super::print::{PackageText, canonical_order, print_package};
use super::subset;
use crate::limits::{LimitExceeded, Limits};
use crate::name::{NameError, PackageName, ReleaseName};
use std::collections::BTreeSet;
use wasmparser::types::Types;
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};
use wit_component::DecodedWasm;
use wit_parser::{PackageId, Resolve};

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WasmKind {
    /// A core module, which has no WIT of its own.
    CoreModule,
    /// A component, or WIT encoded as one.
    Component,
    /// Not WebAssembly.
    Other,
}

/// Tells by the first bytes what something is.
pub fn wasm_kind(bytes: &[u8]) -> WasmKind {
    if Parser::is_component(bytes) {
        WasmKind::Component
    } else if bytes.starts_with(b"\0asm") {
        WasmKind::CoreModule
    } else {
        WasmKind::Other
    }
}

/// Tells wasm-encoded WIT from components without decoding either: it exports types and nothing else, and holds nothing
/// that could run. Bytes that are neither may be taken for one or the other, and cannot be decoded as what they are taken
/// for.
pub fn looks_like_wit(bytes: &[u8]) -> bool {
    let mut exports_types = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ComponentExportSection(exports)) => {
                exports_types = true;
                let mut exports = exports.into_iter();
                if !exports.all(|export| export.is_ok_and(|export| export.kind == ComponentExternalKind::Type)) {
                    return false;
                }
            }
            Ok(
                Payload::ModuleSection { .. }
                | Payload::ComponentSection { .. }
                | Payload::ComponentImportSection(_)
                | Payload::InstanceSection(_)
                | Payload::ComponentInstanceSection(_),
            )
            | Err(_) => return false,
            Ok(_) => {}
        }
    }
    exports_types
}

/// Decodes the bytes of a component or of wasm-encoded WIT, after strict validation.
pub(crate) fn decode(bytes: &[u8]) -> Result<DecodedWasm, WitError> {
    validate(bytes)?;
    without_panic(&[], || wit_component::decode(bytes).map_err(|error| invalid(format!("not decodable: {error:#}"))))
}

/// Validates strictly, and tells the types of what is imported and exported.
pub(crate) fn validate(bytes: &[u8]) -> Result<Types, WitError> {
    without_panic(&[], || {
        Validator::new_with_features(WasmFeatures::all())
            .validate_all(bytes)
            .map_err(|error| invalid(format!("not valid WebAssembly: {error}")))
    })
}

fn invalid(message: String) -> WitError {
    WitError::Invalid { message, location: None, files: Vec::new() }
}

/// A package read from wasm-encoded WIT. Of other packages it holds partial views only, so that it cannot be hashed
/// until those packages themselves are there.
#[derive(Debug)]
pub struct EncodedWit {
    resolve: Resolve,
    main: PackageId,
}

impl EncodedWit {
    /// Decodes wasm-encoded WIT.
    ///
    /// # Errors
    /// If the bytes are too many, not valid, or a component or core module instead of WIT.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, WitError> {
        let max = limits.wasm_wit_size_bytes_max;
        LimitExceeded::check("the size of the wasm-encoded WIT in bytes", bytes.len(), max, "wasm_wit_size_bytes_max")?;
        let not_wit = |kind: &str| Err(invalid(format!("this is {kind}, not wasm-encoded WIT")));
        match wasm_kind(bytes) {
            WasmKind::CoreModule => return not_wit("a core WebAssembly module"),
            WasmKind::Other => return Err(invalid("this is not WebAssembly".to_owned())),
            WasmKind::Component => {}
        }
        match decode(bytes)? {
            DecodedWasm::WitPackage(resolve, main) => Ok(Self { resolve, main }),
            DecodedWasm::Component(..) => not_wit("a component"),
        }
    }

    /// The package's name.
    pub fn name(&self) -> PackageName {
        PackageName::from(&self.resolve.packages[self.main].name)
    }

    /// The packages that it refers to and holds views of.
    pub fn foreign_packages(&self) -> BTreeSet<PackageName> {
        let foreign = self.resolve.packages.iter().filter(|(id, _)| *id != self.main);
        foreign.map(|(_, package)| PackageName::from(&package.name)).collect()
    }

    /// Completes the package with those that it needs.
    ///
    /// # Errors
    /// [`WitError::MissingDependencies`] lists everything that is missing; [`WitError::Invalid`] if the package was
    /// encoded against other contents of a dependency.
    pub fn resolve(self, dependencies: Vec<UnresolvedWit>, limits: &Limits) -> Result<Wit, WitError> {
        let name = self.name();
        super::check::check_resolve(&self.resolve, limits)?;
        let text = print_package(&canonical_order(&self.resolve), self.main, true)?;
        let wit = UnresolvedWit::parse(&[SourceFile::new(format!("{name} (decoded)"), text)], limits)?
            .resolve(dependencies, limits)?;
        let differences = subset::package_differences(&self.resolve, wit.resolve(), |id| id != self.main);
        if !differences.is_empty() {
            return Err(invalid(format!(
                "`{name}` was encoded against packages that differ from those here: {}",
                differences.join("; ")
            )));
        }
        let decoded = identify_with(&self.resolve, self.main, wit.identities())
            .map_err(|error| CheckError::Encode(error).for_package(name.clone()))?;
        if decoded.hash != wit.identity()?.hash {
            return Err(invalid(format!(
                "`{name}` cannot be represented faithfully: its hash changes when it is printed"
            )));
        }
        Ok(wit)
    }
}

/// Why a package that parses cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// Its name is not the name of a release.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It refers to packages whose names are not names of releases.
    #[error("`{package}` depends on packages that cannot be published: {}", sentences(.reasons))]
    Dependencies {
        /// The package.
        package: PackageName,
        /// One reason for each dependency.
        reasons: Vec<NameError>,
    },
    /// It has no interfaces and no worlds.
    #[error("`{0}` is empty: a package needs at least one interface or world")]
    Empty(PackageName),
    /// It does not survive being encoded, validated and decoded, or printed and parsed.
    #[error("`{package}` cannot be represented faithfully: {reason}")]
    NotFaithful {
        /// The package.
        package: PackageName,
        /// Which step failed, and how.
        reason: String,
    },
    /// A step failed for a reason of its own.
    #[error(transparent)]
    Wit(#[from] WitError),
}

/// A package that may be published.
#[derive(Debug, Clone)]
pub struct AdmittedPackage {
    /// Its name.
    pub name: ReleaseName,
    /// Its identity.
    pub identity: PackageIdentity,
    /// Its canonical text, which parses to the same hash.
    pub text: String,
}

impl Wit {
    /// Checks that the main package may be published: a strict name, versioned dependencies, something in it, and the
    /// same hash after a round trip through WebAssembly and through text.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn admit(&self, limits: &Limits) -> Result<AdmittedPackage, AdmissionError> {
        let identity = self.identity()?;
        let name = ReleaseName::try_from(self.name())?;
        let reasons: Vec<NameError> =
            identity.dependencies.keys().filter_map(|name| ReleaseName::try_from(name).err()).collect();
        if !reasons.is_empty() {
            return Err(AdmissionError::Dependencies { package: self.name().clone(), reasons });
        }
        if identity.interfaces.is_empty() && identity.worlds.is_empty() {
            return Err(AdmissionError::Empty(self.name().clone()));
        }
        self.check_encoding(limits)?;
        let text = self.check_text(limits)?;
        Ok(AdmittedPackage { name, identity: identity.clone(), text })
    }

    /// The main package as wasm-encoded WIT.
    ///
    /// # Errors
    /// If the encoder or the validator refuses it, or the result would be too large.
    pub fn encode(&self, limits: &Limits) -> Result<Vec<u8>, WitError> {
        check_encoded(&self.resolve, self.main, limits)?;
        let bytes = without_panic(&[], || {
            wit_component::encode(&self.resolve, self.main)
                .map_err(|error| invalid(format!("`{}` cannot be encoded: {error:#}", self.name())))
        })?;
        validate(&bytes)?;
        Ok(bytes)
    }

    fn check_encoding(&self, limits: &Limits) -> Result<(), AdmissionError> {
        let not_faithful = |reason: String| AdmissionError::NotFaithful { package: self.name().clone(), reason };
        let bytes = self.encode(limits).map_err(|error| match error {
            WitError::Limit(_) => AdmissionError::Wit(error),
            other => not_faithful(other.to_string()),
        })?;
        let DecodedWasm::WitPackage(decoded, main) = decode(&bytes).map_err(|error| not_faithful(error.to_string()))?
        else {
            return Err(not_faithful("it decodes as a component".to_owned()));
        };
        let identity =
            identify_with(&decoded, main, self.identities()).map_err(|error| not_faithful(error.to_string()))?;
        if identity.hash != self.identity()?.hash {
            return Err(not_faithful("its hash changes when it is encoded as WebAssembly and decoded".to_owned()));
        }
        Ok(())
    }

    fn check_text(&self, limits: &Limits) -> Result<String, AdmissionError> {
        let not_faithful = |reason: String| AdmissionError::NotFaithful { package: self.name().clone(), reason };
        let printer = PackageText::new(self);
        let text = printer.file(self.name())?;
        let (what, max) = ("the size of the package's canonical text in bytes", limits.wit_size_bytes_max);
        LimitExceeded::check(what, text.len(), max, "wit_size_bytes_max").map_err(WitError::Limit)?;
        let flat = SourceFile::new(format!("{} (printed)", self.name()), printer.flat()?);
        let limits = Limits { wit_size_bytes_max: limits.closure_size_bytes_max, ..limits.clone() };
        let parsed = Self::parse(&[flat], &[], &limits).map_err(|error| not_faithful(error.to_string()))?;
        if parsed.identity()?.hash != self.identity()?.hash {
            return Err(not_faithful("its hash changes when it is printed and parsed".to_owned()));
        }
        Ok(text)
    }
}
