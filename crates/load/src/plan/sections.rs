//! From documents to a plan, section by section.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tenantry_settings::values::{self, flag, number_within, text, whole, word};
use tenantry_settings::{
    Document, Mistake, Place, Placed, Problem, Problems, Report, Table, reason,
};
use toml::de::DeValue;

use super::overrides::Overrides;
use super::values::{duration, size};
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
            let remedy = "name a plan; config/load.reference.toml has every key";
            Problems::from(vec![Problem::error(Place::whole(path), what, remedy)])
        };
        let octets = fs::metadata(path).map_or(0, |found| found.len());
        if octets > MAX_FILE {
            return Err(failed(format!("has more than {MAX_FILE} octets")));
        }
        let text = fs::read_to_string(path)
            .map_err(|error| failed(format!("cannot be read: {}", reason(&error))))?;
        Self::read(path, &text, overrides)
    }

    /// Reads a plan's text and puts the flags over it; paths are relative to `path`'s folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(path: &Path, text: &str, overrides: &Overrides) -> Result<Self, Problems> {
        let flags = overrides.document();
        let report = Report::default();
        let documents = [
            Document::parse(Path::new(FLAGS), &flags.text, &report),
            Document::parse(path, text, &report),
        ];
        report.borrow_mut().extend(flags.problems.iter().cloned());
        let plan = plan(Table::new(&documents, &report));
        let found = report.into_inner().into_problems();
        if found.is_empty() {
            return Ok(plan);
        }
        let named = found.into_iter().map(|problem| flags.named(problem));
        Err(named.collect::<Vec<_>>().into())
    }
}

/// The file of the flags, whose name no file has.
pub(super) const FLAGS: &str = "";

