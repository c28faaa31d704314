//! What any certificate can have wrong with it: its key, its signature, its usages, its end, the
//! certificates behind it.
//!
//! Looked at are those that the relay presents and those of clients; not authorities, and not the
//! lab's own.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tenantry_lab::world::{DomainName, Place, Wildcard};
use tenantry_net::Usage;
use tenantry_relay::config::Setting;

use super::names::object;
use super::table;
use super::view::{place, tenant_name};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{
    Certificate, CertificateFile, Inventory, KeyAlgorithm, KeyBeside, Order, Purpose,
    SignatureAlgorithm,
};
use crate::model::{Model, Origin};
use crate::rule::{Rule, Severity};
use crate::rules::chain::{Authorities, Way, trusted_by_listener};
use crate::rules::words::{day, left, listed, shown};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let inventory = model.inventory();
    let authorities = Authorities::of(inventory);
    // How long these last is EXO-L24's and EXO-L25's to say.
    let of_send_connectors: HashSet<usize> = model
        .routes()
        .iter()
        .filter(|route| match route.origin {
            Origin::SendConnector(number) => {
                let connector = inventory.send_connectors.get(number);
                connector.is_some_and(|connector| connector.value.enabled)
            }
            Origin::Relay(_) => false,
        })
        .filter_map(|route| route.certificate)
        .collect();
    let renewed = Renewed::of(inventory);
    for (number, file) in inventory.certificates.iter().enumerate() {
        let Some(subject) = Subject::of(inventory, file) else {
            continue;
        };
        mismatch(&subject, findings);
        order(&subject, findings);
        chain(&subject, &authorities, findings);
        usage(&subject, inventory, findings);
        key(&subject, findings);
        signature(&subject, findings);
        if !of_send_connectors.contains(&number) {
            expiry(&subject, &renewed, inventory.now, findings);
        }
    }
}

/// A certificate that somebody presents.
struct Subject<'a> {
    file: &'a CertificateFile,
    leaf: &'a Certificate,
    tenant: Option<&'a str>,
    /// Where the configuration names the certificate, and its key.
    named: Option<Place>,
    key: Option<Place>,
}

impl<'a> Subject<'a> {
    fn of(inventory: &'a Inventory, file: &'a CertificateFile) -> Option<Self> {
        let leaf = file.chain.first()?;
        let written = inventory.relay.as_ref().map(|relay| &relay.written);
        let at = |setting: &Option<Setting<std::path::PathBuf>>, section: &str, key: &str| {
            let setting = setting.as_ref()?;
            Some(place(&setting.at, format!("{section}.{key}")))
        };
        let mut subject = Self {
            file,
            leaf,
            tenant: None,
            named: None,
            key: None,
        };
        match file.purpose {
            Purpose::Authority | Purpose::Lab => return None,
            Purpose::Client => {}
            Purpose::Identity(tenant) => {
                if let Some(tenant) = written.and_then(|written| written.tenants.get(tenant)) {
                    let section = object(tenant_name(tenant));
                    subject.tenant = Some(tenant_name(tenant));
                    subject.named = at(&tenant.certificate, &section, "certificate");
                    subject.key = at(&tenant.key, &section, "key");
                }
            }
            Purpose::Listener(number) => {
                let mut listeners = written.map(|written| written.listeners.iter()).into_iter();
                if let Some(listener) = listeners.next().and_then(|mut all| all.nth(number)) {
                    let name = listener.name.as_ref().map(|name| name.value.clone());
                    let section = match name {
                        Some(name) => format!("listener {name:?}"),
                        None => format!("listener[{}]", number + 1),
                    };
                    subject.named = at(&listener.certificate, &section, "certificate");
                    subject.key = at(&listener.key, &section, "key");
                }
            }
        }
        Some(subject)
    }

    fn path(&self) -> String {
        self.file.path.display().to_string()
    }

