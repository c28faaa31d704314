//! Mail that comes back: EXO-L21 and EXO-L22.

use std::collections::HashSet;

use tenantry_attribution::Pattern;
use tenantry_lab::export::{OutboundConnector, SmartHost};
use tenantry_lab::world::{AcceptedDomain, ConnectorType, DomainName, DomainType, Place};
use tenantry_relay::config::written::{self, Written};

use super::{Sent, table};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Exported, Inventory, Purpose, Tenant};
use crate::model::{Model, Origin, is_loopback, place};
use crate::powershell::quoted;
use crate::rules::words::listed;

pub(super) fn check(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    let ours = Ours::of(model.inventory());
    for (number, tenant) in model.tenants().iter().enumerate() {
        let connectors = tenant.outbound_connectors.iter();
        for connector in connectors.filter(|connector| connector.value.enabled) {
            let way = Way {
                model,
                number,
                tenant,
                connector,
            };
            way.back(&ours, sent, findings);
            way.centralised(&ours, sent, findings);
        }
    }
}

/// An enabled outbound connector of a tenant.
struct Way<'a> {
    model: &'a Model<'a>,
    number: usize,
    tenant: &'a Tenant,
    connector: &'a Exported<OutboundConnector>,
}

/// What the relay is called, so that a smart host can be known as it.
#[derive(Default)]
struct Ours {
    names: HashSet<String>,
    addresses: HashSet<std::net::IpAddr>,
}

impl Ours {
    fn of(inventory: &Inventory) -> Self {
        let mut ours = Self::default();
        let Some(relay) = &inventory.relay else {
            return ours;
        };
        let hostname = relay.written.hostname.as_ref();
        ours.names
            .extend(hostname.map(|name| name.value.trim_end_matches('.').to_lowercase()));
        let listeners = relay.written.listeners.iter();
        let addresses =
            listeners.filter_map(|listener| Some(listener.address.as_ref()?.value.ip()));
        ours.addresses
            .extend(addresses.filter(|ip| !is_loopback(*ip)));
        for file in &inventory.certificates {
            if let (Purpose::Listener(_), Some(leaf)) = (&file.purpose, file.chain.first()) {
                ours.names
                    .extend(leaf.names.iter().map(|(_, name)| name.to_string()));
            }
        }
        ours
    }

    fn has(&self, host: &SmartHost) -> bool {
        match host {
            SmartHost::Name(name) => self.names.contains(name.as_str()),
            SmartHost::Address(ip) => self.addresses.contains(ip),
            SmartHost::Unusable(_) => false,
        }
    }
}

