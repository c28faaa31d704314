//! The program under test: the real binary, in a process of its own.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::target_folder;

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(30);

/// A running relay; dropping it stops it.
pub(crate) struct Relay {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    lines: Mutex<Receiver<String>>,
    /// The listener in clear.
    pub(crate) plain: SocketAddr,
    /// The listener that requires STARTTLS.
    pub(crate) starttls: SocketAddr,
    /// The listener with TLS from the first octet.
    pub(crate) implicit: SocketAddr,
}

impl Relay {
    /// Starts the relay and waits until all three listeners are bound.
    pub(crate) fn start(configuration: &Path) -> Self {
        let mut child = Self::command(configuration);
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
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut relay = Self {
            child,
            log,
            lines: Mutex::new(lines),
            plain: nowhere,
            starttls: nowhere,
            implicit: nowhere,
        };
        relay.await_listeners();
        relay
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }

    fn command(configuration: &Path) -> Child {
        // target/PROFILE/deps/interop-HASH runs target/PROFILE/tenantry.
        let test = std::env::current_exe().expect("the test program's path");
        let profile = test.ancestors().nth(2).expect("the profile's folder");
        let program = profile.join("tenantry");
        assert!(
            program.is_file() && profile.starts_with(target_folder()),
            "{} is not built: run `cargo build --workspace --bins --tests` first",
            program.display()
        );
        Command::new("sh")
            .args(["-c", "exec \"$0\" run --config \"$1\" 2>&1"])
            .args([program.as_path(), configuration])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the relay starts")
    }

    fn await_listeners(&mut self) {
        let end = Instant::now() + START;
        while [self.plain, self.starttls, self.implicit]
            .iter()
            .any(|address| address.port() == 0)
        {
            let line = match self.next_line(end) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("the relay does not listen in time"),
                Err(RecvTimeoutError::Disconnected) => panic!("the relay ended at its start"),
            };
            if line.contains("listening") {
                self.remember(&line);
            }
        }
    }

    fn next_line(&self, end: Instant) -> Result<String, RecvTimeoutError> {
        let left = end.saturating_duration_since(Instant::now());
        self.lines.lock().expect("the lines").recv_timeout(left)
    }

    /// Each listener has a loopback address of its own, which tells them apart.
    fn remember(&mut self, line: &str) {
        let addresses = line
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
            .filter_map(|word| word.trim_matches(':').parse::<SocketAddr>().ok());
        for address in addresses {
            match address.ip() {
                ip if ip == IpAddr::from([127, 0, 0, 1]) => self.plain = address,
                ip if ip == IpAddr::from([127, 0, 0, 2]) => self.starttls = address,
                ip if ip == IpAddr::from([127, 0, 0, 3]) => self.implicit = address,
                ip => panic!("the relay listens on {ip}, which nobody asked for"),
            }
        }
    }
}

impl Drop for Relay {
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
            let log = self.log();
            let tail = log.len().saturating_sub(60);
            let text = log.get(tail..).unwrap_or_default().join("\n");
            let _ = writeln!(std::io::stderr(), "the relay's last lines:\n{text}");
        } else {
            assert!(!late, "the relay does not end within {STOP:?} of SIGTERM");
        }
    }
}
