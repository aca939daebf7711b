//! Which statements has each element of a set for itself? A few lists, and for each element the number of its own and
//! what it begins from.

use std::collections::HashMap;

use super::Statement;

/// The statements of elements, by element. Elements that do the same share a list.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    lists: Vec<Vec<Statement>>,
    /// By their kinds and objects.
    known: HashMap<Vec<(u8, u32)>, u32>,
    /// By element.
    numbers: Vec<u32>,
    /// So many for each element; empty if all begin as the templates say.
    starts: Vec<Start>,
    /// How many.
    wide: usize,
}

/// What a statement of one element begins from besides what its template says: packets and bytes of a counter; bytes
/// used of a quota and 0.
pub type Start = [u64; 2];

impl Lists {
    /// Those of the next element, each beginning as its template says.
    pub fn push(&mut self, list: Vec<Statement>) {
        self.push_from(list, &[]);
    }

    /// Those of the next element, and what they begin from: as many, or none.
    pub fn push_from(&mut self, list: Vec<Statement>, starts: &[Start]) {
        let key: Option<Vec<(u8, u32)>> = list.iter().map(object).collect();
        let known = key.as_ref().and_then(|key| self.known.get(key).copied());
        let number = known.unwrap_or_else(|| {
            let number = self.lists.len() as u32;
            self.known.extend(key.map(|key| (key, number)));
            self.lists.push(list);
            number
        });
        if starts.iter().any(|start| *start != [0; 2]) {
            self.widen(starts.len());
            self.starts.resize(self.numbers.len() * self.wide, [0; 2]);
            self.starts.extend(starts);
        }
        self.numbers.push(number);
        if !self.starts.is_empty() {
            self.starts.resize(self.numbers.len() * self.wide, [0; 2]);
        }
    }

    /// Gives each element room for so many.
    fn widen(&mut self, wide: usize) {
        if wide > self.wide {
            let count = self.starts.len().checked_div(self.wide).unwrap_or(0);
            let mut widened = vec![[0; 2]; count * wide];
            let rows = widened.chunks_mut(wide).zip(self.starts.chunks(self.wide.max(1)));
            rows.for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
            (self.starts, self.wide) = (widened, wide);
        }
    }

    /// Elements up to this number have none where nothing was said.
    pub fn fill(&mut self, count: usize) {
        (self.numbers.len()..count).for_each(|_| self.push(Vec::new()));
    }

    /// For how many elements something is said: all, or none.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no element has any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Those of an element.
    #[must_use]
    pub fn of(&self, element: usize) -> &[Statement] {
        self.numbers.get(element).map_or(&[], |number| &self.lists[*number as usize])
    }

    /// What they begin from; none if that is what the templates say.
    #[must_use]
    pub fn starts_of(&self, element: usize) -> &[Start] {
        self.starts.get(element * self.wide..(element + 1) * self.wide).unwrap_or_default()
    }

    /// Every list.
    #[must_use]
    pub fn lists(&self) -> &[Vec<Statement>] {
        &self.lists
    }

    /// The number of each element's list.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Leaves those of these elements, in this order.
    pub fn keep(&mut self, kept: &[u32]) {
        if !self.starts.is_empty() {
            let starts = kept.iter().flat_map(|&element| self.starts_of(element as usize));
            self.starts = starts.copied().collect();
        }
        self.numbers =
            kept.iter().filter_map(|&element| self.numbers.get(element as usize).copied()).collect();
    }
}

impl FromIterator<Vec<Statement>> for Lists {
    fn from_iter<T: IntoIterator<Item = Vec<Statement>>>(elements: T) -> Self {
        let mut lists = Self::default();
        elements.into_iter().for_each(|list| lists.push(list));
        lists
    }
}

/// A statement by its kind and the number of its object, if it is of a kind that elements have.
const fn object(statement: &Statement) -> Option<(u8, u32)> {
    match statement {
        Statement::Counter(id) => Some((0, id.0)),
        Statement::Limit(id) => Some((1, id.0)),
        Statement::Quota(id) => Some((2, id.0)),
        Statement::ConnectionLimit(id) => Some((3, id.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Lists;
    use crate::policy::{CounterId, Statement};

    #[test]
    fn elements_that_do_the_same_share_a_list() {
        let counts = |id| vec![Statement::Counter(CounterId(id))];
        let mut lists: Lists = [counts(1), counts(2), counts(1)].into_iter().collect();
        lists.fill(5);
        assert_eq!((lists.len(), lists.lists().len()), (5, 3));
        lists.keep(&[4, 2, 1]);
        assert_eq!([0, 1, 2].map(|element| lists.of(element).to_vec()), [vec![], counts(1), counts(2)]);
        assert!(lists.of(3).is_empty());
    }

    #[test]
    fn what_elements_begin_from_stays_with_them() {
        let list = |count: u32| (0..count).map(|id| Statement::Counter(CounterId(id))).collect::<Vec<_>>();
        let mut lists = Lists::default();
        lists.push(list(1));
        lists.push_from(list(1), &[[7, 70]]);
        lists.push_from(list(2), &[[0, 0], [8, 80]]);
        lists.push_from(list(2), &[[0, 0], [0, 0]]);
        lists.fill(5);
        let starts = |lists: &Lists, element| lists.starts_of(element).to_vec();
        assert_eq!(lists.lists().len(), 3);
        assert_eq!(starts(&lists, 0), [[0, 0], [0, 0]]);
        assert_eq!(starts(&lists, 1), [[7, 70], [0, 0]]);
        assert_eq!(starts(&lists, 2), [[0, 0], [8, 80]]);
        assert_eq!(starts(&lists, 4), [[0, 0], [0, 0]]);
        lists.keep(&[4, 2, 1]);
        assert_eq!([0, 1, 2].map(|n| starts(&lists, n)[1]), [[0, 0], [8, 80], [0, 0]]);
        assert_eq!([0, 1, 2].map(|n| starts(&lists, n)[0]), [[0, 0], [0, 0], [7, 70]]);
        assert!(starts(&[list(1), list(2)].into_iter().collect(), 1).is_empty());
    }
}
