//! What belongs together: which tenant a route reaches, which connectors a certificate matches, whose a
//! domain is.
//!
//! Made once of an [`Inventory`] and asked by every rule. Whether a domain is accepted is what the lab's
//! simulation of Exchange Online says, so that lint and lab cannot disagree about it. Every question is a
//! lookup: a thousand tenants with ten thousand certificates must not be compared with one another.

mod names;
mod owners;
mod route;
mod send;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use tenantry_lab::attribution::{ConnectorRef, Forest};
use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainName, InboundConnector, Place, Profile, Quota, Region,
    SenderAddress, TenantIndex, TlsSenderCertificateName, Wildcard, World,
};
use tenantry_relay::config;

use crate::inventory::{CertificateFile, Exported, Inventory, Purpose, Tenant};

pub use names::{Kind, Named};
pub use owners::{exchange_online, may_be_mx, mx_label};
pub use route::{Link, Origin, Route, Sender, Target, Unlinked};

use names::Names;
use owners::Owners;

/// An inventory with its lookup tables.
#[derive(Debug)]
pub struct Model<'i> {
    inventory: &'i Inventory,
    forest: Forest,
    names: Names,
    owners: Owners,
    routes: Vec<Route>,
    /// For each tenant, its routes.
    reaching: Vec<Vec<usize>>,
}

impl<'i> Model<'i> {
    /// Builds the tables.
    #[must_use]
    pub fn of(inventory: &'i Inventory) -> Self {
        let forest = Forest::new(world(inventory));
        let names = Names::of(inventory);
        let owners = Owners::of(inventory);
        let routes = route::all(inventory, &forest, &owners);
        let mut reaching = vec![Vec::new(); inventory.tenants.len()];
        for (at, route) in routes.iter().enumerate() {
            if let Some(routes) = route.tenant().and_then(|tenant| reaching.get_mut(tenant)) {
                routes.push(at);
            }
        }
        Self {
            inventory,
            forest,
            names,
            owners,
            routes,
            reaching,
        }
    }

