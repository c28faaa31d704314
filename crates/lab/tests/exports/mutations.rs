//! Broken files: nothing panics, and every refusal names the place.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use tenantry_lab::export::{ExportError, Problem, read_bytes, read_json};

use crate::support::files;

/// The fixtures, with their names.
fn originals() -> Vec<(String, Vec<u8>)> {
    [
        "inbound-connectors",
        "accepted-domains",
        "organization",
        "m365dsc",
        "other",
        "send-connectors",
        "outbound-connectors",
        "refused",
    ]
    .iter()
    .flat_map(|folder| files(folder))
    .filter(|file| file.extension().is_some_and(|extension| extension != "txt"))
    .map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(&file).unwrap())
    })
    .collect()
}

/// Octets that mean something in one notation or another.
const MEANINGFUL: &[u8] = b"\"'{}[]()<>,:;=@$#`\\/&-_ \n\r\t\0x0\xff\xfe\xc3\xe2";

/// JSON, and what other parsers take for it.
const JSON_PARTS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\n",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "\"",
    "\"a\"",
    "\"b\":",
    "\"\\\"\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\u{7f}\u{e9}\"",
    "\"\u{1}\"",
    "\\",
    "'",
    "1",
    "-",
    "0",
    ".5",
    "e3",
    "E+2",
    "true",
    "nul",
    "null",
    "//",
    "/**/",
    "a",
];

fn read(name: &str, octets: &[u8]) {
    let documents = match read_bytes(Path::new(name), octets) {
        Ok(documents) => documents,
        Err(problems) => return placed(name, &problems),
    };
    for document in documents {
        if let Err(problems) = document.object() {
            placed(name, &problems);
        }
    }
}

fn placed(name: &str, problems: &[ExportError]) {
    assert!(!problems.is_empty());
    for problem in problems {
        let text = problem.to_string();
        assert!(problem.place.line > 0 && problem.place.column > 0, "{text}");
        assert!(text.starts_with(&format!("{name}:")), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() < 1000, "{text}");
    }
}

proptest! {
    #[test]
    fn a_file_cut_off_anywhere(file in proptest::sample::select(originals()), at in any::<proptest::sample::Index>()) {
        let (name, octets) = file;
        read(&name, &octets[..at.index(octets.len() + 1)]);
    }

    #[test]
    fn a_file_with_octets_changed(
        file in proptest::sample::select(originals()),
        changes in vec((any::<proptest::sample::Index>(), proptest::sample::select(MEANINGFUL), 0..3_u8), 1..8),
    ) {
        let (name, mut octets) = file;
        for (at, octet, how) in changes {
            let at = at.index(octets.len().max(1));
            match how {
                0 => octets.insert(at, octet),
                1 if at < octets.len() => octets[at] = octet,
                _ if at < octets.len() => {
                    octets.remove(at);
                }
                _ => {}
            }
        }
        read(&name, &octets);
    }

    #[test]
    fn a_file_with_a_part_repeated(
        file in proptest::sample::select(originals()),
        cuts in any::<[proptest::sample::Index; 3]>(),
    ) {
        let (name, octets) = file;
        let [from, to, at] = cuts.map(|cut| cut.index(octets.len() + 1));
        let part = &octets[from.min(to)..from.max(to)];
        read(&name, &[&octets[..at], part, &octets[at..]].concat());
    }

    /// `serde_json` is the judge of what JSON is, but for numbers that it cannot hold.
    #[test]
    fn json_is_what_another_parser_takes_for_json(
        tokens in vec(proptest::sample::select(JSON_PARTS), 0..12),
    ) {
        let text = tokens.concat();
        let marked = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let strict = serde_json::from_str::<serde_json::Value>(marked);
        let found = read_json(Path::new("a.json"), text.as_bytes());
        let repeated = found.as_ref().is_err_and(|problems| {
            problems.iter().all(|problem| matches!(problem.problem, Problem::Repeated { .. }))
        });
        if !repeated && !marked.trim_ascii().is_empty() {
            prop_assert_eq!(found.is_ok(), strict.is_ok(), "{:?}: {:?}", text, found);
        }
        if let (Ok(Some(found)), Ok(strict)) = (found, strict) {
            prop_assert_eq!(found.to_json(), strict, "{:?}", text);
        }
    }

    #[test]
    fn no_file_at_all(name in "a\\.(json|xml|ps1|txt)", octets in vec(any::<u8>(), 0..200)) {
        read(&name, &octets);
    }

    #[test]
    fn a_text_of_meaningful_characters(
        name in "a\\.(json|xml|ps1|txt)",
        text in "(EXOInboundConnector|Identity|=|\\{|\\}|@\\(|\\)|\"|'|\\$|`|@\"|\"@|<#|#>|,|;| |\n|a|\\[|\\]|:|<Obj>|</Obj>|null|1|\u{201C}){0,60}",
    ) {
        read(&name, text.as_bytes());
    }
}
