//! Which connection does a packet meet, and what stands of it behind the packet? Sluice's pipeline, asked around every
//! packet; and the kernel's own table of connections.

use std::fmt;
use std::net::IpAddr;

use dataplane::Packet;
use dataplane::flow::{FlowHasher, Table};
use dataplane::io::Side;
use dataplane::object::Now;
use dataplane::packet::{Tuple, parse};
use dataplane::pipeline::{Context, Found, Keyed, Shard};
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::time::{Clock, Tick};
use dataplane::track::{Expectations, Flow, Protocol, Settings, Status};
use dataplane::wire::Role;

use crate::oracle::Ruleset;
use crate::{Record, capture, firewall};

/// A packet and its connection.
#[derive(Debug)]
pub struct Met<'a> {
    /// Its place among the packets.
    pub number: usize,
    /// As it came.
    pub record: &'a Record,
    /// What is in it.
    pub packet: &'a Packet,
    /// Where its connection is looked for.
    pub keyed: &'a Keyed,
    /// Whether it is looked for at all.
    pub is_tracked: bool,
    /// The connection before it, and when that ends.
    pub before: Option<Found>,
    /// The connection behind it.
    pub after: Option<Found>,
    /// When it came.
    pub now: Tick,
}

/// Shows every packet with its connection, on one worker.
///
/// # Panics
/// If Sluice refuses the rules.
pub fn follow(rulesets: &[Ruleset], records: &[Record], tcp_loose: bool, mut each: impl FnMut(&Met)) {
    let policy = firewall::policy(rulesets).unwrap_or_else(|complaint| panic!("{complaint}"));
    let nanoseconds = |record: &Record| u64::try_from(record.time.as_nanos()).unwrap_or(u64::MAX);
    let begin = records.first().map_or(0, nanoseconds);
    let rules = Rules::compile_at(&policy, 1, begin, None).expect("rules that were loaded");
    let mut table: Table<Flow> = Table::with_capacity(4096);
    let (hasher, stats) = (FlowHasher::new([1, 2, 3, 4]), Stats::default());
    let expectations = Expectations::with_capacity(64, hasher.clone());
    let settings = Settings { tcp_loose, ..Settings::default() };
    let role = Role::Guard { interface: firewall::interface() };
    let mut clock = Clock::default();
    for (number, record) in records.iter().enumerate() {
        let time = nanoseconds(record);
        clock.advance(time / 1_000_000, |_| {});
        let side = if record.side == capture::Side::Outside { Side::Outside } else { Side::Inside };
        let packet = parse(&record.frame[..]);
        let keyed = Keyed::of(&packet, &record.frame[..], &hasher);
        let at = Now { monotonic_ns: time, wall_ns: time };
        let shard =
            Shard { table: &mut table, settings: &settings, hasher: &hasher, expectations: &expectations };
        let mut context = Context::new(&role, side, clock.now(), at, &rules, 0, shard, &stats);
        let is_tracked = context.is_tracked(&packet) && packet.fault.is_none();
        let before = context.flow(&keyed).filter(|_| is_tracked);
        context.decide(&packet, &record.frame[..], &keyed);
        let after = context.flow(&keyed);
        let now = clock.now();
        each(&Met { number, record, packet: &packet, keyed: &keyed, is_tracked, before, after, now });
    }
}

/// A connection as `conntrack -L` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state of its protocol, where that has states.
    pub state: Option<String>,
    /// Until it ends.
    pub milliseconds: u64,
    /// `[ASSURED]`
    pub is_assured: bool,
    /// Not `[UNREPLIED]`
    pub is_replied: bool,
}

impl Standing {
    /// Of a connection of Sluice.
    #[must_use]
    pub fn of((flow, _, deadline): &Found, now: Tick) -> Self {
        let state = match flow.protocol() {
            Protocol::Tcp(connection) => Some(connection.state().label()),
            Protocol::Sctp(association) => Some(association.state().label()),
            _ => None,
        };
        Self {
            state: state.map(|label| label.to_uppercase().replace('-', "_")),
            milliseconds: u64::from(deadline.since(now)),
            is_assured: flow.is_assured(),
            is_replied: flow.status().has(Status::SEEN_REPLY),
        }
    }

    /// Of the connection that a packet of this tuple belongs to, in the lines of `/proc/net/nf_conntrack`.
    #[must_use]
    pub fn listed(lines: &str, tuple: &Tuple) -> Option<Self> {
        let line = lines.lines().find(|line| is_about(line, tuple))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let seconds: u64 = words.get(4)?.parse().ok()?;
        Some(Self {
            state: words.get(5).filter(|word| !word.contains('=')).map(|word| (*word).to_owned()),
            milliseconds: seconds * 1000,
            is_assured: words.contains(&"[ASSURED]"),
            is_replied: !words.contains(&"[UNREPLIED]"),
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.as_deref().unwrap_or("-");
        write!(f, "{state} {} ms", self.milliseconds)?;
        f.write_str(if self.is_assured { " ASSURED" } else { "" })?;
        f.write_str(if self.is_replied { " REPLIED" } else { " UNREPLIED" })
    }
}

/// Whether a line of the kernel's table is about packets of this tuple, either way.
fn is_about(line: &str, tuple: &Tuple) -> bool {
    let word = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let address = |key| word(key).and_then(|text| text.parse().ok()).map(number);
    let port = |key| word(key).map_or(Some(0), |text| text.parse::<u16>().ok());
    let listed = (address("src"), port("sport"), address("dst"), port("dport"));
    let (source, destination) = (
        (Some(tuple.source), Some(tuple.source_port)),
        (Some(tuple.destination), Some(tuple.destination_port)),
    );
    let is_protocol =
        line.split_whitespace().nth(3).is_some_and(|number| number.parse() == Ok(tuple.protocol));
    let (from, to) = ((listed.0, listed.1), (listed.2, listed.3));
    is_protocol && ((from, to) == (source, destination) || (from, to) == (destination, source))
}
