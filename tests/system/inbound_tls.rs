//! TI: what the relay's side of TLS takes and what it does not.

use std::process::Command;

use tokio::time::timeout;

use crate::client::{Client, PATIENCE, PEER, STRANGER};
use crate::hello::client_hello;
use crate::world::{ASKING, Plan};

/// AES-128-GCM with an elliptic curve: what a modern TLS 1.2 client would offer.
const GOOD: u16 = 0xc02b;

#[tokio::test]
async fn ti_01_old_versions_and_old_suites_get_no_handshake() {
    let world = Plan::standard().start().await;
    let old = [
        ("SSLv3", client_hello(0x0300, &[GOOD, 0x000a, 0x002f])),
        ("TLS 1.0", client_hello(0x0301, &[GOOD, 0xc009, 0x002f])),
        ("TLS 1.1", client_hello(0x0302, &[GOOD, 0xc009, 0x002f])),
        (
            "CBC",
            client_hello(
                0x0303,
                &[0xc009, 0xc00a, 0xc023, 0xc024, 0x002f, 0x0035, 0x003c],
            ),
        ),
        ("RC4", client_hello(0x0303, &[0x0005, 0x0004, 0xc007])),
        ("3DES", client_hello(0x0303, &[0x000a, 0xc008])),
        ("RSA key exchange", client_hello(0x0303, &[0x009c, 0x009d])),
        (
            "anonymous and NULL",
            client_hello(0x0303, &[0x0000, 0x0001, 0x0034, 0xc018]),
        ),
        (
            "SSLv2",
            b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80"
                .repeat(3),
        ),
    ];
    for (what, hello) in old {
        let mut implicit = Client::connect(STRANGER, world.at("implicit")).await;
        let mut starttls = Client::ehlo(STRANGER, world.at("required")).await;
        starttls.says("STARTTLS", 220).await;
        for client in [&mut implicit, &mut starttls] {
            client.send(&hello).await;
            let answer = client.until_closed().await;
            // An alert and nothing else; no ServerHello (content type 22).
            assert!(
                answer.first().is_none_or(|kind| *kind == 0x15),
                "{what}: {}",
                answer.escape_ascii()
            );
        }
    }
    // The same by hand, but good: it is the offers that were refused.
    let mut client = Client::connect(STRANGER, world.at("implicit")).await;
    client.send(client_hello(0x0303, &[GOOD])).await;
    assert_eq!(client.await_octets(1).await.first(), Some(&0x16));
    client.vanish();
    world.is_alive().await;
    world.stop().await;
}

