//! Whether a rule would let strangers relay: the open-relay checks, as pure functions.

use ipnet::{IpNet, Ipv6Net};
use tenantry_attribution::Pattern;

/// How many strangers a rule lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exposure {
    /// As few as one can tell.
    Narrow,
    /// Suspiciously many.
    Wide,
    /// As good as everybody.
    Everybody,
}

/// Networks together: as good as everybody when one of them is more than any organisation has, or all together hold a
/// sixteenth of the IPv4 addresses or half of the IPv6 addresses in use.
pub(super) fn networks(networks: &[IpNet]) -> Exposure {
    let (mut v4, mut v6) = (0u64, 0u64);
    for network in IpNet::aggregate(&networks.to_vec()) {
        match network {
            IpNet::V4(network) => v4 = v4.saturating_add(1 << (32 - network.prefix_len())),
            IpNet::V6(network) => v6 = v6.saturating_add(global_share(network)),
        }
    }
    if v4 >= 1 << 28 || v6 >= GLOBAL_UNICAST / 2 || networks.iter().any(is_wide) {
        Exposure::Everybody
    } else if networks.iter().any(is_large) {
        Exposure::Wide
    } else {
        Exposure::Narrow
    }
}

/// A network that no one organisation has; private IPv6 addresses (RFC 4193) are everybody's own.
pub(super) fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => match translated(*network) {
            Some(length) => length < 8,
            None => network.prefix_len() < 16 && !network.addr().is_unique_local(),
        },
    }
}

/// The length of the IPv4 prefix inside of an IPv6 network that stands for IPv4 hosts: NAT64 (RFC 6052), 6to4
/// (RFC 3056).
fn translated(network: Ipv6Net) -> Option<u8> {
    let [first, second, ..] = network.addr().segments();
    match (first, second, network.prefix_len()) {
        (0x64, 0xff9b, length @ 96..) => Some(length - 96),
        (0x64, 0xff9b, _) => Some(0),
        (0x2002, _, length @ 16..=48) => Some(length - 16),
        _ => None,
    }
}

/// A public network large enough to be looked at twice, and several of its kind make the Internet.
pub(super) fn is_large(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => {
            let address = network.addr();
            network.prefix_len() <= 12 && !address.is_private() && !address.is_loopback()
        }
        IpNet::V6(network) => network.prefix_len() <= 24 && !network.addr().is_unique_local(),
    }
}

/// A certificate pattern: everything below a public top-level name is as good as everybody.
pub(super) fn pattern(pattern: &Pattern) -> Exposure {
    let domain = match pattern {
        Pattern::Exact(domain) if domain.as_str() == EXCHANGE_ONLINE => return Exposure::Everybody,
        Pattern::Exact(_) => return Exposure::Narrow,
        Pattern::Subtree(domain) if SHARED.contains(&domain.as_str()) => {
            return Exposure::Everybody;
        }
        Pattern::Subtree(domain) => domain,
    };
    let (below, top) = match domain.as_str().rsplit_once('.') {
        None => ("", domain.as_str()),
        Some(parts) => parts,
    };
    if below.is_empty() {
        return if PRIVATE.contains(&top) {
            Exposure::Wide
        } else {
            Exposure::Everybody
        };
    }
    // `co.uk` and its like: a registry's second level under a country.
    if top.len() == 2 && REGISTRY.contains(&below) {
        Exposure::Everybody
    } else {
        Exposure::Narrow
    }
}

/// The name that Exchange Online presents for the mail of every one of its tenants.
const EXCHANGE_ONLINE: &str = "mail.protection.outlook.com";

/// Domains whose certificates serve all customers of a service, so that they tell nobody apart.
const SHARED: [&str; 9] = [
    "amazonaws.com",
    "amazonses.com",
    "google.com",
    "mail.protection.outlook.com",
    "mx.microsoft",
    "onmicrosoft.com",
    "outlook.com",
    "protection.outlook.com",
    "sendgrid.net",
];

