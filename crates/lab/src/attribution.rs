//! Which tenant a message belongs to, by Exchange Online's rules (`exchange-online.md` section 1).
//!
//! A [`Forest`] is a world with its lookup tables. [`Forest::begin`] takes what is known of a
//! transaction before its first recipient and goes through the certificate and the sender stage;
//! [`Transaction::recipient`] goes through the recipient stage and the policy for one recipient
//! after the other. Each answer carries the whole [`Why`]: every candidate that mattered, and why
//! it lost.
//!
//! Pure and total: no I/O, no clock, no error. What Microsoft leaves undefined is decided by the
//! [`Profile`](crate::world::Profile) and section 1.18, and the why says so.

mod address;
mod certificate;
mod expectation;
mod index;
mod name;
mod partner;
mod policy;
mod recipient;
mod sender;
mod shortfall;
mod why;

use std::net::IpAddr;

use crate::reply::Answer;
use crate::world::{AcceptedDomain, DomainName, InboundConnector, Region, TenantIndex, World};

pub use why::{Explained, Outcome, Reason, Stage, Standing, Why};

use address::Mailbox;
use certificate::Certified;
use expectation::Came;
use index::Index;
use name::Presented;
use sender::{Candidate, Sent};

/// A world, ready to be asked.
#[derive(Debug)]
pub struct Forest {
    world: World,
    index: Index,
}

/// What is known of a transaction before its first recipient.
#[derive(Debug, Clone)]
pub struct Submission<'a> {
    /// The client's certificate, or why there is none.
    pub certificate: Certificate<'a>,
    /// The connecting address; an IPv4-mapped one counts as IPv4.
    pub ip: IpAddr,
    /// Whether the session is encrypted.
    pub tls: bool,
    /// The region of the endpoint; absent: mail for any region is at the right place.
    pub region: Option<Region>,
    /// MAIL FROM without angle brackets; empty is the null sender.
    pub mail_from: &'a str,
    /// The From header, for the profile flag `p2_from` only.
    pub header_from: Option<&'a str>,
}

/// The client's certificate, or why there is none.
#[derive(Debug, Clone, Copy)]
pub enum Certificate<'a> {
    /// The client showed none.
    NotPresented,
    /// It counts as none: self-signed, expired, incomplete chain.
    Untrusted {
        /// What is wrong with it.
        problem: &'a str,
        /// Its names, for the explanation only.
        names: &'a [String],
    },
    /// A verified one, with common name and DNS names in any order.
    Trusted {
        /// Its names.
        names: &'a [String],
    },
}

/// A transaction under way. It borrows nothing; give it the forest that began it.
#[derive(Debug, Clone)]
pub struct Transaction {
    presented: Presented,
    ip: IpAddr,
    tls: bool,
    region: Option<Region>,
    sender: Mailbox,
    decision: Decision,
    /// What the certificate and the address match: the recipient stage looks at it again.
    candidates: Vec<Candidate>,
    /// The region of the incoming recipients that were accepted so far.
    accepted_region: Option<Region>,
    /// The region of the first incoming recipient that was refused: it binds nothing.
    refused_region: Option<Region>,
    why: Vec<Why>,
}

/// What the stages before the first recipient came to.
#[derive(Debug, Clone)]
enum Decision {
    Originating {
        basis: Basis,
        connector: ConnectorRef,
        matched_name: Option<String>,
    },
    /// Tenants tie, and the profile refuses.
    Tie,
    Open,
}

/// The answer for one recipient.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// The recipient, as given.
    pub rcpt: String,
    /// Whose message it is.
    pub tenant: Option<TenantIndex>,
    /// Sent by that tenant, or to it.
    pub direction: Direction,
    /// What decided.
    pub basis: Basis,
    /// The connector it is credited to; for 5.7.51 the violated one. Absent: the default connector.
    pub connector: Option<ConnectorRef>,
    /// The certificate name that decided.
    pub matched_name: Option<String>,
    /// Whose the recipient is, if it is exactly one tenant's.
    pub recipient_tenant: Option<TenantIndex>,
    /// The attributed tenant does not accept the recipient's domain.
    pub external: bool,
    /// The reply.
    pub answer: Answer,
    /// Every step and every candidate.
    pub why: Vec<Why>,
}

/// Which way a message goes, seen from its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent by the tenant.
    Originating,
    /// Sent to the tenant.
    Incoming,
    /// No tenant's.
    None,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// A name of the certificate.
    Certificate,
    /// The domain of MAIL FROM, with a connector that the certificate or the address matches.
    Sender,
    /// The domain of RCPT TO.
    Recipient,
    /// Nothing.
    None,
}

/// A connector of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectorRef {
    /// The tenant.
    pub tenant: TenantIndex,
    /// The connector's place in
    /// [`Tenant::inbound_connectors`](crate::world::Tenant::inbound_connectors).
    pub connector: usize,
}

/// An accepted domain of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DomainRef {
    pub(crate) tenant: TenantIndex,
    pub(crate) domain: usize,
}

