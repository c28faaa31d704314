//! `tenantry load`: load tests, and what they send to.

mod arguments;
mod attribution;
mod compare;
mod report;
mod run;
mod signals;
mod sink;
mod view;

use std::process::ExitCode;

use clap::{Args, Subcommand};

pub(crate) use arguments::EXIT_CODES;

/// What `tenantry load --help` begins with.
pub(crate) const ABOUT: &str = "\
Load tests: what attribution costs, and whether it stays right under load.

Without a command it is \"load run\": it sends what a plan says, and measures what comes of it.

  tenantry load plan.toml
  tenantry load --target 127.0.0.1:2525 --identities pki --connections 32 --duration 30s";

/// Load tests: a command, or a plan to run.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Load>,
    #[command(flatten)]
    run: Box<arguments::Run>,
}

/// A command of the load tests.
#[derive(Debug, Subcommand)]
pub(crate) enum Load {
    /// Send what a plan says, and measure what comes of it.
    #[command(long_about = arguments::RUN, after_help = arguments::EXIT_CODES)]
    Run(Box<arguments::Run>),
    /// Add the results of several generators that had a shard of one plan each.
    #[command(long_about = arguments::MERGE, after_help = arguments::MERGE_EXIT_CODES)]
    Merge(arguments::Merge),
    /// Show a result that was kept as JSON: as text, or as an HTML page that needs nothing else.
    #[command(long_about = report::ABOUT, after_help = report::EXIT_CODES)]
    Report(report::Report),
    /// Put results side by side, and say where they must not be compared.
    #[command(long_about = compare::ABOUT, after_help = compare::EXIT_CODES)]
    Compare(compare::Compare),
    /// Measure the decision alone, in this process: decisions a second, and what each costs.
    #[command(long_about = attribution::ABOUT, after_help = attribution::EXIT_CODES)]
    Attribution(Box<attribution::Attribution>),
    /// Take messages as an upstream would, and count them: what load tests send to.
    #[command(long_about = sink::ABOUT)]
    Sink(Box<sink::Sink>),
}

/// Does what was asked for.
pub(crate) fn load(arguments: &Arguments) -> ExitCode {
    let Some(command) = &arguments.command else {
        return run::run(&arguments.run).unwrap_or_else(|code| code).into();
    };
    let outcome = match command {
        Load::Run(wanted) => run::run(wanted),
        Load::Merge(wanted) => run::merge(wanted),
        Load::Report(wanted) => report::report(wanted),
        Load::Compare(wanted) => compare::compare(wanted),
        Load::Attribution(wanted) => attribution::attribution(wanted),
        Load::Sink(wanted) => sink::sink(wanted),
    };
    outcome.unwrap_or_else(|code| code).into()
}
