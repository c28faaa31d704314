//! One envelope under both configurations.

use std::collections::HashMap;

use tenantry_attribution::{
    Attribution, Decision, RecipientEvidence, SenderEvidence, SessionEvidence, TenantId,
};

use super::envelope::{Client, Envelope, Known, Obstacle};
use crate::compare::{Differences, Ruled, Ruling};
use crate::config::{Config, Listener, Tenant};
use crate::evidence;
use crate::explain::question;

/// The configurations that are compared.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    old: Player<'a>,
    new: Player<'a>,
    /// What the new configuration calls the same as each tenant of the old one, and in what the two differ.
    same: Vec<Option<(TenantId, Differences)>>,
}

/// One configuration.
#[derive(Debug)]
struct Player<'a> {
    config: &'a Config,
    /// With their addresses as text, which name them, too.
    listeners: Vec<(&'a Listener, String)>,
}

/// Decides envelope after envelope. Clients come back, so what they are is kept for a while.
#[derive(Debug)]
pub(super) struct Decider<'a> {
    pair: &'a Pair<'a>,
    /// Where in `clients` they are, by what a line says about them.
    known: HashMap<Vec<u8>, usize>,
    clients: Vec<Clients>,
    key: Vec<u8>,
}

/// A client under both configurations.
#[derive(Debug)]
struct Clients {
    old: Admitted,
    new: Admitted,
}

/// A client under one configuration.
#[derive(Debug)]
enum Admitted {
    /// Its MAIL is refused.
    No,
    Yes(SessionEvidence),
}

/// An envelope, decided twice.
#[derive(Debug)]
pub(super) struct Played<'a> {
    pub(super) sender: SenderEvidence,
    pub(super) recipients: Vec<RecipientEvidence>,
    old: (&'a Config, Option<Attribution>),
    new: (&'a Config, Option<Attribution>),
    pub(super) differences: Differences,
}

impl<'a> Pair<'a> {
    pub(super) fn new(old: &'a Config, new: &'a Config) -> Self {
        Self {
            old: Player::new(old),
            new: Player::new(new),
            same: old.tenants.iter().map(|tenant| same(tenant, new)).collect(),
        }
    }

    /// In what the new configuration's ruling differs: as [`Ruled::differences`], which is slower.
    fn differences(&self, before: Ruled<'_>, after: Ruled<'_>) -> Differences {
        let known = match (before.tenant_id(), after.tenant_id()) {
            (Some(one), Some(two)) => self
                .same
                .get(one.index())
                .copied()
                .flatten()
                .filter(|(same, _differences)| *same == two),
            (None, _) | (_, None) => None,
        };
        match known {
            Some((_same, differences)) => differences.and(before.of_recipients(after)),
            None => before.differences(after),
        }
    }

    fn clients(&self, client: &Client<'_>) -> Result<Clients, Obstacle> {
        let name = client.listener.as_deref();
        let (old, new) = (self.old.listener(name)?, self.new.listener(name)?);
        let (certificate, peer) = (client.certificate()?, client.peer()?);
        let admitted = |player: &Player<'_>, listener: &Listener| {
            let certificate = certificate
                .clone()
                .unwrap_or_else(|| question::without_certificate(listener));
            let policy = listener.untrusted_certificate;
            let directory = &player.config.directory;
            let session = SessionEvidence::new(directory, certificate, peer, policy);
            if evidence::certificate_is_missing(listener, &session) {
                Admitted::No
            } else {
                Admitted::Yes(session)
            }
        };
        Ok(Clients {
            old: admitted(&self.old, old),
            new: admitted(&self.new, new),
        })
    }
}

impl<'a> Player<'a> {
    fn new(config: &'a Config) -> Self {
        let listeners = config.listeners.iter();
        Self {
            config,
            listeners: listeners
                .map(|listener| (listener, listener.address.to_string()))
                .collect(),
        }
    }

    /// The listener of this name or address, or the first.
    fn listener(&self, name: Option<&str>) -> Result<&'a Listener, Obstacle> {
        let mut listeners = self.listeners.iter();
        let found = match name {
            Some(name) => {
                listeners.find(|(listener, address)| *listener.name == *name || address == name)
            }
            None => listeners.next(),
        };
        found
            .map(|(listener, _address)| *listener)
            .ok_or_else(|| Obstacle::Listener {
                listener: question::shortened(name.unwrap_or_default()),
                file: self.config.path.display().to_string(),
            })
    }
}

impl<'a> Decider<'a> {
    pub(super) fn new(pair: &'a Pair<'a>) -> Self {
        Self {
            pair,
            known: HashMap::new(),
            clients: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Decides twice.
    ///
    /// # Errors
    /// When one of the configurations, or the record, lacks something for it.
    pub(super) fn play(&mut self, envelope: Envelope<'_>) -> Result<Played<'a>, Obstacle> {
        let pair = self.pair;
        self.key.clear();
        envelope.client.key(&mut self.key);
        let at = match self.known.get(&self.key) {
            Some(at) => *at,
            None => {
                let clients = pair.clients(&envelope.client)?;
                if self.clients.len() >= CLIENTS {
                    self.known.clear();
                    self.clients.clear();
                }
                self.known.insert(self.key.clone(), self.clients.len());
                self.clients.push(clients);
                self.clients.len() - 1
            }
        };
        let Some(clients) = self.clients.get(at) else {
            // Whoever is known is there.
            return Err(Obstacle::Object);
        };
        let (sender, recipients) = (envelope.sender, envelope.recipients);
        let mut played = Played {
            old: clients.old.decide(pair.old.config, &sender, &recipients),
            new: clients.new.decide(pair.new.config, &sender, &recipients),
            sender,
            recipients,
            differences: Differences::default(),
        };
        let sides = [played.before(), played.after()];
        if envelope.known == Known::Some && sides.iter().any(|side| side.depends_on_recipients()) {
            return Err(Obstacle::Cut("rcpt_domains"));
        }
        played.differences = pair.differences(played.before(), played.after());
        Ok(played)
    }
}

impl Admitted {
    /// The decision; none where MAIL is refused.
    fn decide<'a>(
        &self,
        config: &'a Config,
        sender: &SenderEvidence,
        recipients: &[RecipientEvidence],
    ) -> (&'a Config, Option<Attribution>) {
        let session = match self {
            Admitted::No => return (config, None),
            Admitted::Yes(session) => session,
        };
        let mut decision = Decision::open(&config.directory, session, sender);
        for recipient in recipients {
            decision.recipient(&config.directory, session, recipient);
        }
        (config, Some(decision.finish()))
    }
}

impl Played<'_> {
    /// What the old configuration says.
    pub(super) fn before(&self) -> Ruled<'_> {
        ruled(&self.old)
    }

    /// What the new configuration says.
    pub(super) fn after(&self) -> Ruled<'_> {
        ruled(&self.new)
    }
}

fn same(tenant: &Tenant, new: &Config) -> Option<(TenantId, Differences)> {
    let same = new.tenant(new.directory.tenant_by_name(&tenant.name)?)?;
    Some((same.id, Differences::of_tenants(tenant, same)))
}

fn ruled<'p>((config, decided): &'p (&'_ Config, Option<Attribution>)) -> Ruled<'p> {
    Ruled {
        config,
        ruling: match decided {
            None => Ruling::CertificateRequired,
            Some(attribution) => Ruling::Attributed(attribution),
        },
    }
}

/// Clients that are kept at a time.
const CLIENTS: usize = 4_096;
