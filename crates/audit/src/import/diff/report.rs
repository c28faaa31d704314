//! A comparison for people, and for programs (docs/import.md).

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use tenantry_lab::world::Place;

use super::{Comparison, Difference, Kind};
use crate::powershell::comment;

impl Comparison {
    /// Writes what differs, grouped by tenant.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut tenant = None;
        for difference in &self.differences {
            if tenant != Some(&difference.tenant) {
                if tenant.is_some() {
                    writeln!(out)?;
                }
                writeln!(out, "{}", comment(&difference.tenant))?;
                tenant = Some(&difference.tenant);
            }
            writeln!(out, "  {}", comment(&difference.to_string()))?;
            for (side, place) in [
                ("configured", &difference.configured),
                ("exported", &difference.exported),
            ] {
                if let Some(place) = place {
                    writeln!(out, "    {side:<10}  {}", comment(&place.to_string()))?;
                }
            }
        }
        if tenant.is_some() {
            writeln!(out)?;
        }
        for note in &self.notes {
            writeln!(out, "{}", comment(note))?;
        }
        let (differences, compared) = (self.differences.len(), self.compared);
        writeln!(
            out,
            "{differences} difference{}, {compared} tenant{} compared",
            if differences == 1 { "" } else { "s" },
            if compared == 1 { "" } else { "s" }
        )
    }

    /// Writes one JSON document.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn json(&self, config: &str, out: &mut dyn Write) -> io::Result<()> {
        let document = Document {
            version: 1,
            config,
            differs: !self.differences.is_empty(),
            compared: self.compared,
            differences: &self.differences,
            notes: &self.notes,
        };
        serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
        writeln!(out)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    config: &'a str,
    differs: bool,
    compared: usize,
    differences: &'a [Difference],
    notes: &'a [String],
}

/// As an object with what is known; null for nothing.
pub(super) fn place<S: Serializer>(place: &Option<Place>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Written {
        file: Option<String>,
        line: u32,
        column: u32,
        path: String,
    }
    let written = place.as_ref().map(|place| Written {
        file: place.file.as_ref().map(|file| file.display().to_string()),
        line: place.line,
        column: place.column,
        path: place.path.clone(),
    });
    written.serialize(to)
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        let (from, to) = (
            self.from.as_deref().unwrap_or("nothing"),
            self.to.as_deref().unwrap_or("nothing"),
        );
        match self.kind {
            Kind::TenantNew => write!(out, "tenant {subject:?} is new: {to}")?,
            Kind::DomainMoved => write!(out, "domain {subject} has moved from {from:?} to {to:?}")?,
            Kind::DomainContested => {
                write!(
                    out,
                    "domain {subject} is both {from:?}'s and {to:?}'s in the exports"
                )?;
            }
            Kind::DomainNew => write!(out, "domain {subject} is new")?,
            Kind::DomainGone => write!(out, "domain {subject} is gone")?,
            Kind::DomainWidened | Kind::DomainNarrowed => {
                write!(out, "domain {from} is {to} now")?;
            }
            Kind::CertificateNameMoved => {
                write!(
                    out,
                    "certificate name {subject} has moved from {from:?} to {to:?}"
                )?;
            }
            Kind::CertificateNameContested => write!(
                out,
                "certificate name {subject} is both {from:?}'s and {to:?}'s in the exports"
            )?,
            Kind::CertificateNameNew => write!(out, "certificate name {subject} is new")?,
            Kind::CertificateNameGone => write!(out, "certificate name {subject} is gone")?,
            Kind::CertificateNameWidened | Kind::CertificateNameNarrowed => {
                write!(out, "certificate name {from} is {to} now")?;
            }
            Kind::Identity => write!(
                out,
                "the relay presents {subject} ({from}), and the tenant's connectors know {to}"
            )?,
            Kind::Upstream => write!(out, "upstream is {from}, and should be {to}")?,
        }
        if !self.keys.is_empty() {
            write!(out, " ({})", self.keys.join(", "))?;
        }
        match &self.why {
            Some(why) => write!(out, ": {why}"),
            None => Ok(()),
        }
    }
}
