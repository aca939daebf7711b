//! Which cells of the state machines has traffic reached? Counted by direction, state and kind of packet, in a pipeline
//! of its own that is asked for each flow before its packet.

use std::collections::BTreeMap;
use std::fmt;

use dataplane::Packet;
use dataplane::flow::{FlowHasher, Table};
use dataplane::io::Side;
use dataplane::object::Now;
use dataplane::packet::parse;
use dataplane::packet::sctp::chunks;
use dataplane::pipeline::{Context, Keyed, Shard};
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::time::Clock;
use dataplane::track::tcp::{Class, State};
use dataplane::track::{Direction, Expectations, Flow, Protocol, Settings, sctp};
use dataplane::wire::Role;

use super::Trial;
use crate::{capture, firewall};

/// How often each cell was reached, by its name.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    tcp: BTreeMap<Cell, usize>,
    sctp: BTreeMap<Cell, usize>,
}

/// Direction, state, kind of segment or chunk.
type Cell = (&'static str, &'static str, &'static str);

impl Coverage {
    /// Counts the cells that the packets of a trial reach.
    ///
    /// # Panics
    /// If Sluice refuses its rules.
    pub fn add(&mut self, trial: &Trial) {
        let policy = firewall::policy(&trial.rulesets).expect("a trial that was judged");
        let rules = Rules::compile_at(&policy, 1, trial.begin(), None).expect("a trial that was judged");
        let mut table: Table<Flow> = Table::with_capacity(4096);
        let (hasher, stats) = (FlowHasher::new([1, 2, 3, 4]), Stats::default());
        let expectations = Expectations::with_capacity(64, hasher.clone());
        let settings = Settings { tcp_loose: trial.tcp_loose, ..Settings::default() };
        let role = Role::Guard { interface: firewall::interface() };
        let mut clock = Clock::default();
        for record in &trial.records {
            let time = u64::try_from(record.time.as_nanos()).unwrap_or(u64::MAX);
            clock.advance(time / 1_000_000, |_| {});
            let side = if record.side == capture::Side::Outside { Side::Outside } else { Side::Inside };
            let packet = parse(&record.frame[..]);
            let keyed = Keyed::of(&packet, &record.frame[..], &hasher);
            let at = Now { monotonic_ns: time, wall_ns: time };
            let shard = Shard {
                table: &mut table,
                settings: &settings,
                hasher: &hasher,
                expectations: &expectations,
            };
            let mut context = Context::new(&role, side, clock.now(), at, &rules, 0, shard, &stats);
            if context.is_tracked(&packet) && packet.fault.is_none() {
                let flow = context.flow(&keyed).map(|(flow, ..)| flow);
                self.note(&packet, &record.frame, &keyed, flow.as_ref());
            }
            context.decide(&packet, &record.frame[..], &keyed);
        }
    }

    fn note(&mut self, packet: &Packet, frame: &[u8], keyed: &Keyed, flow: Option<&Flow>) {
        let Keyed::Own { orientation, .. } = keyed else { return };
        let direction = match flow.map_or(Direction::Original, |flow| flow.direction(*orientation)) {
            Direction::Original => "original",
            Direction::Reply => "reply",
        };
        match packet.tuple.protocol {
            6 => {
                let state = match flow.map(Flow::protocol) {
                    Some(Protocol::Tcp(connection)) => connection.state(),
                    _ => State::None,
                };
                let class = match Class::of(packet.tcp.flags) {
                    Some(Class::Syn) => "syn",
                    Some(Class::SynAck) => "syn+ack",
                    Some(Class::Fin) => "fin",
                    Some(Class::Ack) => "ack",
                    Some(Class::Reset) => "rst",
                    Some(Class::None) | None => "no segment",
                };
                *self.tcp.entry((direction, state.label(), class)).or_default() += 1;
            }
            132 => {
                let state = match flow.map(Flow::protocol) {
                    Some(Protocol::Sctp(association)) => association.state(),
                    _ => sctp::State::None,
                };
                for chunk in chunks(frame, packet).take(1) {
                    *self.sctp.entry((direction, state.label(), chunk_name(chunk.kind))).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Cells of TCP reached, and those there are. A flow that is none has one direction.
    #[must_use]
    pub fn tcp(&self) -> (usize, usize) {
        (self.tcp.len(), 6 * (2 * State::COUNT - 1))
    }

    /// Cells of SCTP reached, by the first chunk of a packet, and those there are.
    #[must_use]
    pub fn sctp(&self) -> (usize, usize) {
        (self.sctp.len(), CHUNKS.len() * (2 * sctp::State::COUNT - 1))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (reached, all), cells) in
            [("TCP", self.tcp(), &self.tcp), ("SCTP", self.sctp(), &self.sctp)]
        {
            writeln!(f, "{name}: {reached} of {all} cells (direction, state, kind of packet)")?;
            for ((direction, state, kind), count) in cells {
                writeln!(f, "  {count:8}  {direction:8} {state:18} {kind}")?;
            }
        }
        Ok(())
    }
}

fn chunk_name(kind: u8) -> &'static str {
    CHUNKS.iter().find(|(number, _)| *number == kind).map_or("another", |(_, name)| name)
}

/// The columns of the SCTP table, and all else.
const CHUNKS: [(u8, &str); 12] = [
    (1, "INIT"),
    (2, "INIT ACK"),
    (10, "COOKIE ECHO"),
    (11, "COOKIE ACK"),
    (7, "SHUTDOWN"),
    (8, "SHUTDOWN ACK"),
    (14, "SHUTDOWN COMPLETE"),
    (4, "HEARTBEAT"),
    (5, "HEARTBEAT ACK"),
    (9, "ERROR"),
    (6, "ABORT"),
    (255, "another"),
];
