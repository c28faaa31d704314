//! LG: the one `Received` field, loops, header sections without end, and octets that pass unchanged.

use std::time::{Duration, Instant};

use crate::client::{Client, Envelope, PEER};
use crate::message::{arrived, long, stuffed, trace};
use crate::world::{Plan, World};

const ENVELOPE: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["r@elsewhere.example"],
};

#[tokio::test]
async fn one_received_field_says_how_the_message_came() {
    let world = Plan::standard().start().await;
    let anonymous = world.pki.anonymous();
    let mut helo = Client::greeted(PEER, world.at("plain")).await;
    helo.says("HELO old.example", 250).await;
    let ehlo = world.plain(PEER).await;
    let inside = world.starttls(PEER, &anonymous).await;
    let mut inside_helo = Client::ehlo(PEER, world.at("starttls")).await;
    inside_helo.says("STARTTLS", 220).await;
    let mut inside_helo = inside_helo.secured(&anonymous).await.unwrap();
    inside_helo.says("HELO old.example", 250).await;
    let cases = [
        (helo, "", "SMTP"),
        (ehlo, "", "ESMTP"),
        (inside, "", "ESMTPS"),
        (inside_helo, "", "SMTP"),
    ];
    let (utf8, utf8_inside) = (
        world.plain(PEER).await,
        world.starttls(PEER, &anonymous).await,
    );
    let cases = cases.into_iter().chain([
        (utf8, " SMTPUTF8", "UTF8SMTP"),
        (utf8_inside, " SMTPUTF8", "UTF8SMTPS"),
    ]);
    for (number, (mut client, parameter, with)) in (1..).zip(cases) {
        client
            .says(format!("MAIL FROM:<u@tenant-a.example>{parameter}"), 250)
            .await;
        client.says("RCPT TO:<r@elsewhere.example>", 250).await;
        client.says("DATA", 354).await;
        client
            .send("Received: from earlier\r\nSubject: x\r\n\r\n.\r\n")
            .await;
        client.expect(250).await;
        client.quit().await;
        let records = world.messages(0, number).await;
        let record = records.last().unwrap();
        assert_eq!(
            arrived(record),
            b"Received: from earlier\r\nSubject: x\r\n\r\n"
        );
        assert_eq!(record.header("Received").len(), 2);
        let trace = trace(record);
        assert!(trace.contains(&format!(" with {with} ")), "{trace}");
        assert!(trace.contains("([127.0.0.1]) by relay.test "), "{trace}");
        let inside = number == 3 || number == 4 || number == 6;
        assert_eq!(trace.contains(" tls TLS"), inside, "{trace}");
        for secret in ["tenant-", "identity", "localhost", "elsewhere"] {
            assert!(!trace.contains(secret), "{trace}");
        }
        assert!(trace.len() < 998);
    }
    world.stop().await;
}

