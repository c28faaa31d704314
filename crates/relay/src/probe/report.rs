//! What a probe reports: the same for people (see `text`) and, serialised, for programs (`docs/probe.md`).

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tenantry_smtp::Reply;

use super::replies::{Explanation, explain};
use crate::config::{Tenant, UpstreamTlsMode};
use crate::route::Target;

/// One tenant with all its upstreams.
#[derive(Clone, Debug, Serialize)]
pub struct TenantReport {
    /// Its name in the configuration.
    pub tenant: String,
    /// The worst of its upstreams.
    pub outcome: Outcome,
    /// The first upstream that works: the one that the relay uses.
    pub used: Option<String>,
    /// The certificate that is presented.
    pub identity: OurIdentity,
    /// Its upstreams in the order of the configuration.
    pub upstreams: Vec<UpstreamReport>,
}

/// Our certificate.
#[derive(Clone, Debug, Serialize)]
pub struct OurIdentity {
    /// Its DNS names.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// Its last moment.
    #[serde(serialize_with = "moment")]
    pub not_after: SystemTime,
    /// SHA-256 of its DER.
    pub fingerprint: String,
}

/// One upstream of a tenant.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamReport {
    /// `host:port` as configured.
    pub upstream: String,
    /// The name that we give in EHLO.
    pub helo: String,
    /// When TLS begins: `starttls`, `implicit` or `off`.
    pub tls: &'static str,
    /// The worst of its steps.
    pub outcome: Outcome,
    /// The step that failed.
    pub failed_at: Option<StepName>,
    /// Whose fault it is.
    pub fault: Option<Fault>,
    /// Every step, in the order in which they happen.
    pub steps: Vec<Step>,
}

/// A step of the way to an upstream. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// The upstream's name to addresses.
    Dns,
    /// A connection to one of them.
    Tcp,
    /// The upstream's greeting.
    Greeting,
    /// EHLO in clear text.
    Ehlo,
    /// STARTTLS and its answer.
    Starttls,
    /// The upstream's certificate: its chain and its name.
    ServerCertificate,
    /// Ours: was it asked for, was it sent, was it taken.
    ClientCertificate,
    /// The TLS handshake as a whole.
    Handshake,
    /// EHLO inside TLS.
    EhloTls,
    /// MAIL of the envelope that is tried.
    Mail,
    /// RCPT, once for each recipient.
    Rcpt,
    /// RSET, which takes the envelope back.
    Rset,
}

/// What became of a step. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was not reached, or does not apply.
    Skipped,
    /// Fine.
    Ok,
    /// Usable, but somebody should look at it.
    Warning,
    /// Not usable.
    Failed,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The server there.
    Upstream,
    /// What lies between: name service, routes, firewalls.
    Network,
    /// This side: configuration, certificate, key.
    Local,
    /// The tenant's settings at the service: connectors, accepted domains, licences.
    Tenant,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which.
    pub step: StepName,
    /// What became of it.
    pub outcome: Outcome,
    /// It in one sentence.
    pub summary: String,
    /// Whose fault a failure or warning is.
    pub fault: Option<Fault>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// How long it took.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Option<Duration>,
    /// What was found.
    pub facts: Option<Facts>,
}

/// What was found at a step.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Facts {
    /// Of `dns`.
    Addresses {
        /// All of them, in the order of trying.
        addresses: Vec<Address>,
    },
    /// Of `tcp`.
    Attempts {
        /// In their order; the last one succeeded unless the step failed.
        attempts: Vec<Attempt>,
    },
    /// Of `greeting`, `starttls`, `rset`.
    Reply {
        /// What the upstream said.
        reply: UpstreamReply,
    },
    /// Of `ehlo` and `ehlo-tls`.
    Offer(Box<Offered>),
    /// Of `server-certificate`.
    ServerCertificate(Box<ServerCertificateFacts>),
    /// Of `client-certificate`.
    ClientCertificate(Box<ClientCertificateFacts>),
    /// Of `handshake`.
    Handshake {
        /// `TLSv1.3` or `TLSv1.2`.
        version: &'static str,
        /// The cipher suite by its IANA name.
        cipher: &'static str,
        /// The key exchange group.
        group: &'static str,
    },
    /// Of `mail` and `rcpt`.
    Envelope {
        /// The sender or the recipient.
        address: String,
        /// What the upstream said.
        reply: Option<UpstreamReply>,
        /// What Exchange Online means by it.
        explanation: Option<&'static Explanation>,
    },
}

/// An address of the upstream.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// The address.
    pub address: String,
    /// Whether it was tried: the first that takes the connection is used.
    pub tried: bool,
}

/// An address that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Address and port.
    pub address: String,
    /// Why there is no connection to it.
    pub error: Option<String>,
}

/// A reply.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamReply {
    /// The three digits.
    pub code: u16,
    /// The enhanced code.
    pub enhanced: Option<String>,
    /// The text, in one line.
    pub text: String,
}

/// What an upstream offers.
#[derive(Clone, Debug, Serialize)]
pub struct Offered {
    /// The answer.
    pub reply: u16,
    /// What it calls itself.
    pub name: String,
    /// Its extensions as they came.
    pub extensions: Vec<String>,
    /// The largest message that it declares, in octets.
    pub size: Option<u64>,
    /// What matters to the relay, offered or not.
    pub matters: Vec<Extension>,
    /// Offered in clear text and no more inside TLS.
    pub only_before_tls: Vec<String>,
    /// Offered inside TLS only.
    pub only_inside_tls: Vec<String>,
}

