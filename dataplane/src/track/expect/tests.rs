//! Who is expected, and for how long.

use super::{
    Announced, Announcer, Class, Expectations, Handle, Inherited, Own, Refused, Terms, Times, WINDOW, gre,
};
use crate::flow::{FlowHash, FlowHasher, FlowKey};
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

const INHERITED: Inherited =
    Inherited { helper: HelperKind::Ftp, mark: 7, read_by: None, is_doubted: false, announcer: FlowHash(9) };

const fn ends(tick: u32) -> Announcer {
    Announcer { helper: HelperKind::Ftp, mark: 7, ends: Tick(tick), hash: FlowHash(9) }
}

const fn until(milliseconds: u32) -> Terms {
    Terms { milliseconds, ..Terms::once(1, 0) }
}

/// Expects a call to this port for 300 ms from tick 0 on, of a connection that lasts.
fn expect(table: &Expectations, own: &mut Own, port: u16) -> Result<(), Refused> {
    table.expect(own, &to_port(port), ends(900), until(300), Tick(0))
}

#[test]
fn it_is_taken_once() {
    let table = table(64);
    assert!(!table.any() && table.take(&to_port(5), Tick(0)).is_none());
    expect(&table, &mut Own::default(), 5).unwrap();
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
fn what_the_kernel_may_have_forgotten_is_doubted_until_it_is_announced_again() {
    let table = table(64);
    let [client, server] = [(1, 5), (2, 7)];
    let [there, back] =
        [(client, server), (server, client)].map(|(from, to)| Announced::of_call(from, to, 0));
    let (mut own, mut other) = (Own::default(), Own::default());
    let terms = Terms { most: 2, ..until(300) };
    let expect = |own: &mut Own, announced| table.expect(own, announced, ends(900), terms, Tick(0));
    expect(&mut own, &there).unwrap();
    expect(&mut own, &back).unwrap();
    table.end_call(client, server, 0, Tick(1));
    let doubted = Some(Inherited { is_doubted: true, ..INHERITED });
    assert_eq!([1, 2].map(|now| table.take(&there, Tick(now))), [doubted, doubted], "it stays so");
    assert_eq!(table.take(&back, Tick(2)), None);
    assert_eq!(expect(&mut other, &there), Err(Refused::Doubted));
    expect(&mut own, &there).unwrap();
    assert_eq!(expect(&mut other, &there), Err(Refused::Known));
    assert_eq!(table.take(&there, Tick(3)), Some(INHERITED));
}

#[test]
fn where_gre_of_the_call_has_begun_it_is_expected_of_the_client_still() {
    let table = table(64);
    let [client, server] = [(1, 5), (2, 7)];
    let there = Announced::of_call(client, server, 0);
    let hash = FlowHasher::new([1, 2, 3, 4]).hash(&gre(client, server));
    let mut name = Handle::NONE;
    table.calls().name(&mut name, (1, 6), (2, 8), FlowHash(9)).unwrap();
    table.gre_begins(hash, FlowHash(9));
    table.expect(&mut Own::default(), &there, ends(900), until(300), Tick(0)).unwrap();
    table.end_call(client, server, 0, Tick(1));
    assert_eq!(table.calls().number_of_sender(1, (2, 8)), 0, "nor is what its connection names now");
    assert_eq!(table.take(&there, Tick(2)), Some(INHERITED));
    assert!(!table.gre_ends(hash), "it has been told");
}

#[test]
fn what_ends_by_its_timeout_leaves_doubts_of_all_its_gre() {
    let table = table(64);
    let hasher = FlowHasher::new([1, 2, 3, 4]);
    table.end_call_sometime((1, 5), (2, 7), 0, Tick(1));
    let are_cast = |client, server, zone| {
        let hash = hasher.hash(&FlowKey { zone, ..gre((1, client), (2, server)) });
        table.doubts().are_cast(hash, Tick(2))
    };
    for (client, server) in [(5, 7), (0, 7), (5, 0)] {
        assert!(are_cast(client, server, 0) && !are_cast(client, server, 1), "{client} {server}");
    }
    for (client, server) in [(0, 0), (7, 5), (5, 8)] {
        assert!(!are_cast(client, server, 0), "{client} {server}");
    }
}

#[test]
fn it_ends_with_its_time_or_with_the_connection_that_announced_it() {
    let table = table(64);
    let expect = |port, milliseconds, end| {
        let mut own = Own::default();
        table.expect(&mut own, &to_port(port), ends(end), until(milliseconds), Tick(0)).unwrap();
        own
    };
    expect(1, 300, 900);
    let own = expect(2, 300, 100);
    assert_eq!(table.take(&to_port(1), Tick(300)), None, "to the tick");
    assert_eq!(table.take(&to_port(2), Tick(100)), None);
    table.renew(&own, Tick(200));
    assert_eq!(table.take(&to_port(2), Tick(199)), Some(INHERITED), "the connection goes on");
    expect(3, 300, 100);
    assert_eq!(table.len(), 2, "nobody has met what is over");
    table.purge(Tick(300));
    assert!(table.is_empty());
}

#[test]
fn what_a_connection_announced_means_one_occupant_of_a_slot() {
    let table = table(1);
    let [mut first, mut second] = [Own::default(); 2];
    expect(&table, &mut first, 1).unwrap();
    assert!(table.take(&to_port(1), Tick(0)).is_some());
    expect(&table, &mut second, 2).unwrap();
    table.mark(&first, 9);
    table.renew(&first, Tick(1));
    table.forget(&mut first, |_| true);
    table.mark(&second, 8);
    assert_eq!(table.take(&to_port(2), Tick(5)), Some(Inherited { mark: 8, ..INHERITED }));
    table.forget(&mut second, |_| true);
    assert!(table.is_empty() && first.is_empty() && second.is_empty());
}

#[test]
fn who_announces_again_replaces_its_own_and_nobody_elses() {
    let table = table(64);
    let [mut mine, mut other] = [Own::default(); 2];
    expect(&table, &mut mine, 1).unwrap();
    expect(&table, &mut mine, 1).unwrap();
    assert_eq!(table.len(), 1);
    assert_eq!(expect(&table, &mut other, 1), Err(Refused::Known));
    expect(&table, &mut mine, 2).unwrap();
    assert_eq!((table.len(), table.take(&to_port(1), Tick(0))), (1, None));
    table.forget(&mut mine, |_| true);
    assert!(table.is_empty());
}

#[test]
fn each_class_has_a_bound_of_its_own_and_the_oldest_goes() {
    let table = table(64);
    let mut own = Own::default();
    for (class, ports) in [(Class::Audio, 0..5), (Class::Video, 10..13)] {
        for port in ports {
            let terms = Terms { class, most: 4, ..until(300) };
            table.expect(&mut own, &to_port(port), ends(900), terms, Tick(0)).unwrap();
        }
    }
    assert_eq!(table.len(), 7);
    assert_eq!(table.take(&to_port(0), Tick(0)), None, "the oldest sound");
    let audio_again = Terms { class: Class::Audio, ..until(300) };
    let again = table.expect(&mut own, &to_port(10), ends(900), audio_again, Tick(0));
    assert_eq!(again, Err(Refused::Known), "of another class");
    table.forget(&mut own, |class| class == Class::Audio);
    assert_eq!(table.len(), 3);
    for port in 10..13 {
        assert!(table.take(&to_port(port), Tick(0)).is_some(), "{port}");
    }
}

#[test]
fn from_anyone_whoever_comes_first_and_nobody_else_for_the_same() {
    let table = table(64);
    let [mut mine, mut other] = [Own::default(); 2];
    table.expect(&mut mine, &to_port(1).from_anyone(), ends(900), until(300), Tick(0)).unwrap();
    assert_eq!(expect(&table, &mut other, 1), Err(Refused::Taken), "one packet could fulfil both");
    assert_eq!(expect(&table, &mut mine, 1), Err(Refused::Taken), "of its own too");
    let caller = Announced::new(99, (2, 1), 6, 4, 0);
    assert_eq!(table.take(&Announced::new(99, (2, 2), 6, 4, 0), Tick(0)), None);
    assert_eq!(table.take(&caller, Tick(0)), Some(INHERITED));
    assert_eq!(table.take(&caller, Tick(0)), None);
    expect(&table, &mut other, 1).unwrap();
    let anyone = table.expect(&mut mine, &to_port(1).from_anyone(), ends(900), until(300), Tick(0));
    assert_eq!(anyone, Err(Refused::Taken));
}

#[test]
fn a_registration_waits_to_be_confirmed_and_stays() {
    let table = table(64);
    let mut own = Own::default();
    let terms = Terms { times: Times::AnyConfirmed, read_by: Some(HelperKind::Ftp), ..until(300) };
    table.expect(&mut own, &to_port(1), ends(9000), terms, Tick(0)).unwrap();
    assert_eq!(table.take(&to_port(1), Tick(1)), None, "not confirmed");
    assert!(!table.confirm(&own, &to_port(2), Tick(1), 1000));
    assert!(!table.confirm(&Own::default(), &to_port(1), Tick(1), 1000), "of another connection");
    assert!(table.confirm(&own, &to_port(1), Tick(1), 1000));
    let inherited = Inherited { read_by: Some(HelperKind::Ftp), ..INHERITED };
    for tick in [1, 2, 1000] {
        assert_eq!(table.take(&to_port(1), Tick(tick)), Some(inherited));
    }
    assert_eq!(table.take(&to_port(1), Tick(1001)), None, "over");
}

#[test]
fn what_is_for_any_number_stays() {
    let table = table(64);
    let mut own = Own::default();
    let terms = Terms { times: Times::Any, ..until(300) };
    table.expect(&mut own, &to_port(1), ends(9000), terms, Tick(0)).unwrap();
    for tick in [1, 2, 299] {
        assert_eq!(table.take(&to_port(1), Tick(tick)), Some(INHERITED));
    }
    assert_eq!(table.take(&to_port(1), Tick(300)), None, "over");
}

#[test]
fn what_another_of_the_same_helper_expects_is_known() {
    let table = table(64);
    let [mut mine, other] = [Own::default(); 2];
    expect(&table, &mut mine, 1).unwrap();
    let is_known =
        |own, port, helper, class| table.is_expected_elsewhere(own, &to_port(port), (helper, class), Tick(1));
    assert!(is_known(&other, 1, HelperKind::Ftp, Class::Only));
    assert!(!is_known(&mine, 1, HelperKind::Ftp, Class::Only), "its own");
    assert!(!is_known(&other, 2, HelperKind::Ftp, Class::Only));
    assert!(!is_known(&other, 1, HelperKind::Tftp, Class::Only));
    assert!(!is_known(&other, 1, HelperKind::Ftp, Class::Audio));
}

#[test]
fn a_full_table_refuses_until_something_is_over() {
    let table = table(WINDOW);
    for port in 0..WINDOW as u16 {
        let milliseconds = if port == 9 { 5 } else { 300 };
        let own = &mut Own::default();
        table.expect(own, &to_port(port), ends(900), until(milliseconds), Tick(0)).unwrap();
    }
    let one_more = |now| table.expect(&mut Own::default(), &to_port(999), ends(900), until(300), Tick(now));
    assert_eq!(one_more(4), Err(Refused::Full));
    assert_eq!(one_more(5), Ok(()));
    assert_eq!(table.len(), WINDOW);
}

proptest! {
    /// Against a list of who is expected, by whom.
    #[test]
    fn as_a_list_would(
        most in 1..4_usize,
        steps in vec((0..4_u8, 0..6_u16, 0..40_u32, 0..4_usize, any::<bool>()), 0..120),
    ) {
        let table = table(64);
        let mut list: Vec<(u16, bool, u32, usize)> = Vec::new();
        let mut owns = [Own::default(); 4];
        let mut now = 0;
        for (what, port, time, who, from_anyone) in steps {
            now += time / 8;
            list.retain(|(_, _, end, _)| *end > now);
            match what {
                0 | 1 => {
                    let announced = if from_anyone { to_port(port).from_anyone() } else { to_port(port) };
                    let terms = Terms { most, ..until(time) };
                    let made = table.expect(&mut owns[who], &announced, ends(u32::MAX >> 1), terms, Tick(now));
                    let is_same = |(known, anyone, _, _): &(u16, bool, u32, usize)| {
                        *known == port && *anyone == from_anyone
                    };
                    let clash =
                        list.iter().find(|entry| entry.0 == port && !(is_same(entry) && entry.3 == who));
                    let refused = clash.map(|entry| if is_same(entry) { Refused::Known } else { Refused::Taken });
                    prop_assert_eq!(made.err(), refused);
                    if refused.is_none() {
                        list.retain(|entry| !is_same(entry));
                        if list.iter().filter(|entry| entry.3 == who).count() >= most {
                            let oldest = list.iter().position(|entry| entry.3 == who).unwrap();
                            list.remove(oldest);
                        }
                        list.push((port, from_anyone, now + time, who));
                        list.retain(|(_, _, end, _)| *end > now);
                    }
                }
                2 => {
                    let found = list.iter().position(|(known, ..)| *known == port);
                    prop_assert_eq!(table.take(&to_port(port), Tick(now)).is_some(), found.is_some());
                    found.map(|at| list.remove(at));
                }
                _ => {
                    table.forget(&mut owns[who], |_| true);
                    list.retain(|entry| entry.3 != who);
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

    fn expect(table: &Expectations, own: &mut Own, port: u16) -> Result<(), Refused> {
        let by = Announcer { mark: port.into(), ..ends(900) };
        table.expect(own, &to_port(port), by, until(300), Tick(0))
    }

    #[test]
    fn one_of_two_takes_it() {
        loom::model(|| {
            let table = shared();
            expect(&table, &mut Own::default(), 5).unwrap();
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
            let mut own = Own::default();
            expect(&table, &mut own, 5).unwrap();
            let other = Arc::clone(&table);
            let announcer = thread::spawn(move || expect(&other, &mut own, 6).is_ok());
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
            let mut own = Own::default();
            expect(&table, &mut own, 5).unwrap();
            let other = Arc::clone(&table);
            let sweeper = thread::spawn(move || other.purge(Tick(300)));
            table.forget(&mut own, |_| true);
            assert!(table.take(&to_port(5), Tick(1)).is_none());
            sweeper.join().unwrap();
            assert!(table.is_empty());
        });
    }
}
