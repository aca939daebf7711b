//! Which values do rules name? Mostly ones that generated traffic has, or their neighbours.

use crate::traffic::Random;

pub(super) fn port(random: &mut Random) -> u16 {
    match random.below(10) {
        0..6 => random.pick(&[22, 53, 80, 443, 8080, 31337]),
        6..9 => 40_000 + random.below(12) as u16,
        _ => random.pick(&[0, 1, 7, 1023, 65_535]),
    }
}

pub(super) fn ports(random: &mut Random) -> (u16, u16) {
    let (a, b) = (port(random), port(random));
    if a == b { (a, a.saturating_add(1)) } else { (a.min(b), a.max(b)) }
}

/// An address of one host: outside or inside.
pub(super) fn host(random: &mut Random, ipv6: bool) -> String {
    let (net, host) = if random.chance(60) { (1, 1 + random.below(6)) } else { (2, 10 + random.below(40)) };
    address(ipv6, net, host)
}

pub(super) fn address(ipv6: bool, net: usize, host: usize) -> String {
    match (ipv6, net) {
        (true, _) => format!("2001:db8:{net}::{host:x}"),
        (false, 1) => format!("198.51.100.{host}"),
        (false, _) => format!("192.0.2.{host}"),
    }
}

/// A prefix with no bit behind its length.
pub(super) fn prefix(random: &mut Random, ipv6: bool) -> String {
    let net = 1 + random.below(2);
    let (short, host) = random.pick(&[(0, 0), (30, 4), (29, 0), (28, 16), (31, 2), (27, 32), (24, 0)]);
    match (ipv6, short) {
        (_, 0) if ipv6 => format!("2001:db8:{net}::/{}", random.pick(&[48, 64, 112])),
        (true, short) => format!("{}/{}", address(true, net, host), short + 96),
        (false, 0) => {
            random.pick(&["198.51.100.0/24", "192.0.2.0/24", "128.0.0.0/1", "192.0.0.0/8"]).to_owned()
        }
        (false, short) => format!("{}/{short}", address(false, net, host)),
    }
}

pub(super) fn range(random: &mut Random, ipv6: bool) -> String {
    let net = 1 + random.below(2);
    let low = if net == 1 { 1 + random.below(4) } else { 10 + random.below(20) };
    let high = low + 1 + random.below(6);
    format!("{}-{}", address(ipv6, net, low), address(ipv6, net, high))
}

/// Elements that do not overlap: single hosts, and maybe one range among them.
pub(super) fn hosts(random: &mut Random, ipv6: bool, intervals: bool) -> Vec<String> {
    let mut elements: Vec<String> = Vec::new();
    for host in 1..7 {
        if random.chance(40) {
            elements.push(address(ipv6, 1, host));
        }
    }
    if intervals {
        let low = 10 + random.below(20);
        elements.push(format!("{}-{}", address(ipv6, 2, low), address(ipv6, 2, low + 1 + random.below(15))));
        if random.chance(30) {
            elements.push(if ipv6 { "2001:db8:7::/48" } else { "203.0.113.0/24" }.to_owned());
        }
    } else if elements.is_empty() || random.chance(50) {
        elements.push(address(ipv6, 2, 10 + random.below(30)));
    }
    elements
}

/// L4 ports that do not overlap.
pub(super) fn port_set(random: &mut Random, intervals: bool) -> Vec<String> {
    let all = [22, 53, 80, 443, 8080, 31337, 40_000, 40_003];
    let mut elements: Vec<String> =
        all.iter().filter(|_| random.chance(40)).map(ToString::to_string).collect();
    if intervals {
        elements.push(random.pick(&["40004-40008", "1024-8079", "50000-60000", "81-442"]).to_owned());
    } else if elements.is_empty() {
        elements.push("80".to_owned());
    }
    elements
}
