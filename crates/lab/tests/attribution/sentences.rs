//! What a why says, word by word: it is what an administrator acts on.

use tenantry_lab::attribution::{Certificate, Forest, Submission, Why};
use tenantry_lab::world::{Region, World};

use super::{
    Message, by_address, by_certificate, message, network, partner, pattern, tenant, world,
};

const IN: &str = "y@a.example";
const OUT: &str = "x@gmail.test";
const OTHER: &str = "203.0.113.9";
const MARK: &str = " [undocumented: a decision of the lab]";

/// `stage outcome reason: text` of every line for the last recipient.
fn said(world: &World, message: &Message, recipients: &[&str]) -> Vec<String> {
    let forest = Forest::new(world.clone());
    let last = message.to(&forest, recipients).pop().unwrap();
    let line = |why: &Why| {
        let why = why.explained(forest.world());
        assert_eq!(why.text.ends_with(MARK), !why.documented, "{}", why.text);
        format!("{} {} {}: {}", why.stage, why.outcome, why.reason, why.text)
    };
    last.why.iter().map(line).collect()
}

#[track_caller]
fn assert_says(said: &[String], line: &str) {
    let lines = said.iter().filter(|other| *other == line).count();
    assert_eq!(lines, 1, "{line}\n{said:#?}");
}

#[track_caller]
fn assert_silent(said: &[String], word: &str) {
    let lines: Vec<_> = said.iter().filter(|line| line.contains(word)).collect();
    assert!(lines.is_empty(), "{said:#?}");
}

/// A hybrid organisation after its certificate was renewed with another name.
fn renewed() -> World {
    let mut hybrid = by_certificate("HCW", "mail.a.example");
    hybrid.sender_ip_addresses = vec![network("192.0.2.10"), network("198.51.100.0/24")];
    let domains = ["a.example", "mail.a.example"];
    world(vec![
        tenant(
            "A",
            &domains,
            vec![hybrid, by_certificate("Old", "old.a.example")],
        ),
        tenant("B", &["b.example"], vec![by_address("NAT", "192.0.2.20")]),
    ])
}

#[test]
fn the_owner_of_the_sender_domain_learns_what_its_connectors_expect() {
    let said = said(
        &renewed(),
        &message("mail2.a.test", OTHER, "u@a.example"),
        &[OUT],
    );
    for line in [
        "sender lost connector-expects: connector HCW of tenant A expects a certificate with the name mail.a.example or an address of 192.0.2.10, 198.51.100.0/24, but the certificate has mail2.a.test, and the address is 203.0.113.9",
        "sender lost connector-expects: connector Old of tenant A expects a certificate with the name old.a.example, but the certificate has mail2.a.test",
    ] {
        assert_says(&said, line);
    }
    assert_silent(&said, "NAT");
}

#[test]
fn the_owner_of_a_name_that_matches_nothing_learns_it_once() {
    for from in ["", "v@vendor.test", "u@a.example"] {
        let said = said(&renewed(), &message("mail2.a.example", OTHER, from), &[OUT]);
        assert_says(
            &said,
            "certificate lost connector-expects: connector Old of tenant A expects a certificate with the name old.a.example, but the certificate has mail2.a.example",
        );
    }
}

#[test]
fn the_owner_of_the_recipient_learns_it_too() {
    let said = said(&renewed(), &message("", "192.0.2.21", ""), &["y@b.example"]);
    assert_says(
        &said,
        "recipient lost connector-expects: connector NAT of tenant B expects the address 192.0.2.20, but the address is 192.0.2.21",
    );
    assert_silent(&said, "tenant A");
}

#[test]
fn the_owner_of_the_sender_domain_learns_it_when_another_tenant_gets_the_message() {
    let said = said(
        &renewed(),
        &message("mail.a.example", OTHER, "u@b.example"),
        &[OUT],
    );
    assert_says(
        &said,
        "sender lost connector-expects: connector NAT of tenant B expects the address 192.0.2.20, but the address is 203.0.113.9",
    );
}

