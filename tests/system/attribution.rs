//! AT: which tenant a message belongs to, and that it goes to that tenant's upstream with that tenant's certificate.

use tenantry_relay::telemetry::ClosedTransaction;

use crate::client::{Client, Envelope, PEER, STRANGER};
use crate::message::arrived;
use crate::world::{Plan, TenantPlan, World};

const CONTENT: &[u8] = b"Subject: x\r\n\r\nbody\r\n";
const WIRE: &[u8] = b"Subject: x\r\n\r\nbody\r\n.\r\n";
const ELSEWHERE: &str = "someone@elsewhere.example";

/// Sends one message on a client's session and gives the transaction.
async fn deliver(
    world: &World,
    client: &mut Client,
    sender: &str,
    recipients: &[&str],
) -> ClosedTransaction {
    let mut closed = world.transactions();
    let answer = client.message(Envelope { sender, recipients }, WIRE).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    closed.next().await
}

fn decided(transaction: &ClosedTransaction) -> (&str, &str) {
    (
        transaction.tenant.as_deref().unwrap_or("-"),
        transaction.basis.unwrap_or("-"),
    )
}

/// The newest message of an upstream, which must be the only new one, under the tenant's certificate.
async fn only_at(world: &World, upstream: usize, tenant: &str, delivered: u64) {
    let records = world.messages(upstream, delivered).await;
    let record = records.last().unwrap();
    assert_eq!(record.fingerprint(), Some(world.identity(tenant).as_str()));
    assert_eq!(arrived(record), CONTENT);
}

