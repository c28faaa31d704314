//! The quickstart's tables.

use std::io::{self, Write};

use super::cases::{AntiPattern, Certificate};
use super::world::Outcome;

/// Prints one outcome for every branch of the decision.
pub(super) fn branches(out: &mut impl Write, outcomes: &[Outcome]) -> io::Result<()> {
    writeln!(out, "Every branch of the decision, through Tenantry:\n")?;
    table(out, outcomes)
}

/// Prints an anti-pattern without and with Tenantry.
pub(super) fn anti_pattern(
    out: &mut impl Write,
    shown: &AntiPattern,
    outcomes: &[Outcome],
) -> io::Result<()> {
    writeln!(out, "Without and with Tenantry: {}\n", shown.text)?;
    table(out, outcomes)
}

/// Prints what is not as it should be, and how much is.
pub(super) fn summary(out: &mut impl Write, outcomes: &[Outcome]) -> io::Result<()> {
    let mut wrong = 0;
    for outcome in outcomes {
        for difference in &outcome.differences {
            writeln!(out, "DIFFERENT: {}: {difference}", outcome.case.title)?;
        }
        wrong += usize::from(!outcome.differences.is_empty());
    }
    let (right, all) = (outcomes.len() - wrong, outcomes.len());
    writeln!(out, "{right} of {all} messages came out as they should.")
}

fn table(out: &mut impl Write, outcomes: &[Outcome]) -> io::Result<()> {
    line(out, HEADINGS)?;
    writeln!(out, "{}", WIDTHS.map(|width| "-".repeat(width)).join("  "))?;
    for outcome in outcomes {
        row(out, outcome)?;
    }
    writeln!(out)
}

fn row(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let sent = sent(outcome);
    let cells = [
        &sent,
        &outcome.verdict,
        &outcome.certificate,
        &outcome.attributed,
    ];
    let height = cells.iter().map(|cell| cell.lines().count()).max();
    for index in 0..height.unwrap_or(0) {
        line(out, cells.map(|cell| cell.lines().nth(index).unwrap_or("")))?;
    }
    for reply in &outcome.replies {
        match reply.char_indices().nth(LONGEST) {
            Some((end, _)) => writeln!(out, "  {}...", reply.get(..end).unwrap_or_default())?,
            None => writeln!(out, "  {reply}")?,
        }
    }
    Ok(())
}

/// What was sent, and with which certificate.
fn sent(outcome: &Outcome) -> String {
    let case = outcome.case;
    let sender = match case.sender {
        "" => "<>",
        sender => sender,
    };
    let certificate = match case.certificate {
        Certificate::None => "",
        Certificate::Application => "\n  with app.contoso.example",
        Certificate::Contoso => "\n  with mail.contoso.example",
        Certificate::Exchange => "\n  with ex01.corp.example",
        Certificate::SelfSigned => "\n  with mail.contoso.example",
        Certificate::TwoTenants => "\n  with mail.contoso.example\n  and mail.fabrikam.example",
    };
    let recipients = case.recipients.join("\n  -> ");
    format!("{}\n  {sender}\n  -> {recipients}{certificate}", case.title)
}

fn line(out: &mut impl Write, cells: [&str; 4]) -> io::Result<()> {
    let mut text = String::new();
    for (width, cell) in WIDTHS.into_iter().zip(cells) {
        text.push_str(&format!("{cell:width$}  "));
    }
    writeln!(out, "{}", text.trim_end())
}

const HEADINGS: [&str; 4] = [
    "sent",
    "verdict, basis",
    "certificate at the upstream",
    "attributed by Exchange Online (simulated)",
];
const WIDTHS: [usize; 4] = [29, 17, 27, 41];
/// The width of the table, but for the indentation and what stands for the rest.
const LONGEST: usize = 115;
