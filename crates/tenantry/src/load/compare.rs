//! `tenantry load compare`: results side by side, and whether they may be compared at all.

mod figures;
mod plans;
mod summary;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tenantry_load::result::{Correctness, Outcome};

use self::figures::Figure;
use self::plans::Plans;
use super::report::numbers::{share, text};
use super::report::table::{Column, Table};
use crate::exit::{self, printed};

/// What `tenantry load compare --help` begins with.
pub(crate) const ABOUT: &str = "\
Put results side by side, each against the first: rates, percentiles phase by phase, reply codes, correctness.

Numbers of different plans say nothing about each other, so every difference of the plans but the target is named. What \
may matter without being part of the plan (another machine, a generator that was late itself) is named, too.";

/// What the exit codes mean.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 the results are of one plan (or --summary), 1 their plans differ, or messages went to a wrong tenant, or one is worse than \
--worse-than allows, 64 wrong usage or a file that is no result.";

/// Results to compare.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The results; the first is what the others are compared with.
    #[arg(value_name = "RESULT.json", num_args = 2.., required = true)]
    results: Vec<PathBuf>,
    /// Fail when the rate of a result is lower, or its p50 or p99 higher, by more than this part of the first's.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    worse_than: Option<f64>,
    /// One line for each result, whatever its plan: a table of runs that are meant to differ.
    #[arg(long, conflicts_with_all = ["worse_than", "json"])]
    summary: bool,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Everything there is to say.
#[derive(Debug, Serialize)]
struct Comparison {
    format: u32,
    results: Vec<String>,
    comparable: bool,
    differences: Vec<plans::Difference>,
    notices: Vec<String>,
    figures: Vec<Figure>,
    worse: Vec<String>,
    wrong: Vec<String>,
}

/// Compares.
pub(super) fn compare(wanted: &Compare) -> Result<u8, u8> {
    let mut outcomes = Vec::new();
    for path in &wanted.results {
        outcomes.push(Outcome::read(path).map_err(|error| {
            exit::complain(&error);
            exit::USAGE
        })?);
    }
    let names = names(&wanted.results);
    if wanted.summary {
        return summarised(&names, &outcomes);
    }
    let comparison = Comparison::new(names, &outcomes, wanted.worse_than);
    if wanted.json {
        let json = serde_json::to_string_pretty(&comparison).map_err(|error| {
            exit::complain(&error);
            exit::INTERNAL
        })?;
        printed(|out| writeln!(out, "{json}"))?;
    } else {
        printed(|out| comparison.write(out))?;
    }
    Ok(comparison.exit_code())
}

/// One table of all, with what makes one of them doubtful by itself.
fn summarised(names: &[String], outcomes: &[Outcome]) -> Result<u8, u8> {
    printed(|out| {
        summary::table(names, outcomes).write(out)?;
        for (name, outcome) in names.iter().zip(outcomes) {
            for notice in plans::doubts(name, outcome) {
                writeln!(out, "  note: {}", text(&notice))?;
            }
        }
        Ok(())
    })?;
    let found = outcomes.iter().flat_map(|outcome| &outcome.correctness);
    match found.into_iter().all(Correctness::is_perfect) {
        true => Ok(exit::OK),
        false => Ok(exit::FAILED),
    }
}

impl Comparison {
    fn new(results: Vec<String>, outcomes: &[Outcome], worse_than: Option<f64>) -> Self {
        let Plans {
            differences,
            notices,
        } = plans::compared(&results, outcomes);
        let figures = figures::all(outcomes);
        let worse = worse_than.map_or_else(Vec::new, |most| worse(&results, &figures, most));
        let wrong = results.iter().zip(outcomes).filter_map(|(name, outcome)| {
            let found = outcome.correctness.as_ref()?;
            (!found.is_perfect()).then(|| {
                format!(
                    "{name}: {} wrong, {} missing, {} unknown of {} accepted messages",
                    found.wrong, found.missing, found.unknown, found.expected
                )
            })
        });
        Self {
            format: 1,
            comparable: differences.is_empty(),
            differences,
            notices,
            worse,
            wrong: wrong.collect(),
            figures,
            results,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.comparable {
            writeln!(out, "the results are of one plan")?;
        } else {
            writeln!(out, "NOT COMPARABLE: the plans differ")?;
            for difference in &self.differences {
                writeln!(out, "  {difference}")?;
            }
        }
        for notice in &self.notices {
            writeln!(out, "  note: {}", text(notice))?;
        }
        for table in self.tables() {
            table.write(out)?;
        }
        for (title, lines) in [
            ("\nworse than allowed", &self.worse),
            ("\nWRONG", &self.wrong),
        ] {
            if !lines.is_empty() {
                writeln!(out, "{title}")?;
            }
            for line in lines {
                writeln!(out, "  {}", text(line))?;
            }
        }
        Ok(())
    }

    /// One table for each group, with the values, and the differences and ratios to the first.
    fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        for figure in &self.figures {
            if tables
                .last()
                .is_none_or(|table| table.title != figure.group)
            {
                tables.push(self.head(figure.group));
            }
            if let Some(table) = tables.last_mut() {
                table.row(figure.cells());
            }
        }
        tables
    }

    fn head(&self, group: &str) -> Table {
        let mut table = Table::new(group, &[""]);
        for (index, name) in self.results.iter().enumerate() {
            table.columns.push(Column::new(&format!("#{}", text(name))));
            if index > 0 {
                table.columns.push(Column::new("#difference"));
                table.columns.push(Column::new("#ratio"));
            }
        }
        table
    }

    fn exit_code(&self) -> u8 {
        let well = self.comparable && self.worse.is_empty() && self.wrong.is_empty();
        if well { exit::OK } else { exit::FAILED }
    }
}

/// Results whose headline figures are worse than the first's by more than a part.
fn worse(results: &[String], figures: &[Figure], most: f64) -> Vec<String> {
    let mut found = Vec::new();
    for figure in figures.iter().filter(|figure| figure.headline) {
        for (name, ratio) in results.iter().zip(&figure.ratios) {
            let Some(ratio) = ratio else { continue };
            let loss = match figure.better {
                figures::Better::Higher => 1.0 - ratio,
                figures::Better::Lower => ratio - 1.0,
                figures::Better::Neither => continue,
            };
            if loss > most {
                found.push(format!(
                    "{name}: {} is worse by {}",
                    figure.name,
                    share(loss)
                ));
            }
        }
    }
    found
}

/// What results are called: their files' names, and the whole paths where these are alike.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &Path| {
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        stem.to_string_lossy().into_owned()
    };
    let short: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    let distinct: BTreeSet<&String> = short.iter().collect();
    if distinct.len() == short.len() {
        return short;
    }
    let whole = paths.iter().map(|path| path.to_string_lossy().into_owned());
    whole.collect()
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end().parse::<f64>();
    match number {
        Ok(value) if (0.0..=1e6).contains(&value) => Ok(value / 100.0),
        Ok(_) | Err(_) => Err("not a part in percent, as in 10 or 2.5%".to_owned()),
    }
}

#[cfg(test)]
mod tests;
