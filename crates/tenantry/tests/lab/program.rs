//! How the program is started, and the folders that it makes.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const OK: i32 = 0;
pub(crate) const SOMETHING_CHANGES: i32 = 1;
pub(crate) const USAGE: i32 = 64;
pub(crate) const CANNOT_BIND: i32 = 69;
pub(crate) const INTERNAL: i32 = 70;
pub(crate) const CONFIGURATION: i32 = 78;

/// A folder made by `lab init`.
pub(crate) struct Box {
    _folder: TempDir,
    pub(crate) path: PathBuf,
    /// What `lab init` printed.
    pub(crate) told: String,
}

impl Box {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box");
        let made = init(&path, arguments);
        assert_eq!(made.status.code(), Some(OK), "{}", text(&made.stderr));
        Self {
            _folder: folder,
            path,
            told: text(&made.stdout),
        }
    }

    /// The same on ports that were free a moment ago.
    pub(crate) fn on_free_ports(arguments: &[&str]) -> Self {
        let (first, relay) = free_ports();
        let (first, relay) = (first.to_string(), relay.to_string());
        let ports = ["--port", &first, "--relay-port", &relay];
        Self::new(&[arguments, &ports].concat())
    }

    pub(crate) fn world(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.path.join(name).to_str().unwrap().to_owned()
    }

    /// The lines of one of its files; none if there is no such file.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        lines(
            fs::read(self.path.join(name))
                .unwrap_or_default()
                .as_slice(),
        )
    }
}

pub(crate) fn init(path: &Path, arguments: &[&str]) -> Output {
    let folder = path.to_str().unwrap();
    tenantry(&[&["lab", "init", folder], arguments].concat())
}

pub(crate) fn tenantry(arguments: &[&str]) -> Output {
    command(arguments).output().expect("it starts")
}

pub(crate) fn fed(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

pub(crate) fn lines(octets: &[u8]) -> Vec<Value> {
    let text = text(octets);
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Three neighbours for regions, and one for the relay. Each process and each call begins somewhere
/// else, so that tests which run at the same time do not meet.
fn free_ports() -> (u16, u16) {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let process = u16::try_from(std::process::id() % 250).unwrap();
    let start = 20_000 + process * 40 + CALLS.fetch_add(4, Ordering::Relaxed) % 40;
    (start..32_000)
        .step_by(4)
        .find(|first| (0..4).all(|offset| free(first + offset)))
        .map(|first| (first, first + 3))
        .expect("free ports")
}
