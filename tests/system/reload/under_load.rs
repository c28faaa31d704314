//! F20, CF-03: 50 reloads under load, half of them bad: no session breaks, no message goes astray.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;

use super::{reload, two_tenants, write};
use crate::client::{Client, Envelope, PEER, STRANGER};
use crate::program::Program;

/// Good reloads, with a bad one behind each.
const RELOADS: usize = 25;

/// Sends until it is over, by sender in turn; a certificate makes all of it its owner's.
async fn load(client: &mut Client, owner: Option<&str>, done: &AtomicBool, sent: &AtomicU64) {
    let mut message = 0;
    while !done.load(Ordering::Relaxed) {
        let sender = ["a", "b"][message % 2];
        let tenant = owner.unwrap_or(sender);
        let envelope = Envelope {
            sender: &format!("u@tenant-{sender}.example"),
            recipients: &["x@elsewhere.example"],
        };
        let raw = format!("Subject: {tenant}\r\n\r\nbody\r\n.\r\n");
        let answer = client.message(envelope, raw).await;
        assert_eq!(answer.code, 250, "{answer:?}");
        sent.fetch_add(1, Ordering::Relaxed);
        message += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_fifty_reloads_under_load_break_nothing_and_leak_nothing() {
    let world = two_tenants()
        .limits("messages = 1000000")
        .every_tenant("idle = \"1s\"")
        .start()
        .await;
    let mut program = Program::run(&world).await;
    let done = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let tls = world.pki.client(&["tenant-b.example"]);
    let (plain, starttls) = (program.at("plain"), program.at("starttls"));
    let at_rest = program.descriptors();
    let mut sessions = JoinSet::new();
    for session in 0..6 {
        let (done, sent, tls) = (Arc::clone(&done), Arc::clone(&sent), tls.clone());
        sessions.spawn(async move {
            let (mut client, owner) = match session % 2 {
                0 => (Client::ehlo(PEER, plain).await, None),
                _ => (Client::starttls(STRANGER, starttls, &tls).await, Some("b")),
            };
            load(&mut client, owner, &done, &sent).await;
            client.quit().await;
        });
    }
    for round in 0..RELOADS {
        // Each one really is another configuration.
        let changed = format!("connections = {}\n", 10_000 + round);
        let config = world
            .config
            .replace("[limits]\n", &format!("[limits]\n{changed}"));
        let config = config.replace("idle = \"1s\"", &format!("idle = \"{}ms\"", 1_000 + round));
        reload(&mut program, &world, &config).await;
        write(&world, &format!("nonsense = true\n{config}"));
        program.signal("HUP");
        program.await_line("not reloaded").await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    let sent = sent.load(Ordering::Relaxed);
    for record in world.messages(0, sent).await {
        assert_eq!(
            Some(record.header("Subject").concat().as_str()),
            record.tenant()
        );
    }
    assert!(sent > 50, "{sent} messages are no load");
    let idle = world.journal(0).await_totals(
        "idle connections closed",
        crate::client::PATIENCE,
        |totals| totals.open == 0,
    );
    idle.await.unwrap();
    program.comes_down_to(at_rest).await;
    program.stop().await;
    world.stop().await;
}
