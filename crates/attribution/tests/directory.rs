//! Building a directory: every problem at once, nesting, peers, and what it tells of itself.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::IpAddr;
use std::sync::Arc;

use tenantry_attribution::{
    Basis, CertificateEvidence, CertificateName, Directory, DirectoryBuilder, DirectoryProblem,
    Domain, NoCertificate, OnConflict, Pattern, PeerRules, PeerTenants, SessionEvidence,
    TenantRules, UntrustedCertificate,
};

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts
        .iter()
        .map(|text| Pattern::parse(text).unwrap())
        .collect()
}

fn tenant(name: &str, certificate: &[&str], sender: &[&str], recipient: &[&str]) -> TenantRules {
    TenantRules {
        name: Arc::from(name),
        certificate_domains: patterns(certificate),
        sender_domains: patterns(sender),
        recipient_domains: patterns(recipient),
        on_conflict: OnConflict::Follow,
    }
}

fn peer(name: &str, networks: &[&str], certificates: &[&str], tenants: PeerTenants) -> PeerRules {
    PeerRules {
        name: Arc::from(name),
        networks: networks
            .iter()
            .map(|network| network.parse().unwrap())
            .collect(),
        certificates: patterns(certificates),
        tenants,
    }
}

fn built(tenants: Vec<TenantRules>) -> Result<Directory, Vec<DirectoryProblem>> {
    let mut builder = DirectoryBuilder::new();
    for rules in tenants {
        builder.add_tenant(rules);
    }
    builder.build()
}

