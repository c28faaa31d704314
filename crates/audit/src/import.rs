//! From exports to a relay's configuration: for each tenant a `[[tenant]]` table, every value with
//! the place that it comes from.
//!
//! Nothing is guessed silently. What the exports do not decide stands as a line that
//! `tenantry check` refuses, saying what has to be filled in; what they have and the relay does not
//! take over is told as a [`Note`]. The same inventory gives the same drafts; no name server is asked.
//!
//! [`Import::of`] makes the drafts, [`Draft::text`] writes one as TOML, and [`diff`] compares an
//! inventory with a configuration that is in use.

mod connectors;
pub mod diff;
mod domains;
mod draft;
mod file_name;
mod identity;
mod overlap;
mod text;
mod upstream;

use crate::inventory::Inventory;
use crate::model::Model;

pub use draft::{Claim, Decided, Draft, Identity, Note, Question, Target, Weight};

/// What was made of an inventory.
#[derive(Debug, Clone)]
pub struct Import {
    /// One for each tenant, in the order of the inventory.
    pub drafts: Vec<Draft>,
    /// What belongs to no tenant.
    pub notes: Vec<Note>,
}

impl Import {
    /// Makes the drafts of all tenants.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        Self::of_model(&Model::of(inventory))
    }

    fn of_model(model: &Model<'_>) -> Self {
        let mut names = file_name::Names::default();
        let mut drafts: Vec<Draft> = model
            .tenants()
            .iter()
            .enumerate()
            .map(|(number, tenant)| {
                let (name, file_name) = names.of(&tenant.name);
                let mut draft = Draft::new(number, name, file_name, tenant.place.clone());
                connectors::claim(model, number, tenant, &mut draft);
                domains::claim(tenant, &mut draft);
                draft.upstream = upstream::of_tenant(model, number, tenant, &mut draft.notes);
                draft
            })
            .collect();
        identity::choose(model, &mut drafts);
        overlap::compare(model, &mut drafts);
        let notes = upstream::unlinked(model);
        Self { drafts, notes }
    }

    /// How many lines somebody has to decide before `tenantry check` takes the files.
    #[must_use]
    pub fn open(&self) -> usize {
        self.drafts.iter().map(Draft::open).sum()
    }
}
