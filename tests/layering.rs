//! Layering.
#[test]
fn crates_use_only_what_the_table_allows() {}
