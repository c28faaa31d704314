//! Words of PowerShell commands, so quoted that they mean exactly what they say, whatever is in them.
//!
//! Names in exports are other people's text. In single quotes PowerShell expands nothing, neither `$`
//! nor a backtick; only what it takes for the closing quote has to be doubled, and it takes five
//! characters for that (`about_Quoting_Rules`). What has no visible form is written as its number:
//! a command is read, and copied, before it is run.

use std::fmt::Write;

/// `text` as one word: in single quotes, `O'Hara` as `'O''Hara'`.
///
/// Control characters and those that turn the direction of text are spelled by number, which makes
/// the word an expression in parentheses: `('a' + [char]0x0007 + 'b')`.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let mut expression = false;
    out.push('\'');
    for character in text.chars() {
        if is_invisible(character) {
            expression = true;
            // Writing to a string cannot fail.
            let _ = write!(out, "' + [char]0x{:04X} + '", u32::from(character));
            continue;
        }
        if closes(character) {
            out.push(character);
        }
        out.push(character);
    }
    out.push('\'');
    if expression {
        // Between two numbers stands an empty string: a sum that begins with a string is one.
        return format!("({out})");
    }
    out
}

/// `$true` or `$false`.
#[must_use]
pub const fn boolean(value: bool) -> &'static str {
    if value { "$true" } else { "$false" }
}

/// A comment's text: one line, nothing invisible.
#[must_use]
pub fn comment(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            invisible if is_invisible(invisible) => '\u{fffd}',
            visible => visible,
        })
        .collect()
}

/// What PowerShell takes for the end of a string in single quotes: the apostrophe and its
/// typographic relatives.
const fn closes(character: char) -> bool {
    matches!(character, '\'' | '\u{2018}'..='\u{201b}')
}

/// What a terminal obeys or hides instead of showing it, line ends of every kind included.
pub(crate) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_in_single_quotes() {
        assert_eq!(quoted("Inbound from HQ"), "'Inbound from HQ'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("*.contoso.com"), "'*.contoso.com'");
    }

    #[test]
    fn nothing_is_expanded() {
        assert_eq!(quoted("$(Get-Item)`n\"x\";"), "'$(Get-Item)`n\"x\";'");
    }

    #[test]
    fn every_character_that_closes_is_doubled() {
        assert_eq!(quoted("O'Hara"), "'O''Hara'");
        assert_eq!(
            quoted("\u{2018}a\u{2019}\u{201a}\u{201b}"),
            "'\u{2018}\u{2018}a\u{2019}\u{2019}\u{201a}\u{201a}\u{201b}\u{201b}'"
        );
        assert_eq!(quoted("\u{201c}quoted\u{201d}"), "'\u{201c}quoted\u{201d}'");
    }

    #[test]
    fn what_cannot_be_seen_is_a_number() {
        assert_eq!(quoted("a\u{7}b"), "('a' + [char]0x0007 + 'b')");
        assert_eq!(
            quoted("\r\n"),
            "('' + [char]0x000D + '' + [char]0x000A + '')"
        );
        assert_eq!(quoted("a\u{202e}'"), "('a' + [char]0x202E + '''')");
    }

    #[test]
    fn a_comment_stays_in_its_line() {
        assert_eq!(
            comment("a\nRemove-Everything \u{1b}[2J"),
            "a\u{fffd}Remove-Everything \u{fffd}[2J"
        );
    }
}
