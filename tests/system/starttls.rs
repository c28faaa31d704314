//! ST: nothing said in clear text has any effect inside TLS.

use std::time::{Duration, Instant};

use crate::client::{Client, PEER, STRANGER};
use crate::world::Plan;

/// ST-01: whatever follows STARTTLS in the same segment is not taken for something said inside.
#[tokio::test]
async fn st_01_commands_behind_starttls_close_the_connection() {
    let world = Plan::standard().start().await;
    for listener in ["starttls", "required"] {
        for injected in [
            "EHLO x\r\n",
            "NOOP\r\n",
            "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n",
            "\r\n",
            "x",
            "STARTTLS\r\n",
        ] {
            let mut client = Client::ehlo(PEER, world.at(listener)).await;
            client.send(format!("STARTTLS\r\n{injected}")).await;
            let answers = client.answers_until_closed().await;
            // The 220 may have been said already; nothing after it.
            assert!(answers.len() <= 1, "{answers:?}");
        }
    }
    assert_eq!(world.upstream_connections(), 0);
    world.is_alive().await;
    world.stop().await;
}

/// ST-01 with the octets in a segment of their own, and a real handshake behind them.
#[tokio::test]
async fn st_01_octets_between_starttls_and_the_handshake_spoil_it() {
    let world = Plan::standard().start().await;
    let mut client = Client::ehlo(PEER, world.at("starttls")).await;
    client.says("STARTTLS", 220).await;
    client.send("NOOP\r\n").await;
    assert!(client.secured(&world.pki.anonymous()).await.is_err());
    world.stop().await;
}

#[tokio::test]
async fn st_02_what_was_said_in_clear_text_is_forgotten() {
    let world = Plan::standard().start().await;
    let mut client = Client::ehlo(PEER, world.at("starttls")).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.says("STARTTLS", 220).await;
    let mut client = client.secured(&world.pki.anonymous()).await.unwrap();
    client.command("DATA").await.is("503 5.5.1");
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("503 5.5.1");
    // Even the greeting has to be said again (RFC 3207 section 4.2).
    client
        .command("MAIL FROM:<u@tenant-a.example>")
        .await
        .is("503 5.5.1");
    client.says("EHLO inside.example", 250).await;
    client.says("DATA", 503).await;
    client.quit().await;
    assert_eq!(world.delivered(), 0);
    world.stop().await;
}

#[tokio::test]
async fn st_03_mail_before_required_tls_is_refused() {
    let world = Plan::standard().start().await;
    let mut client = Client::ehlo(PEER, world.at("required")).await;
    client
        .command("MAIL FROM:<u@tenant-a.example>")
        .await
        .is("530 5.7.0");
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("530 5.7.0");
    client.command("DATA").await.is("530 5.7.0");
    client.command("VRFY u").await.is("530 5.7.0");
    client.send("BDAT 6 LAST\r\nNOOP\r\n").await;
    client.answer().await.is("530 5.7.0");
    client.says("NOOP", 250).await;
    client.says("RSET", 250).await;
    client.quit().await;
    assert_eq!(world.upstream_connections(), 0);
    world.stop().await;
}

#[tokio::test]
async fn st_04_starttls_twice_is_out_of_order() {
    let world = Plan::standard().start().await;
    let mut client = world.starttls(PEER, &world.pki.anonymous()).await;
    client.command("STARTTLS").await.is("503 5.5.1");
    let ehlo = client.says("EHLO again.example", 250).await;
    assert!(!ehlo.text().contains("STARTTLS"), "{ehlo:?}");
    client.quit().await;
    let mut client = Client::implicit(PEER, world.at("implicit"), &world.pki.anonymous()).await;
    client.command("STARTTLS").await.is("503 5.5.1");
    client.quit().await;
    let mut client = world.plain(PEER).await;
    assert!(client.command("STARTTLS").await.is_permanent());
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn st_05_starttls_takes_no_argument() {
    let world = Plan::standard().start().await;
    let mut client = Client::ehlo(PEER, world.at("required")).await;
    client.command("STARTTLS now").await.is("501 5.5.4");
    client.says("NOOP", 250).await;
    client.says("STARTTLS ", 220).await;
    assert!(client.secured(&world.pki.anonymous()).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn st_06_clear_text_instead_of_a_handshake_closes_at_once() {
    let world = Plan::standard().start().await;
    for octets in [
        b"NOOP\r\n".as_slice(),
        b"QUIT\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"\r\n\r\n\r\n",
    ] {
        let mut client = Client::ehlo(STRANGER, world.at("starttls")).await;
        client.says("STARTTLS", 220).await;
        let begun = Instant::now();
        client.send(octets).await;
        let rest = client.until_closed().await;
        assert!(begun.elapsed() < Duration::from_secs(1));
        // A TLS alert is no SMTP reply.
        assert!(
            rest.first().is_none_or(|octet| *octet == 0x15),
            "{}",
            rest.escape_ascii()
        );
    }
    world.is_alive().await;
    world.stop().await;
}

/// A session that changed to TLS has no more patience than before: errors are still counted.
#[tokio::test]
async fn errors_are_counted_across_starttls() {
    let world = Plan::standard().start().await;
    let mut client = Client::ehlo(PEER, world.at("starttls")).await;
    for _ in 0..6 {
        client.says("MAIL FROM:nonsense", 501).await;
    }
    client.says("STARTTLS", 220).await;
    let mut client = client.secured(&world.pki.anonymous()).await.unwrap();
    client.says("EHLO inside.example", 250).await;
    for _ in 0..4 {
        client.says("MAIL FROM:nonsense", 501).await;
    }
    let answers = {
        client.send("MAIL FROM:nonsense\r\n").await;
        client.answers_until_closed().await
    };
    assert_eq!(answers.last().unwrap().code, 421, "{answers:?}");
    world.stop().await;
}

/// RFC 2920 section 3.1: STARTTLS may be the last of a group.
#[tokio::test]
async fn a_greeting_may_come_together_with_starttls() {
    let world = Plan::standard().start().await;
    let mut client = Client::greeted(PEER, world.at("required")).await;
    client
        .send("EHLO client.example\r\nRSET\r\nSTARTTLS\r\n")
        .await;
    for code in [250, 250, 220] {
        client.expect(code).await;
    }
    let mut client = client.secured(&world.pki.anonymous()).await.unwrap();
    client.says("EHLO client.example", 250).await;
    client.quit().await;
    world.stop().await;
}
