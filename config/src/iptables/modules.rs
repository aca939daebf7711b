//! Which matches and targets are there, and which options has each?

use super::Version;
use super::build::Built;
use super::matches::{conntrack, fields, icmp, multiport, transport};
use super::options::Loaded;
use super::protocol;
use super::rule::Facts;
use crate::diagnostic::Diagnostic;

/// A match or target.
#[derive(Debug)]
pub(super) struct Module {
    /// What it can be called; its own name first.
    pub(super) names: &'static [&'static str],
    pub(super) options: &'static [Opt],
    /// The version it belongs to, unless it is both.
    version: Option<Version>,
    /// What it adds to a rule.
    pub(super) translate: fn(&Loaded, &Facts, &mut Built) -> Result<(), Diagnostic>,
}

impl Module {
    /// What messages call it.
    pub(super) const fn name(&self) -> &'static str {
        self.names[0]
    }

    /// Its option called `name`.
    pub(super) fn option(&self, name: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.names.contains(&name))
    }
}

/// An option.
#[derive(Debug)]
pub(super) struct Opt {
    /// What it can be called; the name code asks for first.
    pub(super) names: &'static [&'static str],
    /// How many values follow.
    pub(super) values: usize,
    pub(super) negatable: bool,
    pub(super) supported: bool,
}

impl Opt {
    /// The name code asks for.
    pub(super) const fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// An option with one value that can be negated.
const fn both(names: &'static [&'static str]) -> Opt {
    Opt { names, values: 1, negatable: true, supported: true }
}

/// An option with so many values that cannot be negated.
const fn plain(names: &'static [&'static str], values: usize) -> Opt {
    Opt { names, values, negatable: false, supported: true }
}

/// An option that is refused, with so many values.
const fn refused(names: &'static [&'static str], values: usize) -> Opt {
    Opt { names, values, negatable: true, supported: false }
}

/// The match called `name`, or why there is none.
pub(super) fn named(name: &str, version: Version) -> Result<&'static Module, String> {
    let Some(module) = MATCHES.iter().find(|module| module.names.contains(&name)) else {
        return Err(match UNSUPPORTED.contains(&name) {
            true => format!("the match `{name}` is not supported yet"),
            false => format!("unknown match `{name}`"),
        });
    };
    match (module.version, version) {
        (Some(Version::V4), Version::V6) => Err(format!("the match `{name}` is for IPv4 only")),
        (Some(Version::V6), Version::V4) => Err(format!("the match `{name}` is for IPv6 only")),
        _ => Ok(module),
    }
}

/// The match that comes with `-p NAME`.
pub(super) fn implied(name: &str, version: Version) -> Option<&'static Module> {
    let name = match protocol::number(name)? {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        58 => "icmp6",
        132 => "sctp",
        _ => return None,
    };
    named(name, version).ok()
}

/// What needs no `-m`.
pub(super) const BASICS: Module = Module {
    names: &["iptables"],
    options: &[
        both(&["-s", "--source", "--src"]),
        both(&["-d", "--destination", "--dst"]),
        both(&["-i", "--in-interface"]),
        both(&["-o", "--out-interface"]),
        both(&["-p", "--protocol", "--proto"]),
        Opt { names: &["-f", "--fragment", "--fragments"], values: 0, negatable: true, supported: true },
        plain(&["-c", "--set-counters"], 1),
        refused(&["-4", "--ipv4"], 0),
        refused(&["-6", "--ipv6"], 0),
    ],
    version: None,
    translate: fields::basics,
};

const SPORT: Opt = both(&["--sport", "--source-port"]);
const DPORT: Opt = both(&["--dport", "--destination-port"]);

