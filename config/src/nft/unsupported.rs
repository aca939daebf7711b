//! What of nft's language is refused, and why? What cannot be honoured in front of a wire says so; the
//! rest may come.

use crate::ruleset::Protocol;

pub(super) use super::keywords::is_keyword;

const YET: &str = "is not supported yet";
const NO_SOCKET: &str = "is not supported: a wire sees packets, not the sockets of the host";
const NO_ROUTE: &str = "is not supported: a wire has no routing table";
const NO_NAT: &str = "is not supported: Sluice does not rewrite packets";
const NO_QUEUE: &str = "is not supported: there is no kernel queue to a program behind a wire";
const NO_KERNEL: &str = "is not supported: it is a property of the kernel's own packet buffer";

/// Why no statement that starts with `word` is supported; none if there is no such statement.
pub(super) fn statement(word: &str) -> Option<&'static str> {
    Some(match word {
        "snat" | "dnat" | "masquerade" | "redirect" => NO_NAT,
        "queue" => NO_QUEUE,
        "socket" | "tproxy" => NO_SOCKET,
        "osf" | "log" | "limit" | "quota" | "meter" | "synproxy" | "dup" | "fwd" | "flow" => YET,
        "set" | "add" | "update" | "delete" | "map" | "last" | "numgen" | "jhash" => YET,
        "symhash" | "frag" | "exthdr" | "hbh" | "rt0" | "rt2" | "srh" | "dst" | "mh" => YET,
        "ah" | "esp" | "comp" | "igmp" | "gre" | "gretap" | "vxlan" | "geneve" => YET,
        "fib" | "rt" => NO_ROUTE,
        "ipsec" | "xfrm" => "is not supported: IPsec is not decrypted before a wire",
        "secmark" => NO_KERNEL,
        "xt" => "is not supported: it calls an iptables module of the kernel",
        _ => return meta_alone(word),
    })
}

fn meta_alone(word: &str) -> Option<&'static str> {
    const ALONE: [&str; 14] = [
        "mark",
        "nftrace",
        "rtclassid",
        "ibriport",
        "obriport",
        "ibrname",
        "obrname",
        "pkttype",
        "cpu",
        "iifgroup",
        "oifgroup",
        "cgroup",
        "iiftype",
        "oiftype",
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
        "mark" | "priority" | "nftrace" | "pkttype" | "ibrname" | "obrname" | "ibriport" | "obriport"
        | "iiftype" | "oiftype" | "random" | "time" | "day" | "hour" | "ibrpvid" | "ibrvproto" | "broute" => {
            YET
        }
        _ => return None,
    })
}

/// Why `ct KEY` is not supported; none if there is no such key.
pub(super) fn ct(key: &str) -> Option<&'static str> {
    Some(match key {
        "secmark" => NO_KERNEL,
        "status" | "mark" | "expiration" | "helper" | "label" | "event" | "zone" | "id" | "count"
        | "timeout" | "original" | "reply" | "bytes" | "packets" | "avgpkt" | "l3proto" | "protocol"
        | "proto-src" | "proto-dst" | "ip" | "ip6" | "saddr" | "daddr" | "expectation" => YET,
        _ => return None,
    })
}

/// Why `PROTOCOL FIELD` is not supported; none if there is no such field.
pub(super) fn field(protocol: Protocol, name: &str) -> Option<&'static str> {
    let known = match protocol {
        Protocol::Tcp => name == "option",
        Protocol::Ip => name == "option",
        Protocol::Sctp => name == "chunk",
        Protocol::Dccp => name == "option",
        Protocol::Icmpv6 => matches!(name, "taddr" | "daddr"),
        _ => false,
    };
    known.then_some(YET)
}

/// The name a field bears today.
pub(super) fn current_name(protocol: Protocol, name: &str) -> &str {
    match (protocol, name) {
        (Protocol::Icmpv6, "packet-too-big") => "mtu",
        (Protocol::Vlan, "cfi") => "dei",
        _ => name,
    }
}
