//! Whose the messages are: in a box with bars, or in a line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tenantry_load::result::{Live, TenantShare};

use super::cells::shortened;
use super::{FRAME, block};
use crate::load::report::numbers::{count, share};
use crate::load::report::tables;

/// The tenants with most messages, each in a few words.
pub(super) fn cells(now: &Live) -> Vec<Span<'static>> {
    let cells = now.tenants.iter().map(|row| {
        let name = shortened(&tables::name(row.name.as_deref()), SHORT);
        Span::raw(format!("{name} {}", share(row.share)))
    });
    cells.collect()
}

/// The longest name where there is little room.
const SHORT: usize = 12;
/// And where there is some.
const LONG: usize = 20;
/// Between two columns of tenants.
const GAP: usize = 3;

/// One tenant's words, all columns of one width.
struct Entries(Vec<(String, f64)>);

impl Entries {
    fn of(now: &Live) -> Self {
        let width = |text: &str| Span::raw(text).width();
        let cell = |row: &TenantShare| {
            let name = shortened(&tables::name(row.name.as_deref()), LONG);
            (name, count(row.sent), share(row.share))
        };
        let cells: Vec<_> = now.tenants.iter().map(cell).collect();
        let widest = |each: fn(&(String, String, String)) -> &String| {
            let widths = cells.iter().map(|row| width(each(row)));
            widths.max().unwrap_or(0)
        };
        let (names, sent) = (widest(|row| &row.0), widest(|row| &row.1));
        let parts = widest(|row| &row.2);
        let entry = |((name, number, part), row): (&(String, String, String), &TenantShare)| {
            let rest = " ".repeat(names.saturating_sub(width(name)));
            (
                format!("{name}{rest}  {number:>sent$}  {part:>parts$}"),
                row.share,
            )
        };
        Self(cells.iter().zip(&now.tenants).map(entry).collect())
    }

    fn width(&self) -> usize {
        let widths = self.0.iter().map(|entry| Span::raw(&entry.0).width());
        widths.max().unwrap_or(0)
    }

    /// How many columns of them there can be in a frame.
    fn columns(&self, width: u16) -> usize {
        let inside = usize::from(width.saturating_sub(FRAME));
        ((inside + GAP) / (self.width() + GAP)).max(1)
    }
}

/// How many rows they need, in as many columns as there can be.
pub(super) fn rows(now: &Live, width: u16) -> u16 {
    let entries = Entries::of(now);
    let rows = entries.0.len().div_ceil(entries.columns(width));
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// The box: as few columns as show all that there is room for, and bars in what is left of them.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let entries = Entries::of(now);
    let inside = usize::from(area.width.saturating_sub(FRAME));
    let rows = usize::from(area.height.saturating_sub(FRAME));
    if entries.width() > inside {
        let lines = super::flow(cells(now), inside as u16, rows);
        frame.render_widget(Paragraph::new(lines).block(block("tenants")), area);
        return;
    }
    let most = entries.columns(area.width);
    let columns = entries.0.len().div_ceil(rows.max(1)).clamp(1, most);
    let each = (inside + GAP) / columns;
    let room = each.saturating_sub(entries.width() + GAP + 2);
    let highest = now.tenants.iter().map(|row| row.share).fold(0.0, f64::max);
    let mut lines = vec![String::new(); rows];
    let shown = entries.0.iter().take(rows.saturating_mul(columns));
    for (index, (words, part)) in shown.enumerate() {
        let Some(line) = lines.get_mut(index % rows.max(1)) else {
            continue;
        };
        let length = if highest > 0.0 { part / highest } else { 0.0 };
        let bar = "\u{2588}".repeat((length * room as f64).round() as usize);
        let cell = format!("{words}  {bar}");
        let rest = each.saturating_sub(Span::raw(&cell).width());
        line.push_str(&cell);
        line.push_str(&" ".repeat(rest));
    }
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::raw).collect();
    let title = title(now, rows.saturating_mul(columns));
    frame.render_widget(Paragraph::new(lines).block(block(&title)), area);
}

/// How many of the tenants are shown, of which what is nobody's is none.
fn title(now: &Live, most: usize) -> String {
    let rows = || now.tenants.iter().take(most);
    let shown = rows().filter(|row| row.name.is_some()).count();
    let nobody = if rows().count() > shown {
        ", and nobody's"
    } else {
        ""
    };
    let total = count(now.tenants_total as u64);
    format!("tenants: {shown} of {total}{nobody}")
}
