//! One record: a message, or a recipient refused, as one tenant has it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::attribution::{Basis, ConnectorRef, Direction, Explained, Forest, Why};
use crate::hex;
use crate::world::{InboundConnector, Region, Tenant, TenantIndex};

/// What happened to a message at one tenant. Its JSON form is one line of the journal's file.
#[derive(Debug, Clone)]
pub struct Record {
    /// When it was decided.
    pub at: Timestamp,
    /// The session it came in.
    pub session: Arc<SessionSeen>,
    /// The world it was judged by.
    pub forest: Arc<Forest>,
    /// Whether it was taken.
    pub accepted: bool,
    /// Whose it is; absent: nobody's.
    pub tenant: Option<TenantIndex>,
    /// Originating, incoming, or neither.
    pub direction: Direction,
    /// What decided.
    pub basis: Basis,
    /// The connector that was credited.
    pub connector: Option<ConnectorRef>,
    /// The certificate name that decided.
    pub matched_name: Option<String>,
    /// MAIL FROM without brackets; empty for the null sender.
    pub mail_from: String,
    /// The `XOORG` parameter as written; nothing is decided by it.
    pub xoorg: Option<String>,
    /// This tenant's recipients.
    pub rcpt_to: Vec<String>,
    /// Octets of the content as received; 0 where [`Self::sha256`] is absent.
    pub size: u64,
    /// SHA-256 of the content as received; absent where none was received, or not all of it.
    pub sha256: Option<[u8; 32]>,
    /// `Message-ID` as in the header section, with its brackets.
    pub message_id: Option<String>,
    /// Which part of a message that was split between tenants it is, from 0.
    pub part: usize,
    /// The reply, as it was or would have been given; empty where a fault ended the connection
    /// before there was one.
    pub reply: String,
    /// Whether a fault kept the client from hearing a reply.
    pub unanswered: bool,
    /// The fault that gave the reply or did something to the connection, by its stage:
    /// `mail throttle`, `end-of-data drop`.
    pub fault: Option<String>,
    /// Every candidate, and why it won or lost; of several recipients each line once.
    pub why: Vec<Why>,
}

/// What all messages of a session share.
#[derive(Debug, Clone)]
pub struct SessionSeen {
    /// The session's id, as in greetings and refusals.
    pub id: String,
    /// The region of the endpoint.
    pub region: Region,
    /// The client's certificate.
    pub certificate: Option<CertificateSeen>,
    /// The connecting address as it is taken.
    pub ip: IpAddr,
    /// The connecting address as it is.
    pub peer: SocketAddr,
    /// `TLSv1.2` or `TLSv1.3`; absent in clear text.
    pub tls: Option<&'static str>,
    /// What the client called itself.
    pub helo: String,
}

/// A certificate as presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateSeen {
    /// Its DNS names, those of an untrusted one too.
    pub names: Vec<String>,
    /// Who issued it, as it says; shortened.
    pub issuer: String,
    /// SHA-256 of its DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Whether its names count.
    pub trusted: bool,
    /// Why they do not: a word of [`CertificateProblem`](crate::explain::CertificateProblem).
    pub problem: Option<&'static str>,
}

impl Record {
    /// The tenant as it was then.
    #[must_use]
    pub fn tenant(&self) -> Option<&Tenant> {
        self.forest.world().tenant(self.tenant?)
    }

    /// The connector as it was then.
    #[must_use]
    pub fn connector(&self) -> Option<&InboundConnector> {
        let credited = self.connector?;
        let tenant = self.forest.world().tenant(credited.tenant)?;
        tenant.inbound_connectors.get(credited.connector)
    }

    /// SHA-256 of the content as received, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256_hex(&self) -> Option<String> {
        self.sha256.map(|digest| hex::encode(&digest))
    }

    /// The record as in the journal's file, without line end.
    ///
    /// # Errors
    /// Never, as far as it is known: everything in it is text, number or truth.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// About how many octets it holds.
    pub(super) fn weight(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let line = |why: &Why| size_of::<Why>() + text(&why.value) + text(&why.against);
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 32).sum::<usize>();
        let why: usize = self.why.iter().map(line).sum();
        let names = self.session.certificate.as_ref();
        let names = names.map_or(0, |seen| texts(&seen.names));
        size_of::<Self>()
            + self.mail_from.len()
            + self.reply.len()
            + texts(&self.rcpt_to)
            + why
            + names
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    session: &'a str,
    accepted: bool,
    tenant: Option<&'a str>,
    tenant_id: Option<&'a str>,
    region: &'a str,
    direction: &'static str,
    basis: &'static str,
    connector: Option<&'a str>,
    matched_name: Option<&'a str>,
    certificate: Option<&'a CertificateSeen>,
    ip: IpAddr,
    peer: SocketAddr,
    tls: Option<&'static str>,
    helo: &'a str,
    mail_from: &'a str,
    xoorg: Option<&'a str>,
    rcpt_to: &'a [String],
    size: Option<u64>,
    sha256: Option<String>,
    message_id: Option<&'a str>,
    part: usize,
    reply: Option<&'a str>,
    unanswered: bool,
    fault: Option<&'a str>,
    why: Vec<Explained<'a>>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session = &*self.session;
        let tenant = self.tenant();
        let world = self.forest.world();
        Line {
            at: format!("{:.3}", self.at),
            session: &session.id,
            accepted: self.accepted,
            tenant: tenant.map(|tenant| tenant.name.as_str()),
            tenant_id: tenant.map(|tenant| tenant.id.as_str()),
            region: session.region.as_str(),
            direction: self.direction.as_str(),
            basis: self.basis.as_str(),
            connector: self.connector().map(|connector| connector.name.as_str()),
            matched_name: self.matched_name.as_deref(),
            certificate: session.certificate.as_ref(),
            ip: session.ip,
            peer: session.peer,
            tls: session.tls,
            helo: &session.helo,
            mail_from: &self.mail_from,
            xoorg: self.xoorg.as_deref(),
            rcpt_to: &self.rcpt_to,
            size: self.sha256.map(|_whole| self.size),
            sha256: self.sha256_hex(),
            message_id: self.message_id.as_deref(),
            part: self.part,
            reply: Some(self.reply.as_str()).filter(|reply| !reply.is_empty()),
            unanswered: self.unanswered,
            fault: self.fault.as_deref(),
            why: self.why.iter().map(|why| why.explained(world)).collect(),
        }
        .serialize(serializer)
    }
}
