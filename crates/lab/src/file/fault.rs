//! `[[fault]]`: what goes wrong, where, and how often. The front end executes it.

use std::time::Duration;

use tenantry_settings::values::{count, duration, text, wait, word};
use tenantry_settings::{Mistake, Table, closest, quoted};
use toml::de::DeValue;

use super::values::{per_second, positive, region, share};
use crate::reply::Refusal;
use crate::world::{Region, TenantIndex, World};

/// One fault. Of several that apply at the same moment all are executed, in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpec {
    /// Only for messages attributed to this tenant, or (where attribution gives none) to a
    /// recipient of it.
    pub tenant: Option<TenantIndex>,
    /// Only at this region's endpoint.
    pub region: Option<Region>,
    /// When in a session it happens.
    pub stage: FaultStage,
    /// How likely each occurrence is, from 0 to 1; drawn from the world's seed.
    pub probability: f64,
    /// How many occurrences pass unharmed first.
    pub after: u64,
    /// How many occurrences are hit then; absent: all.
    pub times: Option<u64>,
    /// Wait before going on.
    pub delay: Duration,
    /// Wait before every octet of the reply; zero: none.
    pub tarpit: Duration,
    /// Answer this instead of the usual reply.
    pub reply: Option<FaultReply>,
    /// Do this to the connection.
    pub action: Option<FaultAction>,
    /// Refuse only what comes faster than this.
    pub throttle: Option<Throttle>,
}

/// When in a session a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultStage {
    /// The connection was accepted, nothing was said.
    Connect,
    /// The greeting is due.
    Greeting,
    /// EHLO or HELO was read.
    Ehlo,
    /// STARTTLS was read; the handshake is part of it.
    Starttls,
    /// MAIL was read.
    Mail,
    /// RCPT was read.
    Rcpt,
    /// DATA was read, or the first BDAT.
    Data,
    /// The content has ended: the reply to the final dot, or to the last BDAT, is due.
    EndOfData,
    /// QUIT was read.
    Quit,
}

/// What a fault answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultReply {
    /// A refusal of the service, with its exact text and the service's suffix.
    Refusal(Refusal),
    /// Code and text as written, without suffix.
    Raw(String),
}

/// What a fault does to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultAction {
    /// Close it without a word.
    Drop,
    /// Close the sending direction, go on reading.
    HalfClose,
    /// Reset it.
    Reset,
    /// After `220` to STARTTLS, send octets that are no TLS.
    BadTls,
    /// Present a server certificate that has expired.
    ExpiredCertificate,
    /// Take and journal the message at once, and answer only after `delay`.
    LateReply,
    /// Take and journal the message, and close without an answer.
    CloseAfterDot,
}

/// A throttling curve: a bucket of `burst` that fills with `messages_per_second`.
#[derive(Debug, Clone, PartialEq)]
pub struct Throttle {
    /// What passes for ever.
    pub messages_per_second: f64,
    /// What passes at once.
    pub burst: u32,
    /// What the others hear.
    pub reply: FaultReply,
}

const STAGES: &[(&str, FaultStage)] = &[
    ("connect", FaultStage::Connect),
    ("greeting", FaultStage::Greeting),
    ("ehlo", FaultStage::Ehlo),
    ("starttls", FaultStage::Starttls),
    ("mail", FaultStage::Mail),
    ("rcpt", FaultStage::Rcpt),
    ("data", FaultStage::Data),
    ("end-of-data", FaultStage::EndOfData),
    ("quit", FaultStage::Quit),
];

const ACTIONS: &[(&str, FaultAction)] = &[
    ("drop", FaultAction::Drop),
    ("half-close", FaultAction::HalfClose),
    ("reset", FaultAction::Reset),
    ("bad-tls", FaultAction::BadTls),
    ("expired-certificate", FaultAction::ExpiredCertificate),
    ("late-reply", FaultAction::LateReply),
    ("close-after-dot", FaultAction::CloseAfterDot),
];

impl FaultStage {
    /// Its word in world files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let named = STAGES.iter().find(|(_, stage)| *stage == self);
        named.map_or("", |(word, _)| word)
    }

    /// Whether a tenant can be known by then.
    const fn knows_tenants(self) -> bool {
        match self {
            Self::Mail | Self::Rcpt | Self::Data | Self::EndOfData => true,
            Self::Connect | Self::Greeting | Self::Ehlo | Self::Starttls | Self::Quit => false,
        }
    }
}

impl FaultAction {
    /// Its word in world files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let named = ACTIONS.iter().find(|(_, action)| *action == self);
        named.map_or("", |(word, _)| word)
    }

    /// The only stage at which it makes sense, if there is only one.
    const fn stage(self) -> Option<FaultStage> {
        match self {
            Self::Drop | Self::HalfClose | Self::Reset => None,
            Self::BadTls | Self::ExpiredCertificate => Some(FaultStage::Starttls),
            Self::LateReply | Self::CloseAfterDot => Some(FaultStage::EndOfData),
        }
    }
}

impl FaultReply {
    /// The text to answer, without the service's suffix.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Refusal(refusal) => refusal.text(),
            Self::Raw(text) => text,
        }
    }
}

