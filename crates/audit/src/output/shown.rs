//! A line of a file as a terminal shows it, with what is meant underlined.

use unicode_width::UnicodeWidthChar as _;

use super::escape;
use super::source::{Part, Text};

/// A line, cut to what matters, and where in it the marks are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// What is printed.
    pub(super) line: String,
    /// How many columns of the terminal stand before the marks.
    pub(super) before: usize,
    /// How many columns they have; at least one.
    pub(super) marks: usize,
}

/// How many characters are shown before what is meant, and in all.
const BEFORE: usize = 60;
const LENGTH: usize = 160;
const TAB: usize = 4;
const CUT: &str = "...";

/// The line with marks under the value that begins at the column. `None` if there is no such line.
pub(super) fn shown(text: &Text, line: u32, column: u32) -> Option<Shown> {
    let (line, column) = (usize::try_from(line).ok()?, usize::try_from(column).ok()?);
    let column = column.max(1);
    let first = if column > BEFORE + CUT.len() + 1 {
        column - BEFORE
    } else {
        1
    };
    let part = text.part(line, first, LENGTH)?;
    Some(marked(&part, column - first))
}

/// `meant` characters stand before what is meant.
fn marked(part: &Part<'_>, meant: usize) -> Shown {
    let tail: String = part.text.chars().skip(meant).collect();
    let length = length(&tail).max(1);
    let mut line = String::new();
    let mut width = 0;
    if part.column > 1 {
        line.push_str(CUT);
        width = CUT.len();
    }
    let (mut before, mut marks) = (None, 0);
    for (number, character) in part.text.chars().enumerate() {
        if number == meant {
            before = Some(width);
        }
        let wide = push(&mut line, character, width);
        width += wide;
        if (meant..meant + length).contains(&number) {
            marks += wide;
        }
    }
    if part.goes_on {
        line.push_str(CUT);
    }
    Shown {
        line,
        before: before.unwrap_or(width),
        marks: marks.max(1),
    }
}

/// Writes a character, and says how many columns it has.
fn push(line: &mut String, character: char, at: usize) -> usize {
    if character == '\t' {
        let wide = TAB - at % TAB;
        line.extend(std::iter::repeat_n(' ', wide));
        return wide;
    }
    if escape::is_hidden(character) {
        let escaped = character.escape_default();
        line.extend(escaped.clone());
        return escaped.count();
    }
    line.push(character);
    character.width().unwrap_or(0)
}

/// How many characters the value has that the text begins with; where it is a key, the whole
/// setting.
fn length(text: &str) -> usize {
    let key = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let behind = text.trim_start_matches(key).trim_start();
    if text.starts_with(key) && behind.starts_with('=') {
        return text.trim_end().chars().count();
    }
    let mut characters = text.chars();
    match characters.next() {
        Some(quote @ ('"' | '\'')) => {
            let mut escaped = false;
            let end = characters.position(|character| {
                let ends = character == quote && !escaped;
                escaped = character == '\\' && !escaped && quote == '"';
                ends
            });
            end.map_or_else(|| text.trim_end().chars().count(), |end| end + 2)
        }
        Some('[') if text.starts_with("[[") => text.find("]]").map_or(2, |end| end + 2),
        Some('-') if text.starts_with("-----") => text.trim_end().chars().count(),
        Some('[' | '{' | '<' | ',' | ']' | '}') | None => 1,
        Some(_) => {
            let ends = |character: char| {
                character.is_whitespace()
                    || [',', ']', '}', '<', '>', ';', '"'].contains(&character)
            };
            text.chars().position(ends).unwrap_or(text.chars().count())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, column: usize) -> (String, String) {
        let part = Part {
            text,
            column: 1,
            goes_on: false,
        };
        let shown = marked(&part, column - 1);
        let marks = format!("{}{}", " ".repeat(shown.before), "^".repeat(shown.marks));
        (shown.line, marks)
    }

    fn is(text: &str, column: usize, line: &str, marks: &str) {
        assert_eq!(of(text, column), (line.to_owned(), marks.to_owned()));
    }

    #[test]
    fn the_value_is_underlined_whatever_its_notation() {
        is(
            r#""A": "b \" c", "#,
            6,
            r#""A": "b \" c", "#,
            r#"     ^^^^^^^^"#,
        );
        is("[[tenant]]", 1, "[[tenant]]", "^^^^^^^^^^");
        is("a = [1, 22]", 9, "a = [1, 22]", "        ^^");
        is("a = [1, 22]", 5, "a = [1, 22]", "    ^");
        is(
            "<S N=\"x\">mail.d</S>",
            10,
            "<S N=\"x\">mail.d</S>",
            "         ^^^^^^",
        );
        is("'it", 1, "'it", "^^^");
        is("rule = 'x' ", 1, "rule = 'x' ", "^^^^^^^^^^");
        is("short", 99, "short", "     ^");
        is("", 1, "", "^");
    }

    #[test]
    fn tabs_wide_and_hidden_characters_keep_the_marks_below_the_value() {
        is("\t\"x\"", 2, "    \"x\"", "    ^^^");
        is("a\t\"x\"", 3, "a   \"x\"", "    ^^^");
        is(
            "\u{8868} \"\u{8868}\"",
            3,
            "\u{8868} \"\u{8868}\"",
            "   ^^^^",
        );
        is("e\u{301} x", 4, "e\u{301} x", "  ^");
        is("\u{1b} x", 3, "\\u{1b} x", "       ^");
    }
}
