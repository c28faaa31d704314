//! The endpoints' TLS: a client certificate is asked for and never demanded; possession is proven
//! in the handshake, and what it is worth is decided afterwards (`exchange-online.md` section 1.4).

use std::sync::Arc;

use tenantry_net::{
    ClientCertificatePolicy, CommonName, DEFAULT_MAX_NAMES, Identity, Request, RevocationPolicy,
    ServerTls, ServerTlsSettings, Tickets, Trust, Usage,
};

use super::start::StartError;
use crate::file::ServerSettings;
use crate::pki::{Authority, CertificateSpec, Validity};

/// TLS with the server's own certificate.
pub(super) fn current(settings: &ServerSettings) -> Result<Arc<ServerTls>, StartError> {
    let identity = Identity::load(&settings.certificate, &settings.key)?;
    with(identity, settings)
}

/// TLS with a certificate that has expired: the world's, or one for the same names, of an authority
/// that nobody knows, so that clients that verify stumble over that first.
pub(super) fn expired(settings: &ServerSettings) -> Result<Arc<ServerTls>, StartError> {
    if let Some((certificate, key)) = &settings.expired {
        let identity = Identity::load(certificate, key).map_err(StartError::ExpiredIdentity)?;
        return with(identity, settings);
    }
    let current = Identity::load(&settings.certificate, &settings.key)?;
    let names: Vec<&str> = current.names().iter().map(String::as_str).collect();
    let spec = CertificateSpec::server(&names).with_validity(Validity::Expired);
    let issued = Authority::new("Lab of expired certificates")?.issue(&spec)?;
    let identity = Identity::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes())?;
    with(identity, settings)
}

fn with(identity: Arc<Identity>, settings: &ServerSettings) -> Result<Arc<ServerTls>, StartError> {
    let policy = ClientCertificatePolicy {
        trust: trust(settings)?,
        // Which usage the service wants is not documented; public authorities stop issuing
        // clientAuth.
        usage: Usage::AnyTls,
        common_name: CommonName::Always,
        max_names: DEFAULT_MAX_NAMES,
        revocation: RevocationPolicy::default(),
    };
    Ok(ServerTls::new(ServerTlsSettings {
        identity,
        client_certificates: Request::Request,
        policy: Some(policy),
        tickets: Tickets::On,
        min_version: settings.tls_min_version,
    })?)
}

/// Without authorities every certificate is untrusted, and recorded as such.
fn trust(settings: &ServerSettings) -> Result<Arc<Trust>, StartError> {
    let mut builder = Trust::builder();
    for file in &settings.trust {
        builder.add_pem_file(file)?;
    }
    if settings.trust.is_empty() {
        let nobody = Authority::new("nobody")?;
        builder.add_pem(nobody.certificate_pem().as_bytes())?;
    }
    Ok(builder.build()?)
}
