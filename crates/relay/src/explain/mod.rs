//! `explain`: evidence by hand to a verdict, with the function that the relay itself decides with.
//!
//! Nothing is sent and nothing is looked up on the network. One question at a time answers in
//! words; [`Batch`] answers JSON lines, in constant memory and at a rate that real logs need.

mod answer;
mod batch;
mod json;
pub(crate) mod line;
mod lines;
pub(crate) mod question;

pub use self::answer::Answer;
pub use self::batch::{Batch, Summary};
pub use self::lines::{EvidenceLines, LineError};
pub use self::question::{Given, GivenCertificate, Question, QuestionError};
