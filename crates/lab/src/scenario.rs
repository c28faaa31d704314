//! Named scenarios: worlds that show one thing each, with certificates, sample messages and what
//! is expected of them, ready to run.
//!
//! A scenario is data, `scenarios/NAME.toml` of this crate, embedded in the program. Its world has
//! the keys of a world file; [`Folder::create`] makes files of it, with a throw-away authority and
//! the configuration that puts Tenantry in front. What is expected says what the rules of
//! `exchange-online.md` section 1 lead to, so that it is a test of the lab as much as a lesson.

mod certificates;
mod corpus;
mod exports;
mod folder;
mod generated;
mod names;
mod relay;
mod sample;
mod world;

use std::net::IpAddr;

use serde::Deserialize;

pub use folder::{Folder, InitError, InitPlan};

use crate::reply::{Answer, Refusal};

/// One scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name; that of its file.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, in a few lines.
    pub summary: String,
    /// The anti-patterns (`exchange-online.md` section 5) that it shows; none for repaired worlds.
    pub shows: Vec<String>,
    /// Where that is documented.
    pub source: String,
    /// What follows for mail.
    pub consequence: String,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<String>,
    /// The scenario that shows the repaired form.
    #[serde(default)]
    pub repaired: Option<String>,
    /// Tenants, certificates and messages are made for as many tenants as are asked for.
    #[serde(default)]
    pub generated: bool,
    /// Tenantry stands in front.
    #[serde(default)]
    pub tenantry: Option<Tenantry>,
    /// The world, with the keys of a world file.
    #[serde(default)]
    pub world: toml::Table,
    /// The certificates to make.
    #[serde(default, rename = "certificate")]
    pub certificates: Vec<Certificate>,
    /// What changes, as `tenantry lab move --event` takes it: mostly the remedy.
    #[serde(default)]
    pub events: Vec<String>,
    /// The sample.
    #[serde(default, rename = "message")]
    pub messages: Vec<Message>,
}

/// How Tenantry stands in front.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenantry {
    /// The address that the service sees it come from.
    pub address: IpAddr,
    /// The certificate of the server that may send for all tenants.
    pub peer_certificate: String,
}

/// A certificate to make.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The name of its files, without ending.
    pub file: String,
    /// Its alternative names; the first is the common name, too.
    pub names: Vec<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub problem: CertificateProblem,
    /// Who presents it.
    pub used_by: String,
    /// The tenant for which Tenantry presents it.
    #[serde(default)]
    pub tenant: Option<String>,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateProblem {
    /// Nothing.
    #[default]
    None,
    /// It signed itself.
    SelfSigned,
    /// It comes without its intermediate.
    IncompleteChain,
    /// It has expired.
    Expired,
}

/// A sample message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Its name in the scenario.
    pub id: String,
    /// What it shows.
    #[serde(default)]
    pub note: Option<String>,
    /// Before or after the events.
    #[serde(default)]
    pub when: When,
    /// The file of the certificate that the client presents, to the service or to Tenantry.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether the session uses TLS.
    #[serde(default = "yes")]
    pub tls: bool,
    /// The connecting address; absent where Tenantry connects.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// The region of the endpoint; absent where Tenantry chooses it.
    #[serde(default)]
    pub region: Option<String>,
    /// MAIL FROM without angle brackets; empty for the null sender.
    pub mail_from: String,
    /// RCPT TO, in order.
    pub rcpt_to: Vec<String>,
    /// How many `Received` fields it has.
    #[serde(default)]
    pub received: u32,
    /// It shows its point over SMTP only: a count, a limit or a fault decides.
    #[serde(default)]
    pub smtp: bool,
    /// The tenant for which Tenantry forwards it.
    #[serde(default)]
    pub forwarded_for: Option<String>,
    /// What is expected for each recipient.
    pub expect: Vec<Expected>,
}

/// Whether a message belongs before or after the scenario's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before.
    #[default]
    Before,
    /// After.
    After,
}

/// What is expected for one recipient.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The tenant; absent: none.
    #[serde(default)]
    pub tenant: Option<String>,
    /// `originating`, `incoming` or `none`.
    #[serde(default = "none")]
    pub direction: String,
    /// `certificate`, `sender`, `recipient` or `none`.
    #[serde(default = "none")]
    pub basis: String,
    /// The connector; absent: none; `*`: whichever.
    #[serde(default)]
    pub connector: Option<String>,
    /// `accepted`, or the word of a refusal.
    #[serde(default = "accepted")]
    pub reply: String,
}

/// Why a scenario cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// There is none of that name.
    #[error("no scenario is called {0:?}; \"tenantry lab scenarios\" lists them")]
    Unknown(String),
    /// The embedded file is wrong.
    #[error("scenario {name}: {what}")]
    Wrong {
        /// The scenario.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Scenario {
    /// All of them, in the order of their names.
    ///
    /// # Errors
    /// When an embedded file is wrong, which a test keeps from happening.
    pub fn all() -> Result<Vec<Self>, ScenarioError> {
        let parse = |(name, text): &(&str, &str)| Self::parse(name, text);
        corpus::FILES.iter().map(parse).collect()
    }

    /// The scenario of this name. One that is generated has no tenants yet.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let (name, text) = corpus::FILES
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| ScenarioError::Unknown(name.chars().take(100).collect()))?;
        Self::parse(name, text)
    }

    /// The same with so many further healthy tenants, `tenant-0001` and so on.
    #[must_use]
    pub fn with_tenants(mut self, tenants: u32) -> Self {
        generated::add(&mut self, tenants);
        self
    }

    /// A certificate by its file's name.
    #[must_use]
    pub fn certificate(&self, file: &str) -> Option<&Certificate> {
        self.certificates
            .iter()
            .find(|certificate| certificate.file == file)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let wrong = |what: String| ScenarioError::Wrong {
            name: name.to_owned(),
            what,
        };
        let mut scenario: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        name.clone_into(&mut scenario.name);
        for text in [
            Some(&mut scenario.summary),
            Some(&mut scenario.consequence),
            scenario.remedy.as_mut(),
        ]
        .into_iter()
        .flatten()
        {
            *text = text.trim().to_owned();
        }
        names::check(&scenario).map_err(wrong)?;
        Ok(scenario)
    }
}

impl Expected {
    /// The reply that is meant; `None` if the word is none.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        if self.reply == ACCEPTED {
            return Some(Answer::Accepted);
        }
        Refusal::named(&self.reply).map(Answer::Refused)
    }
}

impl CertificateProblem {
    /// The word that a question to `lab explain` has for it.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::SelfSigned => Some("untrusted"),
            Self::IncompleteChain => Some("incomplete-chain"),
            Self::Expired => Some("expired"),
        }
    }
}

const ACCEPTED: &str = "accepted";
/// Matches any connector in [`Expected::connector`].
const ANY: &str = "*";

fn yes() -> bool {
    true
}

fn none() -> String {
    "none".to_owned()
}

fn accepted() -> String {
    ACCEPTED.to_owned()
}
