//! Authorities, what they sign and what they revoke.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, RevocationReason, RevokedCertParams, SerialNumber,
};

use super::issued::{Existing, write_certificate, write_pair};
use super::spec::{AuthoritySpec, CertificateSpec, KeyKind, Purpose, Validity};
use super::weak::WeakRsa;
use super::{Issued, IssuedFiles, PkiError, extension};

/// An authority: a root, or an intermediate that remembers the chain above it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    certificate_der: Vec<u8>,
    key_pem: String,
    serial: Vec<u8>,
    /// This authority and those above it, without the root, PEM: what a leaf's owner sends along.
    chain_pem: String,
}

/// What a revocation list shall contain (RFC 5280 section 5).
#[derive(Debug, Clone, Default)]
pub struct CrlSpec {
    /// The serial numbers that are revoked.
    pub revoked: Vec<Vec<u8>>,
    /// From when until when the list counts.
    pub validity: Validity,
    /// Its number; a later list has a higher one.
    pub number: u64,
}

impl CrlSpec {
    /// A current list that revokes these certificates.
    #[must_use]
    pub fn revoking(certificates: &[&Issued]) -> Self {
        Self {
            revoked: certificates
                .iter()
                .map(|issued| issued.serial().to_vec())
                .collect(),
            ..Self::default()
        }
    }

    /// The same with another validity.
    #[must_use]
    pub fn with_validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }
}

impl Authority {
    /// A root of this name. Two of the same name have different keys.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn new(name: &str) -> Result<Self, PkiError> {
        Self::with(&AuthoritySpec::named(name))
    }

    /// A root as specified.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn with(spec: &AuthoritySpec) -> Result<Self, PkiError> {
        let key = generate(spec.key)?;
        let (params, serial) = authority_params(spec)?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            serial,
            chain_pem: String::new(),
            issuer: Issuer::new(params, key),
        })
    }

    /// An intermediate of this name below this authority.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn intermediate(&self, name: &str) -> Result<Self, PkiError> {
        self.intermediate_with(&AuthoritySpec::named(name))
    }

    /// An intermediate as specified below this authority.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn intermediate_with(&self, spec: &AuthoritySpec) -> Result<Self, PkiError> {
        let key = generate(spec.key)?;
        let (mut params, serial) = authority_params(spec)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let certificate_pem = certificate.pem();
        Ok(Self {
            chain_pem: [certificate_pem.as_str(), &self.chain_pem].concat(),
            certificate_pem,
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            serial,
            issuer: Issuer::new(params, key),
        })
    }

    /// This authority's own certificate, PEM: what goes into a trust file.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// This authority's own certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The serial number of this authority's certificate, to revoke an intermediate.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// A server certificate for host names and IP addresses.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn server(&self, names: &[&str]) -> Result<Issued, PkiError> {
        self.issue(&CertificateSpec::server(names))
    }

    /// A client certificate for host names.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn client(&self, names: &[&str]) -> Result<Issued, PkiError> {
        self.issue(&CertificateSpec::client(names))
    }

    /// A certificate as specified.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn issue(&self, spec: &CertificateSpec) -> Result<Issued, PkiError> {
        self.sign(spec, &generate(spec.key)?)
    }

    /// A certificate as specified for an RSA key of so many bits, which may be far too few. Nobody
    /// has that key: [`Issued::key_pem`] is empty.
    ///
    /// # Errors
    /// When the certificate cannot be encoded or signed.
    pub fn issue_for_weak_key(
        &self,
        spec: &CertificateSpec,
        bits: u16,
    ) -> Result<Issued, PkiError> {
        self.sign_for(spec, &WeakRsa::random(bits)?, String::new())
    }

    /// A certificate as specified for the key of an earlier one, as a renewal makes it.
    ///
    /// # Errors
    /// When the earlier key cannot be read or the certificate not be encoded or signed.
    pub fn renew(&self, earlier: &Issued, spec: &CertificateSpec) -> Result<Issued, PkiError> {
        self.sign(spec, &KeyPair::from_pem(&earlier.key_pem)?)
    }

    /// A revocation list, PEM.
    ///
    /// # Errors
    /// When the list cannot be encoded or signed.
    pub fn crl(&self, spec: &CrlSpec) -> Result<String, PkiError> {
        let (this_update, next_update) = spec.validity.bounds();
        let revoked = |serial: &Vec<u8>| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: this_update.into(),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: this_update.into(),
            next_update: next_update.into(),
            crl_number: SerialNumber::from(spec.number.saturating_add(1)),
            issuing_distribution_point: None,
            revoked_certs: spec.revoked.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    /// Writes the authority's certificate as `stem.pem`, replacing what was there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, folder: &Path, stem: &str) -> Result<PathBuf, PkiError> {
        let path = folder.join(format!("{stem}.pem"));
        write_certificate(&path, &self.certificate_pem, Existing::Replace)?;
        Ok(path)
    }

    /// Writes the authority's certificate as `stem.pem` and its key as `stem.key` (mode 0600), so
    /// that more can be signed; what was there is replaced.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_to_sign(&self, folder: &Path, stem: &str) -> Result<IssuedFiles, PkiError> {
        self.write_with_key(folder, stem, Existing::Replace)
    }

    pub(super) fn write_with_key(
        &self,
        folder: &Path,
        stem: &str,
        existing: Existing,
    ) -> Result<IssuedFiles, PkiError> {
        write_pair(folder, stem, &self.certificate_pem, &self.key_pem, existing)
    }

    fn sign(&self, spec: &CertificateSpec, key: &KeyPair) -> Result<Issued, PkiError> {
        self.sign_for(spec, key, key.serialize_pem())
    }

    fn sign_for(
        &self,
        spec: &CertificateSpec,
        key: &impl PublicKeyData,
        key_pem: String,
    ) -> Result<Issued, PkiError> {
        let (mut params, serial) = leaf_params(spec)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.issuer)?;
        let public_key = key.subject_public_key_info();
        Ok(issued(
            &certificate,
            public_key,
            key_pem,
            serial,
            &self.chain_pem,
        ))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate that signed itself.
