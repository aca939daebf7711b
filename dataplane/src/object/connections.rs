//! How many connections are open? The counters of `ct count`, and what a connection remembers of those it is counted in.
//!
//! As `nf_conncount` of Linux 6.18 keeps its lists: a connection is counted by the first of its packets that meets the
//! counter while it is not assured, until it ends or is closed; packets of assured connections only look. A packet
//! counts itself, even if it is dropped then, and stays counted until somebody cleans up: the next packet of a
//! connection not counted yet, or of one that is assured. So each counter has the number of connections, one bit for
//! the packet that was refused last, and how much the kernel may have left to clean up ([`Stale`]).
//!
//! Where that decides, or the place of an entry on the list, which nobody keeps here, it cannot be told what the kernel
//! would say, and the packet is dropped. So is one that begins a connection between ends whose last one may still be on
//! the list ([`super::gone`]): the kernel would count it twice for as long as it lives.
//!
//! Every packet does a fixed amount of work: the connection knows its counters, not the counter its connections.

use super::clock::{MILLISECOND, Moment};
use super::gone::GoneName;
use super::stale::Stale;
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
    pub fn goes_on(&self, counter: Counter<'_>, at: Place, moment: &Moment<'_>) -> bool {
        let Some(counted) = moment.counted else { return false };
        let Count { least, most } = counted.meet(counter, at, moment);
        if counted.is_refused() {
            return false;
        }
        let is_over = least > self.count;
        if is_over != (most > self.count) {
            counted.unsure.set(true);
        }
        !counted.is_refused() && is_over == self.over
    }
}

/// A counter: connections, and what the kernel may have left to clean up.
#[derive(Debug, Clone, Copy)]
pub struct Counter<'a> {
    /// Connections.
    pub connections: &'a AtomicU64,
    /// A [`Stale`].
    pub stale: &'a AtomicU64,
}

impl<'a> Counter<'a> {
    /// The counter in these two words.
    #[must_use]
    pub fn of(words: &'a [AtomicU64]) -> Option<Self> {
        let [connections, stale, ..] = words else { return None };
        Some(Self { connections, stale })
    }

    fn stale(self) -> Stale {
        Stale::of(self.stale.load(Relaxed))
    }

    fn change_stale(self, to: impl Fn(Stale) -> Stale) -> Stale {
        Stale::of(change(self.stale, |word| to(Stale::of(word)).word()))
    }
}

/// What the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    least: u32,
    most: u32,
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
    /// What the connection was called when it was counted last; 0 if it never was.
    name: u32,
    counters: [Membership; MOST_COUNTERS],
}

