//! The simulated Exchange Online SMTP front end: one listener per region, Exchange Online's texts,
//! optional client certificates, attribution for every recipient, and a journal of what came.
//!
//! The path of a message: *accept* (within the limits) -> *session* (order and syntax by
//! [`tenantry_smtp`]) -> *transaction* (attribution by [`crate::attribution`], with the world as
//! it was at MAIL) -> *content* (hashed and counted as it comes, never whole in memory) ->
//! *verdict* (the refusals that wait for the end of data, hops, quotas) -> journal and maildir.
//! Faults may strike at every stage.
//!
//! It delivers nothing and connects to nobody. A client that goes away or breaks the protocol is
//! that session's end and nothing else's; what cannot start is a [`StartError`].

mod accept;
mod faults;
mod host;
mod message;
mod quota;
mod rules;
mod session;
mod shared;
mod start;
mod statistics;
mod texts;
mod timeline;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use rules::TooManyTenants;
pub use start::StartError;
pub use statistics::TenantStatistics;
pub use timeline::Happening;

use crate::attribution::Forest;
use crate::events::{Change, ChangeError, Substitutions};
use crate::file::Lab;
use crate::journal::{Ending, Journal};
use crate::world::{Region, World};
use shared::Shared;

/// A running front end. Dropping it ends it without waiting; [`LabService::stop`] waits.
#[derive(Debug)]
pub struct LabService {
    shared: Arc<Shared>,
    addresses: Vec<(Region, SocketAddr)>,
    stop: DropGuard,
    cut_off: DropGuard,
    tasks: TaskTracker,
    ending: Ending,
    drain: Duration,
}

/// What is not the world's business.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// Where the journal is written, one line of JSON for each record; absent: in memory only.
    pub journal: Option<PathBuf>,
    /// How many records are kept in memory.
    pub kept_records: usize,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            journal: None,
            kept_records: KEPT_RECORDS,
        }
    }
}

impl LabService {
    /// Reads the certificates, binds every endpoint and serves until it is stopped or dropped.
    /// The world's events count from here.
    ///
    /// # Errors
    /// When the world has no `[server]` or no endpoint, or a file or address cannot be used.
    pub async fn start(lab: Lab, options: ServiceOptions) -> Result<Self, StartError> {
        start::start(lab, options).await
    }

    /// Where it listens, in the order of the world's endpoints.
    #[must_use]
    pub fn addresses(&self) -> &[(Region, SocketAddr)] {
        &self.addresses
    }

    /// Where a region's endpoint listens.
    #[must_use]
    pub fn address(&self, region: &Region) -> Option<SocketAddr> {
        let mut found = self.addresses.iter();
        found
            .find(|(other, _)| other == region)
            .map(|(_, address)| *address)
    }

    /// What tenants received; stays usable after the service has stopped.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The world that the next transaction will be judged by.
    #[must_use]
    pub fn forest(&self) -> Arc<Forest> {
        Arc::clone(&self.shared.rules.current().forest)
    }

    /// The certificates that count as rotated.
    #[must_use]
    pub fn substitutions(&self) -> Substitutions {
        self.shared.rules.current().substitutions.clone()
    }

    /// Changes the world for all transactions that begin from now on; those under way keep what
    /// they began with.
    ///
    /// # Errors
    /// When the world has not got what the change names; nothing is changed then.
    pub fn apply(&self, change: &Change) -> Result<(), ChangeError> {
        self.shared.rules.apply(change)
    }

    /// Puts another world in force for all transactions that begin from now on. Tenants go by their
    /// names: those that are gone lose their domains and connectors, new ones are added.
    /// Endpoints, limits, faults and events stay as they were.
    ///
    /// # Errors
    /// When more tenants are new than the counts have room for.
    pub fn replace(&self, world: World) -> Result<(), TooManyTenants> {
        self.shared.rules.replace(world, self.shared.quotas.room())
    }

    /// The next of the world's events that has had its time, oldest first. Cancelling the wait
    /// loses nothing.
    pub async fn happening(&self) -> Happening {
        self.shared.happenings.next().await
    }

    /// The same, without waiting.
    #[must_use]
    pub fn happened(&self) -> Option<Happening> {
        self.shared.happenings.take()
    }

    /// Counts for each tenant, in the world's order, and last for what belonged to nobody.
    #[must_use]
    pub fn statistics(&self) -> Vec<TenantStatistics> {
        TenantStatistics::of(self.shared.rules.current().forest.world(), self.journal())
    }

    /// How many sessions there are now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.connections.open()
    }

    /// Takes no more connections and no more transactions, lets those under way end within the
    /// drain time, and waits until everything has ended and the journal is written.
    pub async fn stop(self) -> Journal {
        drop(self.stop);
        if timeout(self.drain, self.tasks.wait()).await.is_err() {
            tracing::debug!("sessions are cut off");
        }
        drop(self.cut_off);
        self.tasks.wait().await;
        self.ending.finish().await;
        self.shared.journal.clone()
    }
}

/// Two tokens: no new work, and no time left.
#[derive(Debug, Clone, Default)]
struct Tokens {
    stop: CancellationToken,
    cut_off: CancellationToken,
}

/// Enough for every test, little for a laptop.
const KEPT_RECORDS: usize = 20_000;
