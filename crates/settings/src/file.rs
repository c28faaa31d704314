//! Files that settings name.

use std::io;
use std::path::{Component, Path, PathBuf};

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

/// Paths that match a pattern with `*` and `?` in its components, sorted; others are returned as they
/// are.
///
/// # Errors
/// When a folder that is there cannot be read.
pub fn expand(directory: &Path, pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![directory.to_path_buf()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        if !matches!(component, Component::Normal(_)) || !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut deeper = Vec::new();
        for directory in &found {
            let named = if directory.as_os_str().is_empty() {
                Path::new(".")
            } else {
                directory
            };
            let entries = match std::fs::read_dir(named) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let file_name = entry?.file_name();
                if wildcard(&name, &file_name.to_string_lossy()) {
                    deeper.push(directory.join(file_name));
                }
            }
        }
        deeper.sort();
        found = deeper;
    }
    Ok(found)
}

/// Whether a file name matches; names with a leading dot only if the pattern has it too.
fn wildcard(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = name.get(here) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(&p) if p == '?' || p == c => {
                at += 1;
                here += 1;
            }
            Some(_) | None => {
                // Back to the last star, which takes one character more.
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                here = taken + 1;
            }
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|c| *c == '*')
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

    #[test]
    fn wildcards_match_file_names() {
        for (pattern, name, expected) in [
            ("*.toml", "contoso.toml", true),
            ("*.toml", ".contoso.toml", false),
            ("*.toml", "contoso.toml~", false),
            ("*.toml", ".toml", false),
            (".*", ".hidden", true),
            ("t?nant.toml", "tenant.toml", true),
            ("t?nant.toml", "tnant.toml", false),
            ("*", "anything", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(wildcard(pattern, name), expected, "{pattern} {name}");
        }
    }
}
