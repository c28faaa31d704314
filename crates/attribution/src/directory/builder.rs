//! Building a directory, with every problem at once.
//!
//! Claims go straight into the table as they come, so that ten million of them need no second copy.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use thiserror::Error;

use super::names::{Names, Rejected};
use super::peers::Peer;
use super::{Directory, Tenant, TenantTable};
use crate::attribution::Basis;
use crate::pattern::Pattern;
use crate::rules::{PeerId, PeerRules, PeerTenants, TenantId, TenantRules};

/// Collects tenants and peers.
#[derive(Debug, Default)]
pub struct DirectoryBuilder {
    names: Names,
    tenants: Vec<Tenant>,
    by_name: TenantTable,
    peers: Vec<Peer>,
    problems: Vec<DirectoryProblem>,
}

/// What is wrong with a set of tenants and peers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectoryProblem {
    /// Two tenants claim the identical pattern on one basis.
    #[error("tenants \"{first_name}\" and \"{second_name}\" both claim {pattern} by {}", .basis.as_str())]
    ClaimedTwice {
        /// For what.
        basis: Basis,
        /// What.
        pattern: Pattern,
        /// Who has it.
        first: TenantId,
        /// Who wants it too.
        second: TenantId,
        /// The first one's name.
        first_name: Arc<str>,
        /// The second one's name.
        second_name: Arc<str>,
    },
    /// Two tenants have one name.
    #[error("two tenants are named \"{name}\"")]
    TenantNamedTwice {
        /// Which.
        name: Arc<str>,
        /// The first one.
        first: TenantId,
        /// The second one.
        second: TenantId,
    },
    /// A tenant without any domain can own nothing.
    #[error("tenant \"{name}\" has no domains on any basis")]
    TenantWithoutDomains {
        /// Its name.
        name: Arc<str>,
        /// Which.
        tenant: TenantId,
    },
    /// Two peers have one name.
    #[error("two peers are named \"{name}\"")]
    PeerNamedTwice {
        /// Which.
        name: Arc<str>,
        /// The first one.
        first: PeerId,
        /// The second one.
        second: PeerId,
    },
    /// A peer without conditions would be everybody.
    #[error("peer \"{name}\" has neither networks nor certificates")]
    PeerWithoutConditions {
        /// Its name.
        name: Arc<str>,
        /// Which.
        peer: PeerId,
    },
    /// A peer may send for a tenant that does not exist.
    #[error("peer \"{name}\" may send for a tenant that does not exist")]
    PeerForUnknownTenant {
        /// Its name.
        name: Arc<str>,
        /// Which.
        peer: PeerId,
        /// The tenant's number.
        tenant: TenantId,
    },
    /// More names than a directory holds (4 GiB of text).
    #[error("too many names: tenant \"{name}\" does not fit any more")]
    Full {
        /// The first tenant that does not fit.
        name: Arc<str>,
    },
}

