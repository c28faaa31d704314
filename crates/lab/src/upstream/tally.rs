//! Messages counted by client certificate and a domain of the envelope: what a load test needs to see
//! whether each message came with its own tenant's certificate, at the price of one lookup.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::{Connection, between_brackets};

/// The most different pairs that are kept apart; messages of further ones are counted together.
const MOST_PAIRS: usize = 1_000_000;
/// The domain of the pairs that are not kept apart any more, which no domain is.
const OTHERS: &str = "*";

/// One certificate and one domain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tallied {
    /// The certificate's fingerprint; none without a certificate.
    pub fingerprint: Option<String>,
    /// The certificate's names; none unless it was verified.
    pub names: Vec<String>,
    /// The domain of the sender or the first recipient, lower case; `*` for all beyond a million
    /// pairs.
    pub domain: String,
    /// How many messages were delivered.
    pub messages: u64,
}

/// The counts of one upstream.
#[derive(Debug, Default)]
pub(super) struct Tally {
    certificates: HashMap<Option<Arc<str>>, Row>,
    pairs: usize,
}

#[derive(Debug)]
struct Row {
    names: Vec<String>,
    domains: HashMap<String, u64>,
}

impl Tally {
    pub(super) fn count(&mut self, connection: &Connection, domain: &str) {
        let certificate = connection.tls().and_then(|tls| tls.certificate.as_ref());
        let fingerprint = certificate.map(|certificate| Arc::clone(&certificate.fingerprint));
        let row = self.certificates.entry(fingerprint).or_insert_with(|| Row {
            names: connection.names().to_vec(),
            domains: HashMap::new(),
        });
        if let Some(messages) = row.domains.get_mut(domain) {
            *messages = messages.saturating_add(1);
            return;
        }
        let domain = match self.pairs < MOST_PAIRS {
            true => domain,
            false => OTHERS,
        };
        let messages = row.domains.entry(domain.to_owned()).or_default();
        if *messages == 0 {
            self.pairs = self.pairs.saturating_add(1);
        }
        *messages = messages.saturating_add(1);
    }

    pub(super) fn rows(&self) -> Vec<Tallied> {
        let mut rows: Vec<Tallied> = self
            .certificates
            .iter()
            .flat_map(|(fingerprint, row)| {
                row.domains.iter().map(|(domain, messages)| Tallied {
                    fingerprint: fingerprint.as_deref().map(str::to_owned),
                    names: row.names.clone(),
                    domain: domain.clone(),
                    messages: *messages,
                })
            })
            .collect();
        rows.sort_by(|a, b| {
            (&a.names, &a.fingerprint, &a.domain).cmp(&(&b.names, &b.fingerprint, &b.domain))
        });
        rows
    }
}

/// The domain in the argument of MAIL or RCPT, lower case; empty without one.
pub(super) fn domain(argument: &[u8]) -> String {
    let text = String::from_utf8_lossy(argument);
    let path = between_brackets(&text);
    let domain = path.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn the_domain_is_between_the_last_at_and_the_bracket() {
        for (argument, expected) in [
            (&b"TO:<a@One.Example> NOTIFY=NEVER"[..], "one.example"),
            (b"TO:<\"a@b\"@two.example>", "two.example"),
            (b"FROM:<c@three.example> SIZE=1", "three.example"),
            (b"TO:<postmaster>", ""),
            (b"FROM:<>", ""),
            (b"", ""),
        ] {
            assert_eq!(domain(argument), expected);
        }
    }
}
