//! The world's scripted events, by the service's clock.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::events::{Change, ChangeError, Event};

/// An event that has had its time.
#[derive(Debug)]
pub struct Happening {
    /// How long after the start.
    pub at: Duration,
    /// What was to change.
    pub change: Change,
    /// Whether it did.
    pub applied: Result<(), ChangeError>,
}

/// Events that nobody has looked at; there are no more than the world file has.
#[derive(Debug, Default)]
pub(super) struct Happenings {
    waiting: Mutex<VecDeque<Happening>>,
    added: Notify,
}

impl Happenings {
    fn add(&self, happening: Happening) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(happening);
        drop(waiting);
        // It is remembered when nobody waits.
        self.added.notify_one();
    }

    /// The oldest. Cancelling the wait loses nothing.
    pub(super) async fn next(&self) -> Happening {
        loop {
            if let Some(happening) = self.take() {
                return happening;
            }
            self.added.notified().await;
        }
    }

    pub(super) fn take(&self) -> Option<Happening> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} {}", self.at, self.change)?;
        match &self.applied {
            Ok(()) => Ok(()),
            Err(error) => write!(out, ": not possible: {error}"),
        }
    }
}

/// Applies each event at its time. What cannot be applied is reported, and the others go on.
/// Cancelling it loses the events that were still to come, which is what stopping means.
pub(super) async fn run(shared: Arc<Shared>, mut events: Vec<Event>, stop: CancellationToken) {
    let start = Instant::now();
    events.sort_by_key(|event| event.at);
    for event in events {
        // What lies beyond the clock's end never comes.
        let Some(at) = start.checked_add(event.at) else {
            return;
        };
        if stop.run_until_cancelled(sleep_until(at)).await.is_none() {
            return;
        }
        let applied = shared.rules.apply(&event.change);
        match &applied {
            Ok(()) => tracing::info!(change = %event.change, "the world has changed"),
            Err(error) => tracing::warn!(%error, "an event cannot be applied"),
        }
        shared.happenings.add(Happening {
            at: event.at,
            change: event.change,
            applied,
        });
    }
}