fn words(problems: &[DirectoryProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn one_name_of_two_tenants_is_an_error_in_every_spelling() {
    for (one, other) in [
        ("contoso.com", "contoso.com"),
        ("contoso.com", "CONTOSO.COM"),
        ("contoso.com", "contoso.com."),
        ("bücher.example", "xn--bcher-kva.example"),
        ("bücher.example", "BU\u{308}CHER.example"),
        ("*.contoso.com", "*.Contoso.Com."),
        ("contoso\u{3002}com", "contoso.com"),
    ] {
        let problems = built(vec![
            tenant("a", &[], &[one], &[]),
            tenant("b", &[], &[other], &[]),
        ])
        .unwrap_err();
        let [
            DirectoryProblem::ClaimedTwice {
                basis,
                first_name,
                second_name,
                ..
            },
        ] = problems.as_slice()
        else {
            unreachable!("{one} and {other}: {problems:?}");
        };
        assert_eq!(
            (*basis, &**first_name, &**second_name),
            (Basis::Sender, "a", "b")
        );
    }
}

#[test]
fn every_conflict_is_reported_with_basis_pattern_and_both_tenants() {
    let problems = built(vec![
        tenant(
            "a",
            &["m.example"],
            &["*.d.example", "x.example"],
            &["r.example"],
        ),
        tenant("b", &["m.example"], &["*.d.example"], &["s.example"]),
        tenant("c", &["m.example"], &["x.example"], &["r.example"]),
    ])
    .unwrap_err();
    assert_eq!(
        words(&problems),
        [
            "tenants \"a\" and \"b\" both claim m.example by certificate",
            "tenants \"a\" and \"b\" both claim *.d.example by sender",
            "tenants \"a\" and \"c\" both claim m.example by certificate",
            "tenants \"a\" and \"c\" both claim x.example by sender",
            "tenants \"a\" and \"c\" both claim r.example by recipient",
        ]
    );
}

#[test]
fn the_same_name_on_another_basis_or_as_another_pattern_is_no_conflict() {
    let directory = built(vec![
        tenant("a", &["d.example"], &[], &["*.d.example"]),
        tenant("b", &["*.d.example"], &["d.example"], &[]),
        tenant("c", &[], &["*.d.example"], &["d.example"]),
    ])
    .unwrap();
    let d = Domain::parse("d.example").unwrap();
    let x = Domain::parse("x.d.example").unwrap();
    let owner = |basis, domain| {
        directory
            .owner(basis, domain)
            .map(|id| directory.tenant_name(id).to_owned())
    };
    assert_eq!(owner(Basis::Certificate, &d).as_deref(), Some("a"));
    assert_eq!(owner(Basis::Certificate, &x).as_deref(), Some("b"));
    assert_eq!(owner(Basis::Sender, &d).as_deref(), Some("b"));
    assert_eq!(owner(Basis::Sender, &x).as_deref(), Some("c"));
    assert_eq!(owner(Basis::Recipient, &d).as_deref(), Some("c"));
    assert_eq!(owner(Basis::Recipient, &x).as_deref(), Some("a"));
    assert_eq!(directory.names().count(), 6);
}

#[test]
fn one_tenant_may_say_a_name_twice() {
    let directory = built(vec![tenant(
        "a",
        &["d.example", "D.example."],
        &["d.example"],
        &["*.d.example"],
    )])
    .unwrap();
    assert_eq!(directory.names().count(), 3);
    assert_eq!(directory.stored_names(), 1);
}

#[test]
fn all_other_problems_come_together() {
    let mut builder = DirectoryBuilder::new();
    let a = builder.add_tenant(tenant("a", &["d.example"], &[], &[]));
    builder.add_tenant(tenant("a", &["e.example"], &[], &[]));
    builder.add_tenant(tenant("empty", &[], &[], &[]));
    builder.add_peer(peer("p", &["10.0.0.0/8"], &[], PeerTenants::These(vec![a])));
    builder.add_peer(peer("p", &[], &[], PeerTenants::All));
    let problems = builder.build().unwrap_err();
    assert_eq!(
        words(&problems),
        [
            "two tenants are named \"a\"",
            "tenant \"empty\" has no domains on any basis",
            "peer \"p\" has neither networks nor certificates",
            "two peers are named \"p\"",
        ]
    );
}

#[test]
fn a_peer_must_not_name_a_tenant_of_nowhere() {
    let mut elsewhere = DirectoryBuilder::new();
    elsewhere.add_tenant(tenant("x", &["x.example"], &[], &[]));
    let foreign = elsewhere.add_tenant(tenant("y", &["y.example"], &[], &[]));
    let mut builder = DirectoryBuilder::new();
    builder.add_tenant(tenant("a", &["d.example"], &[], &[]));
    builder.add_peer(peer(
        "p",
        &["10.0.0.0/8"],
        &[],
        PeerTenants::These(vec![foreign]),
    ));
    let problems = builder.build().unwrap_err();
    assert_eq!(
        words(&problems),
        ["peer \"p\" may send for a tenant that does not exist"]
    );
}

#[test]
fn nesting_names_the_nearest_pattern_of_another_tenant() {
    let directory = built(vec![
        tenant("outer", &[], &["*.d.example"], &["*.d.example"]),
        tenant("middle", &[], &["*.b.d.example", "own.b.d.example"], &[]),
        tenant(
            "inner",
            &["a.b.d.example"],
            &["a.b.d.example", "d.example", "xd.example"],
            &["d.example"],
        ),
    ])
    .unwrap();
    let seen: Vec<String> = directory
        .nested()
        .map(|nesting| {
            let claim = |claim: &tenantry_attribution::Claim| {
                format!(
                    "{} of {}",
                    claim.pattern,
                    directory.tenant_name(claim.tenant)
                )
            };
            format!(
                "{}: {} in {}",
                nesting.inner.basis.as_str(),
                claim(&nesting.inner),
                claim(&nesting.outer)
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "sender: *.b.d.example of middle in *.d.example of outer",
            "sender: d.example of inner in *.d.example of outer",
            "recipient: d.example of inner in *.d.example of outer",
            "sender: a.b.d.example of inner in *.b.d.example of middle",
        ]
    );
}

#[test]
fn claims_come_best_first() {
    let directory = built(vec![
        tenant("a", &["*.example"], &[], &[]),
        tenant("b", &["*.d.example"], &[], &[]),
        tenant("c", &["d.example"], &[], &[]),
    ])
    .unwrap();
    let patterns = |claims: Vec<tenantry_attribution::Claim>| -> Vec<String> {
        claims
            .iter()
            .map(|claim| claim.pattern.to_string())
            .collect()
    };
    let d = Domain::parse("d.example").unwrap();
    assert_eq!(
        patterns(directory.claims(Basis::Certificate, &d)),
        ["d.example", "*.d.example", "*.example"]
    );
    let wildcard = CertificateName::parse("*.d.example").unwrap();
    assert_eq!(
        patterns(directory.claims_on_certificate_name(&wildcard)),
        ["*.d.example", "*.example"]
    );
}

#[test]
fn peers_of_another_directory_grant_nothing() {
    let make = || {
        let mut builder = DirectoryBuilder::new();
        let a = builder.add_tenant(tenant("a", &[], &["d.example"], &[]));
        builder.add_peer(peer("p", &["10.0.0.0/8"], &[], PeerTenants::All));
        (builder.build().unwrap(), a)
    };
    let ((old, a), (new, _)) = (make(), make());
    let address: IpAddr = "10.1.2.3".parse().unwrap();
    let session = SessionEvidence::new(
        &old,
        CertificateEvidence::Absent(NoCertificate::NotPresented),
        address,
        UntrustedCertificate::Refuse,
    );
    assert!(old.may_send(session.peers(), a));
    assert!(!new.may_send(session.peers(), a));
    assert!(new.may_send(session.renewed(&new).peers(), a));
}

#[test]
fn a_wide_ipv6_network_has_no_ipv4_clients() {
    let mut builder = DirectoryBuilder::new();
    builder.add_tenant(tenant("a", &[], &["d.example"], &[]));
    builder.add_peer(peer("six", &["::/0"], &[], PeerTenants::All));
    builder.add_peer(peer(
        "mapped",
        &["::ffff:10.0.0.0/104"],
        &[],
        PeerTenants::All,
    ));
    let directory = builder.build().unwrap();
    let peers = |address: &str| -> Vec<String> {
        let certificate = CertificateEvidence::Absent(NoCertificate::NotOffered);
        let peers = directory.peers(address.parse().unwrap(), &certificate);
        peers
            .ids()
            .iter()
            .map(|id| directory.peer_name(*id).to_owned())
            .collect()
    };
    assert_eq!(peers("10.1.2.3"), ["mapped"]);
    assert_eq!(peers("::ffff:10.1.2.3"), ["mapped"]);
    assert_eq!(peers("::ffff:11.1.2.3"), Vec::<String>::new());
    assert_eq!(peers("2001:db8::1"), ["six"]);
}

#[test]
fn a_session_knows_a_mapped_address_as_ipv4() {
    let directory = built(Vec::new()).unwrap();
    let certificate = CertificateEvidence::Absent(NoCertificate::NotOffered);
    let mapped = "::ffff:10.1.2.3".parse().unwrap();
    let session = SessionEvidence::new(
        &directory,
        certificate,
        mapped,
        UntrustedCertificate::Refuse,
    );
    assert_eq!(session.address().to_string(), "10.1.2.3");
}

#[test]
fn numbers_of_another_directory_do_no_harm() {
    let small = built(Vec::new()).unwrap();
    let large = built(
        (0..10)
            .map(|n| tenant(&format!("t{n}"), &[&format!("d{n}.example")], &[], &[]))
            .collect(),
    );
    let large = large.unwrap();
    let last = large.tenant_by_name("t9").unwrap();
    assert_eq!(small.tenant_name(last), "");
    assert_eq!(small.on_conflict(last), OnConflict::Refuse);
    assert_eq!(small.tenant_by_name("t9"), None);
    assert_eq!(
        small.owner(Basis::Sender, &Domain::parse("d.example").unwrap()),
        None
    );
}
