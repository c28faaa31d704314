//! `tenantry replay` from outside.

use std::fs;

use crate::world::{CONFIG, CONFIGURATION, OK, USAGE, World, fed, tenantry, text};

const CHANGED: i32 = 1;

const LOG: &str = concat!(
    "{\"mail_from\":\"u@tenant-0001.example\",\"rcpt_to\":[\"x@example.net\"],\"peer\":\"10.1.0.9\"}\n",
    "{\"mail_from\":\"u@b.tenant-0001.example\",\"rcpt_to\":[\"x@example.net\"],\"peer\":\"10.1.0.9\"}\n",
    "nonsense\n",
    "{\"message\":\"session closed\",\"level\":\"INFO\"}\n",
    "{\"mail_from\":\"u@b.tenant-0001.example\",\"rcpt_to\":[\"y@example.org\"],\"peer\":\"10.1.0.9\"}\n",
);

/// Two configurations, of which the second gives a subdomain to the other tenant, and a log.
fn world() -> (World, [String; 3]) {
    let world = World::new();
    let path = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    let files = [path("relay.toml"), path("next.toml"), path("log.jsonl")];
    let next = CONFIG.replace("\"b.tenant-0001.example\", ", "");
    fs::write(&files[1], next).unwrap();
    fs::write(&files[2], LOG).unwrap();
    (world, files)
}

#[test]
fn nothing_changes_is_0_and_something_is_1() {
    let (_world, [old, new, log]) = world();
    let same = tenantry(&["replay", "--old", &old, "--new", &old, &log]);
    assert_eq!(same.status.code(), Some(OK), "{}", text(&same.stderr));
    assert!(text(&same.stdout).starts_with("0 of 3 envelopes change"));
    let other = tenantry(&["replay", "--old", &old, "--new", &new, &log]);
    assert_eq!(other.status.code(), Some(CHANGED));
    assert!(other.stderr.is_empty(), "{}", text(&other.stderr));
    let back = fed(&["replay", "--old", &new, "--new", &old, "-"], LOG);
    assert_eq!(back.status.code(), Some(CHANGED));
    assert!(text(&back.stdout).contains("owner       tenant-0001 -> tenant-0002"));
}

#[test]
fn the_text_names_what_changes_and_every_line_that_was_not_decided() {
    let (_world, [old, new, log]) = world();
    let output = tenantry(&["replay", "--old", &old, "--new", &new, &log]);
    let told = text(&output.stdout);
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| !line.starts_with("  identity "))
        .collect();
    let (first, obstacle) = (lines.first().unwrap(), lines.last().unwrap());
    assert_eq!(
        *first,
        format!("2 of 3 envelopes change from {old} to {new}")
    );
    assert_eq!(*obstacle, format!("  {log}:3: not a JSON object"));
    let between = lines.get(1..lines.len() - 1).unwrap().join("\n");
    let expected = "
2 envelopes: owner, identity (first in line 2)
  owner       tenant-0002 -> tenant-0001
  basis       sender
  upstream    localhost:2526
  recipients  accepted
  from        b.tenant-0001.example
  to          example.net, example.org

1 line about no transaction passed over
1 line cannot be decided again: not-readable 1";
    assert_eq!(between, expected);
}

#[test]
fn one_envelope_is_told_as_one() {
    let (_world, [old, new, log]) = world();
    let one = LOG.lines().nth(1).unwrap();
    fs::write(&log, one).unwrap();
    let output = tenantry(&["replay", "--old", &old, "--new", &new, &log]);
    let told = text(&output.stdout);
    assert!(told.starts_with("1 of 1 envelope changes from "), "{told}");
    assert!(
        told.contains("\n1 envelope: owner, identity (first in line 1)\n"),
        "{told}"
    );
}

