//! The table against a slow, obvious model, and how full it gets.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::{CANDIDATES, Entry, Full, Slot, Sought, Stats, Table};
use crate::flow::group::LANES;
use crate::flow::hash::{CHOICES, Fingerprint};
use crate::flow::{Ager, FlowHash, FlowHasher, FlowKey, Reaper, ageing};
use crate::time::Tick;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    key: FlowKey,
    assured: bool,
}

impl Entry for Flow {
    type Stored = Self;
    type More = u8;
    type Extra = u64;

    fn is_missed(extra: &u64) -> bool {
        *extra != 0
    }

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn store(&self) -> (Self, Option<u8>) {
        (*self, None)
    }

    fn load(stored: &Self, _: &u8) -> Self {
        *stored
    }

    fn is_named(stored: &Self, _: &u8, key: &FlowKey) -> bool {
        stored.key == *key
    }
}

pub(crate) fn key(number: u32) -> FlowKey {
    FlowKey { low: u128::from(number), ..FlowKey::default() }
}

pub(crate) fn flow(number: u32) -> Flow {
    Flow { key: key(number), assured: false }
}

impl<E: Entry> Table<E> {
    /// Whether tags, overflow counters and the number of flows agree with each other and with the hashes, and whoever looks
    /// for what ends by `now` or later sees it in time.
    pub(crate) fn check(&self, now: Tick, hash: impl Fn(&FlowKey) -> FlowHash) {
        let mut overflow: HashMap<(u32, u32), u16> = HashMap::new();
        let mut keys = HashSet::new();
        for (slot, entry, end) in self.iter() {
            let hash = hash(entry.key());
            let (home, tag) = (hash.home(self.bucket_count()), self.bucket(slot.bucket()).tag(slot.lane()));
            let (fingerprint, choice) = Fingerprint::of_tag(tag);
            assert_eq!(fingerprint, hash.fingerprint(), "the tag is the flow's");
            assert_eq!(fingerprint.across(home, choice, self.bucket_count()), slot.bucket(), "in its place");
            assert!(keys.insert(*entry.key()), "a key is stored once");
            let seems = self.seems_to_end(slot);
            // what seems to be over is looked at in any case, and may lie too far behind its end to be ordered
            assert!(
                seems.is_at_or_before(now) || seems.is_at_or_before(end),
                "it is not looked for too late"
            );
            if choice > 0 {
                *overflow.entry((home, choice)).or_default() += 1;
            }
        }
        assert_eq!(keys.len(), self.len());
        for bucket in 0..self.bucket_count() {
            for choice in 1..CHOICES {
                let expected = overflow.get(&(bucket, choice)).copied().unwrap_or(0);
                let counted = self.bucket(bucket).tags().overflow().count(choice);
                assert_eq!(counted, expected, "who lives elsewhere");
            }
        }
    }

    /// When the flow there ends at the earliest, as who looks for room sees it.
    fn seems_to_end(&self, slot: Slot) -> Tick {
        Tick(self.earliest(slot.bucket()).ends().0[slot.lane()])
    }

    /// The slots where a flow with this hash could live.
    fn window(&self, hash: FlowHash) -> HashSet<Slot> {
        let home = hash.home(self.bucket_count());
        (0..CHOICES)
            .map(|choice| hash.fingerprint().across(home, choice, self.bucket_count()))
            .flat_map(|bucket| (0..LANES).map(move |lane| Slot::new(bucket, lane)))
            .collect()
    }
}

