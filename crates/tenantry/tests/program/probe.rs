//! `tenantry probe` from outside: what is printed, the exit codes, and that nothing is ever sent.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tenantry_lab::upstream::{
    ClientCertificates, Fault, RecordingUpstream, Resumption, Security, Stage, TlsSettings,
    UpstreamSettings,
};
use tokio::task::spawn_blocking;

use crate::world::{CONFIG, CONFIGURATION, OK, USAGE, World, tenantry, text};

const FAILED: i32 = 1;
const SOON: Duration = Duration::from_secs(30);

/// The upstream of both tenants, with the certificate that `tenantry pki` made for it.
fn settings(world: &World) -> UpstreamSettings {
    let read = |name: &str| fs::read_to_string(world.folder.path().join(name)).unwrap();
    let security = Security::Starttls(TlsSettings {
        chain_pem: read("upstream.pem"),
        key_pem: read("upstream.key"),
        client_certificates: ClientCertificates::Require,
        authorities: vec![read("authority.pem")],
        resumption: Resumption::On,
    });
    let plain = UpstreamSettings::plain().with_transcript();
    UpstreamSettings { security, ..plain }
}

fn at(world: &World, port: u16) {
    let config = CONFIG.replace("localhost:2526", &format!("localhost:{port}"));
    fs::write(&world.path, config).unwrap();
}

async fn probe(world: &World, more: &[&str]) -> Output {
    let config = world.config().to_owned();
    let more: Vec<String> = more.iter().map(|argument| (*argument).to_owned()).collect();
    spawn_blocking(move || {
        let mut arguments = vec!["probe", "--config", &config];
        arguments.extend(more.iter().map(String::as_str));
        tenantry(&arguments)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn probes_of_good_upstreams_end_with_0_and_say_what_they_saw() {
    let world = World::new();
    let upstream = RecordingUpstream::start(settings(&world)).await.unwrap();
    at(&world, upstream.address().port());
    let output = probe(&world, &[]).await;
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stdout));
    let told = text(&output.stdout);
    let (first, second) = (
        told.find("tenant tenant-0001: ok"),
        told.find("tenant tenant-0002: ok"),
    );
    assert!(first.is_some() && first < second, "{told}");
    for part in [
        "chain and name verify: for localhost",
        "asked for (it names no authorities), and sent: mail.tenant-0001.example",
        "TLSv1.3 with TLS_AES_256_GCM_SHA384 and X25519MLKEM768",
        "only before TLS: STARTTLS",
        "tenants: 2 ok, 0 with warnings, 0 failed; no message was sent",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let output = probe(&world, &["--tenant", "tenant-0002"]).await;
    assert!(!text(&output.stdout).contains("tenant tenant-0001"));
}

#[tokio::test]
async fn an_envelope_is_tried_and_taken_back_and_no_message_follows() {
    let world = World::new();
    let upstream = RecordingUpstream::start(settings(&world)).await.unwrap();
    at(&world, upstream.address().port());
    let envelope = [
        "--all",
        "--mail-from",
        "<>",
        "--rcpt-to",
        "a@a.example",
        "b@b.example",
    ];
    let output = probe(&world, &envelope).await;
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("not Exchange Online's last word"));
    let journal = upstream.journal();
    journal
        .await_totals("no open connection", SOON, |totals| totals.open == 0)
        .await
        .unwrap();
    assert_eq!(journal.connections().len(), 2);
    for connection in journal.connections() {
        let said = [
            "EHLO relay.example",
            "STARTTLS",
            "EHLO relay.example",
            "MAIL FROM:<>",
            "RCPT TO:<a@a.example>",
            "RCPT TO:<b@b.example>",
            "RSET",
            "QUIT",
        ];
        assert_eq!(connection.transcript(), said, "no DATA, no BDAT");
    }
    assert_eq!(journal.totals().delivered, 0);
}

#[tokio::test]
async fn something_that_failed_is_1_and_the_step_and_the_fault_are_named() {
    let world = World::new();
    let refusing =
        settings(&world).with_fault(Fault::at(Stage::Starttls).answer("454 4.7.0 no\r\n"));
    let upstream = RecordingUpstream::start(refusing).await.unwrap();
    at(&world, upstream.address().port());
    let output = probe(&world, &[]).await;
    assert_eq!(output.status.code(), Some(FAILED));
    let told = text(&output.stdout);
    assert!(
        told.contains("failed at starttls, fault: upstream"),
        "{told}"
    );
    assert!(told.contains("this tenant's mail is deferred"), "{told}");
}

#[tokio::test]
async fn a_silent_upstream_is_waited_for_no_longer_than_asked() {
    let world = World::new();
    // Takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    at(&world, silent.local_addr().unwrap().port());
    let output = probe(&world, &["--timeout", "200ms"]).await;
    assert_eq!(output.status.code(), Some(FAILED));
    let told = text(&output.stdout);
    assert!(
        told.contains("failed at greeting, fault: upstream"),
        "{told}"
    );
    assert!(
        told.contains("did not answer in time at greeting"),
        "{told}"
    );
}

#[tokio::test]
async fn the_json_document_is_as_docs_probe_md_says() {
    let world = World::new();
    let upstream = RecordingUpstream::start(settings(&world)).await.unwrap();
    at(&world, upstream.address().port());
    let output = probe(
        &world,
        &["--json", "--mail-from", "", "--rcpt-to", "a@a.example"],
    )
    .await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["version"], &report["outcome"]),
        (&1.into(), &"ok".into())
    );
    assert_eq!(report["message_sent"], false);
    assert_eq!(report["tenants"][1]["tenant"], "tenant-0002");
    let mut keys = Vec::new();
    collect(&report, &mut keys);
    let documentation = include_str!("../../../../docs/probe.md");
    for key in keys {
        assert!(
            documentation.contains(&format!("`{key}`")),
            "{key} is not documented"
        );
    }
    let steps = report["tenants"][0]["upstreams"][0]["steps"]
        .as_array()
        .unwrap();
    for step in steps {
        let name = step["step"].as_str().unwrap();
        assert!(
            documentation.contains(&format!("| `{name}` |")),
            "{name} is not documented"
        );
        assert!(step["facts"].is_object(), "{step:#}");
        assert!(
            step["elapsed_ms"].is_u64() || name.ends_with("-certificate"),
            "{step:#}"
        );
    }
}

