//! What can be wrong with what is on this machine.

use registry_core::component::ComponentError;
use registry_core::limits::LimitExceeded;
use registry_core::name::{NameError, PackageName};
use registry_core::wit::{AdmissionError, WitError};
use std::path::{Path, PathBuf};

/// Why a local path could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The operating system refused.
    #[error("cannot read `{}`", .path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: std::io::Error,
    },
    /// A pipe, a socket or a device.
    #[error("`{}` is neither a file nor a folder", .path.display())]
    NotAFile {
        /// What was to be read.
        path: PathBuf,
    },
    /// Not text.
    #[error("`{}` is neither WebAssembly nor UTF-8 text", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A folder without a package.
    #[error("there is no `.wit` file in `{}`", .path.display())]
    NoWit {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with a component, whose WIT is the component's world and not a package to publish.
    #[error("`{}` is the folder of a component", .path.display())]
    ComponentFolder {
        /// The folder.
        path: PathBuf,
        /// The component in it.
        component: PathBuf,
    },
    /// A limit was crossed.
    #[error("`{}` is too large", .path.display())]
    Limit {
        /// The file or folder.
        path: PathBuf,
        /// Which limit.
        #[source]
        source: LimitExceeded,
    },
    /// WIT text is not valid; the message names file, line and column.
    #[error(transparent)]
    Wit(Box<WitError>),
    /// Wasm-encoded WIT is not valid.
    #[error("`{}` is not wasm-encoded WIT that can be used", .path.display())]
    Wasm {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<WitError>,
    },
    /// A component is not valid.
    #[error("`{}` is not a component that can be used", .path.display())]
    Component {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<ComponentError>,
    },
    /// Two entries of one folder hold the same package.
    #[error("`{name}` is in `{}` and again in `{}`", .first.display(), .second.display())]
    Repeated {
        /// The package.
        name: Box<PackageName>,
        /// Where it was found first.
        first: PathBuf,
        /// Where it was found again.
        second: PathBuf,
    },
    /// Packages that are referred to and that are not there.
    #[error("`{package}` needs packages that are not in `{}`: {}", .searched.display(), list(.missing))]
    Missing {
        /// The package that was read.
        package: Box<PackageName>,
        /// What is missing, in the order of names.
        missing: Vec<PackageName>,
        /// The folder in which they were looked for.
        searched: PathBuf,
    },
    /// The package is valid WIT and cannot be published.
    #[error(transparent)]
    Admission(Box<AdmissionError>),
}

impl From<WitError> for LocalError {
    fn from(error: WitError) -> Self {
        Self::Wit(Box::new(error))
    }
}

impl From<AdmissionError> for LocalError {
    fn from(error: AdmissionError) -> Self {
        Self::Admission(Box::new(error))
    }
}

impl LocalError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn wasm(path: &Path, source: WitError) -> Self {
        Self::Wasm { path: path.to_owned(), source: Box::new(source) }
    }

    pub(super) fn component(path: &Path, source: ComponentError) -> Self {
        Self::Component { path: path.to_owned(), source: Box::new(source) }
    }

    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::NotAFile { .. } | Self::NotUtf8 { .. } | Self::NoWit { .. } => "invalid_input",
            Self::ComponentFolder { .. } => "component_folder",
            Self::Limit { .. } => "limit_exceeded",
            Self::Wit(_) | Self::Wasm { .. } | Self::Repeated { .. } => "invalid_wit",
            Self::Component { .. } => "invalid_component",
            Self::Missing { .. } => "missing_dependencies",
            Self::Admission(_) => "not_publishable",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoWit { path } if path.join("wit").is_dir() => {
                Some(format!("did you mean `{}`?", path.join("wit").display()))
            }
            Self::NoWit { .. } => Some("name the folder that holds the package's `.wit` files".to_owned()),
            Self::ComponentFolder { component, .. } => Some(format!("name `{}`", component.display())),
            Self::NotUtf8 { .. } => {
                Some("give a WIT folder, a `.wit` file, wasm-encoded WIT or a component".to_owned())
            }
            Self::Component { source, .. } => component_hint(source),
            Self::Repeated { .. } => Some("keep one of the two".to_owned()),
            Self::Missing { searched, .. } if lies_in_deps(searched) => Some(format!(
                "if they are beside the file, say so: `--deps {}`",
                searched.parent().unwrap_or(searched).display()
            )),
            Self::Missing { searched, .. } => Some(missing_hint(searched)),
            Self::Admission(error) => admission_hint(error),
            Self::Io { .. } | Self::NotAFile { .. } | Self::Limit { .. } | Self::Wit(_) | Self::Wasm { .. } => None,
        }
    }
}

/// Whether the folder was looked for beside a file that lies among dependencies itself.
fn lies_in_deps(searched: &Path) -> bool {
    !searched.exists() && searched.parent().is_some_and(|folder| folder.ends_with("deps"))
}

/// `fetch` writes a folder of its own, so that what is in it has to be copied into one that holds other packages.
fn missing_hint(searched: &Path) -> String {
    let folder = searched.display();
    format!(
        "name another folder with `--deps`, or put them into that one, each with `registry fetch NAME -o tmp` and `mkdir \
         -p {folder} && cp -r tmp/*.wit {folder}`, and what is in `tmp/deps` too"
    )
}

fn component_hint(error: &ComponentError) -> Option<String> {
    match error {
        ComponentError::CoreModule => {
            Some("make a component of it: `wasm-tools component new MODULE -o COMPONENT`".to_owned())
        }
        _ => None,
    }
}

fn admission_hint(error: &AdmissionError) -> Option<String> {
    match error {
        AdmissionError::Name(NameError::Unversioned(name)) if name.starts_with("root:") => {
            Some("this is the world of a component: publish the component itself, the `.wasm` file".to_owned())
        }
        AdmissionError::Name(NameError::Unversioned(name)) => {
            Some(format!("give the package a version: `package {name}@0.1.0;`"))
        }
        AdmissionError::Name(NameError::Reserved(_)) => Some("choose a namespace of your own".to_owned()),
        AdmissionError::Dependencies { .. } => {
            Some("refer to exact versions: `namespace:name/interface@1.2.3`".to_owned())
        }
        _ => None,
    }
}

fn list(names: &[PackageName]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
