//! A result as tables: the one source of what text and HTML say.

use std::borrow::Cow;

mod generators;

use tenantry_load::result::{At, Correctness, Histogram, Outcome, Phase, ReplyRow, TenantRow};

use super::numbers::{count, duration, octets, rate, seconds, share, text};
use super::table::Table;

pub(crate) use generators::{generators, machines};

/// How many tenants a report names; a result in JSON has them all.
pub(crate) const TENANTS: usize = 100;
/// How many rows of anything else.
const ROWS: usize = 200;
/// What must become nobody's has this in the place of a tenant.
pub(crate) const NOBODY: &str = "(nobody)";

/// Messages by what became of them, and what they needed.
pub(crate) fn messages(outcome: &Outcome) -> Table {
    let totals = &outcome.totals;
    let measured = totals.seconds;
    let part = |number: u64| match totals.intended {
        0 => String::new(),
        intended => share(number as f64 / intended as f64),
    };
    let a_second = |number: u64, shown: &dyn Fn(f64) -> String| match measured > 0.0 {
        true => shown(number as f64 / measured),
        false => String::new(),
    };
    let mut table = Table::new("messages", &["", "#number", "#share", "#per second"])
        .with_note(format!("{} measured", seconds(measured)));
    let always = [("due", totals.intended), ("accepted", totals.accepted)];
    let sometimes = [
        ("refused (5yz)", totals.refused),
        ("deferred (4yz)", totals.deferred),
        ("failed without a reply", totals.failed),
        ("not sent, too many outstanding", totals.overflowed),
        ("not begun in time", totals.unsent),
    ];
    let seen = sometimes.into_iter().filter(|(_, number)| *number > 0);
    for (name, number) in always.into_iter().chain(seen) {
        let pace = a_second(number, &rate);
        table.row([name.to_owned(), count(number), part(number), pace]);
    }
    table.row([
        "content of accepted messages".to_owned(),
        octets(totals.octets),
        String::new(),
        a_second(totals.octets, &|size| format!("{}/s", octets(size as u64))),
    ]);
    table
}

/// Connections and handshakes.
pub(crate) fn connections(outcome: &Outcome) -> Table {
    let totals = &outcome.totals;
    let mut table = Table::new("connections", &["", "#number"]);
    for (name, number) in [
        ("opened", totals.connections),
        ("failed or lost", totals.connections_failed),
        ("at most at one time", totals.connections_peak),
        ("full TLS handshakes", totals.tls_full),
        ("resumed TLS handshakes", totals.tls_resumed),
        (
            "messages due and unanswered at most",
            totals.outstanding_peak,
        ),
    ] {
        table.row([name.to_owned(), count(number)]);
    }
    table
}

/// Latency, phase by phase.
pub(crate) fn phases(outcome: &Outcome) -> Table {
    let columns = [
        "phase", "#count", "#mean", "#p50", "#p90", "#p99", "#p99.9", "#max",
    ];
    let mut table = Table::new("latency by phase", &columns).with_note(LATENCY);
    for row in &outcome.phases {
        let mut cells = vec![phase(row.phase).to_owned()];
        cells.extend(quantiles(&row.histogram));
        table.row(cells);
    }
    table
}

const LATENCY: &str = "latency: of accepted messages, in an open loop from when they were due";

/// Count, mean, p50, p90, p99, p99.9 and the longest.
fn quantiles(histogram: &Histogram) -> Vec<String> {
    let mut cells = vec![count(histogram.count()), duration(histogram.mean() as u64)];
    cells.extend([0.5, 0.9, 0.99, 0.999].map(|share| duration(histogram.quantile(share))));
    cells.push(duration(histogram.max()));
    cells
}

/// A quantile; of nothing there is none.
pub(crate) fn quantile(histogram: &Histogram, share: f64) -> String {
    match histogram.is_empty() {
        true => NONE.to_owned(),
        false => duration(histogram.quantile(share)),
    }
}

/// Stands where there is no number.
const NONE: &str = "-";

/// A phase's name for people.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Latency => "latency",
        Phase::Refused => "latency of refusals",
        Phase::Wait => "wait for a connection",
        Phase::Connect => "connect",
        Phase::TlsFull => "TLS, full",
        Phase::TlsResumed => "TLS, resumed",
        Phase::Greeting => "greeting",
        Phase::Ehlo => "EHLO",
        Phase::Starttls => "STARTTLS",
        Phase::Mail => "MAIL",
        Phase::Rcpt => "RCPT",
        Phase::Data => "DATA",
        Phase::Transfer => "content",
        Phase::Reply => "final reply",
        Phase::Message => "MAIL to final reply",
    }
}