///
/// # Errors
/// When the certificate cannot be encoded or signed.
pub fn self_signed(spec: &CertificateSpec) -> Result<Issued, PkiError> {
    let key = generate(spec.key)?;
    let (params, serial) = leaf_params(spec)?;
    let certificate = params.self_signed(&key)?;
    let (public_key, key_pem) = (key.subject_public_key_info(), key.serialize_pem());
    Ok(issued(&certificate, public_key, key_pem, serial, ""))
}

fn issued(
    certificate: &rcgen::Certificate,
    public_key_der: Vec<u8>,
    key_pem: String,
    serial: Vec<u8>,
    chain: &str,
) -> Issued {
    let leaf_pem = certificate.pem();
    Issued {
        chain_pem: [leaf_pem.as_str(), chain].concat(),
        key_pem,
        leaf_pem,
        leaf_der: certificate.der().to_vec(),
        public_key_der,
        serial,
    }
}

fn leaf_params(spec: &CertificateSpec) -> Result<(CertificateParams, Vec<u8>), PkiError> {
    let (mut params, serial) = params(spec.common_name.as_deref(), spec.validity)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = spec
        .purposes
        .iter()
        .copied()
        .map(extended_key_usage)
        .collect();
    let subject = match spec.common_name {
        Some(_) => extension::Subject::Named,
        None => extension::Subject::Empty,
    };
    params
        .custom_extensions
        .extend(extension::alternative_names(&spec.names, subject));
    Ok((params, serial))
}

fn authority_params(spec: &AuthoritySpec) -> Result<(CertificateParams, Vec<u8>), PkiError> {
    let (mut params, serial) = params(Some(&spec.name), spec.validity)?;
    params.is_ca = IsCa::Ca(match spec.path_length {
        Some(length) => BasicConstraints::Constrained(length),
        None => BasicConstraints::Unconstrained,
    });
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
        .custom_extensions
        .extend(extension::name_constraints(&spec.constraints));
    Ok((params, serial))
}

fn params(
    common_name: Option<&str>,
    validity: Validity,
) -> Result<(CertificateParams, Vec<u8>), PkiError> {
    let (not_before, not_after): (SystemTime, SystemTime) = validity.bounds();
    let serial = random_serial()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(common_name) = common_name {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok((params, serial))
}

/// Sixteen random octets, positive and without leading zero (RFC 5280 section 4.1.2.2).
fn random_serial() -> Result<Vec<u8>, PkiError> {
    let mut serial = [0; 16];
    rand::fill(&mut serial).map_err(|_| PkiError::Random)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial.to_vec())
}

fn generate(kind: KeyKind) -> Result<KeyPair, PkiError> {
    Ok(KeyPair::generate_for(match kind {
        KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
        KeyKind::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
    })?)
}

fn extended_key_usage(purpose: Purpose) -> ExtendedKeyUsagePurpose {
    match purpose {
        Purpose::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        Purpose::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
        Purpose::EmailProtection => ExtendedKeyUsagePurpose::EmailProtection,
        Purpose::CodeSigning => ExtendedKeyUsagePurpose::CodeSigning,
        Purpose::Any => ExtendedKeyUsagePurpose::Any,
    }
}
