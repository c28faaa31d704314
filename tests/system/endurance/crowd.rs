//! RE-01, F13: 1,000 idle TLS sessions and 200 busy ones at once.

use std::net::SocketAddr;
use std::process::Command;

use tokio::task::JoinSet;

use super::{FROM_A, SMALL, at_rest, delivers, plan, warm};
use crate::client::{Client, Tls};

/// Idle sessions.
const IDLE: usize = 1_000;

/// Busy sessions.
const BUSY: usize = 200;

/// Messages of each busy session.
const MESSAGES: usize = 3;

/// KiB that an idle TLS session may cost, both ends of the relay's memory and the allocator's waste included.
const KIB_EACH: u64 = 64;

/// Descriptors that this test needs in one process.
const DESCRIPTORS: u64 = 4_096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_and_two_hundred_busy_sessions_at_once() {
    allow_descriptors();
    let world = plan().start().await;
    let (program, descriptors) = warm(&world).await;
    let tls = world.pki.client(&["tenant-a.example"]);
    let at = program.at("starttls");
    let before = program.memory("VmRSS");
    let mut idle = arrive(at, &tls).await;
    let each = (program.memory("VmRSS").saturating_sub(before)) / IDLE as u64;
    assert!(each <= KIB_EACH, "{each} KiB for each idle session");
    assert!(program.descriptors() >= descriptors + IDLE);
    let mut busy = JoinSet::new();
    for number in 0..BUSY {
        let tls = tls.clone();
        busy.spawn(async move {
            let from = format!("127.2.0.{}", number % 10);
            let mut client = Client::starttls(&from, at, &tls).await;
            for _message in 0..MESSAGES {
                let answer = client.message(FROM_A, SMALL).await;
                assert_eq!(answer.code, 250, "{answer:?}");
            }
            client.quit().await;
        });
    }
    while let Some(session) = busy.join_next().await {
        session.unwrap();
    }
    world.messages(0, (BUSY * MESSAGES + 1) as u64).await;
    for client in &mut idle {
        client.says("NOOP", 250).await;
    }
    // One tenth says goodbye, the others just leave.
    let staying = idle.split_off(IDLE / 10);
    for client in idle {
        client.quit().await;
    }
    drop(staying);
    at_rest(&world, &program, descriptors).await;
    delivers(&program).await;
    program.stop().await;
    world.stop().await;
}

/// Idle sessions from several addresses.
async fn arrive(at: SocketAddr, tls: &Tls) -> Vec<Client> {
    let mut arriving = JoinSet::new();
    for group in 0..10 {
        let tls = tls.clone();
        arriving.spawn(async move {
            let mut idle = Vec::new();
            for _session in 0..IDLE / 10 {
                idle.push(Client::starttls(&format!("127.1.0.{group}"), at, &tls).await);
            }
            idle
        });
    }
    arriving.join_all().await.into_iter().flatten().collect()
}

/// Raises this process' soft limit if it is too low; children inherit it.
fn allow_descriptors() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap_or(u64::MAX);
    if soft >= DESCRIPTORS {
        return;
    }
    let raised = Command::new("prlimit")
        .arg(format!("--pid={}", std::process::id()))
        .arg(format!("--nofile={DESCRIPTORS}:"))
        .status();
    assert!(
        raised.is_ok_and(|status| status.success()),
        "this test needs {DESCRIPTORS} descriptors: raise the limit with ulimit -n"
    );
}
