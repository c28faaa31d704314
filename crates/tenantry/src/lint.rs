//! `tenantry lint`: what is wrong, told from files.

mod arguments;

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::{Timestamp, Unit};
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_audit::rule::Rule;
use tenantry_audit::rules;
use tenantry_relay::config::written::{self, Allowance};

use arguments::Form;
pub(crate) use arguments::{ABOUT, EXAMPLES, Lint};

use crate::exit;

/// Looks and tells; the exit code says whether something denied was found.
pub(crate) fn lint(wanted: &Lint) -> ExitCode {
    let outcome = if wanted.list {
        list(wanted)
    } else {
        look(wanted)
    };
    outcome.unwrap_or_else(|code| code).into()
}

fn list(wanted: &Lint) -> Result<u8, u8> {
    let all: Vec<&Rule> = match wanted.rule.as_slice() {
        [] => rules::all().collect(),
        chosen => rules::all().filter(|rule| chosen.contains(rule)).collect(),
    };
    let print = match wanted.format {
        Form::Text if wanted.rule.is_empty() => output::list_text,
        Form::Text => output::list_details,
        Form::Json => output::list_json,
        Form::Markdown => output::list_markdown,
        Form::Sarif => {
            exit::complain(&"--list has no sarif: every run's SARIF has the rules in it");
            return Err(exit::USAGE);
        }
    };
    printed(wanted, |out| print(out, &all))?;
    Ok(exit::OK)
}

fn look(wanted: &Lint) -> Result<u8, u8> {
    if wanted.format == Form::Markdown {
        exit::complain(
            &"--format markdown is for --list alone; text, json and sarif are for findings",
        );
        return Err(exit::USAGE);
    }
    all_there(wanted)?;
    let further = allowances(&wanted.allow)?;
    let options = ReadOptions {
        config: wanted.config.clone(),
        tenants: wanted.tenant.clone(),
        certificates: wanted.certificates.clone(),
        trust: wanted.trust.clone(),
        ..ReadOptions::at(wanted.now.unwrap_or_else(now))
    };
    let inventory = Inventory::read(&wanted.paths, &options);
    let mut findings = tenantry_audit::lint(&inventory, &further);
    if !wanted.rule.is_empty() {
        findings.retain(|finding| wanted.rule.iter().any(|rule| rule.id == finding.rule.id));
    }
    let mut standing = findings.iter().filter(|finding| finding.allowed.is_none());
    let denied = standing.any(|finding| wanted.deny.denies(finding.severity));
    let code = if denied { exit::FAILED } else { exit::OK };
    let mut report = Report::new(&inventory, &findings);
    report.exit_code = code;
    printed(wanted, |out| match wanted.format {
        Form::Text | Form::Markdown => output::text(out, &report, colours(wanted)),
        Form::Json => output::json(out, &report),
        Form::Sarif => output::sarif(out, &report),
    })?;
    if wanted.output.is_some() {
        // The reader of a pipeline's log wants to know without opening the file.
        exit::complain(&report.total());
    }
    Ok(code)
}

/// In whole seconds: nobody wants to read more.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now)
}

/// What was named has to be there; that it cannot be read is a finding.
fn all_there(wanted: &Lint) -> Result<(), u8> {
    let named = wanted.paths.iter().chain(&wanted.config);
    let tenants = wanted.tenant.iter().map(|(_, path)| path);
    let named = named
        .chain(tenants)
        .chain(&wanted.certificates)
        .chain(&wanted.trust)
        .chain(&wanted.allow);
    let mut missing = false;
    for path in named {
        if let Err(error) = fs::metadata(path)
            && error.kind() == io::ErrorKind::NotFound
        {
            missing = true;
            exit::complain(&format_args!(
                "{}: there is no such file or folder",
                path.display()
            ));
        }
    }
    match missing {
        true => Err(exit::CONFIGURATION),
        false => Ok(()),
    }
}

/// The allowances of files.
fn allowances(files: &[PathBuf]) -> Result<Vec<Allowance>, u8> {
    let mut all = Vec::new();
    let mut wrong = false;
    for file in files {
        match written::allowances(file) {
            Ok(allowances) => all.extend(allowances),
            Err(problems) => {
                wrong = true;
                for problem in problems {
                    exit::complain(&problem);
                }
            }
        }
    }
    match wrong {
        true => Err(exit::CONFIGURATION),
        false => Ok(all),
    }
}

/// Prints to standard output or the file; who stops reading has seen enough.
fn printed(wanted: &Lint, print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), u8> {
    let outcome = match &wanted.output {
        Some(path) => File::create(path).and_then(|file| written_to(file, print)),
        None => written_to(io::stdout().lock(), print),
    };
    match (outcome, &wanted.output) {
        (Ok(()), _) => Ok(()),
        (Err(error), _) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        (Err(error), path) => {
            let path = path.as_deref().unwrap_or(Path::new("standard output"));
            exit::complain(&format_args!("cannot write {}: {error}", path.display()));
            Err(exit::INTERNAL)
        }
    }
}

fn written_to(
    out: impl Write,
    print: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    print(&mut out)?;
    out.flush()
}

/// Colours are for terminals whose user has not asked for none (no-color.org).
fn colours(wanted: &Lint) -> Colours {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_none_or(|kind| kind == "dumb");
    if wanted.output.is_none() && !refused && io::stdout().is_terminal() {
        Colours::Terminal
    } else {
        Colours::None
    }
}
