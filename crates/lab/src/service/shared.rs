//! What all sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tenantry_net::{ConnectionLimits, ServerTls};

use super::faults::Faults;
use super::host::Host;
use super::quota::Quotas;
use super::rules::Rules;
use super::timeline::Happenings;
use crate::file::{AddressMap, Limits, Timeouts};
use crate::journal::{Journal, Maildir};
use crate::world::Region;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
    pub(super) addresses: AddressMap,
    pub(super) faults: Faults,
    pub(super) quotas: Quotas,
    pub(super) connections: Arc<ConnectionLimits>,
    pub(super) tls: Arc<ServerTls>,
    /// The same with a certificate that has expired; made only when a fault wants it.
    pub(super) expired_tls: Option<Arc<ServerTls>>,
    pub(super) journal: Journal,
    pub(super) maildir: Option<Maildir>,
    pub(super) happenings: Happenings,
    pub(super) last_id: AtomicU64,
}

/// One region's listener, as its sessions know it.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) region: Region,
    pub(super) host: Host,
}

impl Shared {
    /// A number in the way of the service's session ids: ticks of 100 ns since the year 1, which
    /// no other id of this service has.
    pub(super) fn next_id(&self) -> u64 {
        let since = Timestamp::now().as_microsecond().unsigned_abs();
        let now = since.saturating_mul(10).saturating_add(UNIX_EPOCH_TICKS);
        let advance = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self
            .last_id
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
        let last = last.unwrap_or_default();
        now.max(last.saturating_add(1))
    }
}

const UNIX_EPOCH_TICKS: u64 = 621_355_968_000_000_000;
