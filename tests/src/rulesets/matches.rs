//! What may a rule ask for? One condition, of any kind.

use super::fields::{FIELDS, Family, PRESENCE, WHOLE};
use super::names::{Scope, Table};
use super::values::{host, hosts, port_set, ports, prefix, range};
use crate::traffic::Random;

/// A condition a chain of this table and scope may have.
pub(super) fn condition(random: &mut Random, table: &Table, scope: Scope) -> String {
    match random.below(100) {
        0..35 => field(random, table),
        35..43 => presence(random, table),
        43..58 => whole(random, table),
        58..72 => address(random, table),
        72..80 => named_set(random, table),
        80..88 => concatenation(random, table),
        88..94 => interface(random, scope),
        _ => ct_address(random, table),
    }
}

fn fits(table: &Table, family: Family) -> bool {
    match family {
        Family::Both => true,
        Family::Inet => table.family == "inet",
        Family::Ipv4 => table.family != "ip6",
        Family::Ipv6 => table.family != "ip",
    }
}

fn of<T: Copy>(random: &mut Random, table: &Table, all: &[T], family: impl Fn(T) -> Family) -> T {
    loop {
        let found = random.pick(all);
        if fits(table, family(found)) {
            return found;
        }
    }
}

fn field(random: &mut Random, table: &Table) -> String {
    let (name, _, values, ordered) = of(random, table, FIELDS, |field| field.1);
    let value = random.pick(values);
    match random.below(8) {
        0 | 1 if ordered => format!("{name} {} {value}", random.pick(&["<", ">", "<=", ">="])),
        2 if ordered && values.len() > 1 => {
            let low = random.below(values.len() - 1);
            let high = low + 1 + random.below(values.len() - 1 - low);
            format!("{name} {}{}-{}", random.pick(&["", "!= "]), values[low], values[high])
        }
        3 | 4 if values.len() > 1 && name != "tcp flags" => {
            let some: Vec<&str> = values.iter().copied().filter(|_| random.chance(50)).collect();
            let some = if some.is_empty() { vec![value] } else { some };
            format!("{name} {}{{ {} }}", random.pick(&["", "!= "]), some.join(", "))
        }
        5 => format!("{name} != {value}"),
        _ => format!("{name} {value}"),
    }
}

fn presence(random: &mut Random, table: &Table) -> String {
    let (name, _) = of(random, table, PRESENCE, |one| one.1);
    format!("{name} {}", random.pick(&["exists", "missing"]))
}

fn whole(random: &mut Random, table: &Table) -> String {
    of(random, table, WHOLE, |one| one.1).0.to_owned()
}

/// The family of addresses to name, and its word.
pub(super) fn version(random: &mut Random, table: &Table) -> (bool, &'static str) {
    let ipv6 = match table.family {
        "ip" => false,
        "ip6" => true,
        _ => random.chance(35),
    };
    (ipv6, if ipv6 { "ip6" } else { "ip" })
}

fn address(random: &mut Random, table: &Table) -> String {
    let (ipv6, word) = version(random, table);
    let which = random.pick(&["saddr", "daddr"]);
    let not = if random.chance(25) { "!= " } else { "" };
    let value = match random.below(4) {
        0 => host(random, ipv6),
        1 => prefix(random, ipv6),
        2 => range(random, ipv6),
        _ => {
            let intervals = random.chance(50);
            format!("{{ {} }}", hosts(random, ipv6, intervals).join(", "))
        }
    };
    format!("{word} {which} {not}{value}")
}

fn named_set(random: &mut Random, table: &Table) -> String {
    let Some(set) = table.some_set(random) else { return whole(random, table) };
    let not = if random.chance(20) { "!= " } else { "" };
    format!("{} {not}@{}", set.key(random), set.name)
}

fn concatenation(random: &mut Random, table: &Table) -> String {
    let (ipv6, word) = version(random, table);
    let (which, transport) =
        (random.pick(&["saddr", "daddr"]), random.pick(&["tcp dport", "tcp sport", "udp dport", "th dport"]));
    let not = if random.chance(20) { "!= " } else { "" };
    if random.chance(30) {
        let states = random.pick(&["new", "established", "related"]);
        let (low, high) = ports(random);
        return format!(
            "ct state . {transport} {not}{{ {states} . {low}, {states} . {high}, invalid . 80 }}"
        );
    }
    let intervals = random.chance(40);
    let (hosts, ports) = (hosts(random, ipv6, false), port_set(random, intervals));
    let pairs: Vec<String> =
        hosts.iter().zip(ports.iter().cycle()).map(|(host, port)| format!("{host} . {port}")).collect();
    format!("{word} {which} . {transport} {not}{{ {} }}", pairs.join(", "))
}

fn interface(random: &mut Random, scope: Scope) -> String {
    let word = match scope {
        Scope::Input | Scope::Prerouting => "iifname",
        Scope::Output | Scope::Postrouting => "oifname",
        Scope::Any | Scope::Early => {
            return random.pick(&["meta l4proto tcp", "meta length > 60"]).to_owned();
        }
    };
    let value = random.pick(&[
        "\"eth0\"",
        "!= \"eth0\"",
        "\"eth*\"",
        "\"lo\"",
        "!= { \"lo\", \"eth1\" }",
        "{ \"eth0\", \"wan\" }",
    ]);
    format!("{word} {value}")
}

fn ct_address(random: &mut Random, table: &Table) -> String {
    let (ipv6, word) = version(random, table);
    let (direction, which) = (random.pick(&["original", "reply"]), random.pick(&["saddr", "daddr"]));
    let value = if random.chance(50) { host(random, ipv6) } else { prefix(random, ipv6) };
    format!("ct {direction} {word} {which} {}{value}", random.pick(&["", "!= "]))
}
