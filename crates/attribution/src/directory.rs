//! The directory: who claims which names, and which peers may send for whom.
//!
//! Built once from the configuration, never changed, shared by everything that decides. Looking a name up costs one
//! probe of a hash table, and one more for each ancestor at whose depth some tenant has a `*.d` pattern.

mod builder;
mod names;
mod peers;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::attribution::Basis;
use crate::domain::Domain;
use crate::evidence::CertificateEvidence;
use crate::pattern::{CertificateName, Pattern};
use crate::rules::{OnConflict, PeerId, TenantId};

pub use builder::{DirectoryBuilder, DirectoryProblem};
use names::{Names, Start};
use peers::Peer;
pub use peers::PeerSet;
pub(crate) use peers::Right;

/// All claims and rights of one configuration.
#[derive(Debug)]
pub struct Directory {
    /// Tells one directory from another, so that what was worked out with one is not used with another.
    stamp: u64,
    names: Names,
    tenants: Vec<Tenant>,
    by_name: TenantTable,
    peers: Vec<Peer>,
}

/// One pattern of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// For what it is claimed.
    pub basis: Basis,
    /// What is claimed.
    pub pattern: Pattern,
    /// Who claims it.
    pub tenant: TenantId,
}

/// A pattern that lies within another tenant's wider one: legal, but worth a warning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nesting {
    /// The narrower pattern, which wins.
    pub inner: Claim,
    /// The nearest wider pattern.
    pub outer: Claim,
}

impl Directory {
    /// Begins a directory.
    #[must_use]
    pub fn builder() -> DirectoryBuilder {
        DirectoryBuilder::new()
    }

    /// How many tenants there are.
    #[must_use]
    pub fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// Every tenant's number, in the order in which they were added.
    pub fn tenant_ids(&self) -> impl Iterator<Item = TenantId> + use<> {
        (0u32..).take(self.tenants.len()).map(TenantId)
    }

    /// A tenant's name; empty for a number of another directory.
    #[must_use]
    pub fn tenant_name(&self, id: TenantId) -> &str {
        self.tenants
            .get(id.index())
            .map_or("", |tenant| &tenant.name)
    }

    /// The tenant of this name.
    #[must_use]
    pub fn tenant_by_name(&self, name: &str) -> Option<TenantId> {
        self.by_name.find(name, &self.tenants)
    }

    /// What this tenant wants done about conflicts.
    #[must_use]
    pub fn on_conflict(&self, id: TenantId) -> OnConflict {
        self.tenants
            .get(id.index())
            .map_or(OnConflict::Refuse, |tenant| tenant.on_conflict)
    }

    /// The owner of a domain on one basis: exact before wildcard, a longer wildcard before a shorter.
    #[must_use]
    pub fn owner(&self, basis: Basis, domain: &Domain) -> Option<TenantId> {
        self.names.best(basis, domain.as_str(), Start::AtName)
    }

    /// The owner of a certificate's name; a wildcard name belongs only to that wildcard or a wider one.
    #[must_use]
    pub fn owner_of_certificate_name(&self, name: &CertificateName) -> Option<TenantId> {
        match name {
            CertificateName::Host(host) => {
                self.names
                    .best(Basis::Certificate, host.as_str(), Start::AtName)
            }
            CertificateName::Wildcard(d) => {
                self.names
                    .best(Basis::Certificate, d.as_str(), Start::AtSubtree)
            }
        }
    }

    /// Every claim that takes this domain on one basis, the best first.
    #[must_use]
    pub fn claims(&self, basis: Basis, domain: &Domain) -> Vec<Claim> {
        self.names.all(basis, domain.as_str(), Start::AtName)
    }

    /// Every claim that takes this certificate name, the best first.
    #[must_use]
    pub fn claims_on_certificate_name(&self, name: &CertificateName) -> Vec<Claim> {
        match name {
            CertificateName::Host(host) => {
                self.names
                    .all(Basis::Certificate, host.as_str(), Start::AtName)
            }
            CertificateName::Wildcard(d) => {
                self.names
                    .all(Basis::Certificate, d.as_str(), Start::AtSubtree)
            }
        }
    }

    /// All claims, tenant by tenant.
    pub fn names(&self) -> impl Iterator<Item = Claim> + '_ {
        self.names.claims()
    }

    /// The patterns that lie within another tenant's, each with the nearest one around it.
    pub fn nested(&self) -> impl Iterator<Item = Nesting> + '_ {
        self.names.nested()
    }

    /// How many distinct names are stored, whatever they are claimed for.
    #[must_use]
    pub fn stored_names(&self) -> usize {
        self.names.len()
    }

    /// How much memory the directory holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let tenants: usize = self
            .tenants
            .iter()
            .map(|tenant| tenant.name.len() + ARC_HEADER)
            .sum();
        let peers: usize = self.peers.iter().map(Peer::memory_bytes).sum();
        self.names.memory_bytes()
            + self.by_name.ids.allocation_size()
            + self.tenants.capacity() * size_of::<Tenant>()
            + tenants
            + peers
    }

    /// How many peers there are.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// A peer's name; empty for a number of another directory.
    #[must_use]
    pub fn peer_name(&self, id: PeerId) -> &str {
        self.peers.get(id.index()).map_or("", |peer| &peer.name)
    }

    /// The peers that a client is: networks and certificates must both hold where both are given.
    #[must_use]
    pub fn peers(&self, address: IpAddr, certificate: &CertificateEvidence) -> PeerSet {
        let address = address.to_canonical();
        let ids = (0u32..)
            .zip(&self.peers)
            .filter(|(_, peer)| peer.is(address, certificate))
            .map(|(index, _)| PeerId(index))
            .collect();
        PeerSet::new(self.stamp, ids)
    }

    /// Whether a client that is these peers may send for a tenant; never with another directory's peers.
    #[must_use]
    pub fn may_send(&self, peers: &PeerSet, tenant: TenantId) -> bool {
        peers.is_of(self)
            && peers.ids().iter().any(|id| {
                self.peers
                    .get(id.index())
                    .is_some_and(|peer| peer.may_send(tenant))
            })
    }

    pub(crate) fn right(&self, peers: &PeerSet, tenant: TenantId) -> Right {
        if self.may_send(peers, tenant) {
            Right::Granted
        } else if peers.is_empty() {
            Right::UnknownPeer
        } else {
            Right::NotAuthorised
        }
    }
}

/// The two counters in front of an `Arc`'s content.
const ARC_HEADER: usize = 2 * size_of::<usize>();

/// What is kept of a tenant.
#[derive(Debug)]
struct Tenant {
    name: Arc<str>,
    on_conflict: OnConflict,
}

/// Tenants by name, without a second copy of the names.
#[derive(Debug, Default)]
struct TenantTable {
    ids: HashTable<TenantId>,
    hashing: RandomState,
}