#[test]
fn what_came_is_said_of_every_certificate_and_of_none() {
    let forest = Forest::new(renewed());
    let names = ["mail.a.example".to_owned()];
    let underscore = ["_".to_owned()];
    let untrusted = |problem, names| Certificate::Untrusted { problem, names };
    for (certificate, came) in [
        (Certificate::NotPresented, "no certificate came"),
        (
            untrusted("expired", &names),
            "the certificate (mail.a.example) counts as none: expired",
        ),
        (
            untrusted("untrusted", &[]),
            "the certificate counts as none: untrusted",
        ),
        (
            Certificate::Trusted { names: &underscore },
            "the certificate brings no usable name",
        ),
    ] {
        let mut transaction = forest.begin(&Submission {
            certificate,
            ip: OTHER.parse().unwrap(),
            tls: true,
            region: None,
            mail_from: "u@a.example",
            header_from: None,
        });
        let why = transaction.recipient(&forest, OUT).why;
        let said: Vec<String> = why.iter().map(|why| why.text(forest.world())).collect();
        let line = format!(
            "connector Old of tenant A expects a certificate with the name old.a.example, but {came}"
        );
        assert_says(&said, &line);
        assert_silent(&said, "()");
    }
}

#[test]
fn a_certificate_without_tls_is_taken_as_given_and_said_to_be_impossible() {
    let mut message = message("mail.a.example", OTHER, "");
    assert_silent(&said(&renewed(), &message, &[OUT]), "without-tls");
    message.tls = false;
    let world = renewed();
    assert_eq!(
        message.verdict(world.clone(), OUT),
        "A originating certificate HCW 2.1.5"
    );
    let said = said(&world, &message, &[OUT]);
    assert!(
        said[0].starts_with("certificate note certificate-without-tls: "),
        "{said:#?}"
    );
}

#[test]
fn connectors_without_criterion_or_in_use_are_told_apart() {
    let mut world = renewed();
    let bare = super::InboundConnector::new("Bare", super::ConnectorType::OnPremises);
    world.tenants[1].inbound_connectors = vec![bare];
    let message = message("", OTHER, "u@b.example");
    assert_says(
        &said(&world, &message, &[OUT]),
        "sender lost connector-without-criterion: connector Bare of tenant B has neither certificate name nor addresses, so it matches nothing",
    );
    world.tenants[1].inbound_connectors[0].enabled = false;
    assert_says(
        &said(&world, &message, &[OUT]),
        "sender note owner-has-no-connector: tenant B accepts the sender domain b.example, but has no OnPremises connector in use",
    );
}

#[test]
fn expectations_are_bounded() {
    let mut world = renewed();
    let many = (0..100).map(|n| {
        let mut connector = by_address(&format!("K{n:03}"), "192.0.2.1");
        connector.sender_ip_addresses = (0..200).map(|n| network(&format!("10.0.0.{n}"))).collect();
        connector
    });
    world.tenants[1].inbound_connectors = many.collect();
    let said = said(&world, &message("", OTHER, "u@b.example"), &["y@b.example"]);
    assert!(said.len() < 45, "{said:#?}");
    assert_says(&said, "sender note more: 84 more are not listed");
    assert!(said.iter().all(|line| line.len() < 400), "{said:#?}");
}

#[test]
fn a_certificate_that_the_profile_keeps_out_is_no_missing_match() {
    let mut world = world(vec![tenant(
        "T1",
        &["b.a.example"],
        vec![by_certificate("X", "a.example")],
    )]);
    world.profile.cert_unaccepted_falls_to_sender = false;
    let said = said(
        &world,
        &message("a.example", OTHER, "v@b.a.example"),
        &[OUT],
    );
    assert_silent(&said, "owner-without-connector");
    assert_silent(&said, "certificate name the certificate name");
    assert_says(
        &said,
        &format!(
            "sender note owner-kept-out: tenant T1 accepts the sender domain b.a.example, but the certificate that its connectors match does not reach the sender stage, as the profile has cert_unaccepted_falls_to_sender off{MARK}"
        ),
    );
}

fn shared(tenants: usize) -> World {
    let one = |n: usize| {
        let domain = format!("t{n}.example");
        let connectors = vec![
            by_certificate("C", "*.shared.example"),
            by_address("I", "192.0.2.1"),
        ];
        tenant(&format!("T{n:04}"), &[&domain], connectors)
    };
    world((0..tenants).map(one).collect())
}

