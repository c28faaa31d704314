//! Asking the lab whose a message would be, and why: one message, or JSON lines of them.
//!
//! The batch form is fixed (`exchange-online.md` section 1.18): one line in, one line out, in the
//! same order, whatever is wrong with a line. Memory stays the same however long the input is, and
//! a line that is none gets an answer that says so.

mod batch;
mod complaint;
mod decoded;
mod lines;
mod question;
mod words;
mod write;

pub use self::batch::{Batch, Summary};
pub use self::question::{Question, QuestionError};
pub use self::words::describe;
pub use crate::certificate::CertificateProblem;

pub(crate) use self::lines::{Line, Lines};
pub(crate) use self::write::error_line;
