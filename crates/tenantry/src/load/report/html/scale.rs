//! From values to places on an axis, and the ticks that make them readable.

/// How values lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Equal steps, from zero.
    Linear,
    /// Equal factors.
    Log,
}

/// An axis over a range of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    kind: Kind,
    from: f64,
    to: f64,
}

impl Scale {
    /// One that holds all finite values of an iterator.
    pub(super) fn holding(kind: Kind, values: impl Iterator<Item = f64>) -> Self {
        let fits = |value: &f64| value.is_finite() && (kind == Kind::Linear || *value > 0.0);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(fits) {
            (least, most) = (least.min(value), most.max(value));
        }
        if least > most {
            (least, most) = (1.0, 1.0);
        }
        match kind {
            Kind::Linear => Self::linear(most),
            Kind::Log => Self::log(least, most),
        }
    }

    /// From nothing to a value.
    pub(super) fn linear(most: f64) -> Self {
        // Above this, ticks would no longer differ.
        let most = if most > 0.0 { most.min(1e300) } else { 1.0 };
        Self {
            kind: Kind::Linear,
            from: 0.0,
            to: most,
        }
    }

    /// From just below one value to just above another.
    pub(super) fn log(least: f64, most: f64) -> Self {
        let (from, mut to) = (nearest(least, f64::floor), nearest(most, f64::ceil));
        if to <= from {
            to = from * 10.0;
        }
        Self {
            kind: Kind::Log,
            from,
            to,
        }
    }

    /// The highest value.
    pub(super) fn most(&self) -> f64 {
        self.to
    }

    /// Where a value lies: 0 at the beginning, 1 at the end, kept between both.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.kind {
            Kind::Linear => (value - self.from) / (self.to - self.from),
            Kind::Log => (value.max(self.from) / self.from).ln() / (self.to / self.from).ln(),
        };
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// Round values on the axis, about six.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Linear => self.even(),
            Kind::Log => self.decades(),
        }
    }

    fn even(&self) -> Vec<f64> {
        let rough = self.to / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let places = (0..=10).map(|index| f64::from(index) * step);
        places
            .filter(|value| *value <= self.to * 1.000_001)
            .collect()
    }

    fn decades(&self) -> Vec<f64> {
        let decades = (self.to / self.from).log10();
        let factors: &[f64] = if decades <= 2.5 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let every = (decades / 8.0).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        let first = self.from.log10().floor() as i32;
        for index in 0..=40 {
            let power = 10_f64.powi(first.saturating_add(index * every));
            ticks.extend(factors.iter().map(|factor| factor * power));
        }
        let inside = |value: &f64| *value >= self.from * 0.999_999 && *value <= self.to * 1.000_001;
        ticks.retain(inside);
        ticks
    }
}

/// The nearest value of 1, 2 or 5 times a power of ten, below or above.
fn nearest(value: f64, round: fn(f64) -> f64) -> f64 {
    // Beyond this nothing is measured, and factors would no longer be numbers.
    let value = value.clamp(1e-9, 1e18);
    let power = 10_f64.powf(value.log10().floor());
    let factor = value / power;
    let steps = [1.0, 2.0, 5.0, 10.0];
    let below = steps
        .into_iter()
        .rev()
        .find(|step| *step <= factor * 1.000_001);
    let above = steps.into_iter().find(|step| *step >= factor * 0.999_999);
    // Which of both is meant shows at any number between two whole ones.
    let chosen = if round(0.5) < 0.5 { below } else { above };
    chosen.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6 * (1.0 + other.abs())
    }

    #[test]
    fn a_linear_axis_begins_with_nothing_and_has_round_ticks() {
        let scale = Scale::holding(Kind::Linear, [3.0, 47.0].into_iter());
        assert!(near(scale.place(0.0), 0.0) && near(scale.place(47.0), 1.0));
        assert_eq!(scale.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0]);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_factor_the_same_room() {
        let scale = Scale::holding(Kind::Log, [120.0, 90_000.0].into_iter());
        let (one, two, three) = (
            scale.place(1_000.0),
            scale.place(10_000.0),
            scale.place(100_000.0),
        );
        assert!(near(two - one, three - two));
        assert_eq!(scale.ticks(), [100.0, 1_000.0, 10_000.0, 100_000.0]);
        let short = Scale::holding(Kind::Log, [150.0, 900.0].into_iter());
        assert_eq!(short.ticks(), [100.0, 200.0, 500.0, 1_000.0]);
    }

    #[test]
    fn no_values_and_absurd_ones_still_make_an_axis() {
        for kind in [Kind::Linear, Kind::Log] {
            for values in [
                vec![],
                vec![0.0],
                vec![7.0],
                vec![f64::NAN, f64::INFINITY],
                vec![-5.0, 1e308],
                vec![1e-308, 1e308],
            ] {
                let scale = Scale::holding(kind, values.iter().copied());
                let ticks = scale.ticks();
                assert!(
                    (1..=20).contains(&ticks.len()),
                    "{kind:?} {values:?}: {ticks:?}"
                );
                for value in values {
                    assert!(
                        (0.0..=1.0).contains(&scale.place(value)),
                        "{kind:?} {value}"
                    );
                }
            }
        }
    }
}