#[test]
fn the_owner_of_the_sender_domain_comes_first_in_a_list_that_is_cut() {
    let from = "u@t777.example";
    let first = "certificate lost certificate-domain-not-accepted: connector C of tenant T0777 (*.shared.example)";
    let said = |world: &World, names: &str| said(world, &message(names, "192.0.2.1", from), &[OUT]);
    assert!(said(&shared(1000), "mx.shared.example")[0].starts_with(first));
    // Where one of them decides, too.
    let mut decided = shared(1000);
    let own = super::AcceptedDomain::new(super::name("shared.example"));
    decided.tenants[3].accepted_domains.push(own);
    assert!(said(&decided, "mx.shared.example")[1].starts_with(first));
    // Disabled ones.
    let mut disabled = shared(1000);
    for tenant in &mut disabled.tenants {
        for connector in &mut tenant.inbound_connectors {
            connector.enabled = false;
        }
    }
    let lines = said(&disabled, "mx.shared.example");
    let of_owner =
        |line: &&String| line.contains(" connector-disabled: ") && line.contains("T0777");
    assert_eq!(lines.iter().filter(of_owner).count(), 2, "{lines:#?}");
}

#[test]
fn a_recipient_domain_of_two_tenants_is_a_tie() {
    let tenants = ["A", "B"].map(|name| tenant(name, &["a.example"], Vec::new()));
    let said = said(&world(tenants.to_vec()), &message("", OTHER, ""), &[IN]);
    assert_says(
        &said,
        &format!(
            "recipient refused tie-refused: 2 tenants are equally good, so the message is nobody's and is refused{MARK}"
        ),
    );
    assert_silent(&said, "no tenant is found");
}

#[test]
fn a_domain_that_matchsubdomains_covers_is_accepted_by_a_guess() {
    for (connector, domain, guess) in [
        ("h.d.example", "d.example+", true),
        ("*.sub.d.example", "d.example+", true),
        ("*.d.example", "d.example+", false),
        ("*.d.example", "sub.d.example", false),
    ] {
        let connectors = vec![by_certificate("K", connector)];
        let world = world(vec![tenant("A", &[domain], connectors)]);
        let name = connector.replace('*', "h");
        let said = said(&world, &message(&name, OTHER, ""), &[OUT]);
        let chosen = said.iter().find(|line| line.contains(" chosen ")).unwrap();
        assert_eq!(chosen.ends_with(MARK), guess, "{chosen}");
    }
    // And that a wildcard fails without it.
    let connectors = vec![by_certificate("K", "*.sub.d.example")];
    let world = world(vec![tenant("A", &["d.example"], connectors)]);
    let said = said(&world, &message("h.sub.d.example", OTHER, ""), &[OUT]);
    let line = said
        .iter()
        .find(|line| line.contains("without-match-subdomains"));
    assert!(line.unwrap().ends_with(MARK), "{said:#?}");
}

fn restricted(name: &str) -> super::InboundConnector {
    let mut connector = partner(name, &["*"]);
    connector.sender_ip_addresses = vec![network("198.51.100.0/24")];
    connector.restrict_domains_to_ip_addresses = true;
    connector
}

#[test]
fn a_violated_restriction_says_what_it_wants_and_what_came() {
    let world = world(vec![tenant("A", &["a.example"], vec![restricted("P")])]);
    let lines = said(&world, &message("", OTHER, "v@vendor.test"), &[IN]);
    assert_silent(&lines, "default-connector");
    for line in [
        "recipient lost partner-unsatisfied: connector P of tenant A restricts its senders to the address 198.51.100.0/24 (RestrictDomainsToIPAddresses), but the address is 203.0.113.9",
        "policy refused partner-restriction: connector P of tenant A restricts the way to the address 198.51.100.0/24 (RestrictDomainsToIPAddresses), but the address is 203.0.113.9; no restricting connector of tenant A is satisfied",
    ] {
        assert_says(&lines, line);
    }
    let mut both = world;
    let connector = &mut both.tenants[0].inbound_connectors[0];
    connector.restrict_domains_to_certificate = true;
    connector.tls_sender_certificate_name = Some(pattern("p.test"));
    assert_says(
        &said(
            &both,
            &message("q.test", "198.51.100.7", "v@vendor.test"),
            &[IN],
        ),
        &format!(
            "recipient lost partner-unsatisfied: connector P of tenant A restricts its senders to a certificate with the name p.test (RestrictDomainsToCertificate), but the certificate has q.test{MARK}"
        ),
    );
    assert_says(
        &said(&both, &message("", OTHER, "v@vendor.test"), &[IN]),
        "recipient lost partner-unsatisfied: connector P of tenant A restricts its senders to a certificate with the name p.test (RestrictDomainsToCertificate) and the address 198.51.100.0/24 (RestrictDomainsToIPAddresses), but no certificate came, and the address is 203.0.113.9",
    );
}

