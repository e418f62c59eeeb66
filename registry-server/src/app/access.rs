//! Who asks, and whether they may.

use super::{App, AppError, sha256_hex};
use jiff::Timestamp;
use registry_core::wire::{Namespace, Scope, TokenInfo};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tracing::Span;

/// What every token begins with, so that people and secret scanners recognise one.
pub(crate) const TOKEN_PREFIX: &str = "regt_";

/// Whom a request speaks for, by a token that is good.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The token.
    pub(super) token: TokenInfo,
    /// Whether its account runs the registry.
    pub(super) operator: bool,
}

/// Why a token is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    /// Nothing that this registry has made.
    #[error("this registry does not know the token")]
    Unknown,
    /// Too old.
    #[error("the token `{id}` expired at {at}")]
    Expired {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Taken back.
    #[error("the token `{id}` was revoked at {at}")]
    Revoked {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Good when the request began, and no longer.
    #[error("the token `{id}` was revoked or has expired while the upload was received")]
    Gone {
        /// Its id.
        id: String,
    },
}

impl App {
    /// Whom a token's secret speaks for.
    ///
    /// # Errors
    /// [`AppError::Token`] if it is not good.
    pub(crate) async fn authenticate(&self, secret: &SecretString) -> Result<Caller, AppError> {
        let sha256 = secret_sha256(secret);
        let found = self.store.token_by_sha256(&sha256).await?;
        // The look-up itself compares sha256s, of which nobody can choose a part; the comparison here takes as long for
        // a wrong one as for the right one.
        let is_same = |found: &str| bool::from(found.as_bytes().ct_eq(sha256.as_bytes()));
        let token = found.filter(|token| is_same(&token.sha256)).ok_or(TokenFault::Unknown)?;
        let caller = Caller { token: token.info, operator: token.operator };
        // The log says whose request this is, above all if the token is not good any more.
        Span::current().record("account", caller.token.account.as_str()).record("token", caller.token.id.as_str());
        caller.check_good(Timestamp::now())?;
        Ok(caller)
    }

    /// How long a client may go on with a caller's token before it asks again whether it is good.
    pub(crate) fn token_duration(&self, caller: &Caller, now: Timestamp) -> Duration {
        let max = self.limits.oci_token_duration_max;
        let left = caller.token.expires_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        left.map_or(max, |left| left.min(max))
    }

    /// The namespace, if the caller may change it: as one of its owners, or as the operator.
    pub(super) async fn namespace_to_change(
        &self,
        caller: &Caller,
        scope: Scope,
        name: &str,
    ) -> Result<Namespace, AppError> {
        caller.require_in(scope, name)?;
        let found = self.store.namespace(name).await?;
        let namespace = found.ok_or_else(|| AppError::NotFound(format!("the namespace `{name}`")))?;
        if caller.is_operator() || namespace.owners.contains(&caller.token.account) {
            return Ok(namespace);
        }
        Err(not_owner(caller, &namespace))
    }

    /// Refuses those who may not publish into a namespace. Who runs the registry must own it as well.
    pub(super) async fn check_publisher(&self, caller: &Caller, name: &str) -> Result<Namespace, AppError> {
        caller.require_in(Scope::Publish, name)?;
        let namespace = self.store.namespace(name).await?;
        let namespace = namespace.ok_or_else(|| AppError::NotClaimed { namespace: name.to_owned() })?;
        if namespace.owners.contains(&caller.token.account) {
            return Ok(namespace);
        }
        Err(not_owner(caller, &namespace))
    }
}

impl Caller {
    /// Whether the caller may do what owners do in every namespace that the token is good for.
    pub(super) fn is_operator(&self) -> bool {
        self.operator && self.token.scopes.contains(&Scope::Admin)
    }

    /// Refuses a token that lacks a scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), AppError> {
        if self.token.scopes.contains(&scope) {
            return Ok(());
        }
        let message = format!("the token `{}` lacks the scope `{scope}`", self.token.id);
        Err(AppError::Forbidden { message, hint: format!("make one with `registry token create --scope {scope}`") })
    }

    /// Refuses a token that lacks a scope or is not good for a namespace.
    pub(super) fn require_in(&self, scope: Scope, namespace: &str) -> Result<(), AppError> {
        self.require(scope)?;
        match &self.token.namespace {
            Some(only) if only != namespace => {
                let message = format!(
                    "the token `{}` is good for the namespace `{only}` alone, not for `{namespace}`",
                    self.token.id
                );
                let hint = format!("make one with `registry token create --scope {scope} --namespace {namespace}`");
                Err(AppError::Forbidden { message, hint })
            }
            _ => Ok(()),
        }
    }

    /// Refuses everybody but who runs the registry.
    pub(super) fn require_operator(&self, to: &str) -> Result<(), AppError> {
        self.require(Scope::Admin)?;
        if self.operator {
            return Ok(());
        }
        let message = format!("only who runs the registry can {to}; `{}` does not", self.token.account);
        Err(AppError::Forbidden { message, hint: "ask the registry's operator".to_owned() })
    }

    fn check_good(&self, now: Timestamp) -> Result<(), TokenFault> {
        let TokenInfo { id, revoked_at, expires_at, .. } = &self.token;
        if let Some(at) = *revoked_at {
            return Err(TokenFault::Revoked { id: id.clone(), at });
        }
        match *expires_at {
            Some(at) if at <= now => Err(TokenFault::Expired { id: id.clone(), at }),
            _ => Ok(()),
        }
    }
}

/// The sha256 of a token's secret in hexadecimal digits: all that is kept of it.
pub(super) fn secret_sha256(secret: &SecretString) -> String {
    sha256_hex(secret.expose_secret().as_bytes())
}

fn not_owner(caller: &Caller, namespace: &Namespace) -> AppError {
    let (name, account) = (&namespace.name, &caller.token.account);
    let owners = namespace.owners.iter().map(|owner| format!("`{owner}`")).collect::<Vec<_>>().join(", ");
    AppError::Forbidden {
        message: format!("the namespace `{name}` belongs to {owners}, not to `{account}`"),
        hint: format!("an owner can run `registry namespace owner add {name} {account}`"),
    }
}
