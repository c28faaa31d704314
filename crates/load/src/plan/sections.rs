//! From documents to a plan, section by section.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::overrides::Overrides;
use super::problem::{Problem, Problems};
use super::reader::{Document, Origin, Reader, Section};
use super::values::{duration, number, size, text, truth, whole, word};
use super::{
    Arrivals, Check, Content, Envelope, EvidenceMix, Identities, KeyPair, Knee, Length, Pace, Plan,
    Session, Shard, Target, Tenant, TenantMix, TlsMode, TlsVersions, Transfer,
};
use crate::template::Template;

impl Plan {
    /// Reads a plan's file and puts the flags over it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, Problems> {
        let failed = |what: String| {
            Problems::from(vec![Problem {
                source: path.display().to_string(),
                position: None,
                key: String::new(),
                what,
                remedy: "name a plan; config/load.reference.toml has every key".to_owned(),
            }])
        };
        let octets = fs::metadata(path).map_or(0, |found| found.len());
        if octets > MAX_FILE {
            return Err(failed(format!("has more than {MAX_FILE} octets")));
        }
        let text =
            fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        Self::read(path, &text, overrides)
    }

    /// Reads a plan's text and puts the flags over it; paths are relative to `path`'s folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(path: &Path, text: &str, overrides: &Overrides) -> Result<Self, Problems> {
        let (flags, lines) = overrides.document();
        let mut problems = Vec::new();
        let documents = vec![
            Document::parse(&flags, Origin::Flags(&lines), &mut problems),
            Document::parse(text, Origin::File(path), &mut problems),
        ];
        let reader = Reader::new(documents, problems);
        reader.only(SECTIONS);
        let plan = plan(&reader);
        let problems = reader.finish();
        match plan {
            Some(plan) if problems.is_empty() => Ok(plan),
            Some(_) | None => Err(problems.into()),
        }
    }
}

/// The plan, if nothing that it cannot do without is missing.
fn plan(reader: &Reader<'_>) -> Option<Plan> {
    let target = target(reader.section("target"));
    let identities = identities(reader);
    let tenants = mix(reader.section("mix"));
    let evidence = evidence(reader.section("evidence"), &identities);
    let envelope = envelope(reader.section("envelope"));
    let content = content(reader.section("content"));
    let session = session(reader.section("session"));
    let knee = knee(reader.section("knee"));
    let check = check(reader.section("check"));
    let section = reader.section("pace");
    let most = |key| section.read(key, duration);
    let (pace, length, steps) = pace(&section);
    let plan = Plan {
        target: target?,
        identities,
        tenants,
        evidence,
        envelope: envelope?,
        content,
        session,
        pace,
        length,
        warm_up: most("warm_up").unwrap_or(Duration::ZERO),
        ramp: most("ramp").unwrap_or(Duration::ZERO),
        steps,
        drain: most("drain").unwrap_or(Duration::from_secs(30)),
        seed: section.read("seed", whole(i64::MAX as u64)).unwrap_or(1),
        workers: count(&section, "workers", 0, 256),
        knee,
        check,
        shard: Shard::WHOLE,
    };
    if matches!(plan.length, Length::Messages(_)) && !plan.steps.is_empty() {
        section.wrong(
            "messages",
            "does not say how long a step lasts",
            "write duration for a plan with steps",
        );
    }
    section.finish();
    Some(plan)
}

fn target(section: Section<'_, '_>) -> Option<Target> {
    let address = section.read("address", text);
    match &address {
        None if !section.has("address") => section.wrong(
            "address",
            "is missing",
            "write the host and the port to send to: \"127.0.0.1:25\"",
        ),
        Some(written) if host_and_port(written).is_none() => section.wrong(
            "address",
            "is no host with a port",
            "write as in \"relay.example:25\" or \"[::1]:25\"",
        ),
        Some(_) | None => {}
    }
    let versions = section.entries(
        "tls_versions",
        word(&[("1.2", TlsVersions::Tls12), ("1.3", TlsVersions::Tls13)]),
    );
    let tls_versions = match versions.as_deref() {
        None => TlsVersions::Both,
        Some([]) => {
            section.wrong("tls_versions", "is empty", "write [\"1.2\", \"1.3\"]");
            TlsVersions::Both
        }
        Some([one, others @ ..]) if others.iter().all(|other| other == one) => *one,
        Some(_) => TlsVersions::Both,
    };
    let hello = section.read("hello", text);
    if let Some(hello) = &hello
        && (hello.is_empty() || hello.len() > 255 || !hello.bytes().all(|c| c.is_ascii_graphic()))
    {
        section.wrong("hello", "is no name", "write a name without spaces");
    }
    let tls = section.read(
        "tls",
        word(&[
            ("off", TlsMode::Off),
            ("starttls", TlsMode::Starttls),
            ("implicit", TlsMode::Implicit),
        ]),
    );
    let target = Target {
        address: address.unwrap_or_default(),
        tls: tls.unwrap_or(TlsMode::Starttls),
        tls_versions,
        trust: section.paths("trust").unwrap_or_default(),
        server_name: section.read("server_name", text),
        resumption: section.read("resumption", number(0.0, 1.0)).unwrap_or(1.0),
        hello: hello.unwrap_or_else(|| "load.example".to_owned()),
    };
    section.finish();
    Some(target)
}

