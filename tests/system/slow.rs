//! SL: every wait for a client has an end, and what it held is given back.

use std::time::{Duration, Instant};

use tenantry_lab::upstream::{Fault, Stage};

use crate::client::{Client, PATIENCE, PEER, STRANGER};
use crate::hello::client_hello;
use crate::world::{Plan, World};

const OPENING: &str = "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n";

/// Slower than any deadline of these tests allows, and quicker than any deadline between two octets would notice.
const PACE: Duration = Duration::from_millis(150);

async fn world(timeouts: &str) -> World {
    Plan::standard().timeouts(timeouts).start().await
}

/// Sends octet by octet until the relay closes; gives its last words and how long it took.
async fn trickle(client: &mut Client, octets: &[u8]) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let mut octets = octets.iter().cycle();
    while begun.elapsed() < PATIENCE {
        let octet = [*octets.next().unwrap()];
        if client.try_send(octet).await.is_err() || client.is_closed() {
            return (client.until_closed().await, begun.elapsed());
        }
        tokio::time::sleep(PACE).await;
    }
    panic!("the relay waits for ever");
}

fn soon(elapsed: Duration) {
    assert!(
        elapsed > Duration::from_millis(900),
        "closed too soon: {elapsed:?}"
    );
    assert!(
        elapsed < Duration::from_secs(4),
        "closed too late: {elapsed:?}"
    );
}

#[tokio::test]
async fn sl_01_silence_ends_at_the_idle_limit() {
    let world = world("idle = \"1s\"").await;
    let begun = Instant::now();
    let mut silent = Client::greeted(STRANGER, world.at("plain")).await;
    let mut in_transaction = world.plain(PEER).await;
    in_transaction
        .says("MAIL FROM:<u@tenant-a.example>", 250)
        .await;
    in_transaction
        .says("RCPT TO:<r@elsewhere.example>", 250)
        .await;
    for client in [&mut silent, &mut in_transaction] {
        client.answer().await.is("421 4.4.2");
        client.expect_closed().await;
        soon(begun.elapsed());
    }
    world.stop().await;
}

#[tokio::test]
async fn sl_02_a_handshake_octet_by_octet_ends_at_its_limit() {
    let world = world("handshake = \"1s\"").await;
    let hello = client_hello(0x0303, &[0x1301]);
    let mut implicit = Client::connect(STRANGER, world.at("implicit")).await;
    let mut starttls = Client::ehlo(STRANGER, world.at("starttls")).await;
    starttls.says("STARTTLS", 220).await;
    let (one, other) = tokio::join!(
        trickle(&mut implicit, &hello),
        trickle(&mut starttls, &hello)
    );
    for (_alert, elapsed) in [one, other] {
        soon(elapsed);
    }
    // And one that says nothing at all.
    let begun = Instant::now();
    Client::connect(STRANGER, world.at("implicit"))
        .await
        .until_closed()
        .await;
    soon(begun.elapsed());
    world.stop().await;
}

#[tokio::test]
async fn sl_03_the_deadline_is_for_a_command_and_not_for_an_octet() {
    let world = world("idle = \"1s\"").await;
    let mut client = Client::greeted(STRANGER, world.at("plain")).await;
    let (words, elapsed) = trickle(&mut client, b"EHLO a-rather-long-name").await;
    assert!(words.starts_with(b"421 4.4.2 "), "{}", words.escape_ascii());
    soon(elapsed);
    world.stop().await;
}

#[tokio::test]
async fn sl_04_a_body_that_drips_is_cut_off_and_nothing_is_delivered() {
    let world = world("data_rate_window = \"1s\"").await;
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    let (words, elapsed) = trickle(&mut client, b"Subject: x\r\n\r\nsome text\r\n").await;
    assert!(words.starts_with(b"421 4.4.2 "), "{}", words.escape_ascii());
    soon(elapsed);
    let mut client = world.plain(PEER).await;
    client.send("MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\nBDAT 100000 LAST\r\n").await;
    for code in [250, 250] {
        client.expect(code).await;
    }
    let (words, elapsed) = trickle(&mut client, b"Subject: x\r\n\r\nsome text\r\n").await;
    assert!(words.starts_with(b"421 4.4.2 "), "{}", words.escape_ascii());
    soon(elapsed);
    assert_eq!(world.delivered(), 0);
    world.is_alive().await;
    world.stop().await;
}

/// A client that sends in bursts, or waits for us, is not slow.
#[tokio::test]
async fn who_keeps_the_rate_may_take_long() {
    let world = Plan::standard()
        .timeouts("data_rate_window = \"1s\"\nidle = \"2s\"")
        .first_upstream(|pki| {
            pki.upstream()
                .keeping_content()
                .with_fault(Fault::at(Stage::End).delay(Duration::from_millis(1500)))
        })
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    let line = b"0123456789012345678901234567890123456789\r\n".repeat(5);
    let mut pieces: Vec<&[u8]> = vec![&line; 16];
    pieces.push(b".\r\n");
    client.send_pieces(&pieces, PACE).await;
    client.expect(250).await;
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn sl_06_a_session_without_a_message_ends() {
    let world = Plan::standard()
        .timeouts("idle = \"10s\"\nwithout_message = \"1s\"")
        .limits("non_mail_commands = 1000")
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let Ok(()) = client.try_send("NOOP\r\n").await else {
            break;
        };
        let Some(answer) = client.try_answer().await else {
            break;
        };
        if answer.code == 421 {
            answer.is("421 4.4.2");
            client.expect_closed().await;
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    soon(begun.elapsed());
    world.stop().await;
}

/// SL-07: the client cannot hear the answer, but the message is whole.
#[tokio::test]
async fn sl_07_half_a_connection_after_the_dot_is_enough() {
    let world = Plan::standard()
        .first_upstream(|pki| {
            pki.upstream()
                .keeping_content()
                .with_fault(Fault::at(Stage::End).delay(Duration::from_millis(200)))
        })
        .start()
        .await;
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    client.send("Subject: x\r\n\r\n.\r\n").await;
    client.half_close();
    client.expect(250).await;
    client.expect_closed().await;
    assert_eq!(closed.next().await.reply, Some(250));
    // The same with a client that is gone altogether: once the dot is upstream, it is finished.
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    client.send("Subject: y\r\n\r\n.\r\n").await;
    client.vanish();
    assert_eq!(closed.next().await.reply, Some(250));
    world.messages(0, 2).await;
    world.stop().await;
}

#[tokio::test]
async fn half_a_connection_at_any_other_time_is_the_end() {
    let world = Plan::standard().start().await;
    for said in [
        "",
        "EH",
        "EHLO x\r\n",
        "EHLO x\r\nMAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\n",
    ] {
        let mut client = Client::greeted(PEER, world.at("plain")).await;
        client.send(said).await;
        client.half_close();
        let answers = client.answers_until_closed().await;
        assert!(
            answers.iter().all(|answer| answer.code == 250),
            "{answers:?}"
        );
    }
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    client.send("Subject: x\r\n\r\n.\r").await;
    client.half_close();
    assert!(
        client
            .answers_until_closed()
            .await
            .iter()
            .all(|answer| answer.code >= 400)
    );
    world.at_rest().await;
    assert_eq!(world.delivered(), 0);
    world.stop().await;
}