/// Every key of the document.
fn collect(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                keys.push(key.clone());
                collect(value, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn wrong_usage_is_64_and_a_wrong_configuration_78() {
    let world = World::new();
    for arguments in [
        &["--tenant", "nobody"][..],
        &["--tenant", "tenant-0001", "--all"],
        &["--mail-from", "a@b.example"],
        &["--rcpt-to", "a@b.example"],
        &["--mail-from", "a b", "--rcpt-to", "a@b.example"],
        &["--mail-from", "", "--rcpt-to", "a@b.example> NOTIFY=NEVER"],
        &["--timeout", "5"],
        &["--timeout", "0s"],
    ] {
        let output = tenantry(&[&["probe", "--config", world.config()], arguments].concat());
        assert_eq!(output.status.code(), Some(USAGE), "{arguments:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
    fs::write(&world.path, "hostnam = 5\n").unwrap();
    let output = tenantry(&["probe", "--config", world.config()]);
    assert_eq!(output.status.code(), Some(CONFIGURATION));
    assert!(!output.stderr.is_empty());
}

#[test]
fn help_says_that_nothing_is_sent_and_what_the_exit_codes_mean() {
    let output = tenantry(&["probe", "--help"]);
    assert_eq!(output.status.code(), Some(OK));
    let told: Vec<String> = text(&output.stdout)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let told = told.join(" ");
    assert!(told.contains("never DATA or BDAT"), "{told}");
    assert!(told.contains("1 something failed"), "{told}");
}
