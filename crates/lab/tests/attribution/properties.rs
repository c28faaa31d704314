//! Properties over random worlds with few names, so that they nest and collide.

use proptest::collection::vec;
use proptest::prelude::*;
use tenantry_lab::attribution::{Certificate, Forest, Submission};
use tenantry_lab::world::{
    AmbiguousPolicy, ConnectorType, InboundConnector, Organization, Profile, World,
};

use super::{Message, by_address, by_certificate, message, naive, tenant, verdict, world};

/// Names over two letters below one top: most pairs are related.
fn domain() -> impl Strategy<Value = String> {
    vec(prop_oneof!["a", "b"], 0..3).prop_map(|labels| {
        let mut labels = labels;
        labels.push("x.test".to_owned());
        labels.join(".")
    })
}

fn certificate_name() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.3), domain()).prop_map(|(wildcard, domain)| {
        if wildcard {
            format!("*.{domain}")
        } else {
            domain
        }
    })
}

fn listed_domain() -> impl Strategy<Value = String> {
    (
        domain(),
        prop_oneof![3 => Just(""), 2 => Just("+"), 1 => Just("?")],
    )
        .prop_map(|(domain, mark)| format!("{domain}{mark}"))
}

fn ip() -> impl Strategy<Value = String> {
    prop_oneof![Just("192.0.2.1".to_owned()), Just("192.0.2.2".to_owned())]
}

fn connector() -> impl Strategy<Value = InboundConnector> {
    let enabled = prop::bool::weighted(0.9);
    let network = prop_oneof![ip(), Just("192.0.2.0/24".to_owned())];
    let by = prop_oneof![
        certificate_name().prop_map(|name| by_certificate("", &name)),
        network.prop_map(|ip| by_address("", &ip)),
    ];
    (by, enabled).prop_map(|(mut connector, enabled)| {
        connector.enabled = enabled;
        connector
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    any::<[bool; 5]>().prop_map(|[credits, falls, apex, exact, next]| Profile {
        rcpt_uses_onprem: credits,
        cert_unaccepted_falls_to_sender: falls,
        wildcard_matches_apex: apex,
        exact_name_needs_exact_accepted: exact,
        ambiguous_policy: match next {
            true => AmbiguousPolicy::NextStage,
            false => AmbiguousPolicy::RejectAndReport,
        },
        ..Profile::default()
    })
}

fn any_world() -> impl Strategy<Value = World> {
    let one = (vec(listed_domain(), 0..4), vec(connector(), 0..4));
    (vec(one, 1..5), profile()).prop_map(|(tenants, profile)| {
        let tenants = tenants
            .into_iter()
            .enumerate()
            .map(|(at, (domains, mut connectors))| {
                for (at, connector) in connectors.iter_mut().enumerate() {
                    connector.name = format!("K{}", 9 - at);
                }
                let mut domains: Vec<&str> = domains.iter().map(String::as_str).collect();
                domains.sort_unstable();
                domains.dedup_by_key(|domain| domain.trim_end_matches(['+', '?']));
                tenant(&format!("T{at}"), &domains, connectors)
            });
        let mut world = world(tenants.collect());
        world.profile = profile;
        world
    })
}

fn any_message() -> impl Strategy<Value = (Message, String)> {
    let from = prop_oneof![1 => Just(String::new()), 6 => domain().prop_map(|d| format!("u@{d}"))];
    let to = domain().prop_map(|domain| format!("y@{domain}"));
    (vec(certificate_name(), 0..4), ip(), from, to)
        .prop_map(|(names, ip, from, to)| (message(&names.join(" "), &ip, &from), to))
}

/// Without the reply: the brute force has no policy.
fn attributed(world: &World, message: &Message, to: &str) -> String {
    let forest = Forest::new(world.clone());
    let attribution = message.only_to(&forest, to);
    match attribution.tenant {
        None => "-".to_owned(),
        Some(_) => {
            let verdict = verdict(&forest, &attribution);
            verdict.rsplit_once(' ').unwrap().0.to_owned()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_indexes_agree_with_the_pseudo_code(
        world in any_world(),
        messages in vec(any_message(), 1..6),
    ) {
        for (message, to) in &messages {
            let naive = naive::attribute(&world, message, to);
            prop_assert_eq!(attributed(&world, message, to), naive);
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_tenants_connectors_and_names_means_nothing(
        world in any_world(),
        (message, to) in any_message(),
    ) {
        let mut turned = world.clone();
        turned.tenants.reverse();
        for tenant in &mut turned.tenants {
            tenant.inbound_connectors.reverse();
            tenant.accepted_domains.reverse();
        }
        let mut other = message.clone();
        other.names.reverse();
        let said = |world: &World, message: &Message| {
            let forest = Forest::new(world.clone());
            let attribution = message.only_to(&forest, &to);
            let why: Vec<String> = attribution.why.iter().map(|why| why.text(forest.world())).collect();
            (verdict(&forest, &attribution), attribution.matched_name, why)
        };
        prop_assert_eq!(said(&world, &message), said(&turned, &other));
    }

    #[test]
    fn no_text_panics(
        world in any_world(),
        names in vec(any::<String>(), 0..3),
        from in any::<String>(),
        header in any::<Option<String>>(),
        to in any::<String>(),
        ip in any::<std::net::IpAddr>(),
    ) {
        let mut world = world;
        world.profile.p2_from = true;
        let forest = Forest::new(world);
        for certificate in [
            Certificate::Trusted { names: &names },
            Certificate::Untrusted { problem: &from, names: &names },
        ] {
            let mut transaction = forest.begin(&Submission {
                certificate,
                ip,
                tls: false,
                region: None,
                mail_from: &from,
                header_from: header.as_deref(),
            });
            for why in transaction.recipient(&forest, &to).why {
                prop_assert!(!why.text(forest.world()).contains(char::is_control));
            }
        }
    }

    #[test]
    fn an_address_in_a_domain_is_read_whatever_stands_before_it(local in "[^\u{0}-\u{1f}\u{7f}\"\\\\]{1,20}") {
        let world = || world(vec![tenant("A", &["a.test"], vec![by_address("K", "192.0.2.1")])]);
        let from = format!("\"{local}\"@a.test");
        let verdict = message("", "192.0.2.1", &from).verdict(world(), "x@gmail.test");
        let proper = !local.contains(char::is_control);
        prop_assert_eq!(verdict.starts_with("A "), proper);
    }
}

#[test]
fn a_world_of_nothing_attributes_nothing() {
    let mut empty = World::default();
    let sent = message("a.test", "192.0.2.1", "u@a.test");
    assert_eq!(
        sent.verdict(empty.clone(), "y@a.test"),
        "- none none - 5.7.64"
    );
    let mut bare = tenant(
        "A",
        &[],
        vec![InboundConnector::new("K", ConnectorType::OnPremises)],
    );
    bare.organization = Organization::default();
    empty.tenants.push(bare);
    assert_eq!(sent.verdict(empty, "y@a.test"), "- none none - 5.7.64");
}
