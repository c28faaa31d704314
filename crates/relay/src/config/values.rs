//! The kinds of values a configuration has, each with the message for what it is not.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use tenantry_attribution::Pattern;
use tenantry_net::Fingerprint;
use toml::de::DeValue;

use super::problem::{alternatives, closest, quoted};
use super::tree::{Mistake, Scalar, kind};
use super::units::{self, UnitError};

/// A size in octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

/// Octets per second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate(pub(super) u64);

/// A plain number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u32);

/// A length of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Duration);

/// A path as written; it is relative to the file it stands in.
#[derive(Debug, Clone)]
pub(super) struct RelativePath(pub(super) PathBuf);

/// A day of the calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) jiff::civil::Date);

/// `host:port` of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Scalar for String {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let text = text(value, "write it in quotes")?;
        if text.trim().is_empty() {
            return Err(Mistake::new("is empty", "fill it in or remove the line"));
        }
        if text.chars().any(char::is_control) {
            let what = format!("{} contains control characters", quoted(text));
            return Err(Mistake::new(what, "write it without them"));
        }
        Ok(String::from(text))
    }
}

impl Scalar for bool {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        value.as_bool().ok_or_else(|| {
            let what = format!("is {}, not true or false", kind(value));
            Mistake::new(what, "write true or false, without quotes")
        })
    }
}

impl Scalar for Day {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let written = if let DeValue::Datetime(written) = value {
            written.to_string()
        } else {
            String::from(text(value, "write a day, as in 2027-03-31")?)
        };
        written.parse().map(Self).map_err(|_error| {
            let what = format!("{} is no day", quoted(&written));
            Mistake::new(what, "write it as in 2027-03-31")
        })
    }
}

impl Scalar for Count {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let DeValue::Integer(number) = value else {
            let what = format!("is {}, not a number", kind(value));
            return Err(Mistake::new(what, "write a whole number without quotes"));
        };
        u32::from_str_radix(number.as_str(), number.radix())
            .map(Self)
            .map_err(|_| {
                Mistake::new(
                    "is not a number from 0 to 4294967295",
                    "write a number in that range",
                )
            })
    }
}

impl Scalar for Size {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        quantity(
            value,
            units::size,
            "write a number and B, KiB, MiB or GiB, as in \"25MiB\"",
        )
        .map(Self)
    }
}

impl Scalar for Rate {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        quantity(
            value,
            units::rate,
            "write a number and B/s or KiB/s, as in \"500B/s\"",
        )
        .map(Self)
    }
}

impl Scalar for Time {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        quantity(
            value,
            units::duration,
            "write a number and ms, s, m, h or d, as in \"30s\"",
        )
        .map(Self)
    }
}

impl Scalar for RelativePath {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let written = text(value, "write the file's name in quotes")?;
        if written.contains("-----BEGIN") || written.contains('\n') {
            let what = "holds the text of a file where the name of a file belongs";
            return Err(Mistake::new(
                what,
                "store the text in a file and name that file here",
            ));
        }
        String::scalar(value).map(PathBuf::from).map(Self)
    }
}

impl Scalar for SocketAddr {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write an IP address and a port, as in \"0.0.0.0:25\" or \"[::]:25\"";
        let written = text(value, remedy)?;
        written.parse().map_err(|_| {
            Mistake::new(
                format!("{} is not an address with a port", quoted(written)),
                remedy,
            )
        })
    }
}

impl Scalar for IpNet {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write a network as in \"10.1.0.0/24\" or \"2001:db8::/32\"";
        let written = text(value, remedy)?;
        let network = written
            .parse::<IpNet>()
            .or_else(|_| written.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| Mistake::new(format!("{} is not a network", quoted(written)), remedy))?;
        if network.trunc() != network {
            let what = format!("{} has host bits set", quoted(written));
            let host = network.addr();
            let remedy = format!(
                "write \"{}\", or \"{host}\" for that host alone",
                network.trunc()
            );
            return Err(Mistake::new(what, remedy));
        }
        Ok(unmapped(network))
    }
}

impl Scalar for Pattern {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write a domain, or *.domain for it and everything below it";
        let written = text(value, remedy)?;
        Pattern::parse(written).map_err(|error| {
            Mistake::new(
                format!("{} is no domain pattern: {error}", quoted(written)),
                remedy,
            )
        })
    }
}

