//! Loading identities and trust: CF-01, CF-02.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tenantry_net::{ChainShape, Identity, IdentityError, Trust, TrustError};

use crate::pki::{Authority, Issued, expired, leaf, named_leaf};

struct Files {
    folder: TempDir,
    chain: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(issued: &Issued) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            chain: folder.path().join("a.pem"),
            key: folder.path().join("a.key"),
            folder,
        };
        write(&files.chain, &issued.chain, 0o644);
        write(&files.key, &issued.key, 0o600);
        files
    }

    fn load(&self) -> Result<std::sync::Arc<Identity>, IdentityError> {
        Identity::load(&self.chain, &self.key)
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn issued() -> Issued {
    Authority::root("Root").issue(&leaf(&["mail.tenant-a.example"]))
}

#[test]
fn an_identity_tells_what_check_shows() {
    let root = Authority::root("Root");
    let lower = root.intermediate("Lower", None);
    let files = Files::of(&lower.issue(&named_leaf("a", &["mail.tenant-a.example"])));
    let identity = files.load().unwrap();
    assert_eq!(identity.names(), ["mail.tenant-a.example"]);
    assert_eq!(identity.subject(), "O=Test, CN=a");
    assert_eq!(identity.issuer(), "CN=Lower");
    assert_eq!(identity.chain_shape(), ChainShape::Linked);
    assert_eq!(identity.chain_length(), 2);
    assert!(identity.not_before() < identity.not_after());
    assert_eq!(identity.fingerprint().to_string().len(), 64);

    let expired = Files::of(&root.issue(&expired(leaf(&["a.example"]))))
        .load()
        .unwrap();
    assert!(expired.not_after() < std::time::SystemTime::now());
    assert_eq!(expired.chain_shape(), ChainShape::LeafOnly);
}

#[test]
fn the_shape_of_a_chain_is_seen() {
    let root = Authority::root("Root");
    let lower = root.intermediate("Lower", None);
    let alone = Files::of(&Issued::self_signed(&leaf(&["a.example"])));
    assert_eq!(alone.load().unwrap().chain_shape(), ChainShape::SelfSigned);
    let mut missing = lower.issue(&leaf(&["a.example"]));
    missing.chain = missing.leaf.clone();
    assert_eq!(
        Files::of(&missing).load().unwrap().chain_shape(),
        ChainShape::LeafOnly
    );
    let mut wrong = lower.issue(&leaf(&["a.example"]));
    wrong.chain = format!("{}{}", wrong.leaf, Authority::root("Other").pem);
    let shape = Files::of(&wrong).load().unwrap().chain_shape();
    assert_eq!(shape, ChainShape::Broken { after: 1 });
}

// CF-01
#[test]
fn a_key_that_others_can_read_is_refused() {
    for mode in [
        0o644, 0o640, 0o604, 0o660, 0o601, 0o620, 0o666, 0o777, 0o4604,
    ] {
        let files = Files::of(&issued());
        fs::set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
        let error = files.load().unwrap_err();
        assert!(matches!(error, IdentityError::KeyMode { mode: seen, .. } if seen == mode));
        let message = error.to_string();
        assert!(message.contains(&format!("{mode:04o}")), "{message}");
        assert!(
            message.contains(&files.key.display().to_string()),
            "{message}"
        );
    }
    for mode in [0o600, 0o400, 0o700] {
        let files = Files::of(&issued());
        fs::set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
        files.load().unwrap();
    }
}

// CF-01
#[test]
fn a_key_of_another_user_is_refused() {
    let files = Files::of(&issued());
    // Only root can give a file away; anybody else cannot bring this about.
    if chown(&files.key, Some(65_534), None).is_ok() {
        let error = files.load().unwrap_err();
        assert!(
            matches!(error, IdentityError::KeyOwner { owner: 65_534, .. }),
            "{error}"
        );
    }
}

// CF-01
#[test]
fn a_key_that_others_can_replace_is_refused() {
    let files = Files::of(&issued());
    let open = files.folder.path().join("open");
    fs::create_dir(&open).unwrap();
    let target = open.join("a.key");
    fs::rename(&files.key, &target).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    symlink(&target, &files.key).unwrap();
    for path in [&files.key, &target] {
        let error = Identity::load(&files.chain, path).unwrap_err();
        assert!(
            matches!(error, IdentityError::KeyFolder { mode: 0o777, .. }),
            "{error}"
        );
    }
    // The link itself in such a folder is as bad, and so is a folder further up.
    let private = files.folder.path().join("private");
    fs::create_dir(&private).unwrap();
    let safe = private.join("a.key");
    fs::rename(&target, &safe).unwrap();
    let link = open.join("link.key");
    symlink(&safe, &link).unwrap();
    let error = Identity::load(&files.chain, &link).unwrap_err();
    assert!(matches!(error, IdentityError::KeyFolder { .. }), "{error}");
    let below = open.join("below");
    fs::create_dir(&below).unwrap();
    let deep = below.join("a.key");
    fs::copy(&safe, &deep).unwrap();
    fs::set_permissions(&deep, Permissions::from_mode(0o600)).unwrap();
    let error = Identity::load(&files.chain, &deep).unwrap_err();
    assert!(matches!(error, IdentityError::KeyFolder { .. }), "{error}");
    // A link as such is fine.
    let link = files.folder.path().join("link.key");
    symlink(&safe, &link).unwrap();
    Identity::load(&files.chain, &link).unwrap();
}

// CF-02
#[test]
fn a_key_that_cannot_be_used_is_refused_with_its_reason() {
    let files = Files::of(&issued());
    let other = issued();
    let ec_header =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    type Expected = fn(&IdentityError) -> bool;
    let cases: Vec<(String, Expected)> = vec![
        (String::new(), |e| matches!(e, IdentityError::NoKey { .. })),
        ("garbage\n".into(), |e| {
            matches!(e, IdentityError::NoKey { .. })
        }),
        (ec_header.into(), |e| {
            matches!(e, IdentityError::NoKey { .. })
        }),
        (issued().chain, |e| matches!(e, IdentityError::NoKey { .. })),
        (other.key.clone(), |e| {
            matches!(e, IdentityError::Mismatch { .. })
        }),
        (format!("{}{}", other.key, issued().key), |e| {
            matches!(e, IdentityError::SeveralKeys { count: 2, .. })
        }),
        (pem("ENCRYPTED PRIVATE KEY", "AAAA"), |e| {
            matches!(e, IdentityError::EncryptedKey { .. })
        }),
        (
            pem(
                "RSA PRIVATE KEY",
                "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA",
            ),
            |e| matches!(e, IdentityError::EncryptedKey { .. }),
        ),
        (pem("PRIVATE KEY", "AAAA"), |e| {
            matches!(e, IdentityError::UnusableKey { .. })
        }),
        (pem("PRIVATE KEY", "!!!!"), |e| {
            matches!(e, IdentityError::NotPem { .. })
        }),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n".into(), |e| {
            matches!(e, IdentityError::NotPem { .. })
        }),
    ];
    for (text, expected) in cases {
        write(&files.key, &text, 0o600);
        let error = files.load().unwrap_err();
        assert!(expected(&error), "{text}: {error}");
        let message = format!("{error} {error:?}");
        assert!(message.contains("a.key"), "{message}");
        assert!(
            !message.contains("AAAA") && !message.contains("BEGIN"),
            "{message}"
        );
    }
}