/// An extension that matters to the relay.
#[derive(Clone, Debug, Serialize)]
pub struct Extension {
    /// Its keyword.
    pub keyword: &'static str,
    /// Whether the upstream has it.
    pub offered: bool,
    /// What it means for messages when it is not.
    pub without: &'static str,
}

/// The upstream's certificate.
#[derive(Clone, Debug, Serialize)]
pub struct ServerCertificateFacts {
    /// The name that it has to be for.
    pub asked_name: Option<String>,
    /// Whether the chain leads to a configured root; absent when the configuration has nothing verified.
    pub chain_verifies: Option<bool>,
    /// Why it does not.
    pub problem: Option<&'static str>,
    /// Whether it is for that name.
    pub name_matches: Option<bool>,
    /// Certificates that the upstream sent.
    pub chain_length: usize,
    /// They, leaf first, as far as they can be read.
    pub chain: Vec<PresentedCertificate>,
}

/// One certificate of the upstream's chain.
#[derive(Clone, Debug, Serialize)]
pub struct PresentedCertificate {
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// DNS names.
    pub names: Vec<String>,
    /// IP addresses.
    pub addresses: Vec<String>,
    /// Its names are common names, which do not count.
    pub common_name_only: bool,
    /// First moment.
    #[serde(serialize_with = "moment")]
    pub not_before: SystemTime,
    /// Last moment.
    #[serde(serialize_with = "moment")]
    pub not_after: SystemTime,
    /// SHA-256 of its DER.
    pub fingerprint: String,
}

/// What the upstream did about our certificate.
#[derive(Clone, Debug, Serialize)]
pub struct ClientCertificateFacts {
    /// Whether it asked; absent when the handshake did not come so far.
    pub requested: Option<bool>,
    /// Whether the configuration insists on being asked.
    pub required: bool,
    /// Whether our certificate was sent in a handshake that finished.
    pub presented: bool,
    /// The authorities that the upstream names.
    pub authorities: Vec<String>,
    /// How many it names.
    pub authorities_named: usize,
}

impl TenantReport {
    pub(super) fn new(tenant: &Tenant, upstreams: Vec<UpstreamReport>) -> Self {
        let identity = &tenant.identity;
        let works = |upstream: &&UpstreamReport| upstream.connects();
        Self {
            tenant: tenant.name.to_string(),
            outcome: worst(upstreams.iter().map(|upstream| upstream.outcome)),
            used: upstreams
                .iter()
                .find(works)
                .map(|found| found.upstream.clone()),
            identity: OurIdentity {
                names: identity.names().to_vec(),
                issuer: identity.issuer().to_owned(),
                not_after: identity.not_after(),
                fingerprint: identity.fingerprint().to_string(),
            },
            upstreams,
        }
    }
}

impl UpstreamReport {
    pub(super) fn new(target: &Target, steps: Vec<Step>) -> Self {
        let failed = steps.iter().find(|step| step.outcome == Outcome::Failed);
        Self {
            upstream: target.address.to_string(),
            helo: target.helo.to_string(),
            tls: match target.tls_mode {
                UpstreamTlsMode::Starttls => "starttls",
                UpstreamTlsMode::Implicit => "implicit",
                UpstreamTlsMode::Off => "off",
            },
            outcome: worst(steps.iter().map(|step| step.outcome)),
            failed_at: failed.map(|step| step.step),
            fault: failed.and_then(|step| step.fault),
            steps,
        }
    }

    /// Whether the relay gets as far as MAIL there: what comes later is no reason to try the next upstream.
    #[must_use]
    pub fn connects(&self) -> bool {
        match self.failed_at {
            None | Some(StepName::Mail | StepName::Rcpt | StepName::Rset) => true,
            Some(
                StepName::Dns
                | StepName::Tcp
                | StepName::Greeting
                | StepName::Ehlo
                | StepName::Starttls
                | StepName::ServerCertificate
                | StepName::ClientCertificate
                | StepName::Handshake
                | StepName::EhloTls,
            ) => false,
        }
    }

    /// The first step of that name.
    #[must_use]
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.step == name)
    }
}

impl StepName {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Starttls => "starttls",
            Self::ServerCertificate => "server-certificate",
            Self::ClientCertificate => "client-certificate",
            Self::Handshake => "handshake",
            Self::EhloTls => "ehlo-tls",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Rset => "rset",
        }
    }
}

impl Outcome {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl Fault {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Network => "network",
            Self::Local => "local",
            Self::Tenant => "tenant",
        }
    }
}

impl UpstreamReply {
    pub(super) fn of(reply: &Reply) -> Self {
        Self {
            code: reply.code(),
            enhanced: reply.enhanced().map(|code| code.to_string()),
            text: reply.text().into_owned(),
        }
    }
}

impl Facts {
    pub(super) fn reply(reply: &Reply) -> Self {
        Self::Reply {
            reply: UpstreamReply::of(reply),
        }
    }

    pub(super) fn envelope(address: &str, reply: Option<&Reply>) -> Self {
        Self::Envelope {
            address: address.to_owned(),
            reply: reply.map(UpstreamReply::of),
            explanation: reply.and_then(explain),
        }
    }
}

impl std::fmt::Display for UpstreamReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = &self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text)
    }
}

fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    outcomes.max().unwrap_or(Outcome::Skipped)
}

fn moment<S: Serializer>(time: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&Timestamp::try_from(*time).map_or_else(|_| String::new(), |t| t.to_string()))
}

#[expect(clippy::ref_option, reason = "serde hands out references to fields")]
fn milliseconds<S: Serializer>(time: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        None => out.serialize_none(),
    }
}
