//! What a change makes of one recipient.

use std::fmt;

use serde::Serialize;

use crate::attribution::{self, Attribution, Forest};

/// A recipient whose attribution is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The message's id in the sample.
    pub id: serde_json::Value,
    /// The recipient.
    pub rcpt: String,
    /// What it was.
    pub before: Outcome,
    /// What it is.
    pub after: Outcome,
    /// The changes that moved it, in their text form and order.
    pub causes: Vec<String>,
    /// What decides now, in sentences.
    pub why: Vec<String>,
}

/// What a recipient's attribution comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The tenant's name.
    pub tenant: Option<String>,
    /// `originating`, `incoming` or `none`.
    pub direction: &'static str,
    /// `certificate`, `sender`, `recipient` or `none`.
    pub basis: &'static str,
    /// The connector's name; absent: the default connector.
    pub connector: Option<String>,
    /// The reply.
    pub reply: &'static str,
}

impl Outcome {
    /// In the names of its world, which may be another one afterwards.
    pub(super) fn of(forest: &Forest, attribution: &Attribution) -> Self {
        let world = forest.world();
        let tenant = attribution.tenant.and_then(|tenant| world.tenant(tenant));
        let connector = attribution.connector.and_then(|at| {
            let connectors = &world.tenant(at.tenant)?.inbound_connectors;
            connectors.get(at.connector)
        });
        Self {
            tenant: tenant.map(|tenant| tenant.name.clone()),
            direction: attribution.direction.as_str(),
            basis: attribution.basis.as_str(),
            connector: connector.map(|connector| connector.name.clone()),
            reply: attribution.answer.text(),
        }
    }
}

/// The sentences of the steps that decided.
pub(super) fn deciding(forest: &Forest, attribution: &Attribution) -> Vec<String> {
    use attribution::Outcome::{Chosen, Lost, Note, Refused};
    let decided = attribution.why.iter().filter(|why| match why.outcome {
        Chosen | Refused => true,
        Lost | Note => false,
    });
    decided.map(|why| why.text(forest.world())).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => {
                write!(out, "tenant {tenant}, {} by {}", self.direction, self.basis)?;
                match &self.connector {
                    Some(connector) => write!(out, ", connector {connector:?}")?,
                    None => out.write_str(", the default connector")?,
                }
            }
            None => out.write_str("nobody's")?,
        }
        write!(out, ": {}", self.reply)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} {}", self.id, self.rcpt.escape_debug())?;
        writeln!(out, "  before: {}", self.before)?;
        writeln!(out, "  after:  {}", self.after)?;
        for cause in &self.causes {
            writeln!(out, "  cause:  {cause}")?;
        }
        for why in &self.why {
            writeln!(out, "  why:    {why}")?;
        }
        Ok(())
    }
}