/// What a step of a history does to the table, with the number of a flow where it is about one.
#[derive(Debug, Clone)]
enum Op {
    Insert { flow: u32, lifetime: u32, assured: bool },
    Find(u32),
    Refresh { flow: u32, lifetime: u32 },
    Remove(u32),
    Write { flow: u32, value: u64 },
    Watch(u32),
    ExpireDue,
    Advance(u32),
    Purge,
    Age { slots: usize },
    Reap { budget: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let flow = 0..FLOWS;
    let lifetime = prop_oneof![1u32..400, Just(i32::MAX as u32)];
    prop_oneof![
        8 => (flow.clone(), lifetime.clone(), any::<bool>())
            .prop_map(|(flow, lifetime, assured)| Op::Insert { flow, lifetime, assured }),
        3 => flow.clone().prop_map(Op::Find),
        2 => (flow.clone(), lifetime).prop_map(|(flow, lifetime)| Op::Refresh { flow, lifetime }),
        1 => flow.clone().prop_map(Op::Remove),
        2 => (flow.clone(), any::<u64>()).prop_map(|(flow, value)| Op::Write { flow, value }),
        3 => flow.prop_map(Op::Watch),
        2 => Just(Op::ExpireDue),
        2 => (0u32..60).prop_map(Op::Advance),
        1 => Just(Op::Purge),
        2 => (0usize..80).prop_map(|slots| Op::Age { slots }),
        2 => (0usize..40).prop_map(|budget| Op::Reap { budget }),
    ]
}

const FLOWS: u32 = 150;
/// Few enough that the queue is full at times.
const MESSAGES: usize = 20;

/// A table beside what it should hold. The model keeps flows past their deadline until the table must not.
struct History {
    table: Table<Flow>,
    ager: Ager,
    reaper: Reaper,
    model: HashMap<u32, (Flow, u32)>,
    /// What was written beside those flows of the model that are in the table.
    beside: HashMap<u32, u64>,
    /// Those of them that are watched.
    watched: HashSet<u32>,
    departed: Vec<u64>,
    /// Flows beside which something was written, since the start.
    written: usize,
    /// What was seen of some flows before they were stored last.
    seen: HashMap<u32, Sought>,
    /// One for each flow: equal ones collide.
    hashes: Vec<FlowHash>,
    elapsed: u32,
    epoch: u32,
}

impl History {
    fn now(&self) -> Tick {
        Tick(self.epoch).after(self.elapsed)
    }

    fn hash(&self, flow: u32) -> FlowHash {
        self.hashes[flow as usize]
    }

    /// The deadlines of the model count from the start of the history and do not wrap.
    fn lives(&self, flow: u32) -> bool {
        self.model.get(&flow).is_some_and(|&(_, deadline)| deadline > self.elapsed)
    }

    fn find(&mut self, flow: u32) -> Option<Slot> {
        self.table.prefetch(self.hash(flow));
        let asked = self.table.prefetch_entry(self.hash(flow));
        self.table.prefetch_displaced(self.hash(flow), Some(self.now()));
        let found = self.table.find(self.hash(flow), &key(flow), self.now());
        assert_eq!(found.is_some(), self.lives(flow), "flow {flow}");
        let slot = found?;
        let (home, fingerprint) =
            (self.hash(flow).home(self.table.bucket_count()), self.hash(flow).fingerprint());
        let alike = self.table.bucket(home).tags().matching(fingerprint.tag(0)).first();
        assert_eq!(asked, alike.is_some(), "what is away from home takes another stage");
        let (entry, deadline) = self.model[&flow];
        assert!(self.table.holds(slot, &key(flow)));
        assert_eq!(self.table.entry(slot), entry);
        assert_eq!(self.table.extra(slot), self.beside.get(&flow).copied().unwrap_or(0));
        assert_eq!(self.table.has_extra(slot), self.beside.contains_key(&flow));
        assert_eq!(self.table.deadline(slot), Tick(self.epoch).after(deadline));
        Some(slot)
    }

