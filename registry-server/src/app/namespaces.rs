//! Claiming namespaces, and changing who owns them.

use super::access::Caller;
use super::{App, AppError, request};
use crate::store::{Claimed, OwnerChange};
use jiff::Timestamp;
use registry_core::limits::LimitExceeded;
use registry_core::name::{NameError, RESERVED_NAMESPACES, check_identifier};
use registry_core::wire::{Namespace, NamespaceClaim, NamespaceList, NamespaceSettings, Scope};

impl App {
    /// Makes the caller the owner of a namespace that nobody owns. Answers whether it was nobody's before.
    ///
    /// # Errors
    /// If others own it, it is reserved, or it imitates another.
    pub(crate) async fn claim_namespace(&self, caller: &Caller, json: &[u8]) -> Result<(bool, Namespace), AppError> {
        caller.require(Scope::Admin)?;
        let NamespaceClaim { name } = request(json)?;
        check_identifier(&name)?;
        caller.require_in(Scope::Admin, &name)?;
        self.check_reserved(caller, &name)?;
        let account = &caller.token.account;
        self.check_claims_of(account, &name).await?;
        match self.store.claim_namespace(&name, account, Timestamp::now()).await? {
            Claimed::Created => Ok((true, self.namespace(&name).await?)),
            Claimed::Present => Ok((false, self.namespace(&name).await?)),
            Claimed::Taken => Err(AppError::NamespaceTaken(self.namespace(&name).await?)),
            Claimed::TooSimilar(other) => Err(AppError::NamespaceTooSimilar { name, other }),
        }
    }

    /// A namespace that somebody owns.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn namespace(&self, name: &str) -> Result<Namespace, AppError> {
        let found = self.store.namespace(name).await?;
        found.ok_or_else(|| AppError::NotFound(format!("the namespace `{name}`")))
    }

    /// The namespaces whose names come after the given one, in the order of their names.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn namespaces(&self, after: &str, limit: usize) -> Result<NamespaceList, AppError> {
        let page = self.store.namespaces(after, limit).await?;
        let last = page.items.last().map(|namespace| namespace.name.clone());
        Ok(NamespaceList { next: last.filter(|_| page.more), namespaces: page.items })
    }

    /// Makes an account an owner of a namespace.
    ///
    /// # Errors
    /// If the caller may not, or there is no such account.
    pub(crate) async fn add_owner(&self, caller: &Caller, name: &str, account: &str) -> Result<Namespace, AppError> {
        let namespace = self.namespace_to_change(caller, Scope::Admin, name).await?;
        let owners = namespace.owners.len() + 1;
        LimitExceeded::check("the number of owners", owners, self.limits.owners_max, "owners_max")?;
        self.changed(name, account, self.store.add_owner(name, account).await?).await
    }

    /// Makes an account an owner no longer.
    ///
    /// # Errors
    /// If the caller may not, there is no such account, or nobody would be left.
    pub(crate) async fn remove_owner(&self, caller: &Caller, name: &str, account: &str) -> Result<Namespace, AppError> {
        self.namespace_to_change(caller, Scope::Admin, name).await?;
        self.changed(name, account, self.store.remove_owner(name, account).await?).await
    }

    /// Changes what only who runs the registry can.
    ///
    /// # Errors
    /// If the caller does not.
    pub(crate) async fn set_namespace(&self, caller: &Caller, name: &str, json: &[u8]) -> Result<Namespace, AppError> {
        caller.require_operator("change the settings of namespaces")?;
        caller.require_in(Scope::Admin, name)?;
        let NamespaceSettings { compatibility } = request(json)?;
        self.store.set_compatibility(name, compatibility).await?;
        self.namespace(name).await
    }

    async fn changed(&self, name: &str, account: &str, change: OwnerChange) -> Result<Namespace, AppError> {
        match change {
            OwnerChange::Done | OwnerChange::NoNamespace => self.namespace(name).await,
            OwnerChange::NoAccount => Err(AppError::UnknownAccount(account.to_owned())),
            OwnerChange::LastOwner => {
                Err(AppError::LastOwner { namespace: name.to_owned(), account: account.to_owned() })
            }
        }
    }

    /// Nobody owns what names hashes, nor what looks like it; what the operator keeps back is the operator's alone.
    fn check_reserved(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        if RESERVED_NAMESPACES.contains(&name) {
            return Err(NameError::Reserved(name.to_owned()).into());
        }
        if let Some(other) = RESERVED_NAMESPACES.iter().find(|reserved| skeleton(reserved) == skeleton(name)) {
            return Err(AppError::NamespaceTooSimilar { name: name.to_owned(), other: (*other).to_owned() });
        }
        if caller.is_operator() {
            return Ok(());
        }
        match self.reserved_namespaces.iter().find(|reserved| skeleton(reserved) == skeleton(name)) {
            Some(reserved) if reserved == name => Err(AppError::NamespaceReserved(name.to_owned())),
            Some(other) => Err(AppError::NamespaceTooSimilar { name: name.to_owned(), other: other.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses one more than an account may claim. What others made it an owner of does not count: nobody shall be able
    /// to use up what is another's.
    async fn check_claims_of(&self, account: &str, name: &str) -> Result<(), AppError> {
        if self.store.namespace(name).await?.is_some() {
            return Ok(());
        }
        let claimed = usize::try_from(self.store.claimed_by(account).await?).unwrap_or(usize::MAX);
        let (what, max) = (format!("the number of namespaces of `{account}`"), self.limits.namespaces_per_account_max);
        Ok(LimitExceeded::check(what, claimed.saturating_add(1), max, "namespaces_per_account_max")?)
    }
}

/// What two names that look alike have in common.
fn skeleton(name: &str) -> String {
    name.replace('-', "")
}
