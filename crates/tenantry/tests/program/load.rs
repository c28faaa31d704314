//! `tenantry load` from outside: a sink, the relay between, results and exit codes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CONFIGURATION, OK, USAGE, program, tenantry, text};

const FOUND: i32 = 1;

/// A process that ends with the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Certificates, a sink with a journal, and the folder that everything is in.
struct Setting {
    folder: TempDir,
    sink: SocketAddr,
    _process: Started,
}

impl Setting {
    fn new(tenants: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let pki = folder.path().join("pki");
        let made = tenantry(&[
            "pki",
            pki.to_str().unwrap(),
            "--tenants",
            &tenants.to_string(),
        ]);
        assert_eq!(made.status.code(), Some(OK));
        let journal = folder.path().join("journal.jsonl");
        let mut process = Command::new(program())
            .args(["load", "sink", "--json", "--pki", pki.to_str().unwrap()])
            .args(["--journal", journal.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        Self {
            sink: first["address"].as_str().unwrap().parse().unwrap(),
            folder,
            _process: Started(process),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a load test with its result as JSON.
    fn load(&self, target: SocketAddr, more: &[&str]) -> (i32, Value, String) {
        let (target, pki) = (target.to_string(), self.path("pki"));
        let mut arguments = vec!["load", "--target", &target, "--identities", &pki];
        arguments.extend(["--json", "-"]);
        arguments.extend(more);
        let output = tenantry(&arguments);
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap(), json, text(&output.stderr))
    }

    /// The relay before the sink; with `swapped`, two tenants have each other's certificate.
    fn relay(&self, tenants: u32, swapped: bool) -> (SocketAddr, Started) {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut config = format!(
            "hostname = \"relay.example\"\n[log]\nlevel = \"warn\"\n[[listener]]\naddress = \"{address}\"\n\
             tls = \"starttls-required\"\ncertificate = \"pki/relay.pem\"\nkey = \"pki/relay.key\"\n\
             client_certificates = \"request\"\ntrust = [\"pki/authority.pem\"]\n\
             [[peer]]\nname = \"here\"\nnetworks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]\n"
        );
        for number in 1..=tenants {
            let own = format!("tenant-{number:04}");
            let presented = match (swapped, number) {
                (true, 1) => "tenant-0002".to_owned(),
                (true, 2) => "tenant-0001".to_owned(),
                _ => own.clone(),
            };
            config.push_str(&format!(
                "[[tenant]]\nname = \"{own}\"\ncertificate_domains = [\"mail.{own}.example\"]\n\
                 sender_domains = [\"{own}.example\"]\nrecipient_domains = [\"{own}.example\"]\n\
                 upstream = \"localhost:{}\"\nupstream_trust = [\"pki/authority.pem\"]\n\
                 certificate = \"pki/tenants/{presented}.pem\"\nkey = \"pki/tenants/{presented}.key\"\n",
                self.sink.port()
            ));
        }
        let file = self.path("relay.toml");
        fs::write(&file, config).unwrap();
        let started = Started(
            Command::new(program())
                .args(["run", "--config", &file])
                .stdin(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "the relay does not listen");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        (address, started)
    }
}

const MIX: &str = "certificate=3,sender=1,recipient=1,unattributable=1,conflicting=1,untrusted=1";

#[test]
fn through_the_relay_every_message_becomes_its_tenants() {
    let setting = Setting::new(3);
    let (relay, _running) = setting.relay(3, false);
    let journal = setting.path("journal.jsonl");
    let more = [
        "--messages",
        "160",
        "--connections",
        "4",
        "--messages-per-connection",
        "5",
    ];
    let check = ["--evidence", MIX, "--journal", &journal];
    let (code, result, errors) = setting.load(relay, &[&more[..], &check].concat());
    assert_eq!(code, OK, "{errors}");
    let found = &result["correctness"];
    assert_eq!(found["wrong"], 0);
    assert_eq!(found["missing"], 0);
    assert_eq!(found["right"], found["expected"]);
    assert_eq!(found["right"], result["totals"]["accepted"]);
    // What must become nobody's was refused.
    assert_eq!(result["totals"]["failed"], 0, "{}", result["errors"]);
    assert!(result["totals"]["refused"].as_u64().unwrap() > 10);
    let nobody = result["tenants"].as_array().unwrap().last().unwrap();
    assert_eq!(nobody["accepted"], 0);
}

#[test]
fn a_wrong_certificate_makes_the_exit_code_non_zero() {
    let setting = Setting::new(3);
    let (relay, _running) = setting.relay(3, true);
    let journal = setting.path("journal.jsonl");
    let more = [
        "--messages",
        "12",
        "--connections",
        "3",
        "--journal",
        &journal,
    ];
    let (code, result, errors) = setting.load(relay, &more);
    assert_eq!(code, FOUND);
    assert!(result["correctness"]["wrong"].as_u64().unwrap() > 0);
    assert!(errors.contains("attribution is not right"), "{errors}");
    assert!(
        errors.contains("of tenant-0001 became tenant-0002's"),
        "{errors}"
    );
}

#[test]
fn shards_are_merged_and_plans_are_files() {
    let setting = Setting::new(2);
    let plan = setting.path("plan.toml");
    let text_of_plan = format!(
        "[target]\naddress = \"{}\"\n[identities]\nfolder = \"pki\"\n[pace]\nloop = \"open\"\nrate = 500\nmessages = 41\n",
        setting.sink
    );
    fs::write(&plan, text_of_plan).unwrap();
    let results = [setting.path("a.json"), setting.path("b.json")];
    for (result, shard) in results.iter().zip(["1/2", "2/2"]) {
        let output = tenantry(&[
            "load", "run", &plan, "--shard", shard, "--json", result, "--quiet",
        ]);
        assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let page = setting.path("merged.html");
    let output = tenantry(&[
        "load",
        "merge",
        &results[0],
        &results[1],
        "--json",
        "-",
        "--html",
        &page,
    ]);
    assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
    let merged: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(merged["totals"]["accepted"], 41);
    assert!(Path::new(&page).is_file());
    let half = setting.path("half.json");
    let output = tenantry(&["load", "merge", &results[0], "--json", &half]);
    assert_eq!(output.status.code(), Some(FOUND));
    assert!(text(&output.stdout).contains("1 of 2 parts"));
    assert!(text(&output.stderr).contains("1 of the plan's shards"));
    let half: Value = serde_json::from_str(&fs::read_to_string(half).unwrap()).unwrap();
    assert_eq!(half["missing_shards"], serde_json::json!([2]));
    let page = tenantry(&["load", "merge", &results[0], "--html", "-"]);
    assert!(text(&page.stdout).starts_with("<!DOCTYPE html>"));
    assert!(text(&page.stdout).contains("1 of 2 parts"));
    let twice = tenantry(&["load", "merge", &results[0], &results[0]]);
    assert_eq!(twice.status.code(), Some(USAGE));
    assert!(text(&twice.stderr).contains("is there twice"));
}

#[test]
fn mistakes_have_their_own_exit_codes() {
    let folder = TempDir::new().unwrap();
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, "[target]\naddress = \"nowhere\"\ncolour = 1\n").unwrap();
    let plan = plan.to_str().unwrap();
    for (arguments, code, part) in [
        (&["load"][..], CONFIGURATION, "target.address: is missing"),
        (
            &["load", plan],
            CONFIGURATION,
            "plan.toml:2:11: target.address",
        ),
        (
            &["load", "run", plan],
            CONFIGURATION,
            "plan.toml:3:1: target.colour",
        ),
        (&["load", "--target", "h:1", "--rate", "-1"], USAGE, ""),
        (
            &["load", "--target", "h:1", "--rate", "0"],
            CONFIGURATION,
            "--rate: pace.rate",
        ),
        (&["load", "--target", "h:1", "--shard", "3/2"], USAGE, "1/2"),
        (
            &["load", "--target", "h:1", "--evidence", "dream=1"],
            USAGE,
            "dream",
        ),
        (
            &["load", "--target", "h:1", "--set", "rate=1"],
            USAGE,
            "section.key=value",
        ),
        (
            &["load", "--target", "h:1"],
            CONFIGURATION,
            "there are no tenants",
        ),
        (&["load", "merge"], USAGE, ""),
        (&["load", "merge", plan], USAGE, "not a result"),
        (&["load", "merge", "nowhere.json"], USAGE, "nowhere.json"),
    ] {
        let output = tenantry(arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[test]
fn what_cannot_be_written_is_found_before_anything_is_sent() {
    let setting = Setting::new(2);
    let nowhere = setting.path("nowhere/result");
    let run = ["load", "--target", "127.0.0.1:1", "--identities"];
    let pki = setting.path("pki");
    let run = [&run[..], &[pki.as_str(), "--duration", "10h"]].concat();
    for flag in ["--json", "--html"] {
        let output = tenantry(&[&run[..], &[flag, &nowhere]].concat());
        assert_eq!(output.status.code(), Some(USAGE));
        assert!(text(&output.stderr).contains("cannot write"));
        let both = ["--json", "-", "--html", "-"];
        let output = tenantry(&[&run[..], &both].concat());
        assert_eq!(output.status.code(), Some(USAGE));
    }
    // What was there stays when there is no result, and nothing new is left behind.
    let (old, new) = (setting.path("old.json"), setting.path("new.html"));
    fs::write(&old, "old").unwrap();
    let wrong = ["--evidence", "conflicting=1", "--set", "identities.limit=1"];
    let to = ["--json", &old, "--html", &new];
    let output = tenantry(&[&run[..], &wrong, &to].concat());
    assert_eq!(
        output.status.code(),
        Some(CONFIGURATION),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");
    assert!(!Path::new(&new).exists());
}

#[test]
fn a_target_that_accepts_nothing_fails() {
    let setting = Setting::new(1);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let (code, result, errors) = setting.load(nobody, &["--messages", "2", "--connections", "1"]);
    assert_eq!(code, FOUND);
    assert_eq!(result["totals"]["failed"], 2);
    assert!(errors.contains("no message was accepted"), "{errors}");
}
