//! All vectors of `exchange-online.md` section 1.17.

use tenantry_lab::attribution::{Certificate, Forest, Submission};
use tenantry_lab::world::{Region, SenderDomain, World};

use super::{by_address, by_certificate, message, network, partner, tenant, verdict, world};

const ANY: &str = "203.0.113.9";

/// The tenants of section 1.17.
pub(super) fn tenants() -> World {
    let mut c = tenant(
        "C",
        &["tailspin.com"],
        vec![by_certificate("C1", "*.relay.example")],
    );
    c.region = Region::new("NAM");
    let mut dp = partner("DP", &[]);
    dp.sender_domains = vec![SenderDomain::Any];
    dp.sender_ip_addresses = vec![network("198.51.100.0/24")];
    dp.restrict_domains_to_ip_addresses = true;
    world(vec![
        tenant(
            "A",
            &["contoso.com", "mail.a.contoso.com"],
            vec![by_certificate("A1", "mail.a.contoso.com")],
        ),
        tenant(
            "B",
            &["fabrikam.com+"],
            vec![by_address("B1", "192.0.2.10")],
        ),
        c,
        tenant(
            "D",
            &["adatum.com"],
            vec![by_address("D1", "192.0.2.10"), dp],
        ),
    ])
}

#[test]
fn every_vector_comes_out_as_documented() {
    let table: &[(&str, &str, &str, &str, &str, &str)] = &[
        (
            "1",
            "mail.a.contoso.com",
            ANY,
            "u@contoso.com",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "2",
            "mail.a.contoso.com",
            ANY,
            "u@fabrikam.com",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "3",
            "mail.a.contoso.com",
            ANY,
            "",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "4",
            "mail.a.contoso.com",
            ANY,
            "v@vendor.test",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "5",
            "mail.a.contoso.com",
            ANY,
            "u@contoso.com",
            "y@fabrikam.com",
            "A originating certificate A1 2.1.5",
        ),
        (
            "6",
            "mx.relay.example",
            ANY,
            "u@tailspin.com",
            "x@gmail.test",
            "C originating sender C1 2.1.5",
        ),
        (
            "7",
            "mx.relay.example",
            ANY,
            "v@vendor.test",
            "x@gmail.test",
            "- none none - 5.7.64",
        ),
        (
            "8",
            "mx.relay.example",
            ANY,
            "v@vendor.test",
            "z@tailspin.com",
            "C incoming recipient C1 2.1.5",
        ),
        (
            "9",
            "",
            "192.0.2.10",
            "u@fabrikam.com",
            "x@gmail.test",
            "B originating sender B1 2.1.5",
        ),
        (
            "10",
            "",
            "192.0.2.10",
            "u@sub.fabrikam.com",
            "x@gmail.test",
            "B originating sender B1 2.1.5",
        ),
        (
            "11",
            "",
            "192.0.2.10",
            "u@adatum.com",
            "x@gmail.test",
            "D originating sender D1 2.1.5",
        ),
        (
            "12",
            "",
            "192.0.2.10",
            "",
            "x@gmail.test",
            "- none none - 5.7.64",
        ),
        (
            "13",
            "",
            "192.0.2.10",
            "v@vendor.test",
            "y@fabrikam.com",
            "B incoming recipient B1 2.1.5",
        ),
        (
            "14",
            "",
            ANY,
            "v@vendor.test",
            "z@adatum.com",
            "D incoming recipient DP 5.7.51",
        ),
        (
            "15",
            "",
            "198.51.100.7",
            "v@vendor.test",
            "z@adatum.com",
            "D incoming recipient DP 2.1.5",
        ),
        (
            "16",
            "",
            ANY,
            "u@contoso.com",
            "y@contoso.com",
            "A incoming recipient - 2.1.5",
        ),
        (
            "18",
            "",
            ANY,
            "v@vendor.test",
            "x@gmail.test",
            "- none none - 5.7.64",
        ),
        (
            "21",
            "other.a.contoso.com",
            ANY,
            "u@contoso.com",
            "x@gmail.test",
            "- none none - 5.7.64",
        ),
        (
            "23",
            "mail.a.contoso.com",
            "192.0.2.10",
            "u@fabrikam.com",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "24",
            "mail.a.contoso.com mx.relay.example",
            ANY,
            "u@tailspin.com",
            "x@gmail.test",
            "A originating certificate A1 2.1.5",
        ),
        (
            "26",
            "",
            "192.0.2.10",
            "v@vendor.test",
            "z@adatum.com",
            "D incoming recipient D1 2.1.5",
        ),
        (
            "27",
            "",
            "192.0.2.10",
            "u@fabrikam.com",
            "z@adatum.com",
            "B originating sender B1 2.1.5",
        ),
    ];
    for (vector, names, ip, from, to, expected) in table {
        let verdict = message(names, ip, from).verdict(tenants(), to);
        assert_eq!(verdict, *expected, "vector {vector}");
    }
}

