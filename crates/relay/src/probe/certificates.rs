//! The two certificates of a handshake in words: the upstream's, and ours.

use std::time::SystemTime;

use jiff::Timestamp;
use tenantry_net::{
    CertificateRequest, HandshakeSeen, NameVerdict, ServerCertificate, UntrustedReason,
};

use super::failure::Failure;
use super::report::{
    ClientCertificateFacts, Facts, Fault, PresentedCertificate, ServerCertificateFacts, Step,
    StepName,
};
use crate::config::Tenant;

/// The step `server-certificate`.
pub(super) fn server(seen: &HandshakeSeen, failure: Option<&Failure>, now: SystemTime) -> Step {
    let step = Step::new(StepName::ServerCertificate);
    let step = match failure.filter(|failure| failure.step == StepName::ServerCertificate) {
        Some(failure) => {
            let summary = refused(seen, now).unwrap_or_else(|| failure.summary.clone());
            step.failed(summary, failure.fault, failure.remedy)
        }
        None if seen.chain_length == 0 => {
            return step.skipped("the upstream showed no certificate");
        }
        None if seen.path.is_none() => step.warning(
            unverified(seen),
            Fault::Local,
            "set upstream_trust to the authority of the upstream, and remove upstream_verify",
        ),
        None => good(step, seen, now),
    };
    step.with(Facts::ServerCertificate(Box::new(server_facts(seen))))
}

/// The step `client-certificate`.
pub(super) fn client(
    seen: &HandshakeSeen,
    tenant: &Tenant,
    presented: bool,
    failure: Option<&Failure>,
) -> Step {
    let step = Step::new(StepName::ClientCertificate);
    let required = tenant.require_certificate_request == CertificateRequest::Required;
    let facts = client_facts(seen, required, presented);
    let step = match failure.filter(|failure| failure.step == StepName::ClientCertificate) {
        Some(failure) => step.failed(failure.summary.clone(), failure.fault, failure.remedy),
        None => match facts.requested {
            None => return step.skipped("the handshake did not come so far"),
            Some(false) => step.warning(
                "the upstream did not ask for our certificate",
                Fault::Upstream,
                "without it Exchange Online cannot tell the tenant by certificate; set require_certificate_request = true if it has to ask",
            ),
            Some(true) if !presented && seen.agreed.is_none() => {
                let named = named(&facts);
                step.skipped(&format!("asked for{named}, but the handshake ended before it was sent"))
            }
            Some(true) if !presented => step.warning(
                "asked for, but not sent: the upstream takes no signature that our key can make",
                Fault::Local,
                "use a key of another kind (RSA 2048 or ECDSA P-256)",
            ),
            Some(true) => offered(step, &facts, tenant),
        },
    };
    step.with(Facts::ClientCertificate(Box::new(facts)))
}

/// Asked for and sent: fine, unless the upstream names authorities and ours is not among them.
fn offered(step: Step, facts: &ClientCertificateFacts, tenant: &Tenant) -> Step {
    let identity = &tenant.identity;
    let names = identity.names().join(", ");
    let all_shown = facts.authorities.len() == facts.authorities_named;
    let ours = identity.issuers();
    let known = facts.authorities.iter().any(|named| ours.contains(named));
    let named = named(facts);
    if facts.authorities.is_empty() || known || !all_shown {
        return step.ok(format!("asked for{named}, and sent: {names}"));
    }
    step.warning(
        format!(
            "asked for{named}, and sent: {names}, of {}, whom it does not name",
            identity.issuer()
        ),
        Fault::Local,
        "the server may treat our certificate as none: present one of an authority that it names",
    )
}

/// The authorities that an upstream names, as the middle of a sentence.
fn named(facts: &ClientCertificateFacts) -> String {
    match facts.authorities_named {
        0 => String::from(" (it names no authorities)"),
        1 => format!(" (it names the authority {})", facts.authorities.join("")),
        many => format!(" (it names {many} authorities)"),
    }
}

fn good(step: Step, seen: &HandshakeSeen, now: SystemTime) -> Step {
    let Some(leaf) = seen.chain.first() else {
        return step.ok("chain and name verify");
    };
    let (issuer, expiry) = (&leaf.summary.issuer, leaf.summary.not_after);
    let summary = format!(
        "chain and name verify: for {}, by {issuer}, until {}",
        asked(seen),
        day(expiry)
    );
    let left = expiry.duration_since(now).unwrap_or_default();
    if left.as_secs() < SOON_DAYS * 86_400 {
        let summary = format!("{summary}: {} days left", left.as_secs() / 86_400);
        let remedy = "the server's operator has to renew it, or this upstream stops working";
        return step.warning(summary, Fault::Upstream, remedy);
    }
    step.ok(summary)
}

/// Why a certificate is refused, with what it has.
fn refused(seen: &HandshakeSeen, now: SystemTime) -> Option<String> {
    let leaf = seen.chain.first()?;
    let mut words = match seen.path {
        Some(Err(reason)) => chain_problem(reason, leaf, seen, now),
        Some(Ok(())) | None => String::new(),
    };
    if seen.name == Some(NameVerdict::Differs) {
        if !words.is_empty() {
            words.push_str("; and ");
        }
        words.push_str(&name_problem(leaf, seen));
    }
    Some(words).filter(|words| !words.is_empty())
}

