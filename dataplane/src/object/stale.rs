//! How much may the kernel still have on a list of connections that nobody needs any more? At most so much.
//!
//! `nf_conncount` cleans a list up when it is met for the first time in a tick of the kernel's clock, and once more for
//! 64 new entries; each time up to 65 entries go. Where its ticks begin nobody else can know. So this counts by the
//! longest ticks there may be: what ended before the last mark, what ended since, and what came to nothing since; two
//! meetings further apart than a tick have a clean-up between them.
//!
//! All of it is one word, and times wrap: a time too far back looks like one just now, which is on the safe side.

/// Entries that the kernel may not have cleaned up yet, of one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stale(u64);

impl Stale {
    /// As it was written.
    pub(super) const fn of(word: u64) -> Self {
        Self(word)
    }

    /// To be written.
    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// Whether anybody was ever on the list.
    pub(super) const fn is_begun(self) -> bool {
        self.0 & BEGUN != 0
    }

    /// How many there are at most.
    pub(super) const fn most(self) -> u32 {
        let flooded = self.0 & FLOODED != 0 || self.get(PASSED) >= MOST_PASSED;
        self.left() + if flooded { MOST_PASSED } else { self.get(PASSED) }
    }

    /// Whether one clean-up may not reach whoever is behind those that have ended.
    pub(super) const fn is_long(self) -> bool {
        self.left() > AT_ONCE
    }

    /// Whether some may stay for longer than two ticks, however often the list is met.
    pub(super) fn is_behind(self, now: u64) -> bool {
        let quiet = (now as u32 & TIMES).wrapping_sub(self.get(LAST)) & TIMES;
        self.most() > 2 * AT_ONCE || quiet > TICK && self.most() > AT_ONCE
    }

    /// Without those that have come to nothing since the last clean-up.
    const fn left(self) -> u32 {
        // each clean-up that these have brought on took one more away than had brought it on
        self.get(BEFORE).saturating_sub(self.get(PASSED) / MOST_PASSED) + self.get(SINCE)
    }

    /// The list is met at `now`, in milliseconds, by a packet that cleans it up if nobody did in this tick.
    pub(super) fn met(self, now: u64) -> Self {
        let now = now as u32 & TIMES;
        let quiet = now.wrapping_sub(self.get(LAST)) & TIMES;
        let met = Self(BEGUN).with(LAST, now);
        if quiet > TICK {
            return met.with(BEFORE, self.most().saturating_sub(AT_ONCE));
        }
        if quiet + self.get(MARK) <= TICK {
            return self.with(MARK, quiet + self.get(MARK)).with(LAST, now).begun();
        }
        if self.get(PASSED) >= MOST_PASSED {
            return Self(met.0 | FLOODED).with(BEFORE, self.left());
        }
        let (since, passed) = (self.get(SINCE), self.get(PASSED));
        let before = self.get(BEFORE) + if self.0 & FLOODED == 0 { 0 } else { MOST_PASSED };
        met.with(BEFORE, before.saturating_sub(AT_ONCE) + since + passed)
    }

    /// Somebody is on the list, whether or not it was met.
    pub(super) const fn begun(self) -> Self {
        Self(self.0 | BEGUN)
    }

    /// A connection of the list has ended.
    pub(super) const fn ended(self) -> Self {
        self.with(SINCE, self.get(SINCE) + 1)
    }

    /// A packet was put on the list, and came to nothing.
    pub(super) const fn passed(self) -> Self {
        self.with(PASSED, self.get(PASSED) + 1)
    }

    /// One that may have been cleaned up is on the list again at `now`, or still.
    pub(super) fn again(self, now: u64) -> Self {
        let again = if self.get(SINCE) + self.get(PASSED) == 0 { self.ended() } else { self };
        let now = now as u32 & TIMES;
        let mark = (now.wrapping_sub(self.get(LAST)) & TIMES).saturating_add(self.get(MARK));
        again.begun().with(LAST, now).with(MARK, mark)
    }

    const fn get(self, (shift, bits): Part) -> u32 {
        (self.0 >> shift) as u32 & mask(bits)
    }

    /// With a part that says `value`, or the most it can.
    const fn with(self, (shift, bits): Part, value: u32) -> Self {
        let most = mask(bits);
        let value = if value > most { most } else { value };
        Self(self.0 & !((most as u64) << shift) | (value as u64) << shift)
    }
}

const fn mask(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// A part of the word: where it begins, and its bits.
type Part = (u32, u32);

/// Those there were when the mark was set.
const BEFORE: Part = (0, 17);
/// Connections that have ended since.
const SINCE: Part = (18, 16);
/// Packets that came to nothing since.
const PASSED: Part = (34, 13);
/// When the list was met last.
const LAST: Part = (47, 13);
/// How long before that the mark was set; this or longer.
const MARK: Part = (60, 3);
/// Whether as many have come to nothing before the mark as bring a clean-up on.
const FLOODED: u64 = 1 << 17;
/// Whether anybody was ever on the list.
const BEGUN: u64 = 1 << 63;

const TIMES: u32 = mask(LAST.1);

/// What one clean-up takes away.
const AT_ONCE: u32 = 65;

/// New entries that bring a clean-up on.
const MOST_PASSED: u32 = 64;

/// A tick at 250 Hz, in whole milliseconds: further apart is another tick.
const TICK: u32 = 4;

#[cfg(test)]
mod tests {
    use super::Stale;

    #[test]
    fn a_quiet_list_is_cleaned_up_when_it_is_met() {
        let stale = Stale::default().met(100).ended().passed();
        assert_eq!((stale.most(), stale.met(104).most(), stale.met(105).most()), (2, 2, 0));
    }

    #[test]
    fn a_busy_one_is_cleaned_up_within_a_tick() {
        let mut stale = Stale::default().met(0).ended();
        for now in 1..=4 {
            stale = stale.met(now);
            assert_eq!(stale.most(), 1, "at {now}");
        }
        // it may have been cleaned up just before it ended
        assert_eq!(stale.met(5).most(), 1);
        let times = (6..=10).fold(stale.met(5), Stale::met);
        assert_eq!(times.most(), 0);
    }

    #[test]
    fn one_clean_up_takes_so_many_away() {
        let stale = (0..100).fold(Stale::default().met(0), |stale, _| stale.ended());
        let met: Vec<u32> = [0, 10, 20]
            .iter()
            .scan(stale, |stale, &now| {
                *stale = stale.met(now);
                Some(stale.most())
            })
            .collect();
        assert_eq!(met, [100, 35, 0]);
    }

    #[test]
    fn a_flood_brings_clean_ups_on() {
        let flooded = |ended: usize| {
            let stale = (0..ended).fold(Stale::default().met(0), |stale, _| stale.ended());
            (0..5000_u64).fold(stale, |stale, number| stale.met(number / 100).passed()).most()
        };
        assert!((64..=192).contains(&flooded(0)), "{}", flooded(0));
        assert!((300..=1128).contains(&flooded(1000)), "{}", flooded(1000));
    }

    #[test]
    fn a_time_long_ago_may_look_like_one_just_now() {
        let stale = Stale::default().met(0).ended();
        assert_eq!((stale.met(8192).most(), stale.met(8197).most()), (1, 0));
    }
}
