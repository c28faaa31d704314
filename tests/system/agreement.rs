//! Agreement: what the relay decides is what Exchange Online will make of it.
//!
//! The relay decides with its own engine; the lab, which shares no code with it, is then asked with what the relay
//! would present: the tenant's certificate, the relay's address, the tenant's endpoint and the same envelope. In a
//! world that is healthy by the lint rules both must name the same tenant, by certificate. Where they do not, an
//! anti-pattern that concerns the tenants at hand has to explain it.

mod corpus;
mod faults;
mod judge;
mod lint;
mod message;
mod relay;
mod reproduction;
mod rule;
mod scene;
mod sockets;
mod sound;
mod tally;
mod vectors;

use tenantry_lab::attribution::Forest;

use judge::{Judgement, ask, judge};
use lint::Lint;
use relay::Folder;
use reproduction::{Difference, Reproduction};
use scene::{Message, Scene, percent};
use tally::Tally;

/// A scene, sound or spoilt.
fn scene(seed: u64) -> Scene {
    let mut rng = fastrand::Rng::with_seed(seed);
    let tenants = match rng.u8(0..10) {
        0 => 1,
        1 => rng.usize(9..=16),
        _ => rng.usize(2..=8),
    };
    let mut scene = sound::scene(&mut rng, seed, tenants);
    if percent(&mut rng, 60) {
        faults::spoil(&mut rng, &mut scene);
    }
    scene
}

/// Sends messages through the relay of a scene, and asks the lab about each that is forwarded.
fn play(folder: &Folder, seed: u64, tally: &mut Tally) {
    let scene = scene(seed);
    let decider = folder.decider(&scene);
    let lint = Lint::of(&scene);
    let forest = Forest::new(scene.world.clone());
    tally.scene(&lint);
    let mut rng = fastrand::Rng::with_seed(!seed);
    for _message in 0..PER_SCENE {
        let message = message::message(&mut rng, &scene);
        tally.messages += 1;
        let Some(forwarded) = decider.decide(&message) else {
            continue;
        };
        tally.forwarded(forwarded.basis);
        let asked = ask(
            &forest,
            &lint,
            forwarded.tenant,
            &message.mail_from,
            &forwarded.recipients,
        );
        for (number, found) in asked.into_iter().enumerate() {
            let judgement = judge(&lint, forwarded.tenant, &message, &found);
            let healthy = lint.is_healthy() && !matches!(judgement, Judgement::Agreed);
            if healthy || matches!(judgement, Judgement::Unexplained) {
                let difference = Difference {
                    scene: scene.clone(),
                    tenant: forwarded.tenant,
                    message: Message {
                        rcpt_to: forwarded.recipients[..=number].to_vec(),
                        ..message.clone()
                    },
                };
                let why = decider.why(&message);
                panic!("{}", Reproduction::new(difference, found, why));
            }
            tally.judged(&lint, &judgement);
        }
    }
}

/// What CI plays; a longer run takes its size and its first seed from the environment.
#[test]
fn the_lab_attributes_what_the_relay_forwards_to_the_relays_tenant() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    };
    let messages = number("TENANTRY_AGREEMENT_MESSAGES", 100_000);
    let mut seed = number("TENANTRY_AGREEMENT_SEED", 1);
    let folder = Folder::new();
    let mut tally = Tally::default();
    while tally.forwarded_messages() < messages {
        play(&folder, seed, &mut tally);
        seed += 1;
    }
    report(&tally);
    tally.is_not_vacuous();
}

/// That the comparison can fail: the same messages with the certificate of another tenant.
#[test]
fn mail_with_another_tenants_certificate_is_an_unexplained_difference() {
    let folder = Folder::new();
    let mut differences = 0;
    for seed in 1..200 {
        let scene = scene(seed);
        let lint = Lint::of(&scene);
        if !lint.is_healthy() || scene.routes.len() < 2 {
            continue;
        }
        let decider = folder.decider(&scene);
        let forest = Forest::new(scene.world.clone());
        let mut rng = fastrand::Rng::with_seed(seed);
        for _message in 0..20 {
            let message = message::message(&mut rng, &scene);
            let Some(forwarded) = decider.decide(&message) else {
                continue;
            };
            let wrong = (forwarded.tenant + 1) % scene.routes.len();
            for found in ask(
                &forest,
                &lint,
                wrong,
                &message.mail_from,
                &forwarded.recipients,
            ) {
                let judgement = judge(&lint, forwarded.tenant, &message, &found);
                assert!(
                    matches!(judgement, Judgement::Unexplained),
                    "seed {seed}: {judgement:?}"
                );
                differences += 1;
            }
        }
    }
    assert!(differences > 500, "only {differences}");
}

/// The tenants of the test vectors (section 1.17): what is wrong with them is known.
#[test]
fn the_rules_find_what_is_wrong_with_the_tenants_of_the_test_vectors() {
    let scene = vectors::scene();
    let mut found: Vec<_> = Lint::of(&scene)
        .findings
        .iter()
        .map(|finding| {
            let names = finding
                .tenants
                .iter()
                .map(|tenant| scene.world.tenants[*tenant].name.as_str());
            format!("{} {}", finding.rule, names.collect::<Vec<_>>().join(" "))
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "EXO-L01 C",
            "EXO-L02 B D",
            "EXO-L02 D B",
            "EXO-L04 B",
            "EXO-L04 D",
            "EXO-L11 D"
        ]
    );
}

/// Messages for each scene.
const PER_SCENE: usize = 200;

/// The counts are part of the proof.
#[expect(
    clippy::print_stdout,
    reason = "a test has no other way to say what it did"
)]
fn report(counts: &dyn std::fmt::Display) {
    println!("{counts}");
}
