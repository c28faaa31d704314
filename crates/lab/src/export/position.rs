//! From an offset in a text to its line and column.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use crate::world::Place;

/// The places of one text; cheap when asked in ascending order.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    file: &'a Arc<Path>,
    text: &'a [u8],
    last: Cell<(usize, u32, u32)>,
}

impl<'a> Positions<'a> {
    pub(super) fn new(file: &'a Arc<Path>, text: &'a str) -> Self {
        Self {
            file,
            text: text.as_bytes(),
            last: Cell::new((0, 1, 1)),
        }
    }

    /// The place of the value at `path` that begins at `offset`.
    pub(super) fn at(&self, offset: usize, path: &str) -> Place {
        let (line, column) = self.line_and_column(offset);
        Place {
            file: Some(Arc::clone(self.file)),
            path: path.to_owned(),
            line,
            column,
        }
    }

    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let (mut from, mut line, mut column) = self.last.get();
        if offset < from {
            (from, line, column) = (0, 1, 1);
        }
        let passed = self.text.get(from..offset).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', passed).count();
        let rest = match memchr::memrchr(b'\n', passed) {
            Some(end) => {
                column = 1;
                passed.get(end + 1..).unwrap_or_default()
            }
            None => passed,
        };
        line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        column = column.saturating_add(u32::try_from(characters(rest)).unwrap_or(u32::MAX));
        self.last.set((offset, line, column));
        (line, column)
    }
}

/// The path of a property of the value at `path`.
pub(super) fn property_path(path: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && name.len() <= LONGEST_PLAIN
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
    match (plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{:?}]", super::node::shortened(name)),
    }
}

/// The path of an element of the list at `path`.
pub(super) fn element_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// How many characters UTF-8 text has: the octets that begin one.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|octet| **octet & 0xC0 != 0x80).count()
}

const LONGEST_PLAIN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_in_any_order_of_asking() {
        let file: Arc<Path> = Path::new("a.json").into();
        let positions = Positions::new(&file, "a\u{fc}b\r\ncd\n\n\u{1F600}e");
        for (offset, line, column) in [(3, 1, 3), (6, 2, 1), (14, 4, 2), (0, 1, 1), (99, 4, 3)] {
            assert_eq!(
                positions.line_and_column(offset),
                (line, column),
                "{offset}"
            );
        }
    }

    #[test]
    fn a_path_stays_readable_whatever_the_names() {
        assert_eq!(property_path("", "Name"), "Name");
        assert_eq!(property_path("[0]", "Name"), "[0].Name");
        assert_eq!(property_path("[0]", "a \"b\n"), "[0][\"a \\\"b\\n\"]");
        assert_eq!(element_path("value", 3), "value[3]");
    }
}
