//! The throw-away certificates are what they claim to be, read back by a second library.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, CrlSpec, KeyKind, Name, NameConstraints, Pki,
    PkiError, PkiPlan, Purpose, Subtree, Validity, self_signed,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

fn parse(der: &[u8]) -> X509Certificate<'_> {
    X509Certificate::from_der(der).unwrap().1
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[test]
fn every_kind_of_alternative_name_reads_back_as_asked() {
    let authority = Authority::new("names").unwrap();
    let names = [
        Name::Dns("mail.tenant-a.example".into()),
        Name::Dns("*.tenant-a.example".into()),
        Name::RawDns(b"tenant-a.example\0.evil.example".to_vec()),
        Name::RawDns(b"tenant-a.example, DNS:other\r\n\xff".to_vec()),
        Name::RawDns(Vec::new()),
        Name::host("192.0.2.7"),
        Name::host("2001:db8::1"),
        Name::Email("user@tenant-a.example".into()),
        Name::Uri("smtp://tenant-a.example".into()),
        Name::Other("user@tenant-a.example".into()),
        Name::Directory("tenant-a.example".into()),
    ];
    let mut spec = CertificateSpec::client(&[]);
    spec.names = names.to_vec();
    let issued = authority.issue(&spec).unwrap();
    let certificate = parse(issued.leaf_der());
    let extension = certificate.subject_alternative_name().unwrap().unwrap();
    assert!(extension.critical, "as the subject is empty");
    let found: Vec<String> = extension
        .value
        .general_names
        .iter()
        .map(|name| format!("{name:?}"))
        .collect();
    let expected = [
        r#"DNSName("mail.tenant-a.example")"#,
        r#"DNSName("*.tenant-a.example")"#,
        r#"DNSName("tenant-a.example\0.evil.example")"#,
        "Invalid",
        r#"DNSName("")"#,
        "IPAddress([192, 0, 2, 7])",
        "IPAddress([32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])",
        r#"RFC822Name("user@tenant-a.example")"#,
        r#"URI("smtp://tenant-a.example")"#,
        "OtherName(",
        "DirectoryName(",
    ];
    assert_eq!(found.len(), names.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
}

#[test]
fn ten_thousand_names_keep_their_order() {
    let mut spec = CertificateSpec::client(&[]);
    spec.names = (0..10_000)
        .map(|n| Name::Dns(format!("n{n}.example")))
        .collect();
    let issued = Authority::new("many").unwrap().issue(&spec).unwrap();
    let certificate = parse(issued.leaf_der());
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names.len(), 10_000);
    let last = names.value.general_names.last();
    assert_eq!(last, Some(&GeneralName::DNSName("n9999.example")));
}

#[test]
fn validity_and_purposes_are_as_asked() {
    let authority = Authority::new("validity").unwrap();
    let validity = |validity| {
        let spec = CertificateSpec::server(&["a.example"]).with_validity(validity);
        let issued = authority.issue(&spec).unwrap();
        let validity = parse(issued.leaf_der()).validity().clone();
        (
            validity.not_before.timestamp() < now(),
            validity.not_after.timestamp() > now(),
        )
    };
    assert_eq!(validity(Validity::Current), (true, true));
    assert_eq!(validity(Validity::days(2)), (true, true));
    assert_eq!(validity(Validity::Expired), (true, false));
    assert_eq!(validity(Validity::NotYet), (false, true));

    let purposes = |purposes: &[Purpose]| {
        let spec = CertificateSpec::client(&["a.example"]).with_purposes(purposes);
        let issued = authority.issue(&spec).unwrap();
        parse(issued.leaf_der())
            .extended_key_usage()
            .unwrap()
            .map(|usage| {
                (
                    usage.value.client_auth,
                    usage.value.server_auth,
                    usage.value.any,
                )
            })
    };
    assert_eq!(purposes(&[]), None);
    assert_eq!(purposes(&[Purpose::ClientAuth]), Some((true, false, false)));
    assert_eq!(purposes(&[Purpose::ServerAuth]), Some((false, true, false)));
    assert_eq!(purposes(&[Purpose::Any]), Some((false, false, true)));
    assert_eq!(
        purposes(&[Purpose::EmailProtection]),
        Some((false, false, false))
    );
}

#[test]
fn chains_hold_intermediates_and_not_the_root() {
    let root = Authority::new("root").unwrap();
    let first = root.intermediate("first").unwrap();
    let second = first.intermediate("second").unwrap();
    let issued = second.client(&["mail.tenant-a.example"]).unwrap();
    assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(issued.chain_pem.contains(first.certificate_pem()));
    assert!(!issued.chain_pem.contains(root.certificate_pem()));
    let leaf = parse(issued.leaf_der());
    assert_eq!(leaf.issuer().to_string(), "CN=second");
    assert_eq!(leaf.issuer(), parse(second.certificate_der()).subject());
    let alone = issued.without_intermediates();
    assert_eq!(alone.chain_pem.matches("BEGIN CERTIFICATE").count(), 1);
}

