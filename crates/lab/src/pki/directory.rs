//! A folder with everything that is needed to try the relay out.

use std::fs;
use std::path::{Path, PathBuf};

use super::issued::Existing;
use super::spec::{CertificateSpec, Purpose};
use super::{Authority, Issued, IssuedFiles, PkiError};

/// What the folder shall hold.
#[derive(Debug, Clone)]
pub struct PkiPlan {
    /// How many tenants get a certificate.
    pub tenants: u32,
    /// Names and addresses of the relay's server certificate.
    pub relay_names: Vec<String>,
    /// Names and addresses of the upstream's server certificate.
    pub upstream_names: Vec<String>,
    /// Names of the client's certificate.
    pub client_names: Vec<String>,
}

impl Default for PkiPlan {
    fn default() -> Self {
        let local = |name: &str| {
            [name, "localhost", "127.0.0.1", "::1"]
                .map(str::to_owned)
                .to_vec()
        };
        Self {
            tenants: 3,
            relay_names: local("relay.example"),
            upstream_names: local("upstream.example"),
            client_names: vec!["client.example".to_owned()],
        }
    }
}

/// The files of a throw-away authority.
///
/// ```text
/// authority.pem    authority.key     the authority, and its key to sign more
/// relay.pem        relay.key         server certificate of the relay
/// upstream.pem     upstream.key      server certificate of an upstream
/// client.pem       client.key        a client's certificate
/// tenants/tenant-0001.pem  .key      SAN mail.tenant-0001.example, and so on
/// ```
#[derive(Debug, Clone)]
pub struct Pki {
    /// The authority's certificate and key.
    pub authority: IssuedFiles,
    /// The relay's server certificate.
    pub relay: IssuedFiles,
    /// The upstream's server certificate.
    pub upstream: IssuedFiles,
    /// A client's certificate.
    pub client: IssuedFiles,
    /// The tenants' certificates, in order.
    pub tenants: Vec<TenantFiles>,
}

/// One tenant's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFiles {
    /// Its name, `tenant-0001`.
    pub tenant: String,
    /// Its domain, `tenant-0001.example`.
    pub domain: String,
    /// The name in its certificate, `mail.tenant-0001.example`.
    pub certificate_name: String,
    /// SHA-256 of the certificate's DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Where certificate and key are.
    pub files: IssuedFiles,
}

impl Pki {
    /// Makes the folder if need be and fills it. What is there already is never overwritten: it
    /// might be a key that somebody needs.
    ///
    /// # Errors
    /// When a file is there already or cannot be written.
    pub fn create(folder: &Path, plan: &PkiPlan) -> Result<Self, PkiError> {
        let tenants_folder = folder.join("tenants");
        make_folder(&tenants_folder)?;
        let authority = Authority::new("Tenantry throw-away authority")?;
        let write = |issued: Issued, stem: &str| issued.write_as(folder, stem, Existing::Refuse);
        Ok(Self {
            authority: authority.write_with_key(folder, "authority", Existing::Refuse)?,
            relay: write(authority.server(&borrowed(&plan.relay_names))?, "relay")?,
            upstream: write(
                authority.server(&borrowed(&plan.upstream_names))?,
                "upstream",
            )?,
            client: write(authority.client(&borrowed(&plan.client_names))?, "client")?,
            tenants: (1..=plan.tenants)
                .map(|number| tenant(&authority, &tenants_folder, number))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A tenant's certificate is for both directions, as those of real mail servers were made: it
/// serves as the tenant's identity towards its upstream and as a client's towards the relay.
fn tenant(authority: &Authority, folder: &Path, number: u32) -> Result<TenantFiles, PkiError> {
    let tenant = format!("tenant-{number:04}");
    let domain = format!("{tenant}.example");
    let certificate_name = format!("mail.{domain}");
    let spec = CertificateSpec::client(&[&certificate_name])
        .with_purposes([Purpose::ServerAuth, Purpose::ClientAuth]);
    let issued = authority.issue(&spec)?;
    Ok(TenantFiles {
        files: issued.write_as(folder, &tenant, Existing::Refuse)?,
        fingerprint: issued.fingerprint(),
        tenant,
        domain,
        certificate_name,
    })
}

fn make_folder(folder: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(folder).map_err(|source| PkiError::Write {
        path: PathBuf::from(folder),
        source,
    })
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