#[test]
fn json_is_one_line_for_programs() {
    let (_world, [old, new, log]) = world();
    let output = tenantry(&["replay", "--old", &old, "--new", &new, "--json", &log]);
    assert_eq!(output.status.code(), Some(CHANGED));
    let told = text(&output.stdout);
    assert_eq!(told.lines().count(), 1);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let at = |pointer: &str| told.pointer(pointer).unwrap().clone();
    assert_eq!(at("/changed"), 2);
    assert_eq!(at("/lines"), 5);
    assert_eq!(at("/changes/0/new/tenant"), "tenant-0001");
    assert_eq!(
        at("/changes/0/differs"),
        serde_json::json!(["owner", "identity"])
    );
    assert_eq!(at("/not_replayable/first/0/line"), 3);
    assert_eq!(at("/not_replayable/reasons/not-readable"), 1);
}

#[test]
fn every_key_of_the_json_is_in_the_documentation() {
    let documentation = include_str!("../../../../docs/replay.md");
    let (_world, [old, new, log]) = world();
    let output = tenantry(&["replay", "--old", &old, "--new", &new, "--json", &log]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut waiting = vec![&told];
    let mut keys = Vec::new();
    while let Some(value) = waiting.pop() {
        if let Some(list) = value.as_array() {
            waiting.extend(list);
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            keys.push(key);
            waiting.push(value);
        }
    }
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        assert!(documentation.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn a_log_that_is_none_is_64() {
    let (world, [old, new, log]) = world();
    let missing = tenantry(&["replay", "--old", &old, "--new", &new, "/nowhere.jsonl"]);
    assert_eq!(missing.status.code(), Some(USAGE));
    assert!(text(&missing.stderr).contains("/nowhere.jsonl: "));
    let folder = world.folder.path().to_str().unwrap();
    let folder = tenantry(&["replay", "--old", &old, "--new", &new, folder]);
    assert_eq!(folder.status.code(), Some(USAGE));
    fs::write(&log, "2026-11-23T09:00:00Z  INFO transaction closed\n").unwrap();
    let words = tenantry(&["replay", "--old", &old, "--new", &new, &log]);
    assert_eq!(words.status.code(), Some(USAGE));
    assert!(text(&words.stderr).contains("log.format = \"json\""));
    fs::write(&log, "").unwrap();
    let empty = tenantry(&["replay", "--old", &old, "--new", &new, &log]);
    assert_eq!(empty.status.code(), Some(OK));
}

#[test]
fn a_wrong_configuration_is_78_whichever_it_is() {
    let (_world, [old, new, log]) = world();
    fs::write(&new, "hostname = 5\n").unwrap();
    for arguments in [
        ["replay", "--old", &old, "--new", &new, &log],
        ["replay", "--old", &new, "--new", &old, &log],
        ["replay", "--old", &new, "--new", "/nowhere.toml", &log],
    ] {
        let output = tenantry(&arguments);
        assert_eq!(output.status.code(), Some(CONFIGURATION), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(&format!("{new}:1: hostname: ")), "{told}");
        let nowhere = arguments.contains(&"/nowhere.toml");
        assert_eq!(told.contains("/nowhere.toml"), nowhere, "{told}");
    }
}

#[test]
fn check_checks_the_shadow_too_and_says_so() {
    let (world, [_old, new, _log]) = world();
    fs::write(&world.path, format!("shadow = \"next.toml\"\n{CONFIG}")).unwrap();
    let good = tenantry(&["check", "--config", world.config()]);
    assert_eq!(good.status.code(), Some(OK), "{}", text(&good.stderr));
    let told = text(&good.stdout);
    let said = format!("shadow {new}: no errors; decides beside for 2 tenants and never acts");
    assert!(told.contains(&said), "{told}");
    fs::write(&new, "hostname = 5\n").unwrap();
    let bad = tenantry(&["check", "--config", world.config()]);
    assert_eq!(bad.status.code(), Some(CONFIGURATION));
    let told = text(&bad.stderr);
    assert!(told.contains(&format!("{new}:1: hostname: ")), "{told}");
    assert!(told.contains("relay.toml:1: shadow: has "), "{told}");
    let run = tenantry(&["run", "--config", world.config()]);
    assert_eq!(run.status.code(), Some(CONFIGURATION));
}
