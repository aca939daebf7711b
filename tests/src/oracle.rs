//! What does the Linux kernel say about each of these packets, under this ruleset?
//!
//! Three namespaces: outside, a bridge, inside. A frame is injected on its side and either comes out on the
//! other or does not; a fence frame behind it says when to stop waiting. The bridge gives its packets to the
//! IP hooks (`br_netfilter`), so nothing routes, lowers a TTL or refuses a martian; guard rules are rewritten
//! for it (see [`rewrite`]). Verdict, deciding rule and ct state are read from nftables' own trace, and a
//! packet counts as accepted only if it came out.
//!
//! The bridge carries the name of the protected interface, so `iifname` of what comes in and `oifname` of
//! what goes out are as on the guarded host. The side of a packet travels in `meta priority`, which rulesets
//! given to the oracle must leave alone. The kernel holds fragments: the judgement of a datagram is that of all its
//! fragments, and what comes of a fragment that it drops is nothing (see [`fragments`]).

mod fragments;
mod listing;
mod rewrite;
mod trace;

use std::fmt;
use std::time::Duration;

use crate::capture::{Record, Side, is_fragment};
use crate::netns::Namespace;
use crate::system::{Socket, inside_namespace, pin_to_one_cpu};
use listing::Listing;
use trace::{Event, Kind};

/// A ruleset as an administrator wrote it, for the host that is guarded.
#[derive(Debug, Clone)]
pub enum Ruleset {
    /// A file of nftables.
    Nft(String),
    /// What iptables-save printed.
    Iptables(String),
    /// What ip6tables-save printed.
    Ip6tables(String),
}

impl Ruleset {
    /// Whether there may be rules about the identification of fragments, of which the kernel gets other ones.
    #[must_use]
    pub fn asks_for_identifications(&self) -> bool {
        match self {
            Self::Nft(text) => text.contains("ip id") || text.contains("frag id"),
            Self::Iptables(text) | Self::Ip6tables(text) => text.contains("-m frag"),
        }
    }

    /// Whether rules see packets before they are routed.
    fn sees_before_routing(&self) -> bool {
        match self {
            Self::Nft(text) => text.contains("hook prerouting"),
            Self::Iptables(text) | Self::Ip6tables(text) => {
                text.contains("-A PREROUTING") || text.contains(":PREROUTING DROP")
            }
        }
    }

    /// Whether there are rules with `-m recent`.
    fn has_lists_of_recent(&self) -> bool {
        match self {
            Self::Nft(_) => false,
            Self::Iptables(text) | Self::Ip6tables(text) => text.contains("-m recent"),
        }
    }

    /// Whether a rule asks for the state of connections, for IPv4 and for IPv6 packets; without, the kernel
    /// tracks none.
    #[must_use]
    pub fn tracks(&self) -> [bool; 2] {
        let text = match self {
            Self::Nft(text) => text,
            Self::Iptables(text) => return [xtables_tracks(text), false],
            Self::Ip6tables(text) => return [false, xtables_tracks(text)],
        };
        let (mut found, mut families) = ([false; 2], [false; 2]);
        for line in text.lines().filter_map(|line| line.split('#').next()) {
            if let Some(table) = line.trim().strip_prefix("table ") {
                families = match table.split(' ').next() {
                    Some("inet") => [true, true],
                    Some("ip6") => [false, true],
                    _ => [true, false],
                };
            }
            if line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "ct") {
                found = [found[0] | families[0], found[1] | families[1]];
            }
        }
        found
    }
}

/// Whether a dump has a match or target that needs connections tracked; `-j CT --notrack` alone does not.
fn xtables_tracks(text: &str) -> bool {
    let words = [
        "conntrack",
        "state",
        "connmark",
        "CONNMARK",
        "connbytes",
        "connlimit",
        "helper",
        "--helper",
        "--zone",
        "--timeout",
    ];
    text.split_whitespace().any(|word| words.contains(&word))
}

/// What the kernel did with one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it came out on the other side.
    pub accepted: bool,
    /// The ct state as it met the rules: `new`, `established`, `related`, `invalid`, `untracked`, or `none`.
    pub state: &'static str,
    /// What the trace says, in order: rules that matched, and policies.
    pub path: Vec<Step>,
    /// Frames that came back where the packet was sent from: a RST, an ICMP error.
    pub answers: Vec<Vec<u8>>,
}

/// A rule that matched, or the policy of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Family, table, chain and 1-based position or `policy`, as Sluice reports its deciding rule.
    pub rule: String,
    /// The rule as nft lists it.
    pub text: String,
    /// `accept`, `drop`, `jump`, ...
    pub verdict: &'static str,
}

