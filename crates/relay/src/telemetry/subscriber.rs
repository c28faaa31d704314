//! The `tracing` subscriber: text or JSON lines on standard error.

use std::borrow::Cow;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SubscriberError {
    /// `log.level` is neither a level nor filter directives.
    #[error("log.level is not understood: {0}")]
    Level(#[from] ParseError),
    /// A subscriber is there already.
    #[error("the log is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// A level alone is about the relay; what libraries have to say below a warning, nobody asked for.
fn directives(level: &str) -> Cow<'_, str> {
    match level.parse::<LevelFilter>() {
        Ok(ours) => {
            let libraries = ours.min(LevelFilter::WARN);
            Cow::Owned(format!("{libraries},tenantry={ours}"))
        }
        Err(_directives) => Cow::Borrowed(level),
    }
}

/// Sets the process's log up.
///
/// # Errors
/// The level cannot be parsed, or a log is set up already.
pub fn subscribe(log: &Log) -> Result<(), SubscriberError> {
    let filter = EnvFilter::try_new(directives(&log.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match log.format {
        LogFormat::Text => builder.with_ansi(false).finish().try_init()?,
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .finish()
            .try_init()?,
    }
    Ok(())
}
