//! `tenantry lab explain`: evidence by hand, or lines of it, to attributions.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tenantry_lab::attribution::Forest;
use tenantry_lab::events::Substitutions;
use tenantry_lab::explain::{Batch, CertificateProblem, Question, describe};
use tenantry_lab::file;
use tenantry_net::{
    ClientCertificate, ClientCertificatePolicy, CommonName, DEFAULT_MAX_NAMES, PresentedChain,
    Trust, TrustError, UntrustedReason,
};

use super::arguments::Explain;
use super::{changes, input, load, printed, unreadable};
use crate::exit;

/// Answers; the exit code says only whether there was a question.
pub(super) fn explain(wanted: &Explain) -> Result<u8, u8> {
    let mut lab = load(&wanted.world)?;
    let mut rotated = Substitutions::default();
    for change in changes(&wanted.event, None)? {
        let applied = change.apply(&mut lab.world, &mut rotated);
        applied.map_err(|error| {
            exit::complain(&format_args!("event \"{change}\": {error}"));
            exit::USAGE
        })?;
    }
    let question = match &wanted.batch {
        Some(_) => None,
        None => Some(question(wanted, &lab)?),
    };
    let forest = Forest::new(lab.world);
    let batch = Batch::new(&forest).with_rotated(rotated.clone());
    match (&wanted.batch, question) {
        (Some(file), _) => {
            let questions = input(file)?;
            printed(|out| batch.run(questions, out).map(|_summary| ()))
        }
        (None, Some(line)) if wanted.json => {
            printed(|out| batch.run(line.as_slice(), out).map(|_summary| ()))
        }
        (None, line) => {
            let asked = Question::from_json(&line.unwrap_or_default());
            let asked = asked.map_err(|(_id, error)| {
                exit::complain(&error);
                exit::USAGE
            })?;
            printed(|out| answer(out, &forest, &asked, &rotated))
        }
    }
}

fn answer(
    out: &mut dyn Write,
    forest: &Forest,
    question: &Question,
    rotated: &Substitutions,
) -> std::io::Result<()> {
    let mut transaction = question.begin(forest, rotated);
    for rcpt in &question.rcpt_to {
        let attribution = transaction.recipient(forest, rcpt);
        for line in describe(forest, &attribution) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The question as a line of the batch form, so that both mean the same.
fn question(wanted: &Explain, lab: &file::Lab) -> Result<Vec<u8>, u8> {
    let (names, problem) = certificate(wanted, lab)?;
    let mail_from = match wanted.mail_from.as_deref() {
        Some("<>") | None => "",
        Some(address) => address,
    };
    let line = json!({
        "certificate_names": names,
        "certificate_problem": problem,
        "ip": wanted.ip,
        "region": wanted.region,
        "tls": !wanted.no_tls,
        "mail_from": mail_from,
        "rcpt_to": wanted.rcpt_to,
    });
    let line = line.to_string().into_bytes();
    match Question::from_json(&line) {
        Ok(_question) => Ok(line),
        Err((_id, error)) => {
            exit::complain(&error);
            Err(exit::USAGE)
        }
    }
}

/// The certificate's names, and why they do not count.
fn certificate(wanted: &Explain, lab: &file::Lab) -> Result<(Value, Value), u8> {
    let names = |names: &[String]| match names {
        [] => Value::Null,
        names => json!(names),
    };
    let Some(path) = &wanted.certificate else {
        let problem = json!(wanted.certificate_problem);
        return Ok((names(&wanted.certificate_name), problem));
    };
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let Some(chain) = PresentedChain::from_pem(&text) else {
        exit::complain(&format_args!("{}: no certificate in it", path.display()));
        return Err(exit::USAGE);
    };
    let trust = trust(wanted, lab).map_err(|error| {
        exit::complain(&error);
        exit::USAGE
    })?;
    let policy = ClientCertificatePolicy {
        common_name: CommonName::Always,
        ..ClientCertificatePolicy::new(trust)
    };
    match policy.evaluate(&chain) {
        ClientCertificate::Verified(verified) => Ok((names(verified.names()), Value::Null)),
        ClientCertificate::Untrusted(untrusted) => {
            let why = untrusted.reason.description();
            let hint = hint(untrusted.reason, &text);
            exit::complain(&format_args!(
                "{}: does not count: {why}{hint}",
                path.display()
            ));
            let problem = CertificateProblem::of(untrusted.reason, chain.length());
            let claimed = chain.claimed_names(DEFAULT_MAX_NAMES);
            Ok((names(&claimed), json!(problem.as_str())))
        }
        ClientCertificate::NotOffered | ClientCertificate::NotPresented => {
            Ok((Value::Null, Value::Null))
        }
    }
}

/// A chain without its intermediate looks like one of an authority that nobody knows.
fn hint(reason: UntrustedReason, pem: &[u8]) -> &'static str {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let certificates = pem.windows(BEGIN.len()).filter(|text| *text == BEGIN);
    if reason == UntrustedReason::UnknownIssuer && certificates.count() == 1 {
        "; the file holds the leaf alone: append the intermediate that issued it, if one did"
    } else {
        ""
    }
}

/// The authorities given, or those of the world.
fn trust(wanted: &Explain, lab: &file::Lab) -> Result<Arc<Trust>, TrustError> {
    let of_world = lab.server.iter().flat_map(|server| &server.trust);
    let files: Vec<&Path> = match wanted.trust.as_slice() {
        [] => of_world.map(AsRef::as_ref).collect(),
        given => given.iter().map(AsRef::as_ref).collect(),
    };
    let mut builder = Trust::builder();
    for file in files {
        builder.add_pem_file(file)?;
    }
    builder.build()
}
