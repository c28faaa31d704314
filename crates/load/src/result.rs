//! What came of a run: the result that is kept, and the view of it while it grows.
//!
//! An [`Outcome`] is written as one JSON document (`docs/load-result.schema.json`), read back by
//! [`Outcome::from_json`], and added to others by [`Outcome::merge`]. Its histograms are whole, so
//! that every quantile of a merged result is as exact as of a single one.

mod correctness;
mod file;
mod histogram;
mod live;
mod machine;
mod merge;
mod notes;
mod schema;
mod timeline;

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Shard};

pub use correctness::{Correctness, CorrectnessRow};
pub use file::ReadError;
pub use histogram::{Histogram, HistogramError};
pub use live::{Live, LivePhase, ReplyClasses, Stage, TenantShare};
pub use machine::Machine;
pub(crate) use machine::peak_memory_kib;
pub use merge::MergeError;
pub use schema::SCHEMA;
pub use timeline::{Point, Timeline};

/// What is measured of the way of a message. All histograms hold microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// From the intended start (open loop), or from the moment the connection turned to it
    /// (closed loop), to the reply that accepted the message.
    Latency,
    /// The same for messages that were not accepted but answered.
    Refused,
    /// Open loop: from the intended start until a connection turned to it.
    Wait,
    /// The TCP connection.
    Connect,
    /// A full TLS handshake.
    TlsFull,
    /// A TLS handshake that resumed an earlier session.
    TlsResumed,
    /// From the connection (or handshake, with implicit TLS) to the greeting.
    Greeting,
    /// EHLO to its reply; twice with STARTTLS.
    Ehlo,
    /// STARTTLS to its reply; the handshake comes after it.
    Starttls,
    /// From sending MAIL to its reply.
    Mail,
    /// From sending RCPT to the last of their replies; pipelined, from sending all commands.
    Rcpt,
    /// From sending DATA to 354; pipelined, from sending all commands.
    Data,
    /// Handing the content to the system.
    Transfer,
    /// From the end of the content to the final reply.
    Reply,
    /// From MAIL to the final reply.
    Message,
}

impl Phase {
    /// All of them, in the order of a message's way.
    pub const ALL: [Self; 15] = [
        Self::Latency,
        Self::Refused,
        Self::Wait,
        Self::Connect,
        Self::TlsFull,
        Self::TlsResumed,
        Self::Greeting,
        Self::Ehlo,
        Self::Starttls,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Transfer,
        Self::Reply,
        Self::Message,
    ];

    /// The word for it in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Refused => "refused",
            Self::Wait => "wait",
            Self::Connect => "connect",
            Self::TlsFull => "tls_full",
            Self::TlsResumed => "tls_resumed",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Starttls => "starttls",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Transfer => "transfer",
            Self::Reply => "reply",
            Self::Message => "message",
        }
    }
}

/// The result of a run, or of several shards together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The version of this form: [`FORMAT`].
    pub format: u32,
    /// Program and version that made it.
    pub program: String,
    /// The run's id, which stands in each message's id; that of the first shard when merged.
    pub run: String,
    /// When the first shard began, RFC 3339.
    pub started: String,
    /// What was asked for.
    pub plan: Plan,
    /// Who did it.
    pub generators: Vec<Generator>,
    /// Whether it, or the search for the highest rate, was ended before the plan said so: all numbers
    /// are of the time until then. Absent, and not known, in results of versions that did not write it.
    #[serde(default)]
    pub interrupted: bool,
    /// Counts over the measured time.
    pub totals: Totals,
    /// Histograms, phase by phase; phases that never happened are absent.
    pub phases: Vec<PhaseRow>,
    /// What happened when.
    pub timeline: Timeline,
    /// The steps with their paces.
    pub steps: Vec<Step>,
    /// The search for the highest rate, if there was one; totals and all else are of its best trial.
    pub knee: Option<KneeFound>,
    /// Replies that ended messages, those that accepted them included, by where they came and what
    /// they were; the most frequent first.
    pub replies: Vec<ReplyRow>,
    /// What failed without a reply.
    pub errors: Vec<ErrorRow>,
    /// The tenants.
    pub tenants: Vec<TenantRow>,
    /// Whose the messages became, when there was a journal.
    pub correctness: Option<Correctness>,
    /// The indexes of shards that were not there when this was merged: it is a part of the load
    /// only.
    #[serde(default)]
    pub missing_shards: Vec<u32>,
    /// What has to be known to read the numbers, in words: what is missing, and where the tenants'
    /// shares are not those of the plan, and why.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// The version of the JSON form.
pub const FORMAT: u32 = 1;

/// One process that sent, and where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Which part of the load it was.
    pub shard: Shard,
    /// Its run's id.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// What it ran on.
    pub machine: Machine,
    /// Its threads that sent.
    pub workers: u32,
    /// Processor time of the whole process over the measured time, in seconds.
    pub cpu_seconds: f64,
    /// The same for each message that was answered, in microseconds: the generator's own cost.
    pub cpu_us_per_message: f64,
    /// The most memory that the process had, in KiB.
    pub peak_memory_kib: u64,
    /// Open loop: how much later than intended the generator itself turned to the messages, in
    /// microseconds. When this is large, the generator was the bottleneck.
    pub lateness: Histogram,
}

