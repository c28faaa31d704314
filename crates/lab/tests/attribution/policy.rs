//! Sentences of section 1.11, and the order of refusals.

use std::collections::BTreeSet;

use tenantry_lab::attribution::Forest;
use tenantry_lab::world::{DomainType, Region, World};

use super::{by_certificate, message, tenant, verdict, world};

const IP: &str = "203.0.113.9";

fn one() -> World {
    world(vec![tenant(
        "A",
        &["a.example+"],
        vec![by_certificate("A1", "a.example")],
    )])
}

fn code(world: World, names: &str, region: Option<&str>, to: &str) -> String {
    let mut message = message(names, IP, "v@vendor.test");
    message.region = region.map(Region::new);
    let verdict = message.verdict(world, to);
    verdict.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn an_originating_message_may_go_anywhere_and_says_where() {
    let forest = Forest::new(one());
    let message = message("a.example", IP, "");
    for (to, external) in [
        ("x@gmail.test", true),
        ("garbage", true),
        ("y@a.example", false),
    ] {
        let attribution = message.only_to(&forest, to);
        assert_eq!(
            verdict(&forest, &attribution),
            "A originating certificate A1 2.1.5"
        );
        assert_eq!(attribution.external, external, "{to}");
        assert_eq!(attribution.matched_name.as_deref(), Some("a.example"));
    }
}

#[test]
fn a_recipient_that_is_no_proper_address_counts_as_external() {
    for to in [
        "",
        "y",
        "y@",
        "@a.example",
        "y@[192.0.2.1]",
        "y@b@a.example",
        "y z@a.example",
    ] {
        assert_eq!(code(one(), "", None, to), "5.7.64", "{to}");
    }
}

#[test]
fn directory_based_blocking_is_for_authoritative_domains_with_known_recipients() {
    let mut known = one();
    known.tenants[0].recipients = Some(BTreeSet::from(["y@a.example".to_owned()]));
    assert_eq!(code(known.clone(), "", None, "Y@A.example"), "2.1.5");
    assert_eq!(code(known.clone(), "", None, "z@a.example"), "5.4.1");
    assert_eq!(code(known.clone(), "", None, "y@sub.a.example"), "5.4.1");
    assert_eq!(
        code(known.clone(), "a.example", None, "z@a.example"),
        "5.4.1"
    );
    assert_eq!(
        code(known.clone(), "a.example", None, "z@gmail.test"),
        "2.1.5"
    );
    known.tenants[0].accepted_domains[0].domain_type = DomainType::InternalRelay;
    assert_eq!(code(known, "", None, "z@a.example"), "2.1.5");
    assert_eq!(code(one(), "", None, "z@a.example"), "2.1.5");
}

#[test]
fn the_wrong_region_is_refused_for_incoming_mail_only() {
    assert_eq!(code(one(), "", Some("NAM"), "y@a.example"), "4.4.62");
    assert_eq!(code(one(), "", Some("EUR"), "y@a.example"), "2.1.5");
    assert_eq!(code(one(), "", None, "y@a.example"), "2.1.5");
    assert_eq!(
        code(one(), "a.example", Some("NAM"), "y@a.example"),
        "2.1.5"
    );
}

#[test]
fn allowed_regions_count_with_in_region_routing_only() {
    let mut world = one();
    world.tenants[0].allowed_regions = BTreeSet::from([Region::new("NAM")]);
    assert_eq!(
        code(world.clone(), "", Some("NAM"), "y@a.example"),
        "4.4.62"
    );
    world.tenants[0].organization.in_region_routing_enabled = true;
    assert_eq!(code(world.clone(), "", Some("NAM"), "y@a.example"), "2.1.5");
    assert_eq!(code(world, "", Some("APC"), "y@a.example"), "4.4.62");
}

#[test]
fn mail_flow_region_stands_for_the_tenants_with_in_region_routing_only() {
    let mut world = one();
    world.tenants[0].accepted_domains[0].mail_flow_region = Some(Region::new("NAM"));
    assert_eq!(
        code(world.clone(), "", Some("NAM"), "y@a.example"),
        "4.4.62"
    );
    world.tenants[0].organization.in_region_routing_enabled = true;
    assert_eq!(code(world.clone(), "", Some("NAM"), "y@a.example"), "2.1.5");
    assert_eq!(code(world, "", Some("EUR"), "y@a.example"), "4.4.62");
}

#[test]
fn only_accepted_recipients_bind_the_transaction_to_a_region() {
    let mut other = tenant("B", &["b.example"], Vec::new());
    other.region = Region::new("NAM");
    let mut world = one();
    world.tenants.push(other);
    world.tenants[0].recipients = Some(BTreeSet::from(["y@a.example".to_owned()]));
    let forest = Forest::new(world);
    let codes = |recipients: &[&str]| -> Vec<String> {
        let answers = message("", IP, "v@vendor.test").to(&forest, recipients);
        let code = |text: String| text.rsplit(' ').next().unwrap_or_default().to_owned();
        answers
            .iter()
            .map(|it| code(verdict(&forest, it)))
            .collect()
    };
    assert_eq!(codes(&["z@a.example", "y@b.example"]), ["5.4.1", "2.1.5"]);
    assert_eq!(
        codes(&["y@a.example", "y@b.example", "y@a.example"]),
        ["2.1.5", "4.5.3", "2.1.5"]
    );
}

#[test]
fn recipients_of_several_tenants_of_one_region_are_accepted() {
    let mut world = one();
    world.tenants.push(tenant("B", &["b.example"], Vec::new()));
    let forest = Forest::new(world);
    let answers = message("", IP, "v@vendor.test").to(&forest, &["y@a.example", "y@b.example"]);
    let tenants: Vec<_> = answers.iter().map(|it| verdict(&forest, it)).collect();
    assert_eq!(
        tenants,
        [
            "A incoming recipient - 2.1.5",
            "B incoming recipient - 2.1.5"
        ]
    );
}

#[test]
fn the_first_refusal_in_the_listed_order_is_given() {
    let mut world = one();
    let a = &mut world.tenants[0];
    a.mail_enabled = false;
    a.recipients = Some(BTreeSet::new());
    a.quota.exceeded = true;
    a.inbound_connectors[0].blocked = true;
    let incoming = |world: &World| code(world.clone(), "", Some("NAM"), "y@a.example");
    let originating = |world: &World| code(world.clone(), "a.example", Some("NAM"), "y@a.example");
    assert_eq!(incoming(&world), "5.4.1");
    assert_eq!(originating(&world), "5.7.711");
    world.tenants[0].inbound_connectors[0].blocked = false;
    assert_eq!(originating(&world), "5.7.705");
    world.tenants[0].quota.exceeded = false;
    assert_eq!(originating(&world), "5.4.1");
    world.tenants[0].recipients = None;
    assert_eq!(incoming(&world), "4.4.4");
    world.tenants[0].mail_enabled = true;
    assert_eq!(incoming(&world), "4.4.62");
}

#[test]
fn the_owner_of_a_domain_is_exactly_one_tenant() {
    let mut world = one();
    let forest = Forest::new(world.clone());
    let owner = |forest: &Forest| forest.owner(&super::name("x.a.example"));
    assert_eq!(owner(&forest), world.tenant_named("A"));
    world.tenants.push(tenant("B", &["a.example+"], Vec::new()));
    assert_eq!(owner(&Forest::new(world)), None);
}

#[test]
fn every_line_of_a_why_is_a_sentence_and_has_a_json_form() {
    let forest = Forest::new(super::vectors::tenants());
    let attribution =
        message("mx.relay.example", "192.0.2.10", "v@vendor.test").only_to(&forest, "z@adatum.com");
    for why in &attribution.why {
        let explained = why.explained(forest.world());
        assert!(!explained.text.contains(['{', '}']), "{}", explained.text);
        assert!(!explained.text.contains("  "), "{}", explained.text);
    }
    let first = attribution.why[0].explained(forest.world());
    assert_eq!(first.stage, "certificate");
    assert_eq!(first.tenant, Some("C"));
    assert_eq!(first.connector, Some("C1"));
    assert_eq!(first.outcome, "lost");
    assert_eq!(first.reason, "certificate-domain-not-accepted");
    assert!(first.documented);
    assert_eq!(
        first.text,
        "connector C1 of tenant C (*.relay.example) matches the certificate name mx.relay.example, but tenant C does not accept that domain"
    );
}
