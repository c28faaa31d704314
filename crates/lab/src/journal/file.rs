//! The journal as a file: one line of JSON for each record, written by one task.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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

impl Writer {
    /// Opens the file for appending and starts its writer.
    pub(super) async fn open(
        path: &Path,
    ) -> Result<(Self, mpsc::Sender<Arc<Record>>), JournalError> {
        let opened = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .await;
        let file = opened.map_err(|source| JournalError {
            path: path.to_owned(),
            source,
        })?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let end = CancellationToken::new();
        let task = tokio::spawn(run(file, path.to_owned(), receiver, end.clone()));
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

async fn run(
    file: File,
    path: PathBuf,
    records: mpsc::Receiver<Arc<Record>>,
    end: CancellationToken,
) {
    if let Err(error) = write(file, records, end).await {
        // The records that follow are in memory only.
        tracing::error!(%error, path = %path.display(), "cannot write the journal");
    }
}

/// Writes what has gathered, as one piece: many records when there are many, one at once when
/// there are few. Cancelling `recv_many` loses nothing; once the end is asked for, what waits is
/// still written.
async fn write(
    mut file: File,
    mut records: mpsc::Receiver<Arc<Record>>,
    end: CancellationToken,
) -> std::io::Result<()> {
    let mut batch = Vec::with_capacity(AT_ONCE);
    let mut text = Vec::new();
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
            return file.flush().await;
        }
        for record in batch.drain(..) {
            serde_json::to_writer(&mut text, &*record)?;
            text.push(b'\n');
            if text.len() >= PIECE {
                file.write_all(&text).await?;
                text.clear();
            }
        }
        file.write_all(&text).await?;
        text.clear();
        file.flush().await?;
    }
}

/// Records that may wait for the file; sessions wait when there are more.
const WAITING: usize = 4096;
/// Records that are written at once.
const AT_ONCE: usize = 1024;
/// Octets that are gathered at most.
const PIECE: usize = 1 << 20;
