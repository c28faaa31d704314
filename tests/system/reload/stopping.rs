//! F22: SIGTERM ends idle sessions, lets running transactions finish for a time, and the exit code says all went well.

use std::time::{Duration, Instant};

use super::{FROM_A, SMALL, asked, finish, two_tenants};
use crate::client::{Client, PATIENCE, PEER, STRANGER};
use crate::program::Program;

#[tokio::test]
async fn a_stop_finishes_what_runs_and_begins_nothing() {
    for signal in ["TERM", "INT"] {
        let world = two_tenants().start().await;
        let mut program = Program::run(&world).await;
        let at = program.at("plain");
        let mut idle = Client::ehlo(PEER, at).await;
        let tls = world.pki.client(&["tenant-a.example"]);
        let mut idle_inside = Client::starttls(STRANGER, program.at("starttls"), &tls).await;
        let mut asked_already = Client::ehlo(PEER, at).await;
        let answer = asked(&mut asked_already, "first@tenant-a.example").await;
        assert_eq!(answer.code, 250);
        let mut in_content = Client::ehlo(PEER, at).await;
        in_content.open(FROM_A).await;
        in_content.send("Subject: half\r\n\r\n").await;
        program.signal(signal);
        program.await_line("stopping").await;
        for client in [&mut idle, &mut idle_inside] {
            client.expect(421).await.is("421 4.3.2");
            client.expect_closed().await;
        }
        super::nobody_listens(at).await;
        in_content.send("the other half\r\n.\r\n").await;
        in_content.expect(250).await;
        // Its session ends with its transaction.
        in_content.expect(421).await.is("421 4.3.2");
        assert_eq!(finish(&mut asked_already).await.code, 250);
        // One that was quick enough to say MAIL hears the same.
        let _ = asked_already
            .try_send("MAIL FROM:<u@tenant-a.example>\r\n")
            .await;
        assert_eq!(asked_already.answers_until_closed().await[0].code, 421);
        let began = Instant::now();
        let code = program.ended().await.code();
        assert_eq!(code, Some(0), "{:#?}", program.lines);
        assert!(began.elapsed() < Duration::from_secs(3));
        let messages = world.messages(0, 2).await;
        assert!(messages.iter().any(|record| {
            let content = record.content.clone().unwrap();
            content.ends_with(b"Subject: half\r\n\r\nthe other half\r\n")
        }));
        let closed = world
            .journal(0)
            .await_totals("all closed", PATIENCE, |totals| totals.open == 0);
        assert_eq!(closed.await.unwrap().truncated, 0);
        world.stop().await;
    }
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off_and_no_piece_of_it_is_delivered() {
    let world = two_tenants().start().await;
    let config = world.config.replace("drain = \"5s\"", "drain = \"1s\"");
    super::write(&world, &config);
    let mut program = Program::run(&world).await;
    let mut slow = Client::ehlo(PEER, program.at("plain")).await;
    slow.open(FROM_A).await;
    slow.send(&SMALL[..20]).await;
    slow.send("x\r\n".repeat(40_000)).await;
    let began = Instant::now();
    program.signal("TERM");
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{:#?}",
        program.lines
    );
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(5),
        "{took:?}"
    );
    let rest = slow.until_closed().await;
    assert!(rest.starts_with(b"421 4.3.2 "), "{}", rest.escape_ascii());
    for line in ["transaction closed", "session closed"] {
        let said = program.lines.iter().filter(|logged| logged.contains(line));
        assert_eq!(said.count(), 1, "{line}: {:#?}", program.lines);
    }
    let closed = world
        .journal(0)
        .await_totals("all closed", PATIENCE, |totals| totals.open == 0);
    assert_eq!(closed.await.unwrap().delivered, 0);
    world.stop().await;
}

#[tokio::test]
async fn an_upstream_that_hangs_does_not_keep_a_stop_from_ending() {
    use tenantry_lab::upstream::{Fault, Stage};
    let world = two_tenants()
        .first_upstream(|pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::End).silent().hang())
        })
        .start()
        .await;
    super::write(
        &world,
        &world.config.replace("drain = \"5s\"", "drain = \"1s\""),
    );
    let mut program = Program::run(&world).await;
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    client.open(FROM_A).await;
    client.send(SMALL).await;
    let arrived = world.journal(0).await_messages(1, PATIENCE);
    arrived.await.unwrap();
    program.signal("TERM");
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{:#?}",
        program.lines
    );
    let rest = client.until_closed().await;
    assert!(!rest.starts_with(b"2"), "{}", rest.escape_ascii());
    world.relay.stop().await;
}

#[tokio::test]
async fn a_session_whose_transaction_was_refused_does_not_hold_up_a_stop() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let at = program.at("plain");
    let mut chunk = Client::ehlo(STRANGER, at).await;
    asked(&mut chunk, "u@tenant-a.example")
        .await
        .is("550 5.7.64");
    chunk.send("BDAT 3\r\nabc").await;
    assert!(chunk.answer().await.is_permanent());
    let mut message = Client::ehlo(PEER, at).await;
    assert_eq!(asked(&mut message, "u@tenant-a.example").await.code, 250);
    message.says("DATA", 354).await;
    message.send("Subject: bare\n\r\n.\r\n").await;
    message.expect(550).await;
    let began = Instant::now();
    program.signal("TERM");
    for client in [&mut chunk, &mut message] {
        client.expect(421).await.is("421 4.3.2");
    }
    drop((chunk, message));
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{:#?}",
        program.lines
    );
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    world.stop().await;
}