impl Scalar for Fingerprint {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write the SHA-256 of the public key as 64 hex digits";
        let written = text(value, remedy)?;
        written
            .parse()
            .map_err(|_| Mistake::new(format!("{} is no SHA-256", quoted(written)), remedy))
    }
}

impl Scalar for HostPort {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write host:port, as in \"mail.example:25\" or \"[2001:db8::1]:25\"";
        let written = text(value, remedy)?;
        host_port(written)
            .map_err(|what| Mistake::new(format!("{} {what}", quoted(written)), remedy))
    }
}

/// Text, or the mistake of being something else.
pub(super) fn text<'a>(value: &'a DeValue<'_>, remedy: &str) -> Result<&'a str, Mistake> {
    value
        .as_str()
        .ok_or_else(|| Mistake::new(format!("is {}, not a string", kind(value)), remedy))
}

/// One of a fixed set of words.
pub(super) fn word<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, Mistake> {
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let quoted_words: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
    let listed: Vec<&str> = quoted_words.iter().map(String::as_str).collect();
    let remedy = format!("write {}", alternatives(&listed));
    let written = text(value, &remedy)?;
    words
        .iter()
        .find(|(word, _)| *word == written)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let what = format!("{} is not one of the words known here", quoted(written));
            match closest(written, known.iter().copied()) {
                Some(word) => Mistake::new(what, format!("did you mean \"{word}\"? {remedy}")),
                None => Mistake::new(what, remedy.clone()),
            }
        })
}

/// Gives an enum its words in the file.
macro_rules! words {
    ($type:ty { $($word:literal => $variant:path,)+ }) => {
        impl $crate::config::tree::Scalar for $type {
            fn scalar(
                value: &toml::de::DeValue<'_>,
            ) -> Result<Self, $crate::config::tree::Mistake> {
                $crate::config::values::word(value, &[$(($word, $variant)),+])
            }
        }

        impl $crate::config::values::Word for $type {
            fn word(&self) -> &'static str {
                match self {
                    $($variant => $word,)+
                }
            }
        }
    };
}
pub(super) use words;

/// An enum that has words in the file.
pub(crate) trait Word {
    /// The word as it is written in the file.
    fn word(&self) -> &'static str;
}

fn quantity<T>(
    value: &DeValue<'_>,
    read: fn(&str) -> Result<T, UnitError>,
    remedy: &str,
) -> Result<T, Mistake> {
    if matches!(value, DeValue::Integer(_) | DeValue::Float(_)) {
        return Err(Mistake::new("is a number without a unit", remedy));
    }
    let written = text(value, remedy)?;
    read(written).map_err(|error| Mistake::new(format!("{} {error}", quoted(written)), remedy))
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

fn host_port(written: &str) -> Result<HostPort, &'static str> {
    if written.contains("://") {
        return Err("is a URL");
    }
    if written.starts_with('[') && written.ends_with(']') {
        return Err("has no port");
    }
    let Some((host, port)) = written.rsplit_once(':') else {
        return Err("has no port");
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(inner) => {
            inner
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| "has no IPv6 address in its brackets")?;
            inner
        }
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
        Ok(port) if digits && port != 0 => Ok(HostPort {
            host: String::from(host),
            port,
        }),
        _ => Err("has no port from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_host_and_port() {
        for (written, host, port) in [
            ("mail.example:25", "mail.example", 25),
            ("192.0.2.1:2525", "192.0.2.1", 2525),
            ("[2001:db8::1]:25", "2001:db8::1", 25),
            ("a_b.example:65535", "a_b.example", 65_535),
        ] {
            let expected = HostPort {
                host: String::from(host),
                port,
            };
            assert_eq!(host_port(written), Ok(expected), "{written}");
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
            assert!(host_port(written).is_err(), "{written}");
        }
    }

    #[test]
    fn mapped_networks_count_as_ipv4() {
        for (written, expected) in [
            ("::ffff:10.1.0.0/120", "10.1.0.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            let (written, expected): (IpNet, IpNet) = (
                written.parse().unwrap_or_default(),
                expected.parse().unwrap_or_default(),
            );
            assert_eq!(unmapped(written), expected);
        }
    }
}
