//! Which number comes next, for a rule that counts packets off (`numgen inc`)? One counter a rule, over all workers.

use config::policy::{Field, Load, Operand, Policy, Statement, Value};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The counters of all rules that have one.
#[derive(Debug, Default)]
pub struct Numbers {
    /// By rule and draw, the least first; with the number that comes next.
    rules: Box<[((u32, u8), AtomicU32)]>,
    /// What rules look for that is too long for a field.
    lists: Box<[Vec<Value>]>,
}

impl Numbers {
    /// Those of `policy`, each at its beginning.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let mut rules = Vec::new();
        for (number, rule) in (0u32..).zip(&policy.rules) {
            for statement in &rule.statements {
                each_field(statement, |field| {
                    if let Load::Number { random: false, draw, .. } = field.load {
                        rules.push((number, draw));
                    }
                });
            }
        }
        rules.sort_unstable();
        rules.dedup();
        Self {
            rules: rules.into_iter().map(|draw| (draw, AtomicU32::new(0))).collect(),
            lists: policy.lists.clone().into(),
        }
    }

    /// Whether no rule has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether these are the lists.
    pub(crate) fn have(&self, lists: &[Vec<Value>]) -> bool {
        *self.lists == *lists
    }

    /// The values of list number `list`.
    pub(crate) fn list(&self, list: u16) -> Option<&[Value]> {
        self.lists.get(usize::from(list)).map(Vec::as_slice)
    }

    /// The next number of this draw of the rule, below `modulus`.
    pub(crate) fn next(&self, rule: u32, draw: u8, modulus: u32) -> Option<u32> {
        let found = self.rules.binary_search_by_key(&(rule, draw), |&(draw, _)| draw).ok()?;
        let after = |number| if number + 1 < modulus { number + 1 } else { 0 };
        self.rules[found].1.fetch_update(Relaxed, Relaxed, |number| Some(after(number))).ok()
    }
}

/// Calls `with` for every field that a statement reads.
pub fn each_field(statement: &Statement, mut with: impl FnMut(&Field)) {
    let (key, operand): (&[Field], Option<&Operand>) = match statement {
        Statement::Match(condition) => (&condition.key, None),
        Statement::VerdictMap { key, .. } | Statement::Object { key, .. } => (key, None),
        Statement::Set(_, operand) => (&[], Some(operand)),
        Statement::Update(update) => (&update.key, update.data.as_ref()),
        _ => (&[], None),
    };
    key.iter().for_each(&mut with);
    if let Some(operand) = operand {
        each_field_of(operand, &mut with);
    }
}

fn each_field_of(operand: &Operand, with: &mut dyn FnMut(&Field)) {
    match operand {
        Operand::Constant(_) => {}
        Operand::Field(field) => with(field),
        Operand::Map { key, .. } => key.iter().for_each(with),
        Operand::Bits(_, both) => {
            each_field_of(&both.0, with);
            each_field_of(&both.1, with);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn goes_up_and_begins_again() {
        let numbers = Numbers {
            rules: Box::new([((3, 1), AtomicU32::new(0)), ((7, 0), AtomicU32::new(0))]),
            ..Numbers::default()
        };
        let seen: Vec<_> = (0..5).map(|_| numbers.next(7, 0, 3).unwrap()).collect();
        assert_eq!(seen, [0, 1, 2, 0, 1]);
        assert_eq!(numbers.next(3, 1, 3), Some(0), "each rule has its own");
        assert_eq!(numbers.next(3, 1, 1), Some(1), "whatever it was asked before");
        assert_eq!(numbers.next(3, 0, 3), None);
    }
}
