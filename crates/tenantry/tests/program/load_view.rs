//! The live view on a terminal of its own (`script` of util-linux): it is drawn, and the terminal
//! is afterwards as it was.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::program;

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// A sink and two tenants that send to it.
struct World {
    folder: TempDir,
    sink: Child,
    address: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new(program())
            .args(["pki", "--tenants", "2"])
            .arg(folder.path().join("pki"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let mut sink = Command::new(program())
            .args(["load", "sink", "--json", "--pki"])
            .arg(folder.path().join("pki"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut lines = BufReader::new(sink.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let address = first.get("address").unwrap().as_str().unwrap().to_owned();
        Self {
            folder,
            sink,
            address,
        }
    }

    /// A run on a terminal of 100 columns and 30 lines, its modes printed before and after.
    fn run(&self, arguments: &str) -> Child {
        let quoted = |path: &Path| format!("'{}'", path.display());
        let command = format!(
            "trap : INT; stty cols 100 rows 30; stty -g; {} load run --target {} --identities {} \
             --connections 2 {arguments}; echo code=$?; stty -g",
            quoted(Path::new(program())),
            self.address,
            quoted(&self.folder.path().join("pki")),
        );
        Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.sink.kill();
        let _ = self.sink.wait();
    }
}

/// Reads until something is there, or the end.
fn until(out: &mut ChildStdout, words: &str) -> String {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if text.contains(words) {
            return text;
        }
        let number = out.read(&mut piece).unwrap();
        assert!(number > 0, "{words} is missing in {text:?}");
        seen.extend(piece.iter().take(number));
    }
}

/// The terminal was entered and left, its cursor is back, its modes are as before.
fn expect_restored(seen: &str) {
    let entered = seen.find(ENTER).expect("the view");
    let left = seen.rfind(LEAVE).expect("the end of the view");
    assert!(entered < left, "{seen:?}");
    assert_eq!(seen.matches(ENTER).count(), seen.matches(LEAVE).count());
    assert!(seen.contains(SHOW_CURSOR), "{seen:?}");
    let is_mode = |line: &&str| line.matches(':').count() > 20;
    let modes: Vec<&str> = seen.lines().map(str::trim).filter(is_mode).collect();
    assert_eq!(modes.len(), 2, "{seen:?}");
    assert_eq!(modes.first(), modes.last(), "the terminal's modes");
}

#[test]
fn the_view_is_drawn_and_gives_the_terminal_back_at_the_end() {
    let world = World::new();
    let mut child = world.run("--duration 2s");
    let mut out = child.stdout.take().unwrap();
    let seen = until(&mut out, "code=0");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    let seen = seen + &rest;
    expect_restored(&seen);
    // What is not next to something new is not drawn again, so that words stand alone.
    for words in ["flight", "latency", "2yz", "tenants", "longest"] {
        assert!(seen.contains(words), "{words} is missing in {seen:?}");
    }
    // The result is on the terminal that was there before.
    let after = seen.get(seen.rfind(LEAVE).unwrap()..).unwrap();
    assert!(after.contains("accepted in"), "{after:?}");
}

#[test]
fn ctrl_c_ends_the_run_and_gives_the_terminal_back() {
    let world = World::new();
    let mut child = world.run("--duration 10m");
    let mut out = child.stdout.take().unwrap();
    let mut keys = child.stdin.take().unwrap();
    let drawn = until(&mut out, "2yz accepted");
    keys.write_all(b"typed\x03").unwrap();
    let ended = until(&mut out, "code=");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    let seen = drawn + &ended + &rest;
    expect_restored(&seen);
    assert!(!seen.contains("typed"), "keys were shown: {seen:?}");
    assert!(
        seen.contains("accepted in"),
        "the result is shown: {seen:?}"
    );
    assert!(seen.contains("code=0"), "{seen:?}");
}
