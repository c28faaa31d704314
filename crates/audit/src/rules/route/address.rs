//! EXO-L19: tenants whose mail is attributed by address alone.

use super::L19;
use super::standing::{Standing, expected, object, place, shown, standing};
use crate::finding::{Finding, Related, Remedy};
use crate::model::{self, Kind, Model, Origin, Route};
use crate::powershell::quoted;
use crate::rules::connector::address_text;
use crate::rules::wording::{Subject, bounded, some_of};

/// Once for a tenant, at its first connector by address.
pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for tenant in 0..model.tenants().len() {
        let mut active = model.connectors_of(tenant, Kind::Active);
        let first = active.find(|(_, found)| model::networks(&found.value).next().is_some());
        let Some((at, exported)) = first else {
            continue;
        };
        let routes: Vec<&Route> = model.routes_to(tenant).collect();
        let depending = || routes.iter().filter(|route| depends(model, tenant, route));
        let known = routes
            .iter()
            .any(|route| standing(model, route) != Standing::Unknown);
        // Where no route is known, mail comes the ways that the connectors are for.
        let by_name = expected(model, tenant).next().is_some();
        if depending().next().is_none() && (known || by_name) {
            continue;
        }
        let subject = Subject {
            model,
            at,
            exported,
        };
        let who = match depending().next() {
            Some(route) => format!(
                "no connector matches {}, which {} presents",
                shown(model, route),
                object(model, route)
            ),
            None => String::from("the tenant has no connector by certificate"),
        };
        let addresses = exported.value.sender_ip_addresses.iter().map(address_text);
        let message = format!(
            "goes by SenderIPAddresses ({}), and {who}: mail with an empty sender that leaves {} is refused",
            some_of(addresses),
            subject.tenant_name()
        );
        let mut finding = subject.finding(&L19, "SenderIPAddresses", message);
        let related = depending().map(|route| Related {
            place: place(model, route),
            what: format!("presents {}", shown(model, route)),
        });
        finding.related = bounded(related.collect());
        finding.remedy = match depending().next().zip(expected(model, tenant).next()) {
            Some((route, (_, name))) => named(model, route, &name),
            None => subject.certified(),
        };
        findings.push(finding);
    }
}

/// A Send connector that presents the certificate which is expected already.
fn named(model: &Model<'_>, route: &Route, name: &str) -> Vec<Remedy> {
    let connectors = &model.inventory().send_connectors;
    let connector = match route.origin {
        Origin::SendConnector(number) => connectors.get(number),
        Origin::Relay(_) => None,
    };
    let connector = connector.map_or("", |connector| &connector.value.name);
    let connector = quoted(connector);
    let host = name
        .strip_prefix("*.")
        .map_or_else(|| name.to_owned(), |domain| format!("mail.{domain}"));
    vec![
        Remedy::Words(format!(
            "Name the certificate that the connector of Exchange Online expects, {name}, on the server:"
        )),
        Remedy::ExchangeServer {
            command: format!(
                "$certificate = Get-ExchangeCertificate -DomainName {} | Sort-Object NotAfter | Select-Object -Last 1",
                quoted(&host)
            ),
        },
        Remedy::ExchangeServer {
            command: format!(
                "Set-SendConnector -Identity {connector} -TlsCertificateName \
                 \"<I>$($certificate.Issuer)<S>$($certificate.Subject)\""
            ),
        },
    ]
}

/// Whether no connector of its tenant matches what a route presents, and none expects anything else: what the
/// names are that differ is EXO-L37's to tell. A server that has no certificate named presents any.
fn depends(model: &Model<'_>, tenant: usize, route: &Route) -> bool {
    standing(model, route) == Standing::Unmatched
        && (route.certificate.is_none() || expected(model, tenant).next().is_none())
}
