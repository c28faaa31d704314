//! The order of the certificates in a file: the leaf first, each one's issuer behind it.

use super::{Certificate, Order, Purpose};

/// Puts certificates into order, and says how they stood.
///
/// `named` is what a configuration names the file for. Authorities that somebody trusts have no
/// order, and neither has a file of authorities alone.
pub(super) fn put(chain: &mut Vec<Certificate>, named: Option<&Purpose>) -> Order {
    if named == Some(&Purpose::Authority) {
        return Order::InOrder;
    }
    let Some(leaf) = leaf(chain, named.is_some()) else {
        return Order::InOrder;
    };
    let path = path(chain, leaf);
    let order = if leaf > 0 {
        Order::LeafBehind
    } else if path.is_sorted() {
        return Order::InOrder;
    } else {
        Order::IssuersMixed
    };
    // What is no part of the path stays behind it.
    let mut rest: Vec<Option<Certificate>> = chain.drain(..).map(Some).collect();
    let on_path = path.iter().filter_map(|at| rest.get_mut(*at)?.take());
    chain.extend(on_path);
    chain.extend(rest.into_iter().flatten());
    order
}

/// Where the leaf stands: in front, unless an authority does. In a file that nothing names, only
/// what an authority of the same file has issued is certainly meant to be presented.
fn leaf(chain: &[Certificate], named: bool) -> Option<usize> {
    if !chain.first()?.authority {
        return Some(0);
    }
    let issued = |one: &Certificate| {
        let mut authorities = chain.iter().filter(|other| other.authority);
        authorities.any(|issuer| issuer.subject == one.issuer)
    };
    let ends = |one: &Certificate| !one.authority && !one.self_issued;
    let known = chain.iter().position(|one| ends(one) && issued(one));
    let otherwise = || chain.iter().position(|one| !one.authority);
    known.or_else(|| if named { otherwise() } else { None })
}

/// The leaf and its issuers, one after the other, as far as the file has them. Of several with the
/// same name the next one behind is taken.
fn path(chain: &[Certificate], leaf: usize) -> Vec<usize> {
    let mut path = vec![leaf];
    let mut at = leaf;
    while let Some(one) = chain.get(at)
        && !one.self_issued
        && path.len() < MOST
    {
        let issues = |(number, other): &(usize, &Certificate)| {
            other.authority && other.subject == one.issuer && !path.contains(number)
        };
        let behind = chain.iter().enumerate().skip(at + 1).find(issues);
        let Some((issuer, _)) = behind.or_else(|| chain.iter().enumerate().find(issues)) else {
            break;
        };
        path.push(issuer);
        at = issuer;
    }
    path
}

/// No way to a root is as long.
const MOST: usize = 16;
