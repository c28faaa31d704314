//! Text that is shown whole or not at all: a number that is cut is another number.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns between two cells.
const GAP: usize = 2;

/// Cells in as many lines of a width as they need, at most so many; one that is wider than a line
/// is left out.
pub(super) fn flow(cells: Vec<Span<'static>>, width: u16, most: usize) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for cell in cells {
        if cell.width() > width {
            continue;
        }
        let begun = lines.len();
        match lines.last_mut() {
            Some(line) if line.width() + GAP + cell.width() <= width => {
                line.push_span(" ".repeat(GAP));
                line.push_span(cell);
            }
            Some(_) if begun >= most => return lines,
            Some(_) | None => lines.push(Line::from(cell)),
        }
    }
    lines.truncate(most);
    lines
}

/// The first of some wordings that fits; the shortest should be the last.
pub(super) fn fitting<const N: usize>(wordings: [String; N], width: u16) -> String {
    let fits = |words: &String| Span::raw(words.as_str()).width() <= usize::from(width);
    wordings.into_iter().find(fits).unwrap_or_default()
}

/// A name in at most so many columns; one that is cut says so.
pub(super) fn shortened(name: &str, most: usize) -> String {
    if Span::raw(name).width() <= most {
        return name.to_owned();
    }
    let mut short = String::new();
    for character in name.chars() {
        let longer = format!("{short}{character}\u{2026}");
        if Span::raw(longer.as_str()).width() > most {
            break;
        }
        short.push(character);
    }
    short.push('\u{2026}');
    short
}

/// Rows of which the first column has words and all others numbers.
pub(super) struct Grid {
    /// The columns' heads.
    pub(super) heads: Vec<String>,
    /// The rows, each as long as there are heads.
    pub(super) rows: Vec<Vec<String>>,
    /// The columns that can be done without, the first of them first.
    pub(super) spare: &'static [usize],
}

impl Grid {
    /// Head and rows in a width: columns of numbers are left out until it suffices, and words are
    /// cut where it still does not.
    pub(super) fn lines(&self, width: u16) -> Vec<Line<'static>> {
        let width = usize::from(width);
        let mut widths = self.widths();
        for column in self.spare {
            if taken(&widths) <= width {
                break;
            }
            if let Some(gone) = widths.get_mut(*column) {
                *gone = 0;
            }
        }
        let over = taken(&widths).saturating_sub(width);
        if let Some(words) = widths.first_mut() {
            *words = words.saturating_sub(over).max(1);
        }
        let head = Style::new().add_modifier(Modifier::BOLD);
        let head = Line::styled(row(&self.heads, &widths), head);
        let rows = self.rows.iter().map(|cells| Line::raw(row(cells, &widths)));
        std::iter::once(head).chain(rows).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |text: &String| Span::raw(text.as_str()).width();
        let mut widths: Vec<usize> = self.heads.iter().map(width).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        widths
    }
}

/// What columns need with their gaps; one without a width is not there.
fn taken(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown
        .map(|width| width + GAP)
        .sum::<usize>()
        .saturating_sub(GAP)
}

fn row(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if *width == 0 {
            continue;
        }
        if index == 0 {
            let cell = shortened(cell, *width);
            let rest = width.saturating_sub(Span::raw(cell.as_str()).width());
            text.push_str(&cell);
            text.push_str(&" ".repeat(rest));
        } else {
            text.push_str(&format!("{:GAP$}{cell:>width$}", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cells_are_whole_or_absent() {
        let cells = || ["1,000", "22", "333,333,333", "4"].map(Span::raw).to_vec();
        assert_eq!(
            texts(&flow(cells(), 40, 9)),
            ["1,000  22  333,333,333  4"],
            "all in one line"
        );
        assert_eq!(texts(&flow(cells(), 9, 9)), ["1,000  22", "4"]);
        assert_eq!(texts(&flow(cells(), 9, 1)), ["1,000  22"]);
        assert!(flow(cells(), 0, 9).is_empty());
        assert!(flow(cells(), 40, 0).is_empty());
    }

    #[test]
    fn columns_give_way_before_numbers_are_cut() {
        let grid = Grid {
            heads: ["phase", "count", "p50", "p99"].map(str::to_owned).into(),
            rows: vec![
                ["latency", "1,000", "2.50 ms", "10.0 ms"]
                    .map(str::to_owned)
                    .into(),
            ],
            spare: &[1, 3],
        };
        assert_eq!(
            texts(&grid.lines(32)),
            [
                "phase    count      p50      p99",
                "latency  1,000  2.50 ms  10.0 ms"
            ]
        );
        let first = |width| texts(&grid.lines(width)).pop().unwrap_or_default();
        assert_eq!(first(31), "latency  2.50 ms  10.0 ms");
        assert_eq!(first(24), "latency  2.50 ms");
        assert_eq!(first(13), "lat\u{2026}  2.50 ms");
    }

    #[test]
    fn a_name_that_is_cut_says_so() {
        assert_eq!(shortened("tenant", 6), "tenant");
        assert_eq!(shortened("tenant-1", 6), "tenan\u{2026}");
        assert_eq!(shortened("\u{6f22}\u{5b57}\u{6f22}", 4), "\u{6f22}\u{2026}");
    }
}
