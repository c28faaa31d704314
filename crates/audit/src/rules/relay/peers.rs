//! Who may send without a certificate, and what cannot be attributed without one.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use tenantry_relay::config::written::Peer;

use super::names::{object, toml};
use super::shared;
use super::table;
use super::view::{View, place};
use crate::finding::{Finding, Related, Remedy};
use crate::rules::words::listed;

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, peer) in view.written.peers.iter().enumerate() {
        by_address(view, number, peer, findings);
    }
    shared::check(view, findings);
    let asked = view.asks();
    for tenant in 0..view.written.tenants.len() {
        null_sender(view, tenant, asked, findings);
    }
}

/// A peer without certificates that may send for several tenants. This machine's own programs are
/// apart: they have no network between.
fn by_address(view: &View<'_>, number: usize, peer: &Peer, findings: &mut Vec<Finding>) {
    let remote: Vec<_> = peer
        .networks
        .iter()
        .filter(|network| !is_loopback(&network.value))
        .collect();
    let Some(first) = remote.first() else {
        return;
    };
    if !peer.certificates.is_empty() {
        return;
    }
    let Some(whom) = several(view, peer) else {
        return;
    };
    let section = section(number, peer);
    let networks: Vec<String> = remote
        .iter()
        .map(|network| network.value.to_string())
        .collect();
    findings.push(Finding {
        rule: &table::PEER,
        severity: table::PEER.severity,
        tenant: None,
        place: place(&first.at, format!("{section}.networks")),
        message: format!(
            "lets whoever connects from {} send for {whom}, by MAIL FROM alone",
            listed(&networks)
        ),
        object: section,
        related: peer
            .tenants
            .first()
            .map(|tenants| Related {
                place: place(&tenants.at, "tenants"),
                what: String::from("the tenants that it may send for"),
            })
            .into_iter()
            .collect(),
        remedy: vec![
            Remedy::Words(String::from(
                "Ask the clients for a certificate, with client_certificates = \"request\" and trust in the \
                 [[listener]], and have its name hold beside the network:",
            )),
            Remedy::Toml {
                file: first.at.file.display().to_string(),
                text: format!("certificates = [{}]", toml("ex01.corp.example")),
            },
            Remedy::Words(String::from(
                "Or make a [[peer]] for each tenant, with the addresses of its own servers",
            )),
        ],
        allowed: None,
    });
}

/// Whom a peer may send for, if that is more than one tenant.
fn several(view: &View<'_>, peer: &Peer) -> Option<String> {
    let listing = peer.tenants.iter().map(|tenant| tenant.value.clone());
    let tenants: Vec<String> = listing.collect();
    let all = view.written.tenants.len();
    if tenants.iter().any(|tenant| tenant == "*") {
        return (all > 1).then(|| format!("every tenant, {all} of them"));
    }
    (tenants.len() > 1).then(|| listed(&tenants))
}

/// A tenant whose mail is attributed by MAIL FROM, with nothing for `<>` to be attributed by.
fn null_sender(view: &View<'_>, tenant: usize, asked: bool, findings: &mut Vec<Finding>) {
    let Some(section) = view.tenant(tenant) else {
        return;
    };
    // Where certificates are claimed, and nobody asks for them, that is what has to change.
    if !section.certificate_domains.is_empty() || !view.served(tenant) {
        return;
    }
    let Some(first) = section.sender_domains.first() else {
        return;
    };
    let name = view.name(tenant);
    let domain = first.value.domain();
    let mut remedy = vec![
        Remedy::Words(format!(
            "Give the servers that send for \"{name}\" a client certificate of their own, and claim its name:"
        )),
        Remedy::Toml {
            file: section.at.file.display().to_string(),
            text: format!(
                "certificate_domains = [{}]",
                toml(&format!("mail.{domain}"))
            ),
        },
    ];
    if !asked {
        remedy.push(Remedy::Words(String::from(
            "Ask for it in the [[listener]]:",
        )));
        remedy.push(Remedy::Toml {
            file: view.relay.path.display().to_string(),
            text: String::from(
                "client_certificates = \"request\"\ntrust = [\"tls/clients-ca.pem\"]",
            ),
        });
    }
    findings.push(Finding {
        rule: &table::NULL_SENDER,
        severity: table::NULL_SENDER.severity,
        tenant: Some(name.to_owned()),
        object: object(name),
        place: place(&first.at, format!("{}.sender_domains", object(name))),
        message: String::from(
            "is known by MAIL FROM alone, so that its reports and automatic replies to others, whose sender \
             is <>, are nobody's",
        ),
        related: Vec::new(),
        remedy,
        allowed: None,
    });
}

/// A peer as findings name it.
pub(super) fn section(number: usize, peer: &Peer) -> String {
    match &peer.name {
        Some(name) => format!("peer {:?}", name.value),
        None => format!("peer[{}]", number + 1),
    }
}

pub(super) fn is_loopback(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => {
            network.addr().is_loopback() && network.prefix_len() >= LOOPBACK_PREFIX
        }
        IpNet::V6(network) => match network.addr().to_canonical() {
            IpAddr::V4(address) => address.is_loopback() && network.prefix_len() >= MAPPED_PREFIX,
            IpAddr::V6(address) => {
                address == Ipv6Addr::LOCALHOST && network.prefix_len() == HOST_PREFIX
            }
        },
    }
}

/// 127.0.0.0/8, as it stands in IPv4 and mapped into IPv6.
const LOOPBACK_PREFIX: u8 = 8;
const MAPPED_PREFIX: u8 = 96 + LOOPBACK_PREFIX;
const HOST_PREFIX: u8 = 128;
