//! From documents to a plan, section by section.

mod content;
mod identities;
mod pace;

use std::fs;
use std::path::Path;
use std::time::Duration;

use tenantry_settings::values::{self, flag, number_within, text, whole, word};
use tenantry_settings::{
    Document, Mistake, Place, Placed, Problem, Problems, Report, Table, reason,
};
use toml::de::DeValue;

use super::overrides::Overrides;
use super::values::duration;
use super::{
    Check, Envelope, Length, Plan, Session, Shard, Target, TlsMode, TlsVersions, Transfer,
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
    let identities = identities::identities(&file);
    let tenants = identities::mix(file.section("mix"));
    let evidence = identities::evidence(file.section("evidence"), &identities);
    let envelope = envelope(file.section("envelope"));
    let content = content::content(file.section("content"));
    let session = session(file.section("session"));
    let knee = pace::knee(file.section("knee"));
    let check = check(file.section("check"));
    let section = file.section("pace");
    let most = |key| section.value(key, duration);
    let (pace, length, steps) = pace::pace(&section);
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
        recipients: at_least_one(&section, "recipients", 1_000).unwrap_or(1),
        foreign_sender: domain("foreign_sender", "sender.test"),
        foreign_recipient: domain("foreign_recipient", "recipient.test"),
    };
    section.finish();
    envelope
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

/// Which of keys that exclude one another a flag gives: it goes over the others of the plan's file.
fn over<'k>(section: &Table<'_>, keys: &[&'k str]) -> Option<&'k str> {
    let flags = |key: &str| section.place_of(key).file.as_deref() == Some(Path::new(FLAGS));
    let given = keys.iter().copied();
    let mut given = given.filter(|key| section.has(key) && flags(key));
    // Two flags may exclude one another, too: that is a mistake as in a file.
    given.next().filter(|_| given.next().is_none())
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

/// A number that says how many, if it is written.
fn at_least_one(section: &Table<'_>, key: &'static str, most: u32) -> Option<u32> {
    let number = section.value(key, whole(most.into()));
    if number == Some(0) {
        section.wrong(key, "is 0", "write at least 1");
    }
    number.map(|number| u32::try_from(number).unwrap_or(most))
}

fn count(section: &Table<'_>, key: &'static str, default: u32, most: u32) -> u32 {
    let read = section.value(key, whole(most.into()));
    read.map_or(default, |number| u32::try_from(number).unwrap_or(most))
}

const MAX_FILE: u64 = 16 << 20;
