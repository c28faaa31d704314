//! Certificates that nobody should accept any more, for those who look at files: a key that is too
//! short, a signature by SHA-1. The cryptographic library makes neither, and need not: what such
//! a certificate says can be read without its key and without its signature being right.

use aws_lc_rs::rand;
use rcgen::{PublicKeyData, SignatureAlgorithm};

use super::extension::tlv;
use super::{Issued, PkiError};

/// An RSA public key of few bits, whose private key nobody has.
pub(super) struct WeakRsa {
    der: Vec<u8>,
}

impl WeakRsa {
    /// A key of so many bits, rounded down to whole octets.
    pub(super) fn random(bits: u16) -> Result<Self, PkiError> {
        let mut modulus = vec![0; usize::from(bits / 8)];
        rand::fill(&mut modulus).map_err(|_| PkiError::Random)?;
        if let Some(first) = modulus.first_mut() {
            *first |= 0x80;
        }
        if let Some(last) = modulus.last_mut() {
            *last |= 1;
        }
        // An INTEGER whose first bit is set would be negative without a leading zero.
        modulus.insert(0, 0);
        let numbers = [tlv(INTEGER, &modulus), tlv(INTEGER, &[1, 0, 1])].concat();
        Ok(Self {
            der: tlv(SEQUENCE, &numbers),
        })
    }
}

impl PublicKeyData for WeakRsa {
    fn der_bytes(&self) -> &[u8] {
        &self.der
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl Issued {
    /// The same certificate saying that its authority signed it with RSA and SHA-1. The signature
    /// is no longer right. `None` if the authority's key is not RSA.
    #[must_use]
    pub fn claiming_sha1(mut self) -> Option<Self> {
        let mut der = self.leaf_der;
        let places: Vec<usize> = der
            .windows(SHA256_WITH_RSA.len())
            .enumerate()
            .filter(|(_, octets)| *octets == SHA256_WITH_RSA)
            .map(|(start, _)| start + SHA256_WITH_RSA.len() - 1)
            .collect();
        // Once in what is signed, and once beside the signature (RFC 5280 section 4.1).
        if places.len() != 2 {
            return None;
        }
        for place in places {
            *der.get_mut(place)? = SHA1;
        }
        let above = self.chain_pem.strip_prefix(&self.leaf_pem)?.to_owned();
        self.leaf_pem = pem(&der);
        self.chain_pem = [self.leaf_pem.as_str(), &above].concat();
        self.leaf_der = der;
        Some(self)
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// 1.2.840.113549.1.1.11, encoded with its tag.
const SHA256_WITH_RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b,
];
/// The last octet of 1.2.840.113549.1.1.5, `sha1WithRSAEncryption`.
const SHA1: u8 = 0x05;

/// RFC 7468 section 5.
fn pem(der: &[u8]) -> String {
    let text: Vec<char> = der.chunks(3).flat_map(base64).collect();
    let lines = text.chunks(64);
    let lines: String = lines
        .map(|line| line.iter().chain(&['\n']).collect::<String>())
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

/// Up to three octets as four characters.
fn base64(octets: &[u8]) -> [char; 4] {
    let octet = |index: usize| u32::from(octets.get(index).copied().unwrap_or(0));
    let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
    let digit = |place: u32| match (bits >> (18 - 6 * place)) & 0x3f {
        _ if place as usize > octets.len() => '=',
        value @ 0..26 => letter('A', value),
        value @ 26..52 => letter('a', value - 26),
        value @ 52..62 => letter('0', value - 52),
        62 => '+',
        _ => '/',
    };
    [digit(0), digit(1), digit(2), digit(3)]
}

fn letter(first: char, further: u32) -> char {
    char::from_u32(u32::from(first) + further).unwrap_or(first)
}
