//! The certificate that a Send connector presents (`exchange-online.md` section 7.3).

use std::collections::HashMap;

use tenantry_lab::export::{SendConnector, TlsCertificateName};
use tenantry_lab::world::{DomainName, Wildcard};

use super::is_presented;
use crate::inventory::{Certificate, Inventory};

/// Certificates as Exchange Server looks for them.
pub(super) struct Certificates<'i> {
    inventory: &'i Inventory,
    /// By issuer and subject, whatever the order of their parts.
    issued: HashMap<(Parts, Parts), Vec<usize>>,
    named: HashMap<&'i DomainName, Vec<usize>>,
}

/// The parts of a distinguished name in lower case, sorted: Windows writes them in another order than
/// RFC 4514.
type Parts = Vec<String>;

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
            let issued = (parts(&leaf.issuer), parts(&leaf.subject));
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
                self.issued.get(&(parts(issuer), parts(subject)))
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

/// The parts between commas that are neither quoted nor escaped.
fn parts(name: &str) -> Parts {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in name.chars() {
        let separates = matches!(character, ',' | ';') && !quoted && !escaped;
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = character == '\\' && !escaped;
        if separates {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    let mut parts: Parts = parts.iter().map(|part| folded(part)).collect();
    parts.retain(|part| !part.is_empty());
    parts.sort();
    parts
}

/// `CN = Contoso ` as `cn=contoso`, without quotes.
fn folded(part: &str) -> String {
    let (key, value) = part.split_once('=').unwrap_or(("", part));
    let value = value.trim().trim_matches('"');
    let value: String = value
        .chars()
        .filter(|character| *character != '\\')
        .collect();
    format!("{}={value}", key.trim()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_case_of_a_distinguished_name_do_not_matter() {
        assert_eq!(
            parts("CN=Contoso CA, O=\"Contoso, Ltd\", C=DE"),
            parts("c=DE,O=Contoso\\, Ltd,cn=contoso ca")
        );
        assert_ne!(parts("CN=a.contoso.com"), parts("CN=b.contoso.com"));
    }
}
