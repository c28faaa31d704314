//! Healthy tenants: a certificate of their own, its name accepted, one connector that names it, and no
//! anonymous mail in their name.

use toml::{Table, Value, toml};

use super::{Certificate, CertificateProblem, Expected, Message, Scenario, When};

const REGIONS: [&str; 3] = ["EUR", "NAM", "APC"];
const CONNECTOR: &str = "Mail server";

/// Adds so many tenants with their certificates and messages.
pub(super) fn add(scenario: &mut Scenario, tenants: u32) {
    let mut made = Vec::new();
    for (number, region) in (1..=tenants).zip(REGIONS.iter().cycle()) {
        let tenant = format!("tenant-{number:04}");
        let certificate = format!("mail.{tenant}.example");
        made.push(Value::Table(table(&tenant, &certificate, region)));
        scenario.certificates.push(Certificate {
            file: tenant.clone(),
            names: vec![certificate],
            problem: CertificateProblem::None,
            used_by: format!("the mail server of {tenant}"),
            tenant: Some(tenant.clone()),
        });
        if scenario.tenantry.is_none() {
            scenario.messages.extend(messages(&tenant, region));
        }
    }
    let list = scenario
        .world
        .entry("tenant")
        .or_insert(Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.extend(made);
    }
}

fn table(tenant: &str, certificate: &str, region: &str) -> Table {
    let mut accepted = toml! {
        [[accepted_domains]]
        Default = true
        [[accepted_domains]]
        Default = false
        [[accepted_domains]]
        InitialDomain = true
        [organization]
        RejectDirectSend = true
    };
    let domains = [
        format!("{tenant}.example"),
        certificate.to_owned(),
        format!("{tenant}.onmicrosoft.com"),
    ];
    if let Some(Value::Array(list)) = accepted.get_mut("accepted_domains") {
        for (domain, name) in list.iter_mut().zip(domains) {
            if let Value::Table(domain) = domain {
                domain.insert("DomainName".to_owned(), name.into());
            }
        }
    }
    let mut connector = toml! {
        ConnectorType = "OnPremises"
        RequireTls = true
    };
    connector.insert("Name".to_owned(), CONNECTOR.into());
    connector.insert("TlsSenderCertificateName".to_owned(), certificate.into());
    accepted.insert("name".to_owned(), tenant.into());
    accepted.insert("region".to_owned(), region.into());
    let connectors = Value::Array(vec![connector.into()]);
    accepted.insert("inbound_connectors".to_owned(), connectors);
    accepted
}

fn messages(tenant: &str, region: &str) -> [Message; 4] {
    let own = |id: &str, note: &str, mail_from: String, rcpt_to: String| Message {
        id: format!("{tenant}-{id}"),
        note: Some(note.to_owned()),
        when: When::Before,
        certificate: Some(tenant.to_owned()),
        tls: true,
        ip: Some([192, 0, 2, 10].into()),
        region: Some(region.to_owned()),
        mail_from,
        rcpt_to: vec![rcpt_to],
        received: 0,
        smtp: false,
        forwarded_for: None,
        expect: vec![Expected {
            tenant: Some(tenant.to_owned()),
            direction: "originating".to_owned(),
            basis: "certificate".to_owned(),
            connector: Some(CONNECTOR.to_owned()),
            reply: super::accepted(),
        }],
    };
    let outside = || "x@internet.test".to_owned();
    let stranger = || "v@vendor.test".to_owned();
    let user = format!("user@{tenant}.example");
    let incoming = Message {
        certificate: None,
        ip: Some([203, 0, 113, 9].into()),
        expect: vec![Expected {
            tenant: Some(tenant.to_owned()),
            direction: "incoming".to_owned(),
            basis: "recipient".to_owned(),
            connector: None,
            reply: super::accepted(),
        }],
        ..own("from-internet", "anonymous mail", stranger(), user.clone())
    };
    [
        own("user", "a user's mail", user, outside()),
        own("report", "the null sender", String::new(), outside()),
        own("forwarded", "a sender of others", stranger(), outside()),
        incoming,
    ]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn healthy_tenants_are_spread_over_the_regions_and_whole() {
        let scenario = Scenario::named("healthy").unwrap().with_tenants(4);
        super::super::names::check(&scenario).unwrap();
        let regions: Vec<_> = super::super::world::tenants(&scenario.world)
            .map(|tenant| tenant.get("region").unwrap().as_str().unwrap())
            .collect();
        assert_eq!(regions, ["EUR", "NAM", "APC", "EUR"]);
        assert_eq!(scenario.messages.len(), 16);
        assert_eq!(scenario.certificates.len(), 4);
    }
}
