//! Exchange Online's words and order (`exchange-online.md` sections 3 and 4).

use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, Stand, TENANTS};

const KEYWORDS: &str = "SIZE 157286400 PIPELINING DSN ENHANCEDSTATUSCODES STARTTLS 8BITMIME \
                        BINARYMIME CHUNKING SMTPUTF8";

#[tokio::test]
async fn greeting_and_ehlo_are_those_of_exchange_online() {
    let stand = Stand::plain().await;
    let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
    let greeting = client
        .expect(
            "220 EUR01LAB0001.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at ",
        )
        .await;
    let (date, session) = greeting
        .trim_end()
        .rsplit_once(" +0000 [")
        .unwrap_or_else(|| panic!("{greeting}"));
    assert!(date.contains(", "), "{date}");
    let session = session.strip_suffix(']').unwrap();
    assert_eq!(session.len(), 16);
    assert!(session.bytes().all(|octet| octet.is_ascii_hexdigit()));

    let reply = client.ask("EHLO client.example", "250-").await;
    let lines: Vec<_> = reply.lines().collect();
    let (first, rest) = lines.split_first().unwrap();
    assert_eq!(
        *first,
        "250-EUR01LAB0001.mail.protection.outlook.com Hello [203.0.113.9]"
    );
    let keywords: Vec<_> = rest.iter().map(|line| line.split_at(4).1).collect();
    assert_eq!(keywords.join(" "), KEYWORDS);

    let mut client = Client::secure(NOWHERE, stand.at("NAM"), None).await;
    let reply = client.ask("EHLO client.example", "250-NAM01LAB0001.").await;
    let lines = reply.lines().skip(1);
    let keywords: Vec<_> = lines.map(|line| line.split_at(4).1).collect();
    assert_eq!(keywords.join(" "), KEYWORDS.replace("STARTTLS ", ""));
}

#[tokio::test]
async fn an_endpoint_greets_by_its_own_name() {
    let mut prepared = Stand::prepare("", "", TENANTS).await;
    for endpoint in &mut prepared.lab.endpoints {
        endpoint.hostname = Some("mx.lab.example".to_owned());
    }
    let stand = prepared.start().await;
    let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
    client.expect("220 mx.lab.example Microsoft ESMTP").await;
}

#[tokio::test]
async fn refusals_end_with_server_time_and_session() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let replies = client
        .envelope("v@vendor.test", &["a@contoso.com", "z@tailspin.com"])
        .await;
    let refusal = replies.last().unwrap().trim_end();
    let record = stand.journal().records();
    let session = &record.last().unwrap().session.id;
    let suffix = refusal
        .strip_prefix("452 4.5.3 Recipients belong to multiple regions ATTR38 [")
        .unwrap();
    let words: Vec<_> = suffix.split(' ').collect();
    let [server, time, id] = words.as_slice() else {
        panic!("{suffix}");
    };
    assert_eq!(*server, "EUR01LAB0001.eurprd01.prod.outlook.com");
    assert_eq!(*id, format!("{session}]"));
    assert_eq!((time.len(), time.get(23..)), (24, Some("Z")), "{time}");
}

#[tokio::test]
async fn the_answer_to_a_message_names_it_and_its_size() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    let size = MESSAGE.len() + 2;
    let head = "250 2.6.0 <1@client.example> [InternalId=";
    assert!(reply.starts_with(head), "{reply}");
    let rest = format!(", Hostname=EUR01LAB0001.eurprd01.prod.outlook.com] {size} bytes in ");
    assert!(reply.contains(&rest), "{reply}");
    assert!(
        reply.ends_with("KB/sec Queued mail for delivery\r\n"),
        "{reply}"
    );
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_one_piece() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let message = format!("{MESSAGE}\r\n.\r\n");
    for _ in 0..2 {
        client
            .send(
                "MAIL FROM:<v@vendor.test>\r\nRCPT TO:<a@contoso.com>\r\nRCPT TO:<b@contoso.com>\r\nDATA\r\n",
            )
            .await;
        client.expect("250 2.1.0 Sender OK\r\n").await;
        client.expect("250 2.1.5 Recipient OK\r\n").await;
        client.expect("250 2.1.5 Recipient OK\r\n").await;
        client
            .expect("354 Start mail input; end with <CRLF>.<CRLF>\r\n")
            .await;
        client.send(&message).await;
        client.expect("250 2.6.0 <1@client.example>").await;
    }
    let records = stand.journal().records();
    let rcpts: Vec<_> = records
        .iter()
        .map(|record| record.rcpt_to.join(" "))
        .collect();
    assert_eq!(rcpts, ["a@contoso.com b@contoso.com"; 2]);
}

