//! Repositories: `namespace/name`, where packages and components are `namespace:name`.

use registry_core::name::check_identifier;
use std::fmt;
use std::str::FromStr;

/// Characters of a namespace or a name, together with the slash: what the specification recommends.
const CHARS_MAX: usize = 255;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Repository {
    namespace: String,
    name: String,
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository is `namespace/name`: two parts of lower-case letters and digits, which single dots, underscores or \
     hyphens may join"
)]
pub(crate) struct RepositoryError;

impl Repository {
    /// A repository of the two parts.
    ///
    /// # Errors
    /// If one of them breaks the specification's grammar.
    pub(crate) fn new(namespace: &str, name: &str) -> Result<Self, RepositoryError> {
        let fits = namespace.len() + name.len() < CHARS_MAX;
        if fits && is_component(namespace) && is_component(name) {
            Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
        } else {
            Err(RepositoryError)
        }
    }

    /// Who owns it owns the repository.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name in the namespace.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether packages and components can have this name. Other artifacts have more freedom.
    pub(crate) fn is_package_name(&self) -> bool {
        check_identifier(&self.namespace).is_ok() && check_identifier(&self.name).is_ok()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let (namespace, name) = text.split_once('/').ok_or(RepositoryError)?;
        Self::new(namespace, name)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well =
        text.bytes().next().is_some_and(is_alphanumeric) && text.bytes().last().is_some_and(is_alphanumeric);
    let mut separators = text.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit());
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    ends_well && separators.all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn two_parts_of_the_specifications_grammar() {
        for good in ["wasi/http", "a/b", "0/0", "my-org/my--repo", "a.b/c_d", "a__b/c-d.e"] {
            assert_eq!(good.parse::<Repository>().map(|repository| repository.to_string()), Ok(good.to_owned()));
        }
        let long = format!("{}/b", "a".repeat(254));
        for bad in ["", "a", "a/", "/a", "a/b/c", "A/b", "a/b_", "a/.b", "a..b/c", "a___b/c", "a/b!", "a/b ", &long] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}
