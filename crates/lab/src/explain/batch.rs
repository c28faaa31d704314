//! Questions as JSON lines: one line in, one line out, in order.

use std::io::{self, Read, Write};

use super::lines::{Line, Lines};
use super::question::{Question, QuestionError};
use super::write::{error_line, push, result};
use crate::attribution::Forest;
use crate::events::Substitutions;

/// Answers questions about one world.
#[derive(Debug)]
pub struct Batch<'f> {
    forest: &'f Forest,
    rotated: Substitutions,
}

/// How a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Lines answered.
    pub lines: u64,
    /// Those among them that were no question.
    pub errors: u64,
}

/// What is collected before it is written.
const PIECE: usize = 64 << 10;
/// What is kept for the next answer; one long answer does not hold its memory for ever.
const KEPT: usize = 1 << 20;

impl<'f> Batch<'f> {
    /// Prepares to answer.
    #[must_use]
    pub fn new(forest: &'f Forest) -> Self {
        Self {
            forest,
            rotated: Substitutions::default(),
        }
    }

    /// The same with certificates that count as rotated.
    #[must_use]
    pub fn with_rotated(mut self, rotated: Substitutions) -> Self {
        self.rotated = rotated;
        self
    }

    /// Answers every line of the input.
    ///
    /// # Errors
    /// When the input cannot be read or the output cannot be written.
    pub fn run(&self, input: impl Read, mut output: impl Write) -> io::Result<Summary> {
        let mut lines = Lines::new(input);
        let mut out = Vec::with_capacity(2 * PIECE);
        let mut summary = Summary::default();
        while let Some(line) = lines.next()? {
            let read = match line {
                Line::Whole(line) => Question::from_json(line),
                Line::TooLong => Err((String::from("null"), QuestionError::TooLong)),
            };
            summary.lines += 1;
            match read {
                Ok(question) => self.answer(&question, &mut out, &mut output)?,
                Err((id, error)) => {
                    summary.errors += 1;
                    error_line(&mut out, &id, &format!("line {}: {error}", lines.number()));
                }
            }
            // Whoever waits for an answer before the next question gets it.
            if out.len() >= PIECE || lines.is_drained() {
                hand_over(&mut out, &mut output)?;
                output.flush()?;
            }
        }
        hand_over(&mut out, &mut output)?;
        output.flush()?;
        Ok(summary)
    }

    /// Writes one answer, in pieces where it has many recipients.
    fn answer(
        &self,
        question: &Question,
        out: &mut Vec<u8>,
        output: &mut impl Write,
    ) -> io::Result<()> {
        let mut transaction = question.begin(self.forest, &self.rotated);
        push(out, "{\"id\":");
        push(out, &question.id);
        push(out, ",\"results\":[");
        for (index, rcpt) in question.rcpt_to.iter().enumerate() {
            if index > 0 {
                push(out, ",");
            }
            let attribution = transaction.recipient(self.forest, rcpt);
            result(out, self.forest.world(), &attribution);
            if out.len() >= PIECE {
                hand_over(out, output)?;
            }
        }
        push(out, "]}\n");
        Ok(())
    }
}

fn hand_over(out: &mut Vec<u8>, output: &mut impl Write) -> io::Result<()> {
    output.write_all(out)?;
    out.clear();
    out.shrink_to(KEPT);
    Ok(())
}
