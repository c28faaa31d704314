//! Whose a domain or an upstream is, by the relay's lists and by the exports of its tenants.

use std::collections::HashMap;

use tenantry_lab::world::DomainName;

use super::identity::Whose;
use super::names::object;
use super::view::{BASES, Claim, View, list, parent};
use crate::model::{Link, Model, Origin, Target, mx_label};

/// The relay's tenants and the exported ones, as far as they belong together.
pub(super) struct Owned<'a> {
    model: &'a Model<'a>,
    /// Claims by the first label of their domain's MX name.
    labels: HashMap<String, Vec<Claim<'a>>>,
    /// For each tenant of the relay, the exported one and how that is known.
    linked: Vec<Option<(usize, Link)>>,
    /// The other way round.
    relayed: HashMap<usize, Vec<usize>>,
}

impl<'a> Owned<'a> {
    pub(super) fn of(view: &View<'a>) -> Self {
        let mut labels: HashMap<String, Vec<Claim<'a>>> = HashMap::new();
        for claim in BASES.into_iter().flat_map(|basis| view.each_claim(basis)) {
            let domain = claim.pattern.value.domain().as_str();
            labels.entry(label(domain)).or_default().push(claim);
        }
        let mut linked = vec![None; view.written.tenants.len()];
        let mut relayed: HashMap<usize, Vec<usize>> = HashMap::new();
        for route in view.model.routes() {
            if let (Origin::Relay(at), Target::Tenant { tenant, by }) = (route.origin, route.target)
                && let Some(link) = linked.get_mut(at)
            {
                *link = Some((tenant, by));
                relayed.entry(tenant).or_default().push(at);
            }
        }
        Self {
            model: view.model,
            labels,
            linked,
            relayed,
        }
    }

    fn link(&self, tenant: usize) -> Option<(usize, Link)> {
        self.linked.get(tenant).copied().flatten()
    }

    /// Whether two tenants hand their mail to one tenant of Exchange Online, which may well know
    /// both by one certificate.
    pub(super) fn same_upstream(&self, view: &View<'_>, one: usize, other: usize) -> bool {
        let linked = |tenant| self.link(tenant).map(|(exported, _)| exported);
        if let (Some(one), Some(other)) = (linked(one), linked(other)) {
            return one == other;
        }
        let label = |tenant| {
            let first = view.tenant(tenant)?.upstreams.first()?;
            mx_label(&first.value.host)
        };
        label(one).is_some() && label(one) == label(other)
    }

    /// Whose a name is: this tenant's if it stands at or below one of its domains.
    pub(super) fn owner(&self, view: &View<'_>, tenant: usize, name: &DomainName) -> Whose {
        let claims = view.closest(name, &BASES);
        if claims.iter().any(|claim| claim.tenant == tenant) {
            return Whose::Own;
        }
        let link = self.link(tenant).map(|(exported, _)| exported);
        let listing = self.listing(name);
        if link.is_some_and(|link| listing.contains(&link)) || self.is_by_host(view, tenant, name) {
            return Whose::Own;
        }
        if let Some(claim) = claims.first() {
            return Whose::Another(object(view.name(claim.tenant)));
        }
        match listing.first() {
            None => Whose::Nobody,
            Some(other) if link.is_some() || self.relayed.contains_key(other) => {
                Whose::Another(object(self.model.tenant_name(*other)))
            }
            // An exported tenant that no other tenant of the relay stands for: this one's own.
            Some(_) => Whose::Own,
        }
    }

    /// The exported tenants that list the closest domain at or above a name.
    fn listing(&self, name: &DomainName) -> Vec<usize> {
        let names = std::iter::successors(Some(name.clone()), DomainName::parent);
        let mut listings = names.map(|name| self.model.listing(&name));
        let found = listings.find(|found| !found.is_empty()).unwrap_or_default();
        found.iter().map(|(tenant, _)| *tenant).collect()
    }

    /// Whether the tenant's own upstream is the MX of a domain at or above a name.
    fn is_by_host(&self, view: &View<'_>, tenant: usize, name: &DomainName) -> bool {
        let Some(section) = view.tenant(tenant) else {
            return false;
        };
        let hosts = section.upstreams.iter();
        let own: Vec<String> = hosts
            .filter_map(|host| mx_label(&host.value.host))
            .collect();
        ancestors(name.as_str()).any(|name| own.contains(&label(name)))
    }

    /// The domain whose MX name a host is, and the tenant that it belongs to, if that is another.
    pub(super) fn owner_of_host(
        &self,
        view: &View<'_>,
        tenant: usize,
        host: &str,
    ) -> Option<(String, String)> {
        let wanted = mx_label(host)?;
        if self.is_own(view, tenant, &wanted) {
            return None;
        }
        let claims = self.labels.get(&wanted).map_or(&[][..], Vec::as_slice);
        let exported = self.model.mx_owner(host);
        let home = self.home(view, tenant);
        if exported.is_some_and(|exported| home.contains(&exported)) {
            return None;
        }
        if let Some(exported) = exported.filter(|_| !home.is_empty()) {
            let name = object(self.model.tenant_name(exported));
            return Some((wanted, name));
        }
        let claim = claims.first()?;
        let domain = claim.pattern.value.domain().to_string();
        Some((domain, object(view.name(claim.tenant))))
    }

    /// The exported tenants that a tenant of the relay belongs to, whatever its upstream says.
    fn home(&self, view: &View<'_>, tenant: usize) -> Vec<usize> {
        match self.link(tenant) {
            Some((exported, Link::Name | Link::Domains)) => vec![exported],
            Some((_, Link::Host)) | None => {
                let mut home: Vec<usize> = domains(view, tenant)
                    .filter_map(|domain| DomainName::parse(domain).ok())
                    .flat_map(|domain| self.listing(&domain))
                    .collect();
                home.sort_unstable();
                home.dedup();
                home
            }
        }
    }

    /// Whether a label is that of a domain at or above one of the tenant's.
    fn is_own(&self, view: &View<'_>, tenant: usize, wanted: &str) -> bool {
        domains(view, tenant).any(|domain| ancestors(domain).any(|name| label(name) == wanted))
    }

    /// The MX name of the tenant's first domain, in the place of a host.
    pub(super) fn own_host(&self, view: &View<'_>, tenant: usize, host: &str) -> Option<String> {
        let (_, service) = host.split_once('.')?;
        let mut domains = domains(view, tenant).filter(|name| !name.ends_with(".onmicrosoft.com"));
        let shortest = domains.next()?;
        Some(format!("{}.{service}", label(shortest)))
    }
}

/// The domains of a tenant's lists, those of senders and recipients first.
fn domains<'v>(view: &View<'v>, tenant: usize) -> impl Iterator<Item = &'v str> {
    let section = view.tenant(tenant);
    let lists = BASES.into_iter().cycle().skip(1).take(BASES.len());
    lists.flat_map(move |basis| {
        let patterns = section.map_or(&[][..], |section| list(section, basis));
        patterns
            .iter()
            .map(|pattern| pattern.value.domain().as_str())
    })
}

/// A domain as the first label of its MX name.
fn label(domain: &str) -> String {
    domain.replace('.', "-")
}

fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| parent(name)).filter(|name| name.contains('.'))
}
