//! What did the rules say of this connection before? The ways through the rules that connections remember.
//!
//! Where a packet's way depended on nothing but what its connection's plain packets have in common
//! ([`crate::classify::trace`]), the connection remembers the number of the way, and what is said here of that number
//! is said of the next packet: the same decision, the same counters. Ways are those of one generation of rules: a
//! connection keeps the generation's low bits beside the number, and [`Ways::turn_to`] says when those would come round.

use super::decide::Decided;
use crate::classify::trace::MOST_COUNTERS;
use crate::io::Side;
use crate::track::WayNumber;
use config::policy::CounterId;

/// The ways of one worker in the generation in force.
#[derive(Debug)]
pub struct Ways {
    generation: u64,
    /// By number, from 1.
    list: Vec<Way>,
}

/// A way through the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// Where its packets come in.
    pub(super) from: From,
    /// What is decided upon them.
    pub(super) decided: Decided,
    counters: [CounterId; MOST_COUNTERS],
    count: u8,
}

/// Packets of a burst that went one way and are yet to be counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub(super) number: WayNumber,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// A wire and a side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From {
    /// The number of the wire.
    pub wire: usize,
    /// The side.
    pub side: Side,
}

impl Ways {
    /// None yet. Takes all its memory here.
    #[must_use]
    pub fn new() -> Self {
        Self { generation: 0, list: Vec::with_capacity(MOST_WAYS) }
    }

    /// The generation now in force. Says whether every flow must forget what it remembers, as otherwise the low bits
    /// of a generation might be taken for those of one long before.
    #[inline]
    pub fn turn_to(&mut self, generation: u64) -> bool {
        if generation == self.generation {
            return false;
        }
        let before = std::mem::replace(&mut self.generation, generation);
        self.list.clear();
        before / FORGOTTEN_AFTER != generation / FORGOTTEN_AFTER
    }

    /// The low bits of the generation in force.
    #[inline]
    pub(super) const fn generation(&self) -> u16 {
        self.generation as u16
    }

    /// What is known of this number.
    #[inline]
    pub(super) fn way(&self, number: WayNumber) -> Option<&Way> {
        self.list.get(usize::from(number.0).wrapping_sub(1))
    }

    /// What was decided upon the packets that are tallied, if there are any.
    #[inline]
    #[must_use]
    pub fn decided(&self, tally: &Tally) -> Option<&Decided> {
        self.way(tally.number).map(|way| &way.decided)
    }

    /// The number of the way of packets that come in there, are so decided upon and raise these counters.
    pub(super) fn number(&mut self, from: From, decided: &Decided, raised: &[CounterId]) -> WayNumber {
        let mut counters = [CounterId(0); MOST_COUNTERS];
        let Some(places) = counters.get_mut(..raised.len()) else { return WayNumber::SEVERAL };
        places.copy_from_slice(raised);
        let way = Way { from, decided: *decided, counters, count: raised.len() as u8 };
        let at = self.list.iter().position(|known| *known == way);
        let at = at.or_else(|| {
            let has_room = self.list.len() < MOST_WAYS;
            has_room.then(|| {
                self.list.push(way);
                self.list.len() - 1
            })
        });
        at.map_or(WayNumber::SEVERAL, |at| WayNumber(at as u8 + 1))
    }
}

impl Default for Ways {
    fn default() -> Self {
        Self::new()
    }
}

impl Way {
    /// The counters it raises.
    #[inline]
    pub(super) fn counters(&self) -> &[CounterId] {
        &self.counters[..usize::from(self.count)]
    }
}

/// Ways that are told apart; a packet that goes another is shown to the rules. Few rules accept what is established.
const MOST_WAYS: usize = 128;

/// Generations after which flows forget: before their 16 bits come round.
const FORGOTTEN_AFTER: u64 = 1 << 15;

const _: () = assert!(MOST_WAYS < u8::MAX as usize);

#[cfg(test)]
mod tests {
    use super::{From, MOST_WAYS, WayNumber, Ways};
    use crate::classify::DecidedBy;
    use crate::io::Side;
    use crate::pipeline::{Decided, Outcome};
    use crate::reason::Reason;
    use crate::track::CtState;
    use config::policy::{CounterId, RuleId};

    fn decided(rule: u32) -> Decided {
        let decided_by = DecidedBy::Rule(RuleId(rule));
        Decided { outcome: Outcome::Accept, ct: CtState::Established, reason: Reason::Rule, decided_by }
    }

    #[test]
    fn a_way_has_one_number_until_the_generation_turns() {
        let from = |side| From { wire: 0, side };
        let mut ways = Ways::new();
        assert!(!ways.turn_to(7), "of the same age");
        let one = ways.number(from(Side::Outside), &decided(1), &[CounterId(3)]);
        let others = [
            ways.number(from(Side::Inside), &decided(1), &[CounterId(3)]),
            ways.number(from(Side::Outside), &decided(2), &[CounterId(3)]),
            ways.number(from(Side::Outside), &decided(1), &[CounterId(4)]),
            ways.number(from(Side::Outside), &decided(1), &[]),
        ];
        assert!(!others.contains(&one));
        assert_eq!(ways.number(from(Side::Outside), &decided(1), &[CounterId(3)]), one);
        assert_eq!(ways.way(one).unwrap().counters(), [CounterId(3)]);
        assert!(ways.way(WayNumber::NONE).is_none() && ways.way(WayNumber::SEVERAL).is_none());
        assert!(!ways.turn_to(7));
        assert!(!ways.turn_to(8));
        assert!(ways.way(one).is_none());
    }

    #[test]
    fn flows_forget_before_the_bits_of_a_generation_come_round() {
        for from in [1, 5, 1000, 32_767, 32_768, 65_535, 100_000_u64] {
            let mut ways = Ways::new();
            ways.turn_to(from);
            assert!(ways.turn_to(from + (1 << 16)));
            let mut ways = Ways::new();
            ways.turn_to(from);
            let told = (1..=1 << 16).filter(|step| ways.turn_to(from + step)).count();
            assert_eq!(told, 2);
        }
    }

    #[test]
    fn there_is_an_end_to_ways() {
        let mut ways = Ways::new();
        let from = From { wire: 0, side: Side::Inside };
        for rule in 0..MOST_WAYS as u32 {
            assert_ne!(ways.number(from, &decided(rule), &[]), WayNumber::SEVERAL);
        }
        assert_eq!(ways.number(from, &decided(1_000_000), &[]), WayNumber::SEVERAL);
        assert_ne!(ways.number(from, &decided(0), &[]), WayNumber::SEVERAL);
    }
}
