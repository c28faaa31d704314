//! The tenantry program: `run`, `check`, `explain`, `replay`, `probe`, `lab`, and what helps to
//! try it out.
//!
//! This crate reads the command line, prints, and turns outcomes into exit codes. What a command
//! does is in the crates below; nothing is decided here.

mod check;
mod cli;
mod connectors;
mod exit;
mod explain;
mod exports;
mod import;
mod lab;
mod lint;
mod load;
mod pki;
mod probe;
mod quickstart;
mod replay;
mod run;
mod setup;
mod table;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    match cli.command {
        Command::Run { config } => run::run(&config),
        Command::Check { config } => check::check(&config),
        Command::Explain(question) => explain::explain(&question),
        Command::Replay(question) => replay::replay(&question),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Lint(wanted) => lint::lint(&wanted),
        Command::Import(arguments) => import::import(&arguments),
        Command::Connectors(arguments) => connectors::connectors(&arguments),
        Command::Pki(plan) => pki::pki(&plan),
        Command::Quickstart { keep } => quickstart::quickstart(cli::Afterwards::of(keep)),
        Command::Lab(command) => lab::lab(&command),
        Command::Load(command) => load::load(&command),
        Command::Completions { shell } => setup::completions(shell),
        Command::Man { directory } => setup::man(&directory),
    }
}

/// Help and version were asked for; everything else is wrong usage.
fn refused(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    let _ = error.print();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        exit::OK.into()
    } else {
        exit::USAGE.into()
    }
}
