//! A scene: what Exchange Online knows of some tenants, and the relay that an operator has put in front of them.

use std::net::{IpAddr, Ipv4Addr};

use tenantry_lab::world::{DomainName, Region, World};

/// A world with the relay in front of it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// What it was made from.
    pub(super) seed: u64,
    /// What Exchange Online knows.
    pub(super) world: World,
    /// What the relay does for each tenant of the world, in its order.
    pub(super) routes: Vec<Route>,
    /// Who may relay by sender and recipient.
    pub(super) peers: Vec<Peer>,
}

/// How the relay serves one tenant.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The names of the certificate that it presents for the tenant.
    pub(super) identity: Vec<String>,
    /// What Exchange Online finds wrong with that certificate.
    pub(super) problem: Option<&'static str>,
    /// The region whose endpoint it sends to.
    pub(super) endpoint: Region,
    /// Names of client certificates that are the tenant's.
    pub(super) certificate_domains: Vec<String>,
    /// Domains of senders that are the tenant's.
    pub(super) sender_domains: Vec<String>,
    /// Domains of recipients that are the tenant's.
    pub(super) recipient_domains: Vec<String>,
}

/// Clients that may relay without a tenant's certificate.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The second octet of its network 127.x.0.0/16.
    pub(super) network: u8,
    /// The tenants it may send for; absent: all.
    pub(super) tenants: Option<Vec<usize>>,
}

/// One message on its way to the relay.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The names of the client's certificate, if it presents one.
    pub(super) certificate: Option<Vec<String>>,
    /// Why that certificate does not verify.
    pub(super) problem: Option<&'static str>,
    /// Whether the listener ignores certificates that do not verify, instead of refusing everything.
    pub(super) ignore_untrusted: bool,
    /// Where the client connects from.
    pub(super) peer: IpAddr,
    /// Without angle brackets; empty is the null sender.
    pub(super) mail_from: String,
    /// Without angle brackets.
    pub(super) rcpt_to: Vec<String>,
}

/// The address that the relay connects to Exchange Online from.
pub(super) const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

/// A name that is known to be good.
pub(super) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The domain of an envelope's address; absent for what has none.
pub(super) fn domain_of(address: &str) -> Option<DomainName> {
    let (_local, domain) = address.rsplit_once('@')?;
    DomainName::parse(domain).ok()
}

/// True as often as this.
pub(super) fn percent(rng: &mut fastrand::Rng, chance: u8) -> bool {
    rng.u8(0..100) < chance
}

/// One of these.
pub(super) fn one_of<'a, T>(rng: &mut fastrand::Rng, items: &'a [T]) -> &'a T {
    &items[rng.usize(0..items.len())]
}
