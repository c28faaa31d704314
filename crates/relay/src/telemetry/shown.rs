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

/// Text of an upstream without the local parts of the addresses that it repeats: `<u@contoso.com>` becomes
/// `<...@contoso.com>`.
pub(crate) fn without_local_parts(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let start = match before.strip_suffix('"') {
            Some(quoted) => quoted.rfind('"').unwrap_or(0),
            None => before
                .rfind(DELIMITERS)
                .map_or(0, |delimiter| delimiter + 1),
        };
        shown.push_str(before.get(..start).unwrap_or_default());
        if start < before.len() {
            shown.push_str("...");
        }
        shown.push('@');
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// What an address does not reach over in running text.
const DELIMITERS: [char; 12] = [' ', '<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\t'];

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
    fn addresses_lose_their_local_parts() {
        for (text, shown) in [
            ("550 <a.b@c.example> unknown", "550 <...@c.example> unknown"),
            ("to:a@b, \"x y\"@d", "to:...@b, ...@d"),
            ("a@b@c", "...@...@c"),
            ("nothing to hide", "nothing to hide"),
            ("@ alone", "@ alone"),
        ] {
            assert_eq!(without_local_parts(text), shown);
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(Shown(&"x".repeat(1000)).to_string().len(), LIMIT + 3);
    }
}
