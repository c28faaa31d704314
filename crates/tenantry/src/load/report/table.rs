//! A table as data, so that the same numbers become text and HTML.

use std::io::{self, Write};

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    /// What it is about.
    pub(crate) title: String,
    /// What must be known to read it.
    pub(crate) note: Option<String>,
    /// The columns' heads; those of numbers are aligned to the right.
    pub(crate) columns: Vec<Column>,
    /// The rows, each as long as there are columns.
    pub(crate) rows: Vec<Vec<String>>,
}

/// One column's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Where its cells stand.
    pub(crate) align: Align,
}

/// Where cells stand in their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// One without rows; names that begin with `#` are columns of numbers.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            note: None,
            columns: columns.iter().map(|name| Column::new(name)).collect(),
            rows: Vec::new(),
        }
    }

    /// The same with a note.
    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    /// Takes a column away in which no cell says anything.
    pub(crate) fn drop_if(&mut self, name: &str, idle: impl Fn(&str) -> bool) {
        let Some(place) = self.columns.iter().position(|column| column.name == name) else {
            return;
        };
        let cells = self.rows.iter().filter_map(|row| row.get(place));
        if !cells.into_iter().all(|cell| idle(cell)) {
            return;
        }
        self.columns.remove(place);
        for row in &mut self.rows {
            if place < row.len() {
                row.remove(place);
            }
        }
    }

    /// Writes title, head and rows, columns aligned; nothing at all without rows.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let heads: Vec<String> = self.columns.iter().map(|head| head.name.clone()).collect();
        let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        writeln!(out, "\n{}", self.title)?;
        if let Some(note) = &self.note {
            writeln!(out, "  ({note})")?;
        }
        if heads.iter().any(|head| !head.is_empty()) {
            self.line(out, &heads, &widths)?;
        }
        for row in &self.rows {
            self.line(out, row, &widths)?;
        }
        Ok(())
    }

    fn line(&self, out: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let mut text = String::new();
        for ((column, cell), width) in self.columns.iter().zip(cells).zip(widths) {
            text.push_str("  ");
            match column.align {
                Align::Left => text.push_str(&format!("{cell:<width$}")),
                Align::Right => text.push_str(&format!("{cell:>width$}")),
            }
        }
        writeln!(out, "{}", text.trim_end())
    }
}

impl Column {
    /// A column; a name that begins with `#` is one of numbers.
    pub(crate) fn new(name: &str) -> Self {
        match name.strip_prefix('#') {
            Some(name) => Self {
                name: name.to_owned(),
                align: Align::Right,
            },
            None => Self {
                name: name.to_owned(),
                align: Align::Left,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn written(table: &Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new("title", &["name", "#count"]).with_note("a note");
        table.row(["b\u{fc}".to_owned(), "1".to_owned()]);
        table.row(["longer name".to_owned(), "1,000".to_owned()]);
        let expected = "\ntitle\n  (a note)\n  name         count\n  b\u{fc}               1\n  longer name  1,000\n";
        assert_eq!(written(&table), expected);
    }

    #[test]
    fn a_column_that_says_nothing_can_be_taken_away() {
        let mut table = Table::new("title", &["name", "#refused", "#failed"]);
        table.row(["a", "0", "0"].map(str::to_owned));
        table.row(["b", "0", "1"].map(str::to_owned));
        for name in ["refused", "failed", "unheard of"] {
            table.drop_if(name, |cell| cell == "0");
        }
        assert_eq!(
            written(&table),
            "\ntitle\n  name  failed\n  a          0\n  b          1\n"
        );
    }

    #[test]
    fn no_rows_are_no_table() {
        assert_eq!(written(&Table::new("title", &["name"])), "");
    }
}
