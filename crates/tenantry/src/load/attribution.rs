//! `tenantry load attribution`: what the decision itself costs, without any network.
//!
//! The relay's own function decides ([`tenantry_attribution::attribute`]), about evidence that was
//! read by the code that `explain --batch` reads it with. Before anything is measured, every
//! message of synthetic evidence is decided once and compared with the tenant it was made for.

mod directory;
mod evidence;
mod measure;
mod memory;
mod mix;
mod report;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use tenantry_attribution::Directory;
use tenantry_relay::config::Config;
use tenantry_relay::explain::EvidenceLines;

use self::directory::{Directories, Synthetic};
use self::evidence::Messages;
use self::measure::Threads;
use self::mix::Mix;
use self::report::Report;
use crate::exit::{self, printed};

/// What `tenantry load attribution --help` begins with.
pub(crate) const ABOUT: &str = "\
Measure the decision alone, in this process: decisions a second, nanoseconds for each, scaling over threads, memory for \
each name.

Tenants and evidence are made up (--tenants, --names, --mix), or come from a configuration (--config) and from JSON lines \
as `explain --batch` reads them (--evidence). Two costs are told apart: \"session\" works everything out anew for each \
message, certificate names and peers included, as on a new connection; \"transaction\" has that ready, as on a lasting one.

Decisions are timed in batches (--batch), so that reading the clock is not what is measured: each batch's mean is one \
value of p50 and p99. What the clock costs is told.";

/// What the exit codes mean.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 measured, 1 a made-up message was decided for another tenant than it was made for, 64 wrong usage or \
evidence that cannot be read, 70 internal error, 78 wrong configuration.";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Attribution {
    /// The directory of this configuration, instead of made-up tenants.
    #[arg(long, value_name = "FILE", requires = "evidence", conflicts_with_all = ["tenants", "names", "wildcards"])]
    config: Option<PathBuf>,
    /// Tenants to make up, 1 to 4,000,000; messages in conflict need two.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    tenants: u32,
    /// Names of each made-up tenant, claimed in turns by certificate, by sender and by recipient; 3 to 10,000, so that
    /// there is one of each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    names: u32,
    /// The part of the names that are wildcards, 0 to 1.
    #[arg(long, value_name = "PART", default_value_t = 0.3, value_parser = part)]
    wildcards: f64,
    /// Evidence as JSON lines, as `explain --batch` reads it; "-" is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mix", "zipf", "messages", "recipients"])]
    evidence: Option<PathBuf>,
    /// What made-up messages prove their tenant with, as in certificate=3,sender=1; the words are certificate, sender,
    /// recipient, unattributable, conflicting, untrusted.
    #[arg(
        long,
        value_name = "WORD=PART,...",
        default_value = "certificate=60,sender=20,recipient=10,unattributable=4,conflicting=4,untrusted=2"
    )]
    mix: Mix,
    /// Tenants come as often as 1 / rank^EXPONENT says, instead of all equally often; 0 to 10.
    #[arg(long, value_name = "EXPONENT", value_parser = exponent)]
    zipf: Option<f64>,
    /// Different messages to make up, 1 to 10,000,000.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: u32,
    /// Recipients of each made-up message, 1 to 1,000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    recipients: u32,
    /// Threads to measure with, as in 1,2,4 (each 1 to 512); up to the number of processors if absent.
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Vec<u16>,
    /// How long each measurement lasts, 0.01 to 3,600.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = lasting)]
    seconds: f64,
    /// Decisions between two looks at the clock, 1 to 1,000,000.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch: u32,
    /// Where every random choice starts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the made-up evidence here, for `explain --batch` and for --evidence.
    #[arg(long, value_name = "FILE", conflicts_with = "evidence")]
    write_evidence: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Measures and reports.
pub(super) fn attribution(wanted: &Attribution) -> Result<u8, u8> {
    let config = wanted.config.as_deref().map(Config::load).transpose();
    let config = config.map_err(|problems| {
        exit::complain(&problems);
        exit::CONFIGURATION
    })?;
    let mut size = None;
    let built = match &config {
        Some(_) => None,
        None => {
            let shape = wanted.shape();
            let (built, memory) = directory::build(shape).map_err(|error| {
                exit::complain(&error);
                exit::INTERNAL
            })?;
            size = Some(memory);
            Some(built)
        }
    };
    let (directory, lines) = match (&config, &built) {
        (Some(config), _) => (&config.directory, EvidenceLines::of(config)),
        (None, Some(built)) => (built, EvidenceLines::under(built)),
        (None, None) => return Err(exit::INTERNAL),
    };
    let messages = wanted.read(directory, lines)?;
    let checked = messages.check(directory);
    let runs = measure::all(directory, &messages, &wanted.threads());
    let runs = runs.map_err(|error| {
        exit::complain(&error);
        exit::INTERNAL
    })?;
    let report = Report::new(
        Directories::of(directory, size),
        checked,
        runs,
        wanted.batch,
    );
    if wanted.json {
        printed(|out| writeln!(out, "{}", report.json()))?;
    } else {
        printed(|out| report.write(out))?;
    }
    for example in &report.checked().examples {
        exit::complain(example);
    }
    match report.checked().wrong {
        0 => Ok(exit::OK),
        _ => Ok(exit::FAILED),
    }
}

impl Attribution {
    fn shape(&self) -> Synthetic {
        Synthetic {
            tenants: self.tenants,
            names: self.names,
            wildcards: self.wildcards,
        }
    }

    fn threads(&self) -> Threads {
        Threads {
            numbers: measure::numbers(&self.threads),
            seconds: self.seconds,
            batch: self.batch,
        }
    }

    /// The messages, made up or read.
    fn read(&self, directory: &Directory, lines: EvidenceLines<'_>) -> Result<Messages, u8> {
        let wrong = |error: &dyn std::fmt::Display| {
            exit::complain(error);
            exit::USAGE
        };
        if let Some(path) = &self.evidence {
            return evidence::read(path, lines).map_err(|error| wrong(&error));
        }
        if self.tenants < 2 && self.mix.has_conflicts() {
            return Err(wrong(
                &"one tenant alone cannot be in conflict: take two tenants, or --mix without conflicting",
            ));
        }
        let made = evidence::Made {
            shape: self.shape(),
            mix: self.mix,
            zipf: self.zipf,
            messages: self.messages,
            recipients: self.recipients,
            seed: self.seed,
        };
        let questions = made.lines();
        if let Some(path) = &self.write_evidence {
            fs::write(path, questions.text()).map_err(|error| {
                wrong(&format_args!("cannot write {}: {error}", path.display()))
            })?;
        }
        questions
            .messages(directory, lines)
            .map_err(|error| wrong(&error))
    }
}

fn part(text: &str) -> Result<f64, String> {
    bounded(text, 0.0, 1.0)
}

fn exponent(text: &str) -> Result<f64, String> {
    bounded(text, 0.0, 10.0)
}

fn lasting(text: &str) -> Result<f64, String> {
    bounded(text, 0.01, 3_600.0)
}

fn bounded(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        Ok(_) | Err(_) => Err(format!("not a number from {least} to {most}")),
    }
}
