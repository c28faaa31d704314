//! The README's chapter about a load test does what it says, as it stands there but shorter.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tenantry_load::result::Outcome;

use crate::world::{OK, program, text};

/// The commands of a chapter, one block after the other.
fn commands(readme: &str, heading: &str) -> String {
    let chapter = readme.split("\n## ").find(|part| part.starts_with(heading));
    let chapter = chapter.unwrap_or_else(|| panic!("no chapter {heading:?}"));
    let blocks = chapter.split("\n```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

/// What the commands have to hold, replaced; they cannot change without this test.
fn replaced(commands: &str, from: &str, to: &str) -> String {
    assert!(commands.contains(from), "no {from:?} in:\n{commands}");
    commands.replace(from, to)
}

/// The first of four ports in a row that nobody has.
fn ports() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port));
    for _ in 0..1_000 {
        let first = free(0).unwrap();
        let port = first.local_addr().unwrap().port();
        let others = (1..4).map(|more| free(port.checked_add(more)?).ok());
        if others.collect::<Option<Vec<_>>>().is_some() {
            return port;
        }
    }
    panic!("no four free ports in a row");
}

#[test]
fn the_load_test_of_the_readme_does_what_it_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let commands = commands(&readme, "A load test in five minutes\n");
    let port = ports();
    let [relay, first, last] = [port, port + 1, port + 3].map(|port| port.to_string());
    let commands = replaced(&commands, "2525", &relay);
    let commands = replaced(&commands, "2533", &last);
    let short = format!("--tenants 8 --port {first} --relay-port {relay}");
    let commands = replaced(&commands, "--tenants 8", &short);
    let commands = replaced(&commands, "--duration 15s", "--duration 1s");
    let commands = replaced(&commands, "--warm-up 2s", "--warm-up 100ms");
    let folder = TempDir::new().unwrap();
    symlink(program(), folder.path().join("tenantry")).unwrap();
    // Whatever happens, what was started is ended.
    let script = format!("PATH=$PWD:$PATH\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n{commands}\n");
    let output = Command::new("timeout")
        .args(["300", "bash", "-u", "-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, complaints) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(OK), "{out}\n{complaints}");
    assert_eq!(complaints, "", "{out}");
    for name in ["lasting", "new", "resumed", "large", "again"] {
        let cost = format!("\n{name}: ");
        assert!(out.contains(&cost), "{name} is missing in:\n{out}");
        let page = folder.path().join(format!("box/{name}.html"));
        assert!(fs::read_to_string(page).unwrap().ends_with("</html>\n"));
        let result = folder.path().join(format!("box/{name}.json"));
        let result = Outcome::read(&result).unwrap();
        let found = result.correctness.unwrap();
        assert!(found.is_perfect() && found.right > 0, "{name}: {found:?}");
        let totals = result.totals;
        match name {
            "new" => assert_eq!(totals.tls_resumed, 0),
            "resumed" => assert!(totals.tls_resumed > totals.tls_full, "{totals:?}"),
            "large" => assert!(totals.octets >= totals.accepted << 20, "{totals:?}"),
            _ => assert!(totals.accepted > totals.connections, "{totals:?}"),
        }
    }
    assert!(out.contains("the results are of one plan"), "{out}");
}