#[test]
fn vector_8_without_rcpt_uses_onprem_is_the_default_connector() {
    let mut world = tenants();
    world.profile.rcpt_uses_onprem = false;
    let verdict =
        message("mx.relay.example", ANY, "v@vendor.test").verdict(world, "z@tailspin.com");
    assert_eq!(verdict, "C incoming recipient - 2.1.5");
}

#[test]
fn vector_16_with_reject_direct_send_is_refused() {
    let mut world = tenants();
    world.tenants[0].organization.reject_direct_send = true;
    let verdict = message("", ANY, "u@contoso.com").verdict(world, "y@contoso.com");
    assert_eq!(verdict, "A incoming recipient - 5.7.68");
}

#[test]
fn vector_17_second_recipient_is_in_another_region() {
    let forest = Forest::new(tenants());
    for region in [None, Some(Region::new("EUR"))] {
        let mut message = message("", ANY, "v@vendor.test");
        message.region = region;
        let answers = message.to(&forest, &["a@contoso.com", "z@tailspin.com"]);
        let verdicts: Vec<String> = answers.iter().map(|it| verdict(&forest, it)).collect();
        let expected = [
            "A incoming recipient - 2.1.5",
            "C incoming recipient - 4.5.3",
        ];
        assert_eq!(verdicts, expected);
    }
}

#[test]
fn vectors_19_and_20_an_untrusted_certificate_counts_as_none() {
    let forest = Forest::new(tenants());
    let names = ["mail.a.contoso.com".to_owned()];
    for (problem, from) in [
        ("self-signed", "v@vendor.test"),
        ("incomplete-chain", "u@contoso.com"),
    ] {
        let mut transaction = forest.begin(&Submission {
            certificate: Certificate::Untrusted {
                problem,
                names: &names,
            },
            ip: ANY.parse().unwrap(),
            tls: true,
            region: None,
            mail_from: from,
            header_from: None,
        });
        let attribution = transaction.recipient(&forest, "x@gmail.test");
        assert_eq!(verdict(&forest, &attribution), "- none none - 5.7.64");
        let first = attribution.why[0].text(forest.world());
        let said = format!("the certificate (mail.a.contoso.com) counts as none: {problem}");
        assert!(first.starts_with(&said), "{first}");
    }
}

#[test]
fn vector_22_a_disabled_connector_attributes_nothing() {
    let mut world = tenants();
    world.tenants[0].inbound_connectors[0].enabled = false;
    let message = message("mail.a.contoso.com", ANY, "u@contoso.com");
    assert_eq!(
        message.verdict(world.clone(), "x@gmail.test"),
        "- none none - 5.7.64"
    );
    assert!(
        message
            .reasons(world, "x@gmail.test")
            .contains(&"connector-disabled")
    );
}

#[test]
fn vector_25_the_endpoint_is_in_another_region() {
    let mut message = message("", ANY, "v@vendor.test");
    message.region = Some(Region::new("nam"));
    let verdict = message.verdict(tenants(), "a@contoso.com");
    assert_eq!(verdict, "A incoming recipient - 4.4.62");
}

#[test]
fn vector_26_without_rcpt_uses_onprem_violates_the_partner_connector() {
    let mut world = tenants();
    world.profile.rcpt_uses_onprem = false;
    let verdict = message("", "192.0.2.10", "v@vendor.test").verdict(world, "z@adatum.com");
    assert_eq!(verdict, "D incoming recipient DP 5.7.51");
}
