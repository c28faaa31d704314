//! The command line of `tenantry load sink`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tenantry_lab::upstream::{Stage, UpstreamSettings};
use tenantry_settings::{listed, units};

/// What `tenantry load sink --help` begins with.
pub(crate) const ABOUT: &str = "\
Take messages as an upstream would, and count them: what load tests send to.

Every message is taken and none delivered. As a process of its own it can be measured apart from
generator and relay. The first line that it prints says where it listens.

  tenantry pki pki --tenants 10
  tenantry load sink --pki pki --address 127.0.0.1:2531 --tally sender
  tenantry load sink --tls off --journal journal.jsonl
  tenantry load sink --pki pki --delay 20ms --delay-at end

The journal has one line of JSON for each message: when, over which connection, with which client
certificate (fingerprint, names), the arguments of EHLO, MAIL and RCPT, size, Message-ID, outcome.
The tally counts messages by client certificate and domain of the sender or of the first recipient,
and is printed at the end: cheap enough for the highest rates.";

/// What the sink is to be.
#[derive(Debug, Args)]

pub(crate) struct Sink {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub(super) address: SocketAddr,
    /// The name in the greeting.
    #[arg(long, value_name = "NAME", default_value = "upstream.example")]
    pub(super) hostname: String,
    /// How TLS starts; mail is refused before STARTTLS.
    #[arg(long, value_name = "HOW", default_value = "starttls")]
    pub(super) tls: Tls,
    /// A folder of "tenantry pki": its upstream.pem, upstream.key and authority.pem.
    #[arg(long, value_name = "DIR")]
    pub(super) pki: Option<PathBuf>,
    /// The sink's own chain, instead of the folder's.
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "PEM", requires = "certificate")]
    pub(super) key: Option<PathBuf>,
    /// Authorities of client certificates.
    #[arg(long, value_name = "PEM", num_args = 1..)]
    pub(super) trust: Vec<PathBuf>,
    /// Whether clients are asked for a certificate; "require" refuses MAIL without one that verifies.
    #[arg(long, value_name = "HOW", default_value = "require")]
    pub(super) client_certificates: Certificates,
    /// Give no session tickets, so that every handshake is a full one.
    #[arg(long)]
    pub(super) no_resumption: bool,
    /// Do not announce these EHLO keywords, e.g. CHUNKING.
    #[arg(long, value_name = "KEYWORD", num_args = 1.., value_parser = keyword)]
    pub(super) without: Vec<String>,
    /// Write a line of JSON for each message to this file, behind what is there.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Count messages by client certificate and domain of the sender or of the first recipient.
    #[arg(long, value_name = "WHOSE")]
    pub(super) tally: Option<Tally>,
    /// Wait so long before every reply; the clock is good for whole milliseconds.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) delay: Option<Duration>,
    /// Wait before these replies only.
    #[arg(long, value_name = "WHERE", num_args = 1.., requires = "delay")]
    pub(super) delay_at: Vec<Where>,
    /// Stop after this time; without it, at SIGTERM or SIGINT.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) duration: Option<Duration>,
    /// How often to say how many messages there are.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(super) every: Duration,
    /// Say everything as JSON lines.
    #[arg(long, conflicts_with = "quiet")]
    pub(super) json: bool,
    /// Say where it listens, and nothing else.
    #[arg(long)]
    pub(super) quiet: bool,
    /// Threads; one for each processor if absent.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

/// How TLS starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// Not at all.
    Off,
    /// By STARTTLS.
    Starttls,
    /// With the first octet.
    Implicit,
}

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Certificates {
    /// Nothing.
    Off,
    /// A certificate; none, or one that does not verify, is taken, too.
    Request,
    /// A certificate that verifies.
    Require,
}

/// Whose domain messages are tallied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tally {
    /// That of MAIL FROM.
    Sender,
    /// That of the first recipient.
    Recipient,
}

/// A reply that can be delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    /// The greeting.
    Banner,
    /// EHLO or HELO.
    Ehlo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the message.
    End,
}

impl Sink {
    /// The replies that are delayed.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let places = match self.delay_at.as_slice() {
            [] => Where::value_variants(),
            places => places,
        };
        places.iter().map(|place| place.stage()).collect()
    }
}

impl Where {
    fn stage(self) -> Stage {
        match self {
            Self::Banner => Stage::Banner,
            Self::Ehlo => Stage::Ehlo,
            Self::Mail => Stage::Mail,
            Self::Rcpt => Stage::Rcpt,
            Self::Data => Stage::Data,
            Self::End => Stage::End,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
        .map_err(|error| format!("{error}; write us, ms, s, m, h or d, as in 20ms"))
}

/// A keyword that the sink would announce.
fn keyword(text: &str) -> Result<String, String> {
    let settings = UpstreamSettings::plain();
    let announced = settings.extensions.iter();
    let known: Vec<&str> = announced
        .filter_map(|line| line.split(' ').next())
        .collect();
    match known.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        true => Ok(text.to_owned()),
        false => Err(format!("is not announced; write {}", listed(known))),
    }
}
