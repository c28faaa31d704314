//! The tenants' files: none is overwritten unasked, and none is ever half there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tenantry_audit::import::Import;

use crate::exit;

/// Writes all files, or none when one is there already and may not be replaced.
pub(super) fn write(folder: &Path, import: &Import, force: bool) -> Result<(), u8> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut there = false;
    for draft in &import.drafts {
        let path = folder.join(&draft.file_name);
        if !force && path.symlink_metadata().is_ok() {
            exit::complain(&format_args!("{} is there already", path.display()));
            there = true;
        }
    }
    if there {
        exit::complain(&"nothing was written; use --force to replace them, or another folder");
        return Err(exit::USAGE);
    }
    for draft in &import.drafts {
        let path = folder.join(&draft.file_name);
        let text = draft.text(Some(folder));
        put(folder, &path, text.as_bytes(), force).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// Beside it first, then in its place at once; a link replaces nothing, a rename does.
fn put(folder: &Path, path: &Path, text: &[u8], force: bool) -> io::Result<()> {
    let temporary = folder.join(format!(".tenantry-import-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|file| filled(file, text))
        .and_then(|()| match force {
            true => fs::rename(&temporary, path),
            false => fs::hard_link(&temporary, path),
        });
    // What is left of it is of no use; an error that led here is the one to tell.
    let _ = fs::remove_file(&temporary);
    written
}

fn filled(mut file: File, text: &[u8]) -> io::Result<()> {
    file.write_all(text)?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> u8 {
    exit::complain(&format_args!("cannot write {}: {error}", path.display()));
    exit::INTERNAL
}
