//! What a plan asked for, in a few lines that fit above its result.

use tenantry_load::plan::{
    Arrivals, Content, EvidenceMix, Length, Pace, Plan, Shard, TenantMix, TlsMode, TlsVersions,
    Transfer,
};

use super::numbers::{count, digits, octets, rate, seconds, share, text};

/// The parts of a plan that matter for its numbers: what, and how.
pub(crate) fn described(plan: &Plan) -> Vec<(&'static str, String)> {
    vec![
        ("target", target(plan)),
        ("pace", pace(plan)),
        ("length", length(plan)),
        ("tenants", tenants(plan)),
        ("evidence", evidence(&plan.evidence)),
        ("content", content(&plan.content)),
        ("envelope", envelope(plan)),
        ("session", session(plan)),
        ("seed", plan.seed.to_string()),
    ]
}

/// The same for a picture with little room: target, loop and evidence, each in a few words.
pub(crate) fn brief(plan: &Plan, searched: bool) -> Vec<String> {
    let mut words = vec![format!("to {}", text(&plan.target.address))];
    words.push(match plan.target.tls {
        TlsMode::Off => "without TLS".to_owned(),
        TlsMode::Starttls => "STARTTLS".to_owned(),
        TlsMode::Implicit => "implicit TLS".to_owned(),
    });
    match plan.pace {
        _ if searched => {
            let start = rate(plan.knee.start);
            words.push(format!("search for the highest rate from {start}/s"));
        }
        Pace::Closed { connections } => {
            words.push(format!(
                "closed loop, {} connections",
                count(connections.into())
            ));
        }
        Pace::Open {
            rate: wanted,
            connections,
            ..
        } => {
            words.push(format!("open loop, {}/s", rate(wanted)));
            words.push(format!("at most {} connections", count(connections.into())));
        }
    }
    if plan.shard != Shard::WHOLE {
        words.push(format!("shard {}", plan.shard));
    }
    words.extend(evidence_parts(&plan.evidence));
    words
}

/// In one line: `open loop, 1,000/s (Poisson), at most 64 connections`.
pub(crate) fn pace(plan: &Plan) -> String {
    let mut words = match plan.pace {
        Pace::Closed { connections } => {
            format!("closed loop, {} connections", count(connections.into()))
        }
        Pace::Open {
            rate: wanted,
            arrivals,
            connections,
            outstanding,
        } => {
            let arrivals = match arrivals {
                Arrivals::Constant => "constant",
                Arrivals::Poisson => "Poisson",
            };
            format!(
                "open loop, {}/s ({arrivals}), at most {} connections and {} messages outstanding",
                rate(wanted),
                count(connections.into()),
                count(outstanding.into())
            )
        }
    };
    if !plan.steps.is_empty() {
        let steps: Vec<String> = plan.steps.iter().take(20).map(|step| rate(*step)).collect();
        words.push_str(&format!(", then {}", steps.join(", ")));
        if plan.steps.len() > steps.len() {
            words.push_str(&format!(" and {} more", plan.steps.len() - steps.len()));
        }
    }
    words
}

fn target(plan: &Plan) -> String {
    let tls = match plan.target.tls {
        TlsMode::Off => return format!("{}, without TLS", text(&plan.target.address)),
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "implicit TLS",
    };
    let versions = match plan.target.tls_versions {
        TlsVersions::Both => "1.2 and 1.3",
        TlsVersions::Tls12 => "1.2",
        TlsVersions::Tls13 => "1.3",
    };
    let resumed = share(plan.target.resumption);
    format!(
        "{}, {tls} (TLS {versions}), {resumed} of handshakes may resume",
        text(&plan.target.address)
    )
}

fn length(plan: &Plan) -> String {
    let mut words = match plan.length {
        Length::Seconds(length) => seconds(length.as_secs_f64()),
        Length::Messages(number) => format!("{} messages", count(number)),
    };
    if !plan.steps.is_empty() {
        words.push_str(" a step");
    }
    if !plan.warm_up.is_zero() {
        let warm_up = seconds(plan.warm_up.as_secs_f64());
        words.push_str(&format!(" after {warm_up} of warm-up"));
    }
    if !plan.ramp.is_zero() {
        let ramp = seconds(plan.ramp.as_secs_f64());
        words.push_str(&format!(", ramps of {ramp}"));
    }
    words
}

fn tenants(plan: &Plan) -> String {
    // Connections that last cannot be had in every share, and messages go with them.
    let connections = plan.shares_follow_connections();
    let words = match &plan.tenants {
        TenantMix::Uniform if connections => "evenly".to_owned(),
        TenantMix::Uniform => "all equally often".to_owned(),
        TenantMix::Weighted { .. } => "by weight".to_owned(),
        TenantMix::Zipf { exponent } => format!("Zipf, exponent {}", digits(*exponent)),
    };
    match connections {
        true => format!("{words}, as far as connections can be shared among them"),
        false => words,
    }
}

fn evidence(mix: &EvidenceMix) -> String {
    evidence_parts(mix).join(", ")
}

fn evidence_parts(mix: &EvidenceMix) -> Vec<String> {
    let parts = [
        ("certificate", mix.certificate),
        ("sender", mix.sender),
        ("recipient", mix.recipient),
        ("unattributable", mix.unattributable),
        ("conflicting", mix.conflicting),
        ("untrusted", mix.untrusted),
    ];
    let whole: f64 = parts.iter().map(|(_, part)| part).sum();
    let shown = parts.iter().filter(|(_, part)| *part > 0.0);
    shown
        .map(|(name, part)| format!("{name} {}", share(part / whole)))
        .collect()
}

fn content(content: &Content) -> String {
    match content {
        Content::Fixed { size } => octets(*size),
        Content::Uniform { min, max } => format!("{} to {}", octets(*min), octets(*max)),
        Content::Lognormal { median, sigma, max } => format!(
            "lognormal, median {}, sigma {}, at most {}",
            octets(*median),
            digits(*sigma),
            octets(*max)
        ),
        Content::Folder { folder } => format!("files of {}", text(&folder.to_string_lossy())),
    }
}

fn envelope(plan: &Plan) -> String {
    let recipients = plan.envelope.recipients;
    let plural = if recipients == 1 { "" } else { "s" };
    format!("{} recipient{plural} a message", count(recipients.into()))
}

fn session(plan: &Plan) -> String {
    let session = &plan.session;
    let messages = match session.messages_per_connection {
        0 => "as many messages on a connection as it takes".to_owned(),
        1 => "a connection for each message".to_owned(),
        many => format!("{} messages on a connection", count(many)),
    };
    let pipelining = if session.pipelining {
        "pipelining"
    } else {
        "no pipelining"
    };
    let transfer = match session.transfer {
        Transfer::Data => "DATA",
        Transfer::Bdat => "BDAT",
    };
    format!("{messages}, {pipelining}, {transfer}")
}
