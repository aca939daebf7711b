//! What do `-m addrtype`, `pkttype`, `tos`, `ecn` and `tcpmss` ask of a packet?

use super::connection::word;
use super::fields::only;
use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::Built;
use crate::iptables::numbers::{self, number};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::policy::{Header, Sought};
use crate::ruleset::Protocol;

type Done = Result<(), Diagnostic>;

/// `-m addrtype`
pub(in crate::iptables) fn addrtype(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let device = match (loaded.get("--limit-iface-in"), loaded.get("--limit-iface-out")) {
        (Some(_), Some(second)) => {
            let message = "`--limit-iface-in` and `--limit-iface-out` exclude each other";
            return Err(Diagnostic::new(second.span, message));
        }
        (Some(_), None) => " . iif",
        (None, Some(_)) => " . oif",
        (None, None) => "",
    };
    let types = ["--src-type", "--dst-type"];
    if types.iter().all(|option| loaded.get(option).is_none()) {
        let message = "the match `addrtype` needs `--src-type` or `--dst-type`";
        return Err(Diagnostic::new(loaded.span, message));
    }
    for (option, field) in [("--src-type", "saddr"), ("--dst-type", "daddr")] {
        if let Some(given) = loaded.get(option) {
            address_type(given, &format!("{field}{device}"), facts, built)?;
        }
    }
    Ok(())
}

fn address_type(given: &Given, field: &str, facts: &Facts<'_>, built: &mut Built) -> Done {
    let mut names = Vec::new();
    for token in given.value().split(',') {
        let name = word(&token, &ADDRESS_TYPES)?;
        if ROUTED.contains(&name) {
            let message =
                format!("the type {} is not supported: only the routes of a host know it", token.text);
            return Err(Diagnostic::new(token.span, message));
        }
        if facts.version == Version::V6 && name == "broadcast" {
            return Err(Diagnostic::new(token.span, "IPv6 has no broadcast"));
        }
        if name == "anycast" {
            built.note(token.span, "no address is ever ANYCAST here: only the routes of a host know it");
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let not = if given.negated { "!= " } else { "" };
    let list = match names.as_slice() {
        [only] => (*only).to_owned(),
        _ => format!("{{ {} }}", names.join(", ")),
    };
    built.says(&format!("fib {field} type {not}{list}"), given.span)
}

/// `-m pkttype`
pub(in crate::iptables) fn pkttype(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let name = match word(given.value(), &["unicast", "host", "broadcast", "bcast", "multicast", "mcast"])? {
        "unicast" => "host",
        "bcast" => "broadcast",
        "mcast" => "multicast",
        name => name,
    };
    let not = if given.negated { "!= " } else { "" };
    built.says(&format!("meta pkttype {not}{name}"), given.span)
}

/// `-m tos`: all eight bits, of which a name compares six.
pub(in crate::iptables) fn tos(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let token = given.value();
    let said = token.text.to_ascii_lowercase();
    let named = TOS.iter().find(|(name, _)| *name == said);
    let (value, mask) = match named {
        Some((_, value)) => (*value, 0x3f),
        None => {
            let (value, mask) = token.split_once('/');
            let read = |token: &_| number(token, 0, 255);
            (read(&value)?, mask.as_ref().map_or(Ok(255), read)?)
        }
    };
    let offset = if facts.version == Version::V4 { 8 } else { 4 };
    let relation = if given.negated { "!=" } else { "==" };
    let left = format!("@nh,{offset},8");
    let text = match mask {
        255 => format!("{left} {relation} {value:#x}"),
        _ => format!("{left} & {mask:#x} {relation} {value:#x}"),
    };
    built.says(&text, given.span)
}

/// `-m ecn`
pub(in crate::iptables) fn ecn(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    if loaded.given.is_empty() {
        let message = "the match `ecn` needs `--ecn-ip-ect`, `--ecn-tcp-ece` or `--ecn-tcp-cwr`";
        return Err(Diagnostic::new(loaded.span, message));
    }
    for given in &loaded.given {
        let text = match given.option.name() {
            "--ecn-ip-ect" => {
                let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
                let not = if given.negated { "!= " } else { "" };
                format!("{protocol} ecn {not}{}", number(given.value(), 0, 3)?)
            }
            option if !facts.only(6) => {
                return Err(Diagnostic::new(given.span, format!("`{option}` needs `-p tcp`")));
            }
            option => {
                let flag = if option == "--ecn-tcp-ece" { "ecn" } else { "cwr" };
                built.protocol_said = true;
                format!("tcp flags & {flag} {} {flag}", if given.negated { "!=" } else { "==" })
            }
        };
        built.says(&text, given.span)?;
    }
    Ok(())
}

/// `-m tcpmss`: negated, a segment without such an option matches too.
pub(in crate::iptables) fn tcpmss(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    if !facts.only(6) {
        return Err(Diagnostic::new(loaded.span, "the match `tcpmss` needs `-p tcp`"));
    }
    let given = only(loaded)?;
    let range = numbers::range(given.value(), u64::from(u16::MAX))?;
    built.whole(Header::TcpOptions, Some(Protocol::Tcp), loaded.span);
    let end = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    let sought = Sought::SegmentSize { low: end(range.low), high: end(range.high) };
    built.sought(sought, given.negated, given.span);
    Ok(())
}

const ADDRESS_TYPES: [&str; 12] = [
    "unspec",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
    "xresolve",
];
const ROUTED: [&str; 6] = ["blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"];

/// RFC 1349.
const TOS: [(&str, u64); 5] = [
    ("minimize-delay", 0x10),
    ("maximize-throughput", 0x08),
    ("maximize-reliability", 0x04),
    ("minimize-cost", 0x02),
    ("normal-service", 0x00),
];
