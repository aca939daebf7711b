//! Which cells of the state machines has traffic reached? Counted by direction, state and kind of packet, in a pipeline
//! of its own that is asked for each flow before its packet.

use std::collections::BTreeMap;
use std::fmt;

use dataplane::packet::sctp::chunks;
use dataplane::pipeline::Keyed;
use dataplane::track::tcp::{Class, State};
use dataplane::track::{Direction, Flow, Protocol, sctp};

use super::Trial;
use crate::follow::{Met, follow};

/// How often each cell was reached, by its name.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    tcp: BTreeMap<Cell, usize>,
    sctp: BTreeMap<Cell, usize>,
}

/// Direction, state, kind of segment or chunk.
pub type Cell = (&'static str, &'static str, &'static str);

impl Coverage {
    /// Counts the cells that the packets of a trial reach.
    ///
    /// # Panics
    /// If Sluice refuses its rules.
    pub fn add(&mut self, trial: &Trial) {
        follow(&trial.rulesets, &trial.records, trial.tcp_loose, |met| {
            match (cell(met), met.packet.tuple.protocol) {
                (Some(cell), 6) => *self.tcp.entry(cell).or_default() += 1,
                (Some(cell), _) => *self.sctp.entry(cell).or_default() += 1,
                (None, _) => {}
            }
        });
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

/// The cell that a packet of TCP reaches, or the first chunk of one of SCTP.
#[must_use]
pub fn cell(met: &Met) -> Option<Cell> {
    let Keyed::Own { orientation, .. } = met.keyed else { return None };
    if !met.is_tracked {
        return None;
    }
    let flow = met.before.as_ref().map(|(flow, ..)| flow);
    let direction = match flow.map_or(Direction::Original, |flow| flow.direction(*orientation)) {
        Direction::Original => "original",
        Direction::Reply => "reply",
    };
    match met.packet.tuple.protocol {
        6 => {
            let state = match flow.map(Flow::protocol) {
                Some(Protocol::Tcp(connection)) => connection.state(),
                _ => State::None,
            };
            let class = match Class::of(met.packet.tcp.flags) {
                Some(Class::Syn) => "syn",
                Some(Class::SynAck) => "syn+ack",
                Some(Class::Fin) => "fin",
                Some(Class::Ack) => "ack",
                Some(Class::Reset) => "rst",
                Some(Class::None) | None => "no segment",
            };
            Some((direction, state.label(), class))
        }
        132 => {
            let state = match flow.map(Flow::protocol) {
                Some(Protocol::Sctp(association)) => association.state(),
                _ => sctp::State::None,
            };
            let first = chunks(&met.record.frame[..], met.packet).next()?;
            Some((direction, state.label(), chunk_name(first.kind)))
        }
        _ => None,
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
