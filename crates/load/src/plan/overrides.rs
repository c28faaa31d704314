//! What flags say, as a document that goes over the plan's file.

use std::fmt::Write as _;
use std::path::Path;

use tenantry_settings::{Place, Problem};

use super::sections::FLAGS;

/// What flags say over the plan's file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    entries: Vec<Override>,
}

#[derive(Debug, Clone)]
struct Override {
    flag: String,
    section: String,
    line: String,
}

impl Overrides {
    /// Sets a key of a section to a TOML value; `flag` is what problems with it name.
    pub fn set(&mut self, flag: &str, section: &str, key: &str, value: &toml::Value) {
        self.entries.push(Override {
            flag: flag.to_owned(),
            section: section.to_owned(),
            line: format!("{key} = {value}"),
        });
    }

    /// All of it as a document.
    pub(super) fn document(&self) -> Flags {
        let mut entries = self.entries.clone();
        entries.sort_by(|a, b| a.section.cmp(&b.section));
        let mut flags = Flags::default();
        let mut section = None;
        let mut line = 1;
        for entry in &entries {
            if section != Some(entry.section.as_str()) {
                section = Some(&entry.section);
                // Writing to a string cannot fail.
                let _ = writeln!(flags.text, "[{}]", entry.section);
                line += 1;
            }
            flags.lines.push((line, entry.flag.clone()));
            let _ = writeln!(flags.text, "{}", entry.line);
            line += 1 + u32::try_from(entry.line.matches('\n').count()).unwrap_or(u32::MAX);
        }
        flags
    }
}

/// Flags as a document.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) text: String,
    /// The lines at which each begins.
    lines: Vec<(u32, String)>,
}

impl Flags {
    /// A problem with the name of the flag that it is about in place of a line here.
    pub(super) fn named(&self, mut problem: Problem) -> Problem {
        let place = &mut problem.place;
        if place.file.as_deref() == Some(Path::new(FLAGS)) {
            let found = self.lines.iter().rfind(|(from, _)| *from <= place.line);
            let flag = found.map_or("flags", |(_, flag)| flag.as_str());
            *place = Place {
                path: std::mem::take(&mut place.path),
                ..Place::whole(Path::new(flag))
            };
        }
        problem
    }
}
