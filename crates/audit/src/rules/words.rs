//! Words that several groups of rules use.

use jiff::{SignedDuration, Timestamp};
use tenantry_lab::world::{DomainName, Wildcard};

use crate::rule::Severity;

/// A name of a certificate as it is written.
pub(super) fn shown((wildcard, name): &(Wildcard, DomainName)) -> String {
    match wildcard {
        Wildcard::Yes => format!("*.{name}"),
        Wildcard::No => name.to_string(),
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names {
        [] => String::from("nothing"),
        [only] => only.clone(),
        [head @ .., last] if names.len() <= SHOWN => format!("{} and {last}", head.join(", ")),
        _ => {
            let shown: Vec<&str> = names.iter().take(SHOWN - 1).map(String::as_str).collect();
            format!(
                "{} and {} more",
                shown.join(", "),
                names.len() - shown.len()
            )
        }
    }
}

/// How soon a certificate ends, as its tightest threshold has it; none while that is far away.
pub(super) fn left(end: Timestamp, now: Timestamp) -> Option<(Severity, String)> {
    let left = end.duration_since(now);
    if left.is_negative() || left.is_zero() {
        return Some((Severity::Error, format!("expired on {}", day(end))));
    }
    let within = |days: i64| left <= SignedDuration::from_hours(24 * days);
    let (_, severity) = THRESHOLDS.iter().find(|(days, _)| within(*days))?;
    let text = match left.as_hours() / 24 {
        0 => format!("expires today, on {}", day(end)),
        1 => format!("expires in 1 day, on {}", day(end)),
        days => format!("expires in {days} days, on {}", day(end)),
    };
    Some((*severity, text))
}

/// Days before the end, the tightest first.
const THRESHOLDS: [(i64, Severity); 4] = [
    (7, Severity::Error),
    (14, Severity::Warning),
    (30, Severity::Warning),
    (60, Severity::Info),
];

/// A day as in 2026-11-23 (UTC).
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn a_certificate_that_ends_is_worse_the_sooner() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (end, expected) in [
            ("2027-01-22T12:00:01Z", None),
            (
                "2027-01-22T12:00:00Z",
                Some((Severity::Info, "expires in 60 days, on 2027-01-22")),
            ),
            (
                "2026-12-23T12:00:00Z",
                Some((Severity::Warning, "expires in 30 days, on 2026-12-23")),
            ),
            (
                "2026-12-07T12:00:00Z",
                Some((Severity::Warning, "expires in 14 days, on 2026-12-07")),
            ),
            (
                "2026-11-30T12:00:01Z",
                Some((Severity::Warning, "expires in 7 days, on 2026-11-30")),
            ),
            (
                "2026-11-30T12:00:00Z",
                Some((Severity::Error, "expires in 7 days, on 2026-11-30")),
            ),
            (
                "2026-11-24T13:00:00Z",
                Some((Severity::Error, "expires in 1 day, on 2026-11-24")),
            ),
            (
                "2026-11-23T13:00:00Z",
                Some((Severity::Error, "expires today, on 2026-11-23")),
            ),
            (
                "2026-11-23T12:00:00Z",
                Some((Severity::Error, "expired on 2026-11-23")),
            ),
            (
                "2020-01-01T00:00:00Z",
                Some((Severity::Error, "expired on 2020-01-01")),
            ),
        ] {
            let found = left(end.parse().unwrap(), now);
            let found = found
                .as_ref()
                .map(|(severity, text)| (*severity, text.as_str()));
            assert_eq!(found, expected, "{end}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(String::from).into();
        assert_eq!(listed(&[]), "nothing");
        assert_eq!(listed(names.get(..1).unwrap()), "a");
        assert_eq!(listed(names.get(..5).unwrap()), "a, b, c, d and e");
        assert_eq!(listed(&names), "a, b, c, d and 2 more");
    }
}
