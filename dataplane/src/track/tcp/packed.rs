//! How does a TCP connection fit in ten words? By what mostly follows from the rest.
//!
//! | words | |
//! | --- | --- |
//! | 0 to 3, 4 to 7 | of either side: behind its last byte, behind the last it may send, its greatest window, its greatest acknowledgement |
//! | 8 | the last segment: its window, its length |
//! | 9 | 4 bits each: both window scales; 6 bits each: both sides' flags; 4 bits: the state; 3 bits: the kind of the last segment, 1: its direction, 2: how often the last ACK was repeated, 2: where the last segment is |
//!
//! The last segment ends, nearly always, where its sender's stream ends, and acknowledges what its sender has
//! acknowledged. Where it does not, it is told [`Apart`], and so is what a SYN offered that was ignored.

use super::connection::{Connection, Last, Side};
use super::table::State;
use super::{Class, MAX_RETRANSMISSIONS, Sequence};
use crate::track::Direction;
use crate::track::record::WORDS;
use zerocopy::FromZeros;

/// What of a connection does not follow from its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Apart {
    sequence: u32,
    acknowledgement: u32,
    end: u32,
    ignored_scale: u8,
    flags: u8,
    padding: [u8; 2],
}

/// Where the last segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// There has been none that counts: all zero.
    Nowhere,
    /// In what its sender sent.
    Follows,
    /// Apart.
    Apart,
}

/// The words of a connection, and what does not follow from them, if anything does not.
#[inline]
pub fn pack(connection: &Connection) -> ([u32; WORDS], Option<Apart>) {
    let Connection { sides: [original, reply], last, state, ignored_scale, flags, retransmissions } =
        connection;
    let whereabouts = find(connection);
    let length = match whereabouts {
        Where::Follows => last.end.since(last.sequence) as u16,
        Where::Nowhere | Where::Apart => 0,
    };
    let repeated = (*retransmissions).min(MAX_RETRANSMISSIONS);
    let nine = u32::from(original.scale & 0xf)
        | u32::from(reply.scale & 0xf) << 4
        | u32::from(original.flags & 0x3f) << 8
        | u32::from(reply.flags & 0x3f) << 14
        | (*state as u32) << STATE
        | (last.class as u32) << CLASS
        | (last.direction as u32) << DIRECTION
        | u32::from(repeated) << REPEATED
        | (whereabouts as u32) << WHERE;
    let words = [
        original.end.0,
        original.max_end.0,
        original.max_window,
        original.max_ack.0,
        reply.end.0,
        reply.max_end.0,
        reply.max_window,
        reply.max_ack.0,
        u32::from(last.window) | u32::from(length) << 16,
        nine,
    ];
    let apart = (whereabouts == Where::Apart).then_some(Apart {
        sequence: last.sequence.0,
        acknowledgement: last.acknowledgement.0,
        end: last.end.0,
        ignored_scale: *ignored_scale,
        flags: *flags,
        padding: [0; 2],
    });
    (words, apart)
}

#[inline]
fn find(connection: &Connection) -> Where {
    let last = &connection.last;
    if connection.ignored_scale != 0 || connection.flags != 0 {
        return Where::Apart;
    }
    let sender = &connection.sides[last.direction as usize];
    let follows = last.end == sender.end
        && last.acknowledgement == sender.max_ack
        && last.end.since(last.sequence) <= u32::from(u16::MAX);
    if follows {
        Where::Follows
    } else if (last.sequence.0 | last.end.0 | last.acknowledgement.0) == 0 {
        Where::Nowhere
    } else {
        Where::Apart
    }
}

/// The connection of these words; `apart` is asked where something does not follow from them.
#[inline]
pub fn unpack(words: &[u32; WORDS], apart: impl FnOnce() -> Apart) -> Connection {
    let nine = words[NINE];
    let side = |at: usize, scale: u32, flags: u32| Side {
        end: Sequence(words[at]),
        max_end: Sequence(words[at + 1]),
        max_window: words[at + 2],
        max_ack: Sequence(words[at + 3]),
        scale: scale as u8 & 0xf,
        flags: flags as u8 & 0x3f,
    };
    let sides = [side(0, nine, nine >> 8), side(4, nine >> 4, nine >> 14)];
    let direction = if nine >> DIRECTION & 1 == 0 { Direction::Original } else { Direction::Reply };
    let sender = &sides[direction as usize];
    let mut last = Last {
        window: words[EIGHT] as u16,
        class: CLASSES[(nine >> CLASS & 7) as usize],
        direction,
        ..Last::default()
    };
    let (mut ignored_scale, mut flags) = (0, 0);
    match nine >> WHERE {
        NOWHERE => {}
        FOLLOWS => {
            last.end = sender.end;
            last.sequence = sender.end.minus(words[EIGHT] >> 16);
            last.acknowledgement = sender.max_ack;
        }
        _ => {
            let apart = apart();
            last.sequence = Sequence(apart.sequence);
            last.acknowledgement = Sequence(apart.acknowledgement);
            last.end = Sequence(apart.end);
            (ignored_scale, flags) = (apart.ignored_scale, apart.flags);
        }
    }
    Connection {
        sides,
        last,
        state: State::ALL[(nine >> STATE & 0xf) as usize % State::COUNT],
        ignored_scale,
        flags,
        retransmissions: (nine >> REPEATED & 3) as u8,
    }
}

/// The words that both sides have in common.
pub(super) const EIGHT: usize = 8;
pub(super) const NINE: usize = 9;

// Where things are in the last word.
pub(super) const STATE: u32 = 20;
pub(super) const CLASS: u32 = 24;
pub(super) const DIRECTION: u32 = 27;
pub(super) const REPEATED: u32 = 28;
pub(super) const WHERE: u32 = 30;

pub(super) const NOWHERE: u32 = Where::Nowhere as u32;
pub(super) const FOLLOWS: u32 = Where::Follows as u32;

const _: () = assert!(State::COUNT <= 16);

/// The kinds of segment by their numbers.
const CLASSES: [Class; 8] =
    [Class::Syn, Class::SynAck, Class::Fin, Class::Ack, Class::Reset, Class::None, Class::None, Class::None];

#[cfg(test)]
mod tests {
    use super::{CLASSES, State, pack, unpack};
    use crate::track::tcp::Class;

    #[test]
    fn kinds_and_states_have_their_numbers() {
        for class in [Class::Syn, Class::SynAck, Class::Fin, Class::Ack, Class::Reset, Class::None] {
            assert_eq!(CLASSES[class as usize], class);
        }
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
    }

    #[test]
    fn a_new_connection_needs_nothing_apart() {
        let connection = super::Connection::default();
        let (words, apart) = pack(&connection);
        assert!(apart.is_none());
        assert_eq!(unpack(&words, || unreachable!()), connection);
    }
}
