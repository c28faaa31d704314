//! The recording upstream over real sockets.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

mod client;
mod faults;
mod recording;
mod tls;

use std::time::Duration;

use tenantry_lab::upstream::{RecordingUpstream, UpstreamSettings};

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(10);

async fn start(settings: UpstreamSettings) -> RecordingUpstream {
    RecordingUpstream::start(settings).await.unwrap()
}
