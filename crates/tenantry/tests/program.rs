//! The program from outside: exit codes, and what is printed where.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const OK: i32 = 0;
const USAGE: i32 = 64;
const CANNOT_BIND: i32 = 69;
const CONFIGURATION: i32 = 78;

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
    for arguments in [&["--help"][..], &["--version"], &["explain", "--help"]] {
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
fn explain_is_0_whatever_the_verdict() {
    let world = World::new();
    let ask = |more: &[&str]| {
        let mut arguments = vec![
            "explain",
            "--config",
            world.config(),
            "--rcpt-to",
            "x@example.net",
        ];
        arguments.extend(more);
        let output = tenantry(&arguments);
        assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let by_name = ask(&[
        "--mail-from",
        "<>",
        "--certificate-name",
        "mail.tenant-0002.example",
    ]);
    assert!(
        by_name.contains("verdict: tenant tenant-0002 by certificate"),
        "{by_name}"
    );
    let both = ["mail.tenant-0001.example", "mail.tenant-0002.example"];
    let ambiguous = ask(&["--mail-from", "", "--certificate-name", both[0], both[1]]);
    assert!(ambiguous.contains("verdict: ambiguous"), "{ambiguous}");
    let peer = ask(&[
        "--mail-from",
        "u@a.tenant-0001.example",
        "--peer",
        "10.1.0.9",
    ]);
    assert!(
        peer.contains("verdict: tenant tenant-0001 by sender"),
        "{peer}"
    );
    let stranger = ask(&[
        "--mail-from",
        "u@a.tenant-0001.example",
        "--peer",
        "192.0.2.1",
        "--json",
    ]);
    assert!(
        stranger.starts_with("{\"id\":null,\"verdict\":\"unattributed\""),
        "{stranger}"
    );
    let file = world.folder.path().join("tenants/tenant-0001.pem");
    let file = ask(&["--mail-from", "", "--certificate", file.to_str().unwrap()]);
    assert!(
        file.contains("verdict: tenant tenant-0001 by certificate"),
        "{file}"
    );
    let expired = ask(&["--mail-from", "", "--certificate-problem", "expired"]);
    assert!(expired.contains("refused (expired)"), "{expired}");
}

#[test]
fn a_question_that_is_none_is_64() {
    let world = World::new();
    for (more, part) in [
        (
            &["--mail-from", "a b@c", "--rcpt-to", "x@example.net"][..],
            "mail_from",
        ),
        (&["--mail-from", "", "--rcpt-to", "nobody"], "rcpt_to"),
        (
            &["--mail-from", "", "--rcpt-to", "a@b.c", "--listener", "x"],
            "listener",
        ),
        (
            &[
                "--mail-from",
                "",
                "--rcpt-to",
                "a@b.c",
                "--certificate-problem",
                "x",
            ],
            "self-signed",
        ),
        (
            &[
                "--mail-from",
                "",
                "--rcpt-to",
                "a@b.c",
                "--certificate",
                "/nowhere.pem",
            ],
            "/nowhere.pem",
        ),
        (&["--batch", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ] {
        let mut arguments = vec!["explain", "--config", world.config()];
        arguments.extend(more);
        let output = tenantry(&arguments);
        assert_eq!(output.status.code(), Some(USAGE), "{more:?}");
        assert!(
            text(&output.stderr).contains(part),
            "{more:?} {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_batch_comes_from_a_file_or_standard_input() {
    let world = World::new();
    let question = "{\"id\":1,\"mail_from\":\"\",\"rcpt_to\":[\"a@b.c\"]}\nnonsense\n";
    let file = world.folder.path().join("questions");
    fs::write(&file, question).unwrap();
    let from_file = tenantry(&[
        "explain",
        "--config",
        world.config(),
        "--batch",
        file.to_str().unwrap(),
    ]);
    let from_input = fed(
        &["explain", "--config", world.config(), "--batch", "-"],
        question,
    );
    for output in [from_file, from_input] {
        assert_eq!(output.status.code(), Some(OK));
        let lines: Vec<String> = text(&output.stdout).lines().map(String::from).collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines
                .first()
                .unwrap()
                .starts_with("{\"id\":1,\"verdict\":\"unattributed\"")
        );
        assert!(lines.last().unwrap().starts_with("{\"id\":null,\"error\":"));
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
    for page in ["tenantry.1", "tenantry-run.1", "tenantry-explain.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

/// A configuration of two tenants with throw-away certificates.
struct World {
    folder: TempDir,
    path: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let made = tenantry(&["pki", folder.path().to_str().unwrap(), "--tenants", "2"]);
        assert_eq!(made.status.code(), Some(OK), "{}", text(&made.stderr));
        let path = folder.path().join("relay.toml");
        fs::write(&path, CONFIG).unwrap();
        Self { folder, path }
    }

    fn config(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

const CONFIG: &str = r#"
hostname = "relay.example"

[[listener]]
address = "127.0.0.1:2525"
certificate = "relay.pem"
key = "relay.key"
client_certificates = "request"
trust = ["authority.pem"]

[[peer]]
name = "inside"
networks = ["10.1.0.0/24"]
tenants = ["*"]

[[tenant]]
name = "tenant-0001"
certificate_domains = ["mail.tenant-0001.example"]
sender_domains = ["*.tenant-0001.example"]
upstream = "localhost:2526"
upstream_trust = ["authority.pem"]
certificate = "tenants/tenant-0001.pem"
key = "tenants/tenant-0001.key"

[[tenant]]
name = "tenant-0002"
certificate_domains = ["mail.tenant-0002.example"]
sender_domains = ["b.tenant-0001.example", "*.c.tenant-0001.example"]
upstream = "localhost:2526"
upstream_trust = ["authority.pem"]
certificate = "tenants/tenant-0002.pem"
key = "tenants/tenant-0002.key"
"#;

fn tenantry(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it starts")
}

fn fed(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tenantry"))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
