//! The scenario corpus, with the lab as a player: whomever a case is for, Exchange Online says the same once the relay
//! has presented that tenant's certificate.

use tenantry_lab::attribution::{Basis, Certificate, Direction, Forest, Submission};
use tenantry_lab::reply::Answer;
use tenantry_lab::world::{AcceptedDomain, DomainName, DomainType, Region, Tenant, World};

use super::scene::{RELAY, domain};
use super::sound::{on_premises, tenant};
use crate::scenarios::{Case, File, corpus};

#[test]
fn the_lab_agrees_with_every_scenario() {
    let mut played = 0;
    for (path, file) in corpus() {
        let forest = Forest::new(world(&file));
        for case in &file.case {
            played += usize::from(play(
                &forest,
                case,
                &format!("{}: {}", path.display(), case.name),
            ));
        }
    }
    assert!(played >= 100, "only {played} cases end at a tenant");
}

/// Whether the case ends at a tenant.
fn play(forest: &Forest, case: &Case, place: &str) -> bool {
    let Some(name) = &case.expect.tenant else {
        return false;
    };
    let owner = forest.world().tenant_named(name).unwrap();
    let names = [identity(name)];
    let mut transaction = forest.begin(&Submission {
        certificate: Certificate::Trusted { names: &names },
        ip: RELAY,
        tls: true,
        region: Some(region()),
        mail_from: &case.mail_from,
        header_from: None,
    });
    // What the relay keeps back would have been taken, too.
    for recipient in &case.rcpt_to {
        let found = transaction.recipient(forest, recipient);
        assert_eq!(
            found.tenant,
            Some(owner),
            "{place}: {recipient}: {:?}",
            found.why
        );
        assert_eq!(
            found.direction,
            Direction::Originating,
            "{place}: {recipient}"
        );
        assert_eq!(found.basis, Basis::Certificate, "{place}: {recipient}");
        assert_eq!(found.answer, Answer::Accepted, "{place}: {recipient}");
    }
    true
}

/// The world that the tenants of a file need: a certificate connector each, and everything accepted that they claim.
fn world(file: &File) -> World {
    let tenants = file.tenant.iter().map(|table| {
        let name = table["name"].as_str().unwrap();
        let mut tenant = tenant(name, &region());
        tenant
            .inbound_connectors
            .push(on_premises("the relay", &identity(name)));
        tenant
            .accepted_domains
            .push(AcceptedDomain::new(domain(&identity(name))));
        for key in ["sender_domains", "recipient_domains"] {
            let patterns = table.get(key).and_then(toml::Value::as_array);
            for pattern in patterns.into_iter().flatten() {
                accept(&mut tenant, pattern.as_str().unwrap());
            }
        }
        tenant
    });
    World {
        tenants: tenants.collect(),
        ..World::default()
    }
}

fn accept(tenant: &mut Tenant, pattern: &str) {
    let (below, name) = match pattern.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, pattern),
    };
    let Ok(name) = DomainName::parse(name) else {
        panic!("{pattern} is claimed, but no domain")
    };
    let twin = tenant
        .accepted_domains
        .iter()
        .position(|accepted| accepted.domain == name);
    let at = twin.unwrap_or_else(|| {
        tenant.accepted_domains.push(AcceptedDomain::new(name));
        tenant.accepted_domains.len() - 1
    });
    if below {
        tenant.accepted_domains[at].domain_type = DomainType::InternalRelay;
        tenant.accepted_domains[at].match_subdomains = true;
    }
}

fn identity(tenant: &str) -> String {
    format!("{tenant}.relay.example")
}

fn region() -> Region {
    Region::new("EUR")
}
