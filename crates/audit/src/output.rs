//! Findings for people, as JSON, and as SARIF 2.1.0.
//!
//! All three are made from one [`Report`] and say the same; none decides anything. What stands in
//! files is somebody else's: characters that would move a terminal's cursor or turn a line around
//! are written as escapes, and paths of any octets become valid UTF-8.

mod escape;
mod fingerprint;
mod json;
mod list;
mod sarif;
mod shown;
mod source;
mod text;

use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::rule::Severity;

pub use json::{FORMAT, json};
pub use list::{LIST_FORMAT, list_details, list_json, list_markdown, list_text};
pub use sarif::sarif;
pub use text::text;

/// What was looked at, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was looked at.
    pub inventory: &'a Inventory,
    /// What was found, in the order of files and lines.
    pub findings: &'a [Finding],
    /// With what the program ends.
    pub exit_code: u8,
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Errors that nobody accepted.
    pub errors: usize,
    /// Warnings that nobody accepted.
    pub warnings: usize,
    /// What is worth knowing, and nobody accepted.
    pub infos: usize,
    /// Those that the configuration accepts.
    pub allowed: usize,
}

/// Whether text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None: it goes into a file or to another program.
    None,
    /// Those of a terminal (ECMA-48).
    Terminal,
}

impl<'a> Report<'a> {
    /// A report that ends with 0.
    #[must_use]
    pub const fn new(inventory: &'a Inventory, findings: &'a [Finding]) -> Self {
        Self {
            inventory,
            findings,
            exit_code: 0,
        }
    }

    /// In one line how many findings there are.
    #[must_use]
    pub fn total(&self) -> String {
        text::Total(self).to_string()
    }

    /// How many findings of which kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in self.findings {
            let count = match (&finding.allowed, finding.severity) {
                (Some(_), _) => &mut counts.allowed,
                (None, Severity::Error) => &mut counts.errors,
                (None, Severity::Warning) => &mut counts.warnings,
                (None, Severity::Info) => &mut counts.infos,
            };
            *count += 1;
        }
        counts
    }
}

impl Counts {
    /// All that nobody accepted.
    #[must_use]
    pub const fn standing(&self) -> usize {
        self.errors + self.warnings + self.infos
    }
}
