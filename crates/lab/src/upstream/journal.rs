//! Everything an upstream has seen, to be asked and waited for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::record::{Connection, Record, locked};
use super::tally::{Tallied, Tally};
use crate::awaited::awaited;

/// The journal of one upstream; cheap to clone, and usable after the upstream has stopped.
///
/// Each connection keeps its own messages, so that recording takes no lock that two connections
/// share. Whoever waits is only told when there is someone waiting.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    entries: Mutex<Vec<Arc<Entry>>>,
    counters: Counters,
    tally: Mutex<Tally>,
    kept: AtomicUsize,
    limit: usize,
    waiting: AtomicUsize,
    changed: Notify,
    lines: Option<mpsc::Sender<Arc<Record>>>,
}

/// One connection and the messages kept of it. (Not a list in the connection: its records point
/// at it, and the two would keep each other alive for ever.)
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) connection: Arc<Connection>,
    records: Mutex<Vec<Arc<Record>>>,
}

/// What is counted, whatever is kept.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) handshakes: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) failed_handshakes: AtomicU64,
    pub(super) unverified: AtomicU64,
    pub(super) mails: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) octets: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) truncated: AtomicU64,
}

/// The counters of an upstream at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// TLS handshakes that succeeded.
    pub handshakes: u64,
    /// Of these, resumed sessions.
    pub resumed: u64,
    /// TLS handshakes that failed.
    pub failed_handshakes: u64,
    /// MAIL refused for want of a client certificate that verifies.
    pub unverified: u64,
    /// MAIL commands read.
    pub mails: u64,
    /// Messages taken, whether or not the client was told.
    pub delivered: u64,
    /// Octets of content of these.
    pub octets: u64,
    /// Messages refused after their end.
    pub refused: u64,
    /// Contents that broke off before their end.
    pub truncated: u64,
}

/// What was waited for did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain for {what}; so far: {totals:?}")]
pub struct WaitedInVain {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// The counters at the end.
    pub totals: Totals,
}

impl Journal {
    pub(super) fn new(limit: usize, lines: Option<mpsc::Sender<Arc<Record>>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                entries: Mutex::default(),
                counters: Counters::default(),
                tally: Mutex::default(),
                kept: AtomicUsize::new(0),
                limit,
                waiting: AtomicUsize::new(0),
                changed: Notify::new(),
                lines,
            }),
        }
    }

    /// The counters.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let counters = &self.inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        // Closed first: it never overtakes what was accepted.
        let closed = read(&counters.closed);
        let connections = read(&counters.accepted);
        Totals {
            connections,
            open: connections.saturating_sub(closed),
            handshakes: read(&counters.handshakes),
            resumed: read(&counters.resumed),
            failed_handshakes: read(&counters.failed_handshakes),
            unverified: read(&counters.unverified),
            mails: read(&counters.mails),
            delivered: read(&counters.delivered),
            octets: read(&counters.octets),
            refused: read(&counters.refused),
            truncated: read(&counters.truncated),
        }
    }

    /// The delivered messages by client certificate and domain, as [`super::Tallying`] says.
    #[must_use]
    pub fn tally(&self) -> Vec<Tallied> {
        locked(&self.inner.tally).rows()
    }

    /// The connections that are kept, in order of acceptance.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        let entries = locked(&self.inner.entries);
        entries
            .iter()
            .map(|entry| Arc::clone(&entry.connection))
            .collect()
    }

    /// Every message that is kept, refused ones too, in the order in which they were complete.
    #[must_use]
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.records_of(|_| true)
    }

    /// The messages that were delivered.
    #[must_use]
    pub fn messages(&self) -> Vec<Arc<Record>> {
        self.messages_of(|_| true)
    }

    /// The messages that came with the client certificate of this fingerprint.
    #[must_use]
    pub fn by_certificate(&self, fingerprint: &str) -> Vec<Arc<Record>> {
        self.messages_of(|connection| connection.fingerprint() == Some(fingerprint))
    }

    /// The messages that came with this tenant's client certificate.
    #[must_use]
    pub fn by_tenant(&self, tenant: &str) -> Vec<Arc<Record>> {
        self.messages_of(|connection| connection.tenant() == Some(tenant))
    }

    /// Waits until so many messages have been delivered, counted from the start, and gives those
    /// that are kept.
    ///
    /// # Errors
    /// When they were not in time.
    pub async fn await_messages(
        &self,
        count: u64,
        within: Duration,
    ) -> Result<Vec<Arc<Record>>, WaitedInVain> {
        self.await_totals(&format!("{count} messages"), within, |totals| {
            totals.delivered >= count
        })
        .await?;
        Ok(self.messages())
    }

    /// Waits until the counters are as wanted.
    ///
    /// # Errors
    /// When they were not in time.
    pub async fn await_totals(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Totals) -> bool,
    ) -> Result<Totals, WaitedInVain> {
        let _waiting = Waiting::new(&self.inner.waiting);
        let look = || Some(self.totals()).filter(|totals| wanted(totals));
        awaited(&self.inner.changed, within, look)
            .await
            .ok_or_else(|| WaitedInVain {
                what: what.to_owned(),
                waited: within,
                totals: self.totals(),
            })
    }

    pub(super) fn count(&self, counter: impl Fn(&Counters) -> &AtomicU64) {
        counter(&self.inner.counters).fetch_add(1, Ordering::SeqCst);
        self.tell();
    }

    pub(super) fn mail(&self) {
        self.inner.counters.mails.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn tallied(&self, connection: &Connection, domain: &str) {
        locked(&self.inner.tally).count(connection, domain);
    }

    pub(super) fn opened(&self, connection: Connection) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            connection: Arc::new(connection),
            records: Mutex::default(),
        });
        let mut entries = locked(&self.inner.entries);
        if entries.len() < self.inner.limit {
            entries.push(Arc::clone(&entry));
        }
        drop(entries);
        self.count(|counters| &counters.accepted);
        entry
    }

    pub(super) fn delivered(&self, connection: &Connection, octets: u64) {
        connection.delivered(octets);
        self.inner
            .counters
            .octets
            .fetch_add(octets, Ordering::Relaxed);
        self.count(|counters| &counters.delivered);
    }

    /// Keeps a message as far as the limit allows, and hands it to the file.
    pub(super) async fn record(&self, entry: &Entry, record: Record) {
        let record = Arc::new(record);
        if self.inner.kept.fetch_add(1, Ordering::Relaxed) < self.inner.limit {
            locked(&entry.records).push(Arc::clone(&record));
        }
        if let Some(lines) = &self.inner.lines {
            // Fails only when the writer has failed, which it has said itself.
            let _ = lines.send(record).await;
        }
    }

    fn messages_of(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Record>> {
        let mut records = self.records_of(wanted);
        records.retain(|record| record.is_delivered());
        records
    }

    fn records_of(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Record>> {
        let entries = locked(&self.inner.entries).clone();
        let mut records: Vec<_> = entries
            .iter()
            .filter(|entry| wanted(&entry.connection))
            .flat_map(|entry| locked(&entry.records).clone())
            .collect();
        records.sort_by_key(|record| record.at);
        records
    }

    fn tell(&self) {
        if self.inner.waiting.load(Ordering::SeqCst) > 0 {
            self.inner.changed.notify_waiters();
        }
    }
}

/// Counts one who waits, also when the wait is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
