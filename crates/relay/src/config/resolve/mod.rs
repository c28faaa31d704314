//! From what the files say to a [`Config`] that needs no further checks.
//!
//! Nothing stops at the first mistake: each part is resolved as far as it goes and reports what is
//! wrong; only at the end is there a configuration or the list of problems.

mod cross;
mod directory;
pub(super) mod lint;
mod listener;
mod peer;
mod shadow;
mod tenant;
mod tls;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tenantry_attribution::Domain;
use tenantry_net::Identity;
use tenantry_settings::quoted;
use tracing_subscriber::filter::LevelFilter;

use self::tls::Loader;
use super::file::{FileSection, LogSection};
use super::include::Files;
use super::limits::{Kind, Limits, LimitsSection, Timeouts, within};
use super::problem::{Place, Problem, Problems, Severity};
use super::tree::{Heading, Setting, Table};
use super::values::{Count, RelativePath, Size, Time};
use super::{AddressLogging, Config, Log, LogFormat, Role};

/// Makes a configuration of what was read, or reports everything that is wrong with it.
pub(super) fn resolve(
    path: &Path,
    mut files: Files,
    now: SystemTime,
    role: Role,
    mut problems: Vec<Problem>,
) -> Result<Config, Problems> {
    let Some(main) = files.main.take() else {
        return Err(finish(problems, &files));
    };
    let mut context = Context {
        main: Place::file(path),
        problems: &mut problems,
        loader: Loader::new(now),
    };
    let shadow = main.shadow.clone();
    let general = general(main, &mut context);
    let listeners = listener::resolve(&files.listeners, &mut context);
    let built = directory::resolve(&files, &mut context);
    let tenants = tenant::resolve(&files.tenants, &built, &general.timeouts, &mut context);
    cross::check(&files, &built, &listeners, &mut context);
    lint::check(&files.allowances, context.problems);
    let shadow = shadow
        .and_then(|setting| shadow::resolve(&setting, role, &listeners, now, context.problems));

    // With an error anywhere some of the parts are incomplete, so that nothing may be run.
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return Err(finish(problems, &files));
    }
    let (Some(hostname), Some(directory)) = (general.hostname, built.directory) else {
        return Err(finish(problems, &files));
    };
    Ok(Config {
        path: path.to_path_buf(),
        hostname,
        listeners,
        directory,
        tenants,
        peers: built.peers,
        limits: general.limits,
        timeouts: general.timeouts,
        log: general.log,
        drain: general.drain,
        hop_limit: general.hop_limit,
        shadow,
        warnings: ordered(problems),
    })
}

/// What every part needs while it is resolved.
struct Context<'a> {
    /// The main file as a whole.
    main: Place,
    problems: &'a mut Vec<Problem>,
    loader: Loader,
}

impl Context<'_> {
    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Our certificate and key, if both are there and in order.
    fn identity(
        &mut self,
        heading: &Heading,
        certificate: &Option<Setting<RelativePath>>,
        key: &Option<Setting<RelativePath>>,
    ) -> Option<Arc<Identity>> {
        self.loader
            .identity(heading, certificate.as_ref(), key.as_ref(), self.problems)
    }
}

/// What stands at the top of the main file and in its plain tables.
struct General {
    hostname: Option<String>,
    limits: Limits,
    timeouts: Timeouts,
    log: Log,
    drain: Duration,
    hop_limit: u32,
}

/// 150 MiB, what Exchange Online takes.
const MESSAGE_SIZE: u64 = 150 << 20;
const DRAIN: Duration = Duration::from_secs(30);
const HOP_LIMIT: u32 = 100;
const LEVEL: &str = "info";

fn general(file: FileSection, context: &mut Context<'_>) -> General {
    let heading = &file.heading;
    let hostname = match &file.hostname {
        Some(setting) => hostname(setting, &heading.key("hostname"), context),
        None => {
            let remedy = "add hostname = \"...\", the name that this relay greets with";
            context.problems.extend(heading.missing("hostname", remedy));
            None
        }
    };
    let drain = setting_within::<Time>(
        &file.drain,
        heading,
        "drain",
        Duration::ZERO..=Duration::from_secs(3_600),
        context,
    );
    let hop_limit =
        setting_within::<Count>(&file.hop_limit, heading, "hop_limit", 1..=10_000, context);
    let timeouts = Timeouts::resolve(
        file.timeouts.map(|setting| setting.value.0),
        context.problems,
    );
    General {
        hostname,
        limits: limits(file.limits.map(|setting| setting.value.0), context),
        timeouts,
        log: log(file.log, context),
        drain: drain.unwrap_or(DRAIN),
        hop_limit: hop_limit.unwrap_or(HOP_LIMIT),
    }
}