    fn insert(&mut self, number: u32, lifetime: u32, assured: bool) {
        if self.find(number).is_some() {
            return;
        }
        let (now, hash) = (self.now(), self.hash(number));
        let window: Vec<(Slot, Flow, Tick)> = {
            let window = self.table.window(hash);
            self.table.iter().filter(|(slot, ..)| window.contains(slot)).collect()
        };
        let live = window.iter().filter(|(.., deadline)| !deadline.is_at_or_before(now));
        let room = live.clone().count() < self.table.window(hash).len();
        let seems = |(slot, ..): &&(Slot, Flow, Tick)| self.table.seems_to_end(*slot);
        let deceptive: Vec<Tick> =
            live.clone().filter(|flow| seems(flow) != flow.2).map(|flow| seems(&flow)).collect();
        let before = self.table.stats();
        let flow = Flow { key: key(number), assured };
        let seen = match self.table.seek(hash, || Some(now)) {
            Sought::Crowded => self.table.prefetch_displaced(hash, Some(now)),
            seen => seen,
        };
        // half of the flows go by what was seen some steps ago
        let seen =
            if number.is_multiple_of(2) { self.seen.insert(number, seen).unwrap_or(seen) } else { seen };
        let times = [now.after(lifetime), now];
        let inserted = self.table.insert_stored(hash, seen, &flow, times, |flow| !flow.assured);
        assert_eq!(self.table.stats().refused, before.refused + u64::from(inserted.is_err()));
        assert_eq!(self.table.stats().evicted, before.evicted + u64::from(inserted.is_ok() && !room));
        let gone: Vec<_> = live.filter(|(slot, flow, _)| !self.table.holds(*slot, &flow.key)).collect();
        // those that end later than it seemed are looked at for nothing
        let deceptive = deceptive.iter().filter(|end| !end.is_at_or_before(now)).count();
        let sooner_and_assured = |end: Tick| {
            let sooner = window.iter().filter(|(.., d)| d.since(now) <= end.since(now) && d.since(now) > 0);
            sooner.filter(|(_, flow, _)| flow.assured).count()
        };
        match inserted {
            Ok(slot) => {
                assert!(self.table.window(hash).contains(&slot));
                self.model.insert(number, (flow, self.elapsed + lifetime));
                self.beside.remove(&number);
                self.watched.remove(&number);
                match gone[..] {
                    [] => assert!(room),
                    [(_, gone, end)] => {
                        assert!(!room && !gone.assured);
                        let left = |deadline: &Tick| deadline.since(now);
                        let soonest =
                            window.iter().filter(|(_, flow, _)| !flow.assured).map(|(.., d)| left(d));
                        let is_soonest = soonest.min() == Some(left(end));
                        assert!(is_soonest || deceptive > 0, "the soonest to end goes");
                        self.model.retain(|_, (flow, _)| flow.key != gone.key);
                    }
                    _ => panic!("one flow makes room for one"),
                }
            }
            Err(Full) => {
                assert!(!room && gone.is_empty());
                let soonest = window.iter().filter(|(_, flow, _)| !flow.assured).map(|&(.., end)| end);
                if let Some(end) = soonest.min_by_key(|end| end.since(now)) {
                    // alternates of a tiny table coincide, and its slots are then candidates more than once
                    let first = sooner_and_assured(end) + deceptive;
                    assert!(first * 3 >= CANDIDATES, "none of the first may go");
                }
            }
        }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Insert { flow, lifetime, assured } => self.insert(flow, lifetime, assured),
            Op::Find(flow) => {
                self.find(flow);
            }
            Op::Refresh { flow, lifetime } => {
                if let Some(slot) = self.find(flow) {
                    self.table.set_deadline(slot, self.now().after(lifetime));
                    self.model.get_mut(&flow).unwrap().1 = self.elapsed + lifetime;
                }
            }
            Op::Remove(flow) => {
                if let Some(slot) = self.find(flow) {
                    self.table.remove(slot);
                    self.model.remove(&flow);
                    assert!(!self.table.holds(slot, &key(flow)));
                }
            }
            Op::Write { flow, value } => {
                if let Some(slot) = self.find(flow) {
                    self.written += usize::from(self.table.extra(slot) == 0 && value != 0);
                    self.written -= usize::from(self.table.extra(slot) != 0 && value == 0);
                    *self.table.extra_mut(slot) = value;
                    self.beside.insert(flow, value);
                }
            }
            Op::Watch(flow) => {
                if let Some(slot) = self.find(flow) {
                    self.table.watch(slot, self.now());
                    self.watched.insert(flow);
                }
            }
            Op::ExpireDue => {
                self.table.expire_due(self.now(), usize::MAX);
                let there: HashSet<FlowKey> = self.table.iter().map(|(_, flow, _)| flow.key).collect();
                for flow in &self.watched {
                    assert_eq!(there.contains(&key(*flow)), self.lives(*flow), "a watched flow goes on time");
                }
            }
            Op::Advance(milliseconds) => self.elapsed += milliseconds,
            Op::Purge => {
                let departed = &mut self.departed;
                self.table.purge(Tick(self.epoch).after(self.elapsed), |extra| departed.push(extra));
                let elapsed = self.elapsed;
                self.model.retain(|_, &mut (_, deadline)| deadline > elapsed);
                assert_eq!(self.table.len(), self.model.len());
            }
            Op::Age { slots } => assert!(self.ager.scan(self.now(), slots) <= MESSAGES),
            Op::Reap { budget } => {
                let (now, before) = (self.now(), self.table.stats());
                let removed = self.reaper.reap(&mut self.table, now, budget);
                assert!(removed <= budget * LANES);
                assert_eq!(self.table.stats().expired, before.expired + removed as u64);
            }
        }
        self.departed.extend(self.table.departed());
        let kept = self.table.iter().filter(|&(slot, ..)| self.table.extra(slot) != 0).count();
        assert_eq!(self.departed.len() + kept, self.written, "each is told once");
        let (hashes, key_hash) = (&self.hashes, |key: &FlowKey| key.low as usize);
        self.table.check(self.now(), |key| hashes[key_hash(key)]);
    }
}