impl Judgement {
    /// The rule or policy that dropped the packet, if one did.
    #[must_use]
    pub fn dropped_by(&self) -> Option<&Step> {
        self.path.last().filter(|step| step.verdict == "drop")
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.accepted { "accept" } else { "drop" };
        write!(f, "{verdict}, ct {}, {} answers", self.state, self.answers.len())?;
        for step in &self.path {
            write!(f, "\n    {}: {} [{}]", step.rule, step.text, step.verdict)?;
        }
        Ok(())
    }
}

/// The bridge and its two ends.
#[derive(Debug)]
pub struct Oracle {
    outside_end: Socket,
    inside_end: Socket,
    trace: Socket,
    connections: Socket,
    bridge: Namespace,
    /// Kept for their devices.
    _ends: [Namespace; 2],
    fences: u32,
    /// How often fragments have gone through: see [`fragments`].
    passages: u32,
    /// What `nf_conntrack_tcp_loose` was set to last.
    tcp_loose: Option<bool>,
    pause: Duration,
}

impl Oracle {
    /// Builds the bridge; `interface` is the name of the protected interface in rulesets.
    ///
    /// # Panics
    /// If it cannot be built, which needs root and a kernel with `br_netfilter`.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        pin_to_one_cpu();
        let [outside, inside, bridge] = ["outside", "inside", "bridge"].map(Namespace::new);
        for end in [&outside, &inside, &bridge] {
            end.sysctl("net.ipv6.conf.default.disable_ipv6", 1);
        }
        bridge.ip(&format!("link add {interface} type bridge stp_state 0 mcast_snooping 0"));
        for (end, port) in [(&outside, OUTSIDE_PORT), (&inside, INSIDE_PORT)] {
            end.veth("end", &bridge, port);
            end.ip("link set end up");
            bridge.ip(&format!("link set {port} master {interface}"));
            bridge.ip(&format!("link set {port} type bridge_slave learning off"));
            bridge.ip(&format!("link set {port} up"));
        }
        // `reject` asks for a route, so there is one for everything, by a router that neither end is: an answer
        // goes out by both ports.
        bridge.sysctl(&format!("net.ipv6.conf.{interface}.disable_ipv6"), 0);
        bridge.ip(&format!("link set {interface} addrgenmode none up"));
        for router in ROUTERS {
            bridge.ip(&format!("neighbor add {router} lladdr {ROUTER_MAC} dev {interface} nud permanent"));
            bridge.ip(&format!("route add default via {router} dev {interface} onlink"));
        }
        // and answers as often as it is asked
        bridge.sysctl("net.ipv4.icmp_ratemask", 0);
        bridge.sysctl("net.ipv6.icmp.ratelimit", 0);
        bridge.sysctl("net.ipv4.icmp_msgs_burst", 1_000_000);
        bridge.sysctl("net.ipv4.icmp_msgs_per_sec", 1_000_000);
        // what waits for the rest of its datagram has room, and goes before its number comes again
        for fragments in ["net.ipv4.ipfrag", "net.netfilter.nf_conntrack_frag6"] {
            bridge.sysctl(&format!("{fragments}_high_thresh"), 1 << 26);
        }
        bridge.sysctl("net.ipv4.ipfrag_time", 10);
        bridge.sysctl("net.netfilter.nf_conntrack_frag6_timeout", 10);
        bridge.sysctl("net.bridge.bridge-nf-call-iptables", 1);
        bridge.sysctl("net.bridge.bridge-nf-call-ip6tables", 1);
        bridge.sysctl("net.bridge.bridge-nf-filter-vlan-tagged", 1);
        let packet = |end: &Namespace| {
            inside_namespace(end.name(), || Socket::packet("end").expect("a packet socket"))
        };
        Self {
            outside_end: packet(&outside),
            inside_end: packet(&inside),
            trace: inside_namespace(bridge.name(), || Socket::nftables_trace().expect("a netlink socket")),
            connections: inside_namespace(bridge.name(), || Socket::netfilter().expect("a netlink socket")),
            bridge,
            _ends: [outside, inside],
            fences: 0,
            passages: 0,
            tcp_loose: None,
            pause: Duration::ZERO,
        }
    }

    /// Waits so long before each packet from now on. What the kernel cleans up once a tick of its clock, it has cleaned
    /// up then.
    pub const fn pause(&mut self, pause: Duration) {
        self.pause = pause;
    }

    /// Sends the records through a kernel that begins with `rulesets` and no connection.
    ///
    /// # Panics
    /// If the kernel's tools refuse a ruleset, or if a fence is lost.
    pub fn judge(&mut self, rulesets: &[Ruleset], records: &[Record], tcp_loose: bool) -> Vec<Judgement> {
        self.try_judge(rulesets, records, tcp_loose).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// As [`Self::judge`], and what lies more than 20 ms apart in the capture does here. `behind` is told the number of each
    /// packet when that has gone through.
    ///
    /// # Panics
    /// As [`Self::judge`].
    pub fn judge_in_time(
        &mut self,
        rulesets: &[Ruleset],
        records: &[Record],
        tcp_loose: bool,
        mut behind: impl FnMut(&Self, usize),
    ) -> Vec<Judgement> {
        let (mut all, mut before) = (Vec::new(), None);
        let listing = self.begin(rulesets, tcp_loose).unwrap_or_else(|complaint| panic!("{complaint}"));
        for record in records {
            let pause = before.map_or(Duration::ZERO, |before| record.time.saturating_sub(before));
            if pause > Duration::from_millis(20) {
                std::thread::sleep(pause);
            }
            before = Some(record.time);
            all.push(self.judge_one(record, &listing).0);
            behind(self, all.len() - 1);
        }
        all
    }

    /// The kernel's table of connections, a line for each.
    #[must_use]
    pub fn connections(&self) -> String {
        self.bridge.run("cat /proc/net/nf_conntrack")
    }

    /// As [`Self::judge`].
    ///
    /// # Errors
    /// What the kernel's tools say of a ruleset they refuse, and the ruleset as they were given it.
    ///
    /// # Panics
    /// If a fence is lost.
    pub fn try_judge(
        &mut self,
        rulesets: &[Ruleset],
        records: &[Record],
        tcp_loose: bool,
    ) -> Result<Vec<Judgement>, String> {
        let listing = self.begin(rulesets, tcp_loose)?;
        let (mut judged, went_on): (Vec<Judgement>, Vec<bool>) =
            records.iter().map(|record| self.judge_one(record, &listing)).unzip();
        let gathered = Gathered::by(rulesets);
        if !records.iter().any(|record| is_fragment(&record.frame) && gathered.has(record)) {
            return Ok(judged);
        }
        // a chain before the place where fragments wait may have dropped it
        let waits = |number: usize| {
            gathered.has(&records[number]) && (went_on[number] || judged[number].dropped_by().is_none())
        };
        let datagrams = self.datagrams(records, waits);
        for (number, datagram) in datagrams.into_iter().enumerate() {
            let is_whole = |last: &usize| {
                gathered.has(&records[number]) && went_on[*last] && judged[number].dropped_by().is_none()
            };
            if let Some(last) = datagram.filter(is_whole) {
                let whole = judged[last].clone();
                let answers = std::mem::take(&mut judged[number].answers);
                judged[number] = Judgement { answers, ..whole };
            }
        }
        Ok(judged)
    }

    /// A kernel with these rules and no connection, and how it lists them.
    fn begin(&mut self, rulesets: &[Ruleset], tcp_loose: bool) -> Result<Listing, String> {
        self.passages += 1;
        let listing = self.load(rulesets, Gathered::by(rulesets))?;
        if self.tcp_loose != Some(tcp_loose) {
            self.bridge.sysctl("net.netfilter.nf_conntrack_tcp_loose", i32::from(tcp_loose));
            self.tcp_loose = Some(tcp_loose);
        }
        self.connections.send(&FORGET_ALL_CONNECTIONS).expect("netlink");
        self.forget_trace();
        for end in [&self.outside_end, &self.inside_end] {
            while end.receive(&mut [0; 64], Duration::ZERO).expect("received").is_some() {}
        }
        Ok(listing)
    }

    /// What was traced so far is of no matter; there is room for a few hundred packets of it.
    fn forget_trace(&self) {
        while self.trace.receive(&mut [0; 4096], Duration::ZERO).expect("netlink").is_some() {}
    }

    /// Whether the kernel and its tools take these rules.
    #[must_use]
    pub fn takes(&self, rulesets: &[Ruleset]) -> bool {
        self.load(rulesets, Gathered::default()).is_ok()
    }

    fn load(&self, rulesets: &[Ruleset], gathered: Gathered) -> Result<Listing, String> {
        let feed = |tool: &str, text: &str| {
            self.bridge.feed(tool, text).map_err(|complaint| format!("{tool}: {complaint}\n{text}"))
        };
        let mut own = String::from("flush ruleset\n");
        for ruleset in rulesets {
            if let Ruleset::Nft(text) = ruleset {
                own += &rewrite::nft(text);
            }
        }
        let mut dumps = rulesets.iter().filter(|ruleset| !matches!(ruleset, Ruleset::Nft(_))).peekable();
        if dumps.peek().is_some() {
            feed("nft -f -", &own)?;
            own.clear();
        }
        for ruleset in dumps {
            match ruleset {
                Ruleset::Iptables(text) => feed("iptables-restore", &rewrite::iptables(text))?,
                Ruleset::Ip6tables(text) => feed("ip6tables-restore", &rewrite::iptables(text))?,
                Ruleset::Nft(_) => continue,
            };
        }
        if rulesets.iter().any(Ruleset::has_lists_of_recent) {
            // those of rules that went a moment ago live on while rules come that name them again
            feed("sh", "for list in /proc/net/xt_recent/*; do echo / >$list; done")?;
        }
        own += &rewrite::own_tables(gathered);
        feed("nft -f -", &own)?;
        self.bridge.feed("nft -a list ruleset", "").map(|text| Listing::read(&text))
    }

    /// What becomes of a packet, and whether it, or a datagram that it completes, comes to connection tracking.
    fn judge_one(&mut self, record: &Record, listing: &Listing) -> (Judgement, bool) {
        std::thread::sleep(self.pause);
        let sent = fragments::renumbered(&record.frame, self.passages);
        let is_fragment = is_fragment(&sent);
        let untagged = without_outer_tag(&sent);
        let (out, mut answers) = self.send(record.side, &sent);
        // The bridge trims what lies behind the IP packet. Anything else is the kernel's own noise.
        let is_sent = |got: &Vec<u8>| {
            got.len() > ETHERNET_HEADER
                && (untagged.starts_with(got)
                    || sent.starts_with(got)
                    || is_fragment && fragments::same_ends(got, &sent))
        };
        let accepted = out.iter().any(is_sent);
        answers.retain(|answer| !is_late(answer) && !is_solicitation(answer));
        if is_fragment {
            answers.iter_mut().for_each(|answer| fragments::renumber_back(answer, self.passages));
        }
        let mut judgement = Judgement { accepted, state: "none", path: Vec::new(), answers };
        let mut went_on = false;
        let mut buffer = vec![0; 65_536];
        while let Some(message) = self.trace.receive(&mut buffer, Duration::ZERO).expect("netlink") {
            for event in trace::events(message) {
                went_on |= event.table == rewrite::OWN_TABLE && event.chain == rewrite::WHOLE;
                note(&mut judgement, &event, listing);
            }
        }
        (judgement, went_on)
    }

    /// Sends a frame, and a fence behind it: what comes out on the other side, and what comes back.
    fn send(&mut self, side: Side, frame: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        self.fences += 1;
        let mut fence = FENCE.to_vec();
        fence.extend(self.fences.to_be_bytes());
        fence.resize(60, 0);
        let (from, to) = match side {
            Side::Outside => (&self.outside_end, &self.inside_end),
            Side::Inside => (&self.inside_end, &self.outside_end),
        };
        from.send(frame).expect("the frame is sent");
        from.send(&fence).expect("the fence is sent");
        let mut buffer = vec![0; 65_536];
        let mut out = Vec::new();
        loop {
            let got = to.receive(&mut buffer, FENCE_BOUND).expect("received").expect("the fence came out");
            if got == fence {
                break;
            }
            out.push(got.to_vec());
        }
        let mut answers = Vec::new();
        while let Some(got) = from.receive(&mut buffer, Duration::ZERO).expect("received") {
            answers.push(got.to_vec());
        }
        (out, answers)
    }
}

