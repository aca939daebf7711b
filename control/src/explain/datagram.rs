//! What of the fragments of a capture? They wait as in the data path, and the datagram is what is explained.

use super::course::{Course, Explained};
use dataplane::fragment::{Cache, Capacity, Key, Part, Room, Taken, User};
use dataplane::io::Side;
use dataplane::packet::{self, Found, Packet};
use dataplane::pipeline::{Carried, Decided, Gather, Keyed, judged_as_is};
use dataplane::reason::Reason;
use dataplane::track::CtState;

/// Fragments that wait.
pub struct Fragments {
    cache: Cache<Waiting>,
    whole: Vec<Part<Waiting>>,
    room: Room,
}

/// A fragment that waits.
struct Waiting {
    n: u64,
    frame: Vec<u8>,
    carried: Carried,
}

/// A packet of a capture.
#[derive(Clone, Copy)]
pub struct Numbered<'a> {
    pub n: u64,
    pub side: Side,
    pub time: u64,
    pub frame: &'a [u8],
}

impl Fragments {
    pub fn new() -> Self {
        let cache = Cache::new(Capacity::default(), crate::replay::hasher());
        Self { cache, whole: Vec::new(), room: Room::default() }
    }
}

impl Course<'_> {
    /// Decides upon the next packet of a capture. Tells of packet `wanted` as soon as that is decided upon: a fragment
    /// when its datagram is whole or is given up.
    pub fn next(&mut self, next: Numbered<'_>, wanted: u64) -> Option<Explained> {
        let Numbered { n, side, time, frame } = next;
        let (mut packet, mut keyed) = self.meet(time, frame);
        let (mut told, mut carried) = (None, None);
        let now = self.now();
        self.fragments
            .cache
            .expire(now, usize::MAX, |held, reason| note(&mut told, side, wanted, &held, reason));
        if let Some(gather) = self.context(side).gathers(&packet) {
            let met = self.fragment(&next, &packet, gather, wanted, &mut told);
            match met {
                Met::Alone(met) => carried = met,
                Met::Decided => return told,
            }
            judged_as_is(&mut packet);
            if packet.fault.is_some() {
                keyed = Keyed::No;
            }
        }
        if n == wanted {
            return Some(self.watched(side, packet, frame, &keyed, carried.as_ref()));
        }
        match carried {
            None => self.context(side).decide(&packet, frame, &keyed),
            Some(carried) => self.context(side).decide_whole(&packet, frame, &keyed, &carried, 1),
        };
        told
    }

    /// Tells of packet `wanted` if it waits at the end of the capture.
    pub fn finish(&mut self, side: Side, wanted: u64) -> Option<Explained> {
        let mut told = None;
        self.fragments.cache.clear(|held, reason| note(&mut told, side, wanted, &held, reason));
        told
    }

    fn fragment(
        &mut self,
        next: &Numbered<'_>,
        packet: &Packet,
        gather: Gather,
        wanted: u64,
        told: &mut Option<Explained>,
    ) -> Met {
        let Numbered { n, side, frame, .. } = *next;
        let now = self.now();
        let user = |gather| User {
            wire: 0,
            from_inside: side == Side::Inside,
            is_delivery: gather == Gather::ForDelivery,
        };
        let mut gone = |held: Waiting, reason| note(told, side, wanted, &held, reason);
        let found = packet::piece(frame, packet);
        if found == Found::Alone(None) {
            return Met::Alone(None);
        }
        let carried = match self.context(side).approach(packet, frame, gather) {
            Ok(carried) => carried,
            Err(decided) => {
                if n == wanted {
                    *told = Some(untold(*packet, side, decided));
                }
                return Met::Decided;
            }
        };
        let piece = match found {
            Found::Piece(piece) => piece,
            Found::Alone(ends) => {
                if let Some(identification) = ends {
                    let key = Key::of(&packet.tuple, identification, user(carried.gather()));
                    self.fragments.cache.give_up(&key, now, gone);
                }
                return Met::Alone(Some(carried));
            }
            Found::Refused => {
                let decided = self.context(side).drop_fragment(Reason::FragmentMalformed);
                if n == wanted {
                    *told = Some(untold(*packet, side, decided));
                }
                return Met::Decided;
            }
        };
        let key = Key::of(&packet.tuple, piece.identification, user(carried.gather()));
        let held = Waiting { n, frame: frame.to_vec(), carried };
        let Fragments { cache, whole, room } = &mut self.fragments;
        let Taken::Whole(summary) = cache.take(&key, piece, held, now, whole, &mut gone) else {
            return Met::Decided;
        };
        let parts = std::mem::take(whole);
        let assembled = room.assemble(key.network(), &summary, &parts, |held| &held.frame[..]);
        let (Some(frame), Some(first)) = (assembled.map(<[u8]>::to_vec), parts.first()) else {
            return Met::Decided;
        };
        let mut packet = packet::parse_with(&frame[..], self.checksums());
        judged_as_is(&mut packet);
        let keyed = Keyed::of(&packet, &frame[..], self.hasher());
        let carried = first.item.carried;
        if parts.iter().any(|part| part.item.n == wanted) {
            let mut explained = self.watched(side, packet, &frame, &keyed, Some(&carried));
            explained.fragments = parts.iter().map(|part| part.item.n).collect();
            *told = Some(explained);
        } else {
            self.context(side).decide_whole(&packet, &frame[..], &keyed, &carried, parts.len());
        }
        Met::Decided
    }
}

/// What became of a fragment.
enum Met {
    /// It is judged by itself; with something, behind the chains before the place where others wait.
    Alone(Option<Carried>),
    /// It waits, or is decided upon.
    Decided,
}

/// A fragment is dropped before any rule saw it; if it is the one that is wanted there is something to tell.
fn note(told: &mut Option<Explained>, side: Side, wanted: u64, held: &Waiting, reason: Reason) {
    if held.n == wanted {
        *told = Some(untold(packet::parse(&held.frame[..]), side, Decided::dropped(reason)));
    }
}

/// A fragment of whose way nothing was watched.
fn untold(packet: Packet, side: Side, decided: Decided) -> Explained {
    debug_assert!(decided.ct == CtState::None || decided.ct == CtState::Untracked);
    Explained::without_flow(packet, side, decided)
}
