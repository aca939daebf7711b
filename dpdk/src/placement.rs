//! Where does memory lie? Moved into huge pages, and to the NUMA node of who works in it.
//!
//! Random reads of a table of hundreds of megabytes miss the TLB at every step where pages are small. The system is asked
//! for transparent huge pages, which need no reservation: at once (`MADV_COLLAPSE`, Linux 6.1), and for good, so that
//! what it cannot give now comes in the background. Nothing here changes what the memory holds, and a system that
//! refuses costs speed only.

use crate::Lcore;

/// What the system has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// Bytes asked for.
    pub bytes: usize,
    /// Of them, those that lie in huge pages.
    pub huge: usize,
    /// Whether it took over the wish for a node. `false` where there is none to choose, too.
    pub on_node: bool,
}

/// Moves memory, addresses and bytes, into huge pages on the node of `lcore`.
///
/// A huge page at either end of a region may hold other memory besides; it moves along.
#[must_use]
pub fn place(regions: &[(*const u8, usize)], lcore: Lcore) -> Placement {
    let node = usize::try_from(lcore.socket()).ok().filter(|&node| node < u64::BITS as usize);
    let mut placed = Placement::default();
    for &(start, bytes) in regions.iter().filter(|(_, bytes)| *bytes > 0) {
        let region = Span { start: start.addr(), end: start.addr() + bytes };
        let pages = Span { start: down(region.start), end: down(region.end - 1) + HUGE };
        if let Some(node) = node {
            placed.on_node = prefer(Span { start: region.start & !(SMALL - 1), ..region }, node);
        }
        pages.advise(libc::MADV_HUGEPAGE);
        placed.bytes += bytes;
        placed.huge += collapse(pages, region);
    }
    placed
}

impl Placement {
    /// Whether nearly all of it lies in huge pages: the ends of a region may not fill one.
    #[must_use]
    pub const fn is_huge(self) -> bool {
        self.bytes > 0 && self.huge >= self.bytes / 8 * 7
    }

    /// Of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            huge: self.huge + other.huge,
            on_node: self.on_node && other.on_node,
        }
    }
}

/// Addresses, the end not included.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Whether the system did as advised with all of it.
    fn advise(self, advice: i32) -> bool {
        // SAFETY: both pieces of advice given here change how pages lie, never what is in them, and addresses that are
        // not mapped are refused.
        unsafe { libc::madvise(self.start as *mut libc::c_void, self.end - self.start, advice) == 0 }
    }

    const fn shared_with(self, other: Self) -> usize {
        let start = if self.start > other.start { self.start } else { other.start };
        let end = if self.end < other.end { self.end } else { other.end };
        end.saturating_sub(start)
    }
}

/// Collapses `pages`, whole huge pages; how many bytes of `region` lie in huge pages then.
fn collapse(pages: Span, region: Span) -> usize {
    let inner = Span { start: pages.start + HUGE, end: pages.end - HUGE };
    let mut found = 0;
    let mut apart = vec![Span { end: pages.start + HUGE, ..pages }];
    if inner.start < inner.end && inner.advise(libc::MADV_COLLAPSE) {
        found = inner.shared_with(region);
    } else {
        apart.extend((inner.start..inner.end).step_by(HUGE).map(|start| Span { start, end: start + HUGE }));
    }
    if pages.end - pages.start > HUGE {
        apart.push(Span { start: pages.end - HUGE, ..pages });
    }
    apart
        .into_iter()
        .filter(|page| page.advise(libc::MADV_COLLAPSE))
        .fold(found, |found, page| found + page.shared_with(region))
}

/// Asks for pages on `node`, those that exist included.
fn prefer(span: Span, node: usize) -> bool {
    let mask: libc::c_ulong = 1 << node;
    // SAFETY: reads one word of mask, of which it is told 64 bits (the kernel counts one less); moves pages, and changes
    // nothing in them.
    let status = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            span.start,
            span.end - span.start,
            MPOL_PREFERRED,
            &raw const mask,
            libc::c_ulong::from(libc::c_ulong::BITS) + 1,
            MPOL_MF_MOVE,
        )
    };
    status == 0
}

const fn down(address: usize) -> usize {
    address & !(HUGE - 1)
}

/// A huge page, and the finest alignment that the system takes.
const HUGE: usize = 2 << 20;
const SMALL: usize = 4096;
/// `MPOL_PREFERRED` and `MPOL_MF_MOVE` of Linux's headers, which the libc crate lacks.
const MPOL_PREFERRED: libc::c_long = 1;
const MPOL_MF_MOVE: libc::c_long = 2;

#[cfg(test)]
mod tests {
    use super::{HUGE, Placement, Span, collapse};

    #[test]
    fn what_lies_in_memory_stays_as_it_was() {
        let memory: Vec<u8> = (0..5 * HUGE).map(|at| (at % 251) as u8).collect();
        let start = memory.as_ptr().addr();
        let region = Span { start, end: start + memory.len() };
        let pages = Span { start: super::down(start), end: super::down(region.end - 1) + HUGE };
        let huge = collapse(pages, region);
        assert!(huge <= memory.len());
        assert!(memory.iter().enumerate().all(|(at, &byte)| byte == (at % 251) as u8));
    }

    #[test]
    fn nearly_all_is_enough() {
        let placed = |huge| Placement { bytes: 80, huge, on_node: true };
        assert!(placed(70).is_huge() && !placed(69).is_huge());
        assert!(!Placement::default().is_huge());
        assert_eq!(placed(70).and(placed(10)), Placement { bytes: 160, huge: 80, on_node: true });
    }
}
