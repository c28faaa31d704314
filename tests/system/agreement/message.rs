//! Messages of all sorts for the relay of a scene.

use std::net::{IpAddr, Ipv4Addr};

use super::scene::{Message, Scene, one_of, percent};

/// One message, mostly somebody's.
pub(super) fn message(rng: &mut fastrand::Rng, scene: &Scene) -> Message {
    let whose = rng.usize(0..scene.routes.len());
    let other = rng.usize(0..scene.routes.len());
    let (certificate, problem) = certificate(rng, scene, whose, other);
    let recipients = *one_of(rng, &[1, 1, 1, 2, 3, 4]);
    Message {
        certificate,
        problem,
        ignore_untrusted: rng.bool(),
        peer: peer(rng),
        mail_from: sender(rng, scene, whose, other),
        rcpt_to: (0..recipients)
            .map(|_| recipient(rng, scene, whose, other))
            .collect(),
    }
}

/// A name, or a sender, that a pattern of the configuration takes, or a neighbour that it just does not take.
fn below(rng: &mut fastrand::Rng, pattern: &str) -> String {
    let (wildcard, name) = match pattern.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, pattern),
    };
    let deeper = if wildcard { 50 } else { 10 };
    match percent(rng, deeper) {
        true => format!("{}.{name}", one_of(rng, &["eu", "mail", "a.b", "jpn.mx"])),
        false => name.to_owned(),
    }
}

fn certificate(
    rng: &mut fastrand::Rng,
    scene: &Scene,
    whose: usize,
    other: usize,
) -> (Option<Vec<String>>, Option<&'static str>) {
    if percent(rng, 55) {
        return (None, None);
    }
    let pattern = one_of(rng, &scene.routes[whose].certificate_domains);
    let mut names = match rng.u8(0..10) {
        // A wildcard certificate.
        0 => vec![format!("*.{}", pattern.trim_start_matches("*."))],
        1 => vec![format!("host{whose}.strangers.example")],
        _ => vec![below(rng, pattern)],
    };
    if percent(rng, 20) {
        names.insert(0, "exchange.internal.test".to_owned());
    }
    if percent(rng, 10) {
        let pattern = one_of(rng, &scene.routes[other].certificate_domains);
        names.push(below(rng, pattern));
    }
    match rng.u8(0..20) {
        0 => names.push("no name.example".to_owned()),
        1 => names.push(format!("{}.", names[0])),
        2 => names[0].make_ascii_uppercase(),
        _ => {}
    }
    let problems = [
        "expired",
        "unknown-issuer",
        "self-signed",
        "incomplete-chain",
    ];
    let problem = percent(rng, 10).then(|| *one_of(rng, &problems));
    (Some(names), problem)
}

fn peer(rng: &mut fastrand::Rng) -> IpAddr {
    let network = *one_of(rng, &[1, 1, 1, 2, 2, 3]);
    IpAddr::V4(Ipv4Addr::new(127, network, rng.u8(..), rng.u8(1..)))
}

fn sender(rng: &mut fastrand::Rng, scene: &Scene, whose: usize, other: usize) -> String {
    let owned = |rng: &mut fastrand::Rng, tenant: usize| {
        let pattern = one_of(rng, &scene.routes[tenant].sender_domains).clone();
        format!("u@{}", below(rng, &pattern))
    };
    match rng.u8(0..100) {
        0..45 => owned(rng, whose),
        45..60 => owned(rng, other),
        60..72 => String::new(),
        72..84 => "someone@vendor.example".to_owned(),
        84..88 => "root@[192.0.2.77]".to_owned(),
        88..91 => "u@a_b.example".to_owned(),
        91..94 => owned(rng, whose).to_ascii_uppercase(),
        94..97 => "\"odd@local\"@elsewhere.test".to_owned(),
        _ => "u@b\u{fc}cher.example".to_owned(),
    }
}

fn recipient(rng: &mut fastrand::Rng, scene: &Scene, whose: usize, other: usize) -> String {
    let owned = |rng: &mut fastrand::Rng, tenant: usize| {
        let pattern = one_of(rng, &scene.routes[tenant].recipient_domains).clone();
        format!("r{}@{}", rng.u8(..), below(rng, &pattern))
    };
    match rng.u8(0..100) {
        0..35 => owned(rng, whose),
        35..50 => owned(rng, other),
        50..92 => format!("x{}@elsewhere.test", rng.u8(..)),
        92..94 => "x@[192.0.2.78]".to_owned(),
        94..96 => "postmaster".to_owned(),
        96..98 => "x@a_b.example".to_owned(),
        _ => owned(rng, whose).to_ascii_uppercase(),
    }
}
