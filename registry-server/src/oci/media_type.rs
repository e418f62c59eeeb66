//! The form that a media type has.

/// Bytes of a media type: 127 before the slash and 127 after it (<https://www.rfc-editor.org/rfc/rfc6838#section-4.2>).
const SIZE_BYTES_MAX: usize = 255;

/// Whether a text has the form of a media type: two words and a slash, perhaps with parameters, which some tools write
/// although the specification has none.
pub(crate) fn is_media_type(text: &str) -> bool {
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    text.len() <= SIZE_BYTES_MAX
        && parameters.bytes().all(is_plain)
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype.trim_end_matches(' ')))
}

fn is_name(text: &str) -> bool {
    let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_media_type;

    #[test]
    fn media_types_are_two_words() {
        for good in ["a/b", "application/vnd.dev.sigstore.bundle+json;version=0.3", "text/plain ; charset=utf-8"] {
            assert!(is_media_type(good), "{good}");
        }
        let long = format!("a/{}", "b".repeat(254));
        for bad in [
            "",
            "a",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "a b/c",
            "a/b\0",
            "a/b\n",
            "a/b;\0",
            "a/b;é",
            "a/\u{202e}b",
            " a/b",
            &long,
        ] {
            assert!(!is_media_type(bad), "{bad:?}");
        }
    }
}