/// Hashes that collide: few homes, few fingerprints.
fn hashes() -> impl Strategy<Value = Vec<FlowHash>> {
    let hash = (any::<u32>(), 0u64..24).prop_map(|(home, low)| FlowHash(u64::from(home) << 32 | low));
    let same = (any::<u64>(), 1u64..4).prop_map(|(hash, mask)| FlowHash(hash & !0x3fff | mask));
    prop_oneof![prop::collection::vec(hash, FLOWS as usize), same.prop_map(|hash| vec![hash; FLOWS as usize]),]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        capacity in 1usize..90,
        hashes in hashes(),
        epoch: u32,
        ops in prop::collection::vec(op(), 1..700),
    ) {
        let (table, model) = (Table::with_capacity(capacity), HashMap::new());
        let (ager, reaper) = ageing(&table, MESSAGES);
        let mut history = History { table, ager, reaper, model, beside: HashMap::new(), watched: HashSet::new(), departed: Vec::new(), written: 0, seen: HashMap::new(), hashes, elapsed: 0, epoch };
        for op in &ops {
            history.step(op);
        }
        for flow in 0..FLOWS {
            history.find(flow);
        }
    }
}

/// One is past its end and not yet removed as another is watched that ends as late as can be.
#[test]
fn what_is_long_due_does_not_hide_what_ends_last() {
    let (hasher, mut table) = (FlowHasher::new([5; 4]), Table::with_capacity(100));
    let mut watch = |number, lifetime, now| {
        let flow = flow(number);
        let slot =
            table.insert(hasher.hash(&flow.key), flow, Tick(now).after(lifetime), Tick(now), |_| false);
        table.watch(slot.unwrap(), Tick(now));
    };
    watch(1, 1, 0);
    watch(2, i32::MAX as u32, 3);
    watch(3, 2, 3);
    table.expire_due(Tick(3), usize::MAX);
    assert_eq!(table.len(), 2);
    table.expire_due(Tick(5), usize::MAX);
    assert_eq!(table.iter().map(|(_, flow, _)| flow.key).collect::<Vec<_>>(), [key(2)]);
}

/// When it seemed to end lies farther behind its end than points in time are ordered.
#[test]
fn a_flow_that_is_prolonged_as_far_as_can_be_after_it_seemed_over_stays() {
    let (hash, mut table) = (FlowHash(7), Table::with_capacity(1));
    let slot = table.insert(hash, flow(1), Tick(10), Tick(0), |_| false).unwrap();
    table.set_deadline(slot, Tick(100));
    table.set_deadline(slot, Tick(50).after(i32::MAX as u32));
    assert_eq!(table.reclaim(slot.bucket(), Tick(60)), 0);
    table.check(Tick(9), |_| hash);
    assert_eq!(table.find(hash, &key(1), Tick(60)), Some(slot));
    assert_eq!(table.reclaim(slot.bucket(), Tick(50).after(i32::MAX as u32)), 1);
}

