//! The relay's configuration as its rules look at it: claims by name, identities by tenant.

use std::collections::HashMap;
use std::path::Path;

use tenantry_attribution::{Basis, Pattern};
use tenantry_lab::world::{DomainName, Place, Wildcard};
use tenantry_relay::config::written::{Listener, Peer, Tenant, Written};
use tenantry_relay::config::{self, Problem, Setting};

use crate::inventory::{CertificateFile, Inventory, Purpose, Relay};
use crate::model::{self, Model};

/// Everything that more than one rule asks for, looked up once.
pub(super) struct View<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) inventory: &'a Inventory,
    pub(super) relay: &'a Relay,
    pub(super) written: &'a Written,
    certificate: Claims<'a>,
    sender: Claims<'a>,
    recipient: Claims<'a>,
    /// Each tenant's identity, where its file was read.
    identities: Vec<Option<&'a CertificateFile>>,
}

/// A pattern in one of a tenant's lists.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The tenant, by its number in the configuration.
    pub(super) tenant: usize,
    pub(super) pattern: &'a Setting<Pattern>,
}

/// The claims on one basis, by the domain of their patterns.
#[derive(Default)]
struct Claims<'a> {
    exact: HashMap<&'a str, Vec<Claim<'a>>>,
    subtree: HashMap<&'a str, Vec<Claim<'a>>>,
}

/// The three lists of a tenant, in the order in which they decide.
pub(super) const BASES: [Basis; 3] = [Basis::Certificate, Basis::Sender, Basis::Recipient];

impl<'a> View<'a> {
    pub(super) fn of(model: &'a Model<'a>, relay: &'a Relay) -> Self {
        let inventory = model.inventory();
        let tenants = &relay.written.tenants;
        let claims = |basis| Claims::of(tenants, basis);
        Self {
            model,
            inventory,
            relay,
            written: &relay.written,
            certificate: claims(Basis::Certificate),
            sender: claims(Basis::Sender),
            recipient: claims(Basis::Recipient),
            identities: identities(inventory, tenants),
        }
    }

    fn claims(&self, basis: Basis) -> &Claims<'a> {
        match basis {
            Basis::Certificate => &self.certificate,
            Basis::Sender => &self.sender,
            Basis::Recipient => &self.recipient,
        }
    }

    /// Every claim of a list, tenant by tenant.
    pub(super) fn each_claim(&self, basis: Basis) -> impl Iterator<Item = Claim<'a>> {
        let tenants = self.written.tenants.iter().enumerate();
        tenants.flat_map(move |(tenant, section)| {
            let patterns = list(section, basis).iter();
            patterns.map(move |pattern| Claim { tenant, pattern })
        })
    }

    /// Those who claim the same pattern, in the order of the file.
    pub(super) fn same(&self, basis: Basis, pattern: &Pattern) -> &[Claim<'a>] {
        let claims = self.claims(basis);
        let domain = pattern.domain().as_str();
        let found = match pattern {
            Pattern::Exact(_) => claims.exact.get(domain),
            Pattern::Subtree(_) => claims.subtree.get(domain),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// The narrowest wildcard around a pattern, itself apart.
    pub(super) fn around(&self, basis: Basis, pattern: &Pattern) -> Option<Claim<'a>> {
        let subtree = &self.claims(basis).subtree;
        let domain = pattern.domain().as_str();
        let start = match pattern {
            Pattern::Exact(_) => Some(domain),
            Pattern::Subtree(_) => parent(domain),
        };
        let mut names = std::iter::successors(start, |name| parent(name));
        names.find_map(|name| subtree.get(name)?.first().copied())
    }

    /// Who owns a name of a certificate: exact before wildcard, a longer wildcard before a shorter.
    pub(super) fn owner(&self, name: &(Wildcard, DomainName)) -> Option<Claim<'a>> {
        let (wildcard, domain) = (name.0, name.1.as_str());
        let exact = match wildcard {
            Wildcard::No => self.certificate.exact.get(domain),
            Wildcard::Yes => None,
        };
        let wider = std::iter::successors(Some(domain), |name| parent(name));
        let mut wider = wider.filter_map(|name| self.certificate.subtree.get(name));
        exact.or_else(|| wider.next())?.first().copied()
    }

    /// The claims on the closest domain at or above a name, in any of the lists given. Patterns count by their domain: `mail.contoso.com` is
    /// contoso.com's, whether or not its mail would be.
    pub(super) fn closest(&self, domain: &DomainName, bases: &[Basis]) -> Vec<Claim<'a>> {
        let names = std::iter::successors(Some(domain.as_str()), |name| parent(name));
        let at = |name: &str| -> Vec<Claim<'a>> {
            let lists = bases.iter().map(|basis| self.claims(*basis));
            lists
                .flat_map(|claims| [claims.exact.get(name), claims.subtree.get(name)])
                .flatten()
                .flatten()
                .copied()
                .collect()
        };
        names
            .map(at_least_two_labels)
            .take_while(Option::is_some)
            .flatten()
            .map(at)
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    pub(super) fn identity(&self, tenant: usize) -> Option<&'a CertificateFile> {
        self.identities.get(tenant).copied().flatten()
    }

    pub(super) fn tenant(&self, tenant: usize) -> Option<&'a Tenant> {
        self.written.tenants.get(tenant)
    }

    /// A tenant's name, or what stands for one that has none.
    pub(super) fn name(&self, tenant: usize) -> &'a str {
        self.tenant(tenant).map_or("", tenant_name)
    }

    /// Whether any listener asks clients for certificates. A word that could not be read may have
    /// meant yes.
    pub(super) fn asks(&self) -> bool {
        if self.is_refused(|key| key.ends_with("client_certificates")) {
            return true;
        }
        let off = |listener: &Listener| {
            let word = listener.client_certificates.as_ref();
            word.is_none_or(|word| word.value == tenantry_net::Request::Off)
        };
        !self.written.listeners.iter().all(off)
    }

    /// Whether the relay refuses the configuration for a key of this kind: what follows from that
    /// is not worth a finding of its own.
    fn is_refused(&self, key: impl Fn(&str) -> bool) -> bool {
        let Err(problems) = &self.relay.config else {
            return false;
        };
        let refused = |problem: &Problem| problem.severity == config::Severity::Error;
        problems
            .iter()
            .any(|problem| refused(problem) && key(&problem.key))
    }

    /// Whether a peer may send for a tenant, by name. One whose tenants could not be read may.
    pub(super) fn served(&self, tenant: usize) -> bool {
        if self.is_refused(|key| key.starts_with("peer") && key.ends_with(".tenants")) {
            return true;
        }
        let name = self.name(tenant);
        let serves = |peer: &Peer| {
            let mut tenants = peer.tenants.iter();
            tenants.any(|served| served.value == "*" || served.value == name)
        };
        self.written.peers.iter().any(serves)
    }
}

