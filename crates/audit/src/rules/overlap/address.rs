//! EXO-L02: addresses that connectors of several tenants list.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::SenderAddress;

use super::L02;
use crate::finding::{Finding, Related, Remedy};
use crate::model::{self, Kind, Model};
use crate::powershell::quoted;
use crate::rule::Severity;
use crate::rules::connector::address_text;
use crate::rules::wording::{Subject, bounded, some_of};

/// An entry of SenderIPAddresses.
#[derive(Clone, Copy)]
struct Listed {
    at: ConnectorRef,
    /// Its place in the list.
    element: usize,
    network: Ipv4Net,
}

/// Once for all that overlaps: at the widest network, with all that lies within it.
pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut networks: BTreeMap<Ipv4Net, Vec<Listed>> = BTreeMap::new();
    for (at, exported) in model.connectors(Kind::Active) {
        for (element, address) in exported.value.sender_ip_addresses.iter().enumerate() {
            if let SenderAddress::Network(network) = address
                && network.prefix_len() >= model::WIDEST
            {
                let network = network.trunc();
                let listed = Listed {
                    at,
                    element,
                    network,
                };
                networks.entry(network).or_default().push(listed);
            }
        }
    }
    // In order a network stands before everything within it.
    let mut group: Vec<Listed> = Vec::new();
    for (network, listed) in networks {
        let outside = group
            .first()
            .is_some_and(|widest| !widest.network.contains(&network));
        if outside {
            shared(model, &group, findings);
            group.clear();
        }
        group.extend(listed);
    }
    shared(model, &group, findings);
}

fn shared(model: &Model<'_>, group: &[Listed], findings: &mut Vec<Finding>) {
    let tenants: BTreeSet<usize> = group.iter().map(|listed| listed.at.tenant.0).collect();
    let Some(widest) = group.first().filter(|_| tenants.len() > 1) else {
        return;
    };
    // Of those that list the widest network, the last: the others were there before.
    let mut same = group
        .iter()
        .filter(|listed| listed.network == widest.network);
    let Some(chosen) = same.next_back() else {
        return;
    };
    let others: Vec<&Listed> = group
        .iter()
        .filter(|listed| listed.at.tenant != chosen.at.tenant)
        .collect();
    let Some(subject) = Subject::of(model, chosen.at) else {
        return;
    };
    let certified = std::iter::once(&chosen)
        .chain(&others)
        .all(|listed| model.attributes_by_name(listed.at));
    let decides = match certified {
        true => "where the certificate is missing, MAIL FROM alone decides between them",
        false => "MAIL FROM alone decides between them",
    };
    let overlap = overlap(model, chosen, &others);
    let message = format!(
        "has SenderIPAddresses {}, {overlap}: {decides}",
        text(chosen.network)
    );
    let mut finding = subject.finding(&L02, "SenderIPAddresses", message);
    finding.place = place(&subject, chosen);
    if certified {
        finding.severity = Severity::Warning;
    }
    let related = others.iter().filter_map(|other| {
        let subject = Subject::of(model, other.at)?;
        Some(Related {
            place: place(&subject, other),
            what: format!("{} lists {}", subject.tenant_name(), text(other.network)),
        })
    });
    finding.related = bounded(related.collect());
    let all = others.iter().copied().chain([chosen]);
    let mut seen = BTreeSet::new();
    let each = all.filter(|listed| seen.insert(listed.at));
    let steps = each
        .take(REPAIRED)
        .flat_map(|listed| repaired(model, listed));
    finding.remedy = steps.collect();
    findings.push(finding);
}

/// Who lists the same, or a part of it.
fn overlap(model: &Model<'_>, chosen: &Listed, others: &[&Listed]) -> String {
    let names: BTreeSet<usize> = others.iter().map(|other| other.at.tenant.0).collect();
    let names = names.iter().map(|name| model.tenant_name(*name).to_owned());
    let names = some_of(names);
    match others {
        [other] if other.network == chosen.network => format!("which {names} lists, too"),
        [_] => format!("of which {names} lists a part"),
        _ => format!("which {names} list, too, or a part of it"),
    }
}

/// A certificate instead of the address.
fn repaired(model: &Model<'_>, listed: &Listed) -> Vec<Remedy> {
    let Some(subject) = Subject::of(model, listed.at) else {
        return Vec::new();
    };
    let mut steps = match model.attributes_by_name(listed.at) {
        true => Vec::new(),
        false => subject.certified(),
    };
    let address = quoted(&text(listed.network));
    steps.push(subject.set(&format!("-SenderIPAddresses @{{Remove={address}}}")));
    steps
}

fn place(subject: &Subject<'_>, listed: &Listed) -> tenantry_lab::world::Place {
    subject
        .exported
        .element("SenderIPAddresses", listed.element)
        .clone()
}

fn text(network: Ipv4Net) -> String {
    address_text(&SenderAddress::Network(network))
}

/// How many connectors one finding repairs; the others are alike.
const REPAIRED: usize = 4;
