//! One maildir per tenant: what was accepted, with the service's headers in front of the octets
//! exactly as they came.
//!
//! A message is written to `tmp/` while it arrives, and renamed to `new/` when it was accepted; a
//! [`Draft`] that is dropped is removed.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::fs::{self, DirBuilder, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::world::Tenant;

/// The folder that holds the tenants' maildirs.
#[derive(Debug)]
pub(crate) struct Maildir {
    root: PathBuf,
    count: AtomicU64,
}

/// A message that is being written.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    path: PathBuf,
    /// Where it goes when it is kept.
    home: PathBuf,
    stamps: Vec<u8>,
    kept: bool,
}

impl Maildir {
    /// Makes the folder if it is not there.
    pub(crate) async fn open(root: &Path) -> io::Result<Self> {
        make_folder(root).await?;
        Ok(Self {
            root: root.to_owned(),
            count: AtomicU64::new(0),
        })
    }

    /// Begins a message of a tenant, or of nobody, with these header lines in front.
    pub(crate) async fn begin(&self, tenant: Option<&Tenant>, stamps: &[u8]) -> io::Result<Draft> {
        let folder = self
            .root
            .join(tenant.map_or(NOBODY.to_owned(), folder_name));
        let name = self.unique();
        let path = folder.join("tmp").join(&name);
        let mut file = match create(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for part in ["tmp", "new", "cur"] {
                    make_folder(&folder.join(part)).await?;
                }
                create(&path).await?
            }
            created => created?,
        };
        file.write_all(stamps).await?;
        Ok(Draft {
            file,
            path,
            home: folder.join("new").join(name),
            stamps: stamps.to_vec(),
            kept: false,
        })
    }

    /// A unique name in the sense of maildir(5).
    fn unique(&self) -> String {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (seconds, micros) = (since.as_secs(), since.subsec_micros());
        let process = std::process::id();
        format!("{seconds}.M{micros}P{process}Q{count}.lab")
    }
}

impl Draft {
    /// Appends content.
    pub(crate) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets).await
    }

    /// The header lines in front.
    pub(crate) fn stamps(&self) -> &[u8] {
        &self.stamps
    }

    /// Copies the content of this draft into another, behind that one's header lines.
    pub(crate) async fn copy_into(&mut self, other: &mut Self) -> io::Result<()> {
        self.file.flush().await?;
        let begin = SeekFrom::Start(self.stamps.len() as u64);
        self.file.seek(begin).await?;
        let mut piece = vec![0; PIECE];
        loop {
            let length = self.file.read(&mut piece).await?;
            let Some(octets) = piece.get(..length).filter(|octets| !octets.is_empty()) else {
                break;
            };
            other.file.write_all(octets).await?;
        }
        self.file.seek(SeekFrom::End(0)).await?;
        Ok(())
    }

    /// Moves the message to `new/`.
    pub(crate) async fn keep(mut self) -> io::Result<()> {
        self.file.flush().await?;
        fs::rename(&self.path, &self.home).await?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed stays in tmp/, where nobody looks for mail.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The tenant's name where that is a sober file name, its GUID otherwise.
fn folder_name(tenant: &Tenant) -> String {
    let sober = |name: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        let bare = !name.starts_with('.') && name.trim() == name;
        !name.is_empty() && name.len() <= 100 && bare && name.chars().all(plain)
    };
    let found = [&tenant.name, &tenant.id]
        .into_iter()
        .find(|name| sober(name));
    found.map_or_else(|| NOBODY.to_owned(), Clone::clone)
}

async fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .await
}

async fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .await
}

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const PIECE: usize = 64 * 1024;
/// Where mail goes that has no tenant, which only a fault can bring about.
const NOBODY: &str = "_nobody";
