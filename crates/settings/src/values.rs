//! The kinds of values that settings have, each with the message for what it is not.
//!
//! Every function takes one TOML value, so that [`Table`](crate::Table) can be given it.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use toml::de::DeValue;

use crate::mistake::Mistake;
use crate::units::{self, UnitError};
use crate::words::{listed, quoted};

/// A string, whatever is in it.
///
/// # Errors
/// When it is something else.
pub fn string<'v>(value: &'v DeValue<'_>, remedy: &str) -> Result<&'v str, Mistake> {
    let text = value.as_str();
    text.ok_or_else(|| Mistake::kind(value, "a string", remedy))
}

/// A string with something in it, in one line.
///
/// # Errors
/// When it is empty, or has control characters.
pub fn text(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = string(value, "write it in quotes")?;
    if text.trim().is_empty() {
        return Err(Mistake::new("is empty", "fill it in or remove the line"));
    }
    without_controls(text).map(String::from)
}

/// Text as it is, if it has no control characters.
///
/// # Errors
/// When it has some.
pub fn without_controls(text: &str) -> Result<&str, Mistake> {
    if text.chars().any(char::is_control) {
        let what = format!("{} contains control characters", quoted(text));
        return Err(Mistake::new(what, "write it without them"));
    }
    Ok(text)
}

/// The name of a file, as written.
///
/// # Errors
/// When it is no name, as a key that was pasted.
pub fn path(value: &DeValue<'_>) -> Result<PathBuf, Mistake> {
    let written = string(value, "write the file's name in quotes")?;
    if written.contains("-----BEGIN") || written.contains('\n') {
        return Err(Mistake::new(
            "holds the text of a file where the name of a file belongs",
            "store the text in a file and name that file here",
        ));
    }
    text(value).map(PathBuf::from)
}

/// Yes or no.
///
/// # Errors
/// When it is something else.
pub fn flag(value: &DeValue<'_>) -> Result<bool, Mistake> {
    let remedy = "write true or false, without quotes";
    let flag = value.as_bool();
    flag.ok_or_else(|| Mistake::kind(value, "true or false", remedy))
}

/// A whole number of at most `most`.
pub fn whole(most: u64) -> impl Fn(&DeValue<'_>) -> Result<u64, Mistake> {
    move |value| {
        let DeValue::Integer(number) = value else {
            let remedy = "write a whole number without quotes";
            return Err(Mistake::kind(value, "a number", remedy));
        };
        u64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| {
                let shown = short(number.as_str());
                Mistake::new(
                    format!("{shown} is not a whole number from 0 to {most}"),
                    "write a number in that range",
                )
            })
    }
}

