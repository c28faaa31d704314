//! LG: the one `Received` field, loops, header sections without end, the header firewall, and the log.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenantry_lab::pki::{CertificateSpec, self_signed};
use tenantry_lab::upstream::{Fault, Stage};
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Client, Envelope, PEER, STRANGER};
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

const PROTECTED: &str = "X-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-CrossPremises-AuthAs:\r\n Internal\r\n\
    x-originatororg: tenant-a.example\r\nX-MS-EXCHANGE-ORGANIZATION-SCL: -1\r\n";

#[tokio::test]
async fn exchange_headers_pass_only_from_exchange_servers() {
    let world = Plan::standard()
        .peer(
            "exchange",
            "networks = [\"127.5.0.0/16\"]\ntenants = [\"*\"]\nexchange = true",
        )
        .peer(
            "also-exchange",
            "certificates = [\"ex01.corp.example\"]\ntenants = [\"a\"]\nexchange = true",
        )
        .start()
        .await;
    let content = format!(
        "Subject: a\r\n{PROTECTED}X-MS-Exchange-Transport: kept\r\n\r\nX-OriginatorOrg: body\r\n"
    );
    let without = content.replace(PROTECTED, "");
    let certificate = world.pki.client(&["ex01.corp.example"]);
    let clients = [
        (world.plain(PEER).await, &without),
        (world.plain("127.5.0.1").await, &content),
        (world.starttls(STRANGER, &certificate).await, &content),
        (world.starttls(PEER, &world.pki.anonymous()).await, &without),
        (
            world
                .starttls(PEER, &world.pki.client(&["tenant-a.example"]))
                .await,
            &without,
        ),
    ];
    for (number, (mut client, expected)) in (1..).zip(clients) {
        let answer = client.message(ENVELOPE, stuffed(content.as_bytes())).await;
        assert_eq!(answer.code, 250, "{answer:?}");
        client.quit().await;
        let records = world.messages(0, number).await;
        assert_eq!(
            String::from_utf8_lossy(arrived(records.last().unwrap())),
            **expected
        );
    }
    world.stop().await;
}

/// The firewall at boundaries: first, last and only field, and split over segments.
#[tokio::test]
async fn the_firewall_cannot_be_slipped() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let field = "X-MS-Exchange-Organization-AuthAs: Internal\r\n";
    let cases = [
        (format!("{field}\r\nbody\r\n"), "\r\nbody\r\n".to_owned()),
        (field.to_owned(), String::new()),
        (format!("A: b\r\n{field}"), "A: b\r\n".to_owned()),
        (
            format!("not a field\r\n{field}\r\nbody\r\n"),
            "not a field\r\n\r\nbody\r\n".to_owned(),
        ),
        (
            format!("A: b\r\n c\r\n{field} more\r\n\tmore\r\nD: e\r\n\r\n"),
            "A: b\r\n c\r\nD: e\r\n\r\n".to_owned(),
        ),
        (
            format!("A: b\r\n\r\n{field}"),
            format!("A: b\r\n\r\n{field}"),
        ),
    ];
    for (content, expected) in &cases {
        let before = world.delivered();
        client.open(ENVELOPE).await;
        let wire = stuffed(content.as_bytes());
        let pieces: Vec<&[u8]> = wire.chunks(5).collect();
        client.send_pieces(&pieces, Duration::ZERO).await;
        client.expect(250).await;
        let records = world.messages(0, before + 1).await;
        assert_eq!(
            String::from_utf8_lossy(arrived(records.last().unwrap())),
            *expected
        );
    }
    // A first line that would continue our trace field.
    let answer = client.message(ENVELOPE, " folded\r\n\r\n.\r\n").await;
    answer.is("554 5.6.0");
    client.quit().await;
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

/// O5 and LG-01: one event is one line, and nothing that a peer chose can end it.
#[tokio::test]
async fn lg_01_the_log_has_a_line_for_each_event_and_no_control_octets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // Everything of this test runs on this thread.
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let world = Plan::standard()
        .log("addresses = \"full\"")
        .first_upstream(|pki| {
            let answer = b"250 2.0.0 \x1b[31mfine\x07 \xc2\x9b \xe2\x80\xae ok\r\n".as_slice();
            pki.upstream()
                .with_fault(Fault::at(Stage::End).answer(answer))
        })
        .start()
        .await;
    let spec = CertificateSpec::client(&["tenant-a.example"])
        .with_common_name("evil\r\n\x1b[31m\u{202e}\u{9b}\0name");
    let hostile = world.pki.with(&self_signed(&spec).unwrap());
    let mut client = Client::starttls(PEER, world.at("starttls"), &hostile).await;
    client
        .says("MAIL FROM:<u\u{202e}@tenant-a.example> SMTPUTF8", 250)
        .await;
    client
        .says("RCPT TO:<\"a\u{202e}b\"@elsewhere.example>", 550)
        .await;
    client.quit().await;
    let mut client = world.plain(PEER).await;
    client.command("EHLO \u{202e}\u{9b}x\x1b[31m").await;
    let answer = client.message(ENVELOPE, ".\r\n").await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    world.stop().await;
    let text = log.text();
    assert!(
        text.bytes()
            .all(|octet| matches!(octet, b'\n' | b' '..=b'~')),
        "{}",
        text.escape_debug()
    );
    assert_eq!(text.matches("transaction closed").count(), 2, "{text}");
    assert!(
        text.lines()
            .all(|line| line.contains(" INFO ") || line.contains(" WARN ")),
        "{text}"
    );
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
