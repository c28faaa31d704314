//! Rules of the configuration that no message meets.

use std::collections::{HashMap, HashSet};

use ipnet::IpNet;
use tenantry_attribution::Basis;
use tenantry_relay::config::written::Peer;
use tenantry_relay::config::{Config, TrustedExchange};

use super::names::{claim_place, object, toml, without};
use super::peers::section as peer_section;
use super::table;
use super::view::{BASES, Claim, View, key, list, place};
use crate::finding::{Finding, Related, Remedy};
use crate::rule::Severity;
use crate::rules::words::listed;

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut repeated = HashSet::new();
    for basis in BASES {
        for claim in view.each_claim(basis) {
            if !repeated.insert((basis, claim.tenant, &claim.pattern.value)) {
                twice(view, basis, claim, findings);
            } else {
                covered(view, basis, claim, findings);
            }
        }
    }
    for tenant in 0..view.written.tenants.len() {
        unserved(view, tenant, findings);
    }
    unasked(view, findings);
    inner_peers(view, findings);
    useless_entries(view, findings);
}

/// The same pattern twice in one list.
fn twice(view: &View<'_>, basis: Basis, claim: Claim<'_>, findings: &mut Vec<Finding>) {
    let pattern = &claim.pattern.value;
    let mut finding = of_tenant(view, claim, basis, Severity::Info);
    finding.message = format!("has {pattern} twice in {}", key(basis));
    let first = view.same(basis, pattern).iter();
    let mut first = first.filter(|first| first.tenant == claim.tenant);
    finding.related.extend(first.next().map(|first| Related {
        place: claim_place(view, basis, *first),
        what: String::from("the first time"),
    }));
    let patterns = view.tenant(claim.tenant).map(|tenant| list(tenant, basis));
    let patterns = patterns.unwrap_or_default().iter();
    let line = super::names::line(claim.pattern, key(basis), patterns.map(|one| &one.value));
    finding.remedy = vec![Remedy::Words(String::from("Write it once:")), line];
    findings.push(finding);
}

/// A pattern within a wildcard of the same list, with no other tenant between.
fn covered(view: &View<'_>, basis: Basis, claim: Claim<'_>, findings: &mut Vec<Finding>) {
    let pattern = &claim.pattern.value;
    let Some(outer) = view.around(basis, pattern) else {
        return;
    };
    let claimed_by_all = view.same(basis, pattern).len();
    if outer.tenant != claim.tenant || claimed_by_all > 1 {
        return;
    }
    let mut finding = of_tenant(view, claim, basis, Severity::Info);
    finding.message = format!(
        "has {pattern} in {}, where {} takes it already",
        key(basis),
        outer.pattern.value
    );
    finding.related.push(Related {
        place: claim_place(view, basis, outer),
        what: format!(
            "{} is that domain and everything below it",
            outer.pattern.value
        ),
    });
    finding.remedy = vec![
        Remedy::Words(format!("Leave {pattern} out:")),
        without(view, basis, claim),
    ];
    findings.push(finding);
}

/// Certificate names of all tenants, when nobody asks for certificates: one setting for all.
fn unasked(view: &View<'_>, findings: &mut Vec<Finding>) {
    if view.asks() {
        return;
    }
    let mut claims = view.each_claim(Basis::Certificate).peekable();
    let Some(first) = claims.peek().copied() else {
        return;
    };
    let mut tenants: Vec<String> = claims
        .map(|claim| view.name(claim.tenant).to_owned())
        .collect();
    tenants.dedup();
    let mut finding = of_tenant(view, first, Basis::Certificate, table::UNREACHABLE.severity);
    if tenants.len() > 1 {
        finding.tenant = None;
    }
    let others = match tenants.as_slice() {
        [_, other] => format!(", and so has {other}"),
        [_, others @ ..] if !others.is_empty() => format!(", and so have {}", listed(others)),
        _ => String::new(),
    };
    finding.message = format!(
        "has certificate_domains that can never decide, because no listener asks for certificates{others}"
    );
    let listeners = view.written.listeners.iter();
    finding.related = listeners
        .take(LISTENERS)
        .map(|listener| {
            let setting = listener.client_certificates.as_ref();
            let at = setting.map_or(&listener.at, |setting| &setting.at);
            Related {
                place: place(at, "client_certificates"),
                what: String::from("a listener that does not ask"),
            }
        })
        .collect();
    let listener = view
        .written
        .listeners
        .first()
        .map(|listener| &listener.at.file);
    let file = listener.map_or(&*view.relay.path, |file| &**file);
    finding.remedy = vec![
        Remedy::Words(String::from("Ask for them in the [[listener]]:")),
        Remedy::Toml {
            file: file.display().to_string(),
            text: String::from(
                "client_certificates = \"request\"\ntrust = [\"tls/clients-ca.pem\"]",
            ),
        },
    ];
    findings.push(finding);
}