impl<'a> Claims<'a> {
    fn of(tenants: &'a [Tenant], basis: Basis) -> Self {
        let mut claims = Self::default();
        for (tenant, section) in tenants.iter().enumerate() {
            for pattern in list(section, basis) {
                let (map, domain) = match &pattern.value {
                    Pattern::Exact(domain) => (&mut claims.exact, domain),
                    Pattern::Subtree(domain) => (&mut claims.subtree, domain),
                };
                let claim = Claim { tenant, pattern };
                map.entry(domain.as_str()).or_default().push(claim);
            }
        }
        claims
    }
}

fn identities<'a>(
    inventory: &'a Inventory,
    tenants: &'a [Tenant],
) -> Vec<Option<&'a CertificateFile>> {
    let mut by_purpose = HashMap::new();
    let mut by_path: HashMap<&Path, &CertificateFile> = HashMap::new();
    for file in &inventory.certificates {
        by_path.entry(file.path.as_path()).or_insert(file);
        if let Purpose::Identity(tenant) = file.purpose {
            by_purpose.entry(tenant).or_insert(file);
        }
    }
    let tenants = tenants.iter().enumerate();
    tenants
        .map(|(number, tenant)| {
            // Several tenants may name one file, which stands in the inventory once.
            let path = tenant.certificate.as_ref().map(|path| path.value.as_path());
            let by_path = path.and_then(|path| by_path.get(path).copied());
            by_path.or_else(|| by_purpose.get(&number).copied())
        })
        .collect()
}

/// One of a tenant's lists.
pub(super) fn list(tenant: &Tenant, basis: Basis) -> &[Setting<Pattern>] {
    match basis {
        Basis::Certificate => &tenant.certificate_domains,
        Basis::Sender => &tenant.sender_domains,
        Basis::Recipient => &tenant.recipient_domains,
    }
}

/// The key of one of a tenant's lists.
pub(super) fn key(basis: Basis) -> &'static str {
    match basis {
        Basis::Certificate => "certificate_domains",
        Basis::Sender => "sender_domains",
        Basis::Recipient => "recipient_domains",
    }
}

/// A tenant's name, or what stands for one that has none.
pub(super) fn tenant_name(tenant: &Tenant) -> &str {
    let name = tenant.name.as_ref();
    name.map_or("(without a name)", |name| name.value.as_str())
}

/// A place in the configuration, with the key that stands there.
pub(super) fn place(at: &config::Place, path: impl Into<String>) -> Place {
    Place {
        path: path.into(),
        ..model::place(at)
    }
}

/// The name without its first label.
pub(super) fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, rest)| rest)
}

/// A top-level name is nobody's.
fn at_least_two_labels(name: &str) -> Option<&str> {
    name.contains('.').then_some(name)
}
