//! `tenantry run`: the relay in the foreground, reloaded by SIGHUP, stopped by SIGTERM or SIGINT.

use std::path::Path;
use std::process::ExitCode;

use tenantry_relay::config::{Config, Log, Problems};
use tenantry_relay::{Relay, telemetry};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, warn};

use crate::exit;

/// Serves until it is told to stop.
pub(crate) fn run(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            exit::complain(&problems);
            return exit::CONFIGURATION.into();
        }
    };
    if let Err(error) = telemetry::subscribe(&config.log) {
        exit::complain(&error);
        return exit::CONFIGURATION.into();
    }
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            exit::complain(&error);
            return exit::INTERNAL.into();
        }
    };
    runtime.block_on(serve(path, config)).into()
}

async fn serve(path: &Path, config: Config) -> u8 {
    let log = config.log.clone();
    for warning in &config.warnings {
        warn!(%warning, "configuration");
    }
    let signals = (
        signal(SignalKind::hangup()),
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        error!("cannot listen for signals");
        return exit::INTERNAL;
    };
    let relay = match Relay::start(config) {
        Ok(relay) => relay,
        Err(error) => {
            error!(%error, "cannot start");
            return exit::CANNOT_BIND;
        }
    };
    loop {
        tokio::select! {
            // Each of these only waits for a signal; none is lost by waiting for the others too.
            Some(()) = hangup.recv() => reload(&relay, path, &log),
            () = received(&mut terminate) => break,
            () = received(&mut interrupt) => break,
        }
    }
    relay.stop().await;
    exit::OK
}

async fn received(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Takes the configuration anew; with anything wrong in it the old one stays.
fn reload(relay: &Relay, path: &Path, log: &Log) {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => return report(&problems),
    };
    for warning in &config.warnings {
        warn!(%warning, "configuration");
    }
    if (&config.log.level, config.log.format) != (&log.level, log.format) {
        warn!("log.level and log.format take effect at the next start");
    }
    if let Err(error) = relay.reload(config) {
        error!(%error, "configuration not reloaded, the old one stays in force");
    }
}

fn report(problems: &Problems) {
    for problem in problems.iter() {
        error!(%problem, "configuration problem");
    }
    error!("configuration not reloaded, the old one stays in force");
}
