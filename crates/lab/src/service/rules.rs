//! The world in force, swapped as a whole while sessions go on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::attribution::Forest;
use crate::events::{Change, ChangeError, Substitutions};
use crate::world::{Tenant, World};

/// The rules in force, and how they change.
#[derive(Debug)]
pub(super) struct Rules {
    current: ArcSwap<Rulebook>,
    /// Changes come one after the other, so that none is lost.
    changing: Mutex<()>,
}

/// What a transaction is judged by, from MAIL to its end.
#[derive(Debug)]
pub(super) struct Rulebook {
    pub(super) forest: Arc<Forest>,
    pub(super) substitutions: Substitutions,
}

impl Rules {
    pub(super) fn new(world: World) -> Self {
        let book = Rulebook {
            forest: Arc::new(Forest::new(world)),
            substitutions: Substitutions::default(),
        };
        Self {
            current: ArcSwap::from_pointee(book),
            changing: Mutex::default(),
        }
    }

    pub(super) fn current(&self) -> Arc<Rulebook> {
        self.current.load_full()
    }

    pub(super) fn apply(&self, change: &Change) -> Result<(), ChangeError> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let mut world = current.forest.world().clone();
        let mut substitutions = current.substitutions.clone();
        change.apply(&mut world, &mut substitutions)?;
        self.current.store(Arc::new(Rulebook {
            forest: Arc::new(Forest::new(world)),
            substitutions,
        }));
        Ok(())
    }

    /// Puts another world in force; rotated certificates are what the world says again. Counts go
    /// by a tenant's place, so those of the world before keep theirs: one that is gone stays there
    /// without domains and connectors, new ones come last.
    pub(super) fn replace(&self, world: World, most: usize) -> Result<(), TooManyTenants> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let world = arranged(self.current().forest.world(), world);
        if world.tenants.len() > most {
            return Err(TooManyTenants { most });
        }
        self.current.store(Arc::new(Rulebook {
            forest: Arc::new(Forest::new(world)),
            substitutions: Substitutions::default(),
        }));
        Ok(())
    }
}

/// A world has more new tenants than a running service has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a service that runs has room for {most} tenants, those that are gone among them; start it anew"
)]
pub struct TooManyTenants {
    /// The room.
    pub most: usize,
}

fn arranged(before: &World, world: World) -> World {
    let given = world.tenants.into_iter().enumerate();
    let mut given: BTreeMap<String, (usize, Tenant)> = given
        .map(|(place, tenant)| (tenant.name.clone(), (place, tenant)))
        .collect();
    let mut tenants = Vec::with_capacity(given.len());
    for tenant in &before.tenants {
        let found = given.remove(&tenant.name).map(|(_, tenant)| tenant);
        tenants.push(found.unwrap_or_else(|| Tenant {
            accepted_domains: Vec::new(),
            inbound_connectors: Vec::new(),
            ..tenant.clone()
        }));
    }
    let mut new: Vec<(usize, Tenant)> = given.into_values().collect();
    new.sort_by_key(|(place, _)| *place);
    tenants.extend(new.into_iter().map(|(_, tenant)| tenant));
    World {
        tenants,
        profile: world.profile,
    }
}
