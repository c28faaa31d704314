//! Sentences of sections 1.5 b to 1.8.

use tenantry_lab::world::{SenderAddress, World};

use super::{by_address, by_certificate, message, network, tenant, world};

const OUT: &str = "x@gmail.test";
const IP: &str = "192.0.2.10";

fn shared() -> World {
    world(vec![
        tenant("A", &["contoso.com+"], vec![by_address("A1", IP)]),
        tenant("B", &["sub.contoso.com"], vec![by_address("B1", IP)]),
    ])
}

fn sent(from: &str) -> String {
    message("", IP, from).verdict(shared(), OUT)
}

#[test]
fn the_owner_of_mail_from_wins_among_tenants_that_list_the_address() {
    assert_eq!(sent("u@contoso.com"), "A originating sender A1 2.1.5");
    assert_eq!(sent("u@x.contoso.com"), "A originating sender A1 2.1.5");
    assert_eq!(sent("u@sub.contoso.com"), "B originating sender B1 2.1.5");
}

#[test]
fn below_a_delegated_subdomain_nobody_is_the_owner() {
    assert_eq!(sent("u@x.sub.contoso.com"), "- none none - 5.7.64");
}

#[test]
fn a_delegated_subdomain_ends_coverage_even_without_a_connector_there() {
    let mut world = shared();
    world.tenants[1].inbound_connectors.clear();
    let message = message("", IP, "u@sub.contoso.com");
    assert_eq!(message.verdict(world.clone(), OUT), "- none none - 5.7.64");
    assert!(
        message
            .reasons(world, OUT)
            .contains(&"owner-has-no-connector")
    );
}

#[test]
fn a_pending_domain_neither_covers_nor_ends_coverage() {
    let mut world = shared();
    world.tenants[1].accepted_domains[0].pending = true;
    let message = message("", IP, "u@sub.contoso.com");
    assert_eq!(message.verdict(world, OUT), "A originating sender A1 2.1.5");
}

#[test]
fn the_address_alone_never_attributes() {
    assert_eq!(sent(""), "- none none - 5.7.64");
    let reasons = message("", IP, "").reasons(shared(), OUT);
    assert!(reasons.contains(&"null-sender"));
    assert_eq!(
        reasons
            .iter()
            .filter(|word| **word == "no-sender-domain")
            .count(),
        2
    );
}

#[test]
fn the_null_sender_reaches_a_mailbox_of_the_tenant() {
    let verdict = message("", IP, "").verdict(shared(), "y@contoso.com");
    assert_eq!(verdict, "A incoming recipient A1 2.1.5");
}

#[test]
fn a_sender_that_is_no_proper_address_has_no_domain() {
    for from in [
        "contoso.com",
        "u@",
        "@contoso.com",
        "u@evil.test@contoso.com",
        "u@[192.0.2.1]",
        "a b@contoso.com",
        "<u@contoso.com>",
        "u@contoso_x.com",
        "\"open@contoso.com",
        "u@@contoso.com",
        "u..v@contoso.com",
        "u@contoso..com",
        "\"a\"b@contoso.com",
    ] {
        assert_eq!(sent(from), "- none none - 5.7.64", "{from}");
        let reasons = message("", IP, from).reasons(shared(), OUT);
        assert!(reasons.contains(&"sender-without-domain"), "{from}");
    }
}

#[test]
fn an_at_sign_in_quotes_is_no_separator() {
    for from in [
        "\"u@evil.test\"@contoso.com",
        "\"a\\\"@b\"@contoso.com",
        "u@CONTOSO.com.",
        "\u{fc}@contoso.com",
    ] {
        assert_eq!(sent(from), "A originating sender A1 2.1.5", "{from}");
    }
}

#[test]
fn an_ipv4_mapped_address_counts_as_ipv4() {
    let verdict = message("", "::ffff:192.0.2.10", "u@contoso.com").verdict(shared(), OUT);
    assert_eq!(verdict, "A originating sender A1 2.1.5");
}

