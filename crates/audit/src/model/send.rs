//! The certificate that a Send connector presents (`exchange-online.md` section 7.3).

use std::collections::HashMap;

use tenantry_lab::export::{SendConnector, TlsCertificateName};
use tenantry_lab::world::{DomainName, Wildcard};

use super::is_presented;
use crate::distinguished_name::{DistinguishedName, Folded};
use crate::inventory::{Certificate, Inventory};

/// Certificates as Exchange Server looks for them.
pub(super) struct Certificates<'i> {
    inventory: &'i Inventory,
    /// By issuer and subject, whatever the order of their parts.
    issued: HashMap<(Folded, Folded), Vec<usize>>,
    named: HashMap<&'i DomainName, Vec<usize>>,
}

impl<'i> Certificates<'i> {
    pub(super) fn of(inventory: &'i Inventory) -> Self {
        let mut certificates = Self {
            inventory,
            issued: HashMap::new(),
            named: HashMap::new(),
        };
        if inventory.send_connectors.is_empty() {
            return certificates;
        }
        for (number, file) in inventory.certificates.iter().enumerate() {
            let Some(leaf) = file.chain.first().filter(|_| is_presented(file)) else {
                continue;
            };
            let issued = (leaf.issuer_name.folded(), leaf.subject_name.folded());
            certificates.issued.entry(issued).or_default().push(number);
            for (wildcard, name) in &leaf.names {
                if *wildcard == Wildcard::No {
                    certificates.named.entry(name).or_default().push(number);
                }
            }
        }
        certificates
    }

    /// Issuer and subject of TlsCertificateName; without one, the Fqdn. Of several the one that is valid
    /// longest.
    pub(super) fn of_connector(&self, connector: &SendConnector) -> Option<usize> {
        let found = match &connector.tls_certificate_name {
            Some(TlsCertificateName::IssuerAndSubject { issuer, subject }) => {
                let folded = |name: &str| DistinguishedName::parse(name).folded();
                self.issued.get(&(folded(issuer), folded(subject)))
            }
            Some(TlsCertificateName::Unusable(_)) => None,
            None => {
                let fqdn = DomainName::parse(connector.fqdn.as_deref()?).ok()?;
                self.named.get(&fqdn)
            }
        };
        let leaf = |file: &usize| -> Option<&Certificate> {
            self.inventory.certificates.get(*file)?.chain.first()
        };
        let found = found?.iter();
        found
            .max_by_key(|file| leaf(file).map(|leaf| leaf.not_after))
            .copied()
    }
}
