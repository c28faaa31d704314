//! Commands, one by one.

use std::sync::Arc;

use tenantry_smtp::{Command, Mail, Rcpt, Reply, Severity};

use super::transaction::{Heard, Transaction};
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
            Command::Expn => self.say(&texts::NO_EXPN),
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
        let strike = self.strike(FaultStage::Mail, &tenants).await?;
        if self.answer(&texts::SENDER_OK, &strike).await? == Severity::Positive {
            let xoorg = mail.parameters.xoorg().map(str::to_owned);
            let transaction = Transaction::new(rulebook, attribution, mail_from.to_owned(), xoorg);
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
        let strike = self.strike(FaultStage::Rcpt, &tenants).await?;
        let usual = match &heard {
            Heard::Held(_) => texts::RECIPIENT_OK,
            Heard::Refused(refusal, _) => self.refusal(refusal.text()),
            Heard::TooMany(refusal) => self.refusal(refusal.text()),
        };
        let other = self.reply_of(&strike);
        let reply = other.unwrap_or(usual);
        let answered = self.answer(&reply, &strike).await?;
        let Some(transaction) = &mut self.transaction else {
            return Ok(());
        };
        match (heard.attribution(), answered) {
            (Some(attribution), Severity::Positive) => transaction.hold(attribution),
            (Some(attribution), _) => {
                let record = transaction.refused(&self.seen, attribution, &reply);
                self.shared.journal.add(record).await;
            }
            (None, _) => {}
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