#[tokio::test]
async fn chunks_and_binary_content_come_through_exactly() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let content = b"Subject: binary\r\n\r\n\0\x01bare\rand\nbare\r\n.\r\n";
    client
        .ask("MAIL FROM:<v@vendor.test> BODY=BINARYMIME", "250 2.1.0")
        .await;
    client.ask("RCPT TO:<a@contoso.com>", "250 2.1.5").await;
    let (first, last) = content.split_at(20);
    client.send("BDAT 20\r\n").await;
    client.send(first).await;
    client
        .expect("250 2.6.0 CHUNK received OK, 20 octets\r\n")
        .await;
    client.send(format!("BDAT {} LAST\r\n", last.len())).await;
    client.send(last).await;
    client.expect("250 2.6.0 <").await;
    let records = stand.journal().records();
    let record = records.last().unwrap();
    assert_eq!(record.size, content.len() as u64);
    assert_eq!(record.sha256_hex().unwrap(), sha256(content));
}

#[tokio::test]
async fn dot_stuffing_is_framing_and_no_content() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.content("Subject: x\r\n\r\n..\r\n..two").await;
    let records = stand.journal().records();
    let record = records.last().unwrap();
    assert_eq!(
        record.sha256_hex().unwrap(),
        sha256(b"Subject: x\r\n\r\n.\r\n.two\r\n")
    );
}

#[tokio::test]
async fn xoorg_is_taken_and_recorded_and_decides_nothing() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client
        .ask("MAIL FROM:<v@vendor.test> XOORG=contoso.com", "250 2.1.0")
        .await;
    client.ask("RCPT TO:<x@gmail.test>", "250 2.1.5").await;
    let reply = client.content(MESSAGE).await;
    assert!(
        reply.starts_with("550 5.7.64 TenantAttribution; Relay Access Denied ["),
        "{reply}"
    );
    let records = stand.journal().records();
    assert_eq!(
        records.last().unwrap().xoorg.as_deref(),
        Some("contoso.com")
    );
}

#[tokio::test]
async fn commands_out_of_order_hear_exchange_words() {
    let stand = Stand::plain().await;
    let mut client = Client::connect(NOWHERE, stand.at("EUR")).await;
    client.expect("220 ").await;
    client
        .ask("MAIL FROM:<a@b.example>", "503 5.5.2 Send hello first [")
        .await;
    client
        .ask(
            "HELO client.example",
            "250 EUR01LAB0001.mail.protection.outlook.com Hello [",
        )
        .await;
    client
        .ask("RCPT TO:<a@b.example>", "503 5.5.2 Need mail command [")
        .await;
    client.ask("EHLO client.example", "250-").await;
    client
        .ask("MAIL FROM:<a@b.example>", "250 2.1.0 Sender OK")
        .await;
    client
        .ask(
            "MAIL FROM:<a@b.example>",
            "503 5.5.2 Sender already specified [",
        )
        .await;
    client.ask("DATA", "503 5.5.2 Need rcpt command [").await;
    client.ask("RSET", "250 2.0.0 Resetting").await;
    client.ask("NOOP", "250 2.0.0 OK").await;
    client.ask("VRFY a", "252 2.1.5 Cannot VRFY user").await;
    client
        .ask("EXPN a", "502 5.3.3 Command not implemented")
        .await;
    client.ask("HELP", "214 ").await;
    client
        .ask("QUIT", "221 2.0.0 Service closing transmission channel\r\n")
        .await;
    let (rest, ended) = client.rest().await;
    assert_eq!(rest, "");
    ended.unwrap();
}

#[tokio::test]
async fn clear_text_behind_starttls_ends_the_session() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.send("STARTTLS\r\nEHLO injected\r\n").await;
    client.expect("220 2.0.0 SMTP server ready").await;
    let (rest, _) = client.rest().await;
    assert_eq!(rest, "");
}

#[tokio::test]
async fn tls_forgets_what_was_said_in_the_clear() {
    let stand = Stand::plain().await;
    let identity = stand.certificate(&["mail.a.contoso.com"]);
    let mut client = Client::greeted(NOWHERE, stand.at("EUR")).await;
    client.ask("MAIL FROM:<a@b.example>", "250 2.1.0").await;
    client.ask("STARTTLS", "220 2.0.0").await;
    let tls = crate::client::tls_with(&identity);
    let plain = client.0.into_plain().unwrap();
    let deadline = crate::client::deadline();
    let (stream, facts, presented) = tls.connect(plain, "lab.example", deadline).await.unwrap();
    assert_eq!(facts.version, "TLSv1.3");
    assert!(presented.asked);
    let mut client = Client(tenantry_net::Channel::new(stream));
    client
        .ask("RCPT TO:<a@b.example>", "503 5.5.2 Send hello first")
        .await;
    client.ask("EHLO client.example", "250-").await;
    client
        .ask("RCPT TO:<a@b.example>", "503 5.5.2 Need mail command")
        .await;
    client
        .ask(
            "STARTTLS",
            "503 5.5.2 Only one STARTTLS command can be issued per session",
        )
        .await;
}

pub(crate) fn sha256(octets: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    digest
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
