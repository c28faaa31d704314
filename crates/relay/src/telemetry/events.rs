//! Every event of the relay, once: the log line and whatever is counted with it.
//!
//! Field names are the same everywhere: `session txn listener peer tls_version tls_cipher cert_name no_cert
//! mail_from_domain rcpt_domains rcpts tenant basis verdict upstream identity reply bytes elapsed_ms fault error`, and
//! with a shadow `shadow_verdict shadow_tenant shadow_basis shadow_differs`. `replay` reads closing lines back:
//! `listener peer cert_name no_cert mail_from_domain rcpt_domains rcpts` are all that a decision takes.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use tenantry_attribution::Attribution;
use tenantry_net::{ClientCertificate, Fingerprint, TlsFacts};
use tenantry_smtp::{ForwardPath, ReversePath, State};
use tokio::sync::broadcast;
use tracing::{debug, error, info, trace, warn};

use super::counters::{Counters, ShadowCount};
use super::decided::Decided;
use super::observed::ClosedTransaction;
use super::shown::{Shown, listed, without_local_parts};
use crate::compare::Ruled;
use crate::config::{AddressLogging, Config};
use crate::reply::Fault;
use crate::route::Target;
use crate::session::End;
use crate::upstream::error::UpstreamError;
use crate::upstream::key::PoolKey;

/// What a session's closing line says.
#[derive(Debug)]
pub(crate) struct SessionLine<'a> {
    pub(crate) session: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: Option<&'a TlsFacts>,
    pub(crate) certificate: Option<&'a ClientCertificate>,
    pub(crate) helo: &'a str,
    pub(crate) transactions: u64,
    pub(crate) messages: u64,
    pub(crate) elapsed: Duration,
    pub(crate) end: End,
}

/// What a transaction's closing line says.
#[derive(Debug)]
pub(crate) struct TransactionLine<'a> {
    pub(crate) session: &'a str,
    pub(crate) transaction: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: Option<&'a TlsFacts>,
    pub(crate) certificate: Option<&'a ClientCertificate>,
    pub(crate) config: &'a Config,
    pub(crate) sender: &'a ReversePath,
    pub(crate) recipients: &'a [ForwardPath],
    /// How many the upstream accepted.
    pub(crate) accepted: usize,
    /// The certificate that the upstream saw.
    pub(crate) identity: Option<Fingerprint>,
    pub(crate) attribution: &'a Attribution,
    /// What the shadow decided.
    pub(crate) shadow: Option<Ruled<'a>>,
    pub(crate) target: Option<&'a Target>,
    pub(crate) reply: Option<u16>,
    pub(crate) octets: u64,
    pub(crate) removed: usize,
    pub(crate) elapsed: Duration,
    pub(crate) fault: Option<(Fault, &'a str)>,
}

/// A session ended.
pub(crate) fn session_closed(line: &SessionLine<'_>) {
    info!(
        session = line.session,
        listener = line.listener,
        peer = %line.peer,
        tls_version = line.tls.map(|tls| tls.version),
        tls_cipher = line.tls.map(|tls| tls.cipher),
        cert_name = certificate_names(line.certificate),
        no_cert = no_certificate(line.certificate),
        helo = Shown(line.helo).to_string(),
        transactions = line.transactions,
        messages = line.messages,
        elapsed_ms = milliseconds(line.elapsed),
        end = line.end.to_string(),
        "session closed"
    );
}

/// A transaction ended, well or badly.
pub(crate) fn transaction_closed(
    line: &TransactionLine<'_>,
    observers: &broadcast::Sender<ClosedTransaction>,
    counters: &Counters,
) {
    let decided = Decided::of(line, counters);
    if observers.receiver_count() > 0 {
        // Nobody is left to hear it if the last receiver went just now.
        let _ = observers.send(decided.observed(line));
    }
    if tracing::enabled!(tracing::Level::INFO) {
        log_transaction(line, &decided);
    }
}

fn log_transaction(line: &TransactionLine<'_>, decided: &Decided<'_>) {
    let full = line.config.log.addresses == AddressLogging::Full;
    info!(
        session = line.session,
        txn = line.transaction,
        listener = line.listener,
        peer = %line.peer,
        tls_version = line.tls.map(|tls| tls.version),
        tls_cipher = line.tls.map(|tls| tls.cipher),
        cert_name = certificate_names(line.certificate),
        no_cert = no_certificate(line.certificate),
        mail_from = full.then(|| Shown(line.sender.as_str()).to_string()),
        rcpt_to = full.then(|| recipients(line.recipients)),
        mail_from_domain = Shown(line.sender.mailbox().map_or("", |mailbox| mailbox.domain())).to_string(),
        rcpt_domains = domains(line.recipients),
        rcpts = line.recipients.len(),
        rcpts_accepted = line.accepted,
        tenant = decided.one_tenant(),
        tenants = decided.several_tenants(),
        basis = decided.basis,
        verdict = decided.verdict,
        conflict = decided.conflict,
        conflicts = decided.conflicts,
        shadow_verdict = decided.shadow.as_ref().map(|shadow| shadow.verdict),
        shadow_tenant = decided.shadow.as_ref().and_then(|shadow| shadow.tenant.as_deref()),
        shadow_basis = decided.shadow.as_ref().and_then(|shadow| shadow.basis),
        shadow_differs = decided.shadow_differs(),
        reasons = decided.reasons().join(","),
        upstream = line.target.map(|target| &*target.key.upstream),
        identity = line.identity.map(|identity| identity.to_string()),
        reply = line.reply,
        bytes = line.octets,
        headers_removed = (line.removed > 0).then_some(line.removed),
        elapsed_ms = milliseconds(line.elapsed),
        fault = line.fault.map(|(fault, _error)| fault.as_str()),
        error = line.fault.map(|(_fault, error)| match full {
            true => Shown(error).to_string(),
            false => Shown(&without_local_parts(error)).to_string(),
        }),
        "{TRANSACTION_CLOSED}"
    );
}

