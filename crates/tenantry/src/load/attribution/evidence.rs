//! Messages to decide about: made up, or read from JSON lines; both by the way of lines.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use fastrand::Rng;
use serde::Serialize;
use tenantry_attribution::{
    Basis, CertificateEvidence, Directory, Evidence, TenantId, Verdict, attribute,
};
use tenantry_relay::explain::{EvidenceLines, LineError};
use thiserror::Error;

use super::directory::{PEER, Synthetic, tenant_name};
use super::mix::{Kind, Mix};

/// What messages are made up of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// The tenants.
    pub(super) shape: Synthetic,
    /// What proves whose they are.
    pub(super) mix: Mix,
    /// The exponent of how often tenants come; all equally often without.
    pub(super) zipf: Option<f64>,
    /// How many.
    pub(super) messages: u32,
    /// Recipients of each.
    pub(super) recipients: u32,
    /// Where random choices start.
    pub(super) seed: u64,
}

/// Questions as JSON lines, and whose each should be.
pub(super) struct Questions {
    lines: Vec<(String, Option<u32>)>,
}

/// One message, ready to be decided about.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) evidence: Evidence,
    /// The certificate's part by itself, to work it out anew.
    pub(super) certificate: CertificateEvidence,
}

/// All messages.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) all: Vec<Message>,
    /// Whose each should be, where that is known.
    intended: Option<Vec<Option<TenantId>>>,
}

/// What was decided, once for each message.
#[derive(Debug, Default, Serialize)]
pub(super) struct Checked {
    /// Messages.
    pub(super) messages: u64,
    /// Decided by the certificate.
    pub(super) by_certificate: u64,
    /// Decided by the sender.
    pub(super) by_sender: u64,
    /// Decided by a recipient.
    pub(super) by_recipient: u64,
    /// Several tenants' at once.
    pub(super) ambiguous: u64,
    /// Nobody's.
    pub(super) unattributed: u64,
    /// With a sender of another tenant than the certificate's.
    pub(super) conflicts: u64,
    /// Decided as they were made; absent where nobody knows.
    pub(super) right: Option<u64>,
    /// Decided for another than they were made for.
    pub(super) wrong: u64,
    /// Some of the latter in words.
    pub(super) examples: Vec<String>,
}

/// Why evidence cannot be had.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A line is none.
    #[error("{path}:{line}: {error}")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// Why.
        error: LineError,
    },
    /// There is not one line.
    #[error("{0} has no line of evidence")]
    Empty(String),
    /// There are more lines than are held in memory.
    #[error("{path} has more than {MOST} lines")]
    TooMany {
        /// The file.
        path: String,
    },
}

/// The most messages.
const MOST: usize = 10_000_000;
/// The longest line that evidence may have.
const LONGEST: u64 = 16 << 20;

/// Reads evidence as `explain --batch` reads it; empty lines are passed over.
pub(super) fn read(path: &Path, lines: EvidenceLines<'_>) -> Result<Messages, ReadError> {
    let name = path.display().to_string();
    let failed = |error| ReadError::File {
        path: path.display().to_string(),
        error,
    };
    let input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    let mut input = BufReader::with_capacity(256 << 10, input);
    let (mut text, mut number, mut all) = (Vec::new(), 0, Vec::new());
    loop {
        text.clear();
        let taken = input
            .by_ref()
            .take(LONGEST + 2)
            .read_until(b'\n', &mut text);
        if taken.map_err(failed)? == 0 {
            break;
        }
        number += 1;
        let line = text.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if all.len() >= MOST {
            return Err(ReadError::TooMany { path: name });
        }
        let evidence = lines.evidence(line).map_err(|error| ReadError::Line {
            path: name.clone(),
            line: number,
            error,
        })?;
        all.push(Message::new(evidence));
    }
    match all.is_empty() {
        true => Err(ReadError::Empty(name)),
        false => Ok(Messages {
            all,
            intended: None,
        }),
    }
}

impl Made {
    /// The questions.
    pub(super) fn lines(&self) -> Questions {
        let mut random = Rng::with_seed(self.seed);
        let ranks = self
            .zipf
            .map(|exponent| Zipf::new(self.shape.tenants, exponent));
        let lines = (0..self.messages).map(|number| {
            let kind = self.mix.at(random.f64());
            let tenant = match &ranks {
                Some(ranks) => ranks.at(random.f64()),
                None => random.u32(0..self.shape.tenants),
            };
            self.line(&mut random, number, kind, tenant)
        });
        Questions {
            lines: lines.collect(),
        }
    }

