//! docs/lint.md has the table of rules that the program has. `TENANTRY_BLESS=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

use std::fs;
use std::path::PathBuf;

use tenantry_audit::output;
use tenantry_audit::rule::Rule;
use tenantry_audit::rules;

const BEGIN: &str = "<!-- rules -->\n";
const END: &str = "<!-- end of rules -->\n";

#[test]
fn the_documentation_has_the_table_of_rules() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/lint.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let all: Vec<&Rule> = rules::all().collect();
    let mut generated = Vec::new();
    output::list_markdown(&mut generated, &all).unwrap();
    let generated = String::from_utf8(generated).unwrap();
    if std::env::var_os("TENANTRY_BLESS").is_some() {
        fs::write(path, [before, BEGIN, &generated, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(
        table, generated,
        "TENANTRY_BLESS=1 writes docs/lint.md anew"
    );
}

#[test]
fn every_mark_of_a_source_is_in_the_list_of_sources() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/exchange-online.md");
    let text = fs::read_to_string(path).unwrap();
    let listed = |mark: &str| {
        let row = format!("| {mark} | ");
        let mut rows = text.lines().filter_map(|line| line.strip_prefix(&row));
        rows.any(|title| title.trim_end_matches([' ', '|']).len() > 10)
    };
    let mut marks = 0;
    for rule in rules::all() {
        let words = rule
            .source
            .split(|letter: char| !letter.is_ascii_alphanumeric());
        for word in words {
            let number = word.strip_prefix('S').unwrap_or_default();
            if number.is_empty() || !number.bytes().all(|octet| octet.is_ascii_digit()) {
                continue;
            }
            marks += 1;
            assert!(listed(word), "{}: {word} is in no list", rule.id);
            let names_the_list = rule.source.contains("docs/exchange-online.md");
            assert!(names_the_list, "{}: {word} is of no document", rule.id);
        }
    }
    assert!(marks > 20, "{marks} marks");
}
