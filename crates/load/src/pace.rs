//! How the pace runs over time: ramp, warm-up, steps. The pace is a number of connections in a
//! closed loop and a rate in an open one.

use std::time::Duration;

use crate::plan::{Length, Pace, Plan};

/// The pace at every moment, in seconds since the run began.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    segments: Vec<Segment>,
    /// When counting begins.
    pub(crate) measured_from: f64,
    /// When nothing new is begun; absent for plans that count messages.
    pub(crate) ends: Option<f64>,
    /// The steps.
    pub(crate) steps: Vec<Span>,
    /// The highest pace.
    pub(crate) most: f64,
}

/// A step's time and pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) begins: f64,
    /// Infinite for plans that count messages.
    pub(crate) ends: f64,
    pub(crate) pace: f64,
}

/// A time in which the pace runs straight from one value to another.
#[derive(Debug, Clone, Copy)]
struct Segment {
    begins: f64,
    seconds: f64,
    from: f64,
    to: f64,
    /// What the pace has summed up to before.
    before: f64,
}

impl Profile {
    pub(crate) fn new(plan: &Plan) -> Self {
        let first = match plan.pace {
            Pace::Closed { connections } => f64::from(connections),
            Pace::Open { rate, .. } => rate,
        };
        let mut profile = Self {
            segments: Vec::new(),
            measured_from: 0.0,
            ends: None,
            steps: Vec::new(),
            most: first,
        };
        let ramp = plan.ramp.as_secs_f64();
        profile.push(ramp, 0.0, first);
        profile.push(plan.warm_up.as_secs_f64(), first, first);
        profile.measured_from = profile.now();
        let Length::Seconds(step) = plan.length else {
            profile.step(f64::INFINITY, first);
            return profile;
        };
        let step = step.as_secs_f64();
        profile.step(step, first);
        let mut last = first;
        for pace in &plan.steps {
            profile.push(ramp, last, *pace);
            profile.step(step, *pace);
            profile.most = profile.most.max(*pace);
            last = *pace;
        }
        profile.ends = Some(profile.now());
        profile
    }

    /// The pace at a moment.
    pub(crate) fn at(&self, moment: f64) -> f64 {
        self.segment(moment).map_or(0.0, |segment| {
            let part = (moment - segment.begins) / segment.seconds;
            // A segment without end keeps its pace.
            let part = if part.is_finite() {
                part.clamp(0.0, 1.0)
            } else {
                0.0
            };
            segment.from + part * (segment.to - segment.from)
        })
    }

    /// When the pace has summed up to so much: the time of that arrival. `None` after the end.
    pub(crate) fn moment_of(&self, sum: f64) -> Option<f64> {
        let at = self
            .segments
            .partition_point(|segment| segment.before <= sum);
        let segment = self.segments.get(at.checked_sub(1)?)?;
        let rest = sum - segment.before;
        let slope = if segment.seconds.is_finite() {
            (segment.to - segment.from) / segment.seconds
        } else {
            0.0
        };
        // The root that stays exact when the slope is small.
        let root = (segment.from * segment.from + 2.0 * slope * rest)
            .max(0.0)
            .sqrt();
        let later = if rest == 0.0 {
            0.0
        } else {
            2.0 * rest / (segment.from + root)
        };
        let moment = segment.begins + later;
        (later.is_finite() && self.ends.is_none_or(|ends| moment < ends)).then_some(moment)
    }

    /// When the pace is above a level for the first time from a moment on.
    pub(crate) fn above(&self, level: f64, from: f64) -> Option<f64> {
        for segment in &self.segments {
            let ends = segment.begins + segment.seconds;
            if ends <= from {
                continue;
            }
            let start = from.max(segment.begins);
            if self.at(start) > level {
                return Some(start);
            }
            if segment.to > level {
                let part = (level - segment.from) / (segment.to - segment.from);
                // A touch later, so that it is above and not at it.
                let moment = segment.begins + segment.seconds * part + 1e-6;
                return Some(moment.max(start));
            }
        }
        None
    }

    /// Which step a moment is in, from 0.
    pub(crate) fn step_at(&self, moment: f64) -> Option<usize> {
        let within = |step: &Span| step.begins <= moment && moment < step.ends;
        self.steps.iter().position(within)
    }

