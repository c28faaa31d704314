//! One MAIL..DATA: the envelope, the decision about it, and the upstream transaction that it became.

use std::sync::Arc;

use tenantry_attribution::{Decision, RecipientEvidence, RecipientOutcome, SessionEvidence};
use tenantry_smtp::{ForwardPath, Mail, Rcpt, Reply, Severity};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::{End, Session};
use crate::evidence;
use crate::relay::Shared;
use crate::reply::{Answer, Fault};
use crate::shadow::{Shadow, ShadowSession};
use crate::snapshot::Snapshot;
use crate::telemetry::events::{self, TransactionLine};
use crate::upstream::error::UpstreamError;
use crate::upstream::exchange::{Exchange, Then};

/// One message as far as it has come.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: String,
    snapshot: Arc<Snapshot>,
    pub(super) mail: Mail,
    decision: Decision,
    shadow: Option<Box<Shadow>>,
    recipients: Vec<ForwardPath>,
    pub(super) exchange: Option<Exchange>,
    pub(super) delivery: Option<Delivery>,
    began: Instant,
    /// The code of the last answer that mattered.
    reply: Option<u16>,
    fault: Option<(Fault, String)>,
    /// Header fields that the firewall removed.
    pub(super) removed: usize,
    /// Recipients that the upstream accepted.
    accepted: usize,
}

impl Transaction {
    /// Opens a transaction: certificate and sender are asked at once, and the shadow is, too.
    pub(super) fn new(
        id: String,
        snapshot: &Arc<Snapshot>,
        (session, shadow): (&SessionEvidence, Option<&Arc<ShadowSession>>),
        mail: Mail,
    ) -> Self {
        let sender = evidence::sender(&mail.path);
        let config = &snapshot.config;
        Transaction {
            id,
            decision: Decision::open(&config.directory, session, &sender),
            shadow: Shadow::open(config, shadow, &sender),
            snapshot: Arc::clone(snapshot),
            mail,
            recipients: Vec::new(),
            exchange: None,
            delivery: None,
            began: Instant::now(),
            reply: None,
            fault: None,
            removed: 0,
            accepted: 0,
        }
    }

    /// Asks whether this recipient is accepted.
    pub(super) fn decide(
        &mut self,
        session: &SessionEvidence,
        recipient: &RecipientEvidence,
        path: &ForwardPath,
    ) -> RecipientOutcome {
        self.recipients.push(path.clone());
        if let Some(shadow) = &mut self.shadow {
            shadow.recipient(&self.snapshot.config, recipient);
        }
        self.decision
            .recipient(&self.snapshot.config.directory, session, recipient)
    }

    /// Hands recipients to the upstream of the tenant that was decided.
    pub(super) async fn ask(
        &mut self,
        shared: &Shared,
        asked: &[Rcpt],
        then: Then,
    ) -> Result<Vec<Reply>, UpstreamError> {
        if self.exchange.is_none() {
            let route = self
                .decision
                .tenant()
                .and_then(|(tenant, _basis)| self.snapshot.route(tenant));
            // A recipient was accepted, so there is a tenant, and each tenant has a route.
            let route = route.ok_or(UpstreamError::WrongIdentity)?;
            let timeouts = Arc::clone(&self.snapshot.timeouts);
            self.exchange = Some(Exchange::new(
                Arc::clone(route),
                timeouts,
                Arc::clone(&shared.instance),
            ));
        }
        let Some(exchange) = &mut self.exchange else {
            return Err(UpstreamError::Busy);
        };
        let result = exchange.recipients(&self.mail, asked, then).await;
        if let Err(error) = &result {
            self.blame(error.fault(), error.to_string());
        }
        result
    }

    /// Takes note of the upstream's answers about recipients.
    pub(super) fn upstream_answered(&mut self, replies: &[Reply]) {
        for reply in replies {
            if reply.severity() == Severity::Positive {
                self.accepted += 1;
            } else {
                let (code, text) = (reply.code(), reply.text());
                let error = format!("the upstream refused a recipient: {code} {text}");
                self.blame(Fault::Upstream, error);
            }
        }
    }

    /// Remembers the answer for the closing line.
    pub(super) fn note_reply(&mut self, reply: &Reply) {
        self.reply = Some(reply.code());
    }

    /// Remembers what went wrong first.
    pub(super) fn blame(&mut self, fault: Fault, error: String) {
        self.fault.get_or_insert((fault, error));
    }

    /// Whether content may come, or why not.
    pub(super) fn may_send(&self, accepted: u32) -> Result<(), Reply> {
        let Some(exchange) = &self.exchange else {
            return Err(Answer::NoRecipients.reply());
        };
        if let Some(error) = exchange.failure() {
            return Err(crate::reply::to_upstream_error(error));
        }
        if accepted > 0 && exchange.has_recipients() {
            Ok(())
        } else {
            Err(Answer::NoRecipients.reply())
        }
    }
}

impl Session {
    /// Ends the transaction with its last answer.
    pub(super) fn conclude(&mut self, reply: &Reply) {
        self.answer(reply);
        if let Some(mut transaction) = self.transaction.take() {
            transaction.note_reply(reply);
            if reply.severity() == Severity::Positive {
                self.progress = Instant::now();
            }
            self.close(*transaction);
        }
    }

    /// Drops a transaction that will not be finished.
    pub(super) fn abandon_transaction(&mut self, why: &str) {
        self.pending.clear();
        if let Some(mut transaction) = self.transaction.take() {
            if transaction.reply.is_none_or(|code| code < 400) {
                // A recipient's yes is no answer to a message.
                transaction.reply = None;
                transaction.blame(
                    Fault::Client,
                    format!("the client ended the transaction by {why}"),
                );
            }
            self.close(*transaction);
        }
    }

    /// As [`Session::abandon_transaction`], for a session that ends.
    pub(super) fn abandon(&mut self, end: End) {
        self.abandon_transaction(&end.to_string());
    }

    fn close(&self, mut transaction: Transaction) {
        let octets = transaction
            .delivery
            .as_ref()
            .map_or(0, |delivery| delivery.octets);
        if let Some(exchange) = &mut transaction.exchange {
            // Content that was begun and not ended must not be followed by anything.
            if transaction.delivery.is_some() {
                exchange.abort()
            } else {
                exchange.abandon()
            }
        }
        let snapshot = &transaction.snapshot;
        let attribution = transaction.decision.finish();
        let shadow = transaction.shadow.map(|shadow| shadow.finish());
        let line = TransactionLine {
            session: &self.id,
            transaction: &transaction.id,
            listener: &self.listener,
            peer: self.peer,
            tls: self.secured.as_ref().map(|secured| &secured.facts),
            certificate: self.secured.as_ref().map(|secured| &secured.certificate),
            config: &snapshot.config,
            sender: &transaction.mail.path,
            recipients: &transaction.recipients,
            accepted: transaction.accepted,
            identity: transaction.exchange.as_ref().and_then(Exchange::identity),
            attribution: &attribution,
            shadow: shadow
                .as_ref()
                .and_then(|shadow| shadow.ruled(&snapshot.config)),
            target: transaction.exchange.as_ref().and_then(Exchange::target),
            reply: transaction.reply,
            octets,
            removed: transaction.removed,
            elapsed: transaction.began.elapsed(),
            fault: transaction
                .fault
                .as_ref()
                .map(|(fault, error)| (*fault, error.as_str())),
        };
        events::transaction_closed(&line, self.shared.observers(), self.shared.counters());
    }
}
