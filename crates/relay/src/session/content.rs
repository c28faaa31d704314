//! The message itself: from the client's framing to the upstream's, through the header gate, a buffer at a time.
//!
//! Whatever goes wrong, the client's content is read to its true end before it is answered, nothing more goes upstream,
//! and the upstream never sees an end of data for a message that is not whole.

use bytes::BytesMut;
use jiff::Timestamp;
use tenantry_net::{ChannelError, Deadline};
use tenantry_smtp::{Content, ContentFault, Reply};
use tokio::time::Instant;

use super::commands::Hello;
use super::delivery::{Delivery, Rate};
use super::{End, Session};
use crate::config::{HeaderFirewall, TrustedExchange};
use crate::content::header::Firewall;
use crate::content::received::{Trace, With};
use crate::reply::{self, Answer, Fault};
use crate::upstream::content::Large;

impl Session {
    /// DATA: the upstream is asked first, so that its refusal comes before the content does.
    pub(super) async fn data(&mut self) -> Result<(), End> {
        match self.open_delivery(Large::Lines).await {
            Ok(delivery) => {
                self.answer(&Answer::StartData.reply());
                self.begin(delivery);
                self.flush().await?;
                self.carry().await
            }
            Err(refusal) => {
                // The transaction stays open (RFC 5321 section 4.1.1.4): recipients may still be added, or RSET comes.
                self.answer(&refusal);
                if let Some(transaction) = &mut self.transaction {
                    transaction.note_reply(&refusal);
                    if let Some(exchange) = &mut transaction.exchange {
                        exchange.decline_content();
                    }
                }
                if self.channel.input.is_empty() {
                    return Ok(());
                }
                // Whoever sends on behind DATA without its 354 sends content (RFC 2920 section 3.1): none of it is
                // taken for commands.
                self.part(Answer::TalksInContent, End::Refused).await
            }
        }
    }

    /// BDAT: the chunk follows whatever the answer is (RFC 3030 section 2).
    pub(super) async fn chunk(&mut self) -> Result<(), End> {
        let begun = self
            .transaction
            .as_ref()
            .is_some_and(|transaction| transaction.delivery.is_some());
        if !begun {
            let opened = self.open_delivery(Large::AsBegun).await;
            let delivery = opened.unwrap_or_else(Delivery::failed);
            self.begin(delivery);
        }
        self.carry().await
    }

    async fn open_delivery(&mut self, large: Large) -> Result<Delivery, Reply> {
        let accepted = self.smtp.accepted_recipients();
        let Some(transaction) = &mut self.transaction else {
            return Err(Answer::NoRecipients.reply());
        };
        transaction.may_send(accepted)?;
        let Some(exchange) = &mut transaction.exchange else {
            return Err(Answer::NoRecipients.reply());
        };
        match exchange.start_content(&transaction.mail, large).await {
            Ok(outgoing) => Ok(Delivery::new(outgoing)),
            Err(error) => {
                transaction.blame(error.fault(), error.to_string());
                Err(reply::to_upstream_error(&error))
            }
        }
    }

    fn begin(&mut self, delivery: Delivery) {
        if let Some(transaction) = &mut self.transaction {
            transaction.delivery = Some(delivery);
        }
    }

    /// Reads content to its end, or to the end of the chunk, and answers.
    async fn carry(&mut self) -> Result<(), End> {
        loop {
            let progress = self.decode();
            match progress {
                Content::More => {
                    self.forward().await;
                    // A chunk may have come with its envelope: those answers must not wait for its octets.
                    self.flush().await?;
                    self.wait_for_content().await?;
                }
                Content::ChunkEnd { last: false } => {
                    self.forward().await;
                    self.answer_chunk();
                    return Ok(());
                }
                Content::MessageEnd | Content::ChunkEnd { last: true } => {
                    let reply = self.finish().await;
                    let doubtful = self.smtp.content_fault() == Some(ContentFault::DoubtfulEnd);
                    if !doubtful {
                        self.conclude(&reply);
                        if self.channel.input.is_empty() {
                            return Ok(());
                        }
                        // What is pipelined behind the message may wait for an upstream; this answer must not.
                        return self.flush().await;
                    }
                    // What follows may be content to whoever wrote it: none of it is read.
                    self.conclude(&ContentFault::DoubtfulEnd.reply());
                    self.flush().await?;
                    return Err(End::Refused);
                }
            }
        }
    }

