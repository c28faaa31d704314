//! Waiting for something that another task brings about, without missing it.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Looks again whenever `changed` is notified, until the look finds something or the time is over.
pub(crate) async fn awaited<T>(
    changed: &Notify,
    within: Duration,
    look: impl Fn() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        let mut next = std::pin::pin!(changed.notified());
        // Before the look, so that no change after the look is missed.
        next.as_mut().enable();
        if let Some(found) = look() {
            return Some(found);
        }
        timeout_at(deadline, next).await.ok()?;
    }
}
