//! How are decisions counted that many packets of a burst have in common? In a row, once.

use crate::pipeline::Decided;
use crate::stats::Stats;

/// Packets that are yet to be counted: so many in a row upon which the same was decided.
#[derive(Debug, Default)]
pub(super) struct Row {
    alike: Option<(Decided, u64)>,
}

impl Row {
    /// One more packet.
    #[inline]
    pub(super) fn add(&mut self, decided: &Decided, stats: &Stats) {
        match &mut self.alike {
            Some((of, count)) if of == decided => *count += 1,
            _ => {
                self.finish(stats);
                self.alike = Some((*decided, 1));
            }
        }
    }

    /// Counts what is left.
    pub(super) fn finish(&mut self, stats: &Stats) {
        if let Some((decided, count)) = self.alike.take() {
            decided.count(stats, count);
        }
    }
}