/// Replies by where they came and what they were.
pub(crate) fn replies(outcome: &Outcome) -> Table {
    let mut table = Table::new("replies", &["to", "code", "#number", "the first one"]);
    if !has_accepted(outcome) {
        let accepted = count(outcome.totals.accepted);
        table.row([at(At::Content), "2yz", &accepted, ""].map(str::to_owned));
    }
    for row in outcome.replies.iter().take(ROWS) {
        let first = text(&row.text);
        table.row([at(row.at).to_owned(), code(row), count(row.count), first]);
    }
    more(table, outcome.replies.len(), ROWS)
}

/// Whether the replies that accepted messages are among those that are counted by code.
pub(crate) fn has_accepted(outcome: &Outcome) -> bool {
    let accepts = |row: &ReplyRow| row.at == At::Content && (200..300).contains(&row.code);
    outcome.replies.iter().any(accepts)
}

/// What they are called where they are not.
pub(crate) const ACCEPTED: &str = "2yz to content";

/// A reply's code with its enhanced one: `550 5.7.64`.
pub(crate) fn code(row: &ReplyRow) -> String {
    match (row.code, &row.enhanced) {
        (0, _) => "others".to_owned(),
        (code, None) => code.to_string(),
        (code, Some(enhanced)) => format!("{code} {}", text(enhanced)),
    }
}

/// Where a reply came, for people.
pub(crate) fn at(at: At) -> &'static str {
    match at {
        At::Greeting => "connection",
        At::Ehlo => "EHLO",
        At::Starttls => "STARTTLS",
        At::Mail => "MAIL",
        At::Rcpt => "RCPT",
        At::Data => "DATA",
        At::Content => "content",
    }
}

/// What failed without a reply.
pub(crate) fn errors(outcome: &Outcome) -> Table {
    let mut table = Table::new(
        "failures without a reply",
        &["kind", "#number", "the first one"],
    );
    for row in outcome.errors.iter().take(ROWS) {
        table.row([text(&row.kind), count(row.count), text(&row.text)]);
    }
    more(table, outcome.errors.len(), ROWS)
}

/// Steps with their paces.
pub(crate) fn steps(outcome: &Outcome) -> Table {
    let columns = [
        "#pace",
        "#from",
        "#seconds",
        "#due",
        "#accepted",
        "#not accepted",
        "#per second",
        "#p50",
        "#p99",
    ];
    let mut table = Table::new("steps", &columns);
    if outcome.steps.len() < 2 {
        return table;
    }
    for step in outcome.steps.iter().take(ROWS) {
        table.row([
            rate(step.pace),
            seconds(step.begins),
            seconds(step.seconds),
            count(step.intended),
            count(step.accepted),
            count(step.not_accepted),
            rate(step.rate),
            quantile(&step.latency, 0.5),
            quantile(&step.latency, 0.99),
        ]);
    }
    more(table, outcome.steps.len(), ROWS)
}

/// The search for the highest rate.
pub(crate) fn knee(outcome: &Outcome) -> Table {
    let columns = ["#offered/s", "#accepted/s", "#p99", "#not accepted", "held"];
    let mut table = Table::new("search for the highest rate", &columns);
    let Some(knee) = &outcome.knee else {
        return table;
    };
    for trial in knee.trials.iter().take(ROWS) {
        let held = if trial.held { "yes" } else { "no" };
        table.row([
            rate(trial.offered),
            rate(trial.accepted),
            match trial.accepted > 0.0 {
                true => duration(trial.p99_us),
                false => NONE.to_owned(),
            },
            share(trial.errors),
            held.to_owned(),
        ]);
    }
    let bounds = &outcome.plan.knee;
    let p99 = seconds(bounds.p99.as_secs_f64());
    let found = match knee.rate {
        Some(found) if knee.at_most => format!("{}/s held, and no more was tried", rate(found)),
        Some(found) => format!("{}/s held", rate(found)),
        None => "not even the first rate held".to_owned(),
    };
    let table = table.with_note(format!(
        "{found}; bounds: p99 {p99}, {} not accepted",
        share(bounds.errors)
    ));
    more(table, knee.trials.len(), ROWS)
}

