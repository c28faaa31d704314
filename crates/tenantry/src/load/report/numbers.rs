//! Numbers as people read them: three digits and a unit.

/// A duration in microseconds: `850 us`, `3.25 ms`, `12.0 s`, `2.50 min`.
pub(crate) fn duration(microseconds: u64) -> String {
    nanoseconds(microseconds as f64 * 1e3)
}

/// A duration in nanoseconds, down to `85.3 ns`.
pub(crate) fn nanoseconds(value: f64) -> String {
    if value == 0.0 {
        return "0 us".to_owned();
    }
    for (limit, divisor, unit) in UNITS {
        if value < limit {
            return if divisor == 1e3 && value % 1e3 == 0.0 {
                // Whole microseconds are exact.
                format!("{:.0} {unit}", value / divisor)
            } else {
                format!("{} {unit}", digits(value / divisor))
            };
        }
    }
    format!("{} h", digits(value / 3.6e12))
}

/// Up to which value a unit is used, and how many nanoseconds it has.
const UNITS: [(f64, f64, &str); 5] = [
    (1e3, 1.0, "ns"),
    (1e6, 1e3, "us"),
    (1e9, 1e6, "ms"),
    (60e9, 1e9, "s"),
    (3.6e12, 60e9, "min"),
];

/// Seconds: `12.3 s`.
pub(crate) fn seconds(value: f64) -> String {
    nanoseconds(value * 1e9)
}

/// A count: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let plain = value.to_string();
    let mut grouped = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.char_indices() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Something per second, without the unit: `12,345`, `99.5`, `0.25`.
pub(crate) fn rate(value: f64) -> String {
    if (1e3..1e15).contains(&value) {
        count(value.round() as u64)
    } else {
        digits(value)
    }
}

/// A part of a whole: `12.3 %`; what is not nothing is never shown as nothing, nor what is not
/// everything as everything.
pub(crate) fn share(value: f64) -> String {
    let percent = value * 100.0;
    if percent == 0.0 || percent == 100.0 {
        format!("{percent:.0} %")
    } else if percent < 0.01 {
        "< 0.01 %".to_owned()
    } else if percent > 99.99 && percent < 100.0 {
        "> 99.99 %".to_owned()
    } else if percent > 99.0 {
        format!("{percent:.2} %")
    } else {
        format!("{} %", digits(percent))
    }
}

/// Octets: `512 octets`, `2.00 KiB`, `1.50 MiB`.
pub(crate) fn octets(value: u64) -> String {
    let mut amount = value as f64;
    if amount < 1024.0 {
        return format!("{value} octets");
    }
    let mut unit = "KiB";
    amount /= 1024.0;
    for larger in ["MiB", "GiB", "TiB", "PiB"] {
        if amount >= 1024.0 {
            amount /= 1024.0;
            unit = larger;
        }
    }
    format!("{} {unit}", digits(amount))
}

/// Three significant digits; very large numbers with an exponent.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if size >= 1e15 {
        format!("{value:.2e}")
    } else if size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.0995 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// Text that a peer or a file controls: no control characters, and not without end.
pub(crate) fn text(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index >= LONGEST {
            shown.push_str("...");
            break;
        }
        // Also what turns the direction of writing, which would turn the rest of the line.
        if character.is_control() || is_formatting(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn is_formatting(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let expected = [
            (0, "0 us"),
            (850, "850 us"),
            (3_250, "3.25 ms"),
            (99_940, "99.9 ms"),
            (12_000_000, "12.0 s"),
            (150_000_000, "2.50 min"),
            (3_600_000_000, "1.00 h"),
        ];
        for (microseconds, text) in expected {
            assert_eq!(duration(microseconds), text);
        }
        assert_eq!(nanoseconds(85.34), "85.3 ns");
        assert_eq!(nanoseconds(1_500.0), "1.50 us");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        let expected = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ];
        for (value, text) in expected {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn a_share_is_rounded_to_neither_nothing_nor_everything() {
        let expected = [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.000_001, "< 0.01 %"),
            (0.999_999, "> 99.99 %"),
            (0.123_4, "12.3 %"),
            (0.995, "99.50 %"),
        ];
        for (value, text) in expected {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn octets_have_binary_units() {
        assert_eq!(octets(512), "512 octets");
        assert_eq!(octets(2048), "2.00 KiB");
        assert_eq!(octets(3 << 20), "3.00 MiB");
        assert_eq!(octets(u64::MAX), "16384 PiB");
    }

    #[test]
    fn rates_and_huge_numbers_stay_short() {
        assert_eq!(rate(12_345.4), "12,345");
        assert_eq!(rate(99.5), "99.5");
        assert_eq!(rate(0.25), "0.25");
        assert!(rate(1e300).len() < 10);
        assert!(rate(-1e300).len() < 11);
    }

    #[test]
    fn foreign_text_is_short_and_has_no_control_characters() {
        assert_eq!(text("m\u{fc}ller"), "m\u{fc}ller");
        assert_eq!(text("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(text("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(text(&"x".repeat(10_000)).len(), 203);
    }
}
