//! Findings for people: as a compiler shows them.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use tenantry_lab::world::Place;

use super::escape::visible;
use super::shown::{Shown, shown};
use super::source::Sources;
use super::{Colours, Report};
use crate::finding::{Allowed, Finding, Remedy};
use crate::inventory::{A_PRIVATE_KEY, Inventory, NOT_LOOKED_AT, Source, Tenant};
use crate::rule::Severity;

/// Writes every finding that nobody accepted with the line it stands in, then those that are
/// accepted with the reason, what was read, and how many there are.
///
/// # Errors
/// When the output cannot be written.
pub fn text(out: &mut dyn Write, report: &Report<'_>, colours: Colours) -> io::Result<()> {
    let mut sources = Sources::default();
    for finding in report.findings {
        if finding.allowed.is_none() {
            write(out, finding, &mut sources, colours)?;
            writeln!(out)?;
        }
    }
    allowed(out, report)?;
    read(out, report)?;
    writeln!(out, "\n{}\n{}", looked_at(report.inventory), Total(report))
}

/// How many sources are listed; JSON and SARIF have all of them, private keys too.
const MOST_SOURCES: usize = 40;

fn write(
    out: &mut dyn Write,
    finding: &Finding,
    sources: &mut Sources,
    colours: Colours,
) -> io::Result<()> {
    let paint = Paint::of(finding.severity, colours);
    writeln!(
        out,
        "{}{}[{}]{}{}: {}{}",
        paint.severity,
        finding.severity,
        finding.rule.id,
        paint.plain,
        paint.strong,
        visible(&finding.message),
        paint.plain
    )?;
    stands(out, finding, sources, &paint)?;
    let object = visible(&finding.subject()).into_owned();
    labelled(out, "object", &[within(&object, finding)])?;
    labelled(out, "why", &[finding.rule.why.to_owned()])?;
    for related in &finding.related {
        let place = At(&related.place);
        labelled(
            out,
            "see",
            &[format!("{place}: {}", visible(&related.what))],
        )?;
    }
    labelled(out, "remedy", &remedy(&finding.remedy))?;
    labelled(out, "source", &[finding.rule.source.to_owned()])
}

/// The place, and the line with the value underlined.
fn stands(
    out: &mut dyn Write,
    finding: &Finding,
    sources: &mut Sources,
    paint: &Paint,
) -> io::Result<()> {
    let place = &finding.place;
    let number = place.line.to_string();
    let margin = number.len();
    let (frame, plain) = (paint.frame, paint.plain);
    writeln!(out, "{:margin$}{frame}-->{plain} {}", "", At(place))?;
    let text = place.file.as_ref().and_then(|file| sources.text(file));
    let line = text.and_then(|text| shown(text, place.line, place.column));
    let Some(Shown {
        line,
        before,
        marks,
    }) = line
    else {
        return Ok(());
    };
    writeln!(out, "{:margin$} {frame}|{plain}", "")?;
    let line = format!("{frame}{number} |{plain} {line}");
    writeln!(out, "{}", line.trim_end())?;
    writeln!(
        out,
        "{:margin$} {frame}|{plain} {:before$}{}{}{plain}",
        "",
        "",
        paint.severity,
        "^".repeat(marks)
    )
}

/// The object, and which property of it, where the place knows.
fn within(object: &str, finding: &Finding) -> String {
    let path = finding.place.path.as_str();
    let property = match path.strip_prefix(finding.object.as_str()) {
        Some(property) => property.trim_start_matches('.'),
        None => path,
    };
    match property {
        "" => object.to_owned(),
        property => format!("{object}, at {}", visible(property)),
    }
}

/// The steps, numbered where there are several.
fn remedy(steps: &[Remedy]) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let number = match steps.len() {
            1 => String::new(),
            _ => format!("{}. ", number + 1),
        };
        let further = " ".repeat(number.len());
        let (heading, indented) = in_words(step);
        lines.push(format!("{number}{}", visible(&heading)));
        let indented = indented.unwrap_or_default();
        for line in indented.lines() {
            lines.push(format!("{further}  {}", visible(line)));
        }
    }
    lines
}

/// What a step is, and the lines to be typed.
pub(super) fn in_words(step: &Remedy) -> (String, Option<&str>) {
    match step {
        Remedy::Words(words) => (words.clone(), None),
        Remedy::ExchangeOnline { tenant, command } => (
            format!("In Exchange Online PowerShell, connected to {tenant}:"),
            Some(command),
        ),
        Remedy::ExchangeServer { command } => (
            "In the Exchange Management Shell, on premises:".to_owned(),
            Some(command),
        ),
        Remedy::Toml { file, text } => (format!("In {file}:"), Some(text)),
    }
}

fn labelled(out: &mut dyn Write, label: &str, lines: &[String]) -> io::Result<()> {
    let mut label = label;
    for line in lines {
        let text = format!("  {label:<7} {line}");
        writeln!(out, "{}", text.trim_end())?;
        label = "";
    }
    Ok(())
}