#[test]
fn a_partner_connector_that_does_not_override_a_restriction_is_not_chosen() {
    let mut by_name = partner("1", &["*"]);
    by_name.tls_sender_certificate_name = Some(pattern("p.test"));
    let connectors = vec![by_name, partner("0", &["*"]), restricted("2")];
    let world = world(vec![tenant("A", &["a.example"], connectors)]);
    let said = said(&world, &message("p.test", OTHER, "v@vendor.test"), &[IN]);
    for line in [
        "recipient lost partner-overridden: connector 0 of tenant A matches by its SenderDomains alone, but that does not override connector 2 of tenant A, which restricts the way",
        "recipient lost partner-overridden: connector 1 of tenant A matches the certificate name p.test, but that does not override connector 2 of tenant A, which restricts the way",
    ] {
        assert_says(&said, &format!("{line}{MARK}"));
    }
    assert_silent(&said, "recipient chosen partner");
    assert_silent(&said, "default-connector");
}

#[test]
fn a_partner_connector_says_by_which_name_it_matches_or_what_it_expects() {
    let mut connector = partner("P", &["*"]);
    connector.tls_sender_certificate_name = Some(pattern("*.p.test"));
    connector.restrict_domains_to_certificate = true;
    let mut world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    let message = |names: &str| message(names, OTHER, "v@vendor.test");
    assert_says(
        &said(&world, &message("q.test mx.p.test"), &[IN]),
        "recipient chosen partner-matched: connector P of tenant A matches the certificate name mx.p.test",
    );
    world.tenants[0].inbound_connectors[0].restrict_domains_to_certificate = false;
    assert_says(
        &said(&world, &message("mx.p.test"), &[IN]),
        &format!(
            "recipient chosen partner-matched: connector P of tenant A matches the certificate name mx.p.test{MARK}"
        ),
    );
    assert_says(
        &said(&world, &message("q.test"), &[IN]),
        "recipient lost partner-no-match: connector P of tenant A matches neither certificate nor address: it expects a certificate with the name *.p.test, but the certificate has q.test",
    );
}

#[test]
fn that_any_sender_covers_the_null_sender_is_a_guess() {
    let world = world(vec![tenant("A", &["a.example"], vec![restricted("P")])]);
    let line = "recipient note partner-covers-any-sender: the SenderDomains * of connector P of tenant A cover a message without sender domain";
    let null = said(&world, &message("", OTHER, ""), &[IN]);
    assert_says(&null, &format!("{line}{MARK}"));
    let other = said(&world, &message("", OTHER, "v@vendor.test"), &[IN]);
    assert_silent(&other, "partner-covers-any-sender");
}

fn direct_send(connectors: Vec<super::InboundConnector>) -> World {
    let mut world = world(vec![tenant("A", &["a.example"], connectors)]);
    world.tenants[0].organization.reject_direct_send = true;
    world
}

