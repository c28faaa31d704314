//! What is wrong with a world, in the words its author needs.

use std::fmt;

use crate::world::Place;

/// Whether a problem keeps the world from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl From<Vec<Problem>> for Problems {
    /// Puts them into the order of files and lines.
    fn from(mut problems: Vec<Problem>) -> Self {
        sort(&mut problems);
        Self(problems)
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

/// The order of files and lines; what has the same place stays in order.
pub(super) fn sort(problems: &mut Vec<Problem>) {
    problems.sort_by(|a, b| {
        let key = |problem: &Problem| (problem.place.line, problem.place.column);
        (&a.place.file, key(a)).cmp(&(&b.place.file, key(b)))
    });
    problems.dedup();
}

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
