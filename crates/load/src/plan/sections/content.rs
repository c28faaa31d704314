//! What is sent: sizes that are made up, or a folder of messages.

use tenantry_settings::Table;
use tenantry_settings::values::{number_within, word};

use super::over;
use crate::plan::Content;
use crate::plan::values::size;

#[derive(Clone, Copy)]
enum SizeWord {
    Fixed,
    Uniform,
    Lognormal,
}

pub(super) fn content(section: Table<'_>) -> Content {
    let words = word(&[
        ("fixed", SizeWord::Fixed),
        ("uniform", SizeWord::Uniform),
        ("lognormal", SizeWord::Lognormal),
    ]);
    let folder = section.path("folder");
    let octets = |key, default| section.value(key, size).unwrap_or(default);
    let fixed = octets("size", 2 << 10);
    let (min, max) = (octets("min", 1 << 10), octets("max", 1 << 20));
    let median = octets("median", 16 << 10);
    let sigma = section
        .value("sigma", number_within(0.0, 5.0))
        .unwrap_or(1.5);
    let sizes = section.value("sizes", words);
    let (folder, sizes) = match over(&section, &["folder", "sizes", "size"]) {
        Some("folder") => (folder, None),
        Some("sizes") => (None, sizes),
        Some(_) => (None, Some(SizeWord::Fixed)),
        None if section.has("folder") && section.has("sizes") => {
            section.wrong(
                "folder",
                "has sizes of its own",
                "remove sizes, or the folder",
            );
            (folder, sizes)
        }
        None => (folder, sizes),
    };
    if matches!(sizes, Some(SizeWord::Uniform)) && min > max {
        section.wrong("min", "is larger than max", "write a smaller one");
    }
    if matches!(sizes, Some(SizeWord::Lognormal)) && median > max {
        section.wrong("median", "is larger than max", "write a smaller one");
    }
    let content = match (folder, sizes) {
        (Some(folder), _) => Content::Folder { folder },
        (None, None | Some(SizeWord::Fixed)) => Content::Fixed { size: fixed },
        (None, Some(SizeWord::Uniform)) => Content::Uniform { min, max },
        (None, Some(SizeWord::Lognormal)) => Content::Lognormal { median, sigma, max },
    };
    section.finish();
    content
}
