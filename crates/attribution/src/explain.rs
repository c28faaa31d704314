//! The decision in words, for people: what was looked at, what was found, and why the losers lost.

use crate::attribution::{Attribution, Basis, Fate, Found, Step, StepOutcome, Verdict};
use crate::directory::{Claim, Directory};
use crate::evidence::{
    CertificateEvidence, Evidence, RecipientEvidence, SenderEvidence, SessionEvidence,
};

/// Says each step of a decision in words, one line each, and the verdict last.
#[must_use]
pub fn explain(
    directory: &Directory,
    evidence: &Evidence,
    attribution: &Attribution,
) -> Vec<String> {
    let mut lines = vec![peers(directory, &evidence.session.under(directory))];
    for step in &attribution.steps {
        lines.push(headline(step));
        lines.extend(details(directory, evidence, step));
    }
    lines.extend(outcomes(evidence, attribution));
    lines.push(conclusion(directory, attribution));
    lines
}

fn peers(directory: &Directory, session: &SessionEvidence) -> String {
    let address = session.address();
    let names: Vec<&str> = session
        .peers()
        .ids()
        .iter()
        .map(|id| directory.peer_name(*id))
        .collect();
    if names.is_empty() {
        match address.is_unspecified() {
            true => "client of no known address is no configured peer".to_owned(),
            false => format!("client {address} is no configured peer"),
        }
    } else {
        format!("client {address} is peer {}", names.join(", "))
    }
}

fn headline(step: &Step) -> String {
    format!(
        "{}: {} ({})",
        step.step.as_str(),
        step.outcome.as_str(),
        step.reason.as_str()
    )
}

fn details(directory: &Directory, evidence: &Evidence, step: &Step) -> Vec<String> {
    match (step.step, step.outcome) {
        (Basis::Sender | Basis::Recipient, StepOutcome::Skipped) if step.found.is_empty() => {
            Vec::new()
        }
        (Basis::Certificate, _) => certificate(directory, evidence, step),
        (Basis::Sender, _) => sender(directory, evidence, step),
        (Basis::Recipient, _) => recipients(directory, evidence, step),
    }
}

fn certificate(directory: &Directory, evidence: &Evidence, step: &Step) -> Vec<String> {
    match evidence.session.certificate() {
        CertificateEvidence::Absent(reason) => {
            vec![format!("  no certificate counts: {}", reason.as_str())]
        }
        CertificateEvidence::Verified(names) => names
            .iter()
            .zip(0u32..)
            .map(|(name, position)| {
                let claims = directory.claims_on_certificate_name(name);
                looked_up(
                    directory,
                    &format!("name {name}"),
                    &claims,
                    at(step, position),
                )
            })
            .collect(),
    }
}

fn sender(directory: &Directory, evidence: &Evidence, step: &Step) -> Vec<String> {
    let line = match &evidence.sender {
        SenderEvidence::Null => "  the sender is <>, which has no domain".to_owned(),
        SenderEvidence::Literal => {
            "  the sender is an address literal, which has no domain".to_owned()
        }
        SenderEvidence::NoDomain(error) => format!("  the sender has no usable domain: {error}"),
        SenderEvidence::Domain(domain) => {
            let claims = directory.claims(Basis::Sender, domain);
            looked_up(directory, &format!("domain {domain}"), &claims, at(step, 0))
        }
    };
    vec![line]
}

fn recipients(directory: &Directory, evidence: &Evidence, step: &Step) -> Vec<String> {
    let line = |(recipient, position): (&RecipientEvidence, u32)| match recipient {
        RecipientEvidence::Literal => format!("  recipient {} is an address literal", position + 1),
        RecipientEvidence::NoDomain(error) => {
            format!("  recipient {} has no usable domain: {error}", position + 1)
        }
        RecipientEvidence::Domain(domain) => {
            let claims = directory.claims(Basis::Recipient, domain);
            looked_up(
                directory,
                &format!("domain {domain}"),
                &claims,
                at(step, position),
            )
        }
    };
    evidence.recipients.iter().zip(0u32..).map(line).collect()
}

fn at(step: &Step, position: u32) -> Option<&Found> {
    step.found.iter().find(|found| found.position == position)
}

/// One name, its owner, what became of it, and the wider claims that lost to the best one.
fn looked_up(directory: &Directory, what: &str, claims: &[Claim], found: Option<&Found>) -> String {
    let Some((best, wider)) = claims.split_first() else {
        return format!("  {what}: no tenant claims it");
    };
    let owner = directory.tenant_name(best.tenant);
    let mut line = format!("  {what}: {owner} by {}", best.pattern);
    if let Some(found) = found {
        line.push_str("; ");
        line.push_str(fate(found.fate));
    }
    for claim in wider {
        line.push_str(&format!(
            "; {} of {} is wider and loses",
            claim.pattern,
            directory.tenant_name(claim.tenant)
        ));
    }
    line
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Won => "it counts",
        Fate::Ambiguous => "it does not count, because another name belongs to another tenant",
        Fate::UnknownPeer => "it does not count, because the client is no configured peer",
        Fate::NotAuthorised => "it does not count, because this peer may not send for that tenant",
        Fate::Overruled => "it does not count, because the certificate decided for another tenant",
        Fate::OtherTenant => {
            "another tenant than the recipient before, so it must come in a transaction of its own"
        }
    }
}

fn outcomes(evidence: &Evidence, attribution: &Attribution) -> Vec<String> {
    let name = |recipient: &RecipientEvidence| match recipient {
        RecipientEvidence::Literal => "address literal".to_owned(),
        RecipientEvidence::NoDomain(_) => "no domain".to_owned(),
        RecipientEvidence::Domain(domain) => domain.to_string(),
    };
    (1..)
        .zip(evidence.recipients.iter().zip(&attribution.recipients))
        .map(
            |(number, (recipient, outcome)): (usize, _)| match outcome.reason() {
                Some(reason) => format!(
                    "recipient {number} ({}): {} ({reason})",
                    name(recipient),
                    outcome.as_str()
                ),
                None => format!(
                    "recipient {number} ({}): {}",
                    name(recipient),
                    outcome.as_str()
                ),
            },
        )
        .collect()
}

fn conclusion(directory: &Directory, attribution: &Attribution) -> String {
    let verdict = match &attribution.verdict {
        Verdict::Tenant { id, basis } => {
            format!(
                "verdict: tenant {} by {}",
                directory.tenant_name(*id),
                basis.as_str()
            )
        }
        Verdict::Ambiguous { basis, tenants } => {
            let names: Vec<&str> = tenants
                .iter()
                .map(|id| directory.tenant_name(*id))
                .collect();
            format!(
                "verdict: ambiguous by {}: {}",
                basis.as_str(),
                names.join(", ")
            )
        }
        Verdict::Unattributed => "verdict: unattributed".to_owned(),
    };
    match attribution.conflict {
        Some(conflict) => {
            format!(
                "{verdict}; conflict: the sender belongs to {}",
                directory.tenant_name(conflict.sender_tenant)
            )
        }
        None => verdict,
    }
}
