//! Does a counter count as the kernel's list does?

use super::counter::{Count, Counter, begin, connections, leave};
use super::{Bound, Counted, Counting, MOST_COUNTERS, Memberships, Place};
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
fn iptables_counts_a_closed_connection_until_the_next_packet() {
    let words = Words::begun();
    let bound = Bound::of(&ConnectionLimit { count: 0, over: true, ..ConnectionLimit::default() });
    let meets = |now| {
        let counted = Counted::new(Counting::LooksBack, Memberships::of(1));
        let moment = Moment { counted: Some(&counted), counts_unseen: true, ..at(now) };
        (bound.goes_on(words.counter(), AT, &moment), counted.is_unsure(), counted.memberships().is_empty())
    };
    assert_eq!(meets(0), (true, false, true), "itself");
    assert_eq!(meets(10), (false, true, true), "none is counted any more");
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
