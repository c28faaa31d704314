//! What is wrong, in the words of whoever wrote it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::Place;

/// Whether a problem keeps the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used; somebody may want to look.
    Notice,
}

/// One thing that is wrong or remarkable, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file is refused for it.
    pub severity: Severity,
    /// File, line and key.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do; empty where `what` says it.
    pub remedy: String,
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems<P = Problem>(Vec<P>);

/// Where problems are collected while a file is read.
pub type Report = RefCell<Collected>;

/// Problems as they are found: of each file the first hundred, and how many more there are.
#[derive(Debug, Default)]
pub struct Collected {
    kept: Vec<Problem>,
    counts: HashMap<(Option<Arc<Path>>, Severity), usize>,
}

impl Problem {
    /// An error.
    pub fn error(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// A notice.
    pub fn notice(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Self {
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

impl<P> Problems<P> {
    /// The problems, in the order in which they are told.
    pub fn iter(&self) -> std::slice::Iter<'_, P> {
        self.0.iter()
    }
}

impl<P> From<Vec<P>> for Problems<P> {
    fn from(problems: Vec<P>) -> Self {
        Self(problems)
    }
}

impl From<Collected> for Problems {
    fn from(found: Collected) -> Self {
        Self(found.into_problems())
    }
}

impl<P: fmt::Display> fmt::Display for Problems<P> {
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

impl<P: fmt::Debug + fmt::Display> std::error::Error for Problems<P> {}

impl Collected {
    /// One more.
    pub fn push(&mut self, problem: Problem) {
        let key = (problem.place.file.clone(), problem.severity);
        let count = self.counts.entry(key).or_default();
        *count += 1;
        if *count <= MOST {
            self.kept.push(problem);
        }
    }

    /// What somebody else has found in other files.
    pub fn append(&mut self, other: Self) {
        self.kept.extend(other.kept);
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }

    /// Whether there is any that keeps the file from being used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let mut found = self.counts.keys();
        found.any(|(_, severity)| *severity == Severity::Error)
    }

    /// In the order of files and lines, each once; what has the same place stays in order.
    #[must_use]
    pub fn into_problems(mut self) -> Vec<Problem> {
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

impl Extend<Problem> for Collected {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

impl FromIterator<Problem> for Collected {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        let mut collected = Self::default();
        collected.extend(problems);
        collected
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str, line: u32) -> Place {
        Place {
            line,
            column: 1,
            ..Place::whole(Path::new(file))
        }
    }

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
    fn problems_come_in_the_order_of_files_and_lines_and_each_once() {
        let found: Collected = [("b", 1), ("a", 9), ("a", 2), ("a", 9)]
            .into_iter()
            .map(|(file, line)| Problem::error(place(file, line), "x", ""))
            .collect();
        assert!(found.has_errors());
        assert_eq!(
            Problems::from(found).to_string(),
            "a:2:1: x\na:9:1: x\nb:1:1: x"
        );
    }

    #[test]
    fn of_each_file_the_first_hundred_are_told() {
        let numbers = 1..=103;
        let mut found: Collected = numbers
            .map(|line| Problem::notice(place("a", line), "x", ""))
            .collect();
        found.push(Problem::notice(place("b", 1), "x", ""));
        assert!(!found.has_errors());
        let told = found.into_problems();
        assert_eq!(told.len(), 102);
        let more = told.get(100).map(ToString::to_string);
        assert_eq!(
            more.as_deref(),
            Some("a: notice: and 3 more notices; what to do: look at those first")
        );
    }
}
