//! What is to be sent, to whom, how fast and for how long.
//!
//! A [`Plan`] needs no further checks: it was read from TOML and flags ([`Overrides`]) by
//! [`Plan::read`] or [`Plan::load`], which report every problem at once with its place. It is part
//! of every result, so that a result says how it came about.

mod overrides;
mod sections;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use overrides::Overrides;
pub use tenantry_settings::{Problem, Problems};

/// Everything about one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Where to send to.
    pub target: Target,
    /// Whose mail it is, and what they present.
    pub identities: Identities,
    /// How often each tenant comes.
    pub tenants: TenantMix,
    /// What a message proves its tenant with.
    pub evidence: EvidenceMix,
    /// Senders and recipients.
    pub envelope: Envelope,
    /// What is in the messages.
    pub content: Content,
    /// How a connection is used.
    pub session: Session,
    /// How fast.
    pub pace: Pace,
    /// How long one step lasts.
    pub length: Length,
    /// Sent at the first step's pace before anything is counted.
    #[serde(with = "seconds")]
    pub warm_up: Duration,
    /// How long the pace takes from nothing to its first value, and from step to step.
    #[serde(with = "seconds")]
    pub ramp: Duration,
    /// Further paces after the first: connections in a closed loop, messages per second in an
    /// open one. Each lasts as long as the first.
    pub steps: Vec<f64>,
    /// How long messages under way may take to end when the time is over.
    #[serde(with = "seconds")]
    pub drain: Duration,
    /// Where every random choice starts: the same seed, the same messages.
    pub seed: u64,
    /// Threads that send; 0 takes one for each processor.
    pub workers: u32,
    /// Bounds of the search for the highest rate that holds.
    pub knee: Knee,
    /// Where it is written whose each message became.
    pub check: Option<Check>,
    /// Which part of the load this process is.
    pub shard: Shard,
}

/// Where to send to, and how it is encrypted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Host and port.
    pub address: String,
    /// How TLS starts.
    pub tls: TlsMode,
    /// The TLS versions that are offered.
    pub tls_versions: TlsVersions,
    /// Roots of the target's certificate; none: it is not verified.
    pub trust: Vec<PathBuf>,
    /// The name to ask for and to verify instead of the address's host.
    pub server_name: Option<String>,
    /// The share of handshakes that may resume an earlier session, 0 to 1.
    pub resumption: f64,
    /// What the generator calls itself in EHLO.
    pub hello: String,
}

/// How TLS starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Not at all.
    Off,
    /// By STARTTLS (RFC 3207).
    Starttls,
    /// With the first octet (RFC 8314).
    Implicit,
}

/// Which TLS versions are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3.
    #[serde(rename = "1.2 and 1.3")]
    Both,
    /// TLS 1.2 alone.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 alone.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Where tenants and their certificates come from. Paths are complete.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Identities {
    /// A folder as `tenantry pki` or `tenantry lab init` make it, or any with pairs of `.pem` and
    /// `.key`.
    pub folder: Option<PathBuf>,
    /// Tenants one by one, beside those of the folder.
    pub list: Vec<Tenant>,
    /// How many of them are used, the first ones; 0 for all.
    pub limit: u32,
    /// What the sender of several tenants presents, for evidence by sender and by recipient.
    pub peer: Option<KeyPair>,
    /// A certificate that the target does not trust.
    pub untrusted: Option<KeyPair>,
}

/// A tenant as the generator knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name, as journals have it.
    pub name: String,
    /// The domain of its senders and recipients.
    pub domain: String,
    /// Its certificate and key; a tenant without one has no evidence by certificate.
    pub certificate: Option<KeyPair>,
    /// How often it comes in a weighted mix, against the others.
    pub weight: f64,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// How often each tenant comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mix")]
pub enum TenantMix {
    /// All equally often, in turns.
    Uniform,
    /// By weight; who has none counts as 1.
    Weighted {
        /// Weights by name, over those of the list.
        weights: BTreeMap<String, f64>,
    },
    /// The n-th as often as 1 / n^exponent.
    Zipf {
        /// The exponent; 1 is the classic one.
        exponent: f64,
    },
}

