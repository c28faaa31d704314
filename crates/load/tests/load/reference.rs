//! `config/load.reference.toml`: complete, and what it calls a default is one.

use std::path::Path;

use tenantry_load::plan::{Overrides, Plan};

const REFERENCE: &str = include_str!("../../../../config/load.reference.toml");

fn read(text: &str) -> Result<Plan, String> {
    let path = Path::new("load.reference.toml");
    Plan::read(path, text, &Overrides::default()).map_err(|problems| problems.to_string())
}

/// The file without the lines that are marked so, and without lists of tables that are empty then.
fn without(marks: &[&str]) -> String {
    let kept = REFERENCE
        .lines()
        .filter(|line| !marks.iter().any(|mark| line.ends_with(mark)));
    let text: Vec<&str> = kept.collect();
    text.join("\n").replace("[[tenant]]", "")
}

#[test]
fn every_key_has_a_mark_and_a_comment() {
    let mut commented = false;
    for line in REFERENCE.lines() {
        if line.is_empty() {
            commented = false;
        }
        commented |= line.starts_with("# ") || line.starts_with('[');
        if line.contains(" = ") && !line.starts_with('#') {
            let marked = ["# required", "# default", "# example"];
            assert!(marked.iter().any(|mark| line.ends_with(mark)), "{line}");
            assert!(commented, "{line}");
        }
    }
}

#[test]
fn what_is_marked_as_a_default_is_the_default() {
    let minimal = read(&without(&["# default", "# example"])).unwrap();
    let written = read(&without(&["# example"])).unwrap();
    assert_eq!(written, minimal);
}

#[test]
fn every_default_can_be_told_from_another_value() {
    // A key that is read but not used would be a default whatever it says.
    let minimal = read(&without(&["# default", "# example"])).unwrap();
    let defaults = REFERENCE.lines().filter(|line| line.ends_with("# default"));
    assert!(defaults.count() > 25);
    let changed = without(&["# default", "# example"]);
    let changed = changed.replace("[session]", "[session]\npipelining = false\n");
    assert_ne!(read(&changed).unwrap(), minimal);
}

#[test]
fn the_whole_file_is_refused_only_for_its_alternatives() {
    // Examples stand for choices that exclude each other; nothing else is wrong with the file.
    let problems = read(REFERENCE).unwrap_err();
    for line in problems.lines() {
        let alternative = [
            "messages: stands beside",
            "folder: has sizes",
            "how long a step lasts",
        ];
        assert!(alternative.iter().any(|what| line.contains(what)), "{line}");
    }
}

#[test]
fn every_key_that_is_read_stands_in_it() {
    let sections: Vec<&str> = REFERENCE
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert_eq!(sections.len(), 11, "{sections:?}");
    let mut keys = 0;
    for section in sections {
        let text = format!("{section}\nzz-unknown = 1\n");
        let problems = read(&text).unwrap_err();
        let about = problems.lines().find(|line| line.contains("zz-unknown"));
        let (_, known) = about.unwrap().split_once("the keys here are ").unwrap();
        let (_, part) = REFERENCE.split_once(&format!("\n{section}\n")).unwrap();
        let part = part.split("\n[").next().unwrap();
        for key in known.split(", ") {
            let begins = |line: &str| line.starts_with(&format!("{key} = "));
            assert!(part.lines().any(begins), "{section} lacks {key}");
            keys += 1;
        }
    }
    assert!(keys > 50, "{keys}");
}
