//! How fast recorded envelopes are decided under two configurations, on one core.
//!
//! `cargo bench --bench replay`. A thousand tenants; questions of `explain --batch`, and closing lines of the log.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tenantry_lab::pki::Authority;
use tenantry_relay::config::Config;
use tenantry_relay::replay::replay;

const TENANTS: u32 = 1_000;
const ENVELOPES: u32 = 100_000;

fn replaying(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new("Clients").unwrap();
    fs::write(folder.path().join("ca.pem"), authority.certificate_pem()).unwrap();
    let own = authority.server(&["relay.example"]).unwrap();
    own.write(folder.path(), "own").unwrap();
    let (old, new) = (config(folder.path(), 0), config(folder.path(), 1));
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(u64::from(ENVELOPES)));
    group.sample_size(10);
    for (kind, line) in [
        ("questions", question as fn(u32) -> String),
        ("log", closed),
    ] {
        let log: String = (0..ENVELOPES).map(line).collect();
        group.bench_function(kind, |bencher| {
            bencher.iter(|| {
                let report = replay(&old, &new, log.as_bytes(), NonZeroUsize::MIN).unwrap();
                assert_eq!(report.envelopes, u64::from(ENVELOPES));
                assert!(report.changed > 0);
            });
        });
    }
    group.finish();
}

/// The configuration; the second one has given every tenth tenant's mail to another.
fn config(folder: &Path, generation: u32) -> Config {
    let mut text = String::from(
        "hostname = \"relay.example\"\n[[listener]]\nname = \"mail\"\naddress = \"127.0.0.1:25\"\n\
         certificate = \"own.pem\"\nkey = \"own.key\"\nclient_certificates = \"request\"\ntrust = [\"ca.pem\"]\n\
         [[peer]]\nname = \"inside\"\nnetworks = [\"10.1.0.0/24\"]\ntenants = [\"*\"]\n",
    );
    for tenant in 0..TENANTS {
        let given_away = generation == 1 && tenant % 10 == 0;
        let zone = if given_away { "gone" } else { "example" };
        write!(
            text,
            "[[tenant]]\nname = \"t{tenant}\"\ncertificate_domains = [\"mail.t{tenant}.example\"]\n\
             sender_domains = [\"*.t{tenant}.{zone}\"]\nrecipient_domains = [\"t{tenant}.example\"]\n\
             upstream = \"up{tenant}.example:25\"\nupstream_trust = [\"ca.pem\"]\n\
             certificate = \"own.pem\"\nkey = \"own.key\"\n"
        )
        .unwrap();
    }
    let path = folder.join(format!("{generation}.toml"));
    fs::write(&path, text).unwrap();
    Config::load(&path).unwrap()
}

/// Sender's and recipient's tenant, spread so that no cache holds everything; each tenant has servers of its own.
fn spread(number: u32) -> (u32, u32, u32) {
    let mixed = number.wrapping_mul(0x9e37_79b9);
    let from = mixed % TENANTS;
    (from, (mixed >> 10) % TENANTS, from % 250)
}

fn question(number: u32) -> String {
    let (from, to, client) = spread(number);
    let certificate = match number % 3 {
        0 => format!("\"certificate_names\":[\"mail.t{from}.example\",\"other.example\"],"),
        _ => String::new(),
    };
    format!(
        "{{\"id\":{number},{certificate}\"peer\":\"10.1.0.{client}\",\"listener\":\"mail\",\
         \"mail_from\":\"user{number}@eu.t{from}.example\",\
         \"rcpt_to\":[\"x@t{to}.example\",\"y@elsewhere.example\"]}}\n"
    )
}

fn closed(number: u32) -> String {
    let (from, to, client) = spread(number);
    let port = 32_768 + number % 28_000;
    let certificate = match number % 3 {
        0 => format!("\"cert_name\":\"mail.t{from}.example,other.example\""),
        _ => String::from("\"no_cert\":\"not-presented\""),
    };
    format!(
        "{{\"timestamp\":\"2026-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"transaction closed\",\
         \"session\":\"01234567-{number:x}\",\"txn\":\"01234567-{number:x}-1\",\"listener\":\"mail\",\
         \"peer\":\"10.1.0.{client}:{port}\",\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS13_AES_256_GCM_SHA384\",\
         {certificate},\"mail_from_domain\":\"eu.t{from}.example\",\
         \"rcpt_domains\":\"t{to}.example,elsewhere.example\",\"rcpts\":2,\"rcpts_accepted\":2,\
         \"tenant\":\"t{from}\",\"basis\":\"sender\",\"verdict\":\"tenant\",\
         \"reasons\":\"not-presented,owner,decided-earlier\",\"upstream\":\"up{from}.example:25\",\
         \"identity\":\"{:064x}\",\"reply\":250,\"bytes\":12345,\"elapsed_ms\":33}}\n",
        number
    )
}

criterion_group!(benches, replaying);
criterion_main!(benches);