    /// What it was made of.
    #[must_use]
    pub const fn inventory(&self) -> &'i Inventory {
        self.inventory
    }

    /// The exported tenants, ready to be asked what Exchange Online does with a message. Tenants and
    /// connectors count as in the inventory.
    #[must_use]
    pub const fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The exported tenants.
    #[must_use]
    pub fn tenants(&self) -> &'i [Tenant] {
        &self.inventory.tenants
    }

    /// A tenant by its number.
    #[must_use]
    pub fn tenant(&self, tenant: usize) -> Option<&'i Tenant> {
        self.inventory.tenants.get(tenant)
    }

    /// A tenant's name; empty if there is none of that number.
    #[must_use]
    pub fn tenant_name(&self, tenant: usize) -> &'i str {
        self.tenant(tenant).map_or("", |tenant| &tenant.name)
    }

    /// A certificate file by its number.
    #[must_use]
    pub fn certificate(&self, file: usize) -> Option<&'i CertificateFile> {
        self.inventory.certificates.get(file)
    }

    /// An inbound connector.
    #[must_use]
    pub fn connector(&self, at: ConnectorRef) -> Option<&'i Exported<InboundConnector>> {
        let tenant = self.tenant(at.tenant.0)?;
        tenant.inbound_connectors.get(at.connector)
    }

    /// Every way from the premises to a tenant: the relay's tenants, then the Send connectors.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes to a tenant.
    pub fn routes_to(&self, tenant: usize) -> impl Iterator<Item = &Route> {
        let routes = self.reaching.get(tenant).into_iter().flatten();
        routes.filter_map(|at| self.routes.get(*at))
    }

    /// The connectors of one kind, with their tenants.
    pub fn connectors(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = (ConnectorRef, &'i Exported<InboundConnector>)> {
        let tenants = self.inventory.tenants.iter().enumerate();
        tenants.flat_map(move |(tenant, described)| connectors_of(tenant, described, kind))
    }

    /// A tenant's connectors of one kind.
    pub fn connectors_of(
        &self,
        tenant: usize,
        kind: Kind,
    ) -> impl Iterator<Item = (ConnectorRef, &'i Exported<InboundConnector>)> {
        let described = self.tenant(tenant).into_iter();
        described.flat_map(move |described| connectors_of(tenant, described, kind))
    }

    /// The connectors of one kind whose TlsSenderCertificateName matches a name of a certificate
    /// (section 1.4), each with the first name that does.
    #[must_use]
    pub fn matching(&self, file: usize, kind: Kind) -> Vec<Named> {
        let leaf = self.certificate(file).and_then(|file| file.chain.first());
        leaf.map_or_else(Vec::new, |leaf| self.names.matching(&leaf.names, kind))
    }

    /// The connectors of one kind that a certificate's name matches most closely: by exactly that name, or
    /// by the longest wildcard.
    #[must_use]
    pub fn closest(&self, name: &(Wildcard, DomainName), kind: Kind) -> &[ConnectorRef] {
        self.names.closest(name, kind)
    }

    /// Whether a connector's TlsSenderCertificateName matches a name of a certificate.
    #[must_use]
    pub fn matches(&self, at: ConnectorRef, file: usize) -> bool {
        let leaf = self.certificate(file).and_then(|file| file.chain.first());
        let name = self
            .connector(at)
            .and_then(|connector| connector.value.tls_sender_certificate_name.as_ref());
        match (leaf, name) {
            (Some(leaf), Some(name)) => names::takes(name, &leaf.names),
            (Some(_) | None, _) => false,
        }
    }

    /// The certificates that are presented to Exchange Online and that a TlsSenderCertificateName matches.
    #[must_use]
    pub fn matched_by(&self, name: &TlsSenderCertificateName) -> &[usize] {
        self.names.certificates(name)
    }

    /// The certificates that are presented to Exchange Online and have exactly this name.
    #[must_use]
    pub fn holders(&self, name: &DomainName) -> &[usize] {
        self.names.holders(name)
    }

    /// The active connectors with exactly this TlsSenderCertificateName.
    #[must_use]
    pub fn with_name(&self, name: &TlsSenderCertificateName) -> &[ConnectorRef] {
        self.names.connectors(name, Kind::Active)
    }

    /// Active connectors whose exact or wildcard name is `domain` or somewhere below it.
    #[must_use]
    pub fn named_within(&self, domain: &DomainName) -> &[ConnectorRef] {
        self.names.within(domain)
    }

    /// The accepted domain that makes a connector's certificate domain its tenant's (section 1.5 a).
    #[must_use]
    pub fn accepting(&self, at: ConnectorRef) -> Option<&'i Exported<AcceptedDomain>> {
        let domain = self.forest.accepting(at)?;
        let tenant = self.tenant(at.tenant.0)?;
        tenant.accepted_domains.get(domain)
    }

    /// The accepted domain of a tenant that an address in `domain` belongs to (section 1.5 b).
    #[must_use]
    pub fn covering(
        &self,
        tenant: usize,
        domain: &DomainName,
    ) -> Option<&'i Exported<AcceptedDomain>> {
        let covering = self.forest.covering(TenantIndex(tenant), domain)?;
        self.tenant(tenant)?.accepted_domains.get(covering)
    }

    /// The tenants that list exactly this domain, with the domain's number; pending ones too.
    #[must_use]
    pub fn listing(&self, domain: &DomainName) -> &[(usize, usize)] {
        self.owners.listing(domain)
    }

    /// Every domain that is listed, with who lists it, as [`listing`](Self::listing).
    pub fn listed(&self) -> impl Iterator<Item = (&DomainName, &[(usize, usize)])> {
        self.owners.listed()
    }

    /// The tenant whose MX name a host is, as `contoso-com.mail.protection.outlook.com`.
    #[must_use]
    pub fn mx_owner(&self, host: &str) -> Option<usize> {
        self.owners.mx_owner(host)
    }

    /// Whether a host is an MX name of Exchange Online for a domain that none of these tenants has accepted,
    /// although all of their domains are known.
    #[must_use]
    pub fn is_foreign_mx(&self, host: &str, tenants: &[usize]) -> bool {
        let domains = || {
            let tenants = tenants.iter().filter_map(|tenant| self.tenant(*tenant));
            tenants.flat_map(|tenant| &tenant.accepted_domains)
        };
        mx_label(host).is_some_and(|label| {
            domains().next().is_some()
                && domains().all(|accepted| !may_be_mx(&label, &accepted.value.domain))
        })
    }

    /// Whether a certificate is presented to Exchange Online, and may count there: it has not expired, and
    /// did not sign itself.
    #[must_use]
    pub fn counts(&self, file: usize) -> bool {
        self.certificate(file)
            .is_some_and(|file| counts(file, self.inventory))
    }

    /// Whether an active connector attributes by its certificate name: it is usable and accepted.
    #[must_use]
    pub fn attributes_by_name(&self, at: ConnectorRef) -> bool {
        self.forest.accepting(at).is_some()
    }
}

