//! Normalisation, patterns and certificate names: tables of tricky spellings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a table test says which row failed and stops"
)]

use tenantry_attribution::{
    CertificateName, CertificateNameError, Domain, DomainError, Pattern, PatternError,
};

/// What is written, and the one spelling it stands for.
const SAME: &[(&str, &str)] = &[
    ("contoso.com", "contoso.com"),
    ("CONTOSO.Com", "contoso.com"),
    ("contoso.com.", "contoso.com"),
    ("localhost", "localhost"),
    ("localhost.", "localhost"),
    ("127.0.0.1", "127.0.0.1"),
    ("3com.example", "3com.example"),
    // Dots that UTS 46 maps to the ASCII one, also in last place.
    ("contoso\u{ff0e}com", "contoso.com"),
    ("contoso\u{3002}com", "contoso.com"),
    ("contoso\u{ff61}com", "contoso.com"),
    ("contoso.com\u{3002}", "contoso.com"),
    // Full-width, circled and other compatibility letters.
    ("ｃｏｎｔｏｓｏ．ｃｏｍ", "contoso.com"),
    ("ＣＯＮＴＯＳＯ.com", "contoso.com"),
    ("ⓒontoso.com", "contoso.com"),
    ("𝐜𝐨𝐧𝐭𝐨𝐬𝐨.com", "contoso.com"),
    ("℡.example", "tel.example"),
    ("\u{212a}elvin.example", "kelvin.example"),
    ("ﬁle.example", "file.example"),
    // Code points that UTS 46 ignores.
    ("con\u{ad}toso.com", "contoso.com"),
    ("con\u{200b}toso.com", "contoso.com"),
    ("con\u{2060}toso.com", "contoso.com"),
    ("con\u{feff}toso.com", "contoso.com"),
    ("contoso\u{fe0f}.com", "contoso.com"),
    // U-labels, A-labels, composed and decomposed, any case.
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("bu\u{308}cher.example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"),
    ("Xn--bCHer-kVA.example.", "xn--bcher-kva.example"),
    ("ｘｎ－－bcher-kva.example", "xn--bcher-kva.example"),
    ("mail.bücher.example", "mail.xn--bcher-kva.example"),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    // Non-transitional: the four deviation characters stay what they are.
    ("faß.de", "xn--fa-hia.de"),
    ("FAẞ.de", "xn--fa-hia.de"),
    ("straße.example", "xn--strae-oqa.example"),
    ("strasse.example", "strasse.example"),
    ("βόλος.com", "xn--nxasmm1c.com"),
    ("βόλοσ.com", "xn--nxasmq6b.com"),
    ("نامه\u{200c}ای.com", "xn--mgba3gch31f060k.com"),
    ("نامهای.com", "xn--mgba3gch31f.com"),
    // Symbols are valid.
    ("☕.example", "xn--53h.example"),
    ("💩.la", "xn--ls8h.la"),
    ("I♥NY.de", "xn--iny-zx5a.de"),
    ("xn--ls8h.la", "xn--ls8h.la"),
    ("≠.example", "xn--1ch.example"),
    // Hyphens are checked at both ends only.
    (
        "r3---sn-apo3qvuoxuxbt-j5pe.example",
        "r3---sn-apo3qvuoxuxbt-j5pe.example",
    ),
    ("ab--cd.example", "ab--cd.example"),
    ("a-b--c.example", "a-b--c.example"),
    ("ab--ü.example", "xn--ab---3ra.example"),
    // Right to left.
    ("אבג.example", "xn--4dbcd.example"),
    ("example.موقع", "example.xn--4gbrim"),
];

