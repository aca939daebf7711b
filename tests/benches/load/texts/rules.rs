//! Which rules, and how many?

use std::io::{self, Write};

use super::{Rival, Writes, scattered, v4, v6};

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

/// Sets in rules, verdict maps, limits, counters and logs.
fn nft_statements(out: &mut dyn Write, size: u32) -> io::Result<()> {
    writeln!(out, "table inet load {{\n\tchain others {{\n\t\tcounter\n\t}}\n\tchain input {{")?;
    writeln!(out, "\t\ttype filter hook input priority filter; policy drop;")?;
    for n in 0..size {
        let (address, port) = (v4(scattered(n)), 1 + n % 50_000);
        match n % 4 {
            0 => writeln!(
                out,
                "\t\tip saddr {{ {address}, {}/24 }} tcp dport {{ 22, {port}-{} }} counter accept",
                v4(scattered(n) << 8),
                port + 9
            ),
            1 => writeln!(
                out,
                "\t\tip saddr {address} tcp dport vmap {{ 22 : accept, 80 : jump others, {} : drop }}",
                100 + port
            ),
            2 => writeln!(
                out,
                "\t\tip daddr {address} limit rate over {}/minute burst 9 packets counter drop",
                1 + n % 99
            ),
            _ => writeln!(
                out,
                "\t\tip daddr . tcp dport {{ {address} . {port}, {} . 443 }} log prefix \"n {n} \" group 2 accept",
                v4(scattered(n ^ 7))
            ),
        }?;
    }
    writeln!(out, "\t}}\n}}")
}

/// As `iptables-save -c` writes them.
fn iptables_counted(out: &mut dyn Write, size: u32) -> io::Result<()> {
    write!(out, "*filter\n:INPUT DROP [7:420]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [9:999]\n")?;
    for n in 0..size {
        writeln!(out, "[{n}:{}] -A INPUT {}", n * 60, iptables_rule(n))?;
    }
    writeln!(out, "COMMIT")
}

/// Every text of rules: by whom else it is loaded, how many rules or chains, in how many seconds.
pub(super) const ALL: &[(&str, Rival, u32, f64, Writes)] = &[
    ("10,000 rules", Rival::Nft, 10_000, 1.0, nft_rules),
    ("100,000 rules", Rival::Nft, 100_000, 15.0, nft_rules),
    ("10,000 rules with sets and statements", Rival::Nft, 10_000, 1.0, nft_statements),
    ("100,000 rules with sets and statements", Rival::Nft, 100_000, 15.0, nft_statements),
    ("1,000 chains of 10 rules", Rival::Nft, 1_000, 1.0, nft_chains),
    ("10,000 rules", Rival::Iptables, 10_000, 1.0, iptables_rules),
    ("100,000 rules", Rival::Iptables, 100_000, 15.0, iptables_rules),
    ("100,000 rules with counters", Rival::Iptables, 100_000, 15.0, iptables_counted),
    ("1,000 chains of 10 rules", Rival::Iptables, 1_000, 1.0, iptables_chains),
];
