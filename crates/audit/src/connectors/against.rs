//! What is missing in an exported tenant for Exchange Online to know the relay's mail as its own.

use std::net::{IpAddr, Ipv4Addr};

use tenantry_lab::attribution::{Attribution, Basis, Certificate, ConnectorRef, Submission};
use tenantry_lab::world::{
    DomainName, InboundConnector, TlsSenderCertificateName, Wildcard, certificate_name,
};

use super::script::{HYBRID, NAMELESS, Script};
use super::wanted::Wanted;
use crate::inventory::Exported;
use crate::model::{Kind, Model, Origin, kind};
use crate::powershell::{boolean, quoted};

/// The exported tenant of a tenant of the relay.
pub(super) fn exported(model: &Model<'_>, name: &str) -> Option<usize> {
    let relay = model.inventory().relay.as_ref()?;
    let mut routes = model.routes().iter();
    let route = routes.find(|route| match route.origin {
        Origin::Relay(at) => {
            let tenant = relay.written.tenants.get(at);
            let own = tenant.and_then(|tenant| tenant.name.as_ref());
            own.is_some_and(|own| own.value == name)
        }
        Origin::SendConnector(_) => false,
    })?;
    route.tenant()
}

/// The script for what is missing; none if nothing is.
pub(super) fn missing(model: &Model<'_>, tenant: usize, wanted: &Wanted) -> Option<Script> {
    let mut script = Script::new(wanted);
    let begun = script.lines.len();
    let Some(name) = wanted.written_name() else {
        script.comment(NAMELESS);
        return Some(script);
    };
    let found = asked(model, wanted);
    let whose = found.tenant.filter(|_| found.basis == Basis::Certificate);
    let mut domains: Vec<DomainName> = Vec::new();
    match (whose, found.connector) {
        (Some(owner), Some(at)) if owner.0 == tenant => credited(model, at, wanted, &mut script),
        (owner, _) => {
            if let Some(owner) = owner {
                captured(model, owner.0, found.connector, &name, &mut script);
            }
            domains.extend(connector(model, tenant, wanted, &name, &mut script));
        }
    }
    let mail = wanted.domains.iter().map(|(_, domain)| domain);
    let mail = mail.filter(|domain| model.covering(tenant, domain).is_none());
    for domain in mail {
        if !domains.contains(domain) {
            domains.push(domain.clone());
        }
    }
    script.verify(domains.iter());
    (script.lines.len() > begun).then_some(script)
}

/// A connector attributes the relay's mail; what else it should be.
fn credited(model: &Model<'_>, at: ConnectorRef, wanted: &Wanted, script: &mut Script) {
    let Some(connector) = model.connector(at) else {
        return;
    };
    let connector = &connector.value;
    // Both at once are refused, and which one is meant is for the tenant to say.
    if wanted.hybrid
        && !connector.cloud_services_mail_enabled
        && !connector.treat_messages_as_internal
    {
        script.comment(HYBRID);
        script.command(format!(
            "Set-InboundConnector -Identity {} -CloudServicesMailEnabled {}",
            quoted(&connector.name),
            boolean(true)
        ));
    }
}

/// Another tenant's connector takes the relay's certificate.
fn captured(
    model: &Model<'_>,
    owner: usize,
    at: Option<ConnectorRef>,
    name: &str,
    script: &mut Script,
) {
    let connector = at.and_then(|at| model.connector(at));
    let shown = connector.map_or_else(String::new, |connector| {
        format!(
            " by its connector {:?} at {}",
            connector.value.name, connector.node.place
        )
    });
    script.comment(&format!(
        "At present Exchange Online gives mail with the certificate {name} to {:?}{shown}. The most specific accepted \
         domain wins: unless {name} is accepted here and has a connector here, that one has to be narrowed (EXO-L03, \
         EXO-L05).",
        model.tenant_name(owner)
    ));
}

