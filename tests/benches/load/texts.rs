//! Which rulesets are loaded? Written to files here, the same ones in every run: elements and rules differ from one
//! another, as those that programs write do.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Who else can load a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// `nft -f`
    Nft,
    /// `iptables-restore`
    Iptables,
}

/// A ruleset to load.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// What is in it, in a few words.
    pub name: &'static str,
    /// Whose language it is in.
    pub rival: Rival,
    /// Seconds it may take.
    pub seconds: f64,
    /// Bytes it may take besides what an empty ruleset takes, if the bound is a figure.
    pub bytes: Option<u64>,
    size: u32,
    write: fn(&mut dyn Write, u32) -> io::Result<()>,
}

impl Text {
    /// Writes it to `path`.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        (self.write)(&mut file, self.size)?;
        file.flush()
    }
}

/// Every text; `scale` divides the sizes.
pub fn all(scale: u32) -> Vec<Text> {
    let set = |name, write| Text {
        name,
        rival: Rival::Nft,
        seconds: 3.0,
        bytes: Some(200 << 20),
        size: MILLION / scale,
        write,
    };
    let rules = |name, rival, size: u32, seconds, write| Text {
        name,
        rival,
        seconds,
        bytes: None,
        size: size / scale,
        write,
    };
    vec![
        set("1,000,000 IPv4 addresses", addresses),
        set("1,000,000 IPv6 addresses", addresses_v6),
        set("1,000,000 prefixes and ranges", intervals),
        set("1,000,000 addresses . ports", concatenations),
        set("1,000,000 prefixes . port ranges", boxes),
        set("1,000,000 addresses : marks", marks),
        set("1,000,000 addresses : verdicts", verdicts),
        set("1,000,000 addresses with timeouts", timeouts),
        rules("10,000 rules", Rival::Nft, 10_000, 1.0, nft_rules),
        rules("100,000 rules", Rival::Nft, 100_000, 15.0, nft_rules),
        rules("1,000 chains of 10 rules", Rival::Nft, 1_000, 1.0, nft_chains),
        rules("10,000 rules", Rival::Iptables, 10_000, 1.0, iptables_rules),
        rules("100,000 rules", Rival::Iptables, 100_000, 15.0, iptables_rules),
        rules("1,000 chains of 10 rules", Rival::Iptables, 1_000, 1.0, iptables_chains),
    ]
}

/// Sets and maps with a rule that asks them.
fn set(
    out: &mut dyn Write,
    size: u32,
    declared: &str,
    rule: &str,
    element: impl Fn(&mut dyn Write, u32) -> io::Result<()>,
) -> io::Result<()> {
    let kind = if declared.contains(" : ") { "map" } else { "set" };
    writeln!(out, "table inet load {{\n\t{kind} many {{\n\t\t{declared}\n\t\telements = {{")?;
    for n in 0..size {
        out.write_all(match n {
            0 => b" ",
            _ if n % 4 == 0 => b",\n\t\t\t",
            _ => b", ",
        })?;
        element(out, n)?;
    }
    writeln!(out, " }}\n\t}}\n\tchain others {{\n\t\tcounter\n\t}}")?;
    writeln!(out, "\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;")?;
    writeln!(out, "\t\tct state established accept\n\t\t{rule}\n\t}}\n}}")
}

fn addresses(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr", "ip saddr @many drop", |out, n| write!(out, "{}", v4(scattered(n))))
}

fn addresses_v6(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv6_addr", "ip6 saddr @many drop", |out, n| write!(out, "{}", v6(n)))
}

fn intervals(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr; flags interval", "ip saddr @many drop", |out, n| {
        // blocks of 64 addresses of which an element takes a part
        let block = scattered(n) << 6;
        match n % 4 {
            0 | 1 => write!(out, "{}/{}", v4(block), 27 + n % 5),
            2 => write!(out, "{}-{}", v4(block + 3), v4(block + 4 + n % 50)),
            _ => write!(out, "{}", v4(block + n % 64)),
        }
    })
}

fn concatenations(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let rule = "ip saddr . tcp dport @many drop";
    set(out, size, "type ipv4_addr . inet_service", rule, |out, n| {
        write!(out, "{} . {}", v4(scattered(n / 3)), 1 + n % 65_535)
    })
}

fn boxes(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let rule = "ip saddr . tcp dport @many drop";
    set(out, size, "type ipv4_addr . inet_service; flags interval", rule, |out, n| {
        let port = 1 + n % 60_000;
        write!(out, "{}/28 . {port}-{}", v4(scattered(n) << 6), port + n % 200)
    })
}

fn marks(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let rule = "meta mark set ip saddr map @many";
    set(out, size, "type ipv4_addr : mark", rule, |out, n| {
        write!(out, "{} : {:#010x}", v4(scattered(n)), n % 5_000)
    })
}

fn verdicts(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr : verdict", "ip saddr vmap @many", |out, n| {
        write!(out, "{} : {}", v4(scattered(n)), ["accept", "drop", "jump others"][n as usize % 3])
    })
}

