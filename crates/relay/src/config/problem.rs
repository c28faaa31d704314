//! What is wrong with a configuration, in the words an operator needs.
//!
//! A problem names the file, the line, the key, what is wrong and what to do. It never carries the
//! file's text beyond one short quoted value, and never anything that looks like key material.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

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

/// Everything that is wrong with a configuration: at least one error, and the warnings beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in the order of the files and lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many problems are errors.
    pub fn errors(&self) -> usize {
        self.0
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

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

/// A value from the file, quoted, escaped and shortened; text that could be a key is not repeated.
pub(super) fn quoted(value: &str) -> String {
    const LONGEST: usize = 80;
    if value.contains("-----") || value.contains("PRIVATE KEY") || value.contains('\n') {
        return String::from("(text that is not repeated here)");
    }
    let mut shown: String = value
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if value.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

/// Words as a sentence lists them: `a, b or c`.
pub(super) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => String::from(*only),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

/// The known word that a misspelt one most probably stands for.
pub(super) fn closest<'a>(
    misspelt: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let misspelt = misspelt.to_ascii_lowercase().replace('_', "-");
    let longest = misspelt.chars().count();
    if longest > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|word| {
            (
                edits(&misspelt, &word.to_ascii_lowercase().replace('_', "-")),
                word,
            )
        })
        .filter(|(edits, word)| *edits <= (longest.max(word.len()) / 3).clamp(1, 4))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Optimal string alignment distance: insertions, deletions, substitutions, neighbours swapped.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, &a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut beside = None;
        for (column, &b) in right.iter().enumerate() {
            let cell =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let changed = cell(&above, column) + usize::from(a != b);
            let mut best = changed
                .min(cell(&above, column + 1) + 1)
                .min(cell(&current, column) + 1);
            if column > 0 && previous == Some(b) && beside == Some(a) {
                best = best.min(cell(&before, column - 1) + 1);
            }
            current.push(best);
            beside = Some(b);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(a);
    }
    above.last().copied().unwrap_or(0)
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

    #[test]
    fn key_material_is_never_quoted() {
        for secret in [
            "-----BEGIN EC PRIVATE KEY-----",
            "two\nlines",
            "x PRIVATE KEY x",
        ] {
            assert!(
                !quoted(secret).contains(secret.get(..5).unwrap_or_default()),
                "{secret}"
            );
        }
        assert_eq!(quoted("a\u{1b}b\"c"), "\"a\\u{1b}b\\\"c\"");
        assert_eq!(quoted(&"x".repeat(81)).len(), 85);
    }

    #[test]
    fn the_closest_word_is_suggested_only_when_it_is_close() {
        let known = ["upstream", "upstream_tls", "certificate", "key"];
        for (misspelt, expected) in [
            ("upsteam", Some("upstream")),
            ("usptream", Some("upstream")),
            ("Upstream", Some("upstream")),
            ("upstream-tls", Some("upstream_tls")),
            ("certficate", Some("certificate")),
            ("kye", Some("key")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(misspelt, known), expected, "{misspelt}");
        }
        assert_eq!(closest(&"x".repeat(10_000), known), None);
    }
}
