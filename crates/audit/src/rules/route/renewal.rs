//! EXO-L37: certificates that are presented, or will be, with names that no connector expects.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, Place, TlsSenderCertificateName, Wildcard};

use super::L37;
use super::disabled::is_relied_on;
use super::sender::is_foreign;
use super::standing::{Standing, certificate, expected, object, place, shown, standing};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::Certificate;
use crate::model::{Kind, Model, Route};
use crate::powershell::quoted;
use crate::rule::Rule;
use crate::rules::wording::{Subject, bounded, command, finding, some_of, verify};
use crate::rules::words;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for route in model.routes() {
        if let Some(tenant) = route.tenant() {
            presented(model, tenant, route, findings);
        }
    }
    for (tenant, described) in model.tenants().iter().enumerate() {
        let organization = described.organization.as_ref();
        if organization.is_none_or(|found| !found.value.reject_direct_send) {
            without_connector(model, tenant, None, findings);
        }
    }
    let presented: HashSet<usize> = model
        .routes()
        .iter()
        .filter_map(|route| route.certificate)
        .collect();
    let mut waiting = Waiting::default();
    for file in 0..model.inventory().certificates.len() {
        if !presented.contains(&file) && model.counts(file) {
            waiting.look(model, file);
        }
    }
    waiting.tell(model, findings);
}

/// A route whose certificate the tenant's connectors do not expect.
fn presented(model: &Model<'_>, tenant: usize, route: &Route, findings: &mut Vec<Finding>) {
    let Some(file) = route.certificate else {
        return;
    };
    if standing(model, route) != Standing::Unmatched
        || is_foreign(model, tenant, route)
        || is_shared(model, tenant, file)
        || helped(model, tenant)
    {
        return;
    }
    let expected: Vec<_> = expected(model, tenant).collect();
    if expected.is_empty() {
        return;
    }
    let object = object(model, route);
    let message = format!(
        "presents {}, and the connectors of {} expect {}",
        shown(model, route),
        model.tenant_name(tenant),
        some_of(expected.iter().map(|(_, name)| name.clone()))
    );
    let place = place(model, route);
    let mut finding = finding(
        &L37,
        Some(model.tenant_name(tenant)),
        object,
        place,
        message,
    );
    finding.related = expecting(model, &expected);
    finding.remedy = second(model, tenant, file);
    findings.push(finding);
}

/// Whether a route to another tenant presents the certificate, too: EXO-L28 and TNY-07 tell of that.
fn is_shared(model: &Model<'_>, tenant: usize, file: usize) -> bool {
    let mut routes = model.routes().iter();
    routes.any(|other| {
        let another = other.tenant().is_some_and(|reached| reached != tenant);
        another && other.certificate == Some(file)
    })
}

/// Whether a disabled connector is told of instead, as it would match.
fn helped(model: &Model<'_>, tenant: usize) -> bool {
    let mut disabled = model.connectors_of(tenant, Kind::Disabled);
    disabled.any(|(at, _)| is_relied_on(model, at))
}

/// Routes to a tenant that has no connector which could match: by `rule`, else by EXO-L37.
pub(in crate::rules) fn without_connector(
    model: &Model<'_>,
    tenant: usize,
    rule: Option<&'static Rule>,
    findings: &mut Vec<Finding>,
) {
    let mut own = model.connectors_of(tenant, Kind::Active);
    if own.next().is_some() || helped(model, tenant) {
        return;
    }
    // A tenant that has connectors for others knows its sources: it is this certificate that none expects.
    let mut partners = model.connectors_of(tenant, Kind::Partner);
    let rejecting = rule.is_some();
    let rule = rule.filter(|_| partners.next().is_none()).unwrap_or(&L37);
    for route in model.routes_to(tenant) {
        let Some(file) = route.certificate else {
            continue;
        };
        let mut partners = model.connectors_of(tenant, Kind::Partner);
        if standing(model, route) != Standing::Unmatched
            || is_foreign(model, tenant, route)
            || partners.any(|(at, _)| model.matches(at, file))
        {
            continue;
        }
        let owner = model.tenant_name(tenant);
        let refused = match rejecting {
            true => {
                "in its name to its own mailboxes is refused with 5.7.68, and what leaves it with 5.7.64"
            }
            false => "that leaves it is refused with 5.7.64",
        };
        let message = format!(
            "presents {}, and {owner} has no OnPremises connector among these files: mail {refused}",
            shown(model, route)
        );
        let object = object(model, route);
        let place = place(model, route);
        let mut finding = finding(rule, Some(owner), object, place, message);
        finding.remedy = second(model, tenant, file);
        findings.push(finding);
    }
}

