//! `[addresses]`: connecting addresses that are taken for others, so that a laptop can play
//! 192.0.2.10.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which addresses are taken for which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressMap {
    /// Longest networks first.
    entries: Vec<(IpNet, IpAddr)>,
}

impl AddressMap {
    /// Takes addresses of `network` for `taken_as`; a network given again is replaced.
    pub fn insert(&mut self, network: IpNet, taken_as: IpAddr) {
        let network = network.trunc();
        self.entries.retain(|(other, _)| *other != network);
        let at = self
            .entries
            .partition_point(|(other, _)| other.prefix_len() >= network.prefix_len());
        self.entries.insert(at, (network, taken_as));
    }

    /// What an address is taken for: by the longest network that holds it; itself if none does.
    /// An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn taken_as(&self, address: IpAddr) -> IpAddr {
        let address = address.to_canonical();
        self.entries
            .iter()
            .find(|(network, _)| network.contains(&address))
            .map_or(address, |(_, taken_as)| *taken_as)
    }

    /// All entries, the longest networks first.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, IpAddr)> {
        self.entries.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn the_longest_network_decides() {
        let mut map = AddressMap::default();
        for (network, taken_as) in [
            ("127.0.0.0/8", "203.0.113.9"),
            ("127.0.0.10/32", "192.0.2.10"),
            ("127.0.0.0/24", "198.51.100.7"),
            ("::1/128", "203.0.113.1"),
        ] {
            map.insert(network.parse().unwrap(), taken_as.parse().unwrap());
        }
        for (address, taken_as) in [
            ("127.0.0.10", "192.0.2.10"),
            ("::ffff:127.0.0.10", "192.0.2.10"),
            ("127.0.0.11", "198.51.100.7"),
            ("127.9.9.9", "203.0.113.9"),
            ("::1", "203.0.113.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("::2", "::2"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(map.taken_as(address).to_string(), taken_as, "{address}");
        }
        map.insert(
            "127.0.0.10/32".parse().unwrap(),
            "192.0.2.99".parse().unwrap(),
        );
        assert_eq!(
            map.taken_as("127.0.0.10".parse().unwrap()).to_string(),
            "192.0.2.99"
        );
    }
}
