//! Nothing that a file or a line says makes the lab panic, and whatever it says is answered.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tenantry_lab::attribution::Forest;
use tenantry_lab::events::Change;
use tenantry_lab::explain::Batch;
use tenantry_lab::file::Lab;

use crate::data;

/// Cuts, doubles and overwrites pieces of a text.
fn mutated(text: &str, edits: &[(Index, Index, String)]) -> String {
    let mut text = text.to_owned();
    for (from, length, put) in edits {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if places.is_empty() {
            return text;
        }
        let from = places[from.index(places.len())];
        let later: Vec<usize> = places
            .into_iter()
            .filter(|at| *at >= from)
            .take(20)
            .collect();
        text.replace_range(from..later[length.index(later.len())], put);
    }
    text
}

fn edits() -> impl Strategy<Value = Vec<(Index, Index, String)>> {
    let piece = prop_oneof![
        "\\PC{0,3}",
        proptest::sample::select(vec![
            "\"",
            "[",
            "]",
            "{",
            "}",
            "=",
            "\n",
            "#",
            "[[tenant]]",
            "0",
            "-1",
            "1e999",
            "true",
            "null",
            "\\u0000",
            "*",
            "\u{0}",
            "inf",
            "9999999999999999999999",
            "''",
            "\"\"\"",
        ])
        .prop_map(String::from),
    ];
    vec((any::<Index>(), any::<Index>(), piece), 1..6)
}

proptest! {
    #[test]
    fn no_world_file_makes_the_lab_panic(edits in edits(), reference: bool) {
        let shipped = if reference {
            data("../../../config/lab.reference.toml")
        } else {
            data("bad/faults/world.toml")
        };
        let text = mutated(&fs::read_to_string(shipped).unwrap(), &edits);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("world.toml");
        fs::write(&file, text).unwrap();
        if let Err(problems) = Lab::load(&file) {
            prop_assert!(problems.iter().count() > 0);
        }
    }

    #[test]
    fn no_line_makes_the_batch_panic_or_lose_a_line(edits in edits()) {
        let text = mutated(&fs::read_to_string(data("vectors/vectors.jsonl")).unwrap(), &edits);
        let forest = Forest::new(Lab::load(&data("vectors/world.toml")).unwrap().world);
        let mut output = Vec::new();
        let summary = Batch::new(&forest).run(text.as_bytes(), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        prop_assert_eq!(output.lines().count(), text.split_terminator('\n').count());
        prop_assert_eq!(u64::try_from(output.lines().count()).unwrap(), summary.lines);
        for line in output.lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{}", line);
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_changes_panic(text in "[a-z=\" \\\\-]{0,60}|\\PC{0,40}") {
        if let Ok(change) = text.parse::<Change>() {
            prop_assert_eq!(change.to_string().parse::<Change>(), Ok(change));
        }
    }
}