/// The hostname, normalised: it stands in greetings, EHLO and Received.
fn hostname(setting: &Setting<String>, key: &str, context: &mut Context<'_>) -> Option<String> {
    match Domain::parse(&setting.value) {
        Ok(domain) => Some(String::from(domain.as_str())),
        Err(error) => {
            let what = format!("{} is no host name: {error}", quoted(&setting.value));
            let remedy = "write the full name of this host, as in \"relay.corp.example\"";
            context.report(setting.at.error(key, what, remedy));
            None
        }
    }
}

fn limits(section: Option<LimitsSection>, context: &mut Context<'_>) -> Limits {
    let follows = section
        .as_ref()
        .is_none_or(|section| section.stress_connections.is_none());
    let mut limits = Limits::resolve(section, context.problems);
    if follows {
        limits.stress_connections = (limits.connections / 5).saturating_mul(4).max(1);
    }
    limits
}

fn log(section: Option<Setting<Table<LogSection>>>, context: &mut Context<'_>) -> Log {
    let mut log = Log {
        format: LogFormat::Text,
        level: String::from(LEVEL),
        addresses: AddressLogging::Domains,
    };
    let Some(Setting {
        value: Table(section),
        ..
    }) = section
    else {
        return log;
    };
    log.format = section.format.map_or(log.format, |setting| setting.value);
    log.addresses = section
        .addresses
        .map_or(log.addresses, |setting| setting.value);
    if let Some(level) = section.level {
        if level.value.split(',').all(is_directive) {
            log.level = level.value;
        } else {
            let what = format!("{} is no log level", quoted(&level.value));
            let remedy = "write \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";
            context.report(level.at.error(section.heading.key("level"), what, remedy));
        }
    }
    log
}

/// `info` or `tenantry_relay=debug`; without this check a misspelt level would be taken for a target.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.trim().rsplit_once('=').unwrap_or(("all", text.trim()));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
    !target.is_empty() && target.chars().all(plain) && level.parse::<LevelFilter>().is_ok()
}

/// A message size, or the default.
fn message_size(
    setting: &Option<Setting<Size>>,
    heading: &Heading,
    context: &mut Context<'_>,
) -> u64 {
    setting_within::<Size>(
        setting,
        heading,
        "max_message_size",
        1_024..=(16 << 30),
        context,
    )
    .unwrap_or(MESSAGE_SIZE)
}

fn setting_within<K: Kind>(
    setting: &Option<Setting<K>>,
    heading: &Heading,
    key: &str,
    bounds: std::ops::RangeInclusive<K::Value>,
    context: &mut Context<'_>,
) -> Option<K::Value> {
    within(heading, key, setting.as_ref()?, &bounds, context.problems)
}

/// Reports each second use of something that has to be unique, naming the place of the first.
struct Unique<K>(HashMap<K, Place>);

impl<K: Eq + std::hash::Hash> Unique<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// The place of the first use, if this is not it.
    fn first(&mut self, key: K, at: &Place) -> Option<Place> {
        if let Some(first) = self.0.get(&key) {
            return Some(first.clone());
        }
        self.0.insert(key, at.clone());
        None
    }
}

fn finish(problems: Vec<Problem>, files: &Files) -> Problems {
    let derived =
        |problem: &Problem| problem.what == "is missing" && files.broken.contains(&problem.file);
    Problems::from(ordered(
        problems
            .into_iter()
            .filter(|problem| !derived(problem))
            .collect(),
    ))
}

/// In the order of lines, the files in the order in which they were first mentioned.
fn ordered(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut files: HashMap<Arc<Path>, usize> = HashMap::new();
    for problem in &problems {
        let next = files.len();
        files.entry(Arc::clone(&problem.file)).or_insert(next);
    }
    problems.sort_by_key(|problem| {
        (
            files.get(&problem.file).copied(),
            problem.line,
            problem.column,
            problem.severity,
        )
    });
    problems.dedup();
    problems
}