#[test]
fn reject_direct_send_says_which_connector_does_not_exempt() {
    let said = |connectors, ip| {
        said(
            &direct_send(connectors),
            &message("", ip, "u@a.example"),
            &[IN],
        )
    };
    assert_says(
        &said(Vec::new(), OTHER),
        "policy refused direct-send: tenant A has RejectDirectSend, none of its connectors matches by certificate or address, and it accepts the sender domain a.example",
    );
    let scanner = partner("Scanner", &["a.example"]);
    assert_says(
        &said(vec![scanner.clone()], OTHER),
        &format!(
            "policy refused direct-send-by-sender: tenant A has RejectDirectSend and accepts the sender domain a.example; none of its connectors matches by certificate or address: connector Scanner of tenant A matches by SenderDomains only, which does not exempt{MARK}"
        ),
    );
    let mut elsewhere = partner("Elsewhere", &["v.test"]);
    elsewhere.sender_ip_addresses = vec![network(OTHER)];
    assert_says(
        &said(vec![scanner, elsewhere], OTHER),
        &format!(
            "policy refused direct-send-excluded: tenant A has RejectDirectSend and accepts the sender domain a.example; connector Elsewhere of tenant A would match by certificate or address, but its SenderDomains or AssociatedAcceptedDomains leave this message out{MARK}"
        ),
    );
}

#[test]
fn the_text_of_a_refusal_for_want_of_tls_is_marked() {
    let mut connector = restricted("P");
    connector.require_tls = true;
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    let mut message = message("", "198.51.100.7", "v@vendor.test");
    message.tls = false;
    let said = said(&world, &message, &[IN]);
    let refused = said
        .iter()
        .find(|line| line.contains(" refused tls-required: "));
    assert!(refused.unwrap().ends_with(MARK), "{said:#?}");
}

#[test]
fn later_refusals_are_named_after_the_first() {
    let mut world = direct_send(vec![restricted("P")]);
    let a = &mut world.tenants[0];
    a.mail_enabled = false;
    a.recipients = Some(std::collections::BTreeSet::new());
    let mut message = message("", OTHER, "u@a.example");
    message.region = Some(Region::new("NAM"));
    let said = said(&world, &message, &[IN]);
    let policy: Vec<&str> = said
        .iter()
        .filter(|line| line.starts_with("policy "))
        .map(|line| line.split_inclusive(" would follow").next().unwrap())
        .collect();
    assert!(
        policy[0].starts_with("policy refused partner-restriction: "),
        "{policy:#?}"
    );
    assert_eq!(
        policy[1..],
        ["550 5.7.68", "550 5.4.1", "451 4.4.4", "451 4.4.62"]
            .map(|code| format!("policy note would-follow: {code} would follow"))
    );
    assert_says(
        &said,
        &format!(
            "policy note would-follow: 550 5.4.1 would follow: tenant A has no recipient y@a.example, and a.example is Authoritative; the order is not documented{MARK}"
        ),
    );
}

#[test]
fn recipients_of_several_regions_come_before_the_wrong_region_and_that_is_a_guess() {
    let mut world = renewed();
    world.tenants[1].region = Region::new("NAM");
    let mut message = message("", OTHER, "");
    message.region = Some(Region::new("EUR"));
    let lines = said(&world, &message, &["y@a.example", "y@b.example"]);
    assert_says(
        &lines,
        "policy refused multiple-regions: the recipient is in region NAM, an earlier one in EUR",
    );
    assert_says(
        &lines,
        &format!(
            "policy note would-follow: 451 4.4.62 would follow: the recipient is in region NAM, the endpoint in EUR; the order is not documented{MARK}"
        ),
    );
    // What was refused does not count, and that is said.
    message.region = Some(Region::new("NAM"));
    let lines = said(&world, &message, &["y@a.example", "y@b.example"]);
    assert_says(
        &lines,
        &format!(
            "policy note refused-does-not-bind: an earlier recipient in region EUR was refused, so it does not bind the transaction to that region{MARK}"
        ),
    );
}

