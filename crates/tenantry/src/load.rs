//! `tenantry load`: load tests, and what they send to.

mod report;
mod sink;

use std::process::ExitCode;

use clap::Subcommand;

/// What `tenantry load --help` begins with.
pub(crate) const ABOUT: &str = "\
Load tests: what attribution costs, and whether it stays right under load.";

/// A command of the load tests.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Load {
    /// Show a result that was kept as JSON: as text, or as an HTML page that needs nothing else.
    #[command(long_about = report::ABOUT)]
    Report(report::Report),
    /// Take messages as an upstream would, and count them: what load tests send to.
    #[command(long_about = sink::ABOUT)]
    Sink(Box<sink::Sink>),
}

/// Does what was asked for.
pub(crate) fn load(command: &Load) -> ExitCode {
    let outcome = match command {
        Load::Report(wanted) => report::report(wanted),
        Load::Sink(wanted) => sink::sink(wanted),
    };
    outcome.unwrap_or_else(|code| code).into()
}