#[test]
fn three_quarters_fill_before_the_first_refusal() {
    for (entries, seed) in [(100, 1), (1_000, 2), (10_000, 3), (200_000, 4)] {
        let (hasher, mut table) = (FlowHasher::new([seed; 4]), Table::with_capacity(entries));
        let mut insert = |number| {
            let flow = flow(number);
            table.insert(hasher.hash(&flow.key), flow, Tick(1), Tick(0), |_| false)
        };
        let first = (0..).find(|&number| insert(number).is_err()).unwrap() as usize;
        assert!(first >= entries, "{first} of {entries}");
        assert!(first * 4 >= table.capacity() * 3, "{first} of {} slots", table.capacity());
        assert_eq!((table.len(), table.stats().refused), (first, 1));
        table.check(Tick(0), |key| hasher.hash(key));
        for number in 0..first as u32 {
            let slot = table.find(hasher.hash(&key(number)), &key(number), Tick(0)).unwrap();
            assert_eq!(table.entry(slot), flow(number));
        }
        assert_eq!(table.find(hasher.hash(&key(u32::MAX)), &key(u32::MAX), Tick(0)), None);
    }
}

/// Of ten million flows none may find all its buckets full at three quarters: fewer flows show how even they are by how
/// far beyond they get.
#[test]
fn buckets_fill_evenly() {
    const ENTRIES: u32 = 200_000;
    let (hasher, mut table) = (FlowHasher::new([9; 4]), Table::with_capacity(ENTRIES as usize));
    let end = Tick(1_000_000);
    let stored = (0..2 * ENTRIES).take_while(|&number| {
        let flow = flow(number);
        table.insert(hasher.hash(&flow.key), flow, end, Tick(0), |_| false).is_ok()
    });
    let load = stored.count() as f64 / (table.bucket_count() as usize * LANES) as f64;
    assert!(load > 0.8, "the first flow without room comes at {load}");
}

#[test]
fn a_table_in_use_at_three_quarters_refuses_nobody() {
    const ENTRIES: u32 = 6_000;
    let (hasher, mut table) = (FlowHasher::new([9; 4]), Table::with_capacity(ENTRIES as usize));
    // flow n comes at millisecond n and ends when ENTRIES others have come; nobody asks for it again
    for number in 0..20 * ENTRIES {
        let (flow, now) = (flow(number), Tick(number));
        let slot = table.insert(hasher.hash(&flow.key), flow, now.after(ENTRIES), now, |_| false);
        assert!(slot.is_ok(), "flow {number}");
    }
    let stats = table.stats();
    assert_eq!((stats.refused, stats.evicted), (0, 0));
    assert_eq!(stats.inserted, stats.expired + table.len() as u64);
    table.check(Tick(20 * ENTRIES), |key| hasher.hash(key));
}

#[test]
fn flows_that_cannot_be_counted_away_from_home_are_refused() {
    let mut table: Table<Flow> = Table::with_capacity(4096);
    let hash = |key: &FlowKey| FlowHash(key.low as u64 * 8 + 8);
    let mut stored = 0;
    for number in 0..2_000 {
        let flow = flow(number);
        stored += usize::from(table.insert(hash(&flow.key), flow, Tick(9), Tick(0), |_| true).is_ok());
    }
    assert_eq!(stored, LANES + 3 * 31, "a full home, and as many as it can count");
    table.check(Tick(0), hash);
}

#[test]
fn a_flow_ends_at_its_deadline_across_the_wrap_of_the_clock() {
    let (hash, start) = (FlowHash(7), Tick(u32::MAX - 5));
    let mut table = Table::with_capacity(1);
    table.insert(hash, flow(1), start.after(10), start, |_| false).unwrap();
    assert!(table.find(hash, &key(1), start.after(9)).is_some());
    assert_eq!(table.find(hash, &key(1), start.after(10)), None);
    assert_eq!(table.stats(), Stats { inserted: 1, expired: 1, ..Stats::default() });
    assert!(table.is_empty());
}

#[test]
fn a_deadline_of_zero_is_a_deadline() {
    let (hash, now) = (FlowHash(0), Tick(u32::MAX));
    let mut table = Table::with_capacity(1);
    let slot = table.insert(hash, flow(1), Tick(0), now, |_| false).unwrap();
    assert_eq!(table.find(hash, &key(1), now), Some(slot));
    assert_eq!(table.find(hash, &key(1), Tick(0)), None);
}

