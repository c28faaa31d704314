//! The world's scripted events, by the service's clock.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::events::Event;

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
        match shared.rules.apply(&event.change) {
            Ok(()) => tracing::info!(change = ?event.change, "the world has changed"),
            Err(error) => tracing::warn!(%error, "an event cannot be applied"),
        }
    }
}
