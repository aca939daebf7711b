//! How many connections are open? The counters of `ct count`, and what a connection remembers of those it is counted in.
//!
//! As `nf_conncount` of Linux 6.18 keeps its lists: a connection is counted by the first of its packets that meets the
//! counter while it is not assured, until it ends or is closed; packets of assured connections only look. A packet
//! counts itself, even if it is dropped then, and stays counted until somebody cleans up: the next packet of a
//! connection not counted yet, or of one that is assured. So each counter has the number of connections and one bit
//! for the packet that was refused last.
//!
//! Every packet does a fixed amount of work: the connection knows its counters, not the counter its connections.

use super::clock::Moment;
use config::policy::ConnectionLimit;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use zerocopy::FromZeros;

/// A bound on the connections that a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    count: u32,
    over: bool,
}

impl Bound {
    /// What `limit` says.
    #[must_use]
    pub const fn of(limit: &ConnectionLimit) -> Self {
        Self { count: limit.count, over: limit.over }
    }

    /// Counts the packet's connection. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, counter: &AtomicU64, at: Place, moment: &Moment<'_>) -> bool {
        let Some(counted) = moment.counted else { return false };
        let count = counted.meet(counter, at);
        !counted.is_refused() && (count > self.count) == self.over
    }
}

/// Where a counter is among those of a policy: in which set, one more than its number, 0 for those of rules; and which
/// word there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Place {
    /// In which set.
    pub set: u32,
    /// Which word.
    pub word: u32,
}

/// A counter that counts a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
struct Membership {
    at: Place,
    /// Of the counter as it was then; 0 is no membership.
    epoch: u32,
}

/// The counters that count one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Memberships {
    /// Of which policy they are.
    generation: u32,
    counters: [Membership; MOST_COUNTERS],
}

impl Memberships {
    /// None, of counters of this policy.
    #[must_use]
    pub const fn of(generation: u32) -> Self {
        let none = Membership { at: Place { set: 0, word: 0 }, epoch: 0 };
        Self { generation, counters: [none; MOST_COUNTERS] }
    }

    /// Of which policy they are; 0 if there never were any.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether no counter counts the connection.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.counters[0].epoch == 0
    }

    fn has(&self, at: Place, epoch: u32) -> bool {
        self.counters.contains(&Membership { at, epoch })
    }

    /// Calls `with` for each.
    pub(super) fn each(&self, mut with: impl FnMut(Place, u32)) {
        self.counters.iter().take_while(|found| found.epoch != 0).for_each(|found| {
            with(Place { set: found.at.set & !AGAIN, ..found.at }, found.epoch);
        });
    }
}

/// How a packet counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Its connection is counted.
    Joins,
    /// A reply that connection tracking has not taken up: its connection is counted once more.
    JoinsAgain,
    /// Its connection is assured: one that is not counted by now never is.
    Looks,
    /// It counts itself, but has no connection that could be counted.
    Passes,
    /// Its connection is closed, and was not assured: it still counts for itself, and for nobody else.
    Lingers,
    /// It cannot be told which connection it would belong to. The kernel drops it.
    Nameless,
}

/// A packet as the counters see it, and what its connection remembers of them.
#[derive(Debug)]
pub struct Counted {
    counting: Counting,
    memberships: Cell<Memberships>,
    refused: Cell<bool>,
}

impl Counted {
    /// A packet of a connection that remembers these counters.
    #[must_use]
    pub const fn new(counting: Counting, memberships: Memberships) -> Self {
        Self { counting, memberships: Cell::new(memberships), refused: Cell::new(false) }
    }

