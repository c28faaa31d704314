//! A run: what a plan needs in memory, threads that send, and one that gathers what they report.

mod gather;
mod knee;
mod prepared;

use std::sync::Arc;
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::plan::{Plan, Problems};
use crate::result::{Live, Outcome};

use gather::Ends;
pub(crate) use gather::part;
pub(crate) use prepared::Prepared;

/// A plan with everything it needs in memory, ready to start.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
    prepared: Arc<Prepared>,
}

/// A run under way. Dropping it gives up at once what is under way.
#[derive(Debug)]
pub struct Running {
    live: watch::Receiver<Arc<Live>>,
    ends: Ends,
    conductor: Option<JoinHandle<Result<Outcome, RunError>>>,
}

/// Why a run cannot be.
#[derive(Debug, Error)]
pub enum RunError {
    /// The plan's files do not hold what they should.
    #[error(transparent)]
    Plan(#[from] Problems),
    /// The target's host has no address.
    #[error("cannot find the address of {host}: {error}")]
    Resolve {
        /// The host.
        host: String,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The system does not allow as many open files as there are to be connections.
    #[error(
        "{wanted} connections need more open files than the {allowed} that this process may have; \
         raise the limit (ulimit -n) or lower pace.connections"
    )]
    OpenFiles {
        /// How many connections.
        wanted: u64,
        /// How many files.
        allowed: u64,
    },
    /// The journal cannot be read.
    #[error("cannot read the journal {path}: {error}", path = path.display())]
    Journal {
        /// Its file.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A thread ended by a panic, which is a mistake of ours.
    #[error("a thread of the load generator panicked")]
    Panicked,
}

/// What a run is to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// What the plan says.
    Measure,
    /// The highest rate that stays within the plan's bounds.
    FindKnee,
}

impl Run {
    /// Reads certificates and contents, and finds the target's address.
    ///
    /// # Errors
    ///
    /// When something that the plan names is not there or cannot be used.
    pub fn prepare(plan: Plan) -> Result<Self, RunError> {
        let prepared = Arc::new(Prepared::load(&plan)?);
        Ok(Self { plan, prepared })
    }

    /// The names of the tenants, in the order of their indexes in message ids.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        let tenants = self.prepared.roster.tenants.iter();
        tenants.map(|tenant| &*tenant.name)
    }

    /// Starts it on threads of its own.
    ///
    /// # Errors
    ///
    /// When the system does not give what it needs.
    pub fn start(self, goal: Goal) -> Result<Running, RunError> {
        prepared::open_files(&self.plan, goal)?;
        let (sender, live) = watch::channel(Arc::new(gather::nothing_yet()));
        let ends = Ends::default();
        let own = ends.clone();
        let conductor = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || match goal {
                Goal::Measure => gather::measure(&self.prepared, self.plan, &own, &sender, None),
                Goal::FindKnee => knee::find(&self.prepared, &self.plan, &own, &sender),
            })
            .map_err(RunError::Thread)?;
        Ok(Running {
            live,
            ends,
            conductor: Some(conductor),
        })
    }
}

impl Running {
    /// What a view shows: replaced about every second, and once more at the end, after which the
    /// sender is gone.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<Arc<Live>> {
        self.live.clone()
    }

    /// Something that can end it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.ends.clone())
    }

    /// Waits until it is over.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or a thread failed.
    pub fn finish(mut self) -> Result<Outcome, RunError> {
        let conductor = self.conductor.take().ok_or(RunError::Panicked)?;
        conductor.join().map_err(|_| RunError::Panicked)?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.conductor.is_some() {
            self.ends.give_up.cancel();
        }
    }
}

/// Ends a run early.
#[derive(Debug, Clone)]
pub struct Stopper(Ends);

impl Stopper {
    /// The first time nothing new is begun and what is under way may end; the second time it is
    /// given up.
    pub fn stop(&self) {
        if self.0.stop.is_cancelled() {
            self.0.give_up.cancel();
        }
        self.0.stop.cancel();
    }
}

/// Something that happens to a whole run.
pub(crate) type Signal = CancellationToken;
