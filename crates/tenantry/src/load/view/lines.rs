//! A run in one line each second, for logs and pipes.

use tenantry_load::result::{Live, Phase, Stage, Totals};

use crate::load::report::numbers::{count, duration, rate, seconds, text};

/// The moment in one line: `12.0 s of 40.0 s, step 1 of 3: 987/s of 1,000/s, 17 in flight, ...`.
pub(super) fn line(now: &Live) -> String {
    let mut line = format!(
        "{}, {}: {}/s",
        progress(now),
        stage(now.stage),
        rate(now.rate)
    );
    if let Some(offered) = offered(now) {
        line.push_str(&format!(" of {offered}"));
    }
    line.push_str(&format!(
        ", {} in flight, {} waiting, {} connections",
        count(now.in_flight),
        count(now.queued),
        count(now.connections)
    ));
    if let Some(latency) = now.phases.iter().find(|row| row.phase == Phase::Latency) {
        let (p50, p99) = (duration(latency.p50), duration(latency.p99));
        line.push_str(&format!(", p50 {p50}, p99 {p99}"));
    }
    line.push_str(&format!(", {} accepted", count(now.replies.accepted)));
    for (name, number) in [
        ("deferred", now.replies.deferred),
        ("refused", now.replies.refused),
        ("failed", now.replies.failed),
    ] {
        if number > 0 {
            line.push_str(&format!(", {} {name}", count(number)));
        }
    }
    if let Some(problem) = &now.last_problem {
        line.push_str(&format!("; last problem: {}", text(problem)));
    }
    line
}

/// The rate that is offered: `1,000/s`; nothing in a closed loop and when nothing is due any more.
pub(super) fn offered(now: &Live) -> Option<String> {
    let offered = now.offered.filter(|offered| *offered > 0.0)?;
    Some(format!("{}/s", rate(offered)))
}

/// Measured messages of which it is known that they were not accepted.
pub(super) fn missed(totals: &Totals) -> u64 {
    let each = [
        totals.refused,
        totals.deferred,
        totals.failed,
        totals.overflowed,
        totals.unsent,
    ];
    each.into_iter().fold(0, u64::saturating_add)
}

/// How far the run is: `12.0 s of 40.0 s`, `6,900 of 10,000 messages`.
pub(super) fn progress(now: &Live) -> String {
    let elapsed = seconds(now.elapsed.as_secs_f64());
    if let Some(planned) = now.planned_messages {
        let done = count(done(now));
        return format!("{elapsed}, {done} of {} messages", count(planned));
    }
    match now.planned {
        Some(planned) => format!("{elapsed} of {}", seconds(planned.as_secs_f64())),
        None => elapsed,
    }
}

/// The same as a part of the whole, when that is known.
pub(super) fn part(now: &Live) -> Option<f64> {
    let part = match (now.planned_messages, now.planned) {
        (Some(planned), _) if planned > 0 => done(now) as f64 / planned as f64,
        (_, Some(planned)) if !planned.is_zero() => {
            now.elapsed.as_secs_f64() / planned.as_secs_f64()
        }
        (_, _) => return None,
    };
    Some(part.clamp(0.0, 1.0))
}

fn done(now: &Live) -> u64 {
    let totals = &now.totals;
    let each = [
        totals.accepted,
        totals.refused,
        totals.deferred,
        totals.failed,
    ];
    each.into_iter().fold(0, u64::saturating_add)
}

/// What the run is about, in words.
pub(super) fn stage(stage: Stage) -> String {
    match stage {
        Stage::WarmUp => "warm-up".to_owned(),
        Stage::Ramp => "ramp".to_owned(),
        Stage::Step { of: 0 | 1, .. } => "measuring".to_owned(),
        Stage::Step { number, of } => format!("step {number} of {of}"),
        Stage::Trial {
            number,
            rate: wanted,
        } => format!("trial {number} at {}/s", rate(wanted)),
        Stage::Drain => "waiting for the last replies".to_owned(),
        Stage::Check => "reading the journal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::view::sample;

    #[test]
    fn a_line_has_what_the_picture_has_and_no_control_characters() {
        let line = line(&sample::live());
        let expected = "12.0 s of 40.0 s, step 1 of 3: 987/s of 1,000/s, 17 in flight, 4 waiting, \
            32 connections, p50 2.50 ms, p99 10.0 ms, 11,900 accepted, 30 deferred, 60 refused, \
            10 failed; last problem: 550 5.7.64 not\\u{1b}[2J for us";
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_is_offered_when_nothing_is_due() {
        let mut now = sample::live();
        assert_eq!(offered(&now).as_deref(), Some("1,000/s"));
        for none in [None, Some(0.0)] {
            now.offered = none;
            assert_eq!(offered(&now), None);
            assert!(line(&now).contains(": 987/s, 17 in flight"));
        }
    }

    #[test]
    fn progress_counts_messages_where_messages_were_asked_for() {
        let mut now = sample::live();
        assert_eq!(part(&now), Some(0.3));
        now.planned_messages = Some(14_000);
        assert_eq!(progress(&now), "12.0 s, 7,000 of 14,000 messages");
        assert_eq!(part(&now), Some(0.5));
        (now.planned_messages, now.planned) = (None, None);
        assert_eq!((progress(&now).as_str(), part(&now)), ("12.0 s", None));
    }

    #[test]
    fn every_stage_has_words() {
        let stages = [
            Stage::WarmUp,
            Stage::Ramp,
            Stage::Step { number: 1, of: 1 },
            Stage::Trial {
                number: 2,
                rate: 1_500.0,
            },
            Stage::Drain,
            Stage::Check,
        ];
        let words = stages.map(stage);
        assert_eq!(words[2], "measuring");
        assert_eq!(words[3], "trial 2 at 1,500/s");
    }
}
