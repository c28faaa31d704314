//! `tenantry load attribution`, `report` and `compare` from outside: what they take, and the exit
//! codes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::world::{CONFIGURATION, OK, USAGE, tenantry, text};

/// A directory so small, and measured so briefly, that it takes no time.
const SMALL: [&str; 10] = [
    "load",
    "attribution",
    "--json",
    "--tenants",
    "20",
    "--names",
    "4",
    "--seconds",
    "0.02",
    "--threads=1,2",
];

fn measured(more: &[&str]) -> Value {
    let done = tenantry(&[&SMALL[..], more].concat());
    assert_eq!(done.status.code(), Some(OK), "{}", text(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn at<'v>(value: &'v Value, place: &str) -> &'v Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

#[test]
fn a_made_up_directory_is_measured_with_every_number_of_threads() {
    let found = measured(&["--messages", "500", "--batch", "16"]);
    assert_eq!(at(&found, "/directory/tenants"), 20);
    assert_eq!(at(&found, "/directory/names"), 80);
    assert_eq!(at(&found, "/evidence/messages"), 500);
    assert_eq!(at(&found, "/evidence/right"), 500);
    assert_eq!(at(&found, "/batch"), 16);
    let runs = at(&found, "/measured").as_array().unwrap();
    let rows: Vec<String> = runs
        .iter()
        .map(|run| format!("{} {}", at(run, "/work"), at(run, "/threads")))
        .collect();
    let expected = [
        "\"session\" 1",
        "\"session\" 2",
        "\"transaction\" 1",
        "\"transaction\" 2",
    ];
    assert_eq!(rows, expected);
    for run in runs {
        assert!(
            at(run, "/decisions_per_second").as_f64() > Some(0.0),
            "{run}"
        );
        assert!(
            at(run, "/p50_ns").as_f64() <= at(run, "/p99_ns").as_f64(),
            "{run}"
        );
    }
}

#[test]
fn made_up_evidence_reads_back_from_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.jsonl");
    let path = path.to_str().unwrap();
    let made = measured(&["--messages", "300", "--write-evidence", path]);
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 300);
    let read = measured(&["--evidence", path]);
    for place in [
        "messages",
        "by_certificate",
        "by_sender",
        "by_recipient",
        "unattributed",
        "conflicts",
    ] {
        let place = format!("/evidence/{place}");
        assert_eq!(at(&made, &place), at(&read, &place), "{place}");
    }
    assert_eq!(at(&read, "/evidence/right"), &Value::Null);
}

#[test]
fn what_cannot_be_measured_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.jsonl");
    fs::write(
        &broken,
        "{\"mail_from\":\"\",\"rcpt_to\":[\"a@b.example\"]}\nno\n",
    )
    .unwrap();
    let broken = broken.to_str().unwrap();
    for (more, words) in [
        (&["--mix", "cert=1"][..], "is none of certificate"),
        (&["--wildcards", "2"], "not a number from 0 to 1"),
        (&["--threads", "0"], "0 is not in 1..=512"),
        (&["--evidence", broken], "broken.jsonl:2: not a JSON object"),
        (
            &["--evidence", "nowhere.jsonl"],
            "cannot read nowhere.jsonl",
        ),
        (
            &["--config", "x.toml", "--evidence", broken],
            "cannot be used with",
        ),
    ] {
        let done = tenantry(&[&SMALL[..], more].concat());
        assert_eq!(done.status.code(), Some(USAGE), "{more:?}");
        assert!(
            text(&done.stderr).contains(words),
            "{more:?}: {}",
            text(&done.stderr)
        );
    }
    let done = tenantry(&[
        "load",
        "attribution",
        "--config",
        "nowhere.toml",
        "--evidence",
        broken,
    ]);
    assert_eq!(done.status.code(), Some(CONFIGURATION));
}

#[test]
fn what_is_no_result_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let other = write("other.json", "{\"format\": 99}");
    let none = write("none.json", "[]");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    for arguments in [
        vec!["load", "report", &path(&none)],
        vec![
            "load",
            "report",
            &path(&other),
            "--html",
            &path(&folder.path().join("x.html")),
        ],
        vec!["load", "compare", &path(&none), &path(&other)],
        vec!["load", "compare", &path(&none)],
        vec!["load", "compare"],
    ] {
        let done = tenantry(&arguments);
        assert_eq!(done.status.code(), Some(USAGE), "{arguments:?}");
        assert!(!done.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!folder.path().join("x.html").exists());
}

#[test]
fn one_tenant_alone_is_measured_without_conflicts() {
    let alone = ["load", "attribution", "--tenants", "1", "--messages", "50"];
    let brief = ["--seconds", "0.01", "--threads", "1", "--json"];
    let output = tenantry(&[&alone[..], &brief].concat());
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(text(&output.stderr).contains("cannot be in conflict"));
    let mix = ["--mix", "certificate=1,sender=1"];
    let output = tenantry(&[&alone[..], &brief, &mix].concat());
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
}
