//! What clients are offered and told: EHLO, XOORG, ordinary clients' habits, and that no reply reveals anything.

use tenantry_lab::pki::{CertificateSpec, self_signed};

use crate::client::{Answer, Client, Envelope, PEER, STRANGER};
use crate::message::arrived;
use crate::world::{Plan, TenantPlan};

const ENVELOPE: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["r@elsewhere.example"],
};

const OFFER: [&str; 9] = [
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "LIMITS MAILMAX=1000 RCPTMAX=500",
    "PIPELINING",
    "SIZE 157286400",
    "SMTPUTF8",
];

#[tokio::test]
async fn ehlo_offers_what_is_there_and_starttls_only_before_tls() {
    let world = Plan::standard().start().await;
    let anonymous = world.pki.anonymous();
    let offers = [
        (Client::greeted(STRANGER, world.at("plain")).await, false),
        (Client::greeted(STRANGER, world.at("starttls")).await, true),
        (Client::greeted(STRANGER, world.at("required")).await, true),
        (world.starttls(STRANGER, &anonymous).await, false),
        (
            Client::implicit(STRANGER, world.at("implicit"), &anonymous).await,
            false,
        ),
    ];
    for (mut client, starttls) in offers {
        let answer = client.says("EHLO client.example", 250).await;
        assert!(answer.lines[0].starts_with("relay.test"), "{answer:?}");
        let mut offered: Vec<&str> = answer.lines[1..].iter().map(String::as_str).collect();
        offered.sort_unstable();
        let mut expected = OFFER.to_vec();
        if starttls {
            expected.push("STARTTLS");
        }
        expected.sort_unstable();
        assert_eq!(offered, expected);
        client.quit().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn xoorg_is_for_exchange_servers() {
    let world = Plan::standard()
        .first_upstream(|pki| {
            pki.upstream().with_extensions(&[
                "PIPELINING",
                "8BITMIME",
                "XOORG",
                "ENHANCEDSTATUSCODES",
            ])
        })
        .peer(
            "exchange",
            "networks = [\"127.5.0.0/16\"]\ntenants = [\"*\"]\nexchange = true",
        )
        .start()
        .await;
    let mut trusted = world.plain("127.5.0.1").await;
    let ehlo = trusted.says("EHLO ex01.example", 250).await;
    assert!(ehlo.lines.iter().any(|line| line == "XOORG"), "{ehlo:?}");
    trusted
        .says("MAIL FROM:<u@tenant-a.example> XOORG=tenant-a.example", 250)
        .await;
    trusted.says("RCPT TO:<r@elsewhere.example>", 250).await;
    trusted.says("DATA", 354).await;
    trusted.send(".\r\n").await;
    trusted.expect(250).await;
    trusted.quit().await;
    assert!(
        world.messages(0, 1).await[0]
            .mail
            .contains("XOORG=tenant-a.example")
    );
    for from in [PEER, STRANGER] {
        let mut client = world.plain(from).await;
        let ehlo = client.says("EHLO client.example", 250).await;
        assert!(!ehlo.text().contains("XOORG"), "{ehlo:?}");
        client
            .says("MAIL FROM:<u@tenant-a.example> XOORG=tenant-a.example", 555)
            .await;
        client.quit().await;
    }
    world.stop().await;
}

/// CL-03: all of it is in order by the standard.
#[tokio::test]
async fn cl_03_clients_have_their_habits() {
    let world = Plan::standard().start().await;
    let mut client = Client::greeted(PEER, world.at("plain")).await;
    client.says("helo Old.Example", 250).await;
    client.says("mail from:<u@tenant-a.example>", 250).await;
    client.says("rCpT tO:<r@elsewhere.example>", 250).await;
    client.says("Data", 354).await;
    client.send(".\r\n").await;
    client.expect(250).await;
    // Greeting twice, spaces where none belong, and none where one could be.
    for line in [
        "EHLO one.example",
        "EHLO two.example",
        "ehlo [127.0.0.1]",
        "EHLO [IPv6:::1]",
        "EHLO under_score",
    ] {
        client.says(line, 250).await;
    }
    client.says("MAIL FROM: <u@tenant-a.example> ", 250).await;
    client.says("RCPT TO:   <r@elsewhere.example>", 250).await;
    // A new greeting ends the transaction; so does RSET.
    client.says("EHLO three.example", 250).await;
    client.says("DATA", 503).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.says("RSET", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 503).await;
    for _ in 0..100 {
        assert_eq!(
            client.message(ENVELOPE, "x: y\r\n\r\n.\r\n").await.code,
            250
        );
        client.says("RSET", 250).await;
        if world.delivered() == 20 {
            client.send("quit\r\n").await;
            client.expect(221).await;
            client.expect_closed().await;
            client = world.plain(PEER).await;
        }
        if world.delivered() > 60 {
            break;
        }
    }
    client.send("QUIT\r\n").await;
    client.vanish();
    world.stop().await;
}

/// Parameters of DSN, SIZE and BODY reach an upstream that offers them, and no other.
#[tokio::test]
async fn cl_04_extensions_reach_an_upstream_that_has_them() {
    let world = Plan::standard()
        .first_upstream(|pki| pki.upstream().keeping_content().with_extensions(&[]))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    let opening =
        |tenant: &str| format!("MAIL FROM:<u@tenant-{tenant}.example> SIZE=20 RET=HDRS ENVID=e1");
    for (upstream, tenant) in [(1, "b"), (0, "a")] {
        client.says(opening(tenant), 250).await;
        client
            .says("RCPT TO:<r@elsewhere.example> NOTIFY=FAILURE", 250)
            .await;
        client.says("DATA", 354).await;
        client.send("a: b\r\n\r\n.\r\n").await;
        client.expect(250).await;
        let record = &world.messages(upstream, 1).await[0];
        assert_eq!(
            record.mail.contains("RET=HDRS"),
            tenant == "b",
            "{}",
            record.mail
        );
        assert_eq!(
            record.recipients[0].contains("NOTIFY"),
            tenant == "b",
            "{:?}",
            record.recipients
        );
        assert_eq!(arrived(record), b"a: b\r\n\r\n");
    }
    // What would be lost is refused rather than damaged.
    for parameters in ["BODY=8BITMIME", "SMTPUTF8"] {
        let mut client = world.plain(PEER).await;
        let mut answers = vec![
            client
                .command(format!("MAIL FROM:<u@tenant-a.example> {parameters}"))
                .await,
        ];
        answers.push(client.command("RCPT TO:<\u{fc}@elsewhere.example>").await);
        answers.push(client.command("RCPT TO:<r@elsewhere.example>").await);
        answers.push(client.command("DATA").await);
        if answers[3].code == 354 {
            answers[3] = {
                client.send("a: \u{fc}\r\n\r\n.\r\n").await;
                client.answer().await
            };
        }
        assert!(answers[3].is_permanent(), "{answers:?}");
        client.quit().await;
    }
    client.quit().await;
    world.messages(0, 1).await;
    world.stop().await;
}

/// Whatever goes wrong, the client learns nothing of tenants, upstreams and certificates.
#[tokio::test]
async fn no_reply_reveals_anything_internal() {
    // A port where nobody listens: bound, and never accepting.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let world = Plan::standard()
        .tenant(TenantPlan::owning("zebra", 0).keys(&format!("upstream = \"localhost:{port}\"")))
        .tenant(TenantPlan::owning("yak", 0).keys("upstream = \"no-such-host.invalid:25\""))
        .tenant(TenantPlan::owning("wolf", 0).keys("upstream_name = \"other.example\""))
        .tenant(TenantPlan::owning("conflict", 0).keys("on_conflict = \"refuse\""))
        .tenant(TenantPlan::owning("patient", 0).keys("on_conflict = \"defer\""))
        .start()
        .await;
    let mut answers: Vec<Answer> = Vec::new();
    let mut client = Client::connect(PEER, world.at("plain")).await;
    answers.push(client.answer().await);
    for line in [
        "EHLO client.example",
        "HELP",
        "VRFY u@tenant-zebra.example",
        "EXPN zebra",
        "NOOP zebra",
    ] {
        answers.push(client.command(line).await);
    }
    for tenant in ["zebra", "yak", "wolf"] {
        client
            .says(format!("MAIL FROM:<u@tenant-{tenant}.example>"), 250)
            .await;
        let answer = client.command("RCPT TO:<r@elsewhere.example>").await;
        assert_eq!(answer.code, 451, "{answer:?}");
        answers.push(answer);
        answers.push(client.command("DATA").await);
        answers.push(client.command("RSET").await);
    }
    client.says("MAIL FROM:<>", 250).await;
    for recipient in [
        "r@tenant-a.example",
        "r@tenant-zebra.example",
        "r@nobody.example",
    ] {
        answers.push(client.command(format!("RCPT TO:<{recipient}>")).await);
    }
    client.quit().await;
    let spec = CertificateSpec::client(&["tenant-zebra.example"]);
    let certificates = [
        world.pki.with(&self_signed(&spec).unwrap()),
        world
            .pki
            .client(&["tenant-zebra.example", "tenant-yak.example"]),
        world.pki.client(&["tenant-conflict.example"]),
        world.pki.client(&["tenant-patient.example"]),
        world.pki.client(&["nobody.example"]),
        world.pki.anonymous(),
    ];
    for certificate in &certificates {
        let mut client = world.starttls(STRANGER, certificate).await;
        answers.push(client.command("MAIL FROM:<u@tenant-zebra.example>").await);
        answers.push(client.command("RCPT TO:<r@tenant-yak.example>").await);
        answers.push(client.command("DATA").await);
        client.quit().await;
    }
    let secrets = [
        "zebra",
        "yak",
        "wolf",
        "patient",
        "tenant-",
        "identity",
        "localhost",
        "invalid",
        "other.example",
        "nobody.example",
        "upstream.example",
        &port.to_string(),
    ];
    for answer in &answers {
        let text = answer.text().to_ascii_lowercase();
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "{answer:?}"
        );
    }
    world.stop().await;
}

/// State bleed: nothing of a transaction is left in the next one, however it ended.
#[tokio::test]
async fn nothing_of_a_transaction_is_left_in_the_next() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let ends: [&[&str]; 6] = [
        &["DATA\r\n", "bare\nline feed\r\n.\r\n"],
        &["DATA\r\n", ".\r\n"],
        &["BDAT 7 LAST\r\na\n\r\nb\r\n"],
        &["BDAT 4 LAST\r\na\r\n\r"],
        &["RSET\r\n"],
        &["EHLO again.example\r\n"],
    ];
    for end in ends {
        client
            .says(
                "MAIL FROM:<u@tenant-a.example> SMTPUTF8 BODY=8BITMIME RET=FULL",
                250,
            )
            .await;
        client.says("RCPT TO:<\u{fc}@elsewhere.example>", 250).await;
        for piece in end {
            client.send(piece).await;
            client.answer().await;
        }
        client
            .command("RCPT TO:<smuggled@elsewhere.example>")
            .await
            .is("503 5.5.1");
        client.command("DATA").await.is("503 5.5.1");
        client.says("MAIL FROM:<u@tenant-b.example>", 250).await;
        let answer = client.command("RCPT TO:<\u{fc}@elsewhere.example>").await;
        assert!([501, 553].contains(&answer.code), "{answer:?}");
        client.says("RCPT TO:<r@elsewhere.example>", 250).await;
        client.says("DATA", 354).await;
        client.send(".\r\n").await;
        client.expect(250).await;
        client.quit().await;
        client = world.plain(PEER).await;
    }
    client.quit().await;
    for record in world.messages(1, ends.len() as u64).await {
        assert_eq!(record.recipient_addresses(), ["r@elsewhere.example"]);
        assert!(
            !record.mail.contains("SMTPUTF8") && !record.mail.contains("RET"),
            "{}",
            record.mail
        );
        assert_eq!(record.tenant(), Some("b"));
    }
    world.stop().await;
}

/// CL-04: an upstream that takes seven bits gets seven, declared or not.
#[tokio::test]
async fn cl_04_undeclared_8_bit_content_is_not_sent_to_a_7_bit_upstream() {
    for extensions in [[].as_slice(), &["CHUNKING"]] {
        let world = Plan::standard()
            .first_upstream(move |pki| pki.upstream().with_extensions(extensions))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        for content in [
            "a: \u{fc}\r\n\r\n.\r\n".to_owned(),
            format!("a: b\r\n\r\n{}\u{fc}\r\n.\r\n", "text\r\n".repeat(20_000)),
        ] {
            let answer = client.message(ENVELOPE, content).await;
            answer.is("554 5.6.3");
        }
        assert_eq!(
            client.message(ENVELOPE, "a: b\r\n\r\n.\r\n").await.code,
            250
        );
        client.quit().await;
        world.messages(0, 1).await;
        world.stop().await;
    }
}
