//! EXO-L38: connectors of the Hybrid Configuration Wizard that the relay's certificate matches.

use std::collections::BTreeMap;

use tenantry_lab::attribution::ConnectorRef;

use super::L38;
use super::standing::{object, place};
use crate::finding::{Finding, Related, Remedy};
use crate::model::{Kind, Model, Origin, Route};
use crate::rules::wording::{Subject, bounded};

/// Once for a connector.
pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut used: BTreeMap<ConnectorRef, Vec<&Route>> = BTreeMap::new();
    for route in model.routes() {
        let (Origin::Relay(_), Some(tenant), Some(file)) =
            (route.origin, route.tenant(), route.certificate)
        else {
            continue;
        };
        for (at, exported) in model.connectors_of(tenant, Kind::Active) {
            let source = &exported.value.connector_source;
            if source.eq_ignore_ascii_case("HybridWizard") && model.matches(at, file) {
                used.entry(at).or_default().push(route);
            }
        }
    }
    for (at, routes) in used {
        let Some(subject) = Subject::of(model, at) else {
            continue;
        };
        let by = routes
            .first()
            .map_or_else(String::new, |route| object(model, route));
        let message = format!(
            "was made by the Hybrid Configuration Wizard, and {by} of the relay relies on it"
        );
        let mut finding = subject.finding(&L38, "ConnectorSource", message);
        let related = routes.iter().map(|route| Related {
            place: place(model, route),
            what: String::from("presents a certificate that matches it"),
        });
        finding.related = bounded(related.collect());
        let name = subject.connector().tls_sender_certificate_name.as_ref();
        let name = name.map(crate::model::written).unwrap_or_default();
        finding.remedy = vec![
            Remedy::Words(format!(
                "Write down that TlsSenderCertificateName has to be {name}, and lint again after every run of the \
                 wizard. To be independent of it, make a connector for the relay alone:"
            )),
            super::renewal::connector_for(model, subject.tenant(), "Relay", &name),
        ];
        findings.push(finding);
    }
}
