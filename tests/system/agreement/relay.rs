//! The relay of a scene: its configuration as an operator would write it, and its decisions.

use std::fmt::Write as _;

use tempfile::TempDir;
use tenantry_attribution::{Attribution, RecipientOutcome, Verdict, attribute, explain};
use tenantry_relay::config::Config;
use tenantry_relay::explain::{Given, GivenCertificate, Question};

use super::scene::{Message, Scene};
use crate::world::{ASKING, Pki};

/// Where configurations find certificates and keys.
pub(super) struct Folder(TempDir);

/// A configuration in force.
pub(super) struct Decider(Config);

/// A message that the relay sends on.
pub(super) struct Forwarded {
    /// For whom.
    pub(super) tenant: usize,
    /// `certificate`, `sender` or `recipient`.
    pub(super) basis: &'static str,
    /// Which of the recipients.
    pub(super) recipients: Vec<String>,
}

impl Folder {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Pki::new(folder.path());
        Folder(folder)
    }

    /// Loads a scene's configuration. All tenants have one certificate here: names of certificates are what the lab is
    /// asked with, certificates are the business of the sockets.
    pub(super) fn decider(&self, scene: &Scene) -> Decider {
        let path = self.0.path().join("relay.toml");
        let upstream = |_tenant| {
            "upstream = \"mail.example:25\"\ncertificate = \"relay.pem\"\nkey = \"relay.key\""
                .to_owned()
        };
        std::fs::write(&path, configuration(scene, upstream)).unwrap();
        let loaded = Config::load(&path);
        Decider(loaded.unwrap_or_else(|problems| panic!("seed {}: {problems}", scene.seed)))
    }
}

impl Decider {
    /// What becomes of a message; absent if the relay refuses it altogether.
    pub(super) fn decide(&self, message: &Message) -> Option<Forwarded> {
        let question = self.question(message)?;
        let attribution = attribute(&self.0.directory, &question.evidence);
        let Verdict::Tenant { id, basis } = attribution.verdict else {
            return None;
        };
        let outcomes = message.rcpt_to.iter().zip(&attribution.recipients);
        let recipients: Vec<String> = outcomes
            .filter(|(_, outcome)| **outcome == RecipientOutcome::Accepted)
            .map(|(recipient, _)| recipient.clone())
            .collect();
        (!recipients.is_empty()).then(|| Forwarded {
            tenant: id.index(),
            basis: basis.as_str(),
            recipients,
        })
    }

    /// Every step of the decision in words.
    pub(super) fn why(&self, message: &Message) -> Vec<String> {
        self.question(message).map_or_else(Vec::new, |question| {
            let attribution: Attribution = attribute(&self.0.directory, &question.evidence);
            explain(&self.0.directory, &question.evidence, &attribution)
        })
    }

    /// Absent when an address breaks the grammar, so that the relay has refused it before.
    fn question(&self, message: &Message) -> Option<Question> {
        let certificate = match (&message.problem, &message.certificate) {
            (Some(problem), _) => GivenCertificate::Problem(problem),
            (None, Some(names)) => GivenCertificate::Names(names),
            (None, None) => GivenCertificate::None,
        };
        let listener = if message.ignore_untrusted {
            "ignoring"
        } else {
            "refusing"
        };
        let given = Given {
            listener: Some(listener),
            certificate,
            peer: Some(message.peer),
            mail_from: &message.mail_from,
            rcpt_to: &message.rcpt_to,
        };
        Question::new(&self.0, &given).ok()
    }
}

/// The configuration that an operator writes for a scene; `upstream` says where a tenant's mail goes and as whom.
pub(super) fn configuration(scene: &Scene, upstream: impl Fn(usize) -> String) -> String {
    let mut text = "hostname = \"relay.test\"\n".to_owned();
    for (name, untrusted) in [("refusing", "refuse"), ("ignoring", "ignore")] {
        write!(
            text,
            "\n[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\n{ASKING}\n\
             untrusted_certificate = \"{untrusted}\"\ncertificate = \"relay.pem\"\nkey = \"relay.key\"\n"
        )
        .unwrap();
    }
    let name = |tenant: &usize| scene.world.tenants[*tenant].name.clone();
    for peer in &scene.peers {
        let network = peer.network;
        let names: Vec<String> = match &peer.tenants {
            Some(tenants) => tenants.iter().map(name).collect(),
            None => vec!["*".to_owned()],
        };
        write!(
            text,
            "\n[[peer]]\nname = \"n{network}\"\nnetworks = [\"127.{network}.0.0/16\"]\ntenants = {names:?}\n"
        )
        .unwrap();
    }
    for (tenant, route) in scene.routes.iter().enumerate() {
        write!(
            text,
            "\n[[tenant]]\nname = {:?}\n{}\nupstream_trust = [\"servers-ca.pem\"]\n\
             certificate_domains = {:?}\nsender_domains = {:?}\nrecipient_domains = {:?}\n",
            name(&tenant),
            upstream(tenant),
            route.certificate_domains,
            route.sender_domains,
            route.recipient_domains
        )
        .unwrap();
    }
    text
}
