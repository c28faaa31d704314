//! Limits of lines, recipients, messages and connections: what is over one is refused, and what was within it stays.

use std::time::{Duration, Instant};

use crate::client::{Client, Envelope, PEER, STRANGER};
use crate::message::{arrived, stuffed};
use crate::world::{Plan, World};

const ENVELOPE: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["r@elsewhere.example"],
};

#[tokio::test]
async fn cm_02_long_lines_are_handled_refused_or_the_end() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.says(format!("NOOP {}", "x".repeat(508)), 250).await;
    for (address, code) in [(240, 250), (2030, 500), (20_000, 500), (60_000, 500)] {
        let line = format!(
            "MAIL FROM:<u@tenant-a.example> ENVID={}",
            "x".repeat(address)
        );
        let answer = client.command(line).await;
        if code == 500 {
            answer.is("500 5.5.2");
        }
        client.says("RSET", 250).await;
    }
    client
        .command(format!("NOOP {}", "x".repeat(1100)))
        .await
        .is("500 5.5.2");
    client.says("NOOP", 250).await;
    let answers = {
        let _ = client.try_send(vec![b'x'; 70_000]).await;
        client.answers_until_closed().await
    };
    assert_eq!(
        answers.last().map(|answer| answer.code),
        Some(421),
        "{answers:?}"
    );
    world.stop().await;
}

#[tokio::test]
async fn cm_06_recipients_beyond_the_limit_come_later() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    let lines: String = (0..503)
        .map(|number| format!("RCPT TO:<r{number}@elsewhere.example>\r\n"))
        .collect();
    client.send(lines).await;
    for number in 0..503 {
        let answer = client.answer().await;
        match number {
            0..500 => assert_eq!(answer.code, 250, "{number}: {answer:?}"),
            _ => answer.is("452 4.5.3"),
        }
    }
    client.says("DATA", 354).await;
    client.send(".\r\n").await;
    client.expect(250).await;
    client.quit().await;
    assert_eq!(world.messages(0, 1).await[0].recipients.len(), 500);
    world.stop().await;
}

#[tokio::test]
async fn cm_07_a_session_has_so_many_messages() {
    let world = Plan::standard().limits("messages = 3").start().await;
    let mut client = world.plain(PEER).await;
    for _ in 0..3 {
        let answer = client.message(ENVELOPE, "Subject: x\r\n\r\n.\r\n").await;
        assert_eq!(answer.code, 250);
    }
    client
        .command("MAIL FROM:<u@tenant-a.example>")
        .await
        .is("421 4.7.0");
    client.expect_closed().await;
    world.messages(0, 3).await;
    world.stop().await;
}

#[tokio::test]
async fn cm_09_a_message_over_the_limit_is_refused_early_or_late() {
    let world = Plan::standard()
        .listener("plain", "tls = \"off\"\nmax_message_size = \"64KiB\"")
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    let ehlo = client.says("EHLO client.example", 250).await;
    assert!(ehlo.lines.contains(&"SIZE 65536".to_owned()), "{ehlo:?}");
    client
        .command("MAIL FROM:<u@tenant-a.example> SIZE=65537")
        .await
        .is("552 5.3.4");
    let long = stuffed(&b"0123456789abcdef0123456789abcd\r\n".repeat(2100));
    client
        .says("MAIL FROM:<u@tenant-a.example> SIZE=100", 250)
        .await;
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.says("DATA", 354).await;
    client.send(&long).await;
    client.answer().await.is("552 5.3.4");
    client.says("NOOP", 250).await;
    for end in [" LAST", ""] {
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.says("RCPT TO:<r@elsewhere.example>", 250).await;
        client
            .send([format!("BDAT {}{end}\r\n", long.len()).as_bytes(), &long].concat())
            .await;
        client.answer().await.is("552 5.3.4");
        client.says("RSET", 250).await;
    }
    // Just what is allowed.
    let exact = stuffed(&b"0123456789abcdef0123456789abcd\r\n".repeat(2048));
    let answer = client.message(ENVELOPE, exact).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    world.messages(0, 1).await;
    world.stop().await;
}

