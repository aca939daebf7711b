//! What does a slot of the expectations hold, and whose turn is it to write there?

use super::announced::Words;
use super::{Class, Terms, Times};
use crate::flow::FlowHash;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Tick;
use Ordering::Relaxed;
use config::policy::HelperKind;

/// What a slot holds. All but the key under the version.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Body {
    pub(super) source: [AtomicU64; 3],
    pub(super) target: [AtomicU64; 3],
    /// [`Flags`].
    pub(super) flags: AtomicU64,
    /// When it is over.
    pub(super) until: AtomicU64,
    /// `ct mark` of the connection that announced it.
    pub(super) mark: AtomicU64,
    /// When that connection ends.
    pub(super) announcer_ends: AtomicU64,
    /// Its hash, under no version.
    pub(super) announcer: AtomicU64,
}

impl Body {
    pub(super) fn write(
        &self,
        words: &Words,
        flags: Flags,
        mark: u32,
        [until, ends]: [Tick; 2],
        version: u32,
    ) {
        for (word, value) in self.source.iter().zip(words.source).chain(self.target.iter().zip(words.target))
        {
            word.store(value, Relaxed);
        }
        self.flags.store(tagged(version, flags.0), Relaxed);
        self.until.store(tagged(version, until.0), Relaxed);
        self.mark.store(tagged(version, mark), Relaxed);
        self.announcer_ends.store(tagged(version, ends.0), Relaxed);
    }

    pub(super) fn words(&self) -> Words {
        let load = |words: &[AtomicU64; 3]| std::array::from_fn(|at| words[at].load(Relaxed));
        Words { source: load(&self.source), target: load(&self.target) }
    }

    pub(super) fn inherited(&self) -> (Flags, u32) {
        (Flags(self.flags.load(Relaxed) as u32), self.mark.load(Relaxed) as u32)
    }
}

/// The helper that announced it, by number; its class; whether it stays when it is fulfilled, whether it waits to be
/// confirmed, whether the kernel may have forgotten it; the helper that reads what fulfils it, by number from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags(pub(super) u32);

impl Flags {
    const STAYS: u32 = 1 << 16;
    const DORMANT: u32 = 1 << 17;
    const DOUBTED: u32 = 1 << 18;
    const READ_BY: u32 = 24;

    pub(super) const fn of(helper: HelperKind, terms: Terms) -> Self {
        let times = match terms.times {
            Times::Once => 0,
            Times::Any => Self::STAYS,
            Times::AnyConfirmed => Self::STAYS | Self::DORMANT,
        };
        let read_by = match terms.read_by {
            Some(helper) => helper as u32 + 1,
            None => 0,
        };
        Self(helper as u32 | (terms.class as u32) << 8 | times | read_by << Self::READ_BY)
    }

    pub(super) fn helper(self) -> Option<HelperKind> {
        HelperKind::ALL.get(self.0 as usize & 0xff).copied()
    }

    pub(super) const fn class(self) -> Class {
        Class::ALL[self.0 as usize >> 8 & 3]
    }

    pub(super) const fn stays(self) -> bool {
        self.0 & Self::STAYS != 0
    }

    pub(super) fn read_by(self) -> Option<HelperKind> {
        HelperKind::ALL.get((self.0 as usize >> Self::READ_BY).checked_sub(1)?).copied()
    }

    pub(super) const fn is_dormant(self) -> bool {
        self.0 & Self::DORMANT != 0
    }

    pub(super) const fn awake(self) -> Self {
        Self(self.0 & !Self::DORMANT)
    }

    pub(super) const fn is_doubted(self) -> bool {
        self.0 & Self::DOUBTED != 0
    }

    pub(super) const fn doubted(self) -> Self {
        Self(self.0 | Self::DOUBTED)
    }
}

pub(super) const FREE: u64 = 0;
pub(super) const BUSY: u64 = 1;
pub(super) const LIVE: u64 = 2;

pub(super) const fn phase(state: u64) -> u64 {
    state & 3
}

pub(super) const fn version(state: u64) -> u32 {
    (state >> 32) as u32
}

pub(super) const fn tagged(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

pub(super) const fn free(version: u32) -> u64 {
    tagged(version, 0) | FREE
}

pub(super) const fn busy(version: u32) -> u64 {
    tagged(version, 0) | BUSY
}

/// The state of a slot with an occupant of this hash.
pub(super) const fn live(version: u32, hash: FlowHash) -> u64 {
    tagged(version, (hash.0 as u32) << 2) | LIVE
}
