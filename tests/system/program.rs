//! The real program as a process of its own: its signals, its exit code, its log, its memory, its descriptors.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout};

use crate::client::PATIENCE;
use crate::world::World;

/// A running `tenantry run`; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    log: Receiver<String>,
    /// Every line of the log that has been read.
    pub(crate) lines: Vec<String>,
    listeners: Vec<(String, SocketAddr)>,
}

impl Program {
    /// Runs a world's configuration, and waits until it listens.
    pub(crate) async fn run(world: &World) -> Self {
        Self::run_config(&world.folder.path().join("relay.toml")).await
    }

    /// The same for any file.
    pub(crate) async fn run_config(config: &Path) -> Self {
        let mut child = Command::new(path())
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel(LINES);
        std::thread::spawn(move || {
            // Ends with the program, or with the test.
            for line in output.lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        let mut program = Program {
            child,
            log,
            lines: Vec::new(),
            listeners: Vec::new(),
        };
        let listeners = std::fs::read_to_string(config).unwrap();
        for _listener in listeners.matches("[[listener]]") {
            program.await_listener().await;
        }
        program
    }

    /// Where a listener is.
    pub(crate) fn at(&self, listener: &str) -> SocketAddr {
        let found = self.listeners.iter().rfind(|(name, _)| name == listener);
        found.unwrap_or_else(|| panic!("no listener {listener}")).1
    }

    /// Waits until one more listener is ready.
    pub(crate) async fn await_listener(&mut self) {
        let line = self.await_line("listening").await;
        let json: Option<serde_json::Value> = serde_json::from_str(&line).ok();
        let field = |name: &str| {
            if let Some(json) = &json {
                return json[name].as_str().unwrap().to_owned();
            }
            let (_, value) = line.split_once(&format!("{name}=")).unwrap();
            value
                .split(' ')
                .next()
                .unwrap()
                .trim_matches('"')
                .to_owned()
        };
        let address = field("address").parse().unwrap();
        self.listeners.push((field("listener"), address));
    }

    /// Reads the log until a line contains this.
    pub(crate) async fn await_line(&mut self, part: &str) -> String {
        loop {
            let line = timeout(PATIENCE, self.log.recv()).await;
            let line = line
                .unwrap_or_else(|_| panic!("no line with {part:?} in {:#?}", self.lines))
                .unwrap_or_else(|| panic!("ended without {part:?}: {:#?}", self.lines));
            self.lines.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal by its name: `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id();
        // The shell's own kill: the program is not on every machine.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended, with the rest of its log.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        // Its output ends when it does.
        while let Some(line) = timeout(PATIENCE, self.log.recv()).await.unwrap() {
            self.lines.push(line);
        }
        self.child.wait().unwrap()
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended().await.code(), Some(0), "{:#?}", self.lines);
        let panicked = self.lines.iter().find(|line| line.contains("panicked"));
        assert_eq!(panicked, None);
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).unwrap().count()
    }

    /// Waits until it has no more descriptors open than these.
    pub(crate) async fn comes_down_to(&self, descriptors: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.descriptors() > descriptors {
            assert!(
                Instant::now() < deadline,
                "{} descriptors instead of {descriptors}",
                self.descriptors()
            );
            // Nothing announces the end of a descriptor.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its memory in KiB: `VmRSS` now, `VmHWM` at most so far.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        let value = line.split_whitespace().nth(1).unwrap();
        value.parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program beside the test program: `target/PROFILE/tenantry`.
pub(crate) fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("tenantry");
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build --workspace --bins --tests` first",
        program.display()
    );
    program
}

/// Lines of the log that may wait to be looked at.
const LINES: usize = 65_536;
