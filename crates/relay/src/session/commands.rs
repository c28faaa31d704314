//! What each command means here: the protocol machine has said that it may come now.

use std::sync::Arc;

use tenantry_smtp::{Command, Mail, TlsState};
use tokio::time::Instant;

use super::envelope::More;
use super::transaction::Transaction;
use super::{End, Secured, Session};
use crate::config::TrustedExchange;
use crate::evidence;
use crate::handshake;
use crate::reply::Answer;
use crate::shadow::ShadowSession;
use crate::snapshot::Snapshot;
use crate::telemetry::events::{self, SessionLine};

impl Session {
    /// Handles one command.
    pub(super) async fn command(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Ehlo(name) => self.hello(name.as_str(), Hello::Extended),
            Command::Helo(name) => self.hello(name.as_str(), Hello::Plain),
            Command::Mail(mail) => self.mail(mail).await?,
            Command::Rcpt(rcpt) => self.recipient(rcpt),
            Command::Data => {
                Box::pin(self.settle(More::DataFollows)).await;
                return Box::pin(self.data()).await;
            }
            Command::Bdat { .. } => {
                Box::pin(self.settle(More::MayCome)).await;
                return Box::pin(self.chunk()).await;
            }
            Command::Rset => {
                self.abandon_transaction("RSET");
                self.answer(&Answer::Ok.reply());
            }
            Command::StartTls => {
                self.abandon_transaction("STARTTLS");
                self.answer(&Answer::StartTls.reply());
            }
            Command::Noop => self.answer(&Answer::Ok.reply()),
            Command::Vrfy => self.answer(&Answer::CannotVerify.reply()),
            Command::Expn => self.answer(&Answer::NotImplemented.reply()),
            Command::Help => self.answer(&Answer::Help.reply()),
            Command::Quit => self.answer(&Answer::Bye.reply()),
        }
        Ok(())
    }

    fn hello(&mut self, name: &str, hello: Hello) {
        self.abandon_transaction("a new greeting");
        name.clone_into(&mut self.helo);
        self.hello = hello;
        let hostname = &self.snapshot.config.hostname;
        let reply = match hello {
            Hello::Extended => self.offer.ehlo_reply(hostname, name),
            Hello::Plain => tenantry_smtp::Reply::plain(250, hostname.clone()),
        };
        self.answer(&reply);
    }

    async fn mail(&mut self, mail: Mail) -> Result<(), End> {
        if self.shared.stopping().is_cancelled() {
            return self.part(Answer::ShuttingDown, End::Shutdown).await;
        }
        if let Err(answer) = self.renew() {
            return self.part(answer, End::Shutdown).await;
        }
        let listener = self.listener_settings();
        if listener
            .is_some_and(|listener| evidence::certificate_is_missing(listener, &self.evidence))
        {
            self.answer(&Answer::CertificateRequired.reply());
            return Ok(());
        }
        if mail.parameters.xoorg().is_some() && self.exchange_server == TrustedExchange::No {
            self.answer(&Answer::XoorgRefused.reply());
            return Ok(());
        }
        self.transactions += 1;
        let id = format!("{}-{}", self.id, self.transactions);
        self.transaction = Some(Box::new(Transaction::new(
            id,
            &self.snapshot,
            (&self.evidence, self.shadow.as_ref()),
            mail,
        )));
        self.answer(&Answer::SenderOk.reply());
        Ok(())
    }

    /// Takes the session into TLS (RFC 3207): whatever was said before is forgotten, and whatever came behind the
    /// command is an attack. `None` when it came to nothing; the session is over then.
    pub(super) async fn start_tls(self) -> Option<Self> {
        let snapshot = self.shared.snapshot();
        let deadline = Instant::now() + snapshot.timeouts.handshake;
        let listener = snapshot.listener(&self.listener);
        let server_tls = listener.and_then(|listener| listener.server_tls.clone());
        let channel = self.channel;
        let handshake = async {
            let tcp = channel.into_plain().map_err(|error| error.to_string())?;
            let server_tls = server_tls.ok_or("the listener has no TLS any more")?;
            let handshake = handshake::secure(&snapshot, &server_tls, tcp, deadline);
            handshake.await.map_err(|error| error.to_string())
        };
        let (channel, secured) = match handshake.await {
            Ok(secured) => secured,
            Err::<_, String>(error) => {
                let (id, listener, peer) = (&self.id, &self.listener, self.peer);
                events::handshake_failed(id, listener, peer, &error);
                let (transactions, messages) = (self.transactions, self.smtp.messages());
                events::session_closed(&SessionLine {
                    session: id,
                    listener,
                    peer,
                    tls: None,
                    certificate: None,
                    helo: &self.helo,
                    transactions,
                    messages,
                    elapsed: self.began.elapsed(),
                    end: End::Tls,
                });
                return None;
            }
        };
        Session { channel, ..self }.inside_tls(snapshot, secured)
    }

    /// The session anew, with what the handshake told of the client.
    fn inside_tls(mut self, snapshot: Arc<Snapshot>, secured: Secured) -> Option<Self> {
        let listener = snapshot.listener(&self.listener)?;
        self.evidence = super::session_evidence(&snapshot, listener, self.peer, Some(&secured));
        self.shadow = ShadowSession::new(&snapshot, listener, self.peer, Some(&secured));
        self.exchange_server = super::exchange_server(&snapshot, &self.evidence);
        self.offer = super::offer(&snapshot, listener, TlsState::Active, self.exchange_server);
        self.smtp.tls_established(self.offer);
        self.secured = Some(secured);
        self.helo.clear();
        self.hello = Hello::Plain;
        self.snapshot = snapshot;
        self.request_began = Instant::now();
        Some(self)
    }
}

/// How the client greeted us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// EHLO.
    Extended,
    /// HELO, or not yet.
    Plain,
}
