//! AT-09: two tenants that share one upstream host and port.

use std::collections::HashMap;

use tenantry_lab::upstream::Resumption;
use tokio::task::JoinSet;

use super::{crossings_of, owner, send, send_pipelined};
use crate::client::{Client, PEER};
use crate::world::{Pki, Plan, TenantPlan, World};

/// Tenants `a` and `b` at one upstream, a plain listener and STARTTLS with certificates.
fn sharing(keys: &str) -> Plan {
    Plan::empty()
        .listeners()
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .upstream(|pki: &Pki| pki.upstream().keeping_content())
        .tenant(TenantPlan::owning("a", 0).keys(keys))
        .tenant(TenantPlan::owning("b", 0).keys(keys))
}

fn identities(world: &World) -> HashMap<String, String> {
    ["a", "b"]
        .map(|tenant| (tenant.to_owned(), world.identity(tenant)))
        .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_09_alternating_messages_never_meet_on_a_connection() {
    let world = sharing("").limits("messages = 100000").start().await;
    let mut sessions = JoinSet::new();
    let to = world.at("plain");
    for _session in 0..8 {
        sessions.spawn(async move {
            let mut client = Client::ehlo(PEER, to).await;
            for number in 0..100 {
                let tenant = ["a", "b"][number % 2];
                send_pipelined(&mut client, tenant, &format!("u@tenant-{tenant}.example")).await;
            }
            client.quit().await;
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    let messages = world.messages(0, 800).await;
    assert_eq!(crossings_of(world.journal(0), &identities(&world)), [""; 0]);
    let of_a = messages.iter().filter(|record| owner(record) == "a");
    assert_eq!(of_a.count(), 400);
    let totals = world.journal(0).totals();
    assert!(totals.connections < 20, "connections are kept: {totals:?}");
    world.stop().await;
}

/// The certificates tell nothing here: only the tenant in the pool's key keeps the two apart.
#[tokio::test]
async fn two_tenants_with_one_certificate_still_share_no_connection() {
    let mut world = sharing("").start().await;
    // Tenant b presents a's certificate from now on.
    let config = world
        .config
        .replace(
            "certificate = \"tenant-b.pem\"",
            "certificate = \"tenant-a.pem\"",
        )
        .replace("key = \"tenant-b.key\"", "key = \"tenant-a.key\"");
    world.reload(&config).unwrap();
    let mut client = Client::ehlo(PEER, world.at("plain")).await;
    for number in 0..40 {
        let tenant = ["a", "b"][number % 2];
        send(&mut client, tenant, &format!("u@tenant-{tenant}.example")).await;
    }
    client.quit().await;
    world.messages(0, 40).await;
    let one_for_both = ["a", "b"]
        .map(|tenant| (tenant.to_owned(), world.identity("a")))
        .into();
    assert_eq!(crossings_of(world.journal(0), &one_for_both), [""; 0]);
    assert_eq!(world.upstream_connections(), 2, "one each, and both kept");
    world.stop().await;
}

#[tokio::test]
async fn a_tenant_never_resumes_the_tls_session_of_another() {
    for mode in ["starttls", "implicit"] {
        let world = sharing(&format!(
            "messages_per_connection = 1\nupstream_tls = \"{mode}\"\nupstream_trust = [\"servers-ca.pem\"]"
        ));
        let world = match mode {
            "implicit" => world.first_upstream(|pki| pki.implicit_upstream().keeping_content()),
            _ => world,
        };
        let world = world.start().await;
        let mut client = Client::ehlo(PEER, world.at("plain")).await;
        // The first of each can resume nothing, whatever the other has left behind.
        for (number, tenant) in ["a", "b", "a", "b", "b", "a", "a", "b"]
            .into_iter()
            .enumerate()
        {
            send(&mut client, tenant, &format!("u@tenant-{tenant}.example")).await;
            let records = world.messages(0, number as u64 + 1).await;
            let tls = records[number].connection.tls().unwrap();
            assert_eq!(
                tls.resumed,
                number >= 2,
                "{mode}: message {number} of {tenant}"
            );
        }
        client.quit().await;
        assert_eq!(crossings_of(world.journal(0), &identities(&world)), [""; 0]);
        assert_eq!(world.upstream_connections(), 8);
        world.stop().await;
    }
}

#[tokio::test]
async fn without_resumption_the_same_holds() {
    let world = sharing("messages_per_connection = 1").first_upstream(|pki| {
        let mut settings = pki.upstream().keeping_content();
        if let tenantry_lab::upstream::Security::Starttls(tls) = &mut settings.security {
            tls.resumption = Resumption::Off;
        }
        settings
    });
    let world = world.start().await;
    let mut client = Client::ehlo(PEER, world.at("plain")).await;
    for number in 0..10 {
        let tenant = ["a", "b"][number % 2];
        send(&mut client, tenant, &format!("u@tenant-{tenant}.example")).await;
    }
    client.quit().await;
    assert_eq!(world.journal(0).totals().resumed, 0);
    assert_eq!(crossings_of(world.journal(0), &identities(&world)), [""; 0]);
    world.stop().await;
}

#[tokio::test]
async fn at_07_one_connection_two_tenants_by_sender_each_through_its_own() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    for tenant in ["a", "b", "a", "c", "b"] {
        send(&mut client, tenant, &format!("u@tenant-{tenant}.example")).await;
    }
    client.quit().await;
    for (upstream, (tenant, count)) in [("a", 2), ("b", 2), ("c", 1)].into_iter().enumerate() {
        for record in world.messages(upstream, count).await {
            assert_eq!(owner(&record), tenant);
            assert_eq!(record.tenant(), Some(tenant));
        }
    }
    world.stop().await;
}

/// What one tenant's upstream does must not keep another's mail back.
#[tokio::test]
async fn a_tenant_whose_connections_are_all_busy_does_not_hold_up_another() {
    let world = sharing("connections = 1").start().await;
    let mut busy = Client::ehlo(PEER, world.at("plain")).await;
    busy.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    busy.says("RCPT TO:<x@elsewhere.example>", 250).await;
    let mut other = Client::ehlo(PEER, world.at("plain")).await;
    send(&mut other, "b", "u@tenant-b.example").await;
    other.quit().await;
    busy.quit().await;
    assert_eq!(crossings_of(world.journal(0), &identities(&world)), [""; 0]);
    world.stop().await;
}