/// How often a message proves its tenant in which way: shares against each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EvidenceMix {
    /// The tenant's certificate, and a sender of the tenant.
    pub certificate: f64,
    /// The peer's certificate or none, and a sender of the tenant.
    pub sender: f64,
    /// The peer's certificate or none, the null sender, and a recipient of the tenant.
    pub recipient: f64,
    /// The peer's certificate or none, sender and recipient of nobody: must become nobody's.
    pub unattributable: f64,
    /// The tenant's certificate, and a sender of another tenant: the certificate's it is.
    pub conflicting: f64,
    /// A certificate that is not trusted, sender and recipient of nobody: must become nobody's.
    pub untrusted: f64,
}

/// Senders and recipients. `{id}` stands for what makes the message findable in journals,
/// `{domain}` for the domain, `{tenant}` for the tenant's name, `{number}` for the message's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The template of senders.
    pub sender: String,
    /// The template of recipients; `{recipient}` is its number, from 1.
    pub recipient: String,
    /// Recipients of a message.
    pub recipients: u32,
    /// The domain of senders that belong to nobody.
    pub foreign_sender: String,
    /// The domain of recipients that belong to nobody.
    pub foreign_recipient: String,
}

/// What is in the messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Content {
    /// Text of our own, header section included, of so many octets.
    Fixed {
        /// Octets.
        size: u64,
    },
    /// Sizes evenly spread between two.
    Uniform {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Sizes as mail has them: many small ones, few very large ones.
    Lognormal {
        /// Half of the messages are smaller.
        median: u64,
        /// The standard deviation of the size's logarithm.
        sigma: f64,
        /// No message is larger.
        max: u64,
    },
    /// Messages from files, in turns.
    Folder {
        /// The folder of `.eml` files.
        folder: PathBuf,
    },
}

/// How a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Messages before it is closed; 0 keeps it as long as the target lets us.
    pub messages_per_connection: u64,
    /// Whether MAIL, RCPT and DATA go together (RFC 2920), where the target offers it.
    pub pipelining: bool,
    /// How content is sent.
    pub transfer: Transfer,
    /// How long a connection and its handshake may take.
    #[serde(with = "seconds")]
    pub connect_timeout: Duration,
    /// How long a reply may take.
    #[serde(with = "seconds")]
    pub reply_timeout: Duration,
}

/// How content is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// DATA.
    Data,
    /// BDAT in one chunk (RFC 3030); DATA where the target does not offer it.
    Bdat,
}

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "loop")]
pub enum Pace {
    /// So many connections, each sending its next message when the last was answered.
    Closed {
        /// Connections.
        connections: u32,
    },
    /// So many messages a second, whatever the target does.
    Open {
        /// Messages per second.
        rate: f64,
        /// How they are spread.
        arrivals: Arrivals,
        /// The most connections.
        connections: u32,
        /// The most messages that are due and not answered; what comes on top is not sent, and
        /// counted.
        outstanding: u32,
    },
}

/// How messages of an open loop are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// As independent senders do.
    Poisson,
}

/// How long one step lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// So long.
    Seconds(#[serde(with = "seconds")] Duration),
    /// So many messages.
    Messages(u64),
}

/// Bounds of the search for the highest rate that holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The largest p99 of the latency.
    #[serde(with = "seconds")]
    pub p99: Duration,
    /// The largest share of messages that were not accepted, 0 to 1.
    pub errors: f64,
    /// The rate of the first trial, per second.
    pub start: f64,
    /// The highest rate that is tried, per second.
    pub most: f64,
    /// How long a trial lasts.
    #[serde(with = "seconds")]
    pub trial: Duration,
    /// The search ends when the knee is known to this part, 0.05 for 5 %.
    pub precision: f64,
}

/// Where it is written whose each message became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The journal of the lab, or of a recording upstream: one line of JSON for each message.
    pub journal: PathBuf,
    /// What the relay presents for each tenant, for a recording upstream's journal: a folder as
    /// those of identities. The tenants' own certificates if absent.
    pub presented: Option<PathBuf>,
    /// How long the journal may take to be complete after the last reply.
    #[serde(with = "seconds")]
    pub settle: Duration,
}

/// Which part of the load this process is: the `index`-th of `count`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Shard {
    /// The whole load.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// This shard's part of a number; the first ones take what does not go up.
    pub(crate) fn part(self, number: u32) -> u64 {
        crate::run::part(number.into(), self.index, self.count)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Durations as seconds in JSON.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}
