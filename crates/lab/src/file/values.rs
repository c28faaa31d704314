//! The kinds of values that only world files have.

use std::net::SocketAddr;

use tenantry_settings::values::{count, number, parsed, string, text, without_controls};
use tenantry_settings::{Mistake, quoted};
use toml::de::DeValue;

use crate::world::Region;

pub(super) fn region(value: &DeValue<'_>) -> Result<Region, Mistake> {
    let written = text(value)?;
    let fits = written.len() <= 16 && written.bytes().all(|octet| octet.is_ascii_alphanumeric());
    if fits {
        Ok(Region::new(&written))
    } else {
        let what = format!("{} is no region", quoted(&written));
        Err(Mistake::new(
            what,
            "write letters and digits, as in \"EUR\" or \"NAM\"",
        ))
    }
}

/// A count of at least 1.
pub(super) fn positive(value: &DeValue<'_>) -> Result<u32, Mistake> {
    match count(value)? {
        0 => Err(Mistake::new("is 0", "write a whole number from 1 on")),
        number => Ok(number),
    }
}

/// A probability.
pub(super) fn share(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let number = number(value)?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(Mistake::new(
            format!("{number} is not from 0 to 1"),
            "write 1 for always, 0.1 for one time in ten",
        ))
    }
}

/// A number of something per second.
pub(super) fn per_second(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let number = number(value)?;
    if number > 0.0 && number <= 1e9 {
        Ok(number)
    } else {
        Err(Mistake::new(
            format!("{number} is not above 0 and at most 1000000000"),
            "write how many pass in a second, as in 10 or 0.5",
        ))
    }
}

/// Where to listen.
pub(super) fn socket(value: &DeValue<'_>) -> Result<SocketAddr, Mistake> {
    let remedy =
        "write an IP address and a port, as in \"127.0.0.1:2525\"; port 0 takes a free one";
    let parse = |text: &str| text.parse().ok();
    parsed(value, parse, "address with a port", remedy)
}

/// A scalar as text, as events have it.
pub(super) fn scalar(value: &DeValue<'_>) -> Result<String, Mistake> {
    const REMEDY: &str = "write it in quotes; several values are separated by commas";
    match value {
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Integer(number) => Ok(String::from(number.as_str())),
        DeValue::String(_) => without_controls(string(value, REMEDY)?).map(String::from),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err(Mistake::kind(value, "a string", REMEDY))
        }
    }
}
