//! The log of a real run, replayed.

use std::process::{Command, Output};

use serde_json::Value;
use tenantry_lab::pki::CertificateSpec;
use tenantry_lab::pki::self_signed;

use crate::client::{Client, PEER, STRANGER};
use crate::message::SMALL;
use crate::program::{self, Program};
use crate::world::{Plan, World};

/// `tenantry replay` of the world's log with other configurations than `relay.toml`.
fn replay(world: &World, new: &str, more: &[&str]) -> Output {
    Command::new(program::path())
        .args(["replay", "--old", "relay.toml", "--new", new, "log.jsonl"])
        .args(more)
        .current_dir(world.folder.path())
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"))
}

/// MAIL and recipients, without a message.
async fn asks(client: &mut Client, sender: &str, recipients: &[&str]) {
    client
        .says(format!("MAIL FROM:<{sender}> SMTPUTF8"), 250)
        .await;
    for recipient in recipients {
        client.command(format!("RCPT TO:<{recipient}>")).await;
    }
    client.says("RSET", 250).await;
}

/// Every kind of evidence there is; how many transactions.
async fn traffic(world: &World, program: &Program) -> u64 {
    let mut client = Client::ehlo(PEER, program.at("plain")).await;
    let envelope = crate::message::FROM_A;
    assert_eq!(client.message(envelope, SMALL).await.code, 250);
    let many: Vec<String> = (0..40).map(|n| format!("r@d{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let plain: [(&str, &[&str]); 9] = [
        ("u@SUB.Tenant-B.example", &["r@elsewhere.example"]),
        (
            "",
            &[
                "r@elsewhere.example",
                "r@tenant-b.example",
                "r@tenant-a.example",
            ],
        ),
        ("", &["postmaster", "r@tenant-c.example"]),
        ("", &["postmaster"]),
        ("u@[192.0.2.1]", &["r@[x:a,tenant-a.example,b]"]),
        (
            "u@m\u{fc}ller.example",
            &["r@m\u{fc}ller.tenant-a.example", "r@tenant-a.example"],
        ),
        ("u@nobody.example", &["r@nobody.example"]),
        (
            "u@a_b.example",
            &["r@tenant-a.example", "r@tenant-a.example"],
        ),
        ("", &many),
    ];
    for (sender, recipients) in plain {
        asks(&mut client, sender, recipients).await;
    }
    asks(&mut client, "u@tenant-c.example", &[]).await;
    client.quit().await;
    let mut stranger = Client::ehlo(STRANGER, program.at("plain")).await;
    asks(&mut stranger, "u@tenant-a.example", &["r@tenant-b.example"]).await;
    stranger.quit().await;
    let many: Vec<String> = (0..30)
        .map(|n| format!("host{n}.tenant-a.example"))
        .collect();
    let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
    names.push("tenant-a.example");
    let spec = CertificateSpec::client(&["tenant-a.example"]);
    let sessions = [
        world.pki.client(&names),
        world.pki.client(&["tenant-a.example", "tenant-b.example"]),
        world.pki.client(&["*.unknown.example"]),
        world.pki.with(&self_signed(&spec).unwrap()),
        world.pki.anonymous(),
    ];
    for tls in &sessions {
        let mut client = Client::starttls(PEER, program.at("starttls"), tls).await;
        asks(&mut client, "u@tenant-b.example", &["r@tenant-c.example"]).await;
        client.quit().await;
    }
    1 + 9 + 1 + 1 + 5
}

#[tokio::test]
async fn the_log_of_a_run_changes_nothing_under_its_configuration_and_something_under_another() {
    let world = Plan::standard().log("format = \"json\"").start().await;
    let mut program = Program::run(&world).await;
    let sent = traffic(&world, &program).await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let folder = world.folder.path();
    std::fs::write(folder.join("log.jsonl"), program.lines.join("\n")).unwrap();

    let same = replay(&world, "relay.toml", &["--json"]);
    let told = report(&same);
    assert_eq!(same.status.code(), Some(0), "{told:#}");
    assert_eq!(told["envelopes"], sent, "{told:#}");
    assert_eq!(told["not_replayable"]["lines"], 0, "{told:#}");
    assert_eq!(told["recorded_otherwise"], 0, "{told:#}");
    assert_eq!(told["changed"], 0, "{told:#}");
    let other = told["lines"].as_u64().unwrap() - sent;
    assert_eq!(told["other_lines"], other, "{told:#}");

    let changed = world.config.replace(
        "sender_domains = [\"*.tenant-b.example\"]",
        "sender_domains = [\"tenant-b.example\"]",
    );
    let changed = changed.replace(
        "recipient_domains = [\"tenant-a.example\"]",
        "recipient_domains = [\"elsewhere.example\"]",
    );
    std::fs::write(folder.join("next.toml"), changed).unwrap();
    let other = replay(&world, "next.toml", &["--json"]);
    assert_eq!(other.status.code(), Some(1));
    let told = report(&other);
    // The subdomain of b; the null sender, now by its first recipient; m\u{fc}ller and a_b, which nobody owns now.
    let mut changes: Vec<(String, String, u64)> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let tenant = |side: &str| change[side]["tenant"].as_str().unwrap_or("-").to_owned();
            let count = change["envelopes"].as_u64().unwrap();
            (tenant("old"), tenant("new"), count)
        })
        .collect();
    changes.sort();
    let expected = [("a", "-", 1), ("a", "-", 1), ("b", "a", 1), ("b", "a", 1)];
    let expected = expected.map(|(old, new, count)| (old.to_owned(), new.to_owned(), count));
    assert_eq!(changes, expected, "{told:#}");
    world.stop().await;
}
