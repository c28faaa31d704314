//! `tenantry import --diff`: what exports would change in the configuration in use.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use tenantry_audit::import::diff;
use tenantry_audit::inventory::Inventory;

use super::unwritable;
use crate::exit;

/// Compares and tells; the exit code says whether anything differs.
pub(super) fn compare(config: &Path, inventory: &Inventory, json: bool) -> Result<u8, u8> {
    let unreadable = || {
        exit::complain(&format_args!("{}: cannot be read", config.display()));
        exit::CONFIGURATION
    };
    let relay = inventory.relay.as_ref().ok_or_else(unreadable)?;
    diff::readable(relay).map_err(|problems| {
        for problem in problems {
            exit::complain(&problem);
        }
        exit::complain(&"nothing was compared: what cannot be read may decide whose mail is whose");
        exit::CONFIGURATION
    })?;
    let comparison = diff::compare(inventory).ok_or_else(unreadable)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match json {
        true => comparison.json(&config.display().to_string(), &mut out),
        false => comparison.text(&mut out),
    };
    written.and_then(|()| out.flush()).map_err(unwritable)?;
    Ok(match comparison.differences.is_empty() {
        true => exit::OK,
        false => exit::CHANGED,
    })
}
