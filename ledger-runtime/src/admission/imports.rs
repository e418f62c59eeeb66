//! The contracts that a contract imports: which its component names, and whether those that are given are they.
//!
//! An import of another contract carries an `@external-id` that says which contract it means: on the import of
//! `starstream:utxo/<name>` and `starstream:token/<name>`, and on each function of `starstream:contract/scripts`, which may
//! be of different contracts. The component's hash covers these texts, so a component always means the same contracts.

use super::{AdmissionError, Executable};
use crate::profile::ExecutionProfile;
use ledger_core::ExternalId;
use registry_core::id::ComponentHash;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

/// The contracts that a contract imports, by the external ids with which it names them. Two ids may mean one contract.
pub type Imports = BTreeMap<ExternalId, Arc<Executable>>;

/// What the names of the interfaces begin with that stand for a type of UTXOs of another contract.
pub(crate) const UTXO_OF: &str = "starstream:utxo/";
/// What the names of the interfaces begin with that stand for a type of tokens of another contract.
pub(crate) const TOKEN_OF: &str = "starstream:token/";
/// The interface whose functions are scripts of other contracts.
pub(crate) const SCRIPTS: &str = "starstream:contract/scripts";

/// Which contracts the imports of a world name, each once.
///
/// # Errors
/// If an import that needs an external id has none, or one that names no contract.
pub fn external_ids(resolve: &Resolve, world: WorldId) -> Result<BTreeSet<ExternalId>, AdmissionError> {
    let mut ids = BTreeSet::new();
    for (key, item) in &resolve.worlds[world].imports {
        let (WorldKey::Interface(interface), WorldItem::Interface { external_id, .. }) = (key, item) else { continue };
        let name = resolve.name_world_key(key);
        if name == SCRIPTS {
            for function in resolve.interfaces[*interface].functions.values() {
                let import = || format!("{name}#{}", function.name);
                ids.insert(external_id_of(import, function.external_id.as_deref())?);
            }
        } else if name.starts_with(UTXO_OF) || name.starts_with(TOKEN_OF) {
            ids.insert(external_id_of(|| name.clone(), external_id.as_deref())?);
        }
    }
    Ok(ids)
}

fn external_id_of(import: impl Fn() -> String, text: Option<&str>) -> Result<ExternalId, AdmissionError> {
    let text = text.ok_or_else(|| AdmissionError::NoExternalId { import: import() })?;
    text.parse().map_err(|error| AdmissionError::BadExternalId { import: import(), error })
}

/// What a contract imports, with what these import, and how deep that goes.
pub(super) struct Imported {
    pub(super) direct: BTreeMap<ComponentHash, Arc<Executable>>,
    /// All that must be there for it, at any depth, each after those that it imports.
    pub(super) all: Vec<Arc<Executable>>,
    /// How many contracts stand in the longest chain of imports below it.
    pub(super) depth: usize,
}

impl Imported {
    /// Compares what a world names with what is given for it.
    pub(super) fn check(
        profile: &ExecutionProfile,
        named: &BTreeSet<ExternalId>,
        given: &Imports,
    ) -> Result<Self, AdmissionError> {
        check_count(profile, named.len())?;
        if let Some(id) = given.keys().find(|id| !named.contains(id)) {
            return Err(AdmissionError::SurplusImport { id: *id });
        }
        let mut imported = Self { direct: BTreeMap::new(), all: Vec::new(), depth: 0 };
        let mut known = BTreeSet::new();
        for id in named {
            let executable = given.get(id).ok_or(AdmissionError::MissingImport { id: *id })?;
            if !executable.is_meant_by(id) {
                return Err(AdmissionError::OtherImport { id: *id, contract: *executable.hash() });
            }
            imported.add(executable, &mut known);
        }
        imported.check_limits(profile)?;
        Ok(imported)
    }

    fn add(&mut self, executable: &Arc<Executable>, known: &mut BTreeSet<ComponentHash>) {
        self.direct.insert(*executable.hash(), Arc::clone(executable));
        let all = executable.imported.all.iter().chain([executable]);
        self.all.extend(all.filter(|contract| known.insert(*contract.hash())).cloned());
        self.depth = self.depth.max(executable.imported.depth.saturating_add(1));
    }

    fn check_limits(&self, profile: &ExecutionProfile) -> Result<(), AdmissionError> {
        let (count, max) = (self.all.len(), profile.imported_contracts_max);
        if count > max {
            return Err(AdmissionError::TooManyImported { count, max });
        }
        let size_bytes = self.all.iter().map(|contract| contract.component_size_bytes()).sum();
        let max = profile.imported_size_bytes_max;
        if size_bytes > max {
            return Err(AdmissionError::ImportedTooLarge { size_bytes, max });
        }
        let (depth, max) = (self.depth, profile.import_depth_max);
        if depth > max { Err(AdmissionError::ImportsTooDeep { depth, max }) } else { Ok(()) }
    }
}

/// Checks how many contracts a component names, before anybody looks for them.
///
/// # Errors
/// If they are too many.
pub(crate) fn check_count(profile: &ExecutionProfile, count: usize) -> Result<(), AdmissionError> {
    let max = profile.imports_max;
    if count > max { Err(AdmissionError::TooManyImports { count, max }) } else { Ok(()) }
}

impl Executable {
    /// Whether an external id is one of this contract.
    fn is_meant_by(&self, id: &ExternalId) -> bool {
        match id {
            ExternalId::Contract(hash) => *hash == self.hash,
            ExternalId::Sha256(digest) => *digest == self.sha256,
        }
    }
}
