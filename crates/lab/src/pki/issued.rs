//! A certificate with its chain and key, and how they become files.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use super::PkiError;
use crate::hex;

const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;

/// A certificate with the chain that its owner sends and its private key.
///
/// The key is throw-away, but still never in `Debug` output.
#[derive(Clone)]
pub struct Issued {
    /// The leaf and then its intermediates, PEM; the root is not among them.
    pub chain_pem: String,
    /// The private key, PKCS #8 PEM.
    pub key_pem: String,
    pub(super) leaf_pem: String,
    pub(super) leaf_der: Vec<u8>,
    pub(super) public_key_der: Vec<u8>,
    pub(super) serial: Vec<u8>,
}

/// Where a certificate and its key were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM, readable by its owner alone.
    pub key: PathBuf,
}

impl Issued {
    /// The leaf alone, PEM: what a server sends whose administrator forgot the intermediate.
    #[must_use]
    pub fn leaf_pem(&self) -> &str {
        &self.leaf_pem
    }

    /// The leaf, DER.
    #[must_use]
    pub fn leaf_der(&self) -> &[u8] {
        &self.leaf_der
    }

    /// The same certificate without its intermediates.
    #[must_use]
    pub fn without_intermediates(mut self) -> Self {
        self.chain_pem = self.leaf_pem.clone();
        self
    }

    /// SHA-256 of the leaf's DER, lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.leaf_der)
    }

    /// SHA-256 of the leaf's public key (SubjectPublicKeyInfo), lower-case hexadecimal: its pin.
    #[must_use]
    pub fn public_key_sha256(&self) -> String {
        sha256_hex(&self.public_key_der)
    }

    /// The serial number, big endian.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Writes `stem.pem` (the chain) and `stem.key` (mode 0600), replacing what was there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path, stem: &str) -> Result<IssuedFiles, PkiError> {
        self.write_as(folder, stem, Existing::Replace)
    }

    pub(super) fn write_as(
        &self,
        folder: &Path,
        stem: &str,
        existing: Existing,
    ) -> Result<IssuedFiles, PkiError> {
        write_pair(folder, stem, &self.chain_pem, &self.key_pem, existing)
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// What to do with a file of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Refuse,
}

/// Writes `stem.pem` and `stem.key`.
pub(super) fn write_pair(
    folder: &Path,
    stem: &str,
    certificate_pem: &str,
    key_pem: &str,
    existing: Existing,
) -> Result<IssuedFiles, PkiError> {
    let certificate = folder.join(format!("{stem}.pem"));
    let key = folder.join(format!("{stem}.key"));
    write_certificate(&certificate, certificate_pem, existing)?;
    write_key(&key, key_pem, existing)?;
    Ok(IssuedFiles { certificate, key })
}

pub(super) fn write_certificate(
    path: &Path,
    pem: &str,
    existing: Existing,
) -> Result<(), PkiError> {
    write(path, pem, CERTIFICATE_MODE, existing)
}

fn write_key(path: &Path, pem: &str, existing: Existing) -> Result<(), PkiError> {
    write(path, pem, KEY_MODE, existing)
}

/// The file is made anew, so that neither the mode nor a link of an earlier one survives.
fn write(path: &Path, pem: &str, mode: u32, existing: Existing) -> Result<(), PkiError> {
    let failed = |source: std::io::Error| {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::AlreadyExists {
            PkiError::Exists { path }
        } else {
            PkiError::Write { path, source }
        }
    };
    match existing {
        Existing::Refuse => create(path, mode)
            .and_then(|mut file| file.write_all(pem.as_bytes()))
            .map_err(failed),
        Existing::Replace => {
            // A rename, so that a server that reloads meanwhile sees the old or the new, no half.
            let mut partial = path.as_os_str().to_owned();
            partial.push(".partial");
            let partial = PathBuf::from(partial);
            // Left behind by a process that ended in between.
            let _ = fs::remove_file(&partial);
            create(&partial, mode)
                .and_then(|mut file| file.write_all(pem.as_bytes()))
                .and_then(|()| fs::rename(&partial, path))
                .map_err(failed)
        }
    }
}

fn create(path: &Path, mode: u32) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

fn sha256_hex(octets: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, octets).as_ref())
}
