//! Certificates as evidence: group CE, as far as it is decided here.

use std::time::{Duration, SystemTime};

use rcgen::{DnType, DnValue, ExtendedKeyUsagePurpose, SanType, SerialNumber};
use tenantry_net::{
    ClientCertificate, ClientCertificatePolicy, CommonName, Fingerprint, Lenience, Request,
    RevocationPolicy, Tickets, Trust, UntrustedReason, Usage,
};

use crate::pki::{
    Authority, Issued, authority_params, expired, leaf, named_leaf, not_yet_valid, with_usage,
};
use crate::world::{Server, seen, shake};

pub(crate) const A: &str = "tenant-a.example";
pub(crate) const B: &str = "tenant-b.example";

pub(crate) fn names(certificate: &ClientCertificate) -> Vec<&str> {
    let ClientCertificate::Verified(verified) = certificate else {
        panic!("not verified: {certificate:?}");
    };
    verified.names().iter().map(String::as_str).collect()
}

pub(crate) fn reason(certificate: &ClientCertificate) -> UntrustedReason {
    let ClientCertificate::Untrusted(untrusted) = certificate else {
        panic!("not untrusted: {certificate:?}");
    };
    untrusted.reason
}

pub(crate) fn evaluate(policy: &ClientCertificatePolicy, issued: &Issued) -> ClientCertificate {
    policy.evaluate(&issued.presented())
}

// CE-01, CE-11 (with its intermediate)
#[tokio::test]
async fn a_valid_certificate_is_evidence_of_all_its_names() {
    let root = Authority::root("Clients");
    let issued = root.issue(&leaf(&[A, "mail.tenant-a.example"]));
    let certificate = seen(root.policy(), &issued).await;
    assert_eq!(names(&certificate), [A, "mail.tenant-a.example"]);
    let ClientCertificate::Verified(verified) = certificate else {
        panic!("verified above");
    };
    assert_eq!(verified.fingerprint(), issued.identity().fingerprint());
    assert_eq!(verified.subject(), "O=Test");
    assert_eq!(verified.issuer(), "CN=Clients");
    assert_eq!(verified.not_after(), issued.identity().not_after());

    let lower = root
        .intermediate("Lower", None)
        .intermediate("Lowest", None);
    let certificate = seen(root.policy(), &lower.issue(&leaf(&[A]))).await;
    assert_eq!(names(&certificate), [A]);
}

