//! Where WIT text names other packages, and putting other versions there.
//!
//! The text is split into tokens as wit-parser's lexer does, so that comments and strings are passed over, and nothing
//! but the characters of a version is ever changed. It need not be valid WIT.

use super::requirement::PackagePath;
use registry_core::name::PackageName;
use semver::Version;
use std::ops::Range;

/// A place where WIT text names an item of another package, with the package's version: `wasi:io/streams@0.2.4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The package.
    pub package: PackagePath,
    /// Its version there.
    pub version: Version,
    /// The bytes of the version in the text.
    pub span: Range<usize>,
    /// The line, counted from 1.
    pub line: usize,
}

/// All references of a text, in order.
pub fn references(text: &str) -> Vec<Reference> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let Some([namespace, colon, name, slash, item, at]) = tokens.get(index..index + 6) else { break };
        let is_path = (colon.kind, slash.kind, at.kind) == (Kind::Sign(b':'), Kind::Sign(b'/'), Kind::Sign(b'@'));
        if !is_path || [namespace, name, item].iter().any(|token| token.kind != Kind::Word) {
            continue;
        }
        let package = format!("{}:{}", word(text, namespace), word(text, name));
        let version = tokens.get(index + 6).and_then(|token| version_at(text, token.span.start));
        if let (Ok(package), Some((span, version))) = (package.parse(), version) {
            let line = 1 + text.get(..span.start).unwrap_or_default().matches('\n').count();
            found.push(Reference { package, version, span, line });
        }
    }
    found
}

/// The packages that a text declares itself: its own and those nested in it.
pub fn declarations(text: &str) -> Vec<PackageName> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some([namespace, colon, name]) = tokens.get(index + 1..index + 4) else { break };
        let is_declaration = token.kind == Kind::Word && text.get(token.span.clone()) == Some("package");
        let is_name = (namespace.kind, colon.kind, name.kind) == (Kind::Word, Kind::Sign(b':'), Kind::Word);
        if !is_declaration || !is_name {
            continue;
        }
        let at = tokens.get(index + 4).filter(|token| token.kind == Kind::Sign(b'@'));
        let version = at.and_then(|_| version_at(text, tokens.get(index + 5)?.span.start));
        found.push(PackageName {
            namespace: word(text, namespace).to_owned(),
            name: word(text, name).to_owned(),
            version: version.map(|(_, version)| version),
        });
    }
    found
}

/// The text with other versions in some of its references, and these references as they were.
pub fn rewrite(text: &str, version: impl Fn(&Reference) -> Option<Version>) -> (String, Vec<(Reference, Version)>) {
    let (mut rewritten, mut changes, mut end) = (String::with_capacity(text.len()), Vec::new(), 0);
    for reference in references(text) {
        let Some(new) = version(&reference).filter(|new| new != &reference.version) else { continue };
        rewritten.push_str(text.get(end..reference.span.start).unwrap_or_default());
        rewritten.push_str(&new.to_string());
        end = reference.span.end;
        changes.push((reference, new));
    }
    rewritten.push_str(text.get(end..).unwrap_or_default());
    (rewritten, changes)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A keyword or an identifier, or a number.
    Word,
    /// One character of punctuation.
    Sign(u8),
}

/// The tokens without white space, comments and strings.
fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        let rest = bytes.get(position..).unwrap_or_default();
        let length = match byte {
            b'/' if rest.starts_with(b"//") => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => block_comment_length(rest),
            b'"' => string_length(rest),
            b'%' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80.. => {
                let length = 1 + rest.iter().skip(1).take_while(|byte| is_word(**byte)).count();
                tokens.push(Token { kind: Kind::Word, span: position..position + length });
                length
            }
            _ if byte.is_ascii_whitespace() => 1,
            _ => {
                tokens.push(Token { kind: Kind::Sign(*byte), span: position..position + 1 });
                1
            }
        };
        position += length;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii()
}

/// Block comments nest.
fn block_comment_length(bytes: &[u8]) -> usize {
    let (mut depth, mut position) = (0_usize, 0);
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"/*") {
            (depth, position) = (depth + 1, position + 2);
        } else if rest.starts_with(b"*/") {
            (depth, position) = (depth - 1, position + 2);
            if depth == 0 {
                return position;
            }
        } else {
            position += 1;
        }
    }
    bytes.len()
}

