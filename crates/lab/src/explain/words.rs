//! One recipient's attribution for people.

use super::write::connector;
use crate::attribution::{Attribution, Basis, Direction, Forest};

/// The result in one line, the reply in the next, and then every step, numbered.
#[must_use]
pub fn describe(forest: &Forest, attribution: &Attribution) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}: {}",
            attribution.rcpt.escape_debug(),
            verdict(forest, attribution)
        ),
        format!("  reply: {}", attribution.answer.text()),
        String::from("  why:"),
    ];
    for (index, why) in attribution.why.iter().enumerate() {
        let why = why.explained(forest.world());
        lines.push(format!(
            "  {:3}. {}, {}: {}",
            index + 1,
            why.stage,
            why.outcome,
            why.text
        ));
    }
    lines
}

/// Whose it is, on which ground, through what.
fn verdict(forest: &Forest, attribution: &Attribution) -> String {
    let world = forest.world();
    let tenant = attribution.tenant.and_then(|tenant| world.tenant(tenant));
    let Some(tenant) = tenant else {
        return String::from("nobody's");
    };
    let direction = match attribution.direction {
        Direction::Originating => "originating from",
        Direction::Incoming => "incoming for",
        Direction::None => "for",
    };
    let basis = match attribution.basis {
        Basis::Certificate => " by certificate",
        Basis::Sender => " by sender domain",
        Basis::Recipient => " by recipient domain",
        Basis::None => "",
    };
    let name = attribution.matched_name.as_ref();
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let through = match connector(world, attribution) {
        Some(connector) => format!("connector {connector:?}"),
        None => String::from("the default connector"),
    };
    format!("{direction} {}{basis}{name}, {through}", tenant.name)
}