/// Counters since the start, those that have changed since this was last called.
pub(crate) fn counted(counters: &Counters) {
    let (pairs, others) = counters.tell_conflicts();
    for count in pairs {
        let (certificate_tenant, sender_tenant, conflicts) = (
            &*count.certificate_tenant,
            &*count.sender_tenant,
            count.transactions,
        );
        info!(
            certificate_tenant,
            sender_tenant, conflicts, "conflicts since the start"
        );
    }
    if let Some(conflicts) = others {
        info!(conflicts, "conflicts since the start, of all further pairs");
    }
    if let Some(ShadowCount { decided, different }) = counters.tell_shadow() {
        info!(decided, different, "shadow decisions since the start");
    }
}

/// A client's TLS handshake failed.
pub(crate) fn handshake_failed(session: &str, listener: &str, peer: SocketAddr, error: &str) {
    warn!(session, listener, %peer, fault = Fault::Client.as_str(), error = Shown(error).to_string(), "handshake failed");
}

/// A tenant's upstream could not be used. What no retry will cure, somebody has to look at.
pub(crate) fn upstream_failed(key: &PoolKey, failure: &UpstreamError) {
    let (tenant, upstream, identity) = (&*key.tenant, &*key.upstream, key.identity.to_string());
    let fault = failure.fault().as_str();
    let text = failure.to_string();
    let error = Shown(&without_local_parts(&text)).to_string();
    if failure.needs_an_operator() {
        error!(tenant, upstream, identity, fault, error, "upstream failed");
    } else {
        warn!(tenant, upstream, identity, fault, error, "upstream failed");
    }
}

/// An upstream did not ask for our certificate, so that it cannot know whose mail it gets.
pub(crate) fn certificate_not_asked(key: &PoolKey) {
    let (tenant, upstream) = (&*key.tenant, &*key.upstream);
    let fault = Fault::Upstream.as_str();
    let error = "the upstream did not ask for our certificate";
    warn!(tenant, upstream, fault, error, "identity not presented");
}

/// A command that the protocol let through.
pub(crate) fn command(session: &str, verb: &'static str) {
    debug!(session, verb, "command");
}

/// The answer to the oldest command, and what it did to the session.
pub(crate) fn answered(session: &str, reply: u16, from: State, to: State) {
    debug!(session, reply, "answer");
    if from != to {
        trace!(session, from = from.as_str(), to = to.as_str(), "state");
    }
}

/// A connection was turned away before it became a session.
pub(crate) fn connection_refused(listener: &str, peer: SocketAddr, why: &str) {
    warn!(listener, %peer, fault = Fault::Client.as_str(), error = why, "connection refused");
}

/// A session panicked; the others go on.
pub(crate) fn session_panicked(listener: &str, peer: SocketAddr, message: &str) {
    error!(listener, %peer, fault = Fault::Local.as_str(), error = Shown(message).to_string(), "session panicked");
}

/// A listener is ready.
pub(crate) fn listening(listener: &str, address: SocketAddr) {
    info!(listener, %address, "listening");
}

/// A new configuration is in force.
pub(crate) fn reloaded(config: &Config) {
    let (tenants, peers) = (config.tenants.len(), config.peers.len());
    let listeners = config.listeners.len();
    let shadow = config.shadow.as_ref().map(|shadow| shadow.path.display());
    let shadow = shadow.map(tracing::field::display);
    info!(tenants, peers, listeners, shadow, "configuration reloaded");
}

/// Another configuration decides beside the one that acts.
pub(crate) fn shadowing(shadow: &Config) {
    info!(shadow = %shadow.path.display(), tenants = shadow.tenants.len(), "shadow decides beside");
}

/// The relay stops.
pub(crate) fn stopping(sessions: usize, drain: Duration) {
    info!(sessions, drain_ms = milliseconds(drain), "stopping");
}

/// The relay has stopped.
pub(crate) fn stopped(cut_off: usize) {
    info!(cut_off, "stopped");
}

fn certificate_names(certificate: Option<&ClientCertificate>) -> Option<String> {
    match certificate? {
        ClientCertificate::Verified(verified) => {
            Some(listed(verified.names().iter().map(String::as_str)))
        }
        ClientCertificate::Untrusted(_)
        | ClientCertificate::NotOffered
        | ClientCertificate::NotPresented => None,
    }
}

fn no_certificate(certificate: Option<&ClientCertificate>) -> Option<&'static str> {
    match certificate {
        None | Some(ClientCertificate::NotOffered) => Some("not-offered"),
        Some(ClientCertificate::NotPresented) => Some("not-presented"),
        Some(ClientCertificate::Untrusted(untrusted)) => Some(untrusted.reason.as_str()),
        Some(ClientCertificate::Verified(_)) => None,
    }
}

/// The recipients' domains, each once, in the order of the envelope.
fn domains(recipients: &[ForwardPath]) -> String {
    let mut seen = HashSet::new();
    let domains = recipients
        .iter()
        .map(|recipient| recipient.mailbox().map_or("", |mailbox| mailbox.domain()));
    listed(domains.filter(|domain| seen.insert(*domain)))
}

fn recipients(recipients: &[ForwardPath]) -> String {
    let shown: Vec<&str> = recipients
        .iter()
        .take(NAMES)
        .map(ForwardPath::as_str)
        .collect();
    Shown(&shown.join(",")).to_string()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the closing line of a transaction says of itself.
pub(crate) const TRANSACTION_CLOSED: &str = "transaction closed";

/// Full addresses of one line.
const NAMES: usize = 10;