#[test]
fn a_clock_that_jumps_far_leaves_nothing_behind() {
    let old = Tick(77);
    let mut table = Table::with_capacity(8);
    let stale = old.after(1u32.wrapping_neg());
    for (number, deadline) in (0..).zip([stale, old.after(1), old.after(1 << 30), old.after(i32::MAX as u32)])
    {
        table.insert(FlowHash(number), flow(number as u32), deadline, Tick(70), |_| false).unwrap();
    }
    table.purge(old.after(1 << 30), |_| {});
    assert_eq!(table.len(), 1, "only the last has any time left");
    table.purge(old.after((1 << 31) - 1), |_| {});
    assert!(table.is_empty());
}

/// Who knows the seeds can aim at one bucket: then the table refuses what its window cannot hold and touches no more than
/// that. The same keys under other seeds are as any others.
#[test]
fn colliding_keys_are_harmless_under_a_secret_seed_and_bounded_under_a_known_one() {
    const FLOWS: u32 = 3000;
    const AIMED_AT: u32 = 7;
    let known = FlowHasher::new([0; 4]);
    let mut table: Table<Flow> = Table::with_capacity(FLOWS as usize);
    let buckets = table.bucket_count();
    let aimed: Vec<Flow> = (0..)
        .map(flow)
        .filter(|flow| known.hash(&flow.key).home(buckets) == AIMED_AT)
        .take(FLOWS as usize)
        .collect();
    let fill = |table: &mut Table<Flow>, hasher: &FlowHasher| {
        let stored =
            |flow: &&Flow| table.insert(hasher.hash(&flow.key), **flow, Tick(9), Tick(0), |_| false).is_ok();
        aimed.iter().filter(stored).count()
    };
    let stored = fill(&mut table, &known);
    assert!(stored <= LANES + 3 * 31, "what a home can count: {stored}");
    assert_eq!(table.stats().refused, aimed.len() as u64 - stored as u64);
    let window: HashSet<Slot> = aimed.iter().flat_map(|flow| table.window(known.hash(&flow.key))).collect();
    assert!(table.iter().all(|(slot, ..)| window.contains(&slot)), "nobody is put anywhere else");
    assert!(aimed.iter().all(|flow| table.window(known.hash(&flow.key)).len() <= LANES * CHOICES as usize));
    table.check(Tick(0), |key| known.hash(key));

    let secret = FlowHasher::new([0x0123_4567_89ab_cdef, 2, 3, 5]);
    let mut table: Table<Flow> = Table::with_capacity(FLOWS as usize);
    assert_eq!(fill(&mut table, &secret), aimed.len(), "none is refused");
    let mut at_home = vec![0u32; buckets as usize];
    aimed.iter().for_each(|flow| at_home[secret.hash(&flow.key).home(buckets) as usize] += 1);
    // eleven expected, standard deviation 3.4
    assert!(at_home.iter().all(|&count| count < 33), "{at_home:?}");
    table.check(Tick(0), |key| secret.hash(key));
}

#[test]
fn several_flows_are_changed_at_once_if_they_are_several() {
    let hasher = FlowHasher::new([1, 2, 3, 4]);
    let mut table = Table::with_capacity(100);
    let slots = [0, 1, 2].map(|number| {
        table.insert(hasher.hash(&key(number)), flow(number), Tick(50), Tick(0), |_| true).expect("room")
    });
    table.begin();
    assert!(table.is_simple());
    assert!(table.several_stored_mut([slots[0], slots[1], slots[0]]).is_none());
    for (number, (stored, end)) in (0..).zip(table.several_stored_mut(slots).expect("three")) {
        assert_eq!((*stored, end), (flow(number), Tick(50)));
        stored.assured = true;
    }
    table.set_deadlines(slots, [Tick(10), Tick(50), Tick(90)]);
    assert_eq!(slots.map(|slot| table.deadline(slot)), [Tick(10), Tick(50), Tick(90)]);
    assert!(slots.iter().all(|slot| table.entry(*slot).assured));
    table.purge(Tick(20), |_| ());
    assert!(!table.is_simple() && table.len() == 2, "who ends sooner is found, and flows may have gone");
}
