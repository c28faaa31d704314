//! What the sink says: in words, or as JSON lines.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tenantry_lab::upstream::{Tallied, Totals};

use super::Sink;

/// Prints where it listens, how it goes, and what it was in the end.
pub(super) struct Report {
    form: Form,
    told: Totals,
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Words,
    AddressOnly,
}

/// One JSON line.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Listening {
        address: SocketAddr,
        pid: u32,
    },
    Totals {
        at_ms: u128,
        #[serde(flatten)]
        totals: Counts,
    },
    End {
        at_ms: u128,
        #[serde(flatten)]
        totals: Counts,
        tally: &'a [Tallied],
    },
}

#[derive(Serialize)]
struct Counts {
    connections: u64,
    open: u64,
    handshakes: u64,
    resumed: u64,
    failed_handshakes: u64,
    unverified: u64,
    messages: u64,
    octets: u64,
    refused: u64,
    truncated: u64,
}

impl Report {
    pub(super) fn new(wanted: &Sink) -> Self {
        Self {
            form: match (wanted.json, wanted.quiet) {
                (true, _) => Form::Json,
                (false, true) => Form::AddressOnly,
                (false, false) => Form::Words,
            },
            told: Totals::default(),
            at: Instant::now(),
        }
    }

    pub(super) fn listening(&self, address: SocketAddr) {
        let pid = std::process::id();
        match self.form {
            Form::Json => json(&Event::Listening { address, pid }),
            Form::Words | Form::AddressOnly => say(&format!("listening on {address}\n")),
        }
    }

    /// In words only when something has happened.
    pub(super) fn progress(&mut self, totals: &Totals) {
        let elapsed = std::mem::replace(&mut self.at, Instant::now()).elapsed();
        let before = std::mem::replace(&mut self.told, *totals);
        match self.form {
            Form::AddressOnly => {}
            Form::Json => json(&Event::Totals {
                at_ms: now(),
                totals: Counts::of(totals),
            }),
            Form::Words if *totals == before => {}
            Form::Words => {
                let new = totals.delivered.saturating_sub(before.delivered);
                // A rate for people to read: the rounding of large counts does not matter.
                let rate = std::time::Duration::from_secs(1).as_secs_f64() / elapsed.as_secs_f64()
                    * f64::from(u32::try_from(new).unwrap_or(u32::MAX));
                let (messages, open) = (totals.delivered, totals.open);
                say(&format!(
                    "{messages} messages, {rate:.0}/s, {open} connections\n"
                ));
            }
        }
    }

    pub(super) fn end(&self, totals: &Totals, tally: &[Tallied]) {
        match self.form {
            Form::AddressOnly => {}
            Form::Json => json(&Event::End {
                at_ms: now(),
                totals: Counts::of(totals),
                tally,
            }),
            Form::Words => say(&words(totals, tally)),
        }
    }
}

impl Counts {
    fn of(totals: &Totals) -> Self {
        Self {
            connections: totals.connections,
            open: totals.open,
            handshakes: totals.handshakes,
            resumed: totals.resumed,
            failed_handshakes: totals.failed_handshakes,
            unverified: totals.unverified,
            messages: totals.delivered,
            octets: totals.octets,
            refused: totals.refused,
            truncated: totals.truncated,
        }
    }
}

fn words(totals: &Totals, tally: &[Tallied]) -> String {
    let mut text = format!(
        "{} messages of {} octets, {} refused, {} broken off; {} connections, {} handshakes, \
         {} of them resumed, {} failed; {} MAIL refused for want of a certificate\n",
        totals.delivered,
        totals.octets,
        totals.refused,
        totals.truncated,
        totals.connections,
        totals.handshakes,
        totals.resumed,
        totals.failed_handshakes,
        totals.unverified,
    );
    for row in tally {
        let certificate = match (row.names.as_slice(), &row.fingerprint) {
            ([], None) => "without certificate".to_owned(),
            ([], Some(fingerprint)) => format!("{fingerprint} (not verified)"),
            (names, _) => names.join(", "),
        };
        text.push_str(&format!(
            "{certificate} -> {}: {}\n",
            row.domain, row.messages
        ));
    }
    text
}

fn json(event: &Event<'_>) {
    if let Ok(mut line) = serde_json::to_string(event) {
        line.push('\n');
        say(&line);
    }
}

/// Whoever does not read this still has a sink.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}
