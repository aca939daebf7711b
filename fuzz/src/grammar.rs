//! Which ruleset do these bytes choose? Tables, sets, maps, chains and rules that nearly always are in order, so that what
//! comes behind the parser is reached.

use std::fmt::Write;

/// The ruleset that `choices` make.
#[must_use]
pub fn ruleset(choices: &[u8]) -> String {
    let mut made = Made { choices, text: String::new() };
    let tables = 1 + made.below(2);
    for table in 0..tables {
        made.table(table);
    }
    made.text
}

/// A text being written.
struct Made<'a> {
    choices: &'a [u8],
    text: String,
}

impl Made<'_> {
    /// A number below `count`; 0 when there are no choices left.
    fn below(&mut self, count: usize) -> usize {
        let Some((&first, rest)) = self.choices.split_first() else { return 0 };
        self.choices = rest;
        usize::from(first) % count
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn table(&mut self, number: usize) {
        let family = self.one_of(&["inet", "ip", "ip6", "inet", "bridge", "netdev"]);
        let _ = writeln!(self.text, "table {family} t{number} {{");
        self.put("counter n { packets 1 bytes 2 }\nlimit l { rate 3/second burst 2 packets }\nquota q { over 9 kbytes }\n");
        for set in 0..self.below(4) {
            self.set(set);
        }
        self.put("map v { type inet_service : verdict; flags interval; elements = {");
        self.list(|made| {
            let port = made.port();
            let verdict = made.verdict(2);
            made.put(&port);
            made.put(" : ");
            made.put(&verdict);
        });
        self.put("} }\nset d { type ipv4_addr; size 16; flags dynamic,timeout; timeout 10s; }\n");
        for chain in 0..2 {
            let _ = writeln!(self.text, "chain r{chain} {{");
            for _ in 0..self.below(4) {
                self.rule(family, chain);
            }
            self.put("}\n");
        }
        let hook = match family {
            "netdev" => "ingress device \"eth0\"",
            _ => self.one_of(&["input", "output", "forward", "prerouting"]),
        };
        let priority = self.one_of(&["0", "-300", "10"]);
        let policy = self.one_of(&["accept", "drop"]);
        let _ = writeln!(
            self.text,
            "chain base {{\ntype filter hook {hook} priority {priority}; policy {policy};"
        );
        // more than a few rules get an index
        for _ in 0..self.below(40) {
            self.rule(family, 2);
        }
        self.put("}\n}\n");
    }

    fn set(&mut self, number: usize) {
        let _ = write!(self.text, "set s{number} {{ ");
        match self.below(4) {
            0 => {
                self.put("type ipv4_addr; elements = {");
                self.list(|made| {
                    let address = made.address();
                    made.put(&address);
                });
            }
            1 => {
                self.put("type ipv4_addr; flags interval; auto-merge; elements = {");
                self.list(|made| {
                    let prefix = made.prefix();
                    made.put(&prefix);
                });
            }
            2 => {
                self.put("type ipv4_addr . inet_service; elements = {");
                self.list(|made| {
                    let (address, port) = (made.address(), made.below(100));
                    let _ = write!(made.text, "{address} . {port}");
                });
            }
            _ => {
                self.put("type ipv4_addr . inet_service; flags interval; elements = {");
                // boxes may not overlap: each has its own block
                let count = 1 + self.below(60);
                for n in 0..count {
                    let (bits, ports) = (24 + self.below(9), self.below(50));
                    let _ = write!(self.text, "{} 10.0.{n}.0/{bits} . {n}-{}", comma(n), n + ports);
                }
            }
        }
        self.put("} }\n");
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self)) {
        let count = 1 + self.below(24);
        for n in 0..count {
            self.put(comma(n));
            item(self);
        }
    }

    fn address(&mut self) -> String {
        let known = ["198.51.100.1", "192.0.2.10", "203.0.113.9"];
        match self.below(5) {
            at @ 0..3 => known[at].to_owned(),
            _ => format!("198.51.{}.{}", self.below(256), self.below(256)),
        }
    }

    fn prefix(&mut self) -> String {
        let address = self.address();
        match self.below(3) {
            0 => address,
            1 => format!("{address}/{}", 1 + self.below(32)),
            _ => format!("198.51.100.{}-198.51.101.{}", self.below(256), self.below(256)),
        }
    }

    fn port(&mut self) -> String {
        let known = ["22", "80", "53", "443", "40000", "65535", "ssh", "1-1023", "1024-65535"];
        match self.below(12) {
            at if at < known.len() => known[at].to_owned(),
            _ => (self.below(256) * 256 + self.below(256)).to_string(),
        }
    }

    /// Chains jump to those before them only.
    fn verdict(&mut self, chain: usize) -> String {
        match self.below(8) {
            0 | 1 => "accept".to_owned(),
            2 | 3 => "drop".to_owned(),
            4 => "return".to_owned(),
            5 => "continue".to_owned(),
            other if chain > 0 => {
                format!("{} r{}", if other == 6 { "jump" } else { "goto" }, self.below(chain))
            }
            _ => "accept".to_owned(),
        }
    }

    fn rule(&mut self, family: &str, chain: usize) {
        for _ in 0..self.below(4) {
            self.condition(family);
            self.put(" ");
        }
        match self.below(12) {
            0 => self.put("counter "),
            1 => self.put("counter name n "),
            2 => self.put("limit name \"l\" "),
            3 => self.put("quota name \"q\" "),
            4 => self.put("meta mark set meta mark | 2 "),
            5 if family != "ip6" => self.put("add @d { ip saddr } "),
            6 => self.put("log prefix \"x\" "),
            _ => {}
        }
        let verdict = match self.below(10) {
            0 if family != "netdev" => "reject".to_owned(),
            1 if chain == 2 => "tcp dport vmap @v".to_owned(),
            _ => self.verdict(chain),
        };
        self.put(&verdict);
        self.put("\n");
    }

    fn condition(&mut self, family: &str) {
        let not = if self.below(4) == 0 { "!= " } else { "" };
        let (v4, v6) = (family != "ip6", family != "ip");
        match self.below(16) {
            0 if v4 => {
                let prefix = self.prefix();
                let _ = write!(self.text, "ip saddr {not}{prefix}");
            }
            1 if v4 => {
                let _ = write!(self.text, "ip daddr {not}{{");
                self.list(|made| {
                    let prefix = made.prefix();
                    made.put(&prefix);
                });
                self.put("}");
            }
            2 if v4 => {
                let set = self.below(4);
                let _ = write!(self.text, "ip saddr {not}@s{set}");
            }
            3 if v4 => {
                let set = self.below(4);
                let _ = write!(self.text, "ip saddr . tcp dport {not}@s{set}");
            }
            4 if v6 => {
                let bits = self.below(129);
                let _ = write!(self.text, "ip6 saddr {not}2001:db8:1::1/{bits}");
            }
            5 | 6 => {
                let (protocol, field) =
                    (self.one_of(&["tcp", "udp", "th"]), self.one_of(&["dport", "sport"]));
                let port = self.port();
                let _ = write!(self.text, "{protocol} {field} {not}{port}");
            }
            7 => {
                let _ = write!(self.text, "tcp dport {not}{{");
                self.list(|made| {
                    let port = made.port();
                    made.put(&port);
                });
                self.put("}");
            }
            8 => {
                let flags = self.one_of(&["& (syn | ack) == syn", "syn", "! rst", "fin,rst / fin,rst,ack"]);
                let _ = write!(self.text, "tcp flags {flags}");
            }
            9 if !matches!(family, "netdev") => {
                let state = self.one_of(&["new", "established,related", "invalid", "untracked"]);
                let _ = write!(self.text, "ct state {not}{state}");
            }
            10 => {
                let name = self.one_of(&["\"eth0\"", "\"eth*\"", "lo", "{ lo, eth0 }"]);
                let _ = write!(self.text, "iifname {not}{name}");
            }
            11 => {
                let protocol = self.one_of(&["tcp", "{ tcp, udp }", "icmp", "47"]);
                let _ = write!(self.text, "meta l4proto {not}{protocol}");
            }
            12 => {
                let (sign, length) = (self.one_of(&["<", ">=", "==", "!="]), self.below(200));
                let _ = write!(self.text, "meta length {sign} {length}");
            }
            13 => {
                let (offset, value) = (8 * self.below(12), self.below(256));
                let _ = write!(self.text, "@nh,{offset},8 {not}{value}");
            }
            14 => {
                let (shift, value) = (self.below(20), self.below(256));
                let _ = write!(self.text, "meta mark & {:#x} {not}{value}", 0xff << shift);
            }
            _ if v4 => {
                let ttl = self.below(256);
                let _ = write!(self.text, "ip ttl > {ttl}");
            }
            _ => self.put("ip6 hoplimit > 3"),
        }
    }
}

const fn comma(n: usize) -> &'static str {
    if n == 0 { "" } else { ", " }
}
