//! EXO-L14: entries of SenderIPAddresses that never match.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use tenantry_lab::world::SenderAddress;

use super::table::L14;
use crate::finding::{Finding, Remedy};
use crate::model;
use crate::powershell::quoted;
use crate::rules::wording::Subject;

/// EXO-L14: addresses that Exchange Online refuses or never sees, one by one.
pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    for (at, address) in subject.connector().sender_ip_addresses.iter().enumerate() {
        let Some((wrong, instead)) = unreachable(address) else {
            continue;
        };
        let text = address_text(address);
        let message = format!("has SenderIPAddresses {text}, {wrong}");
        let mut finding = subject.finding(&L14, "SenderIPAddresses", message);
        finding.place = subject.exported.element("SenderIPAddresses", at).clone();
        finding.remedy = vec![
            Remedy::Words(instead.to_owned()),
            subject.set(&format!("-SenderIPAddresses @{{Remove={}}}", quoted(&text))),
        ];
        findings.push(finding);
    }
}

/// What is wrong with an entry, and what to have instead.
fn unreachable(address: &SenderAddress) -> Option<(&'static str, &'static str)> {
    const PUBLIC: &str = "Add the public IPv4 address that the server's mail comes from, as Exchange Online sees it, \
         or name the server's certificate in TlsSenderCertificateName; then remove this one:";
    match address {
        SenderAddress::Network(network) if network.prefix_len() < model::WIDEST => {
            Some((WIDE, NARROW))
        }
        SenderAddress::Network(network) => Some((reserved(*network)?, PUBLIC)),
        SenderAddress::Unusable(text) => Some(match parsed(text) {
            Parsed::V6 => ("an IPv6 address, and only IPv4 is taken", PUBLIC),
            Parsed::Wide => (WIDE, NARROW),
            Parsed::Range => (
                "a range, and only single addresses and networks are taken",
                NARROW,
            ),
            Parsed::Nothing => ("which is no address", PUBLIC),
        }),
    }
}

enum Parsed {
    V6,
    Wide,
    Range,
    Nothing,
}

fn parsed(text: &str) -> Parsed {
    let text = text.trim();
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    if address.parse::<Ipv6Addr>().is_ok() {
        Parsed::V6
    } else if text.parse::<Ipv4Net>().is_ok() {
        Parsed::Wide
    } else if let Some((first, last)) = text.split_once('-')
        && first.trim().parse::<Ipv4Addr>().is_ok()
        && last.trim().parse::<Ipv4Addr>().is_ok()
    {
        Parsed::Range
    } else {
        Parsed::Nothing
    }
}

/// Networks that no mail comes from over the internet (RFC 6890). Those for documentation are left
/// out: in an example they stand for public ones.
fn reserved(network: Ipv4Net) -> Option<&'static str> {
    const LISTS: &[(Ipv4Addr, u8, &str)] = &[
        (Ipv4Addr::new(10, 0, 0, 0), 8, PRIVATE),
        (Ipv4Addr::new(172, 16, 0, 0), 12, PRIVATE),
        (Ipv4Addr::new(192, 168, 0, 0), 16, PRIVATE),
        (
            Ipv4Addr::new(100, 64, 0, 0),
            10,
            "an address of a provider's own network, which Exchange Online never sees",
        ),
        (
            Ipv4Addr::new(127, 0, 0, 0),
            8,
            "an address of the server itself, which Exchange Online never sees",
        ),
        (
            Ipv4Addr::new(169, 254, 0, 0),
            16,
            "a link-local address, which Exchange Online never sees",
        ),
        (Ipv4Addr::new(0, 0, 0, 0), 8, RESERVED),
        (Ipv4Addr::new(192, 0, 0, 0), 24, RESERVED),
        (Ipv4Addr::new(198, 18, 0, 0), 15, RESERVED),
        (Ipv4Addr::new(224, 0, 0, 0), 3, RESERVED),
    ];
    let within = |(address, length, _): &&(Ipv4Addr, u8, &str)| {
        Ipv4Net::new(*address, *length).is_ok_and(|reserved| reserved.contains(&network))
    };
    LISTS.iter().find(within).map(|(.., what)| *what)
}

/// An entry of SenderIPAddresses, as it was written: an address without its mask.
pub(in crate::rules) fn address_text(address: &SenderAddress) -> String {
    match address {
        SenderAddress::Network(network) if network.prefix_len() == 32 => network.addr().to_string(),
        SenderAddress::Network(network) => network.to_string(),
        SenderAddress::Unusable(text) => text.clone(),
    }
}

const WIDE: &str = "a network wider than /24, which is not taken";
const NARROW: &str = "List the addresses that mail really comes from, one by one or in networks of /24 to /32, or name \
     the server's certificate in TlsSenderCertificateName; then remove this one:";
const PRIVATE: &str = "a private address, which Exchange Online never sees";
const RESERVED: &str = "a reserved address, which no mail comes from";