/// Which fragments are put together before rules see them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gathered {
    /// Because IPv4 or IPv6 packets are tracked.
    tracked: [bool; 2],
    /// Those of IPv4 that come in, as they are for the host itself. A bridge is told to do that before routing, which is as well
    /// where no rule sees packets there.
    incoming: bool,
}

impl Gathered {
    /// Under these rules.
    #[must_use]
    pub fn by(rulesets: &[Ruleset]) -> Self {
        let tracked = tracked(rulesets);
        let incoming = !tracked[0] && !rulesets.iter().any(Ruleset::sees_before_routing);
        Self { tracked, incoming }
    }

    /// Whether this packet would be.
    #[must_use]
    pub fn has(self, record: &Record) -> bool {
        let is_v4 = record.frame.get(12) == Some(&8);
        self.tracked[usize::from(!is_v4)] || is_v4 && self.incoming && record.side == Side::Outside
    }

    /// Whether a bridge gives such a packet to rules as a guarded host would. Fragments of IPv4 that come in where nothing is
    /// tracked are packets to rules before routing, and put together for those behind it: a bridge does one or the other.
    #[must_use]
    pub fn is_as_on_a_host(self, record: &Record) -> bool {
        let is_v4 = record.frame.get(12) == Some(&8);
        !is_fragment(&record.frame) || record.side == Side::Inside || !is_v4 || self.has(record)
    }
}

