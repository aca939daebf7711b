//! How is a table put together? Objects first, regular chains that lead on only forwards, base chains on every hook.

use super::Asked;
use super::given::Given;
use super::known::Known;
use super::matches::condition;
use super::names::{Scope, Set, Table};
use super::statements::{limit, quota, statement, verdict, verdict_map};
use super::values::{hosts, port_set};
use crate::traffic::Random;

/// A whole table, one rule a line.
pub(super) fn table(random: &mut Random, family: &'static str, number: usize, asked: Asked) -> String {
    let mut table = Table {
        family,
        counts: asked.counts,
        given: Given::new(random, family, asked.helps),
        deletes: random.chance(20),
        sets: Vec::new(),
        changing: Vec::new(),
        maps: Vec::new(),
        vmaps: Vec::new(),
        limits: Vec::new(),
        quotas: Vec::new(),
        counters: Vec::new(),
        chains: Vec::new(),
        meters: 0,
    };
    for _ in 0..random.below(6) {
        table.chains.push(random.pick(&[Scope::Any, Scope::Input, Scope::Input, Scope::Output]));
    }
    let objects = objects(random, &mut table);
    let mut text = String::new();
    for chain in (0..table.chains.len()).rev() {
        text += &format!("\tchain c{chain} {{\n{}\t}}\n", rules(random, &mut table, chain));
    }
    for base in bases(random, &table.given) {
        text += &base_chain(random, &mut table, &base);
    }
    let mut sets = String::new();
    let Table { sets: plain, changing, maps, vmaps, .. } = &table;
    if asked.counts {
        sets += COUNTING;
    }
    for set in plain.iter().chain(changing).chain(maps).chain(vmaps) {
        sets += &set.declaration;
    }
    format!("table {family} t{number} {{\n{objects}{sets}{text}}}\n")
}

/// Whose elements count connections.
const COUNTING: &str = "\tset e4 {\n\t\ttype ipv4_addr\n\t\tsize 64\n\t\tflags dynamic\n\t}\n\tset e6 {\n\t\ttype ipv6_addr\n\t\tsize 64\n\t\tflags dynamic\n\t}\n";

struct Base {
    hook: &'static str,
    priority: &'static str,
    scope: Scope,
}

fn bases(random: &mut Random, given: &Given) -> Vec<Base> {
    let base = |hook, priority, scope| Base { hook, priority, scope };
    let mut bases = vec![base("input", random.pick(&["filter", "0", "filter + 10"]), Scope::Input)];
    if random.chance(70) {
        bases.push(base("output", random.pick(&["filter", "0", "-5"]), Scope::Output));
    }
    if given.zone().is_some() || random.chance(25) {
        bases.push(base("prerouting", random.pick(&["raw", "-301", "raw + 5"]), Scope::Early));
    }
    if given.zone().is_some() || random.chance(15) {
        bases.push(base("output", "raw", Scope::Early));
    }
    if random.chance(20) {
        bases.push(base("prerouting", random.pick(&["mangle", "-100", "filter"]), Scope::Prerouting));
    }
    if random.chance(10) {
        bases.push(base("postrouting", random.pick(&["mangle", "100", "300"]), Scope::Postrouting));
    }
    if random.chance(15) {
        bases.push(base("input", random.pick(&["security", "mangle", "filter - 1"]), Scope::Input));
    }
    bases
}

fn base_chain(random: &mut Random, table: &mut Table, base: &Base) -> String {
    table.meters += 1;
    let name = format!("b{}", table.meters);
    let policy = if random.chance(55) { "accept" } else { "drop" };
    let Base { hook, priority, scope } = base;
    let mut text =
        format!("\tchain {name} {{\n\t\ttype filter hook {hook} priority {priority}; policy {policy};\n");
    for line in table.given.first(random, *scope) {
        text += &format!("\t\t{line}\n");
    }
    if random.chance(60) && !matches!(scope, Scope::Early) {
        text += random.pick(&[
            "\t\tct state established,related accept\n",
            "\t\tct state vmap { established : accept, related : accept, invalid : drop }\n",
            "\t\tct state invalid drop\n",
            "\t\tct state new tcp dport { 22, 80, 443 } accept\n",
        ]);
    }
    for _ in 0..1 + random.below(8) {
        text += &rule(random, table, *scope, None);
    }
    if random.chance(15) && scope.may_reject() {
        text += "\t\treject\n";
    }
    text + "\t}\n"
}

fn rules(random: &mut Random, table: &mut Table, chain: usize) -> String {
    let scope = table.chains[chain];
    (0..1 + random.below(5)).map(|_| rule(random, table, scope, Some(chain))).collect()
}

fn rule(random: &mut Random, table: &mut Table, scope: Scope, from: Option<usize>) -> String {
    if scope == Scope::Early && random.chance(25) {
        return format!("\t\t{} notrack\n", condition(random, table, scope));
    }
    let mut parts: Vec<String> = Vec::new();
    let mut known = Known::of(table.family);
    let mut push = |part: String| {
        if !part.is_empty() && known.admits(&part) {
            parts.push(part);
        }
    };
    for _ in 0..random.pick(&[0, 1, 1, 1, 2, 2, 3]) {
        push(condition(random, table, scope));
    }
    for _ in 0..random.pick(&[0, 0, 0, 1, 1, 2]) {
        push(statement(random, table, scope));
    }
    if random.chance(15) {
        push(verdict_map(random, table, scope, from));
    } else {
        push(verdict(random, table, scope, from));
    }
    if parts.is_empty() {
        parts.push("counter".to_owned());
    }
    if random.chance(15) {
        parts.push(format!("comment \"r{}\"", random.below(1000)));
    }
    format!("\t\t{}\n", parts.join(" "))
}

