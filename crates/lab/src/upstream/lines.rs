//! The journal as a file: one line of JSON for each message, written by one task.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::record::{Outcome, Record, Via};
use super::{Stray, UpstreamError};

/// Messages that may wait for the file; sessions wait when there are more.
const WAITING: usize = 4096;

/// One line of the file.
#[derive(Serialize)]
struct Line<'a> {
    at_ms: u128,
    connection: u64,
    fingerprint: Option<&'a str>,
    names: &'a [String],
    /// Why the certificate did not verify; absent when it did, and without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_problem: Option<&'static str>,
    tenant: Option<&'a str>,
    resumed: Option<bool>,
    helo: &'a str,
    mail: &'a str,
    recipients: &'a [String],
    via: Via,
    outcome: Outcome,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_after_trace: Option<String>,
    trace: Option<&'a str>,
    message_id: Option<&'a str>,
    stray: Stray,
}

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
    ) -> Result<(Self, mpsc::Sender<Arc<Record>>), UpstreamError> {
        let opened = File::options().create(true).append(true).open(path).await;
        let file = opened.map_err(|source| UpstreamError::JournalFile {
            path: path.to_owned(),
            source,
        })?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let end = CancellationToken::new();
        let ended = end.clone();
        let path = path.to_owned();
        let task = tokio::spawn(async move {
            if let Err(error) = write(BufWriter::new(file), receiver, ended).await {
                tracing::error!(%error, path = %path.display(), "cannot write the journal");
            }
        });
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

/// Cancelling a `recv` loses nothing; once the end is asked for, what waits is still written.
async fn write(
    mut file: BufWriter<File>,
    mut records: mpsc::Receiver<Arc<Record>>,
    ended: CancellationToken,
) -> std::io::Result<()> {
    loop {
        let record = match ended.run_until_cancelled(records.recv()).await {
            Some(record) => record,
            None => {
                records.close();
                records.recv().await
            }
        };
        let Some(record) = record else {
            return file.flush().await;
        };
        let mut line = serde_json::to_vec(&Line::of(&record))?;
        line.push(b'\n');
        file.write_all(&line).await?;
        if records.is_empty() {
            file.flush().await?;
        }
    }
}

impl<'a> Line<'a> {
    fn of(record: &'a Record) -> Self {
        let since = record.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            at_ms: since.as_millis(),
            connection: record.connection.number(),
            fingerprint: record.fingerprint(),
            names: record.connection.names(),
            certificate_problem: record.connection.certificate_problem(),
            tenant: record.tenant(),
            resumed: record.connection.tls().map(|tls| tls.resumed),
            helo: &record.helo,
            mail: &record.mail,
            recipients: &record.recipients,
            via: record.via,
            outcome: record.outcome,
            size: record.size,
            sha256: record.sha256_hex(),
            sha256_after_trace: record.sha256_after_trace_hex(),
            trace: record.trace.as_deref(),
            message_id: record.message_id.as_deref(),
            stray: record.stray,
        }
    }
}
