//! The whole chain as `tenantry lab init` makes it: swaks, Tenantry, the lab.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tenantry_lab::pki::IssuedFiles;

use crate::lab::{Attributed, Lab};
use crate::lab_world::LabTenant;
use crate::message::Message;
use crate::postfix::succeed;
use crate::programs::{Sending, Tls, swaks};
use crate::server::{Server, program};

/// Each tenant's own certificate, and then none at all; the sender is another tenant's in the
/// first case, its own in the second. The lab must agree with Tenantry about every message.
#[test]
fn swaks_reaches_three_tenants_of_the_lab_through_tenantry() {
    let folder = tempfile::tempdir().expect("a temporary folder");
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
    let relay = Server::start(&[
        Path::new("run"),
        Path::new("--config"),
        &world.join("relay.toml"),
    ]);
    let address = relay.listeners(1)[0];
    let tenants: Vec<LabTenant> = (1..=3).map(|number| tenant(&world, number)).collect();
    let to = vec!["someone@internet.test".to_owned()];
    let mut number = 0;
    for (index, tenant) in tenants.iter().enumerate() {
        let other = &tenants[(index + 1) % tenants.len()];
        for (certificate, from) in [
            (Some(&tenant.certificate), format!("user@{}", other.domain)),
            (Some(&tenant.certificate), String::new()),
            (None, format!("user@{}", tenant.domain)),
        ] {
            let message = Message::new(number, &from, &to, 50_000);
            swaks(&Sending {
                address,
                tls: Tls::Starttls,
                certificate,
                authority: &world.join("pki/authority.pem"),
                from: if from.is_empty() { "<>" } else { &from },
                to: &to,
                message: &message,
                folder: folder.path(),
            })
            .expect_success();
            let record = lab.record();
            let attributed = Attributed {
                tenant,
                ip: "127.0.0.1",
                message: &message,
                from: &from,
                to: &to,
                received: 1,
            };
            attributed.check(&lab, &record);
            assert_eq!(record["region"], Value::from(tenant.region.as_str()));
            number += 1;
        }
    }
    lab.expect_silence();
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

/// So many free ports in a row, below those that the system gives out by itself.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let start = 10_000 + u16::try_from(std::process::id() % 15_000).expect("a small number");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    for first in start..start + 5_000 {
        let ports = std::array::from_fn(|index| first + u16::try_from(index).unwrap_or_default());
        if ports.iter().all(is_free) {
            return ports;
        }
    }
    panic!("no {COUNT} free ports in a row");
}
