//! The kinds of values a configuration has, each with the message for what it is not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tenantry_attribution::Pattern;
use tenantry_net::Fingerprint;
use tenantry_settings::values::{self, host_and_port, parsed, string};
use tenantry_settings::{Mistake, beside, quoted};
use toml::de::DeValue;

use super::tree::{Scalar, Setting};

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

impl Setting<RelativePath> {
    /// The path as it is meant: relative to the file it stands in.
    pub(super) fn path(&self) -> PathBuf {
        beside(&self.at.file, &self.value.0)
    }
}

impl Scalar for String {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::text(value)
    }
}

impl Scalar for bool {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::flag(value)
    }
}

impl Scalar for Day {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let written = if let DeValue::Datetime(written) = value {
            written.to_string()
        } else {
            String::from(string(value, "write a day, as in 2027-03-31")?)
        };
        written.parse().map(Self).map_err(|_error| {
            let what = format!("{} is no day", quoted(&written));
            Mistake::new(what, "write it as in 2027-03-31")
        })
    }
}

impl Scalar for Count {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::count(value).map(Self)
    }
}

impl Scalar for Size {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::size(value).map(Self)
    }
}

impl Scalar for Rate {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::rate(value).map(Self)
    }
}

impl Scalar for Time {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::duration(value).map(Self)
    }
}

impl Scalar for RelativePath {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        values::path(value).map(Self)
    }
}

impl Scalar for SocketAddr {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write an IP address and a port, as in \"0.0.0.0:25\" or \"[::]:25\"";
        let parse = |text: &str| text.parse().ok();
        parsed(value, parse, "address with a port", remedy)
    }
}

impl Scalar for IpNet {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write a network as in \"10.1.0.0/24\" or \"2001:db8::/32\"";
        values::network(string(value, remedy)?)
    }
}

impl Scalar for Pattern {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write a domain, or *.domain for it and everything below it";
        let written = string(value, remedy)?;
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
        parsed(value, |text| text.parse().ok(), "SHA-256", remedy)
    }
}

impl Scalar for HostPort {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake> {
        let remedy = "write host:port, as in \"mail.example:25\" or \"[2001:db8::1]:25\"";
        let (host, port) = host_and_port(string(value, remedy)?)?;
        Ok(Self {
            host: String::from(host),
            port,
        })
    }
}

/// Gives an enum its words in the file.
macro_rules! words {
    ($type:ty { $($word:literal => $variant:path,)+ }) => {
        impl $crate::config::tree::Scalar for $type {
            fn scalar(
                value: &toml::de::DeValue<'_>,
            ) -> Result<Self, tenantry_settings::Mistake> {
                tenantry_settings::values::word(&[$(($word, $variant)),+])(value)
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