    fn segment(&self, moment: f64) -> Option<&Segment> {
        let at = self
            .segments
            .partition_point(|segment| segment.begins <= moment);
        let segment = self.segments.get(at.checked_sub(1)?)?;
        (self.ends.is_none_or(|ends| moment < ends)).then_some(segment)
    }

    fn step(&mut self, seconds: f64, pace: f64) {
        let begins = self.now();
        self.push(seconds, pace, pace);
        self.steps.push(Span {
            begins,
            ends: begins + seconds,
            pace,
        });
    }

    fn push(&mut self, seconds: f64, from: f64, to: f64) {
        if seconds > 0.0 {
            let before = self.segments.last().map_or(0.0, Segment::after);
            self.segments.push(Segment {
                begins: self.now(),
                seconds,
                from,
                to,
                before,
            });
        }
    }

    fn now(&self) -> f64 {
        self.segments
            .last()
            .map_or(0.0, |segment| segment.begins + segment.seconds)
    }
}

impl Segment {
    fn after(&self) -> f64 {
        self.before + self.seconds * (self.from + self.to) / 2.0
    }
}

/// Seconds as a duration; those that are none are no time.
pub(crate) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;
    use crate::plan::Overrides;
    use std::path::Path;

    fn profile(pace: &str) -> Profile {
        let text = format!("[target]\naddress = 'h:1'\n[pace]\n{pace}");
        let plan = Plan::read(Path::new("plan.toml"), &text, &Overrides::default()).unwrap();
        Profile::new(&plan)
    }

    #[test]
    fn ramp_warm_up_and_steps_follow_each_other() {
        let profile = profile(
            "loop = 'open'\nrate = 100\nramp = '2s'\nwarm_up = '3s'\nduration = '10s'\nsteps = [200, 50]",
        );
        assert!((profile.measured_from - 5.0).abs() < 1e-9);
        for (moment, pace) in [
            (0.0, 0.0),
            (1.0, 50.0),
            (2.0, 100.0),
            (14.9, 100.0),
            (16.0, 150.0),
        ] {
            assert!((profile.at(moment) - pace).abs() < 1e-6, "{moment}");
        }
        assert_eq!(profile.ends, Some(39.0));
        assert!(profile.at(39.0).abs() < 1e-9);
        let begins: Vec<f64> = profile.steps.iter().map(|step| step.begins).collect();
        assert_eq!(begins, [5.0, 17.0, 29.0]);
        assert_eq!(profile.step_at(16.0), None);
        assert_eq!(profile.step_at(17.5), Some(1));
    }

    #[test]
    fn arrivals_come_when_the_pace_has_summed_up_to_them() {
        let profile =
            profile("loop = 'open'\nrate = 100\nramp = '2s'\nduration = '10s'\nsteps = [200]");
        // The ramp sums up to 100, the first step to 1,000, the second ramp to 300.
        for (sum, moment) in [
            (25.0, 1.0),
            (100.0, 2.0),
            (600.0, 7.0),
            (1_100.0, 12.0),
            (1_400.0, 14.0),
        ] {
            let found = profile.moment_of(sum).unwrap();
            assert!((found - moment).abs() < 1e-6, "{sum}: {found}");
        }
        assert_eq!(profile.moment_of(1_400.0 + 2_000.0), None);
    }

    #[test]
    fn a_count_of_messages_has_no_end_in_time() {
        let profile = profile("loop = 'open'\nrate = 10\nmessages = 5");
        assert_eq!(profile.ends, None);
        assert!((profile.moment_of(1e6).unwrap() - 1e5).abs() < 1e-3);
        assert!((profile.at(1e9) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_connection_begins_when_the_ramp_reaches_it() {
        let profile = profile("connections = 10\nramp = '10s'\nduration = '5s'\nsteps = [2, 20]");
        assert!((profile.above(4.0, 0.0).unwrap() - 4.0).abs() < 1e-3);
        // Not in the step with two, but again on the ramp to twenty: from 30 to 40 seconds.
        let again = profile.above(10.0, 15.0).unwrap();
        assert!((again - (30.0 + 10.0 * 8.0 / 18.0)).abs() < 1e-3, "{again}");
        assert_eq!(profile.above(20.0, 0.0), None);
        assert!(profile.at(profile.above(4.0, 0.0).unwrap()) > 4.0);
    }
}
