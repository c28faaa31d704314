//! The lines that findings stand in, read again for showing them.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use tenantry_lab::export;

/// Files that were read, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Sources {
    texts: HashMap<Arc<Path>, Option<Text>>,
    octets: usize,
}

/// A file's text with its lines.
#[derive(Debug)]
pub(super) struct Text {
    text: String,
    /// Where each line begins: in octets, and in characters.
    lines: Vec<(usize, usize)>,
    /// Where every so many-th character begins, so that a line of megabytes costs no more than a
    /// short one.
    marks: Vec<usize>,
    /// It holds a private key: of which nothing is shown.
    secret: bool,
}

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    /// The text.
    pub(super) text: &'t str,
    /// The column, from 1, of its first character.
    pub(super) column: usize,
    /// Whether the line goes on behind it.
    pub(super) goes_on: bool,
}

/// What readers of exports take, too.
const LARGEST: u64 = export::LARGEST_FILE;
/// When so much was read, all of it is forgotten.
const KEPT: usize = 256 << 20;
const MARK: usize = 1024;

impl Sources {
    /// The text of a file; `None` if it cannot be read.
    pub(super) fn text(&mut self, file: &Arc<Path>) -> Option<&Text> {
        if self.octets > KEPT && !self.texts.contains_key(file) {
            self.texts.clear();
            self.octets = 0;
        }
        let octets = &mut self.octets;
        let text = self.texts.entry(Arc::clone(file)).or_insert_with(|| {
            let text = read(file)?;
            *octets += text.len();
            Some(Text::new(text))
        });
        text.as_ref()
    }
}

impl Text {
    fn new(text: String) -> Self {
        let mut lines = vec![(0, 0)];
        let mut marks = Vec::with_capacity(text.len() / MARK + 1);
        for (number, (at, character)) in text.char_indices().enumerate() {
            if number % MARK == 0 {
                marks.push(at);
            }
            if character == '\n' {
                lines.push((at + 1, number + 1));
            }
        }
        let secret = text.contains("PRIVATE KEY-----");
        Self {
            text,
            lines,
            marks,
            secret,
        }
    }

    /// Up to `length` characters of a line, from a column on; both from 1. `None` where there is no
    /// such line, or it is not to be shown.
    pub(super) fn part(&self, line: usize, column: usize, length: usize) -> Option<Part<'_>> {
        let (line_at, line_number) = *self.lines.get(line.checked_sub(1)?)?;
        let line_end = match self.lines.get(line) {
            Some((next, _)) => next - 1,
            None => self.text.len(),
        };
        let whole = self.text.get(line_at..line_end)?;
        if self.secret && !whole.starts_with("-----BEGIN ") {
            return None;
        }
        let column = column.max(1);
        let from = self.at(line_number + column - 1).clamp(line_at, line_end);
        let until = self
            .at(line_number + column - 1 + length)
            .clamp(from, line_end);
        let text = self.text.get(from..until)?;
        Some(Part {
            text: text.strip_suffix('\r').unwrap_or(text),
            column,
            goes_on: until < line_end,
        })
    }

    /// Where a character begins, by its number in the text.
    fn at(&self, number: usize) -> usize {
        let Some(mark) = self.marks.get(number / MARK) else {
            return self.text.len();
        };
        let rest = self.text.get(*mark..).unwrap_or_default();
        let mut characters = rest.char_indices().skip(number % MARK);
        characters
            .next()
            .map_or(self.text.len(), |(further, _)| mark + further)
    }
}

fn read(path: &Arc<Path>) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    // Reading a pipe twice would wait for ever.
    if !metadata.is_file() {
        return None;
    }
    let mut octets = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST + 1).read_to_end(&mut octets).ok()?;
    if octets.len() as u64 > LARGEST {
        return None;
    }
    Some(match export::decode(path, &octets) {
        Ok(text) => text.into_owned(),
        Err(_) => String::from_utf8_lossy(&octets).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn parts_of_lines_are_found_by_characters() {
        let text = Text::new("\u{e4}bc\r\ndef\n".to_owned());
        let part = |line, column, length| {
            let part = text.part(line, column, length)?;
            Some((part.text.to_owned(), part.goes_on))
        };
        assert_eq!(part(1, 1, 9), Some(("\u{e4}bc".to_owned(), false)));
        assert_eq!(part(1, 2, 1), Some(("b".to_owned(), true)));
        assert_eq!(part(2, 3, 9), Some(("f".to_owned(), false)));
        assert_eq!(part(2, 99, 9), Some((String::new(), false)));
        assert_eq!(part(3, 1, 9), Some((String::new(), false)));
        assert_eq!(part(4, 1, 9), None);
        assert_eq!(part(0, 1, 9), None);
    }

    #[test]
    fn a_long_line_is_found_in_at_any_column() {
        let line = "a\u{20ac}".repeat(2_500);
        let text = Text::new(format!("x\n{line}\ny"));
        for column in [1, 1023, 1024, 1025, 2047, 4999, 5000] {
            let expected = line.chars().nth(column - 1).unwrap().to_string();
            assert_eq!(text.part(2, column, 1).unwrap().text, expected);
        }
        assert_eq!(text.part(3, 1, 9).unwrap().text, "y");
    }

    #[test]
    fn nothing_of_a_private_key_is_shown() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n";
        let text = Text::new(pem.to_owned());
        assert!(text.part(1, 1, 99).is_some());
        assert_eq!(text.part(2, 1, 99), None);
    }
}
