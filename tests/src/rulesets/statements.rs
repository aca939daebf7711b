//! What may a rule do? Statements that go on, and verdicts.

use super::matches::version;
use super::names::{Scope, Table};
use super::values::{host, port};
use crate::traffic::Random;

/// A statement behind which the rule goes on, maybe.
pub(super) fn statement(random: &mut Random, table: &mut Table, scope: Scope) -> String {
    if table.counts && random.chance(35) {
        return connections(random, table);
    }
    match random.below(100) {
        0..20 => "counter".to_owned(),
        20..26 => named(random, "counter name", &table.counters),
        26..38 => limit(random),
        38..44 => named(random, "limit name", &table.limits),
        44..50 => quota(random),
        50..54 => named(random, "quota name", &table.quotas),
        54..62 => format!("log prefix \"{}\"", random.pick(&["sluice ", "a: "])),
        62..72 => format!("meta mark set {}", number(random, table, "meta mark")),
        72..80 if scope != Scope::Early => format!("ct mark set {}", number(random, table, "ct mark")),
        80..92 => change(random, table),
        92..96 => meter(random, table),
        96..100 => table.given.some(random),
        _ => "counter".to_owned(),
    }
}

/// A bound on connections, of all packets that come so far or by address.
fn connections(random: &mut Random, table: &Table) -> String {
    let bound = format!("ct count {}{}", random.pick(&["", "over ", "over "]), random.below(5));
    if random.chance(60) {
        return bound;
    }
    let (ipv6, word) = version(random, table);
    let (set, which) = (if ipv6 { "e6" } else { "e4" }, random.pick(&["saddr", "daddr"]));
    format!("{} @{set} {{ {word} {which} {bound} }}", random.pick(&["add", "update"]))
}

fn named(random: &mut Random, word: &str, names: &[String]) -> String {
    if names.is_empty() {
        "counter".to_owned()
    } else {
        format!("{word} \"{}\"", names[random.below(names.len())])
    }
}

pub(super) fn limit(random: &mut Random) -> String {
    let over = random.pick(&["", "over "]);
    let (rate, unit) = (random.pick(&[1, 1, 2]), random.pick(&["hour", "day"]));
    if random.chance(80) {
        format!("limit rate {over}{rate}/{unit} burst {} packets", 1 + random.below(20))
    } else {
        format!("limit rate {over}{rate} bytes/{unit} burst {} bytes", random.pick(&[100, 1000, 5000]))
    }
}

pub(super) fn quota(random: &mut Random) -> String {
    format!("quota {} {} bytes", random.pick(&["over", "until"]), random.pick(&[60, 500, 3000, 20_000]))
}

/// What a mark is set to.
fn number(random: &mut Random, table: &Table, own: &str) -> String {
    match random.below(6) {
        0 => format!("{own} | 0x{:x}", random.pick(&[1, 2, 16])),
        1 => format!("{own} & 0x{:x}", random.pick(&[1, 3, 15])),
        2 => "tcp dport map { 22 : 1, 80 : 2, 443 : 3, 40000-40005 : 7 }".to_owned(),
        3 if !table.maps.is_empty() => {
            let map = table.maps[random.below(table.maps.len())].clone();
            format!("{} map @{}", map.key(random), map.name)
        }
        4 => if own == "ct mark" { "meta mark" } else { "ct mark" }.to_owned(),
        _ => random.pick(&["1", "2", "0x10", "3"]).to_owned(),
    }
}

/// Puts the packet into a set.
fn change(random: &mut Random, table: &Table) -> String {
    if table.changing.is_empty() {
        return "counter".to_owned();
    }
    let set = table.changing[random.below(table.changing.len())].clone();
    let key = set.key(random);
    let rest = match random.below(6) {
        0 => format!(" {}", limit(random)),
        1 => " counter".to_owned(),
        2 => " timeout 1h".to_owned(),
        _ => String::new(),
    };
    if table.deletes && random.chance(20) {
        return format!("delete @{} {{ {key} }}", set.name);
    }
    let verb = if random.chance(60) { "add" } else { "update" };
    format!("{verb} @{} {{ {key}{rest} }}", set.name)
}

