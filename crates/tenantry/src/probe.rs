//! `tenantry probe`: what the upstreams of tenants say to us, before a message depends on it. Nothing is sent.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tenantry_relay::config::{Config, Tenant};
use tenantry_relay::probe::{Envelope, Options, Outcome, ProbeError, TenantReport, probe};
use tenantry_settings::units;

use crate::exit;

/// What `probe --help` says above the options.
pub(crate) const ABOUT: &str = "Connect to tenants' upstreams as the relay would, and say what was found; no message is sent.

Every upstream of every tenant is tried, with the tenant's certificate, trust, names and deadlines, by the code that the \
relay itself uses: DNS, TCP, greeting, EHLO, STARTTLS, the server's certificate, whether ours was asked for and sent, the \
handshake, EHLO inside TLS. What fails is reported with the step, whose fault it is and what to do.

With --mail-from and --rcpt-to the envelope is tried as well: MAIL, RCPT and RSET, never DATA or BDAT, so that nothing can be \
delivered. Exchange Online's refusals are explained. A yes to RCPT is not its last word: it may refuse relaying only after \
the message.";

/// What follows the options.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 every upstream is fine (warnings may be among them), 1 something failed, \
64 wrong usage, 70 internal error, 78 wrong configuration.";

/// Whom to probe, and how.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this tenant; may be given several times.
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    tenant: Vec<String>,
    /// All tenants: what happens without --tenant, too.
    #[arg(long)]
    all: bool,
    /// Report as one JSON document (docs/probe.md).
    #[arg(long)]
    json: bool,
    /// Try this sender; "" or "<>" is the null sender.
    #[arg(long, value_name = "ADDR", requires = "rcpt_to")]
    mail_from: Option<String>,
    /// Try this recipient.
    #[arg(long, value_name = "ADDR", num_args = 1.., requires = "mail_from")]
    rcpt_to: Vec<String>,
    /// Wait no longer than this for any one thing, as in 5s; the configuration's timeouts hold beside it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
}

/// All reports as a document.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    config: String,
    outcome: Outcome,
    message_sent: bool,
    tenants: &'a [TenantReport],
}

/// Probes and reports.
pub(crate) fn run(arguments: &Probe) -> ExitCode {
    probed(arguments).unwrap_or_else(|code| code).into()
}

fn probed(arguments: &Probe) -> Result<u8, u8> {
    let config = Config::load(&arguments.config).map_err(|problems| {
        exit::complain(&problems);
        exit::CONFIGURATION
    })?;
    let tenants = chosen(&config, &arguments.tenant)?;
    let options = Options {
        envelope: envelope(arguments)?,
        longest_wait: arguments.timeout,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut reports = Vec::with_capacity(tenants.len());
    probe_all(&config, &tenants, options, |report| {
        if !arguments.json {
            // Whoever reads only the beginning has seen what they wanted.
            let _ = writeln!(out, "{report}").and_then(|()| out.flush());
        }
        reports.push(report);
    })
    .map_err(|error| {
        exit::complain(&error);
        exit::INTERNAL
    })?;
    let worst = reports.iter().map(|report| report.outcome).max();
    let outcome = worst.unwrap_or(Outcome::Skipped);
    let end = match arguments.json {
        true => document(&config, outcome, &reports),
        false => closing(&reports, arguments.mail_from.is_some()),
    };
    let _ = writeln!(out, "{end}").and_then(|()| out.flush());
    Ok(match outcome {
        Outcome::Skipped | Outcome::Ok | Outcome::Warning => exit::OK,
        Outcome::Failed => exit::FAILED,
    })
}

fn probe_all(
    config: &Config,
    tenants: &[Arc<Tenant>],
    options: Options,
    report: impl FnMut(TenantReport),
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(probe(config, tenants, options, report));
    // A name service that does not answer must not hold up the end.
    runtime.shutdown_background();
    outcome.map_err(Failure::Probe)
}

/// Why nothing could be probed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Probe(ProbeError),
}

/// The tenants of these names, in the order of the configuration.
fn chosen(config: &Config, names: &[String]) -> Result<Vec<Arc<Tenant>>, u8> {
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !config.tenants.iter().any(|tenant| *tenant.name == **name))
        .collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = config.tenants.iter().map(|tenant| &*tenant.name).collect();
        let (unknown, known) = (unknown.join(", "), known.join(", "));
        exit::complain(&format_args!(
            "no tenant is called {unknown}; there are {known}"
        ));
        return Err(exit::USAGE);
    }
    let wanted =
        |tenant: &&Arc<Tenant>| names.is_empty() || names.iter().any(|name| *tenant.name == **name);
    Ok(config.tenants.iter().filter(wanted).cloned().collect())
}

fn envelope(arguments: &Probe) -> Result<Option<Envelope>, u8> {
    let Some(sender) = &arguments.mail_from else {
        return Ok(None);
    };
    Envelope::parse(sender, &arguments.rcpt_to)
        .map(Some)
        .map_err(|error| {
            exit::complain(&error);
            exit::USAGE
        })
}

fn document(config: &Config, outcome: Outcome, tenants: &[TenantReport]) -> String {
    let document = Document {
        version: 1,
        config: config.path.display().to_string(),
        outcome,
        message_sent: false,
        tenants,
    };
    serde_json::to_string_pretty(&document).unwrap_or_else(|error| error.to_string())
}

fn closing(reports: &[TenantReport], tried_envelope: bool) -> String {
    let count = |outcome: Outcome| {
        reports
            .iter()
            .filter(|report| report.outcome == outcome)
            .count()
    };
    let closing = format!(
        "tenants: {} ok, {} with warnings, {} failed; no message was sent",
        count(Outcome::Ok),
        count(Outcome::Warning),
        count(Outcome::Failed)
    );
    if tried_envelope {
        format!("{closing}\n{NOT_THE_LAST_WORD}")
    } else {
        closing
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time =
        units::duration(text).map_err(|error| format!("{error}; write it as in 5s or 500ms"))?;
    match time.is_zero() {
        true => Err(String::from("nothing can be done in no time")),
        false => Ok(time),
    }
}

const NOT_THE_LAST_WORD: &str = "A yes to RCPT is not Exchange Online's last word: it may refuse relaying only after the message.";
