//! The set against a plain map, and under several workers.

use super::{DynamicSet, Wanted, Widths};
use crate::object::Moment;
use crate::object::each::Each;
use ahash::RandomState;
use config::policy::{Change, Limit, LimitId, Policy, Quota, QuotaId, Statement, Value};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const WIDE: Widths<'_> = Widths { key: &[128, 128], data: 128 };
const ADDRESS: Widths<'_> = Widths { key: &[32], data: 0 };

const CHANGES: [Change; 3] = [Change::Add, Change::Update, Change::Delete];

fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

fn wanted(change: Change, lifetime: Option<u64>, data: Value) -> Wanted {
    Wanted { change, lifetime, data, each: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn is_a_map_whose_elements_end(
        default in prop_oneof![Just(None), Just(Some(40_u64))],
        size in prop_oneof![Just(4_u32), Just(1000)],
        operations in prop::collection::vec(
            (0..4_usize, 0..12_u128, prop_oneof![Just(None), Just(Some(7_u64)), Just(Some(100))], 0..10_u64, any::<u128>()),
            1..200,
        ),
    ) {
        let set = DynamicSet::new(WIDE, size, default, vec![Each::default()], hasher());
        let mut model: HashMap<Value, (Option<u64>, Value)> = HashMap::new();
        let mut now = 1000;
        for (operation, key, lifetime, pause, data) in operations {
            now += pause;
            model.retain(|_, (end, _)| end.is_none_or(|end| now < end));
            let parts = [key, key << 100];
            let moment = Moment { now, length: 60, ..Moment::default() };
            let found = set.find(&parts, now).map(|element| element.data);
            prop_assert_eq!(found, model.get(&key).map(|(_, data)| *data));
            let Some(&change) = CHANGES.get(operation) else { continue };
            let goes_on = set.change(&parts, &wanted(change, lifetime, data), 0, &moment) == Some(true);
            let end = lifetime.or(default).map(|lifetime| now + lifetime);
            match change {
                Change::Delete => {
                    model.remove(&key);
                    prop_assert!(goes_on);
                }
                _ if model.len() == size as usize && !model.contains_key(&key) => prop_assert!(!goes_on),
                _ => {
                    prop_assert!(goes_on);
                    let known = model.entry(key).or_insert((end, data));
                    if change == Change::Update && known.0.is_some() && end.is_some() {
                        known.0 = end;
                    }
                }
            }
        }
    }
}

#[test]
fn holds_as_many_elements_as_it_says_and_no_more() {
    let set = DynamicSet::new(ADDRESS, 10_000, Some(10), vec![Each::default()], RandomState::new());
    let add = |key, now| {
        set.change(&[key], &wanted(Change::Add, None, 0), 0, &Moment { now, length: 0, ..Moment::default() })
            == Some(true)
    };
    assert!((0..10_000).all(|key| add(key, 0)));
    assert!((10_000..30_000).all(|key| !add(key, 9)), "full");
    assert_eq!(set.len(), 10_000);
    assert!((0..10_000).all(|key| set.find(&[key], 9).is_some()));
    // All have ended: the next ones find room, though nobody scans the table.
    let refused = (30_000..40_000).filter(|&key| !add(key, 10)).count();
    assert!(refused < 20, "{refused} found no room");
}

/// Several workers add, update, delete and look up the same few keys: none is there twice, none is torn, and the
/// count is right.
#[test]
fn several_workers_never_see_a_key_twice_or_torn() {
    const KEYS: u64 = 40;
    let set = DynamicSet::new(WIDE, 64, None, vec![Each::default()], hasher());
    let (added, torn) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for worker in 0..4_u64 {
            let (set, added, torn) = (&set, &added, &torn);
            scope.spawn(move || {
                let mut number = worker;
                for turn in 0..30_000_u64 {
                    number = number
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let key = Value::from((number >> 33) % KEYS);
                    let parts = [key, key << 90];
                    let change = CHANGES[(number >> 60) as usize % 3];
                    let moment = Moment { now: turn, length: 60, ..Moment::default() };
                    added.fetch_add(
                        u64::from(
                            set.change(&parts, &wanted(change, None, key << 64 | key), 0, &moment)
                                == Some(true),
                        ),
                        Relaxed,
                    );
                    if let Some(element) = set.find(&parts, turn) {
                        let data = element.data;
                        torn.fetch_add(u64::from(data >> 64 != data & u128::from(u64::MAX)), Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(added.into_inner(), 4 * 30_000, "there was room for all keys");
    assert_eq!(torn.into_inner(), 0);
    let there = (0..KEYS).filter(|&key| {
        let key = Value::from(key);
        set.find(&[key, key << 90], 0).is_some()
    });
    assert_eq!(there.count(), set.len());
    for key in (0..KEYS).map(Value::from) {
        let parts = [key, key << 90];
        let moment = Moment { now: 0, length: 0, ..Moment::default() };
        assert_eq!(set.change(&parts, &wanted(Change::Delete, None, 0), 0, &moment), Some(true));
        assert!(set.find(&parts, 0).is_none(), "a key was there twice");
    }
    assert!(set.is_empty());
}

/// Each source address has a rate of its own; workers that meet new ones together give each its burst once.
#[test]
fn a_rate_of_an_element_is_one_over_all_workers() {
    const KEYS: u64 = 2000;
    const BURST: u64 = 3;
    let policy = Policy {
        limits: vec![Limit { rate: 1, per_seconds: 3600, burst: BURST, ..Limit::default() }],
        ..Policy::default()
    };
    let each = Each::of(&policy, &[Statement::Limit(LimitId(0))]).unwrap();
    let set = DynamicSet::new(ADDRESS, 4096, Some(1 << 40), vec![each], RandomState::new());
    let passed: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    for (key, passed) in (0..).zip(&passed) {
                        let update = wanted(Change::Update, None, 0);
                        let goes_on = set.change(
                            &[key],
                            &update,
                            0,
                            &Moment { now: 5, length: 60, ..Moment::default() },
                        );
                        passed.fetch_add(u64::from(goes_on == Some(true)), Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(set.len(), KEYS as usize);
    assert!(passed.iter().all(|passed| passed.load(Relaxed) == BURST));
}

/// A set of keys and values of these widths.
#[derive(Debug, Clone)]
struct Kind {
    key: Vec<u16>,
    data: u16,
    lists: usize,
}

impl Kind {
    fn any() -> impl Strategy<Value = Self> {
        let key = prop_oneof![
            Just(vec![32]),
            Just(vec![128]),
            Just(vec![32, 16]),
            Just(vec![8, 16, 32, 16]),
            Just(vec![128, 16]),
            Just(vec![128, 128, 8, 16]),
            Just(vec![33]),
            Just(vec![8; 16]),
        ];
        let data = prop_oneof![Just(0_u16), Just(16), Just(32), Just(48), Just(128)];
        (key, data, 1..3_usize).prop_map(|(key, data, lists)| Self { key, data, lists })
    }

    fn set(&self, size: u32) -> DynamicSet {
        let policy = Policy { quotas: vec![Quota::default()], ..Policy::default() };
        let counted = Each::of(&policy, &[Statement::Quota(QuotaId(0))]).unwrap();
        let lists = [Each::default(), counted];
        DynamicSet::new(self.widths(), size, None, lists[..self.lists].to_vec(), hasher())
    }

    fn widths(&self) -> Widths<'_> {
        Widths { key: &self.key, data: self.data }
    }

    /// A key that differs from others in one part only, and in the highest bits of that.
    fn keyed(&self, number: usize) -> Vec<Value> {
        let part = number % self.key.len();
        let top = |width: u16| Value::MAX >> (128 - width);
        let mut key: Vec<Value> = self.key.iter().map(|&width| top(width)).collect();
        key[part] ^= Value::from(number as u8 + 1) << (self.key[part].max(8) - 8);
        key[part] &= top(self.key[part]);
        key
    }

    fn value(&self, value: Value) -> Value {
        if self.data == 0 { 0 } else { value >> (128 - self.data) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever the widths, what goes in is what is found, its end is to the nanosecond, and the next policy takes it
    /// over with the end it has.
    #[test]
    fn holds_keys_values_and_ends_as_they_are(
        kind in Kind::any(),
        next in Kind::any(),
        operations in prop::collection::vec(
            (0..3_usize, 0..20_usize, 1..50_u64, 0..8_u64, any::<u128>(), 0..2_u32),
            1..120,
        ),
    ) {
        let set = kind.set(16);
        let mut model: HashMap<Vec<Value>, (u64, Value)> = HashMap::new();
        let mut now = 1 << 40;
        for (operation, key, lifetime, pause, data, list) in operations {
            now += pause;
            model.retain(|_, (end, _)| now < *end);
            let (key, data) = (kind.keyed(key), kind.value(data));
            let each = list % kind.lists as u32;
            let change = CHANGES[operation];
            let moment = Moment { now, length: 60, ..Moment::default() };
            let wanted = Wanted { change, lifetime: Some(lifetime), data, each };
            let done = set.change(&key, &wanted, 0, &moment);
            let full = model.len() == 16 && !model.contains_key(&key);
            match change {
                Change::Delete => drop(model.remove(&key)),
                _ if full => prop_assert_eq!(done, None),
                _ => {
                    prop_assert!(done.is_some());
                    let known = model.entry(key).or_insert((now + lifetime, data));
                    if change == Change::Update {
                        known.0 = now + lifetime;
                    }
                }
            }
            for (key, (end, data)) in &model {
                prop_assert_eq!(set.find(key, end - 1).map(|found| found.data), Some(*data));
                prop_assert!(set.find(key, *end).is_none());
            }
        }
        // A map may be declared wider, or be no map any more.
        let wider = Kind { data: if kind.data == 0 { 0 } else { kind.data.max(next.data) }, ..kind.clone() };
        let heir = wider.set(16);
        heir.inherit(&set, now);
        prop_assert_eq!(heir.len(), model.len());
        for (key, (end, data)) in &model {
            prop_assert_eq!(heir.find(key, end - 1).map(|found| found.data), Some(*data));
            prop_assert!(heir.find(key, *end).is_none());
        }
    }
}

#[test]
fn a_part_or_a_value_wider_than_the_set_says_is_not_taken_for_a_shorter_one() {
    let set = DynamicSet::new(Widths { key: &[16, 32], data: 32 }, 8, None, vec![Each::default()], hasher());
    let moment = Moment { now: 1, ..Moment::default() };
    let add = |key: &[Value], data| set.change(key, &wanted(Change::Add, None, data), 0, &moment);
    assert_eq!(add(&[7, 9], 5), Some(true));
    assert!(set.find(&[7, 1 << 32 | 9], 1).is_none());
    assert_eq!(add(&[7, 1 << 32 | 9], 5), None);
    assert_eq!(add(&[8, 9], 1 << 32), None);
    assert_eq!(set.len(), 1);
}

#[test]
fn an_address_that_ends_takes_32_bytes_and_one_of_ipv6_48() {
    let size = 1 << 16;
    for (widths, most) in [
        (ADDRESS, 33),
        (Widths { key: &[128], data: 0 }, 49),
        (Widths { key: &[32, 16], data: 0 }, 41),
        (Widths { key: &[32], data: 32 }, 41),
    ] {
        let set = DynamicSet::new(widths, size, None, vec![Each::default()], hasher());
        assert!(set.memory() <= most * size as usize, "{widths:?}: {}", set.memory());
    }
}
