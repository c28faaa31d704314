//! Where mail is handed to, and what its senders call themselves: EXO-L30 and EXO-L40.

use std::net::IpAddr;

use tenantry_attribution::Pattern;
use tenantry_lab::export::SmartHost;
use tenantry_lab::world::{DomainName, Place};
use tenantry_relay::config::Setting;
use tenantry_relay::config::written::Tenant;

use super::{Sent, is_remote, is_service, is_service_address, table, within};
use crate::finding::{Finding, Remedy};
use crate::inventory::Relay;
use crate::model::{Model, Origin, Route, may_be_mx, mx_label, place};
use crate::powershell::quoted;

pub(super) fn check(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    for connector in sent.iter().filter(|connector| connector.online) {
        smart_hosts(model, connector, findings);
        if let Some(what) = connector.connector.fqdn.as_deref().and_then(improper) {
            fqdn(connector, &what, findings);
        }
    }
    let Some(relay) = &model.inventory().relay else {
        return;
    };
    for (number, tenant) in relay.written.tenants.iter().enumerate() {
        upstreams(model, relay, number, tenant, findings);
        if let Some(helo) = &tenant.helo {
            called(relay, Some(tenant), helo, findings);
        }
    }
    if let Some(hostname) = &relay.written.hostname {
        called(relay, None, hostname, findings);
    }
}

fn smart_hosts(model: &Model<'_>, sent: &Sent<'_>, findings: &mut Vec<Finding>) {
    for (index, host) in sent.connector.smart_hosts.iter().enumerate() {
        let what = match host {
            SmartHost::Address(ip) if is_remote(*ip) => {
                format!("has SmartHosts {ip}, an address that may be another region's tomorrow")
            }
            SmartHost::Name(name) => match wrong(name.as_str()) {
                Some(wrong) => format!("has SmartHosts {name}, {wrong}"),
                None => match of_another(model, sent, name.as_str()) {
                    Some(other) => format!("has SmartHosts {name}, {other}"),
                    None => continue,
                },
            },
            SmartHost::Address(_) | SmartHost::Unusable(_) => continue,
        };
        let mut finding = sent.finding(&table::HOST, "SmartHosts", what);
        finding.place = sent.exported.element("SmartHosts", index).clone();
        let for_tenant = tenants_of_spaces(model, sent).first().copied();
        let for_tenant = for_tenant.map(|tenant| model.tenant_name(tenant).to_owned());
        finding.tenant = for_tenant.or(finding.tenant);
        finding.remedy = match own_host(model, sent) {
            Some(own) => vec![sent.set(&format!("-SmartHosts {}", quoted(&own)))],
            None => vec![Remedy::Words(String::from(MX))],
        };
        findings.push(finding);
        // One repair for all hosts of the connector.
        return;
    }
}

/// Whose MX name a smart host is, if the address spaces are another's.
fn of_another(model: &Model<'_>, sent: &Sent<'_>, host: &str) -> Option<String> {
    let tenants = tenants_of_spaces(model, sent);
    let first = tenants.first()?;
    match model.mx_owner(host) {
        Some(owner) => (!tenants.contains(&owner))
            .then(|| format!("the MX name of tenant {:?}", model.tenant_name(owner))),
        None => foreign(model, host, &tenants, model.tenant_name(*first)),
    }
}

/// Whose MX name a host is that is none of these tenants', nor of any that was exported.
fn foreign(model: &Model<'_>, host: &str, tenants: &[usize], name: &str) -> Option<String> {
    model
        .is_foreign_mx(host, tenants)
        .then(|| format!("the MX name of a domain that {name} has not accepted"))
}

/// The exported tenants that accept the domains of a connector's address spaces.
fn tenants_of_spaces(model: &Model<'_>, sent: &Sent<'_>) -> Vec<usize> {
    let spaces = sent.connector.address_spaces.iter();
    let domains = spaces.filter_map(|space| {
        let domain = space.space.strip_prefix("*.").unwrap_or(&space.space);
        DomainName::parse(domain).ok()
    });
    let listings = domains.flat_map(|domain| model.listing(&domain));
    listings.map(|(tenant, _)| *tenant).collect()
}

/// The MX name of the tenant that a connector is for.
fn own_host(model: &Model<'_>, sent: &Sent<'_>) -> Option<String> {
    let by_spaces = tenants_of_spaces(model, sent).first().copied();
    own_mx(model, by_spaces.or(sent.route.tenant())?)
}

