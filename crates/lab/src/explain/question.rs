//! One message to be attributed, as the batch form has it.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::complaint::{complaint, shortened};
use super::lines::LONGEST;
use crate::attribution::{Certificate, Forest, Submission, Transaction};
use crate::certificate::CertificateProblem;
use crate::events::Substitutions;
use crate::world::Region;

/// A message, as far as attribution looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What to call it in the answer: a JSON string, number, `true`, `false` or `null`.
    pub id: String,
    /// The names of the certificate that was presented; absent if none was, or none can be read.
    pub certificate_names: Option<Vec<String>>,
    /// Why the certificate that was presented does not count.
    pub certificate_problem: Option<CertificateProblem>,
    /// The connecting address; the unspecified one is nobody's.
    pub ip: IpAddr,
    /// The endpoint's region; absent: no check of regions by endpoint.
    pub region: Option<Region>,
    /// Whether the session is encrypted.
    pub tls: bool,
    /// MAIL FROM; empty is the null sender.
    pub mail_from: String,
    /// The From header, for the profile flag `p2_from`.
    pub header_from: Option<String>,
    /// RCPT TO, in order.
    pub rcpt_to: Vec<String>,
}

/// Why a line is no question.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// Nothing stands in the line.
    #[error("empty; write one JSON object a line")]
    Empty,
    /// The line is no UTF-8.
    #[error("no UTF-8 text; save the file as UTF-8, or as UTF-16 with its byte order mark")]
    NoText,
    /// The line is no JSON.
    #[error("no JSON: {what} at column {column}; write one object a line")]
    Json {
        /// What is wrong.
        what: String,
        /// Where.
        column: usize,
    },
    /// The line is JSON, but no object.
    #[error(
        "not a JSON object; write one a line, as {{\"mail_from\":\"\",\"rcpt_to\":[\"u@contoso.com\"]}}"
    )]
    Object,
    /// The form has no such key.
    #[error("unknown key {key:?}; the keys are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that there are.
        known: String,
    },
    /// The form needs this key.
    #[error("{key} is missing; write {remedy}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it can be.
        remedy: &'static str,
    },
    /// A value is of a kind that its key does not have.
    #[error("{found}; write {remedy}")]
    Value {
        /// The key and what stands there.
        found: String,
        /// What it can be.
        remedy: &'static str,
    },
    /// Addresses come as they are, without the syntax of SMTP.
    #[error("{key} is {value:?}; write addresses without angle brackets, the null sender as \"\"")]
    Brackets {
        /// The key.
        key: &'static str,
        /// The address, shortened.
        value: String,
    },
    /// The id is a list, an object, or a number that readers of the answer may not take.
    #[error("id is neither a string, a number, true, false nor null")]
    Id,
    /// The line was not read.
    #[error("longer than {LONGEST} octets")]
    TooLong,
    /// The word is none.
    #[error("certificate_problem is {0:?}; it can be {words}", words = problem_words())]
    Problem(String),
    /// The address is none.
    #[error("ip is {0:?}, which is no IP address")]
    Ip(String),
    /// The region is empty or no word.
    #[error("region is {0:?}; write a word such as EUR, or null for no check")]
    Region(String),
    /// Attribution needs a recipient.
    #[error("rcpt_to is empty; write at least one address")]
    NoRecipient,
}

/// One line; texts are borrowed where they have no escapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    certificate_names: Option<Vec<String>>,
    #[serde(borrow, default)]
    certificate_problem: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ip: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    region: Option<Cow<'a, str>>,
    #[serde(default)]
    tls: Option<bool>,
    mail_from: String,
    #[serde(default)]
    header_from: Option<String>,
    rcpt_to: Vec<String>,
}