/// Certificates that nobody is known to present yet, as they are meant for a tenant.
#[derive(Default)]
struct Waiting {
    /// Those that a disabled connector expects.
    prepared: Vec<(usize, ConnectorRef)>,
    /// Those that look like another one's successor, by tenant.
    renewed: HashMap<usize, Vec<usize>>,
}

impl Waiting {
    fn look(&mut self, model: &Model<'_>, file: usize) {
        if !model.matching(file, Kind::Active).is_empty() {
            return;
        }
        for named in model.matching(file, Kind::Disabled) {
            let expects = expected(model, named.at.tenant.0).next().is_some();
            if expects && !is_relied_on(model, named.at) {
                self.prepared.push((file, named.at));
                return;
            }
        }
        if !model.matching(file, Kind::Partner).is_empty() {
            return;
        }
        if let Some(tenant) = meant_for(model, file)
            && expected(model, tenant).next().is_some()
        {
            self.renewed.entry(tenant).or_default().push(file);
        }
    }

    fn tell(self, model: &Model<'_>, findings: &mut Vec<Finding>) {
        for (file, at) in self.prepared {
            findings.extend(prepared(model, file, at));
        }
        for (tenant, files) in self.renewed {
            let old = Expected::of(model, tenant);
            let succeeds = |file: &&usize| {
                leaf(model, **file).is_some_and(|new| old.is_succeeded_by(new, files.len()))
            };
            for file in files.iter().filter(succeeds) {
                findings.extend(renewed(model, tenant, *file));
            }
        }
    }
}

/// The only tenant that has the names of a certificate, or domains above them.
fn meant_for(model: &Model<'_>, file: usize) -> Option<usize> {
    let leaf = leaf(model, file)?;
    let mut tenants = BTreeSet::new();
    for (_, name) in &leaf.names {
        let mut above = std::iter::successors(Some(name.clone()), DomainName::parent);
        let listing = above.find_map(|above| {
            let listing = model.listing(&above);
            (!listing.is_empty()).then_some(listing)
        });
        tenants.extend(listing.into_iter().flatten().map(|(tenant, _)| *tenant));
    }
    let only = tenants.first().copied();
    only.filter(|_| tenants.len() == 1)
}

/// The certificates that a tenant's connectors expect.
struct Expected<'m> {
    subjects: HashSet<&'m str>,
    names: HashSet<&'m (Wildcard, DomainName)>,
    /// The latest beginning of them; none if there are none.
    latest: Option<Timestamp>,
    /// All of them end soon.
    ending: bool,
    /// Something is known to present one, or another.
    routed: bool,
}

impl<'m> Expected<'m> {
    fn of(model: &'m Model<'_>, tenant: usize) -> Self {
        let now = model.inventory().now;
        let soon = now.checked_add(SignedDuration::from_hours(24 * SOON_DAYS));
        let soon = soon.unwrap_or(now);
        let mut of = Self {
            subjects: HashSet::new(),
            names: HashSet::new(),
            latest: None,
            ending: true,
            routed: model.routes_to(tenant).next().is_some(),
        };
        for (at, _) in expected(model, tenant) {
            let connector = model.connector(at);
            let name = connector.and_then(|found| found.value.tls_sender_certificate_name.as_ref());
            let files = name.map_or(&[][..], |name| model.matched_by(name));
            for old in files.iter().filter_map(|file| leaf(model, *file)) {
                of.subjects.insert(&old.subject);
                of.names.extend(&old.names);
                of.latest = of.latest.max(Some(old.not_before));
                of.ending &= old.not_after <= soon;
            }
        }
        of
    }

    /// Whether a certificate is the successor of one of them: it has its subject or one of its names, or is
    /// younger where they end soon, or is the only one there is.
    fn is_succeeded_by(&self, new: &Certificate, alike: usize) -> bool {
        let subject = !new.subject.is_empty() && self.subjects.contains(new.subject.as_str());
        match self.latest {
            _ if subject || new.names.iter().any(|name| self.names.contains(name)) => true,
            Some(latest) => self.ending && new.not_before > latest,
            None => !self.routed && alike == 1,
        }
    }
}

/// A certificate whose connector is there and waits.
fn prepared(model: &Model<'_>, file: usize, at: ConnectorRef) -> Option<Finding> {
    let subject = Subject::of(model, at)?;
    let tenant = subject.tenant();
    let expected: Vec<_> = expected(model, tenant).collect();
    let message = format!(
        "is not enabled, and no other connector of {} expects {}",
        subject.tenant_name(),
        certificate(model, file)
    );
    let mut finding = subject.finding(&L37, "Enabled", message);
    finding.related.extend(at_file(model, file));
    finding.related.extend(expecting(model, &expected));
    finding.related = bounded(finding.related);
    if let Some(domain) = unaccepted(model, at) {
        finding.remedy.push(verify(subject.tenant_name(), &domain));
    }
    finding.remedy.push(subject.set("-Enabled $true"));
    finding.remedy.push(Remedy::Words(String::from(WAIT)));
    Some(finding)
}

