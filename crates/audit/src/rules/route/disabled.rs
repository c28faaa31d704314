//! EXO-L12: connectors that are not enabled, and that something needs.

use tenantry_lab::attribution::ConnectorRef;

use super::L12;
use super::standing::{Standing, certificate, expected, object, place, shown, standing};
use crate::finding::{Finding, Related};
use crate::model::{self, Kind, Model, Route};
use crate::rules::wording::{Subject, bounded, verify};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (at, exported) in model.connectors(Kind::Disabled) {
        let Some(needs) = needs(model, at) else {
            continue;
        };
        let subject = Subject {
            model,
            at,
            exported,
        };
        let who = match &needs {
            Needs::Routes(routes) => match routes.as_slice() {
                [route] => format!("{} presents {}", object(model, route), shown(model, route)),
                routes => format!("{} routes need it", routes.len()),
            },
            Needs::Certificate(file) => format!("it expects {}", certificate(model, *file)),
        };
        let message = format!(
            "is not enabled, and nothing else in {} matches: {who}",
            subject.tenant_name()
        );
        let mut finding = subject.finding(&L12, "Enabled", message);
        finding.related = needs.related(model);
        let domain = exported.value.tls_sender_certificate_name.as_ref();
        if let Some(name) = domain
            && !model.attributes_by_name(at)
        {
            let domain = model::written(name);
            let domain = domain.trim_start_matches("*.");
            finding.remedy.push(verify(subject.tenant_name(), domain));
        }
        finding.remedy.push(subject.set("-Enabled $true"));
        findings.push(finding);
    }
}

/// Whether something needs a disabled connector.
pub(in crate::rules) fn is_relied_on(model: &Model<'_>, at: ConnectorRef) -> bool {
    model
        .connector(at)
        .is_some_and(|found| model::kind(&found.value) == Kind::Disabled)
        && needs(model, at).is_some()
}

enum Needs<'m> {
    Routes(Vec<&'m Route>),
    Certificate(usize),
}

/// Routes that nothing else matches. Where none is known, a certificate that it alone would match, if the
/// tenant has no other connector by certificate: one that is prepared for a renewal is EXO-L37's.
fn needs<'m>(model: &'m Model<'_>, at: ConnectorRef) -> Option<Needs<'m>> {
    let tenant = at.tenant.0;
    let connector = &model.connector(at)?.value;
    if !connector.trusted_organizations.is_empty() {
        return None;
    }
    let alone = model.connectors_of(tenant, Kind::Active).next().is_none();
    let by_address = alone && model::networks(connector).next().is_some();
    let needed = |route: &&Route| {
        let named = route
            .certificate
            .is_some_and(|file| model.matches(at, file));
        standing(model, route) == Standing::Unmatched && (named || by_address)
    };
    let mut routes = model.routes_to(tenant).peekable();
    if routes.peek().is_some() {
        let routes: Vec<&Route> = routes.filter(needed).collect();
        return (!routes.is_empty()).then_some(Needs::Routes(routes));
    }
    if expected(model, tenant).next().is_some() {
        return None;
    }
    let name = connector.tls_sender_certificate_name.as_ref()?;
    let unmatched = |file: &&usize| model.matching(**file, Kind::Active).is_empty();
    let file = model.matched_by(name).iter().find(unmatched)?;
    Some(Needs::Certificate(*file))
}

impl Needs<'_> {
    fn related(&self, model: &Model<'_>) -> Vec<Related> {
        match self {
            Self::Routes(routes) => {
                let related = routes.iter().map(|route| Related {
                    place: place(model, route),
                    what: format!("presents {}", shown(model, route)),
                });
                bounded(related.collect())
            }
            Self::Certificate(file) => {
                let leaf = model.certificate(*file).and_then(|file| file.chain.first());
                let related = leaf.map(|leaf| Related {
                    place: leaf.place.clone(),
                    what: String::from("matches this connector alone"),
                });
                related.into_iter().collect()
            }
        }
    }
}
