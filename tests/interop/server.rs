//! The program under test: the real binary, in a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::target_folder;

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(30);

/// A running server of ours; dropping it stops it.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    lines: Mutex<Receiver<String>>,
}

impl Server {
    /// Starts `tenantry` with these arguments.
    pub(crate) fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
            .arg(program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = child.stdout.take().expect("its output");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = channel();
        let keep = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                keep.lock().expect("the log").push(line.clone());
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            log,
            lines: Mutex::new(lines),
        }
    }

    /// Waits until so many listeners were reported, and returns their addresses.
    pub(crate) fn listeners(&self, count: usize) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        while addresses.len() < count {
            let last = self.lines_until("listening").pop();
            addresses.extend(addresses_in(&last.unwrap_or_default()));
        }
        addresses
    }

    /// Waits for a line with this in it; returns it and those before it.
    pub(crate) fn lines_until(&self, wanted: &str) -> Vec<String> {
        let end = Instant::now() + START;
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(wanted)) {
            lines.push(match self.next_line(end) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("no {wanted:?} in time"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended at its start"),
            });
        }
        lines
    }

    fn next_line(&self, end: Instant) -> Result<String, RecvTimeoutError> {
        let left = end.saturating_duration_since(Instant::now());
        self.lines.lock().expect("the lines").recv_timeout(left)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shell's own kill: the program is not on every machine.
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        let end = Instant::now() + STOP;
        // Its output ends when the process does.
        while self.next_line(end).is_ok() {}
        let late = Instant::now() >= end;
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log.lock().expect("the log").clone();
            let tail = log.len().saturating_sub(60);
            let text = log.get(tail..).unwrap_or_default().join("\n");
            let _ = writeln!(std::io::stderr(), "the server's last lines:\n{text}");
        } else {
            assert!(!late, "the server does not end within {STOP:?} of SIGTERM");
        }
    }
}

/// The built program: target/PROFILE/deps/interop-HASH runs target/PROFILE/tenantry.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test program's path");
    let profile = test.ancestors().nth(2).expect("the profile's folder");
    let program = profile.join("tenantry");
    assert!(
        program.is_file() && profile.starts_with(target_folder()),
        "{} is not built: run `cargo build --workspace --bins --tests` first",
        program.display()
    );
    program
}

/// The addresses with ports in a line.
pub(crate) fn addresses_in(line: &str) -> impl Iterator<Item = SocketAddr> {
    line.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .filter_map(|word| word.trim_matches(':').parse::<SocketAddr>().ok())
}
