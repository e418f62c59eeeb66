//! The text of a transaction of several calls: one call a line, in the language's own look.
//!
//! ```text
//! coin = p2:c…                  // a name for a contract, a UTXO or a token
//! t = coin.coin::mint(7)        // a name for what the call makes
//! u = p2:c….counter::start(1)
//! t.attach(u)
//! u.bump(2); t.detach(u)
//! t.burn()
//! discard v                     // burns a token without its code
//! ```
//!
//! `docs/steps.md` has the grammar.

use std::fmt::Write;
use std::ops::Range;

/// One call, or a name for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The name that it gives.
    pub(super) name: Option<Part<'t>>,
    /// What something is called of, or what the name is for.
    pub(super) target: Part<'t>,
    pub(super) call: Option<Call<'t>>,
    /// Whether the target is discarded: burned without its code.
    pub(super) is_discard: bool,
}

/// What is called of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call<'t> {
    pub(super) function: Part<'t>,
    /// WAVE, without the parentheses.
    pub(super) arguments: Part<'t>,
}

/// A part of the text, with the byte at which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
}

/// A text that is not one of steps, or a part of it that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}\n\n{pointer}\n")]
pub struct StepsTextError {
    /// Counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    message: String,
    pointer: String,
    hint: Option<&'static str>,
}

impl StepsTextError {
    /// What is wrong with some bytes of `text`.
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        let line_text = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let indent = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = text.get(span).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        Self {
            line: before.matches('\n').count() + 1,
            column: indent + 1,
            message: message.into(),
            pointer: format!("{line_text}\n{}{}", " ".repeat(indent), "^".repeat(width)),
            hint: None,
        }
    }

    fn hinted(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }
}

impl<'t> Part<'t> {
    pub(super) fn error(&self, text: &str, message: impl Into<String>) -> StepsTextError {
        StepsTextError::new(text, self.start..self.start + self.text.len(), message)
    }
}

impl Line<'_> {
    /// As it is written, on one line.
    pub(super) fn shown(&self) -> String {
        const SHOWN_CHARS_MAX: usize = 100;
        let mut shown = self.name.map(|name| format!("{} = ", name.text)).unwrap_or_default();
        if self.is_discard {
            shown = format!("{DISCARD} ");
        }
        shown.push_str(self.target.text);
        if let Some(Call { function, arguments }) = self.call {
            let words: Vec<&str> = arguments.text.split_whitespace().collect();
            // A text takes what is written into it.
            let _ = write!(shown, ".{}({})", function.text, words.join(" "));
        }
        match shown.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
            None => shown,
        }
    }
}

/// The lines of a text that say something.
///
/// # Errors
/// If one is not of the form `[name =] target[.function(arguments)]`.
pub(super) fn parse(text: &str) -> Result<Vec<Line<'_>>, StepsTextError> {
    let mut reader = LineReader { text, position: 0 };
    let mut lines = Vec::new();
    while reader.skip_to_line() {
        lines.push(reader.line()?);
    }
    Ok(lines)
}

/// The word before a token that is burned without its code.
pub(super) const DISCARD: &str = "discard";

/// Words that mean something else in WAVE, where names are used.
const RESERVED: [&str; 8] = ["true", "false", "inf", "nan", "some", "none", "ok", "err"];

