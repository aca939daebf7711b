//! Which sets of ipset, saved beside a dump?

use std::io::{self, Write};

use super::{Writes, scattered, v4};

/// The dump: a rule that asks for the set.
pub(super) fn dump(out: &mut dyn Write, _size: u32) -> io::Result<()> {
    write!(out, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")?;
    write!(out, "-A INPUT -m set --match-set many src,src -j DROP\nCOMMIT\n")
}

fn save(
    out: &mut dyn Write,
    size: u32,
    kind: &str,
    element: impl Fn(&mut dyn Write, u32) -> io::Result<()>,
) -> io::Result<()> {
    writeln!(out, "create many {kind} family inet hashsize 1024 maxelem 2000000")?;
    for n in 0..size {
        write!(out, "add many ")?;
        element(out, n)?;
        writeln!(out)?;
    }
    Ok(())
}

fn addresses(out: &mut dyn Write, size: u32) -> io::Result<()> {
    save(out, size, "hash:ip", |out, n| write!(out, "{}", v4(scattered(n))))
}

fn networks(out: &mut dyn Write, size: u32) -> io::Result<()> {
    save(out, size, "hash:net", |out, n| match n % 2 {
        0 => write!(out, "{}/{}", v4(scattered(n) << 6), 26 + n % 5),
        _ => write!(out, "{}", v4(scattered(n) << 6)),
    })
}

fn ports(out: &mut dyn Write, size: u32) -> io::Result<()> {
    save(out, size, "hash:ip,port", |out, n| {
        let protocol = if n % 2 == 0 { "tcp" } else { "udp" };
        write!(out, "{},{protocol}:{}", v4(scattered(n / 3)), 1 + n % 65_535)
    })
}

fn counted(out: &mut dyn Write, size: u32) -> io::Result<()> {
    save(out, size, "hash:ip timeout 3600 counters comment", |out, n| {
        let (address, left) = (v4(scattered(n)), 1 + n % 3600);
        write!(out, "{address} timeout {left} packets {n} bytes {} comment \"ticket {n}\"", n / 2)
    })
}

/// Every text of a saved set, by name.
pub(super) const ALL: &[(&str, Writes)] = &[
    ("1,000,000 elements of hash:ip", addresses),
    ("1,000,000 elements of hash:net", networks),
    ("1,000,000 elements of hash:ip,port", ports),
    ("1,000,000 elements of hash:ip with all they can have", counted),
];