/// Whether any of them tracks, for IPv4 and for IPv6 packets.
fn tracked(rulesets: &[Ruleset]) -> [bool; 2] {
    rulesets.iter().map(Ruleset::tracks).fold([false; 2], |a, b| [a[0] | b[0], a[1] | b[1]])
}

/// Adds one trace event to what is known of the packet.
fn note(judgement: &mut Judgement, event: &Event, listing: &Listing) {
    if event.table == rewrite::OWN_TABLE {
        let text = listing.text(event).unwrap_or_default();
        let state = text.strip_prefix("ct state ").and_then(|rest| rest.split(' ').next());
        if let Some(state) = STATES.into_iter().find(|word| Some(*word) == state) {
            judgement.state = state;
        }
        return;
    }
    let place = format!("{} {} {}", event.family, event.table, rewrite::original_chain(&event.chain));
    let (rule, text) = match event.kind {
        Kind::Rule => match listing.rule(event) {
            Some((position, text)) => match rewrite::policy_of(&event.chain) {
                Some(chain) => {
                    (format!("{} {} {chain} policy", event.family, event.table), "policy".to_owned())
                }
                None => (format!("{place} {position}"), text.to_owned()),
            },
            None => return, // one of ours, that sends the other side's packets on
        },
        Kind::Policy => (format!("{place} policy"), "policy".to_owned()),
        Kind::Return => return,
    };
    judgement.path.push(Step { rule, text, verdict: event.verdict });
}