/// A certificate that has no connector yet.
fn renewed(model: &Model<'_>, tenant: usize, file: usize) -> Option<Finding> {
    let expected: Vec<_> = expected(model, tenant).collect();
    let owner = model.tenant_name(tenant);
    let path = model.certificate(file)?.path.display();
    let names = leaf(model, file)?.names.iter().map(words::shown);
    let message = format!(
        "is for {}, and the connectors of {owner} expect {}",
        some_of(names),
        some_of(expected.iter().map(|(_, name)| name.clone()))
    );
    let object = format!("certificate \"{path}\"");
    let place = leaf(model, file).map_or_else(Place::default, |leaf| leaf.place.clone());
    let mut finding = finding(&L37, Some(owner), object, place, message);
    finding.related = expecting(model, &expected);
    finding.remedy = second(model, tenant, file);
    Some(finding)
}

fn expecting(model: &Model<'_>, expected: &[(ConnectorRef, String)]) -> Vec<Related> {
    let related = expected.iter().filter_map(|(at, name)| {
        let subject = Subject::of(model, *at)?;
        Some(subject.related(PROPERTY, format!("expects {name}")))
    });
    bounded(related.collect())
}

fn at_file(model: &Model<'_>, file: usize) -> Option<Related> {
    Some(Related {
        place: leaf(model, file)?.place.clone(),
        what: certificate(model, file),
    })
}

/// A second connector, for the certificate's name, before it is presented.
fn second(model: &Model<'_>, tenant: usize, file: usize) -> Vec<Remedy> {
    let owner = model.tenant_name(tenant);
    let leaf = leaf(model, file);
    let names = || leaf.into_iter().flat_map(|leaf| &leaf.names);
    let plain = || names().filter(|(wildcard, _)| *wildcard == Wildcard::No);
    let accepted = plain().find(|(_, name)| model.covering(tenant, name).is_some());
    let mut steps = Vec::new();
    let (name, domain) = match accepted
        .or_else(|| plain().next())
        .or_else(|| names().next())
    {
        Some(name) => (words::shown(name), &name.1),
        None => {
            return vec![Remedy::Words(format!(
                "Order a certificate with a DNS name of {owner}'s own: this one has none"
            ))];
        }
    };
    if model.covering(tenant, domain).is_none() {
        steps.push(verify(owner, domain.as_str()));
    }
    steps.push(connector_for(model, tenant, "Own servers", &name));
    steps.push(Remedy::Words(String::from(WAIT)));
    steps
}

/// `New-InboundConnector` for a certificate name, with a name that no other connector has.
pub(super) fn connector_for(model: &Model<'_>, tenant: usize, title: &str, name: &str) -> Remedy {
    let described = model.tenant(tenant).into_iter();
    let mut connectors = described.flat_map(|described| &described.inbound_connectors);
    let hybrid = connectors.any(|found| found.value.cloud_services_mail_enabled);
    let cloud = if hybrid {
        " -CloudServicesMailEnabled $true"
    } else {
        ""
    };
    command(
        model.tenant_name(tenant),
        format!(
            "New-InboundConnector -Name {} -ConnectorType OnPremises -SenderDomains '*' -RequireTls $true \
             -TlsSenderCertificateName {}{cloud}",
            quoted(&format!("{title}, {name}")),
            quoted(name)
        ),
    )
}

/// The domain that a connector's tenant has yet to accept.
fn unaccepted(model: &Model<'_>, at: ConnectorRef) -> Option<String> {
    let name = model
        .connector(at)?
        .value
        .tls_sender_certificate_name
        .as_ref()?;
    let (TlsSenderCertificateName::Exact(domain) | TlsSenderCertificateName::Wildcard(domain)) =
        name
    else {
        return None;
    };
    let accepted = model.forest().accepting(at).is_some();
    (!accepted).then(|| domain.to_string())
}

fn leaf<'m>(model: &Model<'m>, file: usize) -> Option<&'m Certificate> {
    model.certificate(file)?.chain.first()
}

const PROPERTY: &str = "TlsSenderCertificateName";
/// Until when a certificate is one that will be renewed.
const SOON_DAYS: i64 = 60;
const WAIT: &str = "Keep both connectors while both certificates are in use: wait a day for the change to arrive \
     everywhere, send a message with the new certificate and look at its trace, and only then switch; remove the \
     other connector when nothing presents the old certificate any more";
