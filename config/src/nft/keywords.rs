//! Which words of the language cannot be names?

/// Whether nft reads `word` as part of its language wherever it stands.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.split_ascii_whitespace().any(|known| known == word)
}

/// Whether this word of the language is a value all the same, of a protocol most often.
pub(super) fn is_value(word: &str) -> bool {
    VALUES.split_ascii_whitespace().any(|known| known == word)
}

const VALUES: &str = "ah arp bytes comp dccp dnat ecn esp ether exists icmp icmpv6 igmp ip ip6 kbytes mbytes missing \
    packets redirect reset sctp snat tcp udp udplite vlan";

const KEYWORDS: &str = "accept drop continue return jump goto queue reject counter comment notrack meta ct ip \
    ip6 tcp udp udplite sctp dccp th icmp icmpv6 ether vlan arp iif oif iifname oifname mark set map element \
    elements chain table rule flush add delete insert create list rename reset replace export import monitor \
    describe type typeof hook priority policy device devices flags size timeout interval constant dynamic \
    auto-merge gc-interval limit quota log snat dnat masquerade redirect dup fwd socket tproxy synproxy \
    flowtable flow offload update define redefine undefine include inet bridge netdev ecn frag exthdr hbh rt \
    rt0 rt2 srh dst mh ah esp comp igmp fib osf numgen jhash symhash random vmap all hour day skuid skgid \
    cgroup nftrace rtclassid ibrname obrname ibriport obriport pkttype cpu iifgroup oifgroup iiftype oiftype \
    ipsec secmark and or xor not eq ne lt gt le ge lshift rshift exists missing position index handle ruleset \
    meter xt time bytes packets kbytes mbytes";
