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
use std::path::Path;

/// What can be compared.
pub(super) enum Content {
    Package(Box<Wit>),
    Component(Box<VerifiedComponent>),
}

impl Content {
    /// Fetches what a person names, or reads it from this machine, with what it is called.
    pub(super) async fn of(
        subject: &Subject,
        deps: Option<&Path>,
        client: &Client,
        terminal: &Terminal,
    ) -> Result<(String, Self), Failure> {
        match subject {
            Subject::Path(path) => {
                let content = Self::read(path, deps, client, terminal).await?;
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

    /// Reads something from this machine.
    pub(super) async fn read(
        path: &Path,
        deps: Option<&Path>,
        client: &Client,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        match read(path, deps, client.limits(), terminal)? {
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
