//! Sentences of sections 1.12 and 1.13.

use tenantry_lab::world::{InboundConnector, World};

use super::{by_certificate, message, name, network, partner, pattern, tenant, world};

const IN: &str = "y@a.example";
const LISTED: &str = "198.51.100.7";
const OTHER: &str = "203.0.113.9";

fn with(connectors: Vec<InboundConnector>) -> World {
    world(vec![tenant("A", &["a.example"], connectors)])
}

fn address(name: &str, senders: &[&str]) -> InboundConnector {
    let mut connector = partner(name, senders);
    connector.sender_ip_addresses = vec![network("198.51.100.0/24")];
    connector
}

fn restricted(name: &str, senders: &[&str]) -> InboundConnector {
    let mut connector = address(name, senders);
    connector.restrict_domains_to_ip_addresses = true;
    connector
}

fn received(connectors: Vec<InboundConnector>, names: &str, ip: &str, from: &str) -> String {
    let verdict = message(names, ip, from).verdict(with(connectors), IN);
    verdict
        .trim_start_matches("A incoming recipient ")
        .to_owned()
}

#[test]
fn it_matches_by_address_without_a_restrict_flag() {
    let connectors = vec![address("P", &["*"])];
    assert_eq!(
        received(connectors.clone(), "", LISTED, "v@v.test"),
        "P 2.1.5"
    );
    assert_eq!(received(connectors, "", OTHER, "v@v.test"), "- 2.1.5");
}

#[test]
fn it_matches_by_certificate_whoever_owns_the_name() {
    let mut connector = partner("P", &["*"]);
    connector.tls_sender_certificate_name = Some(pattern("*.partner.test"));
    assert_eq!(
        received(vec![connector], "mx.partner.test", OTHER, "v@v.test"),
        "P 2.1.5"
    );
}

#[test]
fn without_criterion_it_matches_by_sender_domains_after_the_others() {
    let connectors = vec![partner("1", &["v.test"]), address("2", &["*"])];
    assert_eq!(
        received(connectors.clone(), "", OTHER, "v@v.test"),
        "1 2.1.5"
    );
    assert_eq!(
        received(connectors.clone(), "", LISTED, "v@v.test"),
        "2 2.1.5"
    );
    assert_eq!(received(connectors, "", OTHER, "v@w.test"), "- 2.1.5");
}

#[test]
fn by_sender_domains_it_exempts_neither_from_restriction_nor_from_reject_direct_send() {
    let connectors = vec![partner("1", &["*"]), restricted("2", &["*"])];
    assert_eq!(received(connectors, "", OTHER, "v@v.test"), "2 5.7.51");
    let mut world = with(vec![partner("1", &["*"])]);
    world.tenants[0].organization.reject_direct_send = true;
    let verdict = message("", OTHER, "u@a.example").verdict(world, IN);
    assert_eq!(verdict, "A incoming recipient 1 5.7.68");
}

#[test]
fn sender_domains_narrow_the_restriction() {
    let connectors = || vec![restricted("P", &["*.v.test"])];
    for (from, expected) in [
        ("u@v.test", "P 5.7.51"),
        ("u@x.v.test", "P 5.7.51"),
        ("u@w.test", "- 2.1.5"),
        ("", "- 2.1.5"),
        ("garbage", "- 2.1.5"),
    ] {
        assert_eq!(received(connectors(), "", OTHER, from), expected, "{from}");
    }
    assert_eq!(
        received(vec![restricted("P", &["*"])], "", OTHER, ""),
        "P 5.7.51"
    );
    assert_eq!(
        received(vec![restricted("P", &["v.test"])], "", OTHER, "u@x.v.test"),
        "- 2.1.5"
    );
}

#[test]
fn with_both_restrict_flags_both_must_hold() {
    let mut connector = restricted("P", &["*"]);
    connector.restrict_domains_to_certificate = true;
    connector.tls_sender_certificate_name = Some(pattern("p.test"));
    for (names, ip, expected) in [
        ("p.test", LISTED, "P 2.1.5"),
        ("p.test", OTHER, "P 5.7.51"),
        ("", LISTED, "P 5.7.51"),
        ("", OTHER, "P 5.7.51"),
    ] {
        assert_eq!(
            received(vec![connector.clone()], names, ip, "v@v.test"),
            expected
        );
    }
}

#[test]
fn one_satisfied_restricting_connector_suffices() {
    let mut other = partner("1", &["*"]);
    other.tls_sender_certificate_name = Some(pattern("p.test"));
    other.restrict_domains_to_certificate = true;
    let connectors = vec![other, restricted("2", &["*"])];
    assert_eq!(
        received(connectors.clone(), "", LISTED, "v@v.test"),
        "2 2.1.5"
    );
    assert_eq!(
        received(connectors.clone(), "p.test", OTHER, "v@v.test"),
        "1 2.1.5"
    );
    assert_eq!(received(connectors, "", OTHER, "v@v.test"), "1 5.7.51");
}

