//! A good configuration: in force for the next transaction, and only for that.

use super::{FROM_A, SMALL, asked, delivers, finish, reload, two_tenants, without_tenant};
use crate::client::{Client, PATIENCE, PEER, STRANGER};
use crate::program::Program;
use crate::world::ASKING;

#[tokio::test]
async fn a_running_transaction_keeps_its_configuration_and_the_next_one_has_the_new() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    assert_eq!(asked(&mut client, "u@tenant-b.example").await.code, 250);
    reload(&mut program, &world, &without_tenant(&world.config, "b")).await;
    // Further recipients and the content belong to what was begun.
    client.says("RCPT TO:<y@elsewhere.example>", 250).await;
    assert_eq!(finish(&mut client).await.code, 250);
    let record = &world.messages(0, 1).await[0];
    assert_eq!(record.tenant(), Some("b"));
    assert_eq!(record.recipients.len(), 2);
    asked(&mut client, "u@tenant-b.example")
        .await
        .is("550 5.7.64");
    client.says("RSET", 250).await;
    // And back again, on the same session.
    reload(&mut program, &world, &world.config).await;
    assert_eq!(asked(&mut client, "u@tenant-b.example").await.code, 250);
    assert_eq!(finish(&mut client).await.code, 250);
    client.quit().await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn cf_07_a_removed_tenant_leaves_no_connection_and_gives_nothing_to_another() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    delivers(&program, "u@tenant-b.example").await;
    // A session that goes on holding the old configuration, and a transaction in the middle of its content.
    let idle = Client::ehlo(PEER, program.at("plain")).await;
    let mut open = Client::ehlo(PEER, program.at("plain")).await;
    open.open(crate::client::Envelope {
        sender: "late@tenant-b.example",
        ..FROM_A
    })
    .await;
    delivers(&program, "u@tenant-a.example").await;
    let config = without_tenant(&world.config, "b").replace(
        "sender_domains = [\"*.tenant-a.example\"]",
        "sender_domains = [\"*.tenant-a.example\", \"*.tenant-b.example\"]",
    );
    reload(&mut program, &world, &config).await;
    open.send(SMALL).await;
    open.expect(250).await;
    // The names of b are a's now: by a's own connection, under a's own certificate.
    delivers(&program, "u@tenant-b.example").await;
    let messages = world.messages(0, 4).await;
    let tenants: Vec<_> = messages
        .iter()
        .filter_map(|record| record.tenant())
        .collect();
    assert_eq!(tenants, ["b", "a", "b", "a"]);
    assert_eq!(messages[2].sender(), "late@tenant-b.example");
    let only_of_a = world
        .journal(0)
        .await_totals("b's connections closed", PATIENCE, |totals| {
            totals.open == 1
        });
    only_of_a.await.unwrap();
    for connection in world.journal(0).connections() {
        assert_eq!(connection.is_open(), connection.tenant() == Some("a"));
    }
    open.quit().await;
    idle.quit().await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_rotated_certificate_is_presented_at_once_and_the_old_connection_is_not_used() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    delivers(&program, "u@tenant-a.example").await;
    delivers(&program, "u@tenant-b.example").await;
    let rotated = world
        .pki
        .servers
        .client(&["identity-of-a.example"])
        .unwrap();
    rotated.write(world.folder.path(), "tenant-a").unwrap();
    delivers(&program, "u@tenant-a.example").await;
    reload(&mut program, &world, &world.config).await;
    delivers(&program, "u@tenant-a.example").await;
    delivers(&program, "u@tenant-b.example").await;
    let messages = world.messages(0, 5).await;
    let new = rotated.fingerprint();
    let used: Vec<bool> = messages
        .iter()
        .map(|record| record.fingerprint() == Some(new.as_str()))
        .collect();
    // Files alone change nothing; the reload does, for a alone.
    assert_eq!(used, [false, false, false, true, false]);
    assert_eq!(
        messages[1].connection.number(),
        messages[4].connection.number()
    );
    assert!(!messages[3].connection.tls().unwrap().resumed);
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn i2_a_certificate_loses_its_worth_with_the_authority_in_a_session_that_goes_on() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let tls = world.pki.client(&["tenant-a.example"]);
    let at = program.at("starttls");
    let mut session = Client::starttls(STRANGER, at, &tls).await;
    assert_eq!(asked(&mut session, "u@tenant-b.example").await.code, 250);
    assert_eq!(finish(&mut session).await.code, 250);
    assert_eq!(asked(&mut session, "open@tenant-b.example").await.code, 250);
    let untrusting = world.config.replace("clients-ca.pem", "servers-ca.pem");
    reload(&mut program, &world, &untrusting).await;
    assert_eq!(
        finish(&mut session).await.code,
        250,
        "what was begun is finished"
    );
    asked(&mut session, "u@tenant-b.example")
        .await
        .is("550 5.7.64");
    // TLS sessions from before the reload are worth nothing either.
    for _attempt in 0..3 {
        let mut resumed = Client::starttls(STRANGER, at, &tls).await;
        asked(&mut resumed, "u@tenant-b.example")
            .await
            .is("550 5.7.64");
        resumed.quit().await;
    }
    session.says("RSET", 250).await;
    reload(&mut program, &world, &world.config).await;
    assert_eq!(asked(&mut session, "u@tenant-b.example").await.code, 250);
    assert_eq!(finish(&mut session).await.code, 250);
    session.quit().await;
    for record in world.messages(0, 3).await {
        assert_eq!(record.tenant(), Some("a"));
    }
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn i8_a_connection_in_clear_text_is_not_kept_when_tls_is_demanded() {
    let world = two_tenants()
        .first_upstream(|pki| {
            let demand = tenantry_lab::upstream::ClientCertificates::Request;
            let mut settings = pki.upstream().keeping_content().demanding(demand);
            // Mail is taken in clear text as well, and STARTTLS is announced.
            settings.security = tenantry_lab::upstream::Security::Off;
            settings
        })
        .start()
        .await;
    let clear = world.config.replace(
        "upstream_trust = [\"servers-ca.pem\"]",
        "upstream_tls = \"none-i-accept-the-risk\"",
    );
    std::fs::write(world.folder.path().join("relay.toml"), &clear).unwrap();
    let mut program = Program::run(&world).await;
    delivers(&program, "u@tenant-a.example").await;
    let demanding = clear.replace("none-i-accept-the-risk", "starttls");
    reload(&mut program, &world, &demanding).await;
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    asked(&mut client, "u@tenant-a.example")
        .await
        .is("451 4.7.5");
    client.quit().await;
    world.messages(0, 1).await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn listeners_come_and_go() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let plain = program.at("plain");
    let mut staying = Client::ehlo(PEER, plain).await;
    let added = format!(
        "{}\n[[listener]]\nname = \"added\"\naddress = \"127.0.0.1:0\"\ntls = \"starttls\"\n\
         certificate = \"relay.pem\"\nkey = \"relay.key\"\n{ASKING}\n",
        world.config
    );
    super::write(&world, &added);
    program.signal("HUP");
    program.await_listener().await;
    program.await_line("configuration reloaded").await;
    let tls = world.pki.client(&["tenant-a.example"]);
    let mut client = Client::starttls(STRANGER, program.at("added"), &tls).await;
    assert_eq!(asked(&mut client, "u@x.example").await.code, 250);
    assert_eq!(finish(&mut client).await.code, 250);
    assert_eq!(asked(&mut client, "u@x.example").await.code, 250);
    assert_eq!(program.at("plain"), plain, "the others stay where they are");
    // Gone again: its running transaction finishes, its next one does not begin.
    let gone = program.at("added");
    reload(&mut program, &world, &world.config).await;
    assert_eq!(finish(&mut client).await.code, 250);
    client
        .command("MAIL FROM:<u@x.example>")
        .await
        .is("421 4.3.2");
    client.expect_closed().await;
    super::nobody_listens(gone).await;
    let answer = staying.message(FROM_A, SMALL).await;
    assert_eq!(answer.code, 250);
    staying.quit().await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn changed_limits_hold_from_the_next_connection_on() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let first = Client::ehlo(PEER, program.at("plain")).await;
    let limited = world
        .config
        .replace("[limits]\n", "[limits]\nconnections = 1\n");
    reload(&mut program, &world, &limited).await;
    let mut second = Client::connect(PEER, program.at("plain")).await;
    second.expect(421).await.is("421 4.3.2");
    first.quit().await;
    // A new listener shares the limit with the old ones.
    let added = format!(
        "{limited}\n[[listener]]\nname = \"added\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n"
    );
    super::write(&world, &added);
    program.signal("HUP");
    program.await_listener().await;
    program.await_line("configuration reloaded").await;
    let third = Client::ehlo(PEER, program.at("plain")).await;
    let mut fourth = Client::connect(PEER, program.at("added")).await;
    fourth.expect(421).await.is("421 4.3.2");
    third.quit().await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn i2_a_listener_that_asks_for_no_certificates_any_more_believes_none() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let tls = world.pki.client(&["tenant-a.example"]);
    let mut session = Client::starttls(STRANGER, program.at("starttls"), &tls).await;
    assert_eq!(asked(&mut session, "u@x.example").await.code, 250);
    assert_eq!(finish(&mut session).await.code, 250);
    let off = world
        .config
        .replace(ASKING, "client_certificates = \"off\"");
    reload(&mut program, &world, &off).await;
    asked(&mut session, "u@x.example").await.is("550 5.7.64");
    session.quit().await;
    world.messages(0, 1).await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_session_in_clear_text_ends_when_its_listener_demands_tls() {
    let world = two_tenants().start().await;
    let mut program = Program::run(&world).await;
    let mut clear = Client::ehlo(PEER, program.at("starttls")).await;
    assert_eq!(clear.message(FROM_A, SMALL).await.code, 250);
    let demanding = world
        .config
        .replace("tls = \"starttls\"", "tls = \"starttls-required\"");
    reload(&mut program, &world, &demanding).await;
    let answer = clear.command("MAIL FROM:<u@tenant-a.example>").await;
    assert!([421, 530].contains(&answer.code), "{answer:?}");
    clear.vanish();
    world.messages(0, 1).await;
    program.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_listener_can_be_renamed() {
    let world = two_tenants().start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let named = |name: &str| {
        format!(
            "{}\n[[listener]]\nname = \"{name}\"\naddress = \"{address}\"\ntls = \"off\"\n",
            world.config
        )
    };
    super::write(&world, &named("before"));
    let mut program = Program::run(&world).await;
    let mut session = Client::ehlo(PEER, address).await;
    reload(&mut program, &world, &named("after")).await;
    let mut new = Client::ehlo(PEER, address).await;
    assert_eq!(new.message(FROM_A, SMALL).await.code, 250);
    new.quit().await;
    // A session that came by the old name may go on or be told to come again.
    let answer = session.command("MAIL FROM:<u@tenant-a.example>").await;
    assert!([250, 421].contains(&answer.code), "{answer:?}");
    session.vanish();
    program.stop().await;
    world.stop().await;
}
