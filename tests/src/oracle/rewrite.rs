//! How does a guard's ruleset become one of a bridge? Every packet of a bridge takes the way prerouting,
//! forward, postrouting, whichever side it comes from; a guarded host has prerouting, input for what comes in
//! and output, postrouting for what goes out.
//!
//! | the guard's hook | the bridge's | begins with |
//! |---|---|---|
//! | prerouting | prerouting | from inside: accept |
//! | input | forward | from inside: accept |
//! | output before conntrack (priority below -200) | prerouting | from outside: accept |
//! | output | forward | from outside: accept |
//! | postrouting | postrouting | from outside: accept |
//! | forward | none | |
//!
//! The order of declaration is kept, as it decides between equal priorities. Base chains must be written as blocks, with
//! no rule in the line of `type filter hook ...`.

use super::Gathered;

/// The table with the oracle's own chains, in family bridge, and in ip and ip6.
pub(super) const OWN_TABLE: &str = "sluice_oracle";

/// The chain in them that sees what fragments were put together.
pub(super) const WHOLE: &str = "whole";

/// Turns tracing on for every packet, marks those from inside, and, where it is tracked, asks
/// for the ct state of IPv4 and of IPv6. Where fragments that come in are put together all the same, connection tracking,
/// which does that, is there and tracks nothing.
pub(super) fn own_tables(Gathered { tracked, incoming }: Gathered) -> String {
    let mut text = format!(
        "table bridge {OWN_TABLE} {{\n chain sides {{\n  type filter hook prerouting priority -400\n  \
         iifname \"inside\" meta priority set {FROM_INSIDE}\n  meta nftrace set 1\n }}\n}}\n"
    );
    for (family, _) in [("ip", tracked[0]), ("ip6", tracked[1])].into_iter().filter(|(_, tracked)| *tracked) {
        text += &format!(
            "table {family} {OWN_TABLE} {{\n chain {WHOLE} {{\n  type filter hook prerouting priority -399\n  \
             meta length >= 0 continue\n }}\n chain ask {{\n  type filter hook prerouting priority -199\n"
        );
        for state in super::STATES {
            text += &format!("  ct state {state} continue\n");
        }
        text += " }\n}\n";
    }
    if incoming {
        text += &format!(
            "table ip {OWN_TABLE} {{\n chain early {{\n  type filter hook prerouting priority -450\n  \
             meta priority {FROM_INSIDE} notrack\n }}\n chain {WHOLE} {{\n  type filter hook prerouting priority -399\n  \
             meta length >= 0 continue\n  notrack\n }}\n chain nobody {{\n  ct state new continue\n }}\n}}\n"
        );
    }
    text
}

/// Rewrites a file of nftables.
pub(super) fn nft(text: &str) -> String {
    let mut result = String::new();
    for line in text.replace("type filter hook ", "\ntype filter hook ").lines() {
        let Some(declaration) = line.trim().strip_prefix("type filter hook ") else {
            result += &format!("{line}\n");
            continue;
        };
        let hook = declaration.split_whitespace().next().unwrap_or_default();
        let Some((bridge_hook, guard)) = bridged(hook, is_before_conntrack(declaration)) else {
            continue; // without its first line, a chain nobody enters
        };
        let rest = declaration[hook.len()..].trim().trim_end_matches(';');
        result += &format!("type filter hook {bridge_hook} {rest};\n{guard} accept\n");
    }
    result
}

/// Rewrites what iptables-save printed: each built-in chain becomes a chain of its own that ends in the policy.
pub(super) fn iptables(text: &str) -> String {
    let mut result = String::new();
    let mut table = "";
    let mut builtin: Vec<(&str, &str)> = Vec::new();
    let mut rules = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(declaration) = line.strip_prefix(':') {
            let (chain, policy) = declaration.split_once(' ').unwrap_or((declaration, "-"));
            match policy.split(' ').next() {
                Some("-") | None => result += &format!(":{chain} - [0:0]\n"),
                Some(policy) => builtin.push((chain, policy)),
            }
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let chain = rule.split(' ').next().unwrap_or_default();
            let prefix = if builtin.iter().any(|(name, _)| *name == chain) { CHAIN_PREFIX } else { "" };
            rules += &format!("-A {prefix}{rule}\n");
        } else if line == "COMMIT" {
            result =
                format!("*{table}\n{}{result}{}{rules}COMMIT\n", declarations(table), jumps(table, &builtin));
            builtin.clear();
            rules.clear();
            return result + &iptables(text.split_once("COMMIT\n").map_or("", |(_, rest)| rest));
        }
    }
    String::new()
}