#[test]
fn a_match_without_restriction_does_not_override_a_violated_one() {
    let connectors = vec![by_name_only("1"), restricted("2", &["*"])];
    assert_eq!(
        received(connectors, "p.test", OTHER, "v@v.test"),
        "2 5.7.51"
    );
}

fn by_name_only(name: &str) -> InboundConnector {
    let mut connector = partner(name, &["*"]);
    connector.tls_sender_certificate_name = Some(pattern("p.test"));
    connector
}

#[test]
fn of_several_that_match_the_first_by_name_is_reported() {
    let connectors = vec![
        address("b", &["*"]),
        address("B", &["*"]),
        address("a", &["*"]),
    ];
    assert_eq!(received(connectors, "", LISTED, "v@v.test"), "B 2.1.5");
}

#[test]
fn a_restrict_flag_without_its_criterion_is_never_satisfied() {
    let mut connector = partner("P", &["*"]);
    connector.restrict_domains_to_certificate = true;
    assert_eq!(
        received(vec![connector], "p.test", LISTED, "v@v.test"),
        "P 5.7.51"
    );
}

#[test]
fn associated_accepted_domains_cover_what_the_listed_domain_accepts() {
    let mut connector = restricted("P", &["*"]);
    connector.associated_accepted_domains = vec![name("b.example")];
    let tenants = vec![tenant("A", &["a.example", "b.example+"], vec![connector])];
    for (to, code) in [
        ("y@a.example", "2.1.5"),
        ("y@b.example", "5.7.51"),
        ("y@x.b.example", "5.7.51"),
    ] {
        let verdict = message("", OTHER, "v@v.test").verdict(world(tenants.clone()), to);
        assert!(verdict.ends_with(code), "{to}: {verdict}");
    }
}

#[test]
fn require_tls_without_tls_is_refused() {
    let mut connector = address("P", &["*"]);
    connector.require_tls = true;
    for (tls, expected) in [(true, "2.1.5"), (false, "5.7.51")] {
        let mut message = message("", LISTED, "v@v.test");
        message.tls = tls;
        let verdict = message.verdict(with(vec![connector.clone()]), IN);
        assert_eq!(verdict, format!("A incoming recipient P {expected}"));
    }
}

#[test]
fn a_disabled_partner_connector_restricts_nothing() {
    let mut connector = restricted("P", &["*"]);
    connector.enabled = false;
    assert_eq!(received(vec![connector], "", OTHER, "v@v.test"), "- 2.1.5");
}

#[test]
fn originating_mail_is_not_subject_to_the_restriction() {
    let connectors = vec![by_certificate("O", "a.example"), restricted("P", &["*"])];
    let verdict = message("a.example", OTHER, "u@a.example").verdict(with(connectors.clone()), IN);
    assert_eq!(verdict, "A originating certificate O 2.1.5");
    // The renewal that no longer matches ends in 5.7.51, not 5.7.64.
    let renewed = message("new.example", OTHER, "u@a.example").verdict(with(connectors), IN);
    assert_eq!(renewed, "A incoming recipient P 5.7.51");
}

fn direct_send(connectors: Vec<InboundConnector>, ip: &str, from: &str) -> String {
    let mut world = world(vec![
        tenant("A", &["a.example"], connectors),
        tenant("B", &["b.example+"], vec![super::by_address("K", ip)]),
    ]);
    world.tenants[0].organization.reject_direct_send = true;
    world.tenants[0].accepted_domains[0].match_subdomains = true;
    message("", ip, from).verdict(world, IN)
}

#[test]
fn reject_direct_send_looks_at_mail_from_and_at_the_recipients_tenant_only() {
    for (from, code) in [
        ("u@a.example", "5.7.68"),
        ("u@sub.a.example", "5.7.68"),
        ("v@vendor.test", "2.1.5"),
        ("", "2.1.5"),
    ] {
        let verdict = direct_send(Vec::new(), OTHER, from);
        assert_eq!(verdict, format!("A incoming recipient - {code}"), "{from}");
    }
}

#[test]
fn a_matching_partner_connector_exempts_from_reject_direct_send() {
    let verdict = direct_send(vec![address("P", &["*"])], LISTED, "u@a.example");
    assert_eq!(verdict, "A incoming recipient P 2.1.5");
    let excluded = direct_send(vec![address("P", &["v.test"])], LISTED, "u@a.example");
    assert_eq!(excluded, "A incoming recipient - 5.7.68");
}
