//! What does a packet mean for its SCTP association? RFC 9260.
//!
//! Its chunks are taken in order: each must carry the right verification tag and moves the state. A chunk that
//! does not fit makes the packet invalid; what the chunks before it did stays done.
//!
//! Order, length and checksum of the chunks are the parser's concern: a packet here has at least one chunk, and
//! INIT, INIT ACK and SHUTDOWN COMPLETE stand alone.

mod table;

#[cfg(test)]
mod tests;

pub use table::{State, next};

use super::record::WORDS;
use super::{Direction, Status, Step, Timeouts};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::packet::sctp::{Chunk, chunk, chunks, initiate_tag, verification_tag};
use crate::reason::Reason;

/// An association: which tag the packets of each direction carry, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Association {
    /// The verification tag of packets in each direction; 0 as long as it is not known.
    tags: [u32; 2],
    state: State,
    flags: u8,
    /// Which way the HEARTBEAT with the wrong tag went.
    suspect: Direction,
}

impl Association {
    /// An INIT was seen in the original direction; one place further for the reply direction.
    const INIT: u8 = 0x01;
    /// Both.
    const INITS: u8 = 0x03;
    /// A HEARTBEAT came with a wrong tag: it may belong to a restarted association.
    const SUSPECT: u8 = 0x04;

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    pub(super) const fn words(&self) -> [u32; WORDS] {
        let rest = self.state as u32 | (self.flags as u32) << 8 | (self.suspect as u32) << 16;
        [self.tags[0], self.tags[1], rest, 0, 0, 0, 0, 0, 0, 0]
    }

    pub(super) fn of_words(words: &[u32; WORDS]) -> Self {
        Self {
            tags: [words[0], words[1]],
            state: State::ALL[words[2] as usize % 256 % State::COUNT],
            flags: (words[2] >> 8) as u8,
            suspect: if words[2] >> 16 & 1 == 0 { Direction::Original } else { Direction::Reply },
        }
    }

    const fn tag(&self, direction: Direction) -> u32 {
        self.tags[direction as usize]
    }

    const fn set_tag(&mut self, direction: Direction, tag: u32) {
        self.tags[direction as usize] = tag;
    }

    const fn has_init(&self, direction: Direction) -> bool {
        self.flags & (Self::INIT << direction as u8) != 0
    }
}

/// The first packet of an association. The timeout is in milliseconds.
pub(super) fn open<F: Frame + ?Sized>(
    packet: &Packet,
    frame: &F,
    timeouts: &Timeouts,
) -> Result<(Association, u32), Reason> {
    let tag = verification_tag(frame, packet).ok_or(Reason::SctpChunk)?;
    let mut association = Association::default();
    for found in chunks(frame, packet) {
        match found.kind {
            // Out of the blue these are only ever answered by silence (RFC 9260, section 8.4).
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE | chunk::COOKIE_ACK => return Err(Reason::SctpNoFlow),
            chunk::INIT => association.flags |= Association::INIT,
            chunk::HEARTBEAT => association.set_tag(Direction::Original, tag),
            // The answer to a SHUTDOWN ACK out of the blue reflects its tag (RFC 9260, section 8.4).
            chunk::SHUTDOWN_ACK => association.set_tag(Direction::Reply, tag),
            _ => {}
        }
        if matches!(next(Direction::Original, State::None, found.kind), None | Some(State::None)) {
            return Err(Reason::SctpNoFlow);
        }
    }
    let mut status = Status::default();
    match update(&mut association, &mut status, Direction::Original, packet, frame, timeouts) {
        Step::Accept(Some(timeout)) => Ok((association, timeout)),
        Step::Refuse(reason, _) => Err(reason),
        Step::Accept(None) | Step::Restart | Step::Delete => Err(Reason::SctpState),
    }
}

/// A packet of a known association.
pub(super) fn update<F: Frame + ?Sized>(
    association: &mut Association,
    status: &mut Status,
    direction: Direction,
    packet: &Packet,
    frame: &F,
    timeouts: &Timeouts,
) -> Step {
    let Some(tag) = verification_tag(frame, packet) else {
        return Step::Refuse(Reason::SctpChunk, None);
    };
    let all = || chunks(frame, packet);
    let carries_data = all().any(|found| found.kind == chunk::DATA);
    if !all().any(|found| has_rule_of_its_own(found.kind)) && tag != association.tag(direction) {
        return Step::Refuse(Reason::SctpTag, None);
    }
    let mut keep = false;
    for found in all() {
        match check_tag(association, direction, tag, &found) {
            Tag::Right => {}
            Tag::Suspect if carries_data || keep => return Step::Refuse(Reason::SctpTag, None),
            Tag::Suspect if found.kind == chunk::HEARTBEAT => {
                association.flags |= Association::SUSPECT;
                association.suspect = direction;
                keep = true;
                continue;
            }
            Tag::Suspect if !believe_restart(association, direction, tag) => {
                return Step::Refuse(Reason::SctpTag, None);
            }
            Tag::Suspect => {}
            Tag::Wrong => return Step::Refuse(Reason::SctpTag, None),
        }
        let old = association.state;
        let Some(new) = next(direction, old, found.kind) else {
            return Step::Refuse(Reason::SctpState, None);
        };
        // Repeated INITs must not keep a flow alive for ever.
        keep |= found.kind == chunk::INIT && old == State::Closed;
        if let Err(reason) = note_tag(association, direction, packet, frame, &found) {
            return Step::Refuse(reason, None);
        }
        association.state = new;
        if new == State::Established && old != new {
            status.set(Status::ASSURED);
        }
    }
    let timeout = timeouts.sctp[association.state as usize];
    Step::Accept((!keep).then_some(timeout))
}