/// How many.
///
/// # Errors
/// When it is no whole number of 32 bits.
pub fn count(value: &DeValue<'_>) -> Result<u32, Mistake> {
    let number = whole(u32::MAX.into())(value)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A number, whole or not; neither infinite nor none.
///
/// # Errors
/// When it is something else.
pub fn number(value: &DeValue<'_>) -> Result<f64, Mistake> {
    let remedy = "write a number without quotes";
    let (shown, read) = match value {
        // Whole numbers above 2^53 are rounded as if they had a decimal point.
        DeValue::Integer(number) => {
            let read = i128::from_str_radix(number.as_str(), number.radix());
            (number.as_str(), read.ok().map(|number| number as f64))
        }
        DeValue::Float(number) => (number.as_str(), number.as_str().parse().ok()),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return Err(Mistake::kind(value, "a number", remedy)),
    };
    read.filter(|number| number.is_finite())
        .ok_or_else(|| Mistake::new(format!("{} is out of range", short(shown)), remedy))
}

/// The digits of a number, as far as a message needs them.
fn short(digits: &str) -> String {
    digits.chars().take(DIGITS).collect()
}

/// A number between two, both included.
pub fn number_within(least: f64, most: f64) -> impl Fn(&DeValue<'_>) -> Result<f64, Mistake> {
    move |value| {
        let number = number(value)?;
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(Mistake::new(
            format!("{number} is out of range"),
            format!("write a number from {least} to {most}"),
        ))
    }
}

/// Octets with their unit.
///
/// # Errors
/// As [`units::size`].
pub fn size(value: &DeValue<'_>) -> Result<u64, Mistake> {
    let remedy = "write a number and B, KiB, MiB or GiB, as in \"25MiB\"";
    quantity(value, units::size, remedy)
}

/// Octets per second with their unit.
///
/// # Errors
/// As [`units::rate`].
pub fn rate(value: &DeValue<'_>) -> Result<u64, Mistake> {
    let remedy = "write a number and B/s or KiB/s, as in \"500B/s\"";
    quantity(value, units::rate, remedy)
}

/// A length of time with its unit.
///
/// # Errors
/// As [`units::duration`].
pub fn duration(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    let remedy = "write a number and ms, s, m, h or d, as in \"30s\"";
    quantity(value, units::duration, remedy)
}

/// A wait that has an end and takes some time.
///
/// # Errors
/// As [`duration`], and when it is no time at all.
pub fn wait(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    let time = duration(value)?;
    if time.is_zero() {
        let remedy = "write how long to wait, as in \"30s\"";
        return Err(Mistake::new("is no time at all", remedy));
    }
    Ok(time)
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

/// One of a fixed set of words.
pub fn word<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T, Mistake> {
    |value| {
        let known = words.iter().map(|(word, _)| *word);
        let quotes: Vec<String> = known.clone().map(|word| format!("\"{word}\"")).collect();
        let remedy = format!("write {}", listed(quotes.iter().map(String::as_str)));
        let written = string(value, &remedy)?;
        let found = words.iter().find(|(word, _)| *word == written);
        found
            .map(|(_, meant)| *meant)
            .ok_or_else(|| Mistake::unknown_word(written, known, remedy))
    }
}

/// A string of a form of its own; `wanted` is what it should be.
///
/// # Errors
/// When it does not have the form.
pub fn parsed<T>(
    value: &DeValue<'_>,
    parse: impl FnOnce(&str) -> Option<T>,
    wanted: &str,
    remedy: &str,
) -> Result<T, Mistake> {
    let written = string(value, remedy)?;
    parse(written)
        .ok_or_else(|| Mistake::new(format!("{} is no {wanted}", quoted(written)), remedy))
}

/// An IP address; an IPv4-mapped one counts as IPv4.
///
/// # Errors
/// When it is something else.
pub fn address(value: &DeValue<'_>) -> Result<IpAddr, Mistake> {
    let remedy = "write an IP address, as in \"192.0.2.10\"";
    let parse = |text: &str| {
        text.parse()
            .ok()
            .map(|address: IpAddr| address.to_canonical())
    };
    parsed(value, parse, "IP address", remedy)
}

/// An IP address or a network, as keys and values have it; IPv4-mapped ones count as IPv4.
///
/// # Errors
/// When it is neither, or says more than its network.
pub fn network(written: &str) -> Result<IpNet, Mistake> {
    let parsed = written.parse::<IpNet>();
    let parsed = parsed.or_else(|_network| written.parse::<IpAddr>().map(IpNet::from));
    let Ok(network) = parsed else {
        let what = format!("{} is neither an IP address nor a network", quoted(written));
        let remedy = "write an address or a network, as in \"10.1.0.0/24\" or \"2001:db8::/32\"";
        return Err(Mistake::new(what, remedy));
    };
    if network.trunc() != network {
        let what = format!("{} has host bits set", quoted(written));
        let (whole, host) = (network.trunc(), network.addr());
        let remedy = format!("write \"{whole}\", or \"{host}\" for that host alone");
        return Err(Mistake::new(what, remedy));
    }
    Ok(unmapped(network))
}

/// Networks of IPv4-mapped addresses become IPv4 networks, as the addresses do.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(address), Some(length)) => Ipv4Net::new(address, length).map_or(network, IpNet::V4),
        _ => network,
    }
}

/// A host and a port, as in `mail.example:25` or `[2001:db8::1]:25`; the host without brackets.
///
/// # Errors
/// What is wrong with it.
pub fn host_and_port(written: &str) -> Result<(&str, u16), Mistake> {
    host_port(written).map_err(|what| {
        let remedy = "write host:port, as in \"mail.example:25\" or \"[2001:db8::1]:25\"";
        Mistake::new(format!("{} {what}", quoted(written)), remedy)
    })
}

fn host_port(written: &str) -> Result<(&str, u16), &'static str> {
    if written.contains("://") {
        return Err("is a URL");
    }
    if written.starts_with('[') && written.ends_with(']') {
        return Err("has no port");
    }
    let (host, port) = written.rsplit_once(':').ok_or("has no port")?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(inner) if inner.parse::<Ipv6Addr>().is_err() => {
            return Err("has no IPv6 address in its brackets");
        }
        Some(inner) => inner,
        None if host.contains(':') => return Err("is an IPv6 address without brackets"),
        None => host,
    };
    let plain = !host.is_empty() && host.len() <= 255;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !plain || !host.chars().all(allowed) || host.starts_with(['.', '-']) || host.contains("..") {
        return Err("has no valid host name");
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits && port != 0 => Ok((host, port)),
        _ => Err("has no port from 1 to 65535"),
    }
}

