//! Whether a certificate file leads to an authority: EXO-L31 and EXO-L32.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::SystemTime;

use jiff::Timestamp;
use tenantry_net::{ClientCertificate, ClientCertificatePolicy, PresentedChain, UntrustedReason};

use super::Group;
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Certificate, CertificateFile, Inventory, Purpose};
use crate::model::{Kind, Model, Origin, exchange_online, place};
use crate::rule::{Rule, Severity};
use crate::rules::words::{listed, shown};

pub(super) const GROUP: Group = Group {
    rules: &[LEAF_ALONE, UNKNOWN_AUTHORITY],
    check,
};

const LEAF_ALONE: Rule = Rule {
    id: "EXO-L31",
    severity: Severity::Warning,
    title: "a certificate is presented without its intermediates",
    why: "Exchange Online finds no way from the certificate to an authority it trusts, takes it for none, and refuses to relay with 5.7.64",
    remedy: "put the intermediates behind the certificate in its file",
    source: "KB 3212877 (S8); docs/exchange-online.md section 1.4",
};

const UNKNOWN_AUTHORITY: Rule = Rule {
    id: "EXO-L32",
    severity: Severity::Warning,
    title: "a certificate is self-signed or of a private authority",
    why: "Exchange Online takes certificates of public authorities only; with another the mail is anonymous, and is not relayed",
    remedy: "order a certificate of a public authority",
    source: "Answers of the product group on SMTP relay (S4) and certificate requirements of hybrids (S16); docs/exchange-online.md section 1.4",
};

fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let inventory = model.inventory();
    let authorities = Authorities::of(inventory);
    let presented = Presented::of(model);
    for (number, file) in inventory.certificates.iter().enumerate() {
        if !presented.has(model, number, file) {
            continue;
        }
        match authorities.way(file) {
            Way::Whole | Way::Open => {}
            Way::Missing { issuer, known } => {
                findings.push(missing(inventory, file, &issuer, known.as_deref()));
            }
            Way::SelfSigned => {
                let message = String::from("is signed by itself");
                findings.push(untrusted(inventory, file, message));
            }
            Way::Private { authority } => {
                let message = format!("leads to {authority}, which Exchange Online does not trust");
                findings.push(untrusted(inventory, file, message));
            }
        }
    }
}

/// What is presented to Exchange Online, as far as files can tell.
struct Presented {
    /// The certificates of Send connectors, by their numbers.
    sent: HashSet<usize>,
    /// The relay's tenants that an exported tenant belongs to.
    linked: HashSet<usize>,
}

impl Presented {
    fn of(model: &Model<'_>) -> Self {
        let mut presented = Self {
            sent: HashSet::new(),
            linked: HashSet::new(),
        };
        for route in model.routes() {
            match route.origin {
                Origin::SendConnector(_) => presented.sent.extend(route.certificate),
                Origin::Relay(tenant) => {
                    presented.linked.extend(route.tenant().map(|_| tenant));
                }
            }
        }
        presented
    }

    /// Whether Exchange Online gets to see a certificate.
    ///
    /// An identity is presented to its tenant's upstream, which may be any server. A client's
    /// certificate may be for the relay, which has authorities of its own: it is looked at if a
    /// connector or a Send connector names it and no listener trusts it, or if there is nothing but
    /// certificates.
    fn has(&self, model: &Model<'_>, number: usize, file: &CertificateFile) -> bool {
        let inventory = model.inventory();
        match file.purpose {
            Purpose::Listener(_) | Purpose::Authority | Purpose::Lab => false,
            Purpose::Identity(tenant) => {
                by_upstream(inventory, tenant).unwrap_or_else(|| self.linked.contains(&tenant))
            }
            Purpose::Client if self.sent.contains(&number) => true,
            Purpose::Client if inventory.tenants.is_empty() => {
                inventory.relay.is_none() && inventory.send_connectors.is_empty()
            }
            Purpose::Client => {
                !model.matching(number, Kind::Active).is_empty()
                    && !trusted_by_listener(inventory, file)
            }
        }
    }
}

