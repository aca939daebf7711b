use super::Addresses;
use crate::object::clock::SECOND;
use ahash::RandomState;
use config::policy::{Field, HeaderBase, Load, Recent, RecentAction, RecentList, RecentListId, Seen, Value};
use proptest::prelude::*;

const SIZE: usize = 4;

fn list(stamps: u32) -> Addresses {
    let list = RecentList { name: "l".to_owned(), mask: Value::MAX, size: SIZE as u32, stamps };
    Addresses::new(&list, RandomState::with_seeds(1, 2, 3, 4))
}

fn asked(action: RecentAction, negated: bool) -> Recent {
    let field = Field::plain(Load::Payload { base: HeaderBase::Network, offset: 96, width: 32 }, 32);
    Recent { list: RecentListId(0), address: field, ttl: field, action, negated }
}

/// The list as the kernel keeps it: the address seen longest ago comes first, each with every time it was seen.
#[derive(Default)]
struct Kernel(Vec<(Value, u8, Vec<u64>)>);

impl Kernel {
    fn meet(&mut self, address: Value, ttl: u8, asked: &Recent, now: u64) -> bool {
        let (seen, updates) = match asked.action {
            RecentAction::Check(seen) => (Some(seen), false),
            RecentAction::Update(seen) => (Some(seen), true),
            RecentAction::Set | RecentAction::Remove => (None, false),
        };
        let same_ttl = seen.is_some_and(|seen| seen.same_ttl);
        let is_it = |entry: &(Value, u8, Vec<u64>)| {
            entry.0 == address && (!same_ttl || [entry.1, 0].contains(&ttl) || entry.1 == 0)
        };
        let Some(at) = self.0.iter().position(is_it) else {
            if asked.action == RecentAction::Set {
                if self.0.len() == SIZE {
                    self.0.remove(0);
                }
                self.0.push((address, ttl, vec![now]));
                return !asked.negated;
            }
            return asked.negated;
        };
        let mut goes_on = asked.negated;
        match (asked.action, seen) {
            (RecentAction::Set, _) => goes_on = !goes_on,
            (RecentAction::Remove, _) => {
                self.0.remove(at);
                return !goes_on;
            }
            (_, seen) => {
                let seen = seen.unwrap();
                let within =
                    |stamp: &&u64| seen.seconds == 0 || *stamp + u64::from(seen.seconds) * SECOND >= now;
                if self.0[at].2.iter().filter(within).count() >= seen.times as usize {
                    goes_on = !goes_on;
                }
                if seen.reap && !(at == 0 && updates && goes_on) && !self.0[0].2.last().iter().any(within) {
                    self.0.remove(0);
                    if at == 0 {
                        return goes_on;
                    }
                }
            }
        }
        if asked.action == RecentAction::Set || updates && goes_on {
            let at = self.0.iter().position(|entry| entry.0 == address).unwrap();
            let mut entry = self.0.remove(at);
            entry.1 = ttl;
            entry.2.push(now);
            self.0.push(entry);
        }
        goes_on
    }
}

fn any_action() -> impl Strategy<Value = RecentAction> {
    let seen = (prop_oneof![Just(0_u32), 1..20_u32], 1..6_u32, any::<bool>(), any::<bool>()).prop_map(
        |(seconds, times, same_ttl, reap)| Seen { seconds, times, same_ttl, reap: reap && seconds > 0 },
    );
    prop_oneof![
        4 => Just(RecentAction::Set),
        1 => Just(RecentAction::Remove),
        2 => seen.clone().prop_map(RecentAction::Check),
        2 => seen.prop_map(RecentAction::Update),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn is_the_list_of_the_kernel(
        packets in prop::collection::vec((0..7_u128, 1..3_u8, any_action(), any::<bool>(), 0..4_u64), 1..150),
    ) {
        let (list, mut kernel, mut now) = (list(5), Kernel::default(), 1000 * SECOND);
        for (address, ttl, action, negated, pause) in packets {
            now += [0, 1, SECOND, 5 * SECOND][pause as usize];
            let asked = asked(action, negated);
            let expected = kernel.meet(address, ttl, &asked, now);
            prop_assert_eq!(list.meet((address, false), ttl, &asked, now), Some(expected), "{:?}", asked);
            prop_assert_eq!(list.len(), kernel.0.len());
        }
    }
}

#[test]
fn an_address_of_ipv4_is_none_of_ipv6() {
    let list = list(1);
    let check = Seen { seconds: 0, times: 1, same_ttl: false, reap: false };
    assert_eq!(list.meet((7, false), 64, &asked(RecentAction::Set, false), 0), Some(true));
    assert_eq!(list.meet((7 << 96, true), 64, &asked(RecentAction::Check(check), false), 0), Some(false));
    assert_eq!(list.meet((7, false), 64, &asked(RecentAction::Check(check), false), 0), Some(true));
}

#[test]
fn a_list_begins_with_what_one_of_the_same_shape_held() {
    let (old, new, other) = (list(3), list(3), list(4));
    let twice = Seen { seconds: 60, times: 2, same_ttl: false, reap: false };
    for now in [SECOND, 2 * SECOND] {
        assert_eq!(old.meet((7, false), 64, &asked(RecentAction::Set, false), now), Some(true));
    }
    new.inherit(&old, 3 * SECOND);
    other.inherit(&old, 3 * SECOND);
    let check = asked(RecentAction::Check(twice), false);
    assert_eq!(new.meet((7, false), 64, &check, 3 * SECOND), Some(true));
    assert_eq!(other.meet((7, false), 64, &check, 3 * SECOND), Some(false));
}

#[test]
fn several_workers_together_keep_no_more_than_there_is_room_for() {
    let list = list(3);
    let set = asked(RecentAction::Set, false);
    std::thread::scope(|scope| {
        for worker in 0..4_u128 {
            let (list, set) = (&list, &set);
            scope.spawn(move || {
                for packet in 0..5000_u128 {
                    let address = (packet * 7 + worker) % 50;
                    assert_eq!(list.meet((address, false), 64, set, SECOND + packet as u64), Some(true));
                }
            });
        }
    });
    assert_eq!(list.len(), SIZE);
}