/// Makes a connector that counts: of what is there, if it can be; the domain that it needs comes back.
fn connector(
    model: &Model<'_>,
    tenant: usize,
    wanted: &Wanted,
    name: &str,
    script: &mut Script,
) -> Option<DomainName> {
    let described = model.tenant(tenant)?;
    let fitting = |connector: &&Exported<InboundConnector>| fits(&connector.value, wanted);
    let of = |wanted: Kind| {
        let mut connectors = described.inbound_connectors.iter();
        connectors.find(|connector| kind(&connector.value) == wanted && fitting(connector))
    };
    let ours = described.inbound_connectors.iter().find(|connector| {
        connector.value.name.eq_ignore_ascii_case(&wanted.connector)
            && matches!(kind(&connector.value), Kind::Active | Kind::Disabled)
    });
    if let Some(active) = of(Kind::Active) {
        script.comment(&format!(
            "Connector {:?} at {} knows the relay's certificate and does not count, because its name is no accepted \
             domain of the tenant (EXO-L01, EXO-L06).",
            active.value.name,
            active.place("TlsSenderCertificateName")
        ));
        return needed(&active.value).filter(|domain| !covered(model, tenant, domain));
    }
    if let Some(disabled) = of(Kind::Disabled) {
        script.comment(&format!(
            "It is disabled at {} (EXO-L12).",
            disabled.place("Enabled")
        ));
        script.command(format!(
            "Set-InboundConnector -Identity {} -Enabled {}",
            quoted(&disabled.value.name),
            boolean(true)
        ));
        return needed(&disabled.value).filter(|domain| !covered(model, tenant, domain));
    }
    if let Some(ours) = ours {
        script.comment(&format!(
            "It does not know the certificate that the relay presents: {}.",
            ours.place("TlsSenderCertificateName")
        ));
        script.about_name(wanted, name);
        script.command(format!(
            "Set-InboundConnector -Identity {} -TlsSenderCertificateName {} -Enabled {}",
            quoted(&ours.value.name),
            quoted(name),
            boolean(true)
        ));
    } else {
        script.new_connector(wanted, name);
    }
    let domain = wanted.certificate_domain()?;
    (!covered(model, tenant, domain)).then(|| domain.clone())
}

/// Whether its certificate name takes one of the relay's.
fn fits(connector: &InboundConnector, wanted: &Wanted) -> bool {
    let Some(name) = &connector.tls_sender_certificate_name else {
        return false;
    };
    let mut names = wanted
        .names
        .iter()
        .filter_map(|name| certificate_name(name));
    names.any(|(wildcard, host)| match name {
        TlsSenderCertificateName::Exact(own) => wildcard == Wildcard::No && host == *own,
        TlsSenderCertificateName::Wildcard(own) => host.is_within(own),
        TlsSenderCertificateName::Unusable(_) => false,
    })
}

/// The domain that makes a connector count.
fn needed(connector: &InboundConnector) -> Option<DomainName> {
    match connector.tls_sender_certificate_name.as_ref()? {
        TlsSenderCertificateName::Exact(domain) | TlsSenderCertificateName::Wildcard(domain) => {
            Some(domain.clone())
        }
        TlsSenderCertificateName::Unusable(_) => None,
    }
}

fn covered(model: &Model<'_>, tenant: usize, domain: &DomainName) -> bool {
    model.covering(tenant, domain).is_some()
}

/// What Exchange Online makes of mail with the relay's certificate and nothing else to go by.
fn asked(model: &Model<'_>, wanted: &Wanted) -> Attribution {
    let mut transaction = model.forest().begin(&Submission {
        certificate: Certificate::Trusted {
            names: &wanted.names,
        },
        ip: NOBODY,
        tls: true,
        region: None,
        mail_from: "",
        header_from: None,
    });
    transaction.recipient(model.forest(), OUTSIDE)
}

/// Documentation's own address (RFC 5737): no connector has it.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 254));
/// No tenant accepts it (RFC 6761).
const OUTSIDE: &str = "postmaster@tenantry-probe.invalid";
