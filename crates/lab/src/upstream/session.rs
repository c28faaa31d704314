//! One connection's SMTP, as the other side speaks it.

mod speech;
mod transfer;

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use memchr::memchr3;

use super::Shared;
use super::command::{LONGEST_LINE, Verb, next_line};
use super::content::Collector;
use super::fault::{Answer, Stage};
use super::journal::Entry;
use super::record::Envelope;
use super::settings::{ClientCertificates, EndOfData, Keep, Security, Tallying, Transcript};
use super::tally;
use super::wire::Wire;
use speech::Effect;

/// The state of one connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
    wire: Wire,
    helo: Option<Arc<str>>,
    envelope: Envelope,
    /// The chunks of BDAT so far.
    chunks: Option<Collector>,
    /// The last content ended in a bare CR, so that a line feed still belongs to its end.
    line_feed_follows: bool,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client has gone, or took too long.
    Gone,
    /// Closed in order.
    Closed,
    /// To be reset.
    Reset,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>, wire: Wire) -> Self {
        Self {
            shared,
            entry,
            wire,
            helo: None,
            envelope: Envelope::default(),
            chunks: None,
            line_feed_follows: false,
        }
    }

    /// Serves until one side ends it.
    pub(super) async fn run(mut self) {
        let ended = self.serve().await;
        self.finish(ended).await;
    }

    async fn serve(&mut self) -> Ended {
        let opened = match self.shared.settings.security {
            Security::Implicit(_) => self.secure().await,
            Security::Off | Security::Starttls(_) => Ok(()),
        };
        if let Err(ended) = opened {
            return ended;
        }
        let shared = Arc::clone(&self.shared);
        if let Err(ended) = self.reply(Stage::Banner, b"", &shared.banner).await {
            return ended;
        }
        loop {
            if let Err(ended) = self.command().await {
                return ended;
            }
        }
    }

    async fn finish(mut self, ended: Ended) {
        if self.chunks.is_some() {
            self.shared.journal.count(|counters| &counters.truncated);
        }
        match ended {
            Ended::Gone => {}
            Ended::Closed => {
                // When even the last reply cannot be written, there is nobody to close for.
                if self.flush().await.is_ok() {
                    self.wire.close().await;
                }
            }
            Ended::Reset => self.wire.reset(),
        }
    }

    async fn command(&mut self) -> Result<(), Ended> {
        let line = self.line().await?;
        if self.shared.settings.transcript == Transcript::Kept {
            self.entry.connection.line(&line);
        }
        if memchr3(b'\r', b'\n', 0, &line).is_some() {
            return self.say(b"500 5.5.2 Syntax error\r\n").await;
        }
        let (verb, argument) = Verb::split(&line);
        match verb {
            Verb::Mail => self.mail(&line, argument).await,
            Verb::Rcpt => self.rcpt(&line, argument).await,
            Verb::Data => self.data(&line).await,
            Verb::Bdat => self.bdat(&line, argument).await,
            Verb::Ehlo | Verb::Helo => self.ehlo(verb, &line, argument).await,
            Verb::Starttls => self.starttls(&line).await,
            Verb::Rset => {
                self.forget();
                self.reply(Stage::Rset, &line, b"250 2.0.0 Resetting\r\n")
                    .await?;
                Ok(())
            }
            Verb::Noop => {
                self.reply(Stage::Noop, &line, b"250 2.0.0 OK\r\n").await?;
                Ok(())
            }
            Verb::Quit => {
                let shared = Arc::clone(&self.shared);
                self.reply(Stage::Quit, &line, &shared.farewell).await?;
                Err(Ended::Closed)
            }
            Verb::Vrfy => self.say(b"252 2.1.5 Cannot VRFY user\r\n").await,
            Verb::Unknown => self.say(b"500 5.5.1 Unrecognized command\r\n").await,
        }
    }

    async fn line(&mut self) -> Result<BytesMut, Ended> {
        let mode = self.shared.settings.end_of_data;
        loop {
            if self.line_feed_follows && !self.wire.input().is_empty() {
                self.line_feed_follows = false;
                if self.wire.input().starts_with(b"\n") {
                    self.wire.input().advance(1);
                }
            }
            match next_line(self.wire.input(), mode) {
                Some(line) if line.is_empty() && mode == EndOfData::Lax => {}
                Some(line) => return Ok(line),
                None if self.wire.input().len() > LONGEST_LINE => {
                    self.say(b"500 5.5.2 Line too long\r\n").await?;
                    return Err(Ended::Closed);
                }
                None => self.fill().await?,
            }
        }
    }

    async fn ehlo(&mut self, verb: Verb, line: &[u8], argument: &[u8]) -> Result<(), Ended> {
        let shared = Arc::clone(&self.shared);
        let usual = match (verb == Verb::Helo, self.is_secure()) {
            (true, _) => &shared.helo_reply,
            (false, true) => &shared.ehlo_reply_secure,
            (false, false) => &shared.ehlo_reply,
        };
        self.forget();
        if self.reply(Stage::Ehlo, line, usual).await? == Effect::Positive {
            self.helo = Some(String::from_utf8_lossy(argument).into());
        }
        Ok(())
    }

    async fn starttls(&mut self, line: &[u8]) -> Result<(), Ended> {
        match self.shared.settings.security {
            Security::Starttls(_) if !self.is_secure() => {}
            Security::Starttls(_) | Security::Off | Security::Implicit(_) => {
                return self.say(b"503 5.5.1 STARTTLS not available\r\n").await;
            }
        }
        let ready = b"220 2.0.0 SMTP server ready\r\n";
        match self.reply(Stage::Starttls, line, ready).await? {
            Effect::Negative | Effect::Silent => return Ok(()),
            Effect::Positive => {}
        }
        self.flush().await?;
        if !self.wire.input().is_empty() {
            // Clear text behind STARTTLS: somebody's injection (RFC 3207 section 6).
            return Err(Ended::Closed);
        }
        self.helo = None;
        self.forget();
        self.secure().await
    }

    /// The TLS handshake, or the fault that takes its place.
    async fn secure(&mut self) -> Result<(), Ended> {
        if let Some(action) = self.met(Stage::Handshake, b"", 0) {
            if action.answer != Answer::Usual {
                // The client speaks first: answer what it said, not before.
                self.fill().await?;
                self.wire.input().clear();
                self.perform(&action, b"").await?;
                self.flush().await?;
                // Until the client leaves, so that the answer is not lost in a reset.
                while self.fill().await.is_ok() {
                    self.wire.input().clear();
                }
                return Err(Ended::Closed);
            }
            self.perform(&action, b"").await?;
        }
        let (Some(tls), settings) = (&self.shared.tls, &self.shared.settings) else {
            return Err(Ended::Closed);
        };
        let journal = &self.shared.journal;
        match self.wire.secure(tls, settings.limits.handshake).await {
            Ok(mut seen) => {
                let certificate = seen.certificate.as_ref();
                seen.tenant = certificate
                    .and_then(|certificate| settings.tenants.get(&*certificate.fingerprint))
                    .map(|tenant| tenant.as_str().into());
                if seen.resumed {
                    journal.count(|counters| &counters.resumed);
                }
                self.entry.connection.secured(seen);
                journal.count(|counters| &counters.handshakes);
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "handshake failed");
                journal.count(|counters| &counters.failed_handshakes);
                Err(Ended::Gone)
            }
        }
    }

    async fn mail(&mut self, line: &[u8], argument: &[u8]) -> Result<(), Ended> {
        self.shared.journal.mail();
        if let Some(refusal) = self.mail_refusal() {
            return self.say(refusal).await;
        }
        let usual = b"250 2.1.0 Sender OK\r\n";
        if self.reply(Stage::Mail, line, usual).await? == Effect::Positive {
            if self.shared.settings.tally == Tallying::BySender {
                self.envelope.domain = Some(tally::domain(argument));
            }
            self.envelope.mail = Some(match self.shared.settings.keep {
                Keep::Counts => String::new(),
                Keep::Envelope | Keep::Digest | Keep::Content => {
                    String::from_utf8_lossy(argument).into_owned()
                }
            });
        }
        Ok(())
    }

    fn mail_refusal(&self) -> Option<&'static [u8]> {
        let (must_be_secure, demand) = match &self.shared.settings.security {
            Security::Off => (false, ClientCertificates::Off),
            Security::Starttls(tls) | Security::Implicit(tls) => (true, tls.client_certificates),
        };
        if must_be_secure && !self.is_secure() {
            return Some(b"530 5.7.0 Must issue a STARTTLS command first\r\n");
        }
        if demand == ClientCertificates::Require && !self.is_verified() {
            self.shared.journal.count(|counters| &counters.unverified);
            return Some(b"550 5.7.64 TenantAttribution; Relay Access Denied\r\n");
        }
        if self.helo.is_none() {
            return Some(b"503 5.5.2 Send hello first\r\n");
        }
        if self.envelope.mail.is_some() {
            return Some(b"503 5.5.2 Sender already specified\r\n");
        }
        None
    }

    async fn rcpt(&mut self, line: &[u8], argument: &[u8]) -> Result<(), Ended> {
        if self.envelope.mail.is_none() {
            return self.say(b"503 5.5.2 Need mail command\r\n").await;
        }
        if self.envelope.count >= self.shared.settings.limits.recipients {
            return self.say(b"452 4.5.3 Too many recipients\r\n").await;
        }
        let usual = b"250 2.1.5 Recipient OK\r\n";
        if self.reply(Stage::Rcpt, line, usual).await? == Effect::Positive {
            self.envelope.count += 1;
            if self.envelope.count == 1 && self.shared.settings.tally == Tallying::ByRecipient {
                self.envelope.domain = Some(tally::domain(argument));
            }
            if self.shared.settings.keep != Keep::Counts {
                let recipient = String::from_utf8_lossy(argument).into_owned();
                self.envelope.recipients.push(recipient);
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.envelope = Envelope::default();
        self.chunks = None;
    }

    fn is_secure(&self) -> bool {
        self.entry.connection.tls().is_some()
    }

    fn is_verified(&self) -> bool {
        let tls = self.entry.connection.tls();
        let certificate = tls.and_then(|tls| tls.certificate.as_ref());
        certificate.is_some_and(|certificate| certificate.problem.is_none())
    }
}
