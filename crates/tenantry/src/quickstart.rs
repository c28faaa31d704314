//! `tenantry quickstart`: everything in one process, with real messages over real sockets.

use std::process::ExitCode;

use crate::cli::Afterwards;
use crate::exit;

/// Runs it.
pub(crate) fn quickstart(_afterwards: Afterwards) -> ExitCode {
    exit::complain(&"quickstart is not part of this build");
    exit::INTERNAL.into()
}