/// 2000::/3, all IPv6 addresses in use, counted in /32 networks (what a provider has).
const GLOBAL_UNICAST: u64 = 1 << 29;

/// Top-level names that no public authority issues certificates for.
const PRIVATE: [&str; 10] = [
    "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "private", "test",
];

/// Second-level names under which a country's registry sells names.
const REGISTRY: [&str; 12] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "ne", "net", "or", "org",
];

/// The part of the global addresses that a network holds, in /32 networks.
fn global_share(network: Ipv6Net) -> u64 {
    let first = network.addr().segments()[0] >> 13;
    match network.prefix_len() {
        0 => GLOBAL_UNICAST,
        // Of ::/1 and ::/2, those that begin with zeros hold 2000::/3 whole.
        1 if first >> 2 == 0 => GLOBAL_UNICAST,
        2 if first >> 1 == 0 => GLOBAL_UNICAST,
        length @ 3..=32 if first == 1 => 1 << (32 - length),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn exposure(written: &[&str]) -> Exposure {
        let parsed: Vec<IpNet> = written
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        networks(&parsed)
    }

    #[test]
    fn networks_that_hold_the_internet_are_seen() {
        for written in [
            &["0.0.0.0/0"][..],
            &["::/0"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["10.0.0.0/8", "0.0.0.0/2", "64.0.0.0/2"],
            &["0.0.0.0/1"],
            &["2000::/3"],
            &["::/1"],
            &["::/2"],
            &["2000::/4"],
            &["2001:db8::/32", "3000::/4"],
        ] {
            assert_eq!(exposure(written), Exposure::Everybody, "{written:?}");
        }
        for written in [
            &["64.0.0.0/2"][..],
            &["8.0.0.0/7"],
            &["2000::/5"],
            &["2001::/15"],
            &["64:ff9b::/96"],
            &["2002::/16"],
            &[
                "64.0.0.0/8",
                "65.0.0.0/8",
                "80.0.0.0/8",
                "81.0.0.0/8",
                "96.0.0.0/8",
                "97.0.0.0/8",
                "110.0.0.0/8",
                "111.0.0.0/8",
                "120.0.0.0/8",
                "130.0.0.0/8",
                "140.0.0.0/8",
                "150.0.0.0/8",
                "160.0.0.0/8",
                "170.0.0.0/8",
                "180.0.0.0/8",
                "190.0.0.0/8",
            ],
        ] {
            assert_eq!(exposure(written), Exposure::Everybody, "{written:?}");
        }
        for written in [&["52.0.0.0/8"][..], &["2a00::/16"]] {
            assert_eq!(exposure(written), Exposure::Wide, "{written:?}");
        }
        for written in [
            &[][..],
            &["10.0.0.0/8"],
            &["127.0.0.0/8"],
            &["2001:db8::/32", "192.168.0.0/16"],
            &["203.0.113.0/24"],
            &["fd00::/8"],
        ] {
            assert_eq!(exposure(written), Exposure::Narrow, "{written:?}");
        }
    }

    #[test]
    fn patterns_that_take_everybody_are_seen() {
        for (written, expected) in [
            ("*.com", Exposure::Everybody),
            ("*.co.uk", Exposure::Everybody),
            ("*.outlook.com", Exposure::Everybody),
            ("*.onmicrosoft.com", Exposure::Everybody),
            ("mail.protection.outlook.com", Exposure::Everybody),
            ("*.contoso.onmicrosoft.com", Exposure::Narrow),
            ("contoso.onmicrosoft.com", Exposure::Narrow),
            ("*.test", Exposure::Wide),
            ("*.contoso.com", Exposure::Narrow),
            ("*.contoso.uk", Exposure::Narrow),
            ("contoso.com", Exposure::Narrow),
            ("com", Exposure::Narrow),
        ] {
            assert_eq!(
                pattern(&Pattern::parse(written).unwrap()),
                expected,
                "{written}"
            );
        }
    }
}