    /// How it counts.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// Whether the rule that met a counter last must drop the packet: the packet is nameless, or its connection is
    /// counted by as many counters as it can remember.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.refused.get()
    }

    /// What the connection remembers now.
    #[must_use]
    pub const fn memberships(&self) -> Memberships {
        self.memberships.get()
    }

    /// The connections there are, this one among them if it counts.
    fn meet(&self, counter: &AtomicU64, at: Place) -> u32 {
        match self.counting {
            Counting::Nameless => {
                self.refused.set(true);
                0
            }
            Counting::Looks => connections(change(counter, |word| word & !REFUSED)),
            Counting::Passes => connections(change(counter, |word| word | REFUSED)) + 1,
            Counting::Lingers => {
                let before = all(counter.load(Relaxed));
                change(counter, |word| word | REFUSED);
                before + 1
            }
            Counting::Joins => self.join(counter, at),
            Counting::JoinsAgain => self.join(counter, Place { set: at.set | AGAIN, ..at }),
        }
    }

    fn join(&self, counter: &AtomicU64, at: Place) -> u32 {
        let mut memberships = self.memberships.get();
        let word = counter.load(Relaxed);
        if memberships.has(at, epoch(word)) {
            return all(word);
        }
        let Some(free) = memberships.counters.iter().position(|found| found.epoch == 0) else {
            self.refused.set(true);
            return 0;
        };
        let word = change(counter, |word| (word & !REFUSED) + 1);
        memberships.counters[free] = Membership { at, epoch: epoch(word) };
        self.memberships.set(memberships);
        connections(word)
    }
}

/// A counter begins, with a number of its own: whoever was counted before is not any more.
pub(super) fn begin(counter: &AtomicU64) {
    change(counter, |word| u64::from(epoch(word).wrapping_add(1).max(1)) << EPOCH);
}

/// A connection is counted no more; `refused` says whether it never came to be.
pub(super) fn leave(counter: &AtomicU64, of: u32, refused: bool) {
    let refused = if refused { REFUSED } else { 0 };
    let is_counted = |word| epoch(word) == of && connections(word) > 0;
    change(counter, |word| if is_counted(word) { (word - 1) | refused } else { word });
}

/// Connections a counter counts.
pub(super) const fn connections(word: u64) -> u32 {
    (word & CONNECTIONS) as u32
}

/// With the packet that was refused last.
const fn all(word: u64) -> u32 {
    connections(word) + (word & REFUSED != 0) as u32
}

const fn epoch(word: u64) -> u32 {
    (word >> EPOCH) as u32
}

/// Changes a counter; says what it holds then. What stays as it is is not written.
fn change(counter: &AtomicU64, to: impl Fn(u64) -> u64) -> u64 {
    let found = counter.fetch_update(Relaxed, Relaxed, |word| Some(to(word)).filter(|to| *to != word));
    found.map_or_else(|word| word, to)
}

/// Counters that one connection may be counted by. One more, and its packet is dropped.
pub const MOST_COUNTERS: usize = 8;

/// In the number of a set: the connection is counted there once already.
const AGAIN: u32 = 1 << 31;

// A counter: its number, whether it counts a refused packet, its connections.
const EPOCH: u32 = 32;
const REFUSED: u64 = 1 << 31;
const CONNECTIONS: u64 = REFUSED - 1;

#[cfg(test)]
mod tests {
    use super::{Bound, Counted, Counting, MOST_COUNTERS, Memberships, Place, begin, connections, leave};
    use crate::object::Moment;
    use config::policy::ConnectionLimit;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    const AT: Place = Place { set: 0, word: 7 };

    fn counter() -> AtomicU64 {
        let counter = AtomicU64::new(0);
        begin(&counter);
        counter
    }

