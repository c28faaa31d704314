//! Connectors by certificate name and by address.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::attribution::ConnectorRef;
use crate::attribution::name::{Apex, Exactness, Name, ancestors};
use crate::world::{
    InboundConnector, SenderAddress, TlsSenderCertificateName, Wildcard, certificate_name,
};

/// A connector, ordered by the names of tenant and connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::attribution) struct Entry {
    pub(in crate::attribution) order: usize,
    pub(in crate::attribution) at: ConnectorRef,
}

/// A connector whose pattern matches a name.
#[derive(Debug, Clone, Copy)]
pub(in crate::attribution) struct NameHit {
    pub(in crate::attribution) entry: Entry,
    pub(in crate::attribution) exactness: Exactness,
    /// Of the pattern; the `*` counts for nothing.
    pub(in crate::attribution) labels: usize,
}

/// One table of connectors.
#[derive(Debug, Default)]
pub(in crate::attribution) struct Lookup {
    exact: Entries<Box<str>>,
    wildcard: Entries<Box<str>>,
    /// Exact names by what is above them.
    children: Entries<Box<str>>,
    networks: Entries<IpNet>,
    /// The prefix lengths that occur: IPv4, IPv6.
    lengths: [BTreeSet<u8>; 2],
}

type Entries<K> = HashMap<K, Vec<Entry>>;

impl Lookup {
    /// Adds a connector by its usable values. Calls must come in the order of the entries.
    pub(super) fn add(&mut self, entry: Entry, connector: &InboundConnector) {
        match &connector.tls_sender_certificate_name {
            Some(TlsSenderCertificateName::Exact(name)) => {
                put(&mut self.exact, name.as_str().into(), entry);
                if let Some(parent) = name.parent() {
                    put(&mut self.children, parent.as_str().into(), entry);
                }
            }
            Some(TlsSenderCertificateName::Wildcard(name)) => {
                put(&mut self.wildcard, name.as_str().into(), entry);
            }
            Some(TlsSenderCertificateName::Unusable(_)) | None => {}
        }
        for address in &connector.sender_ip_addresses {
            if let Some(network) = usable(address) {
                self.add_network(network, entry);
            }
        }
    }

    /// Adds a connector by what its unusable values may have been meant for: every name in a
    /// certificate name (below the last `*.` anything), every address and network.
    pub(super) fn add_unusable(&mut self, entry: Entry, connector: &InboundConnector) {
        if let Some(TlsSenderCertificateName::Unusable(text)) =
            &connector.tls_sender_certificate_name
        {
            for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "-.*".contains(c))) {
                let name = word.rfind("*.").map_or(word, |at| &word[at..]);
                match certificate_name(name) {
                    Some((Wildcard::Yes, host)) => {
                        put(&mut self.wildcard, host.as_str().into(), entry);
                    }
                    Some((Wildcard::No, host)) if host.labels() > 1 => {
                        put(&mut self.exact, host.as_str().into(), entry);
                    }
                    Some((Wildcard::No, _)) | None => {}
                }
            }
        }
        for address in &connector.sender_ip_addresses {
            if usable(address).is_none()
                && let Some(network) = network(address)
            {
                self.add_network(network, entry);
            }
        }
    }

    fn add_network(&mut self, network: IpNet, entry: Entry) {
        let [v4, v6] = &mut self.lengths;
        match network {
            IpNet::V4(_) => v4.insert(network.prefix_len()),
            IpNet::V6(_) => v6.insert(network.prefix_len()),
        };
        put(&mut self.networks, network.trunc(), entry);
    }

    /// Connectors whose TlsSenderCertificateName matches: exact ones, then wildcards, longest
    /// first.
    pub(in crate::attribution) fn by_name<'a>(
        &'a self,
        name: &'a Name,
        apex: Apex,
    ) -> impl Iterator<Item = NameHit> + Clone + 'a {
        let host = &name.host;
        let exact = match name.wildcard {
            Wildcard::No => self.exact.get(host.as_str()),
            Wildcard::Yes => None,
        };
        let hit = |exactness, labels| {
            move |entry: &Entry| NameHit {
                entry: *entry,
                exactness,
                labels,
            }
        };
        let own = usize::from(name.wildcard == Wildcard::No && apex == Apex::Differs);
        let wildcards = ancestors(host).skip(own).flat_map(move |(above, labels)| {
            let entries = self.wildcard.get(above).into_iter().flatten();
            entries.map(hit(Exactness::Wildcard, labels))
        });
        exact
            .into_iter()
            .flatten()
            .map(hit(Exactness::Exact, host.labels()))
            .chain(wildcards)
    }

    /// Connectors with the wildcard `*.d` exactly for the name `d`.
    pub(in crate::attribution) fn by_apex(&self, name: &Name) -> &[Entry] {
        let apex = self.wildcard.get(name.host.as_str());
        apex.map_or(&[], Vec::as_slice)
    }

    /// Connectors with an exact name one label below the certificate's wildcard.
    pub(in crate::attribution) fn by_wildcard_name(&self, name: &Name) -> &[Entry] {
        let children = self.children.get(name.host.as_str());
        children.map_or(&[], Vec::as_slice)
    }

    /// Connectors that list the address, each once, in the order of names.
    pub(in crate::attribution) fn listing(&self, ip: IpAddr) -> Vec<Entry> {
        let [v4, v6] = &self.lengths;
        let lengths = if ip.is_ipv4() { v4 } else { v6 };
        let mut listing = Vec::new();
        for length in lengths {
            let network = IpNet::new(ip, *length).ok().map(|network| network.trunc());
            let entries = network.and_then(|network| self.networks.get(&network));
            listing.extend(entries.into_iter().flatten());
        }
        listing.sort_unstable();
        listing.dedup();
        listing
    }
}

/// What an entry of SenderIPAddresses says, if Microsoft takes it: IPv4, /24 to /32 (section 1.6).
pub(in crate::attribution) fn usable(address: &SenderAddress) -> Option<IpNet> {
    match address {
        SenderAddress::Network(network) if network.prefix_len() >= WIDEST => {
            Some(IpNet::V4(network.trunc()))
        }
        SenderAddress::Network(_) | SenderAddress::Unusable(_) => None,
    }
}

/// What it says, whether Microsoft takes it or not.
pub(in crate::attribution) fn network(address: &SenderAddress) -> Option<IpNet> {
    match address {
        SenderAddress::Network(network) => Some(IpNet::V4(*network)),
        SenderAddress::Unusable(text) => {
            let text = text.trim();
            let one = |ip: IpAddr| IpNet::from(ip.to_canonical());
            text.parse().ok().or_else(|| text.parse().ok().map(one))
        }
    }
}

fn put<K: Eq + std::hash::Hash>(entries: &mut Entries<K>, key: K, entry: Entry) {
    let entries = entries.entry(key).or_default();
    // One connector may list a network twice.
    if entries.last() != Some(&entry) {
        entries.push(entry);
    }
}

/// The widest prefix that New-InboundConnector takes.
const WIDEST: u8 = 24;
