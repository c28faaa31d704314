//! Both values of every profile flag that attribution reads.

use tenantry_lab::world::{AmbiguousPolicy, Profile, RelayRefusal, World};

use super::{by_address, by_certificate, message, tenant, world};

const OUT: &str = "x@gmail.test";
const IP: &str = "203.0.113.9";

fn with(mut world: World, change: impl Fn(&mut Profile)) -> World {
    change(&mut world.profile);
    world
}

fn anti_pattern() -> World {
    world(vec![tenant(
        "C",
        &["c.example"],
        vec![by_certificate("C1", "*.relay.example")],
    )])
}

#[test]
fn rcpt_uses_onprem() {
    let message = message("mx.relay.example", IP, "v@vendor.test");
    for (flag, expected) in [(true, "C1"), (false, "-")] {
        let world = with(anti_pattern(), |profile| profile.rcpt_uses_onprem = flag);
        let verdict = message.verdict(world, "y@c.example");
        assert_eq!(verdict, format!("C incoming recipient {expected} 2.1.5"));
    }
}

#[test]
fn cert_unaccepted_falls_to_sender() {
    let message = message("mx.relay.example", IP, "u@c.example");
    let set = |flag| {
        with(anti_pattern(), |profile| {
            profile.cert_unaccepted_falls_to_sender = flag
        })
    };
    assert_eq!(
        message.verdict(set(true), OUT),
        "C originating sender C1 2.1.5"
    );
    assert_eq!(message.verdict(set(false), OUT), "- none none - 5.7.64");
    assert_eq!(
        message.verdict(set(false), "y@c.example"),
        "C incoming recipient - 2.1.5"
    );
    assert!(
        message
            .reasons(set(false), OUT)
            .contains(&"certificate-is-no-candidate")
    );
}

#[test]
fn an_address_nominates_what_its_certificate_may_not() {
    let mut world = with(anti_pattern(), |profile| {
        profile.cert_unaccepted_falls_to_sender = false;
    });
    world.tenants[0].inbound_connectors[0].sender_ip_addresses = vec![super::network(IP)];
    let verdict = message("mx.relay.example", IP, "u@c.example").verdict(world, OUT);
    assert_eq!(verdict, "C originating sender C1 2.1.5");
}

#[test]
fn wildcard_matches_apex() {
    let world = || {
        world(vec![tenant(
            "A",
            &["a.example"],
            vec![by_certificate("A1", "*.a.example")],
        )])
    };
    let message = message("a.example", IP, "");
    let set = |flag| with(world(), |profile| profile.wildcard_matches_apex = flag);
    assert_eq!(
        message.verdict(set(true), OUT),
        "A originating certificate A1 2.1.5"
    );
    assert_eq!(message.verdict(set(false), OUT), "- none none - 5.7.64");
    assert!(message.reasons(set(false), OUT).contains(&"apex-excluded"));
}

#[test]
fn exact_name_needs_exact_accepted() {
    let connectors = vec![
        by_certificate("A1", "mail.a.example"),
        by_certificate("A2", "h.sub.a.example"),
    ];
    let world = || world(vec![tenant("A", &["a.example"], connectors.clone())]);
    let set = |flag| {
        with(world(), |profile| {
            profile.exact_name_needs_exact_accepted = flag
        })
    };
    let parent = message("mail.a.example", IP, "");
    assert_eq!(parent.verdict(set(true), OUT), "- none none - 5.7.64");
    assert_eq!(
        parent.verdict(set(false), OUT),
        "A originating certificate A1 2.1.5"
    );
    let grandparent = message("h.sub.a.example", IP, "");
    assert_eq!(grandparent.verdict(set(false), OUT), "- none none - 5.7.64");
}

#[test]
fn ambiguous_policy() {
    let world = || {
        world(vec![
            tenant("A", &["a.example"], vec![by_certificate("A1", "*.example")]),
            tenant("B", &["b.example"], vec![by_certificate("B1", "*.example")]),
        ])
    };
    let message = message("h.example", IP, "u@b.example");
    assert_eq!(message.verdict(world(), OUT), "- none none - 5.7.64");
    let next = || {
        with(world(), |profile| {
            profile.ambiguous_policy = AmbiguousPolicy::NextStage
        })
    };
    assert_eq!(
        message.verdict(next(), OUT),
        "B originating sender B1 2.1.5"
    );
    let reasons = message.reasons(next(), OUT);
    assert!(reasons.contains(&"tie") && reasons.contains(&"tie-next-stage"));
}

#[test]
fn p2_from() {
    let world = || {
        world(vec![tenant(
            "A",
            &["a.example"],
            vec![by_address("A1", IP)],
        )])
    };
    let mut message = message("", IP, "v@vendor.test");
    message.header_from = Some("User <u@a.example>".to_owned());
    assert_eq!(message.verdict(world(), OUT), "- none none - 5.7.64");
    let on = with(world(), |profile| profile.p2_from = true);
    assert_eq!(
        message.verdict(on.clone(), OUT),
        "A originating sender A1 2.1.5"
    );
    message.header_from = Some("u@b.example".to_owned());
    assert_eq!(message.verdict(on, OUT), "- none none - 5.7.64");
}

#[test]
fn relay_refusal() {
    let text = |world: World, names: &str, from: &str| {
        let forest = super::Forest::new(world);
        let answer = message(names, IP, from).only_to(&forest, OUT).answer;
        answer.text().contains("ATTR36")
    };
    let attr36 = || {
        with(anti_pattern(), |profile| {
            profile.relay_refusal = RelayRefusal::Attr36
        })
    };
    assert!(text(attr36(), "mx.relay.example", "v@vendor.test"));
    assert!(!text(attr36(), "mx.other.example", "v@vendor.test"));
    assert!(!text(anti_pattern(), "mx.relay.example", "v@vendor.test"));
}
