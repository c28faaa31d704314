//! What a rule is: one row of the table that `lint --list`, the documentation and every finding are
//! made from.

use std::fmt;

/// How bad it is. The order is from harmless to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It will hurt one day, or hurts without being seen.
    Warning,
    /// Mail is refused or goes to another tenant, or the relay does not start.
    Error,
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `EXO-L01` (`exchange-online.md` section 5), or `TNY-01` for the relay's own configuration.
    pub id: &'static str,
    /// How bad it is; a finding may be milder or worse where the rule says so.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it matters: what happens to mail, in one sentence.
    pub why: &'static str,
    /// What to do, in one sentence; findings have the exact commands.
    pub remedy: &'static str,
    /// Where it is known from, as a reader can look it up.
    pub source: &'static str,
}

impl Severity {
    /// The word in outputs and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
