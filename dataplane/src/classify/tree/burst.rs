//! Which is the first box for each of a burst of points? All go down the trees side by side, a level at a time, so that
//! one's loads are under way while another's bits are taken apart; then leaf after leaf is compared. With AVX-512 all of it is
//! done for several points at once ([`super::wide`]).

use super::leaves::{AT_ONCE, BLOCK, Line, MOST_LINES, Pattern, label};
use super::{Cell, Forest, MOST_AXES, NONE, Root};
use crate::io::BURST;

/// The coordinates of a burst of points, dimension by dimension.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(in crate::classify) struct Points {
    pub(super) lanes: [[u32; BURST]; MOST_AXES],
    pub(super) count: usize,
}

/// Where each of a burst of points is.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Cells(pub(super) [Cell; BURST]);

impl Default for Cells {
    #[inline(always)]
    fn default() -> Self {
        Self([Cell::default(); BURST])
    }
}

/// With what leaves are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compares {
    /// A box at a time.
    Portably,
    /// Four boxes at a time, with AVX2.
    #[cfg(target_arch = "x86_64")]
    Middle(super::middle::Has),
    /// Eight boxes at a time, sixteen points abreast, with AVX-512.
    #[cfg(target_arch = "x86_64")]
    Wide(super::wide::Has),
}

impl Compares {
    /// The best that this processor has.
    pub(super) fn here() -> Self {
        Self::all_here().next().unwrap_or(Self::Portably)
    }

    /// All that this processor has, the best first.
    pub(super) fn all_here() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = {
            let wide = super::wide::Has::detected().map(Self::Wide);
            wide.into_iter().chain(super::middle::Has::detected().map(Self::Middle))
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = std::iter::empty();
        vectors.chain([Self::Portably])
    }
}

impl Points {
    /// None.
    pub(in crate::classify) const fn new() -> Self {
        Self { lanes: [[0; BURST]; MOST_AXES], count: 0 }
    }

    /// Forgets all points.
    pub(in crate::classify) const fn clear(&mut self) {
        self.count = 0;
    }

    /// A coordinate of point number `number`. There are then as many points as that, at least; what is not said of them
    /// may be anything.
    #[inline(always)]
    pub(in crate::classify) fn set(&mut self, number: usize, axis: usize, lane: u32) {
        self.lanes[axis % MOST_AXES][number % BURST] = lane;
        self.count = self.count.max(number % BURST + 1);
    }

    /// So many points, whose coordinates are set dimension by dimension.
    #[inline]
    pub(in crate::classify) fn set_count(&mut self, count: usize) {
        self.count = count.min(BURST);
    }

    /// This coordinate of all points.
    #[inline]
    pub(in crate::classify) fn set_all(&mut self, axis: usize, lanes: &[u32; BURST]) {
        self.lanes[axis % MOST_AXES] = *lanes;
    }
}

impl Forest {
    /// The label of the first box that holds each point, all of whose coordinates exist; [`NONE`] if there is none.
    #[inline]
    pub(in crate::classify) fn first(&self, points: &Points, into: &mut [u32; BURST]) {
        match self.compares {
            Compares::Portably => self.first_portably(points, into),
            #[cfg(target_arch = "x86_64")]
            Compares::Middle(has) => has.first(self, points, into),
            #[cfg(target_arch = "x86_64")]
            Compares::Wide(has) => has.first(self, points, into),
        }
    }

    /// As [`Self::first`], without vectors.
    pub(super) fn first_portably(&self, points: &Points, into: &mut [u32; BURST]) {
        let [_, lines] = self.layout.lines();
        let mut patterns = [[Pattern::default(); BURST]; MOST_LINES];
        for (line, patterns) in patterns.iter_mut().enumerate().take(lines) {
            self.layout.patterns_of(points, line, patterns);
        }
        into[..points.count].fill(NONE);
        for root in &self.roots {
            let mut cells = Cells::default();
            self.descend(root, points, &mut cells);
            for (number, (cell, into)) in cells.0.iter().zip(into.iter_mut()).enumerate().take(points.count) {
                let (begin, blocks, _) = cell.leaf();
                for block in self.leaves[begin..].chunks_exact(lines).take(blocks) {
                    let found = self.layout.holding(block, |line| patterns[line % MOST_LINES][number]);
                    if found != 0 {
                        *into = (*into).min(label(block, found.trailing_zeros() as usize));
                        break;
                    }
                }
            }
        }
    }

    /// The boxes of so many blocks, one or [`AT_ONCE`], that begin at this line that hold the point, a bit for each.
    #[inline]
    pub(super) fn holding(&self, start: usize, count: usize, patterns: &[Pattern; MOST_LINES]) -> u32 {
        let [_, lines] = self.layout.lines();
        let blocks = &self.leaves[start..start + count.min(AT_ONCE) * lines];
        let one_by_one = |holding: &dyn Fn(&[Line]) -> u32| {
            let blocks = (0..).zip(blocks.chunks_exact(lines));
            blocks.fold(0, |found, (number, block)| found | holding(block) << (number * BLOCK))
        };
        match self.compares {
            Compares::Portably => {
                one_by_one(&|block| self.layout.holding(block, |line| patterns[line % MOST_LINES]))
            }
            #[cfg(target_arch = "x86_64")]
            Compares::Middle(has) => one_by_one(&|block| has.holding(&self.layout, block, patterns)),
            #[cfg(target_arch = "x86_64")]
            Compares::Wide(has) => has.holding(&self.layout, blocks, patterns),
        }
    }

    /// Takes the points down to leaves.
    #[inline(always)]
    pub(super) fn descend(&self, root: &Root, points: &Points, cells: &mut Cells) {
        if root.cell.is_leaf() {
            cells.0.fill(root.cell);
            return;
        }
        // the first step is the same for all
        let mut children = [root.cell.first() as u32; BURST];
        let mut stride = 1;
        for cut in root.cuts.into_iter().flatten() {
            for (child, &lane) in children.iter_mut().zip(&points.lanes[cut.axis()]) {
                *child += stride * cut.place(lane);
            }
            stride *= cut.places() as u32;
        }
        let Cells(cells) = cells;
        for (cell, child) in cells.iter_mut().zip(children).take(points.count) {
            *cell = self.cells[child as usize];
        }
        // those that are not in a leaf yet
        let mut under_way = [0u8; BURST];
        let mut count = 0;
        for (number, cell) in (0..).zip(cells.iter()).take(points.count) {
            under_way[count % BURST] = number;
            count += usize::from(!cell.is_leaf());
        }
        while count > 0 {
            let mut still = 0;
            for at in 0..count {
                let number = under_way[at % BURST];
                let place = usize::from(number) % BURST;
                let cell = cells[place];
                let next = self.cells[cell.first() + cell.place(points.lanes[cell.axis()][place]) as usize];
                cells[place] = next;
                under_way[still % BURST] = number;
                still += usize::from(!next.is_leaf());
            }
            count = still;
        }
    }
}
