//! Packages and components, wherever they come from, verified.

use super::{Kind, fetch, name_of, read};
use crate::arguments::Subject;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::local::{Dependencies, LocalComponent, LocalError, LocalInput, verify};
use registry_client::{Client, Fetched};
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::compatibility::{Comparison, compare, compare_components};
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::ObjectHash;
use registry_core::limits::Limits;
use registry_core::name::{ReleaseName, Spec};
use registry_core::wit::Wit;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What can be compared.
pub(super) enum Content {
    Package(Box<Wit>),
    Component(Box<VerifiedComponent>),
}

impl Content {
    /// Fetches what a person names, or reads it from this machine, with what it is called.
    pub(super) async fn of(
        subject: &Subject,
        deps: &[PathBuf],
        client: &Client,
        terminal: &Terminal,
    ) -> Result<(String, Self), Failure> {
        match subject {
            Subject::Path(path) => {
                let content = Self::of_path(path, deps, client, terminal).await?;
                let name = match &content {
                    Self::Package(wit) => wit.name().to_string(),
                    Self::Component(_) => path.display().to_string(),
                };
                Ok((name, content))
            }
            Subject::Spec(spec) => {
                let (release, fetched) = fetch(spec, client, terminal).await?;
                let name = name_of(release, &fetched).map_or_else(|| spec.to_string(), |name| name.to_string());
                Ok((name, Self::from(fetched)))
            }
        }
    }

    /// Reads something from this machine, with the first of these folders that has all it needs; in the end with the
    /// folder that it lies in, where packages of one collection lie beside each other.
    async fn of_path(path: &Path, deps: &[PathBuf], client: &Client, terminal: &Terminal) -> Result<Self, Failure> {
        let limits = client.limits();
        let named: Vec<Option<&Path>> = match deps {
            [] => vec![None],
            deps => deps.iter().map(|folder| Some(folder.as_path())).collect(),
        };
        let mut incomplete = None;
        for folder in named {
            match read(path, folder, limits, terminal) {
                Err(failure) if is_incomplete(&failure) => {
                    incomplete.get_or_insert(failure);
                }
                input => return Self::of_input(input?, folder, client, terminal).await,
            }
        }
        let around = fs::canonicalize(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let completed = around.as_ref().map(|around| read(path, Some(around), limits, terminal));
        match (completed, incomplete) {
            (Some(Ok(input)), _) => Self::of_input(input, around.as_deref(), client, terminal).await,
            (_, Some(failure)) | (Some(Err(failure)), None) => Err(failure),
            (None, None) => Err(LocalError::NoWit { path: path.to_owned() }.into()),
        }
    }

    /// Verifies what was read from this machine.
    pub(super) async fn of_input(
        input: LocalInput,
        deps: Option<&Path>,
        client: &Client,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        match input {
            LocalInput::Package(package) => Ok(Self::Package(Box::new(package.wit))),
            LocalInput::Component(component) => {
                let beside = component.path.parent().map(|folder| folder.join("deps")).unwrap_or_default();
                let deps = Dependencies::read(deps.unwrap_or(&beside), client.limits())?;
                let verified = match verify(&component, &deps, client.limits()) {
                    Err(LocalError::Missing { .. }) => fetch_packages_of(&component, client, terminal).await?,
                    verified => verified?,
                };
                Ok(Self::Component(Box::new(verified)))
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.hash().map_or(Kind::Package, Kind::from)
    }

    /// Its hash; none if a package has no identity, which cannot be.
    pub(super) fn hash(&self) -> Option<ObjectHash> {
        match self {
            Self::Package(wit) => wit.identity().ok().map(|identity| ObjectHash::Package(identity.hash)),
            Self::Component(component) => Some(ObjectHash::Component(component.hash())),
        }
    }

    /// What changed from `self` to `new`, if they are of one kind.
    pub(super) fn compare(&self, new: &Self, limits: &Limits) -> Option<Comparison> {
        match (self, new) {
            (Self::Package(old), Self::Package(new)) => Some(compare(old, new, limits)),
            (Self::Component(old), Self::Component(new)) => Some(compare_components(old, new, limits)),
            _ => None,
        }
    }
}

impl From<Fetched> for Content {
    fn from(fetched: Fetched) -> Self {
        match fetched {
            Fetched::Package(wit) => Self::Package(wit),
            Fetched::Component(fetched) => Self::Component(Box::new(fetched.component)),
        }
    }
}

/// Whether dependencies are missing, which may lie elsewhere.
fn is_incomplete(failure: &Failure) -> bool {
    matches!(failure, Failure::Error(error) if matches!(error.downcast_ref(), Some(LocalError::Missing { .. })))
}

/// Verifies a component with the packages that the registry has under the names that it uses.
async fn fetch_packages_of(
    component: &LocalComponent,
    client: &Client,
    terminal: &Terminal,
) -> Result<VerifiedComponent, Failure> {
    let mut packages: BTreeMap<ReleaseName, ClosurePackage> = BTreeMap::new();
    for name in &component.packages {
        if let (_, Fetched::Package(wit)) = fetch(&Spec::Release(name.clone()), client, terminal).await? {
            let closure = Closure::of(&wit).map_err(LocalError::from)?;
            packages.extend(closure.packages.into_iter().map(|package| (package.name.clone(), package)));
        }
    }
    let refused = |source| LocalError::Component { path: component.path.clone(), source: Box::new(source) };
    let decoded = DecodedComponent::decode(&component.bytes, client.limits()).map_err(refused)?;
    let closure = Closure { packages: packages.into_values().collect() };
    Ok(decoded.verify(&closure, client.limits()).map_err(refused)?)
}
