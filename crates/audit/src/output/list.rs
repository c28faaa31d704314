//! The table of rules: for terminals, for programs, and for the documentation.

use std::io::{self, Write};

use serde::Serialize;

use crate::rule::Rule;

/// The name of the form of the rules as JSON.
pub const LIST_FORMAT: &str = "tenantry-lint-rules/1";

/// Writes the rules as a table for terminals: id, severity, what is wrong.
///
/// # Errors
/// When the output cannot be written.
pub fn list_text(out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    for rule in rules {
        writeln!(
            out,
            "{:<8}  {:<7}  {}",
            rule.id,
            rule.severity.as_str(),
            rule.title
        )?;
    }
    Ok(())
}

/// Writes everything that is said of the rules, for terminals.
///
/// # Errors
/// When the output cannot be written.
pub fn list_details(out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    for rule in rules {
        list_text(out, &[rule])?;
        writeln!(out, "  why     {}", rule.why)?;
        writeln!(out, "  remedy  {}", rule.remedy)?;
        writeln!(out, "  source  {}", rule.source)?;
    }
    Ok(())
}

/// Writes the rules as one JSON object, with everything that is said of them.
///
/// # Errors
/// When the output cannot be written.
pub fn list_json(mut out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    let rules = rules.iter().map(|rule| RuleJson {
        id: rule.id,
        severity: rule.severity.as_str(),
        title: rule.title,
        why: rule.why,
        remedy: rule.remedy,
        source: rule.source,
    });
    let document = ListJson {
        format: LIST_FORMAT,
        rules: rules.collect(),
    };
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)
}

/// Writes the rules as a table of Markdown.
///
/// # Errors
/// When the output cannot be written.
pub fn list_markdown(out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    writeln!(
        out,
        "| rule | severity | what is wrong | why it matters | what to do | source |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for rule in rules {
        let cells = [
            rule.id,
            rule.severity.as_str(),
            rule.title,
            rule.why,
            rule.remedy,
            rule.source,
        ];
        let cells = cells.map(cell);
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// A text as a cell: what Markdown would take for markup is escaped outside of code.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut code = false;
    for character in text.chars() {
        match character {
            '`' => code = !code,
            '|' => out.push('\\'),
            '*' | '_' | '<' | '>' if !code => out.push('\\'),
            _ => {}
        }
        out.push(character);
    }
    out
}

#[derive(Serialize)]
struct ListJson {
    format: &'static str,
    rules: Vec<RuleJson>,
}

#[derive(Serialize)]
struct RuleJson {
    id: &'static str,
    severity: &'static str,
    title: &'static str,
    why: &'static str,
    remedy: &'static str,
    source: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_outside_of_code() {
        assert_eq!(cell("a|b *.d `*.d` <x>"), "a\\|b \\*.d `*.d` \\<x\\>");
    }
}
