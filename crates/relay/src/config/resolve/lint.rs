//! `[[lint.allow]]`: the relay has no use for it, but says what is wrong with it.

use super::super::file::AllowSection;
use super::super::problem::Problem;

/// Every allowance says which rule's findings it accepts, and why: one without a reason is one that
/// nobody dares to remove.
pub(in super::super) fn check(allowances: &[AllowSection], problems: &mut Vec<Problem>) {
    for section in allowances {
        let heading = &section.heading;
        if section.rule.is_none() {
            let remedy = "add rule = \"...\", the id in front of the finding, as in \"EXO-L03\"";
            problems.extend(heading.missing("rule", remedy));
        }
        if section.reason.is_none() {
            let remedy = "add reason = \"...\", why these findings are accepted";
            problems.extend(heading.missing("reason", remedy));
        }
    }
}
