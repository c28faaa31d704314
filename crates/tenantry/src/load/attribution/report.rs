//! What was measured, as text and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::directory::Directories;
use super::evidence::Checked;
use super::measure::{Runs, Work};
use crate::load::report::numbers::{count, digits, nanoseconds, octets, rate, seconds, share};
use crate::load::report::table::Table;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    format: u32,
    program: &'static str,
    directory: Directories,
    evidence: Checked,
    /// Decisions between two looks at the clock.
    batch: u32,
    #[serde(flatten)]
    runs: Runs,
}

impl Report {
    pub(super) fn new(directory: Directories, evidence: Checked, runs: Runs, batch: u32) -> Self {
        Self {
            format: 1,
            program: concat!("tenantry ", env!("CARGO_PKG_VERSION")),
            directory,
            evidence,
            batch,
            runs,
        }
    }

    pub(super) fn checked(&self) -> &Checked {
        &self.evidence
    }

    pub(super) fn json(&self) -> String {
        // Numbers and words alone: it cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.directory(out)?;
        self.evidence().write(out)?;
        self.measured().write(out)?;
        let clock = self.runs.clock_ns / f64::from(self.batch.max(1));
        writeln!(
            out,
            "\np50 and p99 are those of batches of {} decisions, each batch's mean; looking at the clock adds {} to each \
             decision's time",
            count(self.batch.into()),
            nanoseconds(clock)
        )
    }

    fn directory(&self, out: &mut dyn Write) -> io::Result<()> {
        let directory = &self.directory;
        write!(
            out,
            "directory: {} tenants, {} names, {}, {} octets a name",
            count(directory.tenants as u64),
            count(directory.names as u64),
            octets(directory.memory_bytes as u64),
            digits(directory.bytes_per_name)
        )?;
        if let Some(built) = directory.build_seconds {
            write!(out, "; built in {}", seconds(built))?;
        }
        if let Some(grown) = directory.resident_growth_bytes {
            write!(out, ", the process grew by {}", octets(grown))?;
        }
        writeln!(out)
    }

    fn evidence(&self) -> Table {
        let found = &self.evidence;
        let mut table = Table::new("decided", &["", "#messages", "#share"]);
        let all = found.messages.max(1) as f64;
        for (name, number) in [
            ("by certificate", found.by_certificate),
            ("by sender", found.by_sender),
            ("by recipient", found.by_recipient),
            ("several tenants'", found.ambiguous),
            ("nobody's", found.unattributed),
            ("of all, sender in conflict", found.conflicts),
        ] {
            if number > 0 {
                let part = share(number as f64 / all);
                table.row([name.to_owned(), count(number), part]);
            }
        }
        let all = count(found.messages);
        table.with_note(match (found.right, found.wrong) {
            (None, _) => "whose they should be is not known".to_owned(),
            (Some(_), 0) => format!("all {all} as they were made"),
            (Some(_), wrong) => format!("{} of {all} WRONG", count(wrong)),
        })
    }

    fn measured(&self) -> Table {
        let columns = [
            "work",
            "#threads",
            "#decisions/s",
            "#speed-up",
            "#mean",
            "#p50",
            "#p99",
            "#CPU",
        ];
        let mut table = Table::new("decisions", &columns).with_note(
            "session: certificate names and peers anew for each message; transaction: the envelope alone",
        );
        for one in &self.runs.measured {
            let work = match one.work {
                Work::Session => "session",
                Work::Transaction => "transaction",
            };
            table.row([
                work.to_owned(),
                one.threads.to_string(),
                rate(one.decisions_per_second),
                format!("{:.2}", one.speed_up),
                nanoseconds(one.mean_ns),
                nanoseconds(one.p50_ns),
                nanoseconds(one.p99_ns),
                nanoseconds(one.cpu_ns),
            ]);
        }
        table
    }
}
