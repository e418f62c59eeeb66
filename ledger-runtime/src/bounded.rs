//! Texts that end at a limit, and take no more work than that.

use std::fmt::{self, Display, Write};

/// What stands at the end of a text that goes on.
const GOES_ON: &str = "…";

/// `text`, or as much of its beginning as fits into `size_bytes_max` with a sign that it goes on. The rest is never written,
/// so that it costs nothing.
pub(crate) fn bounded(size_bytes_max: usize, text: &(impl Display + ?Sized)) -> String {
    let mut bounded = Bounded { text: String::new(), size_bytes_max: size_bytes_max.saturating_sub(GOES_ON.len()) };
    match write!(bounded, "{text}") {
        Ok(()) => bounded.text,
        Err(_) => bounded.text + GOES_ON,
    }
}

struct Bounded {
    text: String,
    size_bytes_max: usize,
}

impl Write for Bounded {
    /// Fails when nothing more fits, which ends the writing.
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let left = self.size_bytes_max.saturating_sub(self.text.len());
        if part.len() <= left {
            self.text.push_str(part);
            return Ok(());
        }
        let fitting = part.get(..part.floor_char_boundary(left)).unwrap_or_default();
        self.text.push_str(fitting);
        // What is smaller must not follow.
        self.size_bytes_max = self.text.len();
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::bounded;
    use std::cell::Cell;
    use std::fmt;

    /// Writes for ever, and counts.
    struct Endless(Cell<usize>);

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                self.0.set(self.0.get() + 1);
                f.write_str("ten bytes…")?;
            }
        }
    }

    #[test]
    fn a_text_ends_at_its_limit() {
        assert_eq!(bounded(10, "1234567"), "1234567");
        assert_eq!(bounded(10, "12345678"), "1234567…");
        assert_eq!(bounded(10, "123456ä"), "123456…");
        assert_eq!(bounded(0, ""), "");
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let endless = Endless(Cell::new(0));
        assert!(bounded(100, &endless).len() <= 100);
        assert_eq!(endless.0.get(), 9);
    }
}