    fn line(
        &self,
        random: &mut Rng,
        number: u32,
        kind: Kind,
        tenant: u32,
    ) -> (String, Option<u32>) {
        let which = random.u32(..);
        let owned = |basis| self.shape.owned(tenant, basis, which);
        let others = self.shape.tenants.saturating_sub(1).max(1);
        let other = (tenant + 1 + random.u32(0..others)) % self.shape.tenants.max(1);
        let stranger = format!("org-{number}.nobody.example");
        let names = format!("\"certificate_names\":[\"{}\"],", owned(0));
        let (presented, sender, domain, intended) = match kind {
            Kind::Certificate => (names, owned(1), stranger, Some(tenant)),
            Kind::Sender => (String::new(), owned(1), stranger, Some(tenant)),
            Kind::Recipient => (String::new(), String::new(), owned(2), Some(tenant)),
            Kind::Unattributable => (String::new(), stranger.clone(), stranger, None),
            Kind::Conflicting => (
                names,
                self.shape.owned(other, 1, which),
                stranger,
                Some(tenant),
            ),
            Kind::Untrusted => {
                let problem = "\"certificate_problem\":\"unknown-issuer\",".to_owned();
                (problem, owned(1), stranger, None)
            }
        };
        let sender = match sender.as_str() {
            "" => String::new(),
            domain => format!("u{number}@{domain}"),
        };
        let recipients = (1..=self.recipients).map(|index| format!("\"r{index}@{domain}\""));
        let recipients: Vec<String> = recipients.collect();
        let line = format!(
            "{{\"id\":{number},{presented}\"peer\":\"{PEER}\",\"mail_from\":\"{sender}\",\"rcpt_to\":[{}]}}",
            recipients.join(",")
        );
        (line, intended)
    }
}

impl Questions {
    /// As a file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (line, _) in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads them as any other evidence.
    pub(super) fn messages(
        &self,
        directory: &Directory,
        lines: EvidenceLines<'_>,
    ) -> Result<Messages, ReadError> {
        let mut all = Vec::with_capacity(self.lines.len());
        let mut intended = Vec::with_capacity(self.lines.len());
        for (index, (line, tenant)) in self.lines.iter().enumerate() {
            let evidence = lines.evidence(line.as_bytes());
            all.push(Message::new(evidence.map_err(|error| ReadError::Line {
                path: "made-up evidence".to_owned(),
                line: index + 1,
                error,
            })?));
            let tenant = tenant.and_then(|number| directory.tenant_by_name(&tenant_name(number)));
            intended.push(tenant);
        }
        Ok(Messages {
            all,
            intended: Some(intended),
        })
    }
}

impl Message {
    fn new(evidence: Evidence) -> Self {
        Self {
            certificate: evidence.session.certificate().clone(),
            evidence,
        }
    }
}

impl Messages {
    /// Decides each once, and compares it with whose it should be.
    pub(super) fn check(&self, directory: &Directory) -> Checked {
        let mut checked = Checked::default();
        let mut right = 0;
        for (index, message) in self.all.iter().enumerate() {
            let decided = attribute(directory, &message.evidence);
            checked.messages += 1;
            checked.conflicts += u64::from(decided.conflict.is_some());
            let owner = checked.count(&decided.verdict);
            let Some(intended) = self.intended.as_ref().and_then(|all| all.get(index)) else {
                continue;
            };
            if owner == *intended {
                right += 1;
            } else {
                checked.wrong += 1;
                checked.example(directory, index, *intended, owner);
            }
        }
        checked.right = self.intended.as_ref().map(|_| right);
        checked
    }
}

impl Checked {
    fn count(&mut self, verdict: &Verdict) -> Option<TenantId> {
        match verdict {
            Verdict::Tenant { id, basis } => {
                match basis {
                    Basis::Certificate => self.by_certificate += 1,
                    Basis::Sender => self.by_sender += 1,
                    Basis::Recipient => self.by_recipient += 1,
                }
                Some(*id)
            }
            Verdict::Ambiguous { .. } => {
                self.ambiguous += 1;
                None
            }
            Verdict::Unattributed => {
                self.unattributed += 1;
                None
            }
        }
    }

