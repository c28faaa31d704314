//! An answer to one question, in words or as the JSON of a batch.

use tenantry_attribution::{Attribution, Verdict, attribute, explain};

use super::json::Writer;
use super::question::Question;
use crate::config::Config;

/// The decision about one question.
#[derive(Debug)]
pub struct Answer<'a> {
    config: &'a Config,
    question: &'a Question,
    attribution: Attribution,
}

impl<'a> Answer<'a> {
    /// Decides.
    #[must_use]
    pub fn new(config: &'a Config, question: &'a Question) -> Self {
        let attribution = attribute(&config.directory, &question.evidence);
        Self {
            config,
            question,
            attribution,
        }
    }

    /// What was decided.
    #[must_use]
    pub fn attribution(&self) -> &Attribution {
        &self.attribution
    }

    /// Every step in words, the verdict, and where the mail would go.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let Config { directory, .. } = self.config;
        let mut lines = explain(directory, &self.question.evidence, &self.attribution);
        if let Verdict::Tenant { id, .. } = self.attribution.verdict
            && let Some(tenant) = self.config.tenant(id)
        {
            lines.push(format!("upstream: {}", tenant.first_upstream()));
            lines.push(format!("identity: {}", tenant.identity.fingerprint()));
        }
        lines
    }

    /// The answer as one JSON line, as in a batch, with `id` null.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Vec::new();
        let recipients = self.question.recipients.iter().map(String::as_str);
        Writer::new(self.config).answer(&mut out, "null", &self.attribution, recipients);
        String::from_utf8_lossy(&out).into_owned()
    }
}