impl DirectoryBuilder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many tenants and distinct names, which saves time with millions.
    #[must_use]
    pub fn with_room_for(tenants: usize, names: usize) -> Self {
        let mut builder = Self::default();
        builder.tenants.reserve_exact(tenants);
        builder.names.reserve(names);
        builder
    }

    /// Adds a tenant; problems are kept for [`DirectoryBuilder::build`].
    pub fn add_tenant(&mut self, rules: TenantRules) -> TenantId {
        let id = TenantId(u32::try_from(self.tenants.len()).unwrap_or(u32::MAX));
        let TenantRules {
            name,
            certificate_domains,
            sender_domains,
            recipient_domains,
            on_conflict,
        } = rules;
        if let Some(first) = self.by_name.find(&name, &self.tenants) {
            self.problems.push(DirectoryProblem::TenantNamedTwice {
                name: Arc::clone(&name),
                first,
                second: id,
            });
        }
        if certificate_domains.is_empty()
            && sender_domains.is_empty()
            && recipient_domains.is_empty()
        {
            self.problems.push(DirectoryProblem::TenantWithoutDomains {
                name: Arc::clone(&name),
                tenant: id,
            });
        }
        self.tenants.push(Tenant { name, on_conflict });
        self.by_name.insert(id, &self.tenants);
        self.claim_all(Basis::Certificate, certificate_domains, id);
        self.claim_all(Basis::Sender, sender_domains, id);
        self.claim_all(Basis::Recipient, recipient_domains, id);
        id
    }

    /// Adds a peer; problems are kept for [`DirectoryBuilder::build`].
    pub fn add_peer(&mut self, rules: PeerRules) -> PeerId {
        let id = PeerId(u32::try_from(self.peers.len()).unwrap_or(u32::MAX));
        if rules.networks.is_empty() && rules.certificates.is_empty() {
            let name = Arc::clone(&rules.name);
            self.problems
                .push(DirectoryProblem::PeerWithoutConditions { name, peer: id });
        }
        self.peers.push(Peer::new(rules));
        id
    }

    /// The directory.
    ///
    /// # Errors
    ///
    /// Every problem of all tenants and peers, in the order in which they were added.
    pub fn build(mut self) -> Result<Directory, Vec<DirectoryProblem>> {
        self.check_peers();
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        self.names.shrink();
        self.tenants.shrink_to_fit();
        let Self {
            names,
            tenants,
            by_name,
            peers,
            problems: _,
        } = self;
        Ok(Directory {
            stamp: STAMP.fetch_add(1, Ordering::Relaxed),
            names,
            tenants,
            by_name,
            peers,
        })
    }

    fn claim_all(&mut self, basis: Basis, patterns: Vec<Pattern>, tenant: TenantId) {
        for pattern in patterns {
            match self.names.claim(basis, &pattern, tenant) {
                Ok(()) => {}
                Err(Rejected::Claimed(first)) => {
                    self.problems.push(DirectoryProblem::ClaimedTwice {
                        basis,
                        pattern,
                        first,
                        second: tenant,
                        first_name: self.name_of(first),
                        second_name: self.name_of(tenant),
                    })
                }
                Err(Rejected::Full) => {
                    let name = self.name_of(tenant);
                    self.problems.push(DirectoryProblem::Full { name });
                    return;
                }
            }
        }
    }

    /// Peers may be added before the tenants they name, so their tenants are checked at the end.
    fn check_peers(&mut self) {
        let mut seen = HashMap::with_hasher(RandomState::default());
        for (index, peer) in (0u32..).zip(&self.peers) {
            let first = *seen.entry(&*peer.name).or_insert(index);
            if first != index {
                self.problems.push(DirectoryProblem::PeerNamedTwice {
                    name: Arc::clone(&peer.name),
                    first: PeerId(first),
                    second: PeerId(index),
                });
            }
            let PeerTenants::These(ids) = peer.tenants() else {
                continue;
            };
            let unknown = ids.iter().filter(|id| id.index() >= self.tenants.len());
            self.problems.extend(
                unknown.map(|tenant| DirectoryProblem::PeerForUnknownTenant {
                    name: Arc::clone(&peer.name),
                    peer: PeerId(index),
                    tenant: *tenant,
                }),
            );
        }
    }

    fn name_of(&self, id: TenantId) -> Arc<str> {
        self.tenants
            .get(id.index())
            .map_or_else(|| Arc::from(""), |tenant| Arc::clone(&tenant.name))
    }
}

impl TenantTable {
    pub(super) fn find(&self, name: &str, tenants: &[Tenant]) -> Option<TenantId> {
        let hash = self.hashing.hash_one(name);
        self.ids
            .find(hash, |id| {
                tenants
                    .get(id.index())
                    .is_some_and(|tenant| &*tenant.name == name)
            })
            .copied()
    }

    /// A name that is there already keeps its first tenant.
    fn insert(&mut self, id: TenantId, tenants: &[Tenant]) {
        let Self { ids, hashing } = self;
        let name = |id: &TenantId| tenants.get(id.index()).map_or("", |tenant| &*tenant.name);
        let hash = hashing.hash_one(name(&id));
        if ids.find(hash, |other| name(other) == name(&id)).is_none() {
            ids.insert_unique(hash, id, |other| hashing.hash_one(name(other)));
        }
    }
}

/// Numbers the directories of this process.
static STAMP: AtomicU64 = AtomicU64::new(1);
