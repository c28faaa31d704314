//! What packages install beside the program: completions and manual pages.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tenantry", &mut script);
    ended(io::Write::write_all(&mut io::stdout().lock(), &script))
}

/// Writes one manual page for each command.
pub(crate) fn man(directory: &Path) -> ExitCode {
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    ended(written)
}

fn ended(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => exit::OK.into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK.into(),
        Err(error) => {
            exit::complain(&error);
            exit::INTERNAL.into()
        }
    }
}
