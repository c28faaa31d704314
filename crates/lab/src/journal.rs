//! What every simulated tenant received, and what it did not: one record for each message and
//! tenant, as JSON lines on disk, and in memory for tests and the live table.
//!
//! The file has every record. In memory only the last ones are kept, bounded in number and in
//! octets; the counts are exact all the same.

mod file;
mod kept;
mod maildir;
mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

pub use kept::{Tally, Totals};
pub(crate) use maildir::{Draft, Maildir};
pub use record::{CertificateSeen, Record, SessionSeen};

use crate::awaited::awaited;
use crate::world::TenantIndex;
use file::{Health, Writer};
use kept::Kept;

/// The journal of one service; cheap to clone, and usable after the service has stopped.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kept: Mutex<Kept>,
    changed: Notify,
    lines: Option<mpsc::Sender<Arc<Record>>>,
    health: Arc<Health>,
}

/// What was waited for did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain for {what}; so far: {totals:?}")]
pub struct WaitedInVain {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// The counts at the end.
    pub totals: Totals,
}

/// The journal's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}: {source}", path = path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// Ends the journal's file when the service stops.
#[derive(Debug)]
pub(crate) struct Ending(Option<Writer>);

impl Journal {
    /// A journal that keeps `most` records in memory, and appends all of them to `file`.
    pub(crate) async fn open(
        file: Option<&Path>,
        most: usize,
    ) -> Result<(Self, Ending), JournalError> {
        let health = Arc::new(Health::default());
        let (writer, lines) = match file {
            None => (None, None),
            Some(path) => {
                let (writer, lines) = Writer::open(path, Arc::clone(&health)).await?;
                (Some(writer), Some(lines))
            }
        };
        let inner = Inner {
            kept: Mutex::new(Kept::new(most)),
            changed: Notify::new(),
            lines,
            health,
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, Ending(writer)))
    }

    /// Takes a record; waits when the file is far behind. File and memory have the same order.
    pub(crate) async fn add(&self, record: Record) {
        let record = Arc::new(record);
        let room = match &self.inner.lines {
            // It is closed when the service has stopped.
            Some(lines) => lines.reserve().await.ok(),
            None => None,
        };
        let mut kept = self.kept();
        if let Some(room) = room {
            room.send(Arc::clone(&record));
        }
        kept.add(record);
        drop(kept);
        self.inner.changed.notify_waiters();
    }

    /// Whether the file could not be written the last time. What is added is still tried.
    pub(crate) fn is_failing(&self) -> bool {
        self.inner.health.is_failing()
    }

    /// How many records could not be written to the file.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.inner.health.lost()
    }

    /// The counts over all tenants, from the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.kept().totals()
    }

    /// The counts of one tenant; `None` is what belonged to nobody.
    #[must_use]
    pub fn tally(&self, tenant: Option<TenantIndex>) -> Tally {
        self.kept().tally(tenant)
    }

    /// The records that are kept, refused messages too, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.records_of(|_| true)
    }

    /// The kept records of messages that were taken.
    #[must_use]
    pub fn messages(&self) -> Vec<Arc<Record>> {
        self.records_of(|record| record.accepted)
    }

    /// The kept records of the tenant with this name, compared without regard to case.
    #[must_use]
    pub fn by_tenant(&self, name: &str) -> Vec<Arc<Record>> {
        self.records_of(|record| {
            let tenant = record.tenant();
            tenant.is_some_and(|tenant| tenant.name.eq_ignore_ascii_case(name))
        })
    }

    /// The kept records of sessions whose client presented the certificate with this SHA-256,
    /// trusted or not, in lower-case hexadecimal.
    #[must_use]
    pub fn by_certificate(&self, fingerprint: &str) -> Vec<Arc<Record>> {
        self.records_of(|record| {
            let certificate = record.session.certificate.as_ref();
            certificate.is_some_and(|certificate| certificate.fingerprint == fingerprint)
        })
    }

    /// Waits until there were so many records, refused messages too, counted from the start; gives
    /// those that are kept.
    ///
    /// # Errors
    /// When they were not in time.
    pub async fn wait_for(
        &self,
        count: u64,
        within: Duration,
    ) -> Result<Vec<Arc<Record>>, WaitedInVain> {
        let enough = |totals: &Totals| totals.accepted + totals.refused >= count;
        self.wait_until(&format!("{count} records"), within, enough)
            .await?;
        Ok(self.records())
    }

    /// Waits until the counts are as wanted.
    ///
    /// # Errors
    /// When they were not in time.
    pub async fn wait_until(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Totals) -> bool,
    ) -> Result<Totals, WaitedInVain> {
        let look = || Some(self.totals()).filter(|totals| wanted(totals));
        awaited(&self.inner.changed, within, look)
            .await
            .ok_or_else(|| WaitedInVain {
                what: what.to_owned(),
                waited: within,
                totals: self.totals(),
            })
    }

    fn records_of(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Arc<Record>> {
        let kept = self.kept();
        kept.records()
            .filter(|record| wanted(record))
            .cloned()
            .collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.inner
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ending {
    /// Writes what is waiting and closes the file.
    pub(crate) async fn finish(self) {
        if let Some(writer) = self.0 {
            writer.finish().await;
        }
    }
}
