//! The program from outside: exit codes, and what is printed where.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod explain;
mod import;
mod lint;
mod load;
mod load_attribution;
mod load_readme;
mod load_view;
mod probe;
mod replay;
mod sink;
mod world;

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::world::{CANNOT_BIND, CONFIG, CONFIGURATION, OK, USAGE, World, program, tenantry, text};

#[test]
fn wrong_usage_is_64() {
    for arguments in [
        &[][..],
        &["dance"],
        &["run"],
        &["check"],
        &["check", "--config"],
        &["check", "--config", "a", "--colour"],
        &["explain", "--config", "a"],
        &["explain", "--config", "a", "--mail-from", "a@b.c"],
        &[
            "explain",
            "--config",
            "a",
            "--batch",
            "-",
            "--mail-from",
            "a@b.c",
        ],
        &[
            "explain",
            "--config",
            "a",
            "--mail-from",
            "",
            "--rcpt-to",
            "a@b.c",
            "--peer",
            "here",
        ],
        &["replay", "--old", "a", "--new", "b"],
        &["replay", "--old", "a", "log"],
        &["replay", "--new", "b", "log"],
        &["pki"],
        &["pki", "somewhere", "--tenants", "many"],
        &["completions", "no-shell"],
    ] {
        let output = tenantry(arguments);
        assert_eq!(output.status.code(), Some(USAGE), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_0() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["explain", "--help"],
        &["lint", "--help"],
        &["replay", "--help"],
    ] {
        let output = tenantry(arguments);
        assert_eq!(output.status.code(), Some(OK), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_wrong_configuration_is_78_and_everything_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.toml");
    fs::write(&path, "hostnam = 5\n\n[[tenant]]\nname = \"contoso\"\n").unwrap();
    let config = path.to_str().unwrap();
    for arguments in [
        &["check", "--config", config][..],
        &["run", "--config", config],
        &[
            "explain",
            "--config",
            config,
            "--mail-from",
            "",
            "--rcpt-to",
            "a@b.c",
        ],
    ] {
        let output = tenantry(arguments);
        assert_eq!(output.status.code(), Some(CONFIGURATION), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        for part in [
            &format!("{config}:1: hostnam: unknown key; what to do: did you mean hostname?"),
            &format!("{config}: listener: is missing"),
            &format!("{config}:3: tenant \"contoso\".upstream: is missing"),
            &format!("{config}:3: tenant \"contoso\".certificate: is missing"),
            &format!("{config}:3: tenant \"contoso\".key: is missing"),
        ] {
            assert!(told.contains(part.as_str()), "{part}\n{told}");
        }
    }
    let missing = tenantry(&["check", "--config", "/nowhere/relay.toml"]);
    assert_eq!(missing.status.code(), Some(CONFIGURATION));
}

#[test]
fn check_says_what_a_configuration_amounts_to() {
    let world = World::new();
    let output = tenantry(&["check", "--config", world.config()]);
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    for part in [
        "no errors, 2 warnings",
        "lies within *.tenant-0001.example of tenant \"tenant-0001\"",
        "effective configuration",
        "limits.recipients ",
        "500",
        "timeouts.upstream_end",
        "570s",
        "listener \"127.0.0.1:2525\".tls",
        "starttls-required",
        "ownership",
        "sender       *.tenant-0001.example     tenant-0001",
        "certificate  mail.tenant-0002.example ",
        "certificates",
        "listener 127.0.0.1:2525",
        "fingerprint (SHA-256)",
        "364",
        "peers",
        "10.1.0.0/24",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
    assert!(!report.contains("PRIVATE KEY"));
}

#[test]
fn includes_are_relative_to_the_file_wherever_one_stands() {
    let world = World::new();
    let (general, tenants) = CONFIG.split_once("[[tenant]]").unwrap();
    let tenants = format!("[[tenant]]{tenants}").replace("\"authority.pem", "\"../authority.pem");
    let at = world.folder.path();
    fs::write(
        &world.path,
        format!("include = [\"parts/*.toml\"]\n{general}"),
    )
    .unwrap();
    fs::create_dir(at.join("parts")).unwrap();
    let tenants = tenants.replace("\"tenants/", "\"../tenants/");
    fs::write(
        at.join("parts/tenants.toml"),
        format!("{tenants}colour = 1\n"),
    )
    .unwrap();
    for (from, config, told) in [
        (
            at,
            "relay.toml",
            "parts/tenants.toml:18: tenant \"tenant-0002\".colour: unknown key",
        ),
        (at, "./relay.toml", "parts/tenants.toml:18: "),
        (
            &at.join("parts"),
            "../relay.toml",
            "../parts/tenants.toml:18: ",
        ),
    ] {
        let output = Command::new(program())
            .args(["check", "--config", config])
            .current_dir(from)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(CONFIGURATION));
        assert!(
            text(&output.stderr).contains(told),
            "{}",
            text(&output.stderr)
        );
        assert!(
            text(&output.stderr).contains("1 error,"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn an_address_that_is_taken_is_69() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = fs::read_to_string(&world.path).unwrap();
    fs::write(&world.path, text.replace("127.0.0.1:2525", &address)).unwrap();
    let output = tenantry(&["run", "--config", world.config()]);
    assert_eq!(output.status.code(), Some(CANNOT_BIND));
}

#[test]
fn pki_never_overwrites() {
    let folder = TempDir::new().unwrap();
    let at = folder.path().join("new");
    let arguments = ["pki", at.to_str().unwrap(), "--tenants", "2"];
    let made = tenantry(&arguments);
    assert_eq!(made.status.code(), Some(OK), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("mail.tenant-0002.example"));
    assert!(at.join("tenants/tenant-0002.key").exists());
    assert!(!at.join("tenants/tenant-0003.key").exists());
    let before = fs::read(at.join("relay.key")).unwrap();
    assert_eq!(tenantry(&arguments).status.code(), Some(USAGE));
    assert_eq!(fs::read(at.join("relay.key")).unwrap(), before);
}

#[test]
fn packages_get_completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let output = tenantry(&["completions", shell]);
        assert_eq!(output.status.code(), Some(OK));
        assert!(text(&output.stdout).contains("quickstart"));
    }
    let folder = TempDir::new().unwrap();
    let output = tenantry(&["man", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(OK));
    for page in [
        "tenantry.1",
        "tenantry-run.1",
        "tenantry-explain.1",
        "tenantry-replay.1",
    ] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}
