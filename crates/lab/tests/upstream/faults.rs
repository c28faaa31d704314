//! Misbehaviour on request (groups UT and UR).

use std::io::ErrorKind;
use std::time::Duration;

use tenantry_lab::upstream::{Fault, Outcome, Stage, UpstreamSettings};
use tokio::time::timeout;

use crate::client::Client;
use crate::{SOON, start};

#[tokio::test]
async fn replies_at_every_stage_can_be_replaced_and_refuse() {
    for stage in [
        Stage::Ehlo,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::End,
    ] {
        let fault = Fault::at(stage).answer("451 4.3.0 not now\r\n").once();
        let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
        let mut client = Client::connect(&upstream).await;
        let mut replies = Vec::new();
        for command in [
            "EHLO x\r\n",
            "EHLO x\r\n",
            "MAIL FROM:<a@a.example>\r\n",
            "MAIL FROM:<a@a.example>\r\n",
            "RCPT TO:<b@b.example>\r\n",
            "RCPT TO:<b@b.example>\r\n",
            "DATA\r\n",
        ] {
            replies.push(client.ask(command).await);
        }
        if stage == Stage::Data {
            assert!(client.ask("DATA\r\n").await.starts_with("354"));
        }
        replies.push(client.ask("x\r\n.\r\n").await);
        assert_eq!(
            replies
                .iter()
                .filter(|reply| reply.starts_with("451"))
                .count(),
            1,
            "{stage:?}"
        );
        let totals = upstream.stop().await.totals();
        let expected = if stage == Stage::End { (0, 1) } else { (1, 0) };
        assert_eq!((totals.delivered, totals.refused), expected, "{stage:?}");
    }
}

#[tokio::test]
async fn some_recipients_can_be_refused() {
    let fault = Fault::at(Stage::Rcpt)
        .containing("bad")
        .answer("550 5.1.1 unknown\r\n");
    let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    for (recipient, expected) in [("bad1", "550"), ("good", "250"), ("bad2", "550")] {
        let reply = client
            .ask(&format!("RCPT TO:<{recipient}@b.example>\r\n"))
            .await;
        assert!(reply.starts_with(expected));
    }
    client.ask("DATA\r\n").await;
    client.ask("x\r\n.\r\n").await;
    let messages = upstream.journal().await_messages(1, SOON).await.unwrap();
    assert_eq!(
        messages.first().unwrap().recipient_addresses(),
        ["good@b.example"]
    );
}

#[tokio::test]
async fn connections_end_as_asked_and_the_journal_knows_what_became_of_the_message() {
    let cases = [
        (
            Fault::at(Stage::End).silent().close(),
            "",
            None,
            Outcome::Unanswered,
        ),
        (
            Fault::at(Stage::End).silent().reset(),
            "",
            Some(ErrorKind::ConnectionReset),
            Outcome::Unanswered,
        ),
        (
            Fault::at(Stage::End)
                .pause(Duration::from_millis(20))
                .reset(),
            "250",
            Some(ErrorKind::ConnectionReset),
            Outcome::Accepted,
        ),
        (
            Fault::at(Stage::End).close(),
            "250",
            None,
            Outcome::Accepted,
        ),
        (
            Fault::at(Stage::End).answer("421 4.3.2 bye\r\n").close(),
            "421",
            None,
            Outcome::Refused,
        ),
    ];
    for (fault, reply, error, outcome) in cases {
        let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
        let mut client = Client::greeted(&upstream).await;
        client.ask("MAIL FROM:<a@a.example>\r\n").await;
        client.ask("RCPT TO:<b@b.example>\r\n").await;
        client.ask("DATA\r\n").await;
        client.send("x\r\n.\r\n").await;
        let (said, ended) = client.rest().await;
        assert!(
            said.starts_with(reply) && said.is_empty() == reply.is_empty(),
            "{said:?}"
        );
        assert_eq!(ended, error);
        let journal = upstream.stop().await;
        let records = journal.records();
        assert_eq!(records.first().unwrap().outcome, outcome);
        assert_eq!(records.len(), 1);
    }
}

#[tokio::test]
async fn a_late_reply_arrives_after_the_transaction() {
    let late = Fault::at(Stage::End)
        .pause(Duration::from_millis(20))
        .inject("250 late\r\n");
    let upstream = start(UpstreamSettings::plain().with_fault(late)).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(client.transaction("x").await.starts_with("250 2.6.0"));
    assert_eq!(client.line().await, "250 late\r\n");
}

#[tokio::test]
async fn bodies_can_be_broken_off_and_are_counted() {
    let fault = Fault::at(Stage::Content).after_octets(1000).close();
    let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    client.send("x".repeat(1000)).await;
    assert_eq!(client.rest().await.0, "");
    // And the other way round: the client leaves in the middle.
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    client.send("x\r\n.").await;
    drop(client);
    let journal = upstream.journal();
    let totals = journal.await_totals("two broken off", SOON, |totals| totals.truncated == 2);
    assert_eq!(totals.await.unwrap().delivered, 0);
    journal
        .await_totals("rest", SOON, |totals| totals.open == 0)
        .await
        .unwrap();
}

#[tokio::test]
async fn replies_can_be_slow_or_missing() {
    let settings = UpstreamSettings::plain()
        .with_fault(Fault::at(Stage::Mail).trickle(Duration::from_millis(1)))
        .with_fault(Fault::at(Stage::Rcpt).silent().once())
        .with_fault(Fault::at(Stage::Data).hang());
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(
        client
            .ask("MAIL FROM:<a@a.example>\r\n")
            .await
            .starts_with("250")
    );
    client.send("RCPT TO:<b@b.example>\r\nNOOP\r\n").await;
    assert!(
        client.reply().await.starts_with("250 2.0.0"),
        "the answer to NOOP"
    );
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    assert!(client.ask("DATA\r\n").await.starts_with("354"));
    client.send("x\r\n.\r\n").await;
    // A session that hangs for ever ends with the upstream.
    let journal = timeout(SOON, upstream.stop()).await.unwrap();
    assert_eq!(journal.totals().open, 0);
    assert_eq!(client.rest().await.0, "");
}
