//! The certificates of a scenario: one authority, one intermediate, and everybody's leaf.
//!
//! The authority signs the good ones itself, because some test clients send the leaf alone; the
//! intermediate signs what is to be sent without it.

use std::path::{Path, PathBuf};

use toml::Table;

use super::folder::{InitError, Layout};
use super::{Certificate, CertificateProblem, Scenario, world};
use crate::pki::{Authority, CertificateSpec, Issued, IssuedFiles, Purpose, Validity, self_signed};

/// What Tenantry presents for a tenant.
#[derive(Debug, Clone)]
pub(super) struct RelayIdentity {
    /// The tenant.
    pub(super) tenant: String,
    /// The names in the certificate.
    pub(super) names: Vec<String>,
    /// The certificate's file, relative to the folder and without ending.
    pub(super) stem: PathBuf,
}

/// What Tenantry presents for each tenant, in the world's order.
pub(super) fn identities(scenario: &Scenario) -> Vec<RelayIdentity> {
    let of = |tenant: &Table| {
        let name = world::text(tenant, "name");
        let given = scenario.certificates.iter().find(|certificate| {
            certificate.tenant.as_deref() == Some(name)
                && certificate.problem == CertificateProblem::None
        });
        let (names, stem) = match given {
            Some(given) => (given.names.clone(), client_stem(&given.file)),
            None => (
                vec![likely_name(tenant)],
                Path::new("pki/tenants").join(name),
            ),
        };
        RelayIdentity {
            tenant: name.to_owned(),
            names,
            stem,
        }
    };
    world::tenants(&scenario.world).map(of).collect()
}

/// Makes all certificates below `folder`.
pub(super) fn make(scenario: &Scenario, layout: &Layout, folder: &Path) -> Result<(), InitError> {
    let authority = Authority::new("Tenantry lab throw-away authority")?;
    let intermediate = authority.intermediate("Tenantry lab throw-away intermediate")?;
    let pki = folder.join("pki");
    authority.write_to_sign(&pki, "authority")?;
    intermediate.write_to_sign(&pki, "intermediate")?;
    let address = layout.relay.ip().to_string();
    let mut local = vec!["localhost", "127.0.0.1", "::1"];
    if !local.contains(&address.as_str()) {
        local.push(&address);
    }
    let server = |names: &[&str]| authority.server(&[names, &local].concat());
    written(&server(&[SERVICE, SERVICES])?, folder, Path::new("pki/lab"))?;
    let expired = CertificateSpec::server(&[&[SERVICE, SERVICES], &local[..]].concat());
    let expired = authority.issue(&expired.with_validity(Validity::Expired))?;
    written(&expired, folder, Path::new("pki/lab-expired"))?;
    written(&server(&[RELAY])?, folder, Path::new("pki/relay"))?;
    for certificate in &scenario.certificates {
        let issued = issue(&authority, &intermediate, certificate)?;
        written(&issued, folder, &client_stem(&certificate.file))?;
    }
    for identity in identities(scenario) {
        if identity.stem.starts_with("pki/tenants") {
            let names: Vec<&str> = identity.names.iter().map(String::as_str).collect();
            written(&authority.issue(&spec(&names))?, folder, &identity.stem)?;
        }
    }
    Ok(())
}

fn issue(
    authority: &Authority,
    intermediate: &Authority,
    certificate: &Certificate,
) -> Result<Issued, InitError> {
    let names: Vec<&str> = certificate.names.iter().map(String::as_str).collect();
    let spec = spec(&names);
    Ok(match certificate.problem {
        CertificateProblem::None => authority.issue(&spec)?,
        CertificateProblem::SelfSigned => self_signed(&spec)?,
        CertificateProblem::IncompleteChain => intermediate.issue(&spec)?.without_intermediates(),
        CertificateProblem::Expired => authority.issue(&spec.with_validity(Validity::Expired))?,
    })
}

/// For both directions, as those of real mail servers were made.
fn spec(names: &[&str]) -> CertificateSpec {
    CertificateSpec::client(names).with_purposes([Purpose::ServerAuth, Purpose::ClientAuth])
}

fn written(issued: &Issued, folder: &Path, stem: &Path) -> Result<IssuedFiles, InitError> {
    let whole = folder.join(stem);
    let (folder, name) = match (whole.parent(), whole.file_name()) {
        (Some(folder), Some(name)) => (folder, name.to_string_lossy()),
        (None, _) | (_, None) => (folder, "certificate".into()),
    };
    Ok(issued.write(folder, &name)?)
}

/// A scenario's certificate, relative to the folder and without ending.
pub(super) fn client_stem(file: &str) -> PathBuf {
    Path::new("pki/clients").join(file)
}

/// A name that the tenant's connector would match, if it has one.
fn likely_name(tenant: &Table) -> String {
    let tables = |key: &str| {
        let list = tenant.get(key).and_then(toml::Value::as_array);
        list.into_iter().flatten()
    };
    let of_connector = tables("inbound_connectors")
        .filter_map(|connector| connector.as_table())
        .filter(|connector| world::text(connector, "ConnectorType") == "OnPremises")
        .map(|connector| world::text(connector, "TlsSenderCertificateName"))
        .find(|name| !name.is_empty());
    match of_connector.map(|name| (name, name.strip_prefix("*."))) {
        Some((_, Some(domain))) if !domain.contains('*') => format!("mail.{domain}"),
        Some((exact, None)) if !exact.contains('*') => exact.to_owned(),
        Some(_) | None => {
            let domain = tables("accepted_domains").find_map(|domain| match domain.as_table() {
                Some(properties) => properties.get("DomainName")?.as_str(),
                None => domain.as_str(),
            });
            format!("mail.{}", domain.unwrap_or("tenant.example"))
        }
    }
}

/// The name that the relay's configuration demands of the service.
pub(super) const SERVICE: &str = "mail.protection.outlook.com";
const SERVICES: &str = "*.mail.protection.outlook.com";
/// The relay's own name.
pub(super) const RELAY: &str = "relay.example";