// CF-02
#[test]
fn a_chain_that_cannot_be_used_is_refused_with_its_reason() {
    let good = issued();
    let files = Files::of(&good);
    for text in [
        "",
        "garbage",
        &good.key.replace("PRIVATE KEY", "PUBLIC KEY"),
    ] {
        write(&files.chain, text, 0o644);
        let error = files.load().unwrap_err();
        assert!(
            matches!(error, IdentityError::NoCertificate { .. }),
            "{error}"
        );
    }
    write(&files.chain, &pem("CERTIFICATE", "AAAA"), 0o644);
    let error = files.load().unwrap_err();
    assert!(matches!(
        error,
        IdentityError::MalformedCertificate { position: 1, .. }
    ));
    write(
        &files.chain,
        &format!("{}{}", good.chain, pem("CERTIFICATE", "AAAA")),
        0o644,
    );
    let error = files.load().unwrap_err();
    assert!(matches!(
        error,
        IdentityError::MalformedCertificate { position: 2, .. }
    ));
    write(&files.chain, &pem("CERTIFICATE", "!!!!"), 0o644);
    assert!(matches!(
        files.load().unwrap_err(),
        IdentityError::NotPem { .. }
    ));
}

#[test]
fn files_that_are_none_are_refused() {
    let files = Files::of(&issued());
    let none = files.folder.path().join("none");
    let error = Identity::load(&files.chain, &none).unwrap_err();
    assert!(matches!(error, IdentityError::Read { .. }));
    let error = Identity::load(&none, &files.key).unwrap_err();
    assert!(matches!(error, IdentityError::Read { .. }));
    let error = Identity::load(&files.chain, files.folder.path()).unwrap_err();
    assert!(matches!(error, IdentityError::NotAFile { .. }));
}

