//! The journal as a file: one line of JSON for each record, written by one task.
//!
//! What cannot be written is lost and counted, a torn line is taken back, and the next line is
//! tried again: a disk that is full for a while costs the lines of that while.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::JournalError;
use super::record::Record;

/// The running writer. Dropping it ends it, too, but nobody waits then.
#[derive(Debug)]
pub(super) struct Writer {
    end: DropGuard,
    task: JoinHandle<()>,
}

/// How the file does.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// The last attempt failed.
    failing: AtomicBool,
    lost: AtomicU64,
}

impl Health {
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Writer {
    /// Opens the file for appending and starts its writer.
    pub(super) async fn open(
        path: &Path,
        health: Arc<Health>,
    ) -> Result<(Self, mpsc::Sender<Arc<Record>>), JournalError> {
        let failed = |source| JournalError {
            path: path.to_owned(),
            source,
        };
        let opened = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .await;
        let file = opened.map_err(failed)?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let end = CancellationToken::new();
        let lines = Lines {
            whole: file.metadata().await.map_err(failed)?.len(),
            file,
            path: path.to_owned(),
            text: Vec::new(),
            count: 0,
            health,
        };
        let task = tokio::spawn(run(lines, receiver, end.clone()));
        let end = end.drop_guard();
        Ok((Self { end, task }, sender))
    }

    /// Writes what is waiting and ends.
    pub(super) async fn finish(self) {
        drop(self.end);
        // It fails only when the writer panicked, which the runtime has reported.
        let _ = self.task.await;
    }
}

/// Writes what has gathered, as one piece: many records when there are many, one at once when
/// there are few. Cancelling `recv_many` loses nothing; once the end is asked for, what waits is
/// still written.
async fn run(mut lines: Lines, mut records: mpsc::Receiver<Arc<Record>>, end: CancellationToken) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    loop {
        let received = end.run_until_cancelled(records.recv_many(&mut batch, AT_ONCE));
        let count = match received.await {
            Some(count) => count,
            None => {
                records.close();
                records.recv_many(&mut batch, AT_ONCE).await
            }
        };
        if count == 0 {
            return;
        }
        for record in batch.drain(..) {
            lines.add(&record).await;
        }
        lines.write().await;
    }
}

/// The file, and the lines that are not in it yet.
struct Lines {
    file: File,
    path: PathBuf,
    /// Octets of the file that are whole lines.
    whole: u64,
    text: Vec<u8>,
    count: u64,
    health: Arc<Health>,
}

impl Lines {
    async fn add(&mut self, record: &Record) {
        let before = self.text.len();
        self.count += 1;
        match serde_json::to_writer(&mut self.text, record) {
            Ok(()) => self.text.push(b'\n'),
            Err(error) => {
                self.text.truncate(before);
                self.count -= 1;
                self.health.lost.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a record is no JSON");
            }
        }
        if self.text.len() >= PIECE {
            self.write().await;
        }
    }

    async fn write(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let written = match self.file.write_all(&self.text).await {
            Ok(()) => self.file.flush().await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                self.whole += self.text.len() as u64;
                if self.health.failing.swap(false, Ordering::Relaxed) {
                    let lost = self.health.lost();
                    tracing::warn!(lost, path = %self.path.display(), "the journal is written again");
                }
            }
            Err(error) => {
                // What is no regular file has no torn line to be taken back.
                let _ = self.file.set_len(self.whole).await;
                self.health.lost.fetch_add(self.count, Ordering::Relaxed);
                if !self.health.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, path = %self.path.display(), "cannot write the journal");
                }
            }
        }
        self.text.clear();
        self.count = 0;
    }
}

/// Records that may wait for the file; sessions wait when there are more.
const WAITING: usize = 4096;
/// Records that are written at once.
const AT_ONCE: usize = 1024;
/// Octets that are gathered at most.
const PIECE: usize = 1 << 20;
