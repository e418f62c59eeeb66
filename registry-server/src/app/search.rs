//! What is found by words, by interfaces and by parts of hashes.

use super::{App, AppError};
use crate::store::{HashRange, InterfaceChoice, Page, SearchKey, SearchKind, UserKey, words_of};
use registry_core::component::Direction;
use registry_core::id::{ComponentHash, HashPrefix, InterfaceId, PackageHash, ViewId};
use registry_core::limits::LimitExceeded;
use registry_core::name::InterfaceSpec;
use registry_core::wire::{Dependent, FoundItem, HashMatches, InterfaceUser, SearchHit, Sha256Matches};
use std::collections::BTreeSet;

impl App {
    /// The words to search for in a text, each once.
    ///
    /// # Errors
    /// If they are too long or too many.
    pub(crate) fn search_words(&self, text: &str) -> Result<Vec<String>, LimitExceeded> {
        let max = self.limits.search_size_bytes_max;
        LimitExceeded::check("the size of the words in bytes", text.len(), max, "search_size_bytes_max")?;
        let words: BTreeSet<String> = words_of(text).filter(|word| !word.is_empty()).collect();
        LimitExceeded::check("the number of words", words.len(), self.limits.search_words_max, "search_words_max")?;
        Ok(words.into_iter().collect())
    }

    /// The names in whose newest release every word stands, or a word that begins with it. Without words nothing is
    /// found.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn search(
        &self,
        words: &[String],
        kind: Option<SearchKind>,
        after: Option<&SearchKey>,
        length: usize,
    ) -> Result<Page<SearchHit>, AppError> {
        Ok(self.store.search(words, kind, after, length).await?)
    }

    /// Where the interfaces and worlds of an id stand, after a package's hash, a kind and a name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn items_with_id(
        &self,
        id: &InterfaceId,
        after: [&str; 3],
        length: usize,
    ) -> Result<Page<FoundItem>, AppError> {
        Ok(self.store.items_with_id(id, after, length).await?)
    }

    /// The components and worlds that import or export an interface.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn interface_users(
        &self,
        interface: &InterfaceSpec,
        direction: Option<Direction>,
        after: &UserKey,
        length: usize,
    ) -> Result<Page<InterfaceUser>, AppError> {
        let choice = match interface {
            InterfaceSpec::Id(id) => InterfaceChoice::Id(*id),
            InterfaceSpec::Name { package, .. } if package.version.is_some() => {
                InterfaceChoice::Name(interface.to_string())
            }
            InterfaceSpec::Name { .. } => InterfaceChoice::AnyVersion(interface.to_string()),
        };
        let names_max = self.limits.names_listed_max;
        Ok(self.store.interface_users(&choice, direction, after, length, names_max).await?)
    }

    /// The packages and components that refer to a package directly, after a hash.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is no such package.
    pub(crate) async fn dependents(
        &self,
        package: &PackageHash,
        after: &str,
        length: usize,
    ) -> Result<Page<Dependent>, AppError> {
        self.package(package).await?;
        Ok(self.store.dependents(package, after, length, self.limits.names_listed_max).await?)
    }

    /// Everything whose hash or id begins so, the first of them if there are many.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn hashes(&self, prefix: &HashPrefix) -> Result<HashMatches, AppError> {
        const KINDS: [&str; 4] = [PackageHash::PREFIX, ComponentHash::PREFIX, InterfaceId::PREFIX, ViewId::PREFIX];
        let is_meant = |kind: &&str| prefix.kind().is_none_or(|letter| kind.ends_with(letter));
        let ranges: Vec<HashRange> =
            KINDS.into_iter().filter(is_meant).map(|kind| HashRange::new(kind, prefix.digits())).collect();
        let (matches_max, names_max) = (self.limits.hash_matches_max, self.limits.names_listed_max);
        let page = self.store.hashes_in(&ranges, matches_max, names_max).await?;
        Ok(HashMatches { matches: page.items, more: page.more })
    }

    /// The components with bytes of this sha256, and the packages that were uploaded in bytes that have it.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn by_sha256(&self, sha256: &str) -> Result<Sha256Matches, AppError> {
        let (matches_max, names_max) = (self.limits.hash_matches_max, self.limits.names_listed_max);
        Ok(Sha256Matches { matches: self.store.objects_by_sha256(sha256, matches_max, names_max).await? })
    }
}
