//! Questions as JSON lines: one line in, one line out, in order, whatever is wrong with a line.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read, Write};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tenantry_attribution::attribute;

use super::json::{self, Writer};
use super::line::{Line, Text};
use super::lines::{self, EvidenceLines, LONGEST_LINE, LineError};
use crate::config::Config;

/// Answers questions of one configuration.
#[derive(Debug)]
pub struct Batch<'a> {
    config: &'a Config,
    writer: Writer,
}

/// How a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Lines read.
    pub lines: u64,
    /// Those answered with an error.
    pub errors: u64,
}

/// Looks for a line's id alone, for the answer to a line that is wrong otherwise.
struct FindId<'o, 'a>(&'o mut Option<&'a RawValue>);

const OUTPUT_PIECE: usize = 64 << 10;
/// What is kept for the next line; one very long line does not hold its memory for ever.
const KEPT: usize = 1 << 20;

impl<'a> Batch<'a> {
    /// Prepares what all answers have in common.
    #[must_use]
    pub fn new(config: &'a Config) -> Self {
        Self {
            config,
            writer: Writer::new(config),
        }
    }

    /// Answers every line of the input.
    ///
    /// # Errors
    /// When the input cannot be read or the output cannot be written.
    pub fn run(&self, input: impl Read, mut output: impl Write) -> io::Result<Summary> {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let (mut line, mut out) = (Vec::new(), Vec::with_capacity(2 * OUTPUT_PIECE));
        let mut summary = Summary::default();
        while let Some(whole) = read_line(&mut input, &mut line)? {
            summary.lines += 1;
            let answered = match whole {
                Whole::Yes => self.line(&line, &mut out),
                Whole::TooLong => Err(("null", LineError::TooLong)),
            };
            if let Err((id, error)) = answered {
                summary.errors += 1;
                json::error(&mut out, id, &error.to_string());
            }
            // Whoever waits for an answer before the next question gets it.
            if out.len() >= OUTPUT_PIECE || input.buffer().is_empty() {
                output.write_all(&out)?;
                output.flush()?;
                out.clear();
                out.shrink_to(KEPT);
            }
            line.clear();
            line.shrink_to(KEPT);
        }
        output.write_all(&out)?;
        output.flush()?;
        Ok(summary)
    }

    fn line<'l>(&self, text: &'l [u8], out: &mut Vec<u8>) -> Result<(), (&'l str, LineError)> {
        let line: Line<'l> = match lines::parse(text) {
            Ok(line) => line,
            Err(LineError::Object) => return Err(("null", LineError::Object)),
            Err(error) => return Err((id_of(text), error)),
        };
        let Some(id) = scalar(line.id) else {
            return Err(("null", LineError::Id));
        };
        let evidence = EvidenceLines::of(self.config)
            .evidence_of(&line)
            .map_err(|error| (id, error.into()))?;
        let attribution = attribute(&self.config.directory, &evidence);
        self.writer.answer(
            out,
            id,
            &attribution,
            line.rcpt_to.iter().map(|text| &*text.0),
        );
        Ok(())
    }
}

enum Whole {
    Yes,
    TooLong,
}

/// Reads one line without its end; of one that is too long only the beginning is kept.
fn read_line(input: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> io::Result<Option<Whole>> {
    let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX) + 1;
    if input.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(Whole::Yes));
    }
    if line.len() <= LONGEST_LINE {
        return Ok(Some(Whole::Yes));
    }
    loop {
        let buffer = input.fill_buf()?;
        let (used, ended) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if ended {
            return Ok(Some(Whole::TooLong));
        }
    }
}

/// An id as it goes back: its own text if it is a scalar.
fn scalar(id: Option<&RawValue>) -> Option<&str> {
    let text = id.map_or("null", RawValue::get);
    (!text.starts_with(['{', '['])).then_some(text)
}

/// The id of a line that is wrong otherwise, as far as it can be told.
fn id_of(text: &[u8]) -> &str {
    let mut id = None;
    // Where the line stops being JSON does not matter: an id before that is still an id.
    let _ = FindId(&mut id).deserialize(&mut serde_json::Deserializer::from_slice(text));
    scalar(id).unwrap_or("null")
}

impl<'de> DeserializeSeed<'de> for FindId<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FindId<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.0 == "id" && self.0.is_none() {
                *self.0 = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