/// The MX name of an exported tenant: that of its default domain, or of the first of its own.
fn own_mx(model: &Model<'_>, tenant: usize) -> Option<String> {
    let domains =
        || {
            let domains = model.tenant(tenant)?.accepted_domains.iter();
            Some(domains.map(|domain| &domain.value).filter(|domain| {
                !domain.initial && !within(domain.domain.as_str(), "onmicrosoft.com")
            }))
        };
    let default = domains()?.find(|domain| domain.default);
    let domain = default.or_else(|| domains()?.next())?;
    let label = domain.domain.as_str().replace('.', "-");
    Some(format!("{label}.mail.protection.outlook.com"))
}

/// What is wrong with a name of the service, whoever it is for.
fn wrong(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.');
    if LEGACY.iter().any(|legacy| within(host, legacy)) {
        return Some("a name of the service's past");
    }
    if SUBMISSION.contains(&host) {
        return Some(
            "where users submit mail with a password, not where a tenant's servers deliver",
        );
    }
    let first = host.split('.').next().unwrap_or_default();
    let outlook = within(host, "protection.outlook.com");
    let label = mx_label(host).is_some() && first.contains('-');
    (outlook && !label).then_some("a host or region of the service, and no tenant's MX name")
}

/// Upstreams of a tenant of the relay; another tenant's name is TNY-14's.
fn upstreams(
    model: &Model<'_>,
    relay: &Relay,
    number: usize,
    tenant: &Tenant,
    findings: &mut Vec<Finding>,
) {
    let name = tenant.name.as_ref().map(|name| name.value.clone());
    let named = tenant.upstream_name.as_ref();
    let service = named.is_some_and(|name| is_service(&name.value));
    let mut routes = model.routes().iter();
    let route = routes.find(|route| route.origin == Origin::Relay(number));
    let exported = route.and_then(Route::tenant);
    for upstream in &tenant.upstreams {
        let host = upstream.value.host.as_str();
        let what = match host.parse::<IpAddr>() {
            Ok(ip) if is_service_address(ip) || (service && is_remote(ip)) => {
                format!("has upstream {ip}, an address that may be another region's tomorrow")
            }
            Ok(_) => continue,
            Err(_) => {
                let wrong = wrong(host).map(str::to_owned);
                match wrong.or_else(|| unaccepted(model, exported?, host)) {
                    Some(wrong) => format!("has upstream {host}, {wrong}"),
                    None => continue,
                }
            }
        };
        let own = exported.and_then(|exported| own_mx(model, exported));
        findings.push(Finding {
            rule: &table::HOST,
            severity: table::HOST.severity,
            tenant: name.clone(),
            object: section(relay, Some(tenant)),
            place: key(upstream, relay, Some(tenant), "upstream"),
            message: what,
            related: Vec::new(),
            remedy: match own {
                None => vec![Remedy::Words(String::from(MX))],
                Some(own) => vec![Remedy::Toml {
                    file: upstream.at.file.display().to_string(),
                    text: format!("upstream = \"{own}:25\""),
                }],
            },
            allowed: None,
        });
    }
}

/// What is wrong with an upstream of a tenant if it is the MX name of a domain that nobody has accepted.
fn unaccepted(model: &Model<'_>, tenant: usize, host: &str) -> Option<String> {
    if model.mx_owner(host).is_some() || is_relays(model, host) {
        return None;
    }
    foreign(model, host, &[tenant], model.tenant_name(tenant))
}

/// Whether a host may be the MX of a domain of any tenant of the relay's: TNY-14 tells of another's.
fn is_relays(model: &Model<'_>, host: &str) -> bool {
    let (Some(relay), Some(label)) = (&model.inventory().relay, mx_label(host)) else {
        return false;
    };
    relay.written.tenants.iter().any(|tenant| {
        let domains = [
            &tenant.sender_domains,
            &tenant.recipient_domains,
            &tenant.certificate_domains,
        ];
        domains.into_iter().flatten().any(|pattern| {
            let (Pattern::Exact(domain) | Pattern::Subtree(domain)) = &pattern.value;
            DomainName::parse(domain.as_str()).is_ok_and(|domain| may_be_mx(&label, &domain))
        })
    })
}

fn fqdn(sent: &Sent<'_>, what: &str, findings: &mut Vec<Finding>) {
    let name = sent.connector.fqdn.as_deref().unwrap_or_default();
    let message = format!("has Fqdn {name:?}, {what}");
    let mut finding = sent.finding(&table::NAME, "Fqdn", message);
    finding.remedy = vec![
        Remedy::Words(String::from("Name the server as the Internet knows it:")),
        sent.set(&format!("-Fqdn {}", quoted(&sent.own))),
    ];
    findings.push(finding);
}

