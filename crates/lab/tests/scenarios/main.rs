//! Every scenario as a folder: the world reads back as it was meant.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends by panicking"
)]

mod client;
mod sockets;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tenantry_lab::attribution::Forest;
use tenantry_lab::events::{Change, Substitutions};
use tenantry_lab::explain::Batch;
use tenantry_lab::file::Lab;
use tenantry_lab::scenario::{Folder, InitError, InitPlan, Scenario};

pub(crate) fn plan(scenario: Scenario) -> InitPlan {
    InitPlan {
        scenario,
        address: [127, 0, 0, 1].into(),
        first_port: 2531,
        relay_port: 2525,
    }
}

pub(crate) fn load(path: &Path) -> Lab {
    Lab::load(path).unwrap_or_else(|problems| {
        // The whole text helps more than a Debug form.
        assert_eq!(problems.to_string(), "", "{}", path.display());
        Lab::default()
    })
}

#[test]
fn every_scenario_makes_a_world_that_can_be_read() {
    for scenario in Scenario::all().unwrap() {
        let folder = TempDir::new().unwrap();
        let name = scenario.name.clone();
        let path = folder.path().join(&name);
        let made = Folder::create(&path, &plan(scenario.with_tenants(2))).unwrap();
        for world in [path.clone(), path.join("world.toml")] {
            let lab = load(&world);
            assert_eq!(lab.world.tenants.len(), made.tenants, "{name}");
            assert_eq!(lab.endpoints.len(), made.layout.endpoints.len(), "{name}");
            assert!(lab.server.is_some(), "{name}");
            for (played, taken_as) in &made.layout.addresses {
                assert_eq!(lab.addresses.taken_as(*played), *taken_as, "{name}");
            }
        }
    }
}

#[test]
fn every_scenario_leads_to_what_it_promises() {
    let mut played = 0;
    for scenario in Scenario::all().unwrap() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box");
        let events = scenario.events.clone();
        Folder::create(&path, &plan(scenario.with_tenants(2))).unwrap();
        let mut lab = load(&path);
        played += play(
            &path,
            &lab,
            &Substitutions::default(),
            ["sample", "expected"],
        );
        let mut rotated = Substitutions::default();
        for event in events {
            let change: Change = event.parse().unwrap();
            change.apply(&mut lab.world, &mut rotated).unwrap();
        }
        played += play(&path, &lab, &rotated, ["after", "expected-after"]);
    }
    assert!(played > 200, "{played} messages are few");
}

/// Asks the questions of one file and compares with the other; says how many they were.
fn play(path: &Path, lab: &Lab, rotated: &Substitutions, files: [&str; 2]) -> usize {
    let [questions, expected] = files.map(|file| {
        let file = path.join(format!("{file}.jsonl"));
        fs::read(&file).unwrap_or_default()
    });
    let forest = Forest::new(lab.world.clone());
    let mut answers = Vec::new();
    Batch::new(&forest)
        .with_rotated(rotated.clone())
        .run(questions.as_slice(), &mut answers)
        .unwrap();
    let (answers, expected) = (lines(&answers), lines(&expected));
    assert_eq!(answers.len(), expected.len(), "{lab:?}");
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer["id"], expected["id"]);
        let given = answer["results"].as_array().unwrap();
        let wanted = expected["results"].as_array().unwrap();
        assert_eq!(given.len(), wanted.len(), "{answer}");
        for (given, wanted) in given.iter().zip(wanted) {
            for (key, value) in wanted.as_object().unwrap() {
                assert_eq!(&given[key], value, "{key} of {answer:#}");
            }
        }
    }
    answers.len()
}

fn lines(text: &[u8]) -> Vec<Value> {
    let lines = text
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn a_tenant_of_a_scenario_reads_back_with_every_property() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("box");
    Folder::create(&path, &plan(Scenario::named("vectors").unwrap())).unwrap();
    let lab = load(&path);
    let tenant = |name: &str| {
        let index = lab.world.tenant_named(name).unwrap();
        lab.world.tenant(index).unwrap()
    };
    let fabrikam = tenant("B");
    assert_eq!(fabrikam.region.as_str(), "EUR");
    let domain = fabrikam.accepted_domains.first().unwrap();
    assert_eq!(domain.domain.as_str(), "fabrikam.com");
    assert!(domain.match_subdomains);
    let partner = tenant("D").inbound_connectors.iter();
    let partner = partner.last().expect("two connectors");
    assert_eq!(partner.name, "DP");
    assert!(partner.restrict_domains_to_ip_addresses);
    assert_eq!(partner.sender_ip_addresses.len(), 1);
}

#[test]
fn nothing_is_overwritten_and_nothing_made_of_a_plan_that_cannot_be() {
    let folder = TempDir::new().unwrap();
    let scenario = || Scenario::named("healthy").unwrap().with_tenants(3);
    fs::write(folder.path().join("mine"), "mine").unwrap();
    let taken = Folder::create(folder.path(), &plan(scenario())).unwrap_err();
    assert!(matches!(taken, InitError::NotEmpty(_)), "{taken}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let new = folder.path().join("new");
    for (first_port, relay_port) in [(0, 2525), (2531, 0), (65_534, 2525), (2524, 2525)] {
        let plan = InitPlan {
            first_port,
            relay_port,
            ..plan(scenario())
        };
        let refused = Folder::create(&new, &plan).unwrap_err();
        assert!(matches!(refused, InitError::Ports { .. }), "{refused}");
    }
    let nobody = Scenario::named("healthy").unwrap();
    let refused = Folder::create(&new, &plan(nobody)).unwrap_err();
    assert!(matches!(refused, InitError::NoTenants), "{refused}");
    assert!(!new.exists());

    let file = folder.path().join("mine");
    let refused = Folder::create(&file, &plan(scenario())).unwrap_err();
    assert!(matches!(refused, InitError::Write { .. }), "{refused}");
}
