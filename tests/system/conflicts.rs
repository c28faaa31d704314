//! Certificates of one tenant that send for the domains of another: what each policy does, and how often they did.

use tenantry_relay::telemetry::ConflictCount;

use crate::client::STRANGER;
use crate::message::SMALL;
use crate::program::Program;
use crate::world::{Plan, TenantPlan, World};

/// Tenants `a`, `b` and `c`, each with another policy.
async fn world() -> World {
    let tenant = |name: &str, policy: &str| {
        TenantPlan::owning(name, 0).keys(&format!("on_conflict = \"{policy}\""))
    };
    Plan::empty()
        .listeners()
        .starttls_upstream()
        .tenant(tenant("a", "follow"))
        .tenant(tenant("b", "refuse"))
        .tenant(tenant("c", "defer"))
        .start()
        .await
}

fn pairs(counts: &[ConflictCount]) -> Vec<(&str, &str, u64)> {
    let pair = |count: &'_ ConflictCount| count.transactions;
    counts
        .iter()
        .map(|count| {
            let (certificate, sender) = (&count.certificate_tenant, &count.sender_tenant);
            (certificate.as_str(), sender.as_str(), pair(count))
        })
        .collect()
}

#[tokio::test]
async fn each_policy_does_what_it_says_and_each_pair_of_tenants_is_counted() {
    let world = world().await;
    let mut closed = world.transactions();
    for (certificate, sender, code, enhanced, count) in [
        ("a", "b", 250, None, 1),
        ("a", "b", 250, None, 2),
        ("a", "c", 250, None, 1),
        ("b", "a", 550, Some("5.7.1"), 1),
        ("c", "a", 451, Some("4.7.1"), 1),
        ("c", "a", 451, Some("4.7.1"), 2),
    ] {
        let tls = world
            .pki
            .client(&[&format!("tenant-{certificate}.example")]);
        let mut client = world.starttls(STRANGER, &tls).await;
        client
            .says(format!("MAIL FROM:<u@tenant-{sender}.example>"), 250)
            .await;
        let answer = client.says("RCPT TO:<r@elsewhere.example>", code).await;
        if let Some(enhanced) = enhanced {
            assert_eq!(answer.enhanced(), Some(enhanced), "{answer:?}");
        } else {
            client.says("DATA", 354).await;
            client.send(SMALL).await;
            client.expect(250).await;
        }
        client.quit().await;
        let transaction = closed.next().await;
        assert_eq!(transaction.tenant.as_deref(), Some(certificate));
        assert_eq!(transaction.conflict.as_deref(), Some(sender));
        assert_eq!(transaction.conflicts, Some(count));
    }
    let mut client = world
        .starttls(STRANGER, &world.pki.client(&["tenant-a.example"]))
        .await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.quit().await;
    let agreeing = closed.next().await;
    assert_eq!((agreeing.conflict, agreeing.conflicts), (None, None));
    assert_eq!(
        pairs(&world.relay.conflicts()),
        [("a", "b", 2), ("a", "c", 1), ("b", "a", 1), ("c", "a", 2)]
    );
    assert_eq!(world.delivered(), 3);
    world.stop().await;
}

#[tokio::test]
async fn the_log_has_the_count_of_each_pair_with_the_conflict_and_at_the_end() {
    let world = world().await;
    let mut program = Program::run(&world).await;
    for sender in ["b", "c", "b"] {
        let tls = world.pki.client(&["tenant-a.example"]);
        let mut client =
            crate::client::Client::starttls(STRANGER, program.at("starttls"), &tls).await;
        client
            .says(format!("MAIL FROM:<u@tenant-{sender}.example>"), 250)
            .await;
        client.quit().await;
        program.await_line("transaction closed").await;
    }
    let closing = program.lines.last().unwrap();
    assert!(
        closing.contains(" conflict=\"b\" conflicts=2 "),
        "{closing}"
    );
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let counted: Vec<&str> = program
        .lines
        .iter()
        .filter_map(|line| line.split_once("conflicts since the start "))
        .map(|(_, fields)| fields)
        .collect();
    let expected = [
        "certificate_tenant=\"a\" sender_tenant=\"b\" conflicts=2",
        "certificate_tenant=\"a\" sender_tenant=\"c\" conflicts=1",
    ];
    assert_eq!(counted, expected, "{:#?}", program.lines);
    world.stop().await;
}