/// The plan, with defaults for what is wrong.
fn plan(file: Table<'_>) -> Plan {
    let target = target(file.section("target"));
    let identities = identities(&file);
    let tenants = mix(file.section("mix"));
    let evidence = evidence(file.section("evidence"), &identities);
    let envelope = envelope(file.section("envelope"));
    let content = content(file.section("content"));
    let session = session(file.section("session"));
    let knee = knee(file.section("knee"));
    let check = check(file.section("check"));
    let section = file.section("pace");
    let most = |key| section.value(key, duration);
    let (pace, length, steps) = pace(&section);
    let plan = Plan {
        target,
        identities,
        tenants,
        evidence,
        envelope,
        content,
        session,
        pace,
        length,
        warm_up: most("warm_up").unwrap_or(Duration::ZERO),
        ramp: most("ramp").unwrap_or(Duration::ZERO),
        steps,
        drain: most("drain").unwrap_or(Duration::from_secs(30)),
        seed: section.value("seed", whole(i64::MAX as u64)).unwrap_or(1),
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
    file.finish();
    plan
}

fn target(section: Table<'_>) -> Target {
    let remedy = "write the host and the port to send to: \"127.0.0.1:25\"";
    let address = section.required("address", address, remedy);
    let versions = section.list(
        "tls_versions",
        word(&[("1.2", TlsVersions::Tls12), ("1.3", TlsVersions::Tls13)]),
    );
    let tls_versions = match versions.map(plain).as_deref() {
        None => TlsVersions::Both,
        Some([]) => {
            section.wrong("tls_versions", "is empty", "write [\"1.2\", \"1.3\"]");
            TlsVersions::Both
        }
        Some([one, others @ ..]) if others.iter().all(|other| other == one) => *one,
        Some(_) => TlsVersions::Both,
    };
    let hello = section.value("hello", text);
    if let Some(hello) = &hello
        && (hello.is_empty() || hello.len() > 255 || !hello.bytes().all(|c| c.is_ascii_graphic()))
    {
        section.wrong("hello", "is no name", "write a name without spaces");
    }
    let tls = section.value(
        "tls",
        word(&[
            ("off", TlsMode::Off),
            ("starttls", TlsMode::Starttls),
            ("implicit", TlsMode::Implicit),
        ]),
    );
    let target = Target {
        address: address.map(|address| address.value).unwrap_or_default(),
        tls: tls.unwrap_or(TlsMode::Starttls),
        tls_versions,
        trust: section.paths("trust").unwrap_or_default(),
        server_name: section.value("server_name", text),
        resumption: section
            .value("resumption", number_within(0.0, 1.0))
            .unwrap_or(1.0),
        hello: hello.unwrap_or_else(|| "load.example".to_owned()),
    };
    section.finish();
    target
}

fn identities(file: &Table<'_>) -> Identities {
    let section = file.section("identities");
    let folder = section.path("folder");
    let limit = count(&section, "limit", 0, MOST_TENANTS);
    let peer = pair(&section, "peer_certificate", "peer_key");
    let untrusted = pair(&section, "untrusted_certificate", "untrusted_key");
    section.finish();
    let list = file.tables("tenant").into_iter().map(tenant).collect();
    Identities {
        folder,
        list,
        limit,
        peer,
        untrusted,
    }
}

fn tenant(section: Table<'_>) -> Tenant {
    let remedy = "every tenant has a name and a domain";
    let name = section.required("name", text, remedy);
    let domain = section.required("domain", text, remedy);
    if let Some(Placed { value, place }) = &name
        && value.trim().is_empty()
    {
        let mistake = Mistake::new("is empty", "write the tenant's name");
        section.complain(place.clone(), mistake);
    }
    if let Some(Placed { value, place }) = &domain
        && !is_domain(value)
    {
        let mistake = Mistake::new("is no domain", "write as in \"contoso.example\"");
        section.complain(place.clone(), mistake);
    }
    let tenant = Tenant {
        name: name.map(|name| name.value).unwrap_or_default(),
        domain: domain.map(|domain| domain.value).unwrap_or_default(),
        certificate: pair(&section, "certificate", "key"),
        weight: section
            .value("weight", number_within(0.0, 1e9))
            .unwrap_or(1.0),
    };
    section.finish();
    tenant
}

fn pair(section: &Table<'_>, certificate: &'static str, key: &'static str) -> Option<KeyPair> {
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

fn mix(section: Table<'_>) -> TenantMix {
    let words = word(&[
        ("uniform", MixWord::Uniform),
        ("weighted", MixWord::Weighted),
        ("zipf", MixWord::Zipf),
    ]);
    let exponent = section
        .value("exponent", number_within(0.0, 10.0))
        .unwrap_or(1.0);
    let weights = section
        .table("weights")
        .and_then(|weights| weights.others(number_within(0.0, 1e9)))
        .unwrap_or_default();
    let mix = match section.value("tenants", words) {
        None | Some(MixWord::Uniform) => TenantMix::Uniform,
        Some(MixWord::Weighted) => TenantMix::Weighted {
            weights: weights.into_iter().collect(),
        },
        Some(MixWord::Zipf) => TenantMix::Zipf { exponent },
    };
    section.finish();
    mix
}

fn evidence(section: Table<'_>, identities: &Identities) -> EvidenceMix {
    let part = |key| section.value(key, number_within(0.0, 1e9));
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

fn envelope(section: Table<'_>) -> Envelope {
    let template = |key: &'static str, default: &str| {
        let written = section
            .value(key, text)
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
            .value(key, text)
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
    envelope
}

#[derive(Clone, Copy)]
enum SizeWord {
    Fixed,
    Uniform,
    Lognormal,
}

fn content(section: Table<'_>) -> Content {
    let words = word(&[
        ("fixed", SizeWord::Fixed),
        ("uniform", SizeWord::Uniform),
        ("lognormal", SizeWord::Lognormal),
    ]);
    let folder = section.path("folder");
    let octets = |key, default| section.value(key, size).unwrap_or(default);
    let fixed = octets("size", 2 << 10);
    let (min, max) = (octets("min", 1 << 10), octets("max", 1 << 20));
    let median = octets("median", 16 << 10);
    let sigma = section
        .value("sigma", number_within(0.0, 5.0))
        .unwrap_or(1.5);
    let sizes = section.value("sizes", words);
    let (folder, sizes) = match over(&section, ["folder", "sizes", "size"]) {
        Some("folder") => (folder, None),
        Some("sizes") => (None, sizes),
        Some(_) => (None, Some(SizeWord::Fixed)),
        None if section.has("folder") && section.has("sizes") => {
            section.wrong(
                "folder",
                "has sizes of its own",
                "remove sizes, or the folder",
            );
            (folder, sizes)
        }
        None => (folder, sizes),
    };
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

/// Which of keys that exclude one another a flag gives: it goes over the others of the plan's file.
fn over<'k>(section: &Table<'_>, keys: [&'k str; 3]) -> Option<&'k str> {
    let flags = |key: &str| section.place_of(key).file.as_deref() == Some(Path::new(FLAGS));
    let mut given = keys
        .into_iter()
        .filter(|key| section.has(key) && flags(key));
    // Two flags may exclude one another, too: that is a mistake as in a file.
    given.next().filter(|_| given.next().is_none())
}

fn session(section: Table<'_>) -> Session {
    let time = |key, default| {
        let time = section
            .value(key, duration)
            .unwrap_or(Duration::from_secs(default));
        if time.is_zero() {
            section.wrong(key, "is no time at all", "write at least \"1ms\"");
        }
        time
    };
    let transfer = word(&[("data", Transfer::Data), ("bdat", Transfer::Bdat)]);
    let session = Session {
        messages_per_connection: section
            .value("messages_per_connection", whole(u64::from(u32::MAX)))
            .unwrap_or(0),
        pipelining: section.value("pipelining", flag).unwrap_or(true),
        transfer: section
            .value("transfer", transfer)
            .unwrap_or(Transfer::Data),
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

fn pace(section: &Table<'_>) -> (Pace, Length, Vec<f64>) {
    let loops = word(&[("closed", LoopWord::Closed), ("open", LoopWord::Open)]);
    let arrivals = word(&[
        ("constant", Arrivals::Constant),
        ("poisson", Arrivals::Poisson),
    ]);
    let connections = section.value("connections", whole(MOST_CONNECTIONS));
    let rate = section
        .value("rate", number_within(0.001, MOST_RATE))
        .unwrap_or(100.0);
    let outstanding = count(section, "outstanding", 10_000, 10_000_000);
    let arrivals = section
        .value("arrivals", arrivals)
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
    // Who names a rate wants it.
    let kind = section.value("loop", loops);
    let kind = kind.unwrap_or(match section.has("rate") {
        true => LoopWord::Open,
        false => LoopWord::Closed,
    });
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
    let time = section.value("duration", duration);
    let messages = section.value("messages", whole(1 << 50));
    let (time, messages) = match over(section, ["duration", "messages", ""]) {
        Some("duration") => (time, None),
        Some(_) => (None, messages),
        None => (time, messages),
    };
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
        .list("steps", number_within(least, most))
        .map(plain)
        .unwrap_or_default();
    (pace, length, steps)
}

fn knee(section: Table<'_>) -> Knee {
    let time = |key, default| {
        let time = section.value(key, duration).unwrap_or(default);
        if time.is_zero() {
            section.wrong(key, "is no time at all", "write at least \"1ms\"");
        }
        time
    };
    let knee = Knee {
        p99: time("p99", Duration::from_millis(100)),
        errors: section
            .value("errors", number_within(0.0, 1.0))
            .unwrap_or(0.001),
        start: section
            .value("start", number_within(0.1, MOST_RATE))
            .unwrap_or(100.0),
        most: section
            .value("most", number_within(0.1, MOST_RATE))
            .unwrap_or(100_000.0),
        trial: time("trial", Duration::from_secs(10)),
        precision: section
            .value("precision", number_within(0.01, 1.0))
            .unwrap_or(0.05),
    };
    if knee.start > knee.most {
        section.wrong("start", "is more than most", "write a smaller one");
    }
    section.finish();
    knee
}

fn check(section: Table<'_>) -> Option<Check> {
    let journal = section.path("journal");
    let presented = section.path("presented");
    let settle = section.value("settle", duration);
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

/// Host and port, as written.
fn address(value: &DeValue<'_>) -> Result<String, Mistake> {
    let written = text(value)?;
    values::host_and_port(&written)?;
    Ok(written)
}

fn plain<T>(list: Vec<Placed<T>>) -> Vec<T> {
    list.into_iter().map(|entry| entry.value).collect()
}

fn is_domain(text: &str) -> bool {
    tenantry_smtp::Mailbox::parse(&format!("a@{text}"), tenantry_smtp::Utf8::Refused).is_ok()
}

fn count(section: &Table<'_>, key: &'static str, default: u32, most: u32) -> u32 {
    let read = section.value(key, whole(most.into()));
    read.map_or(default, |number| u32::try_from(number).unwrap_or(most))
}

const MAX_FILE: u64 = 16 << 20;
const MOST_TENANTS: u32 = 1_000_000;
const MOST_CONNECTIONS: u64 = 1_000_000;
const MOST_RATE: f64 = 10_000_000.0;
