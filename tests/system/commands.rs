//! CM: commands and addresses; `limits` has the rows about sizes and numbers.

use crate::client::{Answer, Client, Envelope, PEER, STRANGER};
use crate::world::Plan;

#[tokio::test]
async fn cm_01_commands_come_in_order() {
    let world = Plan::standard().start().await;
    let mut client = Client::greeted(PEER, world.at("plain")).await;
    client
        .command("MAIL FROM:<u@tenant-a.example>")
        .await
        .is("503 5.5.1");
    client.says("EHLO client.example", 250).await;
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("503 5.5.1");
    client.command("DATA").await.is("503 5.5.1");
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.command("DATA").await.is("503 5.5.1");
    client
        .command("MAIL FROM:<u@tenant-a.example>")
        .await
        .is("503 5.5.1");
    // None of it has harmed the transaction.
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.says("DATA", 354).await;
    client.send(".\r\n").await;
    client.expect(250).await;
    client.command("DATA").await.is("503 5.5.1");
    client.quit().await;
    assert_eq!(world.delivered(), 1);
    world.stop().await;
}

#[tokio::test]
async fn cm_03_and_cm_04_odd_octets_in_commands_are_errors() {
    let world = Plan::standard().start().await;
    for line in [
        b"EHLO cl\0ient".as_slice(),
        b"MAIL FROM:<u\0@tenant-a.example>",
        b"MAIL FROM:<u@tenant-a.example\0>",
        b"MAIL FROM:<u@tenant-a.example>\0",
        b"MAIL FROM:<\xfc@tenant-a.example>",
        b"MAIL FROM:<\xc3\xbc@tenant-a.example>",
        b"MAIL FROM:<u@t\xc3\xa4nant-a.example>",
        b"MAIL FROM:<\xff\xfe@tenant-a.example> SMTPUTF8",
        b"MAIL FROM:<\xc3@tenant-a.example> SMTPUTF8",
        b"MAIL FROM:<\xc0\x80@tenant-a.example> SMTPUTF8",
        b"MAIL FROM:<u\x1b[31m@tenant-a.example>",
        b"MAIL FROM:<u\t@tenant-a.example>",
        b"MAIL FROM:<u@tenant-a.example> SIZE=\x80",
    ] {
        let mut client = world.plain(PEER).await;
        let answer = client.command(line).await;
        assert!(
            [500, 501, 553].contains(&answer.code),
            "{answer:?} to {}",
            line.escape_ascii()
        );
        client
            .command("RCPT TO:<r@elsewhere.example>")
            .await
            .is("503 5.5.1");
        client.quit().await;
    }
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    for line in [
        b"RCPT TO:<r\0@elsewhere.example>".as_slice(),
        b"RCPT TO:<\xfc@elsewhere.example>",
    ] {
        let answer = client.command(line).await;
        assert!([501, 553].contains(&answer.code), "{answer:?}");
    }
    client.quit().await;
    // A bare LF is no line end, and must not make two commands of one.
    let mut client = world.plain(PEER).await;
    client
        .send("MAIL FROM:<u@tenant-a.example>\nRCPT TO:<r@elsewhere.example>\r\n")
        .await;
    assert!(client.answer().await.is_permanent());
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("503 5.5.1");
    client.quit().await;
    assert_eq!(world.upstream_connections(), 0);
    world.stop().await;
}

#[tokio::test]
async fn cm_05_the_eleventh_error_closes() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(STRANGER).await;
    for _ in 0..10 {
        client.says("XYZZY", 500).await;
    }
    client.command("XYZZY").await.is("421 4.7.0");
    client.expect_closed().await;
    let mut client = world.plain(STRANGER).await;
    client.send("FOO\r\n".repeat(50)).await;
    let codes: Vec<u16> = client
        .answers_until_closed()
        .await
        .iter()
        .map(|answer| answer.code)
        .collect();
    assert_eq!(codes, [vec![500; 10], vec![421]].concat());
    world.stop().await;
}

