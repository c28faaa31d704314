//! Files that settings name.

use std::io;
use std::path::{Path, PathBuf};

/// A path as a file means it: relative to the folder of that file.
#[must_use]
pub fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}

/// An error of the system without its number, as a sentence goes on with it.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let mut plain = text
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned();
    if let Some(first) = plain.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        for (file, path, expected) in [
            ("a/b.toml", "c.pem", "a/c.pem"),
            ("b.toml", "c.pem", "c.pem"),
            ("a/b.toml", "/c.pem", "/c.pem"),
            ("", "c.pem", "c.pem"),
        ] {
            let found = beside(Path::new(file), Path::new(path));
            assert_eq!(found, Path::new(expected), "{file} {path}");
        }
    }

    #[test]
    fn errors_of_the_system_go_without_numbers() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&missing), "no such file or directory");
        assert_eq!(reason(&io::Error::other("")), "");
    }
}
