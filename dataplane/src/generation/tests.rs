//! Nothing is freed while it is read, and everything is freed once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::publish;

/// Counts itself in `dropped` when it goes.
struct Policy<'a> {
    name: u64,
    dropped: &'a AtomicUsize,
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn count(dropped: &AtomicUsize) -> usize {
    dropped.load(Ordering::Relaxed)
}

#[test]
fn a_burst_sees_one_generation_throughout() {
    let (mut publisher, mut readers) = publish("first", 1);
    assert_eq!((*readers[0].current(), readers[0].number()), ("first", 1));
    assert_eq!(publisher.publish("second"), 2);
    assert_eq!((*readers[0].current(), readers[0].number()), ("first", 1));
    assert_eq!((*publisher.current(), publisher.number()), ("second", 2));
    readers[0].quiescent();
    assert_eq!((*readers[0].current(), readers[0].number()), ("second", 2));
}

#[test]
fn the_old_one_goes_when_the_last_reader_has_moved_on() {
    let dropped = AtomicUsize::new(0);
    let policy = |name| Policy { name, dropped: &dropped };
    let (mut publisher, mut readers) = publish(policy(1), 2);
    publisher.publish(policy(2));
    publisher.publish(policy(3));
    assert_eq!((publisher.reclaim(), count(&dropped)), (2, 0));
    readers[0].quiescent();
    assert_eq!((publisher.reclaim(), count(&dropped)), (2, 0));
    readers[1].quiescent();
    assert_eq!((publisher.reclaim(), count(&dropped)), (0, 2));
    publisher.publish(policy(4));
    assert_eq!((publisher.reclaim(), count(&dropped)), (1, 2));
    assert_eq!(readers[0].current().name, 3);
    drop((publisher, readers));
    assert_eq!(count(&dropped), 4);
}

#[test]
fn readers_gone_or_offline_hold_nothing_up() {
    let dropped = AtomicUsize::new(0);
    let policy = |name| Policy { name, dropped: &dropped };
    let (mut publisher, mut readers) = publish(policy(1), 2);
    drop(readers.remove(0));
    let reader = &mut readers[0];
    reader.offline(|| {
        publisher.publish(policy(2));
        assert_eq!((publisher.reclaim(), count(&dropped)), (0, 1));
    });
    assert_eq!((reader.current().name, reader.number()), (2, 2));
    publisher.publish(policy(3));
    assert_eq!((publisher.reclaim(), count(&dropped)), (1, 1), "back online");
}

#[test]
fn a_panic_while_offline_leaves_the_reader_online() {
    let (mut publisher, mut readers) = publish(1, 1);
    let offline = AssertUnwindSafe(|| {
        readers[0].offline(|| {
            publisher.publish(2);
            assert_eq!(publisher.reclaim(), 0);
            panic!("while offline");
        });
    });
    assert!(catch_unwind(offline).is_err());
    assert_eq!(*readers[0].current(), 2);
}

#[test]
fn a_publisher_that_goes_first_leaves_the_readers_what_they_read() {
    let dropped = AtomicUsize::new(0);
    let policy = |name| Policy { name, dropped: &dropped };
    let (mut publisher, readers) = publish(policy(1), 1);
    publisher.publish(policy(2));
    publisher.publish(policy(3));
    drop(publisher);
    assert_eq!((readers[0].current().name, count(&dropped)), (1, 0));
    drop(readers);
    assert_eq!(count(&dropped), 3);
}