/// Of a number that is too long.
const DIGITS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a value, or what it is.
    fn told<T: std::fmt::Debug>(
        written: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> String {
        let parsed = DeValue::parse(written).map(|value| read(value.get_ref()));
        match parsed {
            Ok(Ok(value)) => format!("{value:?}"),
            Ok(Err(mistake)) => mistake.what,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn text_is_something_in_one_line() {
        for (written, expected) in [
            ("'a b'", "\"a b\""),
            ("' '", "is empty"),
            ("1", "is a number, not a string"),
            ("\"a\\u0007b\"", "\"a\\u{7}b\" contains control characters"),
        ] {
            assert_eq!(told(written, text), expected, "{written}");
        }
        let pasted = "'''-----BEGIN PRIVATE KEY-----\nx'''";
        assert!(told(pasted, path).starts_with("holds the text of a file"));
    }

    #[test]
    fn numbers_are_read_in_every_notation_and_within_bounds() {
        for (written, expected) in [
            ("10", "10"),
            ("0x1F", "31"),
            ("1_0", "10"),
            ("32", "32 is not a whole number from 0 to 31"),
            ("-1", "-1 is not a whole number from 0 to 31"),
            ("1.0", "is a fraction, not a number"),
            ("'1'", "is a string, not a number"),
        ] {
            assert_eq!(told(written, whole(31)), expected, "{written}");
        }
        for (written, expected) in [
            ("0", "0.0"),
            ("0x1", "1.0"),
            ("0.5", "0.5"),
            ("2", "2 is out of range"),
            ("-0.1", "-0.1 is out of range"),
            ("nan", "nan is out of range"),
            ("1e999", "1e999 is out of range"),
            ("true", "is true or false, not a number"),
        ] {
            assert_eq!(
                told(written, number_within(0.0, 1.0)),
                expected,
                "{written}"
            );
        }
    }

    #[test]
    fn quantities_have_units() {
        assert_eq!(told("'2KiB'", size), "2048");
        assert_eq!(told("'2KiB/s'", rate), "2048");
        assert_eq!(told("'30s'", wait), "30s");
        assert_eq!(told("'0s'", wait), "is no time at all");
        assert_eq!(told("30", duration), "is a number without a unit");
        assert_eq!(told("'30'", duration), "\"30\" has no unit");
        assert_eq!(told("[]", size), "is a list, not a string");
    }

    #[test]
    fn words_are_those_that_are_known() {
        let words = [("off", 0), ("starttls", 1)];
        let read = word(&words);
        assert_eq!(told("'starttls'", &read), "1");
        let value = DeValue::String("startls".into());
        let mistake = read(&value).err().map(|mistake| mistake.remedy);
        assert_eq!(
            mistake.as_deref(),
            Some("did you mean \"starttls\"? write \"off\" or \"starttls\"")
        );
    }

    #[test]
    fn addresses_are_addresses() {
        assert_eq!(told("'::ffff:10.0.0.1'", address), "10.0.0.1");
        assert_eq!(
            told("'localhost'", address),
            "\"localhost\" is no IP address"
        );
    }

    #[test]
    fn networks_have_no_host_bits_and_mapped_ones_count_as_ipv4() {
        for (written, expected) in [
            ("10.1.0.0/24", "10.1.0.0/24"),
            ("10.1.0.1", "10.1.0.1/32"),
            ("::ffff:10.1.0.1", "10.1.0.1/32"),
            ("::ffff:10.1.0.0/120", "10.1.0.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("10.1.0.1/24", "\"10.1.0.1/24\" has host bits set"),
            (
                "10.1.0",
                "\"10.1.0\" is neither an IP address nor a network",
            ),
        ] {
            let told =
                network(written).map_or_else(|mistake| mistake.what, |read| read.to_string());
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn hosts_come_with_ports() {
        for (written, host, port) in [
            ("mail.example:25", "mail.example", 25),
            ("192.0.2.1:2525", "192.0.2.1", 2525),
            ("[2001:db8::1]:25", "2001:db8::1", 25),
            ("a_b.example:65535", "a_b.example", 65_535),
        ] {
            assert_eq!(host_and_port(written), Ok((host, port)), "{written}");
        }
        for written in [
            "",
            "mail.example",
            ":25",
            "mail.example:",
            "mail.example:0",
            "mail.example:65536",
            "mail.example:+25",
            "2001:db8::1:25",
            "[2001:db8::1]",
            "[mail.example]:25",
            "a b:25",
            "smtp://mail.example:25",
            "-a.example:25",
            "a..b:25",
            "mail.example:25/",
        ] {
            assert!(host_and_port(written).is_err(), "{written}");
        }
    }
}
