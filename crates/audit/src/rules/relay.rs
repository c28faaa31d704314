//! The relay's own configuration: whose names and identities it has, what no client or upstream
//! would believe, and what can never decide.
//!
//! Rules here look at the configuration as it was written, so that one which the relay refuses is
//! looked at, too. What `tenantry check` says is repeated only where no rule says it better.

mod capture;
mod certificate;
mod identity;
mod input;
mod names;
mod owned;
mod peers;
mod shared;
mod table;
mod unreachable;
mod view;

#[cfg(test)]
mod tests;

use super::Group;
use crate::finding::Finding;
use crate::model::Model;

pub(super) const GROUP: Group = Group {
    rules: table::RULES,
    check,
};

/// Last of all groups: what is said elsewhere is not said again here.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let inventory = model.inventory();
    input::unreadable(inventory, findings);
    certificate::check(model, findings);
    if let Some(relay) = &inventory.relay {
        let view = view::View::of(model, relay);
        names::check(&view, findings);
        identity::check(&view, findings);
        capture::check(&view, findings);
        peers::check(&view, findings);
        unreachable::check(&view, findings);
        input::problems(relay, findings);
    }
}