// CE-02, CE-03, CE-04, CE-11, CE-17
#[tokio::test]
async fn untrusted_certificates_are_told_apart_and_do_not_end_the_connection() {
    let root = Authority::root("Clients");
    let other = Authority::root("Others");
    let impostor = Authority::root("Clients");
    let lower = root.intermediate("Lower", None);
    let mut incomplete = lower.issue(&leaf(&[A]));
    incomplete.chain = incomplete.leaf.clone();
    let cases = [
        (
            Issued::self_signed(&leaf(&[A])),
            UntrustedReason::SelfSigned,
        ),
        (
            Issued::self_signed(&authority_params(A)),
            UntrustedReason::SelfSigned,
        ),
        (
            Issued::self_signed(&expired(leaf(&[A]))),
            UntrustedReason::SelfSigned,
        ),
        (other.issue(&leaf(&[A])), UntrustedReason::UnknownIssuer),
        (impostor.issue(&leaf(&[A])), UntrustedReason::BadSignature),
        (root.issue(&expired(leaf(&[A]))), UntrustedReason::Expired),
        (
            root.issue(&not_yet_valid(leaf(&[A]))),
            UntrustedReason::NotYetValid,
        ),
        (root.issue(&authority_params(A)), UntrustedReason::Usage),
        (incomplete, UntrustedReason::UnknownIssuer),
    ];
    for (issued, expected) in cases {
        let certificate = seen(root.policy(), &issued).await;
        assert_eq!(reason(&certificate), expected);
        let ClientCertificate::Untrusted(untrusted) = certificate else {
            panic!("untrusted above");
        };
        assert_eq!(untrusted.fingerprint, issued.identity().fingerprint());
        assert!(!untrusted.issuer.is_empty());
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_let_in() {
    let server = Server::requesting(Authority::root("Clients").policy());
    let trust = tenantry_net::UpstreamTrust::Roots(server.authority.trust());
    let client =
        tenantry_net::AnonymousTls::new(&trust, tenantry_net::Verify::NameAndChain, None).unwrap();
    let (accepted, connected) = crate::world::pair().await;
    let (accepted, connected) = tokio::join!(
        server.tls.accept(accepted, crate::world::soon()),
        client.connect(connected, crate::world::HOST, crate::world::soon())
    );
    assert_eq!(
        accepted.unwrap().certificate,
        ClientCertificate::NotPresented
    );
    connected.unwrap();
}

#[tokio::test]
async fn a_listener_that_does_not_ask_offers_nothing() {
    let root = Authority::root("Clients");
    let server = Server::new(Request::Off, Some(root.policy()), Tickets::On);
    let client = server.client(root.issue(&leaf(&[A])).identity());
    let (accepted, connected) = shake(&server.tls, &client).await;
    assert_eq!(accepted.unwrap().certificate, ClientCertificate::NotOffered);
    assert!(!connected.unwrap().2.asked);
}

// CE-05
#[test]
fn the_usage_policy_decides_about_extended_key_usage() {
    use ExtendedKeyUsagePurpose::{ClientAuth, EmailProtection, ServerAuth};
    let root = Authority::root("Clients");
    let any = root.policy();
    let client_only = ClientCertificatePolicy {
        usage: Usage::ClientAuth,
        ..root.policy()
    };
    for (usages, by_any, by_client) in [
        (&[][..], true, true),
        (&[ClientAuth][..], true, true),
        (&[ServerAuth][..], true, false),
        (&[ServerAuth, ClientAuth][..], true, true),
        (&[EmailProtection][..], false, false),
        (&[EmailProtection, ServerAuth][..], true, false),
    ] {
        let issued = root.issue(&with_usage(leaf(&[A]), usages));
        for (policy, trusted) in [(&any, by_any), (&client_only, by_client)] {
            let certificate = evaluate(policy, &issued);
            if trusted {
                assert_eq!(names(&certificate), [A], "{usages:?}");
            } else {
                assert_eq!(reason(&certificate), UntrustedReason::Usage, "{usages:?}");
            }
        }
    }
}

#[test]
fn an_intermediate_for_another_usage_does_not_carry_a_client() {
    use ExtendedKeyUsagePurpose::{ClientAuth, EmailProtection, ServerAuth};
    let root = Authority::root("Clients");
    for (above, below) in [
        (EmailProtection, ClientAuth),
        (ServerAuth, ClientAuth),
        (ClientAuth, ServerAuth),
    ] {
        let lower = root.intermediate_from(with_usage(authority_params("Lower"), &[above]));
        let issued = lower.issue(&with_usage(leaf(&[A]), &[below]));
        assert_eq!(
            reason(&evaluate(&root.policy(), &issued)),
            UntrustedReason::Usage
        );
    }
}

// CE-06, CE-07
#[test]
fn the_common_name_counts_by_policy_only() {
    let root = Authority::root("Clients");
    let with = |common_name| ClientCertificatePolicy {
        common_name,
        ..root.policy()
    };
    let only_common = root.issue(&named_leaf(A, &[]));
    let both = root.issue(&named_leaf(A, &[B]));
    let mut address = named_leaf(A, &[]);
    address.subject_alt_names = vec![SanType::IpAddress([192, 0, 2, 1].into())];
    let address = root.issue(&address);
    for (policy, of_common, of_both, of_address) in [
        (CommonName::IfNoSan, &[A][..], &[B][..], &[][..]),
        (CommonName::Always, &[A][..], &[B, A][..], &[A][..]),
        (CommonName::Never, &[][..], &[B][..], &[][..]),
    ] {
        let policy = with(policy);
        assert_eq!(names(&evaluate(&policy, &only_common)), of_common);
        assert_eq!(names(&evaluate(&policy, &both)), of_both);
        assert_eq!(names(&evaluate(&policy, &address)), of_address);
    }
    // A common name that is no DNS name is no name; folding is as for alternatives.
    for (text, expected) in [
        ("Exchange Server 01", &[][..]),
        ("tenant-a.example.", &[][..]),
        ("tenant-a.example\0.evil.example", &[][..]),
        ("TENANT-A.Example", &[A][..]),
    ] {
        let issued = root.issue(&named_leaf(text, &[]));
        assert_eq!(
            names(&evaluate(&root.policy(), &issued)),
            expected,
            "{text:?}"
        );
    }
    let mut wide = leaf(&[]);
    let wide_name = DnValue::BmpString(A.try_into().unwrap());
    wide.distinguished_name.push(DnType::CommonName, wide_name);
    assert!(names(&evaluate(&root.policy(), &root.issue(&wide))).is_empty());
}

// CE-12
#[test]
fn revocation_lists_are_read_as_the_policy_says() {
    let root = Authority::root("Clients");
    let other = Authority::root("Others");
    let mut params = leaf(&[A]);
    params.serial_number = Some(SerialNumber::from(4711));
    let issued = root.issue(&params);
    let policy = |lists: &[String], expired_list, missing_list| {
        let mut builder = Trust::builder();
        builder.add_pem(root.pem.as_bytes()).unwrap();
        for list in lists {
            builder.add_crl_pem(list.as_bytes()).unwrap();
        }
        ClientCertificatePolicy {
            revocation: RevocationPolicy {
                expired_list,
                missing_list,
            },
            ..ClientCertificatePolicy::new(builder.build().unwrap())
        }
    };
    let (refuse, accept) = (Lenience::Refuse, Lenience::Accept);
    let revoking = root.crl(&[1, 4711], 2025, 2090);
    let clean = root.crl(&[1], 2025, 2090);
    let stale = root.crl(&[1], 2024, 2025);
    let stale_revoking = root.crl(&[4711], 2024, 2025);
    let foreign = other.crl(&[4711], 2025, 2090);
    let forged = Authority::root("Clients").crl(&[1], 2026, 2090);
    let revoked = Some(UntrustedReason::Revoked);
    let unknown = Some(UntrustedReason::RevocationUnknown);
    let old = Some(UntrustedReason::RevocationListExpired);
    for (line, lists, expired_list, missing_list, expected) in [
        (1, vec![revoking.clone()], refuse, refuse, revoked),
        (2, vec![revoking.clone()], accept, accept, revoked),
        (3, vec![clean.clone()], refuse, refuse, None),
        (4, vec![stale.clone()], refuse, refuse, old),
        (5, vec![stale.clone()], accept, refuse, None),
        (6, vec![stale_revoking], accept, refuse, revoked),
        (7, vec![foreign.clone()], refuse, refuse, unknown),
        (8, vec![foreign], refuse, accept, None),
        (9, vec![], refuse, refuse, unknown),
        (10, vec![], refuse, accept, None),
        // The newest list of an issuer counts, wherever it stands.
        (
            11,
            vec![stale.clone(), revoking.clone()],
            refuse,
            refuse,
            revoked,
        ),
        (12, vec![revoking, stale], refuse, refuse, revoked),
        // A list under the issuer's name but not with its key says nothing good.
        (13, vec![forged], refuse, refuse, unknown),
    ] {
        let certificate = evaluate(&policy(&lists, expired_list, missing_list), &issued);
        match expected {
            Some(expected) => assert_eq!(reason(&certificate), expected, "line {line}"),
            None => assert_eq!(names(&certificate), [A], "line {line}"),
        }
    }
}

#[test]
fn a_pin_must_match_beside_a_valid_path() {
    let root = Authority::root("Clients");
    let (good, other) = (root.issue(&leaf(&[A])), root.issue(&leaf(&[A])));
    let key = rcgen::KeyPair::from_pem(&good.key).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let pin = Fingerprint::from_bytes(sha256(&spki));
    let mut builder = Trust::builder();
    builder.add_pem(root.pem.as_bytes()).unwrap().pin(pin);
    let policy = ClientCertificatePolicy::new(builder.build().unwrap());
    assert_eq!(names(&evaluate(&policy, &good)), [A]);
    assert_eq!(reason(&evaluate(&policy, &other)), UntrustedReason::Pin);
    let same_key = Authority::root("Others");
    assert_eq!(
        reason(&evaluate(&policy, &same_key.issue(&leaf(&[A])))),
        UntrustedReason::UnknownIssuer
    );
    let text = pin.to_string();
    assert_eq!(text.parse(), Ok(pin));
    assert_eq!(text.to_uppercase().parse(), Ok(pin));
    assert!("xyz".parse::<Fingerprint>().is_err());
    assert!(format!("{text}00").parse::<Fingerprint>().is_err());
}

#[test]
fn a_self_signed_certificate_that_is_itself_configured_is_trusted() {
    let (known, stranger) = (
        Issued::self_signed(&leaf(&[A])),
        Issued::self_signed(&leaf(&[A])),
    );
    let mut trust = Trust::builder();
    trust.add_pem(known.leaf.as_bytes()).unwrap();
    let policy = ClientCertificatePolicy::new(trust.build().unwrap());
    assert_eq!(names(&evaluate(&policy, &known)), [A]);
    assert_eq!(
        reason(&evaluate(&policy, &stranger)),
        UntrustedReason::BadSignature
    );
}

#[test]
fn a_certificate_is_judged_as_of_the_time_asked_for() {
    let root = Authority::root("Clients");
    let chain = root.issue(&expired(leaf(&[A]))).presented();
    let in_2020 = SystemTime::UNIX_EPOCH + Duration::from_secs(1_590_000_000);
    assert_eq!(names(&root.policy().evaluate_at(&chain, in_2020)), [A]);
    assert_eq!(
        reason(&root.policy().evaluate(&chain)),
        UntrustedReason::Expired
    );
}

#[test]
fn texts_in_certificates_cannot_break_a_log_line() {
    let root = Authority::root("Clients");
    let evil = format!("a\r\nb\u{1b}[31m\u{202e}\u{9b}{}", "x".repeat(400));
    let issued = Issued::self_signed(&named_leaf(&evil, &[A]));
    let ClientCertificate::Untrusted(untrusted) = evaluate(&root.policy(), &issued) else {
        panic!("nobody trusts it");
    };
    assert!(untrusted.subject.len() <= 256);
    assert!(
        untrusted
            .subject
            .bytes()
            .all(|octet| (0x20..0x7f).contains(&octet))
    );
}

#[test]
fn a_pem_file_is_evaluated_as_if_presented() {
    let root = Authority::root("Clients");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pem");
    std::fs::write(
        &path,
        root.intermediate("Lower", None).issue(&leaf(&[A])).chain,
    )
    .unwrap();
    assert_eq!(names(&root.policy().evaluate_pem(&path).unwrap()), [A]);
    std::fs::write(&path, "nothing").unwrap();
    assert!(root.policy().evaluate_pem(&path).is_err());
    assert!(
        root.policy()
            .evaluate_pem(&folder.path().join("none"))
            .is_err()
    );
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    digest.as_ref().try_into().unwrap()
}
