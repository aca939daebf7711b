//! Which rules are classified by? Random ones of two kinds, the same in every run: as nft text, as rules of `rte_acl`,
//! and headers that meet them.

use crate::duel::Random;
use dataplane::packet::build::FrameBuilder;
use dpdk::rivals::{AclHeader, AclRule};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// What kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Clients' networks to ports of a few servers.
    Whitelist,
    /// Prefixes of all lengths on both sides, ranges of ports on both sides.
    Acl,
    /// As acl, but as sites write them: networks within networks, the special ones first, so that nearly all rules count.
    Nested,
}

impl Kind {
    /// Its name on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whitelist => "whitelist",
            Self::Acl => "acl",
            Self::Nested => "nested",
        }
    }
}

/// Rules of this kind.
pub fn rules(kind: Kind, count: usize) -> Vec<AclRule> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ count as u64);
    let mut rules: Vec<AclRule> = (0..count).map(|_| rule(kind, &mut random)).collect();
    if kind == Kind::Nested {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.source.1 + rule.destination.1));
    }
    rules
}

fn rule(kind: Kind, random: &mut Random) -> AclRule {
    let protocol = if random.below(5) == 0 { 17 } else { 6 };
    match kind {
        Kind::Whitelist => {
            let bits = [16, 24, 24, 24, 24, 24, 32, 32, 32, 32][random.below(10) as usize];
            let service = SERVICES[random.below(SERVICES.len() as u64) as usize];
            AclRule {
                source: prefix(0x0a00_0000 | random.below(1 << 24) as u32, bits),
                destination: (0xc000_0200 | random.below(16) as u32, 32),
                source_ports: [0, u16::MAX],
                destination_ports: [service, service],
                protocol,
            }
        }
        Kind::Acl => {
            let mut side = || {
                let bits = [0, 8, 16, 20, 23, 24, 26, 28, 30, 32][random.below(10) as usize];
                prefix(0x0a00_0000 | random.below(1 << 20) as u32, bits)
            };
            let (source, destination) = (side(), side());
            let source_ports = if random.below(5) == 0 { [1024, u16::MAX] } else { [0, u16::MAX] };
            let destination_ports = match random.below(10) {
                0 => [1024, u16::MAX],
                1 | 2 => [0, u16::MAX],
                3 | 4 => {
                    let low = random.below(60_000) as u16;
                    [low, low + random.below(5000) as u16]
                }
                _ => [random.below(2000) as u16; 2],
            };
            AclRule { source, destination, source_ports, destination_ports, protocol }
        }
        Kind::Nested => {
            let mut side = |lengths: [u32; 10]| {
                // a few sites, each with its networks, those with their hosts
                let [site, network] = [6, 8].map(|bits| random.below(1 << bits) as u32);
                let address =
                    0x0a00_0000 | ((site * 37) & 0xff) << 16 | network << 8 | random.below(256) as u32;
                prefix(address, lengths[random.below(10) as usize])
            };
            let source = side([0, 0, 0, 8, 16, 16, 24, 24, 32, 32]);
            let destination = side([16, 20, 24, 24, 24, 28, 28, 32, 32, 32]);
            let source_ports = if random.below(10) == 0 { [1024, u16::MAX] } else { [0, u16::MAX] };
            let destination_ports = match random.below(20) {
                0 => [1024, u16::MAX],
                1 | 2 => [0, u16::MAX],
                3 | 4 => {
                    let low = random.below(60_000) as u16;
                    [low, low + random.below(200) as u16]
                }
                5..9 => [random.below(u64::from(u16::MAX)) as u16; 2],
                _ => [SERVICES[random.below(SERVICES.len() as u64) as usize]; 2],
            };
            AclRule { source, destination, source_ports, destination_ports, protocol }
        }
    }
}

fn prefix(address: u32, bits: u32) -> (u32, u32) {
    (if bits == 0 { 0 } else { address & u32::MAX << (32 - bits) }, bits)
}