fn identities(reader: &Reader<'_>) -> Identities {
    let section = reader.section("identities");
    let folder = section.path("folder");
    let limit = count(&section, "limit", 0, MOST_TENANTS);
    let peer = pair(&section, "peer_certificate", "peer_key");
    let untrusted = pair(&section, "untrusted_certificate", "untrusted_key");
    section.finish();
    let list = reader
        .list("tenant")
        .into_iter()
        .filter_map(tenant)
        .collect();
    Identities {
        folder,
        list,
        limit,
        peer,
        untrusted,
    }
}

fn tenant(section: Section<'_, '_>) -> Option<Tenant> {
    for key in ["name", "domain"] {
        if !section.has(key) {
            section.wrong(key, "is missing", "every tenant has a name and a domain");
        }
    }
    let domain = section.read("domain", text);
    if let Some(domain) = &domain
        && !is_domain(domain)
    {
        section.wrong("domain", "is no domain", "write as in \"contoso.example\"");
    }
    let tenant = Tenant {
        name: section.read("name", text).unwrap_or_default(),
        domain: domain.unwrap_or_default(),
        certificate: pair(&section, "certificate", "key"),
        weight: section.read("weight", number(0.0, 1e9)).unwrap_or(1.0),
    };
    section.finish();
    Some(tenant)
}

fn pair(
    section: &Section<'_, '_>,
    certificate: &'static str,
    key: &'static str,
) -> Option<KeyPair> {
    match (section.path(certificate), section.path(key)) {
        (Some(certificate), Some(key)) => Some(KeyPair { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            section.wrong(certificate, "has no key", format!("write {key}, too"));
            None
        }
        (None, Some(_)) => {
            section.wrong(
                key,
                "has no certificate",
                format!("write {certificate}, too"),
            );
            None
        }
    }
}

#[derive(Clone, Copy)]
enum MixWord {
    Uniform,
    Weighted,
    Zipf,
}

fn mix(section: Section<'_, '_>) -> TenantMix {
    let words = word(&[
        ("uniform", MixWord::Uniform),
        ("weighted", MixWord::Weighted),
        ("zipf", MixWord::Zipf),
    ]);
    let exponent = section.read("exponent", number(0.0, 10.0)).unwrap_or(1.0);
    let weights = section.map("weights", number(0.0, 1e9)).unwrap_or_default();
    let mix = match section.read("tenants", words) {
        None | Some(MixWord::Uniform) => TenantMix::Uniform,
        Some(MixWord::Weighted) => TenantMix::Weighted {
            weights: weights.into_iter().collect(),
        },
        Some(MixWord::Zipf) => TenantMix::Zipf { exponent },
    };
    section.finish();
    mix
}

fn evidence(section: Section<'_, '_>, identities: &Identities) -> EvidenceMix {
    let part = |key| section.read(key, number(0.0, 1e9));
    let mut mix = EvidenceMix {
        certificate: part("certificate").unwrap_or(0.0),
        sender: part("sender").unwrap_or(0.0),
        recipient: part("recipient").unwrap_or(0.0),
        unattributable: part("unattributable").unwrap_or(0.0),
        conflicting: part("conflicting").unwrap_or(0.0),
        untrusted: part("untrusted").unwrap_or(0.0),
    };
    if [
        "certificate",
        "sender",
        "recipient",
        "unattributable",
        "conflicting",
        "untrusted",
    ]
    .iter()
    .all(|key| !section.has(key))
    {
        // Who names no mix and has certificates wants what Exchange Online looks at first.
        let certificates = identities.folder.is_some()
            || identities
                .list
                .iter()
                .any(|tenant| tenant.certificate.is_some());
        match certificates {
            true => mix.certificate = 1.0,
            false => mix.sender = 1.0,
        }
    } else if mix.total() <= 0.0 {
        section.wrong(
            "certificate",
            "no kind of evidence has a share",
            "write certificate = 1",
        );
    }
    section.finish();
    mix
}

fn envelope(section: Section<'_, '_>) -> Option<Envelope> {
    let template = |key: &'static str, default: &str| {
        let written = section
            .read(key, text)
            .unwrap_or_else(|| default.to_owned());
        if let Err(error) = Template::parse(&written) {
            section.wrong(
                key,
                error.to_string(),
                "write as in \"user-{id}@{domain}\"; {id}, {domain}, {tenant}, {number} and {recipient} stand for something",
            );
        }
        written
    };
    let domain = |key: &'static str, default: &str| {
        let written = section
            .read(key, text)
            .unwrap_or_else(|| default.to_owned());
        if !is_domain(&written) {
            section.wrong(key, "is no domain", "write as in \"elsewhere.example\"");
        }
        written
    };
    let envelope = Envelope {
        sender: template("sender", "{id}@{domain}"),
        recipient: template("recipient", "{id}.{recipient}@{domain}"),
        recipients: count(&section, "recipients", 1, 1_000),
        foreign_sender: domain("foreign_sender", "sender.test"),
        foreign_recipient: domain("foreign_recipient", "recipient.test"),
    };
    if envelope.recipients == 0 {
        section.wrong("recipients", "is 0", "write at least 1");
    }
    section.finish();
    Some(envelope)
}

