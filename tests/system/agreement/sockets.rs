//! The same over sockets: the running relay in front of the lab's front end, with real certificates on all sides, and
//! the lab's journal as witness.

mod certificates;
mod sending;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;

use tenantry_lab::attribution::{Attribution, Basis, Direction, Forest};
use tenantry_lab::journal::Record;
use tenantry_lab::world::{TenantIndex, World};

use super::judge::{Judgement, ask, judge};
use super::lint::Lint;
use super::rule::Rule;
use super::scene::{RELAY, Scene};
use super::{faults, sound};
use stage::{Sent, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_over_sockets_are_journalled_for_the_tenant_that_the_relay_chose() {
    let mut forwarded = 0;
    for scene in scenes(1, |lint| lint.is_healthy()).take(3) {
        let stage = Stage::start(scene).await;
        for sent in stage.play(500).await {
            arrived(&stage.scene, &sent);
            forwarded += 1;
        }
        stage.stop().await;
    }
    assert!(
        forwarded >= 1_500,
        "only {forwarded} messages were forwarded"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_over_sockets_have_the_names_of_anti_patterns() {
    let (mut forwarded, mut explained) = (0, BTreeMap::new());
    for scene in scenes(1_000, |lint| lint.findings.len() > 4).take(5) {
        let stage = Stage::start(scene).await;
        let lint = Lint::of(&stage.scene);
        let forest = Forest::new(stage.scene.world.clone());
        for sent in stage.play(100).await {
            forwarded += 1;
            for rule in explanations(&lint, &forest, &sent) {
                *explained.entry(rule).or_insert(0) += 1;
            }
        }
        stage.stop().await;
    }
    assert!(forwarded >= 500, "only {forwarded} messages were forwarded");
    let differences: usize = explained.values().sum();
    super::report(&format!("{explained:?}"));
    assert!(explained.len() >= 8 && differences >= 100, "{explained:?}");
}

/// Scenes of twelve tenants in all regions, sound or spoilt, as wanted.
fn scenes(first: u64, wanted: impl Fn(&Lint<'_>) -> bool) -> impl Iterator<Item = Scene> {
    let scene = move |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut scene = sound::scene(&mut rng, seed, TENANTS);
        if first > 1 {
            for _time in 0..3 {
                faults::spoil(&mut rng, &mut scene);
            }
        }
        scene
    };
    (first..)
        .map(scene)
        .filter(move |scene| regions(&scene.world) == 3 && wanted(&Lint::of(scene)))
}

fn regions(world: &World) -> usize {
    let mut regions: Vec<_> = world.tenants.iter().map(|tenant| &tenant.region).collect();
    regions.sort();
    regions.dedup();
    regions.len()
}

/// One record, of the tenant that the relay says it chose, with that tenant's certificate.
fn arrived(scene: &Scene, sent: &Sent) {
    let [record] = sent.records.as_slice() else {
        panic!("{sent:?}")
    };
    let tenant = &scene.world.tenants[sent.tenant];
    assert_eq!(record.tenant, Some(TenantIndex(sent.tenant)), "{sent:?}");
    assert!(record.accepted && sent.code == 250, "{sent:?}");
    assert_eq!(
        (record.direction, record.basis),
        (Direction::Originating, Basis::Certificate),
        "{sent:?}"
    );
    assert_eq!(record.session.region, tenant.region, "{sent:?}");
    assert_eq!(record.session.ip, RELAY);
    let certificate = record.session.certificate.as_ref().unwrap();
    assert_eq!(
        (certificate.trusted, &certificate.fingerprint),
        (true, &sent.identity),
        "{sent:?}"
    );
    assert_eq!(record.rcpt_to, sent.recipients, "{sent:?}");
    assert_eq!(record.mail_from, sent.message.mail_from);
}

/// What the journal says must be what the lab says when it is asked, and named where it differs from the relay.
fn explanations(lint: &Lint<'_>, forest: &Forest, sent: &Sent) -> Vec<Rule> {
    let asked = ask(
        forest,
        lint,
        sent.tenant,
        &sent.message.mail_from,
        &sent.recipients,
    );
    assert!(!sent.records.is_empty(), "{sent:?}");
    for record in &sent.records {
        as_asked(record, &asked, sent);
    }
    let mut rules = Vec::new();
    for found in &asked {
        match judge(lint, sent.tenant, &sent.message, found) {
            Judgement::Agreed => {}
            Judgement::Explained(named) => rules.extend(named),
            Judgement::Unexplained => panic!("{sent:?}\n{found:?}"),
        }
    }
    rules
}

fn as_asked(record: &Arc<Record>, asked: &[Attribution], sent: &Sent) {
    for recipient in &record.rcpt_to {
        let found = asked.iter().find(|found| found.rcpt == *recipient);
        let found = found.unwrap_or_else(|| panic!("{recipient} was not sent: {sent:?}"));
        assert_eq!(
            (record.tenant, record.basis),
            (found.tenant, found.basis),
            "{recipient}: {sent:?}"
        );
        assert_eq!(record.direction, found.direction, "{recipient}: {sent:?}");
    }
}

const TENANTS: usize = 12;
