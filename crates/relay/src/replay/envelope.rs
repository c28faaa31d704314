//! One line of a log to the evidence in it, or why there is none.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use tenantry_attribution::{
    CertificateEvidence, NoCertificate, RecipientEvidence, SenderEvidence, UnknownProblem,
};
use thiserror::Error;

use crate::evidence;
use crate::explain::line::{Line, Text};
use crate::explain::question::{self, QuestionError};
use crate::telemetry::{CUT, TRANSACTION_CLOSED, original};

/// What a line is.
#[derive(Debug)]
pub(super) enum Recorded<'a> {
    /// A transaction.
    Envelope(Envelope<'a>),
    /// Something else that the relay logged.
    Other,
}

/// A transaction as it was recorded.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) client: Client<'a>,
    pub(super) sender: SenderEvidence,
    pub(super) recipients: Vec<RecipientEvidence>,
    pub(super) known: Known,
    /// What was decided at the time: the verdict and its tenant.
    pub(super) decided: Option<(Cow<'a, str>, Option<Cow<'a, str>>)>,
}

/// What a line says about the client: the same in many lines, so it is read when it is new.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) listener: Option<Cow<'a, str>>,
    pub(super) certificate: Certificate<'a>,
    /// The address; in brackets if it is IPv6 and from the log.
    pub(super) peer: Option<Cow<'a, str>>,
}

/// What a line says about the client's certificate.
#[derive(Debug)]
pub(super) enum Certificate<'a> {
    /// A question: its names.
    Names(Vec<Text<'a>>),
    /// A question: what is wrong with it.
    Problem(Cow<'a, str>),
    /// A question: nothing, so that there was none for the reason that the listener gives.
    None,
    /// The log: `cert_name`.
    Listed(Cow<'a, str>),
    /// The log: `no_cert`.
    Absent(Cow<'a, str>),
}

/// How many of the recipients a line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    All,
    /// The first ones; the list was cut.
    Some,
}

/// Why a line cannot be decided again.
#[derive(Debug, Error)]
pub enum Obstacle {
    /// No JSON, or not that of a question or a log line.
    #[error("neither a question nor a line of the log: {0}")]
    Json(serde_json::Error),
    /// Octets that are no text.
    #[error("not UTF-8 text")]
    Utf8,
    /// Text, a list, a number.
    #[error("not a JSON object")]
    Object,
    /// More than a line can have.
    #[error("longer than {0} octets")]
    TooLong(usize),
    /// A question that is none.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// A field without which nothing can be decided.
    #[error("the line has no {0}")]
    Missing(&'static str),
    /// A field that does not say what the relay writes.
    #[error("{field} is not what the relay writes")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// A word for a certificate's absence that is none.
    #[error("no_cert: {0}")]
    NoCertificate(#[from] UnknownProblem),
    /// A list that the log has only the beginning of.
    #[error("{0} was cut when it was logged")]
    Cut(&'static str),
    /// The configuration does not have the listener.
    #[error("no listener is called \"{listener}\" in {file}")]
    Listener {
        /// The listener.
        listener: String,
        /// The configuration.
        file: String,
    },
}

/// What is looked at of a line of the log.
#[derive(Deserialize)]
struct LogLine<'a> {
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow, default)]
    listener: Option<Text<'a>>,
    #[serde(borrow, default)]
    peer: Option<Text<'a>>,
    #[serde(borrow, default)]
    cert_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    no_cert: Option<Text<'a>>,
    #[serde(borrow, default)]
    mail_from_domain: Option<Text<'a>>,
    #[serde(borrow, default)]
    rcpt_domains: Option<Text<'a>>,
    #[serde(default)]
    rcpts: Option<u64>,
    #[serde(borrow, default)]
    verdict: Option<Text<'a>>,
    #[serde(borrow, default)]
    tenant: Option<Text<'a>>,
}

/// Of which kind the last line was: the next one is tried as that first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Question,
    Log,
}

impl Kind {
    /// Reads one line. The two kinds exclude each other: a log line has a `message`, and a question no such key.
    pub(super) fn read<'l>(&mut self, text: &'l str) -> Result<Recorded<'l>, Obstacle> {
        // serde would take an array for the fields in their order.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(Obstacle::Object);
        }
        if *self == Kind::Log
            && let Ok(line) = serde_json::from_str::<LogLine<'l>>(text)
        {
            return line.recorded();
        }
        let error = match serde_json::from_str::<Line<'l>>(text) {
            Ok(line) => {
                *self = Kind::Question;
                return asked(line).map(Recorded::Envelope);
            }
            Err(error) => error,
        };
        match serde_json::from_str::<LogLine<'l>>(text) {
            Ok(line) => {
                *self = Kind::Log;
                line.recorded()
            }
            Err(_not_that_either) => Err(Obstacle::Json(error)),
        }
    }
}