struct LineReader<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> LineReader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_while(&mut self, is_skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(is_skipped).len();
    }

    /// Passes over a comment, if there is one, up to the end of its line.
    fn skip_comment(&mut self) -> bool {
        let is_comment = self.rest().starts_with("//");
        if is_comment {
            self.skip_while(|character| character != '\n');
        }
        is_comment
    }

    /// To the next line that says something, if there is one.
    fn skip_to_line(&mut self) -> bool {
        loop {
            self.skip_while(|character| character.is_whitespace() || character == ';');
            if !self.skip_comment() {
                return !self.rest().is_empty();
            }
        }
    }

    fn skip_spaces(&mut self) {
        self.skip_while(|character| character.is_whitespace() && character != '\n');
    }

    fn take(&mut self, expected: char) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.position += expected.len_utf8();
        }
        is_there
    }

    fn take_while(&mut self, is_taken: impl Fn(char) -> bool) -> Part<'t> {
        let start = self.position;
        self.skip_while(is_taken);
        Part { text: self.text.get(start..self.position).unwrap_or_default(), start }
    }

    fn expected(&self, what: &str) -> StepsTextError {
        let found = self.rest().chars().next().filter(|character| *character != '\n');
        let length = found.map_or(0, char::len_utf8);
        let found = found.map_or_else(|| "the line ends".to_owned(), |found| format!("there is `{found}`"));
        StepsTextError::new(self.text, self.position..self.position + length, format!("expected {what}, and {found}"))
    }

    fn line(&mut self) -> Result<Line<'t>, StepsTextError> {
        let first = self.target()?;
        self.skip_spaces();
        if first.text == DISCARD && !self.rest().starts_with(['=', '.']) {
            let target = self.target()?;
            self.end()?;
            return Ok(Line { name: None, target, call: None, is_discard: true });
        }
        if !self.take('=') {
            let Some(call) = self.call()? else {
                let hint =
                    "a line is `target.function(arguments)`, `name = target.function(arguments)` or `discard token`";
                return Err(self.expected("`.` and a function").hinted(hint));
            };
            self.end()?;
            return Ok(Line { name: None, target: first, call: Some(call), is_discard: false });
        }
        self.check_name(first)?;
        self.skip_spaces();
        let target = self.target()?;
        let call = self.call()?;
        self.end()?;
        Ok(Line { name: Some(first), target, call, is_discard: false })
    }

    fn target(&mut self) -> Result<Part<'t>, StepsTextError> {
        let target = self.take_while(|character| !character.is_whitespace() && !"=.(){}[];,\"'".contains(character));
        if target.text.is_empty() {
            return Err(self.expected("a name, a contract (`p2:c…`), a UTXO (`p2:u…`, `p2:c…#0`) or a token (`p2:k…`)"));
        }
        Ok(target)
    }

    fn check_name(&self, name: Part<'t>) -> Result<(), StepsTextError> {
        let is_word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit())
        };
        if !name.text.split('-').all(is_word) {
            let message = format!("`{}` is not a name", name.text);
            return Err(name
                .error(self.text, message)
                .hinted("names are words of small letters with hyphens: `my-token`"));
        }
        if name.text == DISCARD {
            return Err(name.error(self.text, "`discard t` burns the token `t`, so nothing else has this name"));
        }
        if RESERVED.contains(&name.text) {
            let message = format!("`{}` is a value, and cannot be a name", name.text);
            return Err(name.error(self.text, message));
        }
        Ok(())
    }

    /// What is called, if something is.
    fn call(&mut self) -> Result<Option<Call<'t>>, StepsTextError> {
        if !self.take('.') {
            return Ok(None);
        }
        let function = self.take_while(|character| !character.is_whitespace() && !"(){};,\"'=".contains(character));
        if function.text.is_empty() {
            return Err(self.expected("a function"));
        }
        self.skip_spaces();
        if !self.rest().starts_with('(') {
            return Err(self.expected("`(` and the arguments"));
        }
        Ok(Some(Call { function, arguments: self.arguments()? }))
    }

    /// What stands between parentheses, which may be several lines.
    fn arguments(&mut self) -> Result<Part<'t>, StepsTextError> {
        let open = self.position;
        let mut closers = Vec::new();
        loop {
            let Some(character) = self.rest().chars().next() else {
                return Err(StepsTextError::new(self.text, open..open + 1, "this `(` is not closed"));
            };
            match character {
                '"' | '\'' => {
                    self.quoted(character)?;
                    continue;
                }
                '/' if self.skip_comment() => continue,
                '(' => closers.push(')'),
                '[' => closers.push(']'),
                '{' => closers.push('}'),
                ')' | ']' | '}' => match closers.pop() {
                    Some(closer) if closer == character => {}
                    closer => return Err(self.expected(&format!("`{}`", closer.unwrap_or(')')))),
                },
                _ => {}
            }
            self.position += character.len_utf8();
            if closers.is_empty() {
                let inside = open + 1..self.position - 1;
                return Ok(Part { text: self.text.get(inside).unwrap_or_default(), start: open + 1 });
            }
        }
    }

    /// Passes over a string or a character.
    fn quoted(&mut self, quote: char) -> Result<(), StepsTextError> {
        const MULTILINE: &str = "\"\"\"";
        let start = self.position;
        let not_closed = || StepsTextError::new(self.text, start..start + 1, format!("this `{quote}` is not closed"));
        if self.rest().starts_with(MULTILINE) {
            let inside = self.rest().get(MULTILINE.len()..).unwrap_or_default();
            let end = inside.find(MULTILINE).ok_or_else(not_closed)?;
            self.position += end + 2 * MULTILINE.len();
            return Ok(());
        }
        let mut is_escaped = false;
        for (offset, character) in self.rest().char_indices().skip(1) {
            match character {
                '\n' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if character == quote => {
                    self.position += offset + quote.len_utf8();
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(not_closed())
    }

    /// Nothing else stands on a line.
    fn end(&mut self) -> Result<(), StepsTextError> {
        self.skip_spaces();
        if self.skip_comment() || self.rest().is_empty() || self.rest().starts_with(['\n', ';']) {
            return Ok(());
        }
        Err(self.expected("the end of the line").hinted("each call stands on a line of its own, or after a `;`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(Line::shown).collect()
    }

    #[test]
    fn a_line_is_a_call_or_a_name() {
        let text = "\
// what comes first
coin = p2:c00   // a contract
t = coin.coin::mint(7);u=p2:c00.counter::start( 1 )

t.attach(u) ; ;
  discard  minted:1 // not attached
p2:c00#0.put({text: \"a ) // \\\" b\", mark: ')'},
             [1, 2] // the rest )
)
p2:c00.demo:a/b@0.1.0#run()";
        assert_eq!(
            shown(text),
            [
                "coin = p2:c00",
                "t = coin.coin::mint(7)",
                "u = p2:c00.counter::start(1)",
                "t.attach(u)",
                "discard minted:1",
                "p2:c00#0.put({text: \"a ) // \\\" b\", mark: ')'}, [1, 2] // the rest ))",
                "p2:c00.demo:a/b@0.1.0#run()",
            ]
        );
        for text in ["", "  \n;\n// nothing\n"] {
            assert_eq!(shown(text), [""; 0]);
        }
    }

    #[test]
    fn what_is_not_a_line_is_pointed_at() {
        for (text, line, column, part) in [
            ("t", 1, 2, "expected `.` and a function, and the line ends"),
            ("\nt bump(1)", 2, 3, "expected `.` and a function, and there is `b`"),
            ("t(1)", 1, 2, "expected `.` and a function, and there is `(`"),
            ("t.", 1, 3, "expected a function"),
            ("t.bump", 1, 7, "expected `(` and the arguments"),
            ("t.bump(1", 1, 7, "this `(` is not closed"),
            ("t.bump([1)", 1, 10, "expected `]`, and there is `)`"),
            ("t.bump(\"1)\n", 1, 8, "this `\"` is not closed"),
            ("t.bump(1) u.bump(2)", 1, 11, "expected the end of the line, and there is `u`"),
            ("T = p2:c00", 1, 1, "`T` is not a name"),
            ("a_b = p2:c00", 1, 1, "`a_b` is not a name"),
            ("a-1 = p2:c00", 1, 1, "`a-1` is not a name"),
            ("none = p2:c00", 1, 1, "`none` is a value"),
            ("discard = p2:c00", 1, 1, "`discard t` burns the token `t`"),
            ("discard", 1, 8, "expected a name, a contract"),
            ("discard t.burn()", 1, 10, "expected the end of the line, and there is `.`"),
            ("t = ", 1, 5, "expected a name, a contract"),
            ("= p2:c00", 1, 1, "expected a name, a contract"),
            ("ä.ö(", 1, 4, "this `(` is not closed"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        let parts =
            ["t", "=", ".", "(", ")", "[", "}", "\"", "'", "\"\"\"", "\\", "//", "\n", ";", " ", "é", ",", "p2:c"];
        for first in parts {
            for second in parts {
                for third in parts {
                    for fourth in parts {
                        if let Err(error) = parse(&[first, second, third, fourth].concat()) {
                            let _ = error.to_string();
                        }
                    }
                }
            }
        }
    }
}