    /// A finding about the file.
    fn finding(&self, rule: &'static Rule, severity: Severity, message: String) -> Finding {
        let related = self.named.iter().map(|named| Related {
            place: named.clone(),
            what: String::from("names this file"),
        });
        Finding {
            rule,
            severity,
            tenant: self.tenant.map(str::to_owned),
            object: format!("certificate \"{}\"", self.path()),
            place: self.leaf.place.clone(),
            message,
            related: related.collect(),
            remedy: Vec::new(),
            allowed: None,
        }
    }

    /// Its names, as an order for another one would have them.
    fn names(&self) -> String {
        let names: Vec<String> = self.leaf.names.iter().map(shown).collect();
        if names.is_empty() {
            return self.leaf.subject.clone();
        }
        listed(&names)
    }

    fn is_listeners(&self) -> bool {
        matches!(self.file.purpose, Purpose::Listener(_))
    }
}

/// A key that is another certificate's. Keys that cannot be used are what `check` tells.
fn mismatch(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let KeyBeside::Mismatch(path) = &subject.file.key else {
        return;
    };
    let message = if *path == subject.file.path {
        String::from("has a private key in its file that is not its own")
    } else {
        format!("has {} beside it, which is not its key", path.display())
    };
    let mut finding = subject.finding(&table::MISMATCH, table::MISMATCH.severity, message);
    if let Some(key) = &subject.key {
        finding.place = key.clone();
    }
    finding.remedy.push(Remedy::Words(format!(
        "Put the key that {} was made for into {}, or order a certificate for the key that is there",
        subject.path(),
        path.display()
    )));
    findings.push(finding);
}

/// Certificates that stand in front of what they issued. The relay refuses a file that does not begin
/// with the certificate of the key.
fn order(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let message = match subject.file.order {
        Order::InOrder => return,
        Order::LeafBehind => {
            "does not begin with its own certificate: an authority's stands in front of it"
        }
        Order::IssuersMixed => {
            "has its intermediates in the wrong order: one stands in front of what it issued"
        }
    };
    let presented = matches!(
        subject.file.purpose,
        Purpose::Identity(_) | Purpose::Listener(_)
    );
    let severity = match presented && subject.file.order == Order::LeafBehind {
        true => Severity::Error,
        false => table::CHAIN.severity,
    };
    let mut finding = subject.finding(&table::CHAIN, severity, String::from(message));
    if let Some(key) = &subject.key {
        finding.related.push(Related {
            place: key.clone(),
            what: String::from("names the key of that certificate"),
        });
    }
    let subjects: Vec<String> = subject
        .file
        .chain
        .iter()
        .map(|one| format!("{} (line {})", one.subject, one.place.line))
        .collect();
    finding.remedy.push(Remedy::Words(format!(
        "Put the certificates of {} into this order: {}",
        subject.path(),
        subjects.join(", ")
    )));
    findings.push(finding);
}

/// A listener's certificate, as its clients have to verify it.
fn chain(subject: &Subject<'_>, authorities: &Authorities<'_>, findings: &mut Vec<Finding>) {
    if !subject.is_listeners() {
        return;
    }
    let Way::Missing { issuer, known } = authorities.way(subject.file) else {
        return;
    };
    let message = format!("lacks the certificate of {issuer}, which issued its last one");
    let mut finding = subject.finding(&table::CHAIN, table::CHAIN.severity, message);
    finding.remedy.push(Remedy::Words(match &known {
        Some(known) => format!(
            "Append the certificate of {issuer}, which is in {known}, to {}",
            subject.path()
        ),
        None => format!(
            "Append the certificate of {issuer}, as the authority hands it out, to {}; if {issuer} is a root \
             that all clients have, name its file with --trust",
            subject.path()
        ),
    }));
    findings.push(finding);
}

