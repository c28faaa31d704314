//! Peers: groups of clients that may relay, and for whom.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use super::Directory;
use crate::evidence::CertificateEvidence;
use crate::pattern::Pattern;
use crate::rules::{PeerId, PeerRules, PeerTenants, TenantId};

/// The peers that one client is, under one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSet {
    stamp: u64,
    ids: Vec<PeerId>,
}

impl PeerSet {
    pub(super) fn new(stamp: u64, ids: Vec<PeerId>) -> Self {
        Self { stamp, ids }
    }

    /// The peers, in the order of the directory.
    #[must_use]
    pub fn ids(&self) -> &[PeerId] {
        &self.ids
    }

    /// Whether the client is unknown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether this was worked out with that directory; with another it grants nothing.
    #[must_use]
    pub fn is_of(&self, directory: &Directory) -> bool {
        self.stamp == directory.stamp
    }
}

/// Whether a client may send for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Granted,
    UnknownPeer,
    NotAuthorised,
}

/// A peer's rules, ready to be asked.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: Arc<str>,
    networks: Vec<IpNet>,
    certificates: Vec<Pattern>,
    tenants: PeerTenants,
}

impl Peer {
    pub(super) fn new(rules: PeerRules) -> Self {
        let tenants = match rules.tenants {
            PeerTenants::All => PeerTenants::All,
            PeerTenants::These(mut ids) => {
                ids.sort_unstable();
                ids.dedup();
                PeerTenants::These(ids)
            }
        };
        Self {
            name: rules.name,
            networks: rules.networks.into_iter().map(unmapped).collect(),
            certificates: rules.certificates,
            tenants,
        }
    }

    /// Whether a client is this peer; both conditions must hold where both are given, and one must be given.
    pub(super) fn is(&self, address: IpAddr, certificate: &CertificateEvidence) -> bool {
        if self.networks.is_empty() && self.certificates.is_empty() {
            return false;
        }
        let network = self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|network| network.contains(&address));
        network && (self.certificates.is_empty() || self.has_certificate(certificate))
    }

    pub(super) fn tenants(&self) -> &PeerTenants {
        &self.tenants
    }

    pub(super) fn may_send(&self, tenant: TenantId) -> bool {
        match &self.tenants {
            PeerTenants::All => true,
            PeerTenants::These(ids) => ids.binary_search(&tenant).is_ok(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let tenants = match &self.tenants {
            PeerTenants::All => 0,
            PeerTenants::These(ids) => ids.capacity() * size_of::<TenantId>(),
        };
        let patterns: usize = self
            .certificates
            .iter()
            .map(|pattern| pattern.domain().as_str().len())
            .sum();
        size_of::<Self>()
            + self.name.len()
            + self.networks.capacity() * size_of::<IpNet>()
            + self.certificates.capacity() * size_of::<Pattern>()
            + patterns
            + tenants
    }

    fn has_certificate(&self, certificate: &CertificateEvidence) -> bool {
        match certificate {
            CertificateEvidence::Absent(_) => false,
            CertificateEvidence::Verified(names) => names
                .iter()
                .any(|name| self.certificates.iter().any(|pattern| pattern.takes(name))),
        }
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`; a wider IPv6 network has no IPv4 addresses in it.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let prefix = v6.prefix_len().checked_sub(96);
    match (v6.addr().to_ipv4_mapped(), prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        (Some(_), None) | (None, _) => network,
    }
}