/// The name of the chain in the ruleset as it was given.
pub(super) fn original_chain(chain: &str) -> &str {
    chain.strip_prefix(CHAIN_PREFIX).unwrap_or(chain)
}

/// The built-in chain whose policy a chain stands for.
pub(super) fn policy_of(chain: &str) -> Option<&str> {
    chain.strip_prefix(POLICY_PREFIX)
}

/// Whether a rule is one that sends packets to the chain of their side.
pub(super) fn is_guard(rule: &str) -> bool {
    rule.starts_with("meta priority ") || rule.starts_with("xt match physdev")
}

/// Where a hook goes and what its chain begins with.
fn bridged(hook: &str, before_conntrack: bool) -> Option<(&'static str, String)> {
    let from_inside = format!("meta priority {FROM_INSIDE}");
    let from_outside = format!("meta priority != {FROM_INSIDE}");
    match hook {
        "prerouting" => Some(("prerouting", from_inside)),
        "input" => Some(("forward", from_inside)),
        "output" if before_conntrack => Some(("prerouting", from_outside)),
        "output" => Some(("forward", from_outside)),
        "postrouting" => Some(("postrouting", from_outside)),
        _ => None,
    }
}

fn is_before_conntrack(declaration: &str) -> bool {
    let priority = declaration.split("priority").nth(1).and_then(|rest| rest.split(';').next());
    let priority = priority.unwrap_or_default().trim();
    priority.starts_with("raw") || priority.parse().is_ok_and(|number: i32| number < -200)
}

/// The built-in chains the jumps need; they accept, because the policy stands behind the jump.
fn declarations(table: &str) -> String {
    let chains: &[&str] = match table {
        "raw" => &["PREROUTING"],
        "mangle" => &["PREROUTING", "FORWARD", "POSTROUTING"],
        _ => &["FORWARD"],
    };
    chains.iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n")).collect()
}

/// For each built-in chain: itself under another name, the jump to it, and the policy behind both.
fn jumps(table: &str, builtin: &[(&str, &str)]) -> String {
    let mut result = String::new();
    for (chain, policy) in builtin {
        result += &format!(":{CHAIN_PREFIX}{chain} - [0:0]\n:{POLICY_PREFIX}{chain} - [0:0]\n");
        let (hook, port) = match *chain {
            "PREROUTING" => ("PREROUTING", "outside"),
            "INPUT" => ("FORWARD", "outside"),
            "OUTPUT" if table == "raw" => ("PREROUTING", "inside"),
            "OUTPUT" => ("FORWARD", "inside"),
            "POSTROUTING" => ("POSTROUTING", "inside"),
            _ => continue,
        };
        let guard = format!("-A {hook} -m physdev --physdev-in {port}");
        result += &format!("{guard} -j {CHAIN_PREFIX}{chain}\n{guard} -j {POLICY_PREFIX}{chain}\n");
        result += &format!("-A {POLICY_PREFIX}{chain} -j {policy}\n");
    }
    result
}

/// The tag of packets from inside, a value of `meta priority`.
const FROM_INSIDE: &str = "0:1";

/// What a built-in chain of iptables is called behind the jump.
const CHAIN_PREFIX: &str = "guard_";

/// What a chain that holds nothing but the policy is called.
const POLICY_PREFIX: &str = "policy_";

#[cfg(test)]
mod tests {
    use super::{iptables, nft};

    #[test]
    fn input_becomes_forward_of_one_side() {
        let text = nft(
            "table inet t {\n chain i {\n  type filter hook input priority 0; policy drop;\n accept\n }\n}\n",
        );
        assert!(text.contains(
            "type filter hook forward priority 0; policy drop;\nmeta priority 0:1 accept\n accept"
        ));
    }

    #[test]
    fn a_built_in_chain_ends_in_its_policy() {
        let text = iptables("*filter\n:INPUT DROP [0:0]\n:mine - [0:0]\n-A INPUT -j mine\nCOMMIT\n");
        assert!(text.starts_with("*filter\n:FORWARD ACCEPT [0:0]\n"), "{text}");
        assert!(text.contains("-A guard_INPUT -j mine"), "{text}");
        assert!(text.contains("--physdev-in outside -j policy_INPUT\n-A policy_INPUT -j DROP"), "{text}");
    }
}