/// The evidence in a question.
fn asked(line: Line<'_>) -> Result<Envelope<'_>, Obstacle> {
    let certificate = match (line.certificate_problem, line.certificate_names) {
        (Some(problem), _) => Certificate::Problem(problem.0),
        (None, Some(names)) => Certificate::Names(names),
        (None, None) => Certificate::None,
    };
    let sender = question::sender(&line.mail_from.0)?;
    if line.rcpt_to.is_empty() {
        return Err(QuestionError::NoRecipient.into());
    }
    let recipients = line
        .rcpt_to
        .iter()
        .map(|address| question::recipient(&address.0))
        .collect::<Result<_, _>>()?;
    Ok(Envelope {
        client: Client {
            listener: line.listener.map(|text| text.0),
            certificate,
            peer: line.peer.map(|text| text.0),
        },
        sender,
        recipients,
        known: Known::All,
        decided: None,
    })
}

impl<'a> LogLine<'a> {
    fn recorded(self) -> Result<Recorded<'a>, Obstacle> {
        if self.message.0 != TRANSACTION_CLOSED {
            return Ok(Recorded::Other);
        }
        self.envelope().map(Recorded::Envelope)
    }

    /// The evidence in a transaction's closing line. Domains are all that the decision needs of an address, and each
    /// domain of the recipients once, in the order of the envelope: the same domain has the same outcome again.
    fn envelope(self) -> Result<Envelope<'a>, Obstacle> {
        let sender = match needed(&self.mail_from_domain, "mail_from_domain")? {
            "" => SenderEvidence::Null,
            domain => SenderEvidence::of_domain(&spelt(domain, "mail_from_domain")?),
        };
        let rcpts = self.rcpts.ok_or(Obstacle::Missing("rcpts"))?;
        let domains = needed(&self.rcpt_domains, "rcpt_domains")?;
        let (domains, known) = match domains.strip_suffix(CUT) {
            Some(beginning) => (beginning, Known::Some),
            None => (domains, Known::All),
        };
        let mut recipients = Vec::new();
        if rcpts > 0 {
            for domain in domains.split(',') {
                // RCPT TO:<postmaster> has no domain.
                recipients.push(match domain {
                    "" => evidence::postmaster(),
                    domain => RecipientEvidence::of_domain(&spelt(domain, "rcpt_domains")?),
                });
            }
        }
        Ok(Envelope {
            client: Client {
                listener: Some(self.listener.ok_or(Obstacle::Missing("listener"))?.0),
                certificate: match (self.cert_name, self.no_cert) {
                    (Some(names), _) => Certificate::Listed(names.0),
                    (None, Some(word)) => Certificate::Absent(word.0),
                    (None, None) => return Err(Obstacle::Missing("cert_name and no no_cert")),
                },
                peer: Some(host(self.peer.ok_or(Obstacle::Missing("peer"))?.0)?),
            },
            sender,
            recipients,
            known,
            decided: self
                .verdict
                .map(|verdict| (verdict.0, self.tenant.map(|tenant| tenant.0))),
        })
    }
}

