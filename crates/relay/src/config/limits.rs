//! Limits and timeouts: each is a setting with a default, and bounds outside which it makes no sense.
//!
//! One table each makes the file's keys, the resolved values, the defaults and what `check` prints.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use tenantry_settings::units::{ShownDuration, ShownSize};

use super::problem::Problem;
use super::tree::{Heading, Setting, section};
use super::values::{Count, Rate, Size, Time};

/// Makes a table of settings: struct, defaults, section of the file, resolution and rows for `check`.
macro_rules! settings {
    ($(#[$meta:meta])* $name:ident from $section:ident {
        $($(#[$field_meta:meta])* $field:ident: $value:ty as $kind:ident = $default:expr, in $bounds:expr;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $value,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Every setting with its value, written as in the file.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($field), $kind::show(self.$field)),)*]
            }

            pub(super) fn resolve(section: Option<$section>, problems: &mut Vec<Problem>) -> Self {
                let mut settings = Self::default();
                let Some(section) = section else { return settings };
                $(if let Some(setting) = section.$field {
                    let key = stringify!($field);
                    settings.$field = within::<$kind>(&section.heading, key, &setting, &$bounds, problems)
                        .unwrap_or(settings.$field);
                })*
                settings
            }
        }

        section! {
            $(#[$meta])*
            $section { $($field: $kind,)* }
        }
    };
}

settings! {
    /// How much of everything; the reasons stand in the reference configuration.
    Limits from LimitsSection {
        /// Longest command line but for MAIL and RCPT, with its CRLF (RFC 5321 section 4.5.3.1.4 asks for 512).
        command_line: u64 as Size = 1_024, in 512..=65_536;
        /// Longest MAIL or RCPT line, with its CRLF; extensions lengthen these (RFC 5321 section 4.5.3.1.4).
        mail_line: u64 as Size = 2_048, in 512..=65_536;
        /// Octets without a line end after which the session is closed.
        unterminated_line: u64 as Size = 65_536, in 4_096..=1_048_576;
        /// Longest line of a message, with its CRLF (RFC 5321 section 4.5.3.1.6 asks for 1,000).
        text_line: u64 as Size = 65_535, in 1_000..=16_777_216;
        /// Largest header section of a message.
        header_size: u64 as Size = 262_144, in 1_024..=16_777_216;
        /// Most header fields of a message.
        header_fields: u32 as Count = 1_000, in 10..=100_000;
        /// Most recipients of a transaction (RFC 5321 section 4.5.3.1.8 asks for 100).
        recipients: u32 as Count = 500, in 1..=100_000;
        /// Most BDAT chunks of a message (RFC 3030).
        chunks: u32 as Count = 100_000, in 1..=10_000_000;
        /// Most messages of a session.
        messages: u32 as Count = 1_000, in 1..=10_000_000;
        /// Protocol errors of a session; one more closes it.
        protocol_errors: u32 as Count = 10, in 1..=1_000;
        /// Commands of a session that move no mail; one more closes it.
        non_mail_commands: u32 as Count = 50, in 1..=100_000;
        /// Most connections at one time.
        connections: u32 as Count = 10_000, in 1..=1_000_000;
        /// Most connections from one address at one time.
        connections_per_source: u32 as Count = 200, in 1..=1_000_000;
        /// Connections from which on idle clients are disconnected sooner.
        stress_connections: u32 as Count = 8_000, in 1..=1_000_000;
        /// Most TLS handshakes with clients at one time.
        handshakes: u32 as Count = 4_096, in 1..=100_000;
        /// Least speed of a message from a client, averaged over `timeouts.data_rate_window`.
        data_rate: u64 as Rate = 500, in 1..=1_073_741_824;
    }
}

settings! {
    /// How long every wait may take; the reasons stand in the reference configuration.
    Timeouts from TimeoutsSection {
        /// For the client's next command (RFC 5321 section 4.5.3.2.7).
        idle: Duration as Time = Duration::from_secs(300), in SHORTEST..=DAY;
        /// The same from `limits.stress_connections` connections on.
        idle_under_stress: Duration as Time = Duration::from_secs(15), in SHORTEST..=DAY;
        /// For a session to complete a message.
        without_message: Duration as Time = Duration::from_secs(600), in SHORTEST..=DAY;
        /// For a TLS handshake, with a client or an upstream.
        handshake: Duration as Time = Duration::from_secs(15), in SHORTEST..=HOUR;
        /// For the client to take a reply.
        client_write: Duration as Time = Duration::from_secs(60), in SHORTEST..=HOUR;
        /// Over which `limits.data_rate` is averaged.
        data_rate_window: Duration as Time = Duration::from_secs(30), in SHORTEST..=HOUR;
        /// For a free upstream connection when the tenant's are all in use.
        upstream_slot: Duration as Time = Duration::from_secs(60), in SHORTEST..=HOUR;
        /// For one address of an upstream to take the connection.
        upstream_connect: Duration as Time = Duration::from_secs(30), in SHORTEST..=HOUR;
        /// For the upstream's greeting (RFC 5321 section 4.5.3.2.1).
        upstream_greeting: Duration as Time = Duration::from_secs(60), in SHORTEST..=HOUR;
        /// For the upstream's reply to EHLO and STARTTLS.
        upstream_ehlo: Duration as Time = Duration::from_secs(60), in SHORTEST..=HOUR;
        /// For the upstream's reply to MAIL (RFC 5321 section 4.5.3.2.2).
        upstream_mail: Duration as Time = Duration::from_secs(120), in SHORTEST..=HOUR;
        /// For the upstream's reply to RCPT (RFC 5321 section 4.5.3.2.3).
        upstream_rcpt: Duration as Time = Duration::from_secs(120), in SHORTEST..=HOUR;
        /// For the upstream's reply to DATA (RFC 5321 section 4.5.3.2.4).
        upstream_data: Duration as Time = Duration::from_secs(120), in SHORTEST..=HOUR;
        /// For the upstream to take a block of the message (RFC 5321 section 4.5.3.2.5).
        upstream_block: Duration as Time = Duration::from_secs(180), in SHORTEST..=HOUR;
        /// For the upstream's reply to the message; ends before the client's 10 minutes (RFC 5321 section 4.5.3.2.6).
        upstream_end: Duration as Time = Duration::from_secs(570), in SHORTEST..=HOUR;
        /// For the upstream's reply to RSET and QUIT.
        upstream_quit: Duration as Time = Duration::from_secs(5), in SHORTEST..=HOUR;
    }
}

/// Short enough for a test, too short for the Internet.
const SHORTEST: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A quantity of the file, its plain value, and how it is written.
pub(super) trait Kind {
    type Value: Copy + PartialOrd;

    fn value(&self) -> Self::Value;

    fn show(value: Self::Value) -> String;
}

impl Kind for Size {
    type Value = u64;

    fn value(&self) -> u64 {
        self.0
    }

    fn show(value: u64) -> String {
        ShownSize(value).to_string()
    }
}

impl Kind for Rate {
    type Value = u64;

    fn value(&self) -> u64 {
        self.0
    }

    fn show(value: u64) -> String {
        format!("{}/s", ShownSize(value))
    }
}

impl Kind for Count {
    type Value = u32;

    fn value(&self) -> u32 {
        self.0
    }

    fn show(value: u32) -> String {
        value.to_string()
    }
}

impl Kind for Time {
    type Value = Duration;

    fn value(&self) -> Duration {
        self.0
    }

    fn show(value: Duration) -> String {
        ShownDuration(value).to_string()
    }
}

/// The value of a setting, or the problem that it is out of bounds.
pub(super) fn within<K: Kind>(
    heading: &Heading,
    key: &str,
    setting: &Setting<K>,
    bounds: &RangeInclusive<K::Value>,
    problems: &mut Vec<Problem>,
) -> Option<K::Value> {
    let value = setting.value.value();
    if bounds.contains(&value) {
        return Some(value);
    }
    let what = format!("{} is out of bounds", K::show(value));
    let remedy = between(&K::show(*bounds.start()), &K::show(*bounds.end()));
    problems.push(setting.at.error(heading.key(key), what, remedy));
    None
}

fn between(least: &dyn Display, most: &dyn Display) -> String {
    format!("write something from {least} to {most}")
}