fn timeouts(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr; flags timeout; size 2000000", "ip saddr @many drop", |out, n| {
        write!(out, "{} timeout {}s", v4(scattered(n)), 600 + n % 3_000)
    })
}

fn nft_rules(out: &mut dyn Write, size: u32) -> io::Result<()> {
    writeln!(out, "table inet load {{\n\tchain input {{")?;
    writeln!(out, "\t\ttype filter hook input priority filter; policy drop;")?;
    writeln!(out, "\t\tct state established,related accept")?;
    for n in 0..size {
        writeln!(out, "\t\t{}", nft_rule(n))?;
    }
    writeln!(out, "\t}}\n}}")
}

fn nft_chains(out: &mut dyn Write, size: u32) -> io::Result<()> {
    writeln!(out, "table inet load {{")?;
    for chain in 0..size {
        writeln!(out, "\tchain customer-{chain} {{")?;
        for n in 0..10 {
            writeln!(out, "\t\t{}", nft_rule(10 * chain + n))?;
        }
        writeln!(out, "\t}}")?;
    }
    writeln!(out, "\tchain input {{\n\t\ttype filter hook input priority filter; policy drop;")?;
    for chain in 0..size {
        writeln!(out, "\t\tip daddr {} jump customer-{chain}", v4(scattered(chain)))?;
    }
    writeln!(out, "\t}}\n}}")
}

fn nft_rule(n: u32) -> String {
    let (address, port) = (v4(scattered(n)), 1 + n % 50_000);
    match n % 8 {
        0 | 1 => format!("ip saddr {address} tcp dport {port} accept"),
        2 => format!("ip saddr {}/24 udp dport {port}-{} counter drop", v4(scattered(n) << 8), port + 99),
        3 => format!("ip daddr {address} tcp dport {{ 22, 80, {port} }} ct state new accept"),
        4 => format!("iifname \"eth{}\" ip saddr {}/16 drop", n % 9, v4(scattered(n) << 16)),
        5 => format!("ip6 saddr {} tcp dport {port} accept comment \"customer {n}\"", v6(n)),
        6 => format!("ip saddr {address} icmp type echo-request limit rate 5/second accept"),
        _ => format!("ip daddr {address} tcp flags syn counter log prefix \"syn {n}\" drop"),
    }
}

fn iptables_rules(out: &mut dyn Write, size: u32) -> io::Result<()> {
    write!(out, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n")?;
    writeln!(out, "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")?;
    for n in 0..size {
        writeln!(out, "-A INPUT {}", iptables_rule(n))?;
    }
    writeln!(out, "COMMIT")
}

fn iptables_chains(out: &mut dyn Write, size: u32) -> io::Result<()> {
    write!(out, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n")?;
    for chain in 0..size {
        writeln!(out, ":customer-{chain} - [0:0]")?;
    }
    for chain in 0..size {
        writeln!(out, "-A INPUT -d {}/32 -j customer-{chain}", v4(scattered(chain)))?;
    }
    for chain in 0..size {
        for n in 0..10 {
            writeln!(out, "-A customer-{chain} {}", iptables_rule(10 * chain + n))?;
        }
    }
    writeln!(out, "COMMIT")
}

fn iptables_rule(n: u32) -> String {
    let (address, port) = (v4(scattered(n)), 1 + n % 50_000);
    match n % 8 {
        0 | 1 => format!("-s {address}/32 -p tcp -m tcp --dport {port} -j ACCEPT"),
        2 => {
            let network = v4(scattered(n) << 8);
            format!("-s {network}/24 -p udp -m udp --dport {port}:{} -j DROP", port + 99)
        }
        3 => {
            let ports = format!("-p tcp -m multiport --dports 22,80,{port}");
            format!("-d {address}/32 {ports} -m conntrack --ctstate NEW -j ACCEPT")
        }
        4 => format!("-s {}/16 -i eth{} -j DROP", v4(scattered(n) << 16), n % 9),
        5 => {
            format!(
                "-s {address}/32 -p tcp -m tcp --dport {port} -m comment --comment \"customer {n}\" -j ACCEPT"
            )
        }
        6 => {
            let rate = "-m limit --limit 5/sec";
            format!("-s {address}/32 -p icmp -m icmp --icmp-type 8 {rate} -j ACCEPT")
        }
        _ => {
            let syn = "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN";
            format!("-d {address}/32 {syn} -j LOG --log-prefix \"syn {n} \"")
        }
    }
}

/// A different number for every number, in no order.
const fn scattered(n: u32) -> u32 {
    n.wrapping_mul(2_654_435_761)
}

fn v4(address: u32) -> std::net::Ipv4Addr {
    address.into()
}

fn v6(n: u32) -> std::net::Ipv6Addr {
    let (high, low) = (u128::from(scattered(n)), u128::from(scattered(n ^ 0x5555)));
    (0x2001_0db8_u128 << 96 | high << 64 | low).into()
}

const MILLION: u32 = 1_000_000;
