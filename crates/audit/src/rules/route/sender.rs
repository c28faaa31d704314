//! EXO-L17 and EXO-L18: sender domains of the relay's tenants that their tenants have not accepted.

use tenantry_lab::world::{DomainName, Wildcard};

use super::standing::{Standing, object, place, shown, standing};
use super::{L17, L18};
use crate::finding::{Finding, Related, Remedy};
use crate::model::{Model, Route, Sender};
use crate::powershell::quoted;
use crate::rule::{Rule, Severity};
use crate::rules::wording::{OwnName, above, accepts, command, finding, some_of, verify};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for route in model.routes() {
        let Some(tenant) = route.tenant() else {
            continue;
        };
        let standing = standing(model, route);
        if standing == Standing::Unknown {
            continue;
        }
        let (below, foreign) = not_accepted(model, tenant, route, standing);
        if !below.is_empty() {
            subdomains(model, route, tenant, standing, &below, findings);
        }
        if !foreign.is_empty() && standing != Standing::Attributed {
            foreigners(model, route, tenant, standing, &foreign, findings);
        }
    }
}

/// Whether EXO-L18 tells of a route.
pub(super) fn is_foreign(model: &Model<'_>, tenant: usize, route: &Route) -> bool {
    let (_, foreign) = not_accepted(model, tenant, route, Standing::Unmatched);
    !foreign.is_empty()
}

/// The senders below an accepted domain, with that domain, and those that have nothing to do with any.
fn not_accepted<'r>(
    model: &Model<'_>,
    tenant: usize,
    route: &'r Route,
    standing: Standing,
) -> (Vec<(&'r Sender, DomainName)>, Vec<&'r Sender>) {
    let mut below = Vec::new();
    let mut foreign = Vec::new();
    for sender in &route.senders {
        let covering = model.covering(tenant, &sender.domain);
        if let Some(covering) = covering {
            // The domain itself is; below it only MatchSubDomains helps. That senders there really
            // are, a wildcard does not say: it matters where nothing else attributes.
            let all = covering.value.match_subdomains || sender.wildcard == Wildcard::No;
            if !all && standing != Standing::Attributed {
                below.push((sender, covering.value.domain.clone()));
            }
            continue;
        }
        match above(model, tenant, &sender.domain) {
            Some(above) => below.push((sender, above)),
            // Certificate and listed domain may be the same: it is no sender's then.
            None => foreign.push(sender),
        }
    }
    (below, foreign)
}

fn subdomains(
    model: &Model<'_>,
    route: &Route,
    tenant: usize,
    standing: Standing,
    below: &[(&Sender, DomainName)],
    findings: &mut Vec<Finding>,
) {
    let owner = model.tenant_name(tenant);
    let Some((first, above)) = below.first() else {
        return;
    };
    let mut finding = at_sender(&L17, model, route, tenant, first);
    let domains = some_of(below.iter().map(|(sender, _)| pattern(sender)));
    let certificate = match standing {
        Standing::Attributed => {
            finding.severity = Severity::Info;
            "their mail is attributed as long as the certificate counts, and not without it"
        }
        Standing::Matched | Standing::Unmatched | Standing::Unknown => {
            "their mail is attributed by nothing, as the certificate does not count either"
        }
    };
    finding.message = format!(
        "sends for {domains}, of which {owner} has accepted {above} alone, without MatchSubDomains: {certificate}"
    );
    for (sender, above) in below.iter().take(STEPS) {
        if sender.wildcard == Wildcard::Yes && accepts(model, tenant, &sender.domain) {
            finding.remedy.push(Remedy::Words(format!(
                "Add and verify each subdomain of {} that mail is sent from; or, if mail for recipients that {owner} \
                 does not have may be relayed on to a server that knows them:",
                sender.domain
            )));
            finding.remedy.push(command(
                owner,
                format!(
                    "Set-AcceptedDomain -Identity {} -DomainType InternalRelay -MatchSubDomains $true",
                    quoted(above.as_str())
                ),
            ));
        } else {
            finding.remedy.push(verify(owner, sender.domain.as_str()));
        }
    }
    findings.push(finding);
}

fn foreigners(
    model: &Model<'_>,
    route: &Route,
    tenant: usize,
    standing: Standing,
    foreign: &[&Sender],
    findings: &mut Vec<Finding>,
) {
    let owner = model.tenant_name(tenant);
    let Some(first) = foreign.first() else {
        return;
    };
    let mut finding = at_sender(&L18, model, route, tenant, first);
    let domains = some_of(foreign.iter().map(|sender| pattern(sender)));
    let why = match standing {
        Standing::Matched => "the connector that matches it is for a domain that is not accepted",
        Standing::Unmatched | Standing::Attributed | Standing::Unknown => "no connector matches it",
    };
    finding.message = format!(
        "sends for {domains}, which {owner} has not accepted, and {} does not count there either: {why}",
        shown(model, route)
    );
    finding.related.push(Related {
        place: place(model, route),
        what: format!("presents {}", shown(model, route)),
    });
    let own = OwnName::of(model, tenant);
    finding.remedy.push(Remedy::Words(String::from(
        "With a certificate that counts the sender does not matter:",
    )));
    finding.remedy.extend(own.steps(model, tenant));
    finding.remedy.push(super::renewal::connector_for(
        model, tenant, "Relay", &own.name,
    ));
    finding
        .remedy
        .push(Remedy::Words(format!("Or, if the senders are {owner}'s:")));
    for sender in foreign.iter().take(STEPS) {
        finding.remedy.push(verify(owner, sender.domain.as_str()));
    }
    findings.push(finding);
}

fn at_sender(
    rule: &'static Rule,
    model: &Model<'_>,
    route: &Route,
    tenant: usize,
    sender: &Sender,
) -> Finding {
    let object = object(model, route);
    let mut place = sender.place.clone();
    place.path = format!("{object}.sender_domains");
    finding(
        rule,
        Some(model.tenant_name(tenant)),
        object,
        place,
        String::new(),
    )
}

/// A sender domain as it is written.
fn pattern(sender: &Sender) -> String {
    crate::rules::words::shown(&(sender.wildcard, sender.domain.clone()))
}

/// How many domains one finding repairs; the others are alike.
const STEPS: usize = 4;