#[test]
fn one_file_may_have_both_and_is_then_a_key_file() {
    let good = issued();
    let files = Files::of(&good);
    let both = files.folder.path().join("both.pem");
    write(&both, &format!("{}{}", good.key, good.chain), 0o600);
    Identity::load(&both, &both).unwrap();
    fs::set_permissions(&both, Permissions::from_mode(0o644)).unwrap();
    for key in [&both, &files.key] {
        let error = Identity::load(&both, key).unwrap_err();
        assert!(matches!(error, IdentityError::KeyMode { .. }), "{error}");
    }
}

#[test]
fn what_openssl_writes_around_a_key_does_no_harm() {
    let good = issued();
    let files = Files::of(&good);
    let parameters = pem("EC PARAMETERS", "BggqhkjOPQMBBw==");
    let text = format!(
        "Bag Attributes\n  friendlyName: ENCRYPTED?\n{parameters}{}",
        good.key
    );
    write(&files.key, &text, 0o600);
    files.load().unwrap();
    write(&files.key, &good.key.replace('\n', "\r\n"), 0o600);
    files.load().unwrap();
}

// CF-06
#[test]
fn no_key_is_in_any_debug_output() {
    let good = issued();
    let text = format!("{:?} {:#?}", good.identity(), good.identity());
    assert!(text.contains("fingerprint"));
    assert!(!text.to_lowercase().contains("key"), "{text}");
}

#[test]
fn trust_reports_the_file_and_what_is_wrong() {
    let root = Authority::root("Root");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    let mut builder = Trust::builder();
    for (text, expected) in [
        (String::new(), "contains no certificate"),
        (pem("CERTIFICATE", "AAAA"), "certificate 1 of"),
        (
            format!("{}{}", root.pem, pem("CERTIFICATE", "AAAA")),
            "certificate 2 of",
        ),
        (pem("CERTIFICATE", "!!!!"), "not valid PEM"),
    ] {
        fs::write(&path, text).unwrap();
        let error = builder.add_pem_file(&path).err().unwrap().to_string();
        assert!(
            error.contains(expected) && error.contains("roots.pem"),
            "{error}"
        );
    }
    for (text, expected) in [
        (String::new(), "contains no revocation list"),
        (pem("X509 CRL", "AAAA"), "revocation list 1 of"),
    ] {
        fs::write(&path, text).unwrap();
        let error = builder.add_crl_file(&path).err().unwrap().to_string();
        assert!(
            error.contains(expected) && error.contains("roots.pem"),
            "{error}"
        );
    }
    assert!(builder.add_pem_file(&folder.path().join("none")).is_err());
    assert!(matches!(Trust::builder().build(), Err(TrustError::NoRoots)));
    fs::write(
        &path,
        format!("{}{}", root.pem, Authority::root("Second").pem),
    )
    .unwrap();
    let mut builder = Trust::builder();
    builder.add_pem_file(&path).unwrap();
    let der = <CertificateDer<'_> as PemObject>::from_pem_slice(root.pem.as_bytes()).unwrap();
    fs::write(&path, &der).unwrap();
    builder.add_pem_file(&path).unwrap();
    assert_eq!(builder.build().unwrap().roots(), 3);
}

#[test]
fn trusts_with_the_same_content_have_the_same_digest() {
    let root = Authority::root("Root");
    assert_eq!(root.trust().digest(), root.trust().digest());
    let mut other = Trust::builder();
    other.add_pem(root.pem.as_bytes()).unwrap();
    other.pin(root.trust().digest());
    assert_ne!(root.trust().digest(), other.build().unwrap().digest());
}

fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
