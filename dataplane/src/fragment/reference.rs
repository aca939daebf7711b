//! What becomes of a sequence of fragments? Reassembly the slow, obvious way, which tests and fuzz targets compare with: a
//! datagram is its bytes, each with the run it came in.

use super::cache::patience;
use crate::packet::{Network, Piece};
use crate::reason::Reason;
use crate::time::Tick;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a fragment, by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was dropped.
    Gone(usize, Reason),
    /// These make a datagram of so many bytes behind its headers.
    Whole(Vec<usize>, u32),
}

/// The datagrams that wait.
#[derive(Debug, Default)]
pub struct Reference {
    datagrams: BTreeMap<u32, Bytes>,
    /// Fragments whose time was over.
    pub late: Vec<usize>,
}

#[derive(Debug)]
struct Bytes {
    began: Tick,
    /// The run of each byte that has come.
    runs: BTreeMap<u32, usize>,
    fragments: Vec<(u32, usize)>,
    end: u32,
    last: bool,
    marks: BTreeSet<u8>,
}

impl Reference {
    /// The fragments that wait.
    #[must_use]
    pub fn waiting(&self) -> Vec<usize> {
        self.datagrams.values().flat_map(|bytes| bytes.fragments.iter().map(|fragment| fragment.1)).collect()
    }

    /// A fragment of such a datagram comes: what becomes of it, and of others by it.
    pub fn take(
        &mut self,
        network: Network,
        identification: u32,
        piece: &Piece,
        number: usize,
        now: Tick,
    ) -> Vec<Told> {
        let late = |bytes: &Bytes| now.since(bytes.began) >= patience(network);
        for bytes in self.datagrams.values().filter(|bytes| late(bytes)) {
            self.late.extend(bytes.fragments.iter().map(|fragment| fragment.1));
        }
        self.datagrams.retain(|_, bytes| !late(bytes));
        let bytes = self.datagrams.entry(identification).or_insert_with(|| Bytes {
            began: now,
            runs: BTreeMap::new(),
            fragments: Vec::new(),
            end: 0,
            last: false,
            marks: BTreeSet::new(),
        });
        let result = bytes.take(network, piece, number);
        let Err((reason, kills)) = result else {
            return match bytes.whole() {
                None => Vec::new(),
                Some(mut fragments) => {
                    let bytes = self.datagrams.remove(&identification).expect("it is there");
                    fragments.sort_unstable();
                    let header = if network == Network::Ipv4 { 20 } else { 0 };
                    let marks = bytes.marks;
                    let contradicts = marks.contains(&0) && marks.len() > 1;
                    if contradicts || header + bytes.end > 65_535 {
                        let mut gone: Vec<_> =
                            fragments.iter().map(|f| Told::Gone(f.1, Reason::FragmentMalformed)).collect();
                        gone.sort_by_key(|told| matches!(told, Told::Gone(item, _) if *item == number));
                        return gone;
                    }
                    vec![Told::Whole(fragments.iter().map(|fragment| fragment.1).collect(), bytes.end)]
                }
            };
        };
        let mut gone = Vec::new();
        if kills {
            let mut bytes = self.datagrams.remove(&identification).expect("it is there");
            bytes.fragments.sort_unstable();
            gone.extend(bytes.fragments.iter().map(|fragment| Told::Gone(fragment.1, reason)));
        }
        gone.push(Told::Gone(number, reason));
        gone
    }
}

impl Bytes {
    /// Why it is dropped, and whether all of its datagram is.
    fn take(&mut self, network: Network, piece: &Piece, number: usize) -> Result<(), (Reason, bool)> {
        let malformed = Err((Reason::FragmentMalformed, network == Network::Ipv4));
        let beyond = piece.end > self.end;
        if self.last && (beyond || !piece.more && piece.end != self.end)
            || !piece.more && piece.end < self.end
        {
            return malformed;
        }
        self.last |= !piece.more;
        self.end = self.end.max(piece.end);
        if piece.start == piece.end {
            return malformed;
        }
        let here: Vec<Option<usize>> =
            (piece.start..piece.end).map(|byte| self.runs.get(&byte).copied()).collect();
        let last_run = self.runs.last_key_value().map(|(byte, run)| (byte + 1, *run));
        let run = match last_run {
            None => number,
            Some((end, run)) if piece.end > end => {
                if here.iter().any(Option::is_some) {
                    return Err((Reason::FragmentOverlap, true));
                }
                if piece.start == end { run } else { number }
            }
            Some(_) if here.iter().all(Option::is_none) => number,
            Some(_) if here[0].is_some() && here.iter().all(|run| *run == here[0]) => {
                return Err((Reason::FragmentDuplicate, false));
            }
            Some(_) => return Err((Reason::FragmentOverlap, true)),
        };
        self.runs.extend((piece.start..piece.end).map(|byte| (byte, run)));
        self.fragments.push((piece.start, number));
        self.marks.insert(piece.congestion);
        Ok(())
    }

    fn whole(&self) -> Option<Vec<(u32, usize)>> {
        (self.last && self.runs.len() as u32 == self.end && self.end > 0).then(|| self.fragments.clone())
    }
}
