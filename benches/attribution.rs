//! How fast the decision goes: building a directory, looking a name up, deciding about a message.
//!
//! `cargo bench --bench attribution`. Directories have 1 k, 100 k and 10 M names, ten for each tenant; what they take to
//! build and to hold is printed first.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a benchmark stops at the first surprise, and says what it measured"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tenantry_attribution::{
    Basis, CertificateEvidence, CertificateName, Directory, DirectoryBuilder, Domain, Evidence,
    NoCertificate, OnConflict, Pattern, PeerRules, PeerTenants, RecipientEvidence, SenderEvidence,
    SessionEvidence, TenantRules, UntrustedCertificate, attribute,
};

const NAMES_EACH: u32 = 10;
/// How many different names are asked for in turn, so that no cache holds them all.
const QUESTIONS: u32 = 100_000;

fn building(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    for names in [1_000, 100_000] {
        let rules: Vec<TenantRules> = (0..names / NAMES_EACH).map(rules).collect();
        group.throughput(Throughput::Elements(u64::from(names)));
        group.bench_with_input(
            BenchmarkId::from_parameter(names),
            &rules,
            |bencher, rules| {
                bencher.iter_batched(|| rules.clone(), build, criterion::BatchSize::LargeInput);
            },
        );
    }
    group.finish();
}

fn looking_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for names in [1_000, 100_000, 10_000_000] {
        let tenants = names / NAMES_EACH;
        let start = Instant::now();
        let directory = build((0..tenants).map(rules));
        let built = start.elapsed();
        let each = directory.memory_bytes() / usize::try_from(names).unwrap();
        eprintln!("{names} names: parsed and built in {built:?}, {each} octets per name");
        let asked = |zone: &str| -> Vec<Domain> {
            let spread = |n: u32| n.wrapping_mul(0x9e37_79b9) % tenants;
            (0..QUESTIONS.min(tenants))
                .map(|n| domain(&zone.replace('#', &spread(n).to_string())))
                .collect()
        };
        for (kind, zone) in [
            ("exact", "org-#-brand.test"),
            ("wildcard", "eu.dept.org-#.example"),
            ("missing", "eu.dept.none-#.example"),
        ] {
            let domains = asked(zone);
            let mut turn = domains.iter().cycle();
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(kind, names), |bencher| {
                bencher.iter(|| directory.owner(Basis::Sender, black_box(turn.next().unwrap())));
            });
        }
    }
    group.finish();
}

fn deciding(criterion: &mut Criterion) {
    let directory = build((0..100).map(rules));
    let mut group = criterion.benchmark_group("attribute");
    group.throughput(Throughput::Elements(1));
    for (kind, certificate, sender, recipient) in [
        (
            "certificate",
            Some("mail.org-7.example"),
            "org-7.example",
            "nowhere.example",
        ),
        (
            "conflict",
            Some("mail.org-7.example"),
            "org-8.example",
            "nowhere.example",
        ),
        ("sender", None, "eu.org-7.example", "nowhere.example"),
        ("recipient", None, "nowhere.example", "one.org-7.test"),
        ("nobody", None, "nowhere.example", "nowhere.example"),
    ] {
        let evidence = evidence(&directory, certificate, sender, recipient);
        group.bench_function(BenchmarkId::new("running session", kind), |bencher| {
            bencher.iter(|| attribute(&directory, black_box(&evidence)));
        });
        group.bench_function(BenchmarkId::new("from text", kind), |bencher| {
            bencher.iter(|| {
                let evidence =
                    self::evidence(&directory, black_box(certificate), sender, recipient);
                attribute(&directory, &evidence)
            });
        });
    }
    group.finish();
}

fn normalising(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("domain");
    for (kind, text) in [
        ("ascii", "Mail.EU.Contoso.com"),
        ("a-label", "mail.xn--bcher-kva.example"),
        ("u-label", "mail.bücher.example"),
    ] {
        group.bench_function(kind, |bencher| {
            bencher.iter(|| Domain::parse(black_box(text)))
        });
    }
    group.finish();
}

fn evidence(
    directory: &Directory,
    certificate: Option<&str>,
    sender: &str,
    recipient: &str,
) -> Evidence {
    let certificate = match certificate {
        Some(name) => CertificateEvidence::Verified(vec![CertificateName::parse(name).unwrap()]),
        None => CertificateEvidence::Absent(NoCertificate::NotPresented),
    };
    let address = "10.1.2.3".parse().unwrap();
    Evidence {
        session: SessionEvidence::new(
            directory,
            certificate,
            address,
            UntrustedCertificate::Refuse,
        ),
        sender: SenderEvidence::of_domain(sender),
        recipients: vec![RecipientEvidence::of_domain(recipient)],
    }
}

fn build(tenants: impl IntoIterator<Item = TenantRules>) -> Directory {
    let mut builder = DirectoryBuilder::new();
    for rules in tenants {
        builder.add_tenant(rules);
    }
    builder.add_peer(PeerRules {
        name: Arc::from("exchange"),
        networks: vec!["10.1.0.0/16".parse().unwrap()],
        certificates: Vec::new(),
        tenants: PeerTenants::All,
    });
    builder.build().unwrap()
}

fn rules(n: u32) -> TenantRules {
    let patterns = |texts: &[&str]| -> Vec<Pattern> {
        texts
            .iter()
            .map(|text| Pattern::parse(&text.replace('#', &n.to_string())).unwrap())
            .collect()
    };
    TenantRules {
        name: Arc::from(format!("tenant-{n}")),
        certificate_domains: patterns(&["mail.org-#.example", "*.relay.org-#.example"]),
        sender_domains: patterns(&[
            "*.org-#.example",
            "news.org-#.test",
            "org-#-brand.test",
            "org-#-old.test",
        ]),
        recipient_domains: patterns(&[
            "one.org-#.test",
            "two.org-#.test",
            "three.org-#.test",
            "*.four.org-#.test",
        ]),
        on_conflict: OnConflict::Follow,
    }
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

criterion_group!(benches, building, looking_up, deciding, normalising);
criterion_main!(benches);
