//! The world in force, swapped as a whole while sessions go on.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::attribution::Forest;
use crate::events::{Change, ChangeError, Substitutions};
use crate::world::World;

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
}
