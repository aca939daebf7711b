//! What does a set of networks hold if some lie within others? ipset asks the smallest that holds an address: it may be an
//! exception. Elements that end count for as long as one of them is there.

use std::cmp::Reverse;

use crate::ruleset::{Element, Literal, Term};

/// A network, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) low: u128,
    pub(super) high: u128,
    /// Whether addresses are in the set, rather than excepted.
    pub(super) held: bool,
    /// Milliseconds until it ends; [`u64::MAX`] is never.
    pub(super) ends: u64,
}

impl Net {
    /// That of an element which is an address, a network or a range.
    pub(super) fn of(element: &Element, held: bool) -> Option<Self> {
        let ends = element.extra.as_ref().and_then(|extra| extra.timeout).unwrap_or(u64::MAX);
        let (low, high) = match &element.key.term {
            Term::Range(both) => (address(&both.0.term)?.0, address(&both.1.term)?.0),
            Term::Prefix(base, bits) => {
                let (base, width) = address(&base.term)?;
                let left = width.checked_sub((*bits).into())?;
                let hosts = 1_u128.checked_shl(left).unwrap_or(0).wrapping_sub(1);
                (base & !hosts, base | hosts)
            }
            term => (address(term)?.0, address(term)?.0),
        };
        Some(Self { low, high, held, ends })
    }
}

/// An address as a number, and its bits.
fn address(term: &Term) -> Option<(u128, u32)> {
    match term {
        Term::Literal(Literal::Ipv4(address)) => Some((u32::from(*address).into(), 32)),
        Term::Literal(Literal::Ipv6(address)) => Some(((*address).into(), 128)),
        _ => None,
    }
}

/// Whether one lies within another, or over its end.
pub(super) fn overlap(nets: &mut [Net]) -> bool {
    sort(nets);
    nets.windows(2).any(|both| both[1].low <= both[0].high)
}

fn sort(nets: &mut [Net]) {
    nets.sort_unstable_by_key(|net| (net.low, Reverse(net.high)));
}

/// What is held, in parts that do not overlap; `None` if a network lies over the end of another.
pub(super) fn apart(mut nets: Vec<Net>) -> Option<Vec<Net>> {
    sort(&mut nets);
    let mut parts: Vec<Net> = Vec::new();
    // Those that hold the address at hand, the smallest last, and the address.
    let (mut open, mut at): (Vec<Net>, u128) = (Vec::new(), 0);
    let mut close = |open: &mut Vec<Net>, at: &mut u128, until: Option<u128>| {
        while let Some(last) = open.last().copied().filter(|last| until.is_none_or(|until| last.high < until))
        {
            open.pop();
            if *at <= last.high {
                parts.push(Net { low: *at, ..last });
                *at = last.high.saturating_add(1);
            }
        }
        if let (Some(last), Some(until)) = (open.last(), until)
            && *at < until
        {
            parts.push(Net { low: *at, high: until - 1, ..*last });
        }
    };
    for net in nets {
        close(&mut open, &mut at, Some(net.low));
        let ends = match open.last() {
            Some(around) if net.high > around.high => return None,
            Some(around) if around.held => net.ends.max(around.ends),
            _ => net.ends,
        };
        at = net.low;
        open.push(Net { ends, ..net });
    }
    close(&mut open, &mut at, None);
    parts.retain(|part| part.held);
    parts.dedup_by(|next, before| {
        let joins = before.high.checked_add(1) == Some(next.low) && before.ends == next.ends;
        if joins {
            before.high = next.high;
        }
        joins
    });
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::{Net, apart};
    use proptest::prelude::*;

    fn net() -> impl Strategy<Value = Net> {
        (0..256_u128, 0..=8_u32, prop::bool::weighted(0.7), 1..4_u64).prop_map(|(base, bits, held, ends)| {
            let hosts = (1 << bits) - 1;
            Net { low: base & !hosts, high: base | hosts, held, ends }
        })
    }

    proptest! {
        #[test]
        fn the_smallest_network_decides(nets in prop::collection::vec(net(), 0..12)) {
            let mut nets = nets;
            nets.sort_by_key(|net| (net.low, net.high));
            nets.dedup_by_key(|net| (net.low, net.high));
            let same = nets.iter().all(|net| net.held);
            let parts = apart(nets.clone()).expect("networks are nested");
            for address in 0..256 {
                let holding = || nets.iter().filter(|net| net.low <= address && address <= net.high);
                let smallest = holding().min_by_key(|net| net.high - net.low);
                let found: Vec<&Net> =
                    parts.iter().filter(|part| part.low <= address && address <= part.high).collect();
                prop_assert_eq!(found.len(), usize::from(smallest.is_some_and(|net| net.held)));
                if same {
                    let longest = holding().map(|net| net.ends).max();
                    prop_assert_eq!(found.first().map(|part| part.ends), longest);
                }
            }
        }
    }

    #[test]
    fn a_network_over_the_end_of_another_is_none() {
        let net = |low, high| Net { low, high, held: true, ends: u64::MAX };
        assert_eq!(apart(vec![net(0, 5), net(4, 8)]), None);
        assert_eq!(apart(vec![net(0, 5), net(6, u128::MAX)]), Some(vec![net(0, u128::MAX)]));
    }
}
