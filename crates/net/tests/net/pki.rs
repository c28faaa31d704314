//! Authorities and certificates for the tests.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use tenantry_net::{ClientCertificatePolicy, Identity, PresentedChain, Trust};

/// A root or intermediate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    /// What a leaf of it has to send along.
    chain: String,
}

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) leaf: String,
    /// Leaf and intermediates.
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let params = authority_params(name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
            chain: String::new(),
        }
    }

    pub(crate) fn intermediate(&self, name: &str, constraints: Option<NameConstraints>) -> Self {
        let mut params = authority_params(name);
        params.name_constraints = constraints;
        self.intermediate_from(params)
    }

    pub(crate) fn intermediate_from(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self {
            chain: format!("{pem}{}", self.chain),
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued {
            chain: format!("{leaf}{}", self.chain),
            leaf,
            key: key.serialize_pem(),
        }
    }

    /// A leaf for a public key of somebody's, with what it has to send along.
    pub(crate) fn issue_for(
        &self,
        params: &CertificateParams,
        key: &impl rcgen::PublicKeyData,
    ) -> String {
        let leaf = params.signed_by(key, &self.issuer).unwrap().pem();
        format!("{leaf}{}", self.chain)
    }

    /// A server certificate for these names or addresses.
    pub(crate) fn server(&self, names: &[&str]) -> Arc<Identity> {
        self.issue(&leaf(names)).identity()
    }

    pub(crate) fn trust(&self) -> Arc<Trust> {
        let mut builder = Trust::builder();
        builder.add_pem(self.pem.as_bytes()).unwrap();
        builder.build().unwrap()
    }

    pub(crate) fn policy(&self) -> ClientCertificatePolicy {
        ClientCertificatePolicy::new(self.trust())
    }

    /// A revocation list of two days in `year` and `next`.
    pub(crate) fn crl(&self, revoked: &[u64], year: i32, next: i32) -> String {
        let revoked_certs = revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2024, 1, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(year, 1, 1),
            next_update: date_time_ymd(next, 1, 1),
            crl_number: SerialNumber::from(u64::try_from(year).unwrap()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Issued {
    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let leaf = params.self_signed(&key).unwrap().pem();
        Self {
            chain: leaf.clone(),
            leaf,
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn identity(&self) -> Arc<Identity> {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }

    pub(crate) fn presented(&self) -> PresentedChain {
        PresentedChain::from_pem(self.chain.as_bytes()).unwrap()
    }
}

/// A leaf with these alternative names, valid now, without a common name, for any use.
pub(crate) fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Test");
    params
}

/// A leaf with a common name and these alternative names.
pub(crate) fn named_leaf(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut params = leaf(names);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

pub(crate) fn with_usage(
    mut params: CertificateParams,
    usages: &[ExtendedKeyUsagePurpose],
) -> CertificateParams {
    params.extended_key_usages = usages.to_vec();
    params
}

pub(crate) fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

pub(crate) fn not_yet_valid(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2090, 1, 1);
    params.not_after = date_time_ymd(2091, 1, 1);
    params
}

pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
