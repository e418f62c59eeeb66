//! The normal form of documentation: what stays the same when a comment is written in another style.

/// Brings the text of a doc comment into the normal form of `docs/hash.md`, chapter 4; `None` if nothing is left.
///
/// Line ends become LF, lines lose trailing white space and their common indentation, and outer blank lines go.
pub fn normalize(text: &str) -> Option<String> {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.split('\n').map(str::trim_end).collect();
    let first = lines.iter().position(|line| !line.is_empty())?;
    let last = lines.iter().rposition(|line| !line.is_empty())?;
    let kept = lines.get(first..=last)?;
    let indentation = kept.iter().filter(|line| !line.is_empty()).map(|line| indentation_of(line)).min()?;
    let normal: Vec<&str> = kept.iter().map(|line| line.get(indentation..).unwrap_or_default()).collect();
    Some(normal.join("\n"))
}

/// Leading spaces and tabs, each counted as one.
fn indentation_of(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn normal_form_ignores_how_a_comment_is_laid_out() {
        let table = [
            ("", None),
            (" \n\t\n", None),
            ("one", Some("one")),
            ("  one  \r\n    two\t\r\n\r\n", Some("one\n  two")),
            ("\n\tone\n\t\n\t\ttwo", Some("one\n\n\ttwo")),
            ("\tone\n two", Some("one\ntwo")),
            ("one\u{a0}\u{3000}", Some("one")),
            ("one\rtwo", Some("one\ntwo")),
        ];
        for (text, expected) in table {
            assert_eq!(normalize(text).as_deref(), expected, "{text:?}");
            if let Some(expected) = expected {
                assert_eq!(normalize(expected).as_deref(), Some(expected), "normal forms are fixed points");
            }
        }
    }
}
