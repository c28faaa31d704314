//! What the fixtures hold, and comparing objects.

use std::path::{Path, PathBuf};

use tenantry_lab::export::{ExportError, Object, read_bytes};
use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainName, DomainType, InboundConnector, Place, Region,
    SenderAddress, SenderDomain, TlsSenderCertificateName,
};

/// The folder of the fixtures.
pub(crate) fn exports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/exports")
}

/// The files of a folder of fixtures, in order.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(exports().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The objects in a text, by the extension of `file`.
pub(crate) fn objects(file: &str, octets: &[u8]) -> Result<Vec<Object>, Vec<ExportError>> {
    let mut objects = Vec::new();
    for document in read_bytes(Path::new(file), octets)? {
        objects.push(document.object()?);
    }
    Ok(objects)
}

/// The messages of what must be refused.
pub(crate) fn messages(file: &str, octets: &[u8]) -> Vec<String> {
    let problems = objects(file, octets).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

/// The one object in a text, which must be an inbound connector.
pub(crate) fn connector(text: &str) -> InboundConnector {
    let mut objects = objects("a.json", text.as_bytes()).unwrap();
    match objects.pop() {
        Some(Object::InboundConnector(connector)) if objects.is_empty() => connector,
        other => panic!("{other:?}, {objects:?}"),
    }
}

/// A connector without what differs between files: the place, and properties without effect.
pub(crate) fn bare(connector: &InboundConnector) -> String {
    let mut bare = connector.clone();
    bare.place = Place::default();
    bare.other.clear();
    format!("{bare:#?}")
}

/// The same for a domain.
pub(crate) fn bare_domain(domain: &AcceptedDomain) -> String {
    let mut bare = domain.clone();
    bare.place = Place::default();
    bare.other.clear();
    format!("{bare:#?}")
}

/// The connectors of the folder `inbound-connectors`.
pub(crate) fn the_connectors() -> [InboundConnector; 2] {
    let domain = |name| DomainName::parse(name).unwrap();
    let mut hybrid = InboundConnector::new("Inbound from 1111", ConnectorType::OnPremises);
    hybrid.connector_source = "HybridWizard".to_owned();
    hybrid.require_tls = true;
    hybrid.cloud_services_mail_enabled = true;
    hybrid.tls_sender_certificate_name =
        Some(TlsSenderCertificateName::Wildcard(domain("contoso.com")));
    let mut partner = InboundConnector::new("Fabrikam & partners", ConnectorType::Partner);
    partner.enabled = false;
    partner.connector_source = "AdminUI".to_owned();
    partner.sender_domains = vec![
        SenderDomain::Domain(domain("fabrikam.com")),
        SenderDomain::Subdomains(domain("fabrikam.com")),
    ];
    partner.sender_ip_addresses = vec![
        SenderAddress::Network("192.0.2.10/32".parse().unwrap()),
        SenderAddress::Network("198.51.100.0/24".parse().unwrap()),
    ];
    partner.require_tls = true;
    partner.restrict_domains_to_ip_addresses = true;
    partner.associated_accepted_domains = vec![domain("contoso.com")];
    [hybrid, partner]
}

/// The domains of the folder `accepted-domains`.
pub(crate) fn the_domains() -> [AcceptedDomain; 4] {
    let domain = |name| AcceptedDomain::new(DomainName::parse(name).unwrap());
    let mut contoso = domain("contoso.com");
    contoso.default = true;
    let mut fabrikam = domain("fabrikam.com");
    fabrikam.domain_type = DomainType::InternalRelay;
    fabrikam.match_subdomains = true;
    fabrikam.mail_flow_region = Some(Region::new("EUR"));
    let mut initial = domain("contoso.onmicrosoft.com");
    initial.initial = true;
    let mut old = domain("old.contoso.com");
    old.pending = true;
    old.sending_to_disabled = true;
    [contoso, fabrikam, initial, old]
}
