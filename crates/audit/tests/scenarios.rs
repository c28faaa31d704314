//! Whole worlds of the lab, as `tenantry lab init` makes them: healthy ones have no finding, each
//! scenario has those it was made to show, and after its remedy they are gone.

#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_lab::events::{Change, Substitutions};
use tenantry_lab::export::write;
use tenantry_lab::file::Lab;
use tenantry_lab::scenario::{Folder, InitPlan, Scenario};

/// What a scenario shows and no file of its folder says.
const UNSEEN: &[(&str, &str, &str)] = &[
    ("expired-certificate", "EXO-L24", NO_SEND_CONNECTOR),
    ("expired-certificate", "EXO-L25", NO_SEND_CONNECTOR),
    ("one-certificate-two-tenants", "EXO-L28", NO_SEND_CONNECTOR),
    ("one-server-many-tenants", "EXO-L28", NO_SEND_CONNECTOR),
    ("one-server-many-tenants", "EXO-L29", NO_SEND_CONNECTOR),
    ("send-connector-without-tls", "EXO-L27", NO_SEND_CONNECTOR),
    ("wrong-region", "EXO-L30", NO_SEND_CONNECTOR),
    ("sender-and-certificate-not-accepted", "EXO-L18", NO_SENDER),
    ("subdomain-sender", "EXO-L17", NO_SENDER),
    (
        "test-tenant-mix-up",
        "EXO-L20",
        "the domain is in one tenant before it moves, and in one after",
    ),
];

const NO_SEND_CONNECTOR: &str = "the servers on premises are known by their messages alone";
const NO_SENDER: &str = "which senders there are is known by the messages alone";

/// What is still said after the scenario's events.
const STAYS: &[(&str, &str, &str)] = &[
    (
        "restrict-flags-on-onpremises",
        "EXO-L08",
        "a Partner connector does what the flags were meant for; they are still there",
    ),
    ("subdomain-sender", "EXO-L04", STILL_ADDRESSES),
    ("unusable-address", "EXO-L04", STILL_ADDRESSES),
    (
        "unusable-address",
        "EXO-L14",
        "one of several unusable addresses is repaired",
    ),
    (
        "test-tenant-mix-up",
        "EXO-L05",
        "the event is the mix-up, not its remedy",
    ),
];

const STILL_ADDRESSES: &str = "the remedy leaves the connector with addresses";

#[test]
fn a_healthy_world_of_fifty_tenants_has_no_finding() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("box");
    init(&path, Scenario::named("healthy").unwrap().with_tenants(50));
    let (found, text) = lint(&path);
    assert!(found.is_empty(), "{text}");
}

#[test]
fn every_scenario_has_the_findings_that_it_shows() {
    let mut problems = String::new();
    let mut shown = 0;
    for scenario in Scenario::all().unwrap() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box");
        let scenario = scenario.with_tenants(2);
        init(&path, scenario.clone());
        let (found, text) = lint(&path);
        for rule in &scenario.shows {
            let unseen = UNSEEN.iter().any(|row| is(row, &scenario, rule));
            shown += usize::from(!unseen);
            if found.contains(rule) == unseen {
                let name = &scenario.name;
                writeln!(problems, "{name}: {rule} (unseen: {unseen})\n{text}").unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(shown > 20, "{shown} rules are few");
}

#[test]
fn after_its_remedy_a_scenario_has_none_of_them() {
    let mut problems = String::new();
    for scenario in Scenario::all().unwrap() {
        if scenario.remedy.is_none() || scenario.events.is_empty() {
            continue;
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box");
        init(&path, scenario.clone());
        repair(&path, &scenario);
        let (found, text) = lint(&path);
        for rule in &scenario.shows {
            let stays = STAYS.iter().any(|row| is(row, &scenario, rule));
            if found.contains(rule) != stays {
                let name = &scenario.name;
                writeln!(problems, "{name}: {rule} (stays: {stays})\n{text}").unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn every_repaired_scenario_has_none_of_the_findings_of_its_bad_one() {
    let mut problems = String::new();
    for scenario in Scenario::all().unwrap() {
        let Some(repaired) = &scenario.repaired else {
            continue;
        };
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box");
        init(&path, Scenario::named(repaired).unwrap());
        let (found, text) = lint(&path);
        for rule in scenario.shows.iter().filter(|rule| found.contains(*rule)) {
            writeln!(problems, "{repaired}: {rule}\n{text}").unwrap();
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

fn is(row: &(&str, &str, &str), scenario: &Scenario, rule: &str) -> bool {
    row.0 == scenario.name && row.1 == rule && !row.2.is_empty()
}

fn init(path: &Path, scenario: Scenario) {
    let plan = InitPlan {
        scenario,
        address: [127, 0, 0, 1].into(),
        first_port: 2531,
        relay_port: 2525,
    };
    Folder::create(path, &plan).unwrap();
}

/// The rules that found something, and what lint prints.
fn lint(path: &Path) -> (BTreeSet<String>, String) {
    let options = ReadOptions::at(jiff::Timestamp::now());
    let inventory = Inventory::read(&[path.to_owned()], &options);
    let findings = tenantry_audit::lint(&inventory, &[]);
    let mut out = Vec::new();
    let report = Report::new(&inventory, &findings);
    output::text(&mut out, &report, Colours::None).unwrap();
    let rules = findings.iter().map(|finding| finding.rule.id.to_owned());
    (rules.collect(), String::from_utf8(out).unwrap())
}

/// Exports the tenants anew as they are after the scenario's events.
fn repair(path: &Path, scenario: &Scenario) {
    let mut lab = Lab::load(path).unwrap();
    let mut rotated = Substitutions::default();
    for event in &scenario.events {
        let change: Change = event.parse().unwrap();
        change.apply(&mut lab.world, &mut rotated).unwrap();
    }
    for tenant in &lab.world.tenants {
        let folder = path.join("tenants").join(&tenant.name);
        let connectors = tenant.inbound_connectors.iter();
        let domains = tenant.accepted_domains.iter();
        let files = [
            (
                "InboundConnector",
                connectors.map(write::inbound_connector).collect(),
            ),
            (
                "AcceptedDomain",
                domains.map(write::accepted_domain).collect(),
            ),
            (
                "OrganizationConfig",
                write::organization(&tenant.organization),
            ),
        ];
        for (name, value) in files {
            let value: Value = value;
            fs::write(folder.join(name).with_extension("json"), value.to_string()).unwrap();
        }
    }
}
