//! Why are some matches and targets of iptables refused?

/// Why the match `name` is refused, if it is one of iptables.
pub(super) fn match_reason(name: &str) -> Option<&'static str> {
    reason(MATCHES, name)
}

/// Why the target `name` is refused, if it is one of iptables.
pub(in crate::iptables) fn target_reason(name: &str) -> Option<&'static str> {
    reason(TARGETS, name)
}

fn reason(of: &[(&'static [&'static str], &'static str)], name: &str) -> Option<&'static str> {
    of.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why)
}

const MATCHES: &[(&[&str], &str)] = &[
    (&["owner", "socket", "cgroup"], "a wire does not know the sockets and processes of a host"),
    (&["cpu"], "which processor takes a packet means nothing on a wire"),
    (&["devgroup", "physdev"], "a wire has two ends, no groups of devices and no bridge ports"),
    (&["policy"], "a wire does not see what IPsec makes of a packet"),
    (&["rpfilter", "realm"], "a wire has no routing table"),
    (&["bpf", "u32"], "nft has no programs that look at any byte: say what they look for by its name"),
    (&["string"], "nft does not search the payload"),
    (&["osf"], "fingerprints of systems are not read"),
    (&["ipvs"], "virtual servers belong to a host"),
    (&["nfacct", "rateest"], "accounting objects and rate estimators of a host are not there"),
    (&["cluster", "connlabel"], "clusters and labels of connections are not there yet"),
    (&["eui64"], "nft does not compare an interface identifier with an Ethernet address"),
    (&["srh"], "segment routing headers are not read yet"),
];

const REWRITES: &str = "Sluice does not rewrite packets";

const TARGETS: &[(&[&str], &str)] = &[
    (&["CHECKSUM", "DNPT", "DSCP", "ECN", "HL", "NETMAP", "SNPT"], REWRITES),
    (&["TCPMSS", "TCPOPTSTRIP", "TOS", "TTL"], REWRITES),
    (&["CLUSTERIP", "DNAT", "MASQUERADE", "REDIRECT", "SNAT", "TPROXY"], REWRITES),
    (&["AUDIT", "LED", "IDLETIMER", "TRACE", "ULOG"], "there is no such service of the kernel on a wire"),
    (&["CLASSIFY", "RATEEST"], "a wire has no queueing disciplines"),
    (&["CONNSECMARK", "SECMARK"], "security contexts belong to a host"),
    (&["HMARK"], "marks by hash are not there yet"),
    (&["NFQUEUE", "QUEUE"], "there is no program of a host to ask"),
    (&["SYNPROXY"], "it is not there yet"),
    (&["TEE"], "packets are not sent twice"),
];
