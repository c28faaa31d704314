//! `tenantry explain`: evidence by hand, or lines of it, to verdicts.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

use tenantry_relay::config::Config;
use tenantry_relay::explain::{Answer, Batch, Given, GivenCertificate, Question};

use crate::cli::Explain;
use crate::exit;

/// Answers; the exit code says only whether there was a question.
pub(crate) fn explain(question: &Explain) -> ExitCode {
    let config = match Config::load(&question.config) {
        Ok(config) => config,
        Err(problems) => {
            exit::complain(&problems);
            return exit::CONFIGURATION.into();
        }
    };
    let outcome = match &question.batch {
        Some(file) => batch(&config, file),
        None => one(&config, question),
    };
    outcome.unwrap_or_else(|code| code).into()
}

fn one(config: &Config, question: &Explain) -> Result<u8, u8> {
    let certificate = match (&question.certificate, &question.certificate_problem) {
        (Some(file), _) => GivenCertificate::File(file),
        (None, Some(word)) => GivenCertificate::Problem(word),
        (None, None) if question.certificate_name.is_empty() => GivenCertificate::None,
        (None, None) => GivenCertificate::Names(&question.certificate_name),
    };
    let given = Given {
        listener: question.listener.as_deref(),
        certificate,
        peer: question.peer,
        mail_from: question.mail_from.as_deref().unwrap_or_default(),
        rcpt_to: &question.rcpt_to,
    };
    let asked = Question::new(config, &given).map_err(|error| {
        exit::complain(&error);
        exit::USAGE
    })?;
    let answer = Answer::new(config, &asked);
    let text = if question.json {
        answer.json()
    } else {
        answer.lines().join("\n") + "\n"
    };
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn batch(config: &Config, file: &Path) -> Result<u8, u8> {
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| {
            exit::complain(&format_args!("{}: {error}", file.display()));
            exit::USAGE
        })?)
    };
    written(
        Batch::new(config)
            .run(input, io::stdout().lock())
            .map(|_| ()),
    )
}

/// Who stops reading has seen enough; every other failure is one.
fn written(outcome: io::Result<()>) -> Result<u8, u8> {
    match outcome {
        Ok(()) => Ok(exit::OK),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(error) => {
            exit::complain(&error);
            Err(exit::INTERNAL)
        }
    }
}