/// Extended key usages without clientAuth. Public authorities have stopped to issue it, so that a
/// certificate for servers is what most will have; how Exchange Online sees it is not documented.
fn usage(subject: &Subject<'_>, inventory: &Inventory, findings: &mut Vec<Finding>) {
    if subject.is_listeners() || subject.leaf.client_auth != Some(false) {
        return;
    }
    let server = subject.leaf.server_auth == Some(true);
    let strict = inventory.relay.as_ref().is_some_and(|relay| {
        let config = relay.config.as_ref().ok();
        let mut listeners = config.iter().flat_map(|config| &config.listeners);
        listeners.any(|listener| {
            let tls = listener.server_tls.as_ref();
            tls.and_then(|tls| tls.policy())
                .is_some_and(|policy| policy.usage == Usage::ClientAuth)
        })
    });
    let client = subject.file.purpose == Purpose::Client;
    let believed = client && trusted_by_listener(inventory, subject.file);
    if server && believed && !strict {
        // It is for the relay, which takes it.
        return;
    }
    let (severity, message, remedy) = if !server {
        (
            Severity::Error,
            String::from("is neither for clients nor for servers, by its extended key usages"),
            "Order a certificate for TLS: with clientAuth, with serverAuth, or without extended key usages",
        )
    } else if client && strict {
        (
            Severity::Error,
            String::from(
                "is for servers alone, and a listener takes certificates with clientAuth alone",
            ),
            "Set certificate_usage = \"any-tls\" in that [[listener]], or order a certificate with clientAuth",
        )
    } else {
        (
            table::USAGE.severity,
            String::from("is for servers alone: its extended key usages have no clientAuth"),
            "Nothing, as long as mail goes through: public authorities issue no others any more; for a server that \
             insists on clientAuth, order a certificate of an authority that still issues it",
        )
    };
    let mut finding = subject.finding(&table::USAGE, severity, message);
    finding.remedy.push(Remedy::Words(String::from(remedy)));
    findings.push(finding);
}

fn key(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (severity, what) = match &subject.leaf.key {
        KeyAlgorithm::Rsa(bits) if *bits < LEAST_BITS => (
            Severity::Error,
            format!("an RSA key with {bits} bits, and less than {LEAST_BITS} are refused"),
        ),
        KeyAlgorithm::Rsa(bits) if *bits > MOST_BITS => (
            table::KEY.severity,
            format!("an RSA key with {bits} bits, and more than {MOST_BITS} are seldom verified"),
        ),
        KeyAlgorithm::Rsa(_) => return,
        KeyAlgorithm::Ecdsa(curve) if USUAL_CURVES.contains(&curve.as_str()) => return,
        KeyAlgorithm::Ecdsa(curve) => (
            table::KEY.severity,
            format!("an ECDSA key on {curve}, which many servers cannot verify"),
        ),
        KeyAlgorithm::Ed25519 => (
            table::KEY.severity,
            String::from("an Ed25519 key, which Windows cannot verify in TLS"),
        ),
        KeyAlgorithm::Other(name) => (
            table::KEY.severity,
            format!("a key of the kind {name}, which is not used in TLS any more"),
        ),
    };
    let message = format!("has {what}");
    let mut finding = subject.finding(&table::KEY, severity, message);
    finding.remedy.push(Remedy::Words(format!(
        "Make a new key, RSA with {LEAST_BITS} bits or ECDSA on P-256, and order a certificate for {} with it",
        subject.names()
    )));
    findings.push(finding);
}

/// The signature of the certificate or of an intermediate; nobody looks at a root's.
fn signature(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let chain = subject.file.chain.iter().enumerate();
    let mut weak = chain.filter(|(at, one)| (*at == 0 || !one.self_issued) && one.signature.weak);
    let Some((at, certificate)) = weak.next() else {
        return;
    };
    let SignatureAlgorithm { name, .. } = &certificate.signature;
    let message = match at {
        0 => format!("is signed with {name}"),
        _ => format!(
            "has an intermediate, {}, that is signed with {name}",
            certificate.subject
        ),
    };
    let mut finding = subject.finding(&table::SIGNATURE, table::SIGNATURE.severity, message);
    finding.place = certificate.place.clone();
    finding.remedy.push(Remedy::Words(format!(
        "Have the certificate for {} issued again, by an authority that signs with SHA-256",
        subject.names()
    )));
    findings.push(finding);
}

