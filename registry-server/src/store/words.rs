//! Words, as both databases' full-text indexes see them: the databases themselves never cut a text into words.

use std::collections::BTreeSet;

/// Characters of a word; longer ones are cut, in texts and in questions alike.
const WORD_CHARS_MAX: usize = 64;

/// Bytes of the words in one column of the index. PostgreSQL indexes no more than 1 MiB for all columns together.
const COLUMN_SIZE_BYTES_MAX: usize = 256 << 10;

/// The words of a text in lower case: its letters and digits, cut at everything else.
pub(crate) fn words_of(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| {
        word.chars()
            .flat_map(char::to_lowercase)
            .map(folded)
            .filter(|c| c.is_alphanumeric())
            .take(WORD_CHARS_MAX)
            .collect()
    })
}

/// A sigma is the same letter at the end of a word as elsewhere.
fn folded(character: char) -> char {
    if character == 'ς' { 'σ' } else { character }
}

/// A text's words, each once, separated by spaces.
pub(super) fn column_of(text: &str) -> String {
    let words: BTreeSet<String> = words_of(text).collect();
    let mut column = String::new();
    for word in words {
        if column.len() + word.len() >= COLUMN_SIZE_BYTES_MAX {
            break;
        }
        if !column.is_empty() {
            column.push(' ');
        }
        column.push_str(&word);
    }
    column
}

#[cfg(test)]
mod tests {
    use super::{COLUMN_SIZE_BYTES_MAX, column_of, words_of};

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let table: [(&str, &[&str]); 7] = [
            ("ὁδός ΟΔΟΣ", &["ὁδόσ", "οδοσ"]),
            ("wasi:http/types@0.2.0", &["wasi", "http", "types", "0", "2", "0"]),
            ("Größe, 東京!", &["größe", "東京"]),
            ("\"a\"* OR 'b':* \0 NEAR(", &["a", "or", "b", "near"]),
            ("İ", &["i"]),
            ("%_*\\", &[]),
            ("", &[]),
        ];
        for (text, words) in table {
            assert_eq!(words_of(text).collect::<Vec<_>>(), words, "{text}");
        }
    }

    #[test]
    fn long_words_and_long_texts_are_cut() {
        assert_eq!(words_of(&"ä".repeat(1_000)).map(|word| word.chars().count()).collect::<Vec<_>>(), [64]);
        let text: String = (0..100_000).map(|number| format!("{number:08} ")).collect();
        let column = column_of(&text);
        assert!(column.len() <= COLUMN_SIZE_BYTES_MAX && column.len() > COLUMN_SIZE_BYTES_MAX - 20);
        assert_eq!(column_of("b a b"), "a b");
    }
}
