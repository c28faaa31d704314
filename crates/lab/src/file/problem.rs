//! What is wrong with a world, in the words its author needs.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::world::Place;

/// Whether a problem keeps the world from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The world is refused.
    Error,
    /// The world is used; somebody may want to look.
    Notice,
}

/// One thing that is wrong or remarkable, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the world is refused for it.
    pub severity: Severity,
    /// File, line and key.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do; empty where `what` says it.
    pub remedy: String,
}

/// Problems as they are found: of each file the first, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Collected {
    kept: Vec<Problem>,
    counts: HashMap<(Option<Arc<Path>>, Severity), usize>,
}

impl Collected {
    pub(super) fn push(&mut self, problem: Problem) {
        let key = (problem.place.file.clone(), problem.severity);
        let count = self.counts.entry(key).or_default();
        *count += 1;
        if *count <= MOST {
            self.kept.push(problem);
        }
    }

    pub(super) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    /// What somebody else has found in other files.
    pub(super) fn append(&mut self, other: Self) {
        self.kept.extend(other.kept);
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        let errors = self.counts.keys();
        errors
            .into_iter()
            .any(|(_, severity)| *severity == Severity::Error)
    }

    /// In the order of files and lines; what has the same place stays in order.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.kept.sort_by(|a, b| order(a).cmp(&order(b)));
        self.kept.dedup();
        let mut more: Vec<Problem> = self.counts.into_iter().filter_map(left_out).collect();
        more.sort_by(|a, b| (order(a), a.severity).cmp(&(order(b), b.severity)));
        for problem in more {
            // Behind the last of its file.
            let file = &problem.place.file;
            let at = self.kept.partition_point(|kept| kept.place.file <= *file);
            self.kept.insert(at, problem);
        }
        self.kept
    }
}

fn order(problem: &Problem) -> (Option<&Path>, u32, u32) {
    let place = &problem.place;
    (place.file.as_deref(), place.line, place.column)
}

/// What is said of the problems of a file that are not.
fn left_out(((file, severity), count): ((Option<Arc<Path>>, Severity), usize)) -> Option<Problem> {
    let more = count.checked_sub(MOST).filter(|more| *more > 0)?;
    let (what, remedy) = match severity {
        Severity::Error => ("problems", "correct those first"),
        Severity::Notice => ("notices", "look at those first"),
    };
    let place = Place {
        file,
        ..Place::default()
    };
    Some(Problem {
        severity,
        ..Problem::error(place, format!("and {more} more {what}"), remedy)
    })
}

/// Of one file; whoever has more has one mistake many times.
const MOST: usize = 100;

/// Everything that is wrong with a world: at least one error, and the notices beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problem {
    pub(super) fn error(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn notice(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Notice,
            ..Self::error(place, what, remedy)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.place)?;
        if self.severity == Severity::Notice {
            out.write_str(": notice")?;
        }
        write!(out, ": {}", self.what)?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(out, "; what to do: {}", self.remedy)
    }
}

impl Problems {
    /// The problems in the order of files and lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl From<Collected> for Problems {
    fn from(found: Collected) -> Self {
        Self(found.into_problems())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value from a file, quoted, escaped and shortened; text that could be a key is not repeated.
pub(super) fn quoted(value: &str) -> String {
    if value.contains("-----") || value.contains("PRIVATE KEY") || value.contains('\n') {
        return String::from("(text that is not repeated here)");
    }
    let mut characters = value.chars();
    let mut shown = String::from("\"");
    for character in characters.by_ref().take(SHOWN) {
        shown.extend(character.escape_debug());
    }
    shown.push_str(if characters.next().is_some() {
        "...\""
    } else {
        "\""
    });
    shown
}

/// Words as a sentence lists them: `a, b or c`.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if !text.is_empty() {
            text.push_str(if words.peek().is_some() { ", " } else { " or " });
        }
        text.push_str(word);
    }
    text
}

/// The known word that a misspelt one most probably stands for: at most a third of it is wrong.
pub(super) fn closest<'a>(
    misspelt: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |word: &str| -> Vec<char> {
        word.chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .take(SHOWN)
            .collect()
    };
    let misspelt = plain(misspelt);
    known
        .into_iter()
        .map(|word| (distance(&misspelt, &plain(word)), word))
        .filter(|(wrong, _)| *wrong <= misspelt.len() / 3)
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, word)| word)
}

const SHOWN: usize = 80;

/// How many characters have to be put in, left out or replaced (Levenshtein).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in left.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(above + 1);
        for ((diagonal, up), b) in row.iter().zip(row.iter().skip(1)).zip(right) {
            let beside = next.last().copied().unwrap_or(above);
            let replaced = diagonal + usize::from(a != b);
            next.push(replaced.min(up + 1).min(beside + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_one_line() {
        let place = Place {
            line: 3,
            column: 1,
            path: String::from("tenant \"A\".region"),
            ..Place::default()
        };
        assert_eq!(
            Problem::error(place.clone(), "is missing", "write it").to_string(),
            "(no file):3:1: tenant \"A\".region: is missing; what to do: write it"
        );
        assert_eq!(
            Problem::notice(place, "is odd", "look").to_string(),
            "(no file):3:1: tenant \"A\".region: notice: is odd; what to do: look"
        );
    }

    #[test]
    fn key_material_is_never_quoted() {
        for secret in ["-----BEGIN", "two\nlines", "x PRIVATE KEY x"] {
            assert_eq!(quoted(secret), "(text that is not repeated here)");
        }
        assert_eq!(quoted("a\u{1b}b\"c"), "\"a\\u{1b}b\\\"c\"");
        assert_eq!(quoted(&"x".repeat(81)).len(), 85);
    }

    #[test]
    fn the_closest_word_is_suggested_only_when_it_is_close() {
        let known = ["TlsSenderCertificateName", "Enabled", "region", "id"];
        for (misspelt, expected) in [
            ("TlsSenderCertifcateName", Some("TlsSenderCertificateName")),
            (
                "tls_sender_certificate_name",
                Some("TlsSenderCertificateName"),
            ),
            ("enable", Some("Enabled")),
            ("Region", Some("region")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(misspelt, known), expected, "{misspelt}");
        }
    }

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(listed([]), "");
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b or c");
    }
}
