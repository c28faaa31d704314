//! `tenantry replay`: recorded envelopes through two configurations, and what changes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use tenantry_relay::config::Config;
use tenantry_relay::replay::{self, Change, Examples, Report, Side};

use crate::cli::Replay;
use crate::exit;

/// Plays a log under both configurations; the exit code says whether anything changes.
pub(crate) fn replay(question: &Replay) -> ExitCode {
    play(question).unwrap_or_else(|code| code).into()
}

fn play(question: &Replay) -> Result<u8, u8> {
    let (old, new) = match (Config::load(&question.old), Config::load(&question.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            for problems in [old.err(), new.err()].iter().flatten() {
                exit::complain(problems);
            }
            return Err(exit::CONFIGURATION);
        }
    };
    let name = question.log.display();
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let report = opened(&question.log)
        .and_then(|log| replay::replay(&old, &new, log, threads))
        .map_err(|error| {
            exit::complain(&format_args!("{name}: {error}"));
            exit::USAGE
        })?;
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = if question.json {
        json(&mut out, &report)
    } else {
        text(&mut out, &report, &question.log)
    };
    match outcome.and_then(|()| out.flush()) {
        Ok(()) => {}
        // Whoever reads only the beginning has seen what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            exit::complain(&error);
            return Err(exit::INTERNAL);
        }
    }
    if report.envelopes == 0 && report.not_replayable.lines > 0 {
        exit::complain(&format_args!(
            "{name}: no line can be decided; the relay writes such a log with log.format = \"json\""
        ));
        return Err(exit::USAGE);
    }
    Ok(if report.changed > 0 {
        exit::CHANGED
    } else {
        exit::OK
    })
}

fn opened(log: &Path) -> io::Result<Box<dyn Read>> {
    if log == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(log)?))
}

fn json(out: &mut impl Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn text(out: &mut impl Write, report: &Report, log: &Path) -> io::Result<()> {
    let (changed, envelopes) = (report.changed, report.envelopes);
    writeln!(
        out,
        "{changed} of {envelopes} envelope{} {} from {} to {}",
        plural(envelopes),
        if changed == 1 { "changes" } else { "change" },
        report.old,
        report.new
    )?;
    for group in &report.changes {
        change(out, group)?;
    }
    if report.changed_beyond > 0 {
        let more = report.changed_beyond;
        writeln!(out, "\nand {more} more, with further changes")?;
    }
    notes(out, report, log)
}

/// What else was seen.
fn notes(out: &mut impl Write, report: &Report, log: &Path) -> io::Result<()> {
    let mut notes = Vec::new();
    if report.basis_only > 0 {
        let count = report.basis_only;
        notes.push(format!(
            "{count} find the same tenant on another basis, which changes nothing"
        ));
    }
    if report.recorded_otherwise > 0 {
        let (count, old) = (report.recorded_otherwise, &report.old);
        notes.push(format!(
            "{count} were decided otherwise when they were logged: {old} is not the configuration of then"
        ));
    }
    if report.other_lines > 0 {
        let count = report.other_lines;
        notes.push(format!(
            "{count} line{} about no transaction passed over",
            plural(count)
        ));
    }
    let undecided = &report.not_replayable;
    if undecided.lines > 0 {
        let reasons: Vec<String> = undecided
            .reasons
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        notes.push(format!(
            "{} line{} cannot be decided again: {}",
            undecided.lines,
            plural(undecided.lines),
            reasons.join(", ")
        ));
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "{note}")?;
    }
    for line in &undecided.first {
        writeln!(out, "  {}:{}: {}", log.display(), line.line, line.error)?;
    }
    let told = u64::try_from(undecided.first.len()).unwrap_or(u64::MAX);
    match undecided.lines.saturating_sub(told) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// One group of envelopes: what is the same on both sides is written once.
fn change(out: &mut impl Write, group: &Change) -> io::Result<()> {
    let (old, new) = (&group.old, &group.new);
    writeln!(
        out,
        "\n{} envelope{}: {} (first in line {})",
        group.envelopes,
        plural(group.envelopes),
        group.differs.join(", "),
        group.first_line
    )?;
    let rows = [
        ("owner", owner(old), owner(new)),
        ("basis", basis(old), basis(new)),
        ("upstream", upstream(old), upstream(new)),
        ("identity", identity(old), identity(new)),
        ("recipients", recipients(old), recipients(new)),
    ];
    for (what, old, new) in rows {
        if old == new {
            writeln!(out, "  {what:<10}  {old}")?;
        } else {
            writeln!(out, "  {what:<10}  {old} -> {new}")?;
        }
    }
    writeln!(
        out,
        "  {:<10}  {}",
        "from",
        domains(&group.mail_from_domains)
    )?;
    writeln!(out, "  {:<10}  {}", "to", domains(&group.rcpt_domains))
}

fn owner(side: &Side) -> String {
    match (&side.tenant, &side.tenants) {
        (Some(tenant), _) => tenant.clone(),
        (None, Some(tenants)) => format!("{} ({})", side.verdict, tenants.join(", ")),
        (None, None) => format!("nobody ({})", side.verdict),
    }
}

fn basis(side: &Side) -> String {
    String::from(side.basis.unwrap_or(NONE))
}

fn upstream(side: &Side) -> String {
    side.upstream
        .as_ref()
        .map_or_else(|| String::from(NONE), |upstreams| upstreams.join(", "))
}

fn identity(side: &Side) -> String {
    side.identity.clone().unwrap_or_else(|| String::from(NONE))
}

fn recipients(side: &Side) -> String {
    match side.recipients.as_slice() {
        [] => String::from("none"),
        outcomes => outcomes.join(", "),
    }
}

fn domains(examples: &Examples) -> String {
    let mut text = examples.first.join(", ");
    if examples.more {
        text.push_str(", ...");
    }
    match text.is_empty() {
        true => String::from(NONE),
        false => text,
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

const NONE: &str = "-";