/// Whether a tenant's upstream is Exchange Online, by its name or by the name in its certificate; an
/// address does not tell.
fn by_upstream(inventory: &Inventory, tenant: usize) -> Option<bool> {
    let relay = inventory.relay.as_ref()?;
    let tenant = relay.written.tenants.get(tenant)?;
    let named = tenant.upstream_name.as_ref();
    if named.is_some_and(|name| exchange_online(&name.value)) {
        return Some(true);
    }
    let hosts = || {
        tenant
            .upstreams
            .iter()
            .map(|upstream| upstream.value.host.as_str())
    };
    if hosts().any(exchange_online) {
        return Some(true);
    }
    let address = |host: &str| host.parse::<IpAddr>().is_ok();
    (!hosts().any(address) && hosts().next().is_some()).then_some(false)
}

/// Whether a listener of the relay believes the certificate: then it is for the relay.
pub(super) fn trusted_by_listener(inventory: &Inventory, file: &CertificateFile) -> bool {
    let relay = inventory.relay.as_ref();
    let config = relay.and_then(|relay| relay.config.as_ref().ok());
    let mut listeners = config.iter().flat_map(|config| &config.listeners);
    listeners.any(|listener| {
        let tls = listener.server_tls.as_ref();
        let policy = tls.and_then(|tls| tls.policy());
        policy.is_some_and(|policy| outcome(policy, &file.chain, inventory.now).is_none())
    })
}

fn missing(
    inventory: &Inventory,
    file: &CertificateFile,
    issuer: &str,
    known: Option<&str>,
) -> Finding {
    let path = file.path.display();
    let message = format!("lacks the certificate of {issuer}, which issued its last one");
    let mut finding = finding(&LEAF_ALONE, inventory, file, message);
    finding.remedy.push(Remedy::Words(match known {
        Some(known) => {
            format!("Append the certificate of {issuer}, which is in {known}, to {path}")
        }
        None => format!(
            "Append the certificate of {issuer}, as the authority hands it out, to {path}; if {issuer} is an \
             authority of your own, order a certificate of a public one"
        ),
    }));
    finding
}

fn untrusted(inventory: &Inventory, file: &CertificateFile, message: String) -> Finding {
    let mut finding = finding(&UNKNOWN_AUTHORITY, inventory, file, message);
    let names = file.chain.first().map(names).unwrap_or_default();
    finding.remedy.push(Remedy::Words(format!(
        "Order a certificate of a public authority for {names}, and put it with its intermediates into {}",
        file.path.display()
    )));
    finding
}

fn finding(
    rule: &'static Rule,
    inventory: &Inventory,
    file: &CertificateFile,
    message: String,
) -> Finding {
    let written = inventory.relay.as_ref().map(|relay| &relay.written);
    let tenant = match file.purpose {
        Purpose::Identity(tenant) => written.and_then(|written| written.tenants.get(tenant)),
        Purpose::Listener(_) | Purpose::Client | Purpose::Authority | Purpose::Lab => None,
    };
    let named = tenant.and_then(|tenant| tenant.certificate.as_ref());
    Finding {
        rule,
        severity: rule.severity,
        tenant: tenant.and_then(|tenant| Some(tenant.name.as_ref()?.value.clone())),
        object: format!("certificate \"{}\"", file.path.display()),
        place: file
            .chain
            .first()
            .map(|leaf| leaf.place.clone())
            .unwrap_or_default(),
        message,
        related: named
            .map(|named| Related {
                place: place(&named.at),
                what: String::from("names this file"),
            })
            .into_iter()
            .collect(),
        remedy: Vec::new(),
        allowed: None,
    }
}

fn names(leaf: &Certificate) -> String {
    let names: Vec<String> = leaf.names.iter().map(shown).collect();
    listed(&names)
}

