//! From the paths that were given to the files behind them, each once.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tenantry_lab::world::Place;
use tenantry_settings::reason;

use super::Unreadable;

/// What tells one file from another, whatever its path: device and number.
pub(super) type FileId = (u64, u64);

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As it was named, or as it was found from there.
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    /// It was named itself, so that something is wrong if it is of no use.
    pub(super) named: bool,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Walk {
    seen: HashSet<FileId>,
    pub(super) files: Vec<Found>,
    pub(super) unreadable: Vec<Unreadable>,
    /// How many files were found.
    found: usize,
    /// How many entries of folders were looked at that are no folders.
    entries: usize,
    full: bool,
}

impl Walk {
    /// Whether a file or folder was found before, by this path or another.
    pub(super) fn has(&self, path: &Path) -> bool {
        id_of(path).is_some_and(|id| self.seen.contains(&id))
    }

    /// Adds a file, or all files below a folder, in the order of their names.
    pub(super) fn add(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(facts) if facts.is_dir() => {
                let before = (self.entries, self.unreadable.len());
                let new = self.folder(path, &facts);
                if new && before == (self.entries, self.unreadable.len()) {
                    self.unreadable.push(empty(path));
                }
            }
            Ok(facts) => self.file(path.to_owned(), &facts, true),
            Err(error) => self.unreadable.push(unreadable(path, &error)),
        }
    }

    fn file(&mut self, path: PathBuf, facts: &Metadata, named: bool) {
        if !facts.is_file() {
            // Reading it would wait for whoever writes into it.
            self.unreadable.push(Unreadable {
                place: whole(&path),
                what: String::from(NOT_REGULAR),
                remedy: String::from("name a file or a folder"),
                ignored: !named,
            });
            return;
        }
        if self.found >= MOST_FILES {
            if !self.full {
                self.unreadable.push(Unreadable {
                    place: whole(&path),
                    what: format!(
                        "is one of more than {MOST_FILES} files: it and the rest of \
                                   them are left out"
                    ),
                    remedy: String::from("name the folders that matter"),
                    ignored: false,
                });
            }
            self.full = true;
            return;
        }
        if self.seen.insert(id(facts)) {
            self.found += 1;
            self.files.push(Found {
                path,
                id: id(facts),
                named,
            });
        }
    }

    /// Folders wait in a list, so that no depth exhausts the stack; one that is seen again, by a
    /// symbolic link to one above it, is passed over. Whether this one is new.
    fn folder(&mut self, path: &Path, facts: &Metadata) -> bool {
        if !self.seen.insert(id(facts)) {
            return false;
        }
        let mut waiting = vec![path.to_owned()];
        while let Some(folder) = waiting.pop() {
            if self.full {
                return true;
            }
            let entries = match names(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable.push(unreadable(&folder, &error));
                    continue;
                }
            };
            let mut below = Vec::new();
            for entry in entries {
                match fs::metadata(&entry) {
                    Ok(facts) if facts.is_dir() => {
                        if self.seen.insert(id(&facts)) {
                            below.push(entry);
                        }
                    }
                    Ok(facts) => {
                        self.entries += 1;
                        self.file(entry, &facts, false);
                    }
                    Err(error) => self.unreadable.push(unreadable(&entry, &error)),
                }
            }
            waiting.extend(below.into_iter().rev());
        }
        true
    }
}

/// A folder that was named and has nothing: another one was meant.
fn empty(path: &Path) -> Unreadable {
    Unreadable {
        place: whole(path),
        what: String::from("has no files: there is nothing to look at"),
        remedy: String::from("name the folder that has them; hidden files are passed over"),
        ignored: false,
    }
}

/// The entries of a folder in the order of their names, hidden ones aside.
fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            // `.` itself is left out of paths that people read.
            entries.push(if folder == Path::new(".") {
                PathBuf::from(name)
            } else {
                folder.join(name)
            });
        }
    }
    entries.sort();
    Ok(entries)
}

/// The file behind a path, if it is there.
pub(super) fn id_of(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|facts| id(&facts))
}

fn id(facts: &Metadata) -> FileId {
    (facts.dev(), facts.ino())
}

/// The place of a file or folder as a whole.
pub(super) fn whole(path: &Path) -> Place {
    Place {
        file: Some(path.into()),
        ..Place::default()
    }
}

/// What is said of a path that cannot be opened.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Unreadable {
    let remedy = if error.kind() == io::ErrorKind::PermissionDenied {
        "let the user who runs this read it"
    } else {
        "name a file or folder that is there"
    };
    Unreadable {
        place: whole(path),
        what: format!("cannot be read: {}", reason(error)),
        remedy: String::from(remedy),
        ignored: false,
    }
}

/// A pipe, a socket or a device.
pub(super) const NOT_REGULAR: &str = "is no regular file";
/// More than 10,000 tenants with their exports and certificates are.
const MOST_FILES: usize = 200_000;
