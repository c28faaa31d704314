//! Inbound connectors become `certificate_domains`: the names by which Exchange Online attributes, and
//! no others.

use tenantry_attribution::Pattern;
use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{
    DomainName, InboundConnector, SenderAddress, TenantIndex, TlsSenderCertificateName,
};

use super::draft::{Claim, Decided, Draft, Weight};
use super::text::listed;
use crate::inventory::{Exported, Tenant};
use crate::model::{Kind, Model, kind, written};

/// Takes over what a tenant's connectors say about certificates.
pub(super) fn claim(model: &Model<'_>, number: usize, tenant: &Tenant, draft: &mut Draft) {
    for (index, connector) in tenant.inbound_connectors.iter().enumerate() {
        let at = ConnectorRef {
            tenant: TenantIndex(number),
            connector: index,
        };
        if takes_part(connector, draft) {
            named(model, at, connector, draft);
        }
    }
    if tenant.inbound_connectors.is_empty() {
        let what = "no inbound connector of this tenant was given: add the output of Get-InboundConnector, or \
                    make a connector with what `tenantry connectors` prints";
        draft.note(Weight::Look, &tenant.place, what);
    }
}

/// Whether a connector attributes mail to its tenant; if not, that is told.
fn takes_part(connector: &Exported<InboundConnector>, draft: &mut Draft) -> bool {
    let name = &connector.value.name;
    let said = connector
        .value
        .tls_sender_certificate_name
        .as_ref()
        .map_or_else(String::new, |name| format!(" with {}", shown(name)));
    let (property, weight, what) = match kind(&connector.value) {
        Kind::Active => return true,
        Kind::Partner | Kind::DisabledPartner => (
            "ConnectorType",
            Weight::PassedOver,
            format!(
                "Partner connector {name:?}{said} is left out: it narrows what the tenant takes, and makes nobody's \
                 mail its own"
            ),
        ),
        Kind::Disabled => (
            "Enabled",
            Weight::Look,
            format!(
                "inbound connector {name:?}{said} is disabled and left out; enable it in Exchange Online and import \
                 again if it is meant"
            ),
        ),
        Kind::Diverted => (
            "TrustedOrganizations",
            Weight::Look,
            format!(
                "inbound connector {name:?}{said} is left out: with TrustedOrganizations Exchange Online looks at \
                 nothing else of it"
            ),
        ),
    };
    draft.note(weight, connector.place(property), what);
    false
}

fn named(
    model: &Model<'_>,
    at: ConnectorRef,
    connector: &Exported<InboundConnector>,
    draft: &mut Draft,
) {
    let name = &connector.value.name;
    let Some(certificate) = &connector.value.tls_sender_certificate_name else {
        without_certificate(connector, draft);
        return;
    };
    if !connector.value.sender_ip_addresses.is_empty() {
        let what = format!(
            "inbound connector {name:?} has {} beside its certificate name; the relay presents the certificate, so \
             addresses are not taken over",
            addresses(&connector.value)
        );
        draft.note(
            Weight::PassedOver,
            connector.place("SenderIPAddresses"),
            what,
        );
    }
    let exported = model
        .tenant(at.tenant.0)
        .is_some_and(|tenant| !tenant.accepted_domains.is_empty());
    // Without accepted domains nobody knows whether it counts: their own line keeps the file from being used.
    if !exported || model.attributes_by_name(at) {
        draft
            .certificate_domains
            .extend(entry(certificate, connector));
        return;
    }
    let text = shown(certificate);
    let (domain, is_exact) = match certificate {
        TlsSenderCertificateName::Exact(domain) => (Some(domain), true),
        TlsSenderCertificateName::Wildcard(domain) => (Some(domain), false),
        TlsSenderCertificateName::Unusable(_) => (None, false),
    };
    let why = match domain.map(|domain| accepted_above(model, at.tenant, domain)) {
        None => "it is no domain and matches no certificate".to_owned(),
        Some(Some(parent)) if is_exact => format!(
            "only {parent} is accepted, so Exchange Online does not attribute by it; verify {text} as a domain of the \
             tenant and import again"
        ),
        Some(_) => {
            "it is no accepted domain of the tenant, so Exchange Online does not attribute by it"
                .to_owned()
        }
    };
    let what =
        format!("TlsSenderCertificateName {text} of inbound connector {name:?} is left out: {why}");
    draft.note(
        Weight::Look,
        connector.place("TlsSenderCertificateName"),
        what,
    );
}

/// The accepted domain of the tenant that is closest above.
fn accepted_above(
    model: &Model<'_>,
    tenant: TenantIndex,
    domain: &DomainName,
) -> Option<DomainName> {
    let mut above = domain.parent();
    while let Some(name) = above {
        if model.covering(tenant.0, &name).is_some() {
            return Some(name);
        }
        above = name.parent();
    }
    None
}

fn without_certificate(connector: &Exported<InboundConnector>, draft: &mut Draft) {
    let name = &connector.value.name;
    if connector.value.sender_ip_addresses.is_empty() {
        let what = format!(
            "inbound connector {name:?} has neither certificate name nor addresses: it matches nothing, and is \
             left out"
        );
        draft.note(Weight::Look, &connector.node.place, what);
        return;
    }
    let what = format!(
        "inbound connector {name:?} knows its servers by {} alone, which is left out: the relay presents a \
         certificate; `tenantry connectors` prints a connector for it. Senders at these addresses need a [[peer]]",
        addresses(&connector.value)
    );
    draft.note(Weight::Look, connector.place("SenderIPAddresses"), what);
}

/// The claim, unless a connector before has made the same.
fn entry(
    certificate: &TlsSenderCertificateName,
    connector: &Exported<InboundConnector>,
) -> Option<Decided<Claim>> {
    let pattern = Pattern::parse(&written(certificate)).ok()?;
    Some(Decided::Known(Claim {
        pattern,
        place: connector.place("TlsSenderCertificateName").clone(),
        origin: format!(
            "TlsSenderCertificateName of inbound connector {:?}",
            connector.value.name
        ),
    }))
}

/// For messages: what is no domain in quotes.
fn shown(name: &TlsSenderCertificateName) -> String {
    match name {
        TlsSenderCertificateName::Exact(_) | TlsSenderCertificateName::Wildcard(_) => written(name),
        TlsSenderCertificateName::Unusable(text) => format!("{text:?}"),
    }
}

fn addresses(connector: &InboundConnector) -> String {
    let listing = connector
        .sender_ip_addresses
        .iter()
        .map(|address| match address {
            SenderAddress::Network(network) if network.prefix_len() == 32 => {
                network.addr().to_string()
            }
            SenderAddress::Network(network) => network.to_string(),
            SenderAddress::Unusable(text) => format!("{text:?}"),
        });
    format!("address {}", listed(listing))
}
