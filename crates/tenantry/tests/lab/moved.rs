//! `tenantry lab move`.

use std::fs;

use crate::program::{
    Box, CONFIGURATION, OK, SOMETHING_CHANGES, USAGE, fed, lines, tenantry, text,
};

const EVENT: &str = "domain-moved domain=mail.contoso.com to=contoso-test";

#[test]
fn a_move_is_told_with_its_event_and_both_attributions() {
    let made = Box::new(&["--scenario", "test-tenant-mix-up"]);
    let sample = made.file("sample.jsonl");
    let start = ["lab", "move", "--world", made.world(), "--sample", &sample];
    let told = tenantry(&[&start[..], &["--event", EVENT]].concat());
    assert_eq!(told.status.code(), Some(OK), "{}", text(&told.stderr));
    let words = text(&told.stdout);
    for part in [
        "before: tenant contoso, originating by certificate",
        "after:  tenant contoso-test, originating by certificate",
        &format!("event:  {EVENT}"),
        "\"production\" to x@internet.test",
        "1 of 1 recipient changes",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    let events = made.file("events.txt");
    let json = tenantry(&[&start[..], &["--events", &events, "--json", "--exit-code"]].concat());
    assert_eq!(json.status.code(), Some(SOMETHING_CHANGES));
    let differences = lines(&json.stdout);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0]["before"]["tenant"], "contoso");
    assert_eq!(differences[0]["after"]["tenant"], "contoso-test");
}

#[test]
fn nothing_changes_without_effect() {
    let made = Box::new(&["--scenario", "test-tenant-mix-up"]);
    let sample = made.file("sample.jsonl");
    let harmless = "domain-added tenant=contoso domain=elsewhere.test";
    let start = ["lab", "move", "--world", made.world(), "--sample", &sample];
    let told = tenantry(&[&start[..], &["--event", harmless, "--exit-code"]].concat());
    assert_eq!(told.status.code(), Some(OK));
    assert_eq!(text(&told.stdout), "0 of 1 recipient change\n");
}

#[test]
fn events_of_the_world_happen_when_none_is_given() {
    let made = Box::new(&["--scenario", "test-tenant-mix-up"]);
    let file = made.path.join("world.toml");
    let world = fs::read_to_string(&file).unwrap();
    let event = "\n[[event]]\nat = \"1s\"\nkind = \"domain-moved\"\ndomain = \"mail.contoso.com\"\nto = \"contoso-test\"\n";
    fs::write(&file, world + event).unwrap();
    let sample = fs::read_to_string(made.path.join("sample.jsonl")).unwrap();
    let arguments = [
        "lab",
        "move",
        "--world",
        made.world(),
        "--sample",
        "-",
        "--json",
    ];
    let told = fed(&arguments, &sample);
    assert_eq!(lines(&told.stdout).len(), 1, "{}", text(&told.stderr));
}

#[test]
fn a_move_that_cannot_be_is_64_and_a_world_that_is_none_78() {
    let made = Box::new(&["--scenario", "test-tenant-mix-up"]);
    let sample = made.file("sample.jsonl");
    let start = ["lab", "move", "--world", made.world(), "--sample", &sample];
    let (nowhere, events) = (made.file("nowhere"), made.file("bad-events"));
    fs::write(&events, "# a comment\n\nregion-moved tenant=contoso\n").unwrap();
    for (more, part) in [
        (&[][..], "--event"),
        (&["--event", "dance"], "dance"),
        (
            &["--event", "domain-moved domain=x.test to=contoso"],
            "x.test",
        ),
        (&["--events", &nowhere], "nowhere"),
        (&["--events", &events], "region-moved"),
    ] {
        let refused = tenantry(&[&start[..], more].concat());
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(USAGE), "{more:?}: {told}");
        assert!(told.contains(part), "{more:?}: {told}");
    }
    let missing = tenantry(&["lab", "move", "--world", &nowhere, "--sample", &sample]);
    assert_eq!(missing.status.code(), Some(CONFIGURATION));
}
