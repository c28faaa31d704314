//! `case.toml` of a fixture.
//!
//! ```toml
//! now = "2026-11-23T00:00:00Z"  # as of when; this is the default
//! playable = false              # the lab cannot show what it does to mail,
//! reason = "..."                # because of this
//!
//! [[certificate]]               # see `certificates`
//! file = "pki/contoso.pem"
//! names = ["mail.contoso.com"]
//!
//! [[message]]                   # what Exchange Online makes of it
//! ip = "192.0.2.10"
//! certificate = "pki/contoso.pem"
//! mail_from = "anna@contoso.com"
//! rcpt_to = ["x@internet.test"]
//! bad = { tenant = "fabrikam" } # keys of a scenario's `expect`; those left out may be anything,
//! clean = { tenant = "contoso" } # and "none" is no tenant, no connector
//! ```

use std::path::PathBuf;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// What the files lack, and what follows from them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// As of when certificates are judged.
    #[serde(default = "today", deserialize_with = "time")]
    pub(crate) now: Timestamp,
    /// Whether the lab can show what the fault does to mail.
    #[serde(default = "yes")]
    pub(crate) playable: bool,
    /// Why it cannot.
    pub(crate) reason: Option<String>,
    #[serde(default, rename = "certificate")]
    pub(crate) certificates: Vec<Certificate>,
    #[serde(default, rename = "message")]
    pub(crate) messages: Vec<Message>,
}

/// A certificate to make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Its file, ending in `.pem`; the key is beside it.
    pub(crate) file: String,
    /// Its alternative names.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// Its common name; the first of its names if absent, none if empty.
    pub(crate) common_name: Option<String>,
    #[serde(default)]
    pub(crate) issuer: Issuer,
    #[serde(default)]
    pub(crate) chain: Chain,
    /// How many days from `now` it is valid; of one below 0 the time is over.
    #[serde(default = "a_year")]
    pub(crate) days: i64,
    #[serde(default)]
    pub(crate) key: Key,
    #[serde(default)]
    pub(crate) usage: Usage,
    /// The file of another certificate whose key is written beside this one.
    pub(crate) key_of: Option<String>,
    /// No key is written.
    #[serde(default)]
    pub(crate) keyless: bool,
    /// It says it was signed with SHA-1.
    #[serde(default)]
    pub(crate) sha1: bool,
    /// In which folders.
    #[serde(default = "both", rename = "in")]
    pub(crate) variants: Vec<Variant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Issuer {
    /// The authority that Exchange Online trusts, by an intermediate.
    #[default]
    Authority,
    /// The same without one.
    Direct,
    /// It signed itself.
    #[serde(rename = "self")]
    Itself,
    /// An authority that nobody trusts.
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Chain {
    /// The leaf and the intermediate.
    #[default]
    Full,
    /// The leaf alone.
    Leaf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Key {
    #[default]
    P256,
    P384,
    Ed25519,
    Rsa2048,
    /// Nobody has its private key.
    Rsa1024,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Usage {
    /// For clients and servers.
    #[default]
    Both,
    Client,
    Server,
    /// For mail content, not for TLS.
    Email,
    /// For anything.
    Any,
    /// It does not say.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variant {
    Bad,
    Clean,
}

/// A message that somebody sends to Exchange Online.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// What it shows.
    pub(crate) note: Option<String>,
    pub(crate) ip: Option<String>,
    /// The file of the certificate that is presented: judged as Exchange Online would.
    pub(crate) certificate: Option<String>,
    /// The same for `clean`, where it is another.
    pub(crate) clean_certificate: Option<String>,
    pub(crate) region: Option<String>,
    #[serde(default = "yes")]
    pub(crate) tls: bool,
    pub(crate) mail_from: String,
    /// The same for `clean`, where it is another.
    pub(crate) clean_mail_from: Option<String>,
    pub(crate) header_from: Option<String>,
    pub(crate) rcpt_to: Vec<String>,
    /// Not asked if absent.
    pub(crate) bad: Option<Expected>,
    /// Not asked if absent.
    pub(crate) clean: Option<Expected>,
}

/// What is expected for every recipient; what is absent may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) tenant: Option<String>,
    pub(crate) direction: Option<String>,
    pub(crate) basis: Option<String>,
    pub(crate) connector: Option<String>,
    pub(crate) reply: Option<String>,
}

impl Case {
    pub(crate) fn read(name: &str) -> Self {
        let path = folder(name).join("case.toml");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Message {
    /// Whether it shows that the fault makes a difference.
    pub(crate) fn differs(&self) -> bool {
        self.bad.is_some() && self.clean.is_some() && self.bad != self.clean
    }

    pub(crate) fn expected(&self, variant: Variant) -> Option<&Expected> {
        match variant {
            Variant::Bad => self.bad.as_ref(),
            Variant::Clean => self.clean.as_ref(),
        }
    }

    pub(crate) fn certificate(&self, variant: Variant) -> Option<&str> {
        let clean = self.clean_certificate.as_deref();
        let clean = clean.filter(|_| variant == Variant::Clean);
        clean.or(self.certificate.as_deref())
    }

    pub(crate) fn mail_from(&self, variant: Variant) -> &str {
        let clean = self.clean_mail_from.as_deref();
        let clean = clean.filter(|_| variant == Variant::Clean);
        clean.unwrap_or(&self.mail_from)
    }
}

impl Variant {
    pub(crate) const BOTH: [Self; 2] = [Self::Bad, Self::Clean];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Clean => "clean",
        }
    }
}

/// The folder of a fixture.
pub(crate) fn folder(name: &str) -> PathBuf {
    corpus().join(name)
}

/// Every fixture, in the order of their names.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(corpus()).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Those to look at.
pub(crate) fn wanted() -> Vec<String> {
    let mut names = names();
    if let Ok(wanted) = std::env::var(FILTER) {
        names.retain(|name| wanted.split(',').any(|start| name.starts_with(start)));
    }
    names
}

pub(crate) fn filtered() -> bool {
    std::env::var_os(FILTER).is_some()
}

const FILTER: &str = "TENANTRY_LINT_CASE";

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/lint")
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

fn today() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

fn a_year() -> i64 {
    365
}

fn yes() -> bool {
    true
}

fn both() -> Vec<Variant> {
    Variant::BOTH.to_vec()
}