#[tokio::test]
async fn ti_03_a_required_certificate_is_required() {
    let required = ASKING.replace("request", "require");
    let world = Plan::standard()
        .listener(
            "strict",
            &format!("tls = \"starttls-required\"\n{required}"),
        )
        .start()
        .await;
    let mut client = Client::ehlo(PEER, world.at("strict")).await;
    client.says("STARTTLS", 220).await;
    if let Ok(mut client) = client.secured(&world.pki.anonymous()).await {
        // In TLS 1.3 the client is done before it hears of the refusal.
        let _ = client
            .try_send("EHLO x\r\nMAIL FROM:<u@tenant-a.example>\r\n")
            .await;
        if let Some(ehlo) = client.try_answer_or_alert().await {
            assert_eq!(ehlo.code, 250);
            client.answer().await.is("530 5.7.0");
        }
    }
    let good = world.pki.client(&["tenant-a.example"]);
    let mut client = Client::starttls(STRANGER, world.at("strict"), &good).await;
    client.says("MAIL FROM:<u@nowhere.example>", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.quit().await;
    // One that does not verify gets through the handshake, and nothing else.
    let bad = world.pki.servers.client(&["tenant-a.example"]).unwrap();
    let mut client = Client::starttls(PEER, world.at("strict"), &world.pki.with(&bad)).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("550 5.7.64");
    client.quit().await;
    world.stop().await;
}

/// Section 2.2: what one listener let in is nothing to another, which judges for itself.
#[tokio::test]
async fn a_session_of_one_listener_is_nothing_to_another() {
    let other = ASKING.replace("clients-ca", "servers-ca");
    let world = Plan::standard()
        .without_peers()
        .listener("other", &format!("tls = \"starttls\"\n{other}"))
        .start()
        .await;
    let of_clients = world.pki.client(&["tenant-a.example"]);
    let of_servers = world.pki.servers.client(&["tenant-a.example"]).unwrap();
    let of_servers = world.pki.with(&of_servers);
    for _ in 0..2 {
        for (listener, tls, code) in [
            ("starttls", &of_clients, 250),
            ("other", &of_clients, 550),
            ("other", &of_servers, 250),
            ("starttls", &of_servers, 550),
        ] {
            let mut client = Client::starttls(STRANGER, world.at(listener), tls).await;
            client.says("MAIL FROM:<u@nowhere.example>", 250).await;
            client.says("RCPT TO:<r@elsewhere.example>", code).await;
            client.quit().await;
        }
    }
    world.stop().await;
}

/// An older client is as good, with a certificate and without.
#[tokio::test]
async fn tls_1_2_is_taken_with_and_without_a_certificate() {
    let world = Plan::standard().start().await;
    let certificate = world.pki.clients.client(&["tenant-a.example"]).unwrap();
    let files = certificate
        .write(world.folder.path(), "old-client")
        .unwrap();
    let address = world.at("implicit").to_string();
    let (chain, key) = (
        files.certificate.to_str().unwrap(),
        files.key.to_str().unwrap(),
    );
    let mut closed = world.transactions();
    let input = "EHLO x\\r\\nMAIL FROM:<u@nowhere.example>\\r\\n";
    let presenting = [
        "-tls1_2", "-quiet", "-connect", &address, "-cert", chain, "-key", key,
    ];
    let said = openssl(
        &presenting,
        &format!("{input}RCPT TO:<x@y.example>\\r\\nquit\\r\\n"),
    )
    .await;
    assert!(said.contains("250 2.1.0"), "{said}");
    assert_eq!(closed.next().await.tenant.as_deref(), Some("a"), "{said}");
    let said = openssl(
        &["-tls1_2", "-quiet", "-connect", &address],
        &format!("{input}quit\\r\\n"),
    )
    .await;
    assert!(said.contains("250 2.1.0"), "{said}");
    assert_eq!(closed.next().await.verdict, "unattributed", "{said}");
    world.stop().await;
}

/// TI-05 with a client that can do both.
#[tokio::test]
async fn ti_05_neither_renegotiation_nor_early_data() {
    let world = Plan::standard().start().await;
    let address = world.at("implicit").to_string();
    // "R" at the beginning of a line makes s_client renegotiate.
    let said = openssl(&["-tls1_2", "-connect", &address], "R\\n").await;
    assert!(said.contains("220 relay.test"), "{said}");
    let (_, afterwards) = said.split_once("RENEGOTIATING").expect("it did not try");
    // A second handshake would have shown the relay's certificate again.
    assert!(!afterwards.contains("verify return"), "{said}");
    let ticket = world.folder.path().join("session");
    let ticket = ticket.to_str().unwrap();
    let early = world.folder.path().join("early");
    std::fs::write(&early, "EHLO early.example\r\n").unwrap();
    let said = openssl(&["-connect", &address, "-sess_out", ticket], "QUIT\\r\\n").await;
    assert!(
        said.contains("Max Early Data: 0") || !said.contains("Max Early Data"),
        "{said}"
    );
    let early = early.to_str().unwrap();
    let said = openssl(
        &[
            "-connect",
            &address,
            "-sess_in",
            ticket,
            "-early_data",
            early,
        ],
        "QUIT\\r\\n",
    )
    .await;
    assert!(
        !said.contains("early.example") && !said.contains("Early data was accepted"),
        "{said}"
    );
    world.stop().await;
}

/// What `openssl s_client` prints, with this on its standard input, which stays open for a while.
async fn openssl(arguments: &[&str], input: &str) -> String {
    let script = format!(
        "(sleep 0.3; printf '{input}'; sleep 1) | timeout 4 openssl s_client {}",
        arguments.join(" ")
    );
    let run = move || Command::new("sh").args(["-c", &script]).output();
    let run = tokio::task::spawn_blocking(run);
    let output = timeout(PATIENCE, run)
        .await
        .expect("openssl does not end")
        .unwrap();
    let output = output.expect("openssl is needed; tests/run.sh installs it");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}
