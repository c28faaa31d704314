//! RE, O4, F13, F23: many sessions, clients and upstreams that vanish at every stage, and messages of any size: what was
//! taken is given back.

mod clients_vanish;
mod crowd;
mod limits;
mod memory;
mod upstreams_vanish;

use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Client, PATIENCE, PEER};
use crate::message::{FROM_A, SMALL};
use crate::program::Program;
use crate::world::{Plan, TenantPlan, World};

/// Tenant `a` and listeners `plain` and `starttls`; every client is a peer, whatever its address. Kept connections close
/// soon, so that a process can come to rest.
fn plan() -> Plan {
    Plan::empty()
        .listener("plain", "tls = \"off\"")
        .listener(
            "starttls",
            &format!("tls = \"starttls\"\n{}", crate::world::ASKING),
        )
        .peer(
            "application",
            "networks = [\"127.0.0.0/8\"]\ntenants = [\"*\"]",
        )
        .starttls_upstream()
        .tenant(TenantPlan::owning("a", 0).keys("idle = \"100ms\""))
}

/// One whole message that must be taken, on a new session.
async fn delivers(program: &Program) {
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    let answer = client.message(FROM_A, SMALL).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
}

/// Waits until the program has no more descriptors than at the start, but for upstream connections that it keeps (O4).
async fn at_rest(world: &World, program: &Program, descriptors: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let kept = world
            .upstreams
            .iter()
            .map(|upstream| upstream.journal().totals().open);
        let kept = usize::try_from(kept.sum::<u64>()).unwrap();
        let kept = kept.saturating_sub(world.relay.load().idle_upstream_connections);
        let open = program.descriptors();
        if open <= descriptors + kept {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{open} descriptors instead of {descriptors} and {kept} kept connections"
        );
        // Nothing announces the end of a descriptor.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the upstream has no connection left: not even those that were kept for a while.
async fn all_closed(world: &World) {
    let closed = world
        .journal(0)
        .await_totals("all closed", PATIENCE, |totals| totals.open == 0);
    closed.await.unwrap();
}

/// A program that has served a message already, with the descriptors that it had before.
async fn warm(world: &World) -> (Program, usize) {
    let program = Program::run(world).await;
    let descriptors = program.descriptors();
    delivers(&program).await;
    (program, descriptors)
}
