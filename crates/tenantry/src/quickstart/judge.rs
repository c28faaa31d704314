//! What became of a message, in words, and what is not as it should be.

use std::fmt::Write as _;

use tenantry_lab::attribution::Direction;
use tenantry_lab::journal::Record;
use tenantry_relay::telemetry::ClosedTransaction;
use tenantry_smtp::{Reply, Severity};

use super::cases::{Attributed, Case, Route, Verdict};
use super::client::Answers;

/// What is known of a message after it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    /// What the client heard.
    pub(super) answers: &'a Answers,
    /// The relay's decision; absent where it was not asked.
    pub(super) transaction: Option<&'a ClosedTransaction>,
    /// What the simulated Exchange Online wrote down; absent if nothing came there.
    pub(super) record: Option<&'a Record>,
    /// The tenant whose own certificate came with it.
    pub(super) identity: Option<&'a str>,
}

/// The relay's verdict.
pub(super) fn verdict(transaction: Option<&ClosedTransaction>) -> String {
    let Some(transaction) = transaction else {
        return "-".to_owned();
    };
    let mut words = match (&transaction.tenant, transaction.basis) {
        (Some(tenant), Some(basis)) if transaction.verdict == "tenant" => {
            format!("{tenant}\nby {basis}")
        }
        (Some(tenants), _) => format!("{}\n{tenants}", transaction.verdict),
        (None, _) => transaction.verdict.to_owned(),
    };
    if let Some(conflict) = &transaction.conflict {
        // Writing to a string cannot fail.
        let _ = write!(words, "\nsender {conflict}'s");
    }
    words
}

/// The certificate that came with the message.
pub(super) fn certificate(record: Option<&Record>) -> String {
    let seen = record.and_then(|record| record.session.certificate.as_ref());
    seen.map_or("-".to_owned(), |seen| seen.names.join("\n"))
}

/// Whose it is in Exchange Online, or how it was refused there.
pub(super) fn attributed(record: Option<&Record>) -> String {
    let Some(record) = record else {
        return "-".to_owned();
    };
    let mut words = match record.tenant() {
        Some(tenant) => {
            let (direction, basis) = (record.direction.as_str(), record.basis.as_str());
            format!("{}, {direction} by {basis}", tenant.name)
        }
        None => "nobody".to_owned(),
    };
    if let Some(connector) = record.connector() {
        let _ = write!(words, "\nconnector \"{}\"", connector.name);
    }
    if !record.accepted {
        let code: Vec<&str> = record.reply.split(' ').take(2).collect();
        let _ = write!(words, "\nrefused with {}", code.join(" "));
    }
    words
}

/// The answers: codes in one line, refusals with their text.
pub(super) fn replies(answers: &Answers) -> Vec<String> {
    let mut lines = Vec::new();
    let recipients = answers.recipients.iter().map(|reply| ("RCPT", reply));
    let message = answers.message.iter().map(|reply| ("message", reply));
    let mut taken = Vec::new();
    for (what, reply) in recipients.chain(message) {
        let code = match reply.enhanced() {
            Some(enhanced) => format!("{what} {} {enhanced}", reply.code()),
            None => format!("{what} {}", reply.code()),
        };
        if reply.severity() == Severity::Positive {
            taken.push(code);
        } else {
            lines.push(format!("{code} {}", reply.text()));
        }
    }
    if !taken.is_empty() {
        lines.insert(0, taken.join(", "));
    }
    lines
}

/// What is not as it should be.
pub(super) fn differences(case: &Case, evidence: Evidence<'_>) -> Vec<String> {
    let mut differences = Vec::new();
    let answers = evidence.answers;
    let answered: Vec<u16> = answers
        .recipients
        .iter()
        .chain(&answers.message)
        .map(Reply::code)
        .collect();
    if answered != case.replies {
        let wanted = case.replies;
        differences.push(format!("answered with {answered:?}, not {wanted:?}"));
    }
    match case.route {
        Route::Tenantry(verdict) => {
            differences.extend(decided(verdict, evidence.transaction));
            differences.extend(agreed(evidence));
        }
        Route::Straight(wanted) => differences.extend(judged(wanted, evidence.record)),
    }
    differences
}

/// The relay's decision against what it should be.
fn decided(wanted: Verdict, transaction: Option<&ClosedTransaction>) -> Vec<String> {
    let Some(transaction) = transaction else {
        return vec!["the relay was not asked".to_owned()];
    };
    let (verdict, tenant, basis, conflict) = match wanted {
        Verdict::Tenant {
            tenant,
            basis,
            conflict,
        } => ("tenant", Some(tenant), Some(basis), conflict),
        Verdict::Ambiguous => ("ambiguous", None, None, None),
        Verdict::Unattributed => ("unattributed", None, None, None),
    };
    let mut differences = Vec::new();
    if transaction.verdict != verdict {
        let found = transaction.verdict;
        differences.push(format!("the verdict is {found}, not {verdict}"));
    }
    if tenant.is_some() && (transaction.tenant.as_deref(), transaction.basis) != (tenant, basis) {
        let (tenant, basis) = (&transaction.tenant, transaction.basis);
        differences.push(format!("decided {tenant:?} by {basis:?}"));
    }
    if transaction.conflict.as_deref() != conflict {
        let found = &transaction.conflict;
        differences.push(format!("the conflict is {found:?}, not {conflict:?}"));
    }
    differences
}

/// The relay's verdict, the certificate, and Exchange Online's attribution: one tenant, or nobody and nothing.
fn agreed(evidence: Evidence<'_>) -> Vec<String> {
    let forwarded = evidence
        .transaction
        .filter(|transaction| transaction.verdict == "tenant")
        .and_then(|transaction| transaction.tenant.as_deref());
    let Some(tenant) = forwarded else {
        let unwanted = evidence.record.map(|record| attributed(Some(record)));
        let unwanted =
            unwanted.map(|what| format!("refused, and yet Exchange Online has it: {what}"));
        return unwanted.into_iter().collect();
    };
    let mut differences = Vec::new();
    if evidence.identity != Some(tenant) {
        let seen = evidence.identity.unwrap_or("nobody");
        differences.push(format!("the certificate is {seen}'s, not {tenant}'s"));
    }
    let there = evidence.record.filter(|record| record.accepted);
    let owner = there.and_then(Record::tenant);
    let originating = there.is_some_and(|record| record.direction == Direction::Originating);
    if owner.map(|owner| owner.name.as_str()) != Some(tenant) || !originating {
        let found = attributed(evidence.record).replace('\n', ", ");
        differences.push(format!("Tenantry says {tenant}, Exchange Online {found}"));
    }
    differences
}

/// Exchange Online's attribution of what came straight to it.
fn judged(wanted: Attributed, record: Option<&Record>) -> Option<String> {
    let found = record.map(|record| {
        let tenant = record.tenant().map(|tenant| tenant.name.as_str());
        (record.accepted, tenant, record.basis.as_str())
    });
    let wanted = match wanted {
        Attributed::To { tenant, basis } => (true, Some(tenant), basis),
        Attributed::ToNobody => (false, None, "none"),
    };
    (found != Some(wanted)).then(|| {
        let found = attributed(record).replace('\n', ", ");
        format!("Exchange Online: {found}, not {wanted:?}")
    })
}
