//! Single values: what is read from one key.

use std::time::Duration;

use toml::de::DeValue;

/// What is wrong with a value, and what to do.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

pub(super) fn text(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| kind(value, "a text in quotes"))
}

pub(super) fn truth(value: &DeValue<'_>) -> Result<bool, Mistake> {
    value.as_bool().ok_or_else(|| kind(value, "true or false"))
}

/// A whole number of at most `most`.
pub(super) fn whole(most: u64) -> impl Fn(&DeValue<'_>) -> Result<u64, Mistake> {
    move |value| {
        let DeValue::Integer(number) = value else {
            return Err(kind(value, "a whole number"));
        };
        let wrong = |what: &str| {
            let shown: String = number.as_str().chars().take(40).collect();
            let remedy = format!("write a whole number from 0 to {most}");
            Mistake::new(format!("{shown} {what}"), remedy)
        };
        let read = i128::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| wrong("is too large"))?;
        let read = u64::try_from(read).map_err(|_| wrong("is out of range"))?;
        if read > most {
            return Err(wrong("is too large"));
        }
        Ok(read)
    }
}

/// A number, whole or not, between two.
pub(super) fn number(least: f64, most: f64) -> impl Fn(&DeValue<'_>) -> Result<f64, Mistake> {
    move |value| {
        let whole = value.as_integer().map(|number| number.as_str());
        let shown = whole.or_else(|| value.as_float().map(|number| number.as_str()));
        let shown = shown.ok_or_else(|| kind(value, "a number"))?;
        let read: f64 = shown.replace('_', "").parse().unwrap_or(f64::NAN);
        if read.is_finite() && read >= least && read <= most {
            return Ok(read);
        }
        let shown: String = shown.chars().take(40).collect();
        Err(Mistake::new(
            format!("{shown} is out of range"),
            format!("write a number from {least} to {most}"),
        ))
    }
}

/// A time with its unit, as in `"1m30s"`.
pub(super) fn duration(value: &DeValue<'_>) -> Result<Duration, Mistake> {
    let text = text(value)?;
    let mut total = Duration::ZERO;
    for (amount, unit) in quantities(&text).ok_or_else(|| wrong(&text, TIMES))? {
        let nanoseconds = match unit {
            "us" => 1_000_u64,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(wrong(&text, TIMES)),
        };
        let part = amount.checked_mul(nanoseconds).map(Duration::from_nanos);
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| {
                let what = format!("{} is too long", quoted(&text));
                Mistake::new(what, "write at most \"720h\"")
            })?;
    }
    Ok(total)
}

/// A size with its unit, as in `"2KiB"`.
pub(super) fn size(value: &DeValue<'_>) -> Result<u64, Mistake> {
    let text = text(value)?;
    let wrong = || wrong(&text, SIZES);
    let parts = quantities(&text).ok_or_else(wrong)?;
    let [(amount, unit)] = parts.as_slice() else {
        return Err(wrong());
    };
    let factor = match *unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    amount
        .checked_mul(factor)
        .filter(|size| *size <= LARGEST)
        .ok_or_else(|| {
            Mistake::new(
                format!("{} is too large", quoted(&text)),
                "write at most \"1GiB\"",
            )
        })
}

/// One of some words.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, Mistake> {
    move |value| {
        let text = text(value)?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let listed: Vec<String> = words.iter().map(|(word, _)| quoted(word)).collect();
            let remedy = format!("write one of {}", listed.join(", "));
            Mistake::new(format!("{} is unknown", quoted(&text)), remedy)
        })
    }
}

/// A text as it may stand in a message.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    format!("{shown:?}")
}

/// What a value is, for those who expected something else.
pub(super) fn kind(value: &DeValue<'_>, wanted: &str) -> Mistake {
    let is = match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Mistake::new(format!("is {is}"), format!("write {wanted}"))
}

fn wrong(text: &str, remedy: &str) -> Mistake {
    Mistake::new(
        format!("{} is no quantity with a unit", quoted(text)),
        remedy,
    )
}

/// `1m30s` as its parts.
fn quantities(text: &str) -> Option<Vec<(u64, &str)>> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() || parts.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (amount, after) = rest.split_at_checked(digits)?;
        let end = after.find(|c: char| c.is_ascii_digit());
        let (unit, next) = after.split_at_checked(end.unwrap_or(after.len()))?;
        parts.push((amount.parse().ok()?, unit.trim()));
        rest = next;
    }
    Some(parts)
}

const TIMES: &str = "write a number with us, ms, s, m or h, as in \"30s\"";
const SIZES: &str = "write a number with B, KiB, MiB or GiB, as in \"2KiB\"";
/// A month.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
const LARGEST: u64 = 1 << 30;
