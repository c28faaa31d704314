//! Addresses that are several peers: such a client may send for the tenants of all.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net};
use tenantry_relay::config::Setting;
use tenantry_relay::config::written::Peer;

use super::peers::{is_loopback, section};
use super::table;
use super::view::{View, place};
use crate::finding::{Finding, Related, Remedy};
use crate::rules::words::listed;

/// A network whose clients need no certificate.
struct Open<'a> {
    /// As it counts: IPv4 that is mapped into IPv6 is IPv4.
    network: IpNet,
    written: &'a Setting<IpNet>,
    number: usize,
    peer: &'a Peer,
    /// Whom it may send for.
    tenants: BTreeSet<&'a str>,
}

/// Networks within each other, or the same, of peers for different tenants. Each peer is told once, by
/// its first network that other peers have, too.
pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut networks = open(view);
    networks.sort_by_key(|open| {
        let length = open.network.prefix_len();
        (open.network.network(), length, open.number)
    });
    let mut around: Vec<Open<'_>> = Vec::new();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for open in networks {
        while around
            .last()
            .is_some_and(|wider| !wider.network.contains(&open.network))
        {
            around.pop();
        }
        if !told.contains(&open.number)
            && let Some(finding) = together(view, &open, &around)
        {
            told.insert(open.number);
            found.push((open.number, finding));
        }
        around.push(open);
    }
    found.sort_by_key(|(number, _)| *number);
    findings.extend(found.into_iter().map(|(_, finding)| finding));
}

/// The networks of all peers that have no certificates. This machine's own programs are apart.
fn open<'a>(view: &View<'a>) -> Vec<Open<'a>> {
    let peers = view.written.peers.iter().enumerate();
    peers
        .filter(|(_, peer)| peer.certificates.is_empty())
        .flat_map(|(number, peer)| {
            let remote = peer
                .networks
                .iter()
                .filter(|network| !is_loopback(&network.value));
            let tenants = whom(view, peer);
            remote.map(move |written| Open {
                network: counted(written.value),
                written,
                number,
                peer,
                tenants: tenants.clone(),
            })
        })
        .collect()
}

fn counted(network: IpNet) -> IpNet {
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(length) = mapped.prefix_len().checked_sub(MAPPED)
        && let Ok(network) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(network);
    }
    network
}

/// What a network's clients may do by all the peers that they are, if that is more than by any of
/// them; a peer for several tenants is told by itself.
fn together(view: &View<'_>, open: &Open<'_>, around: &[Open<'_>]) -> Option<Finding> {
    let all = view.written.tenants.len();
    let mut tenants = open.tenants.clone();
    let mut most = tenants.len();
    if most >= all {
        return None;
    }
    let mut others: Vec<&Open<'_>> = Vec::new();
    for wider in around.iter().rev() {
        if wider.number == open.number || others.iter().any(|other| other.number == wider.number) {
            continue;
        }
        most = most.max(wider.tenants.len());
        if !wider.tenants.is_subset(&tenants) {
            tenants.extend(&wider.tenants);
            others.push(wider);
        }
        if others.len() >= MOST_OTHERS || most >= all {
            break;
        }
    }
    if tenants.len() < 2 || tenants.len() <= most {
        return None;
    }
    Some(finding(open, &others, &tenants))
}

/// The tenants that a peer may send for, as far as there are such.
fn whom<'a>(view: &View<'a>, peer: &'a Peer) -> BTreeSet<&'a str> {
    if peer.tenants.iter().any(|tenant| tenant.value == "*") {
        return (0..view.written.tenants.len())
            .map(|tenant| view.name(tenant))
            .collect();
    }
    let named = peer.tenants.iter();
    named.map(|tenant| tenant.value.as_str()).collect()
}

fn finding(open: &Open<'_>, others: &[&Open<'_>], tenants: &BTreeSet<&str>) -> Finding {
    let section_of = |open: &Open<'_>| section(open.number, open.peer);
    let object = section_of(open);
    let sections: Vec<String> = others.iter().map(|other| section_of(other)).collect();
    let tenants: Vec<String> = tenants.iter().map(|name| (*name).to_owned()).collect();
    Finding {
        rule: &table::PEER,
        severity: table::PEER.severity,
        tenant: None,
        place: place(&open.written.at, format!("{object}.networks")),
        message: format!(
            "has clients in {} that are {}, too, so that whoever connects from there may send for {}, by \
             MAIL FROM alone",
            open.written.value,
            listed(&sections),
            listed(&tenants)
        ),
        related: others
            .iter()
            .map(|other| Related {
                place: place(&other.written.at, format!("{}.networks", section_of(other))),
                what: format!("{} has these clients, too", other.written.value),
            })
            .collect(),
        object,
        remedy: vec![
            Remedy::Words(format!(
                "Give {} and {} networks that have no address in common, each with the servers of its own tenant",
                section(open.number, open.peer),
                listed(&sections)
            )),
            Remedy::Words(String::from(
                "Or ask the clients for certificates, with client_certificates = \"request\" and trust in the \
                 [[listener]], and name in each [[peer]] those of its own",
            )),
        ],
        allowed: None,
    }
}

/// How far an IPv4 address is behind the beginning of an IPv6 one that has it.
const MAPPED: u8 = 96;
/// Who is told beside a peer; more would not be read.
const MOST_OTHERS: usize = 5;
