//! `tenantry quickstart`: the whole path of a message, in one process, with nothing to set up.
//!
//! A throw-away authority, three tenants, upstreams that demand client certificates, and the real relay on free
//! loopback ports. Real messages take every branch of the decision; what came out is compared with what should have,
//! and a difference makes the exit code non-zero.

mod cases;
mod client;
mod table;
mod world;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Afterwards;
use crate::exit;
use world::World;

/// Runs the quickstart.
pub(crate) fn quickstart(afterwards: Afterwards) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(play(afterwards)));
    match outcome {
        Ok(0) => exit::OK.into(),
        Ok(_differences) => exit::INTERNAL.into(),
        Err(error) => {
            exit::complain(&format!("{error:#}"));
            exit::INTERNAL.into()
        }
    }
}

async fn play(afterwards: Afterwards) -> anyhow::Result<usize> {
    let world = World::start().await?;
    let mut outcomes = Vec::new();
    for case in cases::all() {
        outcomes.push(world.play(case).await?);
    }
    let mut out = io::stdout().lock();
    table::print(&mut out, &outcomes)?;
    let differences = outcomes
        .iter()
        .filter(|outcome| !outcome.differences.is_empty())
        .count();
    drop(out);
    if afterwards == Afterwards::KeepRunning {
        keep(&world).await?;
    }
    world.stop().await;
    Ok(differences)
}

async fn keep(world: &World) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{}", world.invitation())?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    tokio::select! {
        // Either ends the wait, and then both are over.
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for the interrupt"),
        _terminated = terminate.recv() => Ok(()),
    }
}
