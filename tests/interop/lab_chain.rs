//! The whole chain as `tenantry lab init` makes it: swaks or Postfix, Tenantry, the lab.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use tempfile::TempDir;
use tenantry_lab::pki::IssuedFiles;

use crate::dialogue::Dialogue;
use crate::lab::{Attributed, Lab};
use crate::lab_postfix;
use crate::lab_world::LabTenant;
use crate::message::Message;
use crate::postfix::succeed;
use crate::programs::{Sending, Tls, swaks};
use crate::server::{Server, program};

const TO: &str = "someone@internet.test";

/// Each tenant's own certificate, and then none at all; the sender is another tenant's in the
/// first case, its own in the last. The lab must agree with Tenantry about every message.
#[test]
fn swaks_reaches_three_tenants_of_the_lab_through_tenantry() {
    let chain = Chain::start();
    let to = vec![TO.to_owned()];
    let mut number = 0;
    for (index, tenant) in chain.tenants.iter().enumerate() {
        let other = &chain.tenants[(index + 1) % chain.tenants.len()];
        for (certificate, from) in [
            (Some(&tenant.certificate), format!("user@{}", other.domain)),
            (Some(&tenant.certificate), String::new()),
            (None, format!("user@{}", tenant.domain)),
        ] {
            let message = Message::new(number, &from, &to, 50_000);
            swaks(&Sending {
                address: chain.address,
                tls: Tls::Starttls,
                certificate,
                authority: &chain.authority,
                from: if from.is_empty() { "<>" } else { &from },
                to: &to,
                message: &message,
                folder: chain.folder.path(),
            })
            .expect_success();
            chain.check(tenant, &message, &from, 1);
            number += 1;
        }
    }
    chain.lab.expect_silence();
}

/// One server for many tenants, without any certificate of its own: what Exchange Online alone
/// cannot tell apart (`exchange-online.md` section 7.1).
#[test]
fn postfix_reaches_three_tenants_of_the_lab_through_tenantry_by_sender() {
    let chain = Chain::start();
    // Postfix reads it as its own user.
    let authority = chain.folder.path().join("authority.pem");
    fs::copy(&chain.authority, &authority).expect("a copy for Postfix");
    let next = lab_postfix::Next {
        server: chain.address,
        name: "relay.example",
        authority: &authority,
    };
    let postfix = lab_postfix::start_below(&chain.folder.path().join("postfix"), &next, &[], "");
    let to = vec![TO.to_owned()];
    let mut session = Dialogue::greeted(postfix.address);
    for number in 0..30 {
        let tenant = &chain.tenants[number as usize % chain.tenants.len()];
        let from = format!("user{number}@{}", tenant.domain);
        let message = Message::new(number, &from, &to, 20_000);
        session.deliver(&from, &to, &message.content);
        // Postfix's own Received field, and the relay's above it.
        chain.check(tenant, &message, &from, 2);
    }
    session.say("QUIT", 221);
    chain.lab.expect_silence();
}

/// Lab and relay, with the files of `tenantry lab init` as they are.
struct Chain {
    lab: Lab,
    _relay: Server,
    /// Where the relay listens.
    address: SocketAddr,
    authority: PathBuf,
    tenants: Vec<LabTenant>,
    folder: TempDir,
}

impl Chain {
    fn start() -> Self {
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let world = folder.path().join("box");
        let [ports @ .., relay_port] = free_ports::<4>();
        succeed(
            Command::new(program())
                .args(["lab", "init", "--tenants", "3"])
                .args(["--port", &ports[0].to_string()])
                .args(["--relay-port", &relay_port.to_string()])
                .arg(&world),
        );
        let lab = Lab::start(&world, folder.path());
        let configuration = world.join("relay.toml");
        let relay = Server::start(&[Path::new("run"), Path::new("--config"), &configuration]);
        Self {
            lab,
            address: relay.listeners(1)[0],
            _relay: relay,
            authority: world.join("pki/authority.pem"),
            tenants: (1..=3).map(|number| tenant(&world, number)).collect(),
            folder,
        }
    }

    /// The next record is this message, Originating from this tenant.
    fn check(&self, tenant: &LabTenant, message: &Message, from: &str, received: usize) {
        let record = self.lab.record();
        let attributed = Attributed {
            tenant,
            ip: "127.0.0.1",
            message,
            from,
            to: &[TO.to_owned()],
            received,
        };
        attributed.check(&self.lab, &record);
        assert_eq!(record["region"], Value::from(tenant.region.as_str()));
    }
}

/// What `lab init` made for the tenant of this number.
fn tenant(world: &Path, number: usize) -> LabTenant {
    let name = format!("tenant-{number:04}");
    let stem = world.join("pki/clients").join(&name);
    let certificate = stem.with_extension("pem");
    LabTenant {
        region: ["EUR", "NAM", "APC"][number - 1].to_owned(),
        domain: format!("{name}.example"),
        fingerprint: fingerprint(&certificate),
        connector: "Mail server".to_owned(),
        certificate: IssuedFiles {
            certificate,
            key: stem.with_extension("key"),
        },
        name,
    }
}

/// By openssl, as lower-case hexadecimal.
fn fingerprint(certificate: &Path) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(certificate)
        .output()
        .expect("openssl starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let (_label, value) = text.trim().split_once('=').expect("a fingerprint");
    value.replace(':', "").to_ascii_lowercase()
}

/// So many free ports in a row, below those that the system gives out by itself. Processes that
/// run at the same time begin in blocks of their own.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 1_000).expect("a small number");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    for _attempt in 0..100 {
        let first = 10_000 + process * 20 + TAKEN.fetch_add(COUNT as u16, Ordering::Relaxed);
        let ports = std::array::from_fn(|index| first + u16::try_from(index).unwrap_or_default());
        if ports.iter().all(is_free) {
            return ports;
        }
    }
    panic!("no {COUNT} free ports in a row");
}