/// Most listeners that a finding shows.
const LISTENERS: usize = 5;

/// Senders and recipients of a tenant that no client may send for.
fn unserved(view: &View<'_>, tenant: usize, findings: &mut Vec<Finding>) {
    let Some(section) = view.tenant(tenant).filter(|_| !view.served(tenant)) else {
        return;
    };
    let lists = [Basis::Sender, Basis::Recipient].into_iter();
    let filled: Vec<_> = lists
        .filter_map(|basis| Some((basis, list(section, basis).first()?)))
        .collect();
    let Some((basis, pattern)) = filled.first().copied() else {
        return;
    };
    let keys: Vec<String> = filled
        .iter()
        .map(|(basis, _)| key(*basis).to_owned())
        .collect();
    let claim = Claim { tenant, pattern };
    let mut finding = of_tenant(view, claim, basis, table::UNREACHABLE.severity);
    let name = view.name(tenant);
    finding.message = format!(
        "has {} that can never decide, because no peer may send for it",
        listed(&keys)
    );
    let peer = view.written.peers.first();
    let (words, file, text) = match peer {
        Some(peer) => {
            let tenants = peer.tenants.iter().map(|tenant| toml(&tenant.value));
            let tenants: Vec<String> = tenants.chain([toml(name)]).collect();
            (
                format!(
                    "Name the tenant in a peer, as in {}:",
                    peer_section(0, peer)
                ),
                peer.at.file.display(),
                format!("tenants = [{}]", tenants.join(", ")),
            )
        }
        None => (
            String::from("Say which clients may send for it:"),
            section.at.file.display(),
            format!(
                "[[peer]]\nname = \"on-premises\"\nnetworks = [\"10.1.0.0/24\"]\ntenants = [{}]",
                toml(name)
            ),
        ),
    };
    finding.remedy = vec![
        Remedy::Words(words),
        Remedy::Toml {
            file: file.to_string(),
            text,
        },
        Remedy::Words(String::from("Or leave the lists out")),
    ];
    findings.push(finding);
}

/// A peer whose every client is another peer's, too, which may do as much.
fn inner_peers(view: &View<'_>, findings: &mut Vec<Finding>) {
    // Whether headers of Exchange pass stands in what the relay would run only.
    let Ok(config) = &view.relay.config else {
        return;
    };
    let peers = &view.written.peers;
    if peers.len() != config.peers.len() {
        return;
    }
    let networks = Networks::of(peers);
    for (number, peer) in peers.iter().enumerate() {
        let Some(outer) = networks.around(view, config, number) else {
            continue;
        };
        let Some(other) = peers.get(outer) else {
            continue;
        };
        let (inner, wide) = (peer_section(number, peer), peer_section(outer, other));
        findings.push(Finding {
            rule: &table::UNREACHABLE,
            severity: Severity::Info,
            tenant: None,
            place: place(&peer.at, inner.clone()),
            message: format!("changes nothing: {wide} has all of its clients and tenants"),
            object: inner,
            related: vec![Related {
                place: place(&other.at, wide.clone()),
                what: wide,
            }],
            remedy: vec![Remedy::Words(format!(
                "Remove this [[peer]], or take from the other, at {}, the networks and tenants that are meant for \
                 this one alone",
                other.at
            ))],
            allowed: None,
        });
    }
}

/// The networks of peers without certificates, to find those around another without comparing all.
struct Networks<'a> {
    peers: &'a [Peer],
    by_network: HashMap<IpNet, Vec<usize>>,
}

impl<'a> Networks<'a> {
    fn of(peers: &'a [Peer]) -> Self {
        let mut by_network: HashMap<IpNet, Vec<usize>> = HashMap::new();
        for (number, peer) in peers.iter().enumerate() {
            if peer.certificates.is_empty() {
                for network in &peer.networks {
                    let peers = by_network.entry(network.value.trunc()).or_default();
                    peers.push(number);
                }
            }
        }
        Self { peers, by_network }
    }