#[tokio::test]
async fn cm_08_only_the_sender_may_be_null() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<>", 250).await;
    client.says("RCPT TO:<>", 501).await;
    client.says("RCPT TO:<r@tenant-a.example>", 250).await;
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn cm_10_odd_local_parts_arrive_as_they_are_and_source_routes_do_not() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let same = [
        "\"a b\"",
        "\"a\\\"b\"",
        "\"a\\\\b\"",
        "\"a@b\"",
        "\"a>b\"",
        "\"<>\"",
        "a+b",
        "a/b=c",
        "\"\"",
        "o'h",
        "a.b",
    ];
    let sender = |local: &str| format!("{local}@tenant-a.example");
    for local in same {
        let (sender, recipient) = (sender(local), format!("{local}@elsewhere.example"));
        let envelope = Envelope {
            sender: &sender,
            recipients: &[&recipient],
        };
        let answer = client.message(envelope, ".\r\n").await;
        assert_eq!(answer.code, 250, "{local}: {answer:?}");
    }
    let routed = Envelope {
        sender: "@x.example,@y.example:u@tenant-a.example",
        recipients: &["@tenant-b.example,@y.example:r@elsewhere.example"],
    };
    assert_eq!(client.message(routed, ".\r\n").await.code, 250);
    client.quit().await;
    let records = world.messages(0, same.len() as u64 + 1).await;
    for (record, local) in records.iter().zip(same) {
        assert_eq!(record.sender(), sender(local));
        assert_eq!(
            record.recipient_addresses(),
            [format!("{local}@elsewhere.example")]
        );
    }
    let routed = records.last().unwrap();
    assert_eq!(routed.sender(), "u@tenant-a.example");
    assert_eq!(routed.recipient_addresses(), ["r@elsewhere.example"]);
    world.stop().await;
}

