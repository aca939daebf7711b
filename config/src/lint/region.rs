//! Which packets? Those whose fields each have one of some values: a box. Fields are told apart by what is read
//! and how it is masked, and are taken as independent; that two of them may hang together can only hide a finding.

use std::collections::HashMap;
use std::sync::Arc;

use super::values::Values;
use crate::policy::{Field, Value};

/// The number of a field.
pub(super) type Dimension = u16;

/// The fields that the rules look at.
#[derive(Debug, Default)]
pub(super) struct Dimensions {
    fields: Vec<Field>,
    index: HashMap<Field, Dimension>,
}

impl Dimensions {
    /// The number of `field`, given now if it has none.
    pub(super) fn number(&mut self, field: &Field) -> Dimension {
        if let Some(&known) = self.index.get(field) {
            return known;
        }
        let number = Dimension::try_from(self.fields.len()).unwrap_or(Dimension::MAX);
        self.fields.push(*field);
        self.index.insert(*field, number);
        number
    }

    pub(super) fn field(&self, dimension: Dimension) -> &Field {
        &self.fields[usize::from(dimension)]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Dimension, &Field)> {
        (0..).zip(&self.fields)
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }
}

/// What one packet has in every dimension; `None` is a field it lacks.
pub(super) type Point = Vec<Option<Value>>;

/// A box: a dimension without a cell is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Region {
    /// By dimension; no cell is empty.
    cells: Vec<(Dimension, Arc<Values>)>,
}

impl Region {
    pub(super) fn cells(&self) -> impl Iterator<Item = (Dimension, &Values)> {
        self.cells.iter().map(|(dimension, values)| (*dimension, &**values))
    }

    pub(super) fn cell(&self, dimension: Dimension) -> Option<&Values> {
        let at = self.cells.binary_search_by_key(&dimension, |cell| cell.0).ok()?;
        Some(&self.cells[at].1)
    }

    /// The part of this where `dimension` has one of `values`; none if there is none.
    pub(super) fn limited(mut self, dimension: Dimension, values: Arc<Values>) -> Option<Self> {
        match self.cells.binary_search_by_key(&dimension, |cell| cell.0) {
            Ok(at) => {
                let both = self.cells[at].1.and(&values);
                if both.is_empty() {
                    return None;
                }
                self.cells[at].1 = Arc::new(both);
            }
            Err(_) if values.is_empty() => return None,
            Err(at) => self.cells.insert(at, (dimension, values)),
        }
        Some(self)
    }

    /// What is in both, if anything.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        if !self.meets(other) {
            return None;
        }
        let mut both = self.clone();
        for (dimension, values) in &other.cells {
            both = both.limited(*dimension, Arc::clone(values))?;
        }
        Some(both)
    }

    /// Whether anything is in both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
            match left.0.cmp(&right.0) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal => {
                    if !Arc::ptr_eq(&left.1, &right.1) && !left.1.meets(&right.1) {
                        return false;
                    }
                    a.next();
                    b.next();
                }
            }
        }
        true
    }

    /// Whether all of `other` is in this.
    pub(super) fn holds(&self, other: &Self, dimensions: &Dimensions) -> bool {
        self.cells.iter().all(|(dimension, values)| match other.cell(*dimension) {
            Some(cell) => values.holds(cell),
            None => values.holds(&Values::everything(dimensions.field(*dimension).width)),
        })
    }

    /// What is in this and not in `other`, in boxes that do not overlap.
    pub(super) fn without(&self, other: &Self, dimensions: &Dimensions) -> Vec<Self> {
        if !self.meets(other) {
            return vec![self.clone()];
        }
        let mut pieces = Vec::new();
        let mut rest = self.clone();
        for (dimension, values) in &other.cells {
            let width = dimensions.field(*dimension).width;
            let outside = match rest.cell(*dimension) {
                Some(cell) => cell.without(values),
                None => Values::everything(width).without(values),
            };
            if outside.is_empty() {
                continue;
            }
            pieces.extend(rest.clone().limited(*dimension, Arc::new(outside)));
            match rest.limited(*dimension, Arc::clone(values)) {
                Some(inside) => rest = inside,
                None => break,
            }
        }
        pieces
    }

    pub(super) fn contains(&self, point: &[Option<Value>]) -> bool {
        self.cells.iter().all(|(dimension, values)| values.contains(point[usize::from(*dimension)]))
    }
}