    /// Moves what has arrived from the client's framing into the delivery.
    fn decode(&mut self) -> Content {
        let mut dropped = BytesMut::new();
        let Some(transaction) = &mut self.transaction else {
            return self.smtp.content(&mut self.channel.input, &mut dropped);
        };
        let Some(delivery) = &mut transaction.delivery else {
            return self.smtp.content(&mut self.channel.input, &mut dropped);
        };
        let before = delivery.content.len();
        let progress = self
            .smtp
            .content(&mut self.channel.input, &mut delivery.content);
        delivery.octets += (delivery.content.len() - before) as u64;
        if delivery.failure.is_some() {
            delivery.content.clear();
        } else if let Some(fault) = self.smtp.content_fault() {
            transaction.refuse(fault.reply(), Fault::Client, fault.as_str().to_owned());
        } else if let Some(watch) = &mut delivery.watch {
            let decoded = delivery.content.get(before..).unwrap_or_default();
            if let Err(fault) = watch.look(decoded) {
                transaction.refuse_header(fault);
            }
        }
        progress
    }

    /// Passes on what has been decoded, unless it is too little to be worth a write.
    async fn forward(&mut self) {
        self.pass_gate(Whole::NotYet);
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let Some(delivery) = &mut transaction.delivery else {
            return;
        };
        if delivery.gate.is_some()
            || delivery.failure.is_some()
            || delivery.content.len() < WORTH_SENDING
        {
            return;
        }
        let (Some(exchange), Some(outgoing)) = (&mut transaction.exchange, &mut delivery.outgoing)
        else {
            return;
        };
        if let Err(error) = exchange.send(outgoing, &mut delivery.content).await {
            transaction.refuse_for(&error);
        }
    }

    /// Ends the message: the upstream's last word is ours.
    async fn finish(&mut self) -> Reply {
        self.pass_gate(Whole::Yes);
        let Some(transaction) = &mut self.transaction else {
            return Answer::NoRecipients.reply();
        };
        let Some(delivery) = &mut transaction.delivery else {
            return Answer::NoRecipients.reply();
        };
        if let Some(reply) = delivery.failure.take() {
            return reply;
        }
        let (Some(exchange), Some(outgoing)) =
            (&mut transaction.exchange, delivery.outgoing.take())
        else {
            return Answer::NoRecipients.reply();
        };
        match exchange.finish(outgoing, &mut delivery.content).await {
            Ok(reply) => reply::from_upstream(&reply),
            Err(error) => {
                transaction.blame(error.fault(), error.to_string());
                reply::to_upstream_error(&error)
            }
        }
    }

    fn answer_chunk(&mut self) {
        let failure = self
            .transaction
            .as_ref()
            .and_then(|transaction| transaction.delivery.as_ref()?.failure.clone());
        match failure {
            // A refused chunk ends the transaction (RFC 3030 section 2).
            Some(reply) => self.conclude(&reply),
            None => self.answer(&Answer::ChunkOk.reply()),
        }
    }

