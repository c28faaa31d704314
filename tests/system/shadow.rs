//! A shadow: another configuration decides about every transaction, too, and nothing of it reaches client or upstream.

use std::net::TcpListener;

use tenantry_relay::telemetry::{ShadowCount, ShadowOutcome};

use crate::client::{Client, Envelope, PEER, STRANGER};
use crate::message::SMALL;
use crate::program::Program;
use crate::world::{Plan, World};

const ELSEWHERE: &[&str] = &["r@elsewhere.example"];

/// The configuration with the shadow `next.toml`, which is written, too.
fn with_shadow(world: &World, shadow: &str) -> String {
    std::fs::write(world.folder.path().join("next.toml"), shadow).unwrap();
    format!("shadow = \"next.toml\"\n{}", world.config)
}

/// The same configuration, but that senders of `a` are those of `b` and the other way round.
fn swapped(config: &str) -> String {
    config
        .replace("[\"*.tenant-a.example\"]", "[\"*.tenant-x.example\"]")
        .replace("[\"*.tenant-b.example\"]", "[\"*.tenant-a.example\"]")
        .replace("[\"*.tenant-x.example\"]", "[\"*.tenant-b.example\"]")
}

fn same(tenant: &str, basis: &'static str) -> Option<ShadowOutcome> {
    Some(ShadowOutcome {
        verdict: "tenant",
        tenant: Some(tenant.to_owned()),
        basis: Some(basis),
        differs: Vec::new(),
    })
}

fn other(tenant: &str, basis: &'static str) -> Option<ShadowOutcome> {
    same(tenant, basis).map(|same| ShadowOutcome {
        differs: vec!["owner", "upstream", "identity"],
        ..same
    })
}

async fn sends(client: &mut Client, sender: &str, recipients: &[&str]) {
    let answer = client.message(Envelope { sender, recipients }, SMALL).await;
    assert_eq!(answer.code, 250, "{answer:?}");
}

#[tokio::test]
async fn the_first_configuration_acts_and_the_shadow_is_compared_and_counted() {
    let mut world = Plan::standard().start().await;
    // The shadow's listeners are where somebody else is, and its upstreams are nowhere.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let shadow = swapped(&world.config)
        .replacen("127.0.0.1:0", &taken, 1)
        .replace("localhost:", "nowhere.invalid:");
    let config = with_shadow(&world, &shadow);
    world.reload(&config).unwrap();
    let before = world.relay.addresses();
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    let transaction = closed.next().await;
    assert_eq!(transaction.tenant.as_deref(), Some("a"));
    assert_eq!(transaction.identity, Some(world.identity("a")));
    assert_eq!(transaction.shadow, other("b", "sender"));
    sends(&mut client, "u@tenant-c.example", ELSEWHERE).await;
    let transaction = closed.next().await;
    let upstream = ShadowOutcome {
        differs: vec!["upstream"],
        ..same("c", "sender").unwrap()
    };
    assert_eq!(transaction.shadow, Some(upstream));
    client.quit().await;
    let journal = world.messages(0, 1).await;
    assert_eq!(journal[0].fingerprint(), Some(world.identity("a").as_str()));
    assert_eq!(world.messages(1, 0).await.len(), 0);
    let expected = ShadowCount {
        decided: 2,
        different: 2,
    };
    assert_eq!(world.relay.load().shadow, expected);
    assert_eq!(world.relay.addresses(), before);
    world.stop().await;
}

#[tokio::test]
async fn a_shadow_that_agrees_is_counted_and_differs_in_nothing() {
    let mut world = Plan::standard().start().await;
    let config = with_shadow(&world, &world.config);
    world.reload(&config).unwrap();
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, same("a", "sender"));
    sends(&mut client, "", &["r@tenant-b.example"]).await;
    assert_eq!(closed.next().await.shadow, same("b", "recipient"));
    client.quit().await;
    let expected = ShadowCount {
        decided: 2,
        different: 0,
    };
    assert_eq!(world.relay.load().shadow, expected);
    world.stop().await;
}

