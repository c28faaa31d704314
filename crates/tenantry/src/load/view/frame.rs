//! The picture: progress, rate, reply classes, latency by phase, tenants, curves.
//!
//! Whatever the window's size, how messages are answered and whose they are stand in it: a small
//! window loses curves, phases and frames first. Numbers are shown whole or not at all.

mod cells;
mod tenants;

use ratatui::Frame;
use ratatui::layout::{Constraint, Direction, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Gauge, Paragraph, Sparkline};
use tenantry_load::result::{Live, LivePhase, Phase};

use self::cells::{Grid, fitting, flow};
use super::{History, lines};
use crate::load::report::numbers::{count, duration, rate, share, text};
use crate::load::report::tables;

/// Draws the moment of a run, above it what it is about.
pub(super) fn draw(frame: &mut Frame<'_>, now: &Live, history: &History, plan: &[String]) {
    let area = frame.area();
    let problem = u16::from(now.last_problem.is_some() && area.height >= 8);
    let [top, rest, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(problem),
    ])
    .areas(area);
    progress(frame, top, now);
    if area.height < ROOMY {
        narrow(frame, rest, now);
    } else {
        roomy(frame, rest, now, history, plan);
    }
    if let Some(last) = &now.last_problem {
        let line = Line::styled(format!("last problem: {}", text(last)), bad());
        frame.render_widget(line, bottom);
    }
}

/// From so many rows on there are frames.
const ROOMY: u16 = 18;