/// `hostname` and `helo`.
fn called(
    relay: &Relay,
    tenant: Option<&Tenant>,
    setting: &Setting<String>,
    findings: &mut Vec<Finding>,
) {
    let Some(what) = improper(&setting.value) else {
        return;
    };
    let word = match tenant {
        Some(_) => "helo",
        None => "hostname",
    };
    findings.push(Finding {
        rule: &table::NAME,
        severity: table::NAME.severity,
        tenant: tenant.and_then(|tenant| Some(tenant.name.as_ref()?.value.clone())),
        object: section(relay, tenant),
        place: key(setting, relay, tenant, word),
        message: format!("has {word} {:?}, {what}", setting.value),
        related: Vec::new(),
        remedy: vec![
            Remedy::Words(String::from(
                "Use the full name of this host, to which its address leads back:",
            )),
            Remedy::Toml {
                file: setting.at.file.display().to_string(),
                text: format!("{word} = \"relay.corp.example\""),
            },
        ],
        allowed: None,
    });
}

/// Why a name is none to call oneself by.
pub(super) fn improper(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name.parse::<IpAddr>().is_ok() {
        return Some(String::from("an address and no name"));
    }
    if SERVICE.iter().any(|service| within(&name, service)) {
        return Some(String::from("a name of Exchange Online"));
    }
    if name == "localhost" || name.starts_with("localhost.") {
        return Some(String::from("the name of every host"));
    }
    (!name.contains('.')).then(|| String::from("which is not fully qualified"))
}

fn section(relay: &Relay, tenant: Option<&Tenant>) -> String {
    match tenant {
        None => format!("configuration {:?}", relay.path.display().to_string()),
        Some(tenant) => {
            let name = tenant.name.as_ref().map(|name| name.value.as_str());
            format!("tenant {:?}", name.unwrap_or("(without a name)"))
        }
    }
}

fn key<T>(setting: &Setting<T>, relay: &Relay, tenant: Option<&Tenant>, key: &str) -> Place {
    Place {
        path: match tenant {
            None => key.to_owned(),
            Some(_) => format!("{}.{key}", section(relay, tenant)),
        },
        ..place(&setting.at)
    }
}

const MX: &str = "Name the MX of one of the tenant's own domains, as the admin center shows it";

/// Of Forefront Online Protection, and of the FrontBridge before it.
const LEGACY: [&str; 2] = ["messaging.microsoft.com", "frontbridge.com"];

/// Endpoints for client submission.
const SUBMISSION: [&str; 2] = ["smtp.office365.com", "outlook.office365.com"];

/// Domains in which only the service has hosts.
const SERVICE: [&str; 6] = [
    "outlook.com",
    "office365.com",
    "mx.microsoft",
    "office365.us",
    "partner.outlook.cn",
    "messaging.microsoft.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tenants_mx_names_are_right() {
        for (host, right) in [
            ("contoso-com.mail.protection.outlook.com", true),
            ("contoso-com.mail.protection.outlook.com.", true),
            ("contoso-com.b-v1.mx.microsoft", true),
            ("mx.contoso.com", true),
            ("mail.protection.outlook.com", false),
            ("eur.mail.protection.outlook.com", false),
            ("outlook-com.olc.protection.outlook.com", false),
            ("am5eur02ft037.eop-eur02.prod.protection.outlook.com", false),
            ("mail.messaging.microsoft.com", false),
            ("contoso.com.mail1.frontbridge.com", false),
            ("smtp.office365.com", false),
        ] {
            assert_eq!(wrong(host).is_none(), right, "{host}");
        }
    }

    #[test]
    fn a_name_to_call_oneself_by_is_full_and_ones_own() {
        for (name, proper) in [
            ("relay.corp.example", true),
            ("mail.contoso.com.", true),
            ("ex01.corp.local", true),
            ("relay", false),
            ("localhost", false),
            ("localhost.localdomain", false),
            ("10.0.0.1", false),
            ("mail.protection.outlook.com", false),
            ("CONTOSO-COM.mail.protection.outlook.com", false),
            ("contoso-com.b-v1.mx.microsoft", false),
            ("myoutlook.com", true),
        ] {
            assert_eq!(improper(name).is_none(), proper, "{name}");
        }
    }
}
