//! Ways from the premises to Exchange Online and back: Send connectors, outbound connectors, and
//! what all of them are called.
//!
//! A Send connector is looked at if it is enabled. What its export leaves out is not known, which is
//! not the same as its default.

mod certificate;
mod host;
mod loops;
mod settings;
mod space;
mod table;
mod target;

use std::net::IpAddr;

use ipnet::Ipv4Net;
use tenantry_lab::export::{SendConnector, SmartHost};
use tenantry_lab::world::Place;

use super::Group;
use crate::finding::{Finding, Remedy};
use crate::inventory::Exported;
use crate::model::{Model, Origin, Route, exchange_online, is_loopback};
use crate::powershell::quoted;
use crate::rule::Rule;

pub(super) const GROUP: Group = Group {
    rules: table::RULES,
    check,
};

fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let sent = Sent::all(model);
    loops::check(model, &sent, findings);
    for connector in &sent {
        settings::check(connector, findings);
    }
    certificate::check(model, &sent, findings);
    space::check(model, &sent, findings);
    host::check(model, &sent, findings);
}

/// An enabled Send connector.
struct Sent<'a> {
    /// The tenant that it is for, if that is known.
    tenant: Option<&'a str>,
    route: &'a Route,
    exported: &'a Exported<SendConnector>,
    connector: &'a SendConnector,
    /// Whether its mail goes to Exchange Online.
    online: bool,
    /// The name that its server has, or should have: its Fqdn, or a name of the tenant's.
    own: String,
}

impl<'a> Sent<'a> {
    fn all(model: &'a Model<'_>) -> Vec<Self> {
        let connectors = &model.inventory().send_connectors;
        let routes = model.routes().iter();
        routes
            .filter_map(|route| {
                let Origin::SendConnector(number) = route.origin else {
                    return None;
                };
                let exported = connectors.get(number)?;
                let connector = &exported.value;
                connector.enabled.then(|| Self {
                    tenant: route.tenant().map(|tenant| model.tenant_name(tenant)),
                    route,
                    exported,
                    connector,
                    online: is_online(connector),
                    own: own_name(model, route, connector),
                })
            })
            .collect()
    }

    /// As findings name it.
    fn object(&self) -> String {
        object(&self.connector.name)
    }

    fn place(&self, property: &str) -> Place {
        self.exported.place(property).clone()
    }

    /// Whether the export has a property, be it null.
    fn tells(&self, property: &str) -> bool {
        self.exported.node.property(property).is_some()
    }

    fn finding(&self, rule: &'static Rule, property: &str, message: String) -> Finding {
        Finding {
            rule,
            severity: rule.severity,
            tenant: self.tenant.map(str::to_owned),
            object: self.object(),
            place: self.place(property),
            message,
            related: Vec::new(),
            remedy: Vec::new(),
            allowed: None,
        }
    }

    /// `Set-SendConnector` with these parameters.
    fn set(&self, parameters: &str) -> Remedy {
        Remedy::ExchangeServer {
            command: format!(
                "Set-SendConnector -Identity {} {parameters}",
                quoted(&self.connector.name)
            ),
        }
    }
}

fn own_name(model: &Model<'_>, route: &Route, connector: &SendConnector) -> String {
    let fqdn = connector.fqdn.clone();
    let fqdn = fqdn.filter(|name| host::improper(name).is_none());
    let tenants = || certificate::own_name(model, route.tenant()?);
    fqdn.or_else(tenants)
        .unwrap_or_else(|| String::from("mail.contoso.com"))
}

fn object(name: &str) -> String {
    format!("Send connector {name:?}")
}

/// Whether a Send connector hands its mail to Exchange Online: by its smart hosts, by the name that
/// it wants to see there, or by the domain of a tenant's mailboxes.
fn is_online(connector: &SendConnector) -> bool {
    if connector.tls_domain.as_deref().is_some_and(is_service) {
        return true;
    }
    if !connector.smart_hosts.is_empty() {
        return connector.smart_hosts.iter().any(|host| match host {
            SmartHost::Name(name) => is_service(name.as_str()),
            SmartHost::Address(ip) => is_service_address(*ip),
            SmartHost::Unusable(_) => false,
        });
    }
    let mut spaces = connector.address_spaces.iter();
    connector.cloud_services_mail_enabled
        || spaces.any(|space| space.space.ends_with(".onmicrosoft.com"))
}

/// A name of Exchange Online, the national clouds' among them.
fn is_service(name: &str) -> bool {
    let name = name
        .trim_start_matches("*.")
        .trim_end_matches('.')
        .to_ascii_lowercase();
    exchange_online(&name) || NATIONAL.iter().any(|national| within(&name, national))
}

fn within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// An address of Exchange Online, by the networks that Microsoft publishes for Exchange Online
/// Protection.
fn is_service_address(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => SERVICE.iter().any(|(network, length)| {
            Ipv4Net::new((*network).into(), *length).is_ok_and(|network| network.contains(&ip))
        }),
        IpAddr::V6(ip) => matches!(ip.segments(), [0x2a01, 0x0111, 0xf400..=0xf403, ..]),
    }
}

/// Endpoints of the national clouds.
const NATIONAL: [&str; 2] = ["protection.office365.us", "protection.partner.outlook.cn"];

/// Microsoft 365 URLs and IP address ranges, row 10.
const SERVICE: [([u8; 4], u8); 4] = [
    ([40, 92, 0, 0], 15),
    ([40, 107, 0, 0], 16),
    ([52, 100, 0, 0], 14),
    ([104, 47, 0, 0], 17),
];

/// Whether an address can be reached from elsewhere at all.
fn is_remote(ip: IpAddr) -> bool {
    !is_loopback(ip)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn addresses_of_the_service_are_known() {
        for (address, known) in [
            ("40.92.1.2", true),
            ("40.107.255.1", true),
            ("52.103.0.1", true),
            ("104.47.127.255", true),
            ("::ffff:104.47.1.1", true),
            ("2a01:111:f403::1", true),
            ("104.47.128.0", false),
            ("10.0.0.1", false),
            ("2a01:111:f500::1", false),
        ] {
            assert_eq!(
                is_service_address(address.parse().unwrap()),
                known,
                "{address}"
            );
        }
    }
}