#[tokio::test]
async fn the_shadow_hears_of_every_recipient() {
    let mut world = Plan::standard().start().await;
    let shadow = world.config.replace(
        "recipient_domains = [\"tenant-a.example\"]",
        "recipient_domains = [\"elsewhere.example\"]",
    );
    let config = with_shadow(&world, &shadow);
    world.reload(&config).unwrap();
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<>", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 550).await;
    client.says("RCPT TO:<r@tenant-a.example>", 250).await;
    client.says("RSET", 250).await;
    let transaction = closed.next().await;
    assert_eq!(transaction.tenant.as_deref(), Some("a"));
    let expected = ShadowOutcome {
        differs: vec!["recipients"],
        ..same("a", "recipient").unwrap()
    };
    assert_eq!(transaction.shadow, Some(expected));
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn the_shadow_judges_certificates_by_its_own_listeners() {
    let mut world = Plan::standard().without_peers().start().await;
    let distrusting = world
        .config
        .replace("\"clients-ca.pem\"", "\"servers-ca.pem\"");
    let demanding = world.config.replace(
        "client_certificates = \"request\"",
        "client_certificates = \"require\"",
    );
    let refused = |verdict| ShadowOutcome {
        verdict,
        tenant: None,
        basis: None,
        differs: vec!["owner", "upstream", "identity", "recipients"],
    };
    let without = ShadowOutcome {
        differs: vec!["owner"],
        ..refused("certificate-required")
    };
    let named = world.pki.client(&["tenant-a.example"]);
    let anonymous = world.pki.anonymous();
    for (shadow, tls, code, expected) in [
        (&distrusting, &named, 250, refused("unattributed")),
        (&demanding, &named, 250, same("a", "certificate").unwrap()),
        (&demanding, &anonymous, 550, without),
    ] {
        let config = with_shadow(&world, shadow);
        let acting = world.config.clone();
        world.reload(&config).unwrap();
        world.config = acting;
        let mut closed = world.transactions();
        let mut client = world.starttls(STRANGER, tls).await;
        client.says("MAIL FROM:<u@elsewhere.example>", 250).await;
        client.says("RCPT TO:<r@elsewhere.example>", code).await;
        client.quit().await;
        assert_eq!(closed.next().await.shadow, Some(expected));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_reload_takes_the_shadow_anew_and_a_session_sees_it_with_its_next_transaction() {
    let mut world = Plan::standard().start().await;
    let acting = world.config.clone();
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, None);
    let config = with_shadow(&world, &swapped(&acting));
    world.reload(&config).unwrap();
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, other("b", "sender"));
    // The file that acts is the same: the shadow's alone has changed.
    std::fs::write(world.folder.path().join("next.toml"), &acting).unwrap();
    world.reload(&config).unwrap();
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, same("a", "sender"));
    std::fs::write(world.folder.path().join("next.toml"), "hostname = 5\n").unwrap();
    let error = world.reload(&config).unwrap_err();
    assert!(error.contains("next.toml:1: hostname: "), "{error}");
    assert!(error.contains("relay.toml:1: shadow: has "), "{error}");
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, same("a", "sender"));
    world.reload(&acting).unwrap();
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    assert_eq!(closed.next().await.shadow, None);
    client.quit().await;
    let expected = ShadowCount {
        decided: 3,
        different: 1,
    };
    assert_eq!(world.relay.load().shadow, expected);
    world.stop().await;
}

#[tokio::test]
async fn the_log_of_the_program_says_what_the_shadow_would_have_done() {
    let world = Plan::standard().start().await;
    let config = with_shadow(&world, &swapped(&world.config));
    std::fs::write(world.folder.path().join("relay.toml"), &config).unwrap();
    let mut program = Program::run(&world).await;
    let beside = program.await_line("shadow decides beside").await;
    assert!(beside.contains("next.toml tenants=3"), "{beside}");
    for sender in ["u@tenant-a.example", "u@tenant-c.example"] {
        let mut client = Client::ehlo(PEER, program.at("plain")).await;
        sends(&mut client, sender, ELSEWHERE).await;
        client.quit().await;
    }
    let differing = program.await_line("transaction closed").await;
    let fields = "shadow_verdict=\"tenant\" shadow_tenant=\"b\" shadow_basis=\"sender\" \
                  shadow_differs=\"owner,upstream,identity\"";
    assert!(differing.contains(fields), "{differing}");
    assert!(differing.contains(" tenant=\"a\" "), "{differing}");
    let agreeing = program.await_line("transaction closed").await;
    assert!(agreeing.contains("shadow_tenant=\"c\""), "{agreeing}");
    assert!(!agreeing.contains("shadow_differs"), "{agreeing}");
    std::fs::write(world.folder.path().join("next.toml"), "hostname = 5\n").unwrap();
    program.signal("HUP");
    program.await_line("configuration not reloaded").await;
    assert!(
        program
            .lines
            .iter()
            .any(|line| line.contains("configuration problem") && line.contains("next.toml:1")),
        "{:#?}",
        program.lines
    );
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    sends(&mut client, "u@tenant-b.example", ELSEWHERE).await;
    client.quit().await;
    let kept = program.await_line("transaction closed").await;
    assert!(kept.contains("shadow_tenant=\"a\""), "{kept}");
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let counted = "shadow decisions since the start decided=3 different=2";
    assert!(
        program.lines.iter().any(|line| line.contains(counted)),
        "{:#?}",
        program.lines
    );
    world.stop().await;
}

#[tokio::test]
async fn without_a_shadow_the_log_says_nothing_of_one() {
    let world = Plan::standard().start().await;
    let mut program = Program::run(&world).await;
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    sends(&mut client, "u@tenant-a.example", ELSEWHERE).await;
    client.quit().await;
    program.await_line("session closed").await;
    program.signal("TERM");
    program.ended().await;
    let said = program.lines.iter().find(|line| line.contains("shadow"));
    assert_eq!(said, None);
    world.stop().await;
}
