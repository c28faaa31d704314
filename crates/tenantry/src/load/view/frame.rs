//! The picture: rate and its curve, latency by phase, replies, tenants, progress.

use ratatui::Frame;
use ratatui::layout::{Constraint, Direction, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Gauge, Paragraph, Row, Sparkline, Table};
use tenantry_load::result::Live;

use super::{History, lines};
use crate::load::report::numbers::{count, duration, rate, share, text};
use crate::load::report::tables;

/// Draws the moment. What does not fit is left out from the bottom: progress, rate and latency
/// come first.
pub(super) fn draw(frame: &mut Frame<'_>, now: &Live, history: &History) {
    let phases = now.phases.len().min(MOST_PHASES) as u16 + 3;
    let [top, numbers, curves, latency, rest, problem] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(if frame.area().height < 24 { 0 } else { 6 }),
        Constraint::Length(phases),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    progress(frame, top, now);
    figures(frame, numbers, now);
    self::curves(frame, curves, now, history);
    table(frame, latency, now);
    let [left, right] = halves(rest);
    replies(frame, left, now);
    tenants(frame, right, now);
    if let Some(last) = &now.last_problem {
        let line = Line::styled(format!("last problem: {}", text(last)), bad());
        frame.render_widget(line, problem);
    }
}

/// As many phases as there are.
const MOST_PHASES: usize = 14;

fn progress(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let words = format!("{}: {}", lines::stage(now.stage), lines::progress(now));
    match lines::part(now) {
        Some(part) => {
            let gauge = Gauge::default()
                .ratio(part)
                .label(words)
                .gauge_style(Style::new().fg(Color::Cyan).bg(Color::DarkGray));
            frame.render_widget(gauge, area);
        }
        None => frame.render_widget(Line::raw(words), area),
    }
}

fn figures(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let mut first = vec![Span::styled(
        format!("{}/s", rate(now.rate)),
        Style::new().add_modifier(Modifier::BOLD),
    )];
    if let Some(offered) = now.offered {
        first.push(Span::raw(format!(" of {}/s", rate(offered))));
    }
    first.push(Span::raw(format!(
        "   {} in flight   {} waiting   {} connections",
        count(now.in_flight),
        count(now.queued),
        count(now.connections)
    )));
    let totals = &now.totals;
    let missed = share(totals.error_share());
    let second = format!(
        "measured: {} due, {} accepted, {missed} not accepted",
        count(totals.intended),
        count(totals.accepted)
    );
    frame.render_widget(
        Paragraph::new(vec![Line::from(first), Line::raw(second)]),
        area,
    );
}

fn curves(frame: &mut Frame<'_>, area: Rect, now: &Live, history: &History) {
    let p99 = history.p99.back().copied().unwrap_or(0);
    let both = [
        (
            format!("accepted/s: {}", rate(now.rate)),
            &history.rates,
            Color::Cyan,
        ),
        (
            format!("p99 of the latency: {}", duration(p99)),
            &history.p99,
            Color::Yellow,
        ),
    ];
    for (area, (title, values, colour)) in halves(area).into_iter().zip(both) {
        let room = usize::from(area.width.saturating_sub(2));
        let last = values.iter().skip(values.len().saturating_sub(room));
        let curve = Sparkline::default()
            .block(block(&title))
            .data(last.copied().collect::<Vec<u64>>())
            .style(Style::new().fg(colour));
        frame.render_widget(curve, area);
    }
}

fn table(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let rows = now.phases.iter().take(MOST_PHASES).map(|row| {
        Row::new([
            tables::phase(row.phase).to_owned(),
            number(count(row.count)),
            number(duration(row.p50)),
            number(duration(row.p90)),
            number(duration(row.p99)),
            number(duration(row.max)),
        ])
    });
    let heads = ["count", "p50", "p90", "p99", "longest"].map(|head| number(head.to_owned()));
    let heads = [vec!["phase".to_owned()], heads.to_vec()].concat();
    let widths = [
        Constraint::Length(22),
        Constraint::Length(NUMBER),
        Constraint::Length(NUMBER),
        Constraint::Length(NUMBER),
        Constraint::Length(NUMBER),
        Constraint::Length(NUMBER),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(heads).style(Style::new().add_modifier(Modifier::BOLD)))
        .block(block("latency over the last second"));
    frame.render_widget(table, area);
}

