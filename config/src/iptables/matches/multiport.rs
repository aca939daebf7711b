//! What does `-m multiport` ask? That a port, or either, is one of up to fifteen.

use super::transport::one_or_set;
use crate::diagnostic::{Diagnostic, Span};
use crate::iptables::build::{self, Built};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::ports::{self, Ports};
use crate::iptables::rule::Facts;
use crate::policy::Header;
use crate::ruleset::{Expression, Protocol};

/// `-m multiport`
pub(in crate::iptables) fn translate(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let known = PROTOCOLS.iter().find(|(_, number)| facts.only(*number));
    let Some((protocol, _)) = known else {
        let message = "the match `multiport` needs `-p tcp`, `udp`, `udplite`, `sctp` or `dccp`";
        return Err(Diagnostic::new(loaded.span, message));
    };
    let given = match loaded.given.as_slice() {
        [given] => given,
        [] => {
            return Err(Diagnostic::new(
                loaded.span,
                "`multiport` needs `--sports`, `--dports` or `--ports`",
            ));
        }
        [_, second, ..] => return Err(Diagnostic::new(second.span, "`multiport` takes one list of ports")),
    };
    let list = list(given)?;
    built.whole(Header::Transport(4), Protocol::named(protocol), loaded.span);
    let span = given.span;
    let field = |name| build::header(protocol, name, span);
    let one = |name, built: &mut Built| {
        let items = list.iter().map(|ports| ports::expression(ports, span)).collect();
        built.equal(field(name), given.negated, one_or_set(items, given), span);
    };
    match given.option.name() {
        "--sports" => one("sport", built),
        "--dports" => one("dport", built),
        _ if given.negated => {
            one("sport", built);
            one("dport", built);
        }
        _ => {
            let left = build::concat(vec![field("sport"), field("dport")], span);
            built.protocol_said = true;
            built.equal(left, false, either(&list, span), span);
        }
    }
    Ok(())
}

/// The ports listed, sorted, without overlaps.
fn list(given: &Given) -> Result<Vec<Ports>, Diagnostic> {
    let mut all: Vec<Ports> = Vec::new();
    let mut weight = 0;
    for token in given.value().split(',') {
        let ports = ports::ports(&token, false)?;
        weight += if token.text.contains(':') { 2 } else { 1 };
        if weight > MOST_PORTS {
            let message = format!("more than {MOST_PORTS} ports; a range counts as two");
            return Err(Diagnostic::new(token.span, message));
        }
        all.push(ports);
    }
    all.sort_by_key(|ports| *ports.start());
    let mut merged: Vec<Ports> = Vec::new();
    for ports in all {
        match merged.last_mut() {
            Some(last) if ports.start() <= last.end() => {
                *last = *last.start()..=*last.end().max(ports.end());
            }
            _ => merged.push(ports),
        }
    }
    Ok(merged)
}

/// Pairs of source and destination port of which one is in `list`, without overlaps: the source is in it, or
/// it is not and the destination is.
fn either(list: &[Ports], span: Span) -> Expression {
    let pair = |source: &Ports, destination: &Ports| {
        build::concat(vec![ports::expression(source, span), ports::expression(destination, span)], span)
    };
    let any = 0..=u16::MAX;
    let mut pairs: Vec<Expression> = list.iter().map(|source| pair(source, &any)).collect();
    for source in gaps(list) {
        pairs.extend(list.iter().map(|destination| pair(&source, destination)));
    }
    build::set(pairs, span)
}

/// What lies between the sorted `list`.
fn gaps(list: &[Ports]) -> Vec<Ports> {
    let mut gaps = Vec::new();
    let mut next = Some(0_u16);
    for ports in list {
        if let Some(start) = next
            && start < *ports.start()
        {
            gaps.push(start..=ports.start() - 1);
        }
        next = ports.end().checked_add(1);
    }
    gaps.extend(next.map(|start| start..=u16::MAX));
    gaps
}

/// As the kernel's structure holds.
const MOST_PORTS: usize = 15;

const PROTOCOLS: [(&str, u8); 5] = [("tcp", 6), ("udp", 17), ("udplite", 136), ("sctp", 132), ("dccp", 33)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_list_cover_every_port_once() {
        for list in [vec![80..=80], vec![0..=0, 5..=9], vec![0..=65535], vec![3..=4, 65535..=65535]] {
            let mut all = gaps(&list);
            all.extend(list.iter().cloned());
            all.sort_by_key(|ports| *ports.start());
            assert_eq!(all.into_iter().flatten().collect::<Vec<u16>>(), (0..=u16::MAX).collect::<Vec<_>>());
        }
    }
}
