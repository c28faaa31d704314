//! Correctness beside speed: whose each accepted message became, as a journal says.
//!
//! The journal is the lab's, or that of a recording upstream: lines of JSON that are written by
//! others. What is no line of theirs is passed over; nothing in it can make this grow.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::time::sleep;

use crate::id::MessageId;
use crate::identity::{Member, Roster};
use crate::plan::Check;
use crate::record::{Numbers, Recorder};
use crate::result::{Correctness, CorrectnessRow};
use crate::run::{Prepared, RunError, Signal};

/// Whose certificate has which fingerprint.
#[derive(Debug)]
pub(crate) struct Presented(HashMap<String, Arc<str>>);

/// A journal from where it ended when the run began.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    from: u64,
    settle: Duration,
}

/// What is read of a line, whichever journal it is of.
#[derive(Debug, Deserialize)]
struct Line {
    /// The lab's and the upstream's sender.
    mail_from: Option<String>,
    mail: Option<String>,
    /// The lab's and the upstream's recipients.
    rcpt_to: Option<Vec<String>>,
    recipients: Option<Vec<String>>,
    message_id: Option<String>,
    tenant: Option<String>,
    fingerprint: Option<String>,
    /// The upstream's: why it did not take the certificate for what it says.
    certificate_problem: Option<String>,
    accepted: Option<bool>,
    outcome: Option<String>,
}

/// Whose a message became.
enum Became {
    Tenant(Arc<str>),
    Nobodys,
    /// Nobody's, since its certificate did not verify.
    Unverified(String),
    /// Under a certificate that nobody is known for.
    Unknown(String),
}

struct Tally<'r> {
    roster: &'r Roster,
    presented: &'r Presented,
    recorder: &'r Recorder,
    run: u32,
    seen: Numbers,
    found: Correctness,
    /// Per tenant, nobody last.
    rows: Vec<Row>,
}

/// What was found of one tenant's messages.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    right: u64,
    wrong: u64,
    unknown: u64,
    /// Accepted ones, each once.
    found: u64,
}

impl Presented {
    pub(crate) fn new(members: &[Member]) -> Self {
        let known = members.iter().filter_map(|member| {
            let identity = member.identity.as_ref()?;
            Some((identity.fingerprint().to_string(), Arc::clone(&member.name)))
        });
        Self(known.collect())
    }
}

/// Where a file ends that may come to be.
fn end_of(journal: &Path) -> io::Result<u64> {
    match fs::metadata(journal) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = journal
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            fs::metadata(folder.unwrap_or(Path::new("."))).map(|_| 0)
        }
        Err(error) => Err(error),
    }
}

impl Journal {
    /// Looks where the journal ends now. It need not be there yet, but its folder must: nobody will
    /// write it otherwise, and every message would be missing at the end.
    pub(crate) fn open(check: &Check) -> Result<Self, RunError> {
        let from = end_of(&check.journal).map_err(|error| RunError::Journal {
            path: check.journal.clone(),
            error,
        })?;
        Ok(Self {
            path: check.journal.clone(),
            from,
            settle: check.settle,
        })
    }

    /// Reads what was written since, until every accepted message is there or time is up.
    pub(crate) async fn verify(
        self,
        prepared: &Prepared,
        run: u32,
        recorder: &Recorder,
        give_up: &Signal,
    ) -> Result<Correctness, RunError> {
        let mut tally = Tally {
            roster: &prepared.roster,
            presented: &prepared.presented,
            recorder,
            run,
            seen: Numbers::default(),
            found: Correctness {
                expected: recorder.tenants.iter().map(|tenant| tenant.expected).sum(),
                ..Correctness::default()
            },
            rows: vec![Row::default(); recorder.tenants.len()],
        };
        let failed = |error| RunError::Journal {
            path: self.path.clone(),
            error,
        };
        let mut at = self.from;
        let mut until = Instant::now() + self.settle;
        loop {
            let read = self.read(&mut at, &mut tally).map_err(failed)?;
            if tally.is_complete() || Instant::now() >= until || give_up.is_cancelled() {
                break;
            }
            if read > 0 {
                // As long as it grows it is not settled.
                until = Instant::now() + self.settle;
            }
            // Being given up ends the wait; nothing is lost.
            let _ = give_up.run_until_cancelled(sleep(LOOK_AGAIN)).await;
        }
        Ok(tally.finish())
    }

    /// Reads whole lines from a place, and moves it behind them.
    fn read(&self, at: &mut u64, tally: &mut Tally<'_>) -> io::Result<u64> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < *at {
            // It was begun anew.
            *at = 0;
        }
        file.seek(SeekFrom::Start(*at))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        let mut lines = 0;
        loop {
            line.clear();
            let octets = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
            let whole = line.ends_with(b"\n");
            if octets == 0 || (!whole && line.len() < LONGEST as usize) {
                return Ok(lines);
            }
            *at += octets as u64;
            lines += 1;
            if let Ok(line) = serde_json::from_slice::<Line>(&line) {
                tally.line(&line);
            }
        }
    }
}

