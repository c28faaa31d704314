//! `tenantry lab`: Exchange Online in a box, on the command line.
//!
//! Worlds, attribution and the SMTP front end are the lab's; here its commands are read, printed
//! and turned into exit codes.

mod arguments;
mod init;
mod scenarios;

use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) use arguments::{ABOUT, Lab};

use crate::exit;

/// Does what was asked for.
pub(crate) fn lab(command: &Lab) -> ExitCode {
    let outcome = match command {
        Lab::Init(wanted) => init::init(wanted),
        Lab::Scenarios(wanted) => scenarios::scenarios(wanted),
    };
    outcome.unwrap_or_else(|code| code).into()
}

/// Prints; who stops reading has seen enough, every other failure is one.
fn printed(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u8, u8> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match print(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(exit::OK),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(error) => {
            exit::complain(&error);
            Err(exit::INTERNAL)
        }
    }
}
