//! Plain tables for terminals.

use std::io::{self, Write};

/// The same as [`first`], behind something else.
pub(crate) fn write<const N: usize>(
    out: &mut impl Write,
    title: &str,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]> + Clone,
) -> io::Result<()> {
    if rows.clone().next().is_some() {
        writeln!(out)?;
    }
    first(out, title, head, rows)
}

/// Writes a heading and rows under it, columns aligned; nothing at all without rows.
pub(crate) fn first<const N: usize>(
    out: &mut impl Write,
    title: &str,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]> + Clone,
) -> io::Result<()> {
    let mut widths = head.map(|cell| cell.chars().count());
    let mut empty = true;
    for row in rows.clone() {
        empty = false;
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    if empty {
        return Ok(());
    }
    writeln!(out, "{title}")?;
    line(out, &head.map(String::from), &widths)?;
    for row in rows {
        line(out, &row, &widths)?;
    }
    Ok(())
}

fn line(out: &mut impl Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(&format!("  {cell:<width$}"));
    }
    writeln!(out, "{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "long cell"], ["b\u{fc}", "x"]].map(|row| row.map(String::from));
        let mut out = Vec::new();
        write(&mut out, "title", ["one", "two"], rows.into_iter()).unwrap();
        let expected = "\ntitle\n  one  two\n  a    long cell\n  b\u{fc}   x\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn no_rows_are_no_table() {
        let mut out = Vec::new();
        write(&mut out, "title", ["one"], std::iter::empty()).unwrap();
        assert!(out.is_empty());
    }
}
