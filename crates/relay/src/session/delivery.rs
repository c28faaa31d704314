//! A message on its way through, and the one way in which it fails.

use bytes::BytesMut;
use tenantry_smtp::Reply;

use super::transaction::Transaction;
use crate::content::header::{HeaderFault, HeaderGate};
use crate::content::watch::HeaderWatch;
use crate::reply::{self, Fault};
use crate::upstream::content::Outgoing;
use crate::upstream::error::UpstreamError;

/// A message on its way through.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The header section until it is whole.
    pub(super) gate: Option<HeaderGate>,
    /// Looks at what follows a header section without form or end.
    pub(super) watch: Option<HeaderWatch>,
    pub(super) outgoing: Option<Outgoing>,
    /// Content that waits to be sent.
    pub(super) content: BytesMut,
    /// Octets of content that the client has sent.
    pub(super) octets: u64,
    /// The answer, once it is clear that the message fails.
    pub(super) failure: Option<Reply>,
    pub(super) rate: Rate,
}

impl Delivery {
    pub(super) fn new(outgoing: Outgoing) -> Self {
        Delivery {
            gate: Some(HeaderGate::new()),
            watch: None,
            outgoing: Some(outgoing),
            content: BytesMut::new(),
            octets: 0,
            failure: None,
            rate: Rate::default(),
        }
    }

    /// A message that has failed before it began; it is read and dropped.
    pub(super) fn failed(reply: Reply) -> Self {
        Delivery {
            gate: None,
            watch: None,
            outgoing: None,
            content: BytesMut::new(),
            octets: 0,
            failure: Some(reply),
            rate: Rate::default(),
        }
    }
}

/// How fast the client sends, measured only while we wait for it.
#[derive(Debug, Default)]
pub(super) struct Rate {
    pub(super) waited: std::time::Duration,
    pub(super) octets: u64,
}

impl Transaction {
    /// Fails the message for a reason of ours or the client's; the upstream's connection is closed without an end of
    /// data.
    pub(super) fn refuse(&mut self, reply: Reply, fault: Fault, error: String) {
        if let Some(exchange) = &mut self.exchange {
            exchange.abort();
        }
        if let Some(delivery) = &mut self.delivery {
            delivery.content.clear();
            delivery.gate = None;
            delivery.watch = None;
            delivery.failure.get_or_insert(reply);
        }
        self.blame(fault, error);
    }

    pub(super) fn refuse_header(&mut self, fault: HeaderFault) {
        self.refuse(
            reply::to_header_fault(fault),
            Fault::Client,
            fault.to_string(),
        );
    }

    pub(super) fn refuse_for(&mut self, error: &UpstreamError) {
        self.refuse(
            reply::to_upstream_error(error),
            error.fault(),
            error.to_string(),
        );
    }
}
