//! `tenantry load sink` from outside: where it listens, what it counts and writes, the exit codes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CANNOT_BIND, CONFIGURATION, OK, USAGE, World, program, tenantry, text};

/// A running sink; dropping it ends it.
struct Sink {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Sink {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["load", "sink", "--json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(first["event"], "listening");
        assert_eq!(first["pid"], child.id());
        let address = first["address"].as_str().unwrap().parse().unwrap();
        Self {
            child,
            lines,
            address,
        }
    }

    /// Ends it as an administrator does, and gives its last line.
    fn end(mut self) -> Value {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
        let last = self.lines.by_ref().last().unwrap().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(OK));
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one message in clear text and gives the EHLO reply.
fn deliver(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut reply = |expected: &str| {
        let mut whole = String::new();
        loop {
            let line = lines.next().unwrap().unwrap();
            assert!(line.starts_with(expected), "{line}");
            let last = line.as_bytes()[3] == b' ';
            whole.push_str(&line);
            whole.push('\n');
            if last {
                return whole;
            }
        }
    };
    reply("220");
    let mut ask = |text: &str, expected: &str| {
        stream.write_all(text.as_bytes()).unwrap();
        reply(expected)
    };
    let ehlo = ask("EHLO client.example\r\n", "250");
    ask("MAIL FROM:<a@one.example>\r\n", "250");
    ask("RCPT TO:<b@Two.example>\r\n", "250");
    ask("DATA\r\n", "354");
    ask("Message-ID: <1@one.example>\r\n\r\nbody\r\n.\r\n", "250");
    ask("QUIT\r\n", "221");
    ehlo
}

#[test]
fn it_counts_tallies_and_writes_what_it_takes() {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let path = journal.to_str().unwrap();
    let off = ["--tls", "off", "--tally", "recipient", "--journal", path];
    let sink = Sink::start(&[&off[..], &["--without", "chunking", "Dsn"]].concat());
    let ehlo = deliver(sink.address);
    assert!(ehlo.contains("PIPELINING") && ehlo.contains("BINARYMIME"));
    assert!(
        !ehlo.contains("CHUNKING") && !ehlo.contains("DSN"),
        "{ehlo}"
    );
    deliver(sink.address);
    let end = sink.end();
    assert_eq!(end["event"], "end");
    assert_eq!(end["messages"], 2);
    assert_eq!(end["connections"], 2);
    let row = serde_json::json!({
        "fingerprint": null, "names": [], "domain": "two.example", "messages": 2,
    });
    assert_eq!(end["tally"], Value::Array(vec![row]));
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["mail"], "FROM:<a@one.example>");
        assert_eq!(line["recipients"][0], "TO:<b@Two.example>");
        assert_eq!(line["message_id"], "<1@one.example>");
        assert_eq!(line["helo"], "client.example");
    }
}

#[test]
fn without_a_journal_and_a_tally_it_counts_only() {
    let sink = Sink::start(&["--tls", "off"]);
    deliver(sink.address);
    let end = sink.end();
    assert_eq!((&end["messages"], &end["octets"]), (&1.into(), &37.into()));
    assert_eq!(end["tally"], Value::Array(Vec::new()));
}

#[test]
fn a_delay_is_kept_before_the_replies_that_it_is_meant_for() {
    let delay = Duration::from_millis(300);
    let sink = Sink::start(&[
        "--tls",
        "off",
        "--delay",
        "300ms",
        "--delay-at",
        "end",
        "mail",
    ]);
    let start = Instant::now();
    deliver(sink.address);
    // A wait is never shorter than asked for; how much longer it is, is the machine's affair.
    assert!(start.elapsed() >= 2 * delay);
}

#[test]
fn what_cannot_be_is_said_with_its_exit_code() {
    let world = World::new();
    let pki = world.folder.path().to_str().unwrap().to_owned();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let missing = world.folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let relay = world.config().to_owned();
    for (arguments, code, said) in [
        (&[][..], USAGE, "--pki"),
        (&["--tls", "some"], USAGE, "some"),
        (&["--certificate", "a"], USAGE, "--key"),
        (&["--delay-at", "end"], USAGE, "--delay"),
        (&["--tls", "off", "--delay", "3"], USAGE, "3"),
        (&["--tls", "off", "--json", "--quiet"], USAGE, "--quiet"),
        (&["--pki", missing], CONFIGURATION, "upstream.pem"),
        (
            &["--certificate", &relay, "--key", &relay, "--trust", &relay],
            CONFIGURATION,
            "certificate",
        ),
        (
            &["--pki", &pki, "--address", &address],
            CANNOT_BIND,
            &address,
        ),
        (&["--tls", "off", "--journal", &pki], USAGE, &pki),
    ] {
        let output = tenantry(&[&["load", "sink"], arguments].concat());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
}