/// Whether an ICMP error says that fragments waited for too long: nothing that came just now made it.
fn is_late(frame: &[u8]) -> bool {
    let message = match (frame.get(12..14), frame.get(14)) {
        (Some([8, 0]), Some(first)) if frame.get(23) == Some(&1) => 14 + usize::from(first & 15) * 4,
        (Some([0x86, 0xdd]), _) if frame.get(20) == Some(&58) => 54,
        _ => return false,
    };
    matches!((frame[12], frame.get(message..message + 2)), (8, Some([11, 1])) | (0x86, Some([3, 1])))
}

/// Whether the bridge asks for the link's address of a host, which it may do for itself.
fn is_solicitation(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(20) == Some(&58) && frame.get(54) == Some(&135)
}

/// The frame as a packet socket receives it: the outer VLAN tag is not among the bytes.
fn without_outer_tag(frame: &[u8]) -> Vec<u8> {
    match frame.get(12..14) {
        Some([0x81, 0] | [0x88, 0xa8]) if frame.len() >= 18 => [&frame[..12], &frame[16..]].concat(),
        _ => frame.to_vec(),
    }
}

/// The words for ct states.
const STATES: [&str; 5] = ["new", "established", "related", "invalid", "untracked"];

/// To conntrack, as netlink has it: delete (`IPCTNL_MSG_CT_DELETE`), of all families, without naming one.
const FORGET_ALL_CONNECTIONS: [u8; 20] = {
    let mut message = [0; 20];
    let (length, request) = (20_u32.to_ne_bytes(), 1_u16.to_ne_bytes());
    let mut at = 0;
    while at < 4 {
        message[at] = length[at];
        at += 1;
    }
    let kind = (1_u16 << 8 | 2).to_ne_bytes();
    (message[4], message[5]) = (kind[0], kind[1]);
    (message[6], message[7]) = (request[0], request[1]);
    message
};

/// Where answers are sent: nobody has these addresses.
const ROUTERS: [&str; 2] = ["169.254.1.1", "fe80::1:1"];
const ROUTER_MAC: &str = "02:00:00:00:99:99";

/// Ports of the bridge.
const OUTSIDE_PORT: &str = "outside";
const INSIDE_PORT: &str = "inside";

/// How long a fence may take; it takes microseconds unless the machine is held up.
const FENCE_BOUND: Duration = Duration::from_secs(10);

/// To everybody, `EtherType` "local experimental".
const FENCE: [u8; 14] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x99, 0x88, 0xb5];

const ETHERNET_HEADER: usize = 14;