impl Memberships {
    /// None, of counters of this policy.
    #[must_use]
    pub const fn of(generation: u32) -> Self {
        let none = Membership { at: Place { set: 0, word: 0 }, epoch: 0 };
        Self { generation, name: 0, counters: [none; MOST_COUNTERS] }
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

    /// What the connection is called, if somebody counts it.
    pub(super) fn name(&self) -> Option<GoneName> {
        (!self.is_empty()).then(|| GoneName::from_bits(self.name))
    }

    /// Whether a counter at this place counts it.
    pub(super) fn is_at(&self, place: Place) -> bool {
        let mut found = false;
        self.each(|at, _| found |= at == place);
        found
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
    name: Option<GoneName>,
    /// Whether a connection of that name may be on lists that has come to nothing or ended.
    may_be_listed: bool,
    /// Who has counted the packet, and no connection that is.
    passed: Cell<Memberships>,
    memberships: Cell<Memberships>,
    refused: Cell<bool>,
    unsure: Cell<bool>,
}

impl Counted {
    /// A packet of a connection that remembers these counters.
    #[must_use]
    pub const fn new(counting: Counting, memberships: Memberships) -> Self {
        Self {
            counting,
            name: None,
            may_be_listed: false,
            passed: Cell::new(Memberships::of(memberships.generation)),
            memberships: Cell::new(memberships),
            refused: Cell::new(false),
            unsure: Cell::new(false),
        }
    }

    /// Under this name; `may_be_listed` says whether a connection of that name may be on lists that has come to nothing or
    /// ended.
    #[must_use]
    pub const fn named(mut self, name: GoneName, may_be_listed: bool) -> Self {
        (self.name, self.may_be_listed) = (Some(name), may_be_listed);
        self
    }

    /// What the packet's connection is or would be called.
    #[must_use]
    pub const fn name(&self) -> Option<GoneName> {
        self.name
    }

    /// Who has counted it though nobody will say when that is over.
    #[must_use]
    pub const fn passed(&self) -> Memberships {
        self.passed.get()
    }

    /// How it counts.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// Whether the rule that met a counter last must drop the packet: the packet is nameless, its connection is
    /// counted by as many counters as it can remember, or [`Self::is_unsure`].
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.refused.get() || self.unsure.get()
    }

    /// Whether it cannot be told how many connections the kernel would count.
    #[must_use]
    pub const fn is_unsure(&self) -> bool {
        self.unsure.get()
    }

    /// What the connection remembers now.
    #[must_use]
    pub const fn memberships(&self) -> Memberships {
        self.memberships.get()
    }

    /// The connections there are, this one among them if it counts.
    fn meet(&self, counter: Counter<'_>, at: Place, moment: &Moment<'_>) -> Count {
        let now = moment.now / MILLISECOND;
        match self.counting {
            Counting::Nameless => {
                self.refused.set(true);
                Count { least: 0, most: 0 }
            }
            Counting::Looks if moment.counts_unseen => self.look_or_begin(counter, at, now),
            Counting::Looks => look(counter, now),
            Counting::Passes => {
                let before = clean(counter, now, |word| word | REFUSED);
                counter.change_stale(Stale::passed);
                self.pass(counter, at);
                Count { least: before.least + 1, most: before.most + 1 }
            }
            Counting::Lingers => {
                // its own entry may be there still, or again, and whoever came behind it
                self.pass(counter, at);
                let least = connections(counter.connections.load(Relaxed)) + 1;
                let most = least - 1 + counter.change_stale(|stale| stale.again(now)).most();
                Count { least, most }
            }
            Counting::Joins => self.join(counter, at, now),
            Counting::JoinsAgain => self.join(counter, Place { set: at.set | AGAIN, ..at }, now),
        }
    }

    fn pass(&self, counter: Counter<'_>, at: Place) {
        let (mut passed, word) = (self.passed.get(), counter.connections.load(Relaxed));
        passed.name = self.name.map_or(0, GoneName::bits);
        match passed.counters.iter().position(|found| found.epoch == 0) {
            _ if passed.has(at, epoch(word)) => {}
            Some(free) => passed.counters[free] = Membership { at, epoch: epoch(word) },
            None => self.refused.set(true),
        }
        self.passed.set(passed);
    }

    /// As iptables does, which counts an assured connection where none was ever counted, and drops its packet where
    /// none is counted any more.
    fn look_or_begin(&self, counter: Counter<'_>, at: Place, now: u64) -> Count {
        if !counter.stale().is_begun() {
            return self.join(counter, at, now);
        }
        let count = look(counter, now);
        if count.least == 0 {
            self.unsure.set(true);
        }
        count
    }

    fn join(&self, counter: Counter<'_>, at: Place, now: u64) -> Count {
        let mut memberships = self.memberships.get();
        let word = counter.connections.load(Relaxed);
        if memberships.has(at, epoch(word)) {
            // cleaned up as far as its own entry, wherever that is; or not so far, and on the list once more
            if counter.stale().is_long() {
                self.unsure.set(true);
            }
            let most = connections(word) + counter.stale().most();
            return Count { least: all(word), most: most.max(all(word)) };
        }
        let Some(free) = memberships.counters.iter().position(|found| found.epoch == 0) else {
            self.refused.set(true);
            return Count { least: 0, most: 0 };
        };
        let met = counter.stale().met(now);
        if met.most() > 0 && (self.may_be_listed || counter.stale().is_behind(now)) {
            self.unsure.set(true);
            return Count { least: 0, most: 0 };
        }
        let count = clean(counter, now, |word| (word & !REFUSED) + 1);
        memberships.counters[free] = Membership { at, epoch: epoch(word) };
        memberships.name = self.name.map_or(0, GoneName::bits);
        self.memberships.set(memberships);
        count
    }
}

fn look(counter: Counter<'_>, now: u64) -> Count {
    clean(counter, now, |word| word & !REFUSED)
}

/// A packet cleans a list up if it is due, and changes the counter. The connections counted then.
fn clean(counter: Counter<'_>, now: u64, to: impl Fn(u64) -> u64) -> Count {
    let most = counter.change_stale(|stale| stale.met(now)).most();
    let least = connections(change(counter.connections, to));
    Count { least, most: least + most }
}

/// Whether a list may have entries that are nobody's, as far as is known without asking it.
pub(super) fn has_stale(counter: Counter<'_>) -> bool {
    counter.stale().most() > 0
}

/// A counter begins, with a number of its own: whoever was counted before is not any more.
pub(super) fn begin(counter: Counter<'_>) {
    counter.stale.store(0, Relaxed);
    change(counter.connections, |word| u64::from(epoch(word).wrapping_add(1).max(1)) << EPOCH);
}

/// A connection is counted no more; `refused` says whether it never came to be.
pub(super) fn leave(counter: Counter<'_>, of: u32, refused: bool) {
    let bit = if refused { REFUSED } else { 0 };
    let is_counted = |word| epoch(word) == of && connections(word) > 0;
    let left =
        counter.connections.fetch_update(Relaxed, Relaxed, |word| is_counted(word).then(|| (word - 1) | bit));
    if left.is_ok() {
        counter.change_stale(|stale| if refused { stale.passed() } else { stale.ended() });
    }
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
    use super::{
        Bound, Count, Counted, Counter, Counting, MOST_COUNTERS, Memberships, Place, begin, connections,
        leave,
    };
    use crate::object::Moment;
    use crate::object::gone::{Gone, GoneName};
    use crate::time::Tick;
    use config::policy::ConnectionLimit;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    const AT: Place = Place { set: 0, word: 7 };

    #[derive(Default)]
    struct Words([AtomicU64; 2]);

    impl Words {
        fn begun() -> Self {
            let words = Self::default();
            begin(words.counter());
            words
        }

        fn counter(&self) -> Counter<'_> {
            Counter::of(&self.0).unwrap()
        }
    }