const MATCHES: &[Module] = &[
    Module {
        names: &["tcp"],
        options: &[
            SPORT,
            DPORT,
            Opt { names: &["--tcp-flags"], values: 2, negatable: true, supported: true },
            Opt { names: &["--syn"], values: 0, negatable: true, supported: true },
            refused(&["--tcp-option"], 1),
        ],
        version: None,
        translate: transport::tcp,
    },
    Module { names: &["udp"], options: &[SPORT, DPORT], version: None, translate: transport::udp },
    Module {
        names: &["sctp"],
        options: &[SPORT, DPORT, refused(&["--chunk-types"], 2)],
        version: None,
        translate: transport::sctp,
    },
    Module {
        names: &["dccp"],
        options: &[SPORT, DPORT, both(&["--dccp-types"]), refused(&["--dccp-option"], 1)],
        version: None,
        translate: transport::dccp,
    },
    Module {
        names: &["multiport"],
        options: &[
            both(&["--sports", "--source-ports", "--sport", "--source-port"]),
            both(&["--dports", "--destination-ports", "--dport", "--destination-port"]),
            both(&["--ports", "--port"]),
        ],
        version: None,
        translate: multiport::translate,
    },
    Module {
        names: &["icmp"],
        options: &[both(&["--icmp-type"])],
        version: Some(Version::V4),
        translate: icmp::v4,
    },
    Module {
        names: &["icmp6", "icmpv6", "ipv6-icmp"],
        options: &[both(&["--icmpv6-type"])],
        version: Some(Version::V6),
        translate: icmp::v6,
    },
    Module {
        names: &["conntrack"],
        options: &[
            both(&["--ctstate"]),
            plain(&["--ctdir"], 1),
            refused(&["--ctproto"], 1),
            refused(&["--ctorigsrc"], 1),
            refused(&["--ctorigdst"], 1),
            refused(&["--ctreplsrc"], 1),
            refused(&["--ctrepldst"], 1),
            refused(&["--ctorigsrcport"], 1),
            refused(&["--ctorigdstport"], 1),
            refused(&["--ctreplsrcport"], 1),
            refused(&["--ctrepldstport"], 1),
            refused(&["--ctstatus"], 1),
            refused(&["--ctexpire"], 1),
        ],
        version: None,
        translate: conntrack::conntrack,
    },
    Module { names: &["state"], options: &[both(&["--state"])], version: None, translate: conntrack::state },
    Module {
        names: &["comment"],
        options: &[plain(&["--comment"], 1)],
        version: None,
        translate: fields::comment,
    },
    Module { names: &["length"], options: &[both(&["--length"])], version: None, translate: fields::length },
    Module {
        names: &["iprange"],
        options: &[both(&["--src-range"]), both(&["--dst-range"])],
        version: None,
        translate: fields::iprange,
    },
    Module {
        names: &["ttl"],
        options: &[both(&["--ttl-eq", "--ttl"]), plain(&["--ttl-lt"], 1), plain(&["--ttl-gt"], 1)],
        version: Some(Version::V4),
        translate: fields::ttl,
    },
    Module {
        names: &["hl"],
        options: &[both(&["--hl-eq"]), plain(&["--hl-lt"], 1), plain(&["--hl-gt"], 1)],
        version: Some(Version::V6),
        translate: fields::ttl,
    },
    Module {
        names: &["dscp"],
        options: &[both(&["--dscp"]), both(&["--dscp-class"])],
        version: None,
        translate: fields::dscp,
    },
    Module { names: &["mac"], options: &[both(&["--mac-source"])], version: None, translate: fields::mac },
];

const fn nothing(_: &Loaded, _: &Facts, _: &mut Built) -> Result<(), Diagnostic> {
    Ok(())
}

const fn target(names: &'static [&'static str], options: &'static [Opt]) -> Module {
    Module { names, options, version: None, translate: nothing }
}

/// What `-j` can name besides a chain.
pub(super) const TARGETS: &[Module] = &[
    target(&["ACCEPT"], &[]),
    target(&["DROP"], &[]),
    target(&["RETURN"], &[]),
    target(&["REJECT"], &[plain(&["--reject-with"], 1)]),
    target(&["NOTRACK"], &[]),
    target(
        &["CT"],
        &[
            plain(&["--notrack"], 0),
            refused(&["--zone"], 1),
            refused(&["--zone-orig"], 1),
            refused(&["--zone-reply"], 1),
            refused(&["--helper"], 1),
            refused(&["--timeout"], 1),
            refused(&["--ctevents"], 1),
            refused(&["--expevents"], 1),
        ],
    ),
];

/// Matches of iptables that are refused.
const UNSUPPORTED: &[&str] = &[
    "addrtype",
    "ah",
    "bpf",
    "cgroup",
    "cluster",
    "connbytes",
    "connlabel",
    "connlimit",
    "connmark",
    "cpu",
    "devgroup",
    "dst",
    "ecn",
    "esp",
    "eui64",
    "frag",
    "hashlimit",
    "hbh",
    "helper",
    "ipcomp",
    "ipv6header",
    "ipvs",
    "limit",
    "mark",
    "mh",
    "nfacct",
    "osf",
    "owner",
    "physdev",
    "pkttype",
    "policy",
    "quota",
    "rateest",
    "realm",
    "recent",
    "rpfilter",
    "rt",
    "set",
    "socket",
    "srh",
    "statistic",
    "string",
    "tcpmss",
    "time",
    "tos",
    "u32",
];
