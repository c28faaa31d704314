//! Sentences of sections 1.4, 1.5 a and 1.9.

use tenantry_lab::world::{TlsSenderCertificateName, World};

use super::{by_address, by_certificate, message, partner, tenant, world};

const IP: &str = "203.0.113.9";
const OUT: &str = "x@gmail.test";

/// The connector that `names` choose, with `-` for none; MAIL FROM is nobody's.
fn chosen(tenants: Vec<super::Tenant>, names: &str) -> String {
    let verdict = message(names, IP, "v@vendor.test").verdict(world(tenants), OUT);
    verdict.split(' ').nth(3).unwrap_or_default().to_owned()
}

/// The same for one tenant with one connector `K`.
fn accepts(certificate: &str, domains: &[&str], names: &str) -> bool {
    let connectors = vec![by_certificate("K", certificate)];
    chosen(vec![tenant("A", domains, connectors)], names) == "K"
}

#[test]
fn both_common_name_and_alternative_names_count_and_rank_alike() {
    for names in ["a.example b.test", "b.test a.example"] {
        assert!(accepts("a.example", &["a.example"], names));
    }
}

#[test]
fn a_wildcard_matches_at_any_depth_and_the_wildcard_certificate_itself() {
    for names in [
        "h.d.example",
        "a.b.c.d.example",
        "*.d.example",
        "*.x.d.example",
        "d.example",
    ] {
        assert!(accepts("*.d.example", &["d.example"], names), "{names}");
    }
    for names in ["xd.example", "example", "d.example.test", "*.example"] {
        assert!(!accepts("*.d.example", &["d.example"], names), "{names}");
    }
}

#[test]
fn a_wildcard_certificate_does_not_match_an_exact_connector() {
    assert!(!accepts("h.x.example", &["h.x.example"], "*.x.example"));
    let tenants = vec![tenant(
        "A",
        &["h.x.example"],
        vec![by_certificate("K", "h.x.example")],
    )];
    let reasons = message("*.x.example", IP, "v@vendor.test").reasons(world(tenants), OUT);
    assert!(reasons.contains(&"wildcard-name-is-no-host"), "{reasons:?}");
}

#[test]
fn names_compare_without_regard_to_case_and_invalid_ones_are_noted() {
    assert!(accepts(
        "mail.a.example",
        &["mail.a.example"],
        "MAIL.A.Example"
    ));
    let tenants = vec![tenant("A", &["a.example"], Vec::new())];
    let reasons = message("a_b.example a.example.", IP, "").reasons(world(tenants), OUT);
    assert_eq!(
        reasons
            .iter()
            .filter(|word| **word == "name-invalid")
            .count(),
        2
    );
    assert!(reasons.contains(&"no-usable-name"));
}

#[test]
fn the_certificate_domain_must_be_accepted_as_in_the_table() {
    let rows: &[(&str, &[&str], bool)] = &[
        ("*.contoso.com", &["contoso.com"], true),
        ("*.contoso.com", &["jpn.contoso.com"], true),
        ("mail.contoso.com", &["mail.contoso.com"], true),
        ("mail.contoso.com", &["contoso.com"], false),
        ("host.sub.contoso.com", &["contoso.com"], false),
        ("mail.contoso.com", &["contoso.com+"], true),
        ("mail.contoso.com", &["fabrikam.com"], false),
        ("*.contoso.com", &["fabrikam.com"], false),
        ("*.sub.contoso.com", &["contoso.com"], false),
        ("*.sub.contoso.com", &["contoso.com+"], true),
        ("mail.contoso.com", &["mail.contoso.com?"], false),
        ("*.contoso.com", &["contoso.com?"], false),
    ];
    for (certificate, domains, expected) in rows {
        let names = certificate.replace('*', "host");
        assert_eq!(
            accepts(certificate, domains, &names),
            *expected,
            "{certificate} {domains:?}"
        );
    }
}

#[test]
fn a_longer_accepted_domain_of_another_tenant_ends_match_subdomains() {
    let own =
        |domains: &[&str]| tenant("A", domains, vec![by_certificate("K", "h.sub.contoso.com")]);
    let other = tenant("B", &["sub.contoso.com"], Vec::new());
    assert_eq!(
        chosen(
            vec![own(&["contoso.com+"]), other.clone()],
            "h.sub.contoso.com"
        ),
        "-"
    );
    // Its own longer domain ends nothing.
    assert_eq!(
        chosen(
            vec![own(&["contoso.com+", "sub.contoso.com"])],
            "h.sub.contoso.com"
        ),
        "K"
    );
    let world = world(vec![own(&["contoso.com+"]), other]);
    let reasons = message("h.sub.contoso.com", IP, "").reasons(world, OUT);
    assert!(reasons.contains(&"match-subdomains-ended"), "{reasons:?}");
}

#[test]
fn the_longest_accepted_domain_wins_counted_in_labels() {
    let tenants = vec![
        tenant(
            "A",
            &["averyverylongname.example"],
            vec![by_certificate("A1", "*.averyverylongname.example")],
        ),
        tenant(
            "B",
            &["b.averyverylongname.example"],
            vec![by_certificate("B1", "*.averyverylongname.example")],
        ),
    ];
    assert_eq!(
        chosen(tenants.clone(), "h.b.averyverylongname.example"),
        "B1"
    );
    assert_eq!(chosen(tenants, "h.averyverylongname.example"), "A1");
}

