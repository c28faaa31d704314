//! The why of an answer: one line for every step and every candidate.

mod reason;
mod text;

use std::sync::Arc;

use serde::Serialize;

use crate::world::{TenantIndex, World};

use super::ConnectorRef;

pub use reason::{Reason, Standing};
pub(super) use text::quoted;

/// One line of the why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The step.
    pub stage: Stage,
    /// What became of the candidate.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The tenant in question.
    pub tenant: Option<TenantIndex>,
    /// The connector in question.
    pub connector: Option<ConnectorRef>,
    /// The connector that won over it.
    pub rival: Option<ConnectorRef>,
    /// What was looked at: a certificate name, an address, a domain.
    pub value: Option<Arc<str>>,
    /// What it was held against: an accepted domain, a region, a problem.
    pub against: Option<Arc<str>>,
    /// How many, where the reason counts.
    pub count: usize,
    /// Whether Microsoft says so; a documented reason may rest on a decision of the lab here.
    pub standing: Standing,
}

/// The step of a [`Why`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The certificate's names.
    Certificate,
    /// The address or the certificate, with MAIL FROM.
    Sender,
    /// RCPT TO, and the connector that an incoming message is credited to.
    Recipient,
    /// What the tenant and the service refuse afterwards.
    Policy,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It decided.
    Chosen,
    /// It did not.
    Lost,
    /// It refuses the recipient.
    Refused,
    /// Nothing was at stake, but it is good to know.
    Note,
}

/// The JSON form of a [`Why`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained<'a> {
    /// `certificate`, `sender`, `recipient` or `policy`.
    pub stage: &'static str,
    /// The tenant's name.
    pub tenant: Option<&'a str>,
    /// The connector's name.
    pub connector: Option<&'a str>,
    /// `chosen`, `lost`, `refused` or `note`.
    pub outcome: &'static str,
    /// The stable word of the [`Reason`].
    pub reason: &'static str,
    /// Whether Microsoft documents the rule; otherwise it is a decision of the lab.
    pub documented: bool,
    /// One sentence in the world's own names.
    pub text: String,
}

impl Why {
    pub(super) fn new(stage: Stage, outcome: Outcome, reason: Reason) -> Self {
        Self {
            stage,
            outcome,
            reason,
            tenant: None,
            connector: None,
            rival: None,
            value: None,
            against: None,
            count: 0,
            standing: reason.standing(),
        }
    }

    /// Marks it as a decision of the lab, although its reason is documented.
    pub(super) fn undocumented(mut self) -> Self {
        self.standing = Standing::LabDecision;
        self
    }

    /// The same, where `guess`.
    pub(super) fn guess(self, guess: bool) -> Self {
        if guess { self.undocumented() } else { self }
    }

    pub(super) fn tenant(mut self, tenant: TenantIndex) -> Self {
        self.tenant = Some(tenant);
        self
    }

    pub(super) fn connector(mut self, connector: ConnectorRef) -> Self {
        self.tenant = Some(connector.tenant);
        self.connector = Some(connector);
        self
    }

    pub(super) fn rival(mut self, rival: ConnectorRef) -> Self {
        self.rival = Some(rival);
        self
    }

    pub(super) fn value(mut self, value: impl Into<Arc<str>>) -> Self {
        self.value = Some(value.into());
        self
    }

    pub(super) fn against(mut self, against: impl Into<Arc<str>>) -> Self {
        self.against = Some(against.into());
        self
    }

    pub(super) fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Says that a list was cut at [`LISTED`].
    pub(super) fn more(stage: Stage, listed: usize) -> Option<Self> {
        let left = listed.saturating_sub(LISTED);
        (left > 0).then(|| Self::new(stage, Outcome::Note, Reason::More).count(left))
    }

    /// The JSON form.
    #[must_use]
    pub fn explained<'a>(&self, world: &'a World) -> Explained<'a> {
        let tenant = self.tenant.and_then(|tenant| world.tenant(tenant));
        Explained {
            stage: self.stage.as_str(),
            tenant: tenant.map(|tenant| tenant.name.as_str()),
            connector: self
                .connector
                .and_then(|at| connector(world, at))
                .map(|connector| connector.name.as_str()),
            outcome: self.outcome.as_str(),
            reason: self.reason.word(),
            documented: self.standing == Standing::Documented,
            text: self.text(world),
        }
    }
}

impl Stage {
    /// Its stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Policy => "policy",
        }
    }
}

impl Outcome {
    /// Its stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Note => "note",
        }
    }
}

/// Appends the lines of the first [`LISTED`] candidates, and how many more there are.
pub(super) fn list<T>(
    mut candidates: impl Iterator<Item = T>,
    lines: impl Fn(T) -> Vec<Why>,
    why: &mut Vec<Why>,
) {
    for candidate in candidates.by_ref().take(LISTED) {
        why.extend(lines(candidate));
    }
    if let Some(stage) = why.last().map(|why| why.stage) {
        why.extend(Why::more(stage, LISTED + candidates.count()));
    }
}

/// The same, with those that the reader asks about in front.
pub(super) fn list_first<T>(
    candidates: impl Iterator<Item = T> + Clone,
    first: impl Fn(&T) -> bool,
    lines: impl Fn(T) -> Vec<Why>,
    why: &mut Vec<Why>,
) {
    let asked = candidates.clone().filter(&first);
    let others = candidates.filter(|candidate| !first(candidate));
    list(asked.chain(others), lines, why);
}

fn connector(world: &World, at: ConnectorRef) -> Option<&crate::world::InboundConnector> {
    let tenant = world.tenant(at.tenant)?;
    tenant.inbound_connectors.get(at.connector)
}

/// The most candidates that one list of a why names; the rest is counted.
pub(super) const LISTED: usize = 16;