    /// Another peer, without certificates, that has every network of this one and may do as much.
    /// Of two that are the same the first stays.
    fn around(&self, view: &View<'_>, config: &Config, number: usize) -> Option<usize> {
        let peer = self.peers.get(number)?;
        let first = peer.networks.first()?;
        let candidates = wider(first.value).flat_map(|network| self.by_network.get(&network));
        let mut candidates = candidates.flatten().copied();
        candidates.find(|other| {
            *other != number
                && self.peers.get(*other).is_some_and(|wide| {
                    let all = peer.networks.iter().all(|network| {
                        let mut around = wide.networks.iter();
                        around.any(|wide| wide.value.contains(&network.value))
                    });
                    let same = all && self.is_within(*other, number) && *other > number;
                    all && !same && does_as_much(view, config, number, *other)
                })
        })
    }

    fn is_within(&self, inner: usize, outer: usize) -> bool {
        let (Some(inner), Some(outer)) = (self.peers.get(inner), self.peers.get(outer)) else {
            return false;
        };
        outer.certificates.is_empty()
            && inner.networks.iter().all(|network| {
                let mut around = outer.networks.iter();
                around.any(|wide| wide.value.contains(&network.value))
            })
            && inner
                .tenants
                .iter()
                .map(|tenant| &tenant.value)
                .eq(outer.tenants.iter().map(|tenant| &tenant.value))
    }
}

/// A network and everything around it.
fn wider(network: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(network.trunc()), IpNet::supernet)
}

/// Whether the outer peer may send for all tenants of the inner one, with no fewer headers.
fn does_as_much(view: &View<'_>, config: &Config, inner: usize, outer: usize) -> bool {
    let tenants = |peer: usize| view.written.peers.get(peer).map(|peer| &peer.tenants);
    let (Some(few), Some(many)) = (tenants(inner), tenants(outer)) else {
        return false;
    };
    let many: HashSet<&str> = many.iter().map(|tenant| tenant.value.as_str()).collect();
    let all = many.contains("*")
        || few
            .iter()
            .all(|tenant| many.contains(tenant.value.as_str()));
    let trusted = |peer: usize| {
        let peer = config.peers.get(peer);
        peer.is_some_and(|peer| peer.exchange == TrustedExchange::Yes)
    };
    all && (trusted(outer) || !trusted(inner))
}

/// Tenants in a peer that own neither senders nor recipients: nothing is decided by them there.
fn useless_entries(view: &View<'_>, findings: &mut Vec<Finding>) {
    let tenants = view.written.tenants.iter();
    let idle: HashSet<&str> = tenants
        .filter(|tenant| tenant.sender_domains.is_empty() && tenant.recipient_domains.is_empty())
        .filter(|tenant| !tenant.certificate_domains.is_empty())
        .filter_map(|tenant| Some(tenant.name.as_ref()?.value.as_str()))
        .collect();
    for (number, peer) in view.written.peers.iter().enumerate() {
        let entries = peer.tenants.iter();
        for entry in entries.filter(|entry| idle.contains(entry.value.as_str())) {
            let section = peer_section(number, peer);
            let name = &entry.value;
            findings.push(Finding {
                rule: &table::UNREACHABLE,
                severity: Severity::Info,
                tenant: Some(name.clone()),
                place: place(&entry.at, format!("{section}.tenants")),
                message: format!(
                    "may send for {name}, which has neither sender_domains nor recipient_domains to know \
                     its mail by"
                ),
                object: section,
                related: Vec::new(),
                remedy: vec![Remedy::Words(format!(
                    "List the domains of {name} in sender_domains, or leave it out here"
                ))],
                allowed: None,
            });
        }
    }
}

fn of_tenant(view: &View<'_>, claim: Claim<'_>, basis: Basis, severity: Severity) -> Finding {
    let name = view.name(claim.tenant);
    Finding {
        rule: &table::UNREACHABLE,
        severity,
        tenant: Some(name.to_owned()),
        object: object(name),
        place: claim_place(view, basis, claim),
        message: String::new(),
        related: Vec::new(),
        remedy: Vec::new(),
        allowed: None,
    }
}
