//! Evidence from the lines of a batch, for [`super::Batch`] and for whoever decides in another way.

use tenantry_attribution::{
    CertificateEvidence, Directory, Evidence, NoCertificate, SessionEvidence, UntrustedCertificate,
};
use thiserror::Error;

use super::line::Line;
use super::question::{self, QuestionError};
use crate::config::{Config, Listener};
use crate::evidence;

/// Reads evidence under one directory.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceLines<'a> {
    directory: &'a Directory,
    listeners: &'a [Listener],
}

/// Why a line is no evidence.
#[derive(Debug, Error)]
pub enum LineError {
    /// No JSON, or not of the documented form.
    #[error("not a question: {0}")]
    Json(serde_json::Error),
    /// Another kind of JSON.
    #[error("not a JSON object")]
    Object,
    /// An id that cannot be given back.
    #[error("id is neither text, number, true, false nor null")]
    Id,
    /// More than any question needs.
    #[error("longer than {LONGEST_LINE} octets")]
    TooLong,
    /// Something of it is no evidence.
    #[error(transparent)]
    Question(#[from] QuestionError),
}

/// Enough for a certificate with the most names and a transaction with the most recipients.
pub(super) const LONGEST_LINE: usize = 16 << 20;

impl<'a> EvidenceLines<'a> {
    /// Under a configuration, with its listeners.
    #[must_use]
    pub fn of(config: &'a Config) -> Self {
        Self {
            directory: &config.directory,
            listeners: &config.listeners,
        }
    }

    /// Under a directory alone: as if its one listener asked for certificates, and refused those
    /// that do not verify.
    #[must_use]
    pub const fn under(directory: &'a Directory) -> Self {
        Self {
            directory,
            listeners: &[],
        }
    }

    /// The evidence in one line, without its end.
    ///
    /// # Errors
    /// When the line is none of a batch.
    pub fn evidence(&self, text: &[u8]) -> Result<Evidence, LineError> {
        if text.len() > LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        Ok(self.evidence_of(&parse(text)?)?)
    }

    pub(super) fn evidence_of(&self, line: &Line<'_>) -> Result<Evidence, QuestionError> {
        let name = line.listener.as_ref().map(|text| &*text.0);
        let listener = match (self.listeners, name) {
            ([], None) => None,
            (listeners, name) => Some(question::listener(listeners, name)?),
        };
        let certificate = match (&line.certificate_problem, &line.certificate_names) {
            (Some(problem), _) => question::untrusted(&problem.0)?,
            (None, Some(names)) => evidence::names(names),
            (None, None) => listener.map_or(
                CertificateEvidence::Absent(NoCertificate::NotPresented),
                question::without_certificate,
            ),
        };
        let peer = match &line.peer {
            Some(peer) => question::peer(&peer.0)?,
            None => question::NOWHERE,
        };
        let sender = question::sender(&line.mail_from.0)?;
        if line.rcpt_to.is_empty() {
            return Err(QuestionError::NoRecipient);
        }
        let mut recipients = Vec::with_capacity(line.rcpt_to.len());
        for address in &line.rcpt_to {
            recipients.push(question::recipient(&address.0)?);
        }
        let policy = listener.map_or(UntrustedCertificate::Refuse, |listener| {
            listener.untrusted_certificate
        });
        let session = SessionEvidence::new(self.directory, certificate, peer, policy);
        Ok(Evidence {
            session,
            sender,
            recipients,
        })
    }
}

/// A line's fields.
pub(super) fn parse(text: &[u8]) -> Result<Line<'_>, LineError> {
    // serde would take an array for the fields in their order, and name its own types for the rest.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(LineError::Object);
    }
    serde_json::from_slice(text).map_err(LineError::Json)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use tenantry_attribution::{OnConflict, Pattern, TenantRules, Verdict, attribute};

    use super::*;

    fn directory() -> Directory {
        let mut builder = Directory::builder();
        builder.add_tenant(TenantRules {
            name: Arc::from("contoso"),
            certificate_domains: vec![Pattern::parse("mail.contoso.com").unwrap()],
            sender_domains: vec![],
            recipient_domains: vec![],
            on_conflict: OnConflict::Follow,
        });
        builder.build().unwrap()
    }

    #[test]
    fn a_directory_alone_is_enough_to_decide_a_line() {
        let directory = directory();
        let lines = EvidenceLines::under(&directory);
        let line = br#"{"certificate_names":["mail.contoso.com"],"mail_from":"","rcpt_to":["a@b.example"]}"#;
        let decided = attribute(&directory, &lines.evidence(line).unwrap());
        assert!(matches!(decided.verdict, Verdict::Tenant { .. }));
        let line = br#"{"mail_from":"","rcpt_to":["a@b.example"]}"#;
        let decided = attribute(&directory, &lines.evidence(line).unwrap());
        assert_eq!(decided.verdict, Verdict::Unattributed);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let directory = directory();
        let lines = EvidenceLines::under(&directory);
        for (line, expected) in [
            ("[]", "not a JSON object"),
            ("{", "not a question: EOF"),
            (
                r#"{"mail_from":"","rcpt_to":[]}"#,
                "rcpt_to names no recipient",
            ),
            (
                r#"{"mail_from":"","rcpt_to":["a@b.example"],"listener":"in"}"#,
                "no listener is called \"in\"",
            ),
        ] {
            let error = lines.evidence(line.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
