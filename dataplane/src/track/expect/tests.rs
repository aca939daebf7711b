//! Who is expected, and for how long.

use super::{Announced, Expectations, Handle, Inherited, Refused, WINDOW};
use crate::flow::FlowHasher;
use crate::time::Tick;
use config::policy::HelperKind;
use proptest::collection::vec;
use proptest::prelude::*;

fn table(slots: usize) -> Expectations {
    Expectations::with_capacity(slots, FlowHasher::new([1, 2, 3, 4]))
}

fn to_port(port: u16) -> Announced {
    Announced::new(1, (2, port), 6, 4, 0)
}

const INHERITED: Inherited = Inherited { helper: HelperKind::Ftp, mark: 7 };

#[test]
fn it_is_taken_once() {
    let table = table(64);
    assert!(!table.any() && table.take(&to_port(5), Tick(0)).is_none());
    table.expect(&to_port(5), INHERITED, [Tick(0), Tick(300), Tick(900)], Handle::NONE).unwrap();
    assert!(table.any());
    for other in [
        to_port(6),
        Announced::new(1, (3, 5), 6, 4, 0),
        Announced::new(9, (2, 5), 6, 4, 0),
        Announced::new(1, (2, 5), 17, 4, 0),
        Announced::new(1, (2, 5), 6, 6, 0),
        Announced::new(1, (2, 5), 6, 4, 1),
    ] {
        assert_eq!(table.take(&other, Tick(1)), None, "{other:?}");
    }
    assert_eq!(table.take(&to_port(5), Tick(299)), Some(INHERITED));
    assert_eq!(table.take(&to_port(5), Tick(299)), None);
    assert!(table.is_empty());
}

#[test]
fn it_ends_with_its_time_or_with_the_connection_that_announced_it() {
    let table = table(64);
    let expect = |port, until, ends| {
        table.expect(&to_port(port), INHERITED, [Tick(0), Tick(until), Tick(ends)], Handle::NONE).unwrap()
    };
    expect(1, 300, 900);
    let handle = expect(2, 300, 100);
    assert_eq!(table.take(&to_port(1), Tick(300)), None, "to the tick");
    assert_eq!(table.take(&to_port(2), Tick(100)), None);
    table.renew(handle, Tick(200));
    assert_eq!(table.take(&to_port(2), Tick(199)), Some(INHERITED), "the connection goes on");
    expect(3, 300, 100);
    assert_eq!(table.len(), 2, "nobody has met what is over");
    table.purge(Tick(300));
    assert!(table.is_empty());
}

#[test]
fn a_handle_means_one_occupant_of_a_slot() {
    let table = table(1);
    let times = [Tick(0), Tick(300), Tick(900)];
    let first = table.expect(&to_port(1), INHERITED, times, Handle::NONE).unwrap();
    assert!(table.take(&to_port(1), Tick(0)).is_some());
    let second = table.expect(&to_port(2), INHERITED, times, Handle::NONE).unwrap();
    table.withdraw(first);
    table.mark(first, 9);
    table.renew(first, Tick(1));
    table.mark(second, 8);
    assert_eq!(table.take(&to_port(2), Tick(5)), Some(Inherited { mark: 8, ..INHERITED }));
    table.withdraw(second);
    assert!(table.is_empty());
}

#[test]
fn who_announces_again_replaces_its_own_and_nobody_elses() {
    let table = table(64);
    let times = [Tick(0), Tick(300), Tick(900)];
    let mine = table.expect(&to_port(1), INHERITED, times, Handle::NONE).unwrap();
    let mine = table.expect(&to_port(1), INHERITED, times, mine).unwrap();
    assert_eq!(table.len(), 1);
    assert_eq!(table.expect(&to_port(1), INHERITED, times, Handle::NONE), Err(Refused::Taken));
    let mine = table.expect(&to_port(2), INHERITED, times, mine).unwrap();
    assert_eq!((table.len(), table.take(&to_port(1), Tick(0))), (1, None));
    table.withdraw(mine);
    assert!(table.is_empty());
}