    /// What happens to one of a few connections.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        /// A packet meets the counter; the connection is stored if it is not yet.
        Passes,
        /// Likewise, but the packet is dropped.
        Dropped,
        Assured,
        Ends,
    }

    /// The list that the kernel keeps: connections, and packets that came to nothing, in order.
    #[derive(Default)]
    struct List {
        entries: Vec<usize>,
        live: HashSet<usize>,
    }

    impl List {
        fn clean(&mut self) {
            let live = &self.live;
            self.entries.retain(|entry| live.contains(entry));
        }
    }

    proptest! {
        /// Ends are met one by one here, so that only refused packets wait to be cleaned up.
        #[test]
        fn counts_as_a_list_does(
            events in prop::collection::vec((0..6_usize, prop_oneof![
                4 => Just(Event::Passes), 2 => Just(Event::Dropped), 1 => Just(Event::Assured), 2 => Just(Event::Ends),
            ]), 1..200),
        ) {
            let (counter, mut list) = (counter(), List::default());
            let mut known = [(Memberships::of(1), false); 6];
            for (flow, event) in events {
                let stored = list.live.contains(&flow);
                match event {
                    Event::Ends => {
                        if list.live.remove(&flow) {
                            leave_all(&counter, &known[flow].0, false);
                            list.entries.retain(|&entry| entry != flow);
                        }
                        known[flow] = (Memberships::of(1), false);
                    }
                    Event::Assured => known[flow].1 = stored,
                    Event::Passes | Event::Dropped => {
                        let looks = stored && known[flow].1;
                        if looks {
                            list.clean();
                        } else if !(stored && list.entries.contains(&flow)) {
                            list.clean();
                            list.entries.push(flow);
                        }
                        let counting = if looks { Counting::Looks } else { Counting::Joins };
                        let counted = Counted::new(counting, known[flow].0);
                        prop_assert_eq!(counted.meet(&counter, AT) as usize, list.entries.len());
                        if stored || matches!(event, Event::Passes) {
                            list.live.insert(flow);
                            known[flow].0 = counted.memberships();
                        } else {
                            leave_all(&counter, &counted.memberships(), true);
                        }
                    }
                }
            }
            for (memberships, _) in known {
                leave_all(&counter, &memberships, false);
            }
            prop_assert_eq!(connections(counter.load(Relaxed)), 0, "whoever came has left");
        }
    }

    fn leave_all(counter: &AtomicU64, memberships: &Memberships, refused: bool) {
        memberships.each(|at, epoch| {
            assert_eq!(at, AT);
            leave(counter, epoch, refused);
        });
    }

    #[test]
    fn whoever_was_counted_before_a_counter_began_anew_does_not_leave_it() {
        let counter = counter();
        let join = || {
            let counted = Counted::new(Counting::Joins, Memberships::of(1));
            assert_eq!(counted.meet(&counter, AT), 1);
            counted.memberships()
        };
        let old = join();
        begin(&counter);
        leave_all(&counter, &old, false);
        join();
        leave_all(&counter, &old, true);
        assert_eq!(connections(counter.load(Relaxed)), 1);
    }

    #[test]
    fn a_connection_that_cannot_remember_one_more_counter_is_refused() {
        let counters: Vec<AtomicU64> = (0..=MOST_COUNTERS).map(|_| counter()).collect();
        let counted = Counted::new(Counting::Joins, Memberships::of(1));
        let bound = Bound::of(&ConnectionLimit { count: 5, ..ConnectionLimit::default() });
        let moment = Moment { counted: Some(&counted), ..Moment::default() };
        for (word, counter) in (0..).zip(&counters) {
            let goes_on = bound.goes_on(counter, Place { set: 0, word }, &moment);
            assert_eq!(goes_on, (word as usize) < MOST_COUNTERS);
        }
        assert!(counted.is_refused());
    }

    #[test]
    fn several_workers_together_let_no_more_in() {
        let counter = counter();
        let bound = Bound::of(&ConnectionLimit { count: 50, ..ConnectionLimit::default() });
        let passed: usize = std::thread::scope(|scope| {
            let workers = [(); 4].map(|()| {
                scope.spawn(|| {
                    let let_in = || {
                        let counted = Counted::new(Counting::Joins, Memberships::of(1));
                        let moment = Moment { counted: Some(&counted), ..Moment::default() };
                        let goes_on = bound.goes_on(&counter, AT, &moment);
                        if !goes_on {
                            leave_all(&counter, &counted.memberships(), true);
                        }
                        goes_on
                    };
                    (0..1000).filter(|_| let_in()).count()
                })
            });
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert!(passed <= 50 && passed > 40, "{passed}");
        assert_eq!(connections(counter.load(Relaxed)) as usize, passed);
    }
}