impl Question {
    /// Reads one line.
    ///
    /// # Errors
    /// With the id as JSON, `null` if it cannot be told.
    pub fn from_json(line: &[u8]) -> Result<Self, (String, QuestionError)> {
        // serde would take a list for the keys in their order.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err((String::from(NULL), not_an_object(line)));
        }
        let raw: Raw<'_> =
            serde_json::from_slice(line).map_err(|error| (id_of(line), complaint(line, &error)))?;
        let id = match raw.id.map(RawValue::get) {
            None => NULL,
            Some(id) if is_scalar(id) => id,
            Some(_) => return Err((String::from(NULL), QuestionError::Id)),
        };
        let id = String::from(id);
        match Self::of(&raw) {
            Ok(question) => Ok(Self {
                id,
                certificate_names: raw.certificate_names,
                mail_from: raw.mail_from,
                header_from: raw.header_from,
                rcpt_to: raw.rcpt_to,
                ..question
            }),
            Err(error) => Err((id, error)),
        }
    }

    /// A message without certificate, over TLS, from nowhere to nobody: a start to build on.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: String::from(NULL),
            certificate_names: None,
            certificate_problem: None,
            ip: NOWHERE,
            region: None,
            tls: true,
            mail_from: String::new(),
            header_from: None,
            rcpt_to: Vec::new(),
        }
    }

    /// What has to be checked.
    fn of(raw: &Raw<'_>) -> Result<Self, QuestionError> {
        let certificate_problem = match raw.certificate_problem.as_deref() {
            None => None,
            Some(word) => Some(
                CertificateProblem::named(word)
                    .ok_or_else(|| QuestionError::Problem(shortened(word)))?,
            ),
        };
        let ip = match raw.ip.as_deref() {
            None => NOWHERE,
            Some(text) => text
                .parse()
                .map_err(|_invalid| QuestionError::Ip(shortened(text)))?,
        };
        let region = match raw.region.as_deref() {
            None => None,
            Some(text) if is_word(text) => Some(Region::new(text)),
            Some(text) => return Err(QuestionError::Region(shortened(text))),
        };
        if raw.rcpt_to.is_empty() {
            return Err(QuestionError::NoRecipient);
        }
        bare("mail_from", &raw.mail_from)?;
        for rcpt in &raw.rcpt_to {
            bare("rcpt_to", rcpt)?;
        }
        Ok(Self {
            certificate_problem,
            ip,
            region,
            tls: raw.tls.unwrap_or(true),
            ..Self::new()
        })
    }

    /// Begins the transaction, with rotated certificates in force.
    #[must_use]
    pub fn begin(&self, forest: &Forest, rotated: &Substitutions) -> Transaction {
        let names = rotated.of(self.certificate_names.as_deref().unwrap_or_default());
        let certificate = match (self.certificate_problem, &self.certificate_names) {
            (Some(problem), _) => Certificate::Untrusted {
                problem: problem.as_str(),
                names: &names,
            },
            (None, Some(_)) => Certificate::Trusted { names: &names },
            (None, None) => Certificate::NotPresented,
        };
        forest.begin(&Submission {
            certificate,
            ip: self.ip,
            tls: self.tls,
            region: self.region.clone(),
            mail_from: &self.mail_from,
            header_from: self.header_from.as_deref(),
        })
    }
}

impl Default for Question {
    fn default() -> Self {
        Self::new()
    }
}

const NULL: &str = "null";
const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

fn not_an_object(line: &[u8]) -> QuestionError {
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => QuestionError::Object,
        Err(error) => complaint(line, &error),
    }
}

fn is_word(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// No address begins or ends with an angle bracket.
fn bare(key: &'static str, address: &str) -> Result<(), QuestionError> {
    if address.starts_with('<') || address.ends_with('>') {
        let value = shortened(address);
        return Err(QuestionError::Brackets { key, value });
    }
    Ok(())
}

/// Whether an id can go back as it is: no list, no object, no number beyond what readers take.
fn is_scalar(id: &str) -> bool {
    match id.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => serde_json::from_str::<serde_json::Number>(id).is_ok(),
        Some(octet) => !matches!(octet, b'{' | b'['),
        None => false,
    }
}

/// The id of a line that is wrong otherwise, as far as it can be told.
fn id_of(line: &[u8]) -> String {
    let mut id = None;
    // Where the line stops being JSON does not matter: an id before that is still an id.
    let _ = FindId(&mut id).deserialize(&mut serde_json::Deserializer::from_slice(line));
    let scalar = id.map(RawValue::get).filter(|id| is_scalar(id));
    String::from(scalar.unwrap_or(NULL))
}

/// Looks for the key `id` alone.
struct FindId<'o, 'a>(&'o mut Option<&'a RawValue>);

impl<'de> DeserializeSeed<'de> for FindId<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FindId<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" && self.0.is_none() {
                *self.0 = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

fn problem_words() -> String {
    let words = CertificateProblem::ALL
        .iter()
        .map(|problem| problem.as_str());
    words.collect::<Vec<_>>().join(", ")
}
