//! Reading a private key from a file that only its owner can read or replace.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{IdentityError, MAX_FILE};
use crate::trust::not_a_pipe;

/// Reads a key file after checking, on the open file, who else can get at it.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let failed = |error| IdentityError::Read {
        path: path.to_owned(),
        error,
    };
    check_folders(path)?;
    if not_a_pipe(path).is_err() {
        return Err(IdentityError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut file = File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        return Err(IdentityError::NotAFile {
            path: path.to_owned(),
        });
    }
    if facts.mode() & ANY_OTHER != 0 {
        return Err(IdentityError::KeyMode {
            path: path.to_owned(),
            mode: facts.mode() & PERMISSIONS,
        });
    }
    let owner = facts.uid();
    if owner != ROOT && effective_user().is_some_and(|user| user != owner) {
        return Err(IdentityError::KeyOwner {
            path: path.to_owned(),
            owner,
        });
    }
    if facts.len() > MAX_FILE {
        return Err(IdentityError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    // The whole size at once: a growing vector would leave copies of the key behind.
    let size = usize::try_from(facts.len()).unwrap_or(0);
    let mut text = Zeroizing::new(vec![0; size]);
    file.read_exact(&mut text).map_err(failed)?;
    Ok(text)
}

/// Reads a key file whoever else can get at it: to compare, never to use.
pub(super) fn read_of_anybody(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let failed = |error| IdentityError::Read {
        path: path.to_owned(),
        error,
    };
    // Before opening it, which would wait for the other end of a pipe.
    let facts = fs::metadata(path).map_err(failed)?;
    if !facts.is_file() {
        return Err(IdentityError::NotAFile {
            path: path.to_owned(),
        });
    }
    if facts.len() > MAX_FILE {
        return Err(IdentityError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    let size = usize::try_from(facts.len()).unwrap_or(0);
    let mut text = Zeroizing::new(vec![0; size]);
    let mut file = File::open(path).map_err(failed)?;
    file.read_exact(&mut text).map_err(failed)?;
    Ok(text)
}

/// Neither the folder of the path as given nor the one it really leads to may let others
/// replace the file. A sticky folder, such as `/tmp`, does not.
fn check_folders(path: &Path) -> Result<(), IdentityError> {
    let failed = |error| IdentityError::Read {
        path: path.to_owned(),
        error,
    };
    let real = fs::canonicalize(path).map_err(failed)?;
    let link = std::path::absolute(path).map_err(failed)?;
    for folder in real.ancestors().skip(1).chain(link.ancestors().skip(1)) {
        let mode = fs::metadata(folder).map_err(failed)?.mode();
        if mode & WRITABLE_BY_ALL != 0 && mode & STICKY == 0 {
            return Err(IdentityError::KeyFolder {
                path: path.to_owned(),
                folder: PathBuf::from(folder),
                mode: mode & PERMISSIONS,
            });
        }
    }
    Ok(())
}

/// The user that this process acts as. `None` where the system does not say it in a file.
fn effective_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

const ROOT: u32 = 0;
const PERMISSIONS: u32 = 0o7777;
const ANY_OTHER: u32 = 0o077;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
