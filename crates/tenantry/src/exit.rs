//! Exit codes (those of sysexits.h), and the one way to complain.

use std::fmt::Display;
use std::io::{self, Write};

/// Everything went well.
pub(crate) const OK: u8 = 0;
/// Something that was asked about is so: `replay` found changes.
pub(crate) const CHANGED: u8 = 1;
/// The command did its work, and found that something is not as it should be.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// An address cannot be listened on.
pub(crate) const CANNOT_BIND: u8 = 69;
/// Something that is nobody's fault outside.
pub(crate) const INTERNAL: u8 = 70;
/// The configuration is wrong.
pub(crate) const CONFIGURATION: u8 = 78;

/// Says on standard error what is wrong.
pub(crate) fn complain(what: &dyn Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{what}");
}

/// Prints; who stops reading has seen enough, every other failure is one.
pub(crate) fn printed(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u8, u8> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match print(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(OK),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OK),
        Err(error) => {
            complain(&error);
            Err(INTERNAL)
        }
    }
}