/// One chain of them in nft's language.
pub fn text(rules: &[AclRule]) -> String {
    let hook = "type filter hook input priority filter; policy accept;";
    format!("table ip bench {{\n\tchain input {{\n\t\t{hook}\n{}\t}}\n}}\n", lines(rules))
}

/// The ruleset for `sluice bench`: behind the rules that let its packets pass.
pub fn served(rules: &[AclRule]) -> String {
    let base = |hook: &str| {
        format!("\tchain {hook} {{ type filter hook {hook} priority filter; policy drop; goto bench; }}\n")
    };
    let service = "\t\tct state established,related accept\n\t\tct state new tcp dport 443 accept\n";
    let chain = format!("\tchain bench {{\n{service}{}\t}}\n", lines(rules));
    format!("table ip bench {{\n{chain}{}{}}}\n", base("input"), base("output"))
}

fn lines(rules: &[AclRule]) -> String {
    let mut text = String::new();
    for (number, rule) in rules.iter().enumerate() {
        text.push_str("\t\t");
        for (word, (address, bits)) in [("saddr", rule.source), ("daddr", rule.destination)] {
            if bits > 0 {
                let _ = write!(text, "ip {word} {}/{bits} ", Ipv4Addr::from(address));
            }
        }
        let name = if rule.protocol == 6 { "tcp" } else { "udp" };
        let mut open = true;
        for (word, [low, high]) in [("sport", rule.source_ports), ("dport", rule.destination_ports)] {
            if [low, high] != [0, u16::MAX] {
                open = false;
                let _ = write!(text, "{name} {word} {low}");
                if high > low {
                    let _ = write!(text, "-{high}");
                }
                text.push(' ');
            }
        }
        if open {
            let _ = write!(text, "meta l4proto {name} ");
        }
        text.push_str(if number % 3 == 0 { "drop\n" } else { "accept\n" });
    }
    text
}

/// Headers, nine of ten inside of a random rule, and the frames they stand in.
pub fn trace(rules: &[AclRule]) -> (Vec<AclHeader>, Vec<Vec<u8>>) {
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    (0..TRACE)
        .map(|_| {
            let any = AclRule {
                source: (0, 0),
                destination: (0, 0),
                source_ports: [0, u16::MAX],
                destination_ports: [0, u16::MAX],
                protocol: 6,
            };
            let rule =
                if random.below(10) == 0 { any } else { rules[random.below(rules.len() as u64) as usize] };
            let mut address =
                |(address, bits): (u32, u32)| address | (random.next() as u32).checked_shr(bits).unwrap_or(0);
            let (source, destination) = (address(rule.source), address(rule.destination));
            let mut port = |[low, high]: [u16; 2]| low + random.below(u64::from(high - low) + 1) as u16;
            let (source_port, destination_port) = (port(rule.source_ports), port(rule.destination_ports));
            let mut header = [0; 16];
            header[0] = rule.protocol;
            header[4..8].copy_from_slice(&source.to_be_bytes());
            header[8..12].copy_from_slice(&destination.to_be_bytes());
            header[12..14].copy_from_slice(&source_port.to_be_bytes());
            header[14..].copy_from_slice(&destination_port.to_be_bytes());
            let frame = FrameBuilder::new().ip(Ipv4Addr::from(source), Ipv4Addr::from(destination));
            let frame = if rule.protocol == 6 {
                frame.tcp(source_port, destination_port, 2)
            } else {
                frame.udp(source_port, destination_port)
            };
            (header, frame.build())
        })
        .unzip()
}

const SERVICES: [u16; 24] = [
    22, 25, 53, 80, 110, 123, 143, 161, 389, 443, 465, 514, 587, 636, 853, 993, 995, 1194, 3306, 5432, 6379,
    8080, 8443, 9090,
];
/// Headers of a trace: whole bursts.
const TRACE: usize = 8192;
