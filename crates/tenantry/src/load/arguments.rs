//! The command line of `tenantry load run` and `tenantry load merge`.

use std::path::PathBuf;

use clap::Args;
use tenantry_load::plan::{Overrides, Shard};
use toml::Value;

/// What `tenantry load run --help` begins with.
pub(crate) const RUN: &str = "\
Send what a plan says, and measure what comes of it. \"run\" can be left out.

A plan is a TOML file (config/load.reference.toml has every key); flags go over it, and do without one:

  tenantry load --target 127.0.0.1:2525 --identities pki --connections 32 --duration 30s
  tenantry load plan.toml --rate 500 --json result.json --html result.html
  tenantry load plan.toml --find-knee --set knee.p99=\"50ms\"
  tenantry load plan.toml --shard 1/2 --json a.json      # and 2/2 on another machine, then load merge

With a journal of the lab or of \"tenantry load sink\", the result also says whose every accepted
message became. Interrupting once begins nothing new and waits for what is under way, twice ends it.";

/// What `tenantry load run --help` ends with.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 everything was measured, and with a journal every \
message was found where it belongs; 1 a message became another tenant's, is missing from the journal \
or came under an unknown certificate, or nothing was accepted, or no rate held; 64 wrong usage; 70 \
internal error; 78 wrong plan.";

/// What `tenantry load merge --help` begins with.
pub(crate) const MERGE: &str = "\
Add the results of several generators that had a shard of one plan each.

  tenantry load merge a.json b.json --json all.json

Histograms are added whole, so the quantiles of the sum are as exact as those of its parts. Parts of
another plan or another division, and parts that are there twice, are refused; parts that are missing,
and messages that no journal was read for, are named in the sum.";

/// What `tenantry load merge --help` ends with.
pub(crate) const MERGE_EXIT_CODES: &str = "Exit codes: 0 the whole load, and where there was a journal \
every message was found where it belongs; 1 the sum was written, but a part is missing, or a message \
became another tenant's, is missing from its journal, came under an unknown certificate or was not \
looked for; 64 wrong usage, parts that have no sum, or a file that is no result; 70 internal error.";

/// A plan, and what goes over it.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The plan; flags alone do without.
    #[arg(value_name = "PLAN.toml")]
    pub(super) plan: Option<PathBuf>,
    /// Where to send to.
    #[arg(long, value_name = "HOST:PORT")]
    target: Option<String>,
    /// How TLS starts: off, starttls, implicit.
    #[arg(long, value_name = "HOW")]
    tls: Option<String>,
    /// A folder of tenants with certificates, as "tenantry pki" or "tenantry lab init" make it.
    #[arg(long, value_name = "DIR")]
    identities: Option<String>,
    /// What messages prove their tenant with, in parts: certificate=8,sender=1,conflicting=1.
    #[arg(long, value_name = "KIND=PART,...")]
    evidence: Option<String>,
    /// Connections: all of a closed loop, the most of an open one.
    #[arg(long, value_name = "N")]
    connections: Option<u64>,
    /// Messages per second, in an open loop.
    #[arg(long, value_name = "PER-SECOND")]
    rate: Option<f64>,
    /// How messages of an open loop are spread: constant, poisson.
    #[arg(long, value_name = "HOW")]
    arrivals: Option<String>,
    /// How long a step lasts.
    #[arg(long, value_name = "TIME", conflicts_with = "messages")]
    duration: Option<String>,
    /// How many messages are measured, instead of how long.
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
    /// How long nothing is counted at first.
    #[arg(long, value_name = "TIME")]
    warm_up: Option<String>,
    /// The size of messages.
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    /// Messages before a connection is closed; 0 keeps it.
    #[arg(long, value_name = "N")]
    messages_per_connection: Option<u64>,
    /// Where every random choice starts.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads that send; 0 takes one for each processor.
    #[arg(long, value_name = "N")]
    workers: Option<u64>,
    /// The journal of the lab or of a recording upstream, to see whose the messages became.
    #[arg(long, value_name = "FILE")]
    journal: Option<String>,
    /// Any key of the plan, as in session.transfer="bdat".
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Which part of the load this generator is.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// Search the highest rate at which latency and errors stay within the plan's bounds.
    #[arg(long)]
    pub(super) find_knee: bool,
    #[command(flatten)]
    pub(super) output: Output,
    /// Show nothing while it lasts, and no result but what is wrong.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// Results to add.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Results as "load run --json" writes them.
    #[arg(value_name = "RESULT.json", required = true)]
    pub(super) results: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Where results go beside standard output.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write the result as JSON to a file, or instead of text to standard output ("-").
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the result as an HTML page to a file, or instead of text to standard output ("-").
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

