//! What do the conditions of a rule already say of the packet? A rule that contradicts itself is refused.

/// Family and protocol that a rule has asked for so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    ipv6: Option<bool>,
    protocol: Option<String>,
}

impl Known {
    pub(super) fn of(family: &str) -> Self {
        let ipv6 = match family {
            "ip" => Some(false),
            "ip6" => Some(true),
            _ => None,
        };
        Self { ipv6, protocol: None }
    }

    /// Takes a part of the rule up, if it goes with those before it.
    pub(super) fn admits(&mut self, part: &str) -> bool {
        let (ipv6, protocol) = needs(part);
        let Ok(ipv6) = agreed(self.ipv6, ipv6) else { return false };
        let mut known = self.protocol.clone();
        for one in protocol {
            match agreed(known, Some(one)) {
                Ok(agreed) => known = agreed,
                Err(()) => return false,
            }
        }
        (self.ipv6, self.protocol) = (ipv6, known);
        true
    }
}

fn agreed<T: PartialEq>(known: Option<T>, needed: Option<T>) -> Result<Option<T>, ()> {
    match (known, needed) {
        (Some(known), Some(needed)) if known != needed => Err(()),
        (known, needed) => Ok(needed.or(known)),
    }
}

/// The family and the protocols that a part of a rule names, sets aside.
fn needs(part: &str) -> (Option<bool>, Vec<String>) {
    let (mut ipv6, mut protocols, mut depth) = (None, Vec::new(), 0);
    let mut add = |protocol: &str| protocols.push(protocol.to_owned());
    let words: Vec<&str> = part.split_whitespace().collect();
    for (at, word) in words.iter().copied().enumerate() {
        let is_field = matches!(words.get(at + 1), Some(&("sport" | "dport")));
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        match word {
            // one that names a protocol goes with none that needs one
            "l4proto" | "nexthdr" if !matches!(words.get(at + 1), Some(&("tcp" | "."))) => add("some"),
            "protocol" if matches!(before, "ip" | "original" | "ct") => add("some"),
            "@nh,72,8" | "@nh,48,8" => add("some"),
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if depth > 0 && !is_field && !matches!(word, "ip" | "ip6") => {}
            "ip" | "ipv4" => ipv6 = Some(false),
            "ip6" | "ipv6" | "hbh" | "rt" | "dst" | "mh" | "frag" | "exthdr" => ipv6 = Some(true),
            "icmp" => {
                ipv6 = Some(false);
                add("icmp");
            }
            "icmpv6" => {
                ipv6 = Some(true);
                add("icmpv6");
            }
            "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "ah" | "esp" | "comp" => add(word),
            _ => {}
        }
    }
    (ipv6, protocols)
}
