//! What `tenantry lint` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tenantry_audit::rule::{Rule, Severity};
use tenantry_audit::rules;

/// What `lint --help` says above the options.
pub(crate) const ABOUT: &str = "Say what is wrong with tenants, connectors, certificates and a relay's configuration, before mail shows it.

Each PATH is told by its content, whatever it is called: a relay's configuration, a world of the lab, exports of Exchange Online \
(Get-InboundConnector, Get-OutboundConnector, Get-AcceptedDomain, Get-OrganizationConfig) and of Exchange Server \
(Get-SendConnector) as JSON, CLIXML or Microsoft365DSC, certificates as PEM, or a folder with any of these at any depth. \
Exports in one folder are one tenant's; its name is that of its tenant.toml, of its initial domain or of the folder.

Every finding says what is wrong in the files' own values, with file, line and column, why it matters, what to do with the \
exact commands or lines, and where that is known from. No connection is opened and no name is looked up. Findings that are \
meant to stay are accepted by [[lint.allow]] with a reason (docs/lint.md), in the relay's configuration or in a file for --allow.";

/// What follows the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tenantry lint exports/                             # a folder for each tenant, with what its cmdlets gave
  tenantry lint --config relay.toml exports/         # together with the relay in front
  tenantry lint --tenant contoso=InboundConnector.json --certificates certs/
  tenantry lint --deny warning --format sarif --output lint.sarif .
  tenantry lint --now 2027-01-01T00:00:00Z relay.toml  # which certificates will have expired by then
  tenantry lint --list                               # all rules
  tenantry lint --list --rule EXO-L05                # why, what to do, and where it is known from

Exit codes: 0 nothing denied was found, 1 something denied was found, 64 wrong usage, 70 the output cannot be written, \
78 an input is not there, or the file for --allow is wrong.";

/// What to look at, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Files and folders.
    #[arg(value_name = "PATH", required_unless_present_any = ["config", "tenant", "certificates", "list"])]
    pub(super) paths: Vec<PathBuf>,
    /// The relay's configuration; without, the one that is found among the paths.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// A tenant's exports, a file or a folder, by the tenant's name; may be given several times.
    #[arg(long, value_name = "NAME=PATH", value_parser = tenant)]
    pub(super) tenant: Vec<(String, PathBuf)>,
    /// A certificate file, or a folder of them; may be given several times.
    #[arg(long, value_name = "PATH")]
    pub(super) certificates: Vec<PathBuf>,
    /// Authorities that Exchange Online trusts; without, those of a world among the paths, or the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) trust: Vec<PathBuf>,
    /// A file with [[lint.allow]]: findings to accept, with reasons; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(super) allow: Vec<PathBuf>,
    /// Tell only this rule's findings; may be given several times.
    #[arg(long, value_name = "ID", value_parser = rule)]
    pub(super) rule: Vec<&'static Rule>,
    /// The form of the output.
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Form,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Exit with 1 if a finding that is not allowed is at least this bad.
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    pub(super) deny: Level,
    /// Judge certificates and allowances as of this time instead of now: RFC 3339, or a day.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) now: Option<Timestamp>,
    /// Print the rules, and look at nothing; with --rule everything that is said of those.
    #[arg(long, conflicts_with_all = [
        "paths", "config", "tenant", "certificates", "trust", "allow", "now",
    ])]
    pub(super) list: bool,
}

/// A form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people, with the files' lines.
    Text,
    /// For programs (docs/lint.schema.json).
    Json,
    /// For code scanning: SARIF 2.1.0; not with --list.
    Sarif,
    /// A table for documentation; only with --list.
    Markdown,
}

/// How bad a finding must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Level {
    /// Any finding.
    Info,
    /// Warnings and errors.
    Warning,
    /// Errors.
    Error,
    /// None is that bad.
    Never,
}

impl Level {
    /// Whether a finding this bad is denied.
    pub(super) fn denies(self, severity: Severity) -> bool {
        match self {
            Self::Info => true,
            Self::Warning => severity >= Severity::Warning,
            Self::Error => severity >= Severity::Error,
            Self::Never => false,
        }
    }
}

fn tenant(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
            Ok((name.trim().to_owned(), PathBuf::from(path)))
        }
        Some(_) | None => Err("write a name and a path, as contoso=exports/contoso".to_owned()),
    }
}

fn rule(text: &str) -> Result<&'static Rule, String> {
    rules::named(text.trim()).ok_or_else(|| "no rule has this id; --list has all".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = || {
        let day: Date = text.parse().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let time: Result<Timestamp, _> = text.parse();
    time.ok()
        .or_else(day)
        .ok_or_else(|| "write a time as 2027-01-31T08:00:00Z, or a day as 2027-01-31".to_owned())
}
