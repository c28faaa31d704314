//! `tenantry probe` in front of the lab: Exchange Online's answers to an envelope, explained.

use std::fs;

use serde_json::Value;

use crate::program::{Box, OK, tenantry, text};
use crate::run::Running;

/// A step of the only upstream of a tenant, as JSON.
fn step<'a>(report: &'a Value, tenant: usize, name: &str) -> &'a Value {
    let steps = report["tenants"][tenant]["upstreams"][0]["steps"]
        .as_array()
        .unwrap();
    let found = steps.iter().find(|step| step["step"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// Probes contoso's way with an envelope of its own.
fn probe(config: &str) -> std::process::Output {
    tenantry(&[
        "probe",
        "--config",
        config,
        "--tenant",
        "contoso",
        "--json",
        "--mail-from",
        "u@contoso.com",
        "--rcpt-to",
        "x@internet.test",
    ])
}

#[test]
fn a_tenant_whose_connector_fits_gets_its_envelope_accepted_and_the_journal_stays_empty() {
    let made = Box::on_free_ports(&["--scenario", "one-server-many-tenants-with-tenantry"]);
    let journal = made.file("journal.jsonl");
    let lab = Running::lab(&made, &["--journal", &journal]);
    let config = made.file("relay.toml");
    let output = probe(&config);
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["tenants"].as_array().unwrap().len(), 1);
    assert_eq!(
        step(&report, 0, "client-certificate")["facts"]["presented"],
        true
    );
    assert_eq!(step(&report, 0, "rcpt")["facts"]["reply"]["code"], 250);
    assert_eq!(step(&report, 0, "rset")["outcome"], "ok");
    assert!(
        made.lines("journal.jsonl").is_empty(),
        "the lab took a message down"
    );
    drop(lab);
}

#[test]
fn a_relay_refusal_of_the_lab_is_explained_as_the_tenants_to_repair() {
    let made = Box::on_free_ports(&["--scenario", "certificate-domain-not-accepted"]);
    let world = fs::read_to_string(made.file("world.toml")).unwrap();
    let early = format!("profile = {{ relay_reject_at = \"rcpt\" }}\n{world}");
    fs::write(made.file("world.toml"), early).unwrap();
    let lab = Running::lab(&made, &[]);
    let config = made.file("relay.toml");
    let arguments = [
        "probe",
        "--config",
        &config,
        "--mail-from",
        "v@vendor.test",
        "--rcpt-to",
        "x@internet.test",
    ];
    let output = tenantry(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for part in [
        "failed at rcpt, fault: tenant",
        "550 5.7.64 TenantAttribution",
        "TlsSenderCertificateName",
        "no message was sent",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let output = tenantry(&[&arguments[..], &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rcpt = step(&report, 0, "rcpt");
    assert_eq!(rcpt["facts"]["explanation"]["id"], "5.7.64", "{rcpt:#}");
    assert_eq!(rcpt["fault"], "tenant");
    drop(lab);
}

#[test]
fn ut_faults_of_the_lab_are_named_at_their_steps() {
    for (fault, step, fault_of, words) in [
        (
            "stage = \"connect\"\naction = \"drop\"",
            "greeting",
            "upstream",
            "closed the connection at greeting",
        ),
        (
            "stage = \"starttls\"\nreply = \"454 4.7.0 not now\"",
            "starttls",
            "upstream",
            "454 4.7.0 not now",
        ),
        (
            "stage = \"starttls\"\naction = \"drop\"",
            "starttls",
            "upstream",
            "closed the connection at starttls",
        ),
        (
            "stage = \"starttls\"\naction = \"bad-tls\"",
            "handshake",
            "upstream",
            "no TLS at all",
        ),
        (
            "stage = \"starttls\"\naction = \"expired-certificate\"",
            "server-certificate",
            "upstream",
            "expired on",
        ),
        (
            "stage = \"rcpt\"\nreply = \"server-busy\"",
            "rcpt",
            "upstream",
            "slowed down",
        ),
    ] {
        let made = Box::on_free_ports(&["--scenario", "one-server-many-tenants-with-tenantry"]);
        let world = fs::read_to_string(made.file("world.toml")).unwrap();
        let faulty = format!("{world}\n[[fault]]\n{fault}\n");
        fs::write(made.file("world.toml"), faulty).unwrap();
        let lab = Running::lab(&made, &[]);
        let config = made.file("relay.toml");
        let output = probe(&config);
        assert_eq!(output.status.code(), Some(1), "{fault}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let upstream = &report["tenants"][0]["upstreams"][0];
        assert_eq!(
            (&upstream["failed_at"], &upstream["fault"]),
            (&step.into(), &fault_of.into()),
            "{fault}: {report:#}"
        );
        let summary = self::step(&report, 0, step)["summary"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(summary.contains(words), "{fault}: {summary}");
        drop(lab);
    }
}
