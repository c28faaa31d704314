//! Text that a peer chose, made harmless for a log line.

use std::borrow::Cow;
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

/// Peers' texts as one value with commas between them, cut after as many as a decision may have to be made from again:
/// what follows is [`CUT`] then. A comma in a text is escaped.
pub(crate) fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for (count, text) in texts.enumerate() {
        if count == TEXTS || list.len() >= LIST {
            list.push_str(CUT);
            break;
        }
        if count > 0 {
            list.push(',');
        }
        let shown = Shown(text).to_string();
        list.push_str(&shown.replace(',', "\\u{2c}"));
    }
    list
}

/// The text that was [`Shown`], if it was not cut; `None` if nothing is shown like that.
pub(crate) fn original(shown: &str) -> Option<Cow<'_, str>> {
    if !shown.contains('\\') {
        return Some(Cow::Borrowed(shown));
    }
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let mut characters = escape.chars();
        rest = match characters.next()? {
            '\\' => {
                text.push('\\');
                characters.as_str()
            }
            't' => {
                text.push('\t');
                characters.as_str()
            }
            'r' => {
                text.push('\r');
                characters.as_str()
            }
            'n' => {
                text.push('\n');
                characters.as_str()
            }
            'u' => {
                let (number, behind) = characters.as_str().strip_prefix('{')?.split_once('}')?;
                text.push(char::from_u32(u32::from_str_radix(number, 16).ok()?)?);
                behind
            }
            _other => return None,
        };
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
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

/// Texts of one list, and about the most octets of it. Certificates and envelopes beyond that are rare, and lines that
/// long would be a burden.
const TEXTS: usize = 100;
const LIST: usize = 16 << 10;

/// The end of a list that is not whole.
pub(crate) const CUT: &str = ",...";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn line_breaks_controls_and_direction_marks_are_escaped() {
        let shown = Shown("a\r\nb\u{1b}[31m\u{9b}\u{202e}\0\\").to_string();
        assert_eq!(shown, "a\\r\\nb\\u{1b}[31m\\u{9b}\\u{202e}\\u{0}\\\\");
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for text in [
            "contoso.com",
            "m\u{fc}ller.example",
            "a\\u{41}b\t\r\n\u{202e}\u{1f4e7}\0'\"",
            "",
        ] {
            let shown = Shown(text).to_string();
            assert_eq!(original(&shown).as_deref(), Some(text), "{shown}");
        }
        for wrong in [
            "\\",
            "\\x",
            "\\u",
            "\\u{",
            "\\u{}",
            "\\u{d800}",
            "\\u{110000}",
        ] {
            assert_eq!(original(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_can_be_taken_apart_and_says_when_it_was_cut() {
        let texts = ["a.example", "[x:b,c.example,d]", "", "e\\"];
        let list = listed(texts.into_iter());
        let parts: Vec<_> = list
            .split(',')
            .map(|part| original(part).unwrap())
            .collect();
        assert_eq!(parts, texts);
        let many: Vec<String> = (0..TEXTS).map(|n| format!("{n}.example")).collect();
        let whole = listed(many.iter().map(String::as_str));
        assert!(!whole.ends_with(CUT) && whole.split(',').count() == TEXTS);
        let more = listed(many.iter().map(String::as_str).chain(["x.example"]));
        assert_eq!(more, format!("{whole}{CUT}"));
        let long = "x".repeat(250);
        let list = listed((0..TEXTS).map(|_| long.as_str()));
        assert!(
            list.ends_with(CUT) && list.len() < LIST + 512,
            "{}",
            list.len()
        );
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
