//! What has the tracker seen before? One worker's pipeline without ports, packet after packet.

use super::datagram::Fragments;
use super::trace::Trace;
use config::Policy;
use dataplane::flow::{FlowHasher, Table};
use dataplane::io::Side;
use dataplane::object::Now;
use dataplane::packet::{self, Checksums, Packet};
use dataplane::pipeline::{Carried, Context, Decided, Keyed, Shard, depart};
use dataplane::reason::Reason;
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::time::{Clock, Tick};
use dataplane::track::expect::MOST_EXPECTED;
use dataplane::track::{CtState, Direction, Expectations, Extra, Flow, Settings};
use dataplane::wire::Role;

/// A firewall in the middle of its course.
pub struct Course<'a> {
    policy: &'a Policy,
    rules: Rules,
    table: Table<Flow>,
    hasher: FlowHasher,
    clock: Clock,
    stats: Stats,
    role: Role,
    settings: Settings,
    expectations: Expectations,
    checksums: Checksums,
    at: u64,
    pub(super) fragments: Fragments,
}

/// A flow at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub flow: Flow,
    pub extra: Extra,
    /// Milliseconds until it ends.
    pub left: u32,
}

/// All there is to tell of one packet.
pub struct Explained {
    pub packet: Packet,
    pub side: Side,
    pub decided: Decided,
    /// Its direction along the flow known before.
    pub direction: Option<Direction>,
    pub before: Option<Seen>,
    pub after: Option<Seen>,
    /// Whether the state was given and not found.
    pub given: bool,
    /// Of a datagram that came in fragments, their numbers in the order of their bytes.
    pub fragments: Vec<u64>,
    pub trace: Trace,
}

impl Explained {
    /// What was decided upon a packet that met no flow, of whose way nothing is known.
    pub(super) fn without_flow(packet: Packet, side: Side, decided: Decided) -> Self {
        Self {
            packet,
            side,
            decided,
            direction: None,
            before: None,
            after: None,
            given: false,
            fragments: Vec::new(),
            trace: Trace::default(),
        }
    }
}

impl<'a> Course<'a> {
    /// A firewall that has seen nothing, loaded at `now`, in nanoseconds since 1970.
    pub fn new(
        policy: &'a Policy,
        role: Role,
        settings: Settings,
        checksums: Checksums,
        flows: usize,
        now: u64,
    ) -> Result<Self, String> {
        let rules = Rules::compile_at(policy, 1, now, None)
            .map_err(|error| format!("the ruleset cannot be compiled: {error}"))?;
        let hasher = crate::replay::hasher();
        Ok(Self {
            policy,
            rules,
            table: Table::with_capacity(flows),
            expectations: Expectations::with_capacity(MOST_EXPECTED, hasher.clone()),
            hasher,
            clock: Clock::default(),
            stats: Stats::default(),
            role,
            settings,
            checksums,
            at: 0,
            fragments: Fragments::new(),
        })
    }

    /// Decides upon a packet in one piece, and tells how.
    pub fn explain(&mut self, side: Side, time: u64, frame: &[u8]) -> Explained {
        let (packet, keyed) = self.meet(time, frame);
        self.watched(side, packet, frame, &keyed, None)
    }

    /// Decides upon a packet, or a datagram that has been put together, and tells how.
    pub(super) fn watched(
        &mut self,
        side: Side,
        packet: Packet,
        frame: &[u8],
        keyed: &Keyed,
        carried: Option<&Carried>,
    ) -> Explained {
        let policy = self.policy;
        let now = self.clock.now();
        let mut context = self.context(side);
        let mut trace = Trace::default();
        let tracked = context.is_tracked(&packet);
        let (decided, keyed, before) =
            context.decide_watched(&packet, frame, keyed, carried, policy, &mut trace);
        let before = before.map(|found| seen(found, now)).filter(|_| tracked);
        let after = context.flow(&keyed).map(|found| seen(found, now)).filter(|_| tracked);
        let direction = match (&keyed, before) {
            (Keyed::Own { orientation, .. }, Some(before)) => Some(before.flow.direction(*orientation)),
            _ => None,
        };
        let fragments = Vec::new();
        Explained { packet, side, decided, direction, before, after, given: false, fragments, trace }
    }

    pub(super) fn now(&self) -> Tick {
        self.clock.now()
    }

    pub(super) fn checksums(&self) -> Checksums {
        self.checksums
    }

    pub(super) fn hasher(&self) -> &FlowHasher {
        &self.hasher
    }

    /// Runs the rules over a packet whose state is given.
    pub fn assume(&mut self, side: Side, time: u64, frame: &[u8], state: CtState) -> Explained {
        let (packet, _) = self.meet(time, frame);
        if packet.fault.is_some_and(Reason::is_before_rules) {
            return self.explain(side, time, frame);
        }
        let policy = self.policy;
        let mut trace = Trace::default();
        let decided = self.context(side).decide_as(&packet, frame, state, policy, &mut trace);
        Explained { given: true, trace, ..Explained::without_flow(packet, side, decided) }
    }

    pub(super) fn meet(&mut self, time: u64, frame: &[u8]) -> (Packet, Keyed) {
        self.at = self.at.max(time);
        let (table, expectations) = (&mut self.table, &self.expectations);
        let objects = self.rules.program.objects();
        self.clock.advance(self.at / 1_000_000, |tick| {
            table.purge(tick, |extra| depart(&extra, objects, expectations, tick));
            expectations.purge(tick);
        });
        let packet = packet::parse_with(frame, self.checksums);
        let keyed = Keyed::of(&packet, frame, &self.hasher);
        (packet, keyed)
    }

    pub(super) fn context(&mut self, side: Side) -> Context<'_> {
        let at = Now { monotonic_ns: self.at, wall_ns: self.at };
        let now = self.clock.now();
        let shard = Shard {
            table: &mut self.table,
            settings: &self.settings,
            hasher: &self.hasher,
            expectations: &self.expectations,
        };
        Context::new(&self.role, side, now, at, &self.rules, 0, shard, &self.stats)
    }
}

fn seen((flow, extra, deadline): (Flow, Extra, Tick), now: Tick) -> Seen {
    Seen { flow, extra, left: deadline.since(now) }
}