#[tokio::test]
async fn lg_01_a_hostile_greeting_stays_inside_its_field() {
    let world = Plan::standard().start().await;
    let mut accepted = 0;
    for name in [
        "(evil)",
        "a\"b\\c",
        "x;y",
        "<script>",
        "a)(b",
        "\u{202e}evil",
        "x\x1b[31m",
        "a\x7fb",
        "\u{9b}31m",
        "from",
        &"l".repeat(900),
    ] {
        let mut client = Client::greeted(PEER, world.at("plain")).await;
        if client.command(format!("EHLO {name}")).await.code == 250 {
            let answer = client.message(ENVELOPE, "Subject: x\r\n\r\n.\r\n").await;
            assert_eq!(answer.code, 250);
            accepted += 1;
        }
        client.quit().await;
    }
    for record in world.messages(0, accepted).await {
        let trace = record.trace.as_deref().unwrap();
        assert_eq!(arrived(&record), b"Subject: x\r\n\r\n");
        assert!(
            trace
                .bytes()
                .all(|octet| matches!(octet, b' '..=b'~' | b'\r' | b'\n' | b'\t')),
            "{trace:?}"
        );
        assert!(trace.lines().all(|line| line.len() < 400), "{trace:?}");
        let (from, _) = trace
            .split_once("([127.0.0.1])")
            .expect("the address is not where it belongs");
        assert!(!from.contains(['(', ')', '"', '\\', ';', '<']), "{trace:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn lg_02_a_message_with_too_many_hops_loops() {
    let world = Plan::standard().start().await;
    let mut client = Client::connect(PEER, world.at("plain")).await;
    let greeting = client.expect(220).await.text();
    let instance = greeting.rsplit(' ').next().unwrap().to_owned();
    client.says("EHLO client.example", 250).await;
    let hops =
        |count: usize, field: &str| format!("{}Subject: x\r\n\r\n.\r\n", field.repeat(count));
    for (raw, code) in [
        (hops(99, "Received: from x\r\n"), 250),
        (hops(101, "Received: from x\r\n"), 554),
        (hops(101, "RECEIVED : from x\r\n\tby y\r\n"), 554),
        (hops(150, "received:\r\n from x\r\n"), 554),
        (
            hops(
                2,
                &format!("Received: by relay.test (Tenantry {instance}) with ESMTP\r\n"),
            ),
            554,
        ),
    ] {
        let answer = client.message(ENVELOPE, &raw).await;
        match code {
            250 => assert_eq!(answer.code, 250, "{answer:?}"),
            _ => answer.is("554 5.4.6"),
        }
    }
    client.quit().await;
    world.messages(0, 1).await;
    world.stop().await;
}

#[tokio::test]
async fn lg_03_an_upstream_that_is_ourselves_is_a_loop_at_the_first_pass() {
    let mut world = Plan::standard().start().await;
    let port = world.upstreams[0].address().port();
    let own = world.at("starttls").port();
    let config = world
        .config
        .replace(&format!("localhost:{port}"), &format!("localhost:{own}"));
    world.reload(&config).unwrap();
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    let answer = client.command("RCPT TO:<r@elsewhere.example>").await;
    assert!(
        answer.code >= 400 && answer.enhanced().is_some_and(|code| code.ends_with(".4.6")),
        "{answer:?}"
    );
    client.quit().await;
    let transaction = closed.next().await;
    assert!(transaction.fault.is_some(), "{transaction:?}");
    world.stop().await;
}

#[tokio::test]
async fn lg_05_header_sections_are_bounded() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let folded = format!(
        "X: y\r\n{}",
        "\tzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n".repeat(24_000)
    );
    for header in [
        "a:\r\n".repeat(1_250_000),
        "a\r\n".repeat(1_700_000),
        folded,
        "Received: from x\r\n".repeat(100_000),
        ":\r\n".repeat(100_000),
        "a: b\r\n".repeat(1001),
    ] {
        client.open(ENVELOPE).await;
        client.send(&header).await;
        let begun = Instant::now();
        client.send("\r\n.\r\n").await;
        let answer = client.answer().await;
        // Lines that are no fields are a body (RFC 5322 section 2.1), whatever their number.
        let body = header.starts_with("a\r\n") || header.starts_with(":\r\n");
        match answer.code {
            552 | 554 => assert!(!body, "{answer:?}"),
            250 => assert!(body, "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        // 100 ms of an optimised build.
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
    }
    client.quit().await;
    world.is_alive().await;
    world.stop().await;
}

/// I6 of the design: bytes pass unchanged, by DATA and by BDAT, to upstreams with CHUNKING and without.
#[tokio::test]
async fn what_the_client_sent_is_what_the_upstream_got() {
    let world: World = crate::framing::careless_world().await;
    let large = long(700_000);
    let contents: [&[u8]; 8] = [
        b"",
        b"\r\n",
        b"just text\r\n",
        b"Subject:no space\r\nDKIM-Signature: a=b; \r\n\tc=d \t\r\n \r\nX:\r\n\r\n  leading, trailing  \r\n\t\r\n\r\n\r\n",
        b"Subject: =?utf-8?q?x?=\r\nFrom: a@b\r\nfrom: c@d\r\n\r\n8-bit: \xfc\xe4\xf6\xff\x80 \xe2\x82\xac \x01\x07\x7f\r\n",
        b"only: header\r\n",
        b"a: b\r\n\r\n.\r\n..\r\n...\r\n. \r\n.a\r\n",
        &large,
    ];
    for (upstream, tenant) in crate::framing::TENANTS.into_iter().enumerate() {
        let sender = crate::framing::sender(tenant);
        let mut client = world.plain(PEER).await;
        for content in contents {
            for chunked in [false, true] {
                client
                    .says(format!("MAIL FROM:<{sender}> BODY=8BITMIME"), 250)
                    .await;
                client.says("RCPT TO:<r@elsewhere.example>", 250).await;
                if chunked {
                    let (one, other) = content.split_at(content.len() / 3);
                    client
                        .send([format!("BDAT {}\r\n", one.len()).as_bytes(), one].concat())
                        .await;
                    client
                        .send([format!("BDAT {} LAST\r\n", other.len()).as_bytes(), other].concat())
                        .await;
                    client.expect(250).await;
                } else {
                    client.says("DATA", 354).await;
                    client.send(stuffed(content)).await;
                }
                client.expect(250).await;
            }
        }
        client.quit().await;
        let records = world.messages(upstream, 2 * contents.len() as u64).await;
        for (record, content) in records
            .iter()
            .zip(contents.iter().flat_map(|content| [content, content]))
        {
            assert!(arrived(record) == *content, "{}", content.escape_ascii());
        }
    }
    crate::framing::nothing_was_smuggled(world).await;
}
