//! Text that a peer chose, made harmless for a log line.

use std::fmt::{self, Write as _};

/// A peer's text: printable ASCII as it is, everything else escaped, cut after a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, character) in self.0.chars().enumerate() {
            if count == LIMIT {
                return f.write_str("...");
            }
            match character {
                '\\' => f.write_str("\\\\")?,
                ' '..='~' => f.write_char(character)?,
                other => write!(f, "{}", other.escape_default())?,
            }
        }
        Ok(())
    }
}

/// Characters of one value; the longest address has fewer (RFC 5321 section 4.5.3.1.3).
const LIMIT: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_controls_and_direction_marks_are_escaped() {
        let shown = Shown("a\r\nb\u{1b}[31m\u{9b}\u{202e}\0\\").to_string();
        assert_eq!(shown, "a\\r\\nb\\u{1b}[31m\\u{9b}\\u{202e}\\u{0}\\\\");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(Shown(&"x".repeat(1000)).to_string().len(), LIMIT + 3);
    }
}
