//! How long lint takes for a thousand tenants with ten thousand certificates, from files to findings.
//!
//! `cargo bench --bench lint`. Every tenant has connectors, domains, ten certificates and a place
//! in the relay's configuration; most are as they should be, some have one of several faults.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use tempfile::TempDir;
use tenantry_audit::finding::Finding;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_lab::pki::{Authority, CertificateSpec, Issued};

const TENANTS: usize = 1_000;
const CERTIFICATES: usize = 10;

fn linting(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    world(folder.path());
    let paths = [folder.path().to_owned()];
    let options = options(folder.path());
    let mut group = criterion.benchmark_group("lint");
    group.sample_size(10);
    group.bench_function("files to findings", |bencher| {
        bencher.iter(|| {
            let (inventory, findings) = look(&paths, &options);
            assert_eq!(inventory.tenants.len(), TENANTS);
            assert!(inventory.certificates.len() >= TENANTS * CERTIFICATES);
            assert!(findings.len() >= TENANTS / 10, "{}", findings.len());
        });
    });
    let inventory = Inventory::read(&paths, &options);
    group.bench_function("findings", |bencher| {
        bencher.iter(|| tenantry_audit::lint(&inventory, &[]).len());
    });
    let findings = tenantry_audit::lint(&inventory, &[]);
    let report = Report::new(&inventory, &findings);
    group.bench_function("text", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            output::text(&mut out, &report, Colours::None).unwrap();
            out.len()
        });
    });
    group.bench_function("sarif", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            output::sarif(&mut out, &report).unwrap();
            out.len()
        });
    });
    group.finish();
}

fn look(paths: &[PathBuf], options: &ReadOptions) -> (Inventory, Vec<Finding>) {
    let inventory = Inventory::read(paths, options);
    let findings = tenantry_audit::lint(&inventory, &[]);
    (inventory, findings)
}

fn options(folder: &Path) -> ReadOptions {
    ReadOptions {
        trust: vec![folder.join("pki/authority.pem")],
        ..ReadOptions::at(jiff::Timestamp::now())
    }
}

/// A folder for each tenant, one for all certificates, and the relay's configuration.
fn world(folder: &Path) {
    let authority = Authority::new("Public authority").unwrap();
    let pki = folder.join("pki");
    fs::create_dir_all(&pki).unwrap();
    authority.write(&pki, "authority").unwrap();
    let own = authority.server(&["relay.corp.example"]).unwrap();
    own.write(&pki, "relay").unwrap();
    let mut relay = String::from(
        "hostname = \"relay.corp.example\"\n[[listener]]\naddress = \"127.0.0.1:25\"\n\
         certificate = \"pki/relay.pem\"\nkey = \"pki/relay.key\"\n\
         client_certificates = \"request\"\ntrust = [\"pki/authority.pem\"]\n\
         [[peer]]\nname = \"exchange\"\ncertificates = [\"ex01.corp.example\"]\ntenants = [\"*\"]\n",
    );
    for tenant in 0..TENANTS {
        certificates(&authority, &pki, tenant);
        exports(&folder.join(format!("tenants/t{tenant:04}")), tenant);
        write!(
            relay,
            "[[tenant]]\nname = \"t{tenant:04}\"\ncertificate_domains = [\"mail.t{tenant:04}.example\"]\n\
             sender_domains = [\"t{tenant:04}.example\"]\nrecipient_domains = [\"t{tenant:04}.example\"]\n\
             upstream = \"t{tenant:04}-example.mail.protection.outlook.com:25\"\n\
             certificate = \"pki/t{tenant:04}-0.pem\"\nkey = \"pki/t{tenant:04}-0.key\"\n"
        )
        .unwrap();
    }
    fs::write(folder.join("relay.toml"), relay).unwrap();
}

/// What the tenant's systems present: the first is the relay's.
fn certificates(authority: &Authority, pki: &Path, tenant: usize) {
    for number in 0..CERTIFICATES {
        let host = match number {
            0 => "mail".to_owned(),
            number => format!("host{number}.mail"),
        };
        let name = format!("{host}.t{tenant:04}.example");
        let issued: Issued = authority.issue(&CertificateSpec::client(&[&name])).unwrap();
        issued
            .write(pki, &format!("t{tenant:04}-{number}"))
            .unwrap();
    }
}

/// Every tenth tenant has a fault, one of five.
fn exports(folder: &Path, tenant: usize) {
    fs::create_dir_all(folder).unwrap();
    let fault = tenant.is_multiple_of(10).then_some(tenant / 10 % 5);
    let domain = format!("t{tenant:04}.example");
    let certificate = match fault {
        Some(0) => "mail.nobody.example".to_owned(),
        Some(1) => format!("mail.*.{domain}"),
        Some(_) | None => format!("mail.{domain}"),
    };
    let addresses = match fault {
        Some(2) => "\"10.0.0.1\"",
        Some(3) => "\"192.0.2.1\", \"192.0.2.0/25\"",
        Some(_) | None => "",
    };
    let connectors = format!(
        "[\n  {{\n    \"Name\": \"Relay\",\n    \"Enabled\": true,\n    \"ConnectorType\": \"OnPremises\",\n\
         \x20   \"RequireTls\": true,\n    \"TlsSenderCertificateName\": \"{certificate}\"\n  }},\n  {{\n\
         \x20   \"Name\": \"Scanner\",\n    \"Enabled\": {},\n    \"ConnectorType\": \"OnPremises\",\n\
         \x20   \"SenderIPAddresses\": [{addresses}]\n  }}\n]\n",
        !addresses.is_empty()
    );
    let own = |name: &str| {
        format!(
            "{{ \"DomainName\": \"{name}\", \"DomainType\": \"Authoritative\", \"MatchSubDomains\": false }}"
        )
    };
    let domains = [
        own(&domain),
        own(&format!("mail.{domain}")),
        own(&format!("t{tenant:04}.onmicrosoft.com")),
    ];
    let reject = fault != Some(4);
    for (name, text) in [
        ("InboundConnector.json", connectors),
        (
            "AcceptedDomain.json",
            format!("[\n  {}\n]\n", domains.join(",\n  ")),
        ),
        (
            "OrganizationConfig.json",
            format!("{{ \"Name\": \"{domain}\", \"RejectDirectSend\": {reject} }}\n"),
        ),
        (
            "tenant.toml",
            format!("name = \"t{tenant:04}\"\nregion = \"EUR\"\n"),
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

criterion_group!(benches, linting);
criterion_main!(benches);
