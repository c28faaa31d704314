//! A large directory: it must build, stay compact and answer.
//!
//! `TENANTRY_LARGE_TENANTS` sets the number of tenants, with ten names each; the default is quick in a debug build.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says what it measured"
)]

use std::sync::Arc;
use std::time::Instant;

use tenantry_attribution::{
    Basis, CertificateName, Directory, DirectoryBuilder, Domain, OnConflict, Pattern, TenantId,
    TenantRules,
};

const NAMES_EACH: usize = 10;

#[test]
fn a_large_directory_is_compact_and_answers() {
    let tenants: u32 =
        std::env::var("TENANTRY_LARGE_TENANTS").map_or(5_000, |n| n.parse().unwrap());
    let names = usize::try_from(tenants).unwrap() * NAMES_EACH;
    let start = Instant::now();
    let directory = build(tenants);
    let built = start.elapsed();
    assert_eq!(directory.stored_names(), names);
    let per_name = directory.memory_bytes() / names;
    assert!(per_name < 80, "{per_name} octets per name");

    let questions = questions(&directory);
    let start = Instant::now();
    let hits = questions
        .iter()
        .filter(|(id, domain, _)| directory.owner(Basis::Sender, domain) == Some(*id))
        .count();
    let hit = start.elapsed() / tenants;
    let start = Instant::now();
    let misses = questions
        .iter()
        .filter(|(_, _, domain)| directory.owner(Basis::Sender, domain).is_none())
        .count();
    let miss = start.elapsed() / tenants;
    assert_eq!((hits, misses), (questions.len(), questions.len()));
    eprintln!(
        "{names} names: built in {built:?}, {per_name} octets per name, hit {hit:?}, miss {miss:?}"
    );
}

#[test]
fn every_name_of_a_large_directory_has_its_owner() {
    let directory = build(1_000);
    for id in directory.tenant_ids() {
        let n = id.index();
        assert_eq!(directory.tenant_by_name(&format!("tenant-{n}")), Some(id));
        let host = CertificateName::parse(&format!("mail.org-{n}.example")).unwrap();
        assert_eq!(directory.owner_of_certificate_name(&host), Some(id));
        let wildcard = CertificateName::parse(&format!("*.relay.org-{n}.example")).unwrap();
        assert_eq!(directory.owner_of_certificate_name(&wildcard), Some(id));
        let recipient = Domain::parse(&format!("three.org-{n}.test")).unwrap();
        assert_eq!(directory.owner(Basis::Recipient, &recipient), Some(id));
        assert_eq!(directory.owner(Basis::Sender, &recipient), None);
    }
    assert_eq!(directory.names().count(), 1_000 * NAMES_EACH);
    // `*.org-7.example` (sender) lies around nothing of another tenant.
    assert_eq!(directory.nested().count(), 0);
}

fn build(tenants: u32) -> Directory {
    let mut builder = DirectoryBuilder::new();
    for n in 0..tenants {
        let patterns = |texts: &[String]| {
            texts
                .iter()
                .map(|text| Pattern::parse(text).unwrap())
                .collect()
        };
        builder.add_tenant(TenantRules {
            name: Arc::from(format!("tenant-{n}")),
            certificate_domains: patterns(&[
                format!("mail.org-{n}.example"),
                format!("*.relay.org-{n}.example"),
            ]),
            sender_domains: patterns(&[
                format!("*.org-{n}.example"),
                format!("news.org-{n}.test"),
                format!("org-{n}-brand.test"),
                format!("org-{n}-old.test"),
            ]),
            recipient_domains: patterns(&[
                format!("one.org-{n}.test"),
                format!("two.org-{n}.test"),
                format!("three.org-{n}.test"),
                format!("*.four.org-{n}.test"),
            ]),
            on_conflict: OnConflict::Follow,
        });
    }
    builder.build().unwrap()
}

/// A tenant, a name that it owns by a wildcard, and one that nobody owns, in an order that no cache likes.
fn questions(directory: &Directory) -> Vec<(TenantId, Domain, Domain)> {
    let ids: Vec<TenantId> = directory.tenant_ids().collect();
    let mut order: Vec<u32> = (0..).take(ids.len()).collect();
    order.sort_unstable_by_key(|n| n.wrapping_mul(0x9e37_79b9));
    order
        .into_iter()
        .map(|n| {
            let id = ids.get(usize::try_from(n).unwrap()).copied().unwrap();
            let hit = Domain::parse(&format!("eu.dept.org-{n}.example")).unwrap();
            let miss = Domain::parse(&format!("eu.dept.none-{n}.example")).unwrap();
            (id, hit, miss)
        })
        .collect()
}