#[test]
fn a_full_table_refuses_until_something_is_over() {
    let table = table(WINDOW);
    for port in 0..WINDOW as u16 {
        let until = Tick(if port == 9 { 5 } else { 300 });
        table.expect(&to_port(port), INHERITED, [Tick(0), until, Tick(900)], Handle::NONE).unwrap();
    }
    let one_more = |now| {
        table.expect(&to_port(999), INHERITED, [Tick(now), Tick(300), Tick(900)], Handle::NONE).map(|_| ())
    };
    assert_eq!(one_more(4), Err(Refused::Full));
    assert_eq!(one_more(5), Ok(()));
    assert_eq!(table.len(), WINDOW);
}

proptest! {
    /// Against a list of who is expected.
    #[test]
    fn as_a_list_would(steps in vec((0..4_u8, 0..6_u16, 0..40_u32, 0..4_usize), 0..120)) {
        let table = table(64);
        let mut list: Vec<(u16, u32, Handle)> = Vec::new();
        let mut handles = [Handle::NONE; 4];
        let mut now = 0;
        for (what, port, time, who) in steps {
            now += time / 8;
            list.retain(|(_, until, _)| *until > now);
            match what {
                0 | 1 => {
                    let until = now + time;
                    let before = handles[who];
                    let times = [Tick(now), Tick(until), Tick(u32::MAX >> 1)];
                    let made = table.expect(&to_port(port), INHERITED, times, before);
                    let taken = list.iter().any(|(known, _, handle)| *known == port && *handle != before);
                    prop_assert_eq!(made.is_err(), taken);
                    if let Ok(handle) = made {
                        list.retain(|(_, _, known)| *known != before);
                        list.push((port, until, handle));
                        handles[who] = handle;
                    }
                    list.retain(|(_, until, _)| *until > now);
                }
                2 => {
                    let found = list.iter().position(|(known, ..)| *known == port);
                    prop_assert_eq!(table.take(&to_port(port), Tick(now)).is_some(), found.is_some());
                    found.map(|at| list.remove(at));
                }
                _ => {
                    table.withdraw(handles[who]);
                    list.retain(|(_, _, handle)| *handle != handles[who]);
                }
            }
            prop_assert!(table.len() >= list.len());
        }
        table.purge(Tick(now));
        prop_assert_eq!(table.len(), list.len());
    }
}

/// Every interleaving of workers that announce and take.
#[cfg(loom)]
mod under_loom {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn shared() -> Arc<Expectations> {
        Arc::new(table(2))
    }

    fn expect(table: &Expectations, port: u16, before: Handle) -> Result<Handle, Refused> {
        let inherited = Inherited { mark: port.into(), ..INHERITED };
        table.expect(&to_port(port), inherited, [Tick(0), Tick(300), Tick(900)], before)
    }

    #[test]
    fn one_of_two_takes_it() {
        loom::model(|| {
            let table = shared();
            expect(&table, 5, Handle::NONE).unwrap();
            let other = Arc::clone(&table);
            let there = thread::spawn(move || other.take(&to_port(5), Tick(1)));
            let here = table.take(&to_port(5), Tick(1));
            let there = there.join().unwrap();
            assert_eq!(u8::from(here.is_some()) + u8::from(there.is_some()), 1);
            assert!(table.is_empty());
        });
    }

    #[test]
    fn what_is_taken_is_whole() {
        loom::model(|| {
            let table = shared();
            let before = expect(&table, 5, Handle::NONE).unwrap();
            let other = Arc::clone(&table);
            let announcer = thread::spawn(move || expect(&other, 6, before).is_ok());
            for port in [5, 6] {
                if let Some(inherited) = table.take(&to_port(port), Tick(1)) {
                    assert_eq!(inherited.mark, u32::from(port), "of the one that was asked for");
                }
            }
            assert!(announcer.join().unwrap());
            assert!(table.len() <= 1);
        });
    }

    #[test]
    fn what_is_withdrawn_or_over_is_counted_once() {
        loom::model(|| {
            let table = shared();
            let handle = expect(&table, 5, Handle::NONE).unwrap();
            let other = Arc::clone(&table);
            let sweeper = thread::spawn(move || other.purge(Tick(300)));
            table.withdraw(handle);
            assert!(table.take(&to_port(5), Tick(1)).is_none());
            sweeper.join().unwrap();
            assert!(table.is_empty());
        });
    }
}
