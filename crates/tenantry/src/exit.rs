//! Exit codes (those of sysexits.h), and the one way to complain.

use std::fmt::Display;
use std::io::Write as _;

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
    let _ = writeln!(std::io::stderr().lock(), "{what}");
}
