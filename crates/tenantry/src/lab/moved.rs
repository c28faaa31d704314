//! `tenantry lab move`: a sample of mail before and after a change.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;
use tenantry_lab::events::{Shown, Timeline};

use super::arguments::Move;
use super::{changes, input, load, printed};
use crate::exit;

/// Compares and tells.
pub(super) fn moved(wanted: &Move) -> Result<u8, u8> {
    let lab = load(&wanted.world)?;
    let mut changes = changes(&wanted.event, wanted.events.as_deref())?;
    if wanted.event.is_empty() && wanted.events.is_none() {
        changes = lab
            .events
            .iter()
            .map(|event| event.change.clone())
            .collect();
    }
    if changes.is_empty() {
        exit::complain(&"nothing happens: give --event or --events, or a world with events");
        return Err(exit::USAGE);
    }
    let timeline = Timeline::new(&lab.world, &changes).map_err(|error| {
        exit::complain(&error);
        exit::USAGE
    })?;
    let sample = input(&wanted.sample)?;
    let mut differences = 0;
    let code = printed(|out| {
        if wanted.json {
            differences = timeline.compare(sample, Shown::Json, out)?.differences;
            return Ok(());
        }
        let mut groups = Groups::default();
        let compared = timeline.compare(sample, Shown::Json, &mut groups)?;
        differences = compared.differences;
        groups.print(out)?;
        let (changed, all) = (compared.differences, compared.recipients);
        let noun = if all == 1 { "recipient" } else { "recipients" };
        let verb = if changed == 1 { "changes" } else { "change" };
        writeln!(out, "{changed} of {all} {noun} {verb}")?;
        match compared.errors {
            0 => Ok(()),
            errors => writeln!(out, "{errors} of {} lines are no message", compared.lines),
        }
    })?;
    if wanted.exit_code && differences > 0 {
        return Ok(SOMETHING_CHANGES);
    }
    Ok(code)
}

/// Differences with the same before, after and cause are told together.
#[derive(Default)]
struct Groups {
    unfinished: Vec<u8>,
    found: BTreeMap<String, Group>,
    errors: Vec<String>,
}

#[derive(Default)]
struct Group {
    recipients: u64,
    first: Vec<String>,
    why: Vec<String>,
}

impl Groups {
    fn line(&mut self, line: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(line) else {
            return;
        };
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            if self.errors.len() < SHOWN {
                self.errors.push(error.escape_debug().to_string());
            }
            return;
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut key = format!(
            "  before: {}\n  after:  {}\n",
            outcome(&value, "before"),
            outcome(&value, "after")
        );
        for cause in texts(&value, "causes") {
            key.push_str(&format!("  event:  {cause}\n"));
        }
        let group = self.found.entry(key).or_default();
        group.recipients += 1;
        if group.first.is_empty() {
            group.why = texts(&value, "why");
        }
        if group.first.len() < SHOWN {
            let id = value.get("id").unwrap_or(&Value::Null);
            let rcpt = text("rcpt").escape_debug();
            group.first.push(format!("{id} to {rcpt}"));
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for error in &self.errors {
            writeln!(out, "{error}")?;
        }
        for (key, group) in &self.found {
            let plural = if group.recipients == 1 { "" } else { "s" };
            write!(out, "{} recipient{plural}\n{key}", group.recipients)?;
            for why in &group.why {
                writeln!(out, "  why:    {why}")?;
            }
            for first in &group.first {
                writeln!(out, "    {first}")?;
            }
            let more = group.recipients.saturating_sub(group.first.len() as u64);
            if more > 0 {
                writeln!(out, "    and {more} more")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

impl Write for Groups {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.unfinished.extend_from_slice(octets);
        while let Some(end) = self.unfinished.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            self.line(&line);
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn outcome(difference: &Value, key: &str) -> String {
    let text = |name: &str| {
        let field = difference.get(key).and_then(|outcome| outcome.get(name));
        field.and_then(Value::as_str)
    };
    let reply = text("reply").unwrap_or_default();
    let Some(tenant) = text("tenant") else {
        return format!("nobody's: {reply}");
    };
    let direction = text("direction").unwrap_or_default();
    let basis = text("basis").unwrap_or_default();
    let connector = match text("connector") {
        Some(connector) => format!("connector {connector:?}"),
        None => "the default connector".to_owned(),
    };
    format!("tenant {tenant}, {direction} by {basis}, {connector}: {reply}")
}

fn texts(difference: &Value, key: &str) -> Vec<String> {
    let list = difference.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// As diff and grep have it.
const SOMETHING_CHANGES: u8 = 1;
/// How many of a group are named.
const SHOWN: usize = 5;
