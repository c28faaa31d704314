//! An identity: our certificate chain and private key, loaded and checked as a whole.
//!
//! A key is read only from a file that nobody but its owner can read or replace, is wiped from
//! every buffer that held it here, and is in no `Debug` output.

mod key_file;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::certificate::{self, CertificateSummary};
use crate::fingerprint::Fingerprint;
use crate::provider::provider;
use crate::trust::not_a_pipe;

/// A certificate chain and the private key that belongs to it.
pub struct Identity {
    key: Arc<CertifiedKey>,
    leaf: CertificateSummary,
    shape: ChainShape,
}

/// How the certificates of a chain file hang together, for `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainShape {
    /// One certificate that is its own issuer.
    SelfSigned,
    /// One certificate of another issuer: fine when a root issued it, else intermediates are
    /// missing.
    LeafOnly,
    /// Every certificate is followed by its issuer.
    Linked,
    /// The certificate at this position (from 1) is not followed by its issuer.
    Broken {
        /// Position in the file, the leaf being 1.
        after: usize,
    },
}

/// Why an identity cannot be used. Messages name the file, never its text.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The key is no regular file.
    #[error("key {path} is not a regular file", path = path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner have access to the key.
    #[error(
        "key {path} has mode {mode:04o}: group or others have access; make it 0600 or 0400",
        path = path.display()
    )]
    KeyMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key belongs to somebody else.
    #[error("key {path} belongs to user {owner}, not to this process's user or root", path = path.display())]
    KeyOwner {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// Anybody can replace the key, or the link to it.
    #[error(
        "key {path}: anybody can replace it, because folder {folder} has mode {mode:04o}",
        path = path.display(),
        folder = folder.display()
    )]
    KeyFolder {
        /// The key as configured.
        path: PathBuf,
        /// The folder that is too open.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is larger than any key or chain.
    #[error("{path} is larger than {limit} octets", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A file is not valid PEM.
    #[error("{path} is not valid PEM", path = path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// The chain file has no certificate.
    #[error("{path} contains no certificate", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate of the chain cannot be read.
    #[error("certificate {position} of {path} cannot be read", path = path.display())]
    MalformedCertificate {
        /// The file.
        path: PathBuf,
        /// Position in the file, from 1.
        position: usize,
    },
    /// The key file has no private key.
    #[error("{path} contains no private key", path = path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is encrypted.
    #[error("the private key of {path} is encrypted; store it decrypted, readable by its owner only", path = path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key file has several private keys.
    #[error("{path} contains {count} private keys; there must be one", path = path.display())]
    SeveralKeys {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The key is damaged or of a kind that cannot sign here.
    #[error("the private key of {path} cannot be used: damaged, or of an unsupported kind", path = path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate do not belong together.
    #[error("key {key} does not belong to the first certificate of {chain}", key = key.display(), chain = chain.display())]
    Mismatch {
        /// The chain file.
        chain: PathBuf,
        /// The key file.
        key: PathBuf,
    },
}

impl Identity {
    /// Loads a chain (leaf first) and its key from two files, or from one that has both.
    ///
    /// Expired certificates load: `check` reports them, because a relay must be able to start
    /// and say so.
    ///
    /// # Errors
    ///
    /// Everything in [`IdentityError`]; in particular a key that others can read or replace.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, IdentityError> {
        let key_text = key_file::read(key)?;
        let chain_text = if chain == key {
            Zeroizing::new(key_text.to_vec())
        } else {
            read_chain(chain)?
        };
        if chain != key && has_key(&chain_text) {
            // A key in the chain file is a key like any other: the same rules hold.
            key_file::read(chain)?;
        }
        Self::assemble(&chain_text, &key_text, chain, key)
    }

    /// Makes an identity from PEM text, for certificates that are made at run time.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`], with `(memory)` for the file.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Arc<Self>, IdentityError> {
        let place = Path::new("(memory)");
        Self::assemble(chain, key, place, place)
    }

    /// Whether a certificate, as DER, and the private key of a file belong together. The key is
    /// compared and wiped, never used; who else can read its file does not matter here.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Mismatch`] when they do not, with `chain` for the certificate's file;
    /// anything else of [`IdentityError`] when it cannot be told.
    pub fn compare(leaf: &[u8], chain: &Path, key: &Path) -> Result<(), IdentityError> {
        let text = key_file::read_of_anybody(key)?;
        let private = private_key(&text, key)?;
        let signing = provider()
            .key_provider
            .load_private_key(private)
            .map_err(|_| IdentityError::UnusableKey {
                path: key.to_owned(),
            })?;
        let leaf = CertificateDer::from(leaf).into_owned();
        match CertifiedKey::new(vec![leaf], signing).keys_match() {
            Ok(()) => Ok(()),
            Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch | _)) => {
                Err(IdentityError::Mismatch {
                    chain: chain.to_owned(),
                    key: key.to_owned(),
                })
            }
            Err(_) => Err(IdentityError::MalformedCertificate {
                path: chain.to_owned(),
                position: 1,
            }),
        }
    }

    /// SHA-256 of the leaf's DER.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }

    /// What the leaf says.
    #[must_use]
    pub const fn leaf(&self) -> &CertificateSummary {
        &self.leaf
    }

    /// Every valid DNS name of the leaf.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.leaf.names
    }

    /// The leaf's subject, escaped.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.leaf.subject
    }

    /// The issuers of all certificates of the chain, leaf first, escaped: whom an upstream has to
    /// trust one of.
    #[must_use]
    pub fn issuers(&self) -> Vec<String> {
        let summaries = self
            .key
            .cert
            .iter()
            .filter_map(|der| CertificateSummary::read(der));
        summaries.map(|summary| summary.issuer).collect()
    }

    /// The leaf's issuer, escaped.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.leaf.issuer
    }

    /// When the leaf's validity begins.
    #[must_use]
    pub const fn not_before(&self) -> SystemTime {
        self.leaf.not_before
    }

    /// When the leaf's validity ends.
    #[must_use]
    pub const fn not_after(&self) -> SystemTime {
        self.leaf.not_after
    }

    /// How the chain hangs together.
    #[must_use]
    pub const fn chain_shape(&self) -> ChainShape {
        self.shape
    }

    /// How many certificates the chain has, the leaf included.
    #[must_use]
    pub fn chain_length(&self) -> usize {
        self.key.cert.len()
    }

    pub(crate) const fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    fn assemble(
        chain_text: &[u8],
        key_text: &[u8],
        chain_path: &Path,
        key_path: &Path,
    ) -> Result<Arc<Self>, IdentityError> {
        let key = private_key(key_text, key_path)?;
        let chain = certificates(chain_text, chain_path)?;
        let malformed = |position| IdentityError::MalformedCertificate {
            path: chain_path.to_owned(),
            position,
        };
        let leaf = chain
            .first()
            .and_then(|der| CertificateSummary::read(der))
            .ok_or_else(|| malformed(1))?;
        let shape = shape(&chain).map_err(malformed)?;
        let signing = provider().key_provider.load_private_key(key).map_err(|_| {
            IdentityError::UnusableKey {
                path: key_path.to_owned(),
            }
        })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(Arc::new(Self {
                key: Arc::new(certified),
                leaf,
                shape,
            })),
            Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch | _)) => {
                Err(IdentityError::Mismatch {
                    chain: chain_path.to_owned(),
                    key: key_path.to_owned(),
                })
            }
            Err(_) => Err(malformed(1)),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.leaf.fingerprint)
            .field("subject", &self.leaf.subject)
            .finish_non_exhaustive()
    }
}