#[test]
fn only_ipv4_networks_from_24_to_32_count() {
    for (address, ip, expected) in [
        ("192.0.2.0/24", "192.0.2.255", true),
        ("192.0.2.128/25", "192.0.2.127", false),
        ("192.0.2.77/25", "192.0.2.1", true),
        ("192.0.2.10/32", "192.0.2.10", true),
        ("192.0.0.0/16", "192.0.2.10", false),
        ("2001:db8::1", "2001:db8::1", false),
    ] {
        let tenants = || vec![tenant("A", &["a.example"], vec![by_address("A1", address)])];
        let message = message("", ip, "u@a.example");
        let verdict = message.verdict(world(tenants()), OUT);
        assert_eq!(
            verdict == "A originating sender A1 2.1.5",
            expected,
            "{address} {ip}"
        );
        let unusable = matches!(address, "192.0.0.0/16" | "2001:db8::1");
        let reasons = message.reasons(world(tenants()), OUT);
        assert_eq!(
            reasons.contains(&"unusable-value"),
            unusable,
            "{address} {ip}"
        );
    }
}

#[test]
fn certificate_comes_before_address_within_a_tenant() {
    let connectors = vec![by_address("1", IP), by_certificate("2", "*.relay.example")];
    let world = || world(vec![tenant("A", &["a.example"], connectors.clone())]);
    let message = message("mx.relay.example", IP, "u@a.example");
    assert_eq!(
        message.verdict(world(), OUT),
        "A originating sender 2 2.1.5"
    );
    assert!(
        message
            .reasons(world(), OUT)
            .contains(&"certificate-before-address")
    );
}

#[test]
fn the_certificate_wins_over_the_owner_of_mail_from_and_that_is_said() {
    let mut world = shared();
    world.tenants[0]
        .inbound_connectors
        .push(by_certificate("A2", "contoso.com"));
    let message = message("contoso.com", IP, "u@sub.contoso.com");
    assert_eq!(
        message.verdict(world.clone(), OUT),
        "A originating certificate A2 2.1.5"
    );
    let reasons = message.reasons(world, OUT);
    assert!(reasons.contains(&"sender-of-another-tenant"));
    assert_eq!(
        reasons
            .iter()
            .filter(|word| **word == "certificate-before-address")
            .count(),
        2
    );
}

#[test]
fn one_domain_in_two_tenants_is_a_tie() {
    let tenants = ["A", "B"].map(|name| tenant(name, &["a.example"], vec![by_address("K", IP)]));
    let world = || world(tenants.to_vec());
    let message = message("", IP, "u@a.example");
    assert_eq!(message.verdict(world(), OUT), "- none none - 5.7.64");
    assert!(message.reasons(world(), OUT).contains(&"several-owners"));
    let incoming = super::message("", "203.0.113.9", "v@vendor.test");
    assert_eq!(
        incoming.verdict(world(), "y@a.example"),
        "- none none - 5.7.64"
    );
}

#[test]
fn disabled_connectors_that_list_the_address_are_named() {
    let mut world = shared();
    world.tenants[0].inbound_connectors[0].enabled = false;
    let message = message("", IP, "u@contoso.com");
    assert_eq!(message.verdict(world.clone(), OUT), "- none none - 5.7.64");
    assert!(message.reasons(world, OUT).contains(&"connector-disabled"));
}

#[test]
fn a_connector_with_several_addresses_matches_by_each() {
    let mut connector = by_address("A1", "192.0.2.0/24");
    connector.sender_ip_addresses.push(network(IP));
    connector
        .sender_ip_addresses
        .push(SenderAddress::Unusable("nonsense".to_owned()));
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    for ip in ["192.0.2.1", IP] {
        let verdict = message("", ip, "u@a.example").verdict(world.clone(), OUT);
        assert_eq!(verdict, "A originating sender A1 2.1.5");
    }
}
