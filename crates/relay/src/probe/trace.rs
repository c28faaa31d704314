//! What happened on the way to one upstream, in the order of its happening.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenantry_net::{DialError, HandshakeSeen, HandshakeWitness, Presented};
use tenantry_smtp::Reply;
use tokio::time::Instant;

use super::report::Attempt;
use crate::upstream::error::Stage;
use crate::upstream::watch::Watch;

/// Looks on and takes notes.
#[derive(Debug)]
pub(super) struct Trace {
    last: Instant,
    /// What the upstream's name resolved to.
    pub(super) addresses: Option<Timed<Vec<SocketAddr>>>,
    /// The addresses that were tried.
    pub(super) attempts: Vec<Attempt>,
    /// How long connecting took, all attempts together.
    pub(super) connecting: Duration,
    pub(super) greeting: Option<Timed<Reply>>,
    /// The answer to the EHLO in clear text.
    pub(super) ehlo: Option<Timed<Reply>>,
    pub(super) starttls: Option<Timed<Reply>>,
    witness: Option<Arc<HandshakeWitness>>,
    /// The finished handshake.
    pub(super) secured: Option<Timed<Presented>>,
    /// The answer to the EHLO inside TLS.
    pub(super) ehlo_tls: Option<Timed<Reply>>,
    pub(super) mail: Option<Timed<Reply>>,
    pub(super) recipients: Vec<Timed<Reply>>,
    pub(super) reset: Option<Timed<Reply>>,
}

/// Something, and how long it took since what came before.
#[derive(Debug)]
pub(super) struct Timed<T> {
    pub(super) value: T,
    pub(super) took: Duration,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            last: Instant::now(),
            addresses: None,
            attempts: Vec::new(),
            connecting: Duration::ZERO,
            greeting: None,
            ehlo: None,
            starttls: None,
            witness: None,
            secured: None,
            ehlo_tls: None,
            mail: None,
            recipients: Vec::new(),
            reset: None,
        }
    }

    /// What the handshake showed; absent when there was none.
    pub(super) fn handshake(&self) -> Option<HandshakeSeen> {
        self.witness.as_ref().map(|witness| witness.seen())
    }

    /// Whether the upstream asked for our certificate and got it.
    pub(super) fn presented(&self) -> bool {
        self.secured
            .as_ref()
            .is_some_and(|secured| secured.value.asked)
    }

    fn timed<T>(&mut self, value: T) -> Timed<T> {
        let now = Instant::now();
        let took = now.duration_since(self.last);
        self.last = now;
        Timed { value, took }
    }
}

impl Watch for Trace {
    fn addresses(&mut self, found: &[SocketAddr]) {
        self.addresses = Some(self.timed(found.to_vec()));
    }

    fn dialled(&mut self, address: SocketAddr, outcome: Result<(), &DialError>) {
        let error = outcome.err().map(|error| match error {
            DialError::Timeout(_) => String::from("no answer in time"),
            DialError::Io { error, .. } => error.to_string(),
        });
        let attempt = self.timed(Attempt {
            address: address.to_string(),
            error,
        });
        self.connecting += attempt.took;
        self.attempts.push(attempt.value);
    }

    fn reply(&mut self, stage: Stage, reply: &Reply) {
        let reply = Some(self.timed(reply.clone()));
        match stage {
            Stage::Greeting => self.greeting = reply,
            Stage::Ehlo if self.secured.is_some() => self.ehlo_tls = reply,
            Stage::Ehlo => self.ehlo = reply,
            Stage::StartTls => self.starttls = reply,
            Stage::Mail => self.mail = reply,
            Stage::Rcpt => self.recipients.extend(reply),
            Stage::Reset => self.reset = reply,
            // Nothing that a probe does has these.
            Stage::Data | Stage::Content | Stage::FinalReply => {}
        }
    }

    fn witness(&mut self) -> Option<Arc<HandshakeWitness>> {
        let witness = HandshakeWitness::new();
        self.witness = Some(Arc::clone(&witness));
        Some(witness)
    }

    fn secured(&mut self, presented: Presented) {
        self.secured = Some(self.timed(presented));
    }
}
