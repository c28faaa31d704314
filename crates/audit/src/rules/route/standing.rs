//! How a route stands with its tenant's connectors.

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, Place, TlsSenderCertificateName};
use tenantry_relay::config::written;

use crate::model::{self, Kind, Model, Origin, Route};
use crate::rules::connector::misnamed;
use crate::rules::wording::some_of;

/// What the tenant's active connectors make of what a route presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A connector matches, and its domain is accepted.
    Attributed,
    /// One matches, and its domain is not accepted.
    Matched,
    /// None matches.
    Unmatched,
    /// It is not known what is presented.
    Unknown,
}

/// Of a certificate that has expired it is its names that count here.
pub(super) fn standing(model: &Model<'_>, route: &Route) -> Standing {
    let Some(tenant) = route.tenant() else {
        return Standing::Unknown;
    };
    let presented = Presented::of(model, route);
    let matches = |at: ConnectorRef, name: &TlsSenderCertificateName| match &presented {
        Presented::Certificate(file) => model.matches(at, *file),
        Presented::Named(fqdn) => takes(name, fqdn),
        Presented::Unknown => false,
    };
    if matches!(presented, Presented::Unknown) {
        return Standing::Unknown;
    }
    let mut standing = Standing::Unmatched;
    for (at, exported) in model.connectors_of(tenant, Kind::Active) {
        let name = exported.value.tls_sender_certificate_name.as_ref();
        if name.is_some_and(|name| matches(at, name)) {
            if model.attributes_by_name(at) {
                return Standing::Attributed;
            }
            standing = Standing::Matched;
        }
    }
    standing
}

/// What a route presents.
enum Presented {
    /// This certificate.
    Certificate(usize),
    /// One that the server chooses by its own name, as it has none named.
    Named(DomainName),
    Unknown,
}

impl Presented {
    fn of(model: &Model<'_>, route: &Route) -> Self {
        if let Some(file) = route.certificate {
            return Self::Certificate(file);
        }
        let Origin::SendConnector(number) = route.origin else {
            return Self::Unknown;
        };
        let connectors = &model.inventory().send_connectors;
        let Some(connector) = connectors.get(number).map(|connector| &connector.value) else {
            return Self::Unknown;
        };
        if connector.tls_certificate_name.is_some() {
            return Self::Unknown;
        }
        let fqdn = connector.fqdn.as_deref();
        fqdn.and_then(|fqdn| DomainName::parse(fqdn).ok())
            .map_or(Self::Unknown, Self::Named)
    }
}

fn takes(name: &TlsSenderCertificateName, fqdn: &DomainName) -> bool {
    match name {
        TlsSenderCertificateName::Exact(own) => own == fqdn,
        TlsSenderCertificateName::Wildcard(own) => fqdn.is_within(own),
        TlsSenderCertificateName::Unusable(_) => false,
    }
}

/// The names that a tenant's active connectors expect, each with its connector.
pub(super) fn expected(
    model: &Model<'_>,
    tenant: usize,
) -> impl Iterator<Item = (ConnectorRef, String)> {
    let active = model.connectors_of(tenant, Kind::Active);
    active.filter_map(|(at, exported)| {
        let name = exported.value.tls_sender_certificate_name.as_ref()?;
        misnamed(name).is_none().then(|| (at, model::written(name)))
    })
}

/// A tenant of the relay's configuration.
pub(super) fn relayed<'m>(model: &Model<'m>, route: &Route) -> Option<&'m written::Tenant> {
    let Origin::Relay(number) = route.origin else {
        return None;
    };
    let relay = model.inventory().relay.as_ref()?;
    relay.written.tenants.get(number)
}

/// A route as findings name it.
pub(super) fn object(model: &Model<'_>, route: &Route) -> String {
    match route.origin {
        Origin::Relay(_) => {
            let tenant = relayed(model, route).and_then(|tenant| tenant.name.as_ref());
            format!("tenant {:?}", tenant.map_or("", |name| &name.value))
        }
        Origin::SendConnector(number) => {
            let connector = model.inventory().send_connectors.get(number);
            let name = connector.map_or("", |connector| &connector.value.name);
            format!("Send connector {name:?}")
        }
    }
}

/// Where a route says what it presents.
pub(super) fn place(model: &Model<'_>, route: &Route) -> Place {
    match route.origin {
        Origin::Relay(_) => relayed(model, route).map_or_else(Place::default, |tenant| {
            let certificate = tenant.certificate.as_ref();
            Place {
                path: format!("{}.certificate", object(model, route)),
                ..model::place(certificate.map_or(&tenant.at, |certificate| &certificate.at))
            }
        }),
        Origin::SendConnector(number) => {
            let connector = model.inventory().send_connectors.get(number);
            let place = connector.map(|connector| connector.place("TlsCertificateName"));
            place.cloned().unwrap_or_default()
        }
    }
}

/// What a route presents, in words: `pki/contoso.pem (mail.contoso.com)`.
pub(super) fn shown(model: &Model<'_>, route: &Route) -> String {
    match Presented::of(model, route) {
        Presented::Certificate(file) => certificate(model, file),
        Presented::Named(fqdn) => format!("the certificate for its Fqdn {fqdn}"),
        Presented::Unknown => String::from("a certificate"),
    }
}

/// A certificate in words.
pub(super) fn certificate(model: &Model<'_>, file: usize) -> String {
    model.certificate(file).map_or_else(String::new, |file| {
        let names = file.chain.first().map_or(&[][..], |leaf| &leaf.names);
        let names = names.iter().map(crate::rules::words::shown);
        format!("{} ({})", file.path.display(), some_of(names))
    })
}
