//! `tenantry lab`: Exchange Online in a box, on the command line.
//!
//! Worlds, attribution and the SMTP front end are the lab's; here its commands are read, printed
//! and turned into exit codes.

mod arguments;
mod explain;
mod init;
mod moved;
mod run;
mod scenarios;
mod screen;
mod settings;
mod totals;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

pub(crate) use arguments::{ABOUT, Lab};
use tenantry_lab::events::Change;
use tenantry_lab::file;

use crate::exit::{self, printed};

/// Does what was asked for.
pub(crate) fn lab(command: &Lab) -> ExitCode {
    let outcome = match command {
        Lab::Init(wanted) => init::init(wanted),
        Lab::Run(wanted) => run::run(wanted),
        Lab::Explain(wanted) => explain::explain(wanted),
        Lab::Move(wanted) => moved::moved(wanted),
        Lab::Scenarios(wanted) => scenarios::scenarios(wanted),
    };
    outcome.unwrap_or_else(|code| code).into()
}

/// A world; whatever is wrong with it is said, and what somebody may want to look at.
fn load(path: &Path) -> Result<file::Lab, u8> {
    let lab = file::Lab::load(path).map_err(|problems| {
        exit::complain(&problems);
        exit::CONFIGURATION
    })?;
    for notice in &lab.notices {
        exit::complain(notice);
    }
    Ok(lab)
}

/// A file, or standard input.
fn input(path: &Path) -> Result<Box<dyn Read>, u8> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(file)
    });
    match opened {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> u8 {
    exit::complain(&format_args!("{}: {error}", path.display()));
    exit::USAGE
}

/// Events as given, and then those of a file.
fn changes(given: &[String], file: Option<&Path>) -> Result<Vec<Change>, u8> {
    let mut texts = given.to_vec();
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let lines = text.lines().map(str::trim);
        let events = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        texts.extend(events.map(str::to_owned));
    }
    let change = |text: &String| {
        text.parse().map_err(|error| {
            exit::complain(&format_args!("event {text:?}: {error}"));
            exit::USAGE
        })
    };
    texts.iter().map(change).collect()
}
