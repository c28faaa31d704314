//! Upstream connections that are kept: how long, how many, for how much, and what is checked before they are used.

use std::sync::Arc;
use std::time::Duration;

use tenantry_lab::upstream::{Fault, Stage};

use super::{FROM_A, Kind, SMALL, attempt, one_upstream};
use crate::client::{Envelope, PATIENCE, PEER};
use crate::world::World;

async fn start(keys: &str) -> World {
    one_upstream(|pki| Kind::Bdat.settings(pki))
        .every_tenant(keys)
        .start()
        .await
}

#[tokio::test]
async fn a_connection_serves_messages_of_several_sessions() {
    let world = start("").await;
    for _message in 0..3 {
        world.is_alive().await;
    }
    assert_eq!(world.upstream_connections(), 1);
    assert_eq!(world.relay.load().idle_upstream_connections, 1);
    let transcript = world.journal(0).connections()[0].transcript();
    let resets = transcript.iter().filter(|line| line.starts_with("RSET"));
    assert_eq!(resets.count(), 0, "a finished transaction needs no RSET");
    world.stop().await;
}

#[tokio::test]
async fn an_abandoned_transaction_is_reset_and_nothing_of_it_stays() {
    let world = start("").await;
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<first@tenant-a.example>", 250).await;
    client.says("RCPT TO:<first@elsewhere.example>", 250).await;
    client.says("RSET", 250).await;
    let second = Envelope {
        sender: "second@tenant-a.example",
        recipients: &["second@elsewhere.example"],
    };
    assert_eq!(attempt(&mut client, second, SMALL).await.1.code, 250);
    client.quit().await;
    let record = &world.messages(0, 1).await[0];
    assert_eq!(record.sender(), "second@tenant-a.example");
    assert_eq!(record.recipient_addresses(), ["second@elsewhere.example"]);
    assert_eq!(world.upstream_connections(), 1);
    let transcript = world.journal(0).connections()[0].transcript();
    assert!(transcript.contains(&"RSET".to_owned()), "{transcript:?}");
    world.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_not_used_after_its_time_and_is_closed() {
    let world = start("idle = \"1s\"").await;
    world.is_alive().await;
    // Also without another message: the pool is looked through now and then.
    let swept = world
        .journal(0)
        .await_totals("the idle connection closed", PATIENCE, |totals| {
            totals.open == 0
        });
    swept.await.unwrap();
    let transcript = world.journal(0).connections()[0].transcript();
    assert_eq!(transcript.last().map(String::as_str), Some("QUIT"));
    assert_eq!(world.relay.load().idle_upstream_connections, 0);
    world.is_alive().await;
    assert_eq!(world.upstream_connections(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_connection_ends_after_its_messages() {
    let world = start("messages_per_connection = 2").await;
    for _message in 0..5 {
        world.is_alive().await;
    }
    let connections = world.journal(0).connections();
    let messages: Vec<u64> = connections
        .iter()
        .map(|connection| connection.messages())
        .collect();
    assert_eq!(messages, [2, 2, 1]);
    let transcript = connections[0].transcript();
    assert_eq!(transcript.last().map(String::as_str), Some("QUIT"));
    world.stop().await;
}

#[tokio::test]
async fn a_kept_connection_that_dies_before_mail_is_answered_is_replaced_once() {
    let died = Fault::at(Stage::Mail).skip(1).silent();
    for (fault, answers, connections) in [
        (died.clone().once().close(), [250, 250], 2),
        (died.clone().once().reset(), [250, 250], 2),
        // The new one dies as well: that is no dead connection any more, that is an upstream in trouble.
        (died.times(2).close(), [250, 451], 2),
    ] {
        let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        for wanted in answers {
            let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
            assert_eq!(answer.code, wanted, "{answer:?}");
        }
        client.quit().await;
        assert_eq!(world.upstream_connections(), connections);
        let delivered = answers.iter().filter(|answer| **answer == 250).count();
        world.messages(0, delivered as u64).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn a_new_connection_that_dies_at_mail_is_not_replaced() {
    let fault = Fault::at(Stage::Mail).once().silent().close();
    let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    attempt(&mut client, FROM_A, SMALL).await.1.is("451 4.4.2");
    assert_eq!(world.upstream_connections(), 1);
    client.quit().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connections_of_a_tenant_are_handed_out_in_the_order_of_asking() {
    let world = Arc::new(start("connections = 1").await);
    let mut first = world.plain(PEER).await;
    first.says("MAIL FROM:<0@tenant-a.example>", 250).await;
    first.says("RCPT TO:<x@elsewhere.example>", 250).await;
    let mut waiting = Vec::new();
    for number in 1..=6 {
        let mut client = world.plain(PEER).await;
        client
            .says(format!("MAIL FROM:<{number}@tenant-a.example>"), 250)
            .await;
        client.send("RCPT TO:<x@elsewhere.example>\r\n").await;
        // Nobody announces that a session has begun to wait for its turn.
        tokio::time::sleep(Duration::from_millis(40)).await;
        waiting.push(client);
    }
    first.says("DATA", 354).await;
    first.send(SMALL).await;
    first.expect(250).await;
    let mut sending = tokio::task::JoinSet::new();
    for mut client in waiting {
        sending.spawn(async move {
            client.expect(250).await;
            client.says("DATA", 354).await;
            client.send(SMALL).await;
            client.expect(250).await;
            client.quit().await;
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap();
    }
    first.quit().await;
    let senders: Vec<String> = world
        .messages(0, 7)
        .await
        .iter()
        .map(|record| record.sender().to_owned())
        .collect();
    let wanted: Vec<String> = (0..=6)
        .map(|number| format!("{number}@tenant-a.example"))
        .collect();
    assert_eq!(senders, wanted);
    assert_eq!(world.upstream_connections(), 1);
    Arc::into_inner(world).unwrap().stop().await;
}

#[tokio::test]
async fn waiting_for_a_connection_ends_in_time_and_takes_no_turn_away() {
    let world = one_upstream(|pki| Kind::Bdat.settings(pki))
        .every_tenant("connections = 1")
        .timeouts("upstream_slot = \"300ms\"")
        .start()
        .await;
    let mut first = world.plain(PEER).await;
    first.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    first.says("RCPT TO:<x@elsewhere.example>", 250).await;
    let mut second = world.plain(PEER).await;
    attempt(&mut second, FROM_A, SMALL).await.1.is("451 4.3.2");
    // One that goes away while it waits must not be handed the turn.
    let mut third = world.plain(PEER).await;
    third.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    third.send("RCPT TO:<x@elsewhere.example>\r\n").await;
    third.vanish();
    first.says("DATA", 354).await;
    first.send(SMALL).await;
    first.expect(250).await;
    assert_eq!(attempt(&mut second, FROM_A, SMALL).await.1.code, 250);
    first.quit().await;
    second.quit().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_more_connections_than_the_tenant_may_have() {
    let world = start("connections = 3").await;
    let to = world.at("plain");
    let mut clients = tokio::task::JoinSet::new();
    for _client in 0..20 {
        clients.spawn(async move {
            let mut client = crate::client::Client::ehlo(PEER, to).await;
            for _message in 0..5 {
                assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
            }
            client.quit().await;
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    world.messages(0, 100).await;
    assert!(world.upstream_connections() <= 3);
    world.stop().await;
}
