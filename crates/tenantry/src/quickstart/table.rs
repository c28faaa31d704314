//! The quickstart's table.

use std::io::{self, Write};

use super::world::Outcome;

/// Prints what was sent, what was decided, what the upstream saw, and what the client heard.
pub(super) fn print(out: &mut impl Write, outcomes: &[Outcome]) -> io::Result<()> {
    let rows: Vec<[String; 5]> = outcomes.iter().map(row).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.lines().map(str::len).max().unwrap_or(0));
        }
    }
    line(out, &widths, &HEADINGS.map(str::to_owned))?;
    writeln!(out, "{}", widths.map(|width| "-".repeat(width)).join("  "))?;
    for row in &rows {
        line(out, &widths, row)?;
    }
    writeln!(out)?;
    for outcome in outcomes
        .iter()
        .filter(|outcome| !outcome.differences.is_empty())
    {
        for difference in &outcome.differences {
            writeln!(out, "DIFFERENT: {}: {difference}", outcome.case.title)?;
        }
    }
    let wrong = outcomes
        .iter()
        .filter(|outcome| !outcome.differences.is_empty())
        .count();
    writeln!(
        out,
        "{} of {} messages came out as they should.",
        outcomes.len() - wrong,
        outcomes.len()
    )
}

fn row(outcome: &Outcome) -> [String; 5] {
    let case = outcome.case;
    let sender = if case.sender.is_empty() {
        "<>"
    } else {
        case.sender
    };
    let sent = format!("{sender}\n-> {}", case.recipients.join("\n-> "));
    let replies = outcome.replies.join("\n");
    [
        case.title.to_owned(),
        sent,
        outcome.verdict.clone(),
        outcome.certificate.clone(),
        replies,
    ]
}

fn line(out: &mut impl Write, widths: &[usize; 5], cells: &[String; 5]) -> io::Result<()> {
    let height = cells
        .iter()
        .map(|cell| cell.lines().count())
        .max()
        .unwrap_or(0);
    for index in 0..height {
        let mut text = String::new();
        for (width, cell) in widths.iter().zip(cells) {
            let part = cell.lines().nth(index).unwrap_or("");
            text.push_str(&format!("{part:width$}  "));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

const HEADINGS: [&str; 5] = [
    "case",
    "sent",
    "verdict, basis",
    "certificate at the upstream",
    "replies",
];
