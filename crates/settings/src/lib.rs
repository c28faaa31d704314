//! Reading settings: what every TOML file of ours has in common, whatever its sections mean.
//!
//! A file is read so that one mistake hides no other: [`Table`] is asked for its keys one by one,
//! [`values`] say what a value is or make a [`Mistake`] of it, and every [`Problem`] names the
//! place, what is wrong and what to do. Which keys there are, and what they mean, is for the crate
//! whose file it is.

mod file;
mod mistake;
mod place;
mod problem;
mod table;
pub mod units;
pub mod values;
mod words;

pub use self::file::{beside, expand, reason};
pub use self::mistake::Mistake;
pub use self::place::{Place, Source};
pub use self::problem::{Collected, Problem, Problems, Report, Severity};
pub use self::table::{Document, Placed, Table};
pub use self::words::{closest, listed, quoted};