impl Line {
    fn id(&self) -> Option<MessageId> {
        let texts = [&self.mail_from, &self.mail, &self.message_id];
        let of_lists = [&self.rcpt_to, &self.recipients];
        texts
            .into_iter()
            .flatten()
            .chain(of_lists.into_iter().flatten().flatten())
            .find_map(|text| MessageId::find(text))
    }

    /// Whether the journal's owner has the message.
    fn is_delivered(&self) -> bool {
        match (&self.accepted, &self.outcome) {
            (Some(accepted), _) => *accepted,
            (None, Some(outcome)) => outcome != "refused",
            (None, None) => true,
        }
    }

    fn became(&self, presented: &Presented) -> Became {
        if let Some(tenant) = &self.tenant {
            return Became::Tenant(tenant.as_str().into());
        }
        match (&self.certificate_problem, &self.fingerprint) {
            (Some(problem), _) => Became::Unverified(problem.chars().take(64).collect()),
            (None, None) => Became::Nobodys,
            (None, Some(fingerprint)) => match presented.0.get(fingerprint) {
                Some(tenant) => Became::Tenant(Arc::clone(tenant)),
                None => Became::Unknown(fingerprint.clone()),
            },
        }
    }
}

impl Tally<'_> {
    fn line(&mut self, line: &Line) {
        let Some(id) = line.id().filter(|id| id.run == self.run) else {
            return;
        };
        if !line.is_delivered() {
            return;
        }
        let is_new = self.count(id.number);
        let nobody = self.roster.tenants.len();
        let index = id.tenant.map_or(nobody, |tenant| tenant as usize);
        let intended = self.roster.tenants.get(index);
        let Some(row) = self.rows.get_mut(index) else {
            return;
        };
        row.found += u64::from(is_new);
        let what = match (line.became(self.presented), intended) {
            (Became::Tenant(tenant), Some(member)) if *tenant == *member.name => None,
            (Became::Nobodys | Became::Unverified(_), None) => None,
            (Became::Tenant(tenant), _) => {
                row.wrong += 1;
                Some(format!("became {tenant}'s"))
            }
            (Became::Nobodys, Some(_)) => {
                row.wrong += 1;
                Some("became nobody's".to_owned())
            }
            (Became::Unverified(problem), Some(_)) => {
                row.wrong += 1;
                Some(format!(
                    "became nobody's, since its certificate did not verify: {problem:?}"
                ))
            }
            (Became::Unknown(fingerprint), _) => {
                row.unknown += 1;
                let known: String = fingerprint.chars().take(64).collect();
                Some(format!(
                    "came under the certificate {known:?}, whose nobody knows"
                ))
            }
        };
        match what {
            None => row.right += u64::from(is_new),
            Some(what) => {
                let shown = intended.map_or("nobody", |tenant| &*tenant.name);
                let number = id.number;
                self.example(format!("message {number} of {shown} {what}"));
            }
        }
    }

    /// Whether this is the first time that an accepted message is found; counts what is not.
    fn count(&mut self, number: u64) -> bool {
        let accepted = self.recorder.accepted.as_ref();
        // Only what was accepted can have been seen: numbers of others are made up.
        if !accepted.is_some_and(|numbers| numbers.contains(number)) {
            self.found.unanswered += 1;
            return false;
        }
        let again = self.seen.contains(number);
        self.seen.insert(number);
        self.found.duplicates += u64::from(again);
        !again
    }

    fn example(&mut self, what: String) {
        if self.found.examples.len() < MOST_EXAMPLES {
            self.found.examples.push(what);
        }
    }

    fn is_complete(&self) -> bool {
        let found: u64 = self.rows.iter().map(|row| row.found).sum();
        found >= self.found.expected
    }

    fn finish(mut self) -> Correctness {
        let rows = std::mem::take(&mut self.rows);
        let tenants = self.recorder.tenants.iter().zip(rows).enumerate();
        for (index, (tally, row)) in tenants {
            let missing = tally.expected.saturating_sub(row.found);
            let tenant = self.roster.tenants.get(index);
            let name = tenant.map(|tenant| (*tenant.name).to_owned());
            if tally.expected == 0 && row.wrong == 0 && row.unknown == 0 {
                continue;
            }
            self.found.right += row.right;
            self.found.wrong += row.wrong;
            self.found.unknown += row.unknown;
            self.found.missing += missing;
            if missing > 0 {
                let shown = name.as_deref().unwrap_or("nobody");
                let what = format!("{missing} accepted messages of {shown} are not in the journal");
                self.example(what);
            }
            self.found.tenants.push(CorrectnessRow {
                name,
                intended: tally.expected,
                right: row.right,
                wrong: row.wrong,
                missing,
                unknown: row.unknown,
            });
        }
        self.found
    }
}

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// No line of ours is longer.
const LONGEST: u64 = 1 << 20;
const MOST_EXAMPLES: usize = 20;
