//! A look at XML before it is parsed.
//!
//! The parser compares every attribute of an element with every other, and every namespace with
//! every other. Exports have two or three attributes and one namespace.

/// Where an element has more attributes, or the text more namespaces, than any export.
pub(super) fn crowded(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut namespaces = 0;
    while let Some(start) = find(text, at, "<") {
        let end = match unparsed(text.get(start..).unwrap_or_default()) {
            Some(end) => find(text, start, end).map(|found| found + end.len()),
            None => {
                let tag = tag(text.get(start..).unwrap_or_default());
                namespaces += tag.namespaces;
                if tag.quotes > 2 * MOST_ATTRIBUTES || namespaces > MOST_NAMESPACES {
                    return Some(start);
                }
                Some(start + tag.length)
            }
        };
        // What is not closed is the parser's to refuse.
        at = end?;
    }
    None
}

struct Tag {
    length: usize,
    quotes: usize,
    namespaces: usize,
}

/// From `<` to its `>`, or as far as it takes to know.
fn tag(text: &str) -> Tag {
    let mut tag = Tag {
        length: text.len(),
        quotes: 0,
        namespaces: 0,
    };
    let mut quote = None;
    for (offset, octet) in text.bytes().enumerate() {
        match (octet, quote) {
            (b'"' | b'\'', None) => quote = Some(octet),
            (closing, Some(opening)) if closing == opening => quote = None,
            (b'>', None) => {
                tag.length = offset + 1;
                break;
            }
            (b'x', None)
                if text
                    .get(offset..)
                    .is_some_and(|rest| rest.starts_with("xmlns")) =>
            {
                tag.namespaces += 1;
                continue;
            }
            _ => continue,
        }
        tag.quotes += 1;
        if tag.quotes > 2 * MOST_ATTRIBUTES {
            break;
        }
    }
    tag
}

/// The end of comments, CDATA and instructions, in which tags are none.
fn unparsed(markup: &str) -> Option<&'static str> {
    [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")]
        .into_iter()
        .find(|(start, _)| markup.starts_with(start))
        .map(|(_, end)| end)
}

fn find(text: &str, from: usize, wanted: &str) -> Option<usize> {
    let found = text.get(from..)?.find(wanted)?;
    Some(from + found)
}

const MOST_ATTRIBUTES: usize = 32;
const MOST_NAMESPACES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_attributes_and_namespaces_are_found_and_exports_are_not() {
        let many = |attribute: &str| format!("<a/>\n<b {}>", attribute.repeat(40));
        for attribute in ["a=\"\" ", "a='>' ", "a=\"'\" ", "xmlns:a=\"b\" "] {
            assert_eq!(crowded(&many(attribute)), Some(5), "{attribute}");
        }
        assert_eq!(crowded(&"<a xmlns='b'>".repeat(40)), Some(32 * 13));
        for sound in [
            many("a=\"\" ").replace("<b ", "<!-- ").replace('>', "-->"),
            "<a>\"'xmlns</a>".repeat(100),
            "<![CDATA[<a \"]]>".repeat(100),
            "<a".to_owned(),
            String::new(),
        ] {
            assert_eq!(crowded(&sound), None, "{sound}");
        }
    }
}
