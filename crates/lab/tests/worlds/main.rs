//! World files: the mistakes and what their author is told, the reference, the same world in two
//! forms, and hostile input.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends by panicking"
)]

mod events;
mod explain;
mod forms;
mod hostile;
mod mistakes;
mod reference;

use std::path::{Path, PathBuf};

fn data(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/worlds")
        .join(below)
}