impl Way<'_> {
    /// Domains whose unknown recipients this connector returns to whoever sent them in.
    fn back(&self, ours: &Ours, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
        let mut looping: Vec<String> = Vec::new();
        let mut related: Vec<Related> = Vec::new();
        let mut at = None;
        for (index, host) in self.connector.value.smart_hosts.iter().enumerate() {
            let relay = ours.has(host);
            for domain in self
                .tenant
                .accepted_domains
                .iter()
                .map(|domain| &domain.value)
            {
                if domain.domain_type != DomainType::InternalRelay || !self.covers(domain) {
                    continue;
                }
                let way_in = if relay {
                    self.relayed(&domain.domain)
                } else {
                    None
                };
                let way_in = way_in.or_else(|| sends(sent, self.number, host, &domain.domain));
                let Some(way_in) = way_in else { continue };
                at = at.or(Some((index, domain.domain.clone())));
                if !looping.contains(&domain.domain.to_string()) {
                    looping.push(domain.domain.to_string());
                    related.push(way_in);
                }
            }
        }
        let Some((index, domain)) = at else { return };
        let host = self.connector.value.smart_hosts.get(index).map(shown);
        let message = format!(
            "has SmartHosts {}, which sends mail for {} to this tenant; mail for recipients that the tenant does not have returns to there",
            host.unwrap_or_default(),
            listed(&looping)
        );
        let mut finding = self.finding(&table::LOOP, message);
        finding.place = self.connector.element("SmartHosts", index).clone();
        related.truncate(MOST_RELATED);
        finding.related = related;
        finding.remedy = vec![
            Remedy::Words(format!(
                "If every recipient of {domain} is in the tenant, say so; otherwise take {domain} out of the way in, \
                 or send it out to the server that has the others:"
            )),
            Remedy::ExchangeOnline {
                tenant: self.tenant.name.clone(),
                command: format!(
                    "Set-AcceptedDomain -Identity {} -DomainType Authoritative",
                    quoted(domain.as_str())
                ),
            },
        ];
        findings.push(finding);
    }

    /// Whether the connector takes recipients of a domain.
    fn covers(&self, domain: &AcceptedDomain) -> bool {
        let connector = &self.connector.value;
        let mut patterns = connector.recipient_domains.iter();
        let name = domain.domain.as_str();
        (connector.all_accepted_domains)
            || patterns.any(|pattern| {
                let pattern = pattern.to_lowercase();
                match pattern.strip_prefix("*.") {
                    Some(above) => super::within(name, above),
                    None => pattern == "*" || pattern == name,
                }
            })
    }

    /// Where the relay sends recipients of a domain to this tenant.
    fn relayed(&self, domain: &DomainName) -> Option<Related> {
        let written = &self.model.inventory().relay.as_ref()?.written;
        let mut routes = self.model.routes_to(self.number);
        routes.find_map(|route| {
            let Origin::Relay(number) = route.origin else {
                return None;
            };
            let tenant = written.tenants.get(number)?;
            let mut patterns = tenant.recipient_domains.iter();
            let pattern = patterns.find(|pattern| takes(&pattern.value, domain))?;
            Some(Related {
                place: Place {
                    path: format!("tenant {:?}.recipient_domains", name(tenant)),
                    ..place(&pattern.at)
                },
                what: format!("the relay sends {domain} to this tenant"),
            })
        })
    }

    /// Mail for the internet that goes out by the premises, and comes in from there again.
    fn centralised(&self, ours: &Ours, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
        let connector = &self.connector.value;
        let scoped = connector.other.get("IsTransportRuleScoped");
        let scoped = scoped.and_then(serde_json::Value::as_bool) == Some(true);
        if !connector.route_all_messages_via_on_premises
            || connector.connector_type != ConnectorType::OnPremises
            || scoped
        {
            return;
        }
        let Some((related, what)) = self.comes_back(ours, sent) else {
            return;
        };
        let message = format!(
            "has RouteAllMessagesViaOnPremises $true, and {what} sends mail for everybody back to this tenant"
        );
        let mut finding = self.finding(&table::CENTRALISED, message);
        finding.place = self
            .connector
            .place("RouteAllMessagesViaOnPremises")
            .clone();
        finding.related.push(related);
        finding.remedy = vec![
            Remedy::Words(String::from(
                "Let the tenant send to the internet by itself, or let what comes from it leave the premises by a \
                 connector of its own:",
            )),
            Remedy::ExchangeOnline {
                tenant: self.tenant.name.clone(),
                command: format!(
                    "Set-OutboundConnector -Identity {} -RouteAllMessagesViaOnPremises $false",
                    quoted(&connector.name)
                ),
            },
        ];
        findings.push(finding);
    }

    /// The Send connector for `*`, or the relay where that leads to it or is not known.
    fn comes_back(&self, ours: &Ours, sent: &[Sent<'_>]) -> Option<(Related, String)> {
        let mut everything = sent.iter().filter(|sent| is_everything(sent)).peekable();
        let unknown = everything.peek().is_none();
        let mut to_relay = unknown;
        for connector in everything {
            let own = connector
                .route
                .tenant()
                .is_none_or(|tenant| tenant == self.number);
            if connector.online && own {
                let related = Related {
                    place: connector.place("AddressSpaces"),
                    what: format!("{} has the address space *", connector.object()),
                };
                return Some((related, connector.object()));
            }
            to_relay |= connector
                .connector
                .smart_hosts
                .iter()
                .any(|host| ours.has(host));
        }
        let written = self.model.inventory().relay.as_ref().filter(|_| to_relay);
        self.by_sender(&written?.written)
    }

    /// The relay's tenant that sends by sender, whoever the recipient is.
    fn by_sender(&self, written: &Written) -> Option<(Related, String)> {
        let mut routes = self.model.routes_to(self.number);
        routes.find_map(|route| {
            let Origin::Relay(number) = route.origin else {
                return None;
            };
            let tenant = written.tenants.get(number)?;
            let first = tenant.sender_domains.first()?;
            let place = Place {
                path: format!("tenant {:?}.sender_domains", name(tenant)),
                ..place(&first.at)
            };
            let what = String::from("the relay chooses this tenant by the sender");
            Some((Related { place, what }, String::from("the relay")))
        })
    }

    fn finding(&self, rule: &'static crate::rule::Rule, message: String) -> Finding {
        Finding {
            rule,
            severity: rule.severity,
            tenant: Some(self.tenant.name.clone()),
            object: format!("outbound connector {:?}", self.connector.value.name),
            place: self.connector.node.place.clone(),
            message,
            related: Vec::new(),
            remedy: Vec::new(),
            allowed: None,
        }
    }
}

/// A Send connector by which that very server sends a domain to the tenant.
fn sends(
    sent: &[Sent<'_>],
    tenant: usize,
    host: &SmartHost,
    domain: &DomainName,
) -> Option<Related> {
    let SmartHost::Name(host) = host else {
        return None;
    };
    let mut connectors = sent.iter().filter(|sent| sent.online);
    connectors.find_map(|sent| {
        let connector = sent.connector;
        let named = |name: &str| name.eq_ignore_ascii_case(host.as_str());
        let first = host.as_str().split('.').next().unwrap_or_default();
        let mut servers = connector.source_transport_servers.iter();
        let own = connector.fqdn.as_deref().is_some_and(named)
            || servers.any(|server| named(server) || server.eq_ignore_ascii_case(first));
        let mut spaces = connector.address_spaces.iter();
        let space = spaces.any(|space| space.space == domain.as_str());
        (own && space && sent.route.tenant() == Some(tenant)).then(|| Related {
            place: sent.place("AddressSpaces"),
            what: format!("{} sends {domain} to this tenant", sent.object()),
        })
    })
}

fn is_everything(sent: &Sent<'_>) -> bool {
    let mut spaces = sent.connector.address_spaces.iter();
    spaces.any(|space| space.space == "*")
}

fn takes(pattern: &Pattern, domain: &DomainName) -> bool {
    match pattern {
        Pattern::Exact(own) => own.as_str() == domain.as_str(),
        Pattern::Subtree(own) => super::within(domain.as_str(), own.as_str()),
    }
}

fn name(tenant: &written::Tenant) -> &str {
    let name = tenant.name.as_ref();
    name.map_or("(without a name)", |name| name.value.as_str())
}

fn shown(host: &SmartHost) -> String {
    match host {
        SmartHost::Name(name) => name.to_string(),
        SmartHost::Address(ip) => ip.to_string(),
        SmartHost::Unusable(text) => text.clone(),
    }
}

const MOST_RELATED: usize = 8;
