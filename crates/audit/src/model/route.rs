//! Ways from the premises to a tenant of Exchange Online, and which exported tenant each reaches.

use std::collections::{BTreeSet, HashMap};

use tenantry_attribution::Pattern;
use tenantry_lab::attribution::Forest;
use tenantry_lab::export::{SendConnector, SmartHost};
use tenantry_lab::world::{DomainName, Place, Wildcard};
use tenantry_relay::config::written;

use super::owners::{Owners, exchange_online};
use super::{is_loopback, place, send};
use crate::inventory::{Exported, Inventory, Purpose};

/// A way to a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// What it is made by.
    pub origin: Origin,
    /// The tenant that it reaches.
    pub target: Target,
    /// The certificate that is presented on it: the file's number in the inventory.
    pub certificate: Option<usize>,
    /// The sender domains that it is chosen for; none where senders play no part.
    pub senders: Vec<Sender>,
}

/// What makes a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A tenant of the relay's configuration, by its number there.
    Relay(usize),
    /// A Send connector, by its number in the inventory.
    SendConnector(usize),
}

/// Which exported tenant a route reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Tenant {
        /// Its number in the inventory.
        tenant: usize,
        /// How that is known.
        by: Link,
    },
    /// Not known.
    Unknown(Unlinked),
}

/// How a route and a tenant are known to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Both have the same name.
    Name,
    /// The upstream or smart host is the tenant's MX name.
    Host,
    /// Their domains are the tenant's.
    Domains,
}

/// Why it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It goes to some other host than Exchange Online's.
    Elsewhere,
    /// Its tenant was not exported.
    NotExported,
    /// Its domains belong to several tenants.
    Several,
}

/// A sender domain of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// `*.d` is `d` and everything below it.
    pub wildcard: Wildcard,
    /// `d`.
    pub domain: DomainName,
    /// Where it stands.
    pub place: Place,
}

impl Route {
    /// The exported tenant that it reaches.
    #[must_use]
    pub const fn tenant(&self) -> Option<usize> {
        match self.target {
            Target::Tenant { tenant, .. } => Some(tenant),
            Target::Unknown(_) => None,
        }
    }
}

pub(super) fn all(inventory: &Inventory, forest: &Forest, owners: &Owners) -> Vec<Route> {
    let mut identities = HashMap::new();
    for (file, certificate) in inventory.certificates.iter().enumerate() {
        if let Purpose::Identity(tenant) = certificate.purpose {
            identities.entry(tenant).or_insert(file);
        }
    }
    let paths: HashMap<_, _> = inventory
        .certificates
        .iter()
        .enumerate()
        .map(|(file, certificate)| (certificate.path.as_path(), file))
        .collect();
    let relay = inventory.relay.as_ref();
    let tenants = relay.map_or(&[][..], |relay| &relay.written.tenants);
    let relayed = tenants.iter().enumerate().map(|(at, tenant)| {
        // Tenants that share a file: it has the number of one of them only.
        let by_path = tenant
            .certificate
            .as_ref()
            .and_then(|path| paths.get(path.value.as_path()));
        Route {
            origin: Origin::Relay(at),
            target: reached(tenant, forest, owners),
            certificate: identities.get(&at).or(by_path).copied(),
            senders: tenant.sender_domains.iter().filter_map(sender).collect(),
        }
    });
    let certificates = send::Certificates::of(inventory);
    let connectors = inventory.send_connectors.iter().enumerate();
    let sent = connectors.map(|(at, connector)| Route {
        origin: Origin::SendConnector(at),
        target: sent_to(connector, owners),
        certificate: certificates.of_connector(&connector.value),
        senders: Vec::new(),
    });
    relayed.chain(sent).collect()
}

/// The tenant of a tenant of the relay's.
fn reached(tenant: &written::Tenant, forest: &Forest, owners: &Owners) -> Target {
    let found = |tenant, by| Target::Tenant { tenant, by };
    let name = tenant.name.as_ref();
    if let Some(named) = name.and_then(|name| owners.named(&name.value)) {
        return found(named, Link::Name);
    }
    let mut hosts = tenant.upstreams.iter();
    if let Some(owner) = hosts.find_map(|host| owners.mx_owner(&host.value.host)) {
        return found(owner, Link::Host);
    }
    let lists = [
        &tenant.sender_domains,
        &tenant.recipient_domains,
        &tenant.certificate_domains,
    ];
    let domains = lists.into_iter().flatten().filter_map(sender);
    let mut in_common = BTreeSet::new();
    for sender in domains {
        let listing = owners.listing(&sender.domain).iter();
        in_common.extend(listing.map(|(tenant, _)| *tenant));
        in_common.extend(forest.owner(&sender.domain).map(|owner| owner.0));
    }
    match (in_common.first(), in_common.len()) {
        (Some(only), 1) => found(*only, Link::Domains),
        (None, _) => Target::Unknown(Unlinked::NotExported),
        (Some(_), _) => Target::Unknown(Unlinked::Several),
    }
}

/// The tenant that a Send connector hands its mail to.
fn sent_to(connector: &Exported<SendConnector>, owners: &Owners) -> Target {
    let connector = &connector.value;
    let found = |tenant, by| Target::Tenant { tenant, by };
    let names = || {
        connector.smart_hosts.iter().filter_map(|host| match host {
            SmartHost::Name(name) => Some(name.as_str()),
            SmartHost::Address(_) | SmartHost::Unusable(_) => None,
        })
    };
    let mut accepting = BTreeSet::new();
    for space in &connector.address_spaces {
        let domain = space.space.strip_prefix("*.").unwrap_or(&space.space);
        if let Ok(domain) = DomainName::parse(domain) {
            let listing = owners.listing(&domain).iter();
            accepting.extend(listing.map(|(tenant, _)| *tenant));
        }
    }
    if let Some(owner) = names().find_map(|host| owners.mx_owner(host)) {
        // The host and the address spaces may contradict each other (EXO-L30): nobody knows which is meant.
        return match accepting.is_empty() || accepting.contains(&owner) {
            true => found(owner, Link::Host),
            false => Target::Unknown(Unlinked::Several),
        };
    }
    let local = connector.smart_hosts.iter().any(|host| match host {
        SmartHost::Address(ip) => is_loopback(*ip),
        SmartHost::Name(_) | SmartHost::Unusable(_) => false,
    });
    if local || names().any(|host| !exchange_online(host)) {
        return Target::Unknown(Unlinked::Elsewhere);
    }
    match (accepting.first(), accepting.len()) {
        (Some(only), 1) => found(*only, Link::Domains),
        (None, _) => Target::Unknown(Unlinked::NotExported),
        (Some(_), _) => Target::Unknown(Unlinked::Several),
    }
}

fn sender(setting: &tenantry_relay::config::Setting<Pattern>) -> Option<Sender> {
    let (wildcard, domain) = match &setting.value {
        Pattern::Exact(domain) => (Wildcard::No, domain),
        Pattern::Subtree(domain) => (Wildcard::Yes, domain),
    };
    Some(Sender {
        wildcard,
        domain: DomainName::parse(domain.as_str()).ok()?,
        place: place(&setting.at),
    })
}
