//! Upstream connections that are kept for the next message, strictly apart by [`PoolKey`].
//!
//! A slot belongs to one key and never sees a connection of another. Its permits bound how many connections it has and
//! are handed out in the order of asking. When a reload drops a tenant or changes its certificate, the old slot closes
//! what it kept at once; transactions that run on it finish.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::error::UpstreamError;
use super::key::PoolKey;
use super::watch::Unwatched;
use crate::config::Timeouts;
use crate::route::Target;

/// All slots of the process.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    slots: Mutex<HashMap<PoolKey, Weak<Slot>>>,
}

/// The connections of one key.
#[derive(Debug)]
pub(crate) struct Slot {
    key: Arc<PoolKey>,
    limits: SlotLimits,
    /// The connections that are kept; `None` once no configuration in force has a use for them.
    kept: Mutex<Option<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

/// How many connections a slot may have and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotLimits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Messages after which a connection is closed.
    pub(crate) messages: u32,
    /// Time after which an unused connection is closed.
    pub(crate) idle: Duration,
}

/// The right to use one connection for one transaction; dropped without [`Lease::put_back`], it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Connection,
    slot: Arc<Slot>,
    turn: OwnedSemaphorePermit,
}

/// Whether a lease may come from the connections that were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Any quiet one will do.
    KeptOrNew,
    /// The last one was dead: open a new one.
    New,
}

impl Pool {
    /// The slot of a key: the one that exists if its limits are still the same, else a new one.
    pub(crate) fn slot(&self, key: PoolKey, limits: SlotLimits) -> Arc<Slot> {
        let mut slots = locked(&self.slots);
        if let Some(slot) = slots
            .get(&key)
            .and_then(Weak::upgrade)
            .filter(|slot| slot.limits == limits && !slot.is_retired())
        {
            return slot;
        }
        let slot = Arc::new(Slot {
            key: Arc::new(key.clone()),
            limits,
            kept: Mutex::new(Some(Vec::new())),
            permits: Arc::new(Semaphore::new(limits.connections)),
        });
        if let Some(replaced) = slots.insert(key, Arc::downgrade(&slot)) {
            drop(slots);
            if let Some(replaced) = replaced.upgrade() {
                replaced.retire();
            }
        }
        slot
    }

    /// Closes what is kept for nothing: by slots that are not among those of the configuration in force. Transactions
    /// that still run on one finish on it, and leave nothing behind.
    pub(crate) fn retire_all_but<'a>(&self, in_force: impl Iterator<Item = &'a Arc<Slot>>) {
        let in_force: HashSet<*const Slot> = in_force.map(Arc::as_ptr).collect();
        let all: Vec<Arc<Slot>> = locked(&self.slots)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for slot in all {
            if !in_force.contains(&Arc::as_ptr(&slot)) {
                slot.retire();
            }
        }
    }

    /// Closes what was idle for too long or is no longer quiet, and forgets slots that nobody uses.
    pub(crate) async fn sweep(&self) {
        let slots: Vec<Arc<Slot>> = {
            let mut slots = locked(&self.slots);
            slots.retain(|_key, slot| slot.strong_count() > 0);
            slots.values().filter_map(Weak::upgrade).collect()
        };
        let mut expired = tokio::task::JoinSet::new();
        for slot in slots {
            for connection in slot.expired() {
                // Until it is closed it counts; when no turn is free, it closes without a word.
                if let Ok(turn) = Arc::clone(&slot.permits).try_acquire_owned() {
                    expired.spawn(leave(connection, turn));
                }
            }
        }
        while expired.join_next().await.is_some() {}
    }

    /// Closes everything that is idle.
    pub(crate) async fn close(&self) {
        let slots: Vec<Arc<Slot>> = locked(&self.slots)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let mut closing = tokio::task::JoinSet::new();
        for slot in slots {
            for connection in locked(&slot.kept).take().into_iter().flatten() {
                closing.spawn(connection.quit());
            }
        }
        while closing.join_next().await.is_some() {}
    }

    /// How many connections are kept for later.
    pub(crate) fn idle(&self) -> usize {
        let slots: Vec<Arc<Slot>> = locked(&self.slots)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        slots
            .iter()
            .map(|slot| locked(&slot.kept).as_ref().map_or(0, Vec::len))
            .sum()
    }
}

impl Slot {
    /// What its connections were opened for.
    pub(crate) fn key(&self) -> &Arc<PoolKey> {
        &self.key
    }

    /// A connection for one transaction of the target that this slot belongs to.
    ///
    /// Waits its turn when all are in use; looks at a kept connection before handing it out, and opens a new one when
    /// none is left.
    ///
    /// # Errors
    /// No turn in time, or no connection can be opened.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        target: &Target,
        timeouts: &Timeouts,
        instance: &str,
        freshness: Freshness,
    ) -> Result<Lease, UpstreamError> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_busy) => timeout(
                timeouts.upstream_slot,
                Arc::clone(&self.permits).acquire_owned(),
            )
            .await
            .map_err(|_elapsed| UpstreamError::Busy)?
            .map_err(|_closed| UpstreamError::Busy)?,
        };
        let kept = match freshness {
            Freshness::KeptOrNew => self.kept(),
            Freshness::New => {
                // The new one takes the place of one that is likely as dead as the last.
                drop(self.kept());
                None
            }
        };
        let connection = match kept {
            Some(connection) => connection,
            None => Connection::open(target, timeouts, instance, &mut Unwatched).await?,
        };
        if connection.key() != &*self.key || *connection.key() != *target.key {
            return Err(UpstreamError::WrongIdentity);
        }
        Ok(Lease {
            connection,
            slot: Arc::clone(self),
            turn: permit,
        })
    }

    fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = locked(&self.kept).as_mut()?.pop()?;
            if connection.idle_since.elapsed() < self.limits.idle && connection.is_quiet() {
                connection.reused = true;
                return Some(connection);
            }
        }
    }

    fn expired(&self) -> Vec<Connection> {
        let now = Instant::now();
        let mut kept = locked(&self.kept);
        let Some(kept) = kept.as_mut() else {
            return Vec::new();
        };
        kept.extract_if(.., |connection| {
            now.duration_since(connection.idle_since) >= self.limits.idle || !connection.is_quiet()
        })
        .collect()
    }

    fn is_retired(&self) -> bool {
        locked(&self.kept).is_none()
    }

    /// Closes what is kept, and keeps nothing from now on.
    fn retire(&self) {
        for connection in locked(&self.kept).take().into_iter().flatten() {
            tokio::spawn(connection.quit());
        }
    }
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Keeps the connection for the next message of the same key, unless it has served enough.
    pub(crate) fn put_back(mut self) {
        let limits = &self.slot.limits;
        if self.connection.messages >= limits.messages || limits.idle.is_zero() {
            tokio::spawn(leave(self.connection, self.turn));
            return;
        }
        if self.connection.smtp.outstanding() != 0 || !self.connection.channel.input.is_empty() {
            return;
        }
        self.connection.idle_since = Instant::now();
        self.connection.channel.rest();
        match locked(&self.slot.kept).as_mut() {
            Some(kept) => kept.push(self.connection),
            None => drop(tokio::spawn(leave(self.connection, self.turn))),
        }
    }
}

/// Says goodbye; the connection counts until it is closed.
async fn leave(connection: Connection, turn: OwnedSemaphorePermit) {
    connection.quit().await;
    drop(turn);
}

/// Nothing that holds these locks can panic half-way, so a poisoned one is as good as new.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
