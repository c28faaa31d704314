//! A run: threads that send, and what they report.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;

use crate::plan::{Plan, Problems};
use crate::result::{Live, Outcome};

/// A plan with everything it needs in memory, ready to start.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
}

/// A run under way. Dropping it stops it at once.
#[derive(Debug)]
pub struct Running {
    live: watch::Receiver<Arc<Live>>,
}

/// Why a run cannot be.
#[derive(Debug, Error)]
pub enum RunError {
    /// The plan's files do not hold what they should.
    #[error(transparent)]
    Plan(#[from] Problems),
}

impl Run {
    /// Reads certificates and contents, and finds the target's address.
    ///
    /// # Errors
    ///
    /// When something that the plan names is not there or cannot be used.
    pub fn prepare(plan: Plan) -> Result<Self, RunError> {
        Ok(Self { plan })
    }
}

impl Running {
    /// What a view shows: replaced about every second, and once more at the end.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<Arc<Live>> {
        self.live.clone()
    }
}