/// What has no normalised form, and why.
const NONE: &[(&str, DomainError)] = &[
    ("", DomainError::Empty),
    (".", DomainError::Empty),
    ("..", DomainError::EmptyLabel),
    (".contoso.com", DomainError::EmptyLabel),
    ("contoso..com", DomainError::EmptyLabel),
    ("contoso.com..", DomainError::EmptyLabel),
    ("bücher..example", DomainError::EmptyLabel),
    ("contoso.com.\u{3002}", DomainError::EmptyLabel),
    ("\u{ad}.example", DomainError::EmptyLabel),
    ("_dmarc.contoso.com", DomainError::Character),
    ("con_toso.com", DomainError::Character),
    ("con toso.com", DomainError::Character),
    (" contoso.com", DomainError::Character),
    ("contoso.com ", DomainError::Character),
    ("contoso.com\n", DomainError::Character),
    ("con\0toso.com", DomainError::Character),
    ("con\u{7f}toso.com", DomainError::Character),
    ("*.contoso.com", DomainError::Character),
    ("user@contoso.com", DomainError::Character),
    ("contoso.com:25", DomainError::Character),
    ("[127.0.0.1]", DomainError::Character),
    ("con/toso.com", DomainError::Character),
    ("con%2etoso.com", DomainError::Character),
    ("-contoso.com", DomainError::Hyphen),
    ("contoso-.com", DomainError::Hyphen),
    ("contoso.-com", DomainError::Hyphen),
    ("-", DomainError::Hyphen),
    ("ü-.example", DomainError::Invalid),
    ("-ü.example", DomainError::Invalid),
    ("bü_cher.example", DomainError::Invalid),
    ("bü cher.example", DomainError::Invalid),
    ("＊.example", DomainError::Invalid),
    ("con＿toso.com", DomainError::Invalid),
    // A-labels that decode to plain ASCII, to nothing, or to what no U-label is.
    ("xn--contoso-.com", DomainError::Invalid),
    ("xn--.com", DomainError::Invalid),
    ("xn---.com", DomainError::Invalid),
    ("xn--a.com", DomainError::Invalid),
    ("xn--99999999.com", DomainError::Invalid),
    ("xn--\u{fc}.com", DomainError::Invalid),
    ("xn--bcher-kva_.example", DomainError::Invalid),
    ("xn--xn--bcher-kva-.example", DomainError::Invalid),
    // Joiners where no script allows them, a mark in front, and code points that are no domain's.
    ("con\u{200d}toso.com", DomainError::Invalid),
    ("con\u{200c}toso.com", DomainError::Invalid),
    ("\u{308}a.example", DomainError::Invalid),
    ("a\u{202e}b.example", DomainError::Invalid),
    ("a\u{e000}.example", DomainError::Invalid),
    ("a\u{fffd}.example", DomainError::Invalid),
    ("a\u{80}.example", DomainError::Invalid),
    // Directions mixed (RFC 5893).
    ("אa.example", DomainError::Invalid),
    ("1.אבג", DomainError::Invalid),
    ("א1٢.example", DomainError::Invalid),
];

#[test]
fn equivalent_spellings_are_one_domain() {
    for (written, normalised) in SAME {
        match Domain::parse(written) {
            Ok(domain) => assert_eq!(domain.as_str(), *normalised, "{written:?}"),
            Err(error) => panic!("{written:?} should be {normalised}: {error}"),
        }
    }
}

#[test]
fn normalising_twice_changes_nothing() {
    for (_, normalised) in SAME {
        assert_eq!(Domain::parse(normalised).unwrap().as_str(), *normalised);
    }
}

#[test]
fn what_is_no_domain_says_why() {
    for (written, why) in NONE {
        assert_eq!(Domain::parse(written), Err(*why), "{written:?}");
    }
}

#[test]
fn lengths_are_those_of_dns() {
    let label = |n: usize| "a".repeat(n);
    assert!(Domain::parse(&format!("{}.example", label(63))).is_ok());
    assert_eq!(
        Domain::parse(&format!("{}.example", label(64))),
        Err(DomainError::LabelTooLong)
    );
    let long = |last: usize| format!("{0}.{0}.{0}.{1}", label(63), label(last));
    assert_eq!(Domain::parse(&long(61)).unwrap().as_str().len(), 253);
    assert_eq!(
        Domain::parse(&format!("{}.", long(61)))
            .unwrap()
            .as_str()
            .len(),
        253
    );
    assert_eq!(Domain::parse(&long(62)), Err(DomainError::NameTooLong));
    assert_eq!(
        Domain::parse(&"a".repeat(1_000_000)),
        Err(DomainError::NameTooLong)
    );
    assert_eq!(
        Domain::parse(&"ü".repeat(1_000_000)),
        Err(DomainError::NameTooLong)
    );
}

#[test]
fn lengths_count_in_a_labels() {
    // 57 octets of Punycode and "xn--" fit; the U-label alone would not tell.
    let fits = (1..200)
        .map(|n| "ü".repeat(n))
        .filter(|label| Domain::parse(label).is_ok())
        .count();
    assert!((50..63).contains(&fits), "{fits}");
    assert_eq!(
        Domain::parse(&"ü".repeat(fits + 1)),
        Err(DomainError::LabelTooLong)
    );
    let full = Domain::parse(&"ü".repeat(fits)).unwrap();
    assert!(full.as_str().len() <= 63);
}

