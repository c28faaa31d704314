//! What a tenant's organisation settings let through, and what they refuse.

use super::Group;
use tenantry_lab::export::Value;
use tenantry_lab::world::{
    ConnectorType, InboundConnector, SenderDomain, TlsSenderCertificateName,
};

use super::connector::address_text;
use super::route;
use super::wording::{Subject, command, finding, some_of};
use crate::finding::{Finding, Remedy};
use crate::inventory::Tenant;
use crate::model::{self, Kind, Model};
use crate::rule::{Rule, Severity};

/// In the order of their numbers.
const RULES: &[Rule] = &[L34, L35];

const L34: Rule = Rule {
    id: "EXO-L34",
    severity: Severity::Info,
    title: "RejectDirectSend is off",
    why: "anybody can send mail in the tenant's own name to its mailboxes without being attributed to it: it is anonymous, but it arrives in the mailbox or its junk",
    remedy: "turn it on once every source of the organisation has a connector",
    source: "The Exchange team on Direct Send (S13); docs/exchange-online.md section 1.13",
};

const L35: Rule = Rule {
    id: "EXO-L35",
    severity: Severity::Warning,
    title: "RejectDirectSend is on, and a known source has no connector",
    why: "mail of that source in the tenant's own name to its own mailboxes is refused with 5.7.68, whatever SPF, DKIM and DMARC say, and no message trace shows it",
    remedy: "give the source a connector: Partner for devices and services, OnPremises for own servers",
    source: "The Exchange team on Direct Send (S13) and Microsoft's reference of Set-OrganizationConfig (S14); docs/exchange-online.md section 1.13",
};

pub(super) const GROUP: Group = Group {
    rules: RULES,
    check,
};

/// Looks at every tenant's organisation settings, if they were exported.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (number, tenant) in model.tenants().iter().enumerate() {
        let Some(organization) = &tenant.organization else {
            continue;
        };
        if organization.value.reject_direct_send {
            unconnected(model, number, tenant, findings);
            route::without_connector(model, number, Some(&L35), findings);
            continue;
        }
        // An export without the property is from before there was one, or a selection of others.
        let said = organization.node.property("RejectDirectSend");
        if said.is_some_and(|said| said.value == Value::Bool(false)) {
            off(tenant, findings);
        }
    }
}

/// EXO-L34.
fn off(tenant: &Tenant, findings: &mut Vec<Finding>) {
    let Some(organization) = &tenant.organization else {
        return;
    };
    let place = organization.place("RejectDirectSend").clone();
    let message = format!(
        "has RejectDirectSend $false: whoever knows an address of {} can send anonymous mail in its name",
        tenant.name
    );
    let object = String::from(OBJECT);
    let mut finding = finding(&L34, Some(&tenant.name), object, place, message);
    finding.remedy = vec![
        Remedy::Words(String::from(
            "See to it that every device and service that sends in the organisation's name has an inbound connector; \
             then:",
        )),
        command(
            &tenant.name,
            String::from("Set-OrganizationConfig -RejectDirectSend $true"),
        ),
    ];
    findings.push(finding);
}

/// EXO-L35 for sources that somebody knew enough of to make a connector, which is not enabled.
fn unconnected(model: &Model<'_>, number: usize, tenant: &Tenant, findings: &mut Vec<Finding>) {
    let disabled = [Kind::Disabled, Kind::DisabledPartner]
        .into_iter()
        .flat_map(|kind| model.connectors_of(number, kind));
    let mut disabled = disabled.peekable();
    if disabled.peek().is_none() {
        return;
    }
    let enabled = Enabled::of(model, number);
    for (at, exported) in disabled {
        let connector = &exported.value;
        if !enabled.leaves_out(connector) || !sends_as(model, number, connector) {
            continue;
        }
        if route::is_relied_on(model, at) {
            continue;
        }
        let Some(subject) = Subject::of(model, at) else {
            continue;
        };
        let source = source(connector);
        let message = format!(
            "is not enabled, and no other connector of {} takes mail from {source}, which RejectDirectSend refuses",
            tenant.name
        );
        let mut finding = subject.finding(&L35, "Enabled", message);
        if let Some(organization) = &tenant.organization {
            finding.related.push(crate::finding::Related {
                place: organization.place("RejectDirectSend").clone(),
                what: format!("{} rejects Direct Send", tenant.name),
            });
        }
        finding.remedy = vec![
            Remedy::Words(String::from("If mail still comes from there:")),
            subject.set("-Enabled $true"),
            Remedy::Words(String::from("If none does any more:")),
            command(
                &tenant.name,
                format!(
                    "Remove-InboundConnector -Identity {}",
                    crate::powershell::quoted(&connector.name)
                ),
            ),
        ];
        findings.push(finding);
    }
}

/// What a tenant's enabled connectors take.
struct Enabled<'m> {
    names: Vec<&'m TlsSenderCertificateName>,
    connectors: Vec<&'m InboundConnector>,
}

impl<'m> Enabled<'m> {
    fn of(model: &'m Model<'_>, tenant: usize) -> Self {
        let kinds = [Kind::Active, Kind::Partner].into_iter();
        let connectors: Vec<&InboundConnector> = kinds
            .flat_map(|kind| model.connectors_of(tenant, kind))
            .map(|(_, exported)| &exported.value)
            .collect();
        let names = connectors.iter();
        Self {
            names: names
                .filter_map(|connector| connector.tls_sender_certificate_name.as_ref())
                .collect(),
            connectors,
        }
    }

    /// Whether a source is known by what no enabled connector has.
    fn leaves_out(&self, connector: &InboundConnector) -> bool {
        if let Some(name) = &connector.tls_sender_certificate_name {
            let covered = match name {
                TlsSenderCertificateName::Exact(domain)
                | TlsSenderCertificateName::Wildcard(domain) => {
                    self.names.contains(&name)
                        || self.names.iter().any(|other| match other {
                            TlsSenderCertificateName::Wildcard(above) => domain.is_within(above),
                            TlsSenderCertificateName::Exact(_)
                            | TlsSenderCertificateName::Unusable(_) => false,
                        })
                }
                TlsSenderCertificateName::Unusable(_) => true,
            };
            // By name alone it may be one that is prepared for a renewal: nothing is known to come.
            if covered || connector.sender_ip_addresses.is_empty() {
                return false;
            }
        }
        let mut networks = model::networks(connector).peekable();
        networks.peek().is_some()
            && networks.all(|network| {
                let mut taken = self
                    .connectors
                    .iter()
                    .flat_map(|other| model::networks(other));
                !taken.any(|taken| taken.contains(&network))
            })
    }
}

/// Whether a connector is for senders of its own tenant.
fn sends_as(model: &Model<'_>, tenant: usize, connector: &InboundConnector) -> bool {
    connector.sender_domains.iter().any(|domain| match domain {
        // OnPremises is the organisation itself; a Partner for everybody is mostly a filter of its mail.
        SenderDomain::Any => connector.connector_type == ConnectorType::OnPremises,
        SenderDomain::Domain(domain) => model.covering(tenant, domain).is_some(),
        SenderDomain::Subdomains(above) => {
            let described = model.tenant(tenant).into_iter();
            let mut own = described.flat_map(|described| &described.accepted_domains);
            own.any(|own| own.value.domain.is_within(above))
        }
        SenderDomain::Unusable(_) => false,
    })
}

fn source(connector: &InboundConnector) -> String {
    some_of(connector.sender_ip_addresses.iter().map(address_text))
}

/// The organisation settings, as findings name them.
const OBJECT: &str = "organization config";