/// The tenants with most messages, at most so many.
pub(crate) fn tenants(outcome: &Outcome, most: usize) -> Table {
    let columns = [
        "tenant",
        "#messages",
        "#share",
        "#planned",
        "#accepted",
        "#refused",
        "#deferred",
        "#failed",
        "#p50",
        "#p99",
    ];
    let mut table = Table::new("tenants", &columns);
    let sent = sent(outcome);
    for row in most_messages(outcome).into_iter().take(most) {
        table.row([
            name(row.name.as_deref()),
            count(row.sent),
            share(row.sent as f64 / (sent.max(1)) as f64),
            row.planned.map_or_else(String::new, share),
            count(row.accepted),
            count(row.refused),
            count(row.deferred),
            count(row.failed),
            quantile(&row.latency, 0.5),
            quantile(&row.latency, 0.99),
        ]);
    }
    for never in ["deferred", "refused", "failed"] {
        table.drop_if(never, |cell| cell == "0");
    }
    table.drop_if("planned", |cell| cell.is_empty());
    more(table, outcome.tenants.len(), most)
}

/// Messages of all tenants together.
pub(crate) fn sent(outcome: &Outcome) -> u64 {
    let each = outcome.tenants.iter().map(|row| row.sent);
    each.fold(0, u64::saturating_add)
}

/// All tenants, those with most messages first.
pub(crate) fn most_messages(outcome: &Outcome) -> Vec<&TenantRow> {
    let mut rows: Vec<&TenantRow> = outcome.tenants.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.sent));
    rows
}

/// A tenant's name for people.
pub(crate) fn name(name: Option<&str>) -> String {
    name.map_or_else(|| NOBODY.to_owned(), text)
}

/// Whose the messages became.
pub(crate) fn correctness(outcome: &Outcome) -> Table {
    let mut table = Table::new("whose the messages became", &["", "#number", "#share"]);
    let Some(found) = &outcome.correctness else {
        return table;
    };
    let expected = found.expected.max(1) as f64;
    for (name, number) in [
        ("accepted", found.expected),
        ("under the intended tenant", found.right),
        ("under another tenant", found.wrong),
        ("not found", found.missing),
        ("under nobody's name", found.unknown),
        ("found although not accepted", found.unanswered),
        ("found more than once", found.duplicates),
    ] {
        let part = share(number as f64 / expected);
        table.row([name.to_owned(), count(number), part]);
    }
    if found.unchecked > 0 {
        let name = "not looked for: accepted elsewhere, without a journal".to_owned();
        table.row([name, count(found.unchecked), String::new()]);
    }
    table.with_note(verdict(found))
}

/// The verdict on correctness in words.
pub(crate) fn verdict(found: &Correctness) -> Cow<'static, str> {
    if found.is_perfect() {
        "every accepted message is its tenant's".into()
    } else if found.wrong > 0 {
        "WRONG: messages were taken for another tenant's".into()
    } else if found.unchecked > 0 {
        let all = found.expected.saturating_add(found.unchecked);
        let (all, expected) = (count(all), count(found.expected));
        format!("INCOMPLETE: of {all} accepted messages {expected} were looked for").into()
    } else {
        "INCOMPLETE: not every accepted message was found under its tenant".into()
    }
}

/// The tenants whose messages were not all found under them.
pub(crate) fn mistaken(outcome: &Outcome) -> Table {
    let columns = [
        "tenant",
        "#accepted",
        "#right",
        "#wrong",
        "#missing",
        "#unknown",
    ];
    let mut table = Table::new("tenants with messages that went astray", &columns);
    let rows = outcome.correctness.iter().flat_map(|found| &found.tenants);
    let astray: Vec<_> = rows
        .filter(|row| row.wrong > 0 || row.missing > 0 || row.unknown > 0)
        .collect();
    for row in astray.iter().take(TENANTS) {
        table.row([
            name(row.name.as_deref()),
            count(row.intended),
            count(row.right),
            count(row.wrong),
            count(row.missing),
            count(row.unknown),
        ]);
    }
    more(table, astray.len(), TENANTS)
}

/// Says how many rows are not shown.
fn more(mut table: Table, all: usize, shown: usize) -> Table {
    if all > shown {
        let hidden = format!("the first {shown} of {}; JSON has all", count(all as u64));
        table.note = Some(match table.note.take() {
            Some(note) => format!("{note}; {hidden}"),
            None => hidden,
        });
    }
    table
}
