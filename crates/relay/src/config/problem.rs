//! What is wrong with a configuration, in the words an operator needs.
//!
//! A problem names the file, the line, the key, what is wrong and what to do. It never carries the
//! file's text beyond one short quoted value, and never anything that looks like key material.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tenantry_settings::Source;

/// Whether a problem keeps the configuration from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used, but somebody should look.
    Warning,
}

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the configuration is refused for it.
    pub severity: Severity,
    /// The file in which the mistake stands.
    pub file: Arc<Path>,
    /// The line, counted from 1; absent when the whole file is meant.
    pub line: Option<usize>,
    /// The column in characters, counted from 1.
    pub column: Option<usize>,
    /// The key, dotted, with the section's name where it has one: `tenant "contoso".key`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// Whether the configuration is refused for it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if self.severity == Severity::Warning {
            f.write_str(" warning:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}; what to do: {}", self.what, self.remedy)
    }
}

/// Everything that is wrong with a configuration, in the order of the files and lines: at least one
/// error, and the warnings beside it.
pub type Problems = tenantry_settings::Problems<Problem>;

/// Where a value stands: copied into every problem about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, counted from 1; absent when the whole file is meant.
    pub line: Option<usize>,
    /// The column in characters, counted from 1.
    pub column: Option<usize>,
}

impl Place {
    /// The whole file.
    pub(super) fn file(path: &Path) -> Self {
        Self {
            file: Arc::from(path),
            line: None,
            column: None,
        }
    }

    /// The place of an offset into a text.
    pub(super) fn of(source: &Source<'_>, offset: usize) -> Self {
        let (line, column) = source.line_and_column(offset);
        Self {
            file: Arc::clone(source.file()),
            line: Some(line),
            column: Some(column),
        }
    }

    /// An error at this place.
    pub(super) fn error(
        &self,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        self.problem(Severity::Error, key.into(), what.into(), remedy.into())
    }

    /// A warning at this place.
    pub(super) fn warning(
        &self,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        self.problem(Severity::Warning, key.into(), what.into(), remedy.into())
    }

    fn problem(&self, severity: Severity, key: String, what: String, remedy: String) -> Problem {
        let (file, line, column) = (Arc::clone(&self.file), self.line, self.column);
        Problem {
            severity,
            file,
            line,
            column,
            key,
            what,
            remedy,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_one_line() {
        let place = Place {
            file: Arc::from(Path::new("relay.toml")),
            line: Some(12),
            column: Some(1),
        };
        let problem = place.error("tenant \"contoso\".key", "is missing", "name the file");
        assert_eq!(
            problem.to_string(),
            "relay.toml:12: tenant \"contoso\".key: is missing; what to do: name the file"
        );
        let whole = Place::file(Path::new("relay.toml")).warning("", "is empty", "fill it");
        assert_eq!(
            whole.to_string(),
            "relay.toml: warning: is empty; what to do: fill it"
        );
    }
}