#[derive(Clone, Copy)]
enum SizeWord {
    Fixed,
    Uniform,
    Lognormal,
}

fn content(section: Section<'_, '_>) -> Content {
    let words = word(&[
        ("fixed", SizeWord::Fixed),
        ("uniform", SizeWord::Uniform),
        ("lognormal", SizeWord::Lognormal),
    ]);
    let folder = section.path("folder");
    let octets = |key, default| section.read(key, size).unwrap_or(default);
    let fixed = octets("size", 2 << 10);
    let (min, max) = (octets("min", 1 << 10), octets("max", 1 << 20));
    let median = octets("median", 16 << 10);
    let sigma = section.read("sigma", number(0.0, 5.0)).unwrap_or(1.5);
    let sizes = section.read("sizes", words);
    if section.has("folder") && section.has("sizes") {
        section.wrong(
            "folder",
            "has sizes of its own",
            "remove sizes, or the folder",
        );
    }
    if matches!(sizes, Some(SizeWord::Uniform)) && min > max {
        section.wrong("min", "is larger than max", "write a smaller one");
    }
    if matches!(sizes, Some(SizeWord::Lognormal)) && median > max {
        section.wrong("median", "is larger than max", "write a smaller one");
    }
    let content = match (folder, sizes) {
        (Some(folder), _) => Content::Folder { folder },
        (None, None | Some(SizeWord::Fixed)) => Content::Fixed { size: fixed },
        (None, Some(SizeWord::Uniform)) => Content::Uniform { min, max },
        (None, Some(SizeWord::Lognormal)) => Content::Lognormal { median, sigma, max },
    };
    section.finish();
    content
}

fn session(section: Section<'_, '_>) -> Session {
    let time = |key, default| {
        let time = section
            .read(key, duration)
            .unwrap_or(Duration::from_secs(default));
        if time.is_zero() {
            section.wrong(key, "is no time at all", "write at least \"1ms\"");
        }
        time
    };
    let transfer = word(&[("data", Transfer::Data), ("bdat", Transfer::Bdat)]);
    let session = Session {
        messages_per_connection: section
            .read("messages_per_connection", whole(u64::from(u32::MAX)))
            .unwrap_or(0),
        pipelining: section.read("pipelining", truth).unwrap_or(true),
        transfer: section.read("transfer", transfer).unwrap_or(Transfer::Data),
        connect_timeout: time("connect_timeout", 30),
        reply_timeout: time("reply_timeout", 300),
    };
    section.finish();
    session
}

#[derive(Clone, Copy)]
enum LoopWord {
    Closed,
    Open,
}

