//! What is remembered of a certificate decides as if it were looked at each time.

use std::ptr;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, SerialNumber, date_time_ymd};
use tenantry_net::{ClientCertificate, ClientCertificatePolicy, Judge, PresentedChain, Trust};
use tenantry_net::{UntrustedReason, VerifiedCertificate};

use crate::client_certificates::{A, B, names, reason};
use crate::pki::{Authority, authority_params, leaf};
use crate::world::{Server, greet};

const DAY: Duration = Duration::from_secs(86_400);

fn verified(certificate: &ClientCertificate) -> &VerifiedCertificate {
    let ClientCertificate::Verified(verified) = certificate else {
        panic!("not verified: {certificate:?}");
    };
    verified
}

/// Whether both were found by one evaluation: copies share their names.
fn is_one(first: &ClientCertificate, second: &ClientCertificate) -> bool {
    ptr::eq(verified(first).names(), verified(second).names())
}

fn at(year: i32, month: u8, day: u8) -> SystemTime {
    SystemTime::from(date_time_ymd(year, month, day))
}

fn during_2025(names: &[&str]) -> CertificateParams {
    let mut params = leaf(names);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    params
}

#[tokio::test]
async fn a_client_that_comes_again_is_judged_once_and_means_the_same() {
    let root = Authority::root("Clients");
    let issued = root.issue(&leaf(&[A]));
    let server = Server::requesting(root.policy());
    let client = server.client(issued.identity());
    let (first, ..) = greet(&server.tls, &client).await;
    let (second, facts, _) = greet(&server.tls, &client).await;
    assert!(facts.resumed);
    assert_eq!(names(&second.certificate), [A]);
    assert!(is_one(&first.certificate, &second.certificate));
    let judge = server.tls.judge().unwrap();
    assert_eq!(judge.remembered(), 1);
    // Another listener, or this one after a reload, has seen nothing.
    let other = Judge::new(Authority::root("Others").policy());
    let chain = second.presented.unwrap();
    assert_eq!(
        reason(&other.evaluate(&chain)),
        UntrustedReason::UnknownIssuer
    );
}

#[test]
fn a_certificate_ends_when_it_ends_however_lately_it_was_believed() {
    let root = Authority::root("Clients");
    let chain = root.issue(&during_2025(&[A])).presented();
    let judge = Judge::new(root.policy());
    let end = at(2026, 1, 1);
    let before = judge.evaluate_at(&chain, end - Duration::from_secs(2));
    let last = judge.evaluate_at(&chain, end - Duration::from_secs(1));
    assert!(is_one(&before, &last));
    assert_eq!(names(&judge.evaluate_at(&chain, end)), [A]);
    let after = judge.evaluate_at(&chain, end + Duration::from_secs(1));
    assert_eq!(reason(&after), UntrustedReason::Expired);
    // A clock that was put back is not answered with what was found later.
    let early = judge.evaluate_at(&chain, at(2025, 1, 1) - Duration::from_secs(1));
    assert_eq!(reason(&early), UntrustedReason::NotYetValid);
}

#[test]
fn an_intermediate_ends_with_all_that_it_issued() {
    let root = Authority::root("Clients");
    let mut params = authority_params("Lower");
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2025, 6, 1);
    let lower = root.intermediate_from(params);
    let chain = lower.issue(&during_2025(&[A])).presented();
    let judge = Judge::new(root.policy());
    let end = at(2025, 6, 1);
    assert_eq!(
        names(&judge.evaluate_at(&chain, end - Duration::from_secs(9))),
        [A]
    );
    assert_eq!(judge.remembered(), 1);
    let after = judge.evaluate_at(&chain, end + Duration::from_secs(1));
    assert_eq!(reason(&after), UntrustedReason::Expired);
}

#[test]
fn a_verdict_is_used_for_a_minute_at_most() {
    let root = Authority::root("Clients");
    let chain = root.issue(&during_2025(&[A])).presented();
    let judge = Judge::new(root.policy());
    let noon = at(2025, 3, 1);
    let first = judge.evaluate_at(&chain, noon);
    assert!(is_one(
        &first,
        &judge.evaluate_at(&chain, noon + Duration::from_secs(59))
    ));
    assert!(!is_one(
        &first,
        &judge.evaluate_at(&chain, noon + Duration::from_secs(60))
    ));
}

#[test]
fn a_revocation_list_that_expires_takes_the_verdict_with_it() {
    let root = Authority::root("Clients");
    let mut params = leaf(&[A]);
    params.serial_number = Some(SerialNumber::from(7_u64));
    let chain = root.issue(&params).presented();
    let mut builder = Trust::builder();
    builder.add_pem(root.pem.as_bytes()).unwrap();
    builder
        .add_crl_pem(root.crl(&[], 2025, 2026).as_bytes())
        .unwrap();
    let judge = Judge::new(ClientCertificatePolicy::new(builder.build().unwrap()));
    // The list ends on the first of January 2026; the certificate does not.
    let end = at(2026, 1, 1);
    assert_eq!(
        names(&judge.evaluate_at(&chain, end - Duration::from_secs(5))),
        [A]
    );
    assert_eq!(judge.remembered(), 1);
    let after = judge.evaluate_at(&chain, end);
    assert_eq!(reason(&after), UntrustedReason::RevocationListExpired);
    assert_eq!(names(&judge.evaluate_at(&chain, end - DAY)), [A]);
}

#[test]
fn other_octets_are_another_chain() {
    let root = Authority::root("Clients");
    let lower = root.intermediate("Lower", None);
    let issued = lower.issue(&leaf(&[A]));
    let whole = issued.presented();
    let leaf_only = PresentedChain::from_pem(issued.leaf.as_bytes()).unwrap();
    let judge = Judge::new(root.policy());
    assert_eq!(names(&judge.evaluate(&whole)), [A]);
    assert_eq!(
        reason(&judge.evaluate(&leaf_only)),
        UntrustedReason::UnknownIssuer
    );
    assert_eq!(
        names(&judge.evaluate(&lower.issue(&leaf(&[B])).presented())),
        [B]
    );
}

#[test]
fn only_what_was_believed_is_remembered_and_not_without_bound() {
    let root = Authority::root("Clients");
    let other = Authority::root("Others");
    let judge = Judge::new(root.policy());
    assert_eq!(
        reason(&judge.evaluate(&other.issue(&leaf(&[A])).presented())),
        UntrustedReason::UnknownIssuer
    );
    let many: Vec<String> = (0..101).map(|n| format!("host-{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        names(&judge.evaluate(&root.issue(&leaf(&many)).presented())),
        many
    );
    assert_eq!(judge.remembered(), 0);
    // One certificate with any others behind it is a chain of its own each time.
    let issued = root.issue(&leaf(&[A]));
    for number in 0..9000 {
        let behind: String = (0..14)
            .map(|bit| {
                if number >> bit & 1 == 0 {
                    &*root.pem
                } else {
                    &*other.pem
                }
            })
            .collect();
        let chain = format!("{}{behind}", issued.leaf);
        let chain = PresentedChain::from_pem(chain.as_bytes()).unwrap();
        assert_eq!(names(&judge.evaluate(&chain)), [A]);
    }
    let remembered = judge.remembered();
    assert!((4096..=8192).contains(&remembered), "{remembered}");
}
