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

mod counter;
mod membership;
#[cfg(test)]
mod tests;

pub use counter::Counter;
pub use membership::{MOST_COUNTERS, Memberships, Place};

use super::clock::{MILLISECOND, Moment};
use super::gone::GoneName;
use super::stale::Stale;
use config::policy::ConnectionLimit;
use counter::{Count, REFUSED, all, clean, epoch, look};
pub(super) use counter::{begin, connections, has_stale, leave};
use membership::{AGAIN, Membership};
use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;

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

/// How a packet counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Its connection is counted.
    Joins,
    /// A reply that connection tracking has not taken up: its connection is counted once more.
    JoinsAgain,
    /// Its connection is assured: one that is not counted by now never is.
    Looks,
    /// Likewise, and it is closed: where it is counted nonetheless, it is by whoever comes next cleaned up.
    LooksBack,
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
        if moment.is_template && self.counting != Counting::Nameless {
            // the kernel looks for the packet's connection in the zone that was set, and nobody has looked there yet
            self.unsure.set(true);
            return Count { least: 0, most: 0 };
        }
        match self.counting {
            Counting::Nameless => {
                self.refused.set(true);
                Count { least: 0, most: 0 }
            }
            Counting::LooksBack if moment.counts_unseen && !counter.stale().is_begun() => {
                let count = come_and_go(counter, now);
                self.pass(counter, at);
                count
            }
            Counting::Looks | Counting::LooksBack if moment.counts_unseen => {
                self.look_or_begin(counter, at, now)
            }
            Counting::Looks | Counting::LooksBack => look(counter, now),
            Counting::Passes => {
                let count = come_and_go(counter, now);
                self.pass(counter, at);
                count
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

/// Somebody without a connection is counted until the next clean-up.
fn come_and_go(counter: Counter<'_>, now: u64) -> Count {
    let before = clean(counter, now, |word| word | REFUSED);
    counter.change_stale(Stale::passed);
    Count { least: before.least + 1, most: before.most + 1 }
}