#[tokio::test]
async fn at_01_the_certificate_decides_before_sender_and_recipient() {
    let world = Plan::standard().without_peers().start().await;
    let mut client = world
        .starttls(STRANGER, &world.pki.client(&["tenant-a.example"]))
        .await;
    let transaction = deliver(
        &world,
        &mut client,
        "u@tenant-b.example",
        &["r@tenant-c.example"],
    )
    .await;
    assert_eq!(decided(&transaction), ("a", "certificate"));
    assert_eq!(transaction.conflict.as_deref(), Some("b"));
    assert_eq!(transaction.identity, Some(world.identity("a")));
    only_at(&world, 0, "a", 1).await;
    assert_eq!(world.delivered(), 1);
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn at_02_a_trusted_network_sends_for_the_owner_of_the_sender() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let transaction = deliver(&world, &mut client, "u@tenant-a.example", &[ELSEWHERE]).await;
    assert_eq!(decided(&transaction), ("a", "sender"));
    only_at(&world, 0, "a", 1).await;
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn at_03_an_untrusted_network_sends_for_nobody() {
    let world = Plan::standard().start().await;
    for client in [
        world.plain(STRANGER).await,
        world.starttls(STRANGER, &world.pki.anonymous()).await,
    ] {
        let mut client = client;
        let mut closed = world.transactions();
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client
            .command("RCPT TO:<someone@elsewhere.example>")
            .await
            .is("550 5.7.64");
        client
            .command("RCPT TO:<r@tenant-a.example>")
            .await
            .is("550 5.7.64");
        client.says("DATA", 554).await;
        client.quit().await;
        assert_eq!(closed.next().await.verdict, "unattributed");
    }
    assert_eq!(world.upstream_connections(), 0);
    world.stop().await;
}

#[tokio::test]
async fn at_04_a_null_sender_goes_by_its_recipient() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let transaction = deliver(&world, &mut client, "", &["r@tenant-a.example"]).await;
    assert_eq!(decided(&transaction), ("a", "recipient"));
    only_at(&world, 0, "a", 1).await;
    assert_eq!(world.messages(0, 1).await[0].sender(), "");
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn at_05_a_recipient_of_another_tenant_comes_again_by_itself() {
    let world = Plan::standard().start().await;
    for pipelined in [false, true] {
        let mut client = world.plain(PEER).await;
        client.says("MAIL FROM:<u@unknown.example>", 250).await;
        let lines = [
            "r@tenant-a.example",
            "r@tenant-b.example",
            "r@nobody.example",
            "s@tenant-a.example",
        ];
        let mut answers = Vec::new();
        if pipelined {
            let all = lines.map(|line| format!("RCPT TO:<{line}>\r\n")).concat();
            client.send(all).await;
            for _ in lines {
                answers.push(client.answer().await);
            }
        } else {
            for line in lines {
                answers.push(client.command(format!("RCPT TO:<{line}>")).await);
            }
        }
        assert_eq!(answers[0].code, 250);
        answers[1].is("452 4.5.3");
        answers[2].is("550 5.7.64");
        assert_eq!(answers[3].code, 250);
        client.says("DATA", 354).await;
        client.send(WIRE).await;
        client.expect(250).await;
        let transaction = deliver(
            &world,
            &mut client,
            "u@unknown.example",
            &["r@tenant-b.example"],
        )
        .await;
        assert_eq!(decided(&transaction), ("b", "recipient"));
        client.quit().await;
    }
    for record in world.messages(0, 2).await {
        assert_eq!(
            record.recipient_addresses(),
            ["r@tenant-a.example", "s@tenant-a.example"]
        );
    }
    only_at(&world, 1, "b", 2).await;
    world.stop().await;
}

#[tokio::test]
async fn at_06_an_unclaimed_certificate_can_make_a_peer_and_no_more() {
    let world = Plan::standard()
        .without_peers()
        .peer("ex01", "certificates = [\"ex01.corp.example\"]\ntenants = [\"a\"]")
        .peer("both", "certificates = [\"ex02.corp.example\"]\nnetworks = [\"127.4.0.0/16\"]\ntenants = [\"a\"]")
        .start()
        .await;
    let known = world.pki.client(&["ex01.corp.example"]);
    let mut client = world.starttls(STRANGER, &known).await;
    let transaction = deliver(&world, &mut client, "u@tenant-a.example", &[ELSEWHERE]).await;
    assert_eq!(decided(&transaction), ("a", "sender"));
    client.says("MAIL FROM:<u@tenant-b.example>", 250).await;
    client
        .command(format!("RCPT TO:<{ELSEWHERE}>"))
        .await
        .is("550 5.7.64");
    client.quit().await;
    let both = world.pki.client(&["ex02.corp.example"]);
    for (from, certificate, code) in [
        ("127.4.0.1", &both, 250),
        (STRANGER, &both, 550),
        ("127.4.0.1", &world.pki.anonymous(), 550),
        (STRANGER, &world.pki.client(&["ex03.corp.example"]), 550),
    ] {
        let mut client = world.starttls(from, certificate).await;
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.says(format!("RCPT TO:<{ELSEWHERE}>"), code).await;
        client.quit().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn at_07_transactions_of_one_session_are_decided_each_for_itself() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    for round in 1..=3 {
        for (upstream, tenant) in ["a", "b", "c"].into_iter().enumerate() {
            let sender = format!("u@tenant-{tenant}.example");
            let transaction = deliver(&world, &mut client, &sender, &[ELSEWHERE]).await;
            assert_eq!(decided(&transaction), (tenant, "sender"));
            only_at(&world, upstream, tenant, round).await;
        }
    }
    client.quit().await;
    world.stop().await;
}

/// AT-09 in small; `isolation` has it at length.
#[tokio::test]
async fn at_09_two_tenants_at_one_address_never_share_a_connection() {
    let world = Plan::empty()
        .listeners()
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .starttls_upstream()
        .tenant(TenantPlan::owning("a", 0))
        .tenant(TenantPlan::owning("b", 0))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    for number in 0..200 {
        let tenant = ["a", "b"][number % 2];
        let sender = format!("{tenant}{number}@tenant-{tenant}.example");
        deliver(&world, &mut client, &sender, &[ELSEWHERE]).await;
    }
    client.quit().await;
    for record in world.messages(0, 200).await {
        assert_eq!(record.tenant(), record.sender().get(..1), "{record:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn at_11_every_spelling_of_a_sender_is_the_same_tenant_and_near_misses_are_none() {
    let world = Plan::standard()
        .tenant(TenantPlan::new("m", 0).keys("sender_domains = [\"*.m\u{fc}ller.example\"]"))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    for (tenant, sender) in [
        ("a", "<u@tenant-a.example>"),
        ("a", "<U@TENANT-A.EXAMPLE>"),
        ("a", "<u@Tenant-A.Example.>"),
        ("a", "<u+tag@tenant-a.example>"),
        ("a", "<\"u\"@tenant-a.example>"),
        ("a", "<\"a@tenant-b.example\"@tenant-a.example>"),
        ("a", "<u%tenant-b.example@tenant-a.example>"),
        ("a", "<tenant-b.example!u@tenant-a.example>"),
        (
            "a",
            "<@tenant-b.example,@tenant-c.example:u@tenant-a.example>",
        ),
        ("a", "<u@x.y.tenant-a.example>"),
        ("m", "<u@m\u{fc}ller.example> SMTPUTF8"),
        ("m", "<u@M\u{dc}LLER.example> SMTPUTF8"),
        ("m", "<u@m\u{fc}ller\u{3002}example> SMTPUTF8"),
        ("m", "<u@XN--mller-KVA.example>"),
        ("m", "<u@sub.xn--mller-kva.example.>"),
    ] {
        let mut closed = world.transactions();
        client.says(format!("MAIL FROM:{sender}"), 250).await;
        let answer = client.command(format!("RCPT TO:<{ELSEWHERE}>")).await;
        assert_eq!(answer.code, 250, "{sender}: {answer:?}");
        client.says("RSET", 250).await;
        assert_eq!(
            decided(&closed.next().await),
            (tenant, "sender"),
            "{sender}"
        );
    }
    for sender in [
        "<u@xtenant-a.example>",
        "<u@tenant-a.example.test>",
        "<u@tenant-a-example>",
        "<u@muller.example>",
        "<u@[tenant-a.example]>",
        "<u@tenant_a.example>",
        "<\"u@tenant-a.example\"@elsewhere.example>",
        "<u%tenant-a.example@elsewhere.example>",
        "<@tenant-a.example:u@elsewhere.example>",
        "<u@tenant-a\u{200d}.example> SMTPUTF8",
    ] {
        if client.command(format!("MAIL FROM:{sender}")).await.code == 250 {
            let answer = client.command(format!("RCPT TO:<{ELSEWHERE}>")).await;
            assert!(answer.is_permanent(), "{sender}: {answer:?}");
        }
        client.says("RSET", 250).await;
    }
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn a_conflict_is_subject_to_the_certificates_tenant() {
    let world = Plan::standard()
        .tenant(TenantPlan::owning("r", 0).keys("on_conflict = \"refuse\""))
        .tenant(TenantPlan::owning("d", 0).keys("on_conflict = \"defer\""))
        .start()
        .await;
    for (tenant, reply) in [("r", "550 5.7.1"), ("d", "451 4.7.1")] {
        let name = format!("tenant-{tenant}.example");
        let mut client = world.starttls(STRANGER, &world.pki.client(&[&name])).await;
        let mut closed = world.transactions();
        client.says("MAIL FROM:<u@tenant-b.example>", 250).await;
        client
            .command(format!("RCPT TO:<{ELSEWHERE}>"))
            .await
            .is(reply);
        client.says("RSET", 250).await;
        let transaction = closed.next().await;
        assert_eq!(decided(&transaction), (tenant, "certificate"));
        assert_eq!(transaction.conflict.as_deref(), Some("b"));
        // Without a conflict its mail goes.
        deliver(&world, &mut client, &format!("u@{name}"), &[ELSEWHERE]).await;
        client.quit().await;
    }
    world.stop().await;
}

/// RFC 5321 section 4.5.1: `<postmaster>` is an address without a domain; a certificate can still say whose it is.
#[tokio::test]
async fn postmaster_goes_where_a_certificate_or_sender_says() {
    let world = Plan::standard().start().await;
    let mut client = world
        .starttls(STRANGER, &world.pki.client(&["tenant-a.example"]))
        .await;
    deliver(&world, &mut client, "", &["postmaster", "PostMaster"]).await;
    client.quit().await;
    let mut client = world.plain(PEER).await;
    deliver(&world, &mut client, "u@tenant-b.example", &["Postmaster"]).await;
    client.says("MAIL FROM:<>", 250).await;
    client
        .command("RCPT TO:<postmaster>")
        .await
        .is("550 5.7.64");
    client.quit().await;
    assert_eq!(
        world.messages(0, 1).await[0].recipient_addresses(),
        ["postmaster", "PostMaster"]
    );
    assert_eq!(
        world.messages(1, 1).await[0].recipient_addresses(),
        ["Postmaster"]
    );
    world.stop().await;
}