/// Certificates by their names, each with the one that lasts longest.
struct Renewed<'a>(HashMap<&'a [(Wildcard, DomainName)], &'a CertificateFile>);

impl<'a> Renewed<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let mut last: HashMap<_, &CertificateFile> = HashMap::new();
        for file in &inventory.certificates {
            if let (Some(leaf), Purpose::Client | Purpose::Identity(_)) =
                (file.chain.first(), &file.purpose)
            {
                let known = last.entry(leaf.names.as_slice()).or_insert(file);
                if end(known) < end(file) {
                    *known = file;
                }
            }
        }
        Self(last)
    }

    /// What has taken the place of a client's certificate, which may still lie beside it.
    fn instead(&self, subject: &Subject<'_>) -> Option<&'a CertificateFile> {
        let other = self.0.get(subject.leaf.names.as_slice())?;
        let client = subject.file.purpose == Purpose::Client;
        (client && end(other) > Some(subject.leaf.not_after)).then_some(*other)
    }
}

fn end(file: &CertificateFile) -> Option<Timestamp> {
    file.chain.first().map(|leaf| leaf.not_after)
}

fn expiry(
    subject: &Subject<'_>,
    renewed: &Renewed<'_>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let chain = subject.file.chain.iter().enumerate();
    let mut looked_at = chain.filter(|(at, one)| *at == 0 || !one.self_issued);
    let Some((_, first)) = looked_at.next() else {
        return;
    };
    let ends = looked_at.fold(first, |ends, (_, one)| {
        if one.not_after < ends.not_after {
            one
        } else {
            ends
        }
    });
    let path = subject.path();
    let Some((severity, message, remedy)) = judged(subject, ends, now) else {
        return;
    };
    let mut finding = subject.finding(&table::EXPIRY, severity, message);
    finding.place = ends.place.clone();
    if let Some(other) = renewed.instead(subject) {
        finding.severity = Severity::Info;
        finding
            .related
            .extend(other.chain.first().map(|leaf| Related {
                place: leaf.place.clone(),
                what: String::from("has the same names, and lasts longer"),
            }));
        finding.remedy.push(Remedy::Words(format!(
            "Remove {path} if nobody presents it any more"
        )));
    } else {
        finding.remedy.push(Remedy::Words(remedy));
    }
    findings.push(finding);
}

/// What is wrong with the validity of the one that ends first, how bad it is, and what to do.
fn judged(
    subject: &Subject<'_>,
    ends: &Certificate,
    now: Timestamp,
) -> Option<(Severity, String, String)> {
    let path = subject.path();
    if subject.leaf.not_before > now {
        let begins = day(subject.leaf.not_before);
        // One that nobody presents yet may well have been ordered ahead.
        let severity = match subject.file.purpose == Purpose::Client {
            true => Severity::Info,
            false => Severity::Error,
        };
        return Some((
            severity,
            format!("is not valid before {begins}"),
            format!("Use the certificate before it until {begins}, or check the clock"),
        ));
    }
    let (severity, left) = left(ends.not_after, now)?;
    let message = if std::ptr::eq(ends, subject.leaf) {
        left
    } else {
        format!("has an intermediate, {}, that {left}", ends.subject)
    };
    let names = subject.names();
    Some((
        severity,
        message,
        format!(
            "Order a certificate with the same names, {names}, and put it with its intermediates into {path}"
        ),
    ))
}

/// RFC 9325 section 4.5.
const LEAST_BITS: usize = 2048;
/// What path validation of the relay still verifies.
const MOST_BITS: usize = 8192;
const USUAL_CURVES: [&str; 2] = ["P-256", "P-384"];