/// Reads one `[[fault]]`; nothing if it is wrong.
pub(super) fn read(table: Table<'_>, world: &World) -> Option<FaultSpec> {
    let tenant = table.value("tenant", |value| tenant(value, world));
    let region = table.value("region", region);
    let remedy = "say when it happens, as in \"rcpt\"";
    let stage = table.required("stage", word(STAGES), remedy);
    let probability = table.value("probability", share);
    let after = table.value("after", count);
    let times = table.value("times", positive);
    let delay = table.value("delay", duration);
    let tarpit = table.value("tarpit", wait);
    let reply = table.value("reply", reply);
    let action = table.value("action", word(ACTIONS));
    let throttle = table.table("throttle").and_then(throttle);
    let effects = ["delay", "tarpit", "reply", "action", "throttle"];
    let does_something = effects.into_iter().any(|key| table.has(key));
    let spec = FaultSpec {
        tenant,
        region,
        stage: stage?.value,
        probability: probability.unwrap_or(1.0),
        after: after.map_or(0, u64::from),
        times: times.map(u64::from),
        delay: delay.unwrap_or_default(),
        tarpit: tarpit.unwrap_or_default(),
        reply,
        action,
        throttle,
    };
    if !does_something {
        let remedy = "add delay, tarpit, reply, action or throttle";
        table.complain(table.place(), Mistake::new("nothing goes wrong", remedy));
    }
    for (key, mistake) in contradictions(&spec) {
        table.complain(table.place_of(key), mistake);
    }
    table.finish();
    Some(spec)
}

/// What cannot be meant, with the key that says it.
fn contradictions(spec: &FaultSpec) -> Vec<(&'static str, Mistake)> {
    let mut found = Vec::new();
    let mut wrong = |key, what: String, remedy: &str| found.push((key, Mistake::new(what, remedy)));
    let stage = spec.stage.as_str();
    if spec.tenant.is_some() && !spec.stage.knows_tenants() {
        let what = format!("no tenant is known at stage {stage}");
        wrong(
            "tenant",
            what,
            "use region, or stage mail, rcpt, data or end-of-data",
        );
    }
    if let Some(action) = spec.action
        && let Some(only) = action.stage()
        && only != spec.stage
    {
        let what = format!("{} does not happen at stage {stage}", action.as_str());
        wrong(
            "action",
            what,
            &format!("use stage = \"{}\"", only.as_str()),
        );
    }
    if spec.action == Some(FaultAction::LateReply) && spec.delay.is_zero() {
        let what = String::from("late-reply without delay is late by nothing");
        wrong("action", what, "say how late, as in delay = \"10s\"");
    }
    if let Some(FaultReply::Raw(text)) = &spec.reply
        && text.starts_with('3')
        && spec.stage != FaultStage::Data
    {
        let what = format!("{} asks for more where nothing follows", quoted(text));
        wrong("reply", what, "write a reply that begins with 2, 4 or 5");
    }
    if spec.stage == FaultStage::Connect && !spec.tarpit.is_zero() && spec.reply.is_none() {
        let what = String::from("nothing is said at stage connect");
        wrong("tarpit", what, "use stage = \"greeting\"");
    }
    if spec.throttle.is_some() && (spec.reply.is_some() || spec.action.is_some()) {
        let what =
            String::from("a throttle has its own reply, and neither reply nor action beside it");
        wrong("throttle", what, "make two faults of them");
    }
    found
}

fn throttle(table: Table<'_>) -> Option<Throttle> {
    let remedy = "say how many pass in a second, as in 10";
    let messages_per_second = table.required("messages_per_second", per_second, remedy);
    let burst = table.value("burst", positive);
    let reply = table.value("reply", reply);
    table.finish();
    Some(Throttle {
        messages_per_second: messages_per_second?.value,
        burst: burst.unwrap_or(1),
        reply: reply.unwrap_or(FaultReply::Refusal(Refusal::ServerBusy)),
    })
}

fn tenant(value: &DeValue<'_>, world: &World) -> Result<TenantIndex, Mistake> {
    let written = text(value)?;
    world.tenant_named(&written).ok_or_else(|| {
        let what = format!("there is no tenant {}", quoted(&written));
        let names = world.tenants.iter().map(|tenant| tenant.name.as_str());
        match closest(&written, names) {
            Some(name) => Mistake::new(what, format!("did you mean \"{name}\"?")),
            None => Mistake::new(what, "write a tenant's name"),
        }
    })
}

/// The word of a refusal, or a reply as it goes over the wire (RFC 5321 section 4.2).
fn reply(value: &DeValue<'_>) -> Result<FaultReply, Mistake> {
    const REMEDY: &str = "write a word as \"server-busy\" or a reply as \"451 4.3.2 Try again\"";
    let written = text(value)?;
    if let Some(refusal) = Refusal::named(&written) {
        return Ok(FaultReply::Refusal(refusal));
    }
    let mut octets = written.bytes();
    let code = octets
        .next()
        .is_some_and(|octet| matches!(octet, b'2'..=b'5'))
        && octets
            .next()
            .is_some_and(|octet| matches!(octet, b'0'..=b'5'))
        && octets.next().is_some_and(|octet| octet.is_ascii_digit())
        && octets.next().is_none_or(|octet| octet == b' ');
    let printable = written.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    if code && printable && written.len() <= LONGEST_REPLY {
        return Ok(FaultReply::Raw(written));
    }
    let what = format!("{} is neither a word nor a reply", quoted(&written));
    let words = Refusal::ALL.iter().map(|refusal| refusal.word());
    Err(match closest(&written, words) {
        Some(word) => Mistake::new(what, format!("did you mean \"{word}\"?")),
        None => Mistake::new(what, REMEDY),
    })
}

/// A reply line has at most 512 octets with its end (RFC 5321 section 4.5.3.1.5).
const LONGEST_REPLY: usize = 510;
