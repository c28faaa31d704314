//! 1,000 tenants on one upstream address, by certificate and by sender, with everything that is cached in use.
//!
//! `TENANTRY_ISOLATION_MESSAGES` says how many messages; 100,000 is the figure to reach.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_lab::upstream::Totals;
use tokio::task::JoinSet;

use super::{crossings, send_pipelined};
use crate::client::{Client, PATIENCE, PEER, Tls};
use crate::world::{Plan, TenantPlan, World};

/// Tenants.
const TENANTS: usize = 1_000;

/// Messages unless the environment says otherwise.
const MESSAGES: usize = 4_000;

/// Where clients with certificates connect from: no peer.
const BY_CERTIFICATE: &str = "127.7.7.7";

fn messages() -> usize {
    let wanted = std::env::var("TENANTRY_ISOLATION_MESSAGES").ok();
    wanted.map_or(MESSAGES, |wanted| wanted.parse().unwrap())
}

fn name(tenant: usize) -> String {
    format!("t{tenant}")
}

async fn thousand_tenants() -> World {
    let mut plan = Plan::empty()
        .listener("plain", "tls = \"off\"")
        .listener(
            "implicit",
            &format!("tls = \"implicit\"\n{}", crate::world::ASKING),
        )
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .limits("messages = 10000000")
        // A few messages on a connection, so that connections, sessions and tickets come and go.
        .upstream(|pki| pki.upstream().keeping_content());
    for tenant in 0..TENANTS {
        plan =
            plan.tenant(TenantPlan::owning(&name(tenant), 0).keys("messages_per_connection = 3"));
    }
    plan.start().await
}

fn identities(world: &World) -> HashMap<String, String> {
    (0..TENANTS)
        .map(|tenant| (name(tenant), world.identity(&name(tenant))))
        .collect()
}

/// What has to hold after so many messages.
async fn judge(world: &World, expected: usize) -> Totals {
    let arrived = world
        .journal(0)
        .await_messages(expected as u64, PATIENCE)
        .await
        .unwrap();
    assert_eq!(arrived.len(), expected);
    let wrong = crossings(&arrived, &identities(world));
    assert_eq!(
        wrong.len(),
        0,
        "of {expected}, for example {:?}",
        wrong.first()
    );
    world.journal(0).totals()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tenants_by_sender_on_one_client_connection() {
    let world = thousand_tenants().await;
    let mut client = Client::ehlo(PEER, world.at("plain")).await;
    let count = messages();
    for message in 0..count {
        // Each round in another order; with the same tenant twice in a row now and then.
        let tenant = (message * (2 * (message / TENANTS) + 1)) % TENANTS;
        let tenant = if message % 7 == 0 { tenant / 2 } else { tenant };
        let sender = format!("u@sub.tenant-{}.example", name(tenant));
        send_pipelined(&mut client, &name(tenant), &sender).await;
    }
    client.quit().await;
    let totals = judge(&world, count).await;
    assert!(
        totals.resumed > 0 && totals.connections < count as u64,
        "{totals:?}"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tenants_by_certificate_with_another_tenants_sender() {
    let world = Arc::new(thousand_tenants().await);
    let count = messages();
    let each = (count / TENANTS).max(1);
    let to = world.at("implicit");
    let mut sessions = JoinSet::new();
    for worker in 0..8 {
        let world = Arc::clone(&world);
        sessions.spawn(async move {
            for tenant in (worker..TENANTS).step_by(8) {
                let domain = format!("tenant-{}.example", name(tenant));
                let tls: Tls = world.pki.client(&[&domain]);
                let mut client = Client::implicit(BY_CERTIFICATE, to, &tls).await;
                for message in 0..each {
                    // The certificate wins over whatever the sender says.
                    let sender = match message % 2 {
                        0 => format!("u@{domain}"),
                        _ => format!("u@tenant-{}.example", name((tenant + message) % TENANTS)),
                    };
                    send_pipelined(&mut client, &name(tenant), &sender).await;
                }
                client.quit().await;
            }
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    judge(&world, each * TENANTS).await;
    Arc::into_inner(world).unwrap().stop().await;
}

/// One client connection that a certificate decides, and many that senders decide, at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tenants_by_certificate_and_by_sender_at_once() {
    let world = thousand_tenants().await;
    let count = messages() / 4;
    let mut sessions = JoinSet::new();
    for worker in 0..4 {
        let (plain, implicit) = (world.at("plain"), world.at("implicit"));
        let fixed = name(worker * 7);
        let tls = world.pki.client(&[&format!("tenant-{fixed}.example")]);
        sessions.spawn(async move {
            let mut by_sender = Client::ehlo(PEER, plain).await;
            let mut by_certificate = Client::implicit(PEER, implicit, &tls).await;
            for message in 0..count / 2 {
                let tenant = name((message * 13 + worker) % TENANTS);
                let sender = format!("u@tenant-{tenant}.example");
                send_pipelined(&mut by_sender, &tenant, &sender).await;
                send_pipelined(&mut by_certificate, &fixed, &sender).await;
            }
            by_sender.quit().await;
            by_certificate.quit().await;
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    judge(&world, (count / 2) * 8).await;
    world.stop().await;
}
