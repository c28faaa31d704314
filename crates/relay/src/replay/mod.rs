//! `replay`: recorded envelopes through two configurations, and what changes from the one to the other.
//!
//! An envelope is a question of `explain --batch` or the closing line of a transaction in the relay's JSON log; other
//! lines of the log are passed over. Whatever cannot be decided again is counted with its reason and never guessed.
//! The decision is the relay's own function. A certificate counts as it was judged when it was recorded: trust, like
//! everything of TLS, is not played again. Memory does not depend on how long the log is, and the result not on how
//! many threads work.

mod blocks;
mod decide;
mod envelope;
mod report;
mod tally;

pub use self::blocks::replay;
pub use self::envelope::Obstacle;
pub use self::report::{Change, Examples, Report, Side, Undecided, UndecidedLine};
