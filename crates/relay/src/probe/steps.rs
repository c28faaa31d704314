//! From what happened to a report: each step with its outcome, what was found, and who should do what.

use std::time::{Duration, SystemTime};

use tenantry_smtp::{Reply, Severity};

use super::certificates;
use super::envelope::Envelope;
use super::failure::Failure;
use super::offer::offered;
use super::replies::explain;
use super::report::{Address, Facts, Fault, Outcome, Step, StepName};
use super::trace::{Timed, Trace};
use crate::config::{Tenant, UpstreamTlsMode};
use crate::route::Target;
use crate::upstream::error::UpstreamError;

/// Everything that is known about one upstream after its probe.
#[derive(Debug)]
pub(super) struct Probed<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) target: &'a Target,
    pub(super) hostname: &'a str,
    pub(super) envelope: Option<&'a Envelope>,
    pub(super) trace: &'a Trace,
    pub(super) failure: Option<&'a UpstreamError>,
    pub(super) now: SystemTime,
}

impl Probed<'_> {
    /// The steps in the order in which they happen.
    pub(super) fn steps(&self) -> Vec<Step> {
        let failure = self.failure.map(|error| Failure::of(error, self.trace));
        let failure = failure.as_ref();
        let mut steps = vec![self.dns(failure), self.tcp(failure)];
        match self.target.tls_mode {
            UpstreamTlsMode::Starttls => {
                steps.extend([
                    self.greeting(failure),
                    self.ehlo(failure),
                    self.starttls(failure),
                ]);
                steps.extend(self.tls(failure));
                steps.push(self.ehlo_tls(failure));
            }
            UpstreamTlsMode::Implicit => {
                steps.extend(self.tls(failure));
                steps.extend([self.greeting(failure), self.ehlo_tls(failure)]);
            }
            UpstreamTlsMode::Off => {
                steps.extend([self.greeting(failure), self.ehlo(failure), in_clear_text()]);
            }
        }
        steps.extend(self.transaction(failure));
        // Whatever happens, a failure is never lost.
        if let Some(failure) = failure
            && !steps.iter().any(|step| step.outcome == Outcome::Failed)
        {
            let lost = Step::new(failure.step);
            steps.push(lost.failed(failure.summary.clone(), failure.fault, failure.remedy));
        }
        steps
    }

    fn dns(&self, failure: Option<&Failure>) -> Step {
        let step = Step::new(StepName::Dns);
        let Some(found) = &self.trace.addresses else {
            return step.not_done(failure);
        };
        let tried = |address: &str| self.trace.attempts.iter().any(|at| at.address == address);
        let addresses: Vec<Address> = found
            .value
            .iter()
            .map(|address| Address {
                address: address.ip().to_string(),
                tried: tried(&address.to_string()),
            })
            .collect();
        let list: Vec<&str> = addresses
            .iter()
            .map(|found| found.address.as_str())
            .collect();
        let step = match failure.filter(|failure| failure.step == StepName::Dns) {
            Some(failure) => step.failed(failure.summary.clone(), failure.fault, failure.remedy),
            None => step.ok(format!(
                "{} is {}",
                self.target.address.host,
                list.join(", ")
            )),
        };
        step.took(found.took).with(Facts::Addresses { addresses })
    }

    fn tcp(&self, failure: Option<&Failure>) -> Step {
        let step = Step::new(StepName::Tcp);
        let attempts = self.trace.attempts.clone();
        let Some(last) = attempts.last() else {
            return step.not_done(failure);
        };
        let refused: Vec<String> = attempts
            .iter()
            .filter_map(|at| Some(format!("{}: {}", at.address, at.error.as_ref()?)))
            .collect();
        let step = match failure.filter(|failure| failure.step == StepName::Tcp) {
            Some(failure) => {
                let summary = format!("no address takes the connection: {}", refused.join("; "));
                step.failed(summary, failure.fault, failure.remedy)
            }
            None if refused.is_empty() => step.ok(format!("connected to {}", last.address)),
            None => step.warning(
                format!(
                    "connected to {}, after {}",
                    last.address,
                    refused.join("; ")
                ),
                Fault::Network,
                "every message that opens a connection waits for these addresses first",
            ),
        };
        step.took(self.trace.connecting)
            .with(Facts::Attempts { attempts })
    }

    fn greeting(&self, failure: Option<&Failure>) -> Step {
        let step = Step::new(StepName::Greeting);
        let Some(greeting) = &self.trace.greeting else {
            return step.not_done(failure);
        };
        let text = greeting.value.text();
        let theirs = text.split(' ').next().unwrap_or_default();
        let ours = theirs.eq_ignore_ascii_case(self.hostname);
        let step = match failure.filter(|failure| failure.step == StepName::Greeting) {
            Some(failure) => step.failed(failure.summary.clone(), failure.fault, failure.remedy),
            None if ours => step.warning(
                format!("{}: the upstream has our own name", greeting.value),
                Fault::Local,
                "check that upstream is not this relay itself; if it is another host, give this one a hostname of its own",
            ),
            None => step.ok(greeting.value.to_string()),
        };
        step.took(greeting.took).with(Facts::reply(&greeting.value))
    }

    fn ehlo(&self, failure: Option<&Failure>) -> Step {
        self.offer(StepName::Ehlo, self.trace.ehlo.as_ref(), failure)
    }

    fn ehlo_tls(&self, failure: Option<&Failure>) -> Step {
        self.offer(StepName::EhloTls, self.trace.ehlo_tls.as_ref(), failure)
    }

    fn offer(
        &self,
        name: StepName,
        reply: Option<&Timed<Reply>>,
        failure: Option<&Failure>,
    ) -> Step {
        let step = Step::new(name);
        let Some(Timed { value: reply, took }) = reply else {
            return step.not_done(failure);
        };
        let clear = self
            .trace
            .ehlo
            .as_ref()
            .filter(|_| name == StepName::EhloTls);
        let offered = offered(reply, clear.map(|clear| &clear.value));
        let step = match failure.filter(|failure| failure.step == name) {
            Some(failure) => step.failed(failure.summary.clone(), failure.fault, failure.remedy),
            None if offered.extensions.is_empty() => step.ok("offers nothing"),
            None => step.ok(format!("offers {}", offered.extensions.join(", "))),
        };
        step.took(*took).with(Facts::Offer(Box::new(offered)))
    }

    fn starttls(&self, failure: Option<&Failure>) -> Step {
        let step = Step::new(StepName::Starttls);
        let Some(reply) = &self.trace.starttls else {
            return step.not_done(failure);
        };
        let step = match failure.filter(|failure| failure.step == StepName::Starttls) {
            Some(failure) => step.failed(failure.summary.clone(), failure.fault, failure.remedy),
            None => step.ok(reply.value.to_string()),
        };
        step.took(reply.took).with(Facts::reply(&reply.value))
    }

    fn tls(&self, failure: Option<&Failure>) -> [Step; 3] {
        let seen = self.trace.handshake().unwrap_or_default();
        [
            certificates::server(&seen, failure, self.now),
            certificates::client(&seen, self.tenant, self.trace.presented(), failure),
            self.handshake(failure),
        ]
    }

    fn handshake(&self, failure: Option<&Failure>) -> Step {
        let step = Step::new(StepName::Handshake);
        let Some(agreed) = self.trace.handshake().and_then(|seen| seen.agreed) else {
            return step.not_done(failure);
        };
        let (version, cipher, group) = (agreed.version, agreed.cipher, agreed.group);
        let step = step.ok(format!("{version} with {cipher} and {group}"));
        let step = match &self.trace.secured {
            Some(secured) => step.took(secured.took),
            None => step,
        };
        step.with(Facts::Handshake {
            version,
            cipher,
            group,
        })
    }

    /// MAIL, RCPT and RSET; nothing of it when there is no envelope to try.
    fn transaction(&self, failure: Option<&Failure>) -> Vec<Step> {
        let Some(envelope) = self.envelope else {
            return Vec::new();
        };
        let trace = self.trace;
        let mail = (StepName::Mail, envelope.sender(), trace.mail.as_ref());
        let replies = trace
            .recipients
            .iter()
            .map(Some)
            .chain(std::iter::repeat(None));
        let recipients = envelope.recipients().zip(replies);
        let recipients = recipients.map(|(address, reply)| (StepName::Rcpt, address, reply));
        // The failure belongs to the first recipient without an answer, not to each of them.
        let mut failure = failure;
        let mut steps: Vec<Step> = std::iter::once(mail)
            .chain(recipients)
            .map(|(name, address, reply)| {
                let step = envelope_step(name, address, reply, failure);
                if reply.is_none_or(|reply| reply.value.code() == GOING_AWAY)
                    && step.outcome == Outcome::Failed
                {
                    failure = None;
                }
                step
            })
            .collect();
        steps.push(rset(trace, failure));
        steps
    }
}

