//! A world before and after changes, asked with a sample of messages.

use std::io::{self, Read, Write};

use super::difference::{Difference, Outcome, deciding};
use super::{Change, ChangeError, Substitutions};
use crate::attribution::{Attribution, Forest, Transaction};
use crate::explain::{Line, Lines, Question, QuestionError, error_line};
use crate::world::World;

/// A world in all its states, from before the first change to after the last.
#[derive(Debug)]
pub struct Timeline {
    first: State,
    /// After each change, with the change's text.
    later: Vec<(String, State)>,
}

#[derive(Debug)]
struct State {
    forest: Forest,
    rotated: Substitutions,
}

/// How differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How a comparison went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Lines of the sample.
    pub lines: u64,
    /// Those among them that were no message.
    pub errors: u64,
    /// Recipients asked for.
    pub recipients: u64,
    /// Those among them whose attribution changed.
    pub differences: u64,
}

impl Timeline {
    /// Makes the changes one after the other.
    ///
    /// # Errors
    /// The first change that cannot be made.
    pub fn new(world: &World, changes: &[Change]) -> Result<Self, ChangeError> {
        let mut world = world.clone();
        let mut rotated = Substitutions::default();
        let first = State::of(&world, &rotated);
        let mut later = Vec::with_capacity(changes.len());
        for change in changes {
            change.apply(&mut world, &mut rotated)?;
            later.push((change.to_string(), State::of(&world, &rotated)));
        }
        Ok(Self { first, later })
    }

    /// The recipients of a message whose attribution is another one afterwards.
    #[must_use]
    pub fn differences(&self, question: &Question) -> Vec<Difference> {
        let mut transactions = self.begin(question);
        let recipients = question.rcpt_to.iter();
        recipients
            .filter_map(|rcpt| self.recipient(question, &mut transactions, rcpt))
            .collect()
    }

    /// Compares a sample, in the form that `explain` takes, and writes the differences in its
    /// order.
    ///
    /// # Errors
    /// When the sample cannot be read or the output cannot be written.
    pub fn compare(
        &self,
        sample: impl Read,
        shown: Shown,
        mut output: impl Write,
    ) -> io::Result<Compared> {
        let mut lines = Lines::new(sample);
        let mut compared = Compared::default();
        while let Some(line) = lines.next()? {
            compared.lines += 1;
            let read = match line {
                Line::Whole(line) => Question::from_json(line),
                Line::TooLong => Err((String::from("null"), QuestionError::TooLong)),
            };
            match read {
                Ok(question) => {
                    let mut transactions = self.begin(&question);
                    for rcpt in &question.rcpt_to {
                        compared.recipients += 1;
                        if let Some(found) = self.recipient(&question, &mut transactions, rcpt) {
                            compared.differences += 1;
                            write(&mut output, shown, &found)?;
                        }
                    }
                }
                Err((id, error)) => {
                    compared.errors += 1;
                    let error = format!("line {}: {error}", lines.number());
                    write_error(&mut output, shown, &id, &error)?;
                }
            }
        }
        output.flush()?;
        Ok(compared)
    }

    fn states(&self) -> impl Iterator<Item = &State> {
        let later = self.later.iter().map(|(_, state)| state);
        std::iter::once(&self.first).chain(later)
    }

    fn begin(&self, question: &Question) -> Vec<Transaction> {
        let begun = |state: &State| question.begin(&state.forest, &state.rotated);
        self.states().map(begun).collect()
    }

    /// Asks every state; the last answer is the one afterwards.
    fn recipient(
        &self,
        question: &Question,
        transactions: &mut [Transaction],
        rcpt: &str,
    ) -> Option<Difference> {
        let mut before: Option<Outcome> = None;
        let mut current: Option<(Outcome, Attribution, &Forest)> = None;
        let mut causes = Vec::new();
        let changes = self.later.iter().map(|(change, _)| change);
        let changes = std::iter::once(None).chain(changes.map(Some));
        for ((state, transaction), change) in self.states().zip(transactions).zip(changes) {
            let attribution = transaction.recipient(&state.forest, rcpt);
            let outcome = Outcome::of(&state.forest, &attribution);
            let moved = current.as_ref().is_some_and(|(last, ..)| *last != outcome);
            causes.extend(change.filter(|_| moved).cloned());
            before.get_or_insert_with(|| outcome.clone());
            current = Some((outcome, attribution, &state.forest));
        }
        let (before, (after, attribution, forest)) = (before?, current?);
        (before != after).then(|| Difference {
            id: serde_json::from_str(&question.id).unwrap_or_default(),
            rcpt: String::from(rcpt),
            before,
            why: deciding(forest, &attribution),
            after,
            causes,
        })
    }
}

impl State {
    fn of(world: &World, rotated: &Substitutions) -> Self {
        Self {
            forest: Forest::new(world.clone()),
            rotated: rotated.clone(),
        }
    }
}

fn write(output: &mut impl Write, shown: Shown, difference: &Difference) -> io::Result<()> {
    match shown {
        Shown::Text => write!(output, "{difference}"),
        Shown::Json => {
            serde_json::to_writer(&mut *output, difference)?;
            output.write_all(b"\n")
        }
    }
}

fn write_error(output: &mut impl Write, shown: Shown, id: &str, error: &str) -> io::Result<()> {
    match shown {
        Shown::Text => writeln!(output, "{}", error.escape_debug()),
        Shown::Json => {
            let mut line = Vec::new();
            error_line(&mut line, id, error);
            output.write_all(&line)
        }
    }
}
