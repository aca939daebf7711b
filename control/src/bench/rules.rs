//! Which ruleset is measured? The user's, or a stateful one of a wished size.

use super::traffic::SERVICE;
use config::Source;
use std::fmt::Write;

/// The fewest rules that a generated ruleset has: two lead from the hooks, two go by the state, two let services in.
pub const FEWEST: usize = 6;

/// A stateful ruleset of `rules` rules with `elements` blocked addresses: what is established passes first, what is
/// invalid goes; then rules of the kind that whitelists are made of, none of which matches the traffic; last the rule
/// that lets the bench's service in.
pub fn generated(rules: usize, elements: usize) -> Source {
    let mut text = String::from("table inet bench {\n");
    if elements > 0 {
        text.push_str("\tset blocked {\n\t\ttype ipv4_addr\n\t\telements = {");
        for number in 0..elements {
            // 32.0.0.0/3: no client of the bench
            let address = 0x2000_0000 | (number as u32).wrapping_mul(0x9e37_79b1) & 0x1fff_ffff;
            let [a, b, c, d] = address.to_be_bytes();
            let _ = write!(text, "{} {a}.{b}.{c}.{d}", if number == 0 { "" } else { "," });
        }
        text.push_str(" }\n\t}\n");
    }
    text.push_str("\tchain bench {\n");
    text.push_str("\t\tct state established,related accept\n\t\tct state invalid drop\n");
    let blocked = usize::from(elements > 0);
    if elements > 0 {
        text.push_str("\t\tip saddr @blocked drop\n");
    }
    for number in 0..rules.saturating_sub(FEWEST + blocked) as u32 {
        let (a, b, c) = (number >> 14 & 0x3f | 64, number >> 6 & 0xff, number << 2 & 0xff);
        let port = 1024 + number * 7 % 60_000;
        let _ = match number % 4 {
            0 => writeln!(text, "\t\tip saddr {a}.{b}.{c}.0/24 tcp dport {port} accept"),
            1 => writeln!(text, "\t\tip saddr {a}.{b}.{c}.7 udp dport {port} accept"),
            2 => writeln!(text, "\t\tip saddr {a}.{b}.0.0/16 tcp dport {port}-{} accept", port + 9),
            _ => writeln!(text, "\t\tip6 saddr 2001:db8:{a:x}{b:02x}:{c:x}::/64 tcp dport {port} accept"),
        };
    }
    let _ = writeln!(text, "\t\ttcp dport {SERVICE} ct state new accept");
    let _ = writeln!(text, "\t\tudp dport {SERVICE} ct state new accept");
    text.push_str("\t}\n");
    for hook in ["input", "output"] {
        let _ = writeln!(
            text,
            "\tchain {hook} {{ type filter hook {hook} priority filter; policy drop; goto bench; }}"
        );
    }
    text.push_str("}\n");
    Source::new(format!("{rules} generated rules"), text)
}
