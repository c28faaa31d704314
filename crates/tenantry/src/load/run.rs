//! `tenantry load run` and `tenantry load merge`: plans into results.

mod output;

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use tenantry_lab::pki::{CertificateSpec, self_signed};
use tenantry_load::plan::{KeyPair, Plan};
use tenantry_load::result::Outcome;
use tenantry_load::run::{Goal, Run as Prepared, RunError, Running};

use self::output::Outputs;
use super::arguments::{Merge, Run};
use super::report::plan::brief;
use super::{signals, view};
use crate::exit;

/// Runs a plan and shows what came of it.
pub(super) fn run(wanted: &Run) -> Result<u8, u8> {
    let (plan, _made) = plan(wanted)?;
    let checks = plan.check.is_some();
    let goal = match wanted.find_knee {
        true => Goal::FindKnee,
        false => Goal::Measure,
    };
    let brief = brief(&plan, wanted.find_knee);
    let outputs = Outputs::open(&wanted.output)?;
    let running = Prepared::prepare(plan)
        .and_then(|prepared| prepared.start(goal))
        .map_err(|error| refused(&error))?;
    // What goes to standard output instead of text is not to be mixed with a view.
    let silent = wanted.quiet || outputs.are_piped();
    let outcome = watched(running, view::Mode::of(silent), brief)?;
    outputs.write(&outcome, wanted.quiet)?;
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
    Outputs::open(&wanted.output)?.write(&merged, false)?;
    let code = judged(&merged, merged.correctness.is_some());
    let missing = merged.missing_shards.len();
    if missing == 0 {
        return Ok(code);
    }
    exit::complain(&format_args!(
        "{missing} of the plan's shards are missing: the sum is not the whole load"
    ));
    Ok(exit::FAILED)
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
        None => Plan::read(Path::new("(no plan)"), "", &overrides),
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
fn watched(running: Running, mode: view::Mode, plan: Vec<String>) -> Result<Outcome, u8> {
    let live = running.live();
    signals::end(&running.stopper());
    let watching = thread::Builder::new()
        .name("view".to_owned())
        .spawn(move || view::watch(live, mode, &plan));
    let outcome = running.finish().map_err(|error| refused(&error));
    if let Ok(watching) = watching {
        // A view that failed has said so; the result is there.
        let _ = watching.join();
    }
    view::restore();
    outcome
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
        if found.wrong > 0 || found.missing > 0 || found.unknown > 0 {
            complain(format!(
                "attribution is not right: {} wrong, {} missing, {} unknown of {} accepted messages",
                found.wrong, found.missing, found.unknown, found.expected
            ));
        }
        if found.unchecked > 0 {
            complain(format!(
                "attribution is not known of {} accepted messages, whose part had no journal",
                found.unchecked
            ));
        }
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