impl Forest {
    /// Builds the lookup tables of a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        let index = Index::new(&world);
        Self { world, index }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The tenant that an address in `domain` belongs to (section 1.5 b); none if nobody's, or if
    /// several tenants list the domain.
    #[must_use]
    pub fn owner(&self, domain: &DomainName) -> Option<TenantIndex> {
        self.index.owners(domain).only()
    }

    /// The accepted domain that makes a connector's certificate domain its tenant's (section 1.5 a), by
    /// its place in [`Tenant::accepted_domains`](crate::world::Tenant::accepted_domains); none if there is
    /// no such domain, or no usable name.
    #[must_use]
    pub fn accepting(&self, connector: ConnectorRef) -> Option<usize> {
        let domain = self.index.acceptance(connector).domain()?;
        Some(domain.domain)
    }

    /// The longest accepted domain of `tenant` that an address in `domain` belongs to (section 1.5 b), by
    /// its place in [`Tenant::accepted_domains`](crate::world::Tenant::accepted_domains).
    #[must_use]
    pub fn covering(&self, tenant: TenantIndex, domain: &DomainName) -> Option<usize> {
        let covering = self.index.owners(domain).of(tenant)?;
        Some(covering.at.domain)
    }

    /// Steps 0 to 2 of section 1.3: what certificate, address and MAIL FROM say.
    #[must_use]
    pub fn begin(&self, submission: &Submission<'_>) -> Transaction {
        let mut why = Vec::new();
        let ip = submission.ip.to_canonical();
        let sender = Mailbox::parse(submission.mail_from);
        if !submission.tls && !matches!(submission.certificate, Certificate::NotPresented) {
            let reason = Reason::CertificateWithoutTls;
            why.push(Why::new(Stage::Certificate, Outcome::Note, reason));
        }
        let presented = Presented::new(&submission.certificate, &mut why);
        let came = Came {
            presented: &presented,
            ip,
        };
        let coverage = sender.domain().map(|domain| self.index.owners(domain));
        let owners = coverage.map_or_else(Vec::new, |coverage| coverage.tenants());
        let (certified, matches) = certificate::stage(self, came, &owners, &mut why);
        let mut candidates = Vec::new();
        let decision = match certified {
            Certified::Connector { connector, name } => {
                sender::passed_over(self, came, &sender, connector, &mut why);
                Decision::Originating {
                    basis: Basis::Certificate,
                    connector,
                    matched_name: Some(name),
                }
            }
            Certified::Tie => Decision::Tie,
            Certified::Nothing => {
                candidates = sender::candidates(self, ip, &owners, matches, &mut why);
                let header_from = submission.header_from;
                match sender::stage(self, came, &candidates, &sender, header_from, &mut why) {
                    Sent::Connector { connector, name } => Decision::Originating {
                        basis: Basis::Sender,
                        connector,
                        matched_name: name,
                    },
                    Sent::Tie => Decision::Tie,
                    Sent::Nothing => Decision::Open,
                }
            }
        };
        Transaction {
            presented,
            ip,
            tls: submission.tls,
            region: submission.region.clone(),
            sender,
            decision,
            candidates,
            accepted_region: None,
            refused_region: None,
            why,
        }
    }

    pub(crate) fn connector(&self, at: ConnectorRef) -> Option<&InboundConnector> {
        self.world
            .tenant(at.tenant)?
            .inbound_connectors
            .get(at.connector)
    }

    pub(crate) fn accepted_domain(&self, at: DomainRef) -> Option<&AcceptedDomain> {
        self.world
            .tenant(at.tenant)?
            .accepted_domains
            .get(at.domain)
    }
}

impl Transaction {
    /// The tenant that the stages before the first recipient have decided for, if they have.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantIndex> {
        match &self.decision {
            Decision::Originating { connector, .. } => Some(connector.tenant),
            Decision::Tie | Decision::Open => None,
        }
    }

    /// How they have: what decided, the connector, and the certificate name.
    #[must_use]
    pub fn decided(&self) -> Option<(Basis, ConnectorRef, Option<&str>)> {
        match &self.decision {
            Decision::Originating {
                basis,
                connector,
                matched_name,
            } => Some((*basis, *connector, matched_name.as_deref())),
            Decision::Tie | Decision::Open => None,
        }
    }

    /// Every step and every candidate of those stages.
    #[must_use]
    pub fn why(&self) -> &[Why] {
        &self.why
    }

    /// Steps 3 and 4 of section 1.3 for the next recipient. An accepted one is remembered:
    /// incoming recipients of one transaction must be in one region.
    pub fn recipient(&mut self, forest: &Forest, rcpt: &str) -> Attribution {
        let arrival = recipient::attribute(forest, self, rcpt);
        let (attribution, region) = policy::apply(forest, self, arrival);
        let of_its_kind = match attribution.answer {
            Answer::Accepted => &mut self.accepted_region,
            Answer::Refused(_) => &mut self.refused_region,
        };
        if of_its_kind.is_none() {
            *of_its_kind = region;
        }
        attribution
    }

    fn came(&self) -> Came<'_> {
        Came {
            presented: &self.presented,
            ip: self.ip,
        }
    }
}

impl Direction {
    /// Its stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Originating => "originating",
            Self::Incoming => "incoming",
            Self::None => "none",
        }
    }
}

impl Basis {
    /// Its stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::None => "none",
        }
    }
}
