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
    key: String,
    line: String,
}

impl Overrides {
    /// Sets a key of a section to a TOML value; `flag` is what problems with it name.
    pub fn set(&mut self, flag: &str, section: &str, key: &str, value: &toml::Value) {
        self.entries.push(Override {
            flag: flag.to_owned(),
            section: section.to_owned(),
            key: key.to_owned(),
            line: format!("{key} = {value}"),
        });
    }

    /// All of it as a document. Of flags that give one key different values the first is in it, and
    /// a problem.
    pub(super) fn document(&self) -> Flags {
        let mut flags = Flags::default();
        let mut entries: Vec<Override> = Vec::new();
        for entry in &self.entries {
            let mut others = entries.iter();
            match others.find(|other| other.is_of_the_same_key(entry)) {
                None => entries.push(entry.clone()),
                Some(other) if other.line == entry.line => {}
                Some(other) => flags.problems.push(entry.against(other)),
            }
        }
        entries.sort_by(|a, b| a.section.cmp(&b.section));
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

impl Override {
    fn is_of_the_same_key(&self, other: &Self) -> bool {
        (&self.section, &self.key) == (&other.section, &other.key)
    }

    fn against(&self, other: &Self) -> Problem {
        let place = Place {
            path: format!("{}.{}", self.section, self.key),
            ..Place::whole(Path::new(&self.flag))
        };
        let what = match self.flag == other.flag {
            true => "is given twice".to_owned(),
            false => format!("is given by {} already", other.flag),
        };
        Problem::error(place, what, "write it once")
    }
}

/// Flags as a document.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) text: String,
    /// What is wrong with the flags themselves.
    pub(super) problems: Vec<Problem>,
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