impl Client<'_> {
    /// The evidence in the certificate; `None` if the listener has to say why there is none.
    pub(super) fn certificate(&self) -> Result<Option<CertificateEvidence>, Obstacle> {
        Ok(Some(match &self.certificate {
            Certificate::Names(names) => evidence::names(names),
            Certificate::Problem(word) => question::untrusted(word)?,
            Certificate::None => return Ok(None),
            Certificate::Listed(names) if names.ends_with(CUT) => {
                return Err(Obstacle::Cut("cert_name"));
            }
            Certificate::Listed(names) => evidence::names(&names.split(',').collect::<Vec<&str>>()),
            Certificate::Absent(word) => CertificateEvidence::Absent(match &**word {
                "not-offered" => NoCertificate::NotOffered,
                "not-presented" => NoCertificate::NotPresented,
                other => NoCertificate::Untrusted(other.parse()?),
            }),
        }))
    }

    /// Where the client connects from.
    pub(super) fn peer(&self) -> Result<IpAddr, Obstacle> {
        let Some(peer) = &self.peer else {
            return Ok(question::NOWHERE);
        };
        match self.certificate {
            Certificate::Names(_) | Certificate::Problem(_) | Certificate::None => {
                Ok(question::peer(peer)?)
            }
            Certificate::Listed(_) | Certificate::Absent(_) => {
                let inside = peer
                    .strip_prefix('[')
                    .and_then(|peer| peer.strip_suffix(']'));
                let address = match inside {
                    // A link-local address has its interface behind it.
                    Some(v6) => v6.split('%').next().unwrap_or(v6).parse().map(IpAddr::V6),
                    None => peer.parse().map(IpAddr::V4),
                };
                address.map_err(|_no_address| Obstacle::Field { field: "peer" })
            }
        }
    }

    /// All of it as one key: what differs has another.
    pub(super) fn key(&self, key: &mut Vec<u8>) {
        let mut part = |tag: u8, text: &str| {
            key.push(tag);
            key.extend_from_slice(&text.len().to_ne_bytes());
            key.extend_from_slice(text.as_bytes());
        };
        match &self.certificate {
            Certificate::Names(names) => names.iter().for_each(|name| part(b'n', &name.0)),
            Certificate::Problem(word) => part(b'p', word),
            Certificate::None => part(b'0', ""),
            Certificate::Listed(names) => part(b'l', names),
            Certificate::Absent(word) => part(b'a', word),
        }
        if let Some(listener) = &self.listener {
            part(b'L', listener);
        }
        if let Some(peer) = &self.peer {
            part(b'P', peer);
        }
    }
}

/// The address of `address:port`. Without the port, which differs from session to session, clients are known again.
fn host(mut peer: Cow<'_, str>) -> Result<Cow<'_, str>, Obstacle> {
    let at = peer
        .rfind(':')
        .filter(|at| {
            let port = peer.get(at + 1..).unwrap_or_default();
            port.parse::<u16>().is_ok()
        })
        .ok_or(Obstacle::Field { field: "peer" })?;
    match &mut peer {
        Cow::Borrowed(text) => *text = text.get(..at).unwrap_or_default(),
        Cow::Owned(text) => text.truncate(at),
    }
    Ok(peer)
}

fn needed<'t>(field: &'t Option<Text<'_>>, name: &'static str) -> Result<&'t str, Obstacle> {
    field
        .as_ref()
        .map(|text| &*text.0)
        .ok_or(Obstacle::Missing(name))
}

/// A domain as the client wrote it.
fn spelt<'t>(shown: &'t str, field: &'static str) -> Result<Cow<'t, str>, Obstacle> {
    original(shown).ok_or(Obstacle::Field { field })
}

impl Obstacle {
    /// The stable word for a count of lines.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Obstacle::Json(_) | Obstacle::Utf8 | Obstacle::Object => "not-readable",
            Obstacle::TooLong(_) => "too-long",
            Obstacle::Question(_) => "not-a-question",
            Obstacle::Missing(_) => "evidence-missing",
            Obstacle::Field { .. } | Obstacle::NoCertificate(_) => "evidence-unreadable",
            Obstacle::Cut(_) => "evidence-cut",
            Obstacle::Listener { .. } => "listener-unknown",
        }
    }
}
