//! Namespaces and who owns them.

use crate::client::{Client, other, parse, same};
use crate::error::ClientError;
use crate::pages::{Items, Question, items};
use registry_core::name::check_identifier;
use registry_core::wire::{Namespace, NamespaceClaim, NamespaceList, NamespaceSettings, TokenInfo, Whoami};
use reqwest::{Method, StatusCode};

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Whether this claim made it; if not, it belonged to the same account already.
    pub created: bool,
    /// What is owned now.
    pub namespace: Namespace,
}

/// Into which of some namespaces an account can publish. What is in neither list is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The account that the client's token speaks for.
    pub account: String,
    /// The token that was used.
    pub token: TokenInfo,
    /// The namespaces that nobody owns, in the order of the question.
    pub unclaimed: Vec<String>,
    /// The namespaces that others own.
    pub foreign: Vec<Namespace>,
}

impl Client {
    /// Finds out, before anything is sent, whether the client's account owns these namespaces.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `token_required` or `token_invalid`; else if the registry cannot be used.
    pub async fn ownership(&self, namespaces: impl IntoIterator<Item = &str>) -> Result<Ownership, ClientError> {
        let Whoami { account, token, namespaces: owned, .. } = self.whoami().await?;
        let mut ownership = Ownership { account, token, unclaimed: Vec::new(), foreign: Vec::new() };
        for name in namespaces {
            if owned.iter().any(|owned| owned == name) {
                continue;
            }
            match self.namespace(name).await? {
                Some(namespace) => ownership.foreign.push(namespace),
                None => ownership.unclaimed.push(name.to_owned()),
            }
        }
        Ok(ownership)
    }

    /// A namespace, if somebody owns it.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn namespace(&self, name: &str) -> Result<Option<Namespace>, ClientError> {
        check_identifier(name)?;
        match self.get_record(&["namespaces", name]).await {
            Ok(namespace) => checked(name, namespace).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All namespaces that somebody owns, in the order of their names, fetched page by page.
    pub fn namespaces(&self) -> Items<Namespace> {
        let question = Question::new(self, &["namespaces"], Vec::new());
        items(question, |page: NamespaceList| (page.namespaces, page.next), |_| Ok(()))
    }

    /// Makes the client's account the owner of a namespace that nobody owns yet.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `namespace_taken`, `namespace_too_similar` or `reserved_namespace`.
    pub async fn claim_namespace(&self, name: &str) -> Result<Claimed, ClientError> {
        check_identifier(name)?;
        let claim = NamespaceClaim { name: name.to_owned() };
        let answer = self.change_with(Method::POST, &["namespaces"], &claim).await?;
        let namespace = checked(name, parse(&answer)?)?;
        Ok(Claimed { created: answer.status == StatusCode::CREATED, namespace })
    }

    /// Adds an account to the owners of a namespace.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `unknown_account` or `forbidden`.
    pub async fn add_owner(&self, namespace: &str, account: &str) -> Result<Namespace, ClientError> {
        self.change_owner(Method::PUT, namespace, account).await
    }

    /// Removes an account from the owners of a namespace, unless it is the last one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `last_owner` or `forbidden`.
    pub async fn remove_owner(&self, namespace: &str, account: &str) -> Result<Namespace, ClientError> {
        self.change_owner(Method::DELETE, namespace, account).await
    }

    /// Sets what the registry's operator can set of a namespace.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `forbidden` if the token is not an operator's.
    pub async fn set_namespace(&self, name: &str, settings: &NamespaceSettings) -> Result<Namespace, ClientError> {
        check_identifier(name)?;
        let answer = self.change_with(Method::PATCH, &["namespaces", name], settings).await?;
        let namespace = checked(name, parse(&answer)?)?;
        if namespace.compatibility == settings.compatibility {
            return Ok(namespace);
        }
        Err(other(format!("other settings of {name}"), "the old ones"))
    }

    async fn change_owner(&self, method: Method, namespace: &str, account: &str) -> Result<Namespace, ClientError> {
        [namespace, account].into_iter().try_for_each(check_identifier)?;
        let is_wanted = method == Method::PUT;
        let answer = self.change(method, &["namespaces", namespace, "owners", account]).await?;
        let changed = checked(namespace, parse(&answer)?)?;
        if changed.owners.iter().any(|owner| owner == account) == is_wanted {
            return Ok(changed);
        }
        Err(other(format!("other owners of {namespace}"), changed.owners.join(", ")))
    }
}

fn checked(name: &str, namespace: Namespace) -> Result<Namespace, ClientError> {
    same(&name, &namespace.name.as_str())?;
    Ok(namespace)
}