const NUMBER: u16 = 10;

fn number(text: String) -> String {
    format!("{text:>width$}", width = usize::from(NUMBER))
}

fn replies(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let classes = [
        (
            "2yz accepted",
            now.replies.accepted,
            Style::new().fg(Color::Green),
        ),
        (
            "4yz deferred",
            now.replies.deferred,
            Style::new().fg(Color::Yellow),
        ),
        ("5yz refused", now.replies.refused, bad()),
        ("no reply", now.replies.failed, bad()),
    ];
    let all = classes.iter().map(|row| row.1).fold(0, u64::saturating_add);
    let rows = classes.map(|(name, value, style)| {
        let part = share(value as f64 / all.max(1) as f64);
        let style = if value == 0 { Style::new() } else { style };
        Row::new([name.to_owned(), number(count(value)), number(part)]).style(style)
    });
    let widths = [
        Constraint::Length(14),
        Constraint::Length(NUMBER + 4),
        Constraint::Length(NUMBER),
    ];
    frame.render_widget(Table::new(rows, widths).block(block("replies")), area);
}

fn tenants(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let most = now.tenants.iter().map(|row| row.share).fold(0.0, f64::max);
    let bar = usize::from(area.width.saturating_sub(42));
    let rows = now.tenants.iter().map(|row| {
        let length = if most > 0.0 { row.share / most } else { 0.0 };
        Row::new([
            tables::name(row.name.as_deref()),
            number(count(row.sent)),
            number(share(row.share)),
            "\u{2588}".repeat((length * bar as f64).round() as usize),
        ])
    });
    let widths = [
        Constraint::Length(16),
        Constraint::Length(NUMBER),
        Constraint::Length(NUMBER),
        Constraint::Min(0),
    ];
    let shown = usize::from(area.height.saturating_sub(2)).min(now.tenants.len());
    let title = format!("tenants: {shown} of {}", count(now.tenants_total as u64));
    frame.render_widget(Table::new(rows, widths).block(block(&title)), area);
}

fn block(title: &str) -> Block<'_> {
    Block::new().borders(Borders::ALL).title(title)
}

fn halves(area: Rect) -> [Rect; 2] {
    let parts = [Constraint::Percentage(45), Constraint::Percentage(55)];
    Layout::new(Direction::Horizontal, parts).areas(area)
}

fn bad() -> Style {
    Style::new().fg(Color::Red)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::load::view::sample;

    fn picture(width: u16, height: u16, now: &Live) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut history = History::default();
        for _ in 0..300 {
            history.add(now);
        }
        terminal.draw(|frame| draw(frame, now, &history)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn the_picture_has_rate_phases_replies_tenants_and_progress() {
        let picture = picture(110, 36, &sample::live());
        for words in [
            "step 1 of 3: 12.0 s of 40.0 s",
            "987/s of 1,000/s",
            "17 in flight",
            "4 waiting",
            "32 connections",
            "p99 of the latency: 10.0 ms",
            "final reply",
            "1.10 ms",
            "2yz accepted",
            "11,900",
            "5yz refused",
            "tenant-1",
            "(nobody)",
            "of 1,000",
            "last problem: 550 5.7.64 not\\u{1b}[2J for us",
        ] {
            assert!(picture.contains(words), "{words} is missing in\n{picture}");
        }
    }

    #[test]
    fn a_small_terminal_has_progress_rate_and_latency() {
        let picture = picture(80, 14, &sample::live());
        for words in ["step 1 of 3", "987/s", "latency", "2.50 ms"] {
            assert!(picture.contains(words), "{words} is missing in\n{picture}");
        }
    }

    #[test]
    fn no_size_and_no_moment_is_too_odd_to_draw() {
        let mut empty = sample::live();
        empty.phases.clear();
        empty.tenants.clear();
        (empty.planned, empty.offered, empty.last_problem) = (None, None, None);
        let mut odd = sample::live();
        odd.rate = f64::INFINITY;
        odd.tenants.iter_mut().for_each(|row| row.share = f64::NAN);
        odd.replies.accepted = u64::MAX;
        for now in [sample::live(), empty, odd] {
            for (width, height) in [(1, 1), (2, 3), (10, 5), (40, 20), (300, 90)] {
                assert!(!picture(width, height, &now).is_empty());
            }
        }
    }
}
