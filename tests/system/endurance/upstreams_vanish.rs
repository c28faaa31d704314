//! Upstreams that vanish at every stage: temporary failures for their messages, and nothing left behind.

use tenantry_lab::upstream::{Fault, Stage, UpstreamSettings};

use super::{FROM_A, SMALL, all_closed, at_rest, plan, warm};
use crate::client::{Client, PEER};
use crate::program::Program;
use crate::world::Pki;

/// Every stage of a transaction at an upstream, after how many octets and how many times without a fault: the message
/// that warms the program up, with its two greetings, goes through.
const STAGES: [(Stage, u64, u64); 9] = [
    (Stage::Banner, 0, 1),
    (Stage::Ehlo, 0, 2),
    (Stage::Starttls, 0, 1),
    (Stage::Handshake, 0, 1),
    (Stage::Mail, 0, 1),
    (Stage::Rcpt, 0, 1),
    (Stage::Data, 0, 1),
    (Stage::Content, 2_000, 0),
    (Stage::End, 0, 1),
];

/// An upstream that closes and resets once each at every stage.
fn vanishing(pki: &Pki, extensions: &[&str]) -> UpstreamSettings {
    let mut settings = pki.upstream().with_extensions(extensions);
    for (stage, octets, skip) in STAGES {
        let fault = Fault::at(stage).after_octets(octets).skip(skip);
        let fault = fault.once().silent();
        settings = settings
            .with_fault(fault.clone().close())
            .with_fault(fault.reset());
    }
    settings
}

/// The code of the answer that ends a message.
async fn attempt(program: &Program, raw: &[u8]) -> u16 {
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    let mut answer = client.command("RCPT TO:<x@elsewhere.example>").await;
    if answer.code == 250 {
        answer = client.command("DATA").await;
    }
    if answer.code == 354 {
        client.send(raw).await;
        answer = client.answer().await;
    }
    client.quit().await;
    answer.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_vanishes_at_any_stage_leaves_nothing_behind() {
    for extensions in [
        &["PIPELINING", "8BITMIME", "CHUNKING"][..],
        &["PIPELINING", "8BITMIME"],
        &["8BITMIME"],
    ] {
        let world = plan()
            .first_upstream(move |pki| vanishing(pki, extensions))
            .start()
            .await;
        let (program, descriptors) = warm(&world).await;
        let mut taken = 0;
        let mut failed = 0;
        let content = [
            b"Subject: x\r\n\r\n".as_slice(),
            &b"A line.\r\n".repeat(10_000),
            b".\r\n",
        ]
        .concat();
        for message in 0..40 {
            let raw = if message % 2 == 0 { SMALL } else { &content };
            match attempt(&program, raw).await {
                250 => taken += 1,
                451 => failed += 1,
                code => panic!("{code}"),
            }
        }
        assert!(
            failed >= 10 && taken >= 10,
            "{taken} taken, {failed} failed"
        );
        at_rest(&world, &program, descriptors).await;
        all_closed(&world).await;
        super::delivers(&program).await;
        program.stop().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn an_upstream_that_is_stopped_under_open_transactions_and_kept_connections() {
    let mut world = plan().every_tenant("connections = 20").start().await;
    let (program, descriptors) = warm(&world).await;
    let mut open = Vec::new();
    for _transaction in 0..5 {
        let mut client = Client::ehlo(PEER, program.at("plain")).await;
        client.open(FROM_A).await;
        client.send("Subject: half\r\n\r\n").await;
        open.push(client);
    }
    let journal = world.upstreams.remove(0).stop().await;
    for mut client in open {
        client.send("the other half\r\n.\r\n").await;
        assert_eq!(client.answer().await.code, 451);
        client.open_is_refused().await;
        client.quit().await;
    }
    assert_eq!(journal.totals().delivered, 1, "what warmed it up");
    at_rest(&world, &program, descriptors).await;
    program.stop().await;
    world.stop().await;
}

impl Client {
    /// A further message finds no upstream any more.
    async fn open_is_refused(&mut self) {
        self.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        self.command("RCPT TO:<x@elsewhere.example>")
            .await
            .is("451 4.4.1");
        self.says("RSET", 250).await;
    }
}