/// Whether a certificate is presented to Exchange Online, as far as is known.
#[must_use]
pub const fn is_presented(file: &CertificateFile) -> bool {
    match file.purpose {
        Purpose::Identity(_) | Purpose::Client => true,
        Purpose::Listener(_) | Purpose::Authority | Purpose::Lab => false,
    }
}

/// Whether it is presented, has not expired at the time of the inventory, and did not sign itself.
#[must_use]
pub fn counts(file: &CertificateFile, inventory: &Inventory) -> bool {
    let leaf = file.chain.first();
    is_presented(file)
        && leaf.is_some_and(|leaf| leaf.not_after >= inventory.now && !leaf.self_issued)
}

/// What a connector takes part in.
#[must_use]
pub fn kind(connector: &InboundConnector) -> Kind {
    match connector.connector_type {
        ConnectorType::Partner if connector.enabled => Kind::Partner,
        ConnectorType::Partner => Kind::DisabledPartner,
        ConnectorType::OnPremises if !connector.enabled => Kind::Disabled,
        ConnectorType::OnPremises if connector.trusted_organizations.is_empty() => Kind::Active,
        ConnectorType::OnPremises => Kind::Diverted,
    }
}

/// The networks of a connector that Exchange Online takes: IPv4 of /24 to /32 (section 1.6).
pub fn networks(connector: &InboundConnector) -> impl Iterator<Item = Ipv4Net> {
    let addresses = connector.sender_ip_addresses.iter();
    addresses.filter_map(|address| match address {
        SenderAddress::Network(network) if network.prefix_len() >= WIDEST => Some(network.trunc()),
        SenderAddress::Network(_) | SenderAddress::Unusable(_) => None,
    })
}

/// The value as an administrator writes it.
#[must_use]
pub fn written(name: &TlsSenderCertificateName) -> String {
    match name {
        TlsSenderCertificateName::Exact(name) => name.to_string(),
        TlsSenderCertificateName::Wildcard(name) => format!("*.{name}"),
        TlsSenderCertificateName::Unusable(text) => text.clone(),
    }
}

/// A place of the relay's configuration as a place of any file.
#[must_use]
pub fn place(place: &config::Place) -> Place {
    let number = |number: Option<usize>| {
        number.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    Place {
        file: Some(place.file.clone()),
        path: String::new(),
        line: number(place.line),
        column: number(place.column),
    }
}

fn connectors_of(
    tenant: usize,
    described: &Tenant,
    kind: Kind,
) -> impl Iterator<Item = (ConnectorRef, &Exported<InboundConnector>)> {
    let connectors = described.inbound_connectors.iter().enumerate();
    let of_kind = connectors.filter(move |(_, found)| self::kind(&found.value) == kind);
    of_kind.map(move |(connector, found)| {
        let at = ConnectorRef {
            tenant: TenantIndex(tenant),
            connector,
        };
        (at, found)
    })
}

/// The exported tenants as the lab has them. What exports lack is as if there were nothing to it.
fn world(inventory: &Inventory) -> World {
    let tenants = inventory.tenants.iter().map(|tenant| {
        let domains = tenant.accepted_domains.iter();
        let connectors = tenant.inbound_connectors.iter();
        let organization = tenant.organization.as_ref();
        tenantry_lab::world::Tenant {
            name: tenant.name.clone(),
            id: String::new(),
            region: tenant.region.clone().unwrap_or_else(|| Region::new("")),
            allowed_regions: std::collections::BTreeSet::new(),
            mail_enabled: true,
            accepted_domains: domains.map(|domain| domain.value.clone()).collect(),
            inbound_connectors: connectors.map(|found| found.value.clone()).collect(),
            organization: organization.map_or_else(Default::default, |found| found.value.clone()),
            recipients: None,
            quota: Quota::default(),
            place: tenant.place.clone(),
        }
    });
    World {
        profile: Profile::default(),
        tenants: tenants.collect(),
    }
}

/// Whether nobody outside of this machine has the address.
#[must_use]
pub fn is_loopback(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    }
}

/// The widest network that New-InboundConnector takes.
pub const WIDEST: u8 = 24;
