//! Which statements has each element of a set for itself? A few lists, and for each element the number of its own.

use super::Statement;

/// The statements of elements, by element. Elements that do the same share a list.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    lists: Vec<Vec<Statement>>,
    /// By element.
    numbers: Vec<u32>,
}

impl Lists {
    /// Those of the next element.
    pub fn push(&mut self, list: Vec<Statement>) {
        let known = self.lists.iter().take(MOST_COMPARED).position(|known| *known == list);
        let number = known.unwrap_or_else(|| {
            self.lists.push(list);
            self.lists.len() - 1
        });
        self.numbers.push(number as u32);
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

/// Lists that the next one is compared with.
const MOST_COMPARED: usize = 16;

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
}