/// Limits, quotas, counters; sets and maps are kept in the table.
fn objects(random: &mut Random, table: &mut Table) -> String {
    let mut text = table.given.objects();
    if random.chance(30) {
        text += &format!("\tlimit l0 {{\n\t\t{}\n\t}}\n", limit(random).trim_start_matches("limit "));
        table.limits.push("l0".to_owned());
    }
    if random.chance(30) {
        text += &format!(
            "\tquota q0 {{\n\t\t{}\n\t}}\n",
            quota(random).trim_start_matches("quota ").replace("until ", "")
        );
        table.quotas.push("q0".to_owned());
    }
    if random.chance(30) {
        text += "\tcounter k0 {\n\t}\n";
        table.counters.push("k0".to_owned());
    }
    for number in 0..random.below(4) {
        let set = plain_set(random, table, number);
        table.sets.push(set);
    }
    for number in 0..random.below(3) {
        let set = changing_set(random, table, number);
        table.changing.push(set);
    }
    if random.chance(30) {
        let data = "\t\ttype inet_service : mark\n\t\tflags interval\n\t\telements = { 22 : 0x1, 80 : 0x2, 40000-40003 : 0x10 }\n";
        let declaration = format!("\tmap n0 {{\n{data}\t}}\n");
        table.maps.push(Set { name: "n0".to_owned(), holds: "port", declaration });
    }
    if random.chance(30) {
        table.vmaps.push(verdict_set(random));
    }
    text
}

fn plain_set(random: &mut Random, table: &Table, number: usize) -> Set {
    let ipv6 = table.family == "ip6" || table.family == "inet" && random.chance(35);
    let name = format!("s{number}");
    let intervals = random.chance(50);
    let address = if ipv6 { "ipv6_addr" } else { "ipv4_addr" };
    let (kind, holds, elements) = match random.below(4) {
        0 => ("inet_service".to_owned(), "port", port_set(random, intervals)),
        1 => (address.to_owned(), if ipv6 { "ipv6" } else { "ipv4" }, hosts(random, ipv6, intervals)),
        2 => {
            let (hosts, ports) = (hosts(random, ipv6, intervals), port_set(random, intervals));
            let pairs = hosts.iter().zip(ports.iter().cycle()).map(|(host, port)| format!("{host} . {port}"));
            (
                format!("{address} . inet_service"),
                if ipv6 { "ipv6.port" } else { "ipv4.port" },
                pairs.collect(),
            )
        }
        _ => {
            let pairs = ["tcp . 80", "udp . 53", "tcp . 22", "sctp . 80", "udp . 40000"];
            let some: Vec<String> =
                pairs.iter().filter(|_| random.chance(60)).map(|pair| (*pair).to_owned()).collect();
            let some = if some.is_empty() { vec!["tcp . 443".to_owned()] } else { some };
            ("inet_proto . inet_service".to_owned(), "proto.port", some)
        }
    };
    let flags = if intervals { "\t\tflags interval\n" } else { "" };
    let declaration = format!(
        "\tset {name} {{\n\t\ttype {kind}\n{flags}\t\telements = {{ {} }}\n\t}}\n",
        elements.join(", ")
    );
    Set { name, holds, declaration }
}

fn changing_set(random: &mut Random, table: &Table, number: usize) -> Set {
    let name = format!("d{number}");
    let ipv6 = table.family == "ip6" || table.family == "inet" && random.chance(35);
    let (kind, holds) = match (random.below(3), ipv6) {
        (0, _) => ("inet_service", "port"),
        (1, false) => ("ipv4_addr . inet_service", "ipv4.port"),
        (1, true) => ("ipv6_addr . inet_service", "ipv6.port"),
        (_, false) => ("ipv4_addr", "ipv4"),
        (_, true) => ("ipv6_addr", "ipv6"),
    };
    let size = random.pick(&["", "\t\tsize 4\n", "\t\tsize 128\n"]);
    // what is taken out keeps its room until then
    let collected = if table.deletes { "\t\tgc-interval 1h\n" } else { "" };
    let declaration = format!(
        "\tset {name} {{\n\t\ttype {kind}\n\t\tflags dynamic,timeout\n{size}{collected}\t\ttimeout 1h\n\t}}\n"
    );
    Set { name, holds, declaration }
}

fn verdict_set(random: &mut Random) -> Set {
    let verdicts = ["accept", "drop", "return", "continue"];
    let (a, b, c) = (random.pick(&verdicts), random.pick(&verdicts), random.pick(&verdicts));
    let declaration = format!(
        "\tmap v0 {{\n\t\ttype inet_proto . inet_service : verdict\n\t\telements = {{ tcp . 80 : {a}, udp . 53 : {b}, tcp . 22 : {c} }}\n\t}}\n"
    );
    Set { name: "v0".to_owned(), holds: "proto.port", declaration }
}
