//! The load generator in front of servers that others wrote: Postfix with client certificates, and
//! Postfix's own null server.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fixture::Fixture;
use crate::postfix::{Postfix, put};
use crate::server::program;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the generator to its end; what it found, as JSON.
fn load(arguments: &[&str]) -> Value {
    let output = Command::new(program())
        .args(["load", "--json", "-"])
        .args(arguments)
        .output()
        .expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("a result")
}

#[test]
fn postfix_takes_every_message_of_the_generator_under_its_tenants_certificate() {
    let fixture = Fixture::new();
    let folder = fixture.path().join("postfix-load");
    let settings = format!(
        "smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
         smtpd_tls_CAfile = {}\nsmtpd_tls_req_ccert = yes\nsmtpd_tls_loglevel = 1\n\
         smtpd_client_restrictions = permit_tls_all_clientcerts, reject\n\
         smtpd_relay_restrictions = permit_auth_destination, reject\nmynetworks =\n\
         virtual_mailbox_domains = static:ALL\nvirtual_mailbox_maps = static:ALL\n\
         virtual_transport = discard:\n",
        fixture.upstream.certificate.display(),
        fixture.upstream.key.display(),
        fixture.upstream_authority.display(),
    );
    put(&folder, "ready", "", 0o644);
    let postfix = Postfix::start(&folder, "upstream.example", &settings, "");
    let mut plan = format!(
        "[target]\naddress = \"{}\"\nserver_name = \"localhost\"\n[envelope]\nrecipients = 2\n\
         [content]\nsizes = \"uniform\"\nmin = \"1KiB\"\nmax = \"64KiB\"\n\
         [session]\nmessages_per_connection = 10\n[pace]\nconnections = 4\nmessages = 200\n",
        postfix.address
    );
    for tenant in &fixture.tenants {
        let _ = write!(
            plan,
            "[[tenant]]\nname = \"{}\"\ndomain = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
            tenant.name,
            tenant.domain,
            tenant.identity.certificate.display(),
            tenant.identity.key.display()
        );
    }
    let file = fixture.path().join("load.toml");
    fs::write(&file, plan).expect("the plan");
    let file = file.to_str().expect("a path");
    for transfer in ["data", "bdat"] {
        let result = load(&[file, "--set", &format!("session.transfer=\"{transfer}\"")]);
        let totals = &result["totals"];
        assert_eq!(totals["accepted"], 200, "{}", result["replies"]);
        assert_eq!(totals["recipients"], 400);
        assert_eq!(totals["failed"], 0, "{}", result["errors"]);
        let run = result["run"].as_str().expect("its id").to_owned();
        arrived(&postfix, &run);
        assert!(totals["tls_resumed"].as_u64() > Some(0), "{totals}");
    }
}

/// Waits until Postfix has logged every message of a run once, by its number.
fn arrived(postfix: &Postfix, run: &str) {
    let until = Instant::now() + PATIENCE;
    let word = format!("from=<tl-{run}-");
    loop {
        let log = postfix.log();
        let queued = log.lines().filter(|line| line.contains("/qmgr["));
        let numbers: Vec<u64> = queued
            .filter_map(|line| line.split_once(&word)?.1.split('-').next()?.parse().ok())
            .collect();
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        if distinct.len() >= 200 {
            assert_eq!(numbers.len(), 200, "some came twice");
            assert_eq!(distinct, (0..200).collect());
            return;
        }
        assert!(Instant::now() < until, "{} of 200 came", distinct.len());
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// Postfix's null server; dropping it ends it.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_null_server_of_postfix_takes_open_and_closed_loops() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = free.local_addr().expect("its address");
    drop(free);
    let child = Command::new("/usr/sbin/smtp-sink")
        .args(["-u", "nobody", &address.to_string(), "100"])
        .stdin(Stdio::null())
        .spawn();
    let _sink = Sink(child.expect("smtp-sink is installed (tests/run.sh interop installs it)"));
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "smtp-sink does not listen");
        thread::park_timeout(Duration::from_millis(20));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("load.toml");
    let text = format!(
        "[target]\naddress = \"{address}\"\ntls = \"off\"\n[evidence]\nsender = 1\n\
         [[tenant]]\nname = \"contoso\"\ndomain = \"contoso.example\"\n"
    );
    fs::write(&plan, text).expect("the plan");
    let plan = plan.to_str().expect("a path");
    for more in [
        &["--connections", "8", "--messages", "300"][..],
        &["--rate", "400", "--messages", "300"],
        &["--messages", "50", "--set", "session.pipelining=false"],
        &[
            "--messages",
            "50",
            "--messages-per-connection",
            "1",
            "--size",
            "200KiB",
        ],
    ] {
        let result = load(&[&[plan], more].concat());
        let totals = &result["totals"];
        assert_eq!(totals["accepted"], totals["intended"], "{more:?}: {result}");
        assert!(totals["accepted"].as_u64() >= Some(50), "{totals}");
    }
}
