//! Peers: who may send by sender and recipient domain, for whom, and never everybody.

use std::sync::Arc;

use ipnet::IpNet;
use tenantry_attribution::{DirectoryBuilder, PeerRules, PeerTenants};
use tenantry_settings::{closest, quoted};

use super::super::exposure::{self, Exposure};
use super::super::file::PeerSection;
use super::super::tree::{Heading, Setting};
use super::super::{Peer, TrustedExchange};
use super::directory::{Owners, exposed, filled, patterns, unique_name};
use super::{Context, Unique};

/// Adds a peer; one whose name or conditions are unusable is reported and left out.
pub(super) fn add(
    section: &PeerSection,
    builder: &mut DirectoryBuilder,
    owners: &Owners<'_>,
    seen: &mut Unique<String>,
    context: &mut Context<'_>,
) -> Option<Peer> {
    let heading = &section.heading;
    let tenants = allowed(section, owners, context);
    conditions(section, context);
    let name = unique_name(&section.name, heading, "peer", seen, context)?;
    let networks: Vec<IpNet> = values(&section.networks);
    let certificates = patterns(&section.certificates);
    if networks.is_empty() && certificates.is_empty() {
        return None;
    }
    let exchange = section
        .exchange
        .as_ref()
        .is_some_and(|setting| setting.value);
    let peer = Peer {
        name: Arc::clone(&name),
        exchange: if exchange {
            TrustedExchange::Yes
        } else {
            TrustedExchange::No
        },
        networks: networks.iter().map(ToString::to_string).collect(),
        certificates: certificates.iter().map(ToString::to_string).collect(),
        tenants: tenants.clone(),
    };
    builder.add_peer(PeerRules {
        name,
        networks,
        certificates,
        tenants,
    });
    Some(peer)
}

/// Networks that are harmless peer by peer can still be the whole Internet together.
pub(super) fn together(peers: &[PeerSection], context: &mut Context<'_>) {
    let by_network = || {
        peers
            .iter()
            .filter(|peer| filled(&peer.certificates).is_none())
    };
    let all: Vec<IpNet> = by_network()
        .flat_map(|peer| values(&peer.networks))
        .collect();
    let alone =
        by_network().any(|peer| exposure::networks(&values(&peer.networks)) == Exposure::Everybody);
    if alone || exposure::networks(&all) != Exposure::Everybody {
        return;
    }
    for peer in by_network() {
        let Some(list) = filled(&peer.networks) else {
            continue;
        };
        if list
            .value
            .iter()
            .any(|network| exposure::is_large(&network.value))
        {
            let what = "open relay: the peers' networks together are as good as the whole Internet";
            let remedy = OWN_NETWORKS_OR_CERTIFICATES;
            context.report(list.at.error(peer.heading.key("networks"), what, remedy));
        }
    }
}

/// Whom a peer may send for.
fn allowed(section: &PeerSection, owners: &Owners<'_>, context: &mut Context<'_>) -> PeerTenants {
    let key = section.heading.key("tenants");
    let Some(list) = &section.tenants else {
        let remedy = "add tenants = [\"...\"], whom this peer may send for; [\"*\"] means all";
        context
            .problems
            .extend(section.heading.missing("tenants", remedy));
        return PeerTenants::These(Vec::new());
    };
    if list.value.is_empty() {
        let remedy = "name the tenants this peer may send for; [\"*\"] means all";
        context.report(list.at.error(key.clone(), "is empty", remedy));
    }
    if list.value.iter().any(|name| name.value == "*") {
        if list.value.len() > 1 {
            let what = "names tenants beside \"*\", which means all of them already";
            let remedy = "write [\"*\"], or the names alone";
            context.report(list.at.warning(key, what, remedy));
        }
        return PeerTenants::All;
    }
    let mut ids = Vec::with_capacity(list.value.len());
    for name in &list.value {
        match owners.by_name.get(name.value.as_str()) {
            Some(id) => ids.push(*id),
            None => {
                let what = format!("{} is no tenant", quoted(&name.value));
                let remedy = match closest(&name.value, owners.by_name.keys().copied()) {
                    Some(known) => format!("did you mean {}?", quoted(known)),
                    None => String::from("add a [[tenant]] of this name, or remove it here"),
                };
                context.report(name.at.error(key.clone(), what, remedy));
            }
        }
    }
    PeerTenants::These(ids)
}

/// A peer's conditions must hold for somebody, and not for everybody.
fn conditions(section: &PeerSection, context: &mut Context<'_>) {
    let heading = &section.heading;
    let unreadable = heading.is_unreadable("networks") || heading.is_unreadable("certificates");
    if section.networks.is_none() && section.certificates.is_none() && !unreadable {
        let what = "has neither networks nor certificates, so that it would be everybody";
        let remedy = "add networks = [\"10.1.0.0/24\"] or certificates = [\"host.corp.example\"]";
        context.report(heading.at.error(heading.label.clone(), what, remedy));
    }
    not_empty(&section.networks, heading, "networks", context);
    not_empty(&section.certificates, heading, "certificates", context);

    let networks = values(&section.networks);
    let none = networks.is_empty() && !heading.is_unreadable("networks");
    let open = none || exposure::networks(&networks) == Exposure::Everybody;
    if open {
        for claim in section.certificates.iter().flat_map(|list| &list.value) {
            exposed(claim, heading, "certificates", context);
        }
    }
    let Some(list) = filled(&section.networks) else {
        return;
    };
    let key = heading.key("networks");
    let certificates = filled(&section.certificates).is_some();
    if open && !certificates && !heading.is_unreadable("certificates") {
        let what = "open relay: these networks are as good as the whole Internet";
        context.report(list.at.error(key, what, OWN_NETWORKS_OR_CERTIFICATES));
        return;
    }
    for network in list
        .value
        .iter()
        .filter(|network| exposure::is_large(&network.value))
    {
        let what = format!("{} is more than one organisation's network", network.value);
        let remedy = "list only the networks of your own clients";
        context.report(network.at.warning(key.clone(), what, remedy));
    }
}

const OWN_NETWORKS_OR_CERTIFICATES: &str =
    "list only the networks of your own clients, or add certificates";

/// An empty list is no condition, which is the opposite of what it looks like.
fn not_empty<T>(
    list: &Option<Setting<Vec<Setting<T>>>>,
    heading: &Heading,
    key: &str,
    context: &mut Context<'_>,
) {
    if let Some(list) = list.as_ref().filter(|list| list.value.is_empty()) {
        let remedy = "fill it in, or remove the line if this is no condition";
        context.report(list.at.error(heading.key(key), "is empty", remedy));
    }
}

fn values<T: Clone>(list: &Option<Setting<Vec<Setting<T>>>>) -> Vec<T> {
    let items = list
        .as_ref()
        .map(|list| list.value.as_slice())
        .unwrap_or_default();
    items.iter().map(|item| item.value.clone()).collect()
}
