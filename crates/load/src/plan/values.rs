//! Quantities of plans, bounded.

use std::time::Duration;

use tenantry_settings::units::{ShownDuration, ShownSize};
use tenantry_settings::{Mistake, values};
use toml::de::DeValue;

/// A time of at most a month.
pub(super) fn duration(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    let time = values::duration(value)?;
    if time <= LONGEST {
        return Ok(time);
    }
    let what = format!("{} is too long", ShownDuration(time));
    Err(Mistake::new(what, "write at most \"720h\""))
}

/// A size of at most 1 GiB.
pub(super) fn size(value: &DeValue<'_>) -> Result<u64, Mistake> {
    let size = values::size(value)?;
    if size <= LARGEST {
        return Ok(size);
    }
    let what = format!("{} is too large", ShownSize(size));
    Err(Mistake::new(what, "write at most \"1GiB\""))
}

const LONGEST: Duration = Duration::from_secs(720 * 3600);
const LARGEST: u64 = 1 << 30;
