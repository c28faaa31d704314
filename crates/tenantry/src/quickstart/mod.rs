//! `tenantry quickstart`: the whole path of a message, in one process, with nothing to set up.
//!
//! A throw-away authority, three tenants of Exchange Online as the lab simulates it, and the real relay on free
//! loopback ports. Real messages take every branch of the decision, and two of Microsoft's anti-patterns are shown
//! without and with the relay. What came out is compared with what should have, and the relay's verdict with the
//! lab's attribution; a difference makes the exit code non-zero.

mod cases;
mod client;
mod files;
mod judge;
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
    let folder = std::env::temp_dir().join(format!("tenantry-quickstart-{}", std::process::id()));
    let world = World::start(folder).await?;
    let differences = show(&world, afterwards).await;
    // Whatever happened: nothing is left behind.
    world.stop().await;
    differences
}

/// Plays everything and says how many messages came out otherwise than they should.
async fn show(world: &World, afterwards: Afterwards) -> anyhow::Result<usize> {
    let mut all = Vec::new();
    for case in cases::branches() {
        all.push(world.play(case).await?);
    }
    table::branches(&mut io::stdout(), &all)?;
    for shown in cases::anti_patterns() {
        let mut outcomes = Vec::new();
        for case in shown.cases {
            outcomes.push(world.play(case).await?);
        }
        table::anti_pattern(&mut io::stdout(), shown, &outcomes)?;
        all.append(&mut outcomes);
    }
    table::summary(&mut io::stdout(), &all)?;
    if afterwards == Afterwards::KeepRunning {
        keep(world).await?;
    }
    let differences = all.iter().filter(|outcome| !outcome.differences.is_empty());
    Ok(differences.count())
}

async fn keep(world: &World) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{}", world.invitation()?)?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    tokio::select! {
        // Either ends the wait, and then both are over.
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for the interrupt"),
        _terminated = terminate.recv() => Ok(()),
    }
}
