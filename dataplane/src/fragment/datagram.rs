//! Does this fragment fit what is known of its datagram?
//!
//! The kernel keeps what it has in runs: fragments that came one behind the other, at the end of all that came before.
//! A fragment that lies within one run is a repetition; one that lies across an edge of a run overlaps. So whether
//! a long fragment repeats two short ones depends on the order in which these came, and the same is done here.

use crate::packet::{Network, Piece};
use crate::reason::Reason;

/// What is known of a datagram whose fragments wait.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Datagram {
    /// The end of what has come, and that of the datagram once its last fragment has come.
    pub(super) length: u32,
    /// How many bytes have come.
    pub(super) came: u32,
    has_first: bool,
    has_last: bool,
    /// A bit for each congestion mark that was seen.
    congestion: u8,
    /// The longest fragment, header and all, and the longest that must not be fragmented (IPv4).
    longest: u32,
    longest_unfragmented: u32,
}

/// Who is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The fragment.
    This(Reason),
    /// The fragment and all of its datagram that has come.
    All(Reason),
}

/// What a datagram has as a whole that its first fragment may have otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Bytes behind the head.
    pub length: u32,
    /// "Don't fragment" (IPv4).
    pub dont_fragment: bool,
    /// Whether a fragment was marked by congestion.
    pub is_congested: bool,
}

impl Datagram {
    /// Looks at the ends of a fragment, before its place among the others.
    pub(super) fn admit(&mut self, network: Network, piece: &Piece) -> Result<(), Refusal> {
        let refused = Err(match network {
            Network::Ipv4 => Refusal::All(Reason::FragmentMalformed),
            _ => Refusal::This(Reason::FragmentMalformed),
        });
        if piece.more {
            if piece.end > self.length {
                if self.has_last {
                    return refused;
                }
                self.length = piece.end;
            }
        } else {
            if piece.end < self.length || self.has_last && piece.end != self.length {
                return refused;
            }
            self.has_last = true;
            self.length = piece.end;
        }
        if piece.end == piece.start { refused } else { Ok(()) }
    }

    /// Notes a fragment that has found its place.
    pub(super) fn note(&mut self, piece: &Piece) {
        self.came += piece.end - piece.start;
        self.has_first |= piece.start == 0;
        self.congestion |= 1 << piece.congestion;
        let length = piece.end - piece.start + u32::from(piece.head - piece.network);
        self.longest = self.longest.max(length);
        if piece.dont_fragment {
            self.longest_unfragmented = self.longest_unfragmented.max(length);
        }
    }

    /// Whether nothing is missing.
    pub(super) const fn is_whole(&self) -> bool {
        self.has_first && self.has_last && self.came == self.length
    }

    /// What the whole has, behind the head of its first fragment; nothing if it cannot be: beyond 65535 bytes, or with
    /// congestion marks that contradict each other (RFC 3168, section 5.3).
    pub(super) fn summary(&self, network: Network, first: &Piece) -> Option<Summary> {
        let head = u32::from(first.head - first.network);
        let counted = if network == Network::Ipv6 { head - IPV6_HEADER } else { head };
        let (not_capable, capable, congested) =
            (self.congestion & 1 != 0, self.congestion & 0b110 != 0, self.congestion & 0b1000 != 0);
        let contradicts = not_capable && (capable || congested);
        (counted + self.length <= u32::from(u16::MAX) && !contradicts).then_some(Summary {
            length: self.length,
            dont_fragment: self.longest > 0 && self.longest_unfragmented == self.longest,
            is_congested: capable && congested,
        })
    }
}

/// Where a fragment goes among runs that do not overlap and lie in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind everything; with `true` it goes on with the last run.
    Behind(bool),
    /// Elsewhere, a run of its own, before this number of the list.
    Before(usize),
}

/// Finds the place of `start..end` among `parts`: start, end, and whether a run begins there. `last` are those of the
/// last of them.
pub(super) fn place(
    start: u32,
    end: u32,
    last: Option<(u32, u32)>,
    parts: impl Iterator<Item = (u32, u32, bool)>,
) -> Result<Place, Refusal> {
    let Some((_, last_end)) = last else { return Ok(Place::Behind(false)) };
    if last_end < end {
        return if start < last_end {
            Err(Refusal::All(Reason::FragmentOverlap))
        } else {
            Ok(Place::Behind(start == last_end))
        };
    }
    // the run that the walk is in, and the number of its first part
    let mut run: Option<(u32, u32, usize)> = None;
    let judge = |run: Option<(u32, u32, usize)>| match run {
        Some((run_start, _, number)) if end <= run_start => Some(Ok(Place::Before(number))),
        Some((run_start, run_end, _)) if start < run_end => {
            let repeats = start >= run_start && end <= run_end;
            Some(Err(if repeats {
                Refusal::This(Reason::FragmentDuplicate)
            } else {
                Refusal::All(Reason::FragmentOverlap)
            }))
        }
        _ => None,
    };
    for (number, (part_start, part_end, begins)) in parts.enumerate() {
        match &mut run {
            Some((_, run_end, _)) if !begins => *run_end = part_end,
            _ => {
                if let Some(found) = judge(run) {
                    return found;
                }
                run = Some((part_start, part_end, number));
            }
        }
    }
    // what does not end behind the last part lies before it or in its run
    judge(run).unwrap_or(Err(Refusal::All(Reason::FragmentOverlap)))
}

/// Bytes of an IPv6 header, which the payload length does not count.
const IPV6_HEADER: u32 = 40;