#[test]
fn threads_never_meet_a_generation_that_is_gone() {
    const GENERATIONS: u64 = 2_000;
    let (dropped, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let policy = |name| Policy { name, dropped: &dropped };
    let (mut publisher, readers) = publish(policy(1), 2);
    std::thread::scope(|scope| {
        for mut reader in readers {
            let done = &done;
            scope.spawn(move || {
                let mut burst = 0;
                while !done.load(Ordering::Relaxed) {
                    let before = reader.current().name;
                    assert_eq!(before, reader.number());
                    burst += 1;
                    if burst % 7 == 0 {
                        reader.offline(std::thread::yield_now);
                    } else {
                        reader.quiescent();
                    }
                    assert!(reader.current().name >= before);
                }
            });
        }
        for name in 2..=GENERATIONS {
            publisher.publish(policy(name));
            publisher.reclaim();
        }
        while publisher.reclaim() > 0 {
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(count(&dropped) as u64, GENERATIONS - 1);
}

/// Every interleaving: a cell is written as a value is made and again as it is freed, which loom calls a race with
/// any reading of the value that does not come between.
#[cfg(loom)]
mod under_loom {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use crate::generation::{Publisher, Reader, publish};

    const GENERATIONS: usize = 3;

    /// By generation: how often it was made and how often freed.
    type Lives = Arc<[UnsafeCell<(u32, u32)>; GENERATIONS]>;

    struct Policy {
        index: usize,
        lives: Lives,
    }

    impl Policy {
        fn new(index: usize, lives: Lives) -> Self {
            // SAFETY: loom fails the test where this could race.
            lives[index].with_mut(|life| unsafe { (*life).0 += 1 });
            Self { index, lives }
        }

        fn read(&self) -> usize {
            // SAFETY: as above.
            let life = self.lives[self.index].with(|life| unsafe { *life });
            assert_eq!(life, (1, 0), "made and not freed");
            self.index
        }
    }

    impl Drop for Policy {
        fn drop(&mut self) {
            // SAFETY: as above.
            self.lives[self.index].with_mut(|life| unsafe { (*life).1 += 1 });
        }
    }

    fn start(readers: usize) -> (Publisher<Policy>, Vec<Reader<Policy>>, impl Fn(usize) -> Policy, Lives) {
        let lives: Lives = Arc::new(std::array::from_fn(|_| UnsafeCell::new((0, 0))));
        let of = Arc::clone(&lives);
        let policy = move |index| Policy::new(index, Arc::clone(&of));
        let (publisher, readers) = publish(policy(0), readers);
        (publisher, readers, policy, lives)
    }

    fn assert_freed(lives: &Lives, expected: [u32; GENERATIONS]) {
        // SAFETY: as above.
        let found = std::array::from_fn(|index| lives[index].with(|life| unsafe { (*life).1 }));
        assert_eq!(found, expected);
    }

    fn wait(publisher: &mut Publisher<Policy>) {
        while publisher.reclaim() > 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn a_burst_reads_nothing_freed() {
        loom::model(|| {
            let (mut publisher, readers, policy, lives) = start(1);
            let readers = readers.into_iter().map(|mut reader| {
                thread::spawn(move || {
                    let first = reader.current().read();
                    reader.quiescent();
                    let second = reader.current().read();
                    assert!(first <= second);
                    reader.quiescent();
                    assert!(second <= reader.current().read());
                })
            });
            let readers: Vec<_> = readers.collect();
            publisher.publish(policy(1));
            publisher.reclaim();
            publisher.publish(policy(2));
            wait(&mut publisher);
            for reader in readers {
                reader.join().unwrap();
            }
            assert_freed(&lives, [1, 1, 0]);
            drop(publisher);
            assert_freed(&lives, [1, 1, 1]);
        });
    }

    #[test]
    fn the_slower_of_two_readers_decides() {
        loom::model(|| {
            let (mut publisher, readers, policy, lives) = start(2);
            let readers = readers.into_iter().map(|mut reader| {
                thread::spawn(move || {
                    reader.current().read();
                    reader.quiescent();
                    reader.current().read();
                })
            });
            let readers: Vec<_> = readers.collect();
            publisher.publish(policy(1));
            wait(&mut publisher);
            for reader in readers {
                reader.join().unwrap();
            }
            assert_freed(&lives, [1, 0, 0]);
        });
    }

    #[test]
    fn a_reader_that_comes_back_online_reads_nothing_freed() {
        loom::model(|| {
            let (mut publisher, mut readers, policy, lives) = start(1);
            let mut reader = readers.remove(0);
            let worker = thread::spawn(move || {
                reader.current().read();
                reader.offline(|| ());
                reader.current().read();
                reader.quiescent();
                reader.current().read();
            });
            publisher.publish(policy(1));
            publisher.reclaim();
            publisher.publish(policy(2));
            publisher.reclaim();
            worker.join().unwrap();
            assert_eq!(publisher.reclaim(), 0);
            assert_freed(&lives, [1, 1, 0]);
        });
    }

    #[test]
    fn whoever_goes_last_frees_the_rest() {
        loom::model(|| {
            let (mut publisher, mut readers, policy, lives) = start(1);
            let mut reader = readers.remove(0);
            let worker = thread::spawn(move || {
                reader.current().read();
                reader.quiescent();
                reader.current().read();
            });
            publisher.publish(policy(1));
            drop(publisher);
            worker.join().unwrap();
            assert_freed(&lives, [1, 1, 0]);
        });
    }
}
