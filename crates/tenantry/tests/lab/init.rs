//! `tenantry lab init` and `tenantry lab scenarios`.

use std::fs;

use tempfile::TempDir;

use crate::program::{Box, OK, USAGE, init, lines, tenantry, text};

#[test]
fn every_scenario_is_listed_and_makes_a_relay_configuration_that_check_accepts() {
    let listed = tenantry(&["lab", "scenarios", "--json"]);
    assert_eq!(listed.status.code(), Some(OK));
    let scenarios = lines(&listed.stdout);
    assert!(scenarios.len() > 25);
    let people = text(&tenantry(&["lab", "scenarios"]).stdout);
    for scenario in scenarios {
        let name = scenario["name"].as_str().unwrap();
        assert!(people.contains(name), "{name}");
        for anti_pattern in scenario["shows"].as_array().unwrap() {
            let id = anti_pattern.as_str().unwrap();
            assert!(id.starts_with("EXO-L") && people.contains(id), "{id}");
        }
        let made = Box::new(&["--scenario", name]);
        assert!(made.told.contains("tenantry lab run --world"), "{name}");
        let checked = tenantry(&["check", "--config", &made.file("relay.toml")]);
        let complaints = text(&checked.stderr);
        assert_eq!(checked.status.code(), Some(OK), "{name}: {complaints}");
    }
    let one = text(&tenantry(&["lab", "scenarios", "shared-ip"]).stdout);
    assert!(one.contains("remedy:") && one.contains("EXO-L02"), "{one}");
}

#[test]
fn the_seed_s_anti_patterns_are_there() {
    let listed = lines(&tenantry(&["lab", "scenarios", "--json"]).stdout);
    for name in [
        "healthy",
        "shared-ip",
        "certificate-domain-not-accepted",
        "wildcard-capture",
        "one-certificate-two-tenants",
        "null-sender-ip-connector",
        "locked-down-partner-after-renewal",
        "add-on-shared-certificate",
        "add-on-certificate-per-customer",
        "one-server-many-tenants",
        "one-server-many-tenants-with-tenantry",
        "refusals",
        "vectors",
    ] {
        assert!(listed.iter().any(|one| one["name"] == name), "{name}");
    }
}

#[test]
fn init_makes_as_many_tenants_as_asked_for_beside_those_of_the_scenario() {
    let tenants = |made: &Box| fs::read_dir(made.path.join("tenants")).unwrap().count();
    assert_eq!(tenants(&Box::new(&[])), 3);
    assert_eq!(tenants(&Box::new(&["--tenants", "7"])), 7);
    assert_eq!(tenants(&Box::new(&["--scenario", "shared-ip"])), 2);
    let both = Box::new(&["--scenario", "shared-ip", "--tenants", "2"]);
    assert_eq!(tenants(&both), 4);
    for file in [
        "tenant.toml",
        "InboundConnector.json",
        "AcceptedDomain.json",
    ] {
        assert!(both.path.join("tenants/tenant-0001").join(file).is_file());
    }
}

#[test]
fn init_never_overwrites() {
    let made = Box::new(&[]);
    let before = fs::read(made.path.join("pki/authority.pem")).unwrap();
    let again = init(&made.path, &[]);
    assert_eq!(again.status.code(), Some(USAGE));
    assert!(text(&again.stderr).contains("is not empty"));
    assert_eq!(
        fs::read(made.path.join("pki/authority.pem")).unwrap(),
        before
    );
}

#[test]
fn what_init_cannot_make_is_64_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("box");
    for (arguments, part) in [
        (&["--scenario", "nonsense"][..], "lab scenarios"),
        (&["--tenants", "0"], "without tenants"),
        (&["--tenants", "-1"], "-1"),
        (&["--tenants", "100001"], "100000"),
        (&["--port", "65535"], "do not suffice"),
        (&["--port", "2524"], "do not suffice"),
        (&["--port", "0"], "--port"),
        (&["--address", "localhost"], "--address"),
    ] {
        let refused = init(&path, arguments);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(USAGE), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
        assert!(!path.exists(), "{arguments:?}");
    }
    let unknown = tenantry(&["lab", "scenarios", "nonsense"]);
    assert_eq!(unknown.status.code(), Some(USAGE));
}

#[test]
fn every_command_of_the_lab_has_help_with_an_example() {
    for command in ["init", "run", "explain", "move", "scenarios"] {
        let help = tenantry(&["lab", command, "--help"]);
        assert_eq!(help.status.code(), Some(OK));
        let example = format!("\n  tenantry lab {command}");
        assert!(text(&help.stdout).contains(&example), "{command}");
        let short = text(&tenantry(&["lab", command, "-h"]).stdout);
        assert!(!short.contains(&example), "{command}");
    }
}

#[test]
fn no_folder_of_init_is_empty() {
    for name in ["healthy", "shared-ip", "wildcard-capture"] {
        let made = Box::new(&["--scenario", name]);
        for below in ["pki", "pki/clients", "pki/tenants", "tenants"] {
            if let Ok(mut entries) = fs::read_dir(made.path.join(below)) {
                assert!(entries.next().is_some(), "{name}: {below}");
            }
        }
    }
}

#[test]
fn no_output_begins_with_an_empty_line() {
    for arguments in [
        &["lab", "scenarios"][..],
        &["lab", "scenarios", "shared-ip"],
    ] {
        let told = text(&tenantry(arguments).stdout);
        assert!(!told.is_empty() && !told.starts_with('\n'), "{told}");
    }
}
