//! Search, and who uses what.
//!
//! What these answers say about names, interfaces and users is the registry's word: nobody can recompute what a registry
//! has. Whatever is fetched by one of the hashes is verified as always.

use crate::client::{Client, other};
use crate::error::ClientError;
use crate::pages::{Items, Question, items};
use registry_core::component::Direction;
use registry_core::id::{HashPrefix, InterfaceId, PackageHash};
use registry_core::limits::LimitExceeded;
use registry_core::name::InterfaceSpec;
use registry_core::wire::{
    Dependent, DependentList, FoundItem, HashMatches, InterfaceUser, InterfaceUserList, ItemList, ReleaseTarget,
    SearchHit, SearchPage, Sha256Match, Sha256Matches,
};

/// What a search can be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// WIT packages.
    Package,
    /// Components.
    Component,
}

impl SearchKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Component => "component",
        }
    }

    fn includes(self, target: &ReleaseTarget) -> bool {
        match self {
            Self::Package => matches!(target, ReleaseTarget::Package(_)),
            Self::Component => matches!(target, ReleaseTarget::Component(_)),
        }
    }
}

impl Client {
    /// The names whose newest release has every one of the words, or begins of them, in its name, its items or its docs;
    /// the best first.
    ///
    /// # Errors
    /// [`ClientError::Limit`] if the words are too long; the items are errors if the registry cannot be used.
    pub fn search(&self, words: &str, kind: Option<SearchKind>) -> Result<Items<SearchHit>, ClientError> {
        let max = self.transport().search_size_bytes_max;
        LimitExceeded::check("the size of the words in bytes", words.len(), max, "search_size_bytes_max")?;
        let mut parameters = vec![("q", words.to_owned())];
        parameters.extend(kind.map(|kind| ("kind", kind.as_str().to_owned())));
        let question = Question::new(self, &["search"], parameters);
        let check = move |hit: &SearchHit| match kind {
            Some(kind) if !kind.includes(&hit.target) => Err(other(format!("a {}", kind.as_str()), &hit.name)),
            _ => Ok(()),
        };
        Ok(items(question, |page: SearchPage| (page.hits, page.next), check))
    }

    /// The places of an interface or a world: packages of other versions, or others that declare the very same.
    pub fn items(&self, id: &InterfaceId) -> Items<FoundItem> {
        let question = Question::new(self, &["interfaces", &id.to_string()], Vec::new());
        items(question, |page: ItemList| (page.items, page.next), |_| Ok(()))
    }

    /// The components and worlds that import or export an interface; both if no direction is given.
    pub fn interface_users(&self, interface: &InterfaceSpec, direction: Option<Direction>) -> Items<InterfaceUser> {
        let mut parameters = vec![("interface", interface.to_string())];
        parameters.extend(direction.map(|direction| ("direction", direction_word(direction).to_owned())));
        let question = Question::new(self, &["users"], parameters);
        let interface = interface.clone();
        let check = move |user: &InterfaceUser| {
            let is_asked_for = is_meant(&interface, user) && direction.is_none_or(|asked| asked == user.direction);
            if is_asked_for {
                Ok(())
            } else {
                Err(other(format!("users of {interface}"), format!("a user of {}", user.interface)))
            }
        };
        items(question, |page: InterfaceUserList| (page.users, page.next), check)
    }

    /// The packages and components that refer to a package directly.
    pub fn dependents(&self, package: &PackageHash) -> Items<Dependent> {
        let question = Question::new(self, &["packages", &package.to_string(), "dependents"], Vec::new());
        items(question, |page: DependentList| (page.dependents, page.next), |_| Ok(()))
    }

    /// Everything whose hash or id begins so.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn hashes(&self, prefix: &HashPrefix) -> Result<HashMatches, ClientError> {
        let found: HashMatches = self.get_record(&["hashes", &prefix.to_string()]).await?;
        match found.matches.iter().find(|found| !prefix.matches(&found.hash)) {
            Some(surplus) => Err(other(prefix, &surplus.hash)),
            None => Ok(found),
        }
    }

    /// The components with bytes of this sha256, and the packages that were uploaded in such a form.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn by_sha256(&self, sha256: &[u8; 32]) -> Result<Vec<Sha256Match>, ClientError> {
        let found: Sha256Matches = self.get_record(&["sha256", &hex::encode(sha256)]).await?;
        Ok(found.matches)
    }
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "import",
        Direction::Export => "export",
    }
}

/// Whether what is said to be used is the interface that was asked about.
fn is_meant(interface: &InterfaceSpec, user: &InterfaceUser) -> bool {
    match interface {
        InterfaceSpec::Id(id) => &user.id == id,
        InterfaceSpec::Name { package, .. } if package.version.is_some() => user.interface == interface.to_string(),
        InterfaceSpec::Name { .. } => {
            user.interface.split_once('@').is_some_and(|(name, _)| name == interface.to_string())
        }
    }
}
