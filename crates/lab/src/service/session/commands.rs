//! Commands, one by one.

use std::sync::Arc;

use tenantry_smtp::{Command, Mail, Rcpt, Reply, Severity};

use super::striking::end_of;
use super::transaction::{Heard, Part, Transaction};
use super::{End, Session};
use crate::attribution::{Certificate, Submission};
use crate::file::FaultStage;
use crate::service::faults::Strike;
use crate::service::rules::Rulebook;
use crate::service::texts;

impl Session {
    pub(super) async fn command(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Mail(mail) => self.mail(&mail).await,
            Command::Rcpt(rcpt) => self.rcpt(&rcpt).await,
            Command::Data => self.data().await,
            Command::Bdat { .. } => self.chunk().await,
            Command::Ehlo(name) => {
                let starttls = self.seen.tls.is_none();
                let size = self.shared.limits.size;
                let reply = self.door.host.ehlo(self.seen.ip, size, starttls);
                self.hello(name.as_str(), reply).await
            }
            Command::Helo(name) => {
                let reply = self.door.host.helo(self.seen.ip);
                self.hello(name.as_str(), reply).await
            }
            Command::StartTls => self.announce_tls().await,
            Command::Quit => {
                let tenants = std::mem::take(&mut self.last_tenants);
                let strike = self.strike(FaultStage::Quit, &tenants).await?;
                self.answer(&texts::CLOSING, &strike).await?;
                Ok(())
            }
            Command::Rset => {
                self.transaction = None;
                self.say(&texts::RESETTING)
            }
            Command::Noop => self.say(&texts::OK),
            Command::Vrfy => self.say(&texts::NO_VRFY),
            Command::Expn => {
                let reply = self.refusal(texts::NOT_IMPLEMENTED);
                self.say(&reply)
            }
            Command::Help => self.say(&texts::HELP),
        }
    }

    fn say(&mut self, reply: &Reply) -> Result<(), End> {
        self.smtp.answer(reply);
        reply.write_to(&mut self.channel.output);
        Ok(())
    }

    async fn hello(&mut self, name: &str, reply: Reply) -> Result<(), End> {
        let strike = self.strike(FaultStage::Ehlo, &[]).await?;
        if self.answer(&reply, &strike).await? == Severity::Positive {
            self.transaction = None;
            name.clone_into(&mut Arc::make_mut(&mut self.seen).helo);
        }
        Ok(())
    }

    async fn announce_tls(&mut self) -> Result<(), End> {
        let strike = self.strike(FaultStage::Starttls, &[]).await?;
        self.answer(&texts::START_TLS, &strike).await?;
        self.handshake = strike.action;
        Ok(())
    }

    /// MAIL: from here on the world stands still for this message.
    async fn mail(&mut self, mail: &Mail) -> Result<(), End> {
        if self.stop.is_cancelled() {
            return Err(self.part(texts::STOPPING));
        }
        let rulebook = self.shared.rules.current();
        let mail_from = mail.path.as_str();
        let attribution = self.begin(&rulebook, mail_from, None);
        let tenants: Vec<_> = attribution.tenant().into_iter().collect();
        let xoorg = mail.parameters.xoorg().map(decoded);
        let transaction = Transaction::new(rulebook, attribution, mail_from.to_owned(), xoorg);
        let strike = self.struck(FaultStage::Mail, &tenants).await?;
        if let Some(reply) = self.kept_off(&strike, Severity::Positive) {
            let (parts, fault) = (
                vec![transaction.sender_alone()],
                strike.word(FaultStage::Mail),
            );
            self.journal_lost(&transaction, parts, reply.as_ref(), fault)
                .await;
        }
        self.survive(&strike).await?;
        if self.answer(&texts::SENDER_OK, &strike).await? == Severity::Positive {
            self.transaction = Some(Box::new(transaction));
        }
        Ok(())
    }

    /// The stages before the first recipient, with what is known of the session.
    pub(super) fn begin(
        &self,
        rulebook: &Rulebook,
        mail_from: &str,
        header_from: Option<&str>,
    ) -> crate::attribution::Transaction {
        let seen = &self.seen;
        let names = seen.certificate.as_ref();
        let names = names.map(|seen| rulebook.substitutions.of(&seen.names));
        let certificate = match (&seen.certificate, &names) {
            (Some(seen), Some(names)) => match seen.problem {
                Some(problem) => Certificate::Untrusted { problem, names },
                None => Certificate::Trusted { names },
            },
            (_, _) => Certificate::NotPresented,
        };
        rulebook.forest.begin(&Submission {
            certificate,
            ip: seen.ip,
            tls: seen.tls.is_some(),
            region: Some(seen.region.clone()),
            mail_from,
            header_from,
        })
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Result<(), End> {
        let Some(transaction) = &mut self.transaction else {
            return self.lost().await;
        };
        let heard = transaction.recipient(&self.shared, rcpt.path.as_str());
        let tenants = heard.tenants();
        let strike = self.struck(FaultStage::Rcpt, &tenants).await?;
        let usual = match &heard {
            Heard::Held(_) => texts::RECIPIENT_OK,
            Heard::Refused(refusal, _) => self.refusal(refusal.text()),
        };
        let reply = match end_of(&strike) {
            Some(_) => None,
            None => Some(self.reply_of(&strike).unwrap_or(usual)),
        };
        let held = reply
            .as_ref()
            .is_some_and(|reply| reply.severity() == Severity::Positive);
        let attribution = heard.attribution();
        if held {
            if let Some(transaction) = &mut self.transaction {
                transaction.hold(attribution);
            }
        } else if let Some(transaction) = &self.transaction {
            let (parts, fault) = (vec![Part::of(&attribution)], strike.word(FaultStage::Rcpt));
            self.journal_lost(transaction, parts, reply.as_ref(), fault)
                .await;
        }
        self.survive(&strike).await?;
        if let Some(reply) = reply {
            self.answer(&reply, &strike).await?;
        }
        Ok(())
    }

    /// The machine has a transaction and we have none, which only a fault's reply can bring about.
    pub(super) async fn lost(&mut self) -> Result<(), End> {
        let reply = self.refusal("503 5.5.2 Need mail command");
        self.answer(&reply, &Strike::default()).await?;
        Ok(())
    }
}

/// What xtext stands for (RFC 3461 section 4): `+2E` is a dot. As written, if that is no text.
fn decoded(xtext: &str) -> String {
    let mut octets = Vec::with_capacity(xtext.len());
    let mut rest = xtext.bytes();
    while let Some(octet) = rest.next() {
        let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
        let plain = match octet {
            b'+' => digit(rest.next())
                .zip(digit(rest.next()))
                .and_then(|(high, low)| u8::try_from(high * 16 + low).ok()),
            octet => Some(octet),
        };
        let Some(plain) = plain else {
            return xtext.to_owned();
        };
        octets.push(plain);
    }
    String::from_utf8(octets).unwrap_or_else(|_no_text| xtext.to_owned())
}