#[test]
fn an_exact_pattern_comes_before_a_wildcard_and_a_longer_before_a_shorter() {
    let connectors = vec![
        by_certificate("3", "*.d.example"),
        by_certificate("2", "*.c.d.example"),
        by_certificate("1", "h.c.d.example"),
    ];
    let mut tenants = vec![tenant("A", &["d.example+"], connectors)];
    assert_eq!(chosen(tenants.clone(), "h.c.d.example"), "1");
    tenants[0].inbound_connectors.truncate(2);
    assert_eq!(chosen(tenants.clone(), "h.c.d.example"), "2");
    let reasons = message("h.c.d.example", IP, "").reasons(world(tenants), OUT);
    assert!(reasons.contains(&"shorter-pattern"), "{reasons:?}");
}

fn tied() -> World {
    world(vec![
        tenant("A", &["a.example"], vec![by_certificate("A1", "*.example")]),
        tenant("B", &["b.example"], vec![by_certificate("B1", "*.example")]),
    ])
}

#[test]
fn a_tie_between_tenants_is_refused_and_said() {
    let message = message("h.example", IP, "u@a.example");
    assert_eq!(message.verdict(tied(), OUT), "- none none - 5.7.64");
    assert_eq!(
        message.verdict(tied(), "y@a.example"),
        "- none none - 5.7.64"
    );
    let reasons = message.reasons(tied(), OUT);
    assert_eq!(reasons.iter().filter(|word| **word == "tie").count(), 2);
    assert!(reasons.contains(&"tie-refused"));
}

#[test]
fn names_of_several_tenants_in_one_certificate_rank_like_those_of_one() {
    let tenants = vec![
        tenant("A", &["a.example"], vec![by_certificate("A1", "a.example")]),
        tenant(
            "B",
            &["b.c.example"],
            vec![by_certificate("B1", "b.c.example")],
        ),
    ];
    assert_eq!(chosen(tenants, "a.example b.c.example"), "B1");
}

#[test]
fn connectors_of_one_tenant_tie_by_name_in_ordinal_order_and_the_tie_is_said() {
    let connectors = ["b", "B", "a"].map(|name| by_certificate(name, "h.example"));
    let tenants = vec![tenant("A", &["h.example"], connectors.to_vec())];
    assert_eq!(chosen(tenants.clone(), "h.example"), "B");
    let reasons = message("h.example", IP, "").reasons(world(tenants), OUT);
    assert_eq!(
        reasons
            .iter()
            .filter(|word| **word == "later-by-name")
            .count(),
        2
    );
}

#[test]
fn a_certificate_that_matches_nothing_leaves_the_address() {
    let tenants = vec![tenant(
        "A",
        &["a.example"],
        vec![by_address("A1", "192.0.2.1")],
    )];
    let message = message("h.test", "192.0.2.1", "u@a.example");
    assert_eq!(
        message.verdict(world(tenants), OUT),
        "A originating sender A1 2.1.5"
    );
}

#[test]
fn an_unusable_value_that_would_have_matched_is_named() {
    let mut connector = by_certificate("K", "x.example");
    connector.tls_sender_certificate_name = Some(TlsSenderCertificateName::Unusable(
        "mail.*.a.example".to_owned(),
    ));
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    let message = message("mail.x.a.example", IP, "");
    let forest = super::Forest::new(world);
    let attribution = message.only_to(&forest, OUT);
    let said: Vec<String> = attribution
        .why
        .iter()
        .map(|why| why.text(forest.world()))
        .collect();
    assert!(
        said.iter()
            .any(|text| text.contains("\"mail.*.a.example\"")),
        "{said:#?}"
    );
}

#[test]
fn trusted_organizations_put_a_connector_out_of_use() {
    let mut connector = by_certificate("K", "a.example");
    connector.trusted_organizations = vec!["fabrikam.com".to_owned()];
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    let reasons = message("a.example", IP, "").reasons(world, OUT);
    assert!(
        reasons.contains(&"trusted-organizations-only"),
        "{reasons:?}"
    );
}

#[test]
fn a_partner_connector_grants_no_relay() {
    let mut connector = partner("P", &["*"]);
    connector.tls_sender_certificate_name = Some(super::pattern("a.example"));
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    let message = message("a.example", IP, "u@a.example");
    assert_eq!(message.verdict(world.clone(), OUT), "- none none - 5.7.64");
    assert!(
        message
            .reasons(world, OUT)
            .contains(&"partner-attributes-nothing")
    );
}

#[test]
fn a_thousand_connectors_for_one_certificate_are_counted_not_all_listed() {
    let tenants = (0..1000).map(|n| {
        let name = format!("T{n:04}");
        tenant(
            &name,
            &[&format!("t{n}.example")],
            vec![by_certificate("K", "*.shared.example")],
        )
    });
    let forest = super::Forest::new(world(tenants.collect()));
    let attribution = message("mx.shared.example", IP, "u@t7.example").only_to(&forest, OUT);
    assert_eq!(
        super::verdict(&forest, &attribution),
        "T0007 originating sender K 2.1.5"
    );
    assert!(attribution.why.len() < 60, "{}", attribution.why.len());
    let more: Vec<usize> = attribution.why.iter().map(|why| why.count).collect();
    assert!(more.contains(&984), "{more:?}");
}
