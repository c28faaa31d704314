//! Text inside of HTML and of attributes.

use std::fmt;

use crate::load::report::numbers;

/// Shows text so that nothing of it is markup, wherever it stands; control characters and what
/// turns the direction of writing are spelled out.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in numbers::text(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let shown = Escaped("<script>alert('x' & \"y\")</script>\u{0}").to_string();
        let expected = "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;\\u{0}";
        assert_eq!(shown, expected);
    }
}
