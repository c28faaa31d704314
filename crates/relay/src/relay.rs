//! The running relay: its listeners, its configuration in force, its sessions; started, reloaded and stopped here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::listeners::Listeners;
use crate::snapshot::Snapshot;
use crate::telemetry::{ClosedTransaction, ConflictCount, Counters, ShadowCount, events};
use crate::upstream::pool::Pool;

/// A relay that is serving.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    listeners: Listeners,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct Shared {
    snapshot: ArcSwap<Snapshot>,
    pub(crate) pool: Pool,
    /// This process, in greetings and `Received`: how a loop to ourselves is seen.
    pub(crate) instance: Arc<str>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    cut_off: CancellationToken,
    sessions: AtomicUsize,
    numbered: AtomicU64,
    panics: AtomicU64,
    observers: broadcast::Sender<ClosedTransaction>,
    counters: Counters,
}

/// What a relay is busy with at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Client sessions.
    pub sessions: usize,
    /// Upstream connections that are kept for later.
    pub idle_upstream_connections: usize,
    /// Sessions that ended by a panic since the start.
    pub panics: u64,
    /// What the shadow configuration has made of transactions since the start.
    pub shadow: ShadowCount,
}

/// The relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error("listener {listener}: cannot bind {address}: {error}")]
    Bind {
        /// The listener's name.
        listener: String,
        /// Where it should be.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
}

/// A new configuration cannot be taken; the old one stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A listener that is new in it cannot be bound.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Relay {
    /// Binds all listeners and serves in the background, until [`Relay::stop`].
    ///
    /// # Errors
    /// An address cannot be bound; nothing is left running.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let pool = Pool::default();
        let listeners = Listeners::new(&config);
        let snapshot = Snapshot::new(config, &pool);
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(snapshot),
            pool,
            instance: format!("{:016x}", fastrand::u64(..)).into(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            sessions: AtomicUsize::new(0),
            numbered: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            observers: broadcast::Sender::new(OBSERVED),
            counters: Counters::default(),
        });
        let plan = listeners.plan(&shared.snapshot().config)?;
        listeners.apply(plan, &shared);
        shared.spawn_sweeper();
        shared.spawn_counting();
        if let Some(shadow) = &shared.snapshot().config.shadow {
            events::shadowing(shadow);
        }
        Ok(Relay { shared, listeners })
    }

    /// Where the listeners are, by name: the ports that the system chose, where the configuration says 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.listeners.addresses()
    }

    /// Puts a checked configuration in force for all transactions that begin from now on.
    ///
    /// # Errors
    /// A listener that is new in it cannot be bound; then nothing changes.
    pub fn reload(&self, config: Config) -> Result<(), ReloadError> {
        let plan = self.listeners.plan(&config)?;
        let snapshot = Arc::new(Snapshot::new(config, &self.shared.pool));
        self.shared.snapshot.store(Arc::clone(&snapshot));
        self.shared.pool.retire_all_but(snapshot.slots());
        self.listeners.apply(plan, &self.shared);
        events::reloaded(&snapshot.config);
        Ok(())
    }

    /// Stops taking connections, lets running transactions finish for the configured time, and ends the rest.
    pub async fn stop(self) {
        let drain = self.shared.snapshot().config.drain;
        events::stopping(self.shared.sessions(), drain);
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        if timeout(drain, self.shared.tasks.wait()).await.is_err() {
            let cut_off = self.shared.sessions();
            self.shared.cut_off.cancel();
            let _ = timeout(CUT_OFF, self.shared.tasks.wait()).await;
            events::stopped(cut_off);
        } else {
            events::stopped(0);
        }
        events::counted(&self.shared.counters);
        self.shared.pool.close().await;
    }

    /// What it is busy with.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            sessions: self.shared.sessions(),
            idle_upstream_connections: self.shared.pool.idle(),
            panics: self.shared.panics.load(Ordering::Relaxed),
            shadow: self.shared.counters.shadow_count(),
        }
    }

    /// Every pair of tenants of which one's certificate has sent for the other's domains since the start, by name.
    /// Their number is bounded.
    #[must_use]
    pub fn conflicts(&self) -> Vec<ConflictCount> {
        self.shared.counters.conflict_counts()
    }

    /// Every transaction that closes from now on; a receiver that falls far behind misses some.
    #[must_use]
    pub fn transactions(&self) -> broadcast::Receiver<ClosedTransaction> {
        self.shared.observers.subscribe()
    }
}

impl Shared {
    /// The configuration now in force.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether this is the configuration now in force.
    pub(crate) fn is_current(&self, snapshot: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot.load(), snapshot)
    }

    /// Who watches closed transactions.
    pub(crate) fn observers(&self) -> &broadcast::Sender<ClosedTransaction> {
        &self.observers
    }

    /// What is counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Cancelled once the relay is to stop.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Cancelled once sessions have had their time.
    pub(crate) fn cut_off(&self) -> &CancellationToken {
        &self.cut_off
    }

    /// The set that shutdown drains.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Sessions at the moment.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Counts a session for as long as the returned value lives.
    pub(crate) fn count_session(self: &Arc<Self>) -> Counted {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    /// Counts a session that panicked.
    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// A name for a new session, unique in this process.
    pub(crate) fn next_session(&self) -> String {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.instance.get(..8).unwrap_or_default())
    }

    fn spawn_sweeper(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(SWEEP);
            loop {
                tokio::select! {
                    // Cancelling loses nothing: the next sweep would have done the rest.
                    () = shared.stopping.cancelled() => return,
                    _ = ticks.tick() => shared.pool.sweep().await,
                }
            }
        });
    }
}

impl Shared {
    fn spawn_counting(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(COUNTS);
            loop {
                tokio::select! {
                    // Cancelling loses nothing: the stop says what is left to be said.
                    () = shared.stopping.cancelled() => return,
                    _ = ticks.tick() => events::counted(&shared.counters),
                }
            }
        });
    }
}

/// A session that counts while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Closed transactions that a slow observer may be behind.
const OBSERVED: usize = 4096;

/// How often counters are logged that have changed.
const COUNTS: Duration = Duration::from_secs(300);

/// How often the pool is looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// How long sessions that were cut off may take to end.
const CUT_OFF: Duration = Duration::from_secs(2);