#[test]
fn a_label_of_something_not_normalised_is_no_domain() {
    for inner in [
        "bÜcher",
        "b\u{75}\u{308}cher",
        "con\u{ad}t\u{f6}so",
        "a\u{ff0e}b",
        "a\u{3002}b",
        "ＡＢ",
    ] {
        let label = format!("xn--{}", idna::punycode::encode_str(inner).unwrap());
        assert_eq!(
            Domain::parse(&label),
            Err(DomainError::Invalid),
            "{label} is {inner}"
        );
    }
}

#[test]
fn joiners_count_where_a_script_uses_them() {
    let with = Domain::parse("क\u{94d}\u{200d}ष.example").unwrap();
    let without = Domain::parse("क\u{94d}ष.example").unwrap();
    assert_ne!(with, without);
}

#[test]
fn patterns_are_a_name_or_its_subtree() {
    let exact = Pattern::parse("Mail.Contoso.COM.").unwrap();
    assert_eq!(exact.to_string(), "mail.contoso.com");
    let subtree = Pattern::parse("*.BÜCHER.example").unwrap();
    assert_eq!(subtree.to_string(), "*.xn--bcher-kva.example");
    assert_eq!(subtree.domain().as_str(), "xn--bcher-kva.example");
    assert!(matches!(Pattern::parse("*.com"), Ok(Pattern::Subtree(_))));
}

#[test]
fn there_is_no_other_wildcard() {
    for text in [
        "*",
        "*.*",
        "*.*.d.example",
        "m*.d.example",
        "a.*.example",
        "**.example",
        "mail.*",
    ] {
        assert_eq!(
            Pattern::parse(text),
            Err(PatternError::Wildcard),
            "{text:?}"
        );
    }
    for text in ["*.", "", ".d", "*..d", "?.example", "*.a_b.example"] {
        assert!(
            matches!(Pattern::parse(text), Err(PatternError::Domain(_))),
            "{text:?}"
        );
    }
}

#[test]
fn certificate_names_fold_case_and_nothing_else() {
    for (text, name) in [
        ("mail.contoso.com", "mail.contoso.com"),
        ("MAIL.Contoso.COM", "mail.contoso.com"),
        ("*.contoso.com", "*.contoso.com"),
        ("*.CONTOSO.com", "*.contoso.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(
            CertificateName::parse(text).unwrap().to_string(),
            name,
            "{text:?}"
        );
    }
}

#[test]
fn what_a_certificate_must_not_have_is_no_name() {
    use CertificateNameError::{Character, Domain, TrailingDot};
    for (text, why) in [
        ("mail.contoso.com.", TrailingDot),
        ("*.contoso.com.", TrailingDot),
        ("bücher.example", Character),
        ("contoso\u{3002}com", Character),
        ("ｃontoso.com", Character),
        ("con\u{ad}toso.com", Character),
        ("con_toso.com", Character),
        ("mail.contoso.com\0.evil.example", Character),
        (" mail.contoso.com", Character),
        ("user@contoso.com", Character),
        ("smtp://contoso.com", Character),
        ("mail.contoso.com, DNS:fabrikam.com", Character),
        ("m*.contoso.com", Character),
        ("*.*.contoso.com", Character),
        ("mail.*.contoso.com", Character),
        ("*", Character),
        ("*.", Domain(DomainError::Empty)),
        ("", Domain(DomainError::Empty)),
        (".", Domain(DomainError::EmptyLabel)),
        ("a..b", Domain(DomainError::EmptyLabel)),
        ("-a.example", Domain(DomainError::Hyphen)),
        ("a-.example", Domain(DomainError::Hyphen)),
        ("xn--contoso-.com", Domain(DomainError::Hyphen)),
        ("xn--a.example", Domain(DomainError::Invalid)),
    ] {
        assert_eq!(CertificateName::parse(text), Err(why), "{text:?}");
    }
}

#[test]
fn patterns_take_names_label_by_label() {
    for (pattern, name, takes) in [
        ("d.example", "d.example", true),
        ("d.example", "D.EXAMPLE", true),
        ("d.example", "a.d.example", false),
        ("d.example", "*.d.example", false),
        ("*.d.example", "d.example", true),
        ("*.d.example", "a.d.example", true),
        ("*.d.example", "a.b.c.d.example", true),
        ("*.d.example", "*.d.example", true),
        ("*.d.example", "*.a.d.example", true),
        ("*.d.example", "*.example", false),
        ("*.d.example", "xd.example", false),
        ("*.d.example", "d.example.evil.example", false),
        ("*.d.example", "example", false),
        ("*.example", "*.d.example", true),
    ] {
        let pattern = Pattern::parse(pattern).unwrap();
        let name = CertificateName::parse(name).unwrap();
        assert_eq!(pattern.takes(&name), takes, "{pattern} and {name}");
    }
}