    /// At that millisecond.
    fn at(now: u64) -> Moment<'static> {
        Moment { now: now * 1_000_000, ..Moment::default() }
    }

    /// What happens to one of a few connections.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        /// A packet meets the counter; the connection is stored if it is not yet.
        Passes,
        /// Likewise, but the packet is dropped.
        Dropped,
        Assured,
        /// It is closed, and stays for a while.
        Closed,
        Ends,
    }

    /// The list that the kernel keeps: connections, and packets that came to nothing, in order; by ticks of four
    /// milliseconds.
    #[derive(Default)]
    struct List {
        entries: Vec<usize>,
        live: HashSet<usize>,
        closed: HashSet<usize>,
        cleaned: (u64, usize),
    }

    impl List {
        fn is_due(&self, tick: u64) -> bool {
            tick != self.cleaned.0 || self.entries.len().saturating_sub(self.cleaned.1) >= 64
        }

        /// Cleans up, at most 65 entries and up to that of `own`; whether that was met.
        fn clean(&mut self, tick: u64, own: Option<usize>) -> bool {
            let (mut kept, mut gone, mut met) = (Vec::new(), 0, false);
            for entry in std::mem::take(&mut self.entries) {
                let is_over = met || gone > 64;
                let is_known = self.live.contains(&entry);
                met |= !is_over && is_known && Some(entry) == own;
                let goes = !is_known || self.closed.contains(&entry);
                if goes && !met && !is_over {
                    gone += 1;
                } else {
                    kept.push(entry);
                }
            }
            self.entries = kept;
            if !met {
                self.cleaned = (tick, self.entries.len());
            }
            met
        }

        fn add(&mut self, flow: usize, tick: u64) {
            let is_stored = self.live.contains(&flow);
            if !is_stored && !self.is_due(tick) || !self.clean(tick, Some(flow)) {
                self.entries.push(flow);
            }
        }

        fn look(&mut self, tick: u64) {
            if self.is_due(tick) {
                self.clean(tick, None);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        /// However its ticks fall, the kernel's count is between the two, unless it is said that this cannot be told;
        /// a packet of which that is said does not come so far here. What came to nothing or has ended comes again,
        /// and may be on the list twice then.
        #[test]
        fn counts_as_a_list_does(
            events in prop::collection::vec((0..6_usize, prop_oneof![
                4 => Just(Event::Passes), 2 => Just(Event::Dropped), 1 => Just(Event::Assured), 1 => Just(Event::Closed),
                2 => Just(Event::Ends),
            ], prop_oneof![3 => 0..3_u64, 1 => 5..9_u64, 1 => Just(300)]), 1..200),
            phase in 0..4_u64,
            flood in 0..3_usize,
        ) {
            let (words, gone, mut list) = (Words::begun(), Gone::new(), List::default());
            let counter = words.counter();
            let mut known = [(Memberships::of(1), false); 6];
            let (mut now, mut strays) = (1000, 1000);
            let called = |flow: usize| GoneName::from_bits(flow as u32 + 1);
            list.cleaned.0 = (now + phase) / 4;
            for (flow, event, pause) in events {
                now += pause;
                let tick = (now + phase) / 4;
                for _ in 0..flood * 20 {
                    list.add(strays, tick);
                    strays += 1;
                    let stray = Counted::new(Counting::Passes, Memberships::of(1));
                    let Count { least, most } = stray.meet(counter, AT, &at(now));
                    let count = list.entries.len() as u32;
                    prop_assert!(least <= count && count <= most, "{least} <= {count} <= {most}");
                }
                let stored = list.live.contains(&flow);
                let ms = Tick(now as u32);
                match event {
                    Event::Ends => {
                        if list.live.remove(&flow) && !list.closed.remove(&flow) {
                            leave_all(counter, &known[flow].0, false);
                            gone.note(called(flow), AT, ms);
                        }
                        known[flow] = (Memberships::of(1), false);
                    }
                    Event::Assured => known[flow].1 |= stored && !list.closed.contains(&flow),
                    Event::Closed => {
                        if stored && list.closed.insert(flow) {
                            leave_all(counter, &std::mem::take(&mut known[flow].0), false);
                            gone.note(called(flow), AT, ms);
                            known[flow].0 = Memberships::of(1);
                        }
                    }
                    Event::Passes | Event::Dropped => {
                        let looks = stored && known[flow].1;
                        let counting = match (looks, list.closed.contains(&flow)) {
                            (true, _) => Counting::Looks,
                            (false, true) => Counting::Lingers,
                            (false, false) => Counting::Joins,
                        };
                        let counted = Counted::new(counting, known[flow].0)
                            .named(called(flow), gone.may_have(called(flow), ms));
                        let Count { least, most } = counted.meet(counter, AT, &at(now));
                        if counted.is_unsure() {
                            continue;
                        }
                        if looks {
                            list.look(tick);
                        } else {
                            list.add(flow, tick);
                        }
                        let count = list.entries.len() as u32;
                        prop_assert!(least <= count && count <= most, "{least} <= {count} <= {most}");
                        if stored || matches!(event, Event::Passes) {
                            list.live.insert(flow);
                            known[flow].0 = counted.memberships();
                        } else {
                            leave_all(counter, &counted.memberships(), true);
                            gone.note(called(flow), AT, ms);
                        }
                        if !counted.passed().is_empty() {
                            gone.note(called(flow), AT, ms);
                        }
                    }
                }
            }
            for (memberships, _) in known {
                leave_all(counter, &memberships, false);
            }
            prop_assert_eq!(connections(words.0[0].load(Relaxed)), 0, "whoever came has left");
        }
    }

    fn leave_all(counter: Counter<'_>, memberships: &Memberships, refused: bool) {
        memberships.each(|at, epoch| {
            assert_eq!(at, AT);
            leave(counter, epoch, refused);
        });
    }

    #[test]
    fn whoever_was_counted_before_a_counter_began_anew_does_not_leave_it() {
        let words = Words::begun();
        let join = || {
            let counted = Counted::new(Counting::Joins, Memberships::of(1));
            assert_eq!(counted.meet(words.counter(), AT, &at(0)), Count { least: 1, most: 1 });
            counted.memberships()
        };
        let old = join();
        begin(words.counter());
        leave_all(words.counter(), &old, false);
        join();
        leave_all(words.counter(), &old, true);
        assert_eq!(connections(words.0[0].load(Relaxed)), 1);
    }

    #[test]
    fn a_connection_that_cannot_remember_one_more_counter_is_refused() {
        let counters: Vec<Words> = (0..=MOST_COUNTERS).map(|_| Words::begun()).collect();
        let counted = Counted::new(Counting::Joins, Memberships::of(1));
        let bound = Bound::of(&ConnectionLimit { count: 5, ..ConnectionLimit::default() });
        let moment = Moment { counted: Some(&counted), ..Moment::default() };
        for (word, words) in (0..).zip(&counters) {
            let goes_on = bound.goes_on(words.counter(), Place { set: 0, word }, &moment);
            assert_eq!(goes_on, (word as usize) < MOST_COUNTERS);
        }
        assert!(counted.is_refused() && !counted.is_unsure());
    }

    /// Whether the kernel has cleaned up since one ended is the business of its clock.
    #[test]
    fn what_depends_on_the_kernel_s_clock_is_refused() {
        for over in [false, true] {
            let words = Words::begun();
            let bound = Bound::of(&ConnectionLimit { count: 1, over, ..ConnectionLimit::default() });
            let meets = |now| {
                let counted = Counted::new(Counting::Joins, Memberships::of(1));
                let moment = Moment { counted: Some(&counted), ..at(now) };
                let goes_on = bound.goes_on(words.counter(), AT, &moment);
                (goes_on, counted.is_unsure(), counted.memberships())
            };
            let (goes_on, unsure, first) = meets(0);
            assert_eq!((goes_on, unsure), (!over, false));
            leave_all(words.counter(), &first, false);
            let (goes_on, unsure, second) = meets(3);
            assert_eq!((goes_on, unsure), (false, true));
            leave_all(words.counter(), &second, true);
            let (goes_on, unsure, _) = meets(20);
            assert_eq!((goes_on, unsure), (!over, false));
        }
    }

    #[test]
    fn iptables_counts_an_assured_connection_where_none_was_counted() {
        let words = Words::begun();
        let bound = Bound::of(&ConnectionLimit { count: 1, over: true, ..ConnectionLimit::default() });
        let meets = |counting, memberships, now| {
            let counted = Counted::new(counting, memberships);
            let moment = Moment { counted: Some(&counted), counts_unseen: true, ..at(now) };
            let goes_on = bound.goes_on(words.counter(), AT, &moment);
            (goes_on, counted.is_refused(), counted.memberships())
        };
        let none = Memberships::of(1);
        let (goes_on, refused, known) = meets(Counting::Looks, none, 0);
        assert_eq!((goes_on, refused, known.is_empty()), (false, false, false));
        assert!(meets(Counting::Joins, none, 10).0, "it is the second");
        assert!(!meets(Counting::Looks, none, 20).1, "two are counted");
        leave_all(words.counter(), &known, false);
        leave_all(words.counter(), &known, false);
        assert!(meets(Counting::Looks, none, 30).1, "none is counted any more");
    }

    #[test]
    fn several_workers_together_let_no_more_in() {
        let words = Words::begun();
        let bound = Bound::of(&ConnectionLimit { count: 50, ..ConnectionLimit::default() });
        let passed: usize = std::thread::scope(|scope| {
            let workers = [(); 4].map(|()| {
                scope.spawn(|| {
                    let let_in = || {
                        let counted = Counted::new(Counting::Joins, Memberships::of(1));
                        let moment = Moment { counted: Some(&counted), ..Moment::default() };
                        let goes_on = bound.goes_on(words.counter(), AT, &moment);
                        if !goes_on {
                            leave_all(words.counter(), &counted.memberships(), true);
                        }
                        goes_on
                    };
                    (0..1000).filter(|_| let_in()).count()
                })
            });
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert!(passed <= 50 && passed > 0, "{passed}");
        assert_eq!(connections(words.0[0].load(Relaxed)) as usize, passed);
    }
}
