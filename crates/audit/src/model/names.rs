//! Certificate names of connectors, and the certificates that they match (section 1.4).

use std::collections::HashMap;

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, TenantIndex, TlsSenderCertificateName, Wildcard};

use super::{counts, kind};
use crate::inventory::Inventory;

/// What an inbound connector takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An enabled OnPremises connector: it attributes.
    Active,
    /// OnPremises with TrustedOrganizations: no other criterion counts.
    Diverted,
    /// OnPremises, not enabled.
    Disabled,
    /// An enabled Partner connector: it narrows what comes in.
    Partner,
    /// Partner, not enabled.
    DisabledPartner,
}

/// A connector that a certificate matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The connector.
    pub at: ConnectorRef,
    /// The certificate's name that it matches.
    pub name: (Wildcard, DomainName),
}

type Name = (Wildcard, DomainName);

/// By name.
#[derive(Debug, Default)]
pub(super) struct Names {
    named: HashMap<Name, Use>,
    /// Domains of active connectors by each domain they are in.
    within: HashMap<DomainName, Vec<ConnectorRef>>,
    /// Certificates by each name that is no wildcard.
    holders: HashMap<DomainName, Vec<usize>>,
}

/// Who has a name, and what it matches.
#[derive(Debug, Default)]
struct Use {
    connectors: HashMap<Kind, Vec<ConnectorRef>>,
    /// Those that count.
    certificates: Vec<usize>,
}

impl Names {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let mut names = Self::default();
        for (tenant, described) in inventory.tenants.iter().enumerate() {
            for (connector, found) in described.inbound_connectors.iter().enumerate() {
                let at = ConnectorRef {
                    tenant: TenantIndex(tenant),
                    connector,
                };
                let name = found.value.tls_sender_certificate_name.as_ref();
                if let Some(name) = name.and_then(usable) {
                    names.add(at, kind(&found.value), name);
                }
            }
        }
        for (file, certificate) in inventory.certificates.iter().enumerate() {
            let leaf = certificate.chain.first();
            if let Some(leaf) = leaf
                && counts(certificate, inventory)
            {
                names.add_certificate(file, &leaf.names);
            }
        }
        names
    }

    fn add(&mut self, at: ConnectorRef, kind: Kind, name: Name) {
        if kind == Kind::Active {
            for above in ancestors(&name.1) {
                self.within.entry(above).or_default().push(at);
            }
        }
        let named = self.named.entry(name).or_default();
        named.connectors.entry(kind).or_default().push(at);
    }

    fn add_certificate(&mut self, file: usize, names: &[Name]) {
        for name in names {
            if name.0 == Wildcard::No {
                self.holders.entry(name.1.clone()).or_default().push(file);
            }
            for pattern in patterns(name) {
                let Some(named) = self.named.get_mut(&pattern) else {
                    continue;
                };
                // Several names of one certificate may match one pattern.
                if named.certificates.last() != Some(&file) {
                    named.certificates.push(file);
                }
            }
        }
    }

    pub(super) fn matching(&self, names: &[Name], kind: Kind) -> Vec<Named> {
        let mut matching: Vec<Named> = Vec::new();
        for name in names {
            for pattern in patterns(name) {
                let named = self.named.get(&pattern);
                let connectors = named.and_then(|named| named.connectors.get(&kind));
                matching.extend(connectors.into_iter().flatten().map(|at| Named {
                    at: *at,
                    name: name.clone(),
                }));
            }
        }
        // A stable sort: the first name stays first.
        matching.sort_by_key(|named| named.at);
        matching.dedup_by_key(|named| named.at);
        matching
    }

    /// The connectors whose name is closest to this one: exact, or the longest wildcard.
    pub(super) fn closest(&self, name: &Name, kind: Kind) -> &[ConnectorRef] {
        let mut found = patterns(name).filter_map(|pattern| {
            let named = self.named.get(&pattern)?;
            named.connectors.get(&kind)
        });
        found.next().map_or(&[], Vec::as_slice)
    }

    pub(super) fn certificates(&self, name: &TlsSenderCertificateName) -> &[usize] {
        let named = usable(name).and_then(|name| self.named.get(&name));
        named.map_or(&[], |named| &named.certificates)
    }

    pub(super) fn connectors(
        &self,
        name: &TlsSenderCertificateName,
        kind: Kind,
    ) -> &[ConnectorRef] {
        let named = usable(name).and_then(|name| self.named.get(&name));
        let connectors = named.and_then(|named| named.connectors.get(&kind));
        connectors.map_or(&[], Vec::as_slice)
    }

    pub(super) fn holders(&self, name: &DomainName) -> &[usize] {
        self.holders.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn within(&self, domain: &DomainName) -> &[ConnectorRef] {
        self.within.get(domain).map_or(&[], Vec::as_slice)
    }
}

/// Whether a connector's name takes one of a certificate's.
pub(super) fn takes(name: &TlsSenderCertificateName, names: &[Name]) -> bool {
    names.iter().any(|(wildcard, host)| match name {
        TlsSenderCertificateName::Exact(own) => *wildcard == Wildcard::No && own == host,
        TlsSenderCertificateName::Wildcard(own) => host.is_within(own),
        TlsSenderCertificateName::Unusable(_) => false,
    })
}

fn usable(name: &TlsSenderCertificateName) -> Option<Name> {
    match name {
        TlsSenderCertificateName::Exact(name) => Some((Wildcard::No, name.clone())),
        TlsSenderCertificateName::Wildcard(name) => Some((Wildcard::Yes, name.clone())),
        TlsSenderCertificateName::Unusable(_) => None,
    }
}

/// The connectors' names that match a certificate's name: itself, and each wildcard at or above it.
fn patterns((wildcard, host): &Name) -> impl Iterator<Item = Name> {
    let exact = (*wildcard == Wildcard::No).then(|| (Wildcard::No, host.clone()));
    let above = ancestors(host).map(|above| (Wildcard::Yes, above));
    exact.into_iter().chain(above)
}

/// A name and everything above it, longest first.
pub(super) fn ancestors(name: &DomainName) -> impl Iterator<Item = DomainName> {
    std::iter::successors(Some(name.clone()), DomainName::parent)
}
