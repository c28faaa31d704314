//! Exports on the command line: the same for `import` and `connectors`.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use tenantry_audit::inventory::{Inventory, ReadOptions};

use crate::exit;

/// Reads what was named. What is missing or cannot be read is told and ends the command: a tenant whose
/// domains are only half read would be another tenant's prey.
pub(crate) fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<Inventory, u8> {
    let tenants = options.tenants.iter().map(|(_, path)| path);
    let named = paths.iter().chain(tenants).chain(&options.certificates);
    let mut wrong = false;
    for path in named {
        if let Err(error) = std::fs::metadata(path) {
            let what = if error.kind() == io::ErrorKind::NotFound {
                String::from("there is no such file or folder")
            } else {
                error.to_string()
            };
            exit::complain(&format_args!("{}: {what}", path.display()));
            wrong = true;
        }
    }
    if wrong {
        return Err(exit::CONFIGURATION);
    }
    let inventory = Inventory::read(paths, options);
    for unreadable in &inventory.unreadable {
        let (place, what, remedy) = (&unreadable.place, &unreadable.what, &unreadable.remedy);
        if unreadable.ignored {
            exit::complain(&format_args!("{place}: passed over: {what}"));
        } else {
            exit::complain(&format_args!("{place}: {what}; what to do: {remedy}"));
            wrong = true;
        }
    }
    if wrong {
        exit::complain(&"nothing was done: what cannot be read may decide whose mail is whose");
        return Err(exit::CONFIGURATION);
    }
    Ok(inventory)
}

/// `NAME=PATH`.
pub(crate) fn tenant(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
            Ok((name.trim().to_owned(), PathBuf::from(path)))
        }
        Some(_) | None => Err("write a name and a path, as contoso=exports/contoso".to_owned()),
    }
}

/// RFC 3339.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_error| "write a time as 2027-01-31T08:00:00Z".to_owned())
}