    /// Lets the header section pass once it is whole, with our trace field in front.
    fn pass_gate(&mut self, whole: Whole) {
        let snapshot = std::sync::Arc::clone(&self.snapshot);
        let firewall = self.firewall();
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let Some(delivery) = &mut transaction.delivery else {
            return;
        };
        if delivery.failure.is_some() {
            return;
        }
        let Some(gate) = &mut delivery.gate else {
            return;
        };
        let passed = match gate.push(&mut delivery.content, &snapshot.header) {
            Ok(false) if whole == Whole::NotYet => return,
            Ok(_complete) => delivery
                .gate
                .take()
                .map(|gate| gate.finish(&snapshot.header, firewall, &self.shared.instance))
                .transpose(),
            Err(fault) => Err(fault),
        };
        match passed {
            Ok(Some(header)) => {
                let trace = Trace {
                    helo: &self.helo,
                    address: self.peer.ip(),
                    hostname: &snapshot.config.hostname,
                    instance: &self.shared.instance,
                    with: with(
                        self.hello,
                        self.secured.is_some(),
                        transaction.mail.parameters.smtputf8(),
                    ),
                    cipher: self.secured.as_ref().map(|secured| secured.facts.cipher),
                    id: &transaction.id,
                    at: Timestamp::now(),
                };
                transaction.removed = header.removed;
                delivery.watch = header.watch;
                trace.write_to(&mut delivery.content);
                if let Some(outgoing) = &mut delivery.outgoing {
                    outgoing.traced(delivery.content.len());
                }
                delivery.content.extend_from_slice(&header.octets);
            }
            Ok(None) => {}
            Err(fault) => transaction.refuse_header(fault),
        }
    }

    fn firewall(&self) -> Firewall {
        let configured = self
            .listener_settings()
            .map_or(HeaderFirewall::Refuse, |listener| listener.header_firewall);
        match (self.exchange_server, configured) {
            (TrustedExchange::Yes, _) => Firewall::Open,
            (TrustedExchange::No, HeaderFirewall::Remove) => Firewall::Remove,
            (TrustedExchange::No, HeaderFirewall::Refuse) => Firewall::Refuse,
        }
    }

    /// Waits for more content, while listening to the upstream with one ear.
    async fn wait_for_content(&mut self) -> Result<(), End> {
        let window = self.snapshot.timeouts.data_rate_window;
        let least = self.snapshot.config.limits.data_rate;
        let began = Instant::now();
        let Some(transaction) = &mut self.transaction else {
            return Err(End::Refused);
        };
        let Some(delivery) = &mut transaction.delivery else {
            return Err(End::Refused);
        };
        let deadline = Deadline::at(
            "content",
            began + window.saturating_sub(delivery.rate.waited),
        );
        let filled = match &mut transaction.exchange {
            Some(exchange) if delivery.failure.is_none() => tokio::select! {
                biased;
                filled = self.channel.fill(deadline) => filled,
                overheard = exchange.overhear() => {
                    if let Err(error) = overheard {
                        exchange.fail(error.clone());
                        transaction.refuse_for(&error);
                    }
                    return Ok(());
                }
            },
            Some(_) | None => self.channel.fill(deadline).await,
        };
        match filled {
            Ok(0) => Err(self.lost_client(End::Gone)),
            Ok(octets) => {
                delivery.rate.octets += octets as u64;
                delivery.rate.waited += began.elapsed();
                Ok(())
            }
            Err(ChannelError::Timeout(_)) => {
                let enough = delivery.rate.octets >= least.saturating_mul(window.as_secs().max(1));
                delivery.rate = Rate::default();
                if enough {
                    return Ok(());
                }
                let end = self.lost_client(End::Deadline);
                self.part(Answer::TooSlow, end).await
            }
            Err(_gone) => Err(self.lost_client(End::Gone)),
        }
    }

    /// The client is gone in the middle of the content: the upstream must not take the piece for the whole.
    fn lost_client(&mut self, end: End) -> End {
        if let Some(transaction) = &mut self.transaction {
            transaction.refuse(
                Answer::TooSlow.reply(),
                Fault::Client,
                format!("in the middle of the content: {end}"),
            );
        }
        end
    }
}

fn with(hello: Hello, secured: bool, utf8: bool) -> With {
    match (hello, secured, utf8) {
        (Hello::Plain, _, _) => With::Smtp,
        (Hello::Extended, false, false) => With::Esmtp,
        (Hello::Extended, true, false) => With::Esmtps,
        (Hello::Extended, false, true) => With::Utf8Smtp,
        (Hello::Extended, true, true) => With::Utf8Smtps,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    Yes,
    NotYet,
}

/// Octets from which on content is sent without waiting for more: a full TLS record (RFC 8446 section 5.1).
const WORTH_SENDING: usize = 16 * 1024;
