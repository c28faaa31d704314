//! Whether possession of a certificate's key can be proven here at all.
//!
//! A client may hold a key that this side cannot check a signature with (RSA of 1024 bits,
//! secp256k1). The handshake lets it pass unproven, so that it hears a reason instead of an
//! alert; in return [`ClientCertificatePolicy`](crate::ClientCertificatePolicy) never believes
//! such a certificate, whoever issued it. Both ask the same function.

use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
    OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::public_key::PublicKey;

/// Whether the key is of a kind and size that the handshake's signatures are checked with:
/// ECDSA on P-256, P-384 and P-521, Ed25519, RSA of 2048 to 8192 bits.
pub(crate) fn has_verifiable_key(certificate: &X509Certificate<'_>) -> bool {
    let key = certificate.public_key();
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.as_oid().ok());
        return curve.is_some_and(|curve| {
            [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve)
        });
    }
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        let Ok(PublicKey::RSA(rsa)) = key.parsed() else {
            return false;
        };
        let leading = rsa.modulus.iter().take_while(|octet| **octet == 0).count();
        return RSA_OCTETS.contains(&rsa.modulus.len().saturating_sub(leading));
    }
    *algorithm == OID_SIG_ED25519
}

/// Lengths of an RSA modulus that signatures are checked with.
const RSA_OCTETS: std::ops::RangeInclusive<usize> = 256..=1024;
