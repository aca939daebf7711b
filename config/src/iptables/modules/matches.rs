//! Which options has each match?

use super::{Module, Opt, both, flag, plain, refused};
use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::Built;
use crate::iptables::matches::{
    chance, connection, connlimit, conntrack, extension, fields, hashlimit, hours, icmp, listed, multiport,
    packet, rates, recent, security, transport,
};
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;

type Translate = fn(&Loaded, &Facts<'_>, &mut Built) -> Result<(), Diagnostic>;

const fn any(names: &'static [&'static str], options: &'static [Opt], translate: Translate) -> Module {
    Module { names, options, version: None, translate }
}

const fn v4(names: &'static [&'static str], options: &'static [Opt], translate: Translate) -> Module {
    Module { names, options, version: Some(Version::V4), translate }
}

const fn v6(names: &'static [&'static str], options: &'static [Opt], translate: Translate) -> Module {
    Module { names, options, version: Some(Version::V6), translate }
}

const SPORT: Opt = both(&["--sport", "--source-port"]);
const DPORT: Opt = both(&["--dport", "--destination-port"]);

const COUNTED: &str = "the elements of a set of nft are not counted in matches";
const NO_EXCEPTIONS: &str = "a set of nft has no exceptions";

pub(super) const MATCHES: &[Module] = &[
    any(
        &["tcp"],
        &[
            SPORT,
            DPORT,
            Opt { names: &["--tcp-flags"], values: 2, negatable: true, refused: None },
            flag(&["--syn"]),
            both(&["--tcp-option"]),
        ],
        transport::tcp,
    ),
    any(&["udp"], &[SPORT, DPORT], transport::udp),
    any(&["udplite"], &[SPORT, DPORT], transport::udplite),
    any(
        &["sctp"],
        &[SPORT, DPORT, Opt { names: &["--chunk-types"], values: 2, negatable: true, refused: None }],
        transport::sctp,
    ),
    any(&["dccp"], &[SPORT, DPORT, both(&["--dccp-types"]), both(&["--dccp-option"])], transport::dccp),
    any(
        &["multiport"],
        &[
            both(&["--sports", "--source-ports", "--sport", "--source-port"]),
            both(&["--dports", "--destination-ports", "--dport", "--destination-port"]),
            both(&["--ports", "--port"]),
        ],
        multiport::translate,
    ),
    v4(&["icmp"], &[both(&["--icmp-type"])], icmp::v4),
    v6(&["icmp6", "icmpv6", "ipv6-icmp"], &[both(&["--icmpv6-type"])], icmp::v6),
    any(
        &["conntrack"],
        &[
            both(&["--ctstate"]),
            plain(&["--ctdir"], 1),
            both(&["--ctproto"]),
            both(&["--ctorigsrc"]),
            both(&["--ctorigdst"]),
            both(&["--ctreplsrc"]),
            both(&["--ctrepldst"]),
            both(&["--ctorigsrcport"]),
            both(&["--ctorigdstport"]),
            both(&["--ctreplsrcport"]),
            both(&["--ctrepldstport"]),
            both(&["--ctstatus"]),
            both(&["--ctexpire"]),
        ],
        conntrack::conntrack,
    ),
    any(&["state"], &[both(&["--state"])], conntrack::state),
    any(&["comment"], &[plain(&["--comment"], 1)], fields::comment),
    any(&["length"], &[both(&["--length"])], fields::length),
    any(&["iprange"], &[both(&["--src-range"]), both(&["--dst-range"])], fields::iprange),
    v4(
        &["ttl"],
        &[both(&["--ttl-eq", "--ttl"]), plain(&["--ttl-lt"], 1), plain(&["--ttl-gt"], 1)],
        fields::ttl,
    ),
    v6(&["hl"], &[both(&["--hl-eq"]), plain(&["--hl-lt"], 1), plain(&["--hl-gt"], 1)], fields::ttl),
    any(&["dscp"], &[both(&["--dscp"]), both(&["--dscp-class"])], fields::dscp),
    any(&["tos"], &[both(&["--tos"])], packet::tos),
    any(
        &["ecn"],
        &[both(&["--ecn-ip-ect"]), flag(&["--ecn-tcp-ece"]), flag(&["--ecn-tcp-cwr"])],
        packet::ecn,
    ),
    any(&["tcpmss"], &[both(&["--mss"])], packet::tcpmss),
    any(&["mac"], &[both(&["--mac-source"])], fields::mac),
    any(&["pkttype"], &[both(&["--pkt-type"])], packet::pkttype),
    any(
        &["addrtype"],
        &[
            both(&["--src-type"]),
            both(&["--dst-type"]),
            plain(&["--limit-iface-in"], 0),
            plain(&["--limit-iface-out"], 0),
        ],
        packet::addrtype,
    ),
    any(&["mark"], &[both(&["--mark"])], connection::packet_mark),
    any(&["connmark"], &[both(&["--mark"])], connection::connmark),
    any(&["helper"], &[both(&["--helper"])], connection::helper),
    any(
        &["connbytes"],
        &[both(&["--connbytes"]), plain(&["--connbytes-dir"], 1), plain(&["--connbytes-mode"], 1)],
        connection::connbytes,
    ),
    any(
        &["connlimit"],
        &[
            both(&["--connlimit-upto"]),
            both(&["--connlimit-above"]),
            plain(&["--connlimit-mask"], 1),
            plain(&["--connlimit-saddr"], 0),
            plain(&["--connlimit-daddr"], 0),
        ],
        connlimit::translate,
    ),
    any(&["limit"], &[plain(&["--limit"], 1), plain(&["--limit-burst"], 1)], rates::limit),
    any(
        &["hashlimit"],
        &[
            both(&["--hashlimit-upto", "--hashlimit"]),
            both(&["--hashlimit-above"]),
            plain(&["--hashlimit-burst"], 1),
            plain(&["--hashlimit-mode"], 1),
            plain(&["--hashlimit-srcmask"], 1),
            plain(&["--hashlimit-dstmask"], 1),
            plain(&["--hashlimit-name"], 1),
            plain(&["--hashlimit-htable-size"], 1),
            plain(&["--hashlimit-htable-max"], 1),
            plain(&["--hashlimit-htable-expire"], 1),
            plain(&["--hashlimit-htable-gcinterval"], 1),
            plain(&["--hashlimit-rate-match"], 0),
            plain(&["--hashlimit-rate-interval"], 1),
        ],
        hashlimit::translate,
    ),
    any(&["quota"], &[both(&["--quota"])], rates::quota),
    any(
        &["recent"],
        &[
            flag(&["--set"]),
            flag(&["--rcheck"]),
            flag(&["--update"]),
            flag(&["--remove"]),
            plain(&["--seconds"], 1),
            plain(&["--hitcount"], 1),
            plain(&["--rttl"], 0),
            plain(&["--reap"], 0),
            plain(&["--name"], 1),
            plain(&["--rsource"], 0),
            plain(&["--rdest"], 0),
            plain(&["--mask"], 1),
        ],
        recent::translate,
    ),
    any(
        &["statistic"],
        &[plain(&["--mode"], 1), both(&["--probability"]), both(&["--every"]), plain(&["--packet"], 1)],
        chance::translate,
    ),
    any(
        &["time"],
        &[
            plain(&["--datestart"], 1),
            plain(&["--datestop"], 1),
            plain(&["--timestart"], 1),
            plain(&["--timestop"], 1),
            both(&["--monthdays"]),
            both(&["--weekdays"]),
            plain(&["--kerneltz", "--localtz"], 0),
            plain(&["--utc"], 0),
            plain(&["--contiguous"], 0),
        ],
        hours::translate,
    ),
    any(
        &["set"],
        &[
            Opt { names: &["--match-set", "--set"], values: 2, negatable: true, refused: None },
            refused(&["--return-nomatch"], 0, NO_EXCEPTIONS),
            // Nobody reads them: what compares them is refused.
            Opt { names: &["--update-counters"], values: 0, negatable: true, refused: None },
            Opt { names: &["--update-subcounters"], values: 0, negatable: true, refused: None },
            refused(&["--packets-eq"], 1, COUNTED),
            refused(&["--packets-lt"], 1, COUNTED),
            refused(&["--packets-gt"], 1, COUNTED),
            refused(&["--bytes-eq"], 1, COUNTED),
            refused(&["--bytes-lt"], 1, COUNTED),
            refused(&["--bytes-gt"], 1, COUNTED),
        ],
        listed::translate,
    ),
    any(&["ah"], &[both(&["--ahspi"]), both(&["--ahlen"]), plain(&["--ahres"], 0)], security::ah),
    any(&["esp"], &[both(&["--espspi"])], security::esp),
    any(&["ipcomp"], &[both(&["--ipcompspi"]), plain(&["--compres"], 0)], security::ipcomp),
    v6(
        &["frag"],
        &[
            both(&["--fragid"]),
            both(&["--fraglen"]),
            plain(&["--fragres"], 0),
            plain(&["--fragfirst"], 0),
            plain(&["--fragmore"], 0),
            plain(&["--fraglast"], 0),
        ],
        extension::frag,
    ),
    v6(
        &["rt"],
        &[
            both(&["--rt-type"]),
            both(&["--rt-segsleft"]),
            both(&["--rt-len"]),
            plain(&["--rt-0-res"], 0),
            plain(&["--rt-0-addrs"], 1),
            plain(&["--rt-0-not-strict"], 0),
        ],
        extension::rt,
    ),
    v6(&["hbh"], &[both(&["--hbh-len"]), plain(&["--hbh-opts"], 1)], extension::hbh),
    v6(&["dst"], &[both(&["--dst-len"]), plain(&["--dst-opts"], 1)], extension::dst),
    v6(&["ipv6header", "ipv6"], &[both(&["--header"]), plain(&["--soft"], 0)], extension::ipv6header),
    v6(&["mh"], &[both(&["--mh-type"])], extension::mh),
];
