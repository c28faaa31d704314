//! CF, F20, F22: a new configuration under way, and a stop, of the real program.

mod accepted;
mod refused;
mod stopping;
mod under_load;

use crate::client::{Client, Envelope, PEER};
use crate::message::{FROM_A, SMALL};
use crate::program::Program;
use crate::world::{Plan, TenantPlan, World};

/// Tenants `a` and `b` at one upstream; listeners `plain` and `starttls`.
fn two_tenants() -> Plan {
    Plan::empty()
        .listener("plain", "tls = \"off\"")
        .listener(
            "starttls",
            &format!("tls = \"starttls\"\n{}", crate::world::ASKING),
        )
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .starttls_upstream()
        .tenant(TenantPlan::owning("a", 0))
        .tenant(TenantPlan::owning("b", 0))
}

/// The same configuration without a tenant.
fn without_tenant(config: &str, tenant: &str) -> String {
    let mut kept = config.split("\n[[tenant]]\n");
    let head = kept.next().unwrap().to_owned();
    let tenants = kept.filter(|table| !table.starts_with(&format!("name = \"{tenant}\"")));
    tenants.fold(head, |config, table| {
        format!("{config}\n[[tenant]]\n{table}")
    })
}

/// Writes another configuration and has the program take it.
async fn reload(program: &mut Program, world: &World, config: &str) {
    write(world, config);
    program.signal("HUP");
    program.await_line("configuration reloaded").await;
}

fn write(world: &World, config: &str) {
    std::fs::write(world.folder.path().join("relay.toml"), config).unwrap();
}

/// MAIL and RCPT on a session that has said EHLO; the reply to RCPT. The transaction stays open.
async fn asked(client: &mut Client, sender: &str) -> crate::client::Answer {
    client.says(format!("MAIL FROM:<{sender}>"), 250).await;
    client.command("RCPT TO:<x@elsewhere.example>").await
}

/// The rest of a message after [`asked`].
async fn finish(client: &mut Client) -> crate::client::Answer {
    client.says("DATA", 354).await;
    client.send(SMALL).await;
    client.answer().await
}

/// One whole message that must be taken, on a new session.
async fn delivers(program: &Program, sender: &str) {
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    let answer = client.message(Envelope { sender, ..FROM_A }, SMALL).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
}

/// Waits until nobody listens there any more.
async fn nobody_listens(at: std::net::SocketAddr) {
    let deadline = tokio::time::Instant::now() + crate::client::PATIENCE;
    while tokio::net::TcpStream::connect(at).await.is_ok() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "somebody still listens at {at}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
