//! What do `-m tcp`, `udp`, `sctp` and `dccp` ask? Ports, TCP flags, DCCP packet types.

use super::chunks;
use crate::diagnostic::Diagnostic;
use crate::iptables::build::{self, Built};
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::ports;
use crate::iptables::rule::Facts;
use crate::policy::{Header, Sought};
use crate::ruleset::{Expression, Protocol, Relation, Type};
use crate::value_names;

/// `-m tcp`
pub(in crate::iptables) fn tcp(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    // iptables hands ports and flags to nft, and the rest to its own match, which wants the header whole.
    let asks_flags =
        |given: &Given| given.negated || flags(&given.values[0]).is_ok_and(|mask| !mask.is_empty());
    let handed =
        narrows(loaded) || loaded.get("--syn").is_some() || loaded.get("--tcp-flags").is_some_and(asks_flags);
    if !handed || loaded.get("--tcp-option").is_some() {
        built.whole(Header::Tcp, Some(Protocol::Tcp), loaded.span);
    }
    port_options(loaded, facts, "tcp", 6, built)?;
    tcp_flags(loaded, built)?;
    if let Some(given) = loaded.get("--tcp-option") {
        let kind = number(given.value(), 1, 255)?;
        built.whole(Header::TcpOptions, Some(Protocol::Tcp), given.span);
        let kind = u8::try_from(kind).unwrap_or_default();
        built.sought(Sought::TcpOption(kind), given.negated, given.span);
    }
    Ok(())
}

/// `--tcp-flags` and `--syn`
fn tcp_flags(loaded: &Loaded, built: &mut Built) -> Result<(), Diagnostic> {
    match (loaded.get("--tcp-flags"), loaded.get("--syn")) {
        (Some(_), Some(syn)) => {
            Err(Diagnostic::new(syn.span, "`--syn` is a form of `--tcp-flags`: give one"))
        }
        (Some(given), None) => {
            let mask = flags(&given.values[0])?;
            let value = flags(&given.values[1])?;
            compare_flags(given, &mask, &value, built);
            Ok(())
        }
        (None, Some(given)) => {
            compare_flags(given, &["fin", "syn", "rst", "ack"], &["syn"], built);
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

/// `-m udp`
pub(in crate::iptables) fn udp(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    if !narrows(loaded) {
        built.whole(Header::Transport(8), Some(Protocol::Udp), loaded.span);
    }
    port_options(loaded, facts, "udp", 17, built)
}

/// `-m udplite`
pub(in crate::iptables) fn udplite(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    built.whole(Header::Transport(8), Some(Protocol::Udplite), loaded.span);
    port_options(loaded, facts, "udplite", 136, built)
}

/// `-m sctp`
pub(in crate::iptables) fn sctp(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    built.whole(Header::Transport(12), Some(Protocol::Sctp), loaded.span);
    port_options(loaded, facts, "sctp", 132, built)?;
    loaded.get("--chunk-types").map_or(Ok(()), |given| chunks::translate(given, built))
}

/// `-m dccp`
pub(in crate::iptables) fn dccp(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    built.whole(Header::Transport(12), Some(Protocol::Dccp), loaded.span);
    port_options(loaded, facts, "dccp", 33, built)?;
    if let Some(given) = loaded.get("--dccp-types") {
        dccp_types(given, built)?;
    }
    if let Some(given) = loaded.get("--dccp-option") {
        let kind = number(given.value(), 1, 255)?;
        let there = if given.negated { "missing" } else { "exists" };
        built.whole(Header::DccpOptions, Some(Protocol::Dccp), given.span);
        built.says(&format!("dccp option {kind} {there}"), given.span)?;
    }
    Ok(())
}

/// `--dccp-types`
fn dccp_types(given: &Given, built: &mut Built) -> Result<(), Diagnostic> {
    let mut types = Vec::new();
    for token in given.value().split(',') {
        let name = token.text.to_ascii_lowercase();
        // The kernel takes the first number without a name for all of them.
        let number = if name == "invalid" { Some(10) } else { dccp_type(&name) };
        let Some(number) = number else {
            return Err(Diagnostic::new(token.span, format!("unknown DCCP packet type `{}`", token.text)));
        };
        if !types.contains(&number) {
            types.push(number);
        }
    }
    let words = types.into_iter().map(|number| build::named(number, Type::DccpPktType, given.span)).collect();
    let left = build::header("dccp", "type", given.span);
    let right = one_or_set(words, given);
    built.equal(left, given.negated, right, given.span);
    Ok(())
}

/// Whether a port is asked for, and not just any.
fn narrows(loaded: &Loaded) -> bool {
    let narrows = |given: &Given| {
        given.negated || ports::ports(given.value(), true).is_ok_and(|ports| ports != (0..=u16::MAX))
    };
    ["--sport", "--dport"].iter().filter_map(|name| loaded.get(name)).any(narrows)
}

/// The only one of `items`, or a set of them.
pub(super) fn one_or_set(mut items: Vec<Expression>, given: &Given) -> Expression {
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            items.extend(last);
            build::set(items, given.span)
        }
    }
}

/// `--sport` and `--dport`
fn port_options(
    loaded: &Loaded,
    facts: &Facts<'_>,
    name: &str,
    number: u8,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    if !facts.only(number) {
        let message = format!("the match `{name}` needs `-p {name}`");
        return Err(Diagnostic::new(loaded.span, message));
    }
    for (option, field) in [("--sport", "sport"), ("--dport", "dport")] {
        if let Some(given) = loaded.get(option) {
            let ports = ports::ports(given.value(), true)?;
            let right = ports::expression(&ports, given.value().span);
            built.equal(build::header(name, field, given.span), given.negated, right, given.span);
        }
    }
    Ok(())
}

fn dccp_type(name: &str) -> Option<u8> {
    u8::try_from(value_names::value(Type::DccpPktType, name)?).ok()
}

fn compare_flags(given: &Given, mask: &[&str], value: &[&str], built: &mut Built) {
    let left = build::header("tcp", "flags", given.span);
    let left = build::and(left, build::bits(mask, given.span));
    let relation = if given.negated { Relation::NotEqual } else { Relation::Equal };
    built.protocol_said = true;
    built.compare(left, relation, build::bits(value, given.span), given.span);
}

/// `SYN,ACK`, `ALL` or `NONE`, in the order of the bits.
fn flags(token: &Token) -> Result<Vec<&'static str>, Diagnostic> {
    let mut found = [false; 6];
    for part in token.split(',').iter().filter(|part| !part.text.is_empty()) {
        match part.text.to_ascii_lowercase().as_str() {
            "all" => found = [true; 6],
            "none" => {}
            name => match FLAGS.iter().position(|known| *known == name) {
                Some(at) => found[at] = true,
                None => {
                    let message = format!("unknown TCP flag `{}`", part.text);
                    return Err(Diagnostic::new(part.span, message));
                }
            },
        }
    }
    Ok(FLAGS.into_iter().zip(found).filter(|(_, set)| *set).map(|(name, _)| name).collect())
}

const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];
