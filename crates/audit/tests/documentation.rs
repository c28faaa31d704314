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
