//! `registry.toml`: what a project needs.

use super::error::ProjectError;
use super::requirement::{PackagePath, Range};
use serde::Deserialize;
use std::collections::BTreeMap;
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
    requirements: BTreeMap<PackagePath, Range>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    package: PackageContent,
    #[serde(default)]
    registry: RegistryContent,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
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
        let requirement = |(name, range): (String, String)| {
            let refused = |error| invalid(format!("the requirement `{name}`: {error}"));
            let path = name.parse::<PackagePath>().map_err(refused)?;
            Ok((path, range.parse::<Range>().map_err(refused)?))
        };
        let requirements = content.dependencies.into_iter().map(requirement).collect::<Result<_, ProjectError>>()?;
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
    pub fn requirements(&self) -> &BTreeMap<PackagePath, Range> {
        &self.requirements
    }

    /// Adds a requirement or changes its range. Comments and order stay as they are.
    ///
    /// # Errors
    /// If `dependencies` is not a table.
    pub fn require(&mut self, path: &PackagePath, range: Range) -> Result<(), ProjectError> {
        let dependencies = self.document.entry("dependencies").or_insert_with(toml_edit::table);
        let table = dependencies.as_table_like_mut().ok_or_else(|| ProjectError::Manifest {
            path: MANIFEST_FILE.into(),
            reason: "`dependencies` is not a table".to_owned(),
        })?;
        let name = path.to_string();
        match table.get_mut(&name).and_then(toml_edit::Item::as_value_mut) {
            Some(value) => {
                let decor = value.decor().clone();
                *value = toml_edit::Value::from(range.to_string());
                *value.decor_mut() = decor;
            }
            None => {
                table.insert(&name, toml_edit::value(range.to_string()));
            }
        }
        self.requirements.insert(path.clone(), range);
        Ok(())
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.document.to_string()
    }
}

/// A project writes into its own folder only.
fn is_inside(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(_) | Component::CurDir)
}