fn meter(random: &mut Random, table: &mut Table) -> String {
    table.meters += 1;
    let (_, word) = version(random, table);
    format!("meter m{} {{ {word} saddr {} }}", table.meters, limit(random))
}

/// What ends the rule; nothing, at times.
pub(super) fn verdict(random: &mut Random, table: &Table, scope: Scope, from: Option<usize>) -> String {
    let target = table.target(random, scope, from);
    match (random.below(100), target) {
        (0..30, _) => "accept".to_owned(),
        (30..45, _) => "drop".to_owned(),
        (45..57, Some(target)) => format!("jump {target}"),
        (57..62, Some(target)) => format!("goto {target}"),
        (62..66, _) => "return".to_owned(),
        (66..68, _) => "continue".to_owned(),
        (68..82, _) if scope.may_reject() => reject(random, table),
        _ => String::new(),
    }
}

fn reject(random: &mut Random, table: &Table) -> String {
    let of = |random: &mut Random, protocol: &str, kinds: &[&str]| {
        format!("reject with {protocol} {}", random.pick(kinds))
    };
    match (random.below(5), table.family) {
        // behind what says that it is TCP, which the rule may not say yet
        (0, _) => "meta l4proto tcp reject with tcp reset".to_owned(),
        (1, _) => "reject".to_owned(),
        (_, "ip") => of(random, "icmp", ICMP),
        (_, "ip6") => of(random, "icmpv6", ICMPV6),
        (2, _) => format!("meta nfproto ipv4 {}", of(random, "icmp", ICMP)),
        (3, _) => format!("meta nfproto ipv6 {}", of(random, "icmpv6", ICMPV6)),
        _ => of(random, "icmpx", ICMPX),
    }
}

/// What an ICMP error may say of a refused packet.
const ICMP: &[&str] = &[
    "net-unreachable",
    "host-unreachable",
    "prot-unreachable",
    "port-unreachable",
    "net-prohibited",
    "host-prohibited",
    "admin-prohibited",
];

/// Over IPv6.
const ICMPV6: &[&str] =
    &["no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"];

/// Over either.
const ICMPX: &[&str] = &["port-unreachable", "admin-prohibited", "no-route", "host-unreachable"];

/// A lookup that decides.
pub(super) fn verdict_map(random: &mut Random, table: &Table, scope: Scope, from: Option<usize>) -> String {
    if !table.vmaps.is_empty() && random.chance(35) {
        let map = table.vmaps[random.below(table.vmaps.len())].clone();
        return format!("{} vmap @{}", map.key(random), map.name);
    }
    let some = |random: &mut Random| loop {
        let word = simple_verdict(random, table, scope, from);
        if !word.is_empty() {
            return word;
        }
    };
    let (a, b, c) = (some(random), some(random), some(random));
    match random.below(7) {
        0 => format!("ct state vmap {{ established : {a}, related : {b}, invalid : {c} }}"),
        1 => format!("tcp dport vmap {{ 22 : {a}, 80-443 : {b}, 8080 : {c} }}"),
        2 => format!("meta l4proto vmap {{ tcp : {a}, udp : {b}, sctp : {c} }}"),
        3 => {
            let (ipv6, word) = version(random, table);
            let (one, other) = (host(random, ipv6), super::values::address(ipv6, 1, 9));
            format!("{word} saddr vmap {{ {one} : {a}, {other} : {b} }}")
        }
        4 => {
            let one = port(random);
            format!("meta l4proto . th dport vmap {{ tcp . {one} : {a}, udp . {one} : {b}, udp . 9 : {c} }}")
        }
        5 => format!("ct direction vmap {{ original : {a}, reply : {b} }}"),
        _ => format!("meta mark vmap {{ 0x1 : {a}, 0x2 : {b}, 0x10 : {c} }}"),
    }
}

fn simple_verdict(random: &mut Random, table: &Table, scope: Scope, from: Option<usize>) -> String {
    match (random.below(6), table.target(random, scope, from)) {
        (0, Some(target)) => format!("jump {target}"),
        (1, Some(target)) => format!("goto {target}"),
        (2, _) => "drop".to_owned(),
        (3, _) => "return".to_owned(),
        (4, _) => "continue".to_owned(),
        _ => "accept".to_owned(),
    }
}
