//! The live table on a terminal: drawn over itself line by line, in one write, so that nothing
//! flickers. Keys are not read, so that the terminal keeps its own ways of interrupting.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{Command, execute};
use tenantry_lab::world::Region;

use super::totals::Row;

/// The terminal while the lab runs; dropping it gives the terminal back.
pub(super) struct Screen {
    doors: String,
    notes: Vec<String>,
    last: String,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open(addresses: &[(Region, SocketAddr)]) -> Self {
        let doors: Vec<String> = addresses
            .iter()
            .map(|(region, address)| format!("{region} {address}"))
            .collect();
        // A terminal that is gone is noticed by whoever sends the signals.
        let _ = execute!(io::stdout(), EnterAlternateScreen, Hide);
        Self {
            doors: doors.join("   "),
            notes: Vec::new(),
            last: String::new(),
        }
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, rows: &[Row], sessions: usize) {
        let (width, height) = terminal::size().unwrap_or((80, 24));
        let head = format!("{}   {sessions} sessions", self.doors);
        let size = (usize::from(width), usize::from(height));
        let frame = frame(&head, rows, &self.notes, size);
        if frame != self.last {
            let mut out = io::stdout().lock();
            // As when it is opened.
            let _ = out.write_all(frame.as_bytes()).and_then(|()| out.flush());
            self.last = frame;
        }
    }

    /// Says something below the table.
    pub(super) fn note(&mut self, lines: &[String]) {
        self.notes = lines.to_vec();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // As when it is opened.
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    }
}

/// One picture: each line cut to the width and cleared to its end, what is below cleared too. A
/// narrow terminal shows refusals rather than octets and what decided.
fn frame(head: &str, rows: &[Row], notes: &[String], (width, height): (usize, usize)) -> String {
    let columns = if width < WIDE { narrow } else { wide };
    let mut lines = vec![head.to_owned(), String::new()];
    lines.push(columns(
        [
            "tenant", "region", "accepted", "octets", "rate/s", "last by",
        ],
        "refused",
    ));
    let room = height.saturating_sub(lines.len() + notes.len() + 2);
    let busy: Vec<&Row> = rows.iter().filter(|row| row.messages() > 0).collect();
    // Those with traffic first, each group in the world's order, so that rows keep their places.
    let quiet = rows.iter().filter(|row| row.messages() == 0);
    let order: Vec<&Row> = busy.iter().copied().chain(quiet).collect();
    lines.extend(order.iter().take(room).map(|row| {
        let (accepted, octets) = (
            row.counts.accepted.to_string(),
            row.counts.octets.to_string(),
        );
        let rate = format!("{:.1}", row.rate);
        let decided = row.decided();
        let cells = [
            row.tenant.as_str(),
            &row.region,
            &accepted,
            &octets,
            &rate,
            &decided,
        ];
        columns(cells, &row.refusals())
    }));
    let hidden = order.len().saturating_sub(room);
    if hidden > 0 {
        lines.push(format!("... and {hidden} more tenants"));
    }
    lines.extend(notes.iter().map(|note| note.escape_debug().to_string()));
    let mut out = String::new();
    push(&mut out, BeginSynchronizedUpdate);
    push(&mut out, MoveTo(0, 0));
    for (index, line) in lines.iter().take(height).enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
        out.extend(line.chars().take(width));
        push(&mut out, Clear(ClearType::UntilNewLine));
    }
    push(&mut out, Clear(ClearType::FromCursorDown));
    push(&mut out, EndSynchronizedUpdate);
    out
}

type Cells<'a> = [&'a str; 6];

fn wide([tenant, region, accepted, octets, rate, basis]: Cells<'_>, refused: &str) -> String {
    let line = format!(
        "{tenant:<24} {region:<6} {accepted:>10} {octets:>14} {rate:>9} {basis:<28} {refused}"
    );
    line.trim_end().to_owned()
}

fn narrow([tenant, region, accepted, _octets, rate, _basis]: Cells<'_>, refused: &str) -> String {
    let line = format!("{tenant:<20.20} {region:<6.6} {accepted:>9} {rate:>9} {refused}");
    line.trim_end().to_owned()
}

/// From here on the wide table shows the first refusal of a tenant.
const WIDE: usize = 112;

fn push(out: &mut String, command: impl Command) {
    // Writing to a string cannot fail.
    let _ = command.write_ansi(out);
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]

    use tenantry_lab::attribution::Basis;
    use tenantry_lab::service::TenantStatistics;

    use super::*;
    use crate::lab::totals::Progress;

    fn row(tenant: &str, accepted: u64) -> TenantStatistics {
        TenantStatistics {
            tenant: Some(tenant.to_owned()),
            region: Some(Region::new("EUR")),
            accepted,
            refused: [("550 5.7.64".to_owned(), accepted)].into(),
            octets: accepted * 1000,
            last_basis: (accepted > 0).then_some(Basis::Certificate),
            last_connector: (accepted > 0).then(|| "Mail server".to_owned()),
        }
    }

    /// What a terminal would show: the text without commands.
    fn seen(frame: &str) -> Vec<String> {
        let mut text = String::new();
        let mut characters = frame.chars();
        while let Some(character) = characters.next() {
            if character == '\u{1b}' {
                let end = |c: &char| c.is_ascii_alphabetic();
                characters.by_ref().skip(1).find(end).unwrap();
            } else {
                text.push(character);
            }
        }
        text.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn the_table_fits_the_terminal_and_says_what_it_hides() {
        let statistics = (0..50).map(|number| row(&format!("t{number}"), number % 2));
        let rows = Progress::default().take(statistics.collect());
        let notes = ["a note".to_owned()];
        let picture = frame("EUR 127.0.0.1:2531", &rows, &notes, (120, 12));
        let lines = seen(&picture);
        assert_eq!(lines.len(), 11);
        assert!(lines.iter().all(|line| line.chars().count() <= 120));
        assert!(lines[3].starts_with("t1 "), "{lines:?}");
        assert!(lines[3].contains("certificate/Mail server  "), "{lines:?}");
        assert!(lines[3].ends_with("550 5.7.64: 1"), "{lines:?}");
        assert_eq!(lines[9], "... and 44 more tenants");
        assert_eq!(lines[10], "a note");
        // On a narrow one refusals are more than octets.
        let narrow = seen(&frame("head", &rows, &[], (80, 12)));
        assert!(narrow[2].ends_with("rate/s refused"), "{narrow:?}");
        assert!(narrow[3].starts_with("t1 "), "{narrow:?}");
        assert!(narrow[3].ends_with("550 5.7.64: 1"), "{narrow:?}");
        // Small terminals get what they can hold.
        assert_eq!(seen(&frame("head", &rows, &[], (5, 2))), ["head", ""]);
    }

    #[test]
    fn the_rate_is_that_of_the_messages_since_the_last_look() {
        let mut progress = Progress::default();
        let first = progress.take(vec![row("a", 2)]);
        assert_eq!(first[0].new, 4);
        let second = progress.take(vec![row("a", 5)]);
        assert_eq!(second[0].new, 6);
        let third = progress.take(vec![row("a", 5)]);
        assert_eq!((third[0].new, third[0].rate), (0, 0.0));
    }
}
