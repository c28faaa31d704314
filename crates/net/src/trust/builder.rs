//! Collecting roots, revocation lists and pins, with an error for each file.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use thiserror::Error;
use webpki::{CertRevocationList, OwnedCertRevocationList, anchor_from_trusted_cert};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Trust;
use crate::fingerprint::Fingerprint;

/// Collects what a [`Trust`] is made of; each addition reports its own error, so that a
/// configuration can report all of them.
#[derive(Default)]
pub struct TrustBuilder {
    roots: Vec<TrustAnchor<'static>>,
    lists: Vec<(i64, CertRevocationList<'static>)>,
    expiries: Vec<u64>,
    pins: Vec<Fingerprint>,
    content: Vec<u8>,
}

/// Why a trust cannot be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// A file is not valid PEM.
    #[error("{path} is not valid PEM", path = path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A file has no certificate.
    #[error("{path} contains no certificate", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be read.
    #[error("certificate {position} of {path} cannot be read", path = path.display())]
    MalformedCertificate {
        /// The file.
        path: PathBuf,
        /// Position in the file, from 1.
        position: usize,
    },
    /// A file has no revocation list.
    #[error("{path} contains no revocation list", path = path.display())]
    NoRevocationList {
        /// The file.
        path: PathBuf,
    },
    /// A revocation list cannot be read.
    #[error("revocation list {position} of {path} cannot be read", path = path.display())]
    MalformedRevocationList {
        /// The file.
        path: PathBuf,
        /// Position in the file, from 1.
        position: usize,
    },
    /// The system has no roots.
    #[error("the system's trust store has no certificates: {0}")]
    NoSystemRoots(String),
    /// Nothing was added.
    #[error("no root certificate is configured")]
    NoRoots,
}

impl TrustBuilder {
    /// Adds every certificate of a PEM file, or the one of a DER file, as a root.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no PEM, or has no or a malformed certificate.
    pub fn add_pem_file(&mut self, path: &Path) -> Result<&mut Self, TrustError> {
        let content = read(path)?;
        if !content.starts_with(DER_SEQUENCE) {
            return self.add_roots(&content, path);
        }
        self.add_root_der(content, path, 1)?;
        Ok(self)
    }

    /// Adds every certificate of a PEM text as a root.
    ///
    /// # Errors
    ///
    /// As [`TrustBuilder::add_pem_file`], with `(memory)` for the file.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<&mut Self, TrustError> {
        self.add_roots(text, Path::new("(memory)"))
    }

    /// Adds the roots of the system's trust store.
    ///
    /// # Errors
    ///
    /// When it has none; single certificates that cannot be read are passed over.
    pub fn add_system(&mut self) -> Result<&mut Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        let before = self.roots.len();
        for der in &found.certs {
            if let Ok(root) = anchor_from_trusted_cert(der) {
                self.roots.push(root.to_owned());
                self.content.extend_from_slice(der);
            }
        }
        if self.roots.len() == before {
            let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TrustError::NoSystemRoots(errors.join("; ")));
        }
        Ok(self)
    }

    /// Adds every revocation list of a PEM file, or the one of a DER file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no or a malformed list.
    pub fn add_crl_file(&mut self, path: &Path) -> Result<&mut Self, TrustError> {
        let content = read(path)?;
        if !content.starts_with(DER_SEQUENCE) {
            return self.add_crls(&content, path);
        }
        self.add_crl_der(&content, path, 1)?;
        Ok(self)
    }

    /// Adds every revocation list of a PEM text.
    ///
    /// # Errors
    ///
    /// As [`TrustBuilder::add_crl_file`], with `(memory)` for the file.
    pub fn add_crl_pem(&mut self, text: &[u8]) -> Result<&mut Self, TrustError> {
        self.add_crls(text, Path::new("(memory)"))
    }

    /// Adds a pin: the SHA-256 of a `SubjectPublicKeyInfo`. With pins, a leaf must have one of
    /// the pinned keys, in addition to a valid path.
    pub fn pin(&mut self, key: Fingerprint) -> &mut Self {
        self.pins.push(key);
        self.content.extend_from_slice(key.as_bytes());
        self
    }

    /// Finishes.
    ///
    /// # Errors
    ///
    /// [`TrustError::NoRoots`] when nothing was added.
    pub fn build(mut self) -> Result<Arc<Trust>, TrustError> {
        if self.roots.is_empty() {
            return Err(TrustError::NoRoots);
        }
        // The first list of an issuer is the one that is asked: the newest must come first.
        self.lists
            .sort_by_key(|(issued, _)| std::cmp::Reverse(*issued));
        Ok(Arc::new(Trust {
            digest: Fingerprint::of(&self.content),
            roots: self.roots,
            lists: self.lists.into_iter().map(|(_, list)| list).collect(),
            expiries: self.expiries,
            pins: self.pins,
        }))
    }

    fn add_roots(&mut self, text: &[u8], path: &Path) -> Result<&mut Self, TrustError> {
        let path = || path.to_owned();
        let mut position = 0;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            let (kind, der) = section.map_err(|_| TrustError::NotPem { path: path() })?;
            if kind != SectionKind::Certificate {
                continue;
            }
            position += 1;
            self.add_root_der(der, &path(), position)?;
        }
        if position == 0 {
            return Err(TrustError::NoCertificate { path: path() });
        }
        Ok(self)
    }

    fn add_root_der(
        &mut self,
        der: Vec<u8>,
        path: &Path,
        position: usize,
    ) -> Result<(), TrustError> {
        let der = CertificateDer::from(der);
        let root =
            anchor_from_trusted_cert(&der).map_err(|_| TrustError::MalformedCertificate {
                path: path.to_owned(),
                position,
            })?;
        self.roots.push(root.to_owned());
        self.content.extend_from_slice(&der);
        Ok(())
    }

    fn add_crls(&mut self, text: &[u8], path: &Path) -> Result<&mut Self, TrustError> {
        let mut position = 0;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            let (kind, der) = section.map_err(|_| TrustError::NotPem {
                path: path.to_owned(),
            })?;
            if kind == SectionKind::Crl {
                position += 1;
                self.add_crl_der(&der, path, position)?;
            }
        }
        if position == 0 {
            return Err(TrustError::NoRevocationList {
                path: path.to_owned(),
            });
        }
        Ok(self)
    }

    fn add_crl_der(&mut self, der: &[u8], path: &Path, position: usize) -> Result<(), TrustError> {
        let malformed = || TrustError::MalformedRevocationList {
            path: path.to_owned(),
            position,
        };
        let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|_| malformed())?;
        let list = OwnedCertRevocationList::from_der(der).map_err(|_| malformed())?;
        self.lists.push((
            parsed.last_update().timestamp(),
            CertRevocationList::from(list),
        ));
        let expiry = parsed.next_update().map(|expiry| expiry.timestamp());
        let expiry = expiry.and_then(|expiry| u64::try_from(expiry).ok());
        self.expiries.extend(expiry);
        self.content.extend_from_slice(der);
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    not_a_pipe(path)
        .and_then(|()| fs::read(path))
        .map_err(|error| TrustError::Read {
            path: path.to_owned(),
            error,
        })
}

/// A pipe would be waited for, until somebody writes into it.
pub(crate) fn not_a_pipe(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.file_type().is_fifo() {
        return Err(io::Error::other("it is a pipe, not a file"));
    }
    Ok(())
}

/// How DER begins, and PEM never does.
const DER_SEQUENCE: &[u8] = &[0x30];
