//! A histogram of microseconds, kept whole in JSON in HdrHistogram's V2 form.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{DeserializeError, Deserializer, Serializer as _, V2Serializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Durations in microseconds, counted in classes of a relative width: three digits for phases, two
/// for the timeline, one for tenants.
///
/// In JSON it has its common quantiles for those who want no more, and all of it as base64 of
/// HdrHistogram's V2 encoding (uncompressed), which is what is read back.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Histogram(Hdr<u64>);

/// Why a histogram cannot be read.
#[derive(Debug, Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("v2 is no base64")]
    Base64,
    /// Not a histogram.
    #[error("v2 is no HdrHistogram of the form V2, or is not whole")]
    Form(#[source] DeserializeError),
    /// Larger than any of ours.
    #[error("v2 is an HdrHistogram of more than {LONGEST} microseconds or three digits")]
    Range,
}

/// Its JSON form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    count: u64,
    min: u64,
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    v2: String,
}

impl Histogram {
    /// An empty one with so many digits, 1 to 3.
    ///
    /// It takes memory for what it has seen, not for what it might.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the digits are in the library's range")]
    pub fn new(digits: u8) -> Self {
        Self(Hdr::new(digits.clamp(1, 3)).expect("one to three digits"))
    }

    /// Adds a duration; those longer than an hour count as an hour.
    pub fn record(&mut self, microseconds: u64) {
        // It fails beyond its range only, which it widens.
        let _ = self.0.record(microseconds.min(LONGEST));
    }

    /// Adds all of another one.
    pub fn add(&mut self, other: &Self) {
        // Values above the range cannot come: everything is cut at an hour.
        let _ = self.0.add(&other.0);
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration that this share of all (0 to 1) does not exceed; 0 of none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    /// The shortest; 0 of none.
    #[must_use]
    pub fn min(&self) -> u64 {
        self.0.min()
    }

    /// The longest; 0 of none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.0.max()
    }

    /// The mean; 0 of none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.mean()
    }

    /// Every class that has something: its highest duration, and the number in it.
    pub fn classes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let recorded = self.0.iter_recorded();
        recorded.map(|class| (class.value_iterated_to(), class.count_at_value()))
    }

    fn v2(&self) -> String {
        let mut octets = Vec::new();
        // Writing to memory cannot fail.
        let _ = V2Serializer::new().serialize(&self.0, &mut octets);
        STANDARD.encode(octets)
    }

    fn from_v2(text: &str) -> Result<Self, HistogramError> {
        let octets = STANDARD.decode(text).map_err(|_| HistogramError::Base64)?;
        let read: Hdr<u64> = Deserializer::new()
            .deserialize(&mut octets.as_slice())
            .map_err(HistogramError::Form)?;
        // What is written in a file must not make it larger than ours are.
        if read.high() > 2 * LONGEST || read.sigfig() > 3 {
            return Err(HistogramError::Range);
        }
        let mut histogram = Self::new(read.sigfig());
        histogram.add(&Self(read));
        Ok(histogram)
    }
}

impl fmt::Debug for Histogram {
    /// Its thousands of classes say nothing to a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new(3)
    }
}

impl From<Histogram> for Written {
    fn from(histogram: Histogram) -> Self {
        Self {
            count: histogram.count(),
            min: histogram.min(),
            mean: histogram.mean(),
            p50: histogram.quantile(0.5),
            p90: histogram.quantile(0.9),
            p99: histogram.quantile(0.99),
            p999: histogram.quantile(0.999),
            max: histogram.max(),
            v2: histogram.v2(),
        }
    }
}

impl TryFrom<Written> for Histogram {
    type Error = HistogramError;

    fn try_from(written: Written) -> Result<Self, HistogramError> {
        Self::from_v2(&written.v2)
    }
}

/// An hour.
const LONGEST: u64 = 3_600_000_000;