/// Whether a chunk has its own rule about the verification tag (RFC 9260, section 8.5.1).
const fn has_rule_of_its_own(kind: u8) -> bool {
    matches!(
        kind,
        chunk::INIT
            | chunk::ABORT
            | chunk::SHUTDOWN_ACK
            | chunk::SHUTDOWN_COMPLETE
            | chunk::COOKIE_ECHO
            | chunk::HEARTBEAT
            | chunk::HEARTBEAT_ACK
    )
}

/// What a chunk's own rule says of the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Right,
    Wrong,
    /// A HEARTBEAT or its ACK with another tag than the last: perhaps the ends have started over unseen.
    Suspect,
}

fn check_tag(association: &mut Association, direction: Direction, tag: u32, found: &Chunk) -> Tag {
    /// Set if the tag is the receiver's reflected: the sender knows no other.
    const REFLECTED: u8 = 1;
    let own = association.tag(direction);
    let right = match found.kind {
        chunk::INIT => tag == 0,
        chunk::ABORT | chunk::SHUTDOWN_COMPLETE if found.flags & REFLECTED != 0 => {
            tag == association.tag(direction.reversed())
        }
        chunk::ABORT | chunk::SHUTDOWN_COMPLETE | chunk::COOKIE_ECHO => tag == own,
        chunk::HEARTBEAT | chunk::HEARTBEAT_ACK => {
            if own == 0 {
                association.set_tag(direction, tag);
            } else if tag != own {
                return Tag::Suspect;
            } else {
                association.flags &= !Association::SUSPECT;
            }
            true
        }
        _ => true,
    };
    if right { Tag::Right } else { Tag::Wrong }
}

/// A HEARTBEAT ACK with another tag: if it answers a suspect HEARTBEAT, both ends have started over.
const fn believe_restart(association: &mut Association, direction: Direction, tag: u32) -> bool {
    let answers = association.flags & Association::SUSPECT != 0
        && association.suspect as u8 == direction.reversed() as u8;
    if answers {
        association.flags &= !Association::SUSPECT;
        association.set_tag(direction, tag);
        association.set_tag(direction.reversed(), 0);
    }
    answers
}

/// INIT and INIT ACK choose the tag of the packets that come back; COOKIE ACK settles it.
fn note_tag<F: Frame + ?Sized>(
    association: &mut Association,
    direction: Direction,
    packet: &Packet,
    frame: &F,
    found: &Chunk,
) -> Result<(), Reason> {
    match found.kind {
        chunk::INIT | chunk::INIT_ACK => {}
        chunk::COOKIE_ACK => {
            association.flags &= !Association::INITS;
            return Ok(());
        }
        _ => return Ok(()),
    }
    let chosen = initiate(packet, frame, found).ok_or(Reason::SctpChunk)?;
    let back = direction.reversed();
    let known = association.tag(back);
    // An INIT that chooses the tag it has chosen before says nothing new.
    if found.kind == chunk::INIT && known != chosen {
        // A third INIT: the one before it, of the other side, no longer counts.
        if association.has_init(direction) && association.has_init(back) {
            association.flags &= !(Association::INIT << back as u8);
        }
        association.flags |= Association::INIT << direction as u8;
    } else if found.kind == chunk::INIT_ACK {
        let settled = !association.has_init(back) && known != 0;
        let crossed = association.has_init(direction) && association.has_init(back);
        if (settled || crossed) && known != chosen {
            return Err(Reason::SctpTag);
        }
    }
    association.set_tag(back, chosen);
    Ok(())
}

/// The tag an INIT or INIT ACK chooses, if the chunk's fixed part is whole.
fn initiate<F: Frame + ?Sized>(packet: &Packet, frame: &F, found: &Chunk) -> Option<u32> {
    /// Chunk header, tag, window, numbers of streams, first TSN.
    const FIXED: u32 = 20;
    let end = u32::from(packet.network_offset) + packet.network_length;
    initiate_tag(frame, packet, found).filter(|_| found.offset + FIXED <= end)
}