#[tokio::test]
async fn cm_11_another_protocol_is_turned_away_at_its_first_line() {
    let world = Plan::standard().start().await;
    for octets in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(),
        b"POST /MAIL HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<u@tenant-a.example>\r\n",
        b"CONNECT victim.example:25 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PROXY TCP4 10.1.0.5 127.0.0.1 1000 25\r\nEHLO x\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\0\x05\x7f\0\0\x01\0\x19\x03\xe8",
        b"SSH-2.0-OpenSSH_9\r\n\r\n\r\n\r\n\r\n\r\n",
    ] {
        let mut client = Client::greeted(STRANGER, world.at("plain")).await;
        let _ = client.try_send(octets).await;
        if octets.starts_with(b"SSH") || octets.starts_with(b"\r\n\r\n\0") {
            // No request of HTTP: at most three lines before EHLO.
            let _ = client.try_send(b"x\r\n".repeat(4)).await;
        }
        let answers = client.answers_until_closed().await;
        let last = answers.last().unwrap();
        assert!([421, 554].contains(&last.code), "{answers:?}");
        assert!(answers.len() <= 4, "{answers:?}");
        assert!(
            answers.iter().all(|answer| answer.code >= 400),
            "{answers:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn cm_12_and_cm_16_addresses_have_limits_and_empty_labels_are_none() {
    let world = Plan::standard().start().await;
    let label = "d".repeat(63);
    let long = format!("{label}.{label}.{label}.{label}.example");
    let local = "l".repeat(65);
    for address in [
        format!("{local}@tenant-a.example"),
        format!("u@{long}"),
        format!("{}@{}", "l".repeat(64), &long[..200]),
        "u@tenant-a..example".to_owned(),
        "u@.tenant-a.example".to_owned(),
        "u@-tenant-a.example".to_owned(),
        "u@tenant-a-.example".to_owned(),
        "u@tenant-a.example..".to_owned(),
        "u@.".to_owned(),
        "u@".to_owned(),
        ".u@tenant-a.example".to_owned(),
        "u.@tenant-a.example".to_owned(),
        "a..b@tenant-a.example".to_owned(),
    ] {
        let mut client = world.plain(PEER).await;
        let answer = client.command(format!("MAIL FROM:<{address}>")).await;
        assert!([501, 553].contains(&answer.code), "{address}: {answer:?}");
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        let answer = client.command(format!("RCPT TO:<{address}>")).await;
        assert!([501, 553].contains(&answer.code), "{address}: {answer:?}");
        client.quit().await;
    }
    // What is long and right arrives.
    let mut client = world.plain(PEER).await;
    let sender = format!("{}@tenant-a.example", "l".repeat(64));
    let envelope = Envelope {
        sender: &sender,
        recipients: &[
            "u@[127.0.0.1]",
            "u@[IPv6:::1]",
            "u@localhost.",
            "u@d.",
            "a@D",
        ],
    };
    let answer = client.message(envelope, ".\r\n").await;
    assert_eq!(answer.code, 250, "{answer:?}");
    // Literals never belong to anybody.
    for sender in ["a@[127.0.0.1]", "a@[IPv6:::1]", "a@localhost."] {
        client.says(format!("MAIL FROM:<{sender}>"), 250).await;
        client
            .command("RCPT TO:<r@elsewhere.example>")
            .await
            .is("550 5.7.64");
        client
            .command("RCPT TO:<r@[127.0.0.1]>")
            .await
            .is("550 5.7.64");
        client.says("RSET", 250).await;
    }
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn cm_14_commands_that_move_no_mail_are_answered_so_many_times() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.command("VRFY postmaster").await.is("252 2.5.2");
    client.says("EXPN list", 502).await;
    client.says("HELP", 214).await;
    client.says("NOOP with words", 250).await;
    for verb in [
        "ETRN x",
        "TURN",
        "AUTH PLAIN AAAA",
        "XCLIENT ADDR=127.0.0.1",
        "XFORWARD NAME=x",
    ] {
        let answer = client.command(verb).await;
        assert!([500, 502].contains(&answer.code), "{verb}: {answer:?}");
    }
    client.quit().await;
    for line in ["NOOP", "VRFY x", "HELP", "RSET", "EHLO x"] {
        let mut client = world.plain(PEER).await;
        let codes = until_refused(&mut client, line).await;
        assert!((50..=51).contains(&codes), "{line}: {codes}");
    }
    world.stop().await;
}

/// How many times a command is answered well before 421 and the end.
async fn until_refused(client: &mut Client, line: &str) -> usize {
    for count in 0..60 {
        let answer: Answer = client.command(line).await;
        if answer.code == 421 {
            answer.is("421 4.7.0");
            client.expect_closed().await;
            return count;
        }
        assert!(answer.code < 300, "{answer:?}");
    }
    panic!("{line} for ever");
}

#[tokio::test]
async fn cm_15_parameters_are_known_once_and_in_range() {
    let world = Plan::standard().start().await;
    for (parameters, code) in [
        ("XUNKNOWN=1", 555),
        ("AUTH=<>", 555),
        ("SIZE=1 SIZE=1", 501),
        ("SIZE=18446744073709551616", 501),
        ("SIZE=18446744073709551615", 552),
        ("SIZE=-1", 501),
        ("SIZE=", 501),
        ("SIZE", 501),
        ("SIZE=1x", 501),
        ("SIZE=0x10", 501),
        ("SIZE=99999999999999999999999999", 501),
        ("BODY=x", 501),
        ("BODY=", 501),
        ("BODY=8BITMIME BODY=7BIT", 501),
        ("SMTPUTF8=yes", 501),
        ("RET=SOME", 501),
        ("=", 501),
        ("SIZE==1", 501),
    ] {
        let mut client = world.plain(PEER).await;
        let answer = client
            .command(format!("MAIL FROM:<u@tenant-a.example> {parameters}"))
            .await;
        assert_eq!(answer.code, code, "{parameters}: {answer:?}");
        client
            .command("RCPT TO:<r@elsewhere.example>")
            .await
            .is("503 5.5.1");
        client.quit().await;
    }
    let mut client = world.plain(PEER).await;
    client
        .says(
            "MAIL FROM:<u@tenant-a.example> size=10 body=8bitmime RET=HDRS ENVID=x+20y",
            250,
        )
        .await;
    client
        .says(
            "RCPT TO:<r@elsewhere.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;r@x.example",
            250,
        )
        .await;
    for parameters in [
        "NOTIFY=SUCCESS,NEVER",
        "NOTIFY=",
        "ORCPT=x",
        "NOTIFY=NEVER NOTIFY=NEVER",
    ] {
        let answer = client
            .command(format!("RCPT TO:<s@elsewhere.example> {parameters}"))
            .await;
        assert_eq!(answer.code, 501, "{parameters}: {answer:?}");
    }
    client
        .says("RCPT TO:<s@elsewhere.example> SIZE=1", 555)
        .await;
    client.says("DATA", 354).await;
    client.send(".\r\n").await;
    client.expect(250).await;
    client.quit().await;
    let record = &world.messages(0, 1).await[0];
    for parameter in ["RET=HDRS", "ENVID=x+20y", "BODY=8BITMIME"] {
        assert!(
            record
                .mail
                .to_ascii_uppercase()
                .contains(&parameter.to_ascii_uppercase()),
            "{}",
            record.mail
        );
    }
    assert!(
        record.recipients[0].contains("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;r@x.example"),
        "{:?}",
        record.recipients
    );
    world.stop().await;
}
