//! The kinds of values in world files, each with the message for what it is not.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use toml::de::DeValue;

use super::problem::{closest, listed, quoted};
use super::reader::{Mistake, kind};
use super::units::{self, UnitError};
use crate::world::Region;

pub(super) fn text(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = string(value, "write it in quotes")?;
    if text.trim().is_empty() {
        return Err(Mistake::new("is empty", "fill it in or remove the line"));
    }
    if text.chars().any(char::is_control) {
        let what = format!("{} contains control characters", quoted(text));
        return Err(Mistake::new(what, "write it without them"));
    }
    Ok(String::from(text))
}

pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, Mistake> {
    text(value).map(PathBuf::from)
}

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

pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, Mistake> {
    value.as_bool().ok_or_else(|| {
        let what = format!("is {}, not true or false", kind(value));
        Mistake::new(what, "write true or false, without quotes")
    })
}

pub(super) fn count(value: &DeValue<'_>) -> Result<u64, Mistake> {
    whole(value, u64::from(u32::MAX))
}

pub(super) fn count32(value: &DeValue<'_>) -> Result<u32, Mistake> {
    let number = whole(value, u64::from(u32::MAX))?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A count of at least 1.
pub(super) fn positive(value: &DeValue<'_>) -> Result<u32, Mistake> {
    match count32(value)? {
        0 => Err(Mistake::new("is 0", "write a whole number from 1 on")),
        number => Ok(number),
    }
}

pub(super) fn seed(value: &DeValue<'_>) -> Result<u64, Mistake> {
    whole(value, i64::MAX.unsigned_abs())
}

/// A probability.
pub(super) fn share(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let number = fraction(value)?;
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
pub(super) fn rate(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let number = fraction(value)?;
    if number > 0.0 && number <= 1e9 {
        Ok(number)
    } else {
        Err(Mistake::new(
            format!("{number} is not above 0 and at most 1000000000"),
            "write how many pass in a second, as in 10 or 0.5",
        ))
    }
}

pub(super) fn size(value: &DeValue<'_>) -> Result<u64, Mistake> {
    quantity(
        value,
        units::size,
        "write a number and B, KiB, MiB or GiB, as in \"25MiB\"",
    )
}

pub(super) fn time(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    quantity(
        value,
        units::duration,
        "write a number and ms, s, m, h or d, as in \"30s\"",
    )
}

/// A wait that has an end.
pub(super) fn wait(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    let time = time(value)?;
    if time.is_zero() {
        return Err(Mistake::new(
            "is no time at all",
            "write how long to wait, as in \"30s\"",
        ));
    }
    Ok(time)
}

pub(super) fn socket(value: &DeValue<'_>) -> Result<SocketAddr, Mistake> {
    let remedy =
        "write an IP address and a port, as in \"127.0.0.1:2525\"; port 0 takes a free one";
    let written = string(value, remedy)?;
    written.parse().map_err(|_invalid| {
        Mistake::new(
            format!("{} is no address with a port", quoted(written)),
            remedy,
        )
    })
}

pub(super) fn address(value: &DeValue<'_>) -> Result<IpAddr, Mistake> {
    let remedy = "write an IP address, as in \"192.0.2.10\"";
    let written = string(value, remedy)?;
    let address: IpAddr = written.parse().map_err(|_invalid| {
        Mistake::new(format!("{} is no IP address", quoted(written)), remedy)
    })?;
    Ok(address.to_canonical())
}

/// An address or a network, as a key.
pub(super) fn network(written: &str) -> Result<IpNet, Mistake> {
    let network = written
        .parse::<IpNet>()
        .or_else(|_network| {
            written
                .parse::<IpAddr>()
                .map(|address| address.to_canonical().into())
        })
        .map_err(|_invalid| {
            Mistake::new(
                "is neither an IP address nor a network",
                "write an address or a network, as in \"127.0.0.10\" or \"127.0.1.0/24\"",
            )
        })?;
    if network.trunc() == network {
        Ok(network)
    } else {
        Err(Mistake::new(
            "has host bits set",
            format!("write \"{}\"", network.trunc()),
        ))
    }
}

/// One of a fixed set of words.
pub(super) fn word<T: Copy>(
    words: &[(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, Mistake> {
    |value| {
        let quotes: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        let remedy = format!("write {}", listed(quotes.iter().map(String::as_str)));
        let written = string(value, &remedy)?;
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == written) {
            return Ok(*meant);
        }
        let what = format!("{} is not one of the words known here", quoted(written));
        Err(
            match closest(written, words.iter().map(|(word, _)| *word)) {
                Some(word) => Mistake::new(what, format!("did you mean \"{word}\"? {remedy}")),
                None => Mistake::new(what, remedy),
            },
        )
    }
}

/// A scalar as text, as events have it.
pub(super) fn scalar(value: &DeValue<'_>) -> Result<String, Mistake> {
    match value {
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Integer(number) => Ok(String::from(number.as_str())),
        DeValue::String(_) => {
            let written = string(value, "")?;
            if written.chars().any(char::is_control) {
                let what = format!("{} contains control characters", quoted(written));
                return Err(Mistake::new(what, "write it without them"));
            }
            Ok(String::from(written))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            let what = format!("is {}, not a string", kind(value));
            Err(Mistake::new(
                what,
                "write it in quotes; several values are separated by commas",
            ))
        }
    }
}

pub(super) fn string<'v>(value: &'v DeValue<'_>, remedy: &str) -> Result<&'v str, Mistake> {
    value
        .as_str()
        .ok_or_else(|| Mistake::new(format!("is {}, not a string", kind(value)), remedy))
}

fn whole(value: &DeValue<'_>, largest: u64) -> Result<u64, Mistake> {
    let DeValue::Integer(number) = value else {
        let what = format!("is {}, not a number", kind(value));
        return Err(Mistake::new(what, "write a whole number without quotes"));
    };
    u64::from_str_radix(number.as_str(), number.radix())
        .ok()
        .filter(|number| *number <= largest)
        .ok_or_else(|| {
            let what = format!("is not a whole number from 0 to {largest}");
            Mistake::new(what, "write a number in that range")
        })
}

fn fraction(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let number = match value {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    };
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| {
            let what = format!("is {}, not a number", kind(value));
            Mistake::new(what, "write a number without quotes")
        })
}

fn quantity<T>(
    value: &DeValue<'_>,
    read: fn(&str) -> Result<T, UnitError>,
    remedy: &str,
) -> Result<T, Mistake> {
    if matches!(value, DeValue::Integer(_) | DeValue::Float(_)) {
        return Err(Mistake::new("is a number without a unit", remedy));
    }
    let written = string(value, remedy)?;
    read(written).map_err(|error| Mistake::new(format!("{} {error}", quoted(written)), remedy))
}
