//! Accounts, their tokens, and the namespaces that they own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Publish into namespaces that its account owns.
    Publish,
    /// Yank and deprecate releases of namespaces that its account owns.
    Yank,
    /// Claim namespaces, change their owners, and make and revoke tokens.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Yank, Self::Admin];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Yank => "yank",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope; there are `publish`, `yank` and `admin`")]
pub struct ParseScopeError(String);

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| ParseScopeError(crate::id::shorten(text)))
    }
}

/// A request to make a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for, in the owner's words.
    #[serde(default)]
    pub description: String,
    /// What it allows: at least one, and none that the token which makes it lacks.
    pub scopes: Vec<Scope>,
    /// The only namespace that it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// When it stops being good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The account that it is for. Only an operator makes tokens for others; an account is there as soon as it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    /// What revoking names.
    pub id: String,
    /// The account that it belongs to.
    pub account: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The only namespace that it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it stops being good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// The one answer that ever holds a token's secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The secret. It is kept nowhere but with whoever asked for it.
    pub token: String,
    /// The rest.
    #[serde(flatten)]
    pub info: TokenInfo,
}

impl fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedToken").field("token", &"…").field("info", &self.info).finish()
    }
}

/// The tokens of one account: those that are good, and then the others, each from the newest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// The tokens, with those that are revoked or expired.
    pub tokens: Vec<TokenInfo>,
}

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// The account.
    pub account: String,
    /// Whether this account runs the registry.
    pub operator: bool,
    /// The token that was used.
    pub token: TokenInfo,
    /// The namespaces that the account owns.
    pub namespaces: Vec<String>,
}

/// Whether releases of a namespace must be compatible with their predecessors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompatibilityRule {
    /// A release that breaks its predecessors of the same semver track is refused.
    Enforced,
    /// Nothing is compared: for mirrors of packages that broke their own rule.
    Relaxed,
}

/// A namespace that somebody owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The accounts that own it, in the order of their names.
    pub owners: Vec<String>,
    /// Whether its releases must be compatible.
    pub compatibility: CompatibilityRule,
    /// When it was claimed.
    #[schema(value_type = String, format = DateTime)]
    pub claimed_at: Timestamp,
}

/// Namespaces in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceList {
    /// One page of them.
    pub namespaces: Vec<Namespace>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A request to own a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamespaceClaim {
    /// Its name.
    pub name: String,
}

/// What an operator can set of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamespaceSettings {
    /// Whether its releases must be compatible.
    pub compatibility: CompatibilityRule,
}
