//! The certificates of a fixture, made anew for every run.
//!
//! `pki/authority.pem` is the authority that Exchange Online trusts; it stands in every folder
//! that has a relay's configuration or certificates.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, Issued, KeyKind, Name, Purpose, Validity,
    self_signed,
};

use crate::case::{Case, Certificate, Chain, Issuer, Key, Usage, Variant};

/// Who signs.
pub(crate) struct Authorities {
    pub(crate) root: Authority,
    intermediate: Authority,
    private: Authority,
}

impl Authorities {
    pub(crate) fn new(now: Timestamp, sha1: bool) -> Self {
        let spec = |name: &str| AuthoritySpec {
            // What says SHA-1 has to be signed with RSA.
            key: if sha1 {
                KeyKind::Rsa2048
            } else {
                KeyKind::default()
            },
            ..AuthoritySpec::named(name).with_validity(around(now, -YEARS, YEARS))
        };
        let root = Authority::with(&spec("Public authority")).unwrap();
        Self {
            intermediate: root.intermediate_with(&spec("Issuing authority")).unwrap(),
            private: Authority::with(&spec("Corp authority")).unwrap(),
            root,
        }
    }

    fn issue(&self, case: &Certificate, now: Timestamp) -> Issued {
        let spec = spec(case, now);
        let issuer = match case.issuer {
            Issuer::Authority => &self.intermediate,
            Issuer::Direct => &self.root,
            Issuer::Private => &self.private,
            Issuer::Itself => return self_signed(&spec).unwrap(),
        };
        let issued = match case.key {
            Key::Rsa1024 => issuer.issue_for_weak_key(&spec, 1024).unwrap(),
            Key::P256 | Key::P384 | Key::Ed25519 | Key::Rsa2048 => issuer.issue(&spec).unwrap(),
        };
        let issued = match case.sha1 {
            true => issued.claiming_sha1().expect("an authority with RSA"),
            false => issued,
        };
        match case.chain {
            Chain::Full => issued,
            Chain::Leaf => issued.without_intermediates(),
        }
    }
}

/// Makes those of this folder.
pub(crate) fn make(case: &Case, variant: Variant, authorities: &Authorities, folder: &Path) {
    let of_folder = || {
        let all = case.certificates.iter();
        all.filter(move |certificate| certificate.variants.contains(&variant))
    };
    if of_folder().next().is_some() || folder.join("relay.toml").is_file() {
        let pki = folder.join("pki");
        fs::create_dir_all(&pki).unwrap();
        authorities.root.write(&pki, "authority").unwrap();
    }
    for certificate in of_folder() {
        let path = folder.join(&certificate.file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let issued = authorities.issue(certificate, case.now);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(path.extension().unwrap(), "pem", "{}", path.display());
        let files = issued.write(path.parent().unwrap(), stem).unwrap();
        if certificate.keyless || certificate.key == Key::Rsa1024 {
            fs::remove_file(files.key).unwrap();
        }
    }
    for certificate in of_folder() {
        let key = |file: &str| folder.join(file).with_extension("key");
        if let Some(other) = &certificate.key_of {
            fs::copy(key(other), key(&certificate.file)).unwrap();
        }
    }
}

fn spec(case: &Certificate, now: Timestamp) -> CertificateSpec {
    let common_name = match case.common_name.as_deref() {
        Some("") => None,
        Some(name) => Some(name.to_owned()),
        None => case.names.first().cloned(),
    };
    let from = if case.days < 0 { case.days - 90 } else { -1 };
    CertificateSpec {
        common_name,
        names: case.names.iter().map(|name| Name::host(name)).collect(),
        purposes: match case.usage {
            Usage::Both => vec![Purpose::ServerAuth, Purpose::ClientAuth],
            Usage::Client => vec![Purpose::ClientAuth],
            Usage::Server => vec![Purpose::ServerAuth],
            Usage::Email => vec![Purpose::EmailProtection],
            Usage::Any => vec![Purpose::Any],
            Usage::None => Vec::new(),
        },
        validity: around(now, from, case.days),
        key: match case.key {
            Key::P256 | Key::Rsa1024 => KeyKind::EcdsaP256,
            Key::P384 => KeyKind::EcdsaP384,
            Key::Ed25519 => KeyKind::Ed25519,
            Key::Rsa2048 => KeyKind::Rsa2048,
        },
    }
}

const YEARS: i64 = 3650;

fn around(now: Timestamp, from: i64, until: i64) -> Validity {
    let day = |days: i64| {
        let seconds = Duration::from_secs(days.unsigned_abs() * 86_400);
        let now = SystemTime::from(now);
        if days < 0 {
            now - seconds
        } else {
            now + seconds
        }
    };
    Validity::Between(day(from), day(until))
}
