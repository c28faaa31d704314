//! What has become of a name, and of the certificate that the relay presents.

use tenantry_attribution::Pattern;
use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{
    DomainName, InboundConnector, Place, TenantIndex, TlsSenderCertificateName, Wildcard,
};

use super::claims::{List, Sides};
use super::{Comparison, Difference, Kind};
use crate::import::text::listed;
use crate::inventory::Exported;
use crate::model::{self, Model, Origin, written};

/// Why a tenant does not have a name any more, if its exports say, and where.
pub(super) fn why_gone(
    model: &Model<'_>,
    tenant: usize,
    list: List,
    pattern: &Pattern,
) -> Option<(Place, String)> {
    match list {
        List::Certificate => connector_gone(model, tenant, pattern),
        List::Sender | List::Recipient => domain_gone(model, tenant, pattern),
    }
}

fn domain_gone(model: &Model<'_>, tenant: usize, pattern: &Pattern) -> Option<(Place, String)> {
    let mut domains = model.tenant(tenant)?.accepted_domains.iter();
    let domain = domains.find(|domain| {
        domain.value.domain.as_str() == pattern.domain().as_str() && domain.value.pending
    })?;
    let place = domain.place("DomainName").clone();
    Some((place, "the domain is pending".to_owned()))
}

fn connector_gone(model: &Model<'_>, tenant: usize, pattern: &Pattern) -> Option<(Place, String)> {
    let connectors = &model.tenant(tenant)?.inbound_connectors;
    let is_it = |connector: &Exported<InboundConnector>| {
        let name = connector.value.tls_sender_certificate_name.as_ref();
        name.is_some_and(|name| is_pattern(name, pattern))
    };
    let same = connectors.iter().enumerate().find(|(_, one)| is_it(one));
    if let Some((index, connector)) = same {
        let at = ConnectorRef {
            tenant: TenantIndex(tenant),
            connector: index,
        };
        let (property, why) = match model::kind(&connector.value) {
            model::Kind::Disabled => ("Enabled", "is disabled"),
            model::Kind::Partner | model::Kind::DisabledPartner => {
                ("ConnectorType", "is of type Partner")
            }
            model::Kind::Diverted => ("TrustedOrganizations", "has TrustedOrganizations"),
            model::Kind::Active if !model.attributes_by_name(at) => (
                "TlsSenderCertificateName",
                "has a name that is no accepted domain any more",
            ),
            model::Kind::Active => ("TlsSenderCertificateName", "has it in other words"),
        };
        let why = format!("inbound connector {:?} {why}", connector.value.name);
        return Some((connector.place(property).clone(), why));
    }
    let by_address = connectors.iter().find(|connector| {
        model::kind(&connector.value) == model::Kind::Active
            && connector.value.tls_sender_certificate_name.is_none()
            && !connector.value.sender_ip_addresses.is_empty()
    })?;
    let why = format!(
        "inbound connector {:?} knows its servers by address alone",
        by_address.value.name
    );
    Some((by_address.place("SenderIPAddresses").clone(), why))
}

fn is_pattern(name: &TlsSenderCertificateName, pattern: &Pattern) -> bool {
    match (name, pattern) {
        (TlsSenderCertificateName::Exact(own), Pattern::Exact(other))
        | (TlsSenderCertificateName::Wildcard(own), Pattern::Subtree(other)) => {
            own.as_str() == other.as_str()
        }
        (
            TlsSenderCertificateName::Exact(_)
            | TlsSenderCertificateName::Wildcard(_)
            | TlsSenderCertificateName::Unusable(_),
            Pattern::Exact(_) | Pattern::Subtree(_),
        ) => false,
    }
}

/// Whether some connector of each tenant still knows the certificate that the relay presents.
pub(super) fn identities(model: &Model<'_>, sides: &Sides<'_>, comparison: &mut Comparison) {
    for route in model.routes() {
        let Origin::Relay(at) = route.origin else {
            continue;
        };
        let draft = sides
            .exported(at)
            .and_then(|tenant| sides.import.drafts.get(tenant));
        let described = sides.relay.written.tenants.get(at);
        let setting = described.and_then(|tenant| tenant.certificate.as_ref());
        let (Some(draft), Some(setting)) = (draft, setting) else {
            continue;
        };
        let certificate = route.certificate.and_then(|file| model.certificate(file));
        let Some((certificate, leaf)) =
            certificate.and_then(|file| Some((file, file.chain.first()?)))
        else {
            comparison.notes.push(format!(
                "{}: {} cannot be read, so whether the tenant's connectors know it was not compared",
                model::place(&setting.at),
                setting.value.display()
            ));
            continue;
        };
        let known = draft.certificate_claims().any(|claim| {
            let mut names = leaf.names.iter();
            names.any(|(wildcard, name)| takes(&claim.pattern, *wildcard, name))
        });
        if known {
            continue;
        }
        let names = leaf.names.iter().map(|(wildcard, name)| {
            let name = name.clone();
            written(&match wildcard {
                Wildcard::Yes => TlsSenderCertificateName::Wildcard(name),
                Wildcard::No => TlsSenderCertificateName::Exact(name),
            })
        });
        let claims = listed(
            draft
                .certificate_claims()
                .map(|claim| claim.pattern.to_string()),
        );
        comparison.differences.push(Difference {
            kind: Kind::Identity,
            tenant: sides.name(at),
            subject: certificate.path.display().to_string(),
            keys: vec!["certificate"],
            from: Some(listed(names)),
            to: (!claims.is_empty()).then_some(claims),
            why: Some(
                "no connector of the tenant attributes by a name of this certificate".to_owned(),
            ),
            configured: Some(model::place(&setting.at)),
            exported: draft
                .certificate_claims()
                .next()
                .map(|claim| claim.place.clone()),
        });
    }
}

/// Whether a pattern takes a certificate's name (`exchange-online.md` section 1.4).
pub(in crate::import) fn takes(pattern: &Pattern, wildcard: Wildcard, name: &DomainName) -> bool {
    match pattern {
        Pattern::Exact(domain) => wildcard == Wildcard::No && name.as_str() == domain.as_str(),
        Pattern::Subtree(domain) => {
            name.as_str() == domain.as_str()
                || name
                    .as_str()
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}