impl Run {
    /// What goes over the plan.
    pub(super) fn overrides(&self) -> Result<Overrides, String> {
        let mut over = Overrides::default();
        let texts = [
            ("--target", "target", "address", &self.target),
            ("--tls", "target", "tls", &self.tls),
            ("--identities", "identities", "folder", &self.identities),
            ("--arrivals", "pace", "arrivals", &self.arrivals),
            ("--duration", "pace", "duration", &self.duration),
            ("--warm-up", "pace", "warm_up", &self.warm_up),
            ("--size", "content", "size", &self.size),
            ("--journal", "check", "journal", &self.journal),
        ];
        for (flag, section, key, text) in texts {
            if let Some(text) = text {
                over.set(flag, section, key, &Value::from(text.as_str()));
            }
        }
        let numbers = [
            ("--connections", "pace", "connections", self.connections),
            ("--messages", "pace", "messages", self.messages),
            (
                "--messages-per-connection",
                "session",
                "messages_per_connection",
                self.messages_per_connection,
            ),
            ("--seed", "pace", "seed", self.seed),
            ("--workers", "pace", "workers", self.workers),
        ];
        for (flag, section, key, number) in numbers {
            if let Some(number) = number {
                let value = i64::try_from(number).unwrap_or(i64::MAX);
                over.set(flag, section, key, &Value::from(value));
            }
        }
        if let Some(rate) = self.rate {
            over.set("--rate", "pace", "rate", &Value::from(rate));
            over.set("--rate", "pace", "loop", &Value::from("open"));
        }
        if self.find_knee {
            over.set("--find-knee", "pace", "loop", &Value::from("open"));
        }
        if let Some(evidence) = &self.evidence {
            parts(evidence, &mut over)?;
        }
        for text in &self.set {
            set(text, &mut over)?;
        }
        Ok(over)
    }
}

/// `certificate=8,sender=1`: what is not named has no part.
fn parts(text: &str, over: &mut Overrides) -> Result<(), String> {
    let mut rest: Vec<&str> = KINDS.to_vec();
    for part in text.split(',') {
        let (kind, share) = part.split_once('=').unwrap_or((part, "1"));
        let share: f64 = share
            .trim()
            .parse()
            .map_err(|_| format!("--evidence: {share:?} is no number"))?;
        let kind = kind.trim();
        if !KINDS.contains(&kind) {
            let known = KINDS.join(", ");
            return Err(format!("--evidence: {kind:?} is unknown; write {known}"));
        }
        rest.retain(|known| *known != kind);
        over.set("--evidence", "evidence", kind, &Value::from(share));
    }
    for kind in rest {
        over.set("--evidence", "evidence", kind, &Value::from(0.0));
    }
    Ok(())
}

/// `section.key=value`; what is no TOML value is a text.
fn set(text: &str, over: &mut Overrides) -> Result<(), String> {
    let usage = || format!("--set {text}: write it as section.key=value");
    let (path, value) = text.split_once('=').ok_or_else(usage)?;
    let (section, key) = path.trim().split_once('.').ok_or_else(usage)?;
    let plain = |name: &str| {
        let mut octets = name.bytes();
        !name.is_empty() && octets.all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c))
    };
    if !plain(section) || !plain(key) {
        return Err(usage());
    }
    let value = value.trim();
    let parsed: Result<toml::Table, _> = format!("value = {value}").parse();
    let parsed = parsed.ok().and_then(|mut table| table.remove("value"));
    let value = parsed.unwrap_or_else(|| Value::from(value));
    over.set(&format!("--set {path}"), section, key, &value);
    Ok(())
}

fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(index, count)| {
        let (index, count) = (index.trim().parse().ok()?, count.trim().parse().ok()?);
        Some(Shard { index, count })
    });
    numbers
        .filter(|shard| shard.index >= 1 && shard.index <= shard.count && shard.count <= 10_000)
        .ok_or_else(|| "write as 1/2, 2/2".to_owned())
}

const KINDS: &[&str] = &[
    "certificate",
    "sender",
    "recipient",
    "unattributable",
    "conflicting",
    "untrusted",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_parts_of_a_whole() {
        assert_eq!(shard("2/3"), Ok(Shard { index: 2, count: 3 }));
        for wrong in ["", "1", "0/1", "2/1", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_in_flags_are_named() {
        let mut over = Overrides::default();
        assert!(parts("certificate=2,sender", &mut over).is_ok());
        assert!(parts("nonsense=1", &mut over).is_err());
        assert!(parts("sender=x", &mut over).is_err());
        assert!(set("pace.rate=5", &mut over).is_ok());
        assert!(set("target.hello=my.name", &mut over).is_ok());
        for wrong in [
            "",
            "pace",
            "pace.rate",
            "=",
            "pace.=1",
            "a b.c=1",
            "a.b c=1",
        ] {
            assert!(set(wrong, &mut over).is_err(), "{wrong}");
        }
    }
}
