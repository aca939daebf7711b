//! Which number comes next, for a rule that counts packets off (`numgen inc`)? One counter a rule, over all workers.

use config::policy::{Field, Load, Operand, Policy, Statement};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The counters of all rules that have one.
#[derive(Debug, Default)]
pub struct Numbers {
    /// By rule, the least first; with the number that comes next.
    rules: Box<[(u32, AtomicU32)]>,
}

impl Numbers {
    /// Those of `policy`, each at its beginning.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let counts = |field: &Field| matches!(field.load, Load::Number { random: false, .. });
        let rules = (0u32..).zip(&policy.rules).filter(|(_, rule)| {
            let mut found = false;
            rule.statements
                .iter()
                .for_each(|statement| each_field(statement, |field| found |= counts(field)));
            found
        });
        Self { rules: rules.map(|(rule, _)| (rule, AtomicU32::new(0))).collect() }
    }

    /// Whether no rule has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The next number of this rule, below `modulus`.
    pub(crate) fn next(&self, rule: u32, modulus: u32) -> Option<u32> {
        let found = self.rules.binary_search_by_key(&rule, |&(rule, _)| rule).ok()?;
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
        let numbers = Numbers { rules: Box::new([(3, AtomicU32::new(0)), (7, AtomicU32::new(0))]) };
        let seen: Vec<_> = (0..5).map(|_| numbers.next(7, 3).unwrap()).collect();
        assert_eq!(seen, [0, 1, 2, 0, 1]);
        assert_eq!(numbers.next(3, 3), Some(0), "each rule has its own");
        assert_eq!(numbers.next(3, 1), Some(1), "whatever it was asked before");
        assert_eq!(numbers.next(4, 3), None);
    }
}