impl Step {
    pub(super) fn new(step: StepName) -> Self {
        Self {
            step,
            outcome: Outcome::Skipped,
            summary: String::from("not reached"),
            fault: None,
            remedy: None,
            elapsed: None,
            facts: None,
        }
    }

    pub(super) fn ok(self, summary: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Ok,
            summary: summary.into(),
            ..self
        }
    }

    pub(super) fn skipped(self, why: &str) -> Self {
        Self {
            summary: why.to_owned(),
            ..self
        }
    }

    pub(super) fn warning(self, summary: impl Into<String>, fault: Fault, remedy: &str) -> Self {
        Self {
            outcome: Outcome::Warning,
            fault: Some(fault),
            remedy: Some(remedy.to_owned()),
            ..self.ok(summary)
        }
    }

    pub(super) fn failed(self, summary: impl Into<String>, fault: Fault, remedy: &str) -> Self {
        Self {
            outcome: Outcome::Failed,
            ..self.warning(summary, fault, remedy)
        }
    }

    pub(super) fn with(self, facts: Facts) -> Self {
        Self {
            facts: Some(facts),
            ..self
        }
    }

    pub(super) fn took(self, time: Duration) -> Self {
        Self {
            elapsed: Some(time),
            ..self
        }
    }

    /// Nothing was seen of this step: it failed, or an earlier one did.
    fn not_done(self, failure: Option<&Failure>) -> Self {
        match failure {
            Some(failure) if failure.step == self.step => {
                self.failed(failure.summary.clone(), failure.fault, failure.remedy)
            }
            Some(_) | None => self,
        }
    }
}

