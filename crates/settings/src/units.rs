//! Quantities with units: `"25MiB"`, `"30s"`, `"500B/s"`.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Why a quantity could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnitError {
    /// Nothing stands in front of the unit.
    #[error("has no number")]
    NoNumber,
    /// A number without a unit.
    #[error("has no unit")]
    NoUnit,
    /// A unit that is not known here.
    #[error("has an unknown unit")]
    UnknownUnit,
    /// The number is larger than can be counted.
    #[error("is too large")]
    TooLarge,
}

/// Reads a size in octets: `B`, `KiB`, `MiB`, `GiB` (powers of 1,024), `KB`, `MB`, `GB` (of 1,000).
///
/// # Errors
/// When the number or the unit is missing, unknown or too large.
pub fn size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "" => return Err(UnitError::NoUnit),
        "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(UnitError::UnknownUnit),
    };
    number.checked_mul(factor).ok_or(UnitError::TooLarge)
}

/// Reads a time: `us`, `ms`, `s`, `m`, `h`, `d`, also one after the other as in `1h30m`.
///
/// # Errors
/// When a number or a unit is missing, unknown or too large.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let mut total = 0u64;
    let mut rest = text.trim();
    loop {
        let (number, tail) = number_and_unit(rest)?;
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        let microseconds: u64 = match unit.trim_end() {
            "" => return Err(UnitError::NoUnit),
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(UnitError::UnknownUnit),
        };
        total = number
            .checked_mul(microseconds)
            .and_then(|part| total.checked_add(part))
            .ok_or(UnitError::TooLarge)?;
        if next.is_empty() {
            return Ok(Duration::from_micros(total));
        }
        rest = next;
    }
}

/// Reads octets per second: a size with `/s` after it.
///
/// # Errors
/// As [`size`]; a missing `/s` is a missing unit.
pub fn rate(text: &str) -> Result<u64, UnitError> {
    match text.trim().strip_suffix("/s") {
        Some(per_second) => size(per_second),
        None => Err(size(text).err().unwrap_or(UnitError::NoUnit)),
    }
}

/// A size as it would be written in a file.
#[derive(Debug, Clone, Copy)]
pub struct ShownSize(pub u64);

impl fmt::Display for ShownSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
            .into_iter()
            .find(|(bits, _)| self.0 != 0 && self.0.trailing_zeros() >= *bits)
            .map_or((self.0, "B"), |(bits, unit)| (self.0 >> bits, unit));
        write!(f, "{number}{unit}")
    }
}

/// A time as it would be written in a file, to the microsecond.
#[derive(Debug, Clone, Copy)]
pub struct ShownDuration(pub Duration);

impl fmt::Display for ShownDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = self.0.as_micros();
        let units = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
            (1, "us"),
        ];
        let fits = |length: u128| microseconds != 0 && microseconds.is_multiple_of(length);
        let (number, unit) = units
            .into_iter()
            .find(|(length, _)| fits(*length))
            .map_or((0, "s"), |(length, unit)| (microseconds / length, unit));
        write!(f, "{number}{unit}")
    }
}

fn number_and_unit(text: &str) -> Result<(u64, &str), UnitError> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err(UnitError::NoNumber);
    }
    // Digits only: the one way left to fail is a number too large to count.
    let number = digits.parse().map_err(|_| UnitError::TooLarge)?;
    Ok((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_carry_units() {
        for (text, expected) in [
            ("0B", Ok(0)),
            ("65535B", Ok(65_535)),
            ("25MiB", Ok(25 << 20)),
            ("25 MiB", Ok(25 << 20)),
            (" 1KiB ", Ok(1_024)),
            ("10MB", Ok(10_000_000)),
            ("2GiB", Ok(2 << 30)),
            ("25", Err(UnitError::NoUnit)),
            ("", Err(UnitError::NoNumber)),
            ("MiB", Err(UnitError::NoNumber)),
            ("-1B", Err(UnitError::NoNumber)),
            ("1.5MiB", Err(UnitError::UnknownUnit)),
            ("1mib", Err(UnitError::UnknownUnit)),
            ("30s", Err(UnitError::UnknownUnit)),
            ("18446744073709551615B", Ok(u64::MAX)),
            ("18446744073709551616B", Err(UnitError::TooLarge)),
            ("17179869184GiB", Err(UnitError::TooLarge)),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_carry_units() {
        for (text, expected) in [
            ("500us", Ok(Duration::from_micros(500))),
            ("250ms", Ok(Duration::from_millis(250))),
            ("30s", Ok(Duration::from_secs(30))),
            ("10m", Ok(Duration::from_secs(600))),
            ("10 min", Ok(Duration::from_secs(600))),
            ("1h30m", Ok(Duration::from_secs(5_400))),
            ("1h 30m", Ok(Duration::from_secs(5_400))),
            ("2d", Ok(Duration::from_secs(172_800))),
            ("30", Err(UnitError::NoUnit)),
            ("1h30", Err(UnitError::NoUnit)),
            ("s", Err(UnitError::NoNumber)),
            ("", Err(UnitError::NoNumber)),
            ("1.5s", Err(UnitError::UnknownUnit)),
            ("30sec", Err(UnitError::UnknownUnit)),
            ("30S", Err(UnitError::UnknownUnit)),
            ("99999999999999999d", Err(UnitError::TooLarge)),
            ("213503982d213503982d", Err(UnitError::TooLarge)),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn rates_are_sizes_per_second() {
        assert_eq!(rate("500B/s"), Ok(500));
        assert_eq!(rate("2KiB/s"), Ok(2_048));
        assert_eq!(rate("500B"), Err(UnitError::NoUnit));
        assert_eq!(rate("500"), Err(UnitError::NoUnit));
        assert_eq!(rate("/s"), Err(UnitError::NoNumber));
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for octets in [
            0,
            1,
            500,
            1_024,
            65_535,
            65_536,
            150 << 20,
            3 << 30,
            u64::MAX,
        ] {
            assert_eq!(size(&ShownSize(octets).to_string()), Ok(octets));
        }
        for microseconds in [
            0,
            1,
            999,
            1_000,
            15_000_000,
            90_000_000,
            3_600_000_000,
            86_400_000_000,
        ] {
            let time = Duration::from_micros(microseconds);
            assert_eq!(duration(&ShownDuration(time).to_string()), Ok(time));
        }
        assert_eq!(ShownDuration(Duration::from_secs(5_400)).to_string(), "90m");
    }
}
