//! How are the things of a table found by name without losing their order?

use std::collections::HashMap;

/// Things with names, in the order they came; found by name in constant time.
#[derive(Debug, Clone)]
pub struct Named<T> {
    items: Vec<Option<T>>,
    index: HashMap<Box<str>, usize>,
}

impl<T> Named<T> {
    /// The thing called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.items[*self.index.get(name)?].as_ref()
    }

    /// The thing called `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.items[*self.index.get(name)?].as_mut()
    }

    /// Whether something is called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The thing called `name`, made and put last if there is none.
    pub fn get_or_insert_with(&mut self, name: &str, make: impl FnOnce() -> T) -> &mut T {
        let at = match self.index.get(name) {
            Some(&at) => at,
            None => {
                self.items.push(None);
                self.index.insert(name.into(), self.items.len() - 1);
                self.items.len() - 1
            }
        };
        self.items[at].get_or_insert_with(make)
    }

    /// Puts `item` last; what bore the name before is returned.
    pub fn insert(&mut self, name: &str, item: T) -> Option<T> {
        let before = self.remove(name);
        self.index.insert(name.into(), self.items.len());
        self.items.push(Some(item));
        before
    }

    /// Takes the thing called `name` away.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        self.items[self.index.remove(name)?].take()
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        self.items.clear();
        self.index.clear();
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    /// Everything, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().flatten()
    }

    /// The names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(AsRef::as_ref)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { items: Vec::new(), index: HashMap::new() }
    }
}
