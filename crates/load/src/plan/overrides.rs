//! What flags say, as a document that goes over the plan's file.

use std::fmt::Write as _;

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

    /// All of it as a document, and the lines at which each flag begins.
    pub(super) fn document(&self) -> (String, Vec<(usize, String)>) {
        let mut entries = self.entries.clone();
        entries.sort_by(|a, b| a.section.cmp(&b.section));
        let mut out = String::new();
        let mut flags = Vec::new();
        let mut section = None;
        let mut line = 1;
        for entry in &entries {
            if section != Some(entry.section.as_str()) {
                section = Some(&entry.section);
                // Writing to a string cannot fail.
                let _ = writeln!(out, "[{}]", entry.section);
                line += 1;
            }
            flags.push((line, entry.flag.clone()));
            let _ = writeln!(out, "{}", entry.line);
            line += 1 + entry.line.matches('\n').count();
        }
        (out, flags)
    }
}