#[test]
fn the_wrong_region_says_whether_in_region_routing_would_help() {
    let mut world = renewed();
    world.tenants[0].allowed_regions = [Region::new("GBR")].into();
    let mut message = message("", OTHER, "");
    message.region = Some(Region::new("GBR"));
    assert_says(
        &said(&world, &message, &[IN]),
        "policy note in-region-routing-off: the allowed regions of tenant A name the endpoint's region GBR, but its InRegionRoutingEnabled is off",
    );
    world.tenants[0].organization.in_region_routing_enabled = true;
    message.region = Some(Region::new("NAM"));
    assert_says(
        &said(&world, &message, &[IN]),
        "policy note region-not-allowed: tenant A has InRegionRoutingEnabled on, but its allowed regions do not name the endpoint's region NAM",
    );
    let other = Some(Region::new("NAM"));
    world.tenants[0].organization.in_region_routing_enabled = false;
    world.tenants[0].accepted_domains[0].mail_flow_region = other;
    let lines = said(&world, &message, &[IN]);
    assert_says(
        &lines,
        &format!(
            "policy note mail-flow-region-off: the MailFlowRegion NAM of a.example does not count, as tenant A has InRegionRoutingEnabled off{MARK}"
        ),
    );
}

#[test]
fn only_an_address_that_is_not_taken_is_blamed_and_only_in_vain() {
    for addresses in [
        ["192.0.2.11", "192.0.2.0/23"],
        ["192.0.2.0/23", "192.0.2.11"],
    ] {
        let mut connector = by_address("c", addresses[0]);
        connector.sender_ip_addresses.push(network(addresses[1]));
        let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
        let from = "u@a.example";
        assert_silent(
            &said(&world, &message("", "192.0.2.11", from), &[OUT]),
            " lost ",
        );
        assert_says(
            &said(&world, &message("", "192.0.2.12", from), &[OUT]),
            "sender lost unusable-value: connector c of tenant A would match the address 192.0.2.12, were its SenderIPAddresses 192.0.2.0/23 a value that Exchange Online takes",
        );
    }
}

#[test]
fn a_connector_that_one_name_matches_does_not_lose_by_another() {
    let connectors = vec![by_certificate("c", "mail.a.example")];
    let domains = ["mail.a.example"];
    let world = world(vec![tenant("A", &domains, connectors)]);
    let names = "mail.a.example *.a.example";
    assert_silent(&said(&world, &message(names, OTHER, ""), &[OUT]), " lost ");
    let mut apex = super::world(vec![tenant(
        "A",
        &["a.example"],
        vec![by_certificate("c", "*.a.example")],
    )]);
    apex.profile.wildcard_matches_apex = false;
    let names = "h.a.example a.example";
    assert_silent(&said(&apex, &message(names, OTHER, ""), &[OUT]), " lost ");
}

#[test]
fn a_connector_whose_addresses_overlap_is_named_once() {
    let mut connector = partner("P", &["*"]);
    connector.sender_ip_addresses = vec![network("192.0.2.0/24"), network("192.0.2.10")];
    let world = world(vec![tenant("A", &["a.example"], vec![connector])]);
    assert_says(
        &said(&world, &message("", "192.0.2.10", ""), &[OUT]),
        "sender note partner-attributes-nothing: connector P of tenant A matches the address 192.0.2.10, but is a Partner connector: it takes part only in mail to tenant A",
    );
}

#[test]
fn a_name_that_is_no_plain_word_stands_in_quotes_and_turns_no_text_around() {
    let mut world = renewed();
    world.tenants[1].name = "Contoso Ltd".to_owned();
    let connector = &mut world.tenants[1].inbound_connectors[0];
    connector.name = "c of tenant B \u{202e}".to_owned();
    assert_says(
        &said(&world, &message("", OTHER, "u@b.example"), &[OUT]),
        "sender lost connector-expects: connector \"c of tenant B \\u{202e}\" of tenant \"Contoso Ltd\" expects the address 192.0.2.20, but the address is 203.0.113.9",
    );
    let from = "\u{202e}";
    assert!(
        said(&world, &message("", OTHER, from), &[OUT])
            .iter()
            .all(|line| !line.contains(from))
    );
}

#[test]
fn the_region_is_looked_at_for_incoming_mail_only_and_that_is_a_guess() {
    let mut message = message("mail.a.example", OTHER, "");
    message.region = Some(Region::new("NAM"));
    assert_says(
        &said(&renewed(), &message, &["y@b.example"]),
        &format!(
            "policy note region-not-checked: the recipient's tenant B is in region EUR, the endpoint in NAM, which is looked at for incoming mail only{MARK}"
        ),
    );
    assert_silent(&said(&renewed(), &message, &[OUT]), "region-not-checked");
}
