//! Which names a certificate is evidence of: the rest of group CE.

use std::time::{Duration, Instant};

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, CustomExtension, GeneralSubtree, NameConstraints, SanType};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tenantry_net::{
    ClientCertificate, ClientCertificatePolicy, PresentedChain, Trust, UntrustedReason,
};

use crate::client_certificates::{A, B, evaluate, names, reason};
use crate::pki::{Authority, leaf, named_leaf};
use crate::world::seen;

// CE-08, CE-09, CE-13, CE-16: names come as they are; whose they are is decided elsewhere.
#[test]
fn only_strict_names_are_names() {
    let root = Authority::root("Clients");
    let given = [
        "*.tenant-a.example",
        "TENANT-A.Example",
        "tenant-a.example.",
        "a_b.example",
        "-a.example",
        "tenant-a.example\0.evil.example",
        "evil.example\r\nX: y",
        "*",
        "a.*.example",
        "tenant-b.example",
        "xtenant-a.example",
        "a..example",
        " tenant-c.example",
        "tenant-d.example,tenant-e.example",
        "*tenant-f.example",
        "xn--mller-kva.example",
        "tenant-b.example",
    ];
    let mut params = leaf(&[]);
    params.subject_alt_names = given
        .iter()
        .map(|name| SanType::DnsName(Ia5String::try_from(*name).unwrap()))
        .collect();
    let certificate = evaluate(&root.policy(), &root.issue(&params));
    assert_eq!(
        names(&certificate),
        [
            "*.tenant-a.example",
            A,
            B,
            "xtenant-a.example",
            "xn--mller-kva.example"
        ]
    );
}

// CE-10
#[tokio::test]
async fn very_many_names_are_refused_quickly() {
    let root = Authority::root("Clients");
    let many: Vec<String> = (0..9_999).map(|n| format!("n{n}.example")).collect();
    let mut all: Vec<&str> = many.iter().map(String::as_str).collect();
    all.push(A);
    let issued = root.issue(&leaf(&all));
    let chain = issued.presented();
    let policy = root.policy();
    let begin = Instant::now();
    let certificate = policy.evaluate(&chain);
    assert!(
        begin.elapsed() < Duration::from_millis(50),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(reason(&certificate), UntrustedReason::TooManyNames);

    // Exactly the limit is read, one more is not; over a connection too.
    let few = ClientCertificatePolicy {
        max_names: 1000,
        ..root.policy()
    };
    let issued = root.issue(&leaf(&all[..1000]));
    assert_eq!(names(&seen(few.clone(), &issued).await).len(), 1000);
    let issued = root.issue(&leaf(&all[..1001]));
    assert_eq!(
        reason(&seen(few, &issued).await),
        UntrustedReason::TooManyNames
    );
}

// CE-14
#[test]
fn other_kinds_of_alternative_names_are_no_names() {
    let root = Authority::root("Clients");
    let text = |text: &str| Ia5String::try_from(text).unwrap();
    let mut params = named_leaf(A, &[]);
    params.subject_alt_names = vec![
        SanType::Rfc822Name(text("user@tenant-a.example")),
        SanType::URI(text("smtp://tenant-a.example")),
        SanType::IpAddress([192, 0, 2, 1].into()),
        SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], A.into())),
    ];
    assert!(names(&evaluate(&root.policy(), &root.issue(&params))).is_empty());

    // directoryName CN=tenant-a.example, by hand.
    let mut directory = vec![0x30, 0x1f, 0xa4, 0x1d, 0x30, 0x1b, 0x31, 0x19, 0x30, 0x17];
    directory.extend([0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x10]);
    directory.extend(A.bytes());
    let mut params = named_leaf(A, &[]);
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &[2, 5, 29, 17],
        directory,
    )];
    assert!(names(&evaluate(&root.policy(), &root.issue(&params))).is_empty());
}

#[test]
fn two_alternative_name_extensions_make_a_certificate_unreadable() {
    let root = Authority::root("Clients");
    let mut params = leaf(&[B]);
    let content = [&[0x30, 0x12, 0x82, 0x10][..], A.as_bytes()].concat();
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], content)];
    let issued = root.issue(&params);
    assert_eq!(
        reason(&evaluate(&root.policy(), &issued)),
        UntrustedReason::Malformed
    );
}