fn string_length(bytes: &[u8]) -> usize {
    let mut position = 1;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'"' => return position + 1,
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
    bytes.len()
}

/// A word without the sign that tells an identifier from a keyword.
fn word<'a>(text: &'a str, token: &Token) -> &'a str {
    let word = text.get(token.span.clone()).unwrap_or_default();
    word.strip_prefix('%').unwrap_or(word)
}

/// The version that begins at a byte of the text. A dot belongs to it only if something of it follows: that before `{`
/// begins the list of a `use`.
fn version_at(text: &str, start: usize) -> Option<(Range<usize>, Version)> {
    let rest = text.get(start..)?.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+');
    let mut length = 0;
    while let Some(byte) = rest.get(length) {
        let is_dot = *byte == b'.' && rest.get(length + 1).is_some_and(|next| is_part(*next));
        if !is_part(*byte) && !is_dot {
            break;
        }
        length += 1;
    }
    let span = start..start + length;
    Some((span.clone(), Version::parse(text.get(span)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"// use wasi:io/streams@0.2.0.{x};
package my:app@0.2.0;
/// See wasi:io/streams@0.2.0, which /* is not opened here.
@since(version = 0.2.0)
interface a {
    use wasi:io/streams@0.2.0.{input-stream, output-stream as out};
    use %use : %world / streams /* wasi:io/x@0.2.0 /* nested */ */ @ // wasi:io/y@0.2.0
        0.2.0-rc.1.{pollable};
}
world w {
    include wasi:cli/imports@0.2.0 with { a as b }
    @external-id("wasi:io/streams@0.2.0 \" wasi:io/z@0.2.0")
    import wasi:http/handler@0.2.0;
    export a-b:c2/d@1.0.0-alpha.2025-10-15+build.7;
    import io: wasi:io/error@0.2.0;
    import plain: wasi:io/error;
    import f: func(a: u32) -> u32;
}
package other:nested { interface i { use my:app/a@0.2.0.{x}; } }
"#;

    #[test]
    fn every_reference_is_found_and_nothing_else() {
        let found: Vec<(usize, String)> = references(TEXT)
            .into_iter()
            .map(|reference| (reference.line, format!("{}@{}", reference.package, &TEXT[reference.span])))
            .collect();
        let expected = [
            (6, "wasi:io@0.2.0"),
            (8, "use:world@0.2.0-rc.1"),
            (11, "wasi:cli@0.2.0"),
            (13, "wasi:http@0.2.0"),
            (14, "a-b:c2@1.0.0-alpha.2025-10-15+build.7"),
            (15, "wasi:io@0.2.0"),
            (19, "my:app@0.2.0"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn declarations_are_the_own_packages() {
        let names: Vec<String> = declarations(TEXT).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["my:app@0.2.0", "other:nested"]);
    }

    #[test]
    fn rewriting_changes_versions_alone() {
        let new = Version::new(0, 2, 12);
        let (rewritten, changes) = rewrite(TEXT, |reference| (reference.package.name() == "io").then(|| new.clone()));
        assert_eq!(changes.len(), 2);
        let expected = TEXT
            .replace("streams@0.2.0.{input", "streams@0.2.12.{input")
            .replace("io: wasi:io/error@0.2.0", "io: wasi:io/error@0.2.12");
        assert_eq!(rewritten, expected);
        let (same, changes) = rewrite(TEXT, |reference| Some(reference.version.clone()));
        assert_eq!((same.as_str(), changes.len()), (TEXT, 0));
    }

    #[test]
    fn no_text_stops_the_search() {
        for text in
            ["", "\"", "\"\\", "/*", "/* /* */", "//", "a:b/c@", "a:b/c@1", "a:b/c@1.0.", "é:ü/ß@1.0.0", "%", "@1.0.0"]
        {
            assert_eq!(references(text), [], "{text}");
            assert_eq!(declarations(text), [], "{text}");
        }
    }
}