#[test]
fn constraints_and_self_signatures_read_back() {
    let root = Authority::new("root").unwrap();
    let constraints = NameConstraints {
        permitted: vec![
            Subtree::Dns("tenant-b.example".into()),
            Subtree::Ip([192, 0, 2, 0].into(), [255, 255, 255, 0].into()),
        ],
        excluded: vec![Subtree::Uri("tenant-a.example".into())],
    };
    let spec = AuthoritySpec::named("constrained").with_constraints(constraints);
    let constrained = root.intermediate_with(&spec).unwrap();
    let certificate = parse(constrained.certificate_der());
    let found = certificate.name_constraints().unwrap().unwrap();
    assert!(found.critical);
    let permitted = found.value.permitted_subtrees.as_ref().unwrap();
    assert_eq!(permitted.len(), 2);
    let excluded = found.value.excluded_subtrees.as_ref().unwrap();
    let excluded: Vec<_> = excluded.iter().map(|subtree| &subtree.base).collect();
    assert_eq!(excluded, [&GeneralName::URI("tenant-a.example")]);

    let own = self_signed(&CertificateSpec::common_name_only("a.example")).unwrap();
    let certificate = parse(own.leaf_der());
    assert_eq!(certificate.issuer(), certificate.subject());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
}

#[test]
fn revocation_lists_name_the_revoked_and_their_time() {
    let authority = Authority::new("revoking").unwrap();
    let revoked = authority.client(&["a.example"]).unwrap();
    let fine = authority.client(&["b.example"]).unwrap();
    let spec = CrlSpec::revoking(&[&revoked]);
    for (validity, current) in [(Validity::Current, true), (Validity::Expired, false)] {
        let pem = authority
            .crl(&spec.clone().with_validity(validity))
            .unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let (_, crl) = x509_parser::parse_x509_crl(&pem.contents).unwrap();
        assert_eq!(crl.next_update().unwrap().timestamp() > now(), current);
        let serials: Vec<&[u8]> = crl
            .iter_revoked_certificates()
            .map(x509_parser::revocation_list::RevokedCertificate::raw_serial)
            .collect();
        assert_eq!(serials, [revoked.serial()]);
        assert!(!serials.contains(&fine.serial()));
    }
}

#[test]
fn renewal_keeps_the_key_and_changes_the_certificate() {
    let authority = Authority::new("renewing").unwrap();
    for kind in [
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let spec = CertificateSpec::client(&["a.example"]).with_key(kind);
        let first = authority.issue(&spec).unwrap();
        let second = authority.renew(&first, &spec).unwrap();
        assert_eq!(first.public_key_sha256(), second.public_key_sha256());
        assert_ne!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.fingerprint().len(), 64);
        assert!(!format!("{first:?}").contains("PRIVATE"));
    }
}

#[test]
fn key_files_are_the_owners_alone_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let plan = PkiPlan {
        tenants: 2,
        ..PkiPlan::default()
    };
    let pki = Pki::create(folder.path(), &plan).unwrap();
    assert_eq!(pki.tenants.len(), 2);
    let keys = [&pki.authority, &pki.relay, &pki.upstream, &pki.client];
    let keys = keys
        .into_iter()
        .chain(pki.tenants.iter().map(|tenant| &tenant.files));
    for files in keys {
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", files.key.display());
        assert!(
            fs::read_to_string(&files.key)
                .unwrap()
                .contains("PRIVATE KEY")
        );
    }
    let before = fs::read(&pki.relay.key).unwrap();
    let again = Pki::create(folder.path(), &plan);
    assert!(matches!(again, Err(PkiError::Exists { .. })), "{again:?}");
    assert_eq!(fs::read(&pki.relay.key).unwrap(), before);
}

#[test]
fn writing_one_certificate_replaces_it_and_narrows_the_mode() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("replacing").unwrap();
    let files = authority
        .server(&["a.example"])
        .unwrap()
        .write(folder.path(), "relay")
        .unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let second = authority.server(&["b.example"]).unwrap();
    assert_eq!(second.write(folder.path(), "relay").unwrap(), files);
    assert_eq!(
        fs::read_to_string(&files.certificate).unwrap(),
        second.chain_pem
    );
    let mode = fs::metadata(&files.key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_thousand_tenants_take_seconds_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let plan = PkiPlan {
        tenants: 1_000,
        ..PkiPlan::default()
    };
    let pki = Pki::create(folder.path(), &plan).unwrap();
    let took = began.elapsed();
    let last = pki.tenants.last().unwrap();
    assert_eq!(
        last.files.certificate,
        folder.path().join("tenants/tenant-1000.pem")
    );
    assert_eq!(last.certificate_name, "mail.tenant-1000.example");
    assert!(took.as_secs() < 30, "{took:?}");
}
