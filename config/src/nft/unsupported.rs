//! What of nft's language is refused, and why? What cannot be honoured in front of a wire says so.

use crate::ruleset::Protocol;

pub(super) use super::keywords::is_keyword;

const NO_SOCKET: &str = "is not supported: a wire sees packets, not the sockets of the host";
const NO_ROUTE: &str = "is not supported: a wire has no routing table";
const NO_NAT: &str = "is not supported: Sluice does not rewrite packets";
const NO_QUEUE: &str = "is not supported: there is no kernel queue to a program behind a wire";
const NO_SOCKET_GUESS: &str = "is not supported: there is no table of operating systems here";
const NO_BRIDGE: &str = "is not supported: a wire is no port of a bridge";
const INNER: &str = "is not supported: rules see the outer headers of a tunnel only";
/// Why `last` is not supported.
pub(super) const LAST: &str =
    "`last` is not supported: when a rule matched last is not kept; `counter` counts";
const NO_KERNEL: &str = "is not supported: it is a property of the kernel's own packet buffer";

/// Why `ct expectation` is not supported.
pub(super) const NO_EXPECTATION: &str = "is not supported: connections are expected by helpers only";

/// Why no statement that starts with `word` is supported; none if there is no such statement.
pub(super) fn statement(word: &str) -> Option<&'static str> {
    Some(match word {
        "snat" | "dnat" | "masquerade" | "redirect" => NO_NAT,
        "queue" => NO_QUEUE,
        "socket" | "tproxy" => NO_SOCKET,
        "osf" => NO_SOCKET_GUESS,
        "synproxy" => "is not supported: Sluice does not answer for servers",
        "dup" | "fwd" => "is not supported: a wire has one way out",
        "flow" => "is not supported: the data path keeps flows of its own, without being told",
        "last" => "is not supported: when a rule matched last is not kept; `counter` counts",
        "jhash" => "is not supported: values hashed from fields are not there yet; `numgen` spreads packets",
        "symhash" => "is not supported: its values are the kernel's own",
        "vxlan" | "geneve" | "gretap" => INNER,
        "tunnel" => "is not supported: a wire ends no tunnels",
        "rt" => NO_ROUTE,
        "reset" => "is not supported: Sluice does not rewrite packets",
        "ipsec" | "xfrm" => "is not supported: IPsec is not decrypted before a wire",
        "secmark" => NO_KERNEL,
        "xt" => "is not supported: it is a rule of iptables that nft cannot tell; iptables-save can",
        _ => return meta_alone(word),
    })
}

fn meta_alone(word: &str) -> Option<&'static str> {
    const ALONE: [&str; 10] = [
        "nftrace",
        "rtclassid",
        "ibriport",
        "obriport",
        "ibrname",
        "obrname",
        "cpu",
        "iifgroup",
        "oifgroup",
        "cgroup",
    ];
    let alone = ALONE.contains(&word) || matches!(word, "skuid" | "skgid");
    alone.then(|| meta(word)).flatten()
}

/// Why `meta KEY` is not supported; none if there is no such key.
pub(super) fn meta(key: &str) -> Option<&'static str> {
    Some(match key {
        "skuid" | "skgid" | "cgroup" => NO_SOCKET,
        "rtclassid" => NO_ROUTE,
        "cpu" | "iifgroup" | "oifgroup" | "iifkind" | "oifkind" | "secmark" | "sdif" | "sdifname" => {
            NO_KERNEL
        }
        "ipsec" | "secpath" => "is not supported: IPsec is not decrypted before a wire",
        "priority" => "is not supported: there are no queueing classes in front of a wire",
        "nftrace" => "is not supported: `sluice explain` shows the way of a packet",
        "ibrname" | "obrname" | "ibriport" | "obriport" | "ibrpvid" | "ibrvproto" | "broute" => NO_BRIDGE,
        _ => return None,
    })
}

/// Why `ct KEY` is not supported; none if there is no such key.
pub(super) fn ct(key: &str) -> Option<&'static str> {
    Some(match key {
        "secmark" => NO_KERNEL,
        "expectation" => NO_EXPECTATION,
        "timeout" => "is not supported: it is given to a connection, with `set`, but not compared",
        "label" | "event" | "id" => "is not supported: only the kernel's own connection tracking has it",
        _ => return None,
    })
}

/// Why `PROTOCOL FIELD`, a header inside another, is not supported; none if it is no header.
pub(super) fn inner(protocol: Protocol, name: &str) -> Option<&'static str> {
    match (protocol, name) {
        (Protocol::Gre, _) => Protocol::named(name).map(|_| INNER),
        (Protocol::Rt, "classid" | "nexthop" | "mtu" | "ip" | "ip6" | "ipsec") => Some(NO_ROUTE),
        _ => None,
    }
}

/// Whether `word` starts something of the packet that is not supported.
pub(super) fn selector(word: &str) -> bool {
    matches!(
        word,
        "socket" | "osf" | "ipsec" | "jhash" | "symhash" | "vxlan" | "geneve" | "gretap" | "tunnel"
    ) || meta_alone(word).is_some()
}

/// The name a field bears today.
pub(super) fn current_name(protocol: Protocol, name: &str) -> &str {
    match (protocol, name) {
        (Protocol::Icmpv6, "packet-too-big") => "mtu",
        (Protocol::Icmpv6, "param-problem") => "parameter-problem",
        (Protocol::Vlan, "cfi") => "dei",
        _ => name,
    }
}

/// Why objects declared by `word` are not supported.
pub(super) fn object(word: &str) -> &'static str {
    match word {
        "flowtable" => "is not supported: the data path keeps flows of its own, without being told",
        "synproxy" => "is not supported: Sluice does not answer for servers",
        "tunnel" => "is not supported: a wire ends no tunnels",
        _ => NO_KERNEL,
    }
}