fn in_clear_text() -> Step {
    Step::new(StepName::Handshake).warning(
        "no TLS, as configured (upstream_tls): mail goes in clear text, and no certificate is presented",
        Fault::Local,
        "set upstream_tls to \"starttls\" as soon as the upstream can",
    )
}

fn envelope_step(
    name: StepName,
    address: &str,
    reply: Option<&Timed<Reply>>,
    failure: Option<&Failure>,
) -> Step {
    let step = Step::new(name);
    let Some(Timed { value: reply, took }) = reply else {
        return step.not_done(failure).with(Facts::envelope(address, None));
    };
    let words = format!("<{address}>: {reply}");
    let step = match (reply.severity(), explain(reply)) {
        (Severity::Positive, _) => step.ok(words),
        (Severity::Intermediate, _) => step.failed(words, Fault::Upstream, NOT_AN_ANSWER),
        (Severity::Transient | Severity::Permanent, Some(row)) => {
            step.failed(format!("{words}: {}", row.meaning), row.fault, row.remedy)
        }
        (Severity::Transient | Severity::Permanent, None) => {
            step.failed(words, Fault::Upstream, REFUSED)
        }
    };
    step.took(*took).with(Facts::envelope(address, Some(reply)))
}

fn rset(trace: &Trace, failure: Option<&Failure>) -> Step {
    let step = Step::new(StepName::Rset);
    let Some(reply) = &trace.reset else {
        return step.not_done(failure);
    };
    let step = match reply.value.severity() {
        Severity::Positive => step.ok(format!("{}: nothing was sent", reply.value)),
        Severity::Intermediate | Severity::Transient | Severity::Permanent => step.failed(
            reply.value.to_string(),
            Fault::Upstream,
            "nothing was sent all the same: the connection was closed",
        ),
    };
    step.took(reply.took).with(Facts::reply(&reply.value))
}

/// "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
const GOING_AWAY: u16 = 421;
const NOT_AN_ANSWER: &str = "the server does not answer as SMTP does";
const REFUSED: &str = "the reply has the server's reason";
