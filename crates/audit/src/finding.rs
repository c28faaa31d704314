//! What a rule found: which object, where it stands, what is wrong with it in the user's own values,
//! and exactly what to change.

use tenantry_lab::world::Place;

use crate::rule::{Rule, Severity};

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How bad this one is; mostly the rule's own severity.
    pub severity: Severity,
    /// The tenant that it is about, by its name in the files; absent for what belongs to none.
    pub tenant: Option<String>,
    /// The object, as `inbound connector "Scanner"`.
    pub object: String,
    /// Where it stands: the property itself wherever there is one.
    pub place: Place,
    /// What is wrong, with the values of the files: a sentence without a full stop that begins with
    /// the object. Rules give what follows after it; see `Finding::whole`.
    pub message: String,
    /// Other places that take part, each with what stands there.
    pub related: Vec<Related>,
    /// What to change, in the order of doing; never empty.
    pub remedy: Vec<Remedy>,
    /// Why it is accepted, if the configuration says so.
    pub allowed: Option<Allowed>,
}

impl Finding {
    /// The object with the tenant that it belongs to, as `inbound connector "Scanner" of contoso`,
    /// or with the one that it sends to, as `Send connector "To the cloud" for contoso`.
    #[must_use]
    pub fn subject(&self) -> String {
        let object = &self.object;
        // A section of the relay's configuration names its tenant itself, and a peer serves several.
        let by_itself = ["tenant ", "peer "]
            .iter()
            .any(|kind| object.starts_with(kind));
        let whose = match object.starts_with("Send connector ") {
            true => "for",
            false => "of",
        };
        match &self.tenant {
            Some(tenant) if !by_itself => format!("{object} {whose} {tenant}"),
            Some(_) | None => object.clone(),
        }
    }

    /// Makes a sentence of what a rule says of the object.
    pub(crate) fn whole(&mut self) {
        self.message = format!("{} {}", self.subject(), self.message);
    }
}

/// Another place that takes part in a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What stands there, as `fabrikam lists the same address`.
    pub what: String,
}

/// One step of a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// What to do outside of both, as ordering a certificate.
    Words(String),
    /// A command of Exchange Online's PowerShell, for the tenant of that name.
    ExchangeOnline {
        /// The tenant to be connected to.
        tenant: String,
        /// The command.
        command: String,
    },
    /// A command of the Exchange Management Shell on premises.
    ExchangeServer {
        /// The command.
        command: String,
    },
    /// A change of the relay's configuration.
    Toml {
        /// The file, as it was named on the command line or found from there.
        file: String,
        /// The lines as they should read.
        text: String,
    },
}

/// A finding that the configuration accepts, with the reason it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The reason, as written.
    pub reason: String,
    /// Where it is written.
    pub place: Place,
}