fn pace(section: &Section<'_, '_>) -> (Pace, Length, Vec<f64>) {
    let loops = word(&[("closed", LoopWord::Closed), ("open", LoopWord::Open)]);
    let arrivals = word(&[
        ("constant", Arrivals::Constant),
        ("poisson", Arrivals::Poisson),
    ]);
    let connections = section.read("connections", whole(MOST_CONNECTIONS));
    let rate = section
        .read("rate", number(0.001, MOST_RATE))
        .unwrap_or(100.0);
    let outstanding = count(section, "outstanding", 10_000, 10_000_000);
    let arrivals = section
        .read("arrivals", arrivals)
        .unwrap_or(Arrivals::Constant);
    for (key, value) in [
        ("connections", connections),
        ("outstanding", Some(outstanding.into())),
    ] {
        if value == Some(0) {
            section.wrong(key, "is 0", "write at least 1");
        }
    }
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let kind = section.read("loop", loops).unwrap_or(LoopWord::Closed);
    let (pace, most) = match kind {
        LoopWord::Closed => (
            Pace::Closed {
                connections: small(connections.unwrap_or(32)),
            },
            MOST_CONNECTIONS as f64,
        ),
        LoopWord::Open => (
            Pace::Open {
                rate,
                arrivals,
                connections: small(connections.unwrap_or(256)),
                outstanding,
            },
            MOST_RATE,
        ),
    };
    let time = section.read("duration", duration);
    let messages = section.read("messages", whole(1 << 50));
    if time.is_some() && messages.is_some() {
        section.wrong("messages", "stands beside duration", "write one of the two");
    }
    if time.is_some_and(|time| time.is_zero()) || messages == Some(0) {
        let key = if time.is_some() {
            "duration"
        } else {
            "messages"
        };
        section.wrong(key, "is nothing", "write more than 0");
    }
    let length = match (time, messages) {
        (_, Some(messages)) => Length::Messages(messages),
        (time, None) => Length::Seconds(time.unwrap_or(Duration::from_secs(30))),
    };
    let least = match kind {
        LoopWord::Closed => 1.0,
        LoopWord::Open => 0.001,
    };
    let steps = section
        .entries("steps", number(least, most))
        .unwrap_or_default();
    (pace, length, steps)
}

fn knee(section: Section<'_, '_>) -> Knee {
    let time = |key, default| {
        let time = section.read(key, duration).unwrap_or(default);
        if time.is_zero() {
            section.wrong(key, "is no time at all", "write at least \"1ms\"");
        }
        time
    };
    let knee = Knee {
        p99: time("p99", Duration::from_millis(100)),
        errors: section.read("errors", number(0.0, 1.0)).unwrap_or(0.001),
        start: section
            .read("start", number(0.1, MOST_RATE))
            .unwrap_or(100.0),
        most: section
            .read("most", number(0.1, MOST_RATE))
            .unwrap_or(100_000.0),
        trial: time("trial", Duration::from_secs(10)),
        precision: section.read("precision", number(0.01, 1.0)).unwrap_or(0.05),
    };
    if knee.start > knee.most {
        section.wrong("start", "is more than most", "write a smaller one");
    }
    section.finish();
    knee
}

fn check(section: Section<'_, '_>) -> Option<Check> {
    let journal = section.path("journal");
    let presented = section.path("presented");
    let settle = section.read("settle", duration);
    if journal.is_none() && (presented.is_some() || settle.is_some()) {
        section.wrong("journal", "is missing", "write where the journal is");
    }
    section.finish();
    Some(Check {
        journal: journal?,
        presented,
        settle: settle.unwrap_or(Duration::from_secs(10)),
    })
}

impl EvidenceMix {
    /// All shares together.
    pub(crate) fn total(&self) -> f64 {
        self.certificate
            + self.sender
            + self.recipient
            + self.unattributable
            + self.conflicting
            + self.untrusted
    }
}

/// Host and port of `host:port`, brackets around an IPv6 address taken off.
pub(crate) fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = match bare {
        Some(bare) => bare,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty() && host.bytes().all(|c| c.is_ascii_graphic())).then_some((host, port))
}

fn is_domain(text: &str) -> bool {
    tenantry_smtp::Mailbox::parse(&format!("a@{text}"), tenantry_smtp::Utf8::Refused).is_ok()
}

fn count(section: &Section<'_, '_>, key: &'static str, default: u32, most: u32) -> u32 {
    let read = section.read(key, whole(most.into()));
    read.map_or(default, |number| u32::try_from(number).unwrap_or(most))
}

const SECTIONS: &[&str] = &[
    "target",
    "identities",
    "tenant",
    "mix",
    "evidence",
    "envelope",
    "content",
    "session",
    "pace",
    "knee",
    "check",
];
const MAX_FILE: u64 = 16 << 20;
const MOST_TENANTS: u32 = 1_000_000;
const MOST_CONNECTIONS: u64 = 1_000_000;
const MOST_RATE: f64 = 10_000_000.0;