#[tokio::test]
async fn cm_13_long_lines_of_a_message_pass_up_to_the_limit() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let line = |length: usize| {
        [
            b"Subject: x\r\n\r\n".as_slice(),
            &vec![b'y'; length],
            b"\r\nlast\r\n",
        ]
        .concat()
    };
    for length in [998, 999, 5000, 65_533] {
        let answer = client.message(ENVELOPE, stuffed(&line(length))).await;
        assert_eq!(answer.code, 250, "{length}: {answer:?}");
    }
    for length in [65_536, 70 * 1024, 1 << 20] {
        let answer = client.message(ENVELOPE, stuffed(&line(length))).await;
        answer.is("554 5.6.0");
        client.says("NOOP", 250).await;
    }
    client.quit().await;
    for (record, length) in world
        .messages(0, 4)
        .await
        .iter()
        .zip([998, 999, 5000, 65_533])
    {
        assert!(arrived(record) == line(length));
    }
    world.stop().await;
}

#[tokio::test]
async fn cm_02_the_limits_of_lines_are_exact() {
    let world = Plan::standard().start().await;
    let padded = |octets: usize| {
        let line = "MAIL FROM:<u@tenant-a.example>";
        format!("{line}{}", " ".repeat(octets - 2 - line.len()))
    };
    let mut client = world.plain(PEER).await;
    client.says(padded(2048), 250).await;
    client.says("RSET", 250).await;
    client.command(padded(2049)).await.is("500 5.5.2");
    client
        .says(format!("NOOP {}", "x".repeat(1024 - 7)), 250)
        .await;
    client
        .command(format!("NOOP {}", "x".repeat(1024 - 6)))
        .await
        .is("500 5.5.2");
    client.command("x".repeat(65_000)).await.is("500 5.5.2");
    let _ = client.try_send(format!("{}\r\n", "x".repeat(65_535))).await;
    client.answer().await.is("421 4.7.0");
    client.expect_closed().await;
    world.stop().await;
}

/// RE-02 and RE-04: too many connections, of all and of one address.
#[tokio::test]
async fn connections_beyond_the_limits_are_turned_away_with_a_word() {
    let world = Plan::standard()
        .limits("connections = 5\nconnections_per_source = 3\nstress_connections = 5")
        .start()
        .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(world.plain("127.1.1.1").await);
    }
    let begun = Instant::now();
    let mut one_more = Client::connect("127.1.1.1", world.at("plain")).await;
    one_more.answer().await.is("421 4.7.0");
    one_more.expect_closed().await;
    for _ in 0..2 {
        held.push(world.plain("127.1.1.2").await);
    }
    let mut one_more = Client::connect("127.1.1.3", world.at("plain")).await;
    one_more.answer().await.is("421 4.3.2");
    one_more.expect_closed().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    // Who goes makes room.
    held.pop().unwrap().quit().await;
    world_has(&world, 4).await;
    held.push(world.plain("127.1.1.3").await);
    for client in held {
        client.quit().await;
    }
    world.is_alive().await;
    world.stop().await;
}

#[tokio::test]
async fn under_stress_idle_clients_go_sooner() {
    let world = Plan::standard()
        .limits("stress_connections = 2")
        .timeouts("idle_under_stress = \"1s\"")
        .start()
        .await;
    let begun = Instant::now();
    let mut one = world.plain(STRANGER).await;
    let mut two = world.plain(STRANGER).await;
    two.answer().await.is("421 4.4.2");
    assert!(begun.elapsed() < Duration::from_secs(4));
    two.expect_closed().await;
    one.says("NOOP", 250).await;
    one.quit().await;
    world.stop().await;
}

/// What the upstream announces counts, too.
#[tokio::test]
async fn a_message_larger_than_the_upstream_takes_is_refused() {
    let world = Plan::standard()
        .first_upstream(|pki| pki.upstream().with_extensions(&["PIPELINING", "SIZE 5000"]))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    client
        .says("MAIL FROM:<u@tenant-a.example> SIZE=5001", 250)
        .await;
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("552 5.3.4");
    client.says("RSET", 250).await;
    let answer = client
        .message(ENVELOPE, stuffed(&b"0123456789\r\n".repeat(1000)))
        .await;
    answer.is("552 5.3.4");
    let answer = client
        .message(ENVELOPE, stuffed(&b"0123456789\r\n".repeat(100)))
        .await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    world.messages(0, 1).await;
    world.stop().await;
}

async fn world_has(world: &World, sessions: usize) {
    let deadline = Instant::now() + crate::client::PATIENCE;
    while world.relay.load().sessions != sessions {
        assert!(Instant::now() < deadline, "{:?}", world.relay.load());
        tokio::task::yield_now().await;
    }
}
