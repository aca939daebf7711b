//! Which sets and maps? Each with a rule that asks for it.

use std::io::{self, Write};

use super::{Writes, scattered, v4, v6};

/// A set or map, and a rule that asks it.
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

fn prefixes_v6(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv6_addr; flags interval", "ip6 saddr @many drop", |out, n| {
        let network = std::net::Ipv6Addr::from(u128::from(v6(n)) >> 64 << 64);
        write!(out, "{network}/{}", 64 + n % 2 * 32)
    })
}

fn hardware(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ether_addr", "ether saddr @many drop", |out, n| {
        let [a, b, c, d] = scattered(n).to_be_bytes();
        write!(out, "02:1b:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    })
}

fn pairs_and_ports(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let rule = "ip saddr . ip daddr . tcp dport @many drop";
    set(out, size, "type ipv4_addr . ipv4_addr . inet_service", rule, |out, n| {
        write!(out, "{} . {} . {}", v4(scattered(n / 3)), v4(scattered(n / 1000)), 1 + n % 65_535)
    })
}

fn wide_boxes(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let rule = "ip saddr . ip daddr . tcp dport @many drop";
    set(out, size, "type ipv4_addr . ipv4_addr . inet_service; flags interval", rule, |out, n| {
        let (port, from, to) = (1 + n % 60_000, v4(scattered(n) << 6), v4(scattered(n / 1000) << 8));
        write!(out, "{from}/28 . {to}/24 . {port}-{}", port + n % 200)
    })
}

fn commented(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr", "ip saddr @many drop", |out, n| {
        write!(out, "{} comment \"ticket {n}\"", v4(scattered(n)))
    })
}

fn expiring(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let declared = "type ipv4_addr; size 2000000; flags dynamic,timeout; timeout 1h";
    set(out, size, declared, "update @many { ip saddr }", |out, n| {
        write!(out, "{} timeout 1h expires {}m{}s{}ms", v4(scattered(n)), n % 60, n % 59, n % 997)
    })
}

fn counted(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr; counter", "ip saddr @many drop", |out, n| {
        write!(out, "{} counter packets {} bytes {}", v4(scattered(n)), n % 1000, n % 1000 * 60)
    })
}

fn counted_together(out: &mut dyn Write, size: u32) -> io::Result<()> {
    set(out, size, "type ipv4_addr; counter", "ip saddr @many drop", |out, n| {
        write!(out, "{}", v4(scattered(n)))
    })
}

fn counted_marks(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let declared = "type ipv4_addr : mark; counter";
    set(out, size, declared, "meta mark set ip saddr map @many", |out, n| {
        write!(
            out,
            "{} counter packets {n} bytes {} : {:#010x}",
            v4(scattered(n)),
            n * 60 % 99_991,
            n % 5_000
        )
    })
}

fn limited(out: &mut dyn Write, size: u32) -> io::Result<()> {
    let declared = "type ipv4_addr; size 2000000; flags dynamic";
    set(out, size, declared, "add @many { ip saddr limit rate 10/second }", |out, n| {
        write!(out, "{} limit rate {}/second", v4(scattered(n)), 10 + n % 50)
    })
}

/// Every text of a set, by name.
pub(super) const ALL: &[(&str, Writes)] = &[
    ("1,000,000 IPv4 addresses", addresses),
    ("1,000,000 IPv6 addresses", addresses_v6),
    ("1,000,000 hardware addresses", hardware),
    ("1,000,000 prefixes and ranges", intervals),
    ("1,000,000 IPv6 prefixes", prefixes_v6),
    ("1,000,000 addresses . ports", concatenations),
    ("1,000,000 prefixes . port ranges", boxes),
    ("1,000,000 addresses . addresses . ports", pairs_and_ports),
    ("1,000,000 prefixes . prefixes . port ranges", wide_boxes),
    ("1,000,000 addresses : marks", marks),
    ("1,000,000 addresses : verdicts", verdicts),
    ("1,000,000 addresses with comments", commented),
    ("1,000,000 addresses with timeouts", timeouts),
    ("1,000,000 addresses with what is left of timeouts", expiring),
    ("1,000,000 addresses with counters", counted),
    ("1,000,000 addresses of a set that counts", counted_together),
    ("1,000,000 addresses with counters : marks", counted_marks),
    ("1,000,000 addresses with limits", limited),
];
