//! Everything that matters of a certificate in a file, for whoever looks at it without using it.
//!
//! Reading trusts nothing and judges nothing: whether a key is too short or a usage the wrong one
//! is for the reader to say. What may be believed of a client's certificate is decided in
//! [`crate::policy`].

use x509_parser::certificate::X509Certificate;
use x509_parser::objects::oid_registry;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
    OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519, Oid,
};
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::AlgorithmIdentifier;

use crate::certificate::{CertificateSummary, Names, distinguished_name, escape, parse};
use crate::certificate::{remove_repeated, system_time};
use crate::fingerprint::Fingerprint;
use crate::name_attribute::{NameAttribute, attributes};
use crate::policy::CommonName;

/// A certificate as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDetails {
    /// Subject, issuer, validity, fingerprint, and the names that TLS looks at.
    pub summary: CertificateSummary,
    /// The subject's attributes.
    pub subject: Vec<NameAttribute>,
    /// The issuer's attributes.
    pub issuer: Vec<NameAttribute>,
    /// The first common name of the subject, escaped, at most 256 characters.
    pub common_name: Option<String>,
    /// Every valid DNS name of `dNSName` alternatives and common names together, lower-case: some
    /// receivers look at both, as Exchange Online does.
    pub all_names: Vec<String>,
    /// Its public key.
    pub key: KeyKind,
    /// What it was signed with, as `sha256WithRSAEncryption`; an object identifier if it has no
    /// known name.
    pub signature: String,
    /// Collisions of that signature's hash can be made: MD2, MD4, MD5 and SHA-1.
    pub weak_signature: bool,
    /// `clientAuth` is among the extended key usages; absent without that extension (RFC 5280
    /// section 4.2.1.12).
    pub client_auth: Option<bool>,
    /// `serverAuth` is; absent without that extension.
    pub server_auth: Option<bool>,
    /// It may issue certificates (RFC 5280 section 4.2.1.9).
    pub authority: bool,
    /// Subject and issuer are the same name.
    pub self_issued: bool,
}

/// A public key's algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the bits of its modulus.
    Rsa(usize),
    /// ECDSA on a curve, by its name, as `P-256`; others by object identifier.
    Ecdsa(String),
    /// Ed25519.
    Ed25519,
    /// Anything else, by name or object identifier.
    Other(String),
}

impl CertificateDetails {
    /// Reads one DER certificate; `None` when it cannot be read.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = parse(der)?;
        // One walk over the names: what TLS looks at is a part of them.
        let names = Names::of(&certificate, CommonName::Always, usize::MAX).ok()?;
        let extension = certificate.subject_alternative_name().ok()?;
        let mut tls_names = names.alternatives.clone();
        if extension.is_none() {
            tls_names.clone_from(&names.common);
        }
        let usage = certificate.extended_key_usage().ok()?;
        let usage = usage.map(|extension| extension.value);
        let constraints = certificate.basic_constraints().ok()?;
        let validity = certificate.validity();
        let common_name = certificate.subject().iter_common_name().next();
        Some(Self {
            summary: CertificateSummary {
                subject: distinguished_name(certificate.subject()),
                issuer: distinguished_name(certificate.issuer()),
                not_before: system_time(validity.not_before),
                not_after: system_time(validity.not_after),
                names: tls_names,
                fingerprint: Fingerprint::of(der),
            },
            subject: attributes(certificate.subject()),
            issuer: attributes(certificate.issuer()),
            common_name: common_name.and_then(|name| name.as_str().ok()).map(escape),
            all_names: {
                let mut all = names.into_all();
                remove_repeated(&mut all);
                all
            },
            key: key(&certificate),
            signature: named(&certificate.signature_algorithm.algorithm),
            weak_signature: is_weak(&certificate.signature_algorithm),
            client_auth: usage.map(|usage| usage.client_auth || usage.any),
            server_auth: usage.map(|usage| usage.server_auth || usage.any),
            authority: constraints.is_some_and(|constraints| constraints.value.ca),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        })
    }
}

fn key(certificate: &X509Certificate<'_>) -> KeyKind {
    let key = certificate.public_key();
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_PKCS1_RSAENCRYPTION
        && let Ok(PublicKey::RSA(rsa)) = key.parsed()
    {
        return KeyKind::Rsa(bits(rsa.modulus));
    }
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.as_oid().ok());
        return KeyKind::Ecdsa(match curve {
            Some(curve) if curve == OID_EC_P256 => String::from("P-256"),
            Some(curve) if curve == OID_NIST_EC_P384 => String::from("P-384"),
            Some(curve) if curve == OID_NIST_EC_P521 => String::from("P-521"),
            Some(curve) => named(&curve),
            None => String::from("a curve without a name"),
        });
    }
    if *algorithm == OID_SIG_ED25519 {
        return KeyKind::Ed25519;
    }
    KeyKind::Other(named(algorithm))
}

/// The bits of a number, big-endian.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    let rest = number.get(zeros..).unwrap_or_default();
    let leading = rest.first().map_or(0, |first| first.leading_zeros());
    rest.len() * 8 - usize::try_from(leading).unwrap_or(0)
}

/// An object identifier's short name, or its numbers.
fn named(oid: &Oid<'_>) -> String {
    let known = oid_registry().get(oid);
    known.map_or_else(|| oid.to_id_string(), |entry| String::from(entry.sn()))
}

fn is_weak(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    let weak = |oid: &Oid<'_>| WEAK.contains(&oid.to_id_string().as_str());
    if weak(&algorithm.algorithm) {
        return true;
    }
    match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => weak(parameters.hash_algorithm_oid()),
        Ok(_) | Err(_) => false,
    }
}

/// MD2, MD4, MD5 and SHA-1, with RSA, DSA and ECDSA, and SHA-1 itself as RSASSA-PSS has it.
const WEAK: [&str; 10] = [
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.3",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.3.14.3.2.27",
    "1.3.14.3.2.26",
    "1.2.840.10040.4.3",
    "1.2.840.10045.4.1",
    "1.3.14.3.2.3",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_modulus_are_counted_from_its_first_one() {
        for (number, expected) in [
            (&[][..], 0),
            (&[0][..], 0),
            (&[1][..], 1),
            (&[0, 0x80, 0][..], 16),
            (&[0, 0x7F, 0][..], 15),
        ] {
            assert_eq!(bits(number), expected, "{number:?}");
        }
    }
}