    fn example(
        &mut self,
        directory: &Directory,
        index: usize,
        intended: Option<TenantId>,
        owner: Option<TenantId>,
    ) {
        if self.examples.len() < 20 {
            let name = |id: Option<TenantId>| id.map_or("nobody", |id| directory.tenant_name(id));
            self.examples.push(format!(
                "message {index}: made for {}, decided for {}",
                name(intended),
                name(owner)
            ));
        }
    }
}

/// Ranks by their shares: the n-th as often as 1 / n^exponent.
struct Zipf {
    /// Up to which place from 0 to 1 each rank reaches.
    ends: Vec<f64>,
}

impl Zipf {
    fn new(ranks: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=ranks).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        let mut ends: Vec<f64> = sums.collect();
        ends.iter_mut().for_each(|end| *end /= sum);
        Self { ends }
    }

    fn at(&self, place: f64) -> u32 {
        let rank = self.ends.partition_point(|end| *end <= place);
        let last = self.ends.len().saturating_sub(1);
        u32::try_from(rank.min(last)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::load::attribution::directory::build;

    fn made(mix: &str) -> Made {
        Made {
            shape: Synthetic {
                tenants: 20,
                names: 7,
                wildcards: 0.5,
            },
            mix: mix.parse().unwrap(),
            zipf: None,
            messages: 500,
            recipients: 2,
            seed: 3,
        }
    }

    fn checked(made: Made) -> Checked {
        let (directory, _) = build(made.shape).unwrap();
        let lines = EvidenceLines::under(&directory);
        let messages = made.lines().messages(&directory, lines).unwrap();
        messages.check(&directory)
    }

    #[test]
    fn each_kind_is_decided_as_it_was_made() {
        for (mix, by) in [
            ("certificate=1", [500, 0, 0, 0]),
            ("sender=1", [0, 500, 0, 0]),
            ("recipient=1", [0, 0, 500, 0]),
            ("unattributable=1", [0, 0, 0, 500]),
            ("conflicting=1", [500, 0, 0, 0]),
            ("untrusted=1", [0, 0, 0, 500]),
        ] {
            let found = checked(made(mix));
            let decided = [
                found.by_certificate,
                found.by_sender,
                found.by_recipient,
                found.unattributed,
            ];
            assert_eq!(
                (decided, found.wrong, found.right),
                (by, 0, Some(500)),
                "{mix}"
            );
            let conflicts = if mix.starts_with("conflicting") {
                500
            } else {
                0
            };
            assert_eq!(found.conflicts, conflicts);
        }
    }

    #[test]
    fn a_message_for_another_tenant_is_counted_as_wrong() {
        let made = made("certificate=1");
        let (directory, _) = build(made.shape).unwrap();
        let lines = EvidenceLines::under(&directory);
        let mut messages = made.lines().messages(&directory, lines).unwrap();
        messages.intended.as_mut().unwrap().rotate_left(1);
        let found = messages.check(&directory);
        assert!(found.wrong > 400, "{}", found.wrong);
        assert_eq!(found.examples.len(), 20);
    }

    #[test]
    fn the_same_seed_makes_the_same_messages() {
        let made = made("certificate=1,sender=1");
        assert_eq!(made.lines().text(), made.lines().text());
        let other = Made { seed: 4, ..made };
        assert_ne!(made.lines().text(), other.lines().text());
    }

    #[test]
    fn the_first_ranks_come_most_often() {
        let zipf = Zipf::new(1_000, 1.0);
        assert_eq!((zipf.at(0.0), zipf.at(1.0)), (0, 999));
        // The harmonic number of a thousand is about 7.49.
        assert_eq!((zipf.at(0.133), zipf.at(0.134)), (0, 1));
    }

    #[test]
    fn a_line_that_is_wrong_is_named_with_its_place() {
        let (directory, _) = build(made("sender=1").shape).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.jsonl");
        std::fs::write(
            &path,
            "\n{\"mail_from\":\"\",\"rcpt_to\":[\"a@b.example\"]}\n{}\n",
        )
        .unwrap();
        let error = read(&path, EvidenceLines::under(&directory)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("evidence.jsonl:3: not a question"),
            "{error}"
        );
        std::fs::write(&path, "\n\n").unwrap();
        let error = read(&path, EvidenceLines::under(&directory)).unwrap_err();
        assert!(
            error.to_string().ends_with("has no line of evidence"),
            "{error}"
        );
    }
}