fn allowed(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let mut heading = "allowed:\n";
    for finding in report.findings {
        let Some(Allowed { reason, place }) = &finding.allowed else {
            continue;
        };
        writeln!(
            out,
            "{heading}  {}[{}] {}: {}\n    reason: {} ({})",
            finding.severity,
            finding.rule.id,
            At(&finding.place),
            visible(&finding.message),
            visible(reason),
            At(place)
        )?;
        heading = "";
    }
    if heading.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn read(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let sources = &report.inventory.sources;
    if sources.is_empty() {
        return writeln!(out, "nothing was read");
    }
    writeln!(out, "read:")?;
    let told = |source: &&Source| ![A_PRIVATE_KEY, NOT_LOOKED_AT].contains(&source.what.as_str());
    for source in sources.iter().filter(told).take(MOST_SOURCES) {
        let path = source.path.to_string_lossy();
        writeln!(out, "  {}: {}", visible(&path), visible(&source.what))?;
    }
    let of = |what: &str| sources.iter().filter(|source| source.what == what).count();
    let (keys, others) = (of(A_PRIVATE_KEY), of(NOT_LOOKED_AT));
    let all = sources.len().saturating_sub(keys + others);
    let unlisted: Vec<String> = [
        (all.saturating_sub(MOST_SOURCES), "more", "more"),
        (keys, "private key", "private keys"),
        (others, "file not looked at", "files not looked at"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several }))
    .collect();
    match unlisted.as_slice() {
        [] => Ok(()),
        unlisted => writeln!(
            out,
            "  and {}, which --format json lists",
            unlisted.join(", ")
        ),
    }
}

/// What was looked at, in one line.
fn looked_at(inventory: &Inventory) -> String {
    let all = |count: fn(&Tenant) -> usize| inventory.tenants.iter().map(count).sum();
    let configurations = usize::from(inventory.relay.is_some());
    let counts: [(usize, &str); 8] = [
        (configurations, "relay configuration"),
        (inventory.tenants.len(), "tenant"),
        (
            all(|tenant| tenant.inbound_connectors.len()),
            "inbound connector",
        ),
        (
            all(|tenant| tenant.outbound_connectors.len()),
            "outbound connector",
        ),
        (
            all(|tenant| tenant.accepted_domains.len()),
            "accepted domain",
        ),
        (
            all(|tenant| usize::from(tenant.organization.is_some())),
            "organization configuration",
        ),
        (inventory.send_connectors.len(), "Send connector"),
        (inventory.certificates.len(), "certificate file"),
    ];
    let there = counts.iter().filter(|(count, _)| *count > 0);
    let there: Vec<String> = there
        .map(|(count, what)| match count {
            1 => format!("1 {what}"),
            many => format!("{many} {what}s"),
        })
        .collect();
    match there.is_empty() {
        true => "looked at nothing".to_owned(),
        false => format!("looked at {}", there.join(", ")),
    }
}

/// A place as editors and terminals take it.
struct At<'p>(&'p Place);

impl Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            file, line, column, ..
        } = self.0;
        match file {
            Some(file) => out.write_str(&visible(&file.to_string_lossy()))?,
            None => out.write_str("(no file)")?,
        }
        if *line > 0 {
            write!(out, ":{line}")?;
        }
        if *line > 0 && *column > 0 {
            write!(out, ":{column}")?;
        }
        Ok(())
    }
}

/// The last line.
pub(super) struct Total<'r>(pub(super) &'r Report<'r>);

impl Display for Total<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let mut parts = String::new();
        for (count, one, several) in [
            (counts.errors, "error", "errors"),
            (counts.warnings, "warning", "warnings"),
            (counts.infos, "info", "infos"),
        ] {
            if count > 0 {
                let comma = if parts.is_empty() { "" } else { ", " };
                let word = if count == 1 { one } else { several };
                write!(parts, "{comma}{count} {word}")?;
            }
        }
        match counts.standing() {
            0 => out.write_str("no findings")?,
            1 => write!(out, "1 finding: {parts}")?,
            many => write!(out, "{many} findings: {parts}")?,
        }
        match counts.allowed {
            0 => Ok(()),
            allowed => write!(out, "; {allowed} allowed"),
        }
    }
}

/// Control sequences of ECMA-48, or none.
struct Paint {
    severity: &'static str,
    strong: &'static str,
    frame: &'static str,
    plain: &'static str,
}

impl Paint {
    const fn of(severity: Severity, colours: Colours) -> Self {
        match colours {
            Colours::None => Self {
                severity: "",
                strong: "",
                frame: "",
                plain: "",
            },
            Colours::Terminal => Self {
                severity: match severity {
                    Severity::Error => "\x1b[1;31m",
                    Severity::Warning => "\x1b[1;33m",
                    Severity::Info => "\x1b[1;36m",
                },
                strong: "\x1b[1m",
                frame: "\x1b[1;34m",
                plain: "\x1b[0m",
            },
        }
    }
}
