//! Whose messages became, as journals say: right, wrong, missing, unknown.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tenantry_lab::upstream::{ClientCertificates, UpstreamSettings};
use tenantry_load::plan::Check;
use tenantry_load::result::Correctness;
use tenantry_load::run::{Goal, Run, RunError};

use crate::bench::{Bench, run};

const PACE: &str = "[pace]\nconnections = 2\nmessages = 40\n";

fn check(journal: &Path) -> Check {
    Check {
        journal: journal.to_owned(),
        presented: None,
        settle: Duration::from_secs(2),
    }
}

/// Runs against an upstream that keeps a journal, which `change` may touch line by line.
fn judged(
    bench: &Bench,
    evidence: &str,
    change: impl Fn(usize, &str) -> Option<String> + Sync,
) -> Correctness {
    let real = bench.path().join("real.jsonl");
    let mut settings = bench.settings();
    settings.tenants.clear();
    settings.journal_file = Some(real.clone());
    let upstream = bench.upstream(settings);
    let plan = bench.plan(&upstream, &format!("{evidence}\n{PACE}"));
    // What is checked is what the journal says, so a journal of others comes first.
    let shown = bench.path().join("shown.jsonl");
    fs::write(&shown, "no line of ours\n{\"mail\":\"FROM:<a@b.test>\"}\n").unwrap();
    let mut plan = plan;
    plan.check = Some(check(&shown));
    let forged = std::thread::scope(|scope| {
        let copy = scope.spawn(|| {
            // Copies and changes lines until the run's forty are there.
            let deadline = std::time::Instant::now() + crate::bench::WAIT;
            let mut done = 0;
            while done < 40 && std::time::Instant::now() < deadline {
                let text = fs::read_to_string(&real).unwrap_or_default();
                let lines: Vec<&str> = text
                    .split_inclusive('\n')
                    .filter(|line| line.ends_with('\n'))
                    .collect();
                let mut out = OpenOptions::new().append(true).open(&shown).unwrap();
                for (index, line) in lines.iter().enumerate().skip(done) {
                    if let Some(line) = change(index, line.trim_end()) {
                        writeln!(out, "{line}").unwrap();
                    }
                }
                done = done.max(lines.len());
                std::thread::yield_now();
            }
        });
        let outcome = run(plan);
        copy.join().unwrap();
        outcome
    });
    assert_eq!(forged.totals.accepted, 40);
    forged.correctness.unwrap()
}

#[test]
fn a_true_journal_makes_every_message_right() {
    let bench = Bench::new(3);
    let found = judged(&bench, "[evidence]\ncertificate = 1", |_, line| {
        Some(line.to_owned())
    });
    assert!(found.is_perfect(), "{found:?}");
    assert_eq!((found.expected, found.right), (40, 40));
    let rows: u64 = found.tenants.iter().map(|row| row.right).sum();
    assert_eq!(rows, 40);
}

#[test]
fn one_wrong_certificate_is_found() {
    let bench = Bench::new(2);
    let prints: Vec<String> = bench
        .pki
        .tenants
        .iter()
        .map(|one| one.fingerprint.clone())
        .collect();
    let found = judged(&bench, "[evidence]\ncertificate = 1", |index, line| {
        Some(match index {
            7 if line.contains(&prints[0]) => line.replace(&prints[0], &prints[1]),
            7 => line.replace(&prints[1], &prints[0]),
            _ => line.to_owned(),
        })
    });
    assert_eq!(
        (found.right, found.wrong, found.missing),
        (39, 1, 0),
        "{found:?}"
    );
    assert!(!found.is_perfect());
    assert_eq!(found.examples.len(), 1);
}

#[test]
fn missing_unknown_doubled_and_strange_lines_are_told_apart() {
    let bench = Bench::new(2);
    let prints: Vec<String> = bench
        .pki
        .tenants
        .iter()
        .map(|one| one.fingerprint.clone())
        .collect();
    let found = judged(
        &bench,
        "[evidence]\ncertificate = 1",
        |index, line| match index {
            3 => None,
            4 => Some(format!("{line}\n{line}")),
            5 => Some(line.replace(&prints[0], "ff").replace(&prints[1], "ff")),
            6 => Some(format!(
                "{{\"mail\":\"FROM:<tl-00000000-1-0@x.test>\"}}\n{line}"
            )),
            _ => Some(line.to_owned()),
        },
    );
    assert_eq!(found.missing, 1, "{found:?}");
    assert_eq!(found.unknown, 1);
    assert_eq!(found.duplicates, 1);
    assert_eq!(found.right, 38);
    assert_eq!(found.wrong, 0);
}

#[test]
fn what_must_become_nobodys_is_wrong_under_any_tenant() {
    let bench = Bench::new(2);
    let found = judged(&bench, "[evidence]\nunattributable = 1", |index, line| {
        // The upstream saw the peer's certificate, which is no tenant's.
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["fingerprint"] = serde_json::Value::Null;
        if index == 0 {
            value["tenant"] = "tenant-0002".into();
        }
        Some(value.to_string())
    });
    assert_eq!((found.right, found.wrong), (39, 1), "{found:?}");
    assert_eq!(found.tenants[0].name, None);
}

#[test]
fn a_certificate_that_does_not_verify_is_nobodys() {
    let bench = Bench::new(2);
    let (server, other) = bench.server();
    let mut settings =
        UpstreamSettings::starttls(&server, &[&other]).demanding(ClientCertificates::Request);
    settings.journal_file = Some(bench.path().join("journal.jsonl"));
    let upstream = bench.upstream(settings);
    let more = "[evidence]\ncertificate = 1\n[check]\njournal = 'journal.jsonl'\nsettle = '9s'\n[pace]\nconnections = 2\nmessages = 10\n";
    let found = run(bench.plan(&upstream, more)).correctness.unwrap();
    assert_eq!(
        (found.right, found.wrong, found.expected),
        (0, 10, 10),
        "{found:?}"
    );
    assert!(found.examples[0].contains("did not verify"), "{found:?}");
}

#[test]
fn a_journal_that_nobody_can_write_is_told_before_anything_is_sent() {
    let bench = Bench::new(1);
    let nowhere = bench.path().join("nowhere/lab.jsonl");
    for journal in [nowhere, bench.path().to_owned()] {
        let mut plan = bench.plan_for("127.0.0.1:9", "starttls", PACE);
        plan.check = Some(check(&journal));
        let running = Run::prepare(plan).unwrap().start(Goal::Measure).unwrap();
        let Err(RunError::Journal { path, .. }) = running.finish() else {
            panic!("{} is taken", journal.display());
        };
        assert_eq!(path, journal);
    }
}
