//! What a directory is built from: the tenants' claims and the peers' rights, as configured.

use std::sync::Arc;

use ipnet::IpNet;

use crate::pattern::Pattern;

/// A tenant's number in its directory; means nothing in another directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub(crate) u32);

/// A peer's number in its directory; means nothing in another directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) u32);

/// What happens when the certificate says one tenant and the sender another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnConflict {
    /// The certificate wins and the mail goes on, as at Microsoft.
    #[default]
    Follow,
    /// Every recipient is refused.
    Refuse,
    /// Every recipient is deferred, until somebody has looked.
    Defer,
}

/// What happens when a client presents a certificate that did not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UntrustedCertificate {
    /// Nothing of this client is accepted.
    #[default]
    Refuse,
    /// The certificate counts as absent, as Exchange Online does.
    Ignore,
}

/// One tenant's claims.
#[derive(Debug, Clone)]
pub struct TenantRules {
    /// The tenant's name, unique among tenants.
    pub name: Arc<str>,
    /// The names of certificates that are this tenant's.
    pub certificate_domains: Vec<Pattern>,
    /// The domains of senders that are this tenant's.
    pub sender_domains: Vec<Pattern>,
    /// The domains of recipients that are this tenant's.
    pub recipient_domains: Vec<Pattern>,
    /// What to do when the sender belongs to another tenant than the certificate.
    pub on_conflict: OnConflict,
}

/// A group of clients that may relay by sender and recipient, and for whom.
///
/// `networks` and `certificates` must both hold when both are given; a peer without either matches nobody and is an
/// error.
#[derive(Debug, Clone)]
pub struct PeerRules {
    /// The peer's name, unique among peers.
    pub name: Arc<str>,
    /// Where its clients connect from; IPv4-mapped IPv6 counts as IPv4.
    pub networks: Vec<IpNet>,
    /// What its clients' verified certificates are called.
    pub certificates: Vec<Pattern>,
    /// The tenants that it may send for.
    pub tenants: PeerTenants,
}

/// The tenants that a peer may send for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerTenants {
    /// Every tenant.
    All,
    /// These alone.
    These(Vec<TenantId>),
}

impl TenantId {
    /// The position in the order in which tenants were added, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl PeerId {
    /// The position in the order in which peers were added, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl OnConflict {
    /// The word of the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Refuse => "refuse",
            Self::Defer => "defer",
        }
    }
}

impl UntrustedCertificate {
    /// The word of the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Ignore => "ignore",
        }
    }
}