/// Lines only, the most important ones first.
fn narrow(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let tight = area.height < 7;
    let several = if tight { 1 } else { 2 };
    let mut lines = flow(figures(now), area.width, several);
    lines.extend(classes(now, area.width));
    lines.extend(flow(tenants::cells(now), area.width, several));
    if !tight {
        lines.extend(flow(totals(now), area.width, 1));
    }
    let left = area.height.saturating_sub(lines.len() as u16);
    if left >= 2 {
        let phases = chosen(&now.phases, usize::from(left) - 1);
        lines.extend(grid(&phases).lines(area.width));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// Lines at the top, and boxes below them.
fn roomy(frame: &mut Frame<'_>, area: Rect, now: &Live, history: &History, plan: &[String]) {
    let plan = plan.iter().map(|words| Span::raw(words.clone()));
    let mut lines = flow(plan.collect(), area.width, 2);
    lines.extend(flow(figures(now), area.width, 2));
    lines.extend(flow(totals(now), area.width, 2));
    lines.extend(classes(now, area.width));
    let head = lines.len() as u16;
    let left = area.height.saturating_sub(head);
    let rooms = Rooms::of(left, now.phases.len(), tenants::rows(now, area.width));
    let [top, curves, latency, rest] = Layout::vertical([
        Constraint::Length(head),
        Constraint::Length(rooms.curves),
        Constraint::Length(rooms.latency),
        Constraint::Min(0),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(lines), top);
    self::curves(frame, curves, now, history);
    table(frame, latency, now);
    tenants::draw(frame, rest, now);
}

/// How many rows the boxes have, frames included; what is left is the tenants'.
#[derive(Debug, PartialEq, Eq)]
struct Rooms {
    curves: u16,
    latency: u16,
}

impl Rooms {
    /// Of so many rows, for so many phases and rows of tenants.
    fn of(rows: u16, phases: usize, tenants: u16) -> Self {
        let tenants = tenants + FRAME;
        let phases = u16::try_from(phases).unwrap_or(u16::MAX);
        let latency = phases.saturating_add(FRAME + 1);
        let latency = latency.min(rows.saturating_sub(tenants.min(LEAST_TENANTS)));
        let latency = if phases == 0 { 0 } else { latency };
        let left = rows.saturating_sub(latency).saturating_sub(tenants);
        Self {
            curves: if left > FRAME { left.min(CURVES) } else { 0 },
            latency,
        }
    }
}

/// What a frame needs above and below.
const FRAME: u16 = 2;
/// The tenants' box is not made smaller for the sake of another.
const LEAST_TENANTS: u16 = 5;
/// The most that curves have.
const CURVES: u16 = 8;

fn progress(frame: &mut Frame<'_>, area: Rect, now: &Live) {
    let (stage, far) = (lines::stage(now.stage), lines::progress(now));
    let elapsed = duration(u64::try_from(now.elapsed.as_micros()).unwrap_or(u64::MAX));
    let words = fitting([format!("{stage}: {far}"), far, elapsed], area.width);
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

/// The rate, and what is under way.
fn figures(now: &Live) -> Vec<Span<'static>> {
    let mut rates = format!("{}/s", rate(now.rate));
    if let Some(offered) = lines::offered(now) {
        rates.push_str(&format!(" of {offered}"));
    }
    vec![
        Span::styled(rates, Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("{} in flight", count(now.in_flight))),
        Span::raw(format!("{} waiting", count(now.queued))),
        Span::raw(format!("{} connections", count(now.connections))),
    ]
}

/// What was measured so far. What is under way is neither accepted nor not.
fn totals(now: &Live) -> Vec<Span<'static>> {
    let totals = &now.totals;
    let missed = lines::missed(totals);
    let part = share(missed as f64 / totals.intended.max(1) as f64);
    let style = if missed > 0 { bad() } else { Style::new() };
    vec![
        Span::raw(format!("measured: {} due", count(totals.intended))),
        Span::raw(format!("{} accepted", count(totals.accepted))),
        Span::styled(format!("{} not accepted ({part})", count(missed)), style),
    ]
}

/// How messages were answered, in one line with words and shares, or in several without.
fn classes(now: &Live, width: u16) -> Vec<Line<'static>> {
    let green = Style::new().fg(Color::Green);
    let yellow = Style::new().fg(Color::Yellow);
    let replies = &now.replies;
    let classes = [
        ("2yz", " accepted", replies.accepted, green),
        ("4yz", " deferred", replies.deferred, yellow),
        ("5yz", " refused", replies.refused, bad()),
        ("no reply", "", replies.failed, bad()),
    ];
    let all = classes.iter().map(|row| row.2).fold(0, u64::saturating_add);
    let cell = |detail: u8, (name, words, value, style): (&str, &str, u64, Style)| {
        let mut cell = match detail {
            0 => format!("{name} {}", count(value)),
            _ => format!("{name}{words} {}", count(value)),
        };
        if detail > 1 && value > 0 {
            let part = share(value as f64 / all.max(1) as f64);
            cell.push_str(&format!(" ({part})"));
        }
        let style = if value == 0 { Style::new() } else { style };
        Span::styled(cell, style)
    };
    let whole = |detail: u8| flow(classes.map(|row| cell(detail, row)).into(), width, 4);
    let one = [2, 1].map(whole);
    let one = one.into_iter().find(|lines| lines.len() == 1);
    // One line of which a cell was left out is not all of them.
    let one = one.filter(|lines| lines.iter().all(|line| line.spans.len() == 7));
    one.unwrap_or_else(|| whole(0))
}

fn curves(frame: &mut Frame<'_>, area: Rect, now: &Live, history: &History) {
    let latency = now.phases.iter().find(|row| row.phase == Phase::Latency);
    let p99 = latency.map_or_else(|| "-".to_owned(), |row| duration(row.p99));
    let both = [
        (
            format!("accepted/s: {}", rate(now.rate)),
            &history.rates,
            Color::Cyan,
        ),
        (
            format!("p99 of the latency: {p99}"),
            &history.p99,
            Color::Yellow,
        ),
    ];
    let parts = [Constraint::Percentage(50), Constraint::Percentage(50)];
    let halves: [Rect; 2] = Layout::new(Direction::Horizontal, parts).areas(area);
    for (area, (title, values, colour)) in halves.into_iter().zip(both) {
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
    let room = usize::from(area.height.saturating_sub(FRAME + 1));
    let phases = chosen(&now.phases, room);
    let mut title = "latency over the last second".to_owned();
    if phases.len() < now.phases.len() {
        title.push_str(&format!(
            ": {} of {} phases",
            phases.len(),
            now.phases.len()
        ));
    }
    let lines = grid(&phases).lines(area.width.saturating_sub(FRAME));
    frame.render_widget(Paragraph::new(lines).block(block(&title)), area);
}

fn grid(phases: &[LivePhase]) -> Grid {
    let heads = ["phase", "count", "p50", "p90", "p99", "longest"];
    let row = |row: &LivePhase| {
        vec![
            tables::phase(row.phase).to_owned(),
            count(row.count),
            duration(row.p50),
            duration(row.p90),
            duration(row.p99),
            duration(row.max),
        ]
    };
    Grid {
        heads: heads.map(str::to_owned).into(),
        rows: phases.iter().map(row).collect(),
        spare: &[3, 1, 5, 2, 4],
    }
}

/// So many of the phases: those that tell most, in the order of a message's way.
fn chosen(phases: &[LivePhase], most: usize) -> Vec<LivePhase> {
    let weight = |row: &LivePhase| match row.phase {
        Phase::Latency => 0,
        Phase::Reply => 1,
        Phase::Wait | Phase::Refused => 2,
        Phase::TlsFull | Phase::TlsResumed => 3,
        Phase::Connect | Phase::Data => 4,
        Phase::Mail | Phase::Rcpt | Phase::Transfer => 5,
        Phase::Greeting | Phase::Ehlo | Phase::Starttls | Phase::Message => 6,
    };
    let mut rows: Vec<(usize, LivePhase)> = phases.iter().copied().enumerate().collect();
    rows.sort_by_key(|(place, row)| (weight(row), *place));
    rows.truncate(most);
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn block(title: &str) -> Block<'_> {
    Block::new().borders(Borders::ALL).title(title)
}

fn bad() -> Style {
    Style::new().fg(Color::Red)
}

#[cfg(test)]
mod tests;