fn read_chain(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let read = |error| IdentityError::Read {
        path: path.to_owned(),
        error,
    };
    not_a_pipe(path).map_err(read)?;
    if fs::metadata(path).map_err(read)?.len() > MAX_FILE {
        return Err(IdentityError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    fs::read(path).map(Zeroizing::new).map_err(read)
}

fn certificates(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let mut chain = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, mut der) = section.map_err(|_| IdentityError::NotPem {
            path: path.to_owned(),
        })?;
        if kind == SectionKind::Certificate {
            chain.push(CertificateDer::from(der));
        } else {
            der.zeroize();
        }
    }
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(chain)
}

fn private_key(text: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let path = || path.to_owned();
    if contains(text, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(IdentityError::EncryptedKey { path: path() });
    }
    let mut keys = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|_| IdentityError::NotPem { path: path() })?;
        keys.extend(PrivateKeyDer::from_pem(kind, der).map(Zeroizing::new));
    }
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => Ok(key.clone_key()),
        (Some(_), more) => Err(IdentityError::SeveralKeys {
            path: path(),
            count: more + 1,
        }),
        (None, _) => Err(IdentityError::NoKey { path: path() }),
    }
}

fn has_key(text: &[u8]) -> bool {
    contains(text, b"PRIVATE KEY-----")
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// The chain's shape, or the position of the first certificate that cannot be read.
fn shape(chain: &[CertificateDer<'static>]) -> Result<ChainShape, usize> {
    let mut parsed = Vec::with_capacity(chain.len());
    for (index, der) in chain.iter().enumerate() {
        parsed.push(certificate::parse(der).ok_or(index + 1)?);
    }
    let broken = parsed.windows(2).position(|pair| {
        matches!(pair, [lower, upper] if lower.issuer().as_raw() != upper.subject().as_raw())
    });
    Ok(match (parsed.as_slice(), broken) {
        (_, Some(index)) => ChainShape::Broken { after: index + 1 },
        ([leaf], None) if leaf.issuer().as_raw() == leaf.subject().as_raw() => {
            ChainShape::SelfSigned
        }
        ([_], None) => ChainShape::LeafOnly,
        (_, None) => ChainShape::Linked,
    })
}

const MAX_FILE: u64 = 1 << 20;