/// Where the certificates of a file lead.
pub(super) enum Way {
    /// To an authority that is trusted.
    Whole,
    /// Nowhere that can be told: the top is an authority that was not read, or something else is
    /// wrong with it.
    Open,
    /// A certificate above is missing.
    Missing {
        /// Who issued the last one of the file.
        issuer: String,
        /// The file that has its certificate.
        known: Option<String>,
    },
    /// To itself.
    SelfSigned,
    /// To an authority that is not trusted.
    Private {
        /// Its name.
        authority: String,
    },
}

/// Every certificate of an authority that was read, by its subject, and whom Exchange Online trusts.
pub(super) struct Authorities<'i> {
    now: Timestamp,
    policy: Option<ClientCertificatePolicy>,
    by_subject: HashMap<&'i str, (&'i Certificate, &'i CertificateFile)>,
}

impl<'i> Authorities<'i> {
    pub(super) fn of(inventory: &'i Inventory) -> Self {
        let mut by_subject = HashMap::new();
        for file in &inventory.certificates {
            for certificate in file.chain.iter().filter(|one| one.authority) {
                by_subject
                    .entry(certificate.subject.as_str())
                    .or_insert((certificate, file));
            }
        }
        let trust = inventory.trust.as_ref();
        Self {
            now: inventory.now,
            policy: trust.map(|trust| ClientCertificatePolicy::new(trust.clone())),
            by_subject,
        }
    }

    /// Where a file's certificates lead.
    pub(super) fn way(&self, file: &CertificateFile) -> Way {
        let (Some(leaf), Some(last)) = (file.chain.first(), file.chain.last()) else {
            return Way::Open;
        };
        if let Some(policy) = &self.policy {
            match outcome(policy, &file.chain, self.now) {
                None => return Way::Whole,
                Some(UntrustedReason::UnknownIssuer | UntrustedReason::SelfSigned) => {}
                // What else is wrong with it other rules say.
                Some(_) => return Way::Open,
            }
        }
        if leaf.self_issued {
            return Way::SelfSigned;
        }
        if last.self_issued {
            return match self.policy {
                Some(_) => Way::Private {
                    authority: last.subject.clone(),
                },
                None => Way::Open,
            };
        }
        match self.by_subject.get(last.issuer.as_str()) {
            // A root need not be sent, and one that is trusted would have been found.
            Some((root, _)) if root.self_issued => match self.policy {
                Some(_) => Way::Private {
                    authority: root.subject.clone(),
                },
                None => Way::Open,
            },
            Some((_, known)) => Way::Missing {
                issuer: last.issuer.clone(),
                known: Some(known.path.display().to_string()),
            },
            None if file.chain.len() == 1 => Way::Missing {
                issuer: last.issuer.clone(),
                known: None,
            },
            // Whoever sent intermediates sent them all: their root is nobody's that is known.
            None => match self.policy {
                Some(_) => Way::Private {
                    authority: last.issuer.clone(),
                },
                None => Way::Open,
            },
        }
    }
}

/// Why a chain does not lead to a trusted authority. It is judged as of a time when its leaf is valid,
/// the nearest to now: that it has expired says nothing about the way.
fn outcome(
    policy: &ClientCertificatePolicy,
    chain: &[Certificate],
    now: Timestamp,
) -> Option<UntrustedReason> {
    let leaf = chain.first()?;
    let presented = PresentedChain::from_der(chain.iter().map(|one| one.der.clone()));
    let valid = now.min(leaf.not_after).max(leaf.not_before);
    match policy.evaluate_at(&presented, SystemTime::from(valid)) {
        ClientCertificate::Verified(_) => None,
        ClientCertificate::Untrusted(untrusted) => Some(untrusted.reason),
        ClientCertificate::NotOffered | ClientCertificate::NotPresented => {
            Some(UntrustedReason::Malformed)
        }
    }
}
