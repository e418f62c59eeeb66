//! `registry.toml`: what a project needs.

use super::error::ProjectError;
use super::requirement::{PackagePath, Range, Requirement};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use toml_edit::DocumentMut;

/// The file's name.
pub const MANIFEST_FILE: &str = "registry.toml";

/// The folder of a project's WIT if nothing else is said.
pub const WIT_FOLDER: &str = "wit";

/// What a new project's file says.
const NEW: &str = "\
# What this project needs from a registry. `registry add` adds to it, `registry fetch` puts it into `deps`.

[package]
# The folder with this project's own WIT.
wit = \"wit\"

[dependencies]
";

/// A project's requirements, and the text that they stand in.
#[derive(Debug, Clone)]
pub struct Manifest {
    document: DocumentMut,
    wit: PathBuf,
    registry: Option<String>,
    requirements: BTreeSet<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    package: PackageContent,
    #[serde(default)]
    registry: RegistryContent,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageContent {
    wit: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryContent {
    url: Option<String>,
}

impl Manifest {
    /// Reads the text of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// If it is not TOML, says something else than it can say, or has a requirement that is none.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProjectError> {
        let invalid = |reason: String| ProjectError::Manifest { path: path.to_owned(), reason };
        let content: Content = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let document = text.parse::<DocumentMut>().map_err(|error| invalid(error.to_string()))?;
        let mut requirements = BTreeSet::new();
        for (name, value) in content.dependencies {
            let refused = |reason: String| invalid(format!("the requirement `{name}`: {reason}"));
            let path = name.parse::<PackagePath>().map_err(|error| refused(error.to_string()))?;
            for range in ranges(&value).map_err(refused)? {
                requirements.insert(Requirement { path: path.clone(), range });
            }
        }
        let wit = PathBuf::from(content.package.wit.unwrap_or_else(|| WIT_FOLDER.to_owned()));
        if wit.as_os_str().is_empty() || !wit.components().all(is_inside) {
            return Err(invalid(format!("`wit = \"{}\"` is not a folder inside the project", wit.display())));
        }
        Ok(Self { document, wit, registry: content.registry.url, requirements })
    }

    /// The requirements of a new project whose WIT is in a folder.
    ///
    /// # Errors
    /// If the folder is not one inside the project.
    pub fn new(wit: &Path, path: &Path) -> Result<Self, ProjectError> {
        let mut document = NEW
            .parse::<DocumentMut>()
            .map_err(|error| ProjectError::Manifest { path: path.to_owned(), reason: error.to_string() })?;
        if let Some(value) = document.get_mut("package").and_then(|package| package.get_mut("wit")) {
            *value = toml_edit::value(wit.display().to_string());
        }
        Self::parse(&document.to_string(), path)
    }

    /// The folder of the project's own WIT, inside the project's.
    pub fn wit(&self) -> &Path {
        &self.wit
    }

    /// The URL of the registry, if the project has its own.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// Which versions of which packages the project needs.
    pub fn requirements(&self) -> &BTreeSet<Requirement> {
        &self.requirements
    }

    /// Requires a package in some ranges, instead of those that were there. Comments and order stay as they are.
    ///
    /// # Errors
    /// If `dependencies` is not a table.
    pub fn require(&mut self, path: &PackagePath, ranges: &BTreeSet<Range>) -> Result<(), ProjectError> {
        let dependencies = self.document.entry("dependencies").or_insert_with(toml_edit::table);
        let table = dependencies.as_table_like_mut().ok_or_else(|| ProjectError::Manifest {
            path: MANIFEST_FILE.into(),
            reason: "`dependencies` is not a table".to_owned(),
        })?;
        let (name, new) = (path.to_string(), written(ranges));
        match table.get_mut(&name).and_then(toml_edit::Item::as_value_mut) {
            Some(value) => {
                let decor = value.decor().clone();
                *value = new;
                *value.decor_mut() = decor;
            }
            None => {
                table.insert(&name, toml_edit::value(new));
            }
        }
        self.requirements.retain(|requirement| &requirement.path != path);
        let required = ranges.iter().map(|range| Requirement { path: path.clone(), range: range.clone() });
        self.requirements.extend(required);
        Ok(())
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.document.to_string()
    }
}

/// One range, or a list of them.
fn ranges(value: &toml::Value) -> Result<Vec<Range>, String> {
    let values = match value {
        toml::Value::Array(values) if !values.is_empty() => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    let range = |value: &toml::Value| match value.as_str() {
        Some(text) => text.parse::<Range>().map_err(|error| error.to_string()),
        None => Err("write a range in quotes, such as \"0.2.4\", or a list of them".to_owned()),
    };
    values.iter().map(range).collect()
}

fn written(ranges: &BTreeSet<Range>) -> toml_edit::Value {
    let mut texts = ranges.iter().map(ToString::to_string);
    match (texts.next(), ranges.len()) {
        (Some(text), 1) => text.into(),
        (first, _) => first.into_iter().chain(texts).collect::<toml_edit::Array>().into(),
    }
}

/// A project writes into its own folder only.
fn is_inside(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(_) | Component::CurDir)
}
