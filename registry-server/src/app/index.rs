//! What a search finds of packages and components.

use crate::store::SearchDocument;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentRecord, PackageRecord};

/// What a search finds of a package.
pub(super) fn package_document(record: &PackageRecord) -> SearchDocument {
    let items: Vec<&str> = record.interfaces.keys().chain(record.worlds.keys()).map(String::as_str).collect();
    SearchDocument::new(&name_text(&record.name), &items.join(" "), "", "")
}

/// What a search finds of a component under one of its names.
pub(super) fn component_document(name: &ReleaseName, record: &ComponentRecord) -> SearchDocument {
    let items: Vec<&str> = record.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    SearchDocument::new(&name_text(name), &items.join(" "), "", "")
}

fn name_text(name: &ReleaseName) -> String {
    format!("{} {}", name.namespace(), name.name())
}