fn chain_problem(
    reason: UntrustedReason,
    leaf: &ServerCertificate,
    seen: &HandshakeSeen,
    now: SystemTime,
) -> String {
    let (subject, issuer) = (&leaf.summary.subject, &leaf.summary.issuer);
    match reason {
        UntrustedReason::SelfSigned => format!("the certificate ({subject}) is self-signed"),
        UntrustedReason::Expired => match past(seen, now) {
            Some(past) => format!(
                "the certificate {} expired on {}",
                past.summary.subject,
                day(past.summary.not_after)
            ),
            None => format!("the certificate's chain has expired ({subject}, by {issuer})"),
        },
        UntrustedReason::NotYetValid => format!(
            "the certificate ({subject}) is not valid before {}",
            day(leaf.summary.not_before)
        ),
        UntrustedReason::UnknownIssuer => {
            let sent = match seen.chain_length {
                1 => String::from("it was sent alone, so an intermediate may be missing"),
                several => format!(
                    "{several} certificates were sent, up to {}",
                    last_issuer(seen)
                ),
            };
            format!(
                "the certificate ({subject}) is of {issuer}, which leads to no authority that is trusted here; {sent}"
            )
        }
        UntrustedReason::BadSignature => format!(
            "the certificate ({subject}) is not signed by the {issuer} that is trusted here: another authority of that name?"
        ),
        UntrustedReason::Revoked
        | UntrustedReason::RevocationUnknown
        | UntrustedReason::RevocationListExpired
        | UntrustedReason::Usage
        | UntrustedReason::NameConstraint
        | UntrustedReason::Pin
        | UntrustedReason::Malformed
        | UntrustedReason::TooManyNames
        | UntrustedReason::UnsupportedKey
        | UntrustedReason::Other => {
            format!("the certificate ({subject}, by {issuer}) is not trusted: {reason}")
        }
    }
}

fn name_problem(leaf: &ServerCertificate, seen: &HandshakeSeen) -> String {
    let asked = asked(seen);
    if leaf.common_name_only {
        let names = leaf.summary.names.join(", ");
        return format!(
            "it has no alternative names, only the common name {names}, which does not count (RFC 9525): it is not for {asked}"
        );
    }
    let addresses = leaf.addresses.iter().map(ToString::to_string);
    let names: Vec<String> = leaf
        .summary
        .names
        .iter()
        .cloned()
        .chain(addresses)
        .collect();
    let shown: Vec<&str> = names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let wildcard = if names.iter().any(|name| name.starts_with("*.")) {
        " (a wildcard stands for exactly one label)"
    } else {
        ""
    };
    match names.is_empty() {
        true => format!("it is for no host name and no address, so not for {asked}"),
        false => format!(
            "it is for {}{more}, not for {asked}{wildcard}",
            shown.join(", ")
        ),
    }
}

fn unverified(seen: &HandshakeSeen) -> String {
    let subject = seen.chain.first().map_or("", |leaf| &leaf.summary.subject);
    format!("not verified, as configured (upstream_verify): {subject}")
}

fn server_facts(seen: &HandshakeSeen) -> ServerCertificateFacts {
    ServerCertificateFacts {
        asked_name: seen.asked_name.clone(),
        chain_verifies: seen.path.map(|path| path.is_ok()),
        problem: seen.path.and_then(Result::err).map(UntrustedReason::as_str),
        name_matches: seen.name.map(|name| name == NameVerdict::Matches),
        chain_length: seen.chain_length,
        chain: seen.chain.iter().map(presented).collect(),
    }
}

fn presented(certificate: &ServerCertificate) -> PresentedCertificate {
    let summary = &certificate.summary;
    PresentedCertificate {
        subject: summary.subject.clone(),
        issuer: summary.issuer.clone(),
        names: summary.names.clone(),
        addresses: certificate
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect(),
        common_name_only: certificate.common_name_only,
        not_before: summary.not_before,
        not_after: summary.not_after,
        fingerprint: summary.fingerprint.to_string(),
    }
}

fn client_facts(seen: &HandshakeSeen, required: bool, presented: bool) -> ClientCertificateFacts {
    let request = seen.request.as_ref();
    // Before the upstream's certificate was judged, a request may still have been to come.
    let so_far = seen.agreed.is_some() || seen.name.is_some();
    ClientCertificateFacts {
        requested: request.map(|_| true).or(so_far.then_some(false)),
        required,
        presented,
        authorities: request
            .map(|request| request.authorities.clone())
            .unwrap_or_default(),
        authorities_named: request.map_or(0, |request| request.named),
    }
}

fn past(seen: &HandshakeSeen, now: SystemTime) -> Option<&ServerCertificate> {
    seen.chain
        .iter()
        .find(|certificate| certificate.summary.not_after < now)
}

fn last_issuer(seen: &HandshakeSeen) -> &str {
    seen.chain.last().map_or("", |last| &last.summary.issuer)
}

fn asked(seen: &HandshakeSeen) -> &str {
    seen.asked_name.as_deref().unwrap_or("the upstream's name")
}

fn day(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| String::from("an unknown day"),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// Names of a certificate that a sentence has room for.
const SHOWN_NAMES: usize = 8;
/// Days before the end of the upstream's certificate that are worth a warning.
const SOON_DAYS: u64 = 14;
