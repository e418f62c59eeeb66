//! What methods are called by the objects that have them.

use ledger_core::MethodId;
use sha2::{Digest, Sha256};

/// The ids that a method may have whose name in WIT is `name`.
///
/// A method's id is the SHA-256 of its name in the source. The compiler writes names into WIT in kebab case, which
/// cannot be undone: `doThing` and `do_thing` both become `do-thing`. So these are the ids of all ways of writing the
/// words that are in use, without those that are the same: `do-thing`, `do_thing`, `doThing`, `DoThing`.
pub fn method_ids(name: &str) -> Vec<MethodId> {
    let words: Vec<&str> = name.split('-').collect();
    let capitalized: Vec<String> = words.iter().map(|word| capitalize(word)).collect();
    let pascal = capitalized.concat();
    let rest = capitalized.get(1..).unwrap_or_default().concat();
    let camel = format!("{}{rest}", words.first().copied().unwrap_or_default());
    let mut ids = Vec::new();
    for source_name in [name.to_owned(), words.join("_"), camel, pascal] {
        let id = MethodId(Sha256::digest(source_name.as_bytes()).into());
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn capitalize(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