// CE-15
#[test]
fn name_constraints_hold_for_alternative_and_common_names() {
    let root = Authority::root("Clients");
    let dns = |name: &str| vec![GeneralSubtree::DnsName(name.to_owned())];
    let only_b = NameConstraints {
        permitted_subtrees: dns(B),
        excluded_subtrees: vec![],
    };
    let not_a = NameConstraints {
        permitted_subtrees: vec![],
        excluded_subtrees: dns(A),
    };
    let narrow = NameConstraints {
        permitted_subtrees: dns("accept.tenant-b.example"),
        excluded_subtrees: vec![],
    };
    let only_b = root.intermediate("Only B", Some(only_b));
    let not_a = root.intermediate("Not A", Some(not_a));
    let narrow = root.intermediate("Narrow", Some(narrow));
    let mut uri = leaf(&[]);
    uri.subject_alt_names = vec![SanType::URI(
        Ia5String::try_from("smtp://x.example").unwrap(),
    )];
    let refused: Vec<(&Authority, CertificateParams)> = vec![
        (&only_b, leaf(&[A])),
        (&only_b, leaf(&[B, A])),
        (&only_b, named_leaf(A, &[])),
        (&only_b, named_leaf("*.example", &[])),
        (&not_a, leaf(&[A])),
        (&not_a, leaf(&["mail.tenant-a.example"])),
        (&not_a, named_leaf(A, &[])),
        (&not_a, named_leaf("TENANT-A.example", &[])),
        (&not_a, named_leaf("*.example", &[])),
        (&narrow, leaf(&["*.tenant-b.example"])),
        (&narrow, named_leaf("*.tenant-b.example", &[])),
    ];
    for (authority, params) in refused {
        let certificate = evaluate(&root.policy(), &authority.issue(&params));
        assert_eq!(reason(&certificate), UntrustedReason::NameConstraint);
    }
    for params in [
        leaf(&[B]),
        leaf(&["mail.tenant-b.example"]),
        named_leaf(B, &[]),
    ] {
        let certificate = evaluate(&root.policy(), &only_b.issue(&params));
        assert_eq!(names(&certificate).len(), 1);
    }
    // A root may be constrained as well as an intermediate.
    let mut trust = Trust::builder();
    trust.add_pem(only_b.pem.as_bytes()).unwrap();
    let policy = ClientCertificatePolicy::new(trust.build().unwrap());
    let certificate = evaluate(&policy, &only_b.issue(&named_leaf(A, &[])));
    assert_eq!(reason(&certificate), UntrustedReason::NameConstraint);
    assert_eq!(
        names(&evaluate(&policy, &only_b.issue(&named_leaf(B, &[])))),
        [B]
    );
}

#[test]
fn a_certificate_with_any_bit_changed_is_evidence_of_nothing() {
    let root = Authority::root("Clients");
    let policy = root.policy();
    let issued = root.issue(&leaf(&[A, B]));
    let der = CertificateDer::from_pem_slice(issued.leaf.as_bytes()).unwrap();
    assert_eq!(names(&evaluate(&policy, &issued)), [A, B]);
    for position in 0..der.len() {
        for bit in 0..8 {
            let mut changed = der.to_vec();
            changed[position] ^= 1 << bit;
            let text = format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                base64(&changed)
            );
            let chain = PresentedChain::from_pem(text.as_bytes()).unwrap();
            let certificate = policy.evaluate(&chain);
            assert!(
                matches!(certificate, ClientCertificate::Untrusted(_)),
                "bit {bit} of octet {position}: {certificate:?}"
            );
        }
    }
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in octets.chunks(3) {
        let mut value = 0_usize;
        for index in 0..3 {
            value = (value << 8) | usize::from(group.get(index).copied().unwrap_or(0));
        }
        for index in 0..4 {
            if index <= group.len() {
                out.push(char::from(DIGITS[(value >> (18 - 6 * index)) & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[test]
fn claimed_names_are_read_without_trust_and_up_to_a_limit() {
    let stranger = Authority::root("Stranger");
    let mut params = leaf(&[A, B]);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "common.example");
    let chain = stranger.issue(&params).presented();
    assert_eq!(chain.claimed_names(3), [A, B, "common.example"]);
    assert!(chain.claimed_names(1).is_empty());
    let trusting_others = Authority::root("Clients").policy();
    assert_eq!(
        reason(&trusting_others.evaluate(&chain)),
        UntrustedReason::UnknownIssuer
    );
}