/// Counts over the measured time; connections and handshakes also of the warm-up, in which those
/// that last are opened.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// The measured time, in seconds.
    pub seconds: f64,
    /// Messages that were due; in a closed loop, that were begun.
    pub intended: u64,
    /// Messages that were begun.
    pub sent: u64,
    /// Accepted by the final reply.
    pub accepted: u64,
    /// Refused for good (5yz), wherever.
    pub refused: u64,
    /// Refused for now (4yz), wherever.
    pub deferred: u64,
    /// Not answered: connection, handshake, time-out or protocol.
    pub failed: u64,
    /// Due, but not sent because too many were outstanding already.
    pub overflowed: u64,
    /// Due, but not begun when the time was over.
    pub unsent: u64,
    /// Accepted messages per second.
    pub rate: f64,
    /// Octets of content of accepted messages.
    pub octets: u64,
    /// Recipients of accepted messages.
    pub recipients: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that could not be opened or were lost.
    pub connections_failed: u64,
    /// The most connections at one time.
    pub connections_peak: u64,
    /// Full TLS handshakes.
    pub tls_full: u64,
    /// TLS handshakes that resumed a session.
    pub tls_resumed: u64,
    /// The most messages that were due and not answered at one time.
    pub outstanding_peak: u64,
    /// Messages of the warm-up, which count nowhere else.
    pub warm_up: u64,
}

/// A phase's histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRow {
    /// Which one.
    pub phase: Phase,
    /// In microseconds.
    pub histogram: Histogram,
}

/// A step with its pace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Connections (closed loop) or messages per second (open loop).
    pub pace: f64,
    /// When it began, in seconds since the run did.
    pub begins: f64,
    /// How long it lasted, in seconds.
    pub seconds: f64,
    /// Messages that were due in it.
    pub intended: u64,
    /// Messages that were accepted.
    pub accepted: u64,
    /// Messages that were refused, deferred, failed or not sent.
    pub not_accepted: u64,
    /// Accepted messages per second.
    pub rate: f64,
    /// The latency of accepted messages, in microseconds.
    pub latency: Histogram,
}

/// The search for the highest rate that holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KneeFound {
    /// The highest rate that held, per second; absent when not even the first did.
    pub rate: Option<f64>,
    /// Whether the search ended because the plan allows no higher rate.
    pub at_most: bool,
    /// All trials in their order.
    pub trials: Vec<Trial>,
}

/// One trial of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The rate that was offered, per second.
    pub offered: f64,
    /// The rate that was accepted, per second.
    pub accepted: f64,
    /// The p99 of the latency, in microseconds.
    pub p99_us: u64,
    /// The share of messages that were not accepted.
    pub errors: f64,
    /// Whether it kept within the bounds.
    pub held: bool,
}

/// Where in a transaction a reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The greeting.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    Starttls,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the content.
    Content,
}

impl At {
    /// The word for it in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Starttls => "starttls",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
        }
    }
}

/// A reply that ended messages, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyRow {
    /// Where it came.
    pub at: At,
    /// Its code; 0 stands for all kinds beyond those that are kept apart.
    pub code: u16,
    /// Its enhanced code, as in `5.7.64`.
    pub enhanced: Option<String>,
    /// How often.
    pub count: u64,
    /// The text of the first one.
    pub text: String,
}

/// A failure without reply, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRow {
    /// A stable word: `connect`, `tls`, `timeout`, `lost`, `protocol`.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// The first one in words.
    pub text: String,
}

/// What came of one tenant's messages: the tenant whose they should become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRow {
    /// Its name; absent in the one row of what must become nobody's.
    pub name: Option<String>,
    /// The share of all messages that the plan gives it, 0 to 1; absent in results of versions that
    /// did not write it.
    #[serde(default)]
    pub planned: Option<f64>,
    /// Messages that were begun.
    pub sent: u64,
    /// Accepted.
    pub accepted: u64,
    /// Refused for good.
    pub refused: u64,
    /// Refused for now.
    pub deferred: u64,
    /// Not answered.
    pub failed: u64,
    /// Octets of content of accepted messages.
    pub octets: u64,
    /// The latency of accepted messages, in microseconds, to one digit.
    pub latency: Histogram,
}

impl Outcome {
    /// The histogram of a phase, if it happened.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<&Histogram> {
        let found = self.phases.iter().find(|row| row.phase == phase);
        found.map(|row| &row.histogram)
    }

    /// The share of due messages that were not accepted.
    #[must_use]
    pub fn error_share(&self) -> f64 {
        self.totals.error_share()
    }
}

impl Totals {
    /// The share of due messages that were not accepted; 0 when none was due.
    #[must_use]
    pub fn error_share(&self) -> f64 {
        let missed = self.intended.saturating_sub(self.accepted);
        share(missed, self.intended)
    }
}

/// A part of a whole; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share is no exact number")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
