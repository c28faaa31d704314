//! Where results go: files that are tried before anything is measured, and standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tenantry_load::result::Outcome;

use super::super::arguments::Output;
use super::super::report;
use crate::exit::{self, printed};

/// The places of a result, ready to be written.
#[derive(Debug)]
pub(super) struct Outputs {
    json: Option<Place>,
    html: Option<Place>,
}

/// One of them.
#[derive(Debug)]
enum Place {
    Standard,
    File(Kept),
}

/// A file that can be written. It is empty only when nothing came of it that could be written, and
/// then it is taken away again, unless it was there before.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    made: bool,
}

impl Outputs {
    /// Opens them; what they held stays until there is a result.
    pub(super) fn open(wanted: &Output) -> Result<Self, u8> {
        let wrong = |what: &dyn std::fmt::Display| {
            exit::complain(what);
            exit::USAGE
        };
        if wanted.json.is_some() && wanted.json == wanted.html {
            return Err(wrong(&"--json and --html name one place; name two"));
        }
        let open = |path: &Option<PathBuf>| {
            let opened = path.as_deref().map(Place::open).transpose();
            opened.map_err(|error| wrong(&error))
        };
        Ok(Self {
            json: open(&wanted.json)?,
            html: open(&wanted.html)?,
        })
    }

    /// Whether something else than text goes to standard output.
    pub(super) fn are_piped(&self) -> bool {
        let standard = |place: &Option<Place>| matches!(place, Some(Place::Standard));
        standard(&self.json) || standard(&self.html)
    }

    /// Writes a result: its text to standard output in any case, unless something else goes there
    /// or nobody wants it.
    pub(super) fn write(self, outcome: &Outcome, quiet: bool) -> Result<(), u8> {
        let mut written = match quiet || self.are_piped() {
            true => Ok(()),
            false => printed(|out| report::text(outcome, out)).map(|_| ()),
        };
        if let Some(place) = self.json {
            let json = outcome.to_json().map_err(|error| {
                exit::complain(&error);
                exit::INTERNAL
            });
            written = json.and_then(|json| place.write(&json)).and(written);
        }
        if let Some(place) = self.html {
            written = place.write(&report::html(outcome)).and(written);
        }
        written
    }
}

impl Place {
    fn open(path: &Path) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Ok(Self::Standard);
        }
        let made = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self::File(Kept {
            path: path.to_owned(),
            file,
            made,
        }))
    }

    fn write(self, text: &str) -> Result<(), u8> {
        match self {
            Self::Standard => printed(|out| out.write_all(text.as_bytes())).map(|_| ()),
            Self::File(mut kept) => kept.write(text).map_err(|error| {
                let path = kept.path.display();
                exit::complain(&format_args!("cannot write {path}: {error}"));
                exit::INTERNAL
            }),
        }
    }
}

impl Kept {
    fn write(&mut self, text: &str) -> io::Result<()> {
        // Pipes and devices have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())?;
        self.made = false;
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.made {
            // An empty file that stays does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}
