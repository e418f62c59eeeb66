//! What can be said to write a contract.

use clap::Args;
use std::path::PathBuf;

pub(super) const NEW_EXAMPLES: &str = "\
Examples:
  ledger new my-counter
  ledger new my-counter --path contracts/counter

Then:
  cd my-counter
  ledger build";

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  ledger build
  ledger build my-counter --json
  ledger deploy \"$(registry publish \"$(ledger build)\")\"
      Without --json, stdout has the component's path alone.";

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The project's name: lower-case words with hyphens between them.
    #[arg(value_parser = project_name)]
    pub(crate) name: String,
    /// The folder to write, new or empty [default: NAME here].
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The project's folder.
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) project: PathBuf,
    /// Print {path, size_bytes, sha256, hash, starstream} as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const NAME_CHARS_MAX: usize = 64;

/// Names that a package of Rust cannot have, or that the project uses itself.
const NAMES_TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "ledger-contract",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit-bindgen",
    "yield",
];

fn project_name(text: &str) -> Result<String, String> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit())
    };
    if text.len() > NAME_CHARS_MAX {
        return Err(format!("a name has at most {NAME_CHARS_MAX} characters"));
    }
    if !text.split('-').all(is_word) {
        return Err(
            "a name is lower-case words of letters and digits with hyphens between them, like `my-counter`".to_owned()
        );
    }
    if NAMES_TAKEN.contains(&text) {
        return Err("a package of Rust cannot be called so".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_package() {
        for name in ["a", "counter", "my-counter2", "a1-b2-c3"] {
            assert_eq!(project_name(name).unwrap(), name);
        }
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for name in ["", "-", "a-", "-a", "a--b", "A", "a_b", "1a", "a-1", "a b", "ä", "../a", "fn", "test", &long] {
            assert!(project_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_that_are_taken_are_in_order() {
        assert!(NAMES_TAKEN.is_sorted());
    }
}
