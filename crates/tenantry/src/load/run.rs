//! `tenantry load run` and `tenantry load merge`: plans into results.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use tenantry_lab::pki::{CertificateSpec, self_signed};
use tenantry_load::plan::{KeyPair, Plan};
use tenantry_load::result::Outcome;
use tenantry_load::run::{Goal, Run as Prepared, RunError, Running, Stopper};
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::{Merge, Output, Run};
use super::{report, view};
use crate::exit::{self, printed};

/// Runs a plan and shows what came of it.
pub(super) fn run(wanted: &Run) -> Result<u8, u8> {
    let (plan, _made) = plan(wanted)?;
    let checks = plan.check.is_some();
    let goal = match wanted.find_knee {
        true => Goal::FindKnee,
        false => Goal::Measure,
    };
    let running = Prepared::prepare(plan)
        .and_then(|prepared| prepared.start(goal))
        .map_err(|error| refused(&error))?;
    // What goes to standard output instead of text is not to be mixed with a view.
    let piped = wanted
        .output
        .json
        .as_deref()
        .is_some_and(|path| path.as_os_str() == "-");
    let outcome = watched(running, view::Mode::of(wanted.quiet || piped))?;
    if !wanted.quiet || wanted.output.json.is_some() || wanted.output.html.is_some() {
        write(&outcome, &wanted.output, wanted.quiet)?;
    }
    Ok(judged(&outcome, checks))
}

/// Adds results and shows the sum.
pub(super) fn merge(wanted: &Merge) -> Result<u8, u8> {
    let mut results = Vec::new();
    for path in &wanted.results {
        results.push(Outcome::read(path).map_err(|error| {
            exit::complain(&error);
            exit::USAGE
        })?);
    }
    let merged = Outcome::merge(&results).map_err(|error| {
        exit::complain(&error);
        exit::USAGE
    })?;
    write(&merged, &wanted.output, false)?;
    Ok(judged(&merged, merged.correctness.is_some()))
}

/// A certificate that was made for the run, and is taken away after it.
struct Made(Option<std::path::PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // What stays is a throw-away key in a folder of its owner's.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn plan(wanted: &Run) -> Result<(Plan, Made), u8> {
    let overrides = wanted.overrides().map_err(|what| {
        exit::complain(&what);
        exit::USAGE
    })?;
    let read = match &wanted.plan {
        Some(path) => Plan::load(path, &overrides),
        None => Plan::read(Path::new("plan"), "", &overrides),
    };
    let mut plan = read.map_err(|problems| {
        exit::complain(&problems);
        exit::CONFIGURATION
    })?;
    if let Some(shard) = wanted.shard {
        plan.shard = shard;
    }
    let mut made = Made(None);
    if plan.evidence.untrusted > 0.0 && plan.identities.untrusted.is_none() {
        let (pair, folder) = untrusted().map_err(|what| {
            exit::complain(&what);
            exit::INTERNAL
        })?;
        plan.identities.untrusted = Some(pair);
        made = Made(Some(folder));
    }
    Ok((plan, made))
}

/// A certificate that nobody trusts: its own issuer, made on the spot.
fn untrusted() -> Result<(KeyPair, std::path::PathBuf), String> {
    let issued = self_signed(&CertificateSpec::client(&["untrusted.test"]))
        .map_err(|error| error.to_string())?;
    let folder = std::env::temp_dir().join(format!("tenantry-load-{}", std::process::id()));
    let written = private(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))
        .and_then(|()| {
            issued
                .write(&folder, "untrusted")
                .map_err(|error| error.to_string())
        })?;
    let pair = KeyPair {
        certificate: written.certificate,
        key: written.key,
    };
    Ok((pair, folder))
}

/// A new folder for its owner alone.
fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Shows a run while it lasts, and waits for its end.
fn watched(running: Running, mode: view::Mode) -> Result<Outcome, u8> {
    let live = running.live();
    let stopper = running.stopper();
    interrupts(&stopper);
    let watching = thread::Builder::new()
        .name("view".to_owned())
        .spawn(move || view::watch(live, mode));
    let outcome = running.finish().map_err(|error| refused(&error));
    if let Ok(watching) = watching {
        // A view that failed has said so; the result is there.
        let _ = watching.join();
    }
    view::restore();
    outcome
}

/// SIGINT and SIGTERM end a run: once gently, twice at once.
fn interrupts(stopper: &Stopper) {
    let stopper = stopper.clone();
    let waiting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            loop {
                // A signal that comes while the other is awaited is not lost.
                tokio::select! {
                    _ = interrupt.recv() => stopper.stop(),
                    _ = terminate.recv() => stopper.stop(),
                }
            }
        })
    };
    // Without it, signals end the process as they do any other.
    let _ = thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || -> io::Result<()> { waiting() });
}

fn write(outcome: &Outcome, output: &Output, quiet: bool) -> Result<(), u8> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        exit::complain(&format!("cannot write {}: {error}", path.display()));
        exit::INTERNAL
    };
    let mut text = !quiet;
    if let Some(path) = &output.json {
        let json = outcome.to_json().map_err(|error| failed(path, &error))?;
        if path.as_os_str() == "-" {
            text = false;
            printed(|out| out.write_all(json.as_bytes()))?;
        } else {
            fs::write(path, json).map_err(|error| failed(path, &error))?;
        }
    }
    if let Some(path) = &output.html {
        fs::write(path, report::html(outcome)).map_err(|error| failed(path, &error))?;
    }
    if text {
        printed(|out| report::text(outcome, out))?;
    }
    Ok(())
}

/// Whether everything is as it should be; what is not is said on standard error.
fn judged(outcome: &Outcome, checks: bool) -> u8 {
    let mut code = exit::OK;
    let mut complain = |what: String| {
        exit::complain(&what);
        code = exit::FAILED;
    };
    if let Some(found) = outcome
        .correctness
        .as_ref()
        .filter(|found| checks && !found.is_perfect())
    {
        complain(format!(
            "attribution is not right: {} wrong, {} missing, {} unknown of {} accepted messages",
            found.wrong, found.missing, found.unknown, found.expected
        ));
        for example in &found.examples {
            complain(format!("  {example}"));
        }
    }
    let somebody = outcome
        .tenants
        .iter()
        .any(|row| row.name.is_some() && row.sent > 0);
    if outcome.totals.accepted == 0 && somebody {
        complain("no message was accepted".to_owned());
    }
    if outcome
        .knee
        .as_ref()
        .is_some_and(|knee| knee.rate.is_none())
    {
        complain("no rate that was tried kept within the bounds".to_owned());
    }
    code
}

fn refused(error: &RunError) -> u8 {
    exit::complain(error);
    match error {
        RunError::Plan(_) | RunError::Resolve { .. } | RunError::Journal { .. } => {
            exit::CONFIGURATION
        }
        RunError::OpenFiles { .. } => exit::USAGE,
        RunError::Thread(_) | RunError::Panicked => exit::INTERNAL,
    }
}
