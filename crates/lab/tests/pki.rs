//! The throw-away certificates are what they claim to be, judged by the network crate.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, CrlSpec, Issued, KeyKind, Name, NameConstraints,
    Pki, PkiError, PkiPlan, Purpose, Subtree, Validity, self_signed,
};
use tenantry_net::{
    ClientCertificate, ClientCertificatePolicy, CommonName, PresentedChain, Trust, TrustBuilder,
    Usage,
};

const A: &str = "mail.tenant-a.example";

fn trusting(authority: &Authority) -> TrustBuilder {
    let mut trust = Trust::builder();
    trust
        .add_pem(authority.certificate_pem().as_bytes())
        .unwrap();
    trust
}

fn policy(trust: TrustBuilder) -> ClientCertificatePolicy {
    ClientCertificatePolicy::new(trust.build().unwrap())
}

/// The names of a certificate that verifies, or why it does not.
fn judged(policy: &ClientCertificatePolicy, issued: &Issued) -> Result<Vec<String>, &'static str> {
    let chain = PresentedChain::from_pem(issued.chain_pem.as_bytes()).unwrap();
    assert_eq!(
        chain.fingerprint().unwrap().to_string(),
        issued.fingerprint()
    );
    match policy.evaluate(&chain) {
        ClientCertificate::Verified(verified) => Ok(verified.names().to_vec()),
        ClientCertificate::Untrusted(untrusted) => Err(untrusted.reason.as_str()),
        ClientCertificate::NotOffered | ClientCertificate::NotPresented => Err("absent"),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn every_kind_of_alternative_name_is_in_the_certificate() {
    let authority = Authority::new("names").unwrap();
    let policy = policy(trusting(&authority));
    let mut spec = CertificateSpec::client(&[]);
    spec.names = vec![
        Name::Dns(A.into()),
        Name::Dns("*.tenant-a.example".into()),
        Name::host("192.0.2.7"),
        Name::host("2001:db8::1"),
        Name::Email("user@email.example".into()),
        Name::Uri("smtp://uri.example".into()),
        Name::Other("user@other.example".into()),
        Name::Directory("directory.example".into()),
    ];
    let issued = authority.issue(&spec).unwrap();
    assert_eq!(judged(&policy, &issued).unwrap(), [A, "*.tenant-a.example"]);
    let der = issued.leaf_der();
    for encoded in [
        b"\x82\x15mail.tenant-a.example".as_slice(),
        b"\x87\x04\xc0\x00\x02\x07",
        b"\x87\x10\x20\x01\x0d\xb8",
        b"\x81\x12user@email.example",
        b"\x86\x12smtp://uri.example",
        b"\x0c\x12user@other.example",
        b"\x0c\x11directory.example",
    ] {
        assert!(contains(der, encoded), "{encoded:?}");
    }
}

#[test]
fn names_can_be_any_octets() {
    let authority = Authority::new("octets").unwrap();
    for raw in [
        b"mail.tenant-a.example\0.evil.example".as_slice(),
        b"mail.tenant-a.example, DNS:other\r\n",
        b"mail.tenant-a.example\xff",
        b"mail.tenant-a.example.",
        b"-a.example",
    ] {
        let spec = CertificateSpec::client(&[]).with_name(Name::RawDns(raw.to_vec()));
        let issued = authority.issue(&spec).unwrap();
        assert!(contains(issued.leaf_der(), raw));
        // Whatever is made of such a certificate: these are no names.
        let names = judged(&policy(trusting(&authority)), &issued).unwrap_or_default();
        assert!(names.is_empty(), "{names:?}");
    }
}

#[test]
fn thousands_of_names_keep_their_order() {
    let authority = Authority::new("many").unwrap();
    let mut policy = policy(trusting(&authority));
    let issue = |count: u32| {
        let mut spec = CertificateSpec::client(&[]);
        spec.names = (0..count)
            .map(|n| Name::Dns(format!("n{n}.example")))
            .collect();
        authority.issue(&spec).unwrap()
    };
    let many = issue(10_000);
    assert_eq!(judged(&policy, &many), Err("too-many-names"));
    assert!(contains(many.leaf_der(), b"n9999.example"));
    policy.max_names = 3_000;
    let names = judged(&policy, &issue(3_000)).unwrap();
    assert_eq!(names.len(), 3_000);
    assert_eq!(names.last().unwrap(), "n2999.example");
}

#[test]
fn validity_is_as_asked() {
    let authority = Authority::new("validity").unwrap();
    let policy = policy(trusting(&authority));
    for (validity, expected) in [
        (Validity::Current, Ok(vec![A.to_owned()])),
        (Validity::days(2), Ok(vec![A.to_owned()])),
        (Validity::Expired, Err("expired")),
        (Validity::NotYet, Err("not-yet-valid")),
    ] {
        let spec = CertificateSpec::client(&[A]).with_validity(validity);
        assert_eq!(judged(&policy, &authority.issue(&spec).unwrap()), expected);
    }
    let expired = AuthoritySpec::named("expired").with_validity(Validity::Expired);
    let expired = authority.intermediate_with(&expired).unwrap();
    assert_eq!(
        judged(&policy, &expired.client(&[A]).unwrap()),
        Err("expired")
    );
}

#[test]
fn purposes_are_as_asked() {
    let authority = Authority::new("purposes").unwrap();
    let mut policy = policy(trusting(&authority));
    for (purposes, any_tls, client_auth) in [
        (vec![], true, true),
        (vec![Purpose::ClientAuth], true, true),
        (vec![Purpose::ServerAuth], true, false),
        (vec![Purpose::ServerAuth, Purpose::ClientAuth], true, true),
        (vec![Purpose::EmailProtection], false, false),
        (vec![Purpose::CodeSigning], false, false),
    ] {
        let spec = CertificateSpec::client(&[A]).with_purposes(purposes.as_slice());
        let issued = authority.issue(&spec).unwrap();
        for (usage, good) in [(Usage::AnyTls, any_tls), (Usage::ClientAuth, client_auth)] {
            policy.usage = usage;
            let found = judged(&policy, &issued);
            assert_eq!(
                found.is_ok(),
                good,
                "{purposes:?} under {usage:?}: {found:?}"
            );
        }
    }
}

#[test]
fn common_names_can_stand_alone() {
    let authority = Authority::new("common name").unwrap();
    let issued = authority
        .issue(&CertificateSpec::common_name_only(A))
        .unwrap();
    let mut policy = policy(trusting(&authority));
    assert_eq!(judged(&policy, &issued).unwrap(), [A]);
    policy.common_name = CommonName::Never;
    assert_eq!(judged(&policy, &issued).unwrap_or_default(), [""; 0]);
    let own = self_signed(&CertificateSpec::client(&[A])).unwrap();
    assert_eq!(judged(&policy, &own), Err("self-signed"));
    let stranger = Authority::new("common name").unwrap();
    assert!(
        judged(&policy, &stranger.client(&[A]).unwrap()).is_err(),
        "same name, other key"
    );
}

#[test]
fn chains_hold_intermediates_and_not_the_root() {
    let root = Authority::new("root").unwrap();
    let first = root.intermediate("first").unwrap();
    let second = first.intermediate("second").unwrap();
    let issued = second.client(&[A]).unwrap();
    assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(issued.chain_pem.contains(first.certificate_pem()));
    assert!(!issued.chain_pem.contains(root.certificate_pem()));
    let policy = policy(trusting(&root));
    assert_eq!(judged(&policy, &issued).unwrap(), [A]);
    let alone = issued.without_intermediates();
    assert_eq!(alone.chain_pem, alone.leaf_pem());
    assert_eq!(judged(&policy, &alone), Err("unknown-issuer"));
}

#[test]
fn constraints_keep_names_out() {
    let root = Authority::new("root").unwrap();
    let policy = policy(trusting(&root));
    let judge = |constraints: NameConstraints, name: &str| {
        let spec = AuthoritySpec::named("constrained").with_constraints(constraints);
        let authority = root.intermediate_with(&spec).unwrap();
        judged(&policy, &authority.client(&[name]).unwrap())
    };
    let violated = Err("name-constraint");
    assert_eq!(
        judge(NameConstraints::permitting("tenant-b.example"), A),
        violated
    );
    assert_eq!(
        judge(NameConstraints::excluding("tenant-a.example"), A),
        violated
    );
    let permitted = judge(NameConstraints::permitting("tenant-a.example"), A);
    assert_eq!(permitted.unwrap(), [A]);
    let wildcard = judge(
        NameConstraints::excluding("tenant-a.example"),
        "*.tenant-a.example",
    );
    assert_eq!(wildcard, violated);
    let uri = NameConstraints {
        permitted: vec![
            Subtree::Uri(".tenant-b.example".into()),
            Subtree::Ip([192, 0, 2, 0].into(), [255, 255, 255, 0].into()),
        ],
        excluded: vec![Subtree::Email("tenant-b.example".into())],
    };
    let spec = AuthoritySpec::named("uri").with_constraints(uri);
    let der = root
        .intermediate_with(&spec)
        .unwrap()
        .certificate_der()
        .to_vec();
    assert!(contains(&der, b"\x86\x11.tenant-b.example"));
    assert!(contains(&der, b"\x87\x08\xc0\x00\x02\x00\xff\xff\xff\x00"));
    assert!(contains(&der, b"\x81\x10tenant-b.example"));
}

#[test]
fn revocation_lists_count_while_they_are_current() {
    let authority = Authority::new("revoking").unwrap();
    let revoked = authority.client(&[A]).unwrap();
    let fine = authority.client(&["b.example"]).unwrap();
    let judge = |spec: CrlSpec| {
        let mut trust = trusting(&authority);
        trust
            .add_crl_pem(authority.crl(&spec).unwrap().as_bytes())
            .unwrap();
        let policy = policy(trust);
        [
            judged(&policy, &revoked).err(),
            judged(&policy, &fine).err(),
        ]
    };
    let spec = CrlSpec::revoking(&[&revoked]);
    assert_eq!(judge(spec.clone()), [Some("revoked"), None]);
    assert_eq!(judge(CrlSpec::default()), [None, None]);
    let expired = judge(spec.with_validity(Validity::Expired));
    assert_eq!(expired, [Some("revocation-unknown"); 2]);
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
        let spec = CertificateSpec::client(&[A]).with_key(kind);
        let first = authority.issue(&spec).unwrap();
        let second = authority.renew(&first, &spec).unwrap();
        let other = authority.issue(&spec).unwrap();
        assert_ne!(first.fingerprint(), second.fingerprint());
        let mut trust = trusting(&authority);
        trust.pin(first.public_key_sha256().parse().unwrap());
        let policy = policy(trust);
        assert!(judged(&policy, &first).is_ok(), "{kind:?}");
        assert!(judged(&policy, &second).is_ok(), "{kind:?}");
        assert_eq!(judged(&policy, &other), Err("pin-mismatch"), "{kind:?}");
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

#[test]
fn weak_certificates_can_be_read() {
    let root = Authority::with(&AuthoritySpec {
        key: KeyKind::Rsa2048,
        ..AuthoritySpec::named("old")
    });
    let root = root.unwrap();
    let policy = policy(trusting(&root));
    let spec = CertificateSpec::client(&["mail.contoso.com"]);
    let good = root.issue(&spec).unwrap();
    let sha1 = good.clone().claiming_sha1().unwrap();
    assert_ne!(good.leaf_pem(), sha1.leaf_pem());
    let weak = root.issue_for_weak_key(&spec, 1024).unwrap();
    assert_eq!(weak.key_pem, "");
    assert!(judged(&policy, &good).is_ok());
    for bad in [sha1, weak] {
        assert!(judged(&policy, &bad).is_err());
        let chain = PresentedChain::from_pem(bad.chain_pem.as_bytes()).unwrap();
        assert_eq!(chain.claimed_names(9), ["mail.contoso.com"]);
    }
    let ecdsa = Authority::new("new").unwrap().issue(&spec).unwrap();
    assert!(ecdsa.claiming_sha1().is_none());
}
