//! Quantities with units: `"150MiB"`, `"30s"`.

use std::fmt;
use std::time::Duration;

/// Why a quantity could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No number comes first.
    #[error("has no number")]
    NoNumber,
    /// Nothing follows the number.
    #[error("has no unit")]
    NoUnit,
    /// What follows the number is no unit of this kind.
    #[error("has an unknown unit")]
    UnknownUnit,
    /// It is more than can be counted.
    #[error("is too large")]
    TooLarge,
}

/// A time as it would be written in a world file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown(pub Duration);

/// Reads octets: `B`, `KiB`, `MiB`, `GiB`, or `KB`, `MB`, `GB` in powers of 1,000.
///
/// # Errors
/// When there is no number, no unit of size, or too large a product.
pub fn size(text: &str) -> Result<u64, UnitError> {
    const UNITS: &[(&str, u64)] = &[
        ("B", 1),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let (amount, rest) = amount(text.trim(), UNITS)?;
    if rest.is_empty() {
        Ok(amount)
    } else {
        Err(UnitError::UnknownUnit)
    }
}

/// Reads a time: `ms`, `s`, `m`, `h`, `d`, also several as in `1h30m`.
///
/// # Errors
/// When there is no number, no unit of time, or too large a sum.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    loop {
        let (part, after) = amount(rest, TIMES)?;
        total = total.checked_add(part).ok_or(UnitError::TooLarge)?;
        if after.is_empty() {
            return Ok(Duration::from_millis(total));
        }
        rest = after;
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let whole = TIMES.iter().rev().find(|(_, length)| {
            milliseconds != 0 && milliseconds.is_multiple_of(u128::from(*length))
        });
        match whole {
            Some((unit, length)) => write!(out, "{}{unit}", milliseconds / u128::from(*length)),
            None => out.write_str("0s"),
        }
    }
}

const TIMES: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The first number times its unit, and what follows them.
fn amount<'t>(text: &'t str, units: &[(&str, u64)]) -> Result<(u64, &'t str), UnitError> {
    let digits = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(UnitError::NoNumber);
    }
    let rest = rest.trim_start();
    let letters = rest
        .find(|character: char| !character.is_alphabetic())
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    if rest.is_empty() {
        return Err(UnitError::NoUnit);
    }
    let (_, factor) = units
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(UnitError::UnknownUnit)?;
    let product = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        .ok_or(UnitError::TooLarge)?;
    Ok((product, after.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_carry_units() {
        for (text, expected) in [
            ("0B", Ok(0)),
            ("150MiB", Ok(157_286_400)),
            (" 25 KB ", Ok(25_000)),
            ("25", Err(UnitError::NoUnit)),
            ("", Err(UnitError::NoNumber)),
            ("-1B", Err(UnitError::NoNumber)),
            ("1.5MiB", Err(UnitError::UnknownUnit)),
            ("1mib", Err(UnitError::UnknownUnit)),
            ("1MiB1B", Err(UnitError::UnknownUnit)),
            ("18446744073709551615B", Ok(u64::MAX)),
            ("18446744073709551616B", Err(UnitError::TooLarge)),
            ("17179869184GiB", Err(UnitError::TooLarge)),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn times_carry_units_and_are_shown_as_they_can_be_read() {
        for (text, milliseconds, shown) in [
            ("250ms", 250, "250ms"),
            ("30s", 30_000, "30s"),
            ("1h30m", 5_400_000, "90m"),
            ("1h 30m", 5_400_000, "90m"),
            ("24h", 86_400_000, "1d"),
            ("0s", 0, "0s"),
        ] {
            let time = duration(text);
            assert_eq!(time, Ok(Duration::from_millis(milliseconds)), "{text}");
            let written = time.map(|time| Shown(time).to_string());
            assert_eq!(written.as_deref(), Ok(shown));
        }
        for (text, error) in [
            ("30", UnitError::NoUnit),
            ("1h30", UnitError::NoUnit),
            ("s", UnitError::NoNumber),
            ("1.5s", UnitError::UnknownUnit),
            ("30sec", UnitError::UnknownUnit),
            ("99999999999999999d", UnitError::TooLarge),
            ("213503982334d213503982334d", UnitError::TooLarge),
        ] {
            assert_eq!(duration(text), Err(error), "{text}");
        }
    }
}
