//! How fast and for how long; and within what bounds a knee is searched.

use std::time::Duration;

use tenantry_settings::Table;
use tenantry_settings::values::{number_within, whole, word};

use super::{at_least_one, over, plain};
use crate::plan::values::duration;
use crate::plan::{Arrivals, Knee, Length, Pace};

#[derive(Clone, Copy)]
enum LoopWord {
    Closed,
    Open,
}

/// The pace, how long a step of it lasts, and the steps.
pub(super) fn pace(section: &Table<'_>) -> (Pace, Length, Vec<f64>) {
    let arrivals = word(&[
        ("constant", Arrivals::Constant),
        ("poisson", Arrivals::Poisson),
    ]);
    let connections = at_least_one(section, "connections", MOST_CONNECTIONS);
    let rate = section.value("rate", number_within(0.001, MOST_RATE));
    let outstanding = at_least_one(section, "outstanding", MOST_OUTSTANDING);
    let arrivals = section.value("arrivals", arrivals);
    let (pace, least, most) = match kind(section) {
        LoopWord::Closed => {
            let connections = connections.unwrap_or(32);
            let most = f64::from(MOST_CONNECTIONS);
            (Pace::Closed { connections }, 1.0, most)
        }
        LoopWord::Open => {
            let pace = Pace::Open {
                rate: rate.unwrap_or(100.0),
                arrivals: arrivals.unwrap_or(Arrivals::Constant),
                connections: connections.unwrap_or(256),
                outstanding: outstanding.unwrap_or(10_000),
            };
            (pace, 0.001, MOST_RATE)
        }
    };
    let steps = section.list("steps", number_within(least, most));
    (pace, length(section), steps.map(plain).unwrap_or_default())
}

/// Which loop; who names a rate and no loop wants the open one.
fn kind(section: &Table<'_>) -> LoopWord {
    let loops = word(&[("closed", LoopWord::Closed), ("open", LoopWord::Open)]);
    section.value("loop", loops).unwrap_or_else(|| {
        if section.has("rate") {
            LoopWord::Open
        } else {
            LoopWord::Closed
        }
    })
}

fn length(section: &Table<'_>) -> Length {
    let time = section.value("duration", duration);
    let messages = section.value("messages", whole(1 << 50));
    let (time, messages) = match over(section, &["duration", "messages"]) {
        Some("duration") => (time, None),
        Some(_) => (None, messages),
        None => (time, messages),
    };
    if time.is_some() && messages.is_some() {
        section.wrong("messages", "stands beside duration", "write one of the two");
    }
    if time.is_some_and(|time| time.is_zero()) {
        section.wrong("duration", "is nothing", "write more than 0");
    } else if messages == Some(0) {
        section.wrong("messages", "is nothing", "write more than 0");
    }
    match (time, messages) {
        (_, Some(messages)) => Length::Messages(messages),
        (time, None) => Length::Seconds(time.unwrap_or(Duration::from_secs(30))),
    }
}

pub(super) fn knee(section: Table<'_>) -> Knee {
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

const MOST_CONNECTIONS: u32 = 1_000_000;
const MOST_OUTSTANDING: u32 = 10_000_000;
const MOST_RATE: f64 = 10_000_000.0;
