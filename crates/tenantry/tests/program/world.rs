//! How the program is started, and what it is started with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const OK: i32 = 0;
pub(crate) const USAGE: i32 = 64;
pub(crate) const CANNOT_BIND: i32 = 69;
pub(crate) const CONFIGURATION: i32 = 78;

/// A configuration of two tenants with throw-away certificates.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let made = tenantry(&["pki", folder.path().to_str().unwrap(), "--tenants", "2"]);
        assert_eq!(made.status.code(), Some(OK), "{}", text(&made.stderr));
        let path = folder.path().join("relay.toml");
        fs::write(&path, CONFIG).unwrap();
        Self { folder, path }
    }

    pub(crate) fn config(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

pub(crate) const CONFIG: &str = r#"
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

pub(crate) fn tenantry(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it starts")
}

pub(crate) fn fed(arguments: &[&str], input: &str) -> Output {
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

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tenantry"))
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
