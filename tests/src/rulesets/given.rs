//! What do rules give to connections besides marks? Zones, timeouts and helpers.

use super::names::Scope;
use crate::traffic::Random;

/// The objects of a table, and what all its packets are given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// Name, helper, transport protocol, L4 port.
    helpers: Vec<(String, Helper)>,
    /// Name and declaration.
    timeouts: Vec<(String, String)>,
    /// What gives a zone to packets of both directions.
    zone: Option<String>,
}

/// Helper, transport protocol and L4 port.
type Helper = (&'static str, &'static str, u16);

impl Given {
    pub(super) fn new(random: &mut Random, family: &str, helps: bool) -> Self {
        let all = if family == "ip6" { &HELPERS[1..] } else { HELPERS };
        let mut helpers: Vec<(String, Helper)> = Vec::new();
        for helper in all {
            if helps && random.chance(if helper.0 == "ftp" { 90 } else { 60 }) {
                helpers.push((format!("h{}", helpers.len()), *helper));
            }
        }
        let mut timeouts = Vec::new();
        if random.chance(20) {
            for number in 0..1 + random.below(2) {
                timeouts.push((format!("t{number}"), timeout(random)));
            }
        }
        let zone = random.chance(12).then(|| {
            let which = random.pick(&[
                "",
                "",
                "meta l4proto tcp ",
                "meta l4proto { udp, icmp } ",
                "meta length < 100 ",
            ]);
            format!("{which}ct zone set {}", random.pick(ZONES))
        });
        Self { helpers, timeouts, zone }
    }

    /// The rule that gives a zone to packets of both directions.
    pub(super) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Rules to begin a chain of this scope with.
    pub(super) fn first(&self, random: &mut Random, scope: Scope) -> Vec<String> {
        if scope == Scope::Early {
            return self.zone.iter().cloned().collect();
        }
        let mut rules = Vec::new();
        for (name, (_, protocol, port)) in &self.helpers {
            if random.chance(65) {
                rules.push(format!("{protocol} dport {port} ct helper set \"{name}\""));
            }
        }
        for (name, _) in &self.timeouts {
            if random.chance(50) {
                rules.push(format!("ct timeout set \"{name}\""));
            }
        }
        rules
    }

    /// A statement that gives something to the packet's connection.
    pub(super) fn some(&self, random: &mut Random) -> String {
        match random.below(4) {
            0 | 1 => format!("ct zone set {}", random.pick(ZONES)),
            2 if !self.timeouts.is_empty() => {
                format!("ct timeout set \"{}\"", self.timeouts[random.below(self.timeouts.len())].0)
            }
            3 if !self.helpers.is_empty() => {
                format!("ct helper set \"{}\"", self.helpers[random.below(self.helpers.len())].0)
            }
            _ => "counter".to_owned(),
        }
    }

    /// What is declared.
    pub(super) fn objects(&self) -> String {
        let helpers = self.helpers.iter().map(|(name, (kind, protocol, _))| {
            format!("\tct helper {name} {{\n\t\ttype \"{kind}\" protocol {protocol}\n\t}}\n")
        });
        let timeouts =
            self.timeouts.iter().map(|(name, text)| format!("\tct timeout {name} {{\n{text}\t}}\n"));
        helpers.chain(timeouts).collect()
    }
}

/// Timeouts between the bounds that rules ask for, so far from them that the kernel's clock does not matter.
fn timeout(random: &mut Random) -> String {
    let (protocol, states): (_, &[&str]) = if random.chance(65) {
        let states = &[
            "syn_sent",
            "syn_recv",
            "established",
            "fin_wait",
            "close_wait",
            "last_ack",
            "time_wait",
            "close",
            "retrans",
            "unack",
        ];
        ("tcp", states)
    } else {
        ("udp", &["unreplied", "replied"])
    };
    let mut policy: Vec<String> = Vec::new();
    for state in states {
        if random.chance(40) {
            policy.push(format!("{state} : {}", random.pick(&[50, 150, 1800, 7200])));
        }
    }
    if policy.is_empty() {
        policy.push(format!("{} : 1800", states[0]));
    }
    format!("\t\tprotocol {protocol}\n\t\tpolicy = {{ {} }}\n", policy.join(", "))
}

/// Rules of table raw that give helpers.
pub(super) fn dump(random: &mut Random, ipv6: bool) -> String {
    let all = if ipv6 { &HELPERS[1..] } else { HELPERS };
    let mut text = String::new();
    for (helper, protocol, port) in all {
        for chain in ["PREROUTING", "OUTPUT"] {
            if random.chance(60) {
                let zone = random.pick(&["", "", "", " --zone 1"]);
                text += &format!(
                    "-A {chain} -p {protocol} -m {protocol} --dport {port} -j CT --helper {helper}{zone}\n"
                );
            }
        }
    }
    text
}

const ZONES: &[u16] = &[1, 5, 5, 0];

/// With the L4 port that traffic has; the first one is for IPv4 alone.
const HELPERS: &[Helper] = &[
    ("irc", "tcp", 6667),
    ("ftp", "tcp", 21),
    ("tftp", "udp", 69),
    ("sip", "udp", 5060),
    ("sip", "tcp", 5060),
    ("amanda", "udp", 10_080),
    ("sane", "tcp", 6566),
    ("RAS", "udp", 1719),
    ("Q.931", "tcp", 1720),
];
